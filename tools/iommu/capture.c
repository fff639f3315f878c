// SPDX-License-Identifier: GPL-2.0-or-later
/* What of a machine goes into a record. */
/*
 * How this works
 *
 * The tables below list what iommu/ and src/host read of a machine: a record
 * has that and nothing else, so it cannot tell more than its commands show. A
 * file keeps its place in sysfs, with the links by which it is found; what
 * cannot be read by this user is missing in the record as it is on the machine.
 *
 * A function's link in sys/bus/pci/devices is written last, and only if the
 * function is still there then: one that was unplugged meanwhile leaves some
 * files behind, but is not among the record's functions.
 *
 * Not recorded: processes, limits and permissions, which say nothing elsewhere,
 * and addresses of interfaces.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "tools/iommu/capture.h"
#include "tools/iommu/record.h"
#include "tools/iommu/scrub.h"

enum { TEXT_LEN = 64 << 10, DIR_LEN = 1024 };

struct capture {
	const struct host *h;
	struct pack *p;
	struct capture_sum *sum;
	const char *dir;    /* that is being looked at */
	char buf[TEXT_LEN]; /* of the file that is being read */
};

/* --- files and links --- */

static void take_file(struct capture *c, const char *dir, const char *name)
{
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	n = host_read_bytes(c->h, c->buf, sizeof(c->buf), "%s", path);
	if (n >= 0)
		pack_text(c->p, path, c->buf, (size_t)n);
}

static void take_files(struct capture *c, const char *dir,
		       const char *const *names, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		take_file(c, dir, names[i]);
}

static void take_link(struct capture *c, const char *dir, const char *name)
{
	char path[PATH_MAX], target[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (host_link_target(c->h, target, sizeof(target), "%s", path) > 0)
		pack_link(c->p, path, target);
}

/* dir/target without "..", as sysfs has its links. */
static void join(const char *dir, const char *target, char *out, size_t len)
{
	size_t n = (size_t)snprintf(out, len, "%s", dir);

	for (; !strncmp(target, "../", 3); target += 3) {
		while (n && out[n - 1] != '/')
			n--;
		n -= n > 0;
	}
	snprintf(out + n, len - n, "%s%s", n ? "/" : "", target);
}

/* Where dir/name leads to; itself if it is no link. */
static void resolve(const struct capture *c, const char *dir, const char *name,
		    char *out, size_t len)
{
	char target[PATH_MAX];

	if (host_link_target(c->h, target, sizeof(target), "%s/%s", dir, name) >
	    0)
		join(dir, target, out, len);
	else
		snprintf(out, len, "%s/%s", dir, name);
}

/* Calls fn for each entry of dir, which it finds in c->dir. */
static void each(struct capture *c, const char *dir,
		 int (*fn)(const char *name, void *arg))
{
	c->dir = dir;
	host_each_name(c->h, fn, c, "%s", dir);
}

static int take_each_link(const char *name, void *arg)
{
	struct capture *c = arg;

	take_link(c, c->dir, name);
	return 0;
}

/* --- functions --- */

static int take_vf_link(const char *name, void *arg)
{
	struct capture *c = arg;

	if (!strncmp(name, "virtfn", 6))
		take_link(c, c->dir, name);
	return 0;
}

static void take_config(struct capture *c, const char *dir)
{
	char path[PATH_MAX];
	uint8_t cfg[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/config", dir);
	n = host_read_bytes(c->h, cfg, sizeof(cfg), "%s", path);
	if (n < 0)
		n = 0;
	c->sum->nr_short += n <= 64;
	if (!n)
		return;
	scrub_config(cfg, (size_t)n);
	pack_bytes(c->p, path, cfg, (size_t)n);
}

#define PCI_DIR "sys/bus/pci/devices"

static int take_function(const char *name, void *arg)
{
	static const char *const files[] = {
		"vendor",
		"device",
		"class",
		"revision",
		"subsystem_vendor",
		"subsystem_device",
		"driver_override",
		"numa_node",
		"boot_vga",
		"reset_method",
		"sriov_totalvfs",
		"sriov_numvfs",
		"sriov_offset",
		"sriov_stride",
		"sriov_vf_device",
		"sriov_drivers_autoprobe",
	};
	static const char *const links[] = { "driver", "iommu_group", "iommu",
					     "physfn" };
	struct capture *c = arg;
	char dir[DIR_LEN];

	resolve(c, PCI_DIR, name, dir, sizeof(dir));
	take_files(c, dir, files, ARRAY_SIZE(files));
	take_config(c, dir);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		take_link(c, dir, links[i]);
	if (host_exists(c->h, "%s/sriov_numvfs", dir))
		each(c, dir, take_vf_link);
	if (!host_exists(c->h, PCI_DIR "/%s/vendor", name))
		return 0;
	take_link(c, PCI_DIR, name);
	c->sum->nr_functions++;
	return 0;
}

static int take_dir(const char *name, void *arg)
{
	struct capture *c = arg;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", c->dir, name);
	pack_dir(c->p, path);
	return 0;
}

/* --- groups and IOMMUs --- */

#define GROUP_DIR "sys/kernel/iommu_groups"

static int take_group(const char *name, void *arg)
{
	static const char *const files[] = { "type", "name",
					     "reserved_regions" };
	struct capture *c = arg;
	char dir[DIR_LEN];

	snprintf(dir, sizeof(dir), GROUP_DIR "/%s", name);
	take_files(c, dir, files, ARRAY_SIZE(files));
	strcat(dir, "/devices");
	each(c, dir, take_each_link);
	c->sum->nr_groups++;
	return 0;
}

static int take_iommu(const char *name, void *arg)
{
	static const char *const files[] = {
		"intel-iommu/version", "intel-iommu/cap",    "intel-iommu/ecap",
		"amd-iommu/cap",       "amd-iommu/features",
	};
	struct capture *c = arg;
	char dir[DIR_LEN];

	resolve(c, "sys/class/iommu", name, dir, sizeof(dir));
	pack_dir(c->p, dir);
	take_files(c, dir, files, ARRAY_SIZE(files));
	take_link(c, "sys/class/iommu", name);
	return 0;
}

/* --- interfaces and disks --- */

/* On PCI, or an NVMe head that stands for some that are. */
static bool is_wanted(const char *dir)
{
	return strncmp(dir, "sys/devices/virtual/", 20) != 0 ||
	       !strncmp(dir, "sys/devices/virtual/nvme-subsystem/", 35);
}

static int take_upper(const char *name, void *arg)
{
	struct capture *c = arg;

	if (!strncmp(name, "upper_", 6))
		take_link(c, c->dir, name);
	return 0;
}

static int take_interface(const char *name, void *arg)
{
	struct capture *c = arg;
	char dir[DIR_LEN];

	resolve(c, "sys/class/net", name, dir, sizeof(dir));
	if (!is_wanted(dir))
		return 0;
	take_file(c, dir, "flags");
	take_file(c, dir, "operstate");
	take_link(c, dir, "master");
	take_link(c, dir, "device");
	each(c, dir, take_upper);
	take_link(c, "sys/class/net", name);
	return 0;
}

static int take_disk(const char *name, void *arg)
{
	struct capture *c = arg;
	char dir[DIR_LEN], holders[DIR_LEN + 16];

	resolve(c, "sys/class/block", name, dir, sizeof(dir));
	if (!is_wanted(dir))
		return 0;
	take_file(c, dir, "dev");
	snprintf(holders, sizeof(holders), "%s/holders", dir);
	each(c, holders, take_each_link);
	take_link(c, "sys/class/block", name);
	return 0;
}

/* The UUID of a btrfs becomes a number. */
struct btrfs {
	struct capture *c;
	unsigned int nr;
};

static int take_btrfs_disk(const char *name, void *arg)
{
	const struct btrfs *b = arg;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "sys/fs/btrfs/%u/devices/%s", b->nr, name);
	pack_dir(b->c->p, path);
	return 0;
}

static int take_btrfs(const char *uuid, void *arg)
{
	struct btrfs *b = arg;

	b->nr++;
	host_each_name(b->c->h, take_btrfs_disk, b, "sys/fs/btrfs/%s/devices",
		       uuid);
	return 0;
}

/* --- lines of text files --- */

/* A file of the lines that a filter leaves. */
struct lines {
	struct capture *c;
	bool (*filter)(const char *line, char *out, size_t len);
	size_t len;
};

static int take_line(char *line, void *arg)
{
	struct lines *l = arg;
	char out[1024];
	size_t n;

	if (!l->filter(line, out, sizeof(out)))
		return 0;
	n = strlen(out);
	if (l->len + n > sizeof(l->c->buf))
		return 1;
	memcpy(l->c->buf + l->len, out, n);
	l->len += n;
	return 0;
}

static void take_lines(struct capture *c, const char *path, const char *head,
		       bool (*filter)(const char *line, char *out, size_t len))
{
	struct lines l = { .c = c, .filter = filter, .len = strlen(head) };

	memcpy(c->buf, head, l.len);
	if (host_each_line(c->h, take_line, &l, "%s", path) >= 0)
		pack_text(c->p, path, c->buf, l.len);
}

/* One line for all CPUs, and the one flag that counts. */
static int take_cpu(char *line, void *arg)
{
	struct capture *c = arg;
	size_t n = strlen(c->buf);

	if (!strncmp(line, "vendor_id", 9))
		snprintf(c->buf + n, sizeof(c->buf) - n, "%s\n", line);
	if (strncmp(line, "flags", 5))
		return 0;
	snprintf(c->buf + n, sizeof(c->buf) - n, "flags\t\t: fpu%s end\n",
		 strstr(line, " hypervisor") ? " hypervisor" : "");
	return 1;
}

static bool is_about_vfio(const char *line, char *out, size_t len)
{
	return strstr(line, "vfio") &&
	       (size_t)snprintf(out, len, "%s\n", line) < len;
}

static void take_module_lists(struct capture *c)
{
	char release[HOST_NAME_LEN], path[PATH_MAX];

	if (host_read(c->h, release, sizeof(release),
		      "proc/sys/kernel/osrelease") < 0)
		return;
	take_file(c, "proc/sys/kernel", "osrelease");
	snprintf(path, sizeof(path), "lib/modules/%s/modules.dep", release);
	take_lines(c, path, "", is_about_vfio);
	snprintf(path, sizeof(path), "lib/modules/%s/modules.builtin", release);
	take_lines(c, path, "", is_about_vfio);
}

static void take_proc(struct capture *c)
{
	char words[4096];

	if (host_read(c->h, c->buf, sizeof(c->buf), "proc/cmdline") >= 0) {
		scrub_cmdline(c->buf, words, sizeof(words));
		pack_text(c->p, "proc/cmdline", words, strlen(words));
	}
	c->buf[0] = '\0';
	host_each_line(c->h, take_cpu, c, "proc/cpuinfo");
	pack_text(c->p, "proc/cpuinfo", c->buf, strlen(c->buf));
	take_lines(c, "proc/self/mountinfo", "", scrub_mount);
	take_lines(c, "proc/swaps", "Filename Type Size Used Priority\n",
		   scrub_swap);
	take_lines(c, "proc/net/route", "", scrub_route);
	take_module_lists(c);
}

/* --- modules --- */

static int take_parameter(const char *name, void *arg)
{
	struct capture *c = arg;

	take_file(c, c->dir, name);
	return 0;
}

static int take_module(const char *name, void *arg)
{
	struct capture *c = arg;
	const char *was = c->dir;
	char dir[DIR_LEN];

	if (strncmp(name, "vfio", 4) && strcmp(name, "iommufd"))
		return 0;
	snprintf(dir, sizeof(dir), "sys/module/%s/parameters", name);
	pack_dir(c->p, dir);
	each(c, dir, take_parameter);
	c->dir = was;
	return 0;
}

static void take_acpi(struct capture *c)
{
	static const char *const names[] = { "DMAR", "IVRS", "IORT", "VIOT" };
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "sys/firmware/acpi/tables/%s",
			 names[i]);
		if (host_exists(c->h, "%s", path))
			pack_text(c->p, path, names[i], 4);
	}
}

void capture(const struct host *h, struct pack *p, struct capture_sum *sum)
{
	struct capture c = { .h = h, .p = p, .sum = sum };
	struct btrfs b = { .c = &c };

	*sum = (struct capture_sum){ 0 };
	each(&c, PCI_DIR, take_function);
	each(&c, "sys/bus/pci/drivers", take_dir);
	each(&c, GROUP_DIR, take_group);
	each(&c, "sys/class/iommu", take_iommu);
	each(&c, "sys/module", take_module);
	each(&c, "sys/class/net", take_interface);
	each(&c, "sys/class/block", take_disk);
	host_each_name(h, take_btrfs, &b, "sys/fs/btrfs");
	take_acpi(&c);
	take_proc(&c);
}

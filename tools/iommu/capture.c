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
 * and addresses of interfaces, of which only is noted whether there are any.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "tools/iommu/capture_priv.h"
#include "tools/iommu/record.h"
#include "tools/iommu/scrub.h"

/* --- files and links --- */

void capture_file(struct capture *c, const char *dir, const char *name)
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
		capture_file(c, dir, names[i]);
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

struct names_found {
	char **names;
	size_t nr;
};

static int add_name(const char *name, void *arg)
{
	struct names_found *l = arg;
	char **more = reallocarray(l->names, l->nr + 1, sizeof(*l->names));

	if (!more)
		return 1;
	l->names = more;
	l->names[l->nr] = strdup(name);
	return l->names[l->nr++] ? 0 : 1;
}

static int by_name(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

void capture_each(struct capture *c, const char *dir,
		  int (*fn)(const char *name, void *arg))
{
	struct names_found l = { 0 };
	const char *was = c->dir;

	/* Out of memory it is a part of the record that is missing. */
	if (host_each_name(c->h, add_name, &l, "%s", dir) > 0)
		l.nr -= l.nr && !l.names[l.nr - 1];
	if (l.nr)
		qsort(l.names, l.nr, sizeof(*l.names), by_name);
	for (size_t i = 0; i < l.nr; i++) {
		c->dir = dir;
		fn(l.names[i], c);
		free(l.names[i]);
	}
	free(l.names);
	c->dir = was;
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
	char dir[DIR_LEN], reset[PATH_MAX];

	resolve(c, PCI_DIR, name, dir, sizeof(dir));
	take_files(c, dir, files, ARRAY_SIZE(files));
	take_config(c, dir);
	/* Can be written only; before Linux 5.15 all that says that there is a
	 * reset. */
	snprintf(reset, sizeof(reset), "%s/reset", dir);
	if (host_exists(c->h, "%s", reset))
		pack_text(c->p, reset, "", 0);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		take_link(c, dir, links[i]);
	if (host_exists(c->h, "%s/sriov_numvfs", dir))
		capture_each(c, dir, take_vf_link);
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
	char dir[DIR_LEN], devices[PATH_MAX];

	snprintf(dir, sizeof(dir), GROUP_DIR "/%s", name);
	take_files(c, dir, files, ARRAY_SIZE(files));
	snprintf(devices, sizeof(devices), "%s/devices", dir);
	capture_each(c, devices, take_each_link);
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

/* Of one that is down nobody asks, and each answer is a list of all addresses:
 * there may be thousands of VFs. */
static void note_addr(struct capture *c, const char *dir, const char *name)
{
	char path[PATH_MAX];
	uint64_t flags;
	int has_addr;

	if (host_read_u64(c->h, &flags, "%s/flags", dir) || !(flags & IFF_UP))
		return;
	has_addr = host_if_has_addr(c->h, name);
	if (has_addr < 0)
		return;
	snprintf(path, sizeof(path), "%s/" HOST_RECORD_ADDR, dir);
	if (has_addr)
		pack_text(c->p, path, "yes\n", 4);
	else
		pack_text(c->p, path, "no\n", 3);
}

static int take_interface(const char *name, void *arg)
{
	struct capture *c = arg;
	char dir[DIR_LEN];

	resolve(c, "sys/class/net", name, dir, sizeof(dir));
	if (!is_wanted(dir))
		return 0;
	capture_file(c, dir, "flags");
	capture_file(c, dir, "operstate");
	note_addr(c, dir, name);
	take_link(c, dir, "master");
	take_link(c, dir, "device");
	capture_each(c, dir, take_upper);
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
	capture_file(c, dir, "dev");
	snprintf(holders, sizeof(holders), "%s/holders", dir);
	capture_each(c, holders, take_each_link);
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

void capture(const struct host *h, struct pack *p, struct capture_sum *sum)
{
	struct capture c = { .h = h, .p = p, .sum = sum };
	struct btrfs b = { .c = &c };

	*sum = (struct capture_sum){ 0 };
	capture_each(&c, PCI_DIR, take_function);
	capture_each(&c, "sys/bus/pci/drivers", take_dir);
	capture_each(&c, GROUP_DIR, take_group);
	capture_each(&c, "sys/class/iommu", take_iommu);
	capture_each(&c, "sys/class/net", take_interface);
	capture_each(&c, "sys/class/block", take_disk);
	host_each_name(h, take_btrfs, &b, "sys/fs/btrfs");
	capture_system(&c);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* What of a machine's /proc, modules and firmware goes into a record. */
#include <stdio.h>
#include <string.h>

#include "src/base/bits.h"
#include "tools/iommu/capture_priv.h"
#include "tools/iommu/scrub.h"

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

/* Whether interrupts are remapped shows in the name of the I/O APIC's chip. Of
 * /proc/interrupts only that is kept. */
static bool is_chip(const char *line, char *out, size_t len)
{
	const char *at = strstr(line, "IO-APIC");

	if (!at)
		return false;
	while (at > line && at[-1] != ' ')
		at--;
	return (size_t)snprintf(out, len, "%.*s\n", (int)strcspn(at, " "), at) <
	       len;
}

static void take_interrupts(struct capture *c)
{
	enum { NR_LEGACY = 24 };
	char dir[64];

	for (unsigned int irq = 0; irq < NR_LEGACY; irq++) {
		snprintf(dir, sizeof(dir), "sys/kernel/irq/%u", irq);
		capture_file(c, dir, "chip_name");
	}
	take_lines(c, "proc/interrupts", "", is_chip);
}

static void take_module_lists(struct capture *c)
{
	char release[HOST_NAME_LEN], path[PATH_MAX];

	if (host_read(c->h, release, sizeof(release),
		      "proc/sys/kernel/osrelease") < 0)
		return;
	capture_file(c, "proc/sys/kernel", "osrelease");
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
	take_lines(c, "proc/net/ipv6_route", "", scrub_route6);
	take_interrupts(c);
	take_module_lists(c);
}

/* --- modules --- */

static int take_parameter(const char *name, void *arg)
{
	struct capture *c = arg;

	capture_file(c, c->dir, name);
	return 0;
}

static int take_module(const char *name, void *arg)
{
	struct capture *c = arg;
	char dir[DIR_LEN];

	if (strncmp(name, "vfio", 4) && strcmp(name, "iommufd"))
		return 0;
	snprintf(dir, sizeof(dir), "sys/module/%s/parameters", name);
	pack_dir(c->p, dir);
	capture_each(c, dir, take_parameter);
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

void capture_system(struct capture *c)
{
	capture_each(c, "sys/module", take_module);
	take_acpi(c);
	take_proc(c);
}

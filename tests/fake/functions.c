// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes PCI functions as sysfs shows them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/fake/functions.h"

enum { DIR_LEN = 128 };

/* Where a config space has its capabilities. */
enum {
	EXPRESS_AT = 0x40,
	FIRST_EXT_AT = 0x100,
	ACS_AT = 0x140,
	ARI_AT = 0x160
};

static __attribute__((format(printf, 2, 3))) void line(struct tree *t,
						       const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	tree_add(t, text);
}

static void put(struct tree *t, const char *dir, unsigned int at, uint32_t v,
		unsigned int len)
{
	char bytes[16] = "";

	for (unsigned int i = 0; i < len; i++)
		snprintf(bytes + strlen(bytes), sizeof(bytes) - strlen(bytes),
			 " %02x", v >> 8 * i & 0xff);
	line(t, "%s/config @ %x :%s", dir, at, bytes);
}

/* The chain: AER, ACS, ARI; those that are not there stay "reserved". */
static void add_extended(struct tree *t, const char *dir,
			 const struct function *f)
{
	put(t, dir, FIRST_EXT_AT, 1 | 1 << 16 | ACS_AT << 20, 4);
	put(t, dir, ACS_AT, (f->has_acs ? 0xd : 0xb) | 1 << 16 | ARI_AT << 20,
	    4);
	put(t, dir, ACS_AT + 4, f->acs_cap, 2);
	put(t, dir, ACS_AT + 6, f->acs_ctrl, 2);
	put(t, dir, ARI_AT, (f->has_ari ? 0xe : 0xb) | 1 << 16, 4);
}

static void add_express(struct tree *t, const char *dir,
			const struct function *f)
{
	put(t, dir, 0x06, 0x10, 1); /* status: has capabilities */
	put(t, dir, 0x34, EXPRESS_AT, 1);
	put(t, dir, EXPRESS_AT, 0x10, 1);
	put(t, dir, EXPRESS_AT + 2, 2 | (uint32_t)f->type << 4, 2);
	/* Link: x16 at 16 GT/s possible, x8 at 8 GT/s in use. */
	put(t, dir, EXPRESS_AT + 0xc, 4 | 16 << 4, 4);
	put(t, dir, EXPRESS_AT + 0x12, 3 | 8 << 4, 2);
	put(t, dir, EXPRESS_AT + 0x28, f->forwards_ari ? 0x20 : 0, 1);
}

static void add_config(struct tree *t, const char *dir,
		       const struct function *f)
{
	unsigned int len = f->cfg_len ? f->cfg_len : f->type < 0 ? 256 : 4096;

	line(t, "%s/config : 00*%u", dir, len);
	put(t, dir, 0, f->pf ? UINT32_MAX : 0x00018086, 4);
	put(t, dir, 0x09, f->is_bridge ? 0x060400 : 0x020000, 3);
	put(t, dir, 0x0e, (f->is_bridge ? 1 : 0) | (f->is_multi ? 0x80 : 0), 1);
	if (f->is_bridge)
		put(t, dir, 0x18, 0x050400, 3);
	if (len >= 256 && f->type >= 0)
		add_express(t, dir, f);
	if (len >= 4096)
		add_extended(t, dir, f);
}

/* "../" for each of the directories of a path, and one more. */
static void climb(const char *path, char *out, size_t len)
{
	snprintf(out, len, "../");
	for (; *path; path++)
		if (*path == '/')
			snprintf(out + strlen(out), len - strlen(out), "../");
}

static void add_group(struct tree *t, const char *dir, const char *up,
		      const char *bdf, const struct function *f)
{
	if (f->group < 0)
		return;
	line(t, "%s/iommu_group -> %s../kernel/iommu_groups/%d", dir, up,
	     f->group);
	line(t,
	     "sys/kernel/iommu_groups/%d/devices/%s -> ../../../../devices/%s",
	     f->group, bdf, f->path);
}

void function_add(struct tree *t, const struct function *f)
{
	const char *bdf = strrchr(f->path, '/') + 1;
	char dir[DIR_LEN], up[64];

	snprintf(dir, sizeof(dir), "sys/devices/%s", f->path);
	climb(f->path, up, sizeof(up));
	line(t, "%s/vendor = 0x8086\n%s/device = 0x%s", dir, dir,
	     f->pf ? "0002" : "0001");
	line(t, "%s/class = 0x%s", dir, f->is_bridge ? "060400" : "020000");
	line(t, "%s/driver_override = (null)", dir);
	if (!f->has_no_config)
		add_config(t, dir, f);
	add_group(t, dir, up, bdf, f);
	if (f->driver)
		line(t,
		     "sys/bus/pci/drivers/%s/\n%s/driver -> %s../bus/pci/drivers/%s",
		     f->driver, dir, up, f->driver);
	if (f->pf)
		line(t, "%s/physfn -> ../%s", dir, f->pf);
	line(t, "sys/bus/pci/devices/%s -> ../../../devices/%s", bdf, f->path);
}

void functions_add(struct tree *t, const struct function *fns)
{
	for (; fns->path; fns++)
		function_add(t, fns);
}

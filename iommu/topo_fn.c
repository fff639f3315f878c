// SPDX-License-Identifier: GPL-2.0-or-later
/* One PCI function: what sysfs and its config space say. */
/*
 * How this works
 *
 * Type, link, ACS and ARI are in config space. Who is not root gets its first
 * 64 bytes, which have the IDs, the class and a bridge's buses but no
 * capabilities; the link is in files of sysfs then, and the rest stays unknown.
 * A record may have no config space at all: then there are files for the IDs.
 *
 * Only what is needed is read: 256 bytes at once, and of the extended space
 * just the headers of the chain and the ACS registers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "iommu/priv.h"
#include "iommu/topo.h"
#include "pci/pci.h"
#include "src/base/bits.h"

/* Bytes of config space; a capability takes 8 at least, so that the kernel
 * gives up a chain after as many steps (pci_find_next_ext_capability). */
enum {
	CFG_HEADER = 64,
	CFG_STD = 256,
	CFG_EXT = 4096,
	EXT_MAX_STEPS = (CFG_EXT - CFG_STD) / 8,
};

/* --- config space --- */

static void parse_header(const uint8_t *cfg, struct topo_fn *f)
{
	uint8_t type = cfg[PCI_HEADER_TYPE];

	/* A VF answers 0xffff here (PCIe 6.0 9.3.4.1.1, 9.3.4.1.2). */
	if (get_le(cfg, 4) != UINT32_MAX) {
		f->pci.vendor = (uint16_t)get_le(cfg + PCI_VENDOR_ID, 2);
		f->pci.device = (uint16_t)get_le(cfg + PCI_DEVICE_ID, 2);
	}
	f->pci.class_code = (uint32_t)get_le(cfg + PCI_CLASS_PROG, 3);
	f->is_multifunction = type & 0x80;
	f->header_type = type & PCI_HEADER_TYPE_MASK;
	if (f->header_type != PCI_HEADER_TYPE_BRIDGE &&
	    f->header_type != PCI_HEADER_TYPE_CARDBUS)
		return;
	f->secondary = cfg[PCI_SECONDARY_BUS];
	f->subordinate = cfg[PCI_SUBORDINATE_BUS];
}

/* Codes of PCIe 6.0 7.5.3.6, in 0.1 GT/s. */
static unsigned int link_speed(unsigned int code)
{
	static const unsigned int speeds[] = { 0, 25, 50, 80, 160, 320, 640 };

	return code < ARRAY_SIZE(speeds) ? speeds[code] : 0;
}

static void parse_link(const uint8_t *cap, struct topo_link *l)
{
	unsigned int most = (unsigned int)get_le(cap + PCI_EXP_LNKCAP, 4);
	unsigned int now = (unsigned int)get_le(cap + PCI_EXP_LNKSTA, 2);

	l->max_speed = link_speed(most & PCI_EXP_LNKCAP_SLS);
	l->max_width = (most & PCI_EXP_LNKCAP_MLW) >> 4;
	l->speed = link_speed(now & PCI_EXP_LNKSTA_CLS);
	l->width = (now & PCI_EXP_LNKSTA_NLW) >> PCI_EXP_LNKSTA_NLW_SHIFT;
}

/* The PCI Express capability. cfg is CFG_STD bytes and as many zeros. */
static void parse_express(const uint8_t *cfg, struct topo_fn *f)
{
	unsigned int at = pci_cap_find(cfg, CFG_STD, PCI_CAP_ID_EXP);
	unsigned int flags;

	if (!at)
		return;
	flags = (unsigned int)get_le(cfg + at + PCI_EXP_FLAGS, 2);
	f->pcie_type = (int)((flags & PCI_EXP_FLAGS_TYPE) >> 4);
	parse_link(cfg + at, &f->link);
	/* Version 1 ends before the second set of registers. */
	if ((flags & PCI_EXP_FLAGS_VERS) >= 2)
		f->forwards_ari =
			cfg[at + PCI_EXP_DEVCTL2] & PCI_EXP_DEVCTL2_ARI;
}

static void read_extended(int fd, struct topo_fn *f)
{
	unsigned int at = CFG_STD;
	uint8_t cap[8];

	for (unsigned int n = 0; at >= CFG_STD && n < EXT_MAX_STEPS; n++) {
		uint32_t header;

		if (pread(fd, cap, sizeof(cap), at) != sizeof(cap))
			return;
		f->cfg_len = CFG_EXT;
		header = (uint32_t)get_le(cap, 4);
		if (!header || header == UINT32_MAX)
			return;
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_ARI)
			f->has_ari = true;
		/* The first of each kind counts, as for the kernel. */
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_ACS &&
		    !f->acs.has_cap)
			f->acs = (struct topo_acs){
				.has_cap = true,
				.cap = (uint16_t)get_le(cap + PCI_ACS_CAP, 2),
				.ctrl = (uint16_t)get_le(cap + PCI_ACS_CTRL, 2),
			};
		at = PCI_EXT_CAP_NEXT(header);
	}
}

static bool answers(const uint8_t *cfg)
{
	for (unsigned int i = 0; i < CFG_HEADER; i++)
		if (cfg[i] != 0xff)
			return true;
	return false;
}

static void read_config(const struct host *dir, struct topo_fn *f)
{
	AUTO_CLOSE int fd = host_open_file(dir, O_RDONLY, "config");
	/* What a capability at the very end lacks is zero. */
	uint8_t cfg[CFG_STD * 2] = { 0 };
	ssize_t n;

	if (fd < 0)
		return;
	n = pread(fd, cfg, CFG_STD, 0);
	if (n < CFG_HEADER || !answers(cfg))
		return;
	f->cfg_len = n < CFG_STD ? (unsigned int)n : CFG_STD;
	parse_header(cfg, f);
	if (n < CFG_STD)
		return;
	parse_express(cfg, f);
	if (f->pcie_type >= 0)
		read_extended(fd, f);
}

/* --- files --- */

static int read_number(const struct host *dir, const char *file, uint64_t *out)
{
	*out = 0;
	return host_read_u64(dir, out, "%s", file);
}

/* What config space did not tell. -errno: the function is gone. */
static int read_ids(const struct host *dir, struct topo_fn *f)
{
	uint64_t vendor, device, class_code;
	int ret = 0;

	if (!f->pci.vendor) {
		ret = read_number(dir, "vendor", &vendor);
		if (!ret)
			ret = read_number(dir, "device", &device);
		if (ret)
			return ret;
		f->pci.vendor = (uint16_t)vendor;
		f->pci.device = (uint16_t)device;
	}
	if (!f->cfg_len) {
		ret = read_number(dir, "class", &class_code);
		f->pci.class_code = (uint32_t)class_code;
	}
	return ret;
}

/* "8.0 GT/s PCIe" is 80; 0 for "Unknown". */
static unsigned int read_speed(const struct host *dir, const char *file)
{
	unsigned int whole, tenth;
	char text[32];

	if (host_read(dir, text, sizeof(text), "%s", file) < 0 ||
	    sscanf(text, "%3u.%1u GT/s", &whole, &tenth) != 2)
		return 0;
	return whole * 10 + tenth;
}

static unsigned int read_width(const struct host *dir, const char *file)
{
	uint64_t width;

	/* 255: unknown to the kernel (PCIE_LNK_WIDTH_UNKNOWN). */
	if (read_number(dir, file, &width) || width > 32)
		return 0;
	return (unsigned int)width;
}

static void read_link_files(const struct host *dir, struct topo_link *l)
{
	l->max_width = read_width(dir, "max_link_width");
	if (!l->max_width)
		return;
	l->max_speed = read_speed(dir, "max_link_speed");
	l->width = read_width(dir, "current_link_width");
	l->speed = read_speed(dir, "current_link_speed");
}

static void read_links(const struct host *dir, struct topo_fn *f)
{
	char name[HOST_NAME_LEN];

	if (host_link_name(dir, f->pci.driver, sizeof(f->pci.driver), "driver"))
		f->pci.driver[0] = '\0';
	if (!host_link_name(dir, name, sizeof(name), "iommu_group"))
		f->pci.group = host_group_number(name);
	f->pci.is_vf = !host_link_name(dir, name, sizeof(name), "physfn") &&
		       !bdf_parse(name, &f->pci.pf);
}

static void read_rest(const struct host *dir, struct topo_fn *f)
{
	uint64_t v;

	if (f->pci.class_code >> 16 == 0x03)
		f->is_boot_vga = !read_number(dir, "boot_vga", &v) && v;
	if (f->cfg_len < CFG_STD)
		read_link_files(dir, &f->link);
}

int topo_fn_read(const struct host *h, struct bdf bdf, struct topo_fn *out)
{
	char name[BDF_STR_LEN];
	struct host dir;
	int ret;

	*out = (struct topo_fn){ .pci = { .bdf = bdf, .group = -1 },
				 .pcie_type = -1,
				 .numa_node = -1 };
	ret = host_open_below(h, &dir, "sys/bus/pci/devices/%s",
			      bdf_str(bdf, name));
	if (ret)
		return ret;
	read_config(&dir, out);
	ret = read_ids(&dir, out);
	if (!ret) {
		read_links(&dir, out);
		read_rest(&dir, out);
	}
	host_close(&dir);
	return ret;
}

int topo_fn_node(const struct host *h, struct bdf bdf)
{
	char name[BDF_STR_LEN], text[16];

	if (host_read(h, text, sizeof(text), "sys/bus/pci/devices/%s/numa_node",
		      bdf_str(bdf, name)) <= 0)
		return -1;
	return atoi(text);
}

/* --- names --- */

bool topo_is_bridge(const struct topo_fn *f)
{
	unsigned int kind = f->pci.class_code >> 8;

	/* By the header; without it by the class (PCI Code and ID Assignment
	 * 1.15, 1.7): PCI, CardBus, semi-transparent. */
	if (f->cfg_len)
		return f->header_type != PCI_HEADER_TYPE_NORMAL;
	return kind == 0x0604 || kind == 0x0607 || kind == 0x0609;
}

const char *topo_type_name(const struct topo_fn *f)
{
	static const char *const names[] = {
		[PCI_EXP_TYPE_ENDPOINT] = "endpoint",
		[PCI_EXP_TYPE_LEG_END] = "legacy endpoint",
		[PCI_EXP_TYPE_ROOT_PORT] = "root port",
		[PCI_EXP_TYPE_UPSTREAM] = "upstream port",
		[PCI_EXP_TYPE_DOWNSTREAM] = "downstream port",
		[PCI_EXP_TYPE_PCI_BRIDGE] = "PCIe-to-PCI bridge",
		[PCI_EXP_TYPE_PCIE_BRIDGE] = "PCI-to-PCIe bridge",
		[PCI_EXP_TYPE_RC_END] = "integrated endpoint",
		[PCI_EXP_TYPE_RC_EC] = "event collector",
	};
	unsigned int type = (unsigned int)f->pcie_type;

	if (f->pcie_type >= 0 && type < ARRAY_SIZE(names) && names[type])
		return names[type];
	if (f->cfg_len < CFG_STD)
		return topo_is_bridge(f) ? "bridge" : "function";
	return topo_is_bridge(f) ? "conventional PCI bridge"
				 : "conventional PCI function";
}

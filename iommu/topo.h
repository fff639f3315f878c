/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's PCI functions as a tree, with what decides on their isolation: the
 * bridges above them, ACS, aliases, IOMMU groups. A snapshot of sysfs and
 * config space, read once and never written; the same code reads the running
 * host and a record of another (struct host). Domains of more than 16 bits
 * (Intel VMD's) are left out, as everywhere in strait.
 */
#ifndef STRAIT_IOMMU_TOPO_H
#define STRAIT_IOMMU_TOPO_H

#include "src/base/err.h"
#include "src/host/host.h"

/* A link's speed in units of 0.1 GT/s (25: 2.5 GT/s), 0: unknown or none. */
struct topo_link {
	unsigned int speed, width, max_speed, max_width;
};

/* What a port or function says of Access Control Services (PCIe 6.0 7.7.11). */
struct topo_acs {
	bool has_cap;
	uint16_t cap, ctrl; /* PCI_ACS_* */
};

struct topo_fn {
	struct host_pci pci;
	struct topo_fn *parent;	 /* the bridge above, NULL on a root bus */
	struct topo_fn *child;	 /* first one below, in BDF order */
	struct topo_fn *sibling; /* next one with the same parent */
	/*
	 * Bytes of config space that can be read: 4096 or 256, 64 (128 of a
	 * CardBus bridge) without root, 0 if there are none or the function
	 * does not answer. Below 256 nothing is known of type, ACS and ARI, and
	 * link is what sysfs says. With 256 the kernel sees no more than that
	 * either, so a PCI Express function has no ACS in its eyes.
	 */
	unsigned int cfg_len;
	uint8_t header_type;   /* PCI_HEADER_TYPE_*, without the next */
	bool is_multifunction; /* in the kernel's eyes: pci_dev.multifunction */
	int pcie_type; /* PCI_EXP_TYPE_*, -1: conventional PCI or unknown */
	struct topo_link link;
	struct topo_acs acs;
	bool has_ari, forwards_ari; /* capability; a port's control bit */
	bool is_boot_vga;
	int numa_node;			/* -1: none */
	uint8_t secondary, subordinate; /* buses below a bridge */
};

struct topo {
	struct topo_fn *fns; /* by BDF */
	unsigned int nr;
	struct topo_fn *roots; /* by sibling: those without a parent */
};

/*
 * All functions. One that goes away meanwhile is left out. -errno if there is
 * no PCI at all. topo_free accepts a zeroed one.
 */
int topo_read(const struct host *h, struct topo *out, struct err *e);
/*
 * Only what decides on one function: itself, the bridges above it up to the
 * root, the other functions in the slots of all these, those behind the same
 * bridge, and its IOMMU group. -ENODEV with the message of host_pci_get if
 * there is no such function.
 */
int topo_read_around(const struct host *h, struct bdf bdf, struct topo *out,
		     struct err *e);
/* The same without those of its group that are on none of the buses on its way
 * to the root. They decide nothing, and there may be thousands. */
int topo_read_near(const struct host *h, struct bdf bdf, struct topo *out,
		   struct err *e);
void topo_free(struct topo *t);

/* The longest way from a function to the root, both included. A longer one,
 * which only a broken record has, is cut. */
enum { TOPO_MAX_DEPTH = 32 };

/* NULL: not there. */
const struct topo_fn *topo_find(const struct topo *t, struct bdf bdf);

/* "root port", "upstream port", ... for a topo_fn. */
const char *topo_type_name(const struct topo_fn *f);
bool topo_is_bridge(const struct topo_fn *f);

#endif

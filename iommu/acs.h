/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where isolation ends: the rules by which Linux puts functions into IOMMU
 * groups (pci_device_group in drivers/iommu/iommu.c, pci_acs_enabled in
 * drivers/pci/pci.c), told hop by hop.
 */
#ifndef STRAIT_IOMMU_ACS_H
#define STRAIT_IOMMU_ACS_H

#include "iommu/topo.h"

/* Why functions cannot be told apart at some place. */
enum acs_gap {
	ACS_GAP_NONE,
	ACS_GAP_UNKNOWN, /* config space could not be read */
	ACS_GAP_NO_CAP,	 /* a port without the capability */
	/* Some of SV, RR, CR, UF are off. One that the capability register
	 * lacks is no gap: what cannot be switched is taken to be on. */
	ACS_GAP_CTRL_BITS,
	ACS_GAP_MULTIFUNCTION, /* functions of one slot, not isolated */
	ACS_GAP_CONVENTIONAL,  /* a bridge to conventional PCI, or below one */
};

/* One place on the way from a function to the root: the function itself, then
 * each bridge above it. */
struct acs_hop {
	const struct topo_fn *fn;
	enum acs_gap gap;
	uint16_t missing; /* PCI_ACS_* that ACS_GAP_CTRL_BITS is about */
	/* By the rules, the group of the function that was asked for reaches up
	 * to here; by what the kernel did, this hop is in that group. */
	bool in_computed_group, in_kernel_group;
};

enum { ACS_MAX_HOPS = TOPO_MAX_DEPTH };
struct acs_path {
	struct acs_hop hops[ACS_MAX_HOPS]; /* from the function to the root */
	unsigned int nr;
	/* The requester ID by which the IOMMU sees it, if it is another's: of a
	 * bridge to conventional PCI. NULL: its own. */
	const struct topo_fn *alias;
	/*
	 * The kernel's group is smaller than the rules give: a quirk of the
	 * kernel's (pci_dev_acs_enabled in drivers/pci/quirks.c), or, if
	 * is_overridden, pcie_acs_override= on the kernel's command line, which
	 * isolates nothing.
	 */
	bool is_narrower, is_overridden;
	char override[64]; /* that word, "" if it is not on the command line */
	/* It has a function of the same bus or slot more than the rules give: a
	 * device that sends with another function's ID (a quirk). */
	bool is_wider;
	/* Config space of a hop could not be read (a gap is UNKNOWN), so
	 * nothing is computed: in_computed_group is what the kernel did. */
	bool is_unknown;
};

/* t holds at least what topo_read_near(fn) reads. */
void acs_path(const struct host *h, const struct topo *t,
	      const struct topo_fn *fn, struct acs_path *out);

/*
 * The function that stands for the group in which the rules put fn: the same
 * one for all of its members. Without an IOMMU this tells what groups there
 * would be. A function with unknown config space is taken to be isolated.
 */
const struct topo_fn *acs_group_root(const struct topo *t,
				     const struct topo_fn *fn);

/* "SV RR CR UF" of ACS bits; buf of at least 32 bytes; returns it. */
const char *acs_bits(uint16_t bits, char *buf, size_t len);

/* What the gap of a hop is and does, "" for none: for people. A clause to be
 * put after the name of the hop, "has no ACS, so ...". */
const char *acs_gap_text(const struct acs_hop *hop, char *buf, size_t len);

#endif

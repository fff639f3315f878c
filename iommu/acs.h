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
	ACS_GAP_UNKNOWN,       /* config space could not be read */
	ACS_GAP_NO_CAP,	       /* a port without the capability */
	ACS_GAP_CAP_BITS,      /* it lacks some of SV, RR, CR, UF */
	ACS_GAP_CTRL_BITS,     /* it has them, but they are off */
	ACS_GAP_MULTIFUNCTION, /* functions of one slot, not isolated */
	ACS_GAP_CONVENTIONAL,  /* a bridge to conventional PCI, or below one */
};

/* One place on the way from a function to the root: the function itself, then
 * each bridge above it. */
struct acs_hop {
	const struct topo_fn *fn;
	enum acs_gap gap;
	uint16_t missing; /* PCI_ACS_* that ACS_GAP_*_BITS is about */
	/* By the rules, the group of the function that was asked for reaches up
	 * to here; by what the kernel did, this hop is in that group. */
	bool in_computed_group, in_kernel_group;
};

enum { ACS_MAX_HOPS = 32 };
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
	char override[64]; /* that word */
};

/* t holds at least what topo_read_around(fn) reads. */
void acs_path(const struct host *h, const struct topo *t,
	      const struct topo_fn *fn, struct acs_path *out);

/* "SV RR CR UF" of ACS bits; buf of at least 32 bytes; returns it. */
const char *acs_bits(uint16_t bits, char *buf, size_t len);

/* One sentence about a gap, "" for none: for people. */
const char *acs_gap_text(const struct acs_hop *hop, char *buf, size_t len);

#endif

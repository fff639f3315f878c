/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PCI function behind struct vfio_ops, as vfio-pci would show it: config
 * space from a dump, BARs as files in memory.
 *
 * Like the kernel it answers BAR accesses only while memory decode is on,
 * keeps everybody off the MSI-X table, and lets writes through to few config
 * registers only.
 */
#ifndef STRAIT_TESTS_FAKE_VFIO_H
#define STRAIT_TESTS_FAKE_VFIO_H

#include "vfio/vfio.h"

struct fake_region {
	struct vfio_region info;
	int memfd; /* -1: none */
};

struct fake_vfio {
	struct vfio_dev dev;
	uint8_t cfg[PCI_CFG_LEN];
	struct fake_region regions[VFIO_PCI_NUM_REGIONS];
	unsigned int nr_vectors; /* of MSI-X, from the capability */

	uint8_t vpd[32]; /* what the VPD capability reads */

	/* What the host has left; 0: as many as wanted. */
	unsigned int max_vectors;
	/* It stays in D0. */
	bool keeps_awake;
	/* Reads of config space give all-ones. */
	bool is_dead;

	/* The eventfds it was given, as long as MSI-X is on. */
	int eventfds[PCI_MSIX_MAX];
	unsigned int nr_eventfds;
	/* Mappings that are there. */
	unsigned int nr_maps;
	/* Calls so far. */
	unsigned int nr_set_irqs, nr_resets, nr_closes, nr_let_gos;
	unsigned int let_go_with_maps;
	unsigned int nr_bar_reads, nr_bar_writes, nr_vpd_writes;
	/* Bus mastering was on when it was reset. */
	bool reset_with_master;

	/* The nth call that can fail does (1 is the next); 0: none does. */
	unsigned int fail_nth;
	unsigned int nr_calls;
};

/* In lspci -xxxx form: lines of "offset: bytes", others are left out. */
extern const char fake_igbvf_dump[], fake_nvme_dump[];

void fake_vfio_init(struct fake_vfio *f, const char *dump);
/* A BAR of size bytes that can be read, written and, if so wished, mmapped. */
void fake_vfio_bar(struct fake_vfio *f, unsigned int n, uint64_t size,
		   bool can_mmap);
/* Replaces the mmappable area of a BAR by areas, one more with each call. */
void fake_vfio_area(struct fake_vfio *f, unsigned int n, uint64_t offset,
		    uint64_t size);
void fake_vfio_fini(struct fake_vfio *f);

/* The device's own view of a register in a BAR. */
uint32_t fake_vfio_peek(const struct fake_vfio *f, unsigned int n,
			uint64_t off);
void fake_vfio_poke(struct fake_vfio *f, unsigned int n, uint64_t off,
		    uint32_t value);
/* The device raises an MSI-X vector. */
void fake_vfio_raise(struct fake_vfio *f, unsigned int vector);

/* Files that this process has open. */
unsigned int fake_nr_files(void);

#endif

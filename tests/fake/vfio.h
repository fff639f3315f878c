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
	unsigned int nr_msi;	 /* of MSI */

	uint8_t vpd[32]; /* what the VPD capability reads */

	/* What the host has left; 0: as many as wanted. */
	unsigned int max_vectors;
	bool can_dmabuf;
	/* It stays in D0. */
	bool keeps_awake;
	/* INTx is unmasked by a call only, as mtty's. */
	bool no_unmask_fd;
	/* MSI-X vectors can be added while it is on. */
	bool can_grow;
	/* Reads of config space give all-ones. */
	bool is_dead;

	/* The index that is on, or VFIO_PCI_NUM_IRQS. */
	unsigned int irq_index;
	/* The eventfds it was given, as long as MSI or MSI-X is on; -1: none.
	 * It has a host vector for each that is below nr_eventfds, or set. */
	int eventfds[PCI_MSIX_MAX];
	unsigned int nr_eventfds;
	/* INTx: what it drives, what VFIO knows. */
	bool pin_is_high, pin_is_masked;
	int pin_fd, unmask_fd;
	/* For errors and requests, -1: none. */
	int err_fd, req_fd;
	/* Mappings that are there. */
	unsigned int nr_maps;
	/* Calls so far. */
	unsigned int nr_set_irqs, nr_resets, nr_closes, nr_let_gos;
	unsigned int nr_enables; /* of MSI and MSI-X, from off to on */
	unsigned int let_go_with_maps;
	unsigned int nr_bar_reads, nr_bar_writes, nr_vpd_writes;
	/* What a hot reset hits (none: there is no such reset), and what it
	 * was given. */
	struct vfio_affected affected;
	unsigned int nr_hot_resets, nr_group_fds;
	int group_fds[4];
	/* Bus mastering was on when it was reset. */
	bool reset_with_master;

	/* The nth call that can fail does (1 is the next); 0: none does. */
	unsigned int fail_nth;
	unsigned int nr_calls;
};

/* In lspci -xxxx form: lines of "offset: bytes", others are left out. */
extern const char fake_igbvf_dump[], fake_nvme_dump[], fake_e1000e_dump[];

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
/* The device raises an MSI or MSI-X vector; without an eventfd MSI-X keeps it
 * in the PBA. */
void fake_vfio_raise(struct fake_vfio *f, unsigned int vector);
/* The device raises or lowers its pin. */
void fake_vfio_pin(struct fake_vfio *f, bool high);
/* VFIO sees the unmask eventfd. True if somebody had written it. */
bool fake_vfio_unmask(struct fake_vfio *f);
/* Vectors that the host spends on it. */
unsigned int fake_vfio_host_vectors(const struct fake_vfio *f);

/* Files that this process has open. */
unsigned int fake_nr_files(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An IOVA space without a kernel: remembers what is mapped. */
#ifndef STRAIT_TESTS_FAKE_IOMMU_H
#define STRAIT_TESTS_FAKE_IOMMU_H

#include "iommu/iommu.h"

struct fake_iommu_map {
	iova_t iova;
	uint64_t size;
	void *hva;
};

struct fake_iommu {
	struct iommu iommu;
	struct iova_range ranges[IOMMU_MAX_RANGES];
	unsigned int nr_ranges;
	struct fake_iommu_map maps[16]; /* there now */
	unsigned int nr_maps;
	/* The nth map fails with fail_code (1 is the next); 0: none. */
	unsigned int fail_nth;
	int fail_code;
};

/* One range, all addresses; group 0. No device can be opened. */
void fake_iommu_init(struct fake_iommu *f, const struct host *h);

#endif

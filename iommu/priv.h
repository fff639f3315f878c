/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside iommu/: reserved regions of a group. */
#ifndef STRAIT_IOMMU_PRIV_H
#define STRAIT_IOMMU_PRIV_H

#include "iommu/iommu.h"

enum { IOMMU_RESV_TYPE_LEN = 32 };

struct iommu_resv {
	struct iova_range range;
	/* As sysfs has it: "msi", "direct", "direct-relaxable", "reserved". */
	char type[IOMMU_RESV_TYPE_LEN];
};

/*
 * First region of the group's reserved_regions that touches [first, last] and,
 * if type is not NULL, is of that type. False if there is none or the file
 * cannot be read.
 */
bool iommu_resv_find(const struct host *h, int group, struct iova_range in,
		     const char *type, struct iommu_resv *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside iommu/: the back ends, reserved regions of a group. */
#ifndef STRAIT_IOMMU_PRIV_H
#define STRAIT_IOMMU_PRIV_H

#include "iommu/iommu.h"

/* The type1v2 container, /dev/vfio/vfio. */
int iommu_container_new(const struct host *h, struct iommu **out,
			struct err *e);

/* --- iommu.c --- */

/* Any region; keeps count, and hints at the cause of a failure. */
int iommu_map_region(struct iommu *i, const struct mem_region *r,
		     struct err *e);
void iommu_unmap_region(struct iommu *i, const struct mem_region *r);

/* --- p2p.c: device regions, mapped where it is wanted and possible --- */

void iommu_p2p_add(struct iommu *i, const struct mem_region *r);
void iommu_p2p_del(struct iommu *i, const struct mem_region *r);

/* --- nodes.c --- */

/*
 * Can the files be opened that lead to the device? AUTO: those of iommufd if
 * it can have it. The files of a device that is not bound yet may be missing.
 */
int iommu_node_check(const struct host *h, const struct host_vfio *dev,
		     enum iommu_kind kind, bool is_bound, struct err *e);
bool iommu_has_iommufd(const struct host *h);
/* An open /dev/iommu, or -errno with a message that names who wants it. */
int iommu_open_iommufd(const struct host *h, const char *who, struct err *e);

/* --- ranges.c --- */

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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a machine goes into a record. */
#ifndef STRAIT_TOOLS_IOMMU_CAPTURE_H
#define STRAIT_TOOLS_IOMMU_CAPTURE_H

#include "src/host/host.h"
#include "tools/iommu/pack.h"

struct capture_sum {
	unsigned int nr_functions, nr_groups;
	/* Functions of which config space beyond the header was not readable,
	 * which takes root. */
	unsigned int nr_short;
};

/* Errors of writing stay in p, see pack_end; what cannot be read, or vanishes
 * meanwhile, is left out. */
void capture(const struct host *h, struct pack *p, struct capture_sum *sum);

#endif

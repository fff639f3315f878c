// SPDX-License-Identifier: GPL-2.0-or-later
/* Peer-to-peer: BARs of assigned functions mapped for each other. */
/*
 * How this works
 *
 * A mapped part of a BAR is a device region of guest memory, which comes and
 * goes as the guest enables and moves the BAR. Mapped at IOVA = GPA like RAM it
 * lets another function of the VM read and write it by DMA, as on real
 * hardware. What cannot be mapped (the kernel or the platform may not allow it)
 * is reported and missing, nothing more: drivers that need it find out, and
 * most need none. So what is mapped has to be remembered.
 *
 * Called under the lock of struct mem, on vCPU threads too: no allocation here,
 * and log lines are limited where a guest can cause them.
 */
#include <errno.h>
#include <inttypes.h>

#include "iommu/priv.h"

bool iommu_wants_p2p(const struct iommu *i)
{
	return i->p2p == IOMMU_P2P_ON ||
	       (i->p2p == IOMMU_P2P_AUTO && iommu_nr_open(i) >= 2);
}

static void report(struct iommu *i, const struct mem_region *r,
		   const struct err *e)
{
	static const char text[] =
		"other devices of the guest cannot reach it at 0x%" PRIx64
		" (peer-to-peer DMA): %s%s%s";
	const char *sep = e->hint[0] ? "; " : "";

	if (i->p2p == IOMMU_P2P_ON)
		log_guest(&i->p2p_limit, r->name, text, r->gpa, e->msg, sep,
			  e->hint);
	else if (!i->p2p_reported)
		log_info(r->name, text, r->gpa, e->msg, sep, e->hint);
	i->p2p_reported = true;
}

void iommu_p2p_add(struct iommu *i, const struct mem_region *r)
{
	struct err e = { 0 };

	if (!iommu_wants_p2p(i))
		return;
	if (i->nr_p2p == ARRAY_SIZE(i->p2p_maps))
		err_set(&e, ENOSPC, "%u parts of BARs are mapped already",
			i->nr_p2p);
	else if (!iommu_map_region(i, r, &e))
		i->p2p_maps[i->nr_p2p++] = r;
	if (e.code)
		report(i, r, &e);
	else
		log_debug(r->name, "other devices reach it at 0x%" PRIx64,
			  r->gpa);
}

void iommu_p2p_del(struct iommu *i, const struct mem_region *r)
{
	for (unsigned int n = 0; n < i->nr_p2p; n++) {
		if (i->p2p_maps[n] != r)
			continue;
		i->p2p_maps[n] = i->p2p_maps[--i->nr_p2p];
		iommu_unmap_region(i, r);
		return;
	}
}

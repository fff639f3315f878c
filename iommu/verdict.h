/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Can a function be assigned, and what speaks against it? Every reason with its
 * remedy, not only the first; `strait run` refuses with the same sentences.
 */
#ifndef STRAIT_IOMMU_VERDICT_H
#define STRAIT_IOMMU_VERDICT_H

#include "iommu/acs.h"
#include "iommu/iommu.h"

enum finding_level {
	FINDING_OK,	 /* looked at, and no obstacle */
	FINDING_NOTE,	 /* worth knowing */
	FINDING_WARNING, /* works, but somebody may be sorry */
	FINDING_BLOCKER, /* it cannot be assigned */
	FINDING_UNKNOWN, /* cannot be seen by this user, or in this record */
};

struct finding {
	/*
	 * Stable, for programs: "iommu", "group", "acs", "interrupt-remapping",
	 * "reserved-regions", "memlock", "reset", "bus-reset", "in-use",
	 * "boot-vga", "driver", "vfio-module", "vf-token", "permission",
	 * "holder". There may be several of an id: one for each port without
	 * ACS, for instance.
	 */
	const char *id;
	enum finding_level level;
	/* One sentence; what to do about it, "" if nothing. Without the BDF of
	 * the function in question at the beginning. */
	char text[512], remedy[512];
};

struct verdict_options {
	/* Those that are to be assigned to one guest, the function in question
	 * perhaps among them; 0: it alone. */
	const struct bdf *together;
	unsigned int nr_together;
	uint64_t memory; /* of the guest, bytes; 0: not asked for */
	enum iommu_kind kind;
	/* A record of another machine (or h->is_record): processes, limits and
	 * permissions of this one say nothing. */
	bool is_record;
};

enum { VERDICT_MAX = 48 };
struct verdict {
	struct finding findings[VERDICT_MAX];
	unsigned int nr;
	/* No blocker: `strait run --device BDF` would start with it now, and
	 * bind it to vfio-pci if it is not. */
	bool is_assignable;
};

/* -ENODEV and the like only if there is nothing to judge (no such function). */
int verdict_of(const struct host *h, struct bdf bdf,
	       const struct verdict_options *o, struct verdict *out,
	       struct err *e);

/* Where strait puts RAM of that size, ascending (x86_place_ram, which iommu may
 * not know). Returns how many. */
enum { VERDICT_MAX_RAM = 3 };
unsigned int verdict_place_ram(uint64_t size, bool avoid_ht_hole,
			       struct iova_range out[VERDICT_MAX_RAM]);

const char *finding_level_name(enum finding_level level); /* "blocker" */

#endif

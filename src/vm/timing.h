/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long each phase of a start took, for --timing. */
#ifndef STRAIT_VM_TIMING_H
#define STRAIT_VM_TIMING_H

#include <stdint.h>
#include <stdio.h>

enum timing_phase {
	TIMING_OPEN,	 /* IOMMU back end, config space, BARs */
	TIMING_RESET,	 /* device fds: the kernel resets a function then */
	TIMING_PREFAULT, /* guest RAM filled with pages */
	TIMING_MAP,	 /* and mapped for DMA */
	TIMING_BOOT,	 /* kernel and tables loaded, vCPUs made */
	TIMING_NR,
};

struct timing {
	uint64_t begun_ns[TIMING_NR], sum_ns[TIMING_NR];
};

/* Of one phase by one thread at a time. */
void timing_begin(struct timing *t, enum timing_phase phase);
void timing_end(struct timing *t, enum timing_phase phase);

/* One line of all phases, and the time since the process was started. */
void timing_print(const struct timing *t, FILE *f);

#endif

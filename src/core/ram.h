/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory behind a guest's RAM: one memfd, mapped once. */
#ifndef STRAIT_CORE_RAM_H
#define STRAIT_CORE_RAM_H

#include "src/base/err.h"
#include "src/base/types.h"

struct ram {
	int fd;
	void *hva; /* aligned to 1 GiB if it is that large, else to 2 MiB */
	uint64_t size;
	uint64_t page_size; /* of hugetlbfs, or 0 */
};

/*
 * size bytes of zeroes, shared, sealed against shrinking. hugepage_size 0 or a
 * size of which the host has pages; size is a multiple of it. Nothing is
 * allocated yet but for huge pages, which are reserved.
 */
int ram_open(struct ram *r, uint64_t size, uint64_t hugepage_size,
	     struct err *e);
void ram_close(struct ram *r);

/*
 * Makes every page present, by nr_threads threads, in transparent huge pages
 * where the kernel has them. cancelled is asked now and then; true ends it
 * with -EINTR. -ENOMEM: the host ran out. Pages are zeroed once, and what was
 * written before stays.
 */
int ram_populate(struct ram *r, unsigned int nr_threads,
		 bool (*cancelled)(void *ctx), void *ctx, struct err *e);

#endif

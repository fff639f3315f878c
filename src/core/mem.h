/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest physical memory: regions of RAM and of mapped device BARs.
 *
 * Regions are owned by whoever adds them and stay valid until they are
 * deleted. They never overlap. Listeners hear of each region once when it comes
 * and once when it goes; one that is added late is told of what is there. So
 * KVM memslots and IOVA spaces follow memory without anybody mapping by hand.
 *
 * RAM regions come before the first vCPU runs and stay until the last has
 * stopped: mem_ptr and friends read them without a lock, from any thread.
 * Device regions come and go on vCPU threads under the lock in here.
 */
#ifndef STRAIT_CORE_MEM_H
#define STRAIT_CORE_MEM_H

#include <pthread.h>

#include "src/base/err.h"
#include "src/base/list.h"
#include "src/base/types.h"

enum mem_kind { MEM_RAM, MEM_DEVICE };

struct mem_region {
	gpa_t gpa;
	uint64_t size; /* bytes; like gpa and hva a multiple of 4 KiB */
	void *hva;
	enum mem_kind kind;
	int fd; /* file behind it and offset in that, or -1 */
	uint64_t fd_offset;
	const char *name;
	/* Its owner answers for it on the bus as well: see mem_evict. */
	bool can_leave;
	/* What the guest writes is remembered: see mem_dirty_ops. */
	bool log_dirty;
	bool is_in; /* private to mem.c, like node */
	struct list node;
};

/*
 * Which pages of a region the guest has written, from kvm.c or a test. A region
 * whose log_dirty is set when it is added is logged from then on. Its owner
 * sees to it that the region is neither added nor deleted meanwhile.
 */
struct mem_dirty_ops {
	/* The log_dirty of a region that is in has changed. Turned on, nothing
	 * counts as written yet. */
	int (*log)(void *ctx, const struct mem_region *r, struct err *e);
	/*
	 * Sets those bits, one per 4 KiB page and in whole uint64_t, whose
	 * pages were written since the last call, and clears the others.
	 * -errno: nothing is known.
	 */
	int (*fetch)(void *ctx, const struct mem_region *r, uint64_t *bits);
};

struct mem_listener;
struct mem_listener_ops {
	/* 0 or a negative errno with *e filled in; on failure nothing stays. */
	int (*add)(struct mem_listener *l, const struct mem_region *r,
		   struct err *e);
	void (*del)(struct mem_listener *l, const struct mem_region *r);
};
struct mem_listener {
	const struct mem_listener_ops *ops;
	struct list node; /* private to mem.c */
};

enum { MEM_MAX_RAM = 8 };

struct mem {
	pthread_mutex_t lock;
	struct list regions;
	struct list listeners;
	struct mem_region *ram[MEM_MAX_RAM];
	unsigned int nr_ram;
};

void mem_init(struct mem *m);
/* All regions and listeners must be gone or no longer be used. */
void mem_fini(struct mem *m);

/*
 * Adds a region and tells the listeners. -EEXIST: overlaps another (named in
 * *e); -EINVAL: empty, unaligned or wrapping; else the listener's error, and
 * the listeners already told are told that it went.
 */
int mem_add(struct mem *m, struct mem_region *r, struct err *e);
/* No-op for one that is not there, or no longer. */
void mem_del(struct mem *m, struct mem_region *r);
/*
 * Something that answers on the bus has come to [gpa, gpa + len): a device
 * region that can leave and covers a part of that does, for good. The owner
 * deletes it as if nothing had happened.
 */
void mem_evict(struct mem *m, gpa_t gpa, uint64_t len);

/* Replays all regions to l first. On failure l has seen them all go again. */
int mem_listener_add(struct mem *m, struct mem_listener *l, struct err *e);
void mem_listener_del(struct mem *m, struct mem_listener *l);

/*
 * Host address of [gpa, gpa + len) if all of it lies in one RAM region, else
 * NULL. Do not keep the pointer beyond the request that it was made for.
 */
void *mem_ptr(const struct mem *m, gpa_t gpa, uint64_t len);

/* Bytes of [gpa, gpa + len) up to the end of the RAM region that gpa lies in;
 * 0: gpa is not RAM. */
uint64_t mem_ram_span(const struct mem *m, gpa_t gpa, uint64_t len);

/* Copy from or to RAM, also across adjacent regions. -EFAULT: not all RAM. */
int mem_read(const struct mem *m, gpa_t gpa, void *buf, uint64_t len);
int mem_write(const struct mem *m, gpa_t gpa, const void *buf, uint64_t len);

#endif

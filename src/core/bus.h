/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An address space of ranges that devices answer: one for memory I/O, one for
 * port I/O.
 *
 * Look-ups take no lock: a writer (range added, deleted, moved; rare) bumps a
 * sequence number around its change and readers that saw it look again. A
 * device may still be called once for an address that it just lost, on a vCPU
 * that was on its way: as on a real bus.
 *
 * Callbacks run on the vCPU thread; a device takes its own lock.
 */
#ifndef STRAIT_CORE_BUS_H
#define STRAIT_CORE_BUS_H

#include <pthread.h>

#include "src/base/err.h"
#include "src/base/types.h"

/* offset is from the start of the range; len is 1, 2, 4 or 8 bytes. */
struct bus_ops {
	uint64_t (*read)(void *dev, uint64_t offset, unsigned int len);
	void (*write)(void *dev, uint64_t offset, unsigned int len,
		      uint64_t value);
};

struct bus_range {
	uint64_t base;
	uint64_t len; /* bytes, not 0 */
	const struct bus_ops *ops;
	void *dev;
	const char *name;
};

enum { BUS_MAX_RANGES = 1024 };

/* Written with relaxed atomics under the sequence number. */
struct bus_entry {
	uint64_t base;
	uint64_t last; /* inclusive */
	const struct bus_range *range;
};

/* Who can signal an eventfd for a write without the bus: KVM, or nobody. */
struct bus_doorbell_ops {
	int (*add)(void *ctx, uint64_t addr, int fd, struct err *e);
	void (*del)(void *ctx, uint64_t addr, int fd);
};

/* Who can keep writes until a vCPU comes out of the guest: KVM, or nobody. */
struct bus_posted_ops {
	int (*add)(void *ctx, uint64_t addr, uint64_t len, struct err *e);
	void (*del)(void *ctx, uint64_t addr, uint64_t len);
	void (*drain)(void *ctx);
};

struct bus {
	const struct bus_doorbell_ops *doorbells; /* or NULL */
	void *doorbells_ctx;
	const struct bus_posted_ops *posted; /* or NULL */
	void *posted_ctx;
	pthread_mutex_t lock; /* writers */
	unsigned int seq;
	unsigned int nr;
	struct bus_entry *entries; /* sorted by base, BUS_MAX_RANGES of them */
	const char *name;
};

/* -ENOMEM without memory. name ("mmio", "pio") is for messages. */
int bus_init(struct bus *b, const char *name);
void bus_fini(struct bus *b);

/*
 * r belongs to the caller, is changed only by bus_move while it is on the bus,
 * and outlives the vCPUs. -EEXIST: overlap (both owners named in *e); -EINVAL:
 * empty or wrapping; -ENOSPC: BUS_MAX_RANGES reached.
 */
int bus_add(struct bus *b, struct bus_range *r, struct err *e);
void bus_del(struct bus *b, struct bus_range *r);
/* Whether no range but r meets [base, base + len), len not 0. */
bool bus_is_alone(struct bus *b, const struct bus_range *r, uint64_t base,
		  uint64_t len);

/* Atomic against vCPUs: they find r at the old or the new base, never at none.
 */
int bus_move(struct bus *b, struct bus_range *r, uint64_t base, struct err *e);

/*
 * Writes of any length to addr signal the eventfd fd and do not come to the
 * range there any more. Where nobody can do that, they come as before, and the
 * range has to signal it: 0 then as well. Set up with bus_set_doorbells, before
 * vCPUs run.
 */
void bus_set_doorbells(struct bus *b, const struct bus_doorbell_ops *ops,
		       void *ctx);
int bus_add_doorbell(struct bus *b, uint64_t addr, int fd, struct err *e);
void bus_del_doorbell(struct bus *b, uint64_t addr, int fd);

/*
 * Writes within [addr, addr + len) may come to the range there late, but in
 * order: at the latest before the next access that is not such a write. For
 * registers that mean nothing until another is accessed. Where nobody can do
 * that they come at once. Set up with bus_set_posted, before vCPUs run.
 */
void bus_set_posted(struct bus *b, const struct bus_posted_ops *ops, void *ctx);
void bus_post(struct bus *b, uint64_t addr, uint64_t len);
void bus_unpost(struct bus *b, uint64_t addr, uint64_t len);
/* Has them come now, on this thread, which holds no device's lock. */
void bus_drain(struct bus *b);

/*
 * An access that does not lie whole in one range is unclaimed: reads give
 * all-ones, writes vanish, and the return value is false.
 */
bool bus_read(struct bus *b, uint64_t addr, unsigned int len, uint64_t *value);
bool bus_write(struct bus *b, uint64_t addr, unsigned int len, uint64_t value);

#endif

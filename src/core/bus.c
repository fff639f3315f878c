// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Address-space dispatch.
 *
 * How this works: a sorted array of ranges that is changed in place under a
 * lock with an odd sequence number around the change. A reader notes the
 * number, searches by halves, copies the entry that it found, and looks again
 * if the number was odd or has moved. All fields that both sides touch are
 * accessed with relaxed atomics, so the race is one that the language knows.
 *
 * No memory is freed while vCPUs run, so there is nothing to reclaim; the
 * array has its full length from the start and is only paged in as it fills.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "src/base/bits.h"
#include "src/base/log.h"
#include "src/core/bus.h"

#define LOAD(p)	    __atomic_load_n(&(p), __ATOMIC_RELAXED)
#define STORE(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELAXED)

int bus_init(struct bus *b, const char *name)
{
	*b = (struct bus){ .name = name };
	b->entries = calloc(BUS_MAX_RANGES, sizeof(*b->entries));
	if (!b->entries)
		return -ENOMEM;
	pthread_mutex_init(&b->lock, NULL);
	return 0;
}

void bus_fini(struct bus *b)
{
	if (!b->entries)
		return;
	free(b->entries);
	b->entries = NULL;
	pthread_mutex_destroy(&b->lock);
}

static void write_begin(struct bus *b)
{
	STORE(b->seq, b->seq + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void write_end(struct bus *b)
{
	__atomic_store_n(&b->seq, b->seq + 1, __ATOMIC_RELEASE);
}

static void entry_put(struct bus_entry *to, struct bus_entry from)
{
	STORE(to->base, from.base);
	STORE(to->last, from.last);
	STORE(to->range, from.range);
}

/* Index of the first entry that ends at or after addr. Writers' side. */
static unsigned int place_of(const struct bus *b, uint64_t addr)
{
	unsigned int lo = 0, hi = b->nr;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (b->entries[mid].last < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static unsigned int index_of(const struct bus *b, const struct bus_range *r)
{
	for (unsigned int i = 0; i < b->nr; i++)
		if (b->entries[i].range == r)
			return i;
	return b->nr;
}

/* -EEXIST if [base, last] meets a range other than self. */
static int overlap_check(const struct bus *b, const struct bus_range *self,
			 uint64_t base, uint64_t last, struct err *e)
{
	for (unsigned int i = place_of(b, base);
	     i < b->nr && b->entries[i].base <= last; i++) {
		if (b->entries[i].range == self)
			continue;
		return err_set(e, EEXIST,
			       "%s: %s at 0x%" PRIx64
			       " overlaps %s at 0x%" PRIx64,
			       self->name, b->name, base,
			       b->entries[i].range->name, b->entries[i].base);
	}
	return 0;
}

static void insert(struct bus *b, const struct bus_range *r, uint64_t base)
{
	unsigned int at = place_of(b, base);
	struct bus_entry entry = { base, base + (r->len - 1), r };

	for (unsigned int i = b->nr; i > at; i--)
		entry_put(&b->entries[i], b->entries[i - 1]);
	entry_put(&b->entries[at], entry);
	STORE(b->nr, b->nr + 1);
}

static void take_out(struct bus *b, unsigned int at)
{
	for (unsigned int i = at; i + 1 < b->nr; i++)
		entry_put(&b->entries[i], b->entries[i + 1]);
	STORE(b->nr, b->nr - 1);
}

static int range_check(const struct bus *b, const struct bus_range *r,
		       uint64_t base, struct err *e)
{
	uint64_t last;

	if (!r->len || __builtin_add_overflow(base, r->len - 1, &last))
		return err_set(e, EINVAL,
			       "%s: %s range 0x%" PRIx64 " + 0x%" PRIx64
			       " is empty or wraps",
			       r->name, b->name, base, r->len);
	return overlap_check(b, r, base, last, e);
}

int bus_add(struct bus *b, struct bus_range *r, struct err *e)
{
	int ret;

	pthread_mutex_lock(&b->lock);
	ret = range_check(b, r, r->base, e);
	if (!ret && b->nr == BUS_MAX_RANGES)
		ret = err_set(e, ENOSPC, "%s: more than %d ranges on %s",
			      r->name, BUS_MAX_RANGES, b->name);
	if (!ret) {
		write_begin(b);
		insert(b, r, r->base);
		write_end(b);
	}
	pthread_mutex_unlock(&b->lock);
	return ret;
}

void bus_del(struct bus *b, struct bus_range *r)
{
	unsigned int at;

	pthread_mutex_lock(&b->lock);
	at = index_of(b, r);
	if (at < b->nr) {
		write_begin(b);
		take_out(b, at);
		write_end(b);
	}
	pthread_mutex_unlock(&b->lock);
}

bool bus_is_alone(struct bus *b, const struct bus_range *r, uint64_t base,
		  uint64_t len)
{
	struct err ignored = { 0 };
	bool is_alone;

	pthread_mutex_lock(&b->lock);
	is_alone = !overlap_check(b, r, base, base + (len - 1), &ignored);
	pthread_mutex_unlock(&b->lock);
	return is_alone;
}

int bus_move(struct bus *b, struct bus_range *r, uint64_t base, struct err *e)
{
	int ret;

	pthread_mutex_lock(&b->lock);
	ret = range_check(b, r, base, e);
	if (!ret) {
		BUG_ON(index_of(b, r) == b->nr);
		write_begin(b);
		take_out(b, index_of(b, r));
		insert(b, r, base);
		write_end(b);
		r->base = base;
	}
	pthread_mutex_unlock(&b->lock);
	return ret;
}

/* One try; the caller checks the sequence number afterwards. */
static struct bus_entry search(struct bus *b, uint64_t addr)
{
	unsigned int lo = 0, hi = LOAD(b->nr);

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (LOAD(b->entries[mid].last) < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo >= BUS_MAX_RANGES)
		return (struct bus_entry){ .range = NULL };
	return (struct bus_entry){ .base = LOAD(b->entries[lo].base),
				   .last = LOAD(b->entries[lo].last),
				   .range = lo < LOAD(b->nr)
						    ? LOAD(b->entries[lo].range)
						    : NULL };
}

/* The range that holds all of [addr, addr + len), with its base of now. */
static const struct bus_range *lookup(struct bus *b, uint64_t addr,
				      unsigned int len, uint64_t *offset)
{
	struct bus_entry entry;
	unsigned int seq;

	do {
		while ((seq = __atomic_load_n(&b->seq, __ATOMIC_ACQUIRE)) & 1)
			__builtin_ia32_pause();
		entry = search(b, addr);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (LOAD(b->seq) != seq);

	if (!entry.range || addr < entry.base || len - 1 > entry.last - addr)
		return NULL;
	*offset = addr - entry.base;
	return entry.range;
}

bool bus_read(struct bus *b, uint64_t addr, unsigned int len, uint64_t *value)
{
	uint64_t offset;
	const struct bus_range *r = lookup(b, addr, len, &offset);

	*value = r ? r->ops->read(r->dev, offset, len) : all_ones(len);
	return r != NULL;
}

bool bus_write(struct bus *b, uint64_t addr, unsigned int len, uint64_t value)
{
	uint64_t offset;
	const struct bus_range *r = lookup(b, addr, len, &offset);

	if (r)
		r->ops->write(r->dev, offset, len, value);
	return r != NULL;
}

/* --- doorbells --- */

void bus_set_doorbells(struct bus *b, const struct bus_doorbell_ops *ops,
		       void *ctx)
{
	b->doorbells = ops;
	b->doorbells_ctx = ctx;
}

int bus_add_doorbell(struct bus *b, uint64_t addr, int fd, struct err *e)
{
	return b->doorbells ? b->doorbells->add(b->doorbells_ctx, addr, fd, e)
			    : 0;
}

void bus_del_doorbell(struct bus *b, uint64_t addr, int fd)
{
	if (b->doorbells)
		b->doorbells->del(b->doorbells_ctx, addr, fd);
}

/* --- writes that may come late --- */

void bus_set_posted(struct bus *b, const struct bus_posted_ops *ops, void *ctx)
{
	b->posted = ops;
	b->posted_ctx = ctx;
}

void bus_post(struct bus *b, uint64_t addr, uint64_t len)
{
	struct err e = { 0 };

	if (b->posted && b->posted->add(b->posted_ctx, addr, len, &e))
		log_debug(b->name, "%s", e.msg);
}

void bus_unpost(struct bus *b, uint64_t addr, uint64_t len)
{
	if (b->posted)
		b->posted->del(b->posted_ctx, addr, len);
}

void bus_drain(struct bus *b)
{
	if (b->posted)
		b->posted->drain(b->posted_ctx);
}

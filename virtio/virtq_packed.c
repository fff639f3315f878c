// SPDX-License-Identifier: GPL-2.0-or-later
/* Packed virtqueues (virtio 1.2, 2.8). */
/*
 * How this works
 *
 * One ring, which both sides write: the driver puts descriptors, we overwrite
 * them with used ones, in order of use. Two bits of each say whose turn it is,
 * against a wrap counter that flips at each round. Positions here are
 * {wrap counter, index} in 16 bits, as in the event suppression areas.
 *
 * A chain takes as many entries as it has descriptors and is answered by one
 * used descriptor; the writer then skips the others. A flush shows many at
 * once: their flags are written as they are pushed, but for those of the first,
 * which come last, with release. The driver goes by order, so until then it
 * sees none.
 */
#include <errno.h>

#include "src/base/bits.h"
#include "virtio/priv.h"

enum {
	WRAP = 1 << VRING_PACKED_EVENT_F_WRAP_CTR,
	AVAIL = 1 << VRING_PACKED_DESC_F_AVAIL,
	USED = 1 << VRING_PACKED_DESC_F_USED,
};

static unsigned int index_of(uint16_t pos)
{
	return pos & (WRAP - 1u);
}

/* by is at most the ring's size. */
static uint16_t advance(const struct virtq *q, uint16_t pos, unsigned int by)
{
	unsigned int i = index_of(pos) + by, wrap = pos & WRAP;

	if (i >= q->setup.size) {
		i -= q->setup.size;
		wrap ^= WRAP;
	}
	return (uint16_t)(i | wrap);
}

static uint16_t retreat(const struct virtq *q, uint16_t pos, unsigned int by)
{
	/* A whole round back is the same index in the other round. */
	return advance(q, (uint16_t)(pos ^ WRAP), q->setup.size - by);
}

int packed_start(struct virtq *q, const char **why)
{
	const struct virtq_setup *s = &q->setup;
	uint64_t len = s->size * sizeof(struct vring_packed_desc);

	/* Alignments: 2.8.10.1. */
	*why = "its descriptor ring";
	q->packed.desc = mem_ptr(q->mem, s->desc, len);
	if (s->desc % 16 || !q->packed.desc)
		return -EINVAL;
	*why = "its driver event suppression";
	q->packed.driver = mem_ptr(q->mem, s->driver, 4);
	if (s->driver % 4 || !q->packed.driver)
		return -EINVAL;
	*why = "its device event suppression";
	q->packed.device = mem_ptr(q->mem, s->device, 4);
	if (s->device % 4 || !q->packed.device)
		return -EINVAL;
	q->next_avail = q->next_used = q->flushed_used = WRAP; /* 2.8.1 */
	return 0;
}

struct virtq_desc packed_desc(const struct vring_packed_desc *from)
{
	return (struct virtq_desc){
		.addr = __atomic_load_n(&from->addr, __ATOMIC_RELAXED),
		.len = __atomic_load_n(&from->len, __ATOMIC_RELAXED),
		.flags = __atomic_load_n(&from->flags, __ATOMIC_RELAXED),
		.id = __atomic_load_n(&from->id, __ATOMIC_RELAXED),
	};
}

static bool is_avail(const struct virtq *q)
{
	const struct vring_packed_desc *d =
		&q->packed.desc[index_of(q->next_avail)];
	uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);
	bool wrap = q->next_avail & WRAP;

	return !!(flags & AVAIL) == wrap && !!(flags & USED) != wrap;
}

/* Of the descriptors of a chain the last has the buffer ID. */
static int packed_walk(struct virtq *q, struct virtq_chain *c)
{
	unsigned int left = q->setup.size - q->nr_slots_popped;
	uint16_t pos = q->next_avail;

	for (c->nr_slots = 1; c->nr_slots <= left; c->nr_slots++) {
		struct virtq_desc d =
			packed_desc(&q->packed.desc[index_of(pos)]);
		int ret;

		c->id = d.id;
		if (d.flags & VRING_DESC_F_INDIRECT) {
			if (c->nr_slots > 1 || d.flags & VRING_DESC_F_NEXT)
				return virtq_break(
					q, "an indirect table in a chain");
			return virtq_chain_add_table(q, c, &d);
		}
		ret = virtq_chain_add(q, c, &d);
		if (ret || !(d.flags & VRING_DESC_F_NEXT))
			return ret;
		pos = advance(q, pos, 1);
	}
	return virtq_break(q, "a chain longer than the ring");
}

int packed_pop(struct virtq *q, struct virtq_chain *c)
{
	int ret;

	if (!is_avail(q))
		return 0;
	ret = packed_walk(q, c);
	if (ret)
		return ret;
	q->next_avail = advance(q, q->next_avail, c->nr_slots);
	q->nr_slots_popped += c->nr_slots;
	return 1;
}

void packed_unpop(struct virtq *q, const struct virtq_chain *c)
{
	q->next_avail = retreat(q, q->next_avail, c->nr_slots);
	q->nr_slots_popped -= c->nr_slots;
}

void packed_put(struct virtq *q, const struct virtq_batch *b)
{
	struct vring_packed_desc *d = &q->packed.desc[index_of(b->pos)];
	uint16_t flags = b->pos & WRAP ? AVAIL | USED : 0;

	if (b->has_in)
		flags |= VRING_DESC_F_WRITE; /* 2.8.4: len is valid */
	__atomic_store_n(&d->id, b->id, __ATOMIC_RELAXED);
	__atomic_store_n(&d->len, b->written, __ATOMIC_RELAXED);
	if (b->pos != q->flushed_used)
		__atomic_store_n(&d->flags, flags, __ATOMIC_RELEASE);
	else
		q->first_flags = flags;
}

void packed_skip(struct virtq *q, uint16_t nr_slots)
{
	q->nr_slots_popped -= nr_slots;
	q->next_used = advance(q, q->next_used, nr_slots);
}

/* 2.8.10: the event lies in what was written since the last flush. */
static bool event_passed(const struct virtq *q, uint16_t event, unsigned int nr)
{
	unsigned int at = index_of(event);

	/* Counted from the round that the new position is in. */
	if ((event ^ q->next_used) & WRAP)
		at -= q->setup.size;
	return virtq_event_passed((uint16_t)at,
				  (uint16_t)index_of(q->next_used),
				  (uint16_t)(index_of(q->next_used) - nr));
}

bool packed_flush(struct virtq *q)
{
	struct vring_packed_desc *first =
		&q->packed.desc[index_of(q->flushed_used)];
	uint16_t flags;
	unsigned int nr = q->nr_unflushed;

	__atomic_store_n(&first->flags, q->first_flags, __ATOMIC_RELEASE);
	q->flushed_used = q->next_used;
	q->nr_unflushed = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	flags = __atomic_load_n(&q->packed.driver->flags, __ATOMIC_ACQUIRE) & 3;
	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return false;
	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !q->setup.has_event_idx)
		return true;
	return event_passed(
		q,
		__atomic_load_n(&q->packed.driver->off_wrap, __ATOMIC_RELAXED),
		nr);
}

bool packed_kick_on(struct virtq *q)
{
	uint16_t flags = VRING_PACKED_EVENT_FLAG_ENABLE;

	if (q->setup.has_event_idx) {
		flags = VRING_PACKED_EVENT_FLAG_DESC;
		__atomic_store_n(&q->packed.device->off_wrap, q->next_avail,
				 __ATOMIC_RELAXED);
	}
	__atomic_store_n(&q->packed.device->flags, flags, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return is_avail(q);
}

void packed_kick_off(struct virtq *q)
{
	__atomic_store_n(&q->packed.device->flags,
			 VRING_PACKED_EVENT_FLAG_DISABLE, __ATOMIC_RELAXED);
}

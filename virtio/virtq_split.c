// SPDX-License-Identifier: GPL-2.0-or-later
/* Split virtqueues (virtio 1.2, 2.7). */
/*
 * How this works
 *
 * Three areas: descriptors, the available ring that only the driver writes and
 * the used ring that only we write. Indices run freely through 16 bits. The
 * driver's index is read with acquire, so that what it published is seen; ours
 * is written with release, once per flush.
 *
 * Interrupts and kicks: with the event index each side says at which index it
 * next wants to hear, else each has a flag. Asking for a kick, or deciding that
 * no interrupt is wanted, needs a full fence between our write and the look at
 * the other side's, or both could miss each other.
 */
#include <errno.h>

#include "src/base/bits.h"
#include "virtio/priv.h"

int split_start(struct virtq *q, const char **why)
{
	const struct virtq_setup *s = &q->setup;
	uint64_t n = s->size;

	if (!is_pow2(n))
		return -EINVAL;
	/* Alignments: 2.7, "Virtqueue part". Ends with the event index. */
	*why = "its descriptor table";
	q->split.desc = mem_ptr(q->mem, s->desc, n * sizeof(struct vring_desc));
	if (s->desc % VRING_DESC_ALIGN_SIZE || !q->split.desc)
		return -EINVAL;
	*why = "its available ring";
	q->split.avail = mem_ptr(q->mem, s->driver, 6 + 2 * n);
	if (s->driver % VRING_AVAIL_ALIGN_SIZE || !q->split.avail)
		return -EINVAL;
	*why = "its used ring";
	q->split.used = mem_ptr(q->mem, s->device, 6 + 8 * n);
	if (s->device % VRING_USED_ALIGN_SIZE || !q->split.used)
		return -EINVAL;
	return 0;
}

struct virtq_desc split_desc(const struct vring_desc *from)
{
	return (struct virtq_desc){
		.addr = __atomic_load_n(&from->addr, __ATOMIC_RELAXED),
		.len = __atomic_load_n(&from->len, __ATOMIC_RELAXED),
		.flags = __atomic_load_n(&from->flags, __ATOMIC_RELAXED),
		.id = __atomic_load_n(&from->next, __ATOMIC_RELAXED),
	};
}

static int split_walk(struct virtq *q, struct virtq_chain *c, uint16_t head)
{
	unsigned int i = head;

	for (unsigned int seen = 0; seen < q->setup.size; seen++) {
		struct virtq_desc d = split_desc(&q->split.desc[i]);
		int ret;

		if (d.flags & VRING_DESC_F_INDIRECT) {
			if (d.flags & VRING_DESC_F_NEXT)
				return virtq_break(
					q, "a chain behind an indirect table");
			return virtq_chain_add_table(q, c, &d);
		}
		ret = virtq_chain_add(q, c, &d);
		if (ret || !(d.flags & VRING_DESC_F_NEXT))
			return ret;
		i = d.id;
		if (i >= q->setup.size)
			return virtq_break(q, "a link out of the table");
	}
	return virtq_break(q, "a loop of descriptors");
}

int split_pop(struct virtq *q, struct virtq_chain *c)
{
	unsigned int mask = q->setup.size - 1;
	uint16_t avail =
		__atomic_load_n(&q->split.avail->idx, __ATOMIC_ACQUIRE);
	uint16_t head;
	int ret;

	if (avail == q->next_avail)
		return 0;
	if ((uint16_t)(avail - q->next_avail) > q->setup.size)
		return virtq_break(q, "an available index that ran ahead");
	if (q->nr_popped == q->setup.size)
		return virtq_break(q, "more chains than the ring has entries");
	head = __atomic_load_n(&q->split.avail->ring[q->next_avail & mask],
			       __ATOMIC_RELAXED);
	if (head >= q->setup.size)
		return virtq_break(q, "a head outside the table");
	c->id = head;
	c->nr_slots = 1;
	ret = split_walk(q, c, head);
	if (ret)
		return ret;
	q->next_avail++;
	return 1;
}

void split_put(struct virtq *q, const struct virtq_batch *b)
{
	struct vring_used_elem *to =
		&q->split.used->ring[b->pos & (q->setup.size - 1)];

	__atomic_store_n(&to->id, b->id, __ATOMIC_RELAXED);
	__atomic_store_n(&to->len, b->written, __ATOMIC_RELAXED);
}

/* What lies behind the rings when the event index is negotiated. */
static uint16_t used_event(const struct virtq *q)
{
	return __atomic_load_n(&q->split.avail->ring[q->setup.size],
			       __ATOMIC_RELAXED);
}

static void put_avail_event(struct virtq *q, uint16_t event)
{
	uint16_t *at = (uint16_t *)(void *)&q->split.used->ring[q->setup.size];

	__atomic_store_n(at, event, __ATOMIC_RELAXED);
}

bool split_flush(struct virtq *q)
{
	uint16_t old = q->flushed_used, new = q->next_used;

	q->flushed_used = new;
	q->nr_unflushed = 0;
	__atomic_store_n(&q->split.used->idx, new, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (q->setup.has_event_idx)
		return virtq_event_passed(used_event(q), new, old);
	return !(__atomic_load_n(&q->split.avail->flags, __ATOMIC_RELAXED) &
		 VRING_AVAIL_F_NO_INTERRUPT);
}

bool split_kick_on(struct virtq *q)
{
	if (q->setup.has_event_idx)
		put_avail_event(q, q->next_avail);
	else
		__atomic_store_n(&q->split.used->flags, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&q->split.avail->idx, __ATOMIC_RELAXED) !=
	       q->next_avail;
}

/* With the event index nothing has to be said: the driver has passed the event
 * that it would kick for. */
void split_kick_off(struct virtq *q)
{
	if (!q->setup.has_event_idx)
		__atomic_store_n(&q->split.used->flags, VRING_USED_F_NO_NOTIFY,
				 __ATOMIC_RELAXED);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* What split and packed virtqueues have in common: chains and their checks. */
/*
 * How this works
 *
 * A ring's memory is looked up once, when the driver enables the queue: RAM
 * does not move while a vCPU may run. Buffers are looked up as they come.
 *
 * Each descriptor is copied once and then judged, so a guest that changes it
 * meanwhile changes nothing. A chain ends after VIRTQ_MAX_CHAIN descriptors at
 * most, whatever its links say; a loop is then an error like any other. More
 * entries outstanding than the ring has are one, too. Any error breaks the
 * queue for good: its device asks for a reset (2.1.1, DEVICE_NEEDS_RESET).
 *
 * Chains that come back in order need not each have a used entry: one, with the
 * ID of the last, stands for all before it whose buffers were used to the end
 * (2.7.9, 2.8.9). It lies where that of the first would, so it is kept until a
 * chain was not written to its end, or the driver is to see it.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/base/err.h"
#include "virtio/priv.h"

int virtq_break(struct virtq *q, const char *why)
{
	if (!q->is_broken)
		q->why_broken = why;
	q->is_broken = true;
	return -EPROTO;
}

/* --- chains --- */

/* One buffer is more than one piece only where RAM is in pieces. */
static int add_piece(struct virtq *q, struct virtq_chain *c, void *hva,
		     uint64_t len, bool is_in)
{
	unsigned int nr = c->nr_out + c->nr_in;

	if (nr == c->max_iov)
		return virtq_break(q, "a chain of too many buffers");
	c->iov[nr] = (struct iovec){ .iov_base = hva, .iov_len = len };
	if (is_in)
		c->nr_in++;
	else
		c->nr_out++;
	return 0;
}

static int add_in_pieces(struct virtq *q, struct virtq_chain *c, gpa_t gpa,
			 uint64_t len, bool is_in)
{
	int ret = 0;

	while (!ret && len) {
		uint64_t here = mem_ram_span(q->mem, gpa, len);

		if (!here)
			return virtq_break(q, "a buffer that is not RAM");
		ret = add_piece(q, c, mem_ptr(q->mem, gpa, here), here, is_in);
		gpa += here;
		len -= here;
	}
	return ret;
}

int virtq_chain_add(struct virtq *q, struct virtq_chain *c,
		    const struct virtq_desc *d)
{
	bool is_in = d->flags & VRING_DESC_F_WRITE;
	void *hva;

	if (!is_in && c->nr_in)
		return virtq_break(q,
				   "a readable buffer behind a writable one");
	if (!d->len)
		return 0;
	if (is_in)
		c->in_len += d->len;
	else
		c->out_len += d->len;
	hva = mem_ptr(q->mem, d->addr, d->len);
	if (hva)
		return add_piece(q, c, hva, d->len, is_in);
	return add_in_pieces(q, c, d->addr, d->len, is_in);
}

static struct virtq_desc table_desc(const struct virtq *q, const uint8_t *raw)
{
	struct vring_packed_desc packed;
	struct vring_desc split;

	if (q->setup.is_packed) {
		memcpy(&packed, raw, sizeof(packed));
		return packed_desc(&packed);
	}
	memcpy(&split, raw, sizeof(split));
	return split_desc(&split);
}

int virtq_chain_add_table(struct virtq *q, struct virtq_chain *c,
			  const struct virtq_desc *table)
{
	const unsigned int each = sizeof(struct vring_desc);
	unsigned int nr = table->len / each, i = 0;

	static_assert(sizeof(struct vring_packed_desc) ==
			      sizeof(struct vring_desc),
		      "both kinds of table have entries of 16 bytes");
	if (!q->setup.has_indirect)
		return virtq_break(q, "an indirect table, not negotiated");
	if (!nr || table->len % each)
		return virtq_break(q,
				   "an indirect table of a senseless length");
	for (unsigned int seen = 0; seen < VIRTQ_MAX_CHAIN; seen++) {
		uint8_t raw[sizeof(struct vring_desc)];
		struct virtq_desc d;
		int ret;

		if (mem_read(q->mem, table->addr + (uint64_t)i * each, raw,
			     sizeof(raw)))
			return virtq_break(q, "an indirect table not in RAM");
		d = table_desc(q, raw);
		if (d.flags & VRING_DESC_F_INDIRECT)
			return virtq_break(q, "an indirect table in another");
		ret = virtq_chain_add(q, c, &d);
		if (ret)
			return ret;
		/* 2.8.7: in a packed ring's table the next one is the next. */
		if (q->setup.is_packed ? i + 1 == nr
				       : !(d.flags & VRING_DESC_F_NEXT))
			return 0;
		i = q->setup.is_packed ? i + 1 : d.id;
		if (i >= nr)
			return virtq_break(q,
					   "a link out of an indirect table");
	}
	return virtq_break(q, "a chain of too many descriptors");
}

/* --- the queue --- */

int virtq_start(struct virtq *q, const struct mem *mem,
		const struct virtq_setup *setup, const char **why)
{
	int ret;

	*q = (struct virtq){ .mem = mem, .setup = *setup };
	*why = "its size";
	if (!setup->size || setup->size > VIRTQ_MAX_SIZE)
		ret = -EINVAL;
	else if (setup->is_packed)
		ret = packed_start(q, why);
	else
		ret = split_start(q, why);
	if (ret)
		virtq_stop(q);
	return ret;
}

void virtq_stop(struct virtq *q)
{
	*q = (struct virtq){ 0 };
}

int virtq_pop(struct virtq *q, struct virtq_chain *c)
{
	int ret;

	if (!virtq_is_live(q))
		return -EPROTO;
	c->nr_out = c->nr_in = 0;
	c->out_len = c->in_len = 0;
	ret = q->setup.is_packed ? packed_pop(q, c) : split_pop(q, c);
	if (ret > 0)
		q->nr_popped++;
	return ret;
}

void virtq_unpop(struct virtq *q, const struct virtq_chain *c)
{
	BUG_ON(!q->nr_popped);
	q->nr_popped--;
	if (q->setup.is_packed)
		packed_unpop(q, c);
	else
		q->next_avail--;
}

static void put_batch(struct virtq *q)
{
	if (!q->batch.nr_slots)
		return;
	if (q->setup.is_packed)
		packed_put(q, &q->batch);
	else
		split_put(q, &q->batch);
	q->batch.nr_slots = 0;
}

void virtq_push(struct virtq *q, const struct virtq_chain *c, uint32_t written)
{
	struct virtq_batch *b = &q->batch;

	if (!virtq_is_live(q))
		return;
	BUG_ON(!q->nr_popped);
	q->nr_popped--;
	q->nr_unflushed += c->nr_slots;
	if (!b->nr_slots)
		b->pos = q->next_used;
	b->id = c->id;
	b->written = written;
	b->has_in = c->in_len;
	b->nr_slots += c->nr_slots;
	if (q->setup.is_packed)
		packed_skip(q, c->nr_slots);
	else
		q->next_used++;
	if (!q->setup.is_in_order || written < c->in_len)
		put_batch(q);
}

bool virtq_flush(struct virtq *q)
{
	if (!virtq_is_live(q) || !q->nr_unflushed)
		return false;
	put_batch(q);
	return q->setup.is_packed ? packed_flush(q) : split_flush(q);
}

bool virtq_kick_on(struct virtq *q)
{
	if (!virtq_is_live(q))
		return false;
	return q->setup.is_packed ? packed_kick_on(q) : split_kick_on(q);
}

void virtq_kick_off(struct virtq *q)
{
	if (!virtq_is_live(q))
		return;
	if (q->setup.is_packed)
		packed_kick_off(q);
	else
		split_kick_off(q);
}

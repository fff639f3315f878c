// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2: from guest addresses to the file, without waiting. */
/*
 * How this works
 *
 * A request whose L2 tables are in memory, and which needs no new cluster, is
 * turned into spans of files under the image's lock and goes to the kernel from
 * the queue's own thread. All else is left to the worker. What is not allocated
 * comes from the image below, in the same way; locks are taken downwards.
 *
 * While such I/O is under way its clusters must not become something else: a
 * write that comes late would land in another file's data, or in a table. So
 * each request counts in the epoch in which it was mapped. The worker, before
 * it gives clusters away that no table names any more, begins a new epoch and
 * waits for the old one to empty (qcow2_wait_mapped).
 */
#include "src/block/qcow2.h"

enum qcow2_kind qcow2_kind_of(uint64_t entry)
{
	bool has_offset = (entry & QCOW2_OFFSET_MASK) != 0;

	if (entry & QCOW2_COMPRESSED)
		return QCOW2_PACKED;
	if (entry & QCOW2_ZERO)
		return has_offset ? QCOW2_ZERO_ALLOCATED : QCOW2_ZERO_PLAIN;
	return has_offset ? QCOW2_NORMAL : QCOW2_UNALLOCATED;
}

/* "Compressed Clusters Descriptor" */
struct extent qcow2_packed_extent(const struct qcow2 *q, uint64_t entry)
{
	unsigned int shift = 62 - (q->h.cluster_bits - 8);
	uint64_t offset = entry & ((1ULL << shift) - 1);
	uint64_t sectors =
		(entry & ~(QCOW2_COPIED | QCOW2_COMPRESSED)) >> shift;

	return (struct extent){ offset, (sectors + 1) * 512 - (offset & 511) };
}

/* What is not allocated: the image below, or zeroes. */
static uint64_t map_below(const struct qcow2 *q, uint64_t offset,
			  uint64_t bytes, struct block_span *span)
{
	if (q->backing)
		return q->backing->format->map_read(q->backing, offset, bytes,
						    span);
	*span = (struct block_span){ NULL, 0, bytes };
	return bytes;
}

/* One run of what is alike from offset on; 0: the worker has to. */
static uint64_t map_one(struct qcow2 *q, bool write, uint64_t offset,
			uint64_t bytes, struct block_span *span)
{
	uint64_t l1_index = offset / q->l2_covers;
	uint64_t in = offset & (q->cluster_bytes - 1);
	const uint8_t *table;
	uint64_t entry, n;

	n = min_u64(bytes, q->l2_covers - offset % q->l2_covers);
	if (!(q->l1[l1_index] & QCOW2_OFFSET_MASK))
		return write ? 0 : map_below(q, offset, n, span);
	table = cache_find(&q->l2, l1_index);
	if (!table)
		return 0;
	n = min_u64(n, q->cluster_bytes - in);
	entry = get_be64(table +
			 8 * (offset / q->cluster_bytes % q->l2_entries));
	switch (qcow2_kind_of(entry)) {
	case QCOW2_NORMAL:
		if (write && !(entry & QCOW2_COPIED))
			return 0;
		*span = (struct block_span){ q->file,
					     (entry & QCOW2_OFFSET_MASK) + in,
					     n };
		return n;
	case QCOW2_ZERO_PLAIN:
	case QCOW2_ZERO_ALLOCATED:
		*span = (struct block_span){ NULL, 0, n };
		return write ? 0 : n;
	case QCOW2_UNALLOCATED:
		return write ? 0 : map_below(q, offset, n, span);
	default:
		return 0;
	}
}

/* Is next the rest of span? */
static bool goes_on(const struct block_span *span,
		    const struct block_span *next)
{
	return span->file == next->file &&
	       (!span->file || span->pos + span->bytes == next->pos);
}

static unsigned int map_all(struct qcow2 *q, const struct block_req *r,
			    struct block_span *spans, unsigned int max)
{
	uint64_t at = 0;
	unsigned int n = 0;

	while (at < r->bytes) {
		struct block_span next;
		uint64_t got = map_one(q, r->op == BLOCK_WRITE, r->offset + at,
				       r->bytes - at, &next);

		if (!got)
			return 0;
		next.bytes = got;
		if (n && goes_on(&spans[n - 1], &next))
			spans[n - 1].bytes += got;
		else if (n == max)
			return 0;
		else
			spans[n++] = next;
		at += got;
	}
	return n;
}

int qcow2_map(struct block *b, struct block_req *r, struct block_span *spans,
	      unsigned int max)
{
	struct qcow2 *q = qcow2_of(b);
	unsigned int n = 0;

	pthread_mutex_lock(&q->lock);
	if (r->op == BLOCK_READ || (r->op == BLOCK_WRITE && !q->is_corrupt))
		n = map_all(q, r, spans, max);
	else if (r->op == BLOCK_FLUSH && !q->needs_flush && !q->is_corrupt)
		spans[n++] = (struct block_span){ q->file, 0, 0 };
	if (n) {
		r->epoch = q->epoch;
		q->nr_mapped[q->epoch]++;
	}
	pthread_mutex_unlock(&q->lock);
	return (int)n;
}

void qcow2_map_end(struct block *b, const struct block_req *r)
{
	struct qcow2 *q = qcow2_of(b);

	pthread_mutex_lock(&q->lock);
	if (!--q->nr_mapped[r->epoch])
		pthread_cond_signal(&q->quiet);
	pthread_mutex_unlock(&q->lock);
}

uint64_t qcow2_map_read(struct block *b, uint64_t offset, uint64_t bytes,
			struct block_span *span)
{
	struct qcow2 *q = qcow2_of(b);
	uint64_t n;

	if (offset >= b->info.bytes) {
		*span = (struct block_span){ NULL, 0, bytes };
		return bytes;
	}
	pthread_mutex_lock(&q->lock);
	n = map_one(q, false, offset, min_u64(bytes, b->info.bytes - offset),
		    span);
	pthread_mutex_unlock(&q->lock);
	return n;
}

void qcow2_wait_mapped(struct qcow2 *q)
{
	unsigned int old;

	pthread_mutex_lock(&q->lock);
	old = q->epoch;
	q->epoch = !old;
	while (q->nr_mapped[old])
		pthread_cond_wait(&q->quiet, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2: discard, and writing zeroes, which are entries of a table. */
/*
 * How this works
 *
 * Both work on whole clusters. Version 3 has an entry that says zero, with or
 * without a place of its own; version 2 can only forget a cluster, which is as
 * good if no image is below.
 *
 * What a discard covers only in part stays. What zeroes cover in part, or what
 * an entry cannot say, is written.
 */
#include <errno.h>

#include "src/block/qcow2.h"

struct change {
	bool discard, unmap;
};

/* The entry that takes old's place; old: it stays. UINT64_MAX: an entry cannot
 * say this. */
static uint64_t entry_for(const struct qcow2 *q, const struct change *c,
			  uint64_t old)
{
	enum qcow2_kind kind = qcow2_kind_of(old);
	bool v3 = q->h.version >= 3;
	/* Reads as zeroes and has no place. */
	uint64_t nothing = q->backing ? QCOW2_ZERO : 0;

	if (kind == QCOW2_ZERO_PLAIN ||
	    (kind == QCOW2_UNALLOCATED && !q->backing))
		return old;
	if (nothing && !v3)
		return c->discard ? old : UINT64_MAX;
	if (c->discard || c->unmap || kind == QCOW2_UNALLOCATED ||
	    kind == QCOW2_PACKED || (v3 && !(old & QCOW2_COPIED)))
		return nothing;
	return v3 ? old | QCOW2_ZERO : UINT64_MAX;
}

static int write_zero_cluster(struct qcow2 *q, uint64_t offset, uint64_t bytes)
{
	static const uint8_t zeroes[4096];

	while (bytes) {
		struct iovec iov = { .iov_len =
					     min_u64(bytes, sizeof(zeroes)) };
		const void *from = zeroes;
		int ret;

		memcpy(&iov.iov_base, &from, sizeof(from));
		ret = qcow2_write(q, (struct iov_pos){ &iov, 1, 0 }, offset,
				  iov.iov_len);
		if (ret)
			return ret;
		offset += iov.iov_len;
		bytes -= iov.iov_len;
	}
	return 0;
}

static int change_one(struct qcow2 *q, const struct change *c, uint8_t *table,
		      uint64_t offset)
{
	uint64_t i = offset / q->cluster_bytes % q->l2_entries;
	uint64_t old = get_be64(table + i * 8);
	uint64_t entry = entry_for(q, c, old);

	if (entry == old)
		return 0;
	if (entry == UINT64_MAX)
		return write_zero_cluster(
			q, offset,
			min_u64(q->cluster_bytes, q->b->info.bytes - offset));
	qcow2_l2_set(q, table, i, 1, entry, 0);
	/* A place that was kept is still in use. */
	if (!(entry & QCOW2_OFFSET_MASK))
		qcow2_release(q, old);
	return 0;
}

/* Is there nothing to do where no L2 table is? */
static bool may_skip(const struct qcow2 *q, const struct change *c,
		     uint64_t l1_index)
{
	return !(q->l1[l1_index] & QCOW2_OFFSET_MASK) &&
	       (!q->backing || (c->discard && q->h.version < 3));
}

static int change_clusters(struct qcow2 *q, const struct change *c,
			   uint64_t offset, uint64_t end)
{
	int ret = qcow2_begin_change(q);

	while (offset < end && !ret) {
		uint64_t l1_index = offset / q->l2_covers;
		uint8_t *table;

		if (may_skip(q, c, l1_index)) {
			offset = (l1_index + 1) * q->l2_covers;
			continue;
		}
		ret = qcow2_l2_write(q, l1_index, &table);
		if (!ret)
			ret = change_one(q, c, table, offset);
		offset += q->cluster_bytes;
	}
	return ret;
}

/* Whole clusters of a range; the last one of the disk may be short. */
static void whole_clusters(const struct qcow2 *q, uint64_t offset,
			   uint64_t bytes, uint64_t *start, uint64_t *end)
{
	*start = align_up(offset, q->cluster_bytes);
	*end = offset + bytes == q->b->info.bytes
		       ? align_up(offset + bytes, q->cluster_bytes)
		       : align_down(offset + bytes, q->cluster_bytes);
}

int qcow2_discard(struct qcow2 *q, uint64_t offset, uint64_t bytes)
{
	struct change c = { .discard = true };
	uint64_t start, end;

	if (q->is_corrupt)
		return -EIO;
	whole_clusters(q, offset, bytes, &start, &end);
	return start < end ? change_clusters(q, &c, start, end) : 0;
}

int qcow2_write_zeroes(struct qcow2 *q, uint64_t offset, uint64_t bytes,
		       bool unmap)
{
	struct change c = { .unmap = unmap };
	uint64_t start, end, last = offset + bytes;
	int ret;

	if (q->is_corrupt)
		return -EIO;
	whole_clusters(q, offset, bytes, &start, &end);
	if (start >= end)
		return write_zero_cluster(q, offset, bytes);
	ret = write_zero_cluster(q, offset, start - offset);
	if (!ret)
		ret = change_clusters(q, &c, start, end);
	if (!ret && end < last)
		ret = write_zero_cluster(q, end, last - end);
	return ret;
}

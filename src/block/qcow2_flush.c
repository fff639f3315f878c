// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2: writing what changed, in an order that a crash may cut anywhere. */
/*
 * How this works
 *
 * Tables change in memory; the disk hears of it when the guest flushes, when a
 * table has to make room, or at the end. What names must not be on the disk
 * before what is named, so:
 *
 *   1. refcounts go up (blocks, then the table that names them, then the header
 *      that names the table); the guest's data was written before;
 *   2. L2 tables name the new clusters and forget the old ones, and L1 names
 *      new L2 tables;
 *   3. what nothing names any more is given up: refcounts go down in memory,
 * and reach the disk at the next step 1.
 *
 * Between the steps the file is synchronized, so that this holds for a host
 * that crashes as well as for a strait that is killed. Cut anywhere, it leaves
 * clusters that are counted and not named: lost space, no damage.
 *
 * With lazy refcounts step 1 is left out until the image is closed, and the
 * header says so by its dirty bit, which is set before anything else changes.
 */
#include <errno.h>

#include "src/block/qcow2.h"

/* Writes all dirty tables of a cache; names says where they belong. */
static int write_tables(struct qcow2 *q, struct table_cache *c,
			const uint64_t *names)
{
	for (unsigned int i = 0; i < c->nr_slots && c->nr_dirty; i++) {
		struct table_slot *s = &c->slots[i];
		int ret;

		if (!s->is_dirty)
			continue;
		ret = file_write_buf(q->file, cache_slot_data(c, i),
				     names[s->index] & QCOW2_OFFSET_MASK,
				     q->cluster_bytes);
		if (ret)
			return ret;
		s->is_dirty = false;
		c->nr_dirty--;
	}
	return 0;
}

/* Entries [first, end) of a table in memory, to the table at offset. */
static int write_entries(struct qcow2 *q, const uint64_t *table,
			 uint64_t offset, uint64_t first, uint64_t end)
{
	uint8_t be[4096];

	while (first < end) {
		uint64_t n = min_u64(end - first, sizeof(be) / 8);
		int ret;

		for (uint64_t i = 0; i < n; i++)
			put_be64(be + i * 8, table[first + i]);
		ret = file_write_buf(q->file, be, offset + first * 8, n * 8);
		if (ret)
			return ret;
		first += n;
	}
	return 0;
}

int qcow2_flush_refs(struct qcow2 *q)
{
	return write_tables(q, &q->refs, q->reftable);
}

/* Offset and number of clusters stand side by side. */
static int write_header_reftable(struct qcow2 *q)
{
	uint8_t be[12];

	put_be64(be, q->h.reftable_offset);
	put_be32(be + 8, q->h.reftable_clusters);
	return file_write_buf(q->file, be, QCOW2_AT_REFTABLE, sizeof(be));
}

static int write_reftable(struct qcow2 *q)
{
	int ret;

	if (q->reftable_dirty.first == q->reftable_dirty.end)
		return 0;
	ret = file_sync(q->file);
	if (!ret)
		ret = write_entries(q, q->reftable, q->h.reftable_offset,
				    q->reftable_dirty.first,
				    q->reftable_dirty.end);
	if (!ret && q->old_reftable.bytes)
		ret = file_sync(q->file);
	if (!ret && q->old_reftable.bytes)
		ret = write_header_reftable(q);
	if (ret)
		return ret;
	q->reftable_dirty.first = q->reftable_dirty.end = 0;
	if (!q->old_reftable.bytes)
		return 0;
	ret = qcow2_free_later(q, q->old_reftable.offset / q->cluster_bytes,
			       q->old_reftable.bytes / q->cluster_bytes);
	q->old_reftable = (struct extent){ 0 };
	return ret;
}

/* A new L2 table was written when it was made, and synchronized since, so what
 * L1 names is sound even if what the table has now does not arrive. */
static int write_l1(struct qcow2 *q)
{
	int ret;

	if (q->l1_dirty.first == q->l1_dirty.end)
		return 0;
	ret = write_entries(q, q->l1, q->h.l1_offset, q->l1_dirty.first,
			    q->l1_dirty.end);
	if (!ret)
		q->l1_dirty.first = q->l1_dirty.end = 0;
	return ret;
}

static int write_refs(struct qcow2 *q)
{
	int ret = qcow2_flush_refs(q);

	return ret ? ret : write_reftable(q);
}

static bool has_maps(const struct qcow2 *q)
{
	return q->l2.nr_dirty || q->l1_dirty.first != q->l1_dirty.end;
}

static int write_maps(struct qcow2 *q)
{
	int ret = file_sync(q->file);

	if (!ret)
		ret = write_tables(q, &q->l2, q->l1);
	return ret ? ret : write_l1(q);
}

static void set_needs_flush(struct qcow2 *q, bool needs)
{
	pthread_mutex_lock(&q->lock);
	q->needs_flush = needs;
	pthread_mutex_unlock(&q->lock);
}

static int flush_steps(struct qcow2 *q, bool with_refs)
{
	int ret = 0;

	if (q->is_corrupt)
		return -EIO;
	if (with_refs)
		ret = write_refs(q);
	if (!ret && has_maps(q))
		ret = write_maps(q);
	if (!ret)
		ret = file_sync(q->file);
	if (!ret)
		ret = qcow2_free_now(q);
	/* Not before: until then the queues' threads may not flush alone. */
	set_needs_flush(q, ret != 0);
	return ret;
}

int qcow2_flush(struct qcow2 *q)
{
	return flush_steps(q, !q->is_lazy || q->old_reftable.bytes);
}

static bool has_changes(const struct qcow2 *q)
{
	return has_maps(q) || q->refs.nr_dirty || q->nr_freed ||
	       q->reftable_dirty.first != q->reftable_dirty.end;
}

int qcow2_flush_all(struct qcow2 *q)
{
	int ret = 0;

	/* Step 3 leaves something for another step 1. */
	for (int i = 0; i < 3 && !ret && has_changes(q); i++)
		ret = flush_steps(q, true);
	if (ret || !q->is_dirty)
		return ret;
	q->h.incompatible &= ~(uint64_t)QCOW2_INCOMPAT_DIRTY;
	ret = qcow2_header_write64(q, QCOW2_AT_INCOMPATIBLE, q->h.incompatible);
	if (!ret)
		ret = file_sync(q->file);
	if (!ret)
		q->is_dirty = false;
	return ret;
}

int qcow2_begin_change(struct qcow2 *q)
{
	int ret;

	if (q->is_corrupt)
		return -EIO;
	if (!q->is_lazy || q->is_dirty)
		return 0;
	q->h.incompatible |= QCOW2_INCOMPAT_DIRTY;
	ret = qcow2_header_write64(q, QCOW2_AT_INCOMPATIBLE, q->h.incompatible);
	if (!ret)
		ret = file_sync(q->file);
	q->is_dirty = !ret;
	return ret;
}

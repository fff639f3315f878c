// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2's L2 tables: reading, making and changing them. */
/*
 * How this works
 *
 * A table is checked when it is read: each entry has to name a cluster of the
 * file that is none of the fixed tables. After that its entries are trusted.
 *
 * A new table is written at once, so that its space is there when what it will
 * hold has to be written; the L1 entry that names it waits for the next flush.
 */
#include <errno.h>

#include "src/block/qcow2.h"

static bool lies_in(uint64_t offset, uint64_t start, uint64_t bytes)
{
	return offset >= start && offset - start < bytes;
}

static bool is_fixed_table(const struct qcow2 *q, uint64_t offset)
{
	return lies_in(offset, q->h.l1_offset, q->h.l1_entries * 8ULL) ||
	       lies_in(offset, q->h.reftable_offset,
		       (uint64_t)q->h.reftable_clusters * q->cluster_bytes);
}

static bool is_sound(const struct qcow2 *q, uint64_t entry)
{
	uint64_t offset = entry & QCOW2_OFFSET_MASK;
	struct extent packed;

	switch (qcow2_kind_of(entry)) {
	case QCOW2_PACKED:
		packed = qcow2_packed_extent(q, entry);
		return packed.offset >= q->cluster_bytes &&
		       packed.offset < q->end;
	case QCOW2_UNALLOCATED:
		return true;
	case QCOW2_ZERO_PLAIN:
		return q->h.version >= 3;
	case QCOW2_ZERO_ALLOCATED:
		if (q->h.version < 3)
			return false;
		break;
	default:
		break;
	}
	return qcow2_is_cluster(q, offset) && !is_fixed_table(q, offset);
}

static int check_table(struct qcow2 *q, const uint8_t *table)
{
	for (uint64_t i = 0; i < q->l2_entries; i++) {
		uint64_t entry = get_be64(table + i * 8);

		if (!is_sound(q, entry))
			return qcow2_corrupt(
				q,
				"an L2 entry names what is no cluster of data",
				entry & QCOW2_OFFSET_MASK);
	}
	return 0;
}

/* A slot that nobody looks into. */
static int get_slot(struct qcow2 *q, unsigned int *slot)
{
	int ret = 0;

	pthread_mutex_lock(&q->lock);
	*slot = cache_victim(&q->l2);
	if (cache_slot_is_dirty(&q->l2, *slot)) {
		pthread_mutex_unlock(&q->lock);
		ret = qcow2_flush(q);
		pthread_mutex_lock(&q->lock);
	}
	if (!ret)
		cache_drop(&q->l2, *slot);
	pthread_mutex_unlock(&q->lock);
	return ret;
}

static uint8_t *find(struct qcow2 *q, uint64_t l1_index)
{
	uint8_t *table;

	pthread_mutex_lock(&q->lock);
	table = cache_find(&q->l2, l1_index);
	pthread_mutex_unlock(&q->lock);
	return table;
}

int qcow2_l2_read(struct qcow2 *q, uint64_t l1_index, uint8_t **table)
{
	uint64_t offset = q->l1[l1_index] & QCOW2_OFFSET_MASK;
	unsigned int slot;
	int ret;

	*table = NULL;
	if (!offset)
		return 0;
	*table = find(q, l1_index);
	if (*table)
		return 0;
	ret = get_slot(q, &slot);
	if (ret)
		return ret;
	*table = cache_slot_data(&q->l2, slot);
	ret = file_read_buf(q->file, *table, offset, q->cluster_bytes);
	if (!ret)
		ret = check_table(q, *table);
	if (ret)
		return ret;
	pthread_mutex_lock(&q->lock);
	cache_set(&q->l2, slot, l1_index);
	pthread_mutex_unlock(&q->lock);
	return 0;
}

static void mark_l1(struct qcow2 *q, uint64_t index)
{
	if (q->l1_dirty.first == q->l1_dirty.end) {
		q->l1_dirty.first = index;
		q->l1_dirty.end = index + 1;
		return;
	}
	if (index < q->l1_dirty.first)
		q->l1_dirty.first = index;
	if (index >= q->l1_dirty.end)
		q->l1_dirty.end = index + 1;
}

/* The new table of this index, in place of old, if there is one. */
static void put_table(struct qcow2 *q, uint64_t l1_index, unsigned int slot,
		      uint64_t offset)
{
	uint32_t was = q->l2.slot_of[l1_index];

	pthread_mutex_lock(&q->lock);
	if (was)
		cache_drop(&q->l2, was - 1);
	cache_set(&q->l2, slot, l1_index);
	q->l1[l1_index] = offset | QCOW2_COPIED;
	q->needs_flush = true;
	pthread_mutex_unlock(&q->lock);
	mark_l1(q, l1_index);
}

static int fill_table(struct qcow2 *q, uint64_t l1_index, uint8_t *table)
{
	uint64_t old = q->l1[l1_index] & QCOW2_OFFSET_MASK;
	const uint8_t *have = find(q, l1_index);
	int ret;

	if (!old) {
		memset(table, 0, q->cluster_bytes);
		return 0;
	}
	if (have) {
		memcpy(table, have, q->cluster_bytes);
		return 0;
	}
	ret = file_read_buf(q->file, table, old, q->cluster_bytes);
	return ret ? ret : check_table(q, table);
}

static int make_table(struct qcow2 *q, uint64_t l1_index, uint8_t **table)
{
	uint64_t old = q->l1[l1_index] & QCOW2_OFFSET_MASK, first, got;
	unsigned int slot;
	bool fresh;
	int ret = qcow2_alloc(q, 1, &first, &got, &fresh);

	if (ret)
		return ret;
	ret = get_slot(q, &slot);
	if (ret)
		goto out_unalloc;
	*table = cache_slot_data(&q->l2, slot);
	ret = fill_table(q, l1_index, *table);
	if (!ret)
		ret = file_write_buf(q->file, *table, first * q->cluster_bytes,
				     q->cluster_bytes);
	if (!ret && old)
		ret = qcow2_free_later(q, old / q->cluster_bytes, 1);
	if (ret)
		goto out_unalloc;
	put_table(q, l1_index, slot, first * q->cluster_bytes);
	return 0;
out_unalloc:
	qcow2_unalloc(q, first, 1);
	return ret;
}

int qcow2_l2_write(struct qcow2 *q, uint64_t l1_index, uint8_t **table)
{
	if (q->l1[l1_index] & QCOW2_COPIED &&
	    q->l1[l1_index] & QCOW2_OFFSET_MASK)
		return qcow2_l2_read(q, l1_index, table);
	return make_table(q, l1_index, table);
}

void qcow2_l2_set(struct qcow2 *q, uint8_t *table, uint64_t index, uint64_t nr,
		  uint64_t entry, uint64_t step)
{
	pthread_mutex_lock(&q->lock);
	for (uint64_t i = 0; i < nr; i++)
		put_be64(table + (index + i) * 8, entry + i * step);
	cache_dirty(&q->l2, table);
	q->needs_flush = true;
	pthread_mutex_unlock(&q->lock);
}

int qcow2_release(struct qcow2 *q, uint64_t entry)
{
	struct extent packed;
	uint64_t first;

	switch (qcow2_kind_of(entry)) {
	case QCOW2_NORMAL:
	case QCOW2_ZERO_ALLOCATED:
		return qcow2_free_later(
			q, (entry & QCOW2_OFFSET_MASK) / q->cluster_bytes, 1);
	case QCOW2_PACKED:
		packed = qcow2_packed_extent(q, entry);
		first = packed.offset / q->cluster_bytes;
		return qcow2_free_later(q, first,
					(packed.offset + packed.bytes - 1) /
							q->cluster_bytes -
						first + 1);
	default:
		return 0;
	}
}

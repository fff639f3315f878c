// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2's refcounts: how many tables name a cluster. */
/*
 * How this works
 *
 * A refcount table names blocks of refcounts, each of 1 to 64 bits. A cluster
 * whose block does not exist has refcount 0. The worker alone is here.
 *
 * When a block is read, the refcounts of the tables that we know are looked at:
 * if one is 0, the allocator would hand out that table as data, so the image is
 * damaged.
 */
#include <errno.h>

#include "src/block/qcow2.h"

static uint64_t max_count(const struct qcow2 *q)
{
	return q->h.refcount_order == 6
		       ? UINT64_MAX
		       : (1ULL << (1U << q->h.refcount_order)) - 1;
}

/* "Refcount block entry": big-endian, or from the lowest bit of a byte on. */
static uint64_t count_get(const struct qcow2 *q, const uint8_t *block,
			  uint64_t i)
{
	unsigned int order = q->h.refcount_order;

	switch (order) {
	case 3:
		return block[i];
	case 4:
		return (uint64_t)block[2 * i] << 8 | block[2 * i + 1];
	case 5:
		return get_be32(block + 4 * i);
	case 6:
		return get_be64(block + 8 * i);
	default:
		return block[i >> (3 - order)] >> ((i << order) & 7) &
		       max_count(q);
	}
}

static void count_set(const struct qcow2 *q, uint8_t *block, uint64_t i,
		      uint64_t count)
{
	unsigned int order = q->h.refcount_order;
	unsigned int shift = (i << order) & 7;
	uint8_t *byte;

	switch (order) {
	case 3:
		block[i] = (uint8_t)count;
		break;
	case 4:
		block[2 * i] = (uint8_t)(count >> 8);
		block[2 * i + 1] = (uint8_t)count;
		break;
	case 5:
		put_be32(block + 4 * i, (uint32_t)count);
		break;
	case 6:
		put_be64(block + 8 * i, count);
		break;
	default:
		byte = &block[i >> (3 - order)];
		*byte = (uint8_t)((*byte & ~(max_count(q) << shift)) |
				  count << shift);
	}
}

/* Has the table's cluster a refcount, if this block has it? */
static bool is_counted(const struct qcow2 *q, const uint8_t *block,
		       uint64_t index, uint64_t offset)
{
	uint64_t cluster = offset / q->cluster_bytes;

	return cluster / q->refblock_entries != index ||
	       count_get(q, block, cluster % q->refblock_entries);
}

static int check_block(struct qcow2 *q, const uint8_t *block, uint64_t index)
{
	bool ok = is_counted(q, block, index, 0);

	/* After a crash they may lag behind; repair is about to set them. */
	if (q->is_dirty)
		return 0;
	for (uint64_t i = 0; ok && i < q->h.l1_entries * 8ULL;
	     i += q->cluster_bytes)
		ok = is_counted(q, block, index, q->h.l1_offset + i);
	for (uint64_t i = 0; ok && i < q->h.reftable_clusters; i++)
		ok = is_counted(q, block, index,
				q->h.reftable_offset + i * q->cluster_bytes);
	for (uint64_t i = 0; ok && i < q->h.l1_entries; i++)
		ok = is_counted(q, block, index, q->l1[i] & QCOW2_OFFSET_MASK);
	for (uint64_t i = 0; ok && i < q->reftable_entries; i++)
		ok = is_counted(q, block, index,
				q->reftable[i] & QCOW2_OFFSET_MASK);
	if (ok)
		return 0;
	return qcow2_corrupt(q, "its refcounts call a table free",
			     q->reftable[index] & QCOW2_OFFSET_MASK);
}

static int get_slot(struct qcow2 *q, unsigned int *slot)
{
	int ret = 0;

	*slot = cache_victim(&q->refs);
	if (cache_slot_is_dirty(&q->refs, *slot))
		ret = qcow2_flush_refs(q);
	if (!ret)
		cache_drop(&q->refs, *slot);
	return ret;
}

/* *block is NULL if there is none. */
static int get_block(struct qcow2 *q, uint64_t index, uint8_t **block)
{
	uint64_t offset;
	unsigned int slot;
	int ret;

	*block = NULL;
	if (index >= q->reftable_entries)
		return 0;
	offset = q->reftable[index] & QCOW2_OFFSET_MASK;
	if (!offset)
		return 0;
	*block = cache_find(&q->refs, index);
	if (*block)
		return 0;
	ret = get_slot(q, &slot);
	if (ret)
		return ret;
	*block = cache_slot_data(&q->refs, slot);
	ret = file_read_buf(q->file, *block, offset, q->cluster_bytes);
	if (!ret)
		ret = check_block(q, *block, index);
	if (!ret)
		cache_set(&q->refs, slot, index);
	return ret;
}

int qcow2_refcount_get(struct qcow2 *q, uint64_t cluster, uint64_t *count)
{
	uint8_t *block;
	int ret = get_block(q, cluster / q->refblock_entries, &block);

	*count = 0;
	if (!ret && block)
		*count = count_get(q, block, cluster % q->refblock_entries);
	return ret;
}

int qcow2_refcount_set(struct qcow2 *q, uint64_t cluster, uint64_t count)
{
	uint8_t *block;
	int ret = get_block(q, cluster / q->refblock_entries, &block);

	if (ret)
		return ret;
	if (!block || count > max_count(q))
		return -EIO;
	count_set(q, block, cluster % q->refblock_entries, count);
	cache_dirty(&q->refs, block);
	return 0;
}

static void mark_reftable(struct qcow2 *q, uint64_t index)
{
	bool is_clean = q->reftable_dirty.first == q->reftable_dirty.end;

	if (is_clean || index < q->reftable_dirty.first)
		q->reftable_dirty.first = index;
	if (is_clean || index >= q->reftable_dirty.end)
		q->reftable_dirty.end = index + 1;
}

/* The block lies at that cluster, which it counts itself if it is in range. */
static int write_new_block(struct qcow2 *q, uint64_t index, uint64_t cluster)
{
	uint8_t *block;
	unsigned int slot;
	int ret = get_slot(q, &slot);

	if (ret)
		return ret;
	block = cache_slot_data(&q->refs, slot);
	memset(block, 0, q->cluster_bytes);
	if (cluster / q->refblock_entries == index)
		count_set(q, block, cluster % q->refblock_entries, 1);
	ret = file_write_buf(q->file, block, cluster * q->cluster_bytes,
			     q->cluster_bytes);
	if (ret)
		return ret;
	cache_set(&q->refs, slot, index);
	q->reftable[index] = cluster * q->cluster_bytes;
	mark_reftable(q, index);
	return 0;
}

/*
 * At the end of the file. If that is counted by another block that does not
 * exist either, that one comes first, and counts itself.
 */
int qcow2_refblock_add(struct qcow2 *q, uint64_t index)
{
	uint64_t cluster, own;
	int ret = 0;

	for (;;) {
		cluster = q->end / q->cluster_bytes;
		own = cluster / q->refblock_entries;
		if (q->file->is_device &&
		    q->end + q->cluster_bytes > q->file->bytes)
			return -ENOSPC;
		if (index >= q->reftable_entries || own >= q->reftable_entries)
			ret = qcow2_reftable_grow(
				q, (index > own ? index : own) + 1);
		if (ret)
			return ret;
		/* Growing moved the end, and may have added it. */
		if (q->reftable[index])
			return 0;
		if (cluster != q->end / q->cluster_bytes)
			continue;
		q->end += q->cluster_bytes;
		if (own == index || q->reftable[own])
			break;
		ret = write_new_block(q, own, cluster);
		if (ret)
			return ret;
	}
	/* Counted before it is named, or its own check would fail. */
	if (own != index)
		ret = qcow2_refcount_set(q, cluster, 1);
	if (!ret)
		ret = write_new_block(q, index, cluster);
	if (ret && own != index)
		qcow2_refcount_set(q, cluster, 0);
	return ret;
}

void qcow2_refblocks_forget(struct qcow2 *q, uint64_t first)
{
	for (unsigned int i = 0; i < q->refs.nr_slots; i++)
		if (q->refs.slots[i].is_used && q->refs.slots[i].index >= first)
			cache_drop(&q->refs, i);
}

int qcow2_refcount_end(struct qcow2 *q, uint64_t *end)
{
	for (uint64_t index = q->reftable_entries; index > 0; index--) {
		uint8_t *block;
		int ret = get_block(q, index - 1, &block);

		if (ret)
			return ret;
		for (uint64_t i = block ? q->refblock_entries : 0; i > 0; i--)
			if (count_get(q, block, i - 1)) {
				*end = (index - 1) * q->refblock_entries + i;
				return 0;
			}
	}
	*end = 1;
	return 0;
}

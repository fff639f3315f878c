// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2: refcounts after a crash, counted anew. */
/*
 * How this works
 *
 * With lazy refcounts an image that was not closed has refcounts that lag
 * behind its tables, and says so by a bit. All that is named is counted:
 * header, tables, what L1 and L2 tables name, those of snapshots too. Counts
 * that differ are set, and entries get the mark of a cluster of their own where
 * the count is 1.
 *
 * The counts in memory are of a window of the file, so that a large image takes
 * no more memory but more rounds. New blocks of refcounts, where the image has
 * none, go to the end of the file, past all that is named.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "src/base/log.h"
#include "src/block/qcow2.h"

enum { WINDOW = 16 << 20, MAX_ROUNDS = 256 };

struct census {
	struct qcow2 *q;
	uint64_t first; /* cluster of the window */
	uint32_t *counts;
	uint8_t *table; /* a cluster */
	uint64_t highest;
	uint64_t nr_fixed;
};

static void count(struct census *c, uint64_t offset, uint64_t bytes)
{
	uint64_t first = offset / c->q->cluster_bytes;
	uint64_t end = (offset + bytes + c->q->cluster_bytes - 1) /
		       c->q->cluster_bytes;

	if (end > c->highest)
		c->highest = end;
	for (uint64_t i = first; i < end; i++)
		if (i >= c->first && i - c->first < WINDOW)
			c->counts[i - c->first]++;
}

static int count_l2(struct census *c, uint64_t offset)
{
	struct qcow2 *q = c->q;
	int ret = file_read_buf(q->file, c->table, offset, q->cluster_bytes);

	for (uint64_t i = 0; i < q->l2_entries && !ret; i++) {
		uint64_t entry = get_be64(c->table + i * 8);
		uint64_t at = entry & QCOW2_OFFSET_MASK;
		struct extent packed;

		switch (qcow2_kind_of(entry)) {
		case QCOW2_NORMAL:
		case QCOW2_ZERO_ALLOCATED:
			if (!qcow2_is_cluster(q, at))
				return -EUCLEAN;
			count(c, at, q->cluster_bytes);
			break;
		case QCOW2_PACKED:
			packed = qcow2_packed_extent(q, entry);
			if (packed.offset >= q->end)
				return -EUCLEAN;
			count(c, packed.offset,
			      min_u64(packed.bytes, q->end - packed.offset));
			break;
		default:
			break;
		}
	}
	return ret;
}

static int count_l1_entry(struct census *c, uint64_t entry)
{
	uint64_t offset = entry & QCOW2_OFFSET_MASK;

	if (!offset)
		return 0;
	if (!qcow2_is_cluster(c->q, offset))
		return -EUCLEAN;
	count(c, offset, c->q->cluster_bytes);
	return count_l2(c, offset);
}

static int count_snapshot(struct census *c, const struct extent *l1)
{
	int ret = 0;

	count(c, l1->offset, l1->bytes);
	for (uint64_t i = 0; i < l1->bytes / 8 && !ret; i++) {
		uint8_t be[8];

		ret = file_read_buf(c->q->file, be, l1->offset + i * 8,
				    sizeof(be));
		if (!ret)
			ret = count_l1_entry(c, get_be64(be));
	}
	return ret;
}

static int count_all(struct census *c)
{
	struct qcow2 *q = c->q;
	const struct qcow2_header *h = &q->h;
	int ret = 0;

	memset(c->counts, 0, WINDOW * sizeof(*c->counts));
	count(c, 0, q->cluster_bytes);
	count(c, h->l1_offset, h->l1_entries * 8ULL);
	count(c, h->reftable_offset, q->reftable_entries * 8);
	if (h->nr_snapshots)
		count(c, h->snapshots_offset, q->snapshots_bytes);
	for (uint64_t i = 0; i < q->reftable_entries; i++)
		if (q->reftable[i] & QCOW2_OFFSET_MASK)
			count(c, q->reftable[i] & QCOW2_OFFSET_MASK,
			      q->cluster_bytes);
	for (uint64_t i = 0; i < h->l1_entries && !ret; i++)
		ret = count_l1_entry(c, q->l1[i]);
	for (uint32_t i = 0; i < h->nr_snapshots && !ret; i++)
		ret = count_snapshot(c, &q->snapshot_l1s[i]);
	return ret;
}

static int set_one(struct census *c, uint64_t cluster, uint64_t want)
{
	struct qcow2 *q = c->q;
	uint64_t have, index = cluster / q->refblock_entries;
	int ret = qcow2_refcount_get(q, cluster, &have);

	if (ret || have == want)
		return ret;
	c->nr_fixed++;
	if (index >= q->reftable_entries || !q->reftable[index])
		ret = qcow2_refblock_add(q, index);
	return ret ? ret : qcow2_refcount_set(q, cluster, want);
}

/* The end of the file as it was: new blocks come behind, and count themselves.
 */
static int set_window(struct census *c, uint64_t end)
{
	int ret = 0;

	for (uint64_t i = 0; i < WINDOW && c->first + i < end && !ret; i++)
		ret = set_one(c, c->first + i, c->counts[i]);
	return ret;
}

/* --- marks of clusters that are only named once --- */

static int fix_mark(struct qcow2 *q, uint64_t *entry, bool *changed)
{
	uint64_t n, offset = *entry & QCOW2_OFFSET_MASK;
	int ret;

	if (!offset || qcow2_kind_of(*entry) == QCOW2_PACKED)
		return 0;
	ret = qcow2_refcount_get(q, offset / q->cluster_bytes, &n);
	if (!ret && (n == 1) != ((*entry & QCOW2_COPIED) != 0)) {
		*entry ^= QCOW2_COPIED;
		*changed = true;
	}
	return ret;
}

static int fix_l2(struct census *c, uint64_t offset)
{
	struct qcow2 *q = c->q;
	bool changed = false;
	int ret = file_read_buf(q->file, c->table, offset, q->cluster_bytes);

	for (uint64_t i = 0; i < q->l2_entries && !ret; i++) {
		uint64_t entry = get_be64(c->table + i * 8);

		ret = fix_mark(q, &entry, &changed);
		put_be64(c->table + i * 8, entry);
	}
	if (!ret && changed)
		ret = file_write_buf(q->file, c->table, offset,
				     q->cluster_bytes);
	return ret;
}

static int fix_marks(struct census *c)
{
	struct qcow2 *q = c->q;
	int ret = 0;

	for (uint64_t i = 0; i < q->h.l1_entries && !ret; i++) {
		bool changed = false;

		ret = fix_mark(q, &q->l1[i], &changed);
		if (!ret && changed) {
			uint8_t be[8];

			put_be64(be, q->l1[i]);
			ret = file_write_buf(q->file, be,
					     q->h.l1_offset + i * 8,
					     sizeof(be));
		}
		if (!ret && q->l1[i] & QCOW2_OFFSET_MASK &&
		    q->l1[i] & QCOW2_COPIED)
			ret = fix_l2(c, q->l1[i] & QCOW2_OFFSET_MASK);
	}
	return ret;
}

static int run(struct census *c)
{
	struct qcow2 *q = c->q;
	uint64_t end = q->end / q->cluster_bytes;
	int ret = 0;

	if (end / WINDOW >= MAX_ROUNDS)
		return -EFBIG;
	/* What is counted first must not be found free by an allocation. */
	q->free_hint = end;
	for (c->first = 0; c->first < end && !ret; c->first += WINDOW) {
		ret = count_all(c);
		if (!ret)
			ret = set_window(c, end);
	}
	q->free_hint = 0;
	if (!ret)
		ret = fix_marks(c);
	return ret ? ret : qcow2_flush_all(q);
}

int qcow2_repair(struct qcow2 *q, struct err *e)
{
	struct census c = { .q = q };
	int ret = -ENOMEM;

	c.table = malloc(q->cluster_bytes);
	c.counts =
		mmap(NULL, WINDOW * sizeof(*c.counts), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c.table && c.counts != MAP_FAILED)
		ret = run(&c);
	if (c.counts != MAP_FAILED)
		munmap(c.counts, WINDOW * sizeof(*c.counts));
	free(c.table);
	if (!ret) {
		log_info(q->b->path,
			 "was not closed; %llu refcounts were set right",
			 (unsigned long long)c.nr_fixed);
		return 0;
	}
	err_set(e, -ret,
		"%s: was not closed, and its refcounts cannot be repaired: %s",
		q->b->path, strerror(-ret));
	err_hint(e, "repair it: qemu-img check -r all %s", q->b->path);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2: writing on the worker, above all to clusters that are not there yet.
 */
/*
 * How this works
 *
 * Clusters that are the image's own are written in place. For others (not
 * allocated, zero, compressed, shared with a snapshot) a run of new ones is
 * allocated, filled and only then put into the L2 table: the guest's data in
 * the middle, and before and behind it, to the borders of the clusters, what
 * the guest would have read there. A cluster that is zero but has its place
 * keeps it.
 *
 * If the disk is full nothing was named yet, and the new clusters are free
 * again.
 */
#include <errno.h>

#include "src/block/qcow2.h"

/* A write within one L2 table. */
struct piece {
	struct iov_pos p;
	uint64_t offset, bytes; /* of the guest */
	uint64_t index;		/* of the first entry */
	uint8_t *table;
};

static uint64_t entry_at(const struct piece *w, uint64_t i)
{
	return get_be64(w->table + (w->index + i) * 8);
}

static bool is_ours(uint64_t entry)
{
	return qcow2_kind_of(entry) == QCOW2_NORMAL && entry & QCOW2_COPIED;
}

static bool keeps_place(uint64_t entry)
{
	return qcow2_kind_of(entry) == QCOW2_ZERO_ALLOCATED &&
	       entry & QCOW2_COPIED;
}

/* Clusters that the piece touches. */
static uint64_t nr_clusters(const struct qcow2 *q, const struct piece *w)
{
	uint64_t in = w->offset & (q->cluster_bytes - 1);

	return (in + w->bytes + q->cluster_bytes - 1) >> q->h.cluster_bits;
}

/* The piece ends with its nth cluster. */
static void cut(const struct qcow2 *q, struct piece *w, uint64_t n)
{
	uint64_t in = w->offset & (q->cluster_bytes - 1);

	w->bytes = min_u64(w->bytes, (n << q->h.cluster_bits) - in);
}

static int write_in_place(struct qcow2 *q, struct piece *w)
{
	uint64_t in = w->offset & (q->cluster_bytes - 1);
	uint64_t host = entry_at(w, 0) & QCOW2_OFFSET_MASK;
	uint64_t n = 1, max = nr_clusters(q, w);

	while (n < max && is_ours(entry_at(w, n)) &&
	       (entry_at(w, n) & QCOW2_OFFSET_MASK) ==
		       host + (n << q->h.cluster_bits))
		n++;
	cut(q, w, n);
	return file_write(q->file, w->p, host + in, w->bytes);
}

/* Does the guest read zeroes there, without a look at the disk? */
static bool is_zero(const struct qcow2 *q, uint64_t entry)
{
	enum qcow2_kind kind = qcow2_kind_of(entry);

	return kind == QCOW2_ZERO_PLAIN || kind == QCOW2_ZERO_ALLOCATED ||
	       (kind == QCOW2_UNALLOCATED && !q->backing);
}

/* The guest's bytes of [offset, offset + bytes), to the host, within one
 * cluster. */
static int copy_part(struct qcow2 *q, uint64_t entry, uint64_t offset,
		     uint64_t bytes, uint64_t host, bool fresh)
{
	struct iovec iov = { q->cluster, bytes };
	int ret;

	if (!bytes || (fresh && is_zero(q, entry)))
		return 0;
	ret = qcow2_read(q, (struct iov_pos){ &iov, 1, 0 }, offset, bytes);
	return ret ? ret : file_write_buf(q->file, q->cluster, host, bytes);
}

/* One cluster in one write: cheaper than its parts. */
static int fill_one(struct qcow2 *q, const struct piece *w, uint64_t host)
{
	uint64_t in = w->offset & (q->cluster_bytes - 1);
	struct iovec iov = { q->cluster, q->cluster_bytes };
	int ret = qcow2_read(q, (struct iov_pos){ &iov, 1, 0 }, w->offset - in,
			     q->cluster_bytes);

	if (ret)
		return ret;
	iov_get(&w->p, q->cluster + in, w->bytes);
	return file_write_buf(q->file, q->cluster, host, q->cluster_bytes);
}

/* Fills n new clusters at host. */
static int fill(struct qcow2 *q, const struct piece *w, uint64_t host,
		uint64_t n, bool fresh)
{
	uint64_t in = w->offset & (q->cluster_bytes - 1);
	uint64_t tail = (n << q->h.cluster_bits) - in - w->bytes;
	uint64_t end = w->offset + w->bytes;
	int ret;

	if (n == 1 && (in || tail) && !(fresh && is_zero(q, entry_at(w, 0))))
		return fill_one(q, w, host);
	ret = copy_part(q, entry_at(w, 0), w->offset - in, in, host, fresh);
	if (!ret)
		ret = file_write(q->file, w->p, host + in, w->bytes);
	if (!ret)
		ret = copy_part(q, entry_at(w, n - 1), end, tail,
				host + in + w->bytes, fresh);
	return ret;
}

/* Puts n new clusters into the table and gives up what was there. */
static void name_new(struct qcow2 *q, const struct piece *w, uint64_t host,
		     uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		uint64_t old = entry_at(w, i);

		qcow2_l2_set(q, w->table, w->index + i, 1,
			     (host + (i << q->h.cluster_bits)) | QCOW2_COPIED,
			     0);
		/* If it fails, space is lost, and that is all. */
		qcow2_release(q, old);
	}
}

static int write_new(struct qcow2 *q, struct piece *w)
{
	uint64_t n = 1, max = nr_clusters(q, w), first;
	bool fresh;
	int ret;

	while (n < max && !is_ours(entry_at(w, n)) &&
	       !keeps_place(entry_at(w, n)))
		n++;
	ret = qcow2_alloc(q, n, &first, &n, &fresh);
	if (ret)
		return ret;
	cut(q, w, n);
	ret = fill(q, w, first << q->h.cluster_bits, n, fresh);
	if (ret)
		qcow2_unalloc(q, first, n);
	else
		name_new(q, w, first << q->h.cluster_bits, n);
	return ret;
}

/* A zero cluster with a place: all of it is written, then it is no zero. */
static int write_over_zero(struct qcow2 *q, struct piece *w)
{
	uint64_t host = entry_at(w, 0) & QCOW2_OFFSET_MASK;
	int ret = qcow2_begin_change(q);

	cut(q, w, 1);
	if (!ret)
		ret = fill(q, w, host, 1, false);
	if (!ret)
		qcow2_l2_set(q, w->table, w->index, 1, host | QCOW2_COPIED, 0);
	return ret;
}

static int write_piece(struct qcow2 *q, struct piece *w)
{
	int ret = qcow2_l2_write(q, w->offset / q->l2_covers, &w->table);

	if (ret)
		return ret;
	w->index = w->offset / q->cluster_bytes % q->l2_entries;
	if (is_ours(entry_at(w, 0)))
		return write_in_place(q, w);
	if (keeps_place(entry_at(w, 0)))
		return write_over_zero(q, w);
	return write_new(q, w);
}

int qcow2_write(struct qcow2 *q, struct iov_pos p, uint64_t offset,
		uint64_t bytes)
{
	if (q->is_corrupt)
		return -EIO;
	while (bytes) {
		struct piece w = {
			.p = p,
			.offset = offset,
			.bytes = min_u64(bytes,
					 q->l2_covers - offset % q->l2_covers),
		};
		int ret = write_piece(q, &w);

		if (ret)
			return ret;
		iov_skip(&p, w.bytes);
		offset += w.bytes;
		bytes -= w.bytes;
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a qcow2 image's tables are, and whether they can be there. */
/*
 * How this works
 *
 * L1 and the refcount table are kept in memory as long as the image is open, so
 * their size is limited as QEMU limits it. Every table that they name is put in
 * a list, which is sorted and gone through: none may lie on another or behind
 * the end of the file. What is in an L2 table is looked at when it is read.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "src/base/log.h"
#include "src/block/qcow2.h"

enum { SNAPSHOT_HEAD = 40, SNAPSHOT_MAX_EXTRA = 1024 };

bool qcow2_is_cluster(const struct qcow2 *q, uint64_t offset)
{
	return offset && !(offset & (q->cluster_bytes - 1)) && offset < q->end;
}

int qcow2_corrupt(struct qcow2 *q, const char *what, uint64_t offset)
{
	bool was;

	pthread_mutex_lock(&q->lock);
	was = q->is_corrupt;
	q->is_corrupt = true;
	pthread_mutex_unlock(&q->lock);
	if (was)
		return -EIO;
	log_error(q->b->path, "the image is damaged: %s (at 0x%llx)%s", what,
		  (unsigned long long)offset,
		  q->file->readonly ? "" : "; nothing is written any more");
	if (!q->file->readonly && q->h.version >= 3) {
		q->h.incompatible |= QCOW2_INCOMPAT_CORRUPT;
		qcow2_header_write64(q, QCOW2_AT_INCOMPATIBLE,
				     q->h.incompatible);
	}
	return -EIO;
}

/* A table's place by the header. */
static int check_place(const struct qcow2 *q, const char *what, uint64_t offset,
		       uint64_t bytes, struct err *e)
{
	if (offset && !(offset & (q->cluster_bytes - 1)) && offset < q->end &&
	    bytes <= q->end - offset)
		return 0;
	return err_set(
		e, EINVAL,
		"%s: its header is damaged: %s (%llu bytes at 0x%llx) %s",
		q->b->path, what, (unsigned long long)bytes,
		(unsigned long long)offset,
		offset & (q->cluster_bytes - 1) || !offset
			? "does not begin at a cluster"
			: "lies beyond the end of the file");
}

static int check_limit(const struct qcow2 *q, const char *what, uint64_t bytes,
		       uint64_t max, struct err *e)
{
	if (bytes <= max)
		return 0;
	return err_set(
		e, EFBIG,
		"%s: its header is damaged: %s has %llu bytes, and %llu are allowed",
		q->b->path, what, (unsigned long long)bytes,
		(unsigned long long)max);
}

/* A table of 64-bit numbers, into memory for max_bytes. */
static int read_table(struct qcow2 *q, const char *what, uint64_t offset,
		      uint64_t bytes, uint64_t max_bytes, uint64_t **out,
		      struct err *e)
{
	uint64_t *t = mmap(NULL, max_bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int ret;

	if (t == MAP_FAILED)
		return err_set(e, ENOMEM, "%s: no memory for %s", q->b->path,
			       what);
	*out = t;
	ret = file_read_buf(q->file, t, offset, bytes);
	if (ret)
		return err_set(e, -ret, "%s: read %s: %s", q->b->path, what,
			       strerror(-ret));
	for (uint64_t i = 0; i < bytes / 8; i++)
		t[i] = get_be64(&t[i]);
	return 0;
}

static int read_l1(struct qcow2 *q, struct err *e)
{
	const struct qcow2_header *h = &q->h;
	uint64_t bytes = (uint64_t)h->l1_entries * 8;
	uint64_t need =
		h->bytes / q->l2_covers + (h->bytes % q->l2_covers != 0);
	int ret = check_limit(q, "its L1 table", bytes, QCOW2_MAX_L1_BYTES, e);

	if (ret)
		return ret;
	if (!h->bytes || h->bytes > INT64_MAX)
		return err_set(e, EINVAL, "%s: a disk of %llu bytes cannot be",
			       q->b->path, (unsigned long long)h->bytes);
	if (need > h->l1_entries)
		return err_set(
			e, EINVAL,
			"%s: its header is damaged: the L1 table has %u entries, and its disk needs %llu",
			q->b->path, h->l1_entries, (unsigned long long)need);
	ret = check_place(q, "its L1 table", h->l1_offset, bytes, e);
	if (ret)
		return ret;
	return read_table(q, "its L1 table", h->l1_offset, bytes, bytes, &q->l1,
			  e);
}

static int read_reftable(struct qcow2 *q, struct err *e)
{
	const struct qcow2_header *h = &q->h;
	uint64_t bytes = (uint64_t)h->reftable_clusters << h->cluster_bits;
	int ret = check_limit(q, "its refcount table", bytes,
			      QCOW2_MAX_REFTABLE_BYTES, e);

	if (!ret)
		ret = check_place(q, "its refcount table", h->reftable_offset,
				  bytes ? bytes : UINT64_MAX, e);
	if (ret)
		return ret;
	q->reftable_entries = bytes / 8;
	/* It may grow. */
	return read_table(q, "its refcount table", h->reftable_offset, bytes,
			  QCOW2_MAX_REFTABLE_BYTES, &q->reftable, e);
}

static int read_snapshot(struct qcow2 *q, uint64_t *at, struct extent *l1,
			 struct err *e)
{
	uint8_t head[SNAPSHOT_HEAD];
	uint32_t extra;
	int ret = check_place(q, "its list of snapshots", q->h.snapshots_offset,
			      *at - q->h.snapshots_offset + sizeof(head), e);

	if (ret)
		return ret;
	ret = file_read_buf(q->file, head, *at, sizeof(head));
	if (ret)
		return err_set(e, -ret, "%s: read its snapshots: %s",
			       q->b->path, strerror(-ret));
	extra = get_be32(head + 36);
	l1->offset = get_be64(head);
	l1->bytes = (uint64_t)get_be32(head + 8) * 8;
	ret = check_limit(q, "a snapshot's L1 table", l1->bytes,
			  QCOW2_MAX_L1_BYTES, e);
	if (!ret)
		ret = check_limit(q, "a snapshot", extra, SNAPSHOT_MAX_EXTRA,
				  e);
	if (!ret && l1->bytes)
		ret = check_place(q, "a snapshot's L1 table", l1->offset,
				  l1->bytes, e);
	*at += align_up(sizeof(head) + extra + get_be32(head + 12) / 65536 +
				get_be32(head + 12) % 65536,
			8);
	return ret;
}

static int read_snapshots(struct qcow2 *q, struct err *e)
{
	uint32_t nr = q->h.nr_snapshots;
	uint64_t at = q->h.snapshots_offset;
	int ret = check_limit(q, "its list of snapshots", nr,
			      QCOW2_MAX_SNAPSHOTS, e);

	if (ret || !nr)
		return ret;
	q->snapshot_l1s = calloc(nr, sizeof(*q->snapshot_l1s));
	if (!q->snapshot_l1s)
		return err_set(e, ENOMEM, "%s: no memory for its snapshots",
			       q->b->path);
	for (uint32_t i = 0; i < nr && !ret; i++)
		ret = read_snapshot(q, &at, &q->snapshot_l1s[i], e);
	if (ret)
		return ret;
	q->snapshots_bytes = at - q->h.snapshots_offset;
	return check_place(q, "its list of snapshots", q->h.snapshots_offset,
			   q->snapshots_bytes, e);
}

/* --- nothing lies on anything else --- */

static uint64_t count_used(const uint64_t *table, uint64_t nr)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < nr; i++)
		n += (table[i] & QCOW2_OFFSET_MASK) != 0;
	return n;
}

static int by_offset(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

static uint64_t list_tables(const struct qcow2 *q, struct extent *list)
{
	const struct qcow2_header *h = &q->h;
	uint64_t n = 0, cluster = q->cluster_bytes;

	list[n++] = (struct extent){ 0, cluster };
	list[n++] = (struct extent){ h->l1_offset, h->l1_entries * 8ULL };
	list[n++] =
		(struct extent){ h->reftable_offset, q->reftable_entries * 8 };
	if (h->nr_snapshots)
		list[n++] = (struct extent){ h->snapshots_offset,
					     q->snapshots_bytes };
	for (uint32_t i = 0; i < h->nr_snapshots; i++)
		if (q->snapshot_l1s[i].bytes)
			list[n++] = q->snapshot_l1s[i];
	for (uint64_t i = 0; i < h->l1_entries; i++)
		if (q->l1[i] & QCOW2_OFFSET_MASK)
			list[n++] =
				(struct extent){ q->l1[i] & QCOW2_OFFSET_MASK,
						 cluster };
	for (uint64_t i = 0; i < q->reftable_entries; i++)
		if (q->reftable[i] & QCOW2_OFFSET_MASK)
			list[n++] = (struct extent){
				q->reftable[i] & QCOW2_OFFSET_MASK, cluster
			};
	return n;
}

static int check_tables(struct qcow2 *q, struct err *e)
{
	uint64_t max = 4 + q->h.nr_snapshots +
		       count_used(q->l1, q->h.l1_entries) +
		       count_used(q->reftable, q->reftable_entries);
	struct extent *list = calloc(max, sizeof(*list));
	uint64_t n, end = 0;
	int ret = 0;

	if (!list)
		return err_set(e, ENOMEM, "%s: no memory to check it",
			       q->b->path);
	n = list_tables(q, list);
	qsort(list, n, sizeof(*list), by_offset);
	for (uint64_t i = 0; i < n && !ret; i++) {
		uint64_t offset = list[i].offset;

		if (offset & (q->cluster_bytes - 1) || offset >= q->end)
			ret = err_set(
				e, EINVAL,
				"%s: the image is damaged: it has a table at 0x%llx, which is no cluster of the file",
				q->b->path, (unsigned long long)offset);
		else if (offset < end)
			ret = err_set(
				e, EINVAL,
				"%s: the image is damaged: two of its tables lie at 0x%llx",
				q->b->path, (unsigned long long)offset);
		end = align_up(offset + list[i].bytes, q->cluster_bytes);
	}
	free(list);
	if (ret)
		err_hint(e, "see what can be saved: qemu-img check -r all %s",
			 q->b->path);
	return ret;
}

int qcow2_layout_read(struct qcow2 *q, struct err *e)
{
	int ret = read_l1(q, e);

	if (!ret)
		ret = read_reftable(q, e);
	if (!ret)
		ret = read_snapshots(q, e);
	return ret ? ret : check_tables(q, e);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2: finding clusters for new data, and giving them back. */
/*
 * How this works
 *
 * Free clusters are looked for from a hint on, which is at or below the first
 * one; when there are none the file grows. What is new at its end was never
 * written, so it reads as zeroes and need not be filled.
 *
 * A cluster that tables do not name any more is not free at once: on the disk
 * they still do, until they are written, and I/O to it may be under way. Such
 * clusters wait in a list, which qcow2_flush empties when both is past.
 */
#include <errno.h>
#include <fcntl.h>

#include "src/base/log.h"
#include "src/block/qcow2.h"

enum { RESERVE_BYTES = 32 << 20 };

/* Past what a table of tables can name. */
static const uint64_t max_end = 1ULL << 55;

/* Whether cluster and those behind it, up to nr, are free; *got is how many. */
static int count_free(struct qcow2 *q, uint64_t cluster, uint64_t nr,
		      uint64_t *got)
{
	uint64_t limit = q->end / q->cluster_bytes;

	*got = 0;
	while (*got < nr && cluster + *got < limit) {
		uint64_t at = cluster + *got, count;
		int ret;

		/* Without a block it might get one, at the end. */
		if (at / q->refblock_entries >= q->reftable_entries ||
		    !q->reftable[at / q->refblock_entries])
			break;
		ret = qcow2_refcount_get(q, at, &count);
		if (ret)
			return ret;
		if (count)
			break;
		++*got;
	}
	return 0;
}

static int find_free(struct qcow2 *q, uint64_t nr, uint64_t *first,
		     uint64_t *got)
{
	uint64_t limit = q->end / q->cluster_bytes;

	*got = 0;
	for (; q->free_hint < limit; q->free_hint++) {
		uint64_t index = q->free_hint / q->refblock_entries;
		int ret;

		if (index >= q->reftable_entries)
			break;
		if (!q->reftable[index]) {
			q->free_hint = (index + 1) * q->refblock_entries - 1;
			continue;
		}
		ret = count_free(q, q->free_hint, nr, got);
		if (ret || *got) {
			*first = q->free_hint;
			return ret;
		}
	}
	q->free_hint = limit;
	return 0;
}

static int set_counts(struct qcow2 *q, uint64_t first, uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++) {
		int ret = qcow2_refcount_set(q, first + i, 1);

		if (ret) {
			qcow2_unalloc(q, first, i);
			return ret;
		}
	}
	return 0;
}

/*
 * With O_DIRECT, writes that make a file longer or fill holes are done one at a
 * time by the file system; into space that was set aside they go side by side.
 */
static void reserve(struct qcow2 *q, uint64_t end)
{
	uint64_t start = q->end > q->reserved ? q->end : q->reserved;
	uint64_t bytes;

	if (!q->file->direct || q->file->is_device || q->is_reserve_refused ||
	    end <= q->reserved)
		return;
	bytes = align_up(end - start, RESERVE_BYTES);
	if (fallocate(q->file->fd, 0, (off_t)start, (off_t)bytes))
		q->is_reserve_refused = true;
	else
		q->reserved = start + bytes;
}

void qcow2_unreserve(struct qcow2 *q)
{
	if (q->reserved > q->end && ftruncate(q->file->fd, (off_t)q->end))
		log_debug(q->b->path, "its end was not cut: %s",
			  strerror(errno));
}

int qcow2_alloc_at_end(struct qcow2 *q, uint64_t nr, uint64_t *first)
{
	uint64_t index, last;

	/* Each new block of refcounts moves the end. */
	for (;;) {
		*first = q->end / q->cluster_bytes;
		last = (*first + nr - 1) / q->refblock_entries;
		for (index = *first / q->refblock_entries; index <= last;
		     index++)
			if (index >= q->reftable_entries || !q->reftable[index])
				break;
		if (index > last)
			break;
		if (q->end > max_end)
			return -EFBIG;
		int ret = qcow2_refblock_add(q, index);

		if (ret)
			return ret;
	}
	if (q->file->is_device &&
	    (*first + nr) * q->cluster_bytes > q->file->bytes)
		return -ENOSPC;
	reserve(q, q->end + nr * q->cluster_bytes);
	q->end += nr * q->cluster_bytes;
	return set_counts(q, *first, nr);
}

static int alloc_once(struct qcow2 *q, uint64_t nr, uint64_t *first,
		      uint64_t *got, bool *fresh)
{
	int ret = find_free(q, nr, first, got);

	*fresh = false;
	if (ret)
		return ret;
	if (*got) {
		q->free_hint = *first + *got;
		return set_counts(q, *first, *got);
	}
	*got = nr;
	*fresh = !q->file->is_device;
	return qcow2_alloc_at_end(q, nr, first);
}

int qcow2_alloc(struct qcow2 *q, uint64_t nr, uint64_t *first, uint64_t *got,
		bool *fresh)
{
	int ret = qcow2_begin_change(q);

	if (!ret)
		ret = alloc_once(q, nr, first, got, fresh);
	if (ret != -ENOSPC)
		return ret;
	/* A device is full but for what waits to be free, or what is too little
	 * for all of it. */
	ret = qcow2_flush(q);
	return ret ? ret : alloc_once(q, 1, first, got, fresh);
}

void qcow2_unalloc(struct qcow2 *q, uint64_t first, uint64_t nr)
{
	/* A refcount that cannot be written is a leak, and no more. */
	for (uint64_t i = 0; i < nr; i++)
		qcow2_refcount_set(q, first + i, 0);
	if (first < q->free_hint)
		q->free_hint = first;
}

int qcow2_free_later(struct qcow2 *q, uint64_t cluster, uint64_t nr)
{
	struct freed *last = &q->freed[q->nr_freed ? q->nr_freed - 1 : 0];

	if (q->nr_freed && last->cluster + last->nr == cluster) {
		last->nr += nr;
		return 0;
	}
	if (q->nr_freed == QCOW2_NR_FREED) {
		int ret = qcow2_flush(q);

		if (ret)
			return ret;
	}
	q->freed[q->nr_freed++] = (struct freed){ cluster, nr };
	pthread_mutex_lock(&q->lock);
	q->needs_flush = true;
	pthread_mutex_unlock(&q->lock);
	return 0;
}

/* One less; *free if that was the last. */
static int drop_count(struct qcow2 *q, uint64_t cluster, bool *free)
{
	uint64_t count;
	int ret = qcow2_refcount_get(q, cluster, &count);

	*free = false;
	if (ret || !count)
		return ret;
	*free = count == 1;
	if (*free && cluster < q->free_hint)
		q->free_hint = cluster;
	return qcow2_refcount_set(q, cluster, count - 1);
}

static int free_run(struct qcow2 *q, const struct freed *f)
{
	uint64_t start = 0, nr = 0;
	int ret = 0;

	for (uint64_t i = 0; i < f->nr && !ret; i++) {
		bool free;

		ret = drop_count(q, f->cluster + i, &free);
		if (free && nr && start + nr == f->cluster + i) {
			nr++;
		} else if (free) {
			if (nr)
				file_punch(q->file, start * q->cluster_bytes,
					   nr * q->cluster_bytes);
			start = f->cluster + i;
			nr = 1;
		}
	}
	if (nr)
		file_punch(q->file, start * q->cluster_bytes,
			   nr * q->cluster_bytes);
	return ret;
}

int qcow2_free_now(struct qcow2 *q)
{
	unsigned int nr = q->nr_freed;
	int ret = 0;

	if (!nr)
		return 0;
	qcow2_wait_mapped(q);
	q->nr_freed = 0;
	for (unsigned int i = 0; i < nr; i++) {
		int one = free_run(q, &q->freed[i]);

		ret = ret ? ret : one;
	}
	return ret;
}

/* --- the refcount table --- */

/*
 * The new table lies at the end of the file. In memory it is the same array,
 * which has room for the largest; qcow2_flush writes it, then the header that
 * names it, and only then is the old one free.
 */
int qcow2_reftable_grow(struct qcow2 *q, uint64_t entries)
{
	uint64_t per_cluster = q->cluster_bytes / 8, was = q->reftable_entries;
	uint64_t clusters = (entries + entries / 2) / per_cluster + 2;
	uint64_t first;
	int ret;

	/* Two at once: the first goes to the disk before. */
	if (q->is_growing)
		return -ENOSPC;
	if (q->old_reftable.bytes) {
		ret = qcow2_flush(q);
		if (ret)
			return ret;
	}
	if (clusters * q->cluster_bytes > QCOW2_MAX_REFTABLE_BYTES)
		clusters = QCOW2_MAX_REFTABLE_BYTES / q->cluster_bytes;
	if (entries > clusters * per_cluster)
		return -EFBIG;
	q->is_growing = true;
	q->reftable_entries = clusters * per_cluster;
	ret = qcow2_alloc_at_end(q, clusters, &first);
	q->is_growing = false;
	if (ret) {
		qcow2_refblocks_forget(q, was);
		memset(&q->reftable[was], 0,
		       (q->reftable_entries - was) * sizeof(*q->reftable));
		q->reftable_entries = was;
		return ret;
	}
	q->old_reftable = (struct extent){ q->h.reftable_offset,
					   (uint64_t)q->h.reftable_clusters *
						   q->cluster_bytes };
	q->h.reftable_offset = first * q->cluster_bytes;
	q->h.reftable_clusters = (uint32_t)clusters;
	q->reftable_dirty.first = 0;
	q->reftable_dirty.end = q->reftable_entries;
	return 0;
}

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
 *
 * With O_DIRECT and an io_uring the data does not keep the worker waiting: the
 * queue writes it out, and the request comes back to be put into the table.
 * Until then its clusters are in a list, and what else wants to change them is
 * blocked. Reads see what was there, and a flush need not wait, since the write
 * is not done. (Through the host's cache it is a copy, which the worker does
 * sooner than the kernel's own threads, that the ring would hand it to.)
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

/* Is all of it one cluster, part of which has to be copied? */
static bool is_one_write(const struct qcow2 *q, const struct piece *w,
			 uint64_t n, bool fresh)
{
	return n == 1 && w->bytes < q->cluster_bytes &&
	       !(fresh && is_zero(q, entry_at(w, 0)));
}

/* Before and behind the guest's data in n new clusters at host. */
static int fill_borders(struct qcow2 *q, const struct piece *w, uint64_t host,
			uint64_t n, bool fresh)
{
	uint64_t in = w->offset & (q->cluster_bytes - 1);
	uint64_t tail = (n << q->h.cluster_bits) - in - w->bytes;
	int ret = copy_part(q, entry_at(w, 0), w->offset - in, in, host, fresh);

	if (!ret)
		ret = copy_part(q, entry_at(w, n - 1), w->offset + w->bytes,
				tail, host + in + w->bytes, fresh);
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

/* --- writes that are on their way --- */

bool qcow2_is_blocked(struct qcow2 *q, struct block_req *r, uint64_t offset,
		      uint64_t bytes)
{
	uint64_t first = offset >> q->h.cluster_bits;
	uint64_t last = (offset + bytes - 1) >> q->h.cluster_bits;

	for (unsigned int i = 0; i < q->nr_out; i++) {
		const struct write_out *o = &q->out[i];

		if (first < o->first + o->nr && o->first <= last) {
			fifo_add(&q->blocked, r);
			return true;
		}
	}
	return false;
}

static void unblock(struct qcow2 *q)
{
	struct req_fifo blocked = q->blocked;
	struct block_req *r;

	if (!blocked.first)
		return;
	fifo_init(&q->blocked);
	while ((r = fifo_take(&blocked))) {
		/* What another allocated may be written without us now. */
		if (r->begun || !r->queue->ops->writes_out)
			worker_add(q->b, r);
		else
			queue_retry(r);
	}
}

/* Can the queue write it as it is, and is it worth the way? */
static bool may_write_out(const struct qcow2 *q, const struct block_req *r,
			  const struct piece *w, uint64_t pos)
{
	uint32_t align = q->file->align;

	return r && q->file->direct && r->queue->ops->writes_out &&
	       q->nr_out < QCOW2_NR_OUT && r->nr_iov <= BLOCK_IOV &&
	       !((pos | w->bytes) & (align - 1)) &&
	       iov_is_aligned(&w->p, w->bytes, align);
}

/* The queue takes it; new clusters n at host, whose borders are filled. */
static int write_out(struct qcow2 *q, struct block_req *r,
		     const struct piece *w, uint64_t host, uint64_t n)
{
	uint64_t in = w->offset & (q->cluster_bytes - 1);

	q->out[q->nr_out++] =
		(struct write_out){ .req = r,
				    .first = w->offset >> q->h.cluster_bits,
				    .nr = n,
				    .host = host };
	r->out_pos = host + in;
	r->out_bytes = w->bytes;
	queue_write_out(r);
	return PERFORM_LATER;
}

/* It was written, or r->ret says why not. */
static int name_written(struct qcow2 *q, struct block_req *r)
{
	struct piece w = { .offset = r->offset + r->begun,
			   .bytes = r->out_bytes };
	struct write_out out;
	unsigned int i = 0;
	int ret = r->ret;

	while (q->out[i].req != r)
		i++;
	out = q->out[i];
	q->out[i] = q->out[--q->nr_out];
	r->is_writing_out = false;
	if (!ret)
		ret = qcow2_l2_write(q, w.offset / q->l2_covers, &w.table);
	if (ret) {
		qcow2_unalloc(q, out.host >> q->h.cluster_bits, out.nr);
		return ret;
	}
	w.index = w.offset / q->cluster_bytes % q->l2_entries;
	name_new(q, &w, out.host, out.nr);
	r->begun += r->out_bytes;
	return 0;
}

static int written_out(struct qcow2 *q, struct block_req *r)
{
	int ret = name_written(q, r);

	unblock(q);
	return ret;
}

static int write_new(struct qcow2 *q, struct piece *w, struct block_req *r)
{
	uint64_t in = w->offset & (q->cluster_bytes - 1);
	uint64_t n = 1, max = nr_clusters(q, w), first, host;
	bool fresh, out;
	int ret;

	while (n < max && !is_ours(entry_at(w, n)) &&
	       !keeps_place(entry_at(w, n)))
		n++;
	ret = qcow2_alloc(q, n, &first, &n, &fresh);
	if (ret)
		return ret;
	cut(q, w, n);
	host = first << q->h.cluster_bits;
	if (is_one_write(q, w, n, fresh)) {
		out = false;
		ret = fill_one(q, w, host);
	} else {
		out = may_write_out(q, r, w, host + in);
		ret = fill_borders(q, w, host, n, fresh);
		if (!ret && !out)
			ret = file_write(q->file, w->p, host + in, w->bytes);
	}
	if (ret)
		qcow2_unalloc(q, first, n);
	else if (out)
		ret = write_out(q, r, w, host, n);
	else
		name_new(q, w, host, n);
	return ret;
}

/* A zero cluster with a place: all of it is written, then it is no zero. */
static int write_over_zero(struct qcow2 *q, struct piece *w)
{
	uint64_t host = entry_at(w, 0) & QCOW2_OFFSET_MASK;
	int ret = qcow2_begin_change(q);

	cut(q, w, 1);
	if (!ret)
		ret = w->bytes < q->cluster_bytes
			      ? fill_one(q, w, host)
			      : file_write(q->file, w->p, host, w->bytes);
	if (!ret)
		qcow2_l2_set(q, w->table, w->index, 1, host | QCOW2_COPIED, 0);
	return ret;
}

/* r: whose it is, if it may come later. */
static int write_piece(struct qcow2 *q, struct piece *w, struct block_req *r)
{
	int ret = qcow2_l2_write(q, w->offset / q->l2_covers, &w->table);

	if (ret)
		return ret;
	w->index = w->offset / q->cluster_bytes % q->l2_entries;
	if (is_ours(entry_at(w, 0)))
		return write_in_place(q, w);
	if (keeps_place(entry_at(w, 0)))
		return write_over_zero(q, w);
	return write_new(q, w, r);
}

static struct piece next_piece(const struct qcow2 *q, struct iov_pos p,
			       uint64_t offset, uint64_t bytes)
{
	return (struct piece){
		.p = p,
		.offset = offset,
		.bytes = min_u64(bytes, q->l2_covers - offset % q->l2_covers),
	};
}

int qcow2_write(struct qcow2 *q, struct iov_pos p, uint64_t offset,
		uint64_t bytes)
{
	if (q->is_corrupt)
		return -EIO;
	while (bytes) {
		struct piece w = next_piece(q, p, offset, bytes);
		int ret = write_piece(q, &w, NULL);

		if (ret)
			return ret;
		iov_skip(&p, w.bytes);
		offset += w.bytes;
		bytes -= w.bytes;
	}
	return 0;
}

int qcow2_write_req(struct qcow2 *q, struct block_req *r)
{
	int ret = r->is_writing_out ? written_out(q, r) : 0;

	if (!ret && q->is_corrupt)
		ret = -EIO;
	while (!ret && r->begun < r->bytes) {
		struct iov_pos p = req_iov(r);
		struct piece w;

		iov_skip(&p, r->begun);
		w = next_piece(q, p, r->offset + r->begun, r->bytes - r->begun);
		if (qcow2_is_blocked(q, r, w.offset, w.bytes))
			return PERFORM_LATER;
		ret = write_piece(q, &w, r);
		if (!ret)
			r->begun += w.bytes;
	}
	return ret;
}

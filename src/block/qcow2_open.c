// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2 images: opening and closing them, and the images below. */
/*
 * How this works
 *
 * The header and the fixed tables are read and checked (qcow2_header.c,
 * qcow2_layout.c), then the image below is opened, read-only, by the name in
 * the header; a relative one begins at the image's own folder. Nothing is
 * written before all of that went well.
 *
 * What of the header is written then: features that strait does not keep up
 * (bitmaps, for example) are marked as out of date, as the specification wants.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "src/base/log.h"
#include "src/block/qcow2.h"

enum { TABLE_BYTES = 32 << 20 };

static int perform(struct block *b, struct block_req *r)
{
	struct qcow2 *q = qcow2_of(b);

	if ((r->op == BLOCK_DISCARD || r->op == BLOCK_WRITE_ZEROES) &&
	    qcow2_is_blocked(q, r, r->offset, r->bytes))
		return PERFORM_LATER;
	switch (r->op) {
	case BLOCK_READ:
		return qcow2_read(q, req_iov(r), r->offset, r->bytes);
	case BLOCK_WRITE:
		return qcow2_write_req(q, r);
	case BLOCK_FLUSH:
		return qcow2_flush(q);
	case BLOCK_DISCARD:
		return qcow2_discard(q, r->offset, r->bytes);
	case BLOCK_WRITE_ZEROES:
		return qcow2_write_zeroes(q, r->offset, r->bytes, r->may_unmap);
	default:
		return -EINVAL;
	}
}

static int read_as_base(struct block *b, struct iov_pos p, uint64_t offset,
			uint64_t bytes)
{
	uint64_t have = offset < b->info.bytes ? b->info.bytes - offset : 0;
	int ret = 0;

	if (have > bytes)
		have = bytes;
	if (have)
		ret = qcow2_read(qcow2_of(b), p, offset, have);
	iov_skip(&p, have);
	if (!ret)
		iov_zero(&p, bytes - have);
	return ret;
}

static void free_state(struct qcow2 *q)
{
	block_close(q->backing);
	cache_fini(&q->l2);
	cache_fini(&q->refs);
	if (q->l1)
		munmap(q->l1, q->h.l1_entries * 8ULL);
	if (q->reftable)
		munmap(q->reftable, QCOW2_MAX_REFTABLE_BYTES);
	free(q->snapshot_l1s);
	free(q->cluster);
	free(q->unpacked);
	inflater_free(q->inflater);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->quiet);
	free(q);
}

static int qcow2_close(struct block *b)
{
	struct qcow2 *q = qcow2_of(b);
	int ret = 0;

	if (!b->info.readonly && !q->is_corrupt)
		ret = qcow2_flush_all(q);
	if (!ret)
		qcow2_unreserve(q);
	free_state(q);
	return ret;
}

static const struct format_ops qcow2_ops = {
	.map = qcow2_map,
	.map_end = qcow2_map_end,
	.perform = perform,
	.read = read_as_base,
	.map_read = qcow2_map_read,
	.close = qcow2_close,
};

/* --- opening --- */

static bool is_protocol(const char *name)
{
	return !strncmp(name, "json:", 5) || !strncmp(name, "nbd:", 4) ||
	       strstr(name, "://");
}

/* The path of the image below, into out. */
static int backing_path(const struct qcow2 *q, char *out, size_t len,
			struct err *e)
{
	const char *name = q->h.backing;
	char own[PATH_MAX];
	int n;

	if (is_protocol(name))
		return err_set(
			e, ENOTSUP,
			"%s: is based on \"%s\", and strait takes only files for that",
			q->b->path, name);
	if (!strncmp(name, "file:", 5))
		name += 5;
	snprintf(own, sizeof(own), "%s", q->b->path);
	n = name[0] == '/' ? snprintf(out, len, "%s", name)
			   : snprintf(out, len, "%s/%s", dirname(own), name);
	if (n < 0 || (size_t)n >= len)
		return err_set(e, ENAMETOOLONG,
			       "%s: the path of the image below is too long",
			       q->b->path);
	return 0;
}

static int backing_format(const struct qcow2 *q, enum block_format *format,
			  struct err *e)
{
	const char *name = q->h.backing_format;

	*format = BLOCK_FORMAT_AUTO;
	if (!name[0])
		return 0;
	if (!strcmp(name, "raw") || !strcmp(name, "host_device") ||
	    !strcmp(name, "file"))
		*format = BLOCK_FORMAT_RAW;
	else if (!strcmp(name, "qcow2"))
		*format = BLOCK_FORMAT_QCOW2;
	else
		return err_set(
			e, ENOTSUP,
			"%s: is based on an image of format \"%s\", strait knows raw and qcow2",
			q->b->path, name);
	return 0;
}

static int open_backing(struct qcow2 *q, struct err *e)
{
	char path[PATH_MAX];
	struct block_options o = { .path = path,
				   .readonly = true,
				   .direct = q->file->direct,
				   .table_bytes = q->b->table_bytes };
	int ret;

	if (!q->h.backing[0])
		return 0;
	ret = backing_path(q, path, sizeof(path), e);
	if (!ret)
		ret = backing_format(q, &o.format, e);
	if (!ret) {
		ret = block_open_image(&o, q->b, &q->backing, e);
		/* Not once for each of a long chain. */
		if (ret && !q->b->above)
			err_ctx(e, ret, "%s: the image that it is based on",
				q->b->path);
	}
	return ret;
}

static int make_caches(struct qcow2 *q, struct err *e)
{
	uint32_t bytes = (uint32_t)q->cluster_bytes;
	uint64_t memory = q->b->table_bytes ? q->b->table_bytes : TABLE_BYTES;
	int ret = cache_init(&q->l2, bytes, q->h.l1_entries, memory);

	if (!ret)
		ret = cache_init(&q->refs, bytes, QCOW2_MAX_REFTABLE_BYTES / 8,
				 memory / 8);
	q->unpacked = malloc(bytes);
	if (ret || posix_memalign((void **)&q->cluster, 4096, bytes) ||
	    !q->unpacked)
		return err_set(e, ENOMEM, "%s: no memory for its tables",
			       q->b->path);
	return 0;
}

static void set_geometry(struct qcow2 *q)
{
	q->cluster_bytes = 1ULL << q->h.cluster_bits;
	q->l2_entries = q->cluster_bytes / 8;
	q->l2_covers = q->cluster_bytes * q->l2_entries;
	q->refblock_entries = (q->cluster_bytes * 8) >> q->h.refcount_order;
	q->end = align_up(q->file->bytes, q->cluster_bytes);
	q->is_dirty = q->h.incompatible & QCOW2_INCOMPAT_DIRTY;
}

static void set_info(struct qcow2 *q)
{
	struct block_info *i = &q->b->info;

	i->format = BLOCK_FORMAT_QCOW2;
	i->bytes = align_up(q->h.bytes, BLOCK_SECTOR);
	i->logical_block = BLOCK_SECTOR;
	i->physical_block =
		q->cluster_bytes < 4096 ? (uint32_t)q->cluster_bytes : 4096;
	i->optimal_io = (uint32_t)q->cluster_bytes;
	i->can_discard = i->can_write_zeroes = !i->readonly;
	i->discard_granularity = i->readonly ? 0 : (uint32_t)q->cluster_bytes;
	i->max_discard_bytes =
		i->readonly ? 0 : align_down(INT32_MAX, q->cluster_bytes);
}

/* The first writes to the image. */
static int prepare_to_write(struct qcow2 *q, struct err *e)
{
	uint64_t end = 0;
	int ret = 0;

	if (q->file->readonly)
		return 0;
	if (q->is_dirty)
		ret = qcow2_repair(q, e);
	if (ret)
		return ret;
	if (q->file->is_device) {
		ret = qcow2_refcount_end(q, &end);
		q->end = end * q->cluster_bytes;
	}
	if (!ret && q->h.autoclear)
		ret = qcow2_header_write64(q, QCOW2_AT_AUTOCLEAR, 0);
	if (ret)
		return err_set(e, -ret, "%s: prepare to write to it: %s",
			       q->b->path, strerror(-ret));
	q->is_lazy = q->h.version >= 3 && q->h.compatible & QCOW2_COMPAT_LAZY;
	return 0;
}

static int open_steps(struct qcow2 *q, struct err *e)
{
	int ret = qcow2_header_read(q, e);

	if (ret)
		return ret;
	set_geometry(q);
	ret = qcow2_layout_read(q, e);
	if (!ret)
		ret = inflater_new(&q->inflater, q->h.zstd, q->cluster_bytes,
				   q->b->path, e);
	if (!ret)
		ret = make_caches(q, e);
	if (!ret)
		ret = open_backing(q, e);
	if (ret)
		return ret;
	set_info(q);
	return prepare_to_write(q, e);
}

int qcow2_open(struct block *b, struct err *e)
{
	struct qcow2 *q = calloc(1, sizeof(*q));
	int ret;

	if (!q)
		return err_set(e, ENOMEM, "%s: no memory", b->path);
	q->b = b;
	fifo_init(&q->blocked);
	q->file = &b->file;
	b->state = q;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->quiet, NULL);
	ret = open_steps(q, e);
	if (ret) {
		free_state(q);
		return ret;
	}
	b->format = &qcow2_ops;
	return 0;
}

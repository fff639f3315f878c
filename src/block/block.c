// SPDX-License-Identifier: GPL-2.0-or-later
/* Opening a disk: which format it has, and what it is made of. */
#include <errno.h>
#include <stdlib.h>

#include "src/base/log.h"
#include "src/block/priv.h"

enum { MAX_QUEUES = 256 };

static const uint8_t qcow2_magic[4] = { 'Q', 'F', 'I', 0xfb };

static int probe(struct block *b, enum block_format *format, struct err *e)
{
	uint8_t magic[sizeof(qcow2_magic)];
	int ret = file_read_buf(&b->file, magic, 0, sizeof(magic));

	if (ret)
		return err_set(e, -ret, "%s: read its first bytes: %s", b->path,
			       strerror(-ret));
	*format = memcmp(magic, qcow2_magic, sizeof(magic))
			  ? BLOCK_FORMAT_RAW
			  : BLOCK_FORMAT_QCOW2;
	return 0;
}

/* An image that is based on itself would be read forever. */
static int refuse_loop(const struct block *b, struct err *e)
{
	unsigned int depth = 0;

	for (const struct block *a = b->above; a; a = a->above) {
		if (a->file.dev == b->file.dev && a->file.ino == b->file.ino)
			return err_set(e, ELOOP,
				       "%s: the image is based on itself",
				       b->path);
		if (++depth > BLOCK_MAX_CHAIN)
			return err_set(
				e, ELOOP,
				"%s: more than %d images are based on each other",
				b->path, BLOCK_MAX_CHAIN);
	}
	return 0;
}

static int open_format(struct block *b, const struct block_options *o,
		       struct err *e)
{
	enum block_format format = o->format;
	int ret = file_open(&b->file, o, e);

	if (!ret)
		ret = refuse_loop(b, e);
	if (!ret)
		ret = file_claim(&b->file, e);
	if (!ret && format == BLOCK_FORMAT_AUTO)
		ret = probe(b, &format, e);
	if (ret)
		return ret;
	b->info.max_queues = MAX_QUEUES;
	b->queue = o->no_uring ? &thread_queue_ops : &uring_queue_ops;
	return format == BLOCK_FORMAT_QCOW2 ? qcow2_open(b, e) : raw_open(b, e);
}

int block_open_image(const struct block_options *o, const struct block *above,
		     struct block **out, struct err *e)
{
	struct block *b = calloc(1, sizeof(*b));
	int ret;

	*out = NULL;
	if (!b)
		return err_set(e, ENOMEM, "%s: no memory", o->path);
	b->file.fd = -1;
	b->above = above;
	b->path = strdup(o->path);
	b->info.readonly = o->readonly;
	b->table_bytes = o->table_bytes;
	if (!b->path)
		ret = err_set(e, ENOMEM, "%s: no memory", o->path);
	else if (path_is_nbd(o->path))
		ret = nbd_open(b, o, e);
	else
		ret = open_format(b, o, e);
	if (ret) {
		block_close(b);
		return ret;
	}
	*out = b;
	return 0;
}

int block_open(const struct block_options *o, struct block **out, struct err *e)
{
	struct block *b = NULL;
	int ret = block_open_image(o, NULL, &b, e);

	*out = NULL;
	if (ret)
		return ret;
	/* NBD needs none. */
	if (b && b->file.fd >= 0)
		ret = worker_start(b, e);
	if (ret) {
		block_close(b);
		return ret;
	}
	*out = b;
	return 0;
}

int block_close(struct block *b)
{
	int ret = 0;

	if (!b)
		return 0;
	BUG_ON(b->nr_queues);
	worker_stop(b);
	if (b->format)
		ret = b->format->close(b);
	if (ret)
		log_error(b->path,
			  "what was written since the last flush is lost: %s",
			  strerror(-ret));
	if (b->file.fd >= 0)
		file_close(&b->file);
	free(b->path);
	free(b);
	return ret;
}

const struct block_info *block_info(const struct block *b)
{
	return &b->info;
}

const char *block_path(const struct block *b)
{
	return b->path;
}

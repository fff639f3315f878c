// SPDX-License-Identifier: GPL-2.0-or-later
/* Raw images and block devices: the guest's bytes are the file's. */
/*
 * How this works
 *
 * Everything maps to the file at once but zeroes, for which there are several
 * ways, what is no whole block of a device, and what O_DIRECT does not take as
 * it is (uring.c sees to that).
 *
 * A file whose size is no multiple of a sector is rounded up: the rest of its
 * last sector reads as zeroes, and the file grows by it when it is written.
 */
#include <errno.h>

#include "src/block/priv.h"

/* A device gives back whole blocks of its own. */
static bool is_whole(const struct block *b, const struct block_req *r)
{
	return !((r->offset | r->bytes) & (b->file.logical_block - 1));
}

static int raw_map(struct block *b, struct block_req *r,
		   struct block_span *spans, unsigned int max)
{
	(void)max;
	if (r->op == BLOCK_WRITE_ZEROES && !(r->may_unmap && is_whole(b, r)))
		return 0;
	if (r->op == BLOCK_DISCARD && !is_whole(b, r))
		return 0;
	spans[0] = (struct block_span){ &b->file, r->offset, r->bytes };
	return 1;
}

static void raw_map_end(struct block *b, const struct block_req *r)
{
	(void)b;
	(void)r;
}

static int raw_discard(const struct block_file *f, const struct block_req *r)
{
	uint64_t start = align_up(r->offset, f->logical_block);
	uint64_t end = align_down(r->offset + r->bytes, f->logical_block);

	return start < end ? file_punch(f, start, end - start) : 0;
}

static int raw_perform(struct block *b, struct block_req *r)
{
	struct block_file *f = &b->file;

	switch (r->op) {
	case BLOCK_READ:
		return file_read(f, req_iov(r), r->offset, r->bytes);
	case BLOCK_WRITE:
		return file_write(f, req_iov(r), r->offset, r->bytes);
	case BLOCK_FLUSH:
		return file_sync(f);
	case BLOCK_DISCARD:
		return raw_discard(f, r);
	case BLOCK_WRITE_ZEROES:
		return file_zero(f, r->offset, r->bytes, r->may_unmap);
	default:
		return -EINVAL;
	}
}

static int raw_read(struct block *b, struct iov_pos p, uint64_t offset,
		    uint64_t bytes)
{
	uint64_t have = offset < b->info.bytes ? b->info.bytes - offset : 0;
	int ret = 0;

	if (have > bytes)
		have = bytes;
	if (have)
		ret = file_read(&b->file, p, offset, have);
	iov_skip(&p, have);
	if (!ret)
		iov_zero(&p, bytes - have);
	return ret;
}

static uint64_t raw_map_read(struct block *b, uint64_t offset, uint64_t bytes,
			     struct block_span *span)
{
	uint64_t have = offset < b->info.bytes ? b->info.bytes - offset : 0;

	*span = (struct block_span){ have ? &b->file : NULL, offset, bytes };
	if (have && have < bytes)
		span->bytes = have;
	return span->bytes;
}

static int raw_close(struct block *b)
{
	(void)b;
	return 0;
}

static const struct format_ops raw_ops = {
	.map = raw_map,
	.map_end = raw_map_end,
	.perform = raw_perform,
	.read = raw_read,
	.map_read = raw_map_read,
	.close = raw_close,
};

int raw_open(struct block *b, struct err *e)
{
	struct block_file *f = &b->file;
	struct block_info *i = &b->info;

	if (!f->bytes)
		return err_set(e, EINVAL, "%s: is empty, so there is no disk",
			       b->path);
	if (f->bytes > INT64_MAX - BLOCK_SECTOR)
		return err_set(e, EFBIG, "%s: is too large", b->path);
	i->format = BLOCK_FORMAT_RAW;
	i->bytes = align_up(f->bytes, BLOCK_SECTOR);
	i->logical_block = f->logical_block;
	i->physical_block = f->physical_block;
	i->optimal_io = f->optimal_io;
	i->can_discard = f->discard_granularity && !f->readonly;
	i->discard_granularity = i->can_discard ? f->discard_granularity : 0;
	i->can_write_zeroes = !f->readonly;
	if (i->can_write_zeroes)
		i->max_discard_bytes = f->max_discard_bytes;
	f->keeps_size = !f->is_device;
	b->format = &raw_ops;
	return 0;
}

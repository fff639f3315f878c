// SPDX-License-Identifier: GPL-2.0-or-later
/* Blocking reads and writes of an image's file, of any alignment. */
/*
 * How this works
 *
 * Without O_DIRECT, pieces of a request's memory go to preadv and pwritev as
 * they are. With it, what is not aligned goes through the file's bounce buffer;
 * a write that begins or ends within a block reads that block first. All of
 * this runs on one thread, so two writes to parts of one block, which belong to
 * no whole one, do not undo each other.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "src/block/priv.h"

int file_at_end(const struct block_file *f, uint64_t pos)
{
	return pos >= f->bytes ? 0 : -EIO;
}

/* One pass over pieces; > 0 is what it did, 0 the end of the file. */
static ssize_t transfer(const struct block_file *f, bool write,
			const struct iov_pos *p, uint64_t pos, uint64_t bytes)
{
	struct iovec iov[16];
	uint64_t got;
	unsigned int n = iov_take(p, bytes, iov, ARRAY_SIZE(iov), &got);
	ssize_t done;

	do
		done = write ? pwritev(f->fd, iov, (int)n, (off_t)pos)
			     : preadv(f->fd, iov, (int)n, (off_t)pos);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return -errno;
	return done;
}

/* All of it; the memory is aligned as the file wants it. */
static int transfer_all(const struct block_file *f, bool write,
			struct iov_pos p, uint64_t pos, uint64_t bytes)
{
	while (bytes) {
		ssize_t n = transfer(f, write, &p, pos, bytes);

		if (n < 0)
			return (int)n;
		/* A read that ends within a block ended the file. */
		if (!write && (n == 0 || n % f->align)) {
			int ret = file_at_end(f, pos + (uint64_t)n);

			iov_skip(&p, (uint64_t)n);
			if (!ret)
				iov_zero(&p, bytes - (uint64_t)n);
			return ret;
		}
		if (n == 0)
			return -ENOSPC;
		iov_skip(&p, (uint64_t)n);
		pos += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
	return 0;
}

/* An iovec cannot say that memory is only read. */
static struct iovec iov_of(const void *buf, uint64_t bytes)
{
	struct iovec iov = { .iov_len = bytes };

	memcpy(&iov.iov_base, &buf, sizeof(buf));
	return iov;
}

static int transfer_buf(const struct block_file *f, bool write, const void *buf,
			uint64_t pos, uint64_t bytes)
{
	struct iovec iov = iov_of(buf, bytes);

	return transfer_all(f, write, (struct iov_pos){ &iov, 1, 0 }, pos,
			    bytes);
}

/* The blocks that a write covers only in part are read into the buffer. */
static int read_edges(struct block_file *f, uint64_t start, uint64_t end,
		      uint64_t pos, uint64_t bytes)
{
	int ret = 0;

	if (start < pos)
		ret = transfer_buf(f, false, f->bounce, start, f->align);
	if (!ret && end > pos + bytes &&
	    (end - start > f->align || start == pos))
		ret = transfer_buf(f, false,
				   f->bounce + (end - start - f->align),
				   end - f->align, f->align);
	return ret;
}

static int bounce_one(struct block_file *f, bool write, const struct iov_pos *p,
		      uint64_t pos, uint64_t bytes)
{
	uint64_t start = align_down(pos, f->align);
	uint64_t end = align_up(pos + bytes, f->align);
	int ret;

	if (!write) {
		ret = transfer_buf(f, false, f->bounce, start, end - start);
		if (!ret)
			iov_put(p, f->bounce + (pos - start), bytes);
		return ret;
	}
	ret = read_edges(f, start, end, pos, bytes);
	if (ret)
		return ret;
	iov_get(p, f->bounce + (pos - start), bytes);
	ret = transfer_buf(f, true, f->bounce, start, end - start);
	/* The file is not to grow by what fills up its last block. */
	if (!ret && end > pos + bytes && end > f->bytes && f->keeps_size &&
	    ftruncate(f->fd,
		      (off_t)(pos + bytes > f->bytes ? pos + bytes : f->bytes)))
		ret = -errno;
	return ret;
}

static int file_transfer(struct block_file *f, bool write, struct iov_pos p,
			 uint64_t pos, uint64_t bytes)
{
	if (f->align <= 1 || (!((pos | bytes) & (f->align - 1)) &&
			      iov_is_aligned(&p, bytes, f->align)))
		return transfer_all(f, write, p, pos, bytes);
	while (bytes) {
		uint64_t n = bytes < BLOCK_BOUNCE ? bytes : BLOCK_BOUNCE;
		int ret = bounce_one(f, write, &p, pos, n);

		if (ret)
			return ret;
		iov_skip(&p, n);
		pos += n;
		bytes -= n;
	}
	return 0;
}

int file_read(struct block_file *f, struct iov_pos p, uint64_t pos,
	      uint64_t bytes)
{
	return file_transfer(f, false, p, pos, bytes);
}

int file_write(struct block_file *f, struct iov_pos p, uint64_t pos,
	       uint64_t bytes)
{
	return file_transfer(f, true, p, pos, bytes);
}

int file_read_buf(struct block_file *f, void *buf, uint64_t pos, uint64_t bytes)
{
	struct iovec iov = { buf, bytes };

	return file_transfer(f, false, (struct iov_pos){ &iov, 1, 0 }, pos,
			     bytes);
}

int file_write_buf(struct block_file *f, const void *buf, uint64_t pos,
		   uint64_t bytes)
{
	struct iovec iov = iov_of(buf, bytes);

	return file_transfer(f, true, (struct iov_pos){ &iov, 1, 0 }, pos,
			     bytes);
}

static int write_zeroes(struct block_file *f, uint64_t pos, uint64_t bytes)
{
	while (bytes) {
		uint64_t n = bytes < BLOCK_BOUNCE ? bytes : BLOCK_BOUNCE;
		uint64_t start = align_down(pos, f->align);
		uint64_t end = align_up(pos + n, f->align);
		int ret = read_edges(f, start, end, pos, n);

		if (ret)
			return ret;
		memset(f->bounce + (pos - start), 0, n);
		ret = transfer_buf(f, true, f->bounce, start, end - start);
		if (ret)
			return ret;
		pos += n;
		bytes -= n;
	}
	return 0;
}

static int deallocate(const struct block_file *f, int mode, uint64_t pos,
		      uint64_t bytes)
{
	int ret;

	do
		ret = fallocate(f->fd, mode, (off_t)pos, (off_t)bytes);
	while (ret && errno == EINTR);
	return ret ? -errno : 0;
}

static bool is_unsupported(int ret)
{
	return ret == -EOPNOTSUPP || ret == -ENOSYS || ret == -EINVAL ||
	       ret == -ENODEV || ret == -EPERM;
}

int file_zero(struct block_file *f, uint64_t pos, uint64_t bytes, bool unmap)
{
	int ret = -EOPNOTSUPP;

	if (unmap)
		ret = deallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 pos, bytes);
	if (is_unsupported(ret))
		ret = deallocate(f, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
				 pos, bytes);
	return is_unsupported(ret) ? write_zeroes(f, pos, bytes) : ret;
}

int file_punch(const struct block_file *f, uint64_t pos, uint64_t bytes)
{
	int ret = deallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos,
			     bytes);

	/* Not all devices make zeroes of it, as a hole would be. */
	if (is_unsupported(ret) && f->is_device)
		ret = ioctl(f->fd, BLKDISCARD, (uint64_t[]){ pos, bytes })
			      ? -errno
			      : 0;
	return is_unsupported(ret) ? 0 : ret;
}

int file_sync(const struct block_file *f)
{
	return fdatasync(f->fd) ? -errno : 0;
}

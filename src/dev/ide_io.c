// SPDX-License-Identifier: GPL-2.0-or-later
/* IDE commands on the I/O thread: between guest memory and the image. */
/*
 * How this works
 *
 * A vCPU that wrote a command, the last word of a PIO block or the bus master's
 * start bit leaves the channel in IDE_QUEUED and signals an eventfd; the I/O
 * thread takes it from there, request by request, until the command is over or
 * the guest has to move data. Requests are one at a time, so the channel has
 * one struct block_req, and one set of iovecs.
 *
 * Who has to know that nothing is under way (a reset, the bus master's stop)
 * waits in ide_quiesce: requests cannot be taken back, and no memory may be
 * written after the guest was told that it is its own again.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/base/iov.h"
#include "src/dev/ide_priv.h"

enum { RETRY_NS = 1000000000, TRIM_ENTRY_LEN = 8 };

void ide_queue(struct ide_channel *c)
{
	const uint64_t one = 1;

	c->state = IDE_QUEUED;
	c->op.disk->status = ST_BSY;
	/* It fails only when 2^64 - 2 events wait already. */
	if (write(c->kick.fd, &one, sizeof(one)) < 0)
		return;
}

void ide_quiesce(struct ide_channel *c)
{
	c->nr_waiting++;
	while (c->state == IDE_IN_IO)
		pthread_cond_wait(&c->out_of_io, &c->lock);
	c->nr_waiting--;
}

/* --- a request --- */

static void submit(struct ide_channel *c)
{
	struct ide_disk *d = c->op.disk;

	c->state = IDE_IN_IO;
	block_submit(d->queue, &c->io);
	block_kick(d->queue);
}

static void submit_flush(struct ide_channel *c)
{
	c->io.op = BLOCK_FLUSH;
	c->io.offset = c->io.bytes = 0;
	c->io.nr_iov = 0;
	submit(c);
}

/* The pieces of a transfer by PIO: the buffer. */
static uint64_t pio_iov(struct ide_channel *c)
{
	unsigned int bytes = c->op.kind == IDE_WRITE
				     ? c->block_end
				     : ide_buf_bytes(c->op.left);

	c->iov[0] = (struct iovec){ c->buf, bytes };
	c->nr_iov = 1;
	return bytes;
}

static void transfer(struct ide_channel *c)
{
	struct ide_op *op = &c->op;
	uint64_t bytes =
		op->is_dma
			? ide_dma_gather(c, (uint64_t)op->left * BLOCK_SECTOR)
			: pio_iov(c);

	if (!bytes) {
		log_guest(&op->disk->limit, op->disk->setup.name,
			  "DMA to where no memory is");
		ide_dma_end(c, true);
		ide_fail(c, ERR_ABRT);
		return;
	}
	op->chunk = (uint32_t)(bytes / BLOCK_SECTOR);
	c->io.op = op->kind == IDE_READ ? BLOCK_READ : BLOCK_WRITE;
	c->io.offset = op->sector * BLOCK_SECTOR;
	c->io.bytes = bytes;
	c->io.iov = c->iov;
	c->io.nr_iov = c->nr_iov;
	submit(c);
}

/* --- TRIM: ranges of 48 bits of sector and 16 of length, ACS-2 7.10 --- */

static bool fetch_ranges(struct ide_channel *c)
{
	uint64_t want = (uint64_t)c->op.trim_sectors * BLOCK_SECTOR;

	if (ide_dma_gather(c, want) != want)
		return false;
	iov_read(c->iov, c->nr_iov, 0, c->buf, want);
	c->op.trim_sectors = 0;
	c->buf_len = (unsigned int)want;
	c->buf_pos = 0;
	return true;
}

/* The next range that is not empty; false: none is left. */
static bool next_range(struct ide_channel *c)
{
	while (!c->op.left && c->buf_pos < c->buf_len) {
		uint64_t range = get_le(c->buf + c->buf_pos, TRIM_ENTRY_LEN);

		c->buf_pos += TRIM_ENTRY_LEN;
		c->op.left = (uint32_t)(range >> 48);
		c->op.sector = range & 0xffffffffffffULL;
	}
	return c->op.left;
}

static void trim(struct ide_channel *c)
{
	struct ide_op *op = &c->op;
	uint64_t most =
		block_info(op->disk->block)->max_discard_bytes / BLOCK_SECTOR;

	if (op->trim_sectors && !fetch_ranges(c)) {
		ide_dma_end(c, true);
		ide_fail(c, ERR_ABRT);
		return;
	}
	if (!next_range(c)) {
		ide_succeed(c);
		return;
	}
	if (op->sector + op->left > ide_sectors(op->disk)) {
		ide_fail(c, ERR_IDNF | ERR_ABRT);
		return;
	}
	op->chunk = most && most < op->left ? (uint32_t)most : op->left;
	c->io.op = BLOCK_DISCARD;
	c->io.offset = op->sector * BLOCK_SECTOR;
	c->io.bytes = (uint64_t)op->chunk * BLOCK_SECTOR;
	c->io.nr_iov = 0;
	submit(c);
}

/* --- one after the other --- */

static void go_on(struct ide_channel *c)
{
	switch (c->op.kind) {
	case IDE_READ:
	case IDE_WRITE:
		transfer(c);
		break;
	case IDE_TRIM:
		trim(c);
		break;
	default:
		submit_flush(c);
	}
}

static void written_all(struct ide_channel *c)
{
	c->has_said_full = false;
	if (!c->op.flush_follows) {
		ide_succeed(c);
		return;
	}
	c->op.flush_follows = false;
	c->op.kind = IDE_FLUSH;
	submit_flush(c);
}

static void pio_went_through(struct ide_channel *c)
{
	bool is_read = c->op.kind == IDE_READ;

	if (!is_read && !c->op.left) {
		written_all(c);
		return;
	}
	c->buf_pos = 0;
	c->buf_len = ide_buf_bytes(is_read ? c->op.chunk : c->op.left);
	ide_pio_block(c);
	ide_raise(c);
}

static void went_through(struct ide_channel *c)
{
	struct ide_op *op = &c->op;

	if (op->kind == IDE_FLUSH) {
		ide_succeed(c);
		return;
	}
	op->sector += op->chunk;
	op->left -= op->chunk;
	if (!op->is_dma)
		pio_went_through(c);
	else if (op->kind == IDE_TRIM || op->left)
		/* Who waits does not wait for more than this request. */
		c->nr_waiting ? ide_fail(c, ERR_ABRT) : go_on(c);
	else if (op->kind == IDE_WRITE)
		written_all(c);
	else
		ide_succeed(c);
}

static void wait_for_room(struct ide_channel *c)
{
	const struct ide_disk *d = c->op.disk;

	if (!c->has_said_full)
		log_warn(d->setup.name,
			 "%s: no space left: the guest waits until there is",
			 block_path(d->block));
	c->has_said_full = true;
	c->state = IDE_FULL;
	loop_timer_set(&c->retry, RETRY_NS, 0);
}

static void failed(struct ide_channel *c, int ret)
{
	struct ide_disk *d = c->op.disk;

	log_guest(&d->limit, d->setup.name, "%s: %s at %llu: %s",
		  block_path(d->block),
		  c->io.op == BLOCK_READ    ? "read"
		  : c->io.op == BLOCK_WRITE ? "write"
					    : "request",
		  (unsigned long long)c->io.offset, strerror(-ret));
	ide_fail(c, c->op.kind == IDE_READ ? ERR_UNC : ERR_ABRT);
}

static void on_done(struct block_req *io, int ret)
{
	struct ide_channel *c = CONTAINER_OF(io, struct ide_channel, io);

	pthread_mutex_lock(&c->lock);
	if (ret == -ENOSPC && c->op.disk->setup.pause_on_enospc &&
	    !c->nr_waiting)
		wait_for_room(c);
	else if (ret)
		failed(c, ret);
	else
		went_through(c);
	if (c->state != IDE_IN_IO)
		pthread_cond_broadcast(&c->out_of_io);
	pthread_mutex_unlock(&c->lock);
}

static void on_kick(struct loop_source *s, uint32_t events)
{
	struct ide_channel *c = CONTAINER_OF(s, struct ide_channel, kick);
	struct block_queue *queue = NULL;

	(void)events;
	pthread_mutex_lock(&c->lock);
	if (c->state == IDE_QUEUED)
		go_on(c);
	if (c->state == IDE_IN_IO)
		queue = c->op.disk->queue;
	pthread_mutex_unlock(&c->lock);
	if (queue)
		block_poll(queue);
}

static void on_retry(struct loop_timer *t)
{
	struct ide_channel *c = CONTAINER_OF(t, struct ide_channel, retry);

	pthread_mutex_lock(&c->lock);
	if (c->state == IDE_FULL)
		submit(c);
	pthread_mutex_unlock(&c->lock);
}

/* --- its life --- */

int ide_io_init(struct ide_channel *c, struct err *e)
{
	int ret;

	c->io.done = on_done;
	c->kick.ready = on_kick;
	c->kick.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->kick.fd < 0)
		return err_sys(e, c->ide->name, "eventfd");
	/* Each kick is told, so nobody has to read the count. */
	ret = loop_add(c->loop, &c->kick, EPOLLIN | EPOLLET, e);
	if (ret) {
		close(c->kick.fd);
		c->kick.fd = -1;
	}
	return ret;
}

int ide_io_add_retry(struct ide_channel *c, struct err *e)
{
	int ret;

	if (c->has_retry)
		return 0;
	c->retry.fn = on_retry;
	ret = loop_timer_add(c->loop, &c->retry, e);
	c->has_retry = !ret;
	return ret;
}

void ide_io_fini(struct ide_channel *c)
{
	if (c->has_retry)
		loop_timer_del(c->loop, &c->retry);
	if (c->kick.fd < 0)
		return;
	loop_del(c->loop, &c->kick);
	close(c->kick.fd);
}

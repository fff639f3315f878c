// SPDX-License-Identifier: GPL-2.0-or-later
/* A queue's connection to an NBD server. */
/*
 * How this works
 *
 * A command of NBD has one piece of memory. A request whose memory is in pieces
 * goes through a buffer of the queue, if one is free and large enough, and
 * otherwise becomes a command for each piece.
 *
 * libnbd tells the end of a command from within its own calls, where it must
 * not be called again, so the caller is told a moment later, by the loop.
 *
 * Its socket is a source of the loop, for what libnbd wants to do with it just
 * then. When the server is gone the source is taken out, one line is logged,
 * and everything fails.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "src/base/log.h"
#include "src/block/nbd.h"

enum { NR_PIECES = 2048, NR_BOUNCE = 16, BOUNCE_BYTES = 1 << 20 };

struct piece {
	struct nbd_queue *queue;
	struct block_req *req;
	struct piece *next_free;
	const uint8_t *bounce;
};

struct nbd_queue {
	struct block_queue *q;
	const struct nbd_api *api;
	struct nbd_handle *h;
	struct loop_source source;
	uint32_t events; /* that the loop waits for */
	bool is_gone;
	struct piece *free;
	unsigned int nr_free;
	struct req_fifo waiting;
	uint8_t *bounces;
	unsigned int free_bounces;
	struct piece pieces[NR_PIECES];
};

static struct nbd_queue *nbd_queue_of(const struct block_queue *q)
{
	return q->state;
}

/* --- the socket --- */

static void server_gone(struct nbd_queue *n)
{
	if (n->is_gone)
		return;
	n->is_gone = true;
	loop_del(n->q->loop, &n->source);
	log_error(n->q->block->path,
		  "the server is gone; all requests fail from now on");
}

static bool check_alive(struct nbd_queue *n)
{
	if (!n->is_gone &&
	    (n->api->aio_is_dead(n->h) || n->api->aio_is_closed(n->h)))
		server_gone(n);
	return !n->is_gone;
}

static uint32_t wanted_events(const struct nbd_queue *n)
{
	unsigned int direction = n->api->aio_get_direction(n->h);

	return (direction & LIBNBD_AIO_DIRECTION_READ ? (uint32_t)EPOLLIN : 0) |
	       (direction & LIBNBD_AIO_DIRECTION_WRITE ? (uint32_t)EPOLLOUT
						       : 0);
}

static void update_events(struct nbd_queue *n)
{
	uint32_t events;

	if (!check_alive(n))
		return;
	events = wanted_events(n);
	if (events != n->events)
		loop_mod(n->q->loop, &n->source, events);
	n->events = events;
}

/* --- commands --- */

static void piece_put(struct nbd_queue *n, struct piece *p)
{
	if (p->bounce)
		n->free_bounces |=
			1U << ((size_t)(p->bounce - n->bounces) / BOUNCE_BYTES);
	p->bounce = NULL;
	p->next_free = n->free;
	n->free = p;
	n->nr_free++;
}

static void piece_done(struct piece *p, int error)
{
	struct block_req *r = p->req;
	struct iov_pos all = req_iov(r);

	if (error)
		r->ret = error == ENOSPC ? -ENOSPC : -EIO;
	else if (p->bounce && r->op == BLOCK_READ)
		iov_put(&all, p->bounce, r->bytes);
	piece_put(p->queue, p);
	if (!--r->nr_pending)
		queue_finish_later(r, r->ret);
}

/* 1: libnbd forgets the command. */
/* NOLINTNEXTLINE(readability-non-const-parameter): libnbd's type */
static int command_done(void *arg, int *error)
{
	piece_done(arg, *error);
	return 1;
}

static int64_t send_command(struct nbd_queue *n, struct piece *p, void *buf,
			    uint64_t offset, uint64_t bytes)
{
	const struct block_req *r = p->req;
	nbd_completion_callback end = { .callback = command_done,
					.user_data = p };

	switch (r->op) {
	case BLOCK_READ:
		return n->api->aio_pread(n->h, buf, bytes, offset, end, 0);
	case BLOCK_WRITE:
		return n->api->aio_pwrite(n->h, buf, bytes, offset, end, 0);
	case BLOCK_DISCARD:
		return n->api->aio_trim(n->h, bytes, offset, end, 0);
	case BLOCK_WRITE_ZEROES:
		return n->api->aio_zero(n->h, bytes, offset, end,
					r->may_unmap ? 0
						     : LIBNBD_CMD_FLAG_NO_HOLE);
	default:
		return n->api->aio_flush(n->h, end, 0);
	}
}

/* A command that was not begun is not told to the callback. */
static void start_piece(struct nbd_queue *n, struct block_req *r,
			const uint8_t *bounce, void *buf, uint64_t offset,
			uint64_t bytes)
{
	struct piece *p = n->free;

	n->free = p->next_free;
	n->nr_free--;
	*p = (struct piece){ .queue = n, .req = r, .bounce = bounce };
	if (send_command(n, p, buf, offset, bytes) < 0)
		piece_done(p, EIO);
}

static uint8_t *bounce_get(struct nbd_queue *n, const struct block_req *r)
{
	int i = __builtin_ffs((int)n->free_bounces) - 1;

	if (i < 0 || r->bytes > BOUNCE_BYTES)
		return NULL;
	n->free_bounces &= ~(1U << i);
	return n->bounces + (size_t)i * BOUNCE_BYTES;
}

/* Commands that a request's memory makes, by themselves. */
static uint64_t count_pieces(const struct nbd_queue *n,
			     const struct block_req *r)
{
	uint64_t max = nbd_of(n->q->block)->max_bytes, nr = 0;

	for (unsigned int i = 0; i < r->nr_iov; i++)
		nr += (r->iov[i].iov_len + max - 1) / max;
	return nr;
}

static void start_pieces(struct nbd_queue *n, struct block_req *r)
{
	uint64_t max = nbd_of(n->q->block)->max_bytes;
	uint64_t offset = r->offset;

	for (unsigned int i = 0; i < r->nr_iov; i++) {
		uint8_t *at = r->iov[i].iov_base;
		uint64_t left = r->iov[i].iov_len;

		while (left) {
			uint64_t len = left < max ? left : max;

			start_piece(n, r, NULL, at, offset, len);
			at += len;
			offset += len;
			left -= len;
		}
	}
}

static void start_bounced(struct nbd_queue *n, struct block_req *r,
			  uint8_t *bounce)
{
	struct iov_pos all = req_iov(r);

	if (r->op == BLOCK_WRITE)
		iov_get(&all, bounce, r->bytes);
	r->nr_pending = 1;
	start_piece(n, r, bounce, bounce, r->offset, r->bytes);
}

/* False: not now. */
static bool start_data(struct nbd_queue *n, struct block_req *r)
{
	uint64_t nr = count_pieces(n, r);
	uint8_t *bounce = nr > 1 && n->nr_free ? bounce_get(n, r) : NULL;

	if (bounce) {
		start_bounced(n, r, bounce);
		return true;
	}
	if (nr > n->nr_free)
		return false;
	r->nr_pending = (unsigned int)nr;
	start_pieces(n, r);
	return true;
}

static bool start(struct nbd_queue *n, struct block_req *r)
{
	const struct block *b = n->q->block;

	if (!check_alive(n)) {
		queue_finish_later(r, -EIO);
		return true;
	}
	if (r->op == BLOCK_READ || r->op == BLOCK_WRITE) {
		if (count_pieces(n, r) <= NR_PIECES)
			return start_data(n, r);
		queue_finish_later(r, -EINVAL);
		return true;
	}
	if (r->op == BLOCK_FLUSH && !nbd_of(b)->can_flush) {
		queue_finish_later(r, 0);
		return true;
	}
	if (r->op == BLOCK_WRITE_ZEROES && !b->info.can_write_zeroes) {
		queue_finish_later(r, -ENOTSUP);
		return true;
	}
	if (!n->nr_free)
		return false;
	r->nr_pending = 1;
	start_piece(n, r, NULL, NULL, r->offset, r->bytes);
	return true;
}

static void start_waiting(struct nbd_queue *n)
{
	struct block_req *r;

	while ((r = n->waiting.first)) {
		struct block_req *next = r->next;

		if (!start(n, r))
			return;
		n->waiting.first = next;
		if (!next)
			n->waiting.last = &n->waiting.first;
	}
}

static void nbd_submit(struct block_queue *q, struct block_req *r)
{
	struct nbd_queue *n = nbd_queue_of(q);

	if (n->waiting.first || !start(n, r))
		fifo_add(&n->waiting, r);
}

static void nbd_kick(struct block_queue *q)
{
	struct nbd_queue *n = nbd_queue_of(q);

	start_waiting(n);
	update_events(n);
}

static void nbd_reap(struct block_queue *q)
{
	struct nbd_queue *n = nbd_queue_of(q);

	if (check_alive(n))
		n->api->poll(n->h, 0);
	nbd_kick(q);
}

static int nbd_fd(const struct block_queue *q, short *events)
{
	const struct nbd_queue *n = nbd_queue_of(q);
	uint32_t wanted;

	*events = 0;
	if (n->is_gone)
		return -1;
	wanted = wanted_events(n);
	*events = (short)((wanted & EPOLLIN ? POLLIN : 0) |
			  (wanted & EPOLLOUT ? POLLOUT : 0));
	return n->source.fd;
}

static void socket_ready(struct loop_source *s, uint32_t events)
{
	struct nbd_queue *n = CONTAINER_OF(s, struct nbd_queue, source);
	uint32_t wanted = wanted_events(n);

	if (wanted & EPOLLIN && events & ~(uint32_t)EPOLLOUT)
		n->api->aio_notify_read(n->h);
	else if (wanted & EPOLLOUT)
		n->api->aio_notify_write(n->h);
	nbd_kick(n->q);
}

/* --- set-up --- */

static int get_handle(struct block *b, struct nbd_handle **h, struct err *e)
{
	struct nbd_disk *d = nbd_of(b);

	*h = __atomic_exchange_n(&d->first, NULL, __ATOMIC_ACQ_REL);
	return *h ? 0 : nbd_connect(b, h, e);
}

static int watch_socket(struct nbd_queue *n, struct err *e)
{
	n->source = (struct loop_source){ .fd = n->api->aio_get_fd(n->h),
					  .ready = socket_ready };
	n->events = wanted_events(n);
	return loop_add(n->q->loop, &n->source, n->events, e);
}

static int nbd_queue_open(struct block_queue *q, unsigned int depth,
			  struct err *e)
{
	struct nbd_queue *n = calloc(1, sizeof(*n));
	int ret;

	(void)depth;
	if (!n)
		return err_set(e, ENOMEM, "%s: no memory for a queue",
			       q->block->path);
	n->q = q;
	n->api = &nbd_of(q->block)->api;
	fifo_init(&n->waiting);
	n->bounces = mmap(NULL, (size_t)NR_BOUNCE * BOUNCE_BYTES,
			  PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	n->free_bounces = n->bounces == MAP_FAILED ? 0 : (1U << NR_BOUNCE) - 1;
	for (unsigned int i = NR_PIECES; i > 0; i--)
		piece_put(n, &n->pieces[i - 1]);
	ret = get_handle(q->block, &n->h, e);
	if (!ret) {
		ret = watch_socket(n, e);
		if (ret)
			n->api->close(n->h);
	}
	if (ret) {
		if (n->bounces != MAP_FAILED)
			munmap(n->bounces, (size_t)NR_BOUNCE * BOUNCE_BYTES);
		free(n);
		return ret;
	}
	q->state = n;
	return 0;
}

static void nbd_queue_close(struct block_queue *q)
{
	struct nbd_queue *n = nbd_queue_of(q);

	if (!n->is_gone) {
		loop_del(q->loop, &n->source);
		n->api->aio_disconnect(n->h, 0);
	}
	n->api->close(n->h);
	if (n->bounces != MAP_FAILED)
		munmap(n->bounces, (size_t)NR_BOUNCE * BOUNCE_BYTES);
	free(n);
}

const struct queue_ops nbd_queue_ops = {
	.open = nbd_queue_open,
	.close = nbd_queue_close,
	.submit = nbd_submit,
	.kick = nbd_kick,
	.reap = nbd_reap,
	.fd = nbd_fd,
};

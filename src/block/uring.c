// SPDX-License-Identifier: GPL-2.0-or-later
/* A queue's io_uring: requests that map to files at once go straight to it. */
/*
 * How this works
 *
 * The format maps a request to spans of files (format_ops.map); each span that
 * is not zeroes takes a slot, which is one submission. A request whose spans
 * find too few free slots waits, and with it those behind it. What cannot be
 * mapped at once goes to the image's worker.
 *
 * Submissions are collected until block_kick, which enters the kernel once. The
 * ring's own fd is a source of the loop: it is readable when something is done.
 *
 * A short transfer is submitted again for the rest. A read that meets the end
 * of the file gets zeroes if the file never reached so far.
 *
 * With O_DIRECT, memory that is not aligned is copied through one of a few
 * buffers; if none is free, or if the place in the file is not aligned, the
 * worker does it.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "src/base/log.h"
#include "src/block/priv.h"

enum { NR_BOUNCE = 8, MAX_DEPTH = 4096 };

struct slot {
	struct block_req *req;
	struct block_file *file;
	struct slot *next_free;
	struct iov_pos pos; /* what is still to be done, of memory: the iov
			       below, or of mem */
	uint64_t at, bytes; /* in the file */
	struct iov_pos mem; /* the request's own, if there is a bounce */
	uint8_t *bounce;
	struct iovec iov[BLOCK_IOV];
};

struct uring {
	struct io_uring ring;
	struct loop_source source;
	struct block_queue *queue;
	struct slot *slots, *free;
	unsigned int nr_slots, nr_free;
	struct req_fifo waiting;
	uint8_t *bounces; /* NR_BOUNCE, if a file is direct */
	unsigned int free_bounces;
	bool to_submit;
};

static struct uring *uring_of(const struct block_queue *q)
{
	return q->state;
}

/* --- slots --- */

static struct slot *slot_get(struct uring *u)
{
	struct slot *s = u->free;

	u->free = s->next_free;
	u->nr_free--;
	return s;
}

static void bounce_put(struct uring *u, const uint8_t *bounce)
{
	if (bounce)
		u->free_bounces |=
			1U << ((size_t)(bounce - u->bounces) / BLOCK_BOUNCE);
}

static void slot_put(struct uring *u, struct slot *s)
{
	bounce_put(u, s->bounce);
	s->bounce = NULL;
	s->next_free = u->free;
	u->free = s;
	u->nr_free++;
}

static uint8_t *bounce_get(struct uring *u)
{
	int i = __builtin_ffs((int)u->free_bounces) - 1;

	if (i < 0)
		return NULL;
	u->free_bounces &= ~(1U << i);
	return u->bounces + (size_t)i * BLOCK_BOUNCE;
}

static void prepare(struct io_uring_sqe *sqe, struct slot *s)
{
	enum { PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE };
	int fd = s->file->fd;

	switch (s->req->op) {
	case BLOCK_READ:
		io_uring_prep_readv(sqe, fd, s->pos.iov, s->pos.nr, s->at);
		break;
	case BLOCK_WRITE:
		io_uring_prep_writev(sqe, fd, s->pos.iov, s->pos.nr, s->at);
		break;
	case BLOCK_FLUSH:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	default:
		io_uring_prep_fallocate(sqe, fd, PUNCH, (off_t)s->at,
					(off_t)s->bytes);
	}
	io_uring_sqe_set_data(sqe, s);
}

/* There is an entry for each slot. */
static void slot_submit(struct uring *u, struct slot *s)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	BUG_ON(!sqe);
	prepare(sqe, s);
	u->to_submit = true;
}

/* --- starting a request --- */

static bool is_data(const struct block_req *r)
{
	return r->op == BLOCK_READ || r->op == BLOCK_WRITE;
}

/* Can all of the spans go to the kernel as they are? */
static bool spans_fit(const struct block_req *r, const struct block_span *spans,
		      unsigned int nr, unsigned int *nr_slots,
		      unsigned int *nr_bounces)
{
	struct iov_pos p = req_iov(r);

	*nr_slots = *nr_bounces = 0;
	for (unsigned int i = 0; i < nr; i++) {
		const struct block_span *s = &spans[i];

		*nr_slots += s->file != NULL;
		if (s->file && is_data(r) && s->file->align > 1) {
			if ((s->pos | s->bytes) & (s->file->align - 1))
				return false;
			if (!iov_is_aligned(&p, s->bytes, s->file->align)) {
				if (s->bytes > BLOCK_BOUNCE)
					return false;
				++*nr_bounces;
			}
		}
		iov_skip(&p, s->bytes);
	}
	return !is_data(r) || r->nr_iov <= BLOCK_IOV;
}

static void slot_fill(struct uring *u, struct slot *s,
		      const struct block_span *span, const struct iov_pos *p)
{
	uint64_t got;

	s->file = span->file;
	s->at = span->pos;
	s->bytes = span->bytes;
	if (!is_data(s->req))
		return;
	s->pos = (struct iov_pos){ .iov = s->iov };
	if (s->file->align > 1 &&
	    !iov_is_aligned(p, span->bytes, s->file->align)) {
		s->bounce = bounce_get(u);
		s->mem = *p;
		s->iov[0] = (struct iovec){ s->bounce, span->bytes };
		s->pos.nr = 1;
		if (s->req->op == BLOCK_WRITE)
			iov_get(p, s->bounce, span->bytes);
	} else {
		s->pos.nr = iov_take(p, span->bytes, s->iov, BLOCK_IOV, &got);
	}
}

static void start_spans(struct uring *u, struct block_req *r,
			const struct block_span *spans, unsigned int nr,
			unsigned int nr_slots)
{
	struct iov_pos p = req_iov(r);

	r->nr_pending = nr_slots;
	r->ret = 0;
	for (unsigned int i = 0; i < nr; i++) {
		if (spans[i].file) {
			struct slot *s = slot_get(u);

			s->req = r;
			slot_fill(u, s, &spans[i], &p);
			slot_submit(u, s);
		} else {
			iov_zero(&p, spans[i].bytes);
		}
		iov_skip(&p, spans[i].bytes);
	}
	if (!nr_slots) {
		u->queue->block->format->map_end(u->queue->block, r);
		queue_finish_later(r, 0);
	}
}

/* The worker saw that it fits. */
static bool start_writing_out(struct uring *u, struct block_req *r)
{
	struct block_span span = { &u->queue->block->file, r->out_pos,
				   r->out_bytes };
	struct iov_pos p = req_iov(r);
	struct slot *s;

	if (!u->nr_free)
		return false;
	iov_skip(&p, r->begun);
	r->nr_pending = 1;
	s = slot_get(u);
	s->req = r;
	slot_fill(u, s, &span, &p);
	slot_submit(u, s);
	return true;
}

/* False: not now, for want of slots. */
static bool start(struct uring *u, struct block_req *r)
{
	struct block *b = u->queue->block;
	struct block_span spans[BLOCK_MAX_SPANS];
	unsigned int nr_slots, nr_bounces;
	int n;

	if (r->is_writing_out)
		return start_writing_out(u, r);
	n = b->format->map(b, r, spans, BLOCK_MAX_SPANS);
	if (n < 0) {
		queue_finish_later(r, n);
		return true;
	}
	if (n > 0 &&
	    spans_fit(r, spans, (unsigned int)n, &nr_slots, &nr_bounces)) {
		if (nr_slots <= u->nr_free &&
		    nr_bounces <=
			    (unsigned int)__builtin_popcount(u->free_bounces)) {
			start_spans(u, r, spans, (unsigned int)n, nr_slots);
			return true;
		}
		b->format->map_end(b, r);
		if (nr_slots <= u->nr_slots && nr_bounces <= NR_BOUNCE)
			return false;
	} else if (n > 0) {
		b->format->map_end(b, r);
	}
	worker_add(b, r);
	return true;
}

static void uring_submit(struct block_queue *q, struct block_req *r)
{
	struct uring *u = uring_of(q);

	if (u->waiting.first || !start(u, r))
		fifo_add(&u->waiting, r);
}

static void start_waiting(struct uring *u)
{
	while (u->waiting.first && u->nr_free) {
		struct block_req *r = fifo_take(&u->waiting);

		if (start(u, r))
			continue;
		/* It was the first, and is again. */
		r->next = u->waiting.first;
		if (!r->next)
			u->waiting.last = &r->next;
		u->waiting.first = r;
		return;
	}
}

static void uring_kick(struct block_queue *q)
{
	struct uring *u = uring_of(q);
	int ret;

	if (!u->to_submit)
		return;
	do
		ret = io_uring_submit(&u->ring);
	while (ret == -EINTR);
	/* The kernel has no room now: the loop comes back here. */
	u->to_submit = ret == -EAGAIN || ret == -EBUSY || ret == -ENOMEM;
	BUG_ON(ret < 0 && !u->to_submit);
	if (u->to_submit)
		queue_come_back(q);
}

/* --- ends --- */

/* More of it, or its end: 1, it was submitted again; 0 or -errno. */
static int slot_go_on(struct uring *u, struct slot *s, int res)
{
	if (res == -EINTR || res == -EAGAIN) {
		slot_submit(u, s);
		return 1;
	}
	if (res < 0 || !is_data(s->req))
		return res < 0 ? res : 0;
	s->at += (uint64_t)res;
	s->bytes -= (uint64_t)res;
	iov_skip(&s->pos, (uint64_t)res);
	if (!s->bytes)
		return 0;
	if (s->req->op == BLOCK_READ && (!res || s->at % s->file->align)) {
		int ret = file_at_end(s->file, s->at);

		if (!ret)
			iov_zero(&s->pos, s->bytes);
		return ret;
	}
	if (!res)
		return -ENOSPC;
	/* The kernel takes an iovec, not a place within one. */
	if (s->pos.skip) {
		struct iovec *first = &s->iov[s->pos.iov - s->iov];

		first->iov_base = (uint8_t *)first->iov_base + s->pos.skip;
		first->iov_len -= s->pos.skip;
		s->pos.skip = 0;
	}
	slot_submit(u, s);
	return 1;
}

/* What the file cannot do, the worker does in another way. */
static bool try_other_way(struct uring *u, struct block_req *r)
{
	struct block *b = u->queue->block;

	if (is_data(r) || r->ret != -EOPNOTSUPP)
		return false;
	r->ret = 0;
	worker_add(b, r);
	return true;
}

static void slot_done(struct uring *u, struct slot *s, int res)
{
	struct block *b = u->queue->block;
	struct block_req *r = s->req;
	int ret = slot_go_on(u, s, res);

	if (ret > 0)
		return;
	if (!ret && s->bounce && r->op == BLOCK_READ)
		iov_put(&s->mem, s->bounce, iov_bytes(s->iov, 1));
	if (ret && !r->ret)
		r->ret = ret;
	slot_put(u, s);
	if (--r->nr_pending)
		return;
	if (r->is_writing_out) {
		worker_add(b, r);
		return;
	}
	b->format->map_end(b, r);
	if (!try_other_way(u, r))
		queue_finish(r, r->ret);
}

static void uring_reap(struct block_queue *q)
{
	struct uring *u = uring_of(q);
	struct io_uring_cqe *cqe;

	while (!io_uring_peek_cqe(&u->ring, &cqe)) {
		struct slot *s = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&u->ring, cqe);
		slot_done(u, s, res);
	}
	start_waiting(u);
	uring_kick(q);
}

static void ring_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	uring_reap(CONTAINER_OF(source, struct uring, source)->queue);
}

static int uring_fd(const struct block_queue *q, short *events)
{
	*events = POLLIN;
	return uring_of(q)->source.fd;
}

/* --- set-up --- */

static void *map_memory(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int make_slots(struct uring *u, struct err *e)
{
	const struct block *b = u->queue->block;

	u->slots = map_memory(u->nr_slots * sizeof(*u->slots));
	if (b->file.direct)
		u->bounces = map_memory((size_t)NR_BOUNCE * BLOCK_BOUNCE);
	if (!u->slots || (b->file.direct && !u->bounces))
		return err_set(e, ENOMEM, "%s: no memory for a queue's buffers",
			       b->path);
	u->free_bounces = u->bounces ? (1U << NR_BOUNCE) - 1 : 0;
	for (unsigned int i = u->nr_slots; i > 0; i--)
		slot_put(u, &u->slots[i - 1]);
	return 0;
}

static void free_slots(struct uring *u)
{
	if (u->slots)
		munmap(u->slots, u->nr_slots * sizeof(*u->slots));
	if (u->bounces)
		munmap(u->bounces, (size_t)NR_BOUNCE * BLOCK_BOUNCE);
}

static int ring_init(struct uring *u, struct err *e)
{
	const char *path = u->queue->block->path;
	int ret = io_uring_queue_init(u->nr_slots, &u->ring,
				      IORING_SETUP_COOP_TASKRUN);

	if (ret == -EINVAL)
		ret = io_uring_queue_init(u->nr_slots, &u->ring, 0);
	if (!ret)
		return 0;
	err_set(e, -ret, "%s: io_uring_setup: %s", path, strerror(-ret));
	if (ret == -ENOMEM)
		err_hint(e, "raise the limit on locked memory: ulimit -l");
	return ret;
}

static int uring_open(struct block_queue *q, unsigned int depth, struct err *e)
{
	struct uring *u = calloc(1, sizeof(*u));
	int ret;

	if (!u)
		return err_set(e, ENOMEM, "%s: no memory for a queue",
			       q->block->path);
	u->queue = q;
	u->nr_slots = depth < BLOCK_MAX_SPANS ? BLOCK_MAX_SPANS : depth;
	if (u->nr_slots > MAX_DEPTH)
		u->nr_slots = MAX_DEPTH;
	fifo_init(&u->waiting);
	ret = ring_init(u, e);
	if (ret)
		goto out_free;
	ret = make_slots(u, e);
	if (ret)
		goto out_ring;
	u->source = (struct loop_source){ .fd = u->ring.ring_fd,
					  .ready = ring_ready };
	ret = loop_add(q->loop, &u->source, EPOLLIN, e);
	if (ret)
		goto out_ring;
	q->state = u;
	return 0;
out_ring:
	free_slots(u);
	io_uring_queue_exit(&u->ring);
out_free:
	free(u);
	return ret;
}

static void uring_close(struct block_queue *q)
{
	struct uring *u = uring_of(q);

	loop_del(q->loop, &u->source);
	free_slots(u);
	io_uring_queue_exit(&u->ring);
	free(u);
}

const struct queue_ops uring_queue_ops = {
	.writes_out = true,
	.open = uring_open,
	.close = uring_close,
	.submit = uring_submit,
	.kick = uring_kick,
	.reap = uring_reap,
	.fd = uring_fd,
};

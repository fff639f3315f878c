// SPDX-License-Identifier: GPL-2.0-or-later
/* A thread's way to a disk: requests come in, and their ends are told. */
/*
 * How this works
 *
 * Whatever serves a queue (io_uring, the image's worker, NBD) hands the end of
 * a request to one of three functions, by where it is: in the loop already,
 * within block_submit, or on the worker. The last two pass it through a list
 * and an eventfd, so that a done function always begins on the loop's thread
 * and never within block_submit.
 *
 * block_queue_drain waits for the same fds as the loop does, without the loop:
 * other sources are not served meanwhile.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "src/base/log.h"
#include "src/block/priv.h"

/* Only the flag makes a difference between one wake-up and a hundred. */
static void queue_wake(const struct block_queue *q)
{
	uint64_t one = 1;

	if (write(q->event.fd, &one, sizeof(one)) < 0)
		BUG_ON(errno != EAGAIN && errno != EINTR);
}

void queue_finish(struct block_req *r, int ret)
{
	struct block_queue *q = r->queue;

	BUG_ON(!q->nr_in_flight);
	q->nr_in_flight--;
	r->done(r, ret);
}

void queue_come_back(struct block_queue *q)
{
	if (!q->is_signalled)
		queue_wake(q);
	q->is_signalled = true;
}

void queue_finish_later(struct block_req *r, int ret)
{
	r->ret = ret;
	fifo_add(&r->queue->done, r);
	queue_come_back(r->queue);
}

void queue_finish_from_worker(struct block_req *r, int ret)
{
	struct block_queue *q = r->queue;
	bool was_empty;

	r->ret = ret;
	pthread_mutex_lock(&q->lock);
	was_empty = !q->from_worker.first;
	fifo_add(&q->from_worker, r);
	/* Under the lock: the queue may be gone once its last one is told. */
	if (was_empty)
		queue_wake(q);
	pthread_mutex_unlock(&q->lock);
}

void queue_write_out(struct block_req *r)
{
	r->is_writing_out = true;
	queue_finish_from_worker(r, 0);
}

void queue_retry(struct block_req *r)
{
	r->is_retried = true;
	queue_finish_from_worker(r, 0);
}

static struct block_req *take_from_worker(struct block_queue *q)
{
	struct block_req *r;

	pthread_mutex_lock(&q->lock);
	r = fifo_take(&q->from_worker);
	pthread_mutex_unlock(&q->lock);
	return r;
}

static void queue_tell(struct block_queue *q)
{
	struct block_req *r;
	uint64_t count;

	if (read(q->event.fd, &count, sizeof(count)) < 0)
		BUG_ON(errno != EAGAIN && errno != EINTR);
	q->is_signalled = false;
	while ((r = fifo_take(&q->done)) || (r = take_from_worker(q))) {
		bool is_done = !r->is_writing_out && !r->is_retried;

		r->is_retried = false;
		if (is_done)
			queue_finish(r, r->ret);
		else
			q->ops->submit(q, r);
	}
	q->ops->kick(q);
}

static void event_ready(struct loop_source *s, uint32_t events)
{
	(void)events;
	queue_tell(CONTAINER_OF(s, struct block_queue, event));
}

static int make_event(struct block_queue *q, struct err *e)
{
	int ret;

	q->event.ready = event_ready;
	q->event.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->event.fd < 0)
		return err_sys(e, q->block->path, "eventfd");
	ret = loop_add(q->loop, &q->event, EPOLLIN, e);
	if (ret) {
		close(q->event.fd);
		q->event.fd = -1;
	}
	return ret;
}

static int count_queue(struct block *b, struct err *e)
{
	unsigned int n = __atomic_add_fetch(&b->nr_queues, 1, __ATOMIC_RELAXED);

	if (n <= b->info.max_queues)
		return 0;
	__atomic_sub_fetch(&b->nr_queues, 1, __ATOMIC_RELAXED);
	return err_set(e, ENOSPC, "%s: serves %u queue%s, and no more", b->path,
		       b->info.max_queues, b->info.max_queues == 1 ? "" : "s");
}

/* Some hosts and containers allow no io_uring. */
static int open_ops(struct block_queue *q, unsigned int depth, struct err *e)
{
	struct block *b = q->block;
	int ret;

	q->ops = b->queue;
	ret = q->ops->open(q, depth, e);
	if ((ret != -EPERM && ret != -ENOSYS) || q->ops != &uring_queue_ops)
		return ret;
	log_warn(
		b->path,
		"the host allows no io_uring (%s), so a thread does its I/O, which is slower",
		strerror(-ret));
	memset(e, 0, sizeof(*e));
	q->ops = &thread_queue_ops;
	return q->ops->open(q, depth, e);
}

int block_queue_open(struct block *b, struct loop *l, unsigned int depth,
		     struct block_queue **out, struct err *e)
{
	struct block_queue *q;
	int ret = count_queue(b, e);

	if (ret)
		return ret;
	q = calloc(1, sizeof(*q));
	if (!q) {
		ret = err_set(e, ENOMEM, "%s: no memory for a queue", b->path);
		goto out_count;
	}
	q->block = b;
	q->loop = l;
	fifo_init(&q->done);
	fifo_init(&q->from_worker);
	pthread_mutex_init(&q->lock, NULL);
	ret = make_event(q, e);
	if (ret)
		goto out_free;
	ret = open_ops(q, depth, e);
	if (ret)
		goto out_event;
	*out = q;
	return 0;
out_event:
	loop_del(l, &q->event);
	close(q->event.fd);
out_free:
	pthread_mutex_destroy(&q->lock);
	free(q);
out_count:
	__atomic_sub_fetch(&b->nr_queues, 1, __ATOMIC_RELAXED);
	return ret;
}

void block_queue_close(struct block_queue *q)
{
	if (!q)
		return;
	block_queue_drain(q);
	q->ops->close(q);
	loop_del(q->loop, &q->event);
	close(q->event.fd);
	pthread_mutex_destroy(&q->lock);
	__atomic_sub_fetch(&q->block->nr_queues, 1, __ATOMIC_RELAXED);
	free(q);
}

/* --- requests --- */

static int check_req(const struct block_info *info, const struct block_req *r)
{
	uint64_t end;

	if (r->op == BLOCK_FLUSH)
		return 0;
	if (r->op >= BLOCK_NR_OPS || (r->offset | r->bytes) % BLOCK_SECTOR ||
	    __builtin_add_overflow(r->offset, r->bytes, &end) ||
	    end > info->bytes)
		return -EINVAL;
	if (r->op != BLOCK_READ && info->readonly)
		return -EROFS;
	if (r->op == BLOCK_DISCARD || r->op == BLOCK_WRITE_ZEROES)
		return 0;
	return iov_bytes(r->iov, r->nr_iov) == r->bytes ? 0 : -EINVAL;
}

static bool is_nothing(const struct block_queue *q, const struct block_req *r)
{
	const struct block_info *info = &q->block->info;

	if (r->op == BLOCK_FLUSH)
		return info->readonly;
	return !r->bytes || (r->op == BLOCK_DISCARD && !info->can_discard);
}

void block_submit(struct block_queue *q, struct block_req *r)
{
	int ret = check_req(&q->block->info, r);

	r->queue = q;
	r->ret = 0;
	r->is_writing_out = r->is_retried = false;
	r->begun = 0;
	q->nr_in_flight++;
	if (ret || is_nothing(q, r))
		queue_finish_later(r, ret);
	else
		q->ops->submit(q, r);
}

void block_kick(struct block_queue *q)
{
	q->ops->kick(q);
}

static void queue_wait(struct block_queue *q)
{
	struct pollfd fds[2] = { { .fd = q->event.fd, .events = POLLIN } };

	fds[1].fd = q->ops->fd(q, &fds[1].events);
	while (poll(fds, fds[1].fd >= 0 ? 2 : 1, -1) < 0)
		BUG_ON(errno != EINTR);
}

void block_queue_drain(struct block_queue *q)
{
	while (q->nr_in_flight) {
		q->ops->kick(q);
		q->ops->reap(q);
		queue_tell(q);
		if (q->nr_in_flight && !q->is_signalled)
			queue_wait(q);
	}
}

/* --- a queue that leaves all to the image's thread --- */

static int thread_queue_open(struct block_queue *q, unsigned int depth,
			     struct err *e)
{
	(void)q;
	(void)depth;
	(void)e;
	return 0;
}

static void thread_queue_nothing(struct block_queue *q)
{
	(void)q;
}

static void thread_queue_submit(struct block_queue *q, struct block_req *r)
{
	worker_add(q->block, r);
}

static int thread_queue_fd(const struct block_queue *q, short *events)
{
	(void)q;
	*events = 0;
	return -1;
}

const struct queue_ops thread_queue_ops = {
	.open = thread_queue_open,
	.close = thread_queue_nothing,
	.submit = thread_queue_submit,
	.kick = thread_queue_nothing,
	.reap = thread_queue_nothing,
	.fd = thread_queue_fd,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* The block device: requests, from the ring to the image and back. */
/*
 * How this works
 *
 * A chain is a request (5.2.6): a header of 16 bytes, data that the device
 * reads or writes, and a status byte as the last that it writes. Data goes
 * between the image and guest memory without a copy of ours. Each ring entry
 * has a struct blk_req, made at the start, so nothing is allocated on the way;
 * all requests that one kick brings go to the kernel with one call.
 *
 * Requests come back in any order on the queue's I/O thread. Those that come
 * together are shown to the driver together, with one interrupt at most. What
 * the kernel did while it took the requests (reads of its page cache) is over
 * when a kick is, without a turn of the loop; the driver is asked for kicks
 * again only after that, so that it spares them meanwhile.
 *
 * A driver that did not negotiate FLUSH expects written data to be kept
 * (5.2.6.2): each of its writes is followed by a flush.
 *
 * With on_enospc=pause a write that finds the disk full is tried again each
 * second; the guest's request just takes long.
 */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>

#include "src/base/iov.h"
#include "virtio/blk.h"
#include "virtio/priv.h"

enum {
	HEADER_LEN = sizeof(struct virtio_blk_outhdr),
	/* RAM is in pieces, so that a buffer may be two. */
	REQ_IOV = BLK_SEG_MAX + 2 + 4,
	RETRY_NS = 1000000000,
	ROUNDS = 8, /* of one kick, before other queues have their turn */
	/* Bytes after which the kernel gets what was taken: it may do it at
	 * once, and the driver works on the result while we are at the rest. */
	SUBMIT_BYTES = 256 << 10,
	MAX_SECTORS = 1 << 22, /* of one discard: 2 GiB */
};

struct blk_req {
	struct block_req io;
	struct blk_queue *queue;
	struct blk_req *next; /* free, or waiting for room on the disk */
	struct virtq_chain chain;
	uint8_t *status;  /* the last byte that the device writes */
	uint32_t written; /* bytes put into the chain, status excluded */
	bool flush_follows;
	struct iovec iov[REQ_IOV];
};

/* Everything under the virtio queue's lock. */
struct blk_queue {
	struct virtio_blk *blk;
	struct virtio_queue *q;
	struct block_queue *image;
	struct blk_req *reqs; /* BLK_QUEUE_SIZE of them */
	struct blk_req *free;
	unsigned int nr_under_way;
	pthread_cond_t idle;
	bool is_in_kick; /* its thread has the lock */
	uint64_t bytes;	 /* of requests that block_kick has not taken */
	struct loop_timer retry;
	bool has_retry;
	struct blk_req *full; /* that found the disk full */
	bool has_said_full;   /* since a write last went through */
	struct virtio_blk_stats stats;
};

static struct blk_queue *queue_of(struct virtio_queue *q)
{
	struct virtio_blk *b = CONTAINER_OF(q->dev, struct virtio_blk, dev);

	return &b->queues[q->index];
}

/* --- the end of a request --- */

static uint8_t status_of(int ret)
{
	if (!ret)
		return VIRTIO_BLK_S_OK;
	return ret == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
}

static void complete(struct blk_req *r, uint8_t status)
{
	struct blk_queue *bq = r->queue;
	struct virtq_chain *c = &r->chain;
	uint32_t written = r->written + 1;

	*r->status = status;
	/* 5.2.6.4: what was not written is not to be trusted. */
	if (status != VIRTIO_BLK_S_OK) {
		written = (uint32_t)c->in_len;
		bq->stats.errors++;
	}
	virtq_push(&bq->q->vq, c, written);
	r->next = bq->free;
	bq->free = r;
	if (!--bq->nr_under_way)
		pthread_cond_broadcast(&bq->idle);
}

static void submit(struct blk_req *r)
{
	block_submit(r->queue->image, &r->io);
}

static void wait_for_room(struct blk_req *r)
{
	struct blk_queue *bq = r->queue;

	if (!bq->has_said_full)
		log_warn(bq->blk->dev.type.name,
			 "%s: no space left: the guest waits until there is",
			 block_path(bq->blk->block));
	bq->has_said_full = true;
	if (!bq->full)
		loop_timer_set(&bq->retry, RETRY_NS, 0);
	r->next = bq->full;
	bq->full = r;
}

static bool is_write(const struct blk_req *r)
{
	return r->io.op == BLOCK_WRITE || r->io.op == BLOCK_WRITE_ZEROES;
}

/* True: it is over. */
static bool went_through(struct blk_req *r, int ret)
{
	struct blk_queue *bq = r->queue;

	if (ret == -ENOSPC && bq->has_retry && virtq_is_live(&bq->q->vq)) {
		wait_for_room(r);
		return false;
	}
	if (!ret && is_write(r) && !bq->full)
		bq->has_said_full = false;
	if (!ret && r->flush_follows) {
		r->flush_follows = false;
		r->io.op = BLOCK_FLUSH;
		submit(r);
		block_kick(bq->image);
		return false;
	}
	return true;
}

static void on_done(struct block_req *io, int ret)
{
	struct blk_req *r = CONTAINER_OF(io, struct blk_req, io);
	struct blk_queue *bq = r->queue;
	bool is_in_kick = bq->is_in_kick;

	if (!is_in_kick)
		pthread_mutex_lock(&bq->q->lock);
	if (went_through(r, ret)) {
		if (ret)
			log_guest(&bq->blk->dev.pci.limit,
				  bq->blk->dev.type.name, "%s: %s at %llu: %s",
				  block_path(bq->blk->block),
				  is_write(r) ? "write" : "request",
				  (unsigned long long)io->offset,
				  strerror(-ret));
		complete(r, status_of(ret));
	}
	if (!is_in_kick)
		pthread_mutex_unlock(&bq->q->lock);
}

/* Of those that came together. */
static void on_told(void *arg)
{
	struct blk_queue *bq = arg;

	if (bq->is_in_kick)
		return;
	pthread_mutex_lock(&bq->q->lock);
	virtio_queue_flush(bq->q);
	pthread_mutex_unlock(&bq->q->lock);
}

static void on_retry(struct loop_timer *t)
{
	struct blk_queue *bq = CONTAINER_OF(t, struct blk_queue, retry);
	struct blk_req *r, *next;

	pthread_mutex_lock(&bq->q->lock);
	r = bq->full;
	bq->full = NULL;
	for (; r; r = next) {
		next = r->next;
		submit(r);
	}
	pthread_mutex_unlock(&bq->q->lock);
	block_kick(bq->image);
}

/* --- its beginning --- */

static struct iovec *data_iov(struct blk_req *r, bool is_in, unsigned int *nr)
{
	struct virtq_chain *c = &r->chain;

	*nr = is_in ? c->nr_in : c->nr_out;
	return is_in ? r->iov + c->nr_out : r->iov;
}

/* Data is what lies behind the header, or before the status. */
static int start_transfer(struct blk_req *r, uint64_t sector, bool is_in)
{
	struct virtq_chain *c = &r->chain;
	unsigned int nr;
	struct iovec *iov = data_iov(r, is_in, &nr);
	uint64_t bytes = is_in ? c->in_len - 1 : c->out_len - HEADER_LEN;

	if (bytes % BLOCK_SECTOR || !bytes ||
	    __builtin_mul_overflow(sector, BLOCK_SECTOR, &r->io.offset))
		return -EINVAL;
	if (is_in) {
		r->written = (uint32_t)bytes;
		nr -= !--iov[nr - 1].iov_len;
	} else {
		nr = iov_rest(iov, nr, HEADER_LEN, iov);
		r->flush_follows =
			!virtio_has(&r->queue->blk->dev, VIRTIO_BLK_F_FLUSH);
	}
	r->io.op = is_in ? BLOCK_READ : BLOCK_WRITE;
	r->io.bytes = bytes;
	r->queue->bytes += bytes;
	r->io.iov = iov;
	r->io.nr_iov = nr;
	return 0;
}

/* 5.2.6: one segment, which is all that max_discard_seg allows. */
static int start_discard(struct blk_req *r, bool is_zeroes)
{
	struct virtq_chain *c = &r->chain;
	struct virtio_blk_discard_write_zeroes seg;
	uint32_t known = is_zeroes ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;

	if (c->out_len != HEADER_LEN + sizeof(seg))
		return -EINVAL;
	iov_read(r->iov, c->nr_out, HEADER_LEN, &seg, sizeof(seg));
	if (seg.flags & ~known)
		return -EOPNOTSUPP;
	if (seg.num_sectors > MAX_SECTORS ||
	    __builtin_mul_overflow(seg.sector, BLOCK_SECTOR, &r->io.offset))
		return -EINVAL;
	r->io.op = is_zeroes ? BLOCK_WRITE_ZEROES : BLOCK_DISCARD;
	r->io.may_unmap = seg.flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	r->io.bytes = (uint64_t)seg.num_sectors * BLOCK_SECTOR;
	r->flush_follows = is_zeroes &&
			   !virtio_has(&r->queue->blk->dev, VIRTIO_BLK_F_FLUSH);
	return 0;
}

static void give_serial(struct blk_req *r)
{
	struct virtq_chain *c = &r->chain;
	char serial[BLK_SERIAL_LEN + 1] = "";
	uint64_t room = c->in_len - 1;

	strncpy(serial, r->queue->blk->setup.serial, BLK_SERIAL_LEN);
	r->written = (uint32_t)iov_write(
		r->iov + c->nr_out, c->nr_in, 0, serial,
		room < BLK_SERIAL_LEN ? (size_t)room : BLK_SERIAL_LEN);
	complete(r, VIRTIO_BLK_S_OK);
}

/* 0: on its way; else it is over with that error. */
static int start(struct blk_req *r)
{
	struct virtio_blk_outhdr header;
	struct blk_queue *bq = r->queue;
	bool is_in;

	iov_read(r->iov, r->chain.nr_out, 0, &header, sizeof(header));
	switch (header.type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		is_in = header.type == VIRTIO_BLK_T_IN;
		bq->stats.reads += is_in;
		bq->stats.writes += !is_in;
		return start_transfer(r, header.sector, is_in);
	case VIRTIO_BLK_T_FLUSH:
		r->io.op = BLOCK_FLUSH;
		break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		bq->stats.others++;
		return start_discard(r,
				     header.type == VIRTIO_BLK_T_WRITE_ZEROES);
	default:
		return -EOPNOTSUPP;
	}
	bq->stats.others++;
	return 0;
}

static void begin(struct blk_req *r)
{
	const struct virtq_chain *c = &r->chain;
	const struct iovec *last = &r->iov[c->nr_out + c->nr_in - 1];
	uint32_t type = 0;
	int ret;

	r->status = (uint8_t *)last->iov_base + last->iov_len - 1;
	iov_read(r->iov, r->chain.nr_out, 0, &type, sizeof(type));
	if (type == VIRTIO_BLK_T_GET_ID) {
		give_serial(r);
		return;
	}
	ret = start(r);
	if (ret)
		complete(r, status_of(ret));
	else
		submit(r);
}

static struct blk_req *take(struct blk_queue *bq)
{
	struct blk_req *r = bq->free;

	/* The ring has no more entries than there are requests. */
	BUG_ON(!r);
	bq->free = r->next;
	bq->nr_under_way++;
	r->written = 0;
	r->flush_follows = false;
	r->io.offset = r->io.bytes = 0;
	r->io.nr_iov = 0;
	r->io.may_unmap = false;
	return r;
}

static void give_back(struct blk_queue *bq, struct blk_req *r)
{
	r->next = bq->free;
	bq->free = r;
	bq->nr_under_way--;
}

/* 1, or 0 without a request, or -EPROTO. */
static int next_request(struct blk_queue *bq)
{
	struct blk_req *r = bq->free;
	int ret;

	if (!r)
		return 0;
	r = take(bq);
	ret = virtq_pop(&bq->q->vq, &r->chain);
	if (ret > 0 && (r->chain.out_len < HEADER_LEN || !r->chain.in_len))
		ret = -EPROTO;
	if (ret > 0)
		begin(r);
	else
		give_back(bq, r);
	return ret;
}

static void hand_over(struct blk_queue *bq)
{
	bq->bytes = 0;
	block_kick(bq->image);
	block_poll(bq->image);
	virtio_queue_flush(bq->q);
}

/* All that is there, up to a ring full: 0 or -EPROTO. */
static int serve(struct blk_queue *bq)
{
	int ret = 1;

	bq->is_in_kick = true;
	virtq_kick_off(&bq->q->vq);
	for (unsigned int n = 0; ret > 0 && n < BLK_QUEUE_SIZE; n++) {
		ret = next_request(bq);
		if (bq->bytes >= SUBMIT_BYTES)
			hand_over(bq);
	}
	hand_over(bq);
	bq->is_in_kick = false;
	return ret < 0 ? ret : 0;
}

static void on_kick(struct virtio_queue *q)
{
	struct blk_queue *bq = queue_of(q);
	unsigned int round = 0;
	bool more;

	do {
		int ret = serve(bq);

		more = !ret && virtq_kick_on(&q->vq);
		if (ret < 0)
			virtio_queue_fail(q,
					  "a request without header or status");
		/* Each entry of the ring is under way, and it says there is
		 * one more. */
		if (more && !bq->free) {
			virtio_queue_fail(q, "more requests than entries");
			more = false;
		}
	} while (more && ++round < ROUNDS);
	if (more)
		queue_ring(q);
}

/* --- queues --- */

static int on_start(struct virtio_queue *q, struct err *e)
{
	(void)q;
	(void)e;
	return 0;
}

static void fail_full_locked(struct blk_queue *bq)
{
	while (bq->full) {
		struct blk_req *r = bq->full;

		bq->full = r->next;
		complete(r, VIRTIO_BLK_S_IOERR);
	}
}

static void on_stop(struct virtio_queue *q)
{
	struct blk_queue *bq = queue_of(q);

	pthread_mutex_lock(&q->lock);
	/* What is still taken is not put off any more. */
	q->vq.is_broken = true;
	fail_full_locked(bq);
	while (bq->nr_under_way)
		pthread_cond_wait(&bq->idle, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

static const struct virtio_ops blk_ops = {
	.config_written = virtio_default_config_written,
	.features_ok = virtio_default_features_ok,
	.queue_start = on_start,
	.queue_stop = on_stop,
	.queue_kick = on_kick,
	.queue_vector = virtio_default_queue_vector,
	.reset = virtio_default_reset,
};

/* --- its life --- */

static uint32_t sectors(uint64_t bytes)
{
	uint64_t n = bytes / BLOCK_SECTOR;

	return n < MAX_SECTORS ? (uint32_t)n : MAX_SECTORS;
}

static void fill_config(struct virtio_blk *b)
{
	const struct block_info *i = block_info(b->block);
	uint32_t ratio = i->physical_block / i->logical_block;
	struct virtio_blk_config c = {
		.capacity = i->bytes / BLOCK_SECTOR,
		.seg_max = BLK_SEG_MAX,
		.blk_size = i->logical_block,
		.physical_block_exp =
			(uint8_t)(ratio ? __builtin_ctz(ratio) : 0),
		.min_io_size = (uint16_t)(ratio ? ratio : 1),
		.opt_io_size = i->optimal_io / i->logical_block,
		.num_queues = (uint16_t)b->setup.nr_queues,
		.max_discard_sectors = sectors(i->max_discard_bytes),
		.max_discard_seg = 1,
		.discard_sector_alignment =
			i->discard_granularity / BLOCK_SECTOR,
		.max_write_zeroes_sectors = sectors(i->max_discard_bytes),
		.max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = i->can_discard,
	};

	memcpy(b->dev.config, &c, sizeof(c));
}

static uint64_t features(const struct virtio_blk *b)
{
	const struct block_info *i = block_info(b->block);
	uint64_t f = 1ULL << VIRTIO_F_RING_PACKED |
		     1ULL << VIRTIO_BLK_F_SEG_MAX |
		     1ULL << VIRTIO_BLK_F_BLK_SIZE |
		     1ULL << VIRTIO_BLK_F_FLUSH | 1ULL << VIRTIO_BLK_F_TOPOLOGY;

	if (i->readonly)
		return f | 1ULL << VIRTIO_BLK_F_RO;
	if (b->setup.nr_queues > 1)
		f |= 1ULL << VIRTIO_BLK_F_MQ;
	if (i->can_discard)
		f |= 1ULL << VIRTIO_BLK_F_DISCARD;
	if (i->can_write_zeroes)
		f |= 1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
	return f;
}

static int init_queue(struct virtio_blk *b, unsigned int i, struct err *e)
{
	struct blk_queue *bq = &b->queues[i];
	int ret;

	bq->blk = b;
	bq->q = &b->dev.queues[i];
	pthread_cond_init(&bq->idle, NULL);
	bq->reqs = calloc(BLK_QUEUE_SIZE, sizeof(*bq->reqs));
	if (!bq->reqs)
		return err_set(e, ENOMEM, "%s: out of memory", b->setup.name);
	for (unsigned int r = 0; r < BLK_QUEUE_SIZE; r++) {
		struct blk_req *req = &bq->reqs[r];

		req->queue = bq;
		req->chain.iov = req->iov;
		req->chain.max_iov = REQ_IOV;
		req->io.done = on_done;
		req->next = bq->free;
		bq->free = req;
	}
	ret = block_queue_open(b->block, bq->q->loop, BLK_QUEUE_SIZE,
			       &bq->image, e);
	if (!ret)
		block_queue_on_told(bq->image, on_told, bq);
	if (ret || b->setup.on_enospc != BLK_ENOSPC_PAUSE)
		return ret;
	bq->retry.fn = on_retry;
	ret = loop_timer_add(bq->q->loop, &bq->retry, e);
	bq->has_retry = !ret;
	return ret;
}

int virtio_blk_init(struct virtio_blk *b, const struct virtio_blk_setup *setup,
		    struct block *block, const struct virtio_env *env,
		    struct err *e)
{
	struct virtio_config type = {
		.ops = &blk_ops,
		.name = setup->name,
		.device_id = VIRTIO_ID_BLOCK,
		.class_code = 0x010000,
		.nr_queues = setup->nr_queues,
		.queue_size = BLK_QUEUE_SIZE,
		.config_len = offsetof(struct virtio_blk_config,
				       write_zeroes_may_unmap) +
			      1,
	};
	int ret;

	*b = (struct virtio_blk){ .setup = *setup, .block = block };
	type.features = features(b);
	ret = virtio_dev_init(&b->dev, &type, env, e);
	if (ret)
		return ret;
	fill_config(b);
	b->queues = calloc(setup->nr_queues, sizeof(*b->queues));
	if (!b->queues)
		return err_set(e, ENOMEM, "%s: out of memory", setup->name);
	for (unsigned int i = 0; !ret && i < setup->nr_queues; i++)
		ret = init_queue(b, i, e);
	return ret;
}

void virtio_blk_fini(struct virtio_blk *b)
{
	for (unsigned int i = 0; b->queues && i < b->setup.nr_queues; i++) {
		struct blk_queue *bq = &b->queues[i];

		if (bq->has_retry)
			loop_timer_del(bq->q->loop, &bq->retry);
		block_queue_close(bq->image);
		free(bq->reqs);
	}
	free(b->queues);
	virtio_dev_fini(&b->dev);
	*b = (struct virtio_blk){ 0 };
}

struct virtio_blk_stats virtio_blk_stats(const struct virtio_blk *b)
{
	struct virtio_blk_stats sum = { 0 };

	for (unsigned int i = 0; b->queues && i < b->setup.nr_queues; i++) {
		const struct virtio_blk_stats *s = &b->queues[i].stats;

		sum.reads += s->reads;
		sum.writes += s->writes;
		sum.others += s->others;
		sum.errors += s->errors;
	}
	return sum;
}

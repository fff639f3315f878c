// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames from the guest. */
/*
 * How this works
 *
 * Each chain is a frame with its header; it goes to the back end as it lies in
 * guest memory. The kernel checks the header: a frame that it refuses is
 * counted and done with, since the driver could not do anything about it.
 *
 * While frames are sent no kick is wanted; after the last one is asked for
 * again, and only when nothing came meanwhile the queue is left. A back end
 * that takes no more is waited for.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "virtio/net_priv.h"

enum { BATCH = 256, FLUSH = 32 };

static struct virtio_queue *queue_of(struct net_tx *tx)
{
	return &tx->net->dev.queues[2 * (tx - tx->net->tx) + 1];
}

static void on_writable(struct loop_source *s, uint32_t events)
{
	struct net_tx *tx = CONTAINER_OF(s, struct net_tx, source);
	struct virtio_queue *q = queue_of(tx);

	(void)events;
	pthread_mutex_lock(&q->lock);
	if (tx->is_added) {
		loop_del(q->loop, &tx->source);
		tx->is_added = false;
		if (virtq_is_live(&q->vq))
			net_tx_kick(tx, q);
	}
	pthread_mutex_unlock(&q->lock);
}

static void wait_writable(struct net_tx *tx, struct virtio_queue *q)
{
	struct err e = { 0 };

	tx->source.fd = tx->to->send_fd;
	tx->source.ready = on_writable;
	if (loop_add(q->loop, &tx->source, EPOLLOUT, &e))
		log_guest(&tx->net->dev.pci.limit, tx->net->dev.type.name, "%s",
			  e.msg);
	else
		tx->is_added = true;
}

/* 0: the chain is done with; -EAGAIN: not yet. */
static int send_one(struct net_tx *tx, const struct virtq_chain *c)
{
	int ret = net_send(tx->to, c->iov, c->nr_out);

	if (ret == -EAGAIN || ret == -EINTR)
		return -EAGAIN;
	if (ret) {
		tx->dropped++;
		/* What lasts, unlike a frame that is refused or no memory. */
		if (ret == -EBADFD || ret == -EPIPE || ret == -ENODEV)
			net_lost(tx->net, -ret);
		return 0;
	}
	tx->frames++;
	tx->bytes += c->out_len - NET_HDR_LEN;
	return 0;
}

/* Up to BATCH frames: how many, or -EAGAIN, or -EPROTO. */
static int send_batch(struct net_tx *tx, struct virtio_queue *q)
{
	struct iovec iov[NET_TX_IOV];
	struct virtq_chain c = { .iov = iov, .max_iov = NET_TX_IOV };
	int n;

	for (n = 0; n < BATCH; n++) {
		int ret = virtq_pop(&q->vq, &c);

		if (ret <= 0)
			return ret ? ret : n;
		if (c.nr_in || c.out_len <= NET_HDR_LEN)
			return -EPROTO;
		if (send_one(tx, &c)) {
			virtq_unpop(&q->vq, &c);
			return -EAGAIN;
		}
		virtq_push(&q->vq, &c, 0);
		if (n % FLUSH == FLUSH - 1)
			virtio_queue_flush(q);
	}
	return n;
}

void net_tx_kick(struct net_tx *tx, struct virtio_queue *q)
{
	int ret;

	if (tx->is_added)
		return; /* the back end's turn */
	do {
		virtq_kick_off(&q->vq);
		ret = send_batch(tx, q);
	} while (ret >= 0 && ret < BATCH && virtq_kick_on(&q->vq));
	virtio_queue_flush(q);
	if (ret == -EAGAIN || (ret >= 0 && ret < BATCH && !net_flush(tx->to)))
		wait_writable(tx, q);
	else if (ret < 0)
		virtio_queue_fail(q, "a frame that is none");
	else if (ret == BATCH)
		queue_ring(q); /* after others' turn */
}

void net_tx_stop(struct net_tx *tx, struct virtio_queue *q)
{
	pthread_mutex_lock(&q->lock);
	if (tx->is_added)
		loop_del(q->loop, &tx->source);
	tx->is_added = false;
	pthread_mutex_unlock(&q->lock);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames to the guest. */
/*
 * How this works
 *
 * The back end's file becomes readable, and each frame is read straight into
 * the buffers that the driver made available: no copy of ours, and no look at
 * the frame. How long it will be is not known before, so chains with room for
 * the largest are kept popped; a frame takes as many as it needs (5.1.6.4,
 * merged buffers), the others wait for the next.
 *
 * Without room we stop listening to the back end, so that frames wait there,
 * and ask the driver for a kick. While there is room no kick is wanted.
 *
 * A driver whose whole queue is smaller than the largest frame gets what fits:
 * a frame that does not is lost, as on a wire.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <sys/epoll.h>

#include "src/base/iov.h"
#include "virtio/net_priv.h"

enum {
	/* A frame without offloads: MTU 1500, Ethernet and two VLAN tags. */
	PLAIN_FRAME = 1500 + 14 + 8,
	BATCH = 64, /* frames, before other sources have their turn */
	FLUSH = 16, /* frames that the driver is shown at once */
	NUM_BUFFERS_OFF = 10,
};

static bool is_mergeable(const struct net_rx *rx)
{
	return virtio_has(&rx->net->dev, VIRTIO_NET_F_MRG_RXBUF);
}

static uint64_t room_wanted(const struct net_rx *rx)
{
	const uint64_t big = 1ULL << VIRTIO_NET_F_GUEST_TSO4 |
			     1ULL << VIRTIO_NET_F_GUEST_TSO6 |
			     1ULL << VIRTIO_NET_F_GUEST_UFO;

	return NET_HDR_LEN + (uint64_t)(rx->net->dev.accepted & big
						? NET_MAX_FRAME
						: PLAIN_FRAME);
}

/* --- chains at hand --- */

static struct virtq_chain *chain_at(struct net_rx *rx, unsigned int i)
{
	return &rx->chains[rx->first_chain + i];
}

/* What waits moves to the front, when the end of an array is near. */
static void make_space(struct net_rx *rx)
{
	if (rx->first_iov + rx->nr_iov > NET_RX_IOV / 2 && rx->first_iov) {
		memmove(rx->iov, rx->iov + rx->first_iov,
			rx->nr_iov * sizeof(rx->iov[0]));
		rx->first_iov = 0;
	}
	if (rx->first_chain + rx->nr_chains == NET_RX_CHAINS) {
		memmove(rx->chains, rx->chains + rx->first_chain,
			rx->nr_chains * sizeof(rx->chains[0]));
		rx->first_chain = 0;
	}
}

/* One more chain at hand: 1, 0 without one, or -EPROTO. */
static int take_chain(struct net_rx *rx, struct virtio_queue *q)
{
	struct virtq_chain *c;
	unsigned int used;
	int ret;

	make_space(rx);
	used = rx->first_iov + rx->nr_iov;
	if (rx->nr_chains == NET_RX_CHAINS || used == NET_RX_IOV)
		return 0;
	c = chain_at(rx, rx->nr_chains);
	c->iov = rx->iov + used;
	c->max_iov = NET_RX_IOV - used;
	ret = virtq_pop(&q->vq, c);
	if (ret <= 0)
		return ret;
	if (c->nr_out || c->in_len < NET_HDR_LEN)
		return -EPROTO;
	rx->nr_iov += c->nr_in;
	rx->nr_chains++;
	rx->room += c->in_len;
	return 1;
}

/* A frame has to fit into one chain if they are not merged. */
static bool has_room(const struct net_rx *rx)
{
	return is_mergeable(rx) ? rx->room >= room_wanted(rx)
				: rx->nr_chains > 0;
}

/* Nothing more can be made available than is at hand. */
static bool is_all(const struct net_rx *rx, const struct virtio_queue *q)
{
	return rx->nr_chains && (q->vq.nr_popped == q->vq.setup.size ||
				 rx->nr_chains == NET_RX_CHAINS);
}

/* 1 if the next frame can be read, 0 if the driver has to add buffers. */
static int fill(struct net_rx *rx, struct virtio_queue *q)
{
	do {
		virtq_kick_off(&q->vq);
		while (!has_room(rx)) {
			int ret = take_chain(rx, q);

			if (ret < 0)
				return ret;
			if (!ret)
				break;
		}
		if (has_room(rx) || is_all(rx, q))
			return 1;
	} while (virtq_kick_on(&q->vq));
	return 0;
}

/* --- frames --- */

static void drop_first(struct net_rx *rx)
{
	struct virtq_chain *c = chain_at(rx, 0);

	rx->room -= c->in_len;
	rx->nr_iov -= c->nr_in;
	rx->first_iov += c->nr_in;
	rx->first_chain++;
	if (!--rx->nr_chains)
		rx->first_chain = rx->first_iov = 0;
}

/* n bytes lie in the first chains at hand: they go back to the driver. */
static void give(struct net_rx *rx, struct virtio_queue *q, size_t n)
{
	uint16_t nr = 0;

	for (size_t left = n; left; nr++) {
		uint64_t here = chain_at(rx, nr)->in_len;

		left -= left < here ? left : (size_t)here;
	}
	iov_write(rx->iov + rx->first_iov, rx->nr_iov, NUM_BUFFERS_OFF, &nr,
		  sizeof(nr));
	rx->frames++;
	rx->bytes += n - NET_HDR_LEN;
	while (nr--) {
		struct virtq_chain *c = chain_at(rx, 0);
		size_t here = n < c->in_len ? n : (size_t)c->in_len;

		virtq_push(&q->vq, c, (uint32_t)here);
		n -= here;
		drop_first(rx);
	}
}

static unsigned int nr_buffers(struct net_rx *rx)
{
	return is_mergeable(rx) ? rx->nr_iov : chain_at(rx, 0)->nr_in;
}

static void wait_for_frames(struct net_rx *rx, struct virtio_queue *q, bool on)
{
	if (rx->is_waiting == on || !rx->is_added)
		return;
	rx->is_waiting = on;
	loop_mod(q->loop, &rx->source, on ? EPOLLIN : 0);
}

/* One frame: 1, 0 if there is none, or a negative errno of the back end. */
static int receive_one(struct net_rx *rx, struct virtio_queue *q)
{
	ssize_t n =
		net_receive(rx->from, rx->iov + rx->first_iov, nr_buffers(rx));

	if (n == -EAGAIN || n == -EINTR)
		return 0;
	/* EFAULT: the tap had a frame that did not fit. */
	if (n == -ENOBUFS || n == -EFAULT) {
		rx->dropped++;
		return 1;
	}
	if (n < 0)
		return (int)n;
	give(rx, q, (size_t)n);
	return 1;
}

static void receive(struct net_rx *rx, struct virtio_queue *q)
{
	int ret = 0;

	for (unsigned int i = 0; i < BATCH; i++) {
		ret = fill(rx, q);
		if (ret < 0) {
			virtio_queue_fail(q, "a receive buffer that is none");
			wait_for_frames(rx, q, false);
			return;
		}
		wait_for_frames(rx, q, ret > 0);
		if (!ret)
			break;
		ret = receive_one(rx, q);
		if (ret <= 0)
			break;
		if (q->vq.nr_unflushed && i % FLUSH == FLUSH - 1)
			virtio_queue_flush(q);
	}
	virtio_queue_flush(q);
	/* After others' turn: what it has does not make the file readable. */
	if (ret > 0 && net_has_frame(rx->from))
		queue_ring(q);
	if (ret < 0) {
		loop_del(q->loop, &rx->source);
		rx->is_added = false;
		net_lost(rx->net, -ret);
	}
}

static struct virtio_queue *queue_of(struct net_rx *rx)
{
	return &rx->net->dev.queues[2 * (rx - rx->net->rx)];
}

static void on_frames(struct loop_source *s, uint32_t events)
{
	struct net_rx *rx = CONTAINER_OF(s, struct net_rx, source);
	struct virtio_queue *q = queue_of(rx);

	(void)events;
	pthread_mutex_lock(&q->lock);
	if (rx->is_added && virtq_is_live(&q->vq))
		receive(rx, q);
	else
		wait_for_frames(rx, q, false);
	pthread_mutex_unlock(&q->lock);
}

void net_rx_kick(struct net_rx *rx, struct virtio_queue *q)
{
	if (rx->is_added && (!rx->is_waiting || net_has_frame(rx->from)))
		receive(rx, q);
}

int net_rx_start(struct net_rx *rx, struct virtio_queue *q, struct err *e)
{
	int ret;

	rx->first_chain = rx->nr_chains = rx->first_iov = rx->nr_iov = 0;
	rx->room = 0;
	rx->source.fd = rx->from->fd;
	rx->source.ready = on_frames;
	ret = loop_add(q->loop, &rx->source, EPOLLIN, e);
	rx->is_added = rx->is_waiting = !ret;
	return ret;
}

void net_rx_stop(struct net_rx *rx, struct virtio_queue *q)
{
	pthread_mutex_lock(&q->lock);
	if (rx->is_added)
		loop_del(q->loop, &rx->source);
	rx->is_added = rx->is_waiting = false;
	pthread_mutex_unlock(&q->lock);
}

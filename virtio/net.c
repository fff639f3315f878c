// SPDX-License-Identifier: GPL-2.0-or-later
/* The network device: features, queues, control (virtio 1.2, 5.1). */
/*
 * How this works
 *
 * Queue 2i receives, 2i + 1 sends, the last one takes commands. Frames are
 * moved by net_rx.c and net_tx.c on the queues' I/O threads, or by the kernel
 * (vhost=on), which then has both queues of a pair and the tap's file; commands
 * are always ours.
 *
 * Offloads are the back end's: what it can take over is offered to the driver,
 * and what the driver accepts for frames that it receives is passed on to it.
 */
#include <errno.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "src/base/iov.h"
#include "virtio/net_priv.h"

/* linux/virtio_net.h has these since 6.2. */
#ifndef VIRTIO_NET_F_GUEST_USO4
#define VIRTIO_NET_F_GUEST_USO4 54
#define VIRTIO_NET_F_GUEST_USO6 55
#define VIRTIO_NET_F_HOST_USO	56
#endif

enum { QUEUE_SIZE = 256, CTRL_MAX = 64, CTRL_IOV = 16 };

struct offload_bits {
	enum net_offload offload;
	uint64_t host, guest; /* features: sent by, and received by the guest */
};

#define BIT(n) (1ULL << (n))
static const struct offload_bits offload_bits[] = {
	{ NET_CSUM, BIT(VIRTIO_NET_F_CSUM), BIT(VIRTIO_NET_F_GUEST_CSUM) },
	{ NET_TSO4, BIT(VIRTIO_NET_F_HOST_TSO4), BIT(VIRTIO_NET_F_GUEST_TSO4) },
	{ NET_TSO6, BIT(VIRTIO_NET_F_HOST_TSO6), BIT(VIRTIO_NET_F_GUEST_TSO6) },
	{ NET_ECN, BIT(VIRTIO_NET_F_HOST_ECN), BIT(VIRTIO_NET_F_GUEST_ECN) },
	{ NET_USO, BIT(VIRTIO_NET_F_HOST_USO),
	  BIT(VIRTIO_NET_F_GUEST_USO4) | BIT(VIRTIO_NET_F_GUEST_USO6) },
};

static struct virtio_net *net_of(struct virtio_dev *d)
{
	return CONTAINER_OF(d, struct virtio_net, dev);
}

/* All of an offload's features, or it is not on. */
static unsigned int guest_offloads(uint64_t features)
{
	unsigned int offloads = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(offload_bits); i++)
		if (!(offload_bits[i].guest & ~features))
			offloads |= offload_bits[i].offload;
	return offloads;
}

static uint64_t offered(const struct virtio_net *n, unsigned int nr_pairs)
{
	uint64_t features = BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) |
			    BIT(VIRTIO_NET_F_MRG_RXBUF) |
			    BIT(VIRTIO_NET_F_CTRL_VQ) |
			    BIT(VIRTIO_NET_F_CTRL_MAC_ADDR);

	for (unsigned int i = 0; i < ARRAY_SIZE(offload_bits); i++)
		if (n->back->offloads & offload_bits[i].offload)
			features |=
				offload_bits[i].host | offload_bits[i].guest;
	if (n->back->offloads)
		features |= BIT(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);
	if (nr_pairs > 1)
		features |= BIT(VIRTIO_NET_F_MQ);
	/* The kernel's rings are split ones. */
	return features | BIT(VIRTIO_F_IN_ORDER) |
	       (n->vhost ? 0 : BIT(VIRTIO_F_RING_PACKED));
}

/* --- the link --- */

void net_lost(struct virtio_net *n, int error)
{
	if (__atomic_exchange_n(&n->is_lost, true, __ATOMIC_ACQ_REL))
		return;
	log_error(n->dev.type.name,
		  "%s is gone (%s): the guest's link is down from now on",
		  n->back->name, strerror(error));
	/* The status is one byte of two, and read whole or not at all. */
	__atomic_store_n(
		&n->dev.config[offsetof(struct virtio_net_config_regs, status)],
		0, __ATOMIC_RELEASE);
	virtio_config_notify(&n->dev);
}

/* --- commands (5.1.6.5) --- */

static uint8_t set_pairs(struct virtio_net *n, const uint8_t *data, size_t len)
{
	struct err e = { 0 };
	unsigned int nr;

	if (len < 2 || !virtio_has(&n->dev, VIRTIO_NET_F_MQ))
		return VIRTIO_NET_ERR;
	nr = (unsigned int)get_le(data, 2);
	if (!nr || nr > n->nr_pairs)
		return VIRTIO_NET_ERR;
	if (net_set_active(n->back, nr, &e)) {
		log_warn(n->dev.type.name, "%s", e.msg);
		return VIRTIO_NET_ERR;
	}
	n->nr_active = nr;
	return VIRTIO_NET_OK;
}

static uint8_t set_offloads(struct virtio_net *n, const uint8_t *data,
			    size_t len)
{
	struct err e = { 0 };
	uint64_t features;

	if (len < 8 || !virtio_has(&n->dev, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS))
		return VIRTIO_NET_ERR;
	features = get_le(data, 8);
	if (features & ~n->dev.accepted)
		return VIRTIO_NET_ERR;
	if (net_set_offloads(n->back, guest_offloads(features), &e)) {
		log_guest(&n->dev.pci.limit, n->dev.type.name, "%s", e.msg);
		return VIRTIO_NET_ERR;
	}
	return VIRTIO_NET_OK;
}

static uint8_t set_mac(struct virtio_net *n, const uint8_t *data, size_t len)
{
	if (len < 6)
		return VIRTIO_NET_ERR;
	memcpy(n->dev.config, data, 6);
	return VIRTIO_NET_OK;
}

static uint8_t command(struct virtio_net *n, const uint8_t *bytes, size_t len)
{
	const uint8_t *data = bytes + 2;

	if (len < 2)
		return VIRTIO_NET_ERR;
	len -= 2;
	switch (bytes[0] << 8 | bytes[1]) {
	case VIRTIO_NET_CTRL_MQ << 8 | VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET:
		return set_pairs(n, data, len);
	case VIRTIO_NET_CTRL_MAC << 8 | VIRTIO_NET_CTRL_MAC_ADDR_SET:
		return set_mac(n, data, len);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS << 8 |
		VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET:
		return set_offloads(n, data, len);
	default:
		return VIRTIO_NET_ERR;
	}
}

static void on_control(struct virtio_queue *q)
{
	struct iovec iov[CTRL_IOV];
	struct virtq_chain c = { .iov = iov, .max_iov = CTRL_IOV };
	int ret;

	while ((ret = virtq_pop(&q->vq, &c)) > 0) {
		uint8_t bytes[CTRL_MAX];
		size_t len = iov_read(iov, c.nr_out, 0, bytes, sizeof(bytes));
		uint8_t ack = command(net_of(q->dev), bytes, len);

		virtq_push(&q->vq, &c,
			   (uint32_t)iov_write(iov + c.nr_out, c.nr_in, 0, &ack,
					       1));
	}
	virtio_queue_flush(q);
	if (ret < 0)
		virtio_queue_fail(q, NULL);
}

/* --- queues --- */

static bool is_control(const struct virtio_queue *q)
{
	return q->index == 2 * net_of(q->dev)->nr_pairs;
}

static void on_kick(struct virtio_queue *q)
{
	struct virtio_net *n = net_of(q->dev);

	if (is_control(q))
		on_control(q);
	else if (q->index % 2)
		net_tx_kick(&n->tx[q->index / 2], q);
	else
		net_rx_kick(&n->rx[q->index / 2], q);
}

static int vhost_start(struct virtio_queue *q, struct err *e)
{
	struct virtio_net *n = net_of(q->dev);
	struct vhost *v = &n->vhost[q->index / 2];
	struct vhost_vring_file file = {
		.index = q->index % 2,
		.fd = n->back->queues[q->index / 2].fd,
	};
	int ret = vhost_set_features(v, n->dev.accepted, e);

	if (!ret)
		ret = vhost_set_memory(v, n->dev.env.mem, e);
	if (!ret)
		ret = vhost_ring_start(v, file.index, q, e);
	if (!ret && ioctl(v->fd, VHOST_NET_SET_BACKEND, &file))
		ret = err_sys(e, n->dev.type.name, "VHOST_NET_SET_BACKEND");
	if (!ret)
		virtio_queue_leave(q);
	return ret;
}

static void vhost_stop(struct virtio_queue *q)
{
	struct virtio_net *n = net_of(q->dev);
	struct vhost *v = &n->vhost[q->index / 2];
	struct vhost_vring_file file = { .index = q->index % 2,
					 .fd = VHOST_FILE_UNBIND };

	if (ioctl(v->fd, VHOST_NET_SET_BACKEND, &file))
		log_warn(n->dev.type.name, "VHOST_NET_SET_BACKEND: %s",
			 strerror(errno));
	vhost_ring_stop(v, file.index);
}

static int on_queue_start(struct virtio_queue *q, struct err *e)
{
	struct virtio_net *n = net_of(q->dev);

	if (is_control(q))
		return 0;
	if (n->vhost)
		return vhost_start(q, e);
	return q->index % 2 ? 0 : net_rx_start(&n->rx[q->index / 2], q, e);
}

static void on_queue_stop(struct virtio_queue *q)
{
	struct virtio_net *n = net_of(q->dev);

	if (is_control(q))
		return;
	if (n->vhost)
		vhost_stop(q);
	else if (q->index % 2)
		net_tx_stop(&n->tx[q->index / 2], q);
	else
		net_rx_stop(&n->rx[q->index / 2], q);
}

static void on_queue_vector(struct virtio_queue *q)
{
	struct virtio_net *n = net_of(q->dev);
	struct err e = { 0 };

	if (n->vhost && !is_control(q) &&
	    vhost_ring_call(&n->vhost[q->index / 2], q->index % 2, q, &e))
		log_guest(&n->dev.pci.limit, n->dev.type.name, "%s", e.msg);
}

static bool on_features(struct virtio_dev *d, uint64_t features)
{
	struct virtio_net *n = net_of(d);
	struct err e = { 0 };

	if (!net_set_offloads(n->back, guest_offloads(features), &e))
		return true;
	log_guest(&d->pci.limit, d->type.name, "%s", e.msg);
	return false;
}

static void on_reset(struct virtio_dev *d)
{
	struct virtio_net *n = net_of(d);
	struct err e = { 0 };

	n->nr_active = 1;
	if (net_set_active(n->back, 1, &e) || net_set_offloads(n->back, 0, &e))
		log_debug(d->type.name, "%s", e.msg);
}

static const struct virtio_ops net_ops = {
	.config_written = virtio_default_config_written,
	.features_ok = on_features,
	.queue_start = on_queue_start,
	.queue_stop = on_queue_stop,
	.queue_kick = on_kick,
	.queue_vector = on_queue_vector,
	.reset = on_reset,
};

/* --- its life --- */

static int open_vhost(struct virtio_net *n, const char *name, struct err *e)
{
	int ret = 0;

	n->vhost = calloc(n->nr_pairs, sizeof(*n->vhost));
	if (!n->vhost)
		return err_set(e, ENOMEM, "%s: out of memory", name);
	for (unsigned int i = 0; !ret && i < n->nr_pairs; i++)
		ret = vhost_open(&n->vhost[i], "/dev/vhost-net", "vhost_net",
				 name, e);
	return ret;
}

static int make_queues(struct virtio_net *n, const char *name, struct err *e)
{
	n->rx = calloc(n->nr_pairs, sizeof(*n->rx));
	n->tx = calloc(n->nr_pairs, sizeof(*n->tx));
	if (!n->rx || !n->tx)
		return err_set(e, ENOMEM, "%s: out of memory", name);
	for (unsigned int i = 0; i < n->nr_pairs; i++) {
		n->rx[i].net = n->tx[i].net = n;
		n->rx[i].from = n->tx[i].to = &n->back->queues[i];
	}
	return 0;
}

static void fill_config(struct virtio_net *n, const uint8_t mac[6])
{
	struct virtio_net_config_regs regs = {
		.status = VIRTIO_NET_S_LINK_UP,
		.max_pairs = (uint16_t)n->nr_pairs,
	};

	memcpy(regs.mac, mac, sizeof(regs.mac));
	memcpy(n->dev.config, &regs, sizeof(regs));
}

int virtio_net_init(struct virtio_net *n, const struct virtio_net_setup *c,
		    struct net_back *back, const struct virtio_env *env,
		    struct err *e)
{
	struct virtio_config type = {
		.ops = &net_ops,
		.name = c->name,
		.device_id = VIRTIO_ID_NET,
		.class_code = 0x020000,
		.nr_queues = 2 * back->nr_queues + 1,
		.queue_size = QUEUE_SIZE,
		.config_len = sizeof(struct virtio_net_config_regs),
	};
	int ret;

	*n = (struct virtio_net){ .back = back, .nr_pairs = back->nr_queues };
	ret = make_queues(n, c->name, e);
	if (!ret && c->vhost)
		ret = open_vhost(n, c->name, e);
	if (ret)
		return ret;
	type.features = offered(n, n->nr_pairs);
	ret = virtio_dev_init(&n->dev, &type, env, e);
	/* What the rings of the kernel cannot do is not offered. */
	if (n->vhost)
		n->dev.offered &= n->vhost[0].features |
				  ~(BIT(VIRTIO_F_IN_ORDER) |
				    BIT(VIRTIO_RING_F_INDIRECT_DESC) |
				    BIT(VIRTIO_RING_F_EVENT_IDX) |
				    BIT(VIRTIO_NET_F_MRG_RXBUF));
	fill_config(n, c->mac);
	return ret;
}

void virtio_net_fini(struct virtio_net *n)
{
	virtio_dev_fini(&n->dev);
	for (unsigned int i = 0; n->vhost && i < n->nr_pairs; i++)
		vhost_close(&n->vhost[i]);
	free(n->vhost);
	free(n->rx);
	free(n->tx);
	*n = (struct virtio_net){ 0 };
}

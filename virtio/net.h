/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio network device (virtio 1.2, 5.1), served by strait or by vhost-net. */
#ifndef STRAIT_VIRTIO_NET_H
#define STRAIT_VIRTIO_NET_H

#include "src/net/net.h"
#include "virtio/vhost.h"
#include "virtio/virtio.h"

enum {
	/* Buffers that are kept at hand for the next frame. */
	NET_RX_CHAINS = 64,
	NET_RX_IOV = 256,
	NET_TX_IOV = 64,
};

struct virtio_net;

struct net_rx {
	struct virtio_net *net;
	struct net_queue *from;
	struct loop_source source; /* a frame is there */
	bool is_added, is_waiting; /* in the loop; for frames */
	/*
	 * Chains popped and not used yet, from first_chain on, and their
	 * buffers, from first_iov on.
	 */
	struct virtq_chain chains[NET_RX_CHAINS];
	unsigned int first_chain, nr_chains;
	struct iovec iov[NET_RX_IOV];
	unsigned int first_iov, nr_iov;
	uint64_t room; /* bytes in them */
	uint64_t frames, bytes, dropped;
};

struct net_tx {
	struct virtio_net *net;
	struct net_queue *to;
	struct loop_source source; /* the back end takes frames again */
	bool is_added;
	uint64_t frames, bytes, dropped;
};

struct virtio_net_setup {
	const char *name;
	uint8_t mac[6];
	bool vhost;
};

struct virtio_net {
	struct virtio_dev dev;
	struct net_back *back; /* not owned */
	unsigned int nr_pairs, nr_active;
	struct net_rx *rx; /* nr_pairs of each, owned */
	struct net_tx *tx;
	struct vhost *vhost; /* nr_pairs of them, or NULL */
	bool is_lost;	     /* the back end is gone; atomic */
};

/* Of as many queue pairs as back has queues. On failure fini is still allowed.
 */
int virtio_net_init(struct virtio_net *n, const struct virtio_net_setup *c,
		    struct net_back *back, const struct virtio_env *env,
		    struct err *e);
void virtio_net_fini(struct virtio_net *n);

#endif

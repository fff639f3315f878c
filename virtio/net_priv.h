/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the network device tell each other. */
#ifndef STRAIT_VIRTIO_NET_PRIV_H
#define STRAIT_VIRTIO_NET_PRIV_H

#include "virtio/net.h"
#include "virtio/priv.h"

/* 5.1.4, as far as it is there. */
struct virtio_net_config_regs {
	uint8_t mac[6];
	uint16_t status;
	uint16_t max_pairs;
} __attribute__((packed));

/* The back end failed with an errno that does not pass: the link goes down. */
void net_lost(struct virtio_net *n, int error);

/* --- net_rx.c; the queue's lock is held but in stop --- */

int net_rx_start(struct net_rx *rx, struct virtio_queue *q, struct err *e);
void net_rx_stop(struct net_rx *rx, struct virtio_queue *q);
void net_rx_kick(struct net_rx *rx, struct virtio_queue *q);

/* --- net_tx.c; the same --- */

void net_tx_stop(struct net_tx *tx, struct virtio_queue *q);
void net_tx_kick(struct net_tx *tx, struct virtio_queue *q);

#endif

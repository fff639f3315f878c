/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of src/net/ tell each other; nobody else includes this. */
#ifndef STRAIT_NET_PRIV_H
#define STRAIT_NET_PRIV_H

#include "src/net/net.h"

int tap_open(struct net_back *b, const struct net_options *options,
	     struct err *e);
int tap_set_offloads(struct net_back *b, unsigned int offloads, struct err *e);

int tap_set_active(struct net_back *b, unsigned int nr, struct err *e);

int passt_open(struct net_back *b, struct err *e);
void passt_close(struct net_back *b);
ssize_t passt_receive(struct net_queue *q, const struct iovec *iov,
		      unsigned int nr);
int passt_send(struct net_queue *q, const struct iovec *iov, unsigned int nr);
bool passt_has_frame(const struct net_queue *q);
bool passt_flush(struct net_queue *q);

#endif

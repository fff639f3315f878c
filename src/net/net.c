// SPDX-License-Identifier: GPL-2.0-or-later
/* Network back ends: which one, and what they share. */
#include <errno.h>
#include <unistd.h>

#include "src/net/priv.h"

int net_open(struct net_back *b, const struct net_options *options,
	     struct err *e)
{
	int ret;

	*b = (struct net_back){ .nr_queues = options->nr_queues };
	for (unsigned int i = 0; i < NET_MAX_QUEUES; i++)
		b->queues[i] = (struct net_queue){ .back = b,
						   .fd = -1,
						   .send_fd = -1 };
	ret = options->passt ? passt_open(b, e) : tap_open(b, options, e);
	if (ret)
		net_close(b);
	return ret;
}

void net_close(struct net_back *b)
{
	for (unsigned int i = 0; i < b->nr_queues; i++) {
		if (b->queues[i].send_fd >= 0)
			close(b->queues[i].send_fd);
		if (b->queues[i].fd >= 0)
			close(b->queues[i].fd);
	}
	if (b->kind == NET_PASST)
		passt_close(b);
	b->nr_queues = 0;
}

int net_set_offloads(struct net_back *b, unsigned int offloads, struct err *e)
{
	/* What knows none is not asked. */
	return b->offloads ? tap_set_offloads(b, offloads, e) : 0;
}

int net_set_active(struct net_back *b, unsigned int nr, struct err *e)
{
	return b->nr_queues > 1 ? tap_set_active(b, nr, e) : 0;
}

ssize_t net_receive(struct net_queue *q, const struct iovec *iov,
		    unsigned int nr)
{
	ssize_t n;

	if (q->back->kind == NET_PASST)
		return passt_receive(q, iov, nr);
	n = readv(q->fd, iov, (int)nr);
	if (n < 0)
		return -errno;
	return n < NET_HDR_LEN ? -EIO : n;
}

int net_send(struct net_queue *q, const struct iovec *iov, unsigned int nr)
{
	if (q->back->kind == NET_PASST)
		return passt_send(q, iov, nr);
	return writev(q->fd, iov, (int)nr) < 0 ? -errno : 0;
}

/* A tap keeps frames apart: what is not read makes it readable, and none is
 * sent in part. */
bool net_has_frame(const struct net_queue *q)
{
	return q->back->kind == NET_PASST && passt_has_frame(q);
}

bool net_flush(struct net_queue *q)
{
	return q->back->kind != NET_PASST || passt_flush(q);
}

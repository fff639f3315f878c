/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network back ends that devices share: a tap device of the kernel's, or passt.
 *
 * Frames go in and out with a struct virtio_net_hdr_mrg_rxbuf (12 bytes, virtio
 * 1.2 5.1.6) before them, whatever the back end: it carries offloads where the
 * back end knows them, and is zeroes where not.
 *
 * A queue's calls come from one thread at a time; receiving and sending may be
 * two threads.
 */
#ifndef STRAIT_NET_NET_H
#define STRAIT_NET_NET_H

#include <sys/uio.h>

#include "src/base/err.h"
#include "src/base/types.h"

enum {
	NET_MAX_QUEUES = 16,
	NET_HDR_LEN = 12,
	NET_NAME_LEN = 16,     /* IFNAMSIZ */
	NET_MAX_FRAME = 65550, /* the largest that offloads make, without header
				*/
};

/* What a peer can take over, bits of struct net_back.offloads. */
enum net_offload {
	NET_CSUM = 1 << 0, /* frames without checksum */
	NET_TSO4 = 1 << 1,
	NET_TSO6 = 1 << 2,
	NET_ECN = 1 << 3, /* TSO with ECN */
	NET_USO = 1 << 4, /* UDP segmentation (Linux 6.2) */
};

enum net_kind { NET_TAP, NET_PASST };

struct net_options {
	char tap[NET_NAME_LEN]; /* an interface, or "" */
	int fd;			/* an open tap, or -1 */
	bool passt;
	unsigned int nr_queues; /* 1 to NET_MAX_QUEUES */
};

/* One queue: receives and sends. */
struct net_queue {
	struct net_back *back;
	int fd;	     /* readable: a frame is there; writable: one can be sent */
	int send_fd; /* the same file, for a loop of its own */
	bool is_detached;	   /* of a tap: the host does not use it */
	struct net_stream *stream; /* of passt, see passt.c */
};

struct net_back {
	enum net_kind kind;
	char name[32];	       /* for messages: "tap0", "passt" */
	unsigned int offloads; /* net_offload that it can take */
	struct net_queue queues[NET_MAX_QUEUES];
	unsigned int nr_queues;
	int pid; /* of passt, or 0 */
};

/* -errno with a hint. On failure nothing stays open. */
int net_open(struct net_back *b, const struct net_options *options,
	     struct err *e);
/* Accepts a zeroed struct. */
void net_close(struct net_back *b);

/* Which offloads the guest takes in frames that it receives, a part of
 * b->offloads. */
int net_set_offloads(struct net_back *b, unsigned int offloads, struct err *e);

/* The host spreads frames over the first nr queues alone. */
int net_set_active(struct net_back *b, unsigned int nr, struct err *e);

/*
 * The next frame with its header: bytes put into iov, at least NET_HDR_LEN.
 * -EAGAIN: none is there; -ENOBUFS: it did not fit, and is gone; other errors
 * are the back end's end.
 */
ssize_t net_receive(struct net_queue *q, const struct iovec *iov,
		    unsigned int nr);
/* A frame is there already, which fd does not tell: receive it. */
bool net_has_frame(const struct net_queue *q);
/*
 * Sends one frame with its header. -EAGAIN: not now, send_fd tells when;
 * -EINVAL and the like: the frame was refused and is gone.
 */
int net_send(struct net_queue *q, const struct iovec *iov, unsigned int nr);
/* What is on its way out is out: true. Else once more when send_fd can be
 * written. */
bool net_flush(struct net_queue *q);

#endif

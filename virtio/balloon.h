/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio memory balloon (virtio 1.2, 5.5). */
#ifndef STRAIT_VIRTIO_BALLOON_H
#define STRAIT_VIRTIO_BALLOON_H

#include "virtio/virtio.h"

struct virtio_balloon_setup {
	const char *name;
	uint64_t bytes;	     /* that the guest is asked to give up */
	bool deflate_on_oom; /* it may take them back when it needs them */
	bool reporting;	     /* it tells which pages are free as it goes */
};

struct virtio_balloon {
	struct virtio_dev dev;
	bool reporting;
	uint64_t given_bytes; /* taken from the guest so far; its queues' locks
			       */
	uint64_t reported_bytes;
};

/* Guest RAM must not be pinned, and be of a file in normal pages. */
int virtio_balloon_init(struct virtio_balloon *b,
			const struct virtio_balloon_setup *setup,
			const struct virtio_env *env, struct err *e);
void virtio_balloon_fini(struct virtio_balloon *b);

#endif

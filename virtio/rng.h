/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio entropy device (virtio 1.2, 5.4). */
#ifndef STRAIT_VIRTIO_RNG_H
#define STRAIT_VIRTIO_RNG_H

#include "virtio/virtio.h"

struct virtio_rng {
	struct virtio_dev dev;
	int fd;		/* of the source */
	uint64_t bytes; /* given so far, atomic */
};

/* Bytes come from source, a character device or another file of random bytes
 * ("/dev/urandom"). name is not owned. On failure fini is still allowed. */
int virtio_rng_init(struct virtio_rng *r, const char *name, const char *source,
		    const struct virtio_env *env, struct err *e);
/* Stopped before; accepts a zeroed struct. */
void virtio_rng_fini(struct virtio_rng *r);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio socket device (virtio 1.2, 5.10), served by the kernel's vhost-vsock.
 */
#ifndef STRAIT_VIRTIO_VSOCK_H
#define STRAIT_VIRTIO_VSOCK_H

#include "virtio/vhost.h"

struct virtio_vsock {
	struct virtio_dev dev;
	struct vhost vhost;
	unsigned int nr_up; /* rings that the kernel has; dev.lock */
};

/* cid is the guest's address, 3 to 2^32 - 2, of which a host has each once. On
 * failure fini is still allowed. */
int virtio_vsock_init(struct virtio_vsock *s, const char *name, uint32_t cid,
		      const struct virtio_env *env, struct err *e);
void virtio_vsock_fini(struct virtio_vsock *s);

#endif

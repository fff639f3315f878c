/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Queues that the kernel serves (linux/vhost.h): it reads kicks from the
 * queue's eventfd and writes interrupts to the vector's, so strait takes no
 * part once a queue is up.
 */
#ifndef STRAIT_VIRTIO_VHOST_H
#define STRAIT_VIRTIO_VHOST_H

#include "virtio/virtio.h"

struct vhost {
	int fd;		   /* -1: not open */
	const char *path;  /* "/dev/vhost-net", for messages */
	const char *name;  /* of the device, likewise */
	uint64_t features; /* that this kernel's vhost knows */
};

/* Opens path, becomes its owner, and reads what it can. module is what a hint
 * names. -errno. */
int vhost_open(struct vhost *v, const char *path, const char *module,
	       const char *name, struct err *e);
void vhost_close(struct vhost *v);

/* Of the bits that the transport and the device negotiated those that the
 * kernel has to know; and guest RAM. */
int vhost_set_features(struct vhost *v, uint64_t features, struct err *e);
int vhost_set_memory(struct vhost *v, const struct mem *mem, struct err *e);

/*
 * Hands q over as the kernel's ring number index; its lock is held. It is
 * served once the caller has set its back end. vhost_ring_stop waits for what
 * is under way.
 */
int vhost_ring_start(struct vhost *v, unsigned int index,
		     struct virtio_queue *q, struct err *e);
void vhost_ring_stop(struct vhost *v, unsigned int index);
/* The queue's interrupt goes elsewhere now. */
int vhost_ring_call(struct vhost *v, unsigned int index, struct virtio_queue *q,
		    struct err *e);

#endif

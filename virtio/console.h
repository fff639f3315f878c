/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio console device with one port (virtio 1.2, 5.3). */
#ifndef STRAIT_VIRTIO_CONSOLE_H
#define STRAIT_VIRTIO_CONSOLE_H

#include "virtio/virtio.h"

struct virtio_console {
	struct virtio_dev dev;
	/* The byte stream, both ways; a description of its own for each loop.
	 */
	int in_fd, out_fd;
	struct loop_source input, output;
	bool input_on, output_on; /* in their loops */
	size_t sent;		  /* bytes of the chain that stands first */
};

/*
 * fd is a stream that does not block, such as one end of a socket pair; it
 * stays the caller's. Bytes of the guest wait while it takes none. On failure
 * fini is still allowed.
 */
int virtio_console_init(struct virtio_console *c, const char *name, int fd,
			const struct virtio_env *env, struct err *e);
void virtio_console_fini(struct virtio_console *c);

#endif

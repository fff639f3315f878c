/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets that others connect to. */
#ifndef STRAIT_DISPLAY_LISTEN_H
#define STRAIT_DISPLAY_LISTEN_H

#include <sys/types.h>

#include "src/base/err.h"

struct listener {
	int fd;		  /* non-blocking; -1: closed */
	const char *path; /* of a unix socket; not owned */
	dev_t dev;
	ino_t ino;
	uint16_t port;
};

/* A unix socket that its owner alone may use. Who left one behind and no
 * longer answers is replaced. */
int listener_open_unix(struct listener *l, const char *path, struct err *e);
/* IPv4. Port 0: a free one. */
int listener_open_tcp(struct listener *l, const char *address, uint16_t port,
		      struct err *e);
/* The socket's path goes too, if it is still ours. */
void listener_close(struct listener *l);
/* A connection (blocking), or -1; errno says whether to try again. */
int listener_accept(const struct listener *l);

/* Connects to a unix socket; the fd, or -errno. */
int unix_connect(const char *path, struct err *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of NBD share: libnbd's functions, a server's description. */
#ifndef STRAIT_BLOCK_NBD_H
#define STRAIT_BLOCK_NBD_H

#include <libnbd.h>

#include "src/block/priv.h"

/* Each is nbd_NAME of the library. */
#define NBD_FUNCTIONS(X)                                                       \
	X(create)                                                              \
	X(close)                                                               \
	X(get_error)                                                           \
	X(get_errno)                                                           \
	X(set_pread_initialize)                                                \
	X(set_uri_allow_local_file)                                            \
	X(aio_connect_uri)                                                     \
	X(aio_is_ready)                                                        \
	X(aio_is_dead)                                                         \
	X(aio_is_closed)                                                       \
	X(poll)                                                                \
	X(get_size)                                                            \
	X(get_block_size)                                                      \
	X(is_read_only)                                                        \
	X(can_flush)                                                           \
	X(can_trim)                                                            \
	X(can_zero)                                                            \
	X(can_multi_conn)                                                      \
	X(aio_get_fd)                                                          \
	X(aio_get_direction)                                                   \
	X(aio_notify_read)                                                     \
	X(aio_notify_write)                                                    \
	X(aio_pread)                                                           \
	X(aio_pwrite)                                                          \
	X(aio_flush)                                                           \
	X(aio_trim)                                                            \
	X(aio_zero)                                                            \
	X(aio_disconnect)

struct nbd_api {
/* NOLINTNEXTLINE(bugprone-macro-parentheses): it declares a member */
#define X(name) __typeof__(nbd_##name) *name;
	NBD_FUNCTIONS(X)
#undef X
};

struct nbd_disk {
	void *library;
	struct nbd_api api;
	struct nbd_handle *first; /* until a queue takes it; atomic */
	bool can_flush;
	uint64_t max_bytes; /* of one command */
};

static inline struct nbd_disk *nbd_of(const struct block *b)
{
	return b->state;
}

/* A connection that is ready; ten seconds at most. */
int nbd_connect(struct block *b, struct nbd_handle **out, struct err *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing to a file of the user's (a terminal, a pipe, a log) that nobody made
 * non-blocking, without ever being held up by it.
 */
#ifndef STRAIT_CORE_OUTPUT_H
#define STRAIT_CORE_OUTPUT_H

#include <sys/types.h>

#include "src/base/types.h"

struct output {
	int fd; /* to wait with until it can be written; -1: none */
	int own_fd;
	bool may_block;
};

/* fd (-1: none) stays the caller's, and as it is for others who have it. */
void output_init(struct output *o, int fd);
void output_fini(struct output *o);

/*
 * How many of the bytes were written, at least one; -EAGAIN if it takes none
 * just now. Other errors, 0 among them, are a disk that is full, or a reader
 * that is gone.
 */
ssize_t output_write(const struct output *o, const uint8_t *buf, size_t len);

#endif

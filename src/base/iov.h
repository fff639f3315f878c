/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that lie in pieces: copies out of and into an array of struct iovec. */
#ifndef STRAIT_BASE_IOV_H
#define STRAIT_BASE_IOV_H

#include <stddef.h>
#include <sys/uio.h>

/* Both copy up to len bytes from offset off of the whole on, and return how
 * many there were. */
size_t iov_read(const struct iovec *iov, unsigned int nr, size_t off, void *buf,
		size_t len);
size_t iov_write(const struct iovec *iov, unsigned int nr, size_t off,
		 const void *buf, size_t len);

/* Leaves the first skip bytes out: writes what remains to out (nr entries of
 * room) and returns the number of entries. */
unsigned int iov_rest(const struct iovec *iov, unsigned int nr, size_t skip,
		      struct iovec *out);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/* Bytes in pieces. */
#include <string.h>

#include "src/base/iov.h"

typedef void copy_fn(void *piece, void *buf, size_t len);

static void copy_out(void *piece, void *buf, size_t len)
{
	memcpy(buf, piece, len);
}

static void copy_in(void *piece, void *buf, size_t len)
{
	memcpy(piece, buf, len);
}

static size_t copy(const struct iovec *iov, unsigned int nr, size_t off,
		   char *buf, size_t len, copy_fn *fn)
{
	size_t done = 0;

	for (unsigned int i = 0; i < nr && done < len; i++) {
		size_t here = iov[i].iov_len;

		if (off >= here) {
			off -= here;
			continue;
		}
		here -= off;
		if (here > len - done)
			here = len - done;
		fn((char *)iov[i].iov_base + off, buf + done, here);
		done += here;
		off = 0;
	}
	return done;
}

size_t iov_read(const struct iovec *iov, unsigned int nr, size_t off, void *buf,
		size_t len)
{
	return copy(iov, nr, off, buf, len, copy_out);
}

size_t iov_write(const struct iovec *iov, unsigned int nr, size_t off,
		 const void *buf, size_t len)
{
	/* copy_in only reads from it. */
	union {
		const void *in;
		char *out;
	} from = { .in = buf };

	return copy(iov, nr, off, from.out, len, copy_in);
}

unsigned int iov_rest(const struct iovec *iov, unsigned int nr, size_t skip,
		      struct iovec *out)
{
	unsigned int nr_out = 0;

	for (unsigned int i = 0; i < nr; i++) {
		if (skip >= iov[i].iov_len) {
			skip -= iov[i].iov_len;
			continue;
		}
		out[nr_out].iov_base = (char *)iov[i].iov_base + skip;
		out[nr_out++].iov_len = iov[i].iov_len - skip;
		skip = 0;
	}
	return nr_out;
}

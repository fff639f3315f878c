// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory in pieces: taking a part of it, copying, clearing. */
#include "src/block/priv.h"

unsigned int iov_take(const struct iov_pos *p, uint64_t bytes,
		      struct iovec *out, unsigned int max, uint64_t *got)
{
	size_t skip = p->skip;
	unsigned int n = 0;

	*got = 0;
	for (unsigned int i = 0; i < p->nr && n < max && *got < bytes; i++) {
		size_t len = p->iov[i].iov_len - skip;

		if (len > bytes - *got)
			len = bytes - *got;
		if (len)
			out[n++] = (struct iovec){
				(uint8_t *)p->iov[i].iov_base + skip, len
			};
		*got += len;
		skip = 0;
	}
	return n;
}

void iov_skip(struct iov_pos *p, uint64_t bytes)
{
	while (p->nr && bytes >= p->iov->iov_len - p->skip) {
		bytes -= p->iov->iov_len - p->skip;
		p->iov++;
		p->nr--;
		p->skip = 0;
	}
	if (p->nr)
		p->skip += bytes;
}

/* Calls fn for each piece of the next bytes, with where it is among them. */
static void
iov_each(struct iov_pos p, uint64_t bytes,
	 void (*fn)(void *piece, size_t len, uint64_t at, void *arg), void *arg)
{
	uint64_t at = 0, got;
	struct iovec piece;

	while (at < bytes && iov_take(&p, bytes - at, &piece, 1, &got)) {
		fn(piece.iov_base, piece.iov_len, at, arg);
		iov_skip(&p, got);
		at += got;
	}
}

static void zero_piece(void *piece, size_t len, uint64_t at, void *arg)
{
	(void)at;
	(void)arg;
	memset(piece, 0, len);
}

void iov_zero(const struct iov_pos *p, uint64_t bytes)
{
	iov_each(*p, bytes, zero_piece, NULL);
}

static void get_piece(void *piece, size_t len, uint64_t at, void *arg)
{
	memcpy((uint8_t *)arg + at, piece, len);
}

void iov_get(const struct iov_pos *p, void *buf, uint64_t bytes)
{
	iov_each(*p, bytes, get_piece, buf);
}

struct source {
	const uint8_t *bytes;
};

static void put_piece(void *piece, size_t len, uint64_t at, void *arg)
{
	const struct source *s = arg;

	memcpy(piece, s->bytes + at, len);
}

void iov_put(const struct iov_pos *p, const void *buf, uint64_t bytes)
{
	struct source s = { buf };

	iov_each(*p, bytes, put_piece, &s);
}

bool iov_is_aligned(const struct iov_pos *p, uint64_t bytes, uint32_t align)
{
	size_t skip = p->skip;

	for (unsigned int i = 0; i < p->nr && bytes; i++) {
		size_t len = p->iov[i].iov_len - skip;
		uintptr_t at = (uintptr_t)p->iov[i].iov_base + skip;

		if (len > bytes)
			len = bytes;
		if ((at | len) & (align - 1))
			return false;
		bytes -= len;
		skip = 0;
	}
	return true;
}

uint64_t iov_bytes(const struct iovec *iov, unsigned int nr)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < nr; i++)
		if (__builtin_add_overflow(sum, iov[i].iov_len, &sum))
			return UINT64_MAX;
	return sum;
}

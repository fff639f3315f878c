// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Decompression of kernels.
 *
 * How this works: the libraries are those that every Debian has because dpkg
 * needs them. They are loaded for the moment that they are used in, so that
 * strait runs without them and does not carry them in memory while the guest
 * runs. Each is used through one function that turns a buffer into a buffer,
 * whose prototype stands here: it is part of the library's stable ABI.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "src/base/bits.h"
#include "src/x86/unpack.h"

enum {
	SIZE_LEN = 4,		    /* uncompressed size behind the stream */
	LZ4_LEGACY_BLOCK = 8 << 20, /* lz4's legacy frame format */
};

struct buffers {
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len; /* exactly this much has to come out */
};

static bool unzstd(void *lib, const struct buffers *b)
{
	size_t (*decompress)(void *dst, size_t cap, const void *src,
			     size_t len);

	*(void **)&decompress = dlsym(lib, "ZSTD_decompress");
	/* Errors are sizes near SIZE_MAX, so no result equals ours by chance.
	 */
	return decompress &&
	       decompress(b->out, b->out_len, b->in, b->in_len) == b->out_len;
}

static bool unxz(void *lib, const struct buffers *b)
{
	int (*decode)(uint64_t * memlimit, uint32_t flags,
		      const void *allocator, const uint8_t *in, size_t *in_pos,
		      size_t in_size, uint8_t *out, size_t *out_pos,
		      size_t out_size);
	uint64_t memlimit = GIB(1);
	size_t in_pos = 0, out_pos = 0;

	*(void **)&decode = dlsym(lib, "lzma_stream_buffer_decode");
	return decode &&
	       decode(&memlimit, 0, NULL, b->in, &in_pos, b->in_len, b->out,
		      &out_pos, b->out_len) == 0 &&
	       out_pos == b->out_len;
}

/* Magic, then blocks with their length before them. */
static bool unlz4(void *lib, const struct buffers *b)
{
	int (*decompress)(const char *src, char *dst, int len, int cap);
	size_t in = 4, out = 0;

	*(void **)&decompress = dlsym(lib, "LZ4_decompress_safe");
	while (decompress && b->in_len - in > 4) {
		size_t len = get_le(b->in + in, 4);
		size_t room = b->out_len - out;
		int n;

		in += 4;
		if (len > b->in_len - in)
			return false;
		n = decompress((const char *)b->in + in, (char *)b->out + out,
			       (int)len,
			       (int)(room < LZ4_LEGACY_BLOCK
					     ? room
					     : LZ4_LEGACY_BLOCK));
		if (n <= 0)
			return false;
		in += len;
		out += (size_t)n;
	}
	return decompress && out == b->out_len;
}

static const struct format {
	uint8_t magic[6];
	size_t magic_len;
	const char *library;
	bool (*run)(void *lib, const struct buffers *b);
} formats[] = {
	{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, "libzstd.so.1", unzstd },
	{ { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, "liblzma.so.5", unxz },
	{ { 0x02, 0x21, 0x4c, 0x18 }, 4, "liblz4.so.1", unlz4 },
};

static const struct format *format_of(const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (len > formats[i].magic_len + SIZE_LEN &&
		    !memcmp(in, formats[i].magic, formats[i].magic_len))
			return &formats[i];
	return NULL;
}

int unpack(const uint8_t *in, size_t len, size_t max, uint8_t **out,
	   size_t *out_len)
{
	const struct format *format = format_of(in, len);
	struct buffers b = { .in = in, .in_len = len - SIZE_LEN };
	void *lib;
	bool done;

	if (!format)
		return -ENOTSUP;
	b.out_len = get_le(in + len - SIZE_LEN, SIZE_LEN);
	if (!b.out_len || b.out_len > max)
		return -EINVAL;
	lib = dlopen(format->library, RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		return -ENOTSUP;
	b.out = mmap(NULL, b.out_len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	done = b.out != MAP_FAILED;
	if (done) {
		madvise(b.out, b.out_len, MADV_HUGEPAGE);
		done = format->run(lib, &b);
	}
	dlclose(lib);
	if (b.out == MAP_FAILED)
		return -ENOMEM;
	if (!done) {
		unpack_free(b.out, b.out_len);
		return -EINVAL;
	}
	*out = b.out;
	*out_len = b.out_len;
	return 0;
}

void unpack_free(uint8_t *out, size_t len)
{
	munmap(out, len);
}

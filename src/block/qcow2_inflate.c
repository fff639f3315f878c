// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2's compressed clusters: zlib and zstd, loaded when an image is opened.
 */
/*
 * How this works
 *
 * The libraries are loaded with dlopen, so that strait runs without them. Not
 * every image with a zlib method has compressed clusters: without zlib it
 * opens, and such a cluster is an error when it is read. An image with zstd
 * says so in its header.
 *
 * Compressed data is as long as whole sectors, so bytes may follow its end.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "src/base/log.h"
#include "src/block/qcow2.h"

struct inflater {
	void *library;
	bool is_zstd, is_ready; /* zlib's stream was set up */
	uint64_t cluster_bytes;
	uint8_t *in;

	struct {
		int (*init)(z_streamp, int, const char *, int);
		int (*reset)(z_streamp);
		int (*run)(z_streamp, int);
		int (*end)(z_streamp);
	} zlib;
	z_stream stream;

	struct {
		ZSTD_DCtx *(*create)(void);
		size_t (*free)(ZSTD_DCtx *);
		size_t (*reset)(ZSTD_DCtx *, ZSTD_ResetDirective);
		size_t (*run)(ZSTD_DStream *, ZSTD_outBuffer *,
			      ZSTD_inBuffer *);
		unsigned int (*is_error)(size_t);
	} zstd;
	ZSTD_DCtx *context;
};

struct symbol {
	const char *name;
	void *to; /* a function pointer */
};

static bool load(struct inflater *i, const char *file,
		 const struct symbol *symbols, size_t nr)
{
	i->library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!i->library)
		return false;
	for (size_t k = 0; k < nr; k++) {
		void *at = dlsym(i->library, symbols[k].name);

		if (!at)
			return false;
		memcpy(symbols[k].to, &at, sizeof(at));
	}
	return true;
}

static bool load_zlib(struct inflater *i)
{
	const struct symbol symbols[] = {
		{ "inflateInit2_", &i->zlib.init },
		{ "inflateReset", &i->zlib.reset },
		{ "inflate", &i->zlib.run },
		{ "inflateEnd", &i->zlib.end },
	};

	/* Raw deflate, with a window of up to 32 KiB. */
	i->is_ready = load(i, "libz.so.1", symbols, ARRAY_SIZE(symbols)) &&
		      i->zlib.init(&i->stream, -15, ZLIB_VERSION,
				   (int)sizeof(i->stream)) == Z_OK;
	return i->is_ready;
}

static bool load_zstd(struct inflater *i)
{
	const struct symbol symbols[] = {
		{ "ZSTD_createDCtx", &i->zstd.create },
		{ "ZSTD_freeDCtx", &i->zstd.free },
		{ "ZSTD_DCtx_reset", &i->zstd.reset },
		{ "ZSTD_decompressStream", &i->zstd.run },
		{ "ZSTD_isError", &i->zstd.is_error },
	};

	if (!load(i, "libzstd.so.1", symbols, ARRAY_SIZE(symbols)))
		return false;
	i->context = i->zstd.create();
	return i->context;
}

int inflater_new(struct inflater **out, bool zstd, uint64_t cluster_bytes,
		 const char *path, struct err *e)
{
	struct inflater *i = calloc(1, sizeof(*i));

	*out = i;
	/* Two clusters of sectors are what a descriptor can say. */
	if (i)
		i->in = malloc(2 * cluster_bytes + BLOCK_SECTOR);
	if (!i || !i->in)
		return err_set(e, ENOMEM, "%s: no memory", path);
	i->is_zstd = zstd;
	i->cluster_bytes = cluster_bytes;
	if (zstd && !load_zstd(i)) {
		err_set(e, ENOENT,
			"%s: its clusters are compressed by zstd, and libzstd.so.1 cannot be loaded",
			path);
		err_hint(e, "apt install libzstd1");
		return -ENOENT;
	}
	if (!zstd && !load_zlib(i))
		log_info(
			path,
			"compressed clusters cannot be read without libz.so.1 (Debian package zlib1g)");
	return 0;
}

void inflater_free(struct inflater *i)
{
	if (!i)
		return;
	if (i->is_ready)
		i->zlib.end(&i->stream);
	if (i->context)
		i->zstd.free(i->context);
	if (i->library)
		dlclose(i->library);
	free(i->in);
	free(i);
}

uint8_t *inflater_in(struct inflater *i)
{
	return i->in;
}

static bool run_zlib(struct inflater *i, uint64_t in_bytes, uint8_t *out)
{
	int ret;

	if (!i->is_ready || i->zlib.reset(&i->stream) != Z_OK)
		return false;
	i->stream.next_in = i->in;
	i->stream.avail_in = (uInt)in_bytes;
	i->stream.next_out = out;
	i->stream.avail_out = (uInt)i->cluster_bytes;
	ret = i->zlib.run(&i->stream, Z_FINISH);
	return (ret == Z_STREAM_END || ret == Z_BUF_ERROR) &&
	       !i->stream.avail_out;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): zstd writes to it */
static bool run_zstd(struct inflater *i, uint64_t in_bytes, uint8_t *out)
{
	ZSTD_inBuffer from = { i->in, in_bytes, 0 };
	ZSTD_outBuffer to = { out, i->cluster_bytes, 0 };

	i->zstd.reset(i->context, ZSTD_reset_session_only);
	while (to.pos < to.size) {
		size_t in_was = from.pos, out_was = to.pos;
		size_t ret = i->zstd.run(i->context, &to, &from);

		if (i->zstd.is_error(ret) ||
		    (from.pos == in_was && to.pos == out_was))
			return false;
	}
	return true;
}

int inflater_run(struct inflater *i, uint64_t in_bytes, uint8_t *out)
{
	bool done = i->is_zstd ? run_zstd(i, in_bytes, out)
			       : run_zlib(i, in_bytes, out);

	return done ? 0 : -EIO;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Disks of an NBD server, by libnbd: finding out what it serves. */
/*
 * How this works
 *
 * libnbd is loaded when a disk is given by a URI. The first connection is made
 * when the disk is opened, so that a server that does not answer is an error
 * before the guest starts; the first queue takes it over, and each other one
 * has a connection of its own. A server that does not keep a flush on one
 * connection valid for the others (multi-conn) gets one queue.
 *
 * A connection that breaks is not made again: what is under way, and all that
 * comes later, fails with EIO (nbd_queue.c).
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "src/block/nbd.h"

enum {
	CONNECT_S = 10,
	POLL_MS = 100,
	MAX_QUEUES = 64,
	MAX_BLOCK = 4096,
	MAX_COMMAND = 32 << 20, /* what any server takes */
};

bool path_is_nbd(const char *path)
{
	static const char *const schemes[] = { "nbd://", "nbd+unix://",
					       "nbds://", "nbds+unix://" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (!strncmp(path, schemes[i], strlen(schemes[i])))
			return true;
	return false;
}

static int load_library(struct block *b, struct err *e)
{
	struct nbd_disk *d = nbd_of(b);
	const struct {
		const char *name;
		void *to;
	} symbols[] = {
#define X(name) { "nbd_" #name, &d->api.name },
		NBD_FUNCTIONS(X)
#undef X
	};

	d->library = dlopen("libnbd.so.0", RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; i < ARRAY_SIZE(symbols) && d->library; i++) {
		void *at = dlsym(d->library, symbols[i].name);

		if (!at) {
			dlclose(d->library);
			d->library = NULL;
			break;
		}
		memcpy(symbols[i].to, &at, sizeof(at));
	}
	if (d->library)
		return 0;
	err_set(e, ENOENT, "%s: NBD needs libnbd.so.0, which cannot be loaded",
		b->path);
	err_hint(e, "apt install libnbd0");
	return -ENOENT;
}

/* libnbd's own words. */
static int complain(const struct block *b, struct err *e)
{
	const struct nbd_api *api = &nbd_of(b)->api;
	int code = api->get_errno();
	const char *text = api->get_error();

	return err_set(e, code > 0 ? code : EIO, "%s: %s", b->path,
		       text ? text : "connect");
}

static int64_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static int wait_ready(const struct block *b, struct nbd_handle *h,
		      struct err *e)
{
	const struct nbd_api *api = &nbd_of(b)->api;
	int64_t end = now_s() + CONNECT_S;

	while (!api->aio_is_ready(h)) {
		if (api->poll(h, POLL_MS) < 0)
			return complain(b, e);
		if (api->aio_is_dead(h) || api->aio_is_closed(h))
			return err_set(e, ECONNRESET,
				       "%s: the server closed the connection",
				       b->path);
		if (now_s() > end)
			return err_set(
				e, ETIMEDOUT,
				"%s: the server did not answer for %d seconds",
				b->path, CONNECT_S);
	}
	return 0;
}

int nbd_connect(struct block *b, struct nbd_handle **out, struct err *e)
{
	const struct nbd_api *api = &nbd_of(b)->api;
	struct nbd_handle *h = api->create();
	int ret;

	*out = NULL;
	if (!h)
		return complain(b, e);
	/* What a server leaves out stays in the guest's own memory. */
	api->set_pread_initialize(h, false);
	api->set_uri_allow_local_file(h, true);
	ret = api->aio_connect_uri(h, b->path) ? complain(b, e)
					       : wait_ready(b, h, e);
	if (ret)
		api->close(h);
	else
		*out = h;
	return ret;
}

static uint32_t block_size(const struct nbd_disk *d, int type)
{
	int64_t n = d->api.get_block_size(d->first, type);

	return n > 0 && n <= MAX_COMMAND && is_pow2((uint64_t)n) ? (uint32_t)n
								 : 0;
}

static void describe(struct block *b, int64_t bytes)
{
	struct nbd_disk *d = nbd_of(b);
	struct block_info *i = &b->info;
	uint32_t minimum = block_size(d, LIBNBD_SIZE_MINIMUM);
	uint32_t preferred = block_size(d, LIBNBD_SIZE_PREFERRED);

	i->format = BLOCK_FORMAT_RAW;
	i->logical_block = minimum > BLOCK_SECTOR ? minimum : BLOCK_SECTOR;
	i->bytes = align_down((uint64_t)bytes, i->logical_block);
	i->physical_block = preferred > i->logical_block && preferred <= 65536
				    ? preferred
				    : i->logical_block;
	i->can_discard = !i->readonly && d->api.can_trim(d->first) > 0;
	i->can_write_zeroes = !i->readonly && d->api.can_zero(d->first) > 0;
	if (i->can_discard)
		i->discard_granularity = i->physical_block;
	if (i->can_discard || i->can_write_zeroes)
		i->max_discard_bytes = GIB(1);
	i->max_queues = d->api.can_multi_conn(d->first) > 0 ? MAX_QUEUES : 1;
	d->can_flush = d->api.can_flush(d->first) > 0;
	d->max_bytes = block_size(d, LIBNBD_SIZE_MAXIMUM);
	if (!d->max_bytes)
		d->max_bytes = MAX_COMMAND;
}

static int look_at_export(struct block *b, struct err *e)
{
	const struct nbd_disk *d = nbd_of(b);
	int64_t bytes = d->api.get_size(d->first);
	int ret;

	if (bytes < 0)
		return complain(b, e);
	if (!b->info.readonly && d->api.is_read_only(d->first) > 0) {
		ret = err_set(e, EROFS,
			      "%s: the server lets nobody write to it",
			      b->path);
		err_hint(e, "use readonly=on");
		return ret;
	}
	describe(b, bytes);
	if (b->info.logical_block > MAX_BLOCK)
		return err_set(e, ENOTSUP,
			       "%s: has blocks of %u bytes, more than %d",
			       b->path, b->info.logical_block, MAX_BLOCK);
	if (!b->info.bytes)
		return err_set(e, EINVAL, "%s: is empty, so there is no disk",
			       b->path);
	return 0;
}

static int nbd_close_disk(struct block *b)
{
	struct nbd_disk *d = nbd_of(b);

	if (d->first)
		d->api.close(d->first);
	if (d->library)
		dlclose(d->library);
	free(d);
	return 0;
}

/* All goes through the queue. */
static const struct format_ops nbd_format_ops = { .close = nbd_close_disk };

int nbd_open(struct block *b, const struct block_options *o, struct err *e)
{
	int ret;

	if (o->format == BLOCK_FORMAT_QCOW2)
		return err_set(
			e, ENOTSUP,
			"%s: format=qcow2 needs a file; an NBD server reads its image itself",
			b->path);
	b->state = calloc(1, sizeof(struct nbd_disk));
	if (!b->state)
		return err_set(e, ENOMEM, "%s: no memory", b->path);
	b->format = &nbd_format_ops;
	b->queue = &nbd_queue_ops;
	ret = load_library(b, e);
	if (!ret)
		ret = nbd_connect(b, &nbd_of(b)->first, e);
	return ret ? ret : look_at_export(b, e);
}

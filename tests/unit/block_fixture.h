/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of src/block share: a folder, images, requests one at a time, and
 * random ones beside a model in memory. */
#ifndef STRAIT_TESTS_BLOCK_FIXTURE_H
#define STRAIT_TESTS_BLOCK_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/block/block.h"
#include "src/core/loop.h"
#include "tests/tap.h"

static struct loop loop;
static struct err err;
static char dir[64];
static struct block *disk;
static struct block_queue *queue;
static struct block_options options;

/* where: "/tmp", or "/dev/shm" for tests that no disk has to take part in. */
__attribute__((unused)) static void fixture_begin_in(const char *where)
{
	snprintf(dir, sizeof(dir), "%s/strait-block-XXXXXX", where);
	if (!mkdtemp(dir) || loop_init(&loop, &err))
		abort();
}

__attribute__((unused)) static void fixture_begin(void)
{
	fixture_begin_in("/tmp");
}

/* A shell command. The status of the last one. */
__attribute__((unused, format(printf, 1, 2))) static int run(const char *fmt,
							     ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	fflush(stdout);
	return system(command); /* NOLINT: of our own text */
}

__attribute__((unused)) static void fixture_end(void)
{
	loop_fini(&loop);
	run("rm -rf %s", dir);
}

__attribute__((unused)) static const char *in_dir(const char *name)
{
	static char paths[8][128];
	static unsigned int n;
	char *path = paths[n++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

__attribute__((unused)) static void make_file(const char *name, uint64_t bytes)
{
	int fd = open(in_dir(name), O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)bytes))
		abort();
	close(fd);
}

/* What opens with the options; the rest of them is kept. */
__attribute__((unused)) static int disk_open(const char *name)
{
	int ret;

	memset(&err, 0, sizeof(err));
	options.path = in_dir(name);
	ret = block_open(&options, &disk, &err);
	if (!ret)
		ret = block_queue_open(disk, &loop, 16, &queue, &err);
	return ret;
}

__attribute__((unused)) static int disk_close(void)
{
	int ret;

	block_queue_close(queue);
	ret = block_close(disk);
	disk = NULL;
	queue = NULL;
	return ret;
}

struct one {
	struct block_req req;
	struct iovec iov;
	bool is_done;
	int ret;
};

__attribute__((unused)) static void one_done(struct block_req *r, int ret)
{
	struct one *o = CONTAINER_OF(r, struct one, req);

	o->is_done = true;
	o->ret = ret;
}

/* One request, from beginning to end. */
__attribute__((unused)) static int disk_do(enum block_op op, void *buf,
					   uint64_t offset, uint64_t bytes)
{
	struct one o = { .req = { .op = op,
				  .may_unmap = true,
				  .offset = offset,
				  .bytes = bytes,
				  .nr_iov = 1,
				  .done = one_done },
			 .iov = { buf, bytes } };

	o.req.iov = &o.iov;
	block_submit(queue, &o.req);
	if (o.is_done)
		abort();
	block_kick(queue);
	block_queue_drain(queue);
	if (!o.is_done)
		abort();
	return o.ret;
}

/* Random places of the disk are read by the loop, depth at once. */
struct loop_reader {
	struct block_req req;
	struct iovec iov;
	uint8_t buf[4096];
};

static unsigned int loop_left, loop_busy, loop_failed;

static void loop_reader_next(struct loop_reader *r)
{
	static uint64_t at;

	loop_left--;
	loop_busy++;
	r->req.offset = at++ * 28672 % (block_info(disk)->bytes / 4096 * 4096);
	block_submit(queue, &r->req);
	block_kick(queue);
}

static void loop_reader_done(struct block_req *req, int ret)
{
	loop_busy--;
	loop_failed += ret != 0;
	if (loop_left)
		loop_reader_next(CONTAINER_OF(req, struct loop_reader, req));
	else if (!loop_busy)
		loop_stop(&loop);
}

/* How many of nr failed. */
__attribute__((unused)) static unsigned int loop_reads(unsigned int nr)
{
	static struct loop_reader readers[24];

	loop_left = nr;
	loop_busy = loop_failed = 0;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		struct loop_reader *r = &readers[i];

		r->iov = (struct iovec){ r->buf, sizeof(r->buf) };
		r->req = (struct block_req){ .op = BLOCK_READ,
					     .bytes = sizeof(r->buf),
					     .iov = &r->iov,
					     .nr_iov = 1,
					     .done = loop_reader_done };
		loop_reader_next(r);
	}
	loop_run(&loop, &err);
	loop.stopping = false;
	return loop_failed + loop_left + loop_busy;
}

__attribute__((unused)) static bool is_filled(const uint8_t *p, uint64_t n,
					      uint8_t with)
{
	for (uint64_t i = 0; i < n; i++)
		if (p[i] != with)
			return false;
	return true;
}

/* --- random operations, several at once, beside a model --- */

enum { MODEL_REQS = 12, MODEL_MAX = 96 * 1024, MODEL_IOV = 5 };

struct model_req {
	struct block_req req;
	struct iovec iov[MODEL_IOV];
	uint8_t *buf; /* MODEL_MAX and room to be misaligned */
	bool is_busy;
};

static struct model {
	uint8_t *bytes;
	uint64_t size;
	uint64_t seed;
	struct model_req reqs[MODEL_REQS];
	unsigned int nr_wrong, nr_failed;
	bool is_wild; /* requests may overlap, so nothing is compared */
} model;

static uint32_t model_random(void)
{
	model.seed = model.seed * 6364136223846793005ULL + 1442695040888963407;
	return (uint32_t)(model.seed >> 33);
}

static void model_done(struct block_req *r, int ret)
{
	struct model_req *m = CONTAINER_OF(r, struct model_req, req);

	m->is_busy = false;
	model.nr_failed += ret != 0;
	if (r->op != BLOCK_READ || ret || model.is_wild)
		return;
	for (uint64_t i = 0, at = 0; i < r->nr_iov; at += r->iov[i++].iov_len)
		model.nr_wrong +=
			memcmp(r->iov[i].iov_base, model.bytes + r->offset + at,
			       r->iov[i].iov_len) != 0;
}

static bool model_overlaps(const struct block_req *r)
{
	for (int i = 0; i < MODEL_REQS; i++) {
		const struct block_req *o = &model.reqs[i].req;

		if (model.reqs[i].is_busy && o->op != BLOCK_FLUSH &&
		    o->offset < r->offset + r->bytes &&
		    r->offset < o->offset + o->bytes)
			return true;
	}
	return false;
}

/* Cuts the buffer into pieces of sectors, which lie at odd places at times. */
static void model_cut(struct model_req *m)
{
	uint64_t left = m->req.bytes;
	uint8_t *at = m->buf + (model_random() % 2 ? 0 : 8);
	unsigned int n = 0;

	while (left && n < MODEL_IOV) {
		uint64_t len = BLOCK_SECTOR * (1 + model_random() % 40);

		if (len > left || n == MODEL_IOV - 1)
			len = left;
		m->iov[n++] = (struct iovec){ at, len };
		at += len;
		left -= len;
	}
	m->req.iov = m->iov;
	m->req.nr_iov = n;
}

static void model_apply(struct model_req *m)
{
	struct block_req *r = &m->req;
	uint64_t at = r->offset;

	if (r->op == BLOCK_WRITE) {
		for (unsigned int i = 0; i < r->nr_iov; i++) {
			uint8_t *p = r->iov[i].iov_base;

			for (size_t k = 0; k < r->iov[i].iov_len; k += 64)
				put_le(p + k, model_random(), 4);
			memcpy(model.bytes + at, p, r->iov[i].iov_len);
			at += r->iov[i].iov_len;
		}
	} else if (r->op == BLOCK_WRITE_ZEROES) {
		memset(model.bytes + at, 0, r->bytes);
	}
}

static void model_choose(struct model_req *m)
{
	static const enum block_op ops[] = {
		BLOCK_READ,  BLOCK_READ,  BLOCK_READ,	 BLOCK_WRITE,
		BLOCK_WRITE, BLOCK_WRITE, BLOCK_DISCARD, BLOCK_WRITE_ZEROES,
	};
	struct block_req *r = &m->req;
	uint64_t sectors = model.size / BLOCK_SECTOR;

	*r = (struct block_req){ .done = model_done };
	r->op = model_random() % 32 ? ops[model_random() % ARRAY_SIZE(ops)]
				    : BLOCK_FLUSH;
	if (r->op == BLOCK_FLUSH)
		return;
	r->may_unmap = model_random() % 2;
	r->offset = model_random() % sectors;
	r->bytes = 1 + model_random() % (MODEL_MAX / BLOCK_SECTOR);
	if (model_random() % 2)
		r->bytes = 1 + r->bytes % 8;
	if (r->bytes > sectors - r->offset)
		r->bytes = sectors - r->offset;
	r->offset *= BLOCK_SECTOR;
	r->bytes *= BLOCK_SECTOR;
}

/* One more request, at a free place; or waits for all. */
static void model_step(void)
{
	struct model_req *m = &model.reqs[model_random() % MODEL_REQS];

	if (m->is_busy) {
		block_queue_drain(queue);
		return;
	}
	model_choose(m);
	while (m->req.op != BLOCK_FLUSH && !model.is_wild &&
	       model_overlaps(&m->req))
		block_queue_drain(queue);
	if (m->req.op == BLOCK_READ || m->req.op == BLOCK_WRITE)
		model_cut(m);
	/* What a discard leaves is read back when nothing else is done. */
	if (m->req.op == BLOCK_DISCARD && !model.is_wild) {
		block_queue_drain(queue);
		model.nr_failed += disk_do(BLOCK_DISCARD, NULL, m->req.offset,
					   m->req.bytes) != 0;
		model.nr_failed +=
			disk_do(BLOCK_READ, model.bytes + m->req.offset,
				m->req.offset, m->req.bytes) != 0;
		return;
	}
	model_apply(m);
	m->is_busy = true;
	block_submit(queue, &m->req);
	block_kick(queue);
}

/* The open disk becomes the model. */
__attribute__((unused)) static int model_begin(uint64_t seed)
{
	model.seed = seed;
	model.size = block_info(disk)->bytes;
	model.nr_wrong = model.nr_failed = 0;
	free(model.bytes);
	model.bytes = malloc(model.size);
	for (int i = 0; i < MODEL_REQS; i++) {
		if (!model.reqs[i].buf &&
		    posix_memalign((void **)&model.reqs[i].buf, 4096,
				   MODEL_MAX + 4096))
			abort();
		memset(model.reqs[i].buf, i, MODEL_MAX);
	}
	return disk_do(BLOCK_READ, model.bytes, 0, model.size);
}

__attribute__((unused)) static void model_run(unsigned int steps)
{
	while (steps--)
		model_step();
	block_queue_drain(queue);
}

/* Is all of the disk as the model says? */
__attribute__((unused)) static bool model_holds(void)
{
	uint8_t *now = malloc(model.size);
	bool same = disk_do(BLOCK_READ, now, 0, model.size) == 0 &&
		    !memcmp(now, model.bytes, model.size);

	free(now);
	return same && !model.nr_wrong && !model.nr_failed;
}

#endif

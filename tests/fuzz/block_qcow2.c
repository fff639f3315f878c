// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzz: a qcow2 image whose every byte may be hostile, then some requests. */
/*
 * How this works
 *
 * Input: a byte of options, a byte that says how many requests follow, so many
 * records {op, flags, offset, length} of 8 bytes, and the image. It is put into
 * a memory file, which an image may also name as the one that it is based on
 * (that is refused, or ends with the chain). A thread does the I/O, since a new
 * io_uring for each input would be most of the work.
 *
 * Nothing may crash, hang or take memory without bound. What a write put onto
 * the disk must be read back as long as no request failed: also a damaged image
 * must not change below a guest in silence, unless two of its entries name one
 * cluster, which the fuzzer cannot tell; so only an image that the fuzzer made
 * from a sound one by no change at all is checked for that.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "src/base/log.h"
#include "src/block/block.h"
#include "src/core/loop.h"
#include "tests/unit/block_image.h"

enum { OPT_READONLY = 1, OPT_SOUND = 2 };
enum { RECORD = 8, MAX_REQS = 16, MAX_BYTES = 128 << 10 };

struct target {
	struct block *disk;
	struct block_queue *queue;
	struct loop loop;
	uint8_t *bytes; /* of a request */
	int ret;
	bool is_done;
};

static struct target target;
static uint8_t model[IMAGE_DISK];

static void req_done(struct block_req *r, int ret)
{
	(void)r;
	target.is_done = true;
	target.ret = ret;
}

static int do_req(struct block_req *r)
{
	struct iovec iov = { target.bytes, r->bytes };

	r->iov = &iov;
	r->nr_iov = 1;
	r->done = req_done;
	target.is_done = false;
	block_submit(target.queue, r);
	block_queue_drain(target.queue);
	BUG_ON(!target.is_done);
	return target.ret;
}

static void keep_model(const struct block_req *r)
{
	if (r->op == BLOCK_WRITE)
		memcpy(model + r->offset, target.bytes, r->bytes);
	else if (r->op == BLOCK_WRITE_ZEROES)
		memset(model + r->offset, 0, r->bytes);
	else if (r->op == BLOCK_READ)
		BUG_ON(memcmp(model + r->offset, target.bytes, r->bytes) != 0);
}

/* Whole clusters become zeroes, for there is nothing below. */
static void model_discard(const struct block_req *r)
{
	uint64_t start = align_up(r->offset, IMAGE_CLUSTER);
	uint64_t end = align_down(r->offset + r->bytes, IMAGE_CLUSTER);

	if (r->op == BLOCK_DISCARD && start < end)
		memset(model + start, 0, end - start);
}

static void run_record(const uint8_t *record, bool is_sound)
{
	uint64_t sectors = block_info(target.disk)->bytes / BLOCK_SECTOR;
	struct block_req r = { .op = record[0] % BLOCK_NR_OPS,
			       .may_unmap = record[1] & 1 };
	int ret;

	r.offset = get_le(record + 2, 4);
	/* Near the end, at times. */
	if (record[1] & 2)
		r.offset = sectors - 1 - r.offset % 64 % sectors;
	r.offset = r.offset % sectors * BLOCK_SECTOR;
	r.bytes = get_le(record + 6, 2) * BLOCK_SECTOR;
	if (r.bytes > MAX_BYTES)
		r.bytes %= MAX_BYTES;
	if (r.bytes > sectors * BLOCK_SECTOR - r.offset)
		r.bytes = sectors * BLOCK_SECTOR - r.offset;
	memset(target.bytes, record[0] ^ record[7], r.bytes);
	ret = do_req(&r);
	if (!is_sound)
		return;
	BUG_ON(ret && ret != -EROFS);
	if (!ret) {
		keep_model(&r);
		model_discard(&r);
	}
}

static void run_all(const uint8_t *data, unsigned int nr, bool is_sound)
{
	struct err e = { 0 };

	if (loop_init(&target.loop, &e))
		abort();
	if (block_queue_open(target.disk, &target.loop, 4, &target.queue, &e))
		abort();
	for (unsigned int i = 0; i < nr; i++)
		run_record(data + (size_t)i * RECORD, is_sound);
	block_queue_close(target.queue);
	loop_fini(&target.loop);
}

static int make_file(const uint8_t *image, size_t size, bool is_sound)
{
	static uint8_t sound[IMAGE_BYTES];
	int fd = memfd_create("image", MFD_CLOEXEC);

	image_make(sound);
	if (is_sound) {
		image = sound;
		size = sizeof(sound);
		memset(model, 0, sizeof(model));
		memset(model, 0xda, IMAGE_CLUSTER);
	}
	if (fd < 0 || write(fd, image, size) != (ssize_t)size)
		abort();
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct block_options o = { .format = BLOCK_FORMAT_QCOW2,
				   .no_uring = true };
	struct err e = { 0 };
	bool is_sound;
	unsigned int nr;
	size_t at;
	char path[64];
	int fd;

	if (size < 2)
		return 0;
	is_sound = data[0] & OPT_SOUND;
	o.readonly = data[0] & OPT_READONLY;
	nr = data[1] % (MAX_REQS + 1);
	at = 2 + (size_t)nr * RECORD;
	if (size < at)
		return 0;
	log_set_level(LOG_ERROR);
	if (!target.bytes)
		target.bytes = malloc(MAX_BYTES);
	fd = make_file(data + at, size - at, is_sound);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	o.path = path;
	if (!block_open(&o, &target.disk, &e)) {
		run_all(data + 2, nr, is_sound);
		block_close(target.disk);
	} else {
		BUG_ON(is_sound || !e.msg[0]);
	}
	close(fd);
	return 0;
}

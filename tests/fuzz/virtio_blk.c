// SPDX-License-Identifier: GPL-2.0-or-later
/* libFuzzer target: what a guest can ask of a disk. */
/*
 * How this works: a raw image of 1 MiB with two queues, served by an I/O thread
 * as a guest's is. Each request comes back, whatever it holds, or the device
 * asks for a reset; the image never grows.
 */
#include <sys/stat.h>

#include "tests/fuzz/virtio.h"
#include "virtio/blk.h"

enum { DISK_BYTES = 1 << 20, NR_QUEUES = 2 };

static struct fuzz_virtio f;
static int image;

static void make(struct virtio_blk *blk)
{
	static char path[] = "/tmp/strait-fuzz-XXXXXX";
	const struct block_options options = { .path = path };
	const struct virtio_blk_setup setup = { .name = "disk",
						.serial = "S",
						.nr_queues = NR_QUEUES };
	static struct block *block;
	struct err e = { 0 };

	image = mkstemp(path);
	must(image >= 0 && !ftruncate(image, DISK_BYTES));
	fuzz_init(&f);
	f.has_thread = true;
	f.all_back = (1U << NR_QUEUES) - 1;
	must(!block_open(&options, &block, &e));
	unlink(path);
	must(!virtio_blk_init(blk, &setup, block, &f.v.env, &e));
	fuzz_plug(&f, &blk->dev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct virtio_blk blk;
	struct stat st;

	if (!f.dev)
		make(&blk);
	fuzz_play(&f, data, len);
	must(!fstat(image, &st) && st.st_size == DISK_BYTES);
	return 0;
}

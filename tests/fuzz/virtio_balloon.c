// SPDX-License-Identifier: GPL-2.0-or-later
/* libFuzzer target: pages that a guest gives to the balloon, or reports. */
#include <sys/mman.h>

#include "tests/fuzz/virtio.h"
#include "virtio/balloon.h"

static struct fuzz_virtio f;

/* In place of the kernel: nothing but whole pages of RAM may go to the host. */
int madvise(void *addr, size_t len, int advice)
{
	const uint8_t *at = addr, *end = f.v.ram.bytes + FAKE_RAM_LEN;

	must(advice == MADV_REMOVE);
	must((uintptr_t)at % 4096 == 0 && len && len % 4096 == 0);
	must(at >= f.v.ram.bytes && at < end && len <= (size_t)(end - at));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct virtio_balloon balloon;
	const struct virtio_balloon_setup s = { .name = "balloon",
						.bytes = 64 << 10,
						.deflate_on_oom = true,
						.reporting = true };
	struct err e = { 0 };

	if (!f.dev) {
		fuzz_init(&f);
		f.all_back = 7;
		must(!virtio_balloon_init(&balloon, &s, &f.v.env, &e));
		fuzz_plug(&f, &balloon.dev);
	}
	fuzz_play(&f, data, len);
	return 0;
}

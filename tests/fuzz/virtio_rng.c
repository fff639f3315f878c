// SPDX-License-Identifier: GPL-2.0-or-later
/* libFuzzer target: what a guest can ask of the entropy device. */
#include "tests/fuzz/virtio.h"
#include "virtio/rng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct fuzz_virtio f;
	static struct virtio_rng rng;
	struct err e = { 0 };

	if (!f.dev) {
		fuzz_init(&f);
		f.all_back = 1;
		/* Random bytes take long, and these do as well. */
		must(!virtio_rng_init(&rng, "rng", "/dev/zero", &f.v.env, &e));
		fuzz_plug(&f, &rng.dev);
	}
	fuzz_play(&f, data, len);
	return 0;
}

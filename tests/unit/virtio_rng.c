// SPDX-License-Identifier: GPL-2.0-or-later
/* The entropy device. */
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "tests/fake/virtio.h"
#include "tests/tap.h"
#include "virtio/rng.h"

static struct fake_virtio v;
static struct virtio_rng rng;

static void setup(void)
{
	struct err e = { 0 };

	fake_virtio_init(&v);
	CHECK_EQ(virtio_rng_init(&rng, "rng0", "/dev/urandom", &v.env, &e), 0);
	fake_virtio_plug(&v, &rng.dev);
}

static void teardown(void)
{
	fake_virtio_unplug(&v);
	virtio_rng_fini(&rng);
	fake_virtio_fini(&v);
}

static void buffers_are_filled_whole(void)
{
	const struct fake_buf bufs[] = {
		{ FAKE_DATA_GPA, 1000, true },
		{ FAKE_DATA_GPA + 0x1000, 1000, true },
	};
	static const uint8_t zeroes[16];

	setup();
	fake_virtio_start(&v, 1ULL << VIRTIO_F_RING_PACKED, 1, 16);
	CHECK_EQ(fake_virtio_request(&v, 0, bufs, 2), 2000);
	for (unsigned int i = 0; i < 62; i++) {
		uint8_t *at = v.ram.bytes + FAKE_DATA_GPA + i * 16;

		CHECK(memcmp(at, zeroes, 16));
		CHECK(memcmp(at + 0x1000, zeroes, 16));
	}
	CHECK_EQ(v.ram.bytes[FAKE_DATA_GPA + 1000], 0);
	teardown();
}

/* More than a round of one kick, and nobody kicks again. */
static void much_is_served_by_one_kick(void)
{
	const struct fake_buf big = { FAKE_DATA_GPA, 1 << 20, true };
	uint16_t id;
	uint32_t len;

	setup();
	fake_virtio_start(&v, 1ULL << VIRTIO_RING_F_EVENT_IDX, 1, 16);
	for (unsigned int i = 0; i < 16; i++)
		fake_ring_add(&v.rings[0], &big, 1, false);
	fake_virtio_kick(&v, 0);
	for (unsigned int i = 0; i < 16; i++) {
		CHECK(fake_virtio_used(&v, 0, &id, &len));
		CHECK_EQ(len, 1 << 20);
	}
	teardown();
}

static void readable_buffer_gets_nothing(void)
{
	const struct fake_buf out = { FAKE_DATA_GPA, 100, false };

	setup();
	fake_virtio_start(&v, 0, 1, 16);
	CHECK_EQ(fake_virtio_request(&v, 0, &out, 1), 0);
	CHECK_EQ(v.ram.bytes[FAKE_DATA_GPA], 0);
	teardown();
}

static void source_that_is_not_there_is_named(void)
{
	struct err e = { 0 };

	fake_virtio_init(&v);
	CHECK(virtio_rng_init(&rng, "rng0", "/nowhere/random", &v.env, &e) < 0);
	CHECK_HAS(e.msg, "/nowhere/random");
	virtio_rng_fini(&rng);
	fake_virtio_fini(&v);
}

int main(void)
{
	TAP_RUN(buffers_are_filled_whole);
	TAP_RUN(much_is_served_by_one_kick);
	TAP_RUN(readable_buffer_gets_nothing);
	TAP_RUN(source_that_is_not_there_is_named);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The memory balloon, on RAM that is a file as a guest's is. */
#include <linux/virtio_balloon.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fake/virtio.h"
#include "tests/tap.h"
#include "virtio/balloon.h"

enum { INFLATE, DEFLATE, REPORTING, PAGE = 4096, FIRST = 0x300 /* page */ };

static struct fake_virtio v;
static struct virtio_balloon balloon;
static int fd;

static void setup(void)
{
	const struct virtio_balloon_setup s = { .name = "balloon0",
						.bytes = 64 * PAGE,
						.reporting = true };
	struct err e = { 0 };

	fake_virtio_init(&v);
	fd = memfd_create("ram", MFD_CLOEXEC);
	CHECK_EQ(ftruncate(fd, FAKE_RAM_LEN), 0);
	CHECK(mmap(v.ram.bytes, FAKE_RAM_LEN, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
	memset(v.ram.bytes + FIRST * PAGE, 0x77, 64 * PAGE);
	CHECK_EQ(virtio_balloon_init(&balloon, &s, &v.env, &e), 0);
	fake_virtio_plug(&v, &balloon.dev);
	fake_virtio_start(&v, 1ULL << VIRTIO_BALLOON_F_REPORTING, 3, 16);
}

static void teardown(void)
{
	fake_virtio_unplug(&v);
	virtio_balloon_fini(&balloon);
	fake_virtio_fini(&v);
	close(fd);
}

/* Pages of the file that take memory. */
static uint64_t pages_held(void)
{
	struct stat st;

	CHECK_EQ(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512 / PAGE;
}

static void list_pages(const uint32_t *pfns, unsigned int nr)
{
	const struct fake_buf b = { FAKE_DATA_GPA, nr * 4, false };

	memcpy(v.ram.bytes + FAKE_DATA_GPA, pfns, nr * sizeof(*pfns));
	fake_virtio_request(&v, INFLATE, &b, 1);
}

static void listed_pages_go_to_the_host(void)
{
	/* In a row, alone, and in the wrong order. */
	static const uint32_t pfns[] = { FIRST,	     FIRST + 1, FIRST + 2,
					 FIRST + 10, FIRST + 8, FIRST + 7 };
	uint64_t before;

	setup();
	CHECK_EQ(fake_virtio_config(&v, 0, 4), 64);
	v.ram.bytes[FAKE_DATA_GPA] = 1;
	before = pages_held();
	list_pages(pfns, 6);
	CHECK_EQ(pages_held(), before - 6);
	CHECK_EQ(balloon.given_bytes, 6 * PAGE);
	CHECK_EQ(v.ram.bytes[(FIRST + 8) * PAGE], 0);
	CHECK_EQ(v.ram.bytes[(FIRST + 9) * PAGE], 0x77);
	teardown();
}

static void pages_that_are_no_ram_are_passed_over(void)
{
	static const uint32_t pfns[] = { FAKE_RAM_LEN / PAGE - 1,
					 FAKE_RAM_LEN / PAGE,
					 UINT32_MAX,
					 UINT32_MAX - 1,
					 FIRST,
					 FIRST };
	uint64_t before;

	setup();
	v.ram.bytes[FAKE_DATA_GPA] = 1;
	v.ram.bytes[FAKE_RAM_LEN - 1] = 1;
	before = pages_held();
	list_pages(pfns, 6);
	CHECK_EQ(pages_held(), before - 2);
	teardown();
}

static void reported_pages_go_whole_ones_alone(void)
{
	const struct fake_buf bufs[] = {
		{ (FIRST + 16) * PAGE, 4 * PAGE, true },
		{ (FIRST + 32) * PAGE + 1, 2 * PAGE, true }, /* one of it */
		{ (FIRST + 48) * PAGE, PAGE - 1, true },     /* none */
	};
	uint64_t before;

	setup();
	before = pages_held();
	fake_virtio_request(&v, REPORTING, bufs, 3);
	CHECK_EQ(pages_held(), before - 5);
	CHECK_EQ(v.ram.bytes[(FIRST + 32) * PAGE], 0x77);
	CHECK_EQ(v.ram.bytes[(FIRST + 33) * PAGE], 0);
	CHECK_EQ(v.ram.bytes[(FIRST + 48) * PAGE], 0x77);
	teardown();
}

int main(void)
{
	TAP_RUN(listed_pages_go_to_the_host);
	TAP_RUN(pages_that_are_no_ram_are_passed_over);
	TAP_RUN(reported_pages_go_whole_ones_alone);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The block device, between a driver's rings and a raw image. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fake/virtio.h"
#include "tests/tap.h"
#include "virtio/blk.h"

enum { SECTORS = 2048, HEADER = FAKE_DATA_GPA, STATUS = HEADER + 64 };
#define DATA (FAKE_DATA_GPA + 4096u)

static struct fake_virtio v;
static struct virtio_blk blk;
static struct block *block;
static char small[] = "/tmp/strait-small-XXXXXX"; /* where little fits */
static char path[64], filler[64];

static void setup_in(const char *dir, bool readonly,
		     enum blk_on_enospc on_enospc)
{
	const struct block_options options = { .path = path,
					       .readonly = readonly };
	const struct virtio_blk_setup s = { .name = "disk0",
					    .serial = "S123",
					    .nr_queues = readonly ? 1 : 2,
					    .on_enospc = on_enospc };
	struct err e = { 0 };
	int fd;

	snprintf(path, sizeof(path), "%s/strait-blk-XXXXXX", dir);
	fd = mkstemp(path);
	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, SECTORS * 512), 0);
	close(fd);
	fake_virtio_init(&v);
	CHECK_EQ(block_open(&options, &block, &e), 0);
	CHECK_EQ(virtio_blk_init(&blk, &s, block, &v.env, &e), 0);
	fake_virtio_plug(&v, &blk.dev);
}

static void setup(void)
{
	setup_in("/tmp", false, BLK_ENOSPC_REPORT);
}

static void teardown(void)
{
	fake_virtio_unplug(&v);
	virtio_blk_fini(&blk);
	block_close(block);
	fake_virtio_fini(&v);
	unlink(path);
}

static void start(uint64_t features)
{
	fake_virtio_start(&v, features | 1ULL << VIRTIO_BLK_F_FLUSH, 1, 64);
}

static void put_header(uint32_t type, uint64_t sector)
{
	put_le(v.ram.bytes + HEADER, type, 4);
	put_le(v.ram.bytes + HEADER + 4, 0, 4);
	put_le(v.ram.bytes + HEADER + 8, sector, 8);
	v.ram.bytes[STATUS] = 0x55;
}

/* A request with len bytes of data at DATA; its status. */
static uint8_t request(uint32_t type, uint64_t sector, uint32_t len)
{
	bool is_in = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	const struct fake_buf bufs[] = {
		{ HEADER, 16, false },
		{ len ? DATA : STATUS, len ? len : 1, len ? is_in : true },
		{ STATUS, 1, true },
	};

	put_header(type, sector);
	fake_virtio_request(&v, 0, bufs, len ? 3 : 2);
	return v.ram.bytes[STATUS];
}

static void in_file(void *buf, size_t len, uint64_t sector)
{
	int fd = open(path, O_RDONLY);

	CHECK_EQ(pread(fd, buf, len, (off_t)(sector * 512)), (ssize_t)len);
	close(fd);
}

/* --- transfers --- */

static void what_is_written_is_read_again(void)
{
	uint8_t got[4096];

	setup();
	for (unsigned int kind = 0; kind < 2; kind++) {
		start(kind ? 1ULL << VIRTIO_F_RING_PACKED : 0);
		memset(v.ram.bytes + DATA, (int)(0xa1 + kind), 4096);
		CHECK_EQ(request(VIRTIO_BLK_T_OUT, 100 + kind, 4096), 0);
		in_file(got, 4096, 100 + kind);
		CHECK_EQ(got[0], 0xa1 + kind);
		CHECK_EQ(got[4095], 0xa1 + kind);
		memset(v.ram.bytes + DATA, 0, 4096);
		CHECK_EQ(request(VIRTIO_BLK_T_IN, 100 + kind, 4096), 0);
		CHECK_EQ(v.ram.bytes[DATA + 4095], 0xa1 + kind);
		CHECK_EQ(request(VIRTIO_BLK_T_FLUSH, 0, 0), 0);
	}
	teardown();
}

/* 2.7.4: where header, data and status end is nobody's business but length. */
static void layout_of_buffers_does_not_matter(void)
{
	const struct fake_buf out[] = {
		{ HEADER, 10, false }, { HEADER + 10, 6, false },
		{ DATA, 1000, false }, { DATA + 1000, 24, false },
		{ STATUS, 1, true },
	};
	const struct fake_buf one[] = {
		{ HEADER, 16, false },
		{ DATA, 1025, true },
	};

	setup();
	start(0);
	put_header(VIRTIO_BLK_T_OUT, 7);
	memset(v.ram.bytes + DATA, 0x77, 1024);
	fake_virtio_request(&v, 0, out, 5);
	CHECK_EQ(v.ram.bytes[STATUS], 0);
	put_header(VIRTIO_BLK_T_IN, 7);
	memset(v.ram.bytes + DATA, 0x11, 1025);
	CHECK_EQ(fake_virtio_request(&v, 0, one, 2), 1025);
	CHECK_EQ(v.ram.bytes[DATA + 1023], 0x77);
	CHECK_EQ(v.ram.bytes[DATA + 1024], 0); /* status */
	teardown();
}

static void many_requests_come_back_each_once(void)
{
	static uint8_t seen[64];
	const unsigned int nr = 20;

	setup();
	start(1ULL << VIRTIO_RING_F_EVENT_IDX);
	for (unsigned int round = 0; round < 20; round++) {
		memset(seen, 0, sizeof(seen));
		for (unsigned int i = 0; i < nr; i++) {
			gpa_t base = DATA + i * 0x1000;
			const struct fake_buf bufs[] = {
				{ base, 16, false },
				{ base + 512, 512, false },
				{ base + 1024, 1, true },
			};

			put_le(v.ram.bytes + base, VIRTIO_BLK_T_OUT, 4);
			put_le(v.ram.bytes + base + 8, i, 8);
			memset(v.ram.bytes + base + 512, (int)(i + round), 512);
			fake_ring_add(&v.rings[0], bufs, 3, false);
		}
		fake_virtio_kick(&v, 0);
		for (unsigned int i = 0; i < nr; i++) {
			uint16_t id;
			uint32_t len;

			CHECK(fake_virtio_used(&v, 0, &id, &len));
			CHECK(!seen[id]++);
		}
		for (unsigned int i = 0; i < nr; i++) {
			uint8_t got[512];

			in_file(got, 512, i);
			CHECK_EQ(got[511], (uint8_t)(i + round));
		}
	}
	teardown();
}

/* All fail, which they do together. */
static void requests_that_end_together_are_one_interrupt(void)
{
	const unsigned int nr = 20;
	struct pollfd irq = { .events = POLLIN };
	uint64_t count;

	setup();
	start(0);
	irq.fd = pci_vector_fd(&v.dev->vectors, 1);
	put_header(VIRTIO_BLK_T_IN, SECTORS);
	for (unsigned int i = 0; i < nr; i++) {
		const struct fake_buf bufs[] = {
			{ HEADER, 16, false },
			{ DATA, 512, true },
			{ STATUS, 1, true },
		};

		fake_ring_add(&v.rings[0], bufs, 3, false);
	}
	fake_virtio_kick(&v, 0);
	for (unsigned int i = 0; i < nr; i++) {
		uint16_t id;
		uint32_t len;

		CHECK(fake_virtio_used(&v, 0, &id, &len));
	}
	CHECK_EQ(poll(&irq, 1, 2000), 1);
	CHECK_EQ(read(irq.fd, &count, sizeof(count)), (ssize_t)sizeof(count));
	CHECK_EQ(count, 1);
	teardown();
}

/* --- other requests --- */

static void serial_is_told(void)
{
	setup();
	start(0);
	CHECK_EQ(request(VIRTIO_BLK_T_GET_ID, 0, 20), 0);
	CHECK(!memcmp(v.ram.bytes + DATA, "S123\0", 5));
	CHECK_EQ(v.ram.bytes[DATA + 20], 0);
	teardown();
}

static uint8_t discard(uint32_t type, uint64_t sector, uint32_t nr,
		       uint32_t flags)
{
	put_le(v.ram.bytes + DATA, sector, 8);
	put_le(v.ram.bytes + DATA + 8, nr, 4);
	put_le(v.ram.bytes + DATA + 12, flags, 4);
	return request(type, 0, 16);
}

static void discarded_and_zeroed_sectors_read_as_zeroes(void)
{
	uint8_t got[1024];

	setup();
	start(0);
	memset(v.ram.bytes + DATA, 0x99, 8192);
	CHECK_EQ(request(VIRTIO_BLK_T_OUT, 0, 8192), 0);
	CHECK_EQ(discard(VIRTIO_BLK_T_WRITE_ZEROES, 1, 2, 0), 0);
	in_file(got, 1024, 0);
	CHECK_EQ(got[511], 0x99);
	CHECK_EQ(got[512], 0);
	in_file(got, 512, 3);
	CHECK_EQ(got[0], 0x99);
	CHECK_EQ(discard(VIRTIO_BLK_T_DISCARD, 8, 8, 0), 0);
	CHECK_EQ(discard(VIRTIO_BLK_T_DISCARD, 8, 8, 1), VIRTIO_BLK_S_UNSUPP);
	CHECK_EQ(discard(VIRTIO_BLK_T_WRITE_ZEROES, 8, 8, 2),
		 VIRTIO_BLK_S_UNSUPP);
	CHECK_EQ(discard(VIRTIO_BLK_T_WRITE_ZEROES, SECTORS, 1, 0),
		 VIRTIO_BLK_S_IOERR);
	CHECK_EQ(discard(VIRTIO_BLK_T_WRITE_ZEROES, ~0ULL, 1, 0),
		 VIRTIO_BLK_S_IOERR);
	teardown();
}

static void senseless_requests_fail_and_harm_nothing(void)
{
	setup();
	start(0);
	CHECK_EQ(request(VIRTIO_BLK_T_IN, SECTORS, 512), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(request(VIRTIO_BLK_T_IN, SECTORS - 1, 1024),
		 VIRTIO_BLK_S_IOERR);
	CHECK_EQ(request(VIRTIO_BLK_T_IN, ~0ULL, 512), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(request(VIRTIO_BLK_T_OUT, 1ULL << 55, 512),
		 VIRTIO_BLK_S_IOERR);
	CHECK_EQ(request(VIRTIO_BLK_T_OUT, 0, 511), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, 0), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(request(4711, 0, 512), VIRTIO_BLK_S_UNSUPP);
	CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, 512), 0);
	teardown();
}

static void request_without_status_asks_for_a_reset(void)
{
	const struct fake_buf out[] = { { HEADER, 16, false },
					{ DATA, 512, false } };

	setup();
	start(0);
	put_header(VIRTIO_BLK_T_OUT, 0);
	fake_ring_add(&v.rings[0], out, 2, false);
	fake_virtio_kick(&v, 0);
	CHECK(fake_virtio_needs_reset(&v));
	start(0);
	CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, 512), 0);
	teardown();
}

static void readonly_disk_refuses_writes(void)
{
	setup_in("/tmp", true, BLK_ENOSPC_REPORT);
	start(1ULL << VIRTIO_BLK_F_RO);
	CHECK_EQ(request(VIRTIO_BLK_T_OUT, 0, 512), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, 512), 0);
	teardown();
}

static void configuration_is_that_of_the_image(void)
{
	setup();
	CHECK_EQ(fake_virtio_config(&v, 0, 8), SECTORS);
	CHECK_EQ(fake_virtio_config(&v, 12, 4), BLK_SEG_MAX);
	CHECK_EQ(fake_virtio_config(&v, 20, 4), 512);
	CHECK_EQ(fake_virtio_config(&v, 34, 2), 2); /* queues */
	teardown();
}

/* Requests under way when the driver resets: they end first. */
static void reset_waits_for_what_is_under_way(void)
{
	setup();
	for (unsigned int round = 0; round < 100; round++) {
		start(0);
		for (unsigned int i = 0; i < 20; i++) {
			const struct fake_buf bufs[] = {
				{ HEADER, 16, false },
				{ DATA, 65536, true },
				{ STATUS, 1, true },
			};

			put_header(VIRTIO_BLK_T_IN, 0);
			fake_ring_add(&v.rings[0], bufs, 3, false);
		}
		fake_virtio_kick(&v, 0);
		fake_virtio_write(&v, 20, 1, 0);
		memset(v.ram.bytes + DATA, 0x42, 65536);
		CHECK_EQ(v.ram.bytes[DATA + round], 0x42);
	}
	teardown();
}

/* --- a disk that is full --- */

enum { ROOM = 1 << 20, MORE = 256 << 10 };

/* A file system for the image and something that leaves MORE / 2 of it. */
static bool make_small(void)
{
	uint8_t *zeroes = calloc(1, ROOM);
	bool made =
		mkdtemp(small) && !mount("small", small, "tmpfs", 0, "size=1m");
	int fd;

	snprintf(filler, sizeof(filler), "%s/filler", small);
	fd = made ? open(filler, O_CREAT | O_RDWR, 0600) : -1;
	made = fd >= 0 && write(fd, zeroes, ROOM - MORE / 2) > 0;
	if (fd >= 0)
		close(fd);
	free(zeroes);
	return made;
}

/* Asks for MORE bytes to be written at the image's start. */
static void start_big_write(void)
{
	const struct fake_buf bufs[] = { { HEADER, 16, false },
					 { DATA, MORE, false },
					 { STATUS, 1, true } };

	put_header(VIRTIO_BLK_T_OUT, 0);
	memset(v.ram.bytes + DATA, 0x5c, MORE);
	fake_ring_add(&v.rings[0], bufs, 3, false);
	fake_virtio_kick(&v, 0);
}

static bool comes_back_within(unsigned int ms)
{
	uint32_t len;
	uint16_t id;

	for (; ms; ms--) {
		if (fake_ring_get(&v.rings[0], &id, &len))
			return true;
		usleep(1000);
	}
	return false;
}

static void full_disk_is_reported(void)
{
	setup_in(small, false, BLK_ENOSPC_REPORT);
	start(0);
	start_big_write();
	CHECK(comes_back_within(2000));
	CHECK_EQ(v.ram.bytes[STATUS], VIRTIO_BLK_S_IOERR);
	teardown();
}

static void full_disk_is_waited_for(void)
{
	static uint8_t got[MORE];
	char said[4096] = "";
	int saved = dup(STDERR_FILENO), fds[2];

	setup_in(small, false, BLK_ENOSPC_PAUSE);
	start(0);
	CHECK_EQ(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	start_big_write();
	CHECK(!comes_back_within(2500));
	CHECK_EQ(truncate(filler, 0), 0);
	CHECK(comes_back_within(3000));
	dup2(saved, STDERR_FILENO);
	close(saved);
	/* However often it was tried. */
	CHECK(read(fds[0], said, sizeof(said) - 1) > 0);
	CHECK_HAS(said, "no space left: the guest waits");
	CHECK_EQ(strchr(said, '\n') - said + 1, (long)strlen(said));
	CHECK_EQ(v.ram.bytes[STATUS], VIRTIO_BLK_S_OK);
	in_file(got, MORE, 0);
	CHECK(!memcmp(got, v.ram.bytes + DATA, MORE));
	teardown();
}

/* Others are served meanwhile, and a reset waits for nobody. */
static void reset_ends_what_waits_for_room(void)
{
	setup_in(small, false, BLK_ENOSPC_PAUSE);
	start(0);
	start_big_write();
	CHECK(!comes_back_within(100));
	start(0);
	CHECK_EQ(request(VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
	teardown();
}

int main(void)
{
	TAP_RUN(what_is_written_is_read_again);
	TAP_RUN(layout_of_buffers_does_not_matter);
	TAP_RUN(many_requests_come_back_each_once);
	TAP_RUN(requests_that_end_together_are_one_interrupt);
	TAP_RUN(serial_is_told);
	TAP_RUN(discarded_and_zeroed_sectors_read_as_zeroes);
	TAP_RUN(senseless_requests_fail_and_harm_nothing);
	TAP_RUN(request_without_status_asks_for_a_reset);
	TAP_RUN(readonly_disk_refuses_writes);
	TAP_RUN(configuration_is_that_of_the_image);
	TAP_RUN(reset_waits_for_what_is_under_way);
	if (make_small()) {
		TAP_RUN(full_disk_is_reported);
		TAP_RUN(reset_ends_what_waits_for_room);
		TAP_RUN(full_disk_is_waited_for);
	} else {
		printf("ok %d - full_disk # SKIP may not mount a tmpfs\n",
		       ++tap_nr);
	}
	umount(small);
	rmdir(small);
	return tap_done();
}

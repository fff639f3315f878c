// SPDX-License-Identifier: GPL-2.0-or-later
/* The console device, between a driver's rings and a socket. */
#include <linux/virtio_console.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fake/virtio.h"
#include "tests/tap.h"
#include "virtio/console.h"

enum { RX, TX };

static struct fake_virtio v;
static struct virtio_console console;
static int fds[2]; /* ours, the device's */

static void setup(void)
{
	struct err e = { 0 };

	fake_virtio_init(&v);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	CHECK_EQ(virtio_console_init(&console, "console0", fds[1], &v.env, &e),
		 0);
	fake_virtio_plug(&v, &console.dev);
	fake_virtio_start(&v, 0, 2, 16);
}

static void teardown(void)
{
	fake_virtio_unplug(&v);
	virtio_console_fini(&console);
	fake_virtio_fini(&v);
	close(fds[0]);
	close(fds[1]);
}

static void add_buffer(unsigned int i)
{
	const struct fake_buf b = { FAKE_DATA_GPA + i * 4096, 16, true };

	fake_ring_add(&v.rings[RX], &b, 1, false);
	fake_virtio_kick(&v, RX);
}

static void check_got(unsigned int i, const char *want)
{
	uint16_t id;
	uint32_t len;

	CHECK(fake_virtio_used(&v, RX, &id, &len));
	CHECK_EQ(len, strlen(want));
	CHECK(!memcmp(v.ram.bytes + FAKE_DATA_GPA + i * 4096, want, len));
}

static void input_waits_for_buffers(void)
{
	setup();
	CHECK_EQ(write(fds[0], "hello, this is long", 19), 19);
	usleep(10000);
	add_buffer(0);
	check_got(0, "hello, this is l");
	add_buffer(1);
	check_got(1, "ong");
	add_buffer(2);
	CHECK_EQ(write(fds[0], "x", 1), 1);
	check_got(2, "x");
	teardown();
}

/* Reads len bytes of the guest's; each is checked to be value. */
static void expect(uint8_t value, size_t len)
{
	while (len) {
		struct pollfd p = { .fd = fds[0], .events = POLLIN };
		uint8_t buf[4096];
		ssize_t n;

		CHECK_EQ(poll(&p, 1, 2000), 1);
		n = read(fds[0], buf, len < sizeof(buf) ? len : sizeof(buf));
		CHECK(n > 0);
		CHECK_EQ(buf[0], value);
		CHECK_EQ(buf[n - 1], value);
		len -= (size_t)n;
	}
}

static void output_arrives_in_order(void)
{
	const struct fake_buf bufs[] = { { FAKE_DATA_GPA, 10, false },
					 { FAKE_DATA_GPA + 4096, 20, false } };

	setup();
	for (unsigned int i = 0; i < 50; i++) {
		memset(v.ram.bytes + FAKE_DATA_GPA, (int)i, 10);
		memset(v.ram.bytes + FAKE_DATA_GPA + 4096, (int)i, 20);
		CHECK_EQ(fake_virtio_request(&v, TX, bufs, 2), 0);
		expect((uint8_t)i, 30);
	}
	teardown();
}

/* More than the stream takes, twice: the rest follows when it is read. */
static void output_waits_for_its_reader(void)
{
	const struct fake_buf big = { FAKE_DATA_GPA, 1 << 20, false };
	uint16_t id;
	uint32_t len;

	setup();
	memset(v.ram.bytes + FAKE_DATA_GPA, 0x5a, 1 << 20);
	fake_ring_add(&v.rings[TX], &big, 1, false);
	fake_ring_add(&v.rings[TX], &big, 1, false);
	fake_virtio_kick(&v, TX);
	usleep(20000);
	CHECK(!fake_ring_get(&v.rings[TX], &id, &len));
	expect(0x5a, 2 << 20);
	CHECK(fake_virtio_used(&v, TX, &id, &len));
	CHECK(fake_virtio_used(&v, TX, &id, &len));
	teardown();
}

static void output_without_a_reader_is_lost(void)
{
	const struct fake_buf b = { FAKE_DATA_GPA, 10, false };

	setup();
	shutdown(fds[0], SHUT_RDWR);
	CHECK_EQ(fake_virtio_request(&v, TX, &b, 1), 0);
	CHECK_EQ(fake_virtio_request(&v, TX, &b, 1), 0);
	teardown();
}

static void emergency_character_needs_no_queue(void)
{
	setup();
	fake_virtio_write(&v, 0x2000 + 8, 4, '!');
	expect('!', 1);
	teardown();
}

static void device_is_reset_while_it_waits(void)
{
	const struct fake_buf big = { FAKE_DATA_GPA, 1 << 20, false };

	setup();
	for (unsigned int i = 0; i < 20; i++) {
		fake_ring_add(&v.rings[TX], &big, 1, false);
		fake_virtio_kick(&v, TX);
		add_buffer(1);
		fake_virtio_start(&v, 0, 2, 16);
	}
	teardown();
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN); /* as vm_run does */
	TAP_RUN(input_waits_for_buffers);
	TAP_RUN(output_arrives_in_order);
	TAP_RUN(output_waits_for_its_reader);
	TAP_RUN(output_without_a_reader_is_lost);
	TAP_RUN(emergency_character_needs_no_queue);
	TAP_RUN(device_is_reset_while_it_waits);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The network device, between a driver's rings and a socket in place of a tap:
 * one that keeps frames apart, with virtio's header before each. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fake/virtio.h"
#include "tests/tap.h"
#include "virtio/net.h"

enum { RX, TX, CONTROL, QUEUE_SIZE = 16, FRAME = 600, BUF = 2048 };
#define MERGED	 (1ULL << VIRTIO_NET_F_MRG_RXBUF)
#define IN_ORDER (1ULL << VIRTIO_F_IN_ORDER)

static const struct virtio_net_setup config = {
	.name = "net0",
	.mac = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 },
};

static struct fake_virtio v;
static struct net_back back;
static struct virtio_net net;
static int wire; /* the other end */

static void setup(void)
{
	struct err e = { 0 };
	int fds[2];

	fake_virtio_init(&v);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds),
		 0);
	wire = fds[0];
	back = (struct net_back){ .kind = NET_TAP,
				  .name = "tap0",
				  .nr_queues = 1 };
	back.queues[0] = (struct net_queue){ .back = &back,
					     .fd = fds[1],
					     .send_fd = dup(fds[1]) };
	CHECK_EQ(virtio_net_init(&net, &config, &back, &v.env, &e), 0);
	fake_virtio_plug(&v, &net.dev);
}

static void teardown(void)
{
	fake_virtio_unplug(&v);
	virtio_net_fini(&net);
	net_close(&back);
	fake_virtio_fini(&v);
	close(wire);
}

static void start(uint64_t features)
{
	fake_virtio_start(&v, features, 3, QUEUE_SIZE);
}

static uint8_t *data(unsigned int i)
{
	return v.ram.bytes + FAKE_DATA_GPA + i * BUF;
}

static void add_buffer(unsigned int i, uint32_t len)
{
	const struct fake_buf b = { FAKE_DATA_GPA + i * BUF, len, true };

	fake_ring_add(&v.rings[RX], &b, 1, false);
}

/* A frame of len bytes arrives, all of value. */
static void arrive(uint8_t value, size_t len)
{
	uint8_t frame[NET_HDR_LEN + 8192] = { 0 };

	memset(frame + NET_HDR_LEN, value, len);
	CHECK_EQ(send(wire, frame, NET_HDR_LEN + len, 0), NET_HDR_LEN + len);
}

static uint32_t take(unsigned int queue)
{
	uint16_t id;
	uint32_t len;

	CHECK(fake_virtio_used(&v, queue, &id, &len));
	return len;
}

static bool nothing_used(unsigned int queue)
{
	uint16_t id;
	uint32_t len;

	usleep(20000);
	return !fake_ring_get(&v.rings[queue], &id, &len);
}

/* --- to the guest --- */

static void frames_arrive_in_order(void)
{
	setup();
	for (unsigned int kind = 0; kind < 4; kind++) {
		start((kind & 1 ? MERGED | 1ULL << VIRTIO_F_RING_PACKED : 0) |
		      (kind & 2 ? IN_ORDER : 0));
		for (unsigned int i = 0; i < 8; i++)
			add_buffer(i, BUF);
		fake_virtio_kick(&v, RX);
		for (unsigned int i = 0; i < 8; i++)
			arrive((uint8_t)(i + 1), FRAME + i);
		for (unsigned int i = 0; i < 8; i++) {
			CHECK_EQ(take(RX), NET_HDR_LEN + FRAME + i);
			CHECK_EQ(data(i)[10], 1); /* one buffer */
			CHECK_EQ(data(i)[NET_HDR_LEN], i + 1);
			CHECK_EQ(data(i)[NET_HDR_LEN + FRAME + i - 1], i + 1);
		}
		CHECK(fake_virtio_irq(&v, RX));
	}
	teardown();
}

static void check_merged_buffers(uint64_t features)
{
	setup();
	start(MERGED | features);
	for (unsigned int i = 0; i < 12; i++)
		add_buffer(i, 256);
	fake_virtio_kick(&v, RX);
	arrive(7, 1000);
	arrive(8, 10);
	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(take(RX), 256);
	CHECK_EQ(take(RX), NET_HDR_LEN + 1000 - 3 * 256);
	CHECK_EQ(data(0)[10], 4);
	CHECK_EQ(data(3)[NET_HDR_LEN + 1000 - 3 * 256 - 1], 7);
	CHECK_EQ(take(RX), NET_HDR_LEN + 10);
	CHECK_EQ(data(4)[10], 1);
	CHECK_EQ(data(4)[NET_HDR_LEN], 8);
	teardown();
}

static void frame_is_spread_over_merged_buffers(void)
{
	check_merged_buffers(0);
}

static void in_order_full_buffers_share_an_entry(void)
{
	check_merged_buffers(IN_ORDER);
	CHECK_EQ(v.rings[RX].nr_used, 2);
}

/* A batch of frames is done with by one entry. */
static void in_order_sent_frames_share_an_entry(void)
{
	const struct fake_buf b = { FAKE_DATA_GPA, 100, false };

	setup();
	for (unsigned int kind = 0; kind < 2; kind++) {
		start(IN_ORDER | (kind ? 1ULL << VIRTIO_F_RING_PACKED : 0));
		for (unsigned int i = 0; i < QUEUE_SIZE; i++)
			fake_ring_add(&v.rings[TX], &b, 1, false);
		fake_virtio_kick(&v, TX);
		for (unsigned int i = 0; i < QUEUE_SIZE; i++)
			CHECK_EQ(take(TX), 0);
		CHECK(v.rings[TX].nr_used <= 2);
		for (unsigned int i = 0; i < QUEUE_SIZE; i++) {
			uint8_t got[BUF];

			CHECK_EQ(read(wire, got, sizeof(got)), 100);
		}
	}
	teardown();
}

static void frames_wait_until_there_are_buffers(void)
{
	setup();
	start(MERGED);
	arrive(1, FRAME);
	arrive(2, FRAME);
	CHECK(nothing_used(RX));
	add_buffer(0, BUF);
	fake_virtio_kick(&v, RX);
	CHECK_EQ(take(RX), NET_HDR_LEN + FRAME);
	CHECK_EQ(data(0)[NET_HDR_LEN], 1);
	CHECK(nothing_used(RX));
	add_buffer(1, BUF);
	fake_virtio_kick(&v, RX);
	take(RX);
	CHECK_EQ(data(1)[NET_HDR_LEN], 2);
	teardown();
}

/* Far more than the queue and the batches hold, at the pace of the driver. */
static void long_run_loses_nothing(void)
{
	unsigned int sent = 0, got = 0;

	setup();
	start(MERGED | 1ULL << VIRTIO_RING_F_EVENT_IDX);
	for (unsigned int i = 0; i < QUEUE_SIZE; i++)
		add_buffer(i, BUF);
	fake_virtio_kick(&v, RX);
	while (got < 3000) {
		if (sent < 3000 && sent - got < 8) {
			arrive((uint8_t)sent, FRAME);
			sent++;
			continue;
		}
		CHECK_EQ(take(RX), NET_HDR_LEN + FRAME);
		CHECK_EQ(data(got % QUEUE_SIZE)[NET_HDR_LEN], (uint8_t)got);
		add_buffer(got % QUEUE_SIZE, BUF);
		fake_virtio_kick(&v, RX);
		got++;
	}
	teardown();
}

static void senseless_receive_buffer_asks_for_a_reset(void)
{
	setup();
	start(MERGED);
	add_buffer(0, NET_HDR_LEN - 1);
	arrive(3, FRAME);
	CHECK(fake_virtio_needs_reset(&v));
	start(MERGED);
	for (unsigned int i = 0; i < 4; i++)
		add_buffer(i, BUF);
	fake_virtio_kick(&v, RX);
	CHECK_EQ(take(RX), NET_HDR_LEN + FRAME); /* it waited */
	teardown();
}

/* --- from the guest --- */

static void frames_leave_as_they_lie_in_memory(void)
{
	const struct fake_buf bufs[] = {
		{ FAKE_DATA_GPA, NET_HDR_LEN, false },
		{ FAKE_DATA_GPA + BUF, 100, false },
		{ FAKE_DATA_GPA + 2 * BUF, 50, false },
	};
	uint8_t got[512];

	setup();
	start(0);
	data(0)[0] = 1; /* needs a checksum: the tap's to see */
	memset(data(1), 0xaa, 100);
	memset(data(2), 0xbb, 50);
	for (unsigned int i = 0; i < 100; i++) {
		struct pollfd p = { .fd = wire, .events = POLLIN };

		CHECK_EQ(fake_virtio_request(&v, TX, bufs, 3), 0);
		CHECK_EQ(poll(&p, 1, 2000), 1);
		CHECK_EQ(read(wire, got, sizeof(got)), NET_HDR_LEN + 150);
		CHECK_EQ(got[0], 1);
		CHECK_EQ(got[NET_HDR_LEN + 99], 0xaa);
		CHECK_EQ(got[NET_HDR_LEN + 100], 0xbb);
	}
	CHECK_EQ(net.tx[0].frames, 100);
	teardown();
}

/* The wire takes no more for a while: what was not sent waits. */
static void full_back_end_is_waited_for(void)
{
	const struct fake_buf b = { FAKE_DATA_GPA, BUF, false };
	unsigned int got = 0, nr_sent = 0, nr_done = 0;
	uint8_t buf[BUF];
	uint16_t id;
	uint32_t len;

	setup();
	start(0);
	/* Until none is done with any more: the socket's buffer is full. */
	while (nr_sent - nr_done < QUEUE_SIZE) {
		fake_ring_add(&v.rings[TX], &b, 1, false);
		nr_sent++;
		fake_virtio_kick(&v, TX);
		usleep(1000);
		while (fake_ring_get(&v.rings[TX], &id, &len))
			nr_done++;
	}
	while (got < nr_sent) {
		struct pollfd p = { .fd = wire, .events = POLLIN };

		CHECK_EQ(poll(&p, 1, 2000), 1);
		CHECK_EQ(read(wire, buf, sizeof(buf)), BUF);
		got++;
	}
	CHECK_EQ(net.tx[0].frames, nr_sent);
	CHECK_EQ(net.tx[0].dropped, 0);
	teardown();
}

static void frame_without_data_asks_for_a_reset(void)
{
	const struct fake_buf b = { FAKE_DATA_GPA, NET_HDR_LEN, false };

	setup();
	start(0);
	fake_ring_add(&v.rings[TX], &b, 1, false);
	fake_virtio_kick(&v, TX);
	CHECK(fake_virtio_needs_reset(&v));
	teardown();
}

/* --- control and link --- */

static uint8_t command(const void *bytes, uint32_t len)
{
	const struct fake_buf bufs[] = {
		{ FAKE_DATA_GPA, len, false },
		{ FAKE_DATA_GPA + BUF, 1, true },
	};

	memcpy(data(0), bytes, len);
	*data(1) = 0x55;
	CHECK_EQ(fake_virtio_request(&v, CONTROL, bufs, 2), 1);
	return *data(1);
}

static void commands_are_answered(void)
{
	static const uint8_t mac[] = { VIRTIO_NET_CTRL_MAC,
				       VIRTIO_NET_CTRL_MAC_ADDR_SET,
				       2,
				       4,
				       6,
				       8,
				       10,
				       12 };
	static const uint8_t pairs[] = { VIRTIO_NET_CTRL_MQ, 0, 1, 0 };
	static const uint8_t unknown[] = { 200, 1, 1 };

	setup();
	start(1ULL << VIRTIO_NET_F_CTRL_VQ);
	CHECK_EQ(fake_virtio_config(&v, 0, 4), 0x12005452);
	CHECK_EQ(fake_virtio_config(&v, 6, 2), VIRTIO_NET_S_LINK_UP);
	CHECK_EQ(command(mac, sizeof(mac)), VIRTIO_NET_OK);
	CHECK_EQ(fake_virtio_config(&v, 0, 4), 0x08060402);
	CHECK_EQ(command(pairs, sizeof(pairs)), VIRTIO_NET_ERR);
	CHECK_EQ(command(unknown, sizeof(unknown)), VIRTIO_NET_ERR);
	CHECK_EQ(command(mac, 1), VIRTIO_NET_ERR);
	CHECK_EQ(command(mac, 7), VIRTIO_NET_ERR);
	teardown();
}

static void back_end_that_goes_away_takes_the_link_down(void)
{
	setup();
	start(MERGED);
	for (unsigned int i = 0; i < 4; i++)
		add_buffer(i, BUF);
	fake_virtio_kick(&v, RX);
	shutdown(wire, SHUT_RDWR);
	CHECK(fake_virtio_irq(&v, -1));
	CHECK_EQ(fake_virtio_config(&v, 6, 2), 0);
	CHECK(!(fake_virtio_status(&v) & VIRTIO_CONFIG_S_NEEDS_RESET));
	teardown();
}

static void device_is_reset_while_frames_arrive(void)
{
	setup();
	/* A device that is reset while frames arrive. */
	for (unsigned int i = 0; i < 50; i++) {
		start(MERGED);
		for (unsigned int n = 0; n < 8; n++)
			add_buffer(n, BUF);
		fake_virtio_kick(&v, RX);
		arrive(1, FRAME);
	}
	teardown();
}

int main(void)
{
	TAP_RUN(frames_arrive_in_order);
	TAP_RUN(frame_is_spread_over_merged_buffers);
	TAP_RUN(in_order_full_buffers_share_an_entry);
	TAP_RUN(in_order_sent_frames_share_an_entry);
	TAP_RUN(frames_wait_until_there_are_buffers);
	TAP_RUN(long_run_loses_nothing);
	TAP_RUN(senseless_receive_buffer_asks_for_a_reset);
	TAP_RUN(frames_leave_as_they_lie_in_memory);
	TAP_RUN(full_back_end_is_waited_for);
	TAP_RUN(frame_without_data_asks_for_a_reset);
	TAP_RUN(commands_are_answered);
	TAP_RUN(back_end_that_goes_away_takes_the_link_down);
	TAP_RUN(device_is_reset_while_frames_arrive);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames to an e1000's driver, from a socket in place of a tap. Offsets and
 * bits are those of the SDM, written out. */
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fake/e1000.h"
#include "tests/tap.h"

enum { ICR = 0xc0, RXDMT0 = 0x10, RXT0 = 0x80, RX = FAKE_E1000_RX };
enum { UPE = 8, MPE = 0x10, LPE = 0x20, BAM = 0x8000, SECRC = 1 << 26 };
enum { BSIZE_256 = 3 << 16, BSIZE_16K = 1 << 16 | 1 << 25, VFE = 1 << 18 };
enum { DD = 1, END = 2, IXSM = 4, VP = 8, PIF = 0x80, FCS = 4 };

static const uint8_t own[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
static const uint8_t other[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x57 };
static const uint8_t all[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t group[] = { 1, 0, 0x5e, 1, 2, 3 };

static struct fake_e1000 f;
static unsigned int next; /* descriptor to look at */

static void setup(uint32_t rctl)
{
	fake_e1000_init(&f, 0, true);
	fake_e1000_start(&f, rctl, 0);
	next = 0;
}

static void teardown(void)
{
	fake_e1000_fini(&f);
}

/* A frame of len bytes arrives, all of value after its addresses. */
static void arrive(const uint8_t *dest, uint8_t value, size_t len)
{
	uint8_t frame[NET_HDR_LEN + 20000] = { 0 };

	memset(frame + NET_HDR_LEN, value, len);
	memcpy(frame + NET_HDR_LEN, dest, len < 6 ? len : 6);
	CHECK_EQ(send(f.wire, frame, NET_HDR_LEN + len, 0), NET_HDR_LEN + len);
}

/* The next descriptor's length and status come to it. */
static uint8_t take(unsigned int *len)
{
	const uint8_t *desc = fake_e1000_desc(&f, RX, next);

	CHECK(fake_e1000_done(&f, RX, next));
	next = (next + 1) % FAKE_E1000_DESCS;
	*len = (unsigned int)get_le(desc + 8, 2);
	CHECK_EQ(desc[13], 0);
	return desc[12];
}

static bool nothing_comes(void)
{
	usleep(20000);
	return !(__atomic_load_n(fake_e1000_desc(&f, RX, next) + 12,
				 __ATOMIC_ACQUIRE) &
		 DD);
}

/* What the card does with frames ends under this lock. */
static void settle(void)
{
	pthread_mutex_lock(&f.nic->io_lock);
	pthread_mutex_unlock(&f.nic->io_lock);
}

/* The card has read what arrived, and nothing came of it. */
static bool it_is_dropped(void)
{
	int waiting = 1;

	for (unsigned int n = 0; n < 20000 && waiting; n++) {
		CHECK_EQ(ioctl(f.wire, SIOCOUTQ, &waiting), 0);
		usleep(100);
	}
	CHECK_EQ(waiting, 0);
	settle();
	return !(__atomic_load_n(fake_e1000_desc(&f, RX, next) + 12,
				 __ATOMIC_ACQUIRE) &
		 DD);
}

/* --- into descriptors --- */

static void frames_arrive_in_order(void)
{
	unsigned int len;

	setup(0);
	fake_e1000_feed(&f, 12);
	for (unsigned int i = 0; i < 8; i++)
		arrive(own, (uint8_t)(i + 1), 600 + i);
	for (unsigned int i = 0; i < 8; i++) {
		CHECK_EQ(take(&len), DD | END | IXSM);
		CHECK_EQ(len, 600 + i + FCS);
		CHECK(!memcmp(fake_e1000_data(&f, i), own, 6));
		CHECK_EQ(fake_e1000_data(&f, i)[599 + i], i + 1);
		CHECK_EQ(fake_e1000_data(&f, i)[600 + i], 0);
	}
	CHECK(fake_e1000_line(&f, true));
	CHECK(fake_e1000_read(&f, ICR) & RXT0);
	settle();
	CHECK_EQ(fake_e1000_read(&f, 0x2810), 8);
	CHECK_EQ(fake_e1000_read(&f, 0x4074), 8);
	CHECK_EQ(fake_e1000_read(&f, 0x4074), 0);
	CHECK_EQ(fake_e1000_read(&f, 0x406c), 8);
	teardown();
}

static void short_frame_is_padded(void)
{
	unsigned int len;

	setup(SECRC);
	fake_e1000_feed(&f, 4);
	arrive(own, 9, 20);
	take(&len);
	CHECK_EQ(len, 60);
	CHECK_EQ(fake_e1000_data(&f, 0)[19], 9);
	CHECK_EQ(fake_e1000_data(&f, 0)[20], 0);
	arrive(own, 9, 13); /* no frame at all */
	CHECK(it_is_dropped());
	teardown();
}

static void frame_is_spread_over_buffers(void)
{
	unsigned int len;

	setup(BSIZE_256 | SECRC);
	fake_e1000_feed(&f, 12);
	arrive(own, 7, 1000);
	arrive(own, 8, 512);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(take(&len), DD | IXSM);
		CHECK_EQ(len, 256);
	}
	CHECK_EQ(take(&len), DD | END | IXSM);
	CHECK_EQ(len, 1000 - 3 * 256);
	CHECK_EQ(fake_e1000_data(&f, 3)[1000 - 3 * 256 - 1], 7);
	CHECK_EQ(take(&len), DD | IXSM);
	CHECK_EQ(take(&len), DD | END | IXSM);
	CHECK_EQ(len, 256);
	CHECK(nothing_comes());
	teardown();
}

static void long_frame_needs_leave(void)
{
	unsigned int len;

	setup(BSIZE_16K);
	fake_e1000_feed(&f, 4);
	arrive(own, 1, 1519);
	CHECK(it_is_dropped());
	CHECK_EQ(fake_e1000_read(&f, 0x40ac), 1);
	arrive(own, 1, 1518);
	take(&len);
	CHECK_EQ(len, 1522);
	fake_e1000_write(&f, 0x100, 2 | BSIZE_16K | LPE);
	arrive(own, 1, 9000);
	take(&len);
	CHECK_EQ(len, 9004);
	arrive(own, 1, 16381);
	CHECK(it_is_dropped());
	teardown();
}

static void frames_wait_until_there_are_buffers(void)
{
	unsigned int len;

	setup(BSIZE_256 | SECRC);
	arrive(own, 1, 600);
	arrive(own, 2, 100);
	CHECK(nothing_comes());
	fake_e1000_feed(&f, 2); /* one too few */
	CHECK(nothing_comes());
	fake_e1000_feed(&f, 1);
	take(&len);
	take(&len);
	CHECK_EQ(take(&len), DD | END | IXSM);
	CHECK_EQ(len, 88);
	CHECK(nothing_comes());
	fake_e1000_feed(&f, 1);
	take(&len);
	CHECK_EQ(len, 100);
	teardown();
}

/* Far more than the ring and the batches hold, at the pace of the driver. */
static void long_run_loses_nothing(void)
{
	unsigned int sent = 0, got = 0, len;

	setup(0);
	fake_e1000_feed(&f, 8);
	while (got < 3000) {
		if (sent < 3000 && sent - got < 12) {
			arrive(own, (uint8_t)sent, 600);
			sent++;
			continue;
		}
		take(&len);
		CHECK_EQ(len, 604);
		CHECK_EQ(fake_e1000_data(&f, got % FAKE_E1000_DESCS)[599],
			 (uint8_t)got);
		fake_e1000_feed(&f, 1);
		got++;
	}
	CHECK_EQ(fake_e1000_read(&f, 0x4074), 3000);
	teardown();
}

/* What KVM keeps of RDT, until somebody asks. */
static uint32_t kept_rdt;

static int keep(void *ctx, uint64_t addr, uint64_t len, struct err *e)
{
	(void)ctx;
	(void)addr;
	(void)len;
	(void)e;
	return 0;
}

static void keep_no_more(void *ctx, uint64_t addr, uint64_t len)
{
	(void)ctx;
	(void)addr;
	(void)len;
}

static void bring_kept(void *ctx)
{
	uint32_t rdt = __atomic_exchange_n(&kept_rdt, 0, __ATOMIC_ACQ_REL);

	if (rdt)
		fake_e1000_write(ctx, 0x2818, rdt);
}

static const struct bus_posted_ops kept_ops = { keep, keep_no_more,
						bring_kept };

static void driver_that_only_polls_gets_what_waits_for_its_tail(void)
{
	unsigned int len;

	setup(SECRC);
	bus_set_posted(&f.mmio, &kept_ops, &f);
	fake_e1000_feed(&f, 2);
	for (unsigned int i = 0; i < 3; i++)
		arrive(own, (uint8_t)i, 600);
	take(&len);
	take(&len);
	CHECK(nothing_comes());
	__atomic_store_n(&kept_rdt, 4, __ATOMIC_RELEASE);
	take(&len);
	CHECK_EQ(len, 600);
	teardown();
}

static void driver_is_told_when_buffers_run_out(void)
{
	unsigned int len;

	setup(0x100); /* a quarter */
	fake_e1000_feed(&f, 6);
	arrive(own, 1, 100);
	take(&len);
	CHECK(fake_e1000_line(&f, true));
	CHECK_EQ(fake_e1000_read(&f, ICR), RXT0);
	arrive(own, 1, 100);
	take(&len);
	CHECK(fake_e1000_line(&f, true));
	CHECK_EQ(fake_e1000_read(&f, ICR), RXT0 | RXDMT0);
	teardown();
}

/* --- filters --- */

/* Whether a frame to dest is taken, and with which status. */
static uint8_t verdict(const uint8_t *dest)
{
	unsigned int len;

	arrive(dest, 3, 100);
	if (it_is_dropped())
		return 0;
	fake_e1000_feed(&f, 1);
	return take(&len);
}

static void receiver_has_filters(void)
{
	const uint8_t yes = DD | END | IXSM;

	setup(0);
	fake_e1000_feed(&f, 8);
	CHECK_EQ(verdict(own), yes);
	CHECK_EQ(verdict(other), 0);
	CHECK_EQ(verdict(all), 0);
	CHECK_EQ(verdict(group), 0);
	fake_e1000_write(&f, 0x100, 2 | BAM);
	CHECK_EQ(verdict(all), yes);
	CHECK_EQ(verdict(group), 0);
	fake_e1000_write(&f, 0x100, 2 | UPE);
	CHECK_EQ(verdict(other), yes | PIF);
	CHECK_EQ(verdict(group), 0);
	fake_e1000_write(&f, 0x100, 2 | MPE);
	CHECK_EQ(verdict(group), yes | PIF);
	CHECK_EQ(verdict(other), 0);
	teardown();
}

static void address_is_found_in_any_slot(void)
{
	setup(0);
	fake_e1000_feed(&f, 8);
	fake_e1000_write(&f, 0x5478, (uint32_t)get_le(other, 4));
	fake_e1000_write(&f, 0x547c, (uint32_t)get_le(other + 4, 2));
	CHECK_EQ(verdict(other), 0); /* not valid */
	fake_e1000_write(&f, 0x547c, (uint32_t)get_le(other + 4, 2) | 1u << 31);
	CHECK_EQ(verdict(other), DD | END | IXSM);
	teardown();
}

static void groups_are_found_by_their_hash(void)
{
	static const unsigned int shifts[] = { 4, 3, 2, 0 };

	setup(0);
	fake_e1000_feed(&f, 8);
	for (unsigned int mo = 0; mo < 4; mo++) {
		unsigned int hash =
			(group[5] << 8 | group[4]) >> shifts[mo] & 0xfff;

		fake_e1000_write(&f, 0x100, 2 | mo << 12);
		CHECK_EQ(verdict(group), 0);
		fake_e1000_write(&f, 0x5200 + hash / 32 * 4, 1u << hash % 32);
		CHECK_EQ(verdict(group), DD | END | IXSM | PIF);
		fake_e1000_write(&f, 0x5200 + hash / 32 * 4, 0);
	}
	teardown();
}

static void tagged(unsigned int tag)
{
	uint8_t frame[NET_HDR_LEN + 100] = { 0 };

	memset(frame + NET_HDR_LEN, 5, 100);
	memcpy(frame + NET_HDR_LEN, own, 6);
	memcpy(frame + NET_HDR_LEN + 12, "\x81\0", 2);
	frame[NET_HDR_LEN + 14] = (uint8_t)(tag >> 8);
	frame[NET_HDR_LEN + 15] = (uint8_t)tag;
	CHECK_EQ(send(f.wire, frame, sizeof(frame), 0), sizeof(frame));
}

static void tag_is_stripped_and_told(void)
{
	unsigned int len;

	setup(SECRC);
	fake_e1000_feed(&f, 8);
	tagged(0x1234);
	CHECK_EQ(take(&len), DD | END | IXSM);
	CHECK_EQ(len, 100);
	fake_e1000_write(&f, 0, 1u << 30);
	tagged(0x1234);
	CHECK_EQ(take(&len), DD | END | IXSM | VP);
	CHECK_EQ(len, 96);
	CHECK_EQ(get_le(fake_e1000_desc(&f, RX, 1) + 14, 2), 0x1234);
	CHECK(!memcmp(fake_e1000_data(&f, 1), own, 6));
	CHECK_EQ(fake_e1000_data(&f, 1)[12], 5);
	teardown();
}

static void tags_are_filtered(void)
{
	unsigned int len;

	setup(VFE);
	fake_e1000_feed(&f, 8);
	tagged(0x1234);
	CHECK(it_is_dropped());
	fake_e1000_write(&f, 0x5600 + 0x234 / 32 * 4, 1u << 0x234 % 32);
	tagged(0x1234);
	CHECK_EQ(take(&len), DD | END | IXSM);
	arrive(own, 1, 100); /* none: passes */
	CHECK_EQ(take(&len), DD | END | IXSM);
	teardown();
}

/* --- off, and hostile drivers --- */

static void receiver_that_is_off_takes_nothing(void)
{
	unsigned int len;

	setup(0);
	fake_e1000_feed(&f, 8);
	fake_e1000_write(&f, 0x100, 0);
	arrive(own, 1, 100);
	CHECK(nothing_comes());
	fake_e1000_write(&f, 0x100, 2);
	take(&len);
	teardown();
}

static void buffer_outside_of_memory_is_an_error(void)
{
	unsigned int len;

	setup(0);
	put_le(fake_e1000_desc(&f, RX, 0), UINT64_MAX - 5, 8);
	fake_e1000_write(&f, 0x2818, 1);
	arrive(own, 1, 100);
	CHECK(fake_e1000_done(&f, RX, 0));
	CHECK_EQ(fake_e1000_desc(&f, RX, 0)[13], 0x80);
	next = f.rx_tail = 1;
	fake_e1000_feed(&f, 3);
	arrive(own, 1, 100);
	take(&len);
	CHECK_EQ(len, 104);
	teardown();
}

static void ring_that_is_none_stops_the_receiver_alone(void)
{
	static const struct {
		unsigned int reg;
		uint32_t value;
	} bad[] = {
		{ 0x2800, 0xfffffff0 },
		{ 0x2804, 0xffffffff },
		{ 0x2800, FAKE_RAM_LEN - 16 },
		{ 0x2810, 0xffff },
		{ 0x2818, 0xffff },
		{ 0x2818, 16 },
		{ 0x2808, 0 },
	};
	unsigned int len;

	setup(0);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		next = 1;
		fake_e1000_write(&f, bad[i].reg, bad[i].value);
		arrive(own, 1, 100);
		CHECK(nothing_comes());
		fake_e1000_write(&f, 0, 1u << 26);
		fake_e1000_start(&f, 0, 0);
		next = 0;
		fake_e1000_feed(&f, 4);
		take(&len);
		CHECK_EQ(len, 104);
	}
	teardown();
}

static void frame_larger_than_the_ring_is_lost(void)
{
	unsigned int len;

	setup(BSIZE_256 | LPE);
	fake_e1000_feed(&f, 15);
	arrive(own, 1, 15 * 256);
	CHECK(it_is_dropped());
	CHECK_EQ(fake_e1000_read(&f, 0x4010), 1);
	arrive(own, 1, 100);
	take(&len);
	teardown();
}

static void card_is_reset_while_frames_arrive(void)
{
	unsigned int len;

	setup(0);
	for (unsigned int i = 0; i < 50; i++) {
		fake_e1000_feed(&f, 8);
		arrive(own, 1, 600);
		fake_e1000_write(&f, 0, 1u << 26);
		fake_e1000_start(&f, 0, 0);
	}
	next = 0;
	fake_e1000_feed(&f, 15);
	arrive(own, 2, 700);
	do {
		take(&len);
		fake_e1000_feed(&f, 1);
	} while (len == 604);
	CHECK_EQ(len, 704);
	teardown();
}

int main(void)
{
	TAP_RUN(frames_arrive_in_order);
	TAP_RUN(short_frame_is_padded);
	TAP_RUN(frame_is_spread_over_buffers);
	TAP_RUN(long_frame_needs_leave);
	TAP_RUN(frames_wait_until_there_are_buffers);
	TAP_RUN(long_run_loses_nothing);
	TAP_RUN(driver_that_only_polls_gets_what_waits_for_its_tail);
	TAP_RUN(driver_is_told_when_buffers_run_out);
	TAP_RUN(receiver_has_filters);
	TAP_RUN(address_is_found_in_any_slot);
	TAP_RUN(groups_are_found_by_their_hash);
	TAP_RUN(tag_is_stripped_and_told);
	TAP_RUN(tags_are_filtered);
	TAP_RUN(receiver_that_is_off_takes_nothing);
	TAP_RUN(buffer_outside_of_memory_is_an_error);
	TAP_RUN(ring_that_is_none_stops_the_receiver_alone);
	TAP_RUN(frame_larger_than_the_ring_is_lost);
	TAP_RUN(card_is_reset_while_frames_arrive);
	return tap_done();
}

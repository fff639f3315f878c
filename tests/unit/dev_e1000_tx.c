// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames from an e1000's driver, as they come out at a socket in place of a
 * tap. Offsets and bits are those of the SDM, written out. */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fake/e1000.h"
#include "tests/tap.h"

/* Bits 31 to 24 of a descriptor's second half, and its type. */
#define EOP	(1u << 24)
#define IC	(1u << 26)
#define TSE	(1u << 26)
#define RS	(1u << 27)
#define DEXT	(1u << 29)
#define VLE	(1u << 30)
#define IS_TCP	(1u << 24)
#define IS_IPV4 (1u << 25)
#define DATA	(DEXT | 1u << 20)

enum { ICR = 0xc0, TXDW = 1, HDR = NET_HDR_LEN, IP = 14, TCP = 34, ALL = 54 };
enum { TX = FAKE_E1000_TX, IXSM = 1 << 8, TXSM = 2 << 8 };

static struct fake_e1000 f;
static uint8_t got[NET_HDR_LEN + NET_MAX_FRAME];

static void setup(unsigned int offloads)
{
	fake_e1000_init(&f, offloads, true);
	fake_e1000_start(&f, 0, 0);
}

static void teardown(void)
{
	fake_e1000_fini(&f);
}

/* The next frame on the wire, with virtio's header, in got. */
static ssize_t receive(void)
{
	struct pollfd p = { .fd = f.wire, .events = POLLIN };

	if (poll(&p, 1, 2000) != 1)
		return -1;
	return read(f.wire, got, sizeof(got));
}

static bool wire_is_silent(void)
{
	struct pollfd p = { .fd = f.wire, .events = POLLIN };

	return poll(&p, 1, 20) == 0;
}

static gpa_t gpa(unsigned int buffer)
{
	return FAKE_E1000_DATA + buffer * FAKE_E1000_BUF;
}

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)(p[0] << 8 | p[1]);
}

/* One's complement sum, not inverted. */
static unsigned int sum16(const uint8_t *p, size_t len, unsigned int sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (unsigned int)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* --- plain frames --- */

static void frame_leaves_and_its_descriptor_comes_back(void)
{
	setup(0);
	memset(fake_e1000_data(&f, 0), 0xaa, 100);
	for (unsigned int i = 0; i < 100; i++) {
		fake_e1000_put(&f, gpa(0), 100 | EOP | RS, 0);
		fake_e1000_send(&f);
		CHECK_EQ(receive(), HDR + 100);
		CHECK_EQ(got[0], 0);
		CHECK_EQ(got[HDR], 0xaa);
		CHECK_EQ(got[HDR + 99], 0xaa);
		CHECK(fake_e1000_done(&f, TX, i % FAKE_E1000_DESCS));
		CHECK(fake_e1000_line(&f, true));
		CHECK(fake_e1000_read(&f, ICR) & TXDW);
	}
	CHECK_EQ(fake_e1000_read(&f, 0x3810), f.tx_tail);
	teardown();
}

static void counters_clear_when_read(void)
{
	setup(0);
	memset(fake_e1000_data(&f, 0), 0xff, 100);
	for (unsigned int i = 0; i < 3; i++)
		fake_e1000_put(&f, gpa(0), 100 | EOP | RS, 0);
	fake_e1000_send(&f);
	CHECK(fake_e1000_done(&f, TX, 2));
	CHECK_EQ(fake_e1000_read(&f, 0x4080), 3);
	CHECK_EQ(fake_e1000_read(&f, 0x4080), 0);
	CHECK_EQ(fake_e1000_read(&f, 0x40d4), 3);
	CHECK_EQ(fake_e1000_read(&f, 0x40f4), 3); /* broadcast */
	CHECK_EQ(fake_e1000_read(&f, 0x40dc), 3); /* 65 to 127 bytes */
	CHECK_EQ(fake_e1000_read(&f, 0x4090), 3 * 104);
	CHECK_EQ(fake_e1000_read(&f, 0x4094), 0);
	CHECK_EQ(fake_e1000_read(&f, 0x4090), 0);
	for (unsigned int off = 0x4000; off < 0x4128; off += 4)
		fake_e1000_read(&f, off);
	teardown();
}

static void pieces_become_one_frame(void)
{
	setup(0);
	for (unsigned int i = 0; i < 5; i++) {
		memset(fake_e1000_data(&f, i), (int)i, 400);
		fake_e1000_put(&f, gpa(i), (400 - i) | (i == 4 ? EOP | RS : 0),
			       0);
		fake_e1000_send(&f);
	}
	CHECK_EQ(receive(), HDR + 1990);
	CHECK_EQ(got[HDR], 0);
	CHECK_EQ(got[HDR + 400], 1);
	CHECK_EQ(got[HDR + 1989], 4);
	CHECK(fake_e1000_done(&f, TX, 4));
	teardown();
}

/* More pieces than are kept apart: a ring of 256 descriptors. */
static void frame_of_very_many_pieces_is_sent(void)
{
	setup(0);
	fake_e1000_write(&f, 0x3808, 256 * 16);
	for (unsigned int i = 0; i < 200; i++) {
		uint8_t *desc = fake_e1000_desc(&f, TX, i);

		*(fake_e1000_data(&f, 0) + i * 3) = (uint8_t)i;
		put_le(desc, gpa(0) + i * 3, 8);
		put_le(desc + 8, 3 | (i == 199 ? EOP | RS : 0), 8);
	}
	fake_e1000_write(&f, 0x3818, 200);
	CHECK_EQ(receive(), HDR + 600);
	for (unsigned int i = 0; i < 200; i++)
		CHECK_EQ(got[HDR + 3 * i], i);
	teardown();
}

static void short_frame_is_padded_if_asked(void)
{
	setup(0);
	fake_e1000_write(&f, 0x400, 2 | 8);
	fake_e1000_put(&f, gpa(0), 20 | EOP | RS, 0);
	fake_e1000_send(&f);
	CHECK_EQ(receive(), HDR + 60);
	teardown();
}

static void tag_is_inserted(void)
{
	setup(0);
	fake_e1000_write(&f, 0, 1u << 30); /* VME */
	memset(fake_e1000_data(&f, 0), 7, 1000);
	fake_e1000_put(&f, gpa(0), 1000 | EOP | RS | VLE, 0x1234u << 16);
	fake_e1000_send(&f);
	CHECK_EQ(receive(), HDR + 1004);
	CHECK_EQ(got[HDR + 11], 7);
	CHECK_EQ(be16(got + HDR + 12), 0x8100);
	CHECK_EQ(be16(got + HDR + 14), 0x1234);
	CHECK_EQ(got[HDR + 16], 7);
	CHECK_EQ(got[HDR + 1003], 7);
	teardown();
}

/* --- checksums --- */

static void put_context(uint32_t cmd, unsigned int hdr_len, unsigned int mss)
{
	uint64_t ip = IP | (IP + 10) << 8 | (TCP - 1) << 16;
	uint64_t tcp = TCP | (TCP + 16) << 8;

	fake_e1000_put(&f, ip | tcp << 32, DEXT | cmd,
		       hdr_len << 8 | mss << 16);
}

/* Ethernet, IPv4 and TCP, as Linux leaves them for segmentation, and data that
 * counts up. */
static void make_tcp(size_t len)
{
	uint8_t *p = fake_e1000_data(&f, 0);

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 7);
	memset(p, 0, ALL);
	memcpy(p, "\x52\x54\0\x12\x34\x57\x52\x54\0\x12\x34\x56\x08\0", 14);
	memcpy(p + IP, "\x45\0\0\0\xff\xff\x40\0\x40\x06\0\0", 12);
	memcpy(p + IP + 12, "\x0a\0\0\x01\x0a\0\0\x02", 8);
	memcpy(p + TCP, "\x12\x34\x56\x78\xff\xff\xff\0\0\0\0\x01\x50", 13);
	p[TCP + 13] = 0x19; /* ACK, PSH, FIN */
	/* The pseudo header without the length. */
	put_le(p + TCP + 16,
	       __builtin_bswap16((uint16_t)sum16(p + IP + 12, 8, 6)), 2);
}

static void checksum_is_left_to_the_back_end(void)
{
	setup(NET_CSUM);
	make_tcp(500);
	put_context(IS_TCP | IS_IPV4, 0, 0);
	fake_e1000_put(&f, gpa(0), 500 | DATA | EOP | RS, TXSM);
	fake_e1000_send(&f);
	CHECK_EQ(receive(), HDR + 500);
	CHECK_EQ(got[0], 1);
	CHECK_EQ(get_le(got + 6, 2), TCP);
	CHECK_EQ(get_le(got + 8, 2), 16);
	CHECK(!memcmp(got + HDR, fake_e1000_data(&f, 0), 500));
	CHECK(fake_e1000_done(&f, TX, 1));
	teardown();
}

static void checksum_is_made_here_otherwise(void)
{
	setup(0);
	for (unsigned int legacy = 0; legacy < 2; legacy++) {
		make_tcp(501);
		if (legacy) {
			fake_e1000_put(&f, gpa(0),
				       501 | (TCP + 16) << 16 | EOP | RS | IC,
				       TCP << 8);
		} else {
			put_context(IS_TCP | IS_IPV4, 0, 0);
			/* In pieces, of odd length. */
			fake_e1000_put(&f, gpa(0), 333 | DATA, TXSM | IXSM);
			fake_e1000_put(&f, gpa(0) + 333, 168 | DATA | EOP | RS,
				       0);
		}
		fake_e1000_send(&f);
		CHECK_EQ(receive(), HDR + 501);
		CHECK_EQ(got[0], 0);
		/* With the pseudo header's sum in it before. */
		CHECK_EQ(sum16(got + HDR + TCP, 501 - TCP,
			       sum16(got + HDR + IP + 12, 8, 6)),
			 0xffff);
		if (!legacy)
			CHECK_EQ(sum16(got + HDR + IP, 20, 0), 0xffff);
		CHECK(fake_e1000_done(&f, TX, legacy ? 3 : 2));
	}
	teardown();
}

/* --- segments --- */

static void send_large(size_t len, unsigned int mss)
{
	make_tcp(len);
	put_context(IS_TCP | IS_IPV4 | TSE, ALL, mss);
	fake_e1000_put(&f, gpa(0), 1000 | DATA | TSE, TXSM | IXSM);
	fake_e1000_put(&f, gpa(0) + 1000,
		       (uint32_t)(len - 1000) | DATA | TSE | EOP | RS, 0);
	fake_e1000_send(&f);
}

static void segments_are_left_to_the_back_end(void)
{
	const size_t len = 40000;

	setup(NET_CSUM | NET_TSO4);
	send_large(len, 1448);
	CHECK_EQ(receive(), HDR + len);
	CHECK_EQ(got[0], 1);
	CHECK_EQ(got[1], 1); /* TCP on IPv4 */
	CHECK_EQ(get_le(got + 2, 2), ALL);
	CHECK_EQ(get_le(got + 4, 2), 1448);
	CHECK_EQ(get_le(got + 6, 2), TCP);
	CHECK_EQ(get_le(got + 8, 2), 16);
	CHECK_EQ(be16(got + HDR + IP + 2), len - IP);
	CHECK_EQ(sum16(got + HDR + IP, 20, 0), 0xffff);
	CHECK_EQ(be16(got + HDR + TCP + 16),
		 sum16(got + HDR + IP + 12, 8, 6 + len - TCP));
	CHECK(!memcmp(got + HDR + ALL, fake_e1000_data(&f, 0) + ALL,
		      len - ALL));
	CHECK_EQ(fake_e1000_read(&f, 0x40f8), 1);
	CHECK(fake_e1000_done(&f, TX, 2));
	teardown();
}

static void check_segment(unsigned int i, size_t off, size_t len, bool is_last)
{
	const uint8_t *p = got + HDR;

	CHECK_EQ(be16(p + IP + 2), 40 + len);
	CHECK_EQ(be16(p + IP + 4), (0xffff + i) & 0xffff);
	CHECK_EQ(sum16(p + IP, 20, 0), 0xffff);
	CHECK_EQ((uint32_t)(be16(p + TCP + 4) << 16 | be16(p + TCP + 6)),
		 (uint32_t)(0xffffff00 + off));
	CHECK_EQ(p[TCP + 13], is_last ? 0x19 : 0x10);
	CHECK_EQ(sum16(p + TCP, 20 + len,
		       sum16(p + IP + 12, 8, 6 + 20 + (unsigned int)len)),
		 0xffff);
	CHECK(!memcmp(p + ALL, fake_e1000_data(&f, 0) + ALL + off, len));
}

static void segments_are_made_here_otherwise(void)
{
	const size_t len = 20000, mss = 101;
	size_t off = 0;

	setup(NET_CSUM); /* more segments than are sent in one go */
	send_large(len, mss);
	for (unsigned int i = 0; off < len - ALL; i++) {
		size_t left = len - ALL - off, n = left < mss ? left : mss;

		CHECK_EQ(receive(), HDR + ALL + n);
		CHECK_EQ(got[0] | got[1], 0);
		check_segment(i, off, n, n == left);
		off += n;
	}
	CHECK(fake_e1000_done(&f, TX, 2));
	teardown();
}

/* --- a back end that is slow --- */

static void full_back_end_is_waited_for(void)
{
	unsigned int nr_sent = 0;

	setup(0);
	while (fake_e1000_read(&f, 0x3810) == f.tx_tail && nr_sent < 5000) {
		*fake_e1000_data(&f, 0) = 0;
		fake_e1000_put(&f, gpa(nr_sent % 16), 2000 | EOP | RS, 0);
		put_le(fake_e1000_data(&f, nr_sent % 16), nr_sent, 4);
		nr_sent++;
		fake_e1000_send(&f);
		for (unsigned int i = 0;
		     i < 5000 && fake_e1000_read(&f, 0x3810) != f.tx_tail; i++)
			usleep(100);
	}
	CHECK(nr_sent > 2 && nr_sent < 5000); /* it was full */
	for (unsigned int i = 0; i < nr_sent; i++) {
		CHECK_EQ(receive(), HDR + 2000);
		CHECK_EQ(get_le(got + HDR, 4) & 0xfffffff0, i & 0xfffffff0);
	}
	CHECK(fake_e1000_done(&f, TX, (nr_sent - 1) % 16));
	teardown();
}

static void reset_under_load_leaves_a_card_that_works(void)
{
	setup(0);
	for (unsigned int n = 0; n < 50; n++) {
		for (unsigned int i = 0; i < 15; i++)
			fake_e1000_put(&f, gpa(i), 1500 | EOP | RS, 0);
		fake_e1000_send(&f);
		fake_e1000_write(&f, 0, 1u << 26);
		while (read(f.wire, got, sizeof(got)) > 0)
			continue;
		fake_e1000_start(&f, 0, 0);
	}
	while (read(f.wire, got, sizeof(got)) > 0)
		continue;
	fake_e1000_put(&f, gpa(0), 100 | EOP | RS, 0);
	fake_e1000_send(&f);
	CHECK_EQ(receive(), HDR + 100);
	teardown();
}

/* --- hostile drivers --- */

static void sends_after_a_reset(void)
{
	fake_e1000_write(&f, 0, 1u << 26);
	fake_e1000_start(&f, 0, 0);
	fake_e1000_put(&f, gpa(0), 77 | EOP | RS, 0);
	fake_e1000_send(&f);
	CHECK_EQ(receive(), HDR + 77);
}

static void ring_that_is_none_stops_the_queue_alone(void)
{
	static const struct {
		unsigned int reg;
		uint32_t value;
	} bad[] = {
		{ 0x3800, 0xfffffff0 },
		{ 0x3804, 0xffffffff },
		{ 0x3800, FAKE_RAM_LEN - 16 },
		{ 0x3810, 16 },
		{ 0x3810, 0xffff },
		{ 0x3818, 16 },
		{ 0x3818, 0xffff },
		{ 0x3808, 0 },
	};

	setup(0);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		fake_e1000_put(&f, gpa(0), 100 | EOP | RS, 0);
		fake_e1000_write(&f, bad[i].reg, bad[i].value);
		if (bad[i].reg != 0x3818)
			fake_e1000_send(&f);
		CHECK(wire_is_silent());
		sends_after_a_reset();
	}
	teardown();
}

static void senseless_frames_are_dropped(void)
{
	setup(NET_CSUM | NET_TSO4);
	make_tcp(1500);
	/* Not in RAM, too long, too short, none. */
	fake_e1000_put(&f, 0xfffffffffffffff0, 100 | EOP | RS, 0);
	fake_e1000_put(&f, FAKE_RAM_LEN - 10, 100 | EOP | RS, 0);
	fake_e1000_put(&f, gpa(0), 0xfffff | DATA, 0);
	fake_e1000_put(&f, gpa(0), 0xfffff | DATA | EOP | RS, 0);
	fake_e1000_put(&f, gpa(0), 13 | EOP | RS, 0);
	fake_e1000_put(&f, gpa(0), EOP | RS, 0);
	fake_e1000_send(&f);
	CHECK(fake_e1000_done(&f, TX, 5));
	CHECK(wire_is_silent());
	sends_after_a_reset();
	teardown();
}

static void senseless_segmentation_is_refused(void)
{
	static const struct {
		uint32_t cmd;
		unsigned int hdr_len, mss;
	} bad[] = {
		{ IS_TCP | IS_IPV4, ALL, 0 },	{ IS_TCP | IS_IPV4, 0, 1448 },
		{ IS_TCP | IS_IPV4, 53, 1448 }, { IS_TCP | IS_IPV4, 55, 1448 },
		{ IS_TCP | IS_IPV4, 255, 1 },	{ IS_IPV4, ALL, 1448 },
		{ IS_TCP, ALL, 1448 },
	};

	for (unsigned int tso = 0; tso < 2; tso++) {
		setup(tso ? NET_CSUM | NET_TSO4 | NET_TSO6 : 0);
		for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
			make_tcp(1500);
			put_context(bad[i].cmd | TSE, bad[i].hdr_len,
				    bad[i].mss);
			fake_e1000_put(&f, gpa(0), 1500 | DATA | TSE | EOP | RS,
				       TXSM);
			fake_e1000_send(&f);
			CHECK(fake_e1000_done(&f, TX, 1));
			CHECK(wire_is_silent());
			CHECK_EQ(fake_e1000_read(&f, 0x40fc), 1);
			sends_after_a_reset();
			fake_e1000_write(&f, 0, 1u << 26);
			fake_e1000_start(&f, 0, 0);
		}
		teardown();
	}
}

static void contexts_alone_never_hold_up_others(void)
{
	setup(0);
	for (unsigned int n = 0; n < 300; n++) {
		for (unsigned int i = 0; i < 15; i++)
			fake_e1000_put(&f, UINT64_MAX, DEXT | RS, UINT32_MAX);
		fake_e1000_send(&f);
	}
	sends_after_a_reset();
	/* Checksums that point anywhere. */
	fake_e1000_put(&f, UINT64_MAX, DEXT | RS, UINT32_MAX);
	fake_e1000_put(&f, gpa(0), 300 | DATA | EOP | RS, TXSM | IXSM);
	fake_e1000_put(&f, gpa(0), 100 | 0xff << 16 | IC | EOP | RS, 0xff << 8);
	fake_e1000_send(&f);
	CHECK_EQ(receive(), HDR + 300);
	CHECK_EQ(receive(), HDR + 100);
	teardown();
}

int main(void)
{
	TAP_RUN(frame_leaves_and_its_descriptor_comes_back);
	TAP_RUN(counters_clear_when_read);
	TAP_RUN(pieces_become_one_frame);
	TAP_RUN(frame_of_very_many_pieces_is_sent);
	TAP_RUN(short_frame_is_padded_if_asked);
	TAP_RUN(tag_is_inserted);
	TAP_RUN(checksum_is_left_to_the_back_end);
	TAP_RUN(checksum_is_made_here_otherwise);
	TAP_RUN(segments_are_left_to_the_back_end);
	TAP_RUN(segments_are_made_here_otherwise);
	TAP_RUN(full_back_end_is_waited_for);
	TAP_RUN(reset_under_load_leaves_a_card_that_works);
	TAP_RUN(ring_that_is_none_stops_the_queue_alone);
	TAP_RUN(senseless_frames_are_dropped);
	TAP_RUN(senseless_segmentation_is_refused);
	TAP_RUN(contexts_alone_never_hold_up_others);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzz: a guest that writes an e1000's registers, its rings and their buffers,
 * while frames come and go. */
/*
 * How this works
 *
 * The input is a byte of offloads, then 8-byte records {what, offset, value}.
 * There is no I/O thread: after each record its callbacks run here, so that a
 * failure is the input's alone. Both rings are set up first; what is written to
 * registers mostly goes to those that do something.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/fake/e1000.h"

static struct fake_e1000 f;

static const uint16_t regs[] = {
	0x0,	0x10,	0x14,	0x20,	0x38,	0xc0,	0xc4,	0xc8,
	0xd0,	0xd8,	0x100,	0x400,	0x2800, 0x2808, 0x2810, 0x2818,
	0x3800, 0x3804, 0x3808, 0x3810, 0x3818, 0x5000, 0x5200, 0x5400,
	0x5404, 0x5600, 0x2804, 0x4080, 0x4088, 0x4124, 0x1000, 0x5858,
};

/* What the loop would do. A bell that rings itself is answered a few times. */
static void run_callbacks(void)
{
	struct e1000 *d = f.nic;

	for (unsigned int i = 0; i < 4; i++)
		d->bell.ready(&d->bell, EPOLLIN);
	d->rx.source.ready(&d->rx.source, EPOLLIN);
}

static void drain_wire(void)
{
	uint8_t frame[NET_HDR_LEN + 64];
	ssize_t n;

	do
		n = recv(f.wire, frame, sizeof(frame), MSG_DONTWAIT);
	while (n > 0);
	f.nic->tx.writable.ready(&f.nic->tx.writable, EPOLLOUT);
}

static void arrive(uint16_t off, uint32_t value)
{
	static uint8_t frame[NET_HDR_LEN + NET_MAX_FRAME];
	size_t len = value & 0x800 ? off : off % 2048;

	memcpy(frame + NET_HDR_LEN,
	       value & 1 ? "\xff\xff\xff\xff\xff\xff"
			 : "\x52\x54\0\x12\x34\x56",
	       6);
	put_le(frame + NET_HDR_LEN + 12, value & 2 ? 0x0081 : 8, 2);
	if (send(f.wire, frame, NET_HDR_LEN + len, MSG_DONTWAIT) < 0)
		return; /* it is full */
}

/* A frame that is to be segmented, of which the input changes a little. */
static void send_large(uint16_t off, uint32_t value)
{
	uint8_t *p = fake_e1000_data(&f, 0);
	bool is_ipv4 = off & 1;
	unsigned int tcp = is_ipv4 ? 34 : 54;
	uint64_t places = 14 | 24 << 8 | 33 << 16;

	places |= (uint64_t)(tcp | (tcp + 16) << 8) << 32;
	p[tcp + 12] = 0x50;
	p[tcp + 13] = off & 2 ? 0x80 : 0x18;
	fake_e1000_put(&f, places ^ (off & 4 ? value >> 24 : 0),
		       0x25000000 | (is_ipv4 ? 0x02000000 : 0),
		       (tcp + 20) << 8 | value << 16);
	fake_e1000_put(&f, FAKE_E1000_DATA, 0x2d100000 | (value >> 8 & 0xffff),
		       3 << 8);
	fake_e1000_send(&f);
}

static void step(const uint8_t *record)
{
	uint16_t off = (uint16_t)get_le(record + 2, 2);
	uint32_t value = (uint32_t)get_le(record + 4, 4);

	switch (record[0] & 7) {
	case 0:
		fake_e1000_write(&f, off & 0x7ffc, value);
		break;
	case 1:
	case 2:
		fake_e1000_write(&f, regs[record[1] % ARRAY_SIZE(regs)], value);
		break;
	case 3: /* a dword of the transmit ring */
		put_le(fake_e1000_desc(&f, FAKE_E1000_TX, 0) + (off & 0xfc),
		       value, 4);
		break;
	case 4: /* of the receive ring, or of a buffer */
		if (record[1] & 1)
			put_le(fake_e1000_data(&f, 0) + (off & 0xffc), value,
			       4);
		else
			put_le(fake_e1000_desc(&f, FAKE_E1000_RX, 0) +
				       (off & 0xfc),
			       value, 4);
		break;
	case 5:
		fake_e1000_read(&f, record[1] & 1
					    ? off & 0x7ffc
					    : regs[off % ARRAY_SIZE(regs)]);
		break;
	case 6: /* one descriptor, ready to be sent */
		fake_e1000_put(&f, FAKE_E1000_DATA + (off & 0x3ff), value,
			       (uint32_t)record[1] << 8 | (uint32_t)off << 16);
		fake_e1000_send(&f);
		break;
	default:
		if (record[1] & 1)
			arrive(off, value);
		else if (record[1] & 2)
			send_large(off, value);
		else
			drain_wire();
	}
	run_callbacks();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	log_set_level(LOG_ERROR);
	fake_e1000_init(&f, data[0] & 0x1f, false);
	fake_e1000_start(&f, 0x8018, 0);
	fake_e1000_feed(&f, 8);
	for (size_t i = 1; i + 8 <= size && i < 8 * 128; i += 8)
		step(data + i);
	fake_e1000_fini(&f);
	return 0;
}

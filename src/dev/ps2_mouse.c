// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A PS/2 mouse with a wheel, as Microsoft's IntelliMouse.
 *
 * How this works: movement adds up until there is room for a packet of it, so
 * a flood of it costs precision in time and nothing else. A driver that knows
 * of the wheel asks for it by setting the rates 200, 100 and 80 in turn;
 * packets have four bytes from then on, and the mouse has another number.
 *
 * Deliberately missing: rates are remembered and not kept; scaling likewise.
 *
 * Commands: IBM PS/2 hardware interface technical reference, mouse.
 */
#include "src/base/bits.h"
#include "src/dev/ps2.h"
#include "src/display/display.h"

enum {
	CMD_SCALE_1 = 0xe6,
	CMD_SCALE_2 = 0xe7,
	CMD_RESOLUTION = 0xe8,
	CMD_STATUS = 0xe9,
	CMD_STREAM = 0xea,
	CMD_POLL = 0xeb,
	CMD_UNWRAP = 0xec,
	CMD_WRAP = 0xee,
	CMD_REMOTE = 0xf0,
	CMD_ID = 0xf2,
	CMD_RATE = 0xf3,
	CMD_ENABLE = 0xf4,
	CMD_DISABLE = 0xf5,
	CMD_DEFAULTS = 0xf6,
	CMD_RESET = 0xff,
	REPLY_ACK = 0xfa,
	REPLY_RESEND = 0xfe,
	REPLY_TEST_OK = 0xaa,

	ID_PLAIN = 0,
	ID_WHEEL = 3,
	DEFAULT_RATE = 100,
	DEFAULT_RESOLUTION = 2,
	STATUS_REMOTE = 0x40,
	STATUS_ON = 0x20,
	STATUS_SCALED = 0x10,
	PACKET_ALWAYS = 0x08,
	PACKET_DX_NEGATIVE = 0x10,
	PACKET_DY_NEGATIVE = 0x20,
	BUTTONS = BUTTON_LEFT | BUTTON_RIGHT | BUTTON_MIDDLE,
	MAX_PACKETS = 8, /* that wait; what comes then adds up */
	PACKET_LEN = 4,
	MAX_STEP = 255, /* 9 bits with the sign */
	MAX_WHEEL = 7,	/* 4 bits of it count */
	MAX_PENDING = 65536,
};

static int clamp(int v, int max)
{
	if (v > max)
		return max;
	return v < -max ? -max : v;
}

static void set_defaults(struct ps2_mouse *m)
{
	m->packets.len = 0;
	m->is_on = m->is_remote = m->is_wrapped = m->is_scaled = false;
	m->rate = DEFAULT_RATE;
	m->resolution = DEFAULT_RESOLUTION;
	m->awaits = 0;
	m->dx = m->dy = m->dz = 0;
	m->told_buttons = m->buttons;
}

void ps2_mouse_init(struct ps2_mouse *m)
{
	*m = (struct ps2_mouse){ .id = ID_PLAIN };
	set_defaults(m);
}

static void reply(struct ps2_mouse *m, uint8_t byte)
{
	ps2_queue_put(&m->replies, byte);
}

/* Takes a step of what has added up. */
static void put_packet(struct ps2_mouse *m, struct ps2_queue *q)
{
	int dx = clamp(m->dx, MAX_STEP), dy = clamp(m->dy, MAX_STEP);
	int dz = clamp(m->dz, MAX_WHEEL);
	unsigned int flags = PACKET_ALWAYS | m->buttons;

	m->dx -= dx;
	m->dy -= dy;
	m->dz -= dz;
	m->told_buttons = m->buttons;
	if (dx < 0)
		flags |= PACKET_DX_NEGATIVE;
	if (dy > 0) /* up is positive on the wire */
		flags |= PACKET_DY_NEGATIVE;
	ps2_queue_put(q, (uint8_t)flags);
	ps2_queue_put(q, (uint8_t)dx);
	ps2_queue_put(q, (uint8_t)-dy);
	if (m->id == ID_WHEEL)
		ps2_queue_put(q, (uint8_t)dz);
}

static void stream(struct ps2_mouse *m)
{
	while (m->is_on && !m->is_remote && !m->is_wrapped &&
	       m->packets.len <= (MAX_PACKETS - 1) * PACKET_LEN &&
	       (m->dx || m->dy || m->dz || m->buttons != m->told_buttons))
		put_packet(m, &m->packets);
}

static uint8_t status(const struct ps2_mouse *m)
{
	/* Left is bit 2, right is bit 0. */
	unsigned int v = (m->buttons & BUTTON_LEFT ? 4u : 0u) |
			 (m->buttons & BUTTON_MIDDLE ? 2u : 0u) |
			 (m->buttons & BUTTON_RIGHT ? 1u : 0u);

	if (m->is_remote)
		v |= STATUS_REMOTE;
	if (m->is_on)
		v |= STATUS_ON;
	if (m->is_scaled)
		v |= STATUS_SCALED;
	return (uint8_t)v;
}

/* The commands that answer more than that they came. */
static void answer(struct ps2_mouse *m, uint8_t command)
{
	switch (command) {
	case CMD_STATUS:
		reply(m, status(m));
		reply(m, m->resolution);
		reply(m, m->rate);
		break;
	case CMD_POLL:
		put_packet(m, &m->replies);
		break;
	case CMD_ID:
		reply(m, m->id);
		break;
	case CMD_RESET:
		set_defaults(m);
		m->id = ID_PLAIN;
		reply(m, REPLY_TEST_OK);
		reply(m, ID_PLAIN);
		break;
	default:
		break;
	}
}

static void set_mode(struct ps2_mouse *m, uint8_t command)
{
	switch (command) {
	case CMD_SCALE_1:
	case CMD_SCALE_2:
		m->is_scaled = command == CMD_SCALE_2;
		break;
	case CMD_RESOLUTION:
	case CMD_RATE:
		m->awaits = command;
		break;
	case CMD_STREAM:
	case CMD_REMOTE:
		m->is_remote = command == CMD_REMOTE;
		break;
	case CMD_WRAP:
		m->is_wrapped = true;
		break;
	case CMD_ENABLE:
		m->is_on = true;
		m->told_buttons = m->buttons;
		break;
	case CMD_DISABLE:
		m->is_on = false;
		m->packets.len = 0;
		break;
	case CMD_DEFAULTS:
		set_defaults(m);
		break;
	default:
		break;
	}
}

static void do_argument(struct ps2_mouse *m, uint8_t value)
{
	if (m->awaits == CMD_RESOLUTION) {
		m->resolution = value;
	} else {
		m->rate = value;
		m->rates[0] = m->rates[1];
		m->rates[1] = m->rates[2];
		m->rates[2] = value;
		if (m->rates[0] == 200 && m->rates[1] == 100 &&
		    m->rates[2] == 80)
			m->id = ID_WHEEL;
	}
	m->awaits = 0;
	reply(m, REPLY_ACK);
}

static bool is_command(uint8_t byte)
{
	return (byte >= CMD_SCALE_1 && byte <= CMD_UNWRAP) ||
	       byte == CMD_WRAP || byte == CMD_REMOTE ||
	       (byte >= CMD_ID && byte <= CMD_DEFAULTS) || byte == CMD_RESET;
}

void ps2_mouse_write(struct ps2_mouse *m, uint8_t byte)
{
	m->replies.len = 0;
	if (m->awaits) {
		do_argument(m, byte);
		return;
	}
	if (m->is_wrapped && byte != CMD_UNWRAP && byte != CMD_RESET) {
		reply(m, byte);
		return;
	}
	m->is_wrapped = false;
	if (!is_command(byte)) {
		reply(m, REPLY_RESEND);
		return;
	}
	reply(m, REPLY_ACK);
	set_mode(m, byte);
	answer(m, byte);
}

bool ps2_mouse_read(struct ps2_mouse *m, uint8_t *byte)
{
	if (ps2_queue_get(&m->replies, byte))
		return true;
	stream(m);
	return ps2_queue_get(&m->packets, byte);
}

void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz,
		    unsigned int buttons)
{
	m->buttons = buttons & BUTTONS;
	if (!m->is_on)
		return;
	m->dx = clamp(m->dx + clamp(dx, MAX_PENDING), MAX_PENDING);
	m->dy = clamp(m->dy + clamp(dy, MAX_PENDING), MAX_PENDING);
	m->dz = clamp(m->dz + clamp(dz, MAX_PENDING), MAX_PENDING);
	stream(m);
}

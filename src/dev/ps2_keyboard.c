// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A PS/2 keyboard.
 *
 * How this works: it speaks scancode set 2, the only one that it has, and the
 * controller makes set 1 of that. In both sets the keys of the first PC have
 * one byte, the rest has 0xe0 before it, and set 1 numbers the former as Linux
 * does: so one table is both the keyboard's and the controller's.
 *
 * A key is told only if there is room left for the release of all that are
 * held: no flood of keys leaves one pressed for ever.
 *
 * Deliberately missing: typematic repeat (who shows the display repeats), sets
 * 1 and 3.
 *
 * Commands: IBM PS/2 hardware interface technical reference, keyboards.
 */
#include <linux/input-event-codes.h>

#include "src/base/bits.h"
#include "src/dev/ps2.h"

enum {
	CMD_LEDS = 0xed,
	CMD_ECHO = 0xee,
	CMD_SET = 0xf0, /* of scancodes */
	CMD_ID = 0xf2,
	CMD_RATE = 0xf3,
	CMD_ENABLE = 0xf4,
	CMD_DISABLE = 0xf5,
	CMD_DEFAULTS = 0xf6,
	CMD_ALL_KEYS = 0xf7, /* to CMD_ONE_KEY: of set 3 */
	CMD_ALL_KEYS_LAST = 0xfa,
	CMD_RESEND = 0xfe,
	CMD_RESET = 0xff,
	REPLY_ACK = 0xfa,
	REPLY_RESEND = 0xfe,
	REPLY_TEST_OK = 0xaa,
	ID_1 = 0xab,
	ID_2 = 0x83,
	THE_SET = 2,

	EXTENDED = 0xe0,
	RELEASE = 0xf0,
	RELEASE_LEN = 3, /* the longest */
	MAX_KEYCODE = 127,
};

/* Set 2 by set 1, which is the keycode. */
static const uint8_t set2[] = {
	0x00, 0x76, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45,
	0x4e, 0x55, 0x66, 0x0d, 0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43,
	0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x14, 0x1c, 0x1b, 0x23, 0x2b, 0x34, 0x33,
	0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x0e, 0x12, 0x5d, 0x1a, 0x22, 0x21, 0x2a,
	0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7c, 0x11, 0x29, 0x58, 0x05,
	0x06, 0x04, 0x0c, 0x03, 0x0b, 0x83, 0x0a, 0x01, 0x09, 0x77, 0x7e, 0x6c,
	0x75, 0x7d, 0x7b, 0x6b, 0x73, 0x74, 0x79, 0x69, 0x72, 0x7a, 0x70, 0x71,
	0x84, 0x60, 0x61, 0x78, 0x07,
};

static const struct {
	uint8_t keycode, code; /* in set 2, after EXTENDED */
} extended[] = {
	{ KEY_KPENTER, 0x5a },	  { KEY_RIGHTCTRL, 0x14 },
	{ KEY_KPSLASH, 0x4a },	  { KEY_SYSRQ, 0x7c },
	{ KEY_RIGHTALT, 0x11 },	  { KEY_HOME, 0x6c },
	{ KEY_UP, 0x75 },	  { KEY_PAGEUP, 0x7d },
	{ KEY_LEFT, 0x6b },	  { KEY_RIGHT, 0x74 },
	{ KEY_END, 0x69 },	  { KEY_DOWN, 0x72 },
	{ KEY_PAGEDOWN, 0x7a },	  { KEY_INSERT, 0x70 },
	{ KEY_DELETE, 0x71 },	  { KEY_MUTE, 0x23 },
	{ KEY_VOLUMEDOWN, 0x21 }, { KEY_VOLUMEUP, 0x32 },
	{ KEY_LEFTMETA, 0x1f },	  { KEY_RIGHTMETA, 0x27 },
	{ KEY_COMPOSE, 0x2f },
};

/* Ctrl, then Num Lock, pressed and released; there is no release. */
static const uint8_t pause_codes[] = { 0xe1, 0x14, 0x77, 0xe1,
				       0xf0, 0x14, 0xf0, 0x77 };

void ps2_queue_put(struct ps2_queue *q, uint8_t byte)
{
	if (q->len < PS2_QUEUE_LEN)
		q->bytes[(q->head + q->len++) % PS2_QUEUE_LEN] = byte;
}

bool ps2_queue_get(struct ps2_queue *q, uint8_t *byte)
{
	if (!q->len)
		return false;
	*byte = q->bytes[q->head];
	q->head = (q->head + 1) % PS2_QUEUE_LEN;
	q->len--;
	return true;
}

uint8_t ps2_translate(uint8_t byte)
{
	/* Those that exist with EXTENDED only. */
	if (byte == 0x1f || byte == 0x27)
		return byte == 0x1f ? 0x5b : 0x5c;
	if (byte == 0x2f)
		return 0x5d;
	for (size_t i = 1; i < ARRAY_SIZE(set2); i++)
		if (set2[i] == byte)
			return (uint8_t)i;
	return byte;
}

static void forget_keys(struct ps2_keyboard *k)
{
	k->keys.len = 0;
	k->held[0] = k->held[1] = 0;
	k->nr_held = 0;
}

static void set_defaults(struct ps2_keyboard *k, bool on)
{
	forget_keys(k);
	k->is_on = on;
	k->awaits = 0;
}

void ps2_keyboard_init(struct ps2_keyboard *k)
{
	*k = (struct ps2_keyboard){ .is_on = true };
}

static void reply(struct ps2_keyboard *k, uint8_t byte)
{
	ps2_queue_put(&k->replies, byte);
}

static void do_command(struct ps2_keyboard *k, uint8_t command)
{
	k->awaits = 0;
	if (command == CMD_RESEND) {
		reply(k, k->last);
		return;
	}
	if (command == CMD_ECHO) {
		reply(k, CMD_ECHO);
		return;
	}
	reply(k, REPLY_ACK);
	switch (command) {
	case CMD_LEDS:
	case CMD_SET:
	case CMD_RATE:
		k->awaits = command;
		break;
	case CMD_ID:
		reply(k, ID_1);
		reply(k, ID_2);
		break;
	case CMD_ENABLE:
		k->is_on = true;
		break;
	case CMD_DISABLE:
	case CMD_DEFAULTS:
		set_defaults(k, command == CMD_DEFAULTS);
		break;
	case CMD_RESET:
		set_defaults(k, true);
		reply(k, REPLY_TEST_OK);
		break;
	default:
		break;
	}
}

static void do_argument(struct ps2_keyboard *k, uint8_t value)
{
	bool asks = k->awaits == CMD_SET && value == 0;
	bool is_other_set = k->awaits == CMD_SET && value && value != THE_SET;

	k->awaits = 0;
	reply(k, is_other_set ? REPLY_RESEND : REPLY_ACK);
	if (asks)
		reply(k, THE_SET);
}

static bool is_command(uint8_t byte)
{
	return byte == CMD_LEDS || byte == CMD_ECHO || byte == CMD_SET ||
	       (byte >= CMD_ID && byte <= CMD_ALL_KEYS_LAST) ||
	       byte == CMD_RESEND || byte == CMD_RESET;
}

void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t byte)
{
	/* Who asks again has given up on the last answer. */
	if (!k->awaits || is_command(byte))
		k->replies.len = 0;
	if (is_command(byte))
		do_command(k, byte);
	else if (k->awaits)
		do_argument(k, byte);
	else
		reply(k, REPLY_RESEND);
}

bool ps2_keyboard_read(struct ps2_keyboard *k, uint8_t *byte)
{
	if (!ps2_queue_get(&k->replies, byte) && !ps2_queue_get(&k->keys, byte))
		return false;
	k->last = *byte;
	return true;
}

/* The bytes for a key; 0: there is no such key. */
static unsigned int codes_of(unsigned int keycode, bool down, uint8_t *out)
{
	unsigned int n = 0;
	uint8_t code = 0;

	if (keycode < ARRAY_SIZE(set2) && keycode != KEY_ZENKAKUHANKAKU &&
	    keycode != 84)
		code = set2[keycode];
	for (size_t i = 0; !code && i < ARRAY_SIZE(extended); i++) {
		if (extended[i].keycode != keycode)
			continue;
		code = extended[i].code;
		out[n++] = EXTENDED;
	}
	if (!code)
		return 0;
	if (!down)
		out[n++] = RELEASE;
	out[n++] = code;
	return n;
}

static void put_keys(struct ps2_keyboard *k, const uint8_t *codes,
		     unsigned int nr, unsigned int nr_held)
{
	if (k->keys.len + nr + nr_held * RELEASE_LEN > PS2_QUEUE_LEN)
		return;
	for (unsigned int i = 0; i < nr; i++)
		ps2_queue_put(&k->keys, codes[i]);
	k->nr_held = nr_held;
}

void ps2_keyboard_key(struct ps2_keyboard *k, unsigned int keycode, bool down)
{
	uint8_t codes[RELEASE_LEN];
	unsigned int nr, before = k->nr_held;
	uint64_t bit = 1ULL << (keycode % 64), *word;

	if (keycode > MAX_KEYCODE || !k->is_on)
		return;
	if (keycode == KEY_PAUSE) {
		if (down)
			put_keys(k, pause_codes, ARRAY_SIZE(pause_codes),
				 k->nr_held);
		return;
	}
	word = &k->held[keycode / 64];
	nr = codes_of(keycode, down, codes);
	if (!nr || (!down && !(*word & bit)))
		return;
	if (*word & bit) {
		/* Released, or repeated. */
		put_keys(k, codes, nr, down ? before : before - 1);
		if (!down)
			*word &= ~bit;
	} else {
		put_keys(k, codes, nr, before + 1);
		if (k->nr_held != before)
			*word |= bit;
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a viewer types and points at, in the terms of a PC's keyboard and mouse.
 *
 * How this works: a character that wants Shift, from a viewer that does not
 * hold it (another layout, or a program), gets it for the moment of the press,
 * and the other way round. Caps Lock counts for letters: the guest has seen it
 * as well. Not while Ctrl, Alt or Meta is held: then the key is meant.
 *
 * Keys that are held are known, so that they do not stay pressed when the
 * viewer goes. The pointer's place becomes movement; the guest's pointer
 * follows at its own speed.
 */
#include <linux/input-event-codes.h>

#include "src/base/bits.h"
#include "src/display/typist.h"

enum {
	RFB_LEFT = 1,
	RFB_MIDDLE = 2,
	RFB_RIGHT = 4,
	RFB_WHEEL_UP = 8,
	RFB_WHEEL_DOWN = 16,
};

static bool is_held(const struct typist *t, unsigned int keycode)
{
	return t->held[keycode / 64] >> (keycode % 64) & 1;
}

static void send_key(const struct typist *t, unsigned int keycode, bool down)
{
	if (t->d)
		t->d->input->key(t->d->input_ctx, keycode, down);
}

static void send_mouse(const struct typist *t, int dx, int dy, int dz,
		       unsigned int buttons)
{
	if (t->d)
		t->d->input->mouse(t->d->input_ctx, dx, dy, dz, buttons);
}

/* Shift as it is held by the viewer, turned into the other state and back. */
static void turn_shift(const struct typist *t, bool is_on, bool back)
{
	if (!is_on) {
		send_key(t, KEY_LEFTSHIFT, !back);
		return;
	}
	if (is_held(t, KEY_LEFTSHIFT))
		send_key(t, KEY_LEFTSHIFT, back);
	if (is_held(t, KEY_RIGHTSHIFT))
		send_key(t, KEY_RIGHTSHIFT, back);
}

static bool means_the_key(const struct typist *t)
{
	return is_held(t, KEY_LEFTCTRL) || is_held(t, KEY_RIGHTCTRL) ||
	       is_held(t, KEY_LEFTALT) || is_held(t, KEY_LEFTMETA) ||
	       is_held(t, KEY_RIGHTMETA);
}

static void press(const struct typist *t, const struct keysym_key *k)
{
	bool has = is_held(t, KEY_LEFTSHIFT) || is_held(t, KEY_RIGHTSHIFT);
	bool wants = k->shift == SHIFT_ON;

	if (k->is_letter && t->caps)
		wants = !wants;
	if (k->shift == SHIFT_ANY || wants == has || means_the_key(t)) {
		send_key(t, k->keycode, true);
		return;
	}
	turn_shift(t, has, false);
	send_key(t, k->keycode, true);
	turn_shift(t, has, true);
}

void typist_key(struct typist *t, uint32_t keysym, bool down)
{
	struct keysym_key k;
	uint64_t bit, *word;

	if (!keysym_find(keysym, &k))
		return;
	word = &t->held[k.keycode / 64];
	bit = 1ULL << (k.keycode % 64);
	if (down) {
		if (k.keycode == KEY_CAPSLOCK && !(*word & bit))
			t->caps = !t->caps;
		press(t, &k);
		*word |= bit;
	} else if (*word & bit) {
		send_key(t, k.keycode, false);
		*word &= ~bit;
	}
}

static unsigned int to_buttons(unsigned int rfb)
{
	return (rfb & RFB_LEFT ? (unsigned int)BUTTON_LEFT : 0u) |
	       (rfb & RFB_MIDDLE ? (unsigned int)BUTTON_MIDDLE : 0u) |
	       (rfb & RFB_RIGHT ? (unsigned int)BUTTON_RIGHT : 0u);
}

void typist_pointer(struct typist *t, int x, int y, unsigned int buttons)
{
	unsigned int pressed = buttons & ~t->buttons;
	int dz = 0;

	if (!t->has_pointer) {
		t->x = x;
		t->y = y;
		t->has_pointer = true;
	}
	if (pressed & RFB_WHEEL_UP)
		dz--;
	if (pressed & RFB_WHEEL_DOWN)
		dz++;
	if (x != t->x || y != t->y || dz ||
	    to_buttons(buttons) != to_buttons(t->buttons))
		send_mouse(t, x - t->x, y - t->y, dz, to_buttons(buttons));
	t->x = x;
	t->y = y;
	t->buttons = buttons;
}

void typist_leave(struct typist *t)
{
	for (unsigned int key = 1; key <= TYPIST_MAX_KEY; key++)
		if (is_held(t, key))
			send_key(t, key, false);
	t->held[0] = t->held[1] = 0;
	if (to_buttons(t->buttons))
		send_mouse(t, 0, 0, 0, 0);
	t->buttons = 0;
}

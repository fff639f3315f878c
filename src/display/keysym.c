// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keys that X's names of characters stand for.
 *
 * How this works: VNC says which character was typed, a PC's keyboard which
 * key. The guest is taken to have a US keyboard, as Linux's console does; for a
 * character it is known whether that wants Shift. Numbers are those of
 * X11/keysymdef.h: ASCII as it is, keys from 0xff00 on.
 */
#include <linux/input-event-codes.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/display/typist.h"

/* The keys of characters, without and with Shift. */
static const struct row {
	const char *plain, *shifted;
	unsigned int first; /* keycodes count up from here */
} rows[] = {
	{ "1234567890-=", "!@#$%^&*()_+", KEY_1 },
	{ "qwertyuiop[]", "QWERTYUIOP{}", KEY_Q },
	{ "asdfghjkl;'`", "ASDFGHJKL:\"~", KEY_A },
	{ "\\zxcvbnm,./", "|ZXCVBNM<>?", KEY_BACKSLASH },
};

static const struct {
	uint16_t keysym;
	uint16_t keycode;
} keys[] = {
	{ 0x0020, KEY_SPACE },	    { 0xff08, KEY_BACKSPACE },
	{ 0xff09, KEY_TAB },	    { 0xfe20, KEY_TAB }, /* with Shift */
	{ 0xff0a, KEY_ENTER },	    { 0xff0d, KEY_ENTER },
	{ 0xff13, KEY_PAUSE },	    { 0xff14, KEY_SCROLLLOCK },
	{ 0xff15, KEY_SYSRQ },	    { 0xff1b, KEY_ESC },
	{ 0xff50, KEY_HOME },	    { 0xff51, KEY_LEFT },
	{ 0xff52, KEY_UP },	    { 0xff53, KEY_RIGHT },
	{ 0xff54, KEY_DOWN },	    { 0xff55, KEY_PAGEUP },
	{ 0xff56, KEY_PAGEDOWN },   { 0xff57, KEY_END },
	{ 0xff61, KEY_SYSRQ },	    { 0xff63, KEY_INSERT },
	{ 0xff67, KEY_COMPOSE },    { 0xff7f, KEY_NUMLOCK },
	{ 0xff8d, KEY_KPENTER },    { 0xff95, KEY_KP7 },
	{ 0xff96, KEY_KP4 },	    { 0xff97, KEY_KP8 },
	{ 0xff98, KEY_KP6 },	    { 0xff99, KEY_KP2 },
	{ 0xff9a, KEY_KP9 },	    { 0xff9b, KEY_KP3 },
	{ 0xff9c, KEY_KP1 },	    { 0xff9d, KEY_KP5 },
	{ 0xff9e, KEY_KP0 },	    { 0xff9f, KEY_KPDOT },
	{ 0xffaa, KEY_KPASTERISK }, { 0xffab, KEY_KPPLUS },
	{ 0xffad, KEY_KPMINUS },    { 0xffae, KEY_KPDOT },
	{ 0xffaf, KEY_KPSLASH },    { 0xffb0, KEY_KP0 },
	{ 0xffb1, KEY_KP1 },	    { 0xffb2, KEY_KP2 },
	{ 0xffb3, KEY_KP3 },	    { 0xffb4, KEY_KP4 },
	{ 0xffb5, KEY_KP5 },	    { 0xffb6, KEY_KP6 },
	{ 0xffb7, KEY_KP7 },	    { 0xffb8, KEY_KP8 },
	{ 0xffb9, KEY_KP9 },	    { 0xffbe, KEY_F1 },
	{ 0xffbf, KEY_F2 },	    { 0xffc0, KEY_F3 },
	{ 0xffc1, KEY_F4 },	    { 0xffc2, KEY_F5 },
	{ 0xffc3, KEY_F6 },	    { 0xffc4, KEY_F7 },
	{ 0xffc5, KEY_F8 },	    { 0xffc6, KEY_F9 },
	{ 0xffc7, KEY_F10 },	    { 0xffc8, KEY_F11 },
	{ 0xffc9, KEY_F12 },	    { 0xffe1, KEY_LEFTSHIFT },
	{ 0xffe2, KEY_RIGHTSHIFT }, { 0xffe3, KEY_LEFTCTRL },
	{ 0xffe4, KEY_RIGHTCTRL },  { 0xffe5, KEY_CAPSLOCK },
	{ 0xffe7, KEY_LEFTMETA },   { 0xffe8, KEY_RIGHTMETA },
	{ 0xffe9, KEY_LEFTALT },    { 0xffea, KEY_RIGHTALT },
	{ 0xffeb, KEY_LEFTMETA },   { 0xffec, KEY_RIGHTMETA },
	{ 0xfe03, KEY_RIGHTALT }, /* AltGr */
	{ 0xff7e, KEY_RIGHTALT },   { 0xffff, KEY_DELETE },
};

static bool find_in(const char *row, char c, unsigned int *at)
{
	const char *p = strchr(row, c);

	*at = p ? (unsigned int)(p - row) : 0;
	return p != NULL;
}

static bool find_character(char c, struct keysym_key *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned int at;
		bool is_shifted = find_in(rows[i].shifted, c, &at);

		if (!is_shifted && !find_in(rows[i].plain, c, &at))
			continue;
		out->keycode = rows[i].first + at;
		out->shift = is_shifted ? SHIFT_ON : SHIFT_OFF;
		out->is_letter =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		return true;
	}
	return false;
}

bool keysym_find(uint32_t keysym, struct keysym_key *out)
{
	*out = (struct keysym_key){ .shift = SHIFT_ANY };
	if (keysym > 0x20 && keysym < 0x7f)
		return find_character((char)keysym, out);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].keysym == keysym) {
			out->keycode = keys[i].keycode;
			return true;
		}
	}
	return false;
}

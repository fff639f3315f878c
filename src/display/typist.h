/* SPDX-License-Identifier: GPL-2.0-or-later */
/* X's names of characters and keys, and who types them. */
#ifndef STRAIT_DISPLAY_TYPIST_H
#define STRAIT_DISPLAY_TYPIST_H

#include "src/display/display.h"

enum keysym_shift { SHIFT_ANY, SHIFT_OFF, SHIFT_ON };

struct keysym_key {
	unsigned int keycode;	 /* on a US keyboard */
	enum keysym_shift shift; /* that makes the character of the key */
	bool is_letter;
};
/* False: no key of a US keyboard makes it. */
bool keysym_find(uint32_t keysym, struct keysym_key *out);

/* --- typist.c: one viewer's keys and pointer, as an input takes them --- */

enum { TYPIST_MAX_KEY = 127 };

struct typist {
	const struct display *d; /* NULL: nobody listens */
	uint64_t held[2];	 /* one bit per keycode */
	bool caps;
	bool has_pointer; /* x and y are known */
	int x, y;
	unsigned int buttons; /* as RFB has them */
};
void typist_key(struct typist *t, uint32_t keysym, bool down);
/* buttons: RFB's mask, of which 8 and 16 are the wheel's steps. */
void typist_pointer(struct typist *t, int x, int y, unsigned int buttons);
/* Lets go of everything. */
void typist_leave(struct typist *t);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is plugged into the keyboard controller: a keyboard and a mouse, each
 * with a wire on which bytes go both ways. Their owner has the lock.
 */
#ifndef STRAIT_DEV_PS2_H
#define STRAIT_DEV_PS2_H

#include "src/base/types.h"

enum { PS2_QUEUE_LEN = 256 };

struct ps2_queue {
	uint8_t bytes[PS2_QUEUE_LEN];
	unsigned int head, len;
};

/* A byte that finds no room is lost. */
void ps2_queue_put(struct ps2_queue *q, uint8_t byte);
/* False if it is empty. */
bool ps2_queue_get(struct ps2_queue *q, uint8_t *byte);

/* Answers to commands overtake what is typed. */
struct ps2_keyboard {
	struct ps2_queue replies, keys;
	bool is_on;	  /* tells what is typed */
	uint8_t awaits;	  /* the command whose argument is next, or 0 */
	uint8_t last;	  /* byte sent */
	uint64_t held[2]; /* one bit per keycode */
	unsigned int nr_held;
};

void ps2_keyboard_init(struct ps2_keyboard *k);
/* A byte from the host. */
void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t byte);
/* The next byte to the host, in scancode set 2; false: none. */
bool ps2_keyboard_read(struct ps2_keyboard *k, uint8_t *byte);
/* keycode as in linux/input-event-codes.h; those that no keyboard of the kind
 * had are ignored. */
void ps2_keyboard_key(struct ps2_keyboard *k, unsigned int keycode, bool down);
/* A byte of scancode set 2 as the controller translates it to set 1. */
uint8_t ps2_translate(uint8_t byte);

struct ps2_mouse {
	struct ps2_queue replies, packets;
	bool is_on; /* tells of movement by itself */
	bool is_remote, is_wrapped, is_scaled;
	uint8_t awaits;
	uint8_t rate, resolution, id;
	uint8_t rates[3]; /* the last ones set: how a wheel is asked for */
	int dx, dy, dz;	  /* not told yet */
	unsigned int buttons, told_buttons;
};

void ps2_mouse_init(struct ps2_mouse *m);
void ps2_mouse_write(struct ps2_mouse *m, uint8_t byte);
bool ps2_mouse_read(struct ps2_mouse *m, uint8_t *byte);
/* To the right, down, of the wheel towards the user; BUTTON_* held now. */
void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz,
		    unsigned int buttons);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A keyboard controller at a pair of ports, with a keyboard and a mouse. */
#ifndef STRAIT_DEV_I8042_H
#define STRAIT_DEV_I8042_H

#include <pthread.h>

#include "src/base/err.h"
#include "src/core/bus.h"
#include "src/core/irq.h"
#include "src/dev/ps2.h"
#include "src/display/display.h"

/* Where a PC has its interrupts. */
enum { I8042_KEYBOARD_GSI = 1, I8042_MOUSE_GSI = 12 };

struct i8042_line {
	struct irq_line line;
	bool is_high;
};

/* Registers are touched on vCPU threads, keys and movement come from any;
 * all under lock. */
struct i8042 {
	pthread_mutex_t lock;
	struct bus_range data_range, command_range;
	struct i8042_line keyboard_line, mouse_line;
	void (*reset)(void *ctx);
	void *ctx;
	struct ps2_keyboard keyboard;
	struct ps2_mouse mouse;
	uint8_t config;	  /* the "command byte" */
	uint8_t outputs;  /* the output port */
	uint8_t command;  /* whose data is next, or 0: it is the keyboard's */
	bool was_command; /* the last write was */
	/* The output buffer, and what waits for it. */
	uint8_t out;
	bool is_full, is_mouses;
	struct ps2_queue answers; /* pairs: is it the mouse's, byte */
	bool is_release;	  /* translation has seen the prefix */
};

/*
 * Answers at port (data) and port + 4 (status and command). reset is called on
 * the vCPU thread that asks for a reset, without the lock. -EEXIST: somebody
 * answers there, perhaps struct power, whose i8042_range goes for this one.
 */
int i8042_init(struct i8042 *d, struct bus *pio, uint64_t port, struct irq *irq,
	       void (*reset)(void *ctx), void *ctx, struct err *e);
/* vCPUs have stopped and no key comes any more. Accepts a zeroed struct. */
void i8042_fini(struct i8042 *d, struct bus *pio);

/* As struct display_input_ops says. Any thread. */
void i8042_key(struct i8042 *d, unsigned int keycode, bool down);
void i8042_mouse(struct i8042 *d, int dx, int dy, int dz, unsigned int buttons);

/* ctx is the struct i8042. */
extern const struct display_input_ops i8042_input;

#endif

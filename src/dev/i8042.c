// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keyboard controller of a PC, with both its ports in use.
 *
 * How this works: everything that comes from the keyboard, the mouse or the
 * controller itself goes through one output buffer of one byte. When the guest
 * has taken it, the next is looked for: answers of the controller first, then
 * the keyboard's and the mouse's bytes, if their clock is on. A command is
 * carried out on the vCPU thread as it is written, so the input buffer is never
 * full and the answer is there at the next look: no probe waits.
 *
 * The interrupts are levels inside (the buffer is full and the interrupt is
 * enabled) of which each byte makes a new edge, as the IOAPIC wants it.
 *
 * Deliberately missing: A20 is always on, and the keyboard cannot be locked.
 *
 * Commands: IBM PS/2 hardware interface technical reference, keyboard and
 * auxiliary device controller.
 */
#include <string.h>

#include "src/base/bits.h"
#include "src/dev/i8042.h"

enum {
	COMMAND_OFFSET = 4,

	STATUS_FULL = 0x01,
	STATUS_SYSTEM = 0x04, /* the firmware's test has passed */
	STATUS_COMMAND = 0x08,
	STATUS_UNLOCKED = 0x10,
	STATUS_MOUSE = 0x20,

	CONFIG_KEYBOARD_INT = 0x01,
	CONFIG_MOUSE_INT = 0x02,
	CONFIG_SYSTEM = 0x04,
	CONFIG_KEYBOARD_OFF = 0x10,
	CONFIG_MOUSE_OFF = 0x20,
	CONFIG_TRANSLATE = 0x40,
	/* What firmware leaves, and Linux asks for. */
	CONFIG_INITIAL = CONFIG_KEYBOARD_INT | CONFIG_SYSTEM |
			 CONFIG_MOUSE_OFF | CONFIG_TRANSLATE,

	OUTPUT_NO_RESET = 0x01,
	OUTPUT_A20 = 0x02,
	OUTPUT_KEYBOARD_FULL = 0x10,
	OUTPUT_MOUSE_FULL = 0x20,

	CMD_READ_CONFIG = 0x20,
	CMD_WRITE_CONFIG = 0x60,
	CMD_MOUSE_OFF = 0xa7,
	CMD_MOUSE_ON = 0xa8,
	CMD_TEST_MOUSE = 0xa9,
	CMD_TEST = 0xaa,
	CMD_TEST_KEYBOARD = 0xab,
	CMD_KEYBOARD_OFF = 0xad,
	CMD_KEYBOARD_ON = 0xae,
	CMD_READ_INPUTS = 0xc0,
	CMD_READ_OUTPUTS = 0xd0,
	CMD_WRITE_OUTPUTS = 0xd1,
	CMD_KEYBOARD_SAYS = 0xd2,
	CMD_MOUSE_SAYS = 0xd3,
	CMD_TO_MOUSE = 0xd4,
	CMD_PULSE = 0xf0, /* the outputs whose bits are 0 */
	ANSWER_TEST_OK = 0x55,
	ANSWER_PORT_OK = 0x00,
	INPUTS_UNLOCKED = 0x80,

	PREFIX_RELEASE = 0xf0,
	SET1_RELEASE = 0x80,
};

/* --- the output buffer; with the lock held --- */

static void set_line(struct i8042_line *l, bool high)
{
	if (l->is_high == high)
		return;
	l->is_high = high;
	irq_line_set(&l->line, high);
}

static void update_lines(struct i8042 *d)
{
	set_line(&d->keyboard_line, d->is_full && !d->is_mouses &&
					    (d->config & CONFIG_KEYBOARD_INT));
	set_line(&d->mouse_line,
		 d->is_full && d->is_mouses && (d->config & CONFIG_MOUSE_INT));
}

/* The next byte of the keyboard as the guest wants it. */
static bool keyboard_byte(struct i8042 *d, uint8_t *byte)
{
	while (ps2_keyboard_read(&d->keyboard, byte)) {
		if (!(d->config & CONFIG_TRANSLATE))
			return true;
		if (*byte == PREFIX_RELEASE) {
			d->is_release = true;
			continue;
		}
		*byte = ps2_translate(*byte);
		if (d->is_release)
			*byte |= SET1_RELEASE;
		d->is_release = false;
		return true;
	}
	return false;
}

static bool next_byte(struct i8042 *d)
{
	uint8_t is_mouses = 0;

	if (ps2_queue_get(&d->answers, &is_mouses)) {
		d->is_mouses = is_mouses;
		return ps2_queue_get(&d->answers, &d->out);
	}
	d->is_mouses = false;
	if (!(d->config & CONFIG_KEYBOARD_OFF) && keyboard_byte(d, &d->out))
		return true;
	d->is_mouses = !(d->config & CONFIG_MOUSE_OFF) &&
		       ps2_mouse_read(&d->mouse, &d->out);
	return d->is_mouses;
}

static void fill(struct i8042 *d)
{
	if (!d->is_full)
		d->is_full = next_byte(d);
	update_lines(d);
}

static void answer(struct i8042 *d, bool is_mouses, uint8_t byte)
{
	if (d->answers.len > PS2_QUEUE_LEN - 2)
		return;
	ps2_queue_put(&d->answers, is_mouses);
	ps2_queue_put(&d->answers, byte);
}

/* --- the guest --- */

static uint8_t read_status(const struct i8042 *d)
{
	uint8_t status = STATUS_UNLOCKED;

	if (d->is_full)
		status |= STATUS_FULL;
	if (d->is_full && d->is_mouses)
		status |= STATUS_MOUSE;
	if (d->config & CONFIG_SYSTEM)
		status |= STATUS_SYSTEM;
	if (d->was_command)
		status |= STATUS_COMMAND;
	return status;
}

static uint8_t read_outputs(const struct i8042 *d)
{
	uint8_t outputs = d->outputs | OUTPUT_NO_RESET;

	if (d->keyboard_line.is_high)
		outputs |= OUTPUT_KEYBOARD_FULL;
	if (d->mouse_line.is_high)
		outputs |= OUTPUT_MOUSE_FULL;
	return outputs;
}

static void set_config(struct i8042 *d, uint8_t bit, bool on)
{
	d->config = (uint8_t)(on ? d->config | bit : d->config & ~bit);
}

/* True: it asks for a reset. */
static bool do_command(struct i8042 *d, uint8_t command)
{
	d->command = 0;
	switch (command) {
	case CMD_READ_CONFIG:
		answer(d, false, d->config);
		break;
	case CMD_WRITE_CONFIG:
	case CMD_WRITE_OUTPUTS:
	case CMD_KEYBOARD_SAYS:
	case CMD_MOUSE_SAYS:
	case CMD_TO_MOUSE:
		d->command = command;
		break;
	case CMD_MOUSE_OFF:
	case CMD_MOUSE_ON:
		set_config(d, CONFIG_MOUSE_OFF, command == CMD_MOUSE_OFF);
		break;
	case CMD_KEYBOARD_OFF:
	case CMD_KEYBOARD_ON:
		set_config(d, CONFIG_KEYBOARD_OFF, command == CMD_KEYBOARD_OFF);
		break;
	case CMD_TEST_MOUSE:
	case CMD_TEST_KEYBOARD:
		answer(d, false, ANSWER_PORT_OK);
		break;
	case CMD_TEST:
		set_config(d, CONFIG_SYSTEM, true);
		answer(d, false, ANSWER_TEST_OK);
		break;
	case CMD_READ_INPUTS:
		answer(d, false, INPUTS_UNLOCKED);
		break;
	case CMD_READ_OUTPUTS:
		answer(d, false, read_outputs(d));
		break;
	default:
		return command >= CMD_PULSE && !(command & OUTPUT_NO_RESET);
	}
	return false;
}

static bool do_data(struct i8042 *d, uint8_t value)
{
	uint8_t command = d->command;

	d->command = 0;
	switch (command) {
	case CMD_WRITE_CONFIG:
		d->config = value;
		break;
	case CMD_WRITE_OUTPUTS:
		d->outputs = value & OUTPUT_A20;
		return !(value & OUTPUT_NO_RESET);
	case CMD_KEYBOARD_SAYS:
	case CMD_MOUSE_SAYS:
		answer(d, command == CMD_MOUSE_SAYS, value);
		break;
	case CMD_TO_MOUSE:
		/* Sending starts the clock. */
		set_config(d, CONFIG_MOUSE_OFF, false);
		ps2_mouse_write(&d->mouse, value);
		break;
	default:
		set_config(d, CONFIG_KEYBOARD_OFF, false);
		ps2_keyboard_write(&d->keyboard, value);
		break;
	}
	return false;
}

static uint64_t data_read(void *dev, uint64_t offset, unsigned int len)
{
	struct i8042 *d = dev;
	uint8_t value;

	(void)offset;
	(void)len;
	pthread_mutex_lock(&d->lock);
	value = d->out;
	d->is_full = false;
	update_lines(d);
	fill(d);
	pthread_mutex_unlock(&d->lock);
	return value;
}

static uint64_t status_read(void *dev, uint64_t offset, unsigned int len)
{
	struct i8042 *d = dev;
	uint8_t value;

	(void)offset;
	(void)len;
	pthread_mutex_lock(&d->lock);
	value = read_status(d);
	pthread_mutex_unlock(&d->lock);
	return value;
}

static void take_write(struct i8042 *d, bool is_command, uint8_t value)
{
	bool wants_reset;

	pthread_mutex_lock(&d->lock);
	d->was_command = is_command;
	wants_reset = is_command ? do_command(d, value) : do_data(d, value);
	fill(d);
	pthread_mutex_unlock(&d->lock);
	if (wants_reset)
		d->reset(d->ctx);
}

static void data_write(void *dev, uint64_t offset, unsigned int len,
		       uint64_t value)
{
	(void)offset;
	(void)len;
	take_write(dev, false, (uint8_t)value);
}

static void command_write(void *dev, uint64_t offset, unsigned int len,
			  uint64_t value)
{
	(void)offset;
	(void)len;
	take_write(dev, true, (uint8_t)value);
}

static const struct bus_ops data_ops = { data_read, data_write };
static const struct bus_ops command_ops = { status_read, command_write };

/* --- the host --- */

int i8042_init(struct i8042 *d, struct bus *pio, uint64_t port, struct irq *irq,
	       void (*reset)(void *ctx), void *ctx, struct err *e)
{
	int ret;

	*d = (struct i8042){
		.data_range = { port, 1, &data_ops, d, "i8042" },
		.command_range = { port + COMMAND_OFFSET, 1, &command_ops, d,
				   "i8042" },
		.keyboard_line.line = { irq, I8042_KEYBOARD_GSI },
		.mouse_line.line = { irq, I8042_MOUSE_GSI },
		.reset = reset,
		.ctx = ctx,
		.config = CONFIG_INITIAL,
		.outputs = OUTPUT_A20,
	};
	ps2_keyboard_init(&d->keyboard);
	ps2_mouse_init(&d->mouse);
	pthread_mutex_init(&d->lock, NULL);
	ret = bus_add(pio, &d->data_range, e);
	if (!ret)
		ret = bus_add(pio, &d->command_range, e);
	if (ret)
		i8042_fini(d, pio);
	return ret;
}

void i8042_fini(struct i8042 *d, struct bus *pio)
{
	if (!d->reset)
		return;
	bus_del(pio, &d->data_range);
	bus_del(pio, &d->command_range);
	pthread_mutex_destroy(&d->lock);
	d->reset = NULL;
}

void i8042_key(struct i8042 *d, unsigned int keycode, bool down)
{
	pthread_mutex_lock(&d->lock);
	ps2_keyboard_key(&d->keyboard, keycode, down);
	fill(d);
	pthread_mutex_unlock(&d->lock);
}

void i8042_mouse(struct i8042 *d, int dx, int dy, int dz, unsigned int buttons)
{
	pthread_mutex_lock(&d->lock);
	ps2_mouse_move(&d->mouse, dx, dy, dz, buttons);
	fill(d);
	pthread_mutex_unlock(&d->lock);
}

static void input_key(void *ctx, unsigned int keycode, bool down)
{
	i8042_key(ctx, keycode, down);
}

static void input_mouse(void *ctx, int dx, int dy, int dz, unsigned int buttons)
{
	i8042_mouse(ctx, dx, dy, dz, buttons);
}

const struct display_input_ops i8042_input = { .key = input_key,
					       .mouse = input_mouse };

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keyboard controller, as Linux's i8042, atkbd and psmouse use it: what is
 * asked has its answer at the next look at the status.
 */
#include <errno.h>
#include <linux/input-event-codes.h>

#include "src/base/bits.h"
#include "src/dev/dev.h"
#include "src/dev/i8042.h"
#include "src/x86/layout.h"
#include "tests/tap.h"

enum {
	DATA = 0x60,
	COMMAND = 0x64,
	FULL = 0x01,
	MOUSES = 0x20,
	NOTHING = 0x1000, /* of take and take_mouse: no byte is there */
};

static struct i8042 dev;
static struct bus pio;
static struct irq irq;
static struct err err;
static unsigned int nr_edges[IRQ_NR_PINS], nr_resets;
static bool level[IRQ_NR_PINS];

static int sink_routes(void *ctx, const struct irq_route *routes,
		       unsigned int nr, struct err *e)
{
	(void)ctx;
	(void)routes;
	(void)nr;
	(void)e;
	return 0;
}

static void sink_line(void *ctx, uint32_t gsi, bool high)
{
	(void)ctx;
	nr_edges[gsi] += high && !level[gsi];
	level[gsi] = high;
}

static void on_reset(void *ctx)
{
	(void)ctx;
	nr_resets++;
	/* Without the lock, or this would hang. */
	pthread_mutex_lock(&dev.lock);
	pthread_mutex_unlock(&dev.lock);
}

static void make(void)
{
	static const struct irq_sink_ops sink = { .set_routes = sink_routes,
						  .set_line = sink_line };

	if (dev.reset)
		i8042_fini(&dev, &pio);
	bus_fini(&pio);
	if (irq.ops)
		irq_fini(&irq);
	memset(nr_edges, 0, sizeof(nr_edges));
	memset(level, 0, sizeof(level));
	memset(&err, 0, sizeof(err));
	nr_resets = 0;
	if (bus_init(&pio, "pio") || irq_init(&irq, &sink, NULL, &err) ||
	    i8042_init(&dev, &pio, X86_I8042_PORT, &irq, on_reset, NULL, &err))
		abort();
}

static uint8_t inb(uint16_t port)
{
	uint64_t value;

	bus_read(&pio, port, 1, &value);
	return (uint8_t)value;
}

static void outb(uint16_t port, uint8_t value)
{
	bus_write(&pio, port, 1, value);
}

/* The byte that waits, if it is of that source. */
static int take_from(bool mouse)
{
	uint8_t status = inb(COMMAND);

	if (!(status & FULL) || !!(status & MOUSES) != mouse)
		return NOTHING;
	return inb(DATA);
}

static int take(void)
{
	return take_from(false);
}

static int take_mouse(void)
{
	return take_from(true);
}

static int ask(uint8_t command)
{
	outb(COMMAND, command);
	return take();
}

static void set_config(uint8_t value)
{
	outb(COMMAND, 0x60);
	outb(DATA, value);
}

/* As Linux has it with both drivers at work. */
static void make_running(void)
{
	make();
	set_config(0x47);
}

static void to_mouse(uint8_t byte)
{
	outb(COMMAND, 0xd4);
	outb(DATA, byte);
}

/* Those bytes wait, and no more. */
#define CHECK_TAKES(...)                                                       \
	do {                                                                   \
		static const int takes_[] = { __VA_ARGS__ };                   \
		for (size_t i_ = 0; i_ < ARRAY_SIZE(takes_); i_++)             \
			CHECK_EQ(take(), takes_[i_]);                          \
		CHECK_EQ(take(), NOTHING);                                     \
	} while (0)
#define CHECK_MOUSE(...)                                                       \
	do {                                                                   \
		static const int takes_[] = { __VA_ARGS__ };                   \
		for (size_t i_ = 0; i_ < ARRAY_SIZE(takes_); i_++)             \
			CHECK_EQ(take_mouse(), takes_[i_]);                    \
		CHECK_EQ(take_mouse(), NOTHING);                               \
	} while (0)

static void press(unsigned int key)
{
	i8042_key(&dev, key, true);
}

static void release(unsigned int key)
{
	i8042_key(&dev, key, false);
}

/* --- the controller --- */

static void input_buffer_is_never_full(void)
{
	make();
	CHECK_EQ(inb(COMMAND) & 2, 0);
	outb(COMMAND, 0x20);
	CHECK_EQ(inb(COMMAND) & 2, 0);
	outb(DATA, 0xff);
	CHECK_EQ(inb(COMMAND) & 2, 0);
}

static void firmwares_settings_are_there_at_the_start(void)
{
	make();
	CHECK_EQ(take(), NOTHING);
	/* Translation, keyboard on, and that a test was passed. */
	CHECK_EQ(ask(0x20) & 0x54, 0x44);
	CHECK_EQ(inb(COMMAND) & 0x14, 0x14);
}

static void tests_pass(void)
{
	make();
	CHECK_EQ(ask(0xaa), 0x55);
	CHECK_EQ(ask(0xab), 0);
	CHECK_EQ(ask(0xa9), 0);
}

static void config_is_read_as_it_was_written(void)
{
	make();
	set_config(0x34);
	CHECK_EQ(ask(0x20), 0x34);
	outb(COMMAND, 0xa8);
	outb(COMMAND, 0xae);
	CHECK_EQ(ask(0x20), 0x04);
	outb(COMMAND, 0xa7);
	outb(COMMAND, 0xad);
	CHECK_EQ(ask(0x20), 0x34);
}

static void status_tells_commands_from_data(void)
{
	make();
	outb(COMMAND, 0xae);
	CHECK_EQ(inb(COMMAND) & 8, 8);
	outb(DATA, 0xf4);
	CHECK_EQ(inb(COMMAND) & 8, 0);
}

/* i8042_check_aux of Linux. */
static void mouse_port_is_found_by_its_loop(void)
{
	make();
	set_config(0x74);
	outb(COMMAND, 0xd3);
	outb(DATA, 0x5a);
	CHECK_EQ(take_mouse(), 0x5a);
	outb(COMMAND, 0xa7);
	CHECK_EQ(ask(0x20) & 0x20, 0x20);
	outb(COMMAND, 0xa8);
	CHECK_EQ(ask(0x20) & 0x20, 0);
	CHECK_EQ(nr_edges[12], 0);
	set_config(0x46);
	outb(COMMAND, 0xd3);
	outb(DATA, 0xa5);
	CHECK_EQ(nr_edges[12], 1);
	CHECK_EQ(take_mouse(), 0xa5);
	CHECK(!level[12]);
}

/* i8042_check_mux of Linux: a multiplexer would answer with its version. */
static void there_is_no_multiplexer(void)
{
	static const uint8_t probe[] = { 0xf0, 0x56, 0xa4 };

	make();
	for (size_t i = 0; i < ARRAY_SIZE(probe); i++) {
		outb(COMMAND, 0xd3);
		outb(DATA, probe[i]);
		CHECK_EQ(take_mouse(), probe[i]);
	}
}

static void pulse_and_output_port_reset(void)
{
	make();
	outb(COMMAND, 0xfe);
	CHECK_EQ(nr_resets, 1);
	outb(COMMAND, 0xf0);
	CHECK_EQ(nr_resets, 2);
	outb(COMMAND, 0xff);
	outb(COMMAND, 0xf1);
	outb(DATA, 0xfe);
	CHECK_EQ(nr_resets, 2);
	outb(COMMAND, 0xd1);
	outb(DATA, 0xdf);
	CHECK_EQ(nr_resets, 2);
	outb(COMMAND, 0xd1);
	outb(DATA, 0x02);
	CHECK_EQ(nr_resets, 3);
}

static void output_port_shows_a20(void)
{
	make();
	CHECK_EQ(ask(0xd0) & 3, 3);
	outb(COMMAND, 0xd1);
	outb(DATA, 0xdd);
	CHECK_EQ(ask(0xd0) & 3, 1);
}

static void ports_that_are_taken_are_refused(void)
{
	static struct i8042 second;

	make();
	CHECK_EQ(i8042_init(&second, &pio, X86_I8042_PORT, &irq, on_reset, NULL,
			    &err),
		 -EEXIST);
	CHECK_HAS(err.msg, "i8042");
	CHECK_EQ(
		i8042_init(&second, &pio, DATA - 4, &irq, on_reset, NULL, &err),
		-EEXIST);
	CHECK_EQ(inb(DATA - 4), 0xff);
}

static void it_takes_the_place_of_the_one_in_power(void)
{
	static const struct power_ports ports = { X86_SLEEP_PORT,
						  X86_PM_TIMER_PORT,
						  X86_I8042_PORT };
	static struct power power;

	make();
	i8042_fini(&dev, &pio);
	CHECK_EQ(power_init(&power, &pio, ports, NULL, NULL, &err), 0);
	bus_del(&pio, &power.i8042_range);
	CHECK_EQ(i8042_init(&dev, &pio, X86_I8042_PORT, &irq, on_reset, NULL,
			    &err),
		 0);
	power_fini(&power, &pio);
	CHECK_EQ(ask(0xaa), 0x55);
}

static void any_bytes_are_survived(void)
{
	uint32_t seed = 1;

	make();
	for (unsigned int i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		if (seed >> 31)
			outb(seed >> 30 & 1 ? DATA : COMMAND,
			     (uint8_t)(seed >> 8));
		else if (seed >> 30 & 1)
			inb(seed >> 29 & 1 ? DATA : COMMAND);
		else if (seed >> 29 & 1)
			i8042_key(&dev, seed >> 16 & 0xff, seed >> 8 & 1);
		else
			i8042_mouse(&dev, (int)seed, (int)(seed << 3),
				    (int)(seed << 5), seed >> 4);
	}
	set_config(0x45);
	for (unsigned int i = 0; i < 3000 && inb(COMMAND) & FULL; i++)
		inb(DATA);
	CHECK_EQ(inb(COMMAND) & FULL, 0);
	CHECK_EQ(ask(0xaa), 0x55);
}

/* --- the keyboard --- */

/* atkbd_probe and atkbd_activate of Linux. */
static void keyboard_answers_what_linux_asks(void)
{
	make_running();
	outb(DATA, 0xf2);
	CHECK_TAKES(0xfa, 0xab, 0x41);
	outb(DATA, 0xed);
	CHECK_TAKES(0xfa);
	outb(DATA, 0x07);
	CHECK_TAKES(0xfa);
	outb(DATA, 0xf3);
	CHECK_TAKES(0xfa);
	outb(DATA, 0x00);
	CHECK_TAKES(0xfa);
	outb(DATA, 0xf4);
	CHECK_TAKES(0xfa);
	outb(DATA, 0xff);
	CHECK_TAKES(0xfa, 0xaa);
	outb(DATA, 0xee);
	CHECK_TAKES(0xee);
	outb(DATA, 0xf6);
	CHECK_TAKES(0xfa);
	outb(DATA, 0x00);
	CHECK_TAKES(0xfe);
}

static void without_translation_the_identity_is_the_keyboards_own(void)
{
	make();
	set_config(0x05);
	outb(DATA, 0xf2);
	CHECK_TAKES(0xfa, 0xab, 0x83);
	outb(DATA, 0xf0);
	CHECK_TAKES(0xfa);
	outb(DATA, 0x00);
	CHECK_TAKES(0xfa, 0x02);
	outb(DATA, 0xf0);
	CHECK_TAKES(0xfa);
	outb(DATA, 0x03);
	CHECK_TAKES(0xfe);
}

static void last_byte_is_sent_again_on_request(void)
{
	make_running();
	press(KEY_A);
	CHECK_TAKES(0x1e);
	outb(DATA, 0xfe);
	CHECK_TAKES(0x1e);
}

static void keys_are_scancodes_of_set_1(void)
{
	make_running();
	press(KEY_A);
	release(KEY_A);
	CHECK_TAKES(0x1e, 0x9e);
	press(KEY_F7);
	release(KEY_F7);
	CHECK_TAKES(0x41, 0xc1);
	press(KEY_UP);
	release(KEY_UP);
	CHECK_TAKES(0xe0, 0x48, 0xe0, 0xc8);
	press(KEY_LEFTMETA);
	release(KEY_LEFTMETA);
	CHECK_TAKES(0xe0, 0x5b, 0xe0, 0xdb);
	press(KEY_PAUSE);
	release(KEY_PAUSE);
	CHECK_TAKES(0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
}

/* For them Linux's keycodes are the scancodes. */
static void keys_of_the_first_pc_have_their_numbers(void)
{
	make_running();
	for (unsigned int key = KEY_ESC; key <= KEY_F12; key++) {
		if (key == 84 || key == KEY_ZENKAKUHANKAKU)
			continue;
		press(key);
		release(key);
		CHECK_EQ(take(), (int)key);
		CHECK_EQ(take(), (int)key | 0x80);
		CHECK_EQ(take(), NOTHING);
	}
}

static void keys_are_scancodes_of_set_2_without_translation(void)
{
	make();
	set_config(0x05);
	press(KEY_A);
	release(KEY_A);
	CHECK_TAKES(0x1c, 0xf0, 0x1c);
	press(KEY_DELETE);
	release(KEY_DELETE);
	CHECK_TAKES(0xe0, 0x71, 0xe0, 0xf0, 0x71);
}

static void each_byte_makes_an_edge(void)
{
	make_running();
	press(KEY_UP);
	CHECK(level[1]);
	CHECK_EQ(nr_edges[1], 1);
	inb(DATA);
	CHECK_EQ(nr_edges[1], 2);
	inb(DATA);
	CHECK_EQ(nr_edges[1], 2);
	CHECK(!level[1]);
	CHECK_EQ(nr_edges[12], 0);
}

static void disabled_interrupt_stays_low(void)
{
	make();
	set_config(0x44);
	press(KEY_A);
	CHECK_EQ(nr_edges[1], 0);
	CHECK_EQ(inb(COMMAND) & FULL, FULL);
	set_config(0x45);
	CHECK_EQ(nr_edges[1], 1);
}

static void keys_wait_while_the_port_is_off(void)
{
	make_running();
	outb(COMMAND, 0xad);
	press(KEY_A);
	CHECK_EQ(take(), NOTHING);
	CHECK_EQ(ask(0xaa), 0x55);
	outb(COMMAND, 0xae);
	CHECK_TAKES(0x1e);
}

static void keyboard_that_is_told_to_be_silent_is(void)
{
	make_running();
	outb(DATA, 0xf5);
	CHECK_TAKES(0xfa);
	press(KEY_A);
	CHECK_EQ(take(), NOTHING);
	outb(DATA, 0xf4);
	CHECK_TAKES(0xfa);
	press(KEY_B);
	CHECK_TAKES(0x30);
}

static void answer_overtakes_keys(void)
{
	make_running();
	press(KEY_A);
	press(KEY_B);
	outb(DATA, 0xee);
	CHECK_TAKES(0x1e, 0xee, 0x30);
}

static void held_key_repeats_and_is_released_once(void)
{
	make_running();
	press(KEY_A);
	press(KEY_A);
	release(KEY_A);
	release(KEY_A);
	release(KEY_B);
	CHECK_TAKES(0x1e, 0x1e, 0x9e);
}

static void unknown_keys_are_ignored(void)
{
	make_running();
	press(0);
	press(84);
	press(KEY_ZENKAKUHANKAKU);
	press(KEY_MACRO);
	press(KEY_PROG1);
	press(0x2ff);
	press(UINT32_MAX);
	CHECK_EQ(take(), NOTHING);
}

static void flood_of_keys_leaves_none_pressed(void)
{
	bool held[128] = { false };
	unsigned int n = 0;
	int code;

	make_running();
	for (unsigned int i = 0; i < 5000; i++)
		i8042_key(&dev, KEY_ESC + i * 7 % 80, i % 3 != 2);
	for (unsigned int key = 1; key < 128; key++)
		release(key);
	while ((code = take()) != NOTHING) {
		held[code & 0x7f] = !(code & 0x80);
		n++;
	}
	CHECK(n > 100);
	for (unsigned int i = 0; i < 128; i++)
		CHECK(!held[i]);
	press(KEY_A);
	CHECK_TAKES(0x1e);
}

/* --- the mouse --- */

static void enable_mouse(void)
{
	make_running();
	to_mouse(0xf4);
	if (take_mouse() != 0xfa)
		abort();
	nr_edges[12] = 0;
}

/* intellimouse_detect of Linux. */
static void enable_wheel(void)
{
	static const uint8_t rates[] = { 200, 100, 80 };

	enable_mouse();
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		to_mouse(0xf3);
		take_mouse();
		to_mouse(rates[i]);
		take_mouse();
	}
}

static void mouse_answers_what_linux_asks(void)
{
	make_running();
	to_mouse(0xff);
	CHECK_MOUSE(0xfa, 0xaa, 0x00);
	to_mouse(0xf2);
	CHECK_MOUSE(0xfa, 0x00);
	to_mouse(0xf6);
	CHECK_MOUSE(0xfa);
	to_mouse(0xe8);
	CHECK_MOUSE(0xfa);
	to_mouse(0x03);
	CHECK_MOUSE(0xfa);
	to_mouse(0xf3);
	CHECK_MOUSE(0xfa);
	to_mouse(40);
	CHECK_MOUSE(0xfa);
	to_mouse(0xe9);
	CHECK_MOUSE(0xfa, 0x00, 3, 40);
	to_mouse(0xe7);
	CHECK_MOUSE(0xfa);
	to_mouse(0xf4);
	CHECK_MOUSE(0xfa);
	to_mouse(0xe9);
	CHECK_MOUSE(0xfa, 0x30, 3, 40);
	to_mouse(0x11);
	CHECK_MOUSE(0xfe);
}

static void movement_is_a_packet_with_up_as_positive(void)
{
	enable_mouse();
	i8042_mouse(&dev, 5, 3, 0, 0);
	CHECK_EQ(nr_edges[12], 1);
	CHECK_EQ(nr_edges[1], 0);
	CHECK_MOUSE(0x28, 5, 0xfd);
	i8042_mouse(&dev, -5, -3, 0, BUTTON_LEFT);
	CHECK_MOUSE(0x19, 0xfb, 3);
	i8042_mouse(&dev, 0, 0, 0, BUTTON_RIGHT | BUTTON_MIDDLE);
	CHECK_MOUSE(0x0e, 0, 0);
	i8042_mouse(&dev, 0, 0, 0, BUTTON_RIGHT | BUTTON_MIDDLE);
	CHECK_MOUSE(NOTHING);
}

static void far_movement_comes_in_steps(void)
{
	enable_mouse();
	i8042_mouse(&dev, 600, 0, 0, 0);
	CHECK_MOUSE(0x08, 255, 0, 0x08, 255, 0, 0x08, 90, 0);
}

static void wheel_is_told_once_it_was_asked_for(void)
{
	enable_mouse();
	i8042_mouse(&dev, 0, 0, 1, 0);
	CHECK_MOUSE(0x08, 0, 0);
	enable_wheel();
	to_mouse(0xf2);
	CHECK_MOUSE(0xfa, 0x03);
	i8042_mouse(&dev, 0, 0, 1, 0);
	CHECK_MOUSE(0x08, 0, 0, 1);
	i8042_mouse(&dev, 0, 0, -2, 0);
	CHECK_MOUSE(0x08, 0, 0, 0xfe);
	to_mouse(0xff);
	CHECK_MOUSE(0xfa, 0xaa, 0x00);
	to_mouse(0xf2);
	CHECK_MOUSE(0xfa, 0x00);
}

static void mouse_that_is_off_says_nothing(void)
{
	make_running();
	i8042_mouse(&dev, 5, 5, 0, BUTTON_LEFT);
	CHECK_EQ(take_mouse(), NOTHING);
	to_mouse(0xf4);
	CHECK_MOUSE(0xfa);
	i8042_mouse(&dev, 1, 0, 0, BUTTON_LEFT);
	CHECK_MOUSE(0x09, 1, 0);
	to_mouse(0xf5);
	CHECK_MOUSE(0xfa);
	i8042_mouse(&dev, 1, 0, 0, 0);
	CHECK_EQ(take_mouse(), NOTHING);
}

static void mouse_can_be_asked_for_its_packet(void)
{
	enable_mouse();
	to_mouse(0xf0);
	CHECK_MOUSE(0xfa);
	i8042_mouse(&dev, 7, 0, 0, 0);
	CHECK_EQ(take_mouse(), NOTHING);
	to_mouse(0xeb);
	CHECK_MOUSE(0xfa, 0x08, 7, 0);
	to_mouse(0xea);
	CHECK_MOUSE(0xfa);
	i8042_mouse(&dev, 7, 0, 0, 0);
	CHECK_MOUSE(0x08, 7, 0);
}

static void wrapped_mouse_echoes(void)
{
	enable_mouse();
	to_mouse(0xee);
	CHECK_MOUSE(0xfa);
	to_mouse(0xf4);
	CHECK_MOUSE(0xf4);
	to_mouse(0xec);
	CHECK_MOUSE(0xfa);
	to_mouse(0xf2);
	CHECK_MOUSE(0xfa, 0x00);
}

static void flood_of_movement_adds_up(void)
{
	int sum = 0, flags;

	enable_mouse();
	for (int i = 0; i < 1000; i++)
		i8042_mouse(&dev, 3, 0, 0, 0);
	while ((flags = take_mouse()) != NOTHING) {
		CHECK_EQ(flags, 0x08);
		sum += take_mouse();
		CHECK_EQ(take_mouse(), 0);
	}
	CHECK_EQ(sum, 3000);
}

static void keys_and_movement_share_the_buffer(void)
{
	enable_mouse();
	i8042_mouse(&dev, 1, 0, 0, 0);
	press(KEY_A);
	CHECK_EQ(take_mouse(), 0x08);
	CHECK_EQ(take(), 0x1e);
	CHECK_MOUSE(1, 0);
}

int main(void)
{
	TAP_RUN(input_buffer_is_never_full);
	TAP_RUN(firmwares_settings_are_there_at_the_start);
	TAP_RUN(tests_pass);
	TAP_RUN(config_is_read_as_it_was_written);
	TAP_RUN(status_tells_commands_from_data);
	TAP_RUN(mouse_port_is_found_by_its_loop);
	TAP_RUN(there_is_no_multiplexer);
	TAP_RUN(pulse_and_output_port_reset);
	TAP_RUN(output_port_shows_a20);
	TAP_RUN(ports_that_are_taken_are_refused);
	TAP_RUN(it_takes_the_place_of_the_one_in_power);
	TAP_RUN(any_bytes_are_survived);
	TAP_RUN(keyboard_answers_what_linux_asks);
	TAP_RUN(without_translation_the_identity_is_the_keyboards_own);
	TAP_RUN(last_byte_is_sent_again_on_request);
	TAP_RUN(keys_are_scancodes_of_set_1);
	TAP_RUN(keys_of_the_first_pc_have_their_numbers);
	TAP_RUN(keys_are_scancodes_of_set_2_without_translation);
	TAP_RUN(each_byte_makes_an_edge);
	TAP_RUN(disabled_interrupt_stays_low);
	TAP_RUN(keys_wait_while_the_port_is_off);
	TAP_RUN(keyboard_that_is_told_to_be_silent_is);
	TAP_RUN(answer_overtakes_keys);
	TAP_RUN(held_key_repeats_and_is_released_once);
	TAP_RUN(unknown_keys_are_ignored);
	TAP_RUN(flood_of_keys_leaves_none_pressed);
	TAP_RUN(mouse_answers_what_linux_asks);
	TAP_RUN(movement_is_a_packet_with_up_as_positive);
	TAP_RUN(far_movement_comes_in_steps);
	TAP_RUN(wheel_is_told_once_it_was_asked_for);
	TAP_RUN(mouse_that_is_off_says_nothing);
	TAP_RUN(mouse_can_be_asked_for_its_packet);
	TAP_RUN(wrapped_mouse_echoes);
	TAP_RUN(flood_of_movement_adds_up);
	TAP_RUN(keys_and_movement_share_the_buffer);
	return tap_done();
}

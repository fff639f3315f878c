// SPDX-License-Identifier: GPL-2.0-or-later
/* The PC speaker's port and the timer behind it: KVM's own, so that beeps and
 * calibration loops never come to user space. */
#include "src/base/bits.h"
#include "tests/kvm/child.h"
#include "tests/kvm/machine.h"
#include "tests/tap.h"

enum {
	COUNTER_2 = 0x42,
	TIMER_MODE = 0x43,
	SPEAKER = 0x61,

	GATE = 0x01, /* of counter 2 */
	SOUND = 0x02,
	OUT = 0x20,		 /* of counter 2 */
	COUNTER_2_MODE_0 = 0xb0, /* both bytes; out rises at the end */
	MAX_LOOKS = 1000,
};

static struct machine machine;

/* What an order of the servant's costs by itself: to ask, and to report. */
static unsigned int nr_orders;

static uint8_t in(uint16_t port)
{
	nr_orders++;
	return (uint8_t)machine_in(&machine, port, 1);
}

static void out(uint16_t port, uint8_t value)
{
	nr_orders++;
	machine_out(&machine, port, 1, value);
}

static void open_machine(void)
{
	nr_orders = 0;
	CHECK(machine_open(&machine, "flat_servant"));
}

/* Counts down from that, at 1.19 MHz. */
static void start_counter_2(uint16_t count)
{
	out(TIMER_MODE, COUNTER_2_MODE_0);
	out(COUNTER_2, count & 0xff);
	out(COUNTER_2, (uint8_t)(count >> 8));
}

/* Whether it is seen so soon enough; a busy host may need more than a look. */
static bool sees_out(bool high, uint16_t count)
{
	unsigned int looks = 0;

	do
		start_counter_2(count);
	while (!(in(SPEAKER)&OUT) == high && ++looks < MAX_LOOKS);
	return looks < MAX_LOOKS;
}

static void gate_and_sound_are_read_as_written(void)
{
	open_machine();
	for (uint8_t value = 0; value <= (GATE | SOUND); value++) {
		out(SPEAKER, value);
		CHECK_EQ(in(SPEAKER) & (GATE | SOUND), value);
	}
}

static void out_rises_when_the_counter_ends(void)
{
	open_machine();
	out(SPEAKER, GATE);
	CHECK(sees_out(false, 0xffff));
	CHECK(sees_out(true, 1));
}

static void none_of_it_returns_to_user_space(void)
{
	open_machine();
	out(SPEAKER, GATE | SOUND);
	start_counter_2(1000);
	in(SPEAKER);
	in(COUNTER_2);
	out(SPEAKER, 0);
	CHECK_EQ(machine.returns[KVM_EXIT_IO], 2 * nr_orders);
	/* Counted as it would be if it came. */
	in(SPEAKER + 0x100);
	CHECK_EQ(machine.returns[KVM_EXIT_IO], 2 * nr_orders + 1);
}

#define SPEAKER_TEST(fn)                                                       \
	do {                                                                   \
		TAP_RUN(fn);                                                   \
		machine_close(&machine);                                       \
	} while (0)

int main(void)
{
	const char *why = child_skip_reason();

	if (why)
		return tap_skip_all(why);
	SPEAKER_TEST(gate_and_sound_are_read_as_written);
	SPEAKER_TEST(out_rises_when_the_counter_ends);
	SPEAKER_TEST(none_of_it_returns_to_user_space);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Power-off, reset and the PM timer. */
#include <errno.h>
#include <time.h>

#include "src/base/bits.h"
#include "src/dev/dev.h"
#include "src/x86/layout.h"
#include "tests/tap.h"

enum { SLP_EN = 0x20, S5 = 5 << 2, PM_TIMER_HZ = 3579545 };

static const struct power_ports ports = { X86_SLEEP_PORT, X86_PM_TIMER_PORT,
					  X86_I8042_PORT };
static struct bus pio;
static struct power power;
static struct err err;
static unsigned int nr_off, nr_reset;

static void on_event(void *ctx, enum power_event event)
{
	(void)ctx;
	nr_off += event == POWER_OFF;
	nr_reset += event == POWER_RESET;
}

static void reset(void)
{
	bus_fini(&pio);
	nr_off = nr_reset = 0;
	memset(&err, 0, sizeof(err));
	if (bus_init(&pio, "pio") ||
	    power_init(&power, &pio, ports, on_event, NULL, &err))
		abort();
}

static uint64_t in(uint64_t port, unsigned int len)
{
	uint64_t value;

	bus_read(&pio, port, len, &value);
	return value;
}

static void s5_with_sleep_enable_powers_off(void)
{
	reset();
	bus_write(&pio, X86_SLEEP_PORT, 1, SLP_EN | S5);
	CHECK_EQ(nr_off, 1);
	CHECK_EQ(nr_reset, 0);
}

static void other_sleep_types_do_nothing(void)
{
	reset();
	for (unsigned int type = 0; type < 5; type++)
		bus_write(&pio, X86_SLEEP_PORT, 1, SLP_EN | type << 2);
	bus_write(&pio, X86_SLEEP_PORT, 1, SLP_EN | 7 << 2);
	bus_write(&pio, X86_SLEEP_PORT, 1, S5);
	CHECK_EQ(nr_off + nr_reset, 0);
}

static void reset_register_takes_one_value_only(void)
{
	reset();
	bus_write(&pio, X86_SLEEP_PORT, 1, 0);
	bus_write(&pio, X86_SLEEP_PORT, 1, 0xff & ~SLP_EN);
	CHECK_EQ(nr_reset, 0);
	bus_write(&pio, X86_SLEEP_PORT, 1, 1);
	CHECK_EQ(nr_reset, 1);
	CHECK_EQ(nr_off, 0);
}

static void wide_write_to_the_sleep_port_is_unclaimed(void)
{
	reset();
	CHECK(!bus_write(&pio, X86_SLEEP_PORT, 2, SLP_EN | S5));
	CHECK_EQ(nr_off, 0);
}

static void sleep_status_reads_as_zero(void)
{
	reset();
	CHECK_EQ(in(X86_SLEEP_PORT, 1), 0);
}

static void keyboard_controllers_pulse_resets(void)
{
	reset();
	bus_write(&pio, X86_I8042_PORT + 4, 1, 0xfe);
	CHECK_EQ(nr_reset, 1);
}

static void other_keyboard_commands_do_nothing(void)
{
	reset();
	for (unsigned int value = 0; value < 0xfe; value++)
		bus_write(&pio, X86_I8042_PORT + 4, 1, value);
	bus_write(&pio, X86_I8042_PORT, 1, 0xfe);
	CHECK_EQ(nr_reset, 0);
}

/* Output buffer empty, input buffer empty: reboot code waits for that. */
static void keyboard_controller_is_idle(void)
{
	reset();
	CHECK_EQ(in(X86_I8042_PORT + 4, 1) & 3, 0);
}

static void pm_timer_runs_at_its_frequency(void)
{
	struct timespec pause = { .tv_nsec = 20000000 };
	uint32_t before, ticks;

	reset();
	before = (uint32_t)in(X86_PM_TIMER_PORT, 4);
	nanosleep(&pause, NULL);
	ticks = (uint32_t)in(X86_PM_TIMER_PORT, 4) - before;
	printf("# %u ticks in 20 ms\n", ticks);
	CHECK(ticks >= PM_TIMER_HZ / 50);
	CHECK(ticks < PM_TIMER_HZ);
}

static void pm_timer_wraps_at_32_bits(void)
{
	reset();
	power.start_ns -= 1300ULL * 1000000000;
	CHECK(in(X86_PM_TIMER_PORT, 4) <
	      1300ULL * PM_TIMER_HZ - UINT32_MAX + 10ULL * PM_TIMER_HZ);
	CHECK_EQ(in(X86_PM_TIMER_PORT, 4) >> 32, 0);
}

static void pm_timer_is_right_after_years(void)
{
	uint64_t years = 50ULL * 365 * 86400;

	reset();
	power.start_ns -= years * 1000000000;
	CHECK((uint32_t)in(X86_PM_TIMER_PORT, 4) -
		      (uint32_t)(years * PM_TIMER_HZ) <
	      10u * PM_TIMER_HZ);
}

static void parts_of_the_pm_timer_can_be_read(void)
{
	reset();
	/* High enough that its upper bytes stay the same for a while. */
	power.start_ns -= 600ULL * 1000000000;
	CHECK_EQ(in(X86_PM_TIMER_PORT + 3, 1), in(X86_PM_TIMER_PORT, 4) >> 24);
	CHECK(in(X86_PM_TIMER_PORT + 2, 2) - (in(X86_PM_TIMER_PORT, 4) >> 16) <
		      1000 ||
	      (in(X86_PM_TIMER_PORT, 4) >> 16) - in(X86_PM_TIMER_PORT + 2, 2) <
		      1000);
}

static void pm_timer_ignores_writes(void)
{
	reset();
	power.start_ns -= 600ULL * 1000000000;
	CHECK(bus_write(&pio, X86_PM_TIMER_PORT, 4, 0));
	CHECK(in(X86_PM_TIMER_PORT, 4) > 0);
}

static void ports_that_are_taken_refuse_it_and_nothing_stays(void)
{
	struct power second;
	struct power_ports clash = { 0x700, 0x708, X86_I8042_PORT };

	reset();
	CHECK_EQ(power_init(&second, &pio, clash, on_event, NULL, &err),
		 -EEXIST);
	CHECK_HAS(err.msg, "i8042: pio at 0x64 overlaps i8042 at 0x64");
	CHECK_EQ(in(0x700, 1), 0xff);
	CHECK_EQ(in(0x708, 4), 0xffffffff);
	CHECK_EQ(in(X86_I8042_PORT + 4, 1), 0);
}

static void ports_beside_the_keyboard_controllers_are_free(void)
{
	reset();
	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(in(X86_I8042_PORT + i, 1), 0xff);
}

static void ports_are_free_after_the_end(void)
{
	reset();
	power_fini(&power, &pio);
	CHECK_EQ(in(X86_SLEEP_PORT, 1), 0xff);
	CHECK_EQ(in(X86_PM_TIMER_PORT, 4), 0xffffffff);
	CHECK_EQ(in(X86_I8042_PORT + 4, 1), 0xff);
}

int main(void)
{
	TAP_RUN(s5_with_sleep_enable_powers_off);
	TAP_RUN(other_sleep_types_do_nothing);
	TAP_RUN(reset_register_takes_one_value_only);
	TAP_RUN(wide_write_to_the_sleep_port_is_unclaimed);
	TAP_RUN(sleep_status_reads_as_zero);
	TAP_RUN(keyboard_controllers_pulse_resets);
	TAP_RUN(other_keyboard_commands_do_nothing);
	TAP_RUN(keyboard_controller_is_idle);
	TAP_RUN(pm_timer_runs_at_its_frequency);
	TAP_RUN(pm_timer_wraps_at_32_bits);
	TAP_RUN(pm_timer_is_right_after_years);
	TAP_RUN(parts_of_the_pm_timer_can_be_read);
	TAP_RUN(pm_timer_ignores_writes);
	TAP_RUN(ports_that_are_taken_refuse_it_and_nothing_stays);
	TAP_RUN(ports_beside_the_keyboard_controllers_are_free);
	TAP_RUN(ports_are_free_after_the_end);
	bus_fini(&pio);
	return tap_done();
}

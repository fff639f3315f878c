// SPDX-License-Identifier: GPL-2.0-or-later
/* The clock behind KVM, which keeps what is written to its index port. */
#include "src/dev/rtc.h"
#include "src/x86/layout.h"
#include "tests/kvm/child.h"
#include "tests/kvm/machine.h"
#include "tests/tap.h"

enum {
	PORT = X86_RTC_PORT,
	RAM = 0x40,
	NR_CELLS = 64,
	RING_LEN = 512, /* more than KVM keeps: 170 */
};

static struct machine machine;
static struct loop loop;
static struct rtc dev;
static struct rtc_cells cells;
static struct err e;

static void open_machine(void)
{
	const struct rtc_setup setup = {
		.port = PORT,
		.line = { &machine.irq, X86_RTC_GSI },
		.loop = &loop,
		.cells = &cells,
		.now_ns = rtc_host_ns,
	};

	CHECK(machine_open(&machine, "flat_servant"));
	CHECK_EQ(loop_init(&loop, &e), 0);
	CHECK_EQ(rtc_init(&dev, &machine.pio, &setup, &e), 0);
}

static void close_machine(void)
{
	rtc_fini(&dev, &machine.pio);
	loop_fini(&loop);
	machine_close(&machine);
}

static void put(uint8_t index, uint8_t value)
{
	machine_out(&machine, PORT, 1, index);
	machine_out(&machine, PORT + 1, 1, value);
}

static uint8_t get(uint8_t index)
{
	machine_out(&machine, PORT, 1, index);
	return (uint8_t)machine_in(&machine, PORT + 1, 1);
}

static void each_cell_is_found_by_its_index(void)
{
	open_machine();
	for (uint8_t i = 0; i < NR_CELLS; i++)
		put(RAM + i, 0xff - i);
	for (uint8_t i = 0; i < NR_CELLS; i++)
		CHECK_EQ(get(RAM + i), 0xff - i);
}

/* An order of the servant's returns twice by itself. */
static void writes_to_the_index_do_not_return(void)
{
	open_machine();
	machine_out(&machine, PORT, 1, RAM);
	CHECK_EQ(machine.returns[KVM_EXIT_IO], 2);
	machine_in(&machine, PORT + 1, 1);
	CHECK_EQ(machine.returns[KVM_EXIT_IO], 5);
}

static void index_is_right_when_kvm_has_kept_all_it_can(void)
{
	open_machine();
	put(RAM, 1);
	put(RAM + 1, 2);
	for (unsigned int i = 0; i < RING_LEN; i++)
		machine_out(&machine, PORT, 1, RAM);
	CHECK(machine.returns[KVM_EXIT_IO] < 3 * RING_LEN);
	CHECK_EQ(get(RAM + 1), 2);
	CHECK_EQ(get(RAM), 1);
}

#define RTC_TEST(fn)                                                           \
	do {                                                                   \
		TAP_RUN(fn);                                                   \
		close_machine();                                               \
	} while (0)

int main(void)
{
	const char *why = child_skip_reason();

	if (why)
		return tap_skip_all(why);
	RTC_TEST(each_cell_is_found_by_its_index);
	RTC_TEST(writes_to_the_index_do_not_return);
	RTC_TEST(index_is_right_when_kvm_has_kept_all_it_can);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes that KVM keeps until the guest comes out for something else. */
#include "tests/kvm/child.h"
#include "tests/kvm/machine.h"
#include "tests/tap.h"

/* What flat_doorbell writes to: by turns four times to each of them. */
#define PORT   0x100
#define MEMORY 0xd0000000ULL
enum { ROUNDS = 250, EACH = 4, WRITES = ROUNDS * EACH };

static struct machine machine;
static struct bus_range ports, memory;
static struct err e;

/* Writes so far, all and those that did not come in their turn. */
static unsigned int nr, nr_wrong;

static uint64_t no_read(void *dev, uint64_t offset, unsigned int len)
{
	(void)dev;
	(void)offset;
	(void)len;
	return 0;
}

static void note(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	unsigned int round = nr / (2 * EACH);
	bool is_port = nr / EACH % 2 == 0;

	(void)offset;
	(void)len;
	nr_wrong += is_port != (dev == &ports) ||
		    (uint8_t)value != (uint8_t)(ROUNDS - round);
	nr++;
}

static const struct bus_ops note_ops = { no_read, note };

static void open_machine(void)
{
	CHECK(machine_open(&machine, "flat_doorbell"));
	nr = nr_wrong = 0;
	ports = (struct bus_range){ PORT, 4, &note_ops, &ports, "ports" };
	memory = (struct bus_range){ MEMORY, 8, &note_ops, &memory, "memory" };
	CHECK_EQ(bus_add(&machine.pio, &ports, &e), 0);
	CHECK_EQ(bus_add(&machine.mmio, &memory, &e), 0);
}

/* Returns are what it takes to empty a ring of 170. */
static void posted_writes_come_in_order_and_cost_no_return(void)
{
	open_machine();
	bus_post(&machine.pio, PORT, 4);
	bus_post(&machine.mmio, MEMORY, 8);
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(nr, 2 * WRITES);
	CHECK_EQ(nr_wrong, 0);
	CHECK(machine.returns[KVM_EXIT_IO] + machine.returns[KVM_EXIT_MMIO] <
	      2 * WRITES / 100);
}

static void access_that_is_not_posted_comes_after_what_was_written_before(void)
{
	open_machine();
	bus_post(&machine.mmio, MEMORY, 8);
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(nr, 2 * WRITES);
	CHECK_EQ(nr_wrong, 0);
	CHECK_EQ(machine.returns[KVM_EXIT_IO], WRITES + 1);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], 0);
}

static void writes_that_are_posted_no_more_return(void)
{
	open_machine();
	bus_post(&machine.mmio, MEMORY, 8);
	bus_unpost(&machine.mmio, MEMORY, 8);
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(nr, 2 * WRITES);
	CHECK_EQ(nr_wrong, 0);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], WRITES);
}

int main(void)
{
	const char *why = child_skip_reason();

	if (why)
		return tap_skip_all(why);
	TAP_RUN(posted_writes_come_in_order_and_cost_no_return);
	machine_close(&machine);
	TAP_RUN(access_that_is_not_posted_comes_after_what_was_written_before);
	machine_close(&machine);
	TAP_RUN(writes_that_are_posted_no_more_return);
	machine_close(&machine);
	return tap_done();
}

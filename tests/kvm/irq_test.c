// SPDX-License-Identifier: GPL-2.0-or-later
/* Interrupts into a running guest: MSI routes by irqfd, and pins. */
#include <unistd.h>

#include "tests/kvm/child.h"
#include "tests/kvm/machine.h"
#include "tests/tap.h"

enum {
	FIRST_VECTOR = 0x40,
	PIN = 5, /* flat_irq leads it to vector 0x45 */
	PIN_VECTOR = 0x45,
	LEVEL_PIN = 17, /* and this one to 0x51 */
	LEVEL_VECTOR = 0x51,
	NR_ROUTES = 8,
	PATIENCE = 300, /* polls of the guest in which one would be seen */
};

static struct machine machine;
static struct msi_route route;
static struct irq_level level;
static struct err e;

/* Address and data of an MSI to LAPIC 0, fixed and edge (Intel SDM 3A 11.11).
 */
static struct irq_msi msi_to(unsigned int vector)
{
	return (struct irq_msi){ .address = 0xfee00000, .data = vector };
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	CHECK_EQ(write(fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

static void raise(const struct msi_route *r)
{
	signal_fd(r->eventfd);
}

/* Takes what was written to fd; 0: nothing. */
static uint64_t take(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static uint32_t stop_after_a_while(struct machine *m)
{
	return m->nr_asked >= PATIENCE;
}

/* A guest that takes interrupts: before that they would be lost. */
static void open_ready(void)
{
	CHECK(machine_open(&machine, "flat_irq"));
	CHECK(machine_run_reports(&machine, 1));
}

/* The same with a route. */
static void open_with_route(void)
{
	open_ready();
	CHECK_EQ(msi_route_init(&route, &machine.irq, &e), 0);
	CHECK_EQ(msi_route_set(&route, msi_to(FIRST_VECTOR), &e), 0);
}

/* Runs until nr interrupts have come; which, is in machine.reports from 1 on.
 */
static void run_until(unsigned int nr)
{
	CHECK(machine_run_reports(&machine, nr + 1));
}

static bool has_report(uint32_t vector)
{
	for (unsigned int i = 1; i < machine.nr_reports; i++)
		if (machine.reports[i] == vector)
			return true;
	return false;
}

static void attached_route_interrupts_the_guest(void)
{
	open_with_route();
	CHECK_EQ(msi_route_attach(&route, &e), 0);
	raise(&route);
	run_until(1);
	CHECK_EQ(machine.reports[1], FIRST_VECTOR);
}

static uint32_t raise_at_100(struct machine *m)
{
	if (m->nr_asked == 100)
		raise(&route);
	return m->nr_reports > 1;
}

static void route_interrupts_a_guest_in_the_middle_of_its_work(void)
{
	open_with_route();
	CHECK_EQ(msi_route_attach(&route, &e), 0);
	machine.ask = raise_at_100;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.reports[1], FIRST_VECTOR);
	CHECK(machine.nr_asked >= 100);
}

/* Each once it is known to have been taken, so that none merges with another.
 */
static uint32_t raise_when_taken(struct machine *m)
{
	static unsigned int seen;

	if (m->nr_asked == 1)
		seen = 0;
	if (m->nr_reports > 20)
		return 1;
	if (m->nr_reports > seen)
		raise(&route);
	seen = m->nr_reports;
	return 0;
}

static void twenty_interrupts_in_a_row_all_arrive(void)
{
	open_with_route();
	CHECK_EQ(msi_route_attach(&route, &e), 0);
	machine.ask = raise_when_taken;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.nr_reports, 21);
	CHECK_EQ(machine.reports[20], FIRST_VECTOR);
}

static void detached_route_keeps_the_interrupt(void)
{
	open_with_route();
	raise(&route);
	machine.ask = stop_after_a_while;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.nr_reports, 1);
	CHECK(msi_route_pending(&route));
}

static uint32_t attach_at_100(struct machine *m)
{
	if (m->nr_asked == 100)
		CHECK_EQ(msi_route_attach(&route, &e), 0);
	return m->nr_reports > 1;
}

static void kept_interrupt_is_delivered_on_attach(void)
{
	open_with_route();
	raise(&route);
	machine.ask = attach_at_100;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.reports[1], FIRST_VECTOR);
	CHECK(machine.nr_asked >= 100);
	CHECK(!msi_route_pending(&route));
}

static void route_that_is_detached_again_keeps_the_interrupt(void)
{
	open_with_route();
	CHECK_EQ(msi_route_attach(&route, &e), 0);
	msi_route_detach(&route);
	raise(&route);
	machine.ask = stop_after_a_while;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.nr_reports, 1);
	CHECK(msi_route_pending(&route));
}

static void changed_route_goes_to_the_new_vector(void)
{
	open_with_route();
	CHECK_EQ(msi_route_attach(&route, &e), 0);
	CHECK_EQ(msi_route_set(&route, msi_to(0x5f), &e), 0);
	raise(&route);
	run_until(1);
	CHECK_EQ(machine.reports[1], 0x5f);
}

static void set_to_the_same_writes_no_table(void)
{
	uint64_t before;

	open_with_route();
	before = machine.irq.nr_table_writes;
	CHECK_EQ(msi_route_set(&route, msi_to(FIRST_VECTOR), &e), 0);
	CHECK_EQ(machine.irq.nr_table_writes, before);
}

static void batch_costs_one_table_write_and_all_its_routes_work(void)
{
	struct msi_route routes[NR_ROUTES];
	uint64_t before;

	open_ready();
	for (unsigned int i = 0; i < NR_ROUTES; i++)
		CHECK_EQ(msi_route_init(&routes[i], &machine.irq, &e), 0);
	before = machine.irq.nr_table_writes;
	irq_begin(&machine.irq);
	for (unsigned int i = 0; i < NR_ROUTES; i++)
		CHECK_EQ(
			msi_route_set(&routes[i], msi_to(FIRST_VECTOR + i), &e),
			0);
	CHECK_EQ(irq_commit(&machine.irq, &e), 0);
	CHECK_EQ(machine.irq.nr_table_writes, before + 1);
	for (unsigned int i = 0; i < NR_ROUTES; i++) {
		CHECK_EQ(msi_route_attach(&routes[i], &e), 0);
		raise(&routes[i]);
	}
	run_until(NR_ROUTES);
	for (unsigned int i = 0; i < NR_ROUTES; i++)
		CHECK(has_report(FIRST_VECTOR + i));
	for (unsigned int i = 0; i < NR_ROUTES; i++)
		msi_route_fini(&routes[i]);
}

static void gsi_of_a_gone_route_serves_the_next(void)
{
	uint32_t gsi;

	open_with_route();
	CHECK_EQ(msi_route_attach(&route, &e), 0);
	gsi = route.gsi;
	msi_route_fini(&route);
	CHECK_EQ(msi_route_init(&route, &machine.irq, &e), 0);
	CHECK_EQ(route.gsi, gsi);
	CHECK_EQ(msi_route_set(&route, msi_to(0x51), &e), 0);
	CHECK_EQ(msi_route_attach(&route, &e), 0);
	raise(&route);
	run_until(1);
	CHECK_EQ(machine.reports[1], 0x51);
}

static void interrupt_costs_no_return_to_user_space(void)
{
	uint64_t total;

	open_with_route();
	CHECK_EQ(msi_route_attach(&route, &e), 0);
	machine.ask = raise_when_taken;
	CHECK_EQ(machine_run(&machine), 0);
	/* What it asked and reported, and its end: nothing else. */
	total = machine.nr_asked + machine.nr_reports + 1;
	CHECK_EQ(machine.returns[KVM_EXIT_IO], total);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], 0);
}

static const struct irq_line line = { &machine.irq, PIN };

static uint32_t pulse_at_100(struct machine *m)
{
	if (m->nr_asked == 100)
		irq_line_pulse(&line);
	return m->nr_reports > 1;
}

static void pulse_of_a_pin_interrupts_by_the_ioapic(void)
{
	open_ready();
	machine.ask = pulse_at_100;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.reports[1], PIN_VECTOR);
}

static uint32_t hold_pin_from_100(struct machine *m)
{
	if (m->nr_asked == 100)
		irq_line_set(&line, true);
	return m->nr_asked > 400;
}

static void pin_that_stays_high_is_one_edge(void)
{
	open_ready();
	machine.ask = hold_pin_from_100;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.nr_reports, 2);
	CHECK_EQ(machine.reports[1], PIN_VECTOR);
}

static void open_with_level(void)
{
	open_ready();
	CHECK_EQ(irq_level_init(&level, &machine.irq, LEVEL_PIN, &e), 0);
	CHECK_EQ(irq_level_attach(&level, &e), 0);
}

/* KVM raises a level from a work queue, when it gets to it. */
static uint32_t stop_a_while_after_it(struct machine *m)
{
	static unsigned int nr_after;

	if (m->nr_asked == 1)
		nr_after = 0;
	if (m->nr_reports > 1)
		nr_after++;
	return nr_after >= PATIENCE;
}

static void level_interrupts_once_and_its_end_is_told(void)
{
	open_with_level();
	signal_fd(level.eventfd);
	machine.ask = stop_a_while_after_it;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.nr_reports, 2);
	CHECK_EQ(machine.reports[1], LEVEL_VECTOR);
	CHECK_EQ(take(level.resample_fd), 1);
}

/* A device that has more to say each time the guest is done. */
static uint32_t raise_at_each_end(struct machine *m)
{
	if (m->nr_asked == 1 || take(level.resample_fd))
		signal_fd(level.eventfd);
	return m->nr_reports > 10;
}

static void level_that_is_still_wanted_interrupts_again(void)
{
	open_with_level();
	machine.ask = raise_at_each_end;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.reports[10], LEVEL_VECTOR);
	CHECK_EQ(machine.returns[KVM_EXIT_IOAPIC_EOI], 0);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], 0);
}

static uint32_t raise_and_detach_at_100(struct machine *m)
{
	if (m->nr_asked == 100) {
		signal_fd(level.eventfd);
		irq_level_detach(&level);
		CHECK_EQ(irq_level_attach(&level, &e), 0);
	}
	return m->nr_asked > 400;
}

static void level_taken_off_holds_no_pin_high(void)
{
	open_with_level();
	machine.ask = raise_and_detach_at_100;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK(machine.nr_reports <= 2);
	CHECK_EQ(take(level.eventfd), 0);
}

#define IRQ_TEST(fn)                                                           \
	do {                                                                   \
		TAP_RUN(fn);                                                   \
		msi_route_fini(&route);                                        \
		irq_level_fini(&level);                                        \
		machine_close(&machine);                                       \
	} while (0)

int main(void)
{
	const char *why = child_skip_reason();

	if (why)
		return tap_skip_all(why);
	IRQ_TEST(attached_route_interrupts_the_guest);
	IRQ_TEST(route_interrupts_a_guest_in_the_middle_of_its_work);
	IRQ_TEST(twenty_interrupts_in_a_row_all_arrive);
	IRQ_TEST(detached_route_keeps_the_interrupt);
	IRQ_TEST(kept_interrupt_is_delivered_on_attach);
	IRQ_TEST(route_that_is_detached_again_keeps_the_interrupt);
	IRQ_TEST(changed_route_goes_to_the_new_vector);
	IRQ_TEST(set_to_the_same_writes_no_table);
	IRQ_TEST(batch_costs_one_table_write_and_all_its_routes_work);
	IRQ_TEST(gsi_of_a_gone_route_serves_the_next);
	IRQ_TEST(interrupt_costs_no_return_to_user_space);
	IRQ_TEST(pulse_of_a_pin_interrupts_by_the_ioapic);
	IRQ_TEST(pin_that_stays_high_is_one_edge);
	IRQ_TEST(level_interrupts_once_and_its_end_is_told);
	IRQ_TEST(level_that_is_still_wanted_interrupts_again);
	IRQ_TEST(level_taken_off_holds_no_pin_high);
	return tap_done();
}

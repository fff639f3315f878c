// SPDX-License-Identifier: GPL-2.0-or-later
/* Interrupts into a running guest when the IOAPIC is ours: --irqchip split. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/kvm/child.h"
#include "tests/kvm/machine.h"
#include "tests/tap.h"

enum {
	EDGE_PIN = 5, /* flat_irq leads it to vector 0x45 */
	EDGE_VECTOR = 0x45,
	LEVEL_PIN = 17, /* and this one to 0x51 */
	LEVEL_VECTOR = 0x51,
	MSI_VECTOR = 0x40,
	PATIENCE = 300, /* polls of the guest in which one would be seen */
	MANY = 10,
	IOAPIC_WINDOW = 0x10,
	IOAPIC_EOI = 0x40,
	LAPIC_SVR = 0xf0,
	SVR_NO_BROADCAST = 1 << 12,
	SUPPRESS_EOI = 1 << 2, /* of KVM_CAP_X2APIC_API */
	PIN_17_LOW = 0x10 + 2 * LEVEL_PIN,
	ENTRY = 0x8000 | LEVEL_VECTOR,
	MASKED = 0x10000,
};

static struct machine machine;
static struct msi_route route;
static struct irq_level level, other;
static const struct irq_line edge_line = { &machine.irq, EDGE_PIN };
static const struct irq_line level_line = { &machine.irq, LEVEL_PIN };
static unsigned int nr_before; /* reports that ask() has seen */
static struct err e;

static void signal_fd(int fd)
{
	uint64_t one = 1;

	CHECK_EQ(write(fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

/* Takes what was written to fd; 0: nothing. */
static uint64_t take(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* A guest that takes interrupts: before that they would be lost. */
static void open_ready(void)
{
	nr_before = 0;
	CHECK(machine_open_irqchip(&machine, "flat_irq", IRQCHIP_SPLIT));
	CHECK(machine_run_reports(&machine, 1));
}

static void open_with_level(void)
{
	open_ready();
	CHECK_EQ(irq_level_init(&level, &machine.irq, LEVEL_PIN, &e), 0);
	CHECK_EQ(irq_level_attach(&level, &e), 0);
}

static uint64_t nr_ends(void)
{
	return machine.returns[KVM_EXIT_IOAPIC_EOI];
}

/* What the guest would write to the pin's entry. */
static void write_entry(uint32_t low)
{
	bus_write(&machine.mmio, machine.ioapic.range.base, 4, PIN_17_LOW);
	bus_write(&machine.mmio, machine.ioapic.range.base + IOAPIC_WINDOW, 4,
		  low);
}

/* Once more than nr reports have come, waits for what must not come. */
static bool is_over(const struct machine *m, unsigned int nr)
{
	static unsigned int polls;

	polls = m->nr_reports > nr ? polls + 1 : 0;
	return polls >= PATIENCE;
}

/* --- edges --- */

static uint32_t pulse_at_100(struct machine *m)
{
	if (m->nr_asked == 100)
		irq_line_pulse(&edge_line);
	return is_over(m, 1);
}

static void pulse_of_a_pin_interrupts(void)
{
	open_ready();
	machine.ask = pulse_at_100;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.nr_reports, 2);
	CHECK_EQ(machine.reports[1], EDGE_VECTOR);
	CHECK_EQ(nr_ends(), 0);
}

static uint32_t hold_from_100(struct machine *m)
{
	if (m->nr_asked == 100)
		irq_line_set(&edge_line, true);
	return is_over(m, 1);
}

static void pin_that_stays_high_is_one_edge(void)
{
	open_ready();
	machine.ask = hold_from_100;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.nr_reports, 2);
}

static void message_interrupts_and_its_end_returns_nothing(void)
{
	const struct irq_msi msi = { 0xfee00000, MSI_VECTOR };

	open_ready();
	CHECK_EQ(msi_route_init(&route, &machine.irq, &e), 0);
	CHECK_EQ(msi_route_set(&route, msi, &e), 0);
	CHECK_EQ(msi_route_attach(&route, &e), 0);
	signal_fd(route.eventfd);
	CHECK(machine_run_reports(&machine, 2));
	CHECK_EQ(machine.reports[1], MSI_VECTOR);
	CHECK_EQ(nr_ends(), 0);
}

/* --- levels: lines that devices set --- */

/* A device that the guest attends to at the third interrupt. */
static uint32_t lower_at_the_third(struct machine *m)
{
	if (m->nr_asked == 1)
		irq_line_set(&level_line, true);
	if (m->nr_reports == 4 && nr_before == 3)
		irq_line_set(&level_line, false);
	nr_before = m->nr_reports;
	return is_over(m, 3);
}

static void line_that_stays_high_interrupts_again(void)
{
	open_ready();
	machine.ask = lower_at_the_third;
	CHECK_EQ(machine_run(&machine), 0);
	/* The third's end came before the line went low. */
	CHECK(machine.nr_reports >= 4 && machine.nr_reports <= 5);
	CHECK_EQ(machine.reports[3], LEVEL_VECTOR);
	CHECK_EQ(nr_ends(), machine.nr_reports - 1);
}

static uint32_t pulse_level_at_100(struct machine *m)
{
	if (m->nr_asked == 100)
		irq_line_pulse(&level_line);
	return is_over(m, 1);
}

static void line_that_goes_low_interrupts_once(void)
{
	open_ready();
	machine.ask = pulse_level_at_100;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.nr_reports, 2);
	CHECK_EQ(nr_ends(), 1);
}

/* What a guest does that ends interrupts at the IOAPIC: SDM vol. 3A 11.8.5. */
static void suppress_broadcasts(void)
{
	struct kvm_lapic_state lapic;

	CHECK_EQ(kvm_vcpu_get_lapic(&machine.vcpu, &lapic, &e), 0);
	lapic.regs[LAPIC_SVR + 1] |= SVR_NO_BROADCAST >> 8;
	CHECK_EQ(kvm_vcpu_set_lapic(&machine.vcpu, &lapic, &e), 0);
}

static uint32_t end_at_the_ioapic_at_200(struct machine *m)
{
	if (m->nr_asked == 1)
		irq_line_set(&level_line, true);
	if (m->nr_asked == 200) {
		CHECK_EQ(m->nr_reports, 2);
		bus_write(&m->mmio, m->ioapic.range.base + IOAPIC_EOI, 4,
			  LEVEL_VECTOR);
	}
	return is_over(m, 2);
}

static void guest_may_end_it_at_the_ioapic_alone(void)
{
	open_ready();
	if (!(kvm_check(&machine.kvm, KVM_CAP_X2APIC_API) & SUPPRESS_EOI)) {
		printf("# this KVM broadcasts all the same\n");
		return;
	}
	suppress_broadcasts();
	machine.ask = end_at_the_ioapic_at_200;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.nr_reports, 3);
	CHECK_EQ(nr_ends(), 0);
}

/* --- levels: eventfds --- */

static uint32_t stop_when_over(struct machine *m)
{
	return is_over(m, 1);
}

static void eventfd_interrupts_once_and_its_end_is_told(void)
{
	open_with_level();
	take(level.resample_fd);
	signal_fd(level.eventfd);
	machine.ask = stop_when_over;
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
	return m->nr_reports > MANY;
}

static void eventfd_costs_one_return_for_each_interrupt(void)
{
	uint64_t mmio;

	open_with_level();
	take(level.resample_fd);
	mmio = machine.returns[KVM_EXIT_MMIO];
	machine.ask = raise_at_each_end;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.reports[MANY], LEVEL_VECTOR);
	/* The last may not have ended yet. */
	CHECK(machine.nr_reports - 1 - nr_ends() <= 1);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], mmio);
}

static void end_is_told_to_all_who_share_the_pin(void)
{
	open_with_level();
	CHECK_EQ(irq_level_init(&other, &machine.irq, LEVEL_PIN, &e), 0);
	CHECK_EQ(irq_level_attach(&other, &e), 0);
	signal_fd(other.eventfd);
	machine.ask = stop_when_over;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(take(level.resample_fd), 1);
	CHECK_EQ(take(other.resample_fd), 1);
}

static uint32_t unmask_at_100(struct machine *m)
{
	if (m->nr_asked == 100) {
		CHECK_EQ(m->nr_reports, 1);
		write_entry(ENTRY);
	}
	return is_over(m, 1);
}

static void event_on_a_masked_pin_waits_for_it(void)
{
	open_with_level();
	write_entry(ENTRY | MASKED);
	signal_fd(level.eventfd);
	machine.ask = unmask_at_100;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.nr_reports, 2);
	CHECK_EQ(machine.reports[1], LEVEL_VECTOR);
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

static void level_taken_off_interrupts_no_more(void)
{
	open_with_level();
	machine.ask = raise_and_detach_at_100;
	CHECK_EQ(machine_run(&machine), 0);
	CHECK(machine.nr_reports <= 2);
	CHECK_EQ(take(level.eventfd), 0);
}

static const char *skip_reason(void)
{
	const char *why = child_skip_reason();
	int fd, has;

	if (why)
		return why;
	fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	has = ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_SPLIT_IRQCHIP);
	close(fd);
	return has > 0 ? NULL : "this KVM has no KVM_CAP_SPLIT_IRQCHIP";
}

#define IRQCHIP_TEST(fn)                                                       \
	do {                                                                   \
		TAP_RUN(fn);                                                   \
		msi_route_fini(&route);                                        \
		irq_level_fini(&level);                                        \
		irq_level_fini(&other);                                        \
		machine_close(&machine);                                       \
	} while (0)

int main(void)
{
	const char *why = skip_reason();

	if (why)
		return tap_skip_all(why);
	IRQCHIP_TEST(pulse_of_a_pin_interrupts);
	IRQCHIP_TEST(pin_that_stays_high_is_one_edge);
	IRQCHIP_TEST(message_interrupts_and_its_end_returns_nothing);
	IRQCHIP_TEST(line_that_stays_high_interrupts_again);
	IRQCHIP_TEST(line_that_goes_low_interrupts_once);
	IRQCHIP_TEST(guest_may_end_it_at_the_ioapic_alone);
	IRQCHIP_TEST(eventfd_interrupts_once_and_its_end_is_told);
	IRQCHIP_TEST(eventfd_costs_one_return_for_each_interrupt);
	IRQCHIP_TEST(end_is_told_to_all_who_share_the_pin);
	IRQCHIP_TEST(event_on_a_masked_pin_waits_for_it);
	IRQCHIP_TEST(level_taken_off_interrupts_no_more);
	return tap_done();
}

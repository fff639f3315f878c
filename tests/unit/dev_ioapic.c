// SPDX-License-Identifier: GPL-2.0-or-later
/* Our own IOAPIC: its registers, and what it makes of lines and eventfds. */
#include <unistd.h>

#include "src/dev/ioapic.h"
#include "src/x86/layout.h"
#include "tests/fake/irq.h"
#include "tests/tap.h"

enum {
	PIN = 17,
	WINDOW = 0x10,
	EOI = 0x40,
	LOGICAL = 1 << 11,
	REMOTE_IRR = 1 << 14,
	LEVEL = 1 << 15,
	MASKED = 1 << 16,
	MODE_SHIFT = 8,
	VECTOR = 0x51,
	MSI_LEVEL = 0xc000, /* level, assert */
};

static struct fake_irq sink;
static struct irq irq;
static struct bus mmio;
static struct ioapic io;
static struct irq_level level;
static const struct irq_line line = { &irq, PIN };
static struct err err;

static void stop(void)
{
	irq_level_fini(&level);
	ioapic_fini(&io, &mmio);
	irq_fini(&irq);
	bus_fini(&mmio);
}

static void start(void)
{
	stop();
	memset(&sink, 0, sizeof(sink));
	memset(&err, 0, sizeof(err));
	if (bus_init(&mmio, "mmio") ||
	    irq_init(&irq, &fake_irq_sink, &sink, &err) ||
	    ioapic_init(&io, &irq, &mmio, X86_IOAPIC_GPA, &err) ||
	    irq_level_init(&level, &irq, PIN, &err))
		abort();
}

/* --- what a guest does --- */

static void reg_write(unsigned int index, uint32_t value)
{
	bus_write(&mmio, X86_IOAPIC_GPA, 4, index);
	bus_write(&mmio, X86_IOAPIC_GPA + WINDOW, 4, value);
}

static uint32_t reg_read(unsigned int index)
{
	uint64_t value;

	bus_write(&mmio, X86_IOAPIC_GPA, 4, index);
	bus_read(&mmio, X86_IOAPIC_GPA + WINDOW, 4, &value);
	return (uint32_t)value;
}

/* As Linux does: the upper half first. */
static void set_entry(unsigned int pin, uint32_t low, uint32_t dest)
{
	reg_write(0x11 + 2 * pin, dest << 24);
	reg_write(0x10 + 2 * pin, low);
}

static uint32_t entry(unsigned int pin)
{
	return reg_read(0x10 + 2 * pin);
}

/* --- what others see --- */

static struct irq_route route_of(uint32_t gsi)
{
	for (unsigned int i = 0; i < sink.nr_routes; i++)
		if (sink.routes[i].gsi == gsi)
			return sink.routes[i];
	return (struct irq_route){ 0 };
}

static void raise_fd(int fd)
{
	const uint64_t one = 1;

	CHECK_EQ(write(fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

static uint64_t take(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void attach(void)
{
	CHECK_EQ(irq_level_attach(&level, &err), 0);
}

/* --- registers --- */

static void all_pins_are_masked_and_lead_nowhere_at_first(void)
{
	start();
	for (unsigned int pin = 0; pin < IOAPIC_NR_PINS; pin++) {
		CHECK_EQ(entry(pin), MASKED);
		CHECK(!route_of(pin).is_msi);
	}
	CHECK_EQ(irq.nr_table_writes, 1);
}

static void version_says_24_pins_and_an_eoi_register(void)
{
	start();
	CHECK_EQ(reg_read(1), 0x00170020);
	reg_write(1, UINT32_MAX);
	CHECK_EQ(reg_read(1), 0x00170020);
}

static void id_keeps_its_four_bits(void)
{
	start();
	reg_write(0, UINT32_MAX);
	CHECK_EQ(reg_read(0), 0x0f000000);
	CHECK_EQ(reg_read(2), 0x0f000000);
}

static void read_only_and_reserved_bits_stay_0(void)
{
	start();
	reg_write(0x10 + 2 * PIN, UINT32_MAX);
	CHECK_EQ(entry(PIN), 0x1afff);
	reg_write(0x11 + 2 * PIN, UINT32_MAX);
	CHECK_EQ(reg_read(0x11 + 2 * PIN), 0xff000000);
}

static void registers_that_are_not_there_are_0_and_harmless(void)
{
	start();
	for (unsigned int index = 0; index < 256; index++) {
		if (index >= 0x10 && index < 0x40)
			continue;
		reg_write(index, UINT32_MAX);
		CHECK(index <= 2 || !reg_read(index));
	}
	for (unsigned int pin = 0; pin < IOAPIC_NR_PINS; pin++)
		CHECK_EQ(entry(pin), MASKED);
}

/* --- messages --- */

static void entry_becomes_the_message_of_its_pin(void)
{
	struct irq_route route;

	start();
	set_entry(PIN, LEVEL | VECTOR, 3);
	route = route_of(PIN);
	CHECK(route.is_msi);
	CHECK_EQ(route.msi.address, 0xfee03000);
	CHECK_EQ(route.msi.data, MSI_LEVEL | VECTOR);
}

static void destination_and_delivery_modes_are_passed_on(void)
{
	start();
	set_entry(4, LOGICAL | 1 << MODE_SHIFT | 0x34, 0xff);
	CHECK_EQ(route_of(4).msi.address, 0xfeeff004);
	CHECK_EQ(route_of(4).msi.data, 1 << MODE_SHIFT | 0x34);
}

static void masking_costs_no_table_write(void)
{
	uint64_t writes;

	start();
	set_entry(PIN, LEVEL | VECTOR, 0);
	writes = irq.nr_table_writes;
	set_entry(PIN, LEVEL | VECTOR | MASKED, 0);
	set_entry(PIN, LEVEL | VECTOR, 0);
	CHECK_EQ(irq.nr_table_writes, writes);
	CHECK_EQ(route_of(PIN).msi.data, MSI_LEVEL | VECTOR);
}

static void entry_set_up_while_masked_costs_one_table_write(void)
{
	uint64_t writes;

	start();
	writes = irq.nr_table_writes;
	set_entry(PIN, LEVEL | VECTOR | MASKED, 1);
	set_entry(PIN, LEVEL | 0x61 | MASKED, 2);
	CHECK_EQ(irq.nr_table_writes, writes);
	set_entry(PIN, LEVEL | 0x61, 2);
	CHECK_EQ(irq.nr_table_writes, writes + 1);
	CHECK_EQ(route_of(PIN).msi.address, 0xfee02000);
}

static void table_that_was_refused_is_written_when_unmasked_again(void)
{
	start();
	sink.fail_nth = sink.nr_calls + 1;
	set_entry(PIN, LEVEL | VECTOR, 0);
	CHECK(!route_of(PIN).is_msi);
	set_entry(PIN, LEVEL | VECTOR | MASKED, 0);
	set_entry(PIN, LEVEL | VECTOR, 0);
	CHECK(route_of(PIN).is_msi);
}

static void ordinary_messages_are_beside_those_of_pins(void)
{
	struct msi_route route;

	start();
	CHECK_EQ(msi_route_init(&route, &irq, &err), 0);
	CHECK_EQ(msi_route_set(&route, (struct irq_msi){ 0xfee00000, 0x99 },
			       &err),
		 0);
	set_entry(PIN, VECTOR, 0);
	CHECK_EQ(route_of(route.gsi).msi.data, 0x99);
	CHECK_EQ(route_of(PIN).msi.data, VECTOR);
	msi_route_fini(&route);
	set_entry(PIN, 0x52, 0);
	CHECK(!route_of(24).is_msi);
	CHECK_EQ(route_of(PIN).msi.data, 0x52);
}

/* --- edges --- */

static void each_rise_of_an_edge_is_one_message(void)
{
	start();
	set_entry(PIN, VECTOR, 2);
	irq_line_set(&line, true);
	CHECK_EQ(sink.nr_sent, 1);
	CHECK_EQ(sink.sent.address, 0xfee02000);
	CHECK_EQ(sink.sent.data, VECTOR);
	irq_line_set(&line, true);
	CHECK_EQ(sink.nr_sent, 1);
	irq_line_set(&line, false);
	irq_line_set(&line, true);
	CHECK_EQ(sink.nr_sent, 2);
	CHECK(!(entry(PIN) & REMOTE_IRR));
}

static void edge_on_a_masked_pin_is_lost(void)
{
	start();
	set_entry(PIN, VECTOR | MASKED, 0);
	irq_line_set(&line, true);
	set_entry(PIN, VECTOR, 0);
	CHECK_EQ(sink.nr_sent, 0);
}

static void end_of_an_edge_means_nothing(void)
{
	start();
	attach();
	set_entry(PIN, VECTOR, 0);
	take(level.resample_fd);
	irq_line_set(&line, true);
	ioapic_eoi(&io, VECTOR);
	CHECK_EQ(sink.nr_sent, 1);
	CHECK_EQ(take(level.resample_fd), 0);
}

static void nmi_is_an_edge_whatever_the_trigger(void)
{
	start();
	set_entry(PIN, LEVEL | 4 << MODE_SHIFT, 0);
	irq_line_set(&line, true);
	CHECK_EQ(sink.nr_sent, 1);
	CHECK_EQ(sink.sent.data, 4 << MODE_SHIFT);
	CHECK(!(entry(PIN) & REMOTE_IRR));
}

static void extint_and_reserved_modes_send_nothing(void)
{
	static const uint32_t modes[] = { 3, 6, 7 };

	for (unsigned int i = 0; i < 3; i++) {
		start();
		attach();
		set_entry(PIN, LEVEL | modes[i] << MODE_SHIFT | VECTOR, 0);
		irq_line_set(&line, true);
		CHECK_EQ(sink.nr_sent, 0);
		CHECK_EQ(sink.nr_irqfds, 0);
		CHECK(!route_of(PIN).is_msi);
	}
}

/* --- levels that devices set --- */

static void open_high(void)
{
	start();
	set_entry(PIN, LEVEL | VECTOR, 0);
	irq_line_set(&line, true);
	CHECK_EQ(sink.nr_sent, 1);
	CHECK(entry(PIN) & REMOTE_IRR);
}

static void level_waits_for_its_end(void)
{
	open_high();
	irq_line_set(&line, false);
	irq_line_set(&line, true);
	CHECK_EQ(sink.nr_sent, 1);
	CHECK_EQ(sink.sent.data, MSI_LEVEL | VECTOR);
}

static void end_of_a_level_that_is_still_high_sends_again(void)
{
	open_high();
	ioapic_eoi(&io, VECTOR);
	CHECK_EQ(sink.nr_sent, 2);
	CHECK(entry(PIN) & REMOTE_IRR);
}

static void end_of_a_level_that_is_low_is_the_end(void)
{
	open_high();
	irq_line_set(&line, false);
	ioapic_eoi(&io, VECTOR);
	CHECK_EQ(sink.nr_sent, 1);
	CHECK(!(entry(PIN) & REMOTE_IRR));
}

static void end_of_another_vector_means_nothing(void)
{
	open_high();
	ioapic_eoi(&io, VECTOR + 1);
	CHECK_EQ(sink.nr_sent, 1);
	CHECK(entry(PIN) & REMOTE_IRR);
}

static void eoi_register_ends_as_well(void)
{
	open_high();
	bus_write(&mmio, X86_IOAPIC_GPA + EOI, 4, VECTOR);
	CHECK_EQ(sink.nr_sent, 2);
}

static void level_on_a_masked_pin_waits_for_it(void)
{
	start();
	set_entry(PIN, LEVEL | VECTOR | MASKED, 0);
	irq_line_set(&line, true);
	CHECK_EQ(sink.nr_sent, 0);
	set_entry(PIN, LEVEL | VECTOR, 0);
	CHECK_EQ(sink.nr_sent, 1);
}

static void end_while_masked_counts(void)
{
	open_high();
	set_entry(PIN, LEVEL | VECTOR | MASKED, 0);
	ioapic_eoi(&io, VECTOR);
	CHECK_EQ(sink.nr_sent, 1);
	CHECK(!(entry(PIN) & REMOTE_IRR));
	set_entry(PIN, LEVEL | VECTOR, 0);
	CHECK_EQ(sink.nr_sent, 2);
}

static void making_it_an_edge_clears_remote_irr(void)
{
	open_high();
	set_entry(PIN, VECTOR | MASKED, 0);
	set_entry(PIN, LEVEL | VECTOR, 0);
	CHECK_EQ(sink.nr_sent, 2);
}

static void level_that_nobody_took_waits_for_no_end(void)
{
	start();
	sink.is_deaf = true;
	set_entry(PIN, LEVEL | VECTOR, 0);
	irq_line_set(&line, true);
	CHECK(!(entry(PIN) & REMOTE_IRR));
	sink.is_deaf = false;
	set_entry(PIN, LEVEL | VECTOR, 1);
	CHECK_EQ(sink.nr_sent, 1);
}

/* --- levels by eventfd --- */

static void eventfd_is_kvms_while_the_pin_is_open(void)
{
	struct irq_route route;

	start();
	attach();
	CHECK_EQ(sink.nr_irqfds, 0);
	set_entry(PIN, LEVEL | VECTOR, 0);
	CHECK(fake_irq_wired(&sink, level.eventfd, &route));
	CHECK_EQ(route.msi.data, MSI_LEVEL | VECTOR);
	CHECK_EQ(sink.irqfds[0].resample_fd, -1);
	set_entry(PIN, LEVEL | VECTOR | MASKED, 0);
	CHECK_EQ(sink.nr_irqfds, 0);
}

static void eventfd_attached_to_an_open_pin_is_kvms_at_once(void)
{
	start();
	set_entry(PIN, LEVEL | VECTOR, 0);
	attach();
	CHECK_EQ(sink.nr_irqfds, 1);
	irq_level_detach(&level);
	CHECK_EQ(sink.nr_irqfds, 0);
	set_entry(PIN, LEVEL | VECTOR | MASKED, 0);
	set_entry(PIN, LEVEL | VECTOR, 0);
	CHECK_EQ(sink.nr_irqfds, 0);
}

static void event_on_a_masked_pin_stays_in_the_eventfd(void)
{
	struct irq_msi got;

	start();
	attach();
	raise_fd(level.eventfd);
	CHECK(!fake_irq_deliver(&sink, level.eventfd, &got));
	set_entry(PIN, LEVEL | VECTOR, 0);
	CHECK(fake_irq_deliver(&sink, level.eventfd, &got));
	CHECK_EQ(got.data, MSI_LEVEL | VECTOR);
}

static void end_is_told_to_the_pins_sources(void)
{
	struct irq_level same, another;

	start();
	CHECK_EQ(irq_level_init(&same, &irq, PIN, &err), 0);
	CHECK_EQ(irq_level_init(&another, &irq, PIN + 1, &err), 0);
	set_entry(PIN, LEVEL | VECTOR, 0);
	set_entry(PIN + 1, LEVEL | (VECTOR + 1), 0);
	attach();
	CHECK_EQ(irq_level_attach(&same, &err), 0);
	CHECK_EQ(irq_level_attach(&another, &err), 0);
	ioapic_eoi(&io, VECTOR);
	CHECK_EQ(take(level.resample_fd), 1);
	CHECK_EQ(take(same.resample_fd), 1);
	CHECK_EQ(take(another.resample_fd), 0);
	irq_level_detach(&same);
	ioapic_eoi(&io, VECTOR);
	CHECK_EQ(take(level.resample_fd), 1);
	CHECK_EQ(take(same.resample_fd), 0);
	irq_level_fini(&same);
	irq_level_fini(&another);
}

/* A driver's thread (IRQF_ONESHOT): mask, end, and when it is done unmask. */
static void end_while_masked_is_told_when_unmasked(void)
{
	start();
	attach();
	set_entry(PIN, LEVEL | VECTOR, 0);
	take(level.resample_fd);
	set_entry(PIN, LEVEL | VECTOR | MASKED, 0);
	ioapic_eoi(&io, VECTOR);
	CHECK_EQ(take(level.resample_fd), 0);
	set_entry(PIN, LEVEL | VECTOR, 0);
	CHECK_EQ(take(level.resample_fd), 1);
}

static void source_is_asked_again_when_the_message_changes(void)
{
	start();
	attach();
	set_entry(PIN, LEVEL | VECTOR, 0);
	take(level.resample_fd);
	reg_write(0x10 + 2 * PIN, LEVEL | VECTOR);
	CHECK_EQ(take(level.resample_fd), 0);
	reg_write(0x10 + 2 * PIN, LEVEL | 0x61);
	CHECK_EQ(take(level.resample_fd), 1);
}

static void irqfd_that_is_refused_is_an_error_of_attaching(void)
{
	start();
	set_entry(PIN, LEVEL | VECTOR, 0);
	sink.fail_nth = sink.nr_calls + 1;
	CHECK(irq_level_attach(&level, &err) < 0);
	CHECK(!level.attached);
	attach();
	CHECK_EQ(sink.nr_irqfds, 1);
}

/* --- its life --- */

static void after_it_pins_are_the_sinks_again(void)
{
	start();
	ioapic_fini(&io, &mmio);
	ioapic_fini(&io, &mmio);
	attach();
	CHECK_EQ(sink.irqfds[0].resample_fd, level.resample_fd);
	irq_line_set(&line, true);
	CHECK_EQ(sink.nr_sent, 0);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	TAP_RUN(all_pins_are_masked_and_lead_nowhere_at_first);
	TAP_RUN(version_says_24_pins_and_an_eoi_register);
	TAP_RUN(id_keeps_its_four_bits);
	TAP_RUN(read_only_and_reserved_bits_stay_0);
	TAP_RUN(registers_that_are_not_there_are_0_and_harmless);
	TAP_RUN(entry_becomes_the_message_of_its_pin);
	TAP_RUN(destination_and_delivery_modes_are_passed_on);
	TAP_RUN(masking_costs_no_table_write);
	TAP_RUN(entry_set_up_while_masked_costs_one_table_write);
	TAP_RUN(table_that_was_refused_is_written_when_unmasked_again);
	TAP_RUN(ordinary_messages_are_beside_those_of_pins);
	TAP_RUN(each_rise_of_an_edge_is_one_message);
	TAP_RUN(edge_on_a_masked_pin_is_lost);
	TAP_RUN(end_of_an_edge_means_nothing);
	TAP_RUN(nmi_is_an_edge_whatever_the_trigger);
	TAP_RUN(extint_and_reserved_modes_send_nothing);
	TAP_RUN(level_waits_for_its_end);
	TAP_RUN(end_of_a_level_that_is_still_high_sends_again);
	TAP_RUN(end_of_a_level_that_is_low_is_the_end);
	TAP_RUN(end_of_another_vector_means_nothing);
	TAP_RUN(eoi_register_ends_as_well);
	TAP_RUN(level_on_a_masked_pin_waits_for_it);
	TAP_RUN(end_while_masked_counts);
	TAP_RUN(making_it_an_edge_clears_remote_irr);
	TAP_RUN(level_that_nobody_took_waits_for_no_end);
	TAP_RUN(eventfd_is_kvms_while_the_pin_is_open);
	TAP_RUN(eventfd_attached_to_an_open_pin_is_kvms_at_once);
	TAP_RUN(event_on_a_masked_pin_stays_in_the_eventfd);
	TAP_RUN(end_is_told_to_the_pins_sources);
	TAP_RUN(end_while_masked_is_told_when_unmasked);
	TAP_RUN(source_is_asked_again_when_the_message_changes);
	TAP_RUN(irqfd_that_is_refused_is_an_error_of_attaching);
	TAP_RUN(after_it_pins_are_the_sinks_again);
	stop();
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* A root port's slot as a guest's hot-plug driver meets it. */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/pci_port_fixture.h"

enum {
	F_IDS = 0x10ca8086,
	ABP = PCI_EXP_SLTSTA_ABP,
	PDC = PCI_EXP_SLTSTA_PDC,
	PDS = PCI_EXP_SLTSTA_PDS,
	CC = PCI_EXP_SLTSTA_CC,
	DLLSC = PCI_EXP_SLTSTA_DLLSC,
	OFF = PCI_EXP_SLTCTL_PCC,
	BLINK = PCI_EXP_SLTCTL_PWR_IND_BLINK,
	ON = PCI_EXP_SLTCTL_PWR_IND_ON,
	/* What Linux enables. */
	ENABLED = PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_DLLSCE |
		  PCI_EXP_SLTCTL_CCIE | PCI_EXP_SLTCTL_HPIE,
};

static uint32_t status(void)
{
	return slot_rd(PCI_EXP_SLTSTA);
}

static void clear(uint32_t bits)
{
	slot_wr(PCI_EXP_SLTSTA, bits);
}

static void command(uint32_t control)
{
	slot_wr(PCI_EXP_SLTCTL, control);
}

static bool link_is_up(void)
{
	return slot_rd(PCI_EXP_LNKSTA) & PCI_EXP_LNKSTA_DLLLA;
}

static bool f_answers(void)
{
	return ecam(1, 0, PCI_VENDOR_ID, 4) == F_IDS;
}

/* MSI-X on, its only vector unmasked. */
static void use_msix(void)
{
	unsigned int cap = pci_dev_find_cap(&left.dev, PCI_CAP_ID_MSIX);
	uint64_t table = port_rd(PCI_BASE_ADDRESS_0, 4);

	port_wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	bus_write(&mmio, table, 8, 0xfee01000);
	bus_write(&mmio, table + 8, 4, 0x42);
	bus_write(&mmio, table + 12, 4, 0);
	port_wr(cap + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
}

/* Takes an interrupt if there is one. */
static bool interrupted(void)
{
	struct irq_msi msi;

	return fake_irq_deliver(&fake, left.route.eventfd, &msi) &&
	       msi.data == 0x42;
}

/* A driver that has the card's slot, its indicator on and no event left. */
static void start_driven(void)
{
	start_with_f();
	use_msix();
	command(ENABLED | ON);
	clear(CC);
	interrupted();
}

/* --- state --- */

static void an_occupied_slot_has_power_card_and_link(void)
{
	start_with_f();
	CHECK_EQ(status(), PDS);
	CHECK_EQ(slot_rd(PCI_EXP_SLTCTL), ON | PCI_EXP_SLTCTL_ATTN_IND_OFF);
	CHECK(link_is_up());
	CHECK(f_answers());
	stop();
}

static void an_empty_slot_has_neither(void)
{
	start();
	pci_host_place_bars(&host, &e);
	CHECK_EQ(status(), 0);
	CHECK(slot_rd(PCI_EXP_SLTCTL) & OFF);
	CHECK(!link_is_up());
	CHECK_EQ(ecam(1, 0, PCI_VENDOR_ID, 4), 0xffffffff);
	stop();
}

static void each_command_completes(void)
{
	start_with_f();
	command(ON);
	CHECK_EQ(status(), PDS | CC);
	clear(CC);
	CHECK_EQ(status(), PDS);
	port_wr(left.exp_cap + PCI_EXP_SLTCTL, 1, 0);
	CHECK_EQ(status(), PDS | CC);
	stop();
}

static void events_are_cleared_by_writing_one_and_only_so(void)
{
	start_driven();
	pci_port_request_unplug(&left);
	clear(0);
	CHECK_EQ(status(), PDS | ABP);
	clear(0xffff & ~ABP);
	CHECK_EQ(status(), PDS | ABP);
	clear(ABP);
	CHECK_EQ(status(), PDS);
	stop();
}

static void presence_cannot_be_written(void)
{
	start_with_f();
	clear(0xffff);
	CHECK_EQ(status(), PDS);
	port_wr(left.exp_cap + PCI_EXP_SLTCAP, 4, 0xffffffff);
	CHECK_EQ(port_rd(left.exp_cap + PCI_EXP_SLTCAP, 4) >> 19, 11);
	stop();
}

static void a_disabled_link_is_down(void)
{
	start_with_f();
	slot_wr(PCI_EXP_LNKCTL, PCI_EXP_LNKCTL_LD);
	CHECK(!link_is_up());
	CHECK(!f_answers());
	CHECK_EQ(status(), PDS | DLLSC);
	slot_wr(PCI_EXP_LNKCTL, 0);
	CHECK(f_answers());
	stop();
}

static void a_card_whose_link_is_disabled_is_reset(void)
{
	start_with_f();
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	slot_wr(PCI_EXP_LNKCTL, PCI_EXP_LNKCTL_LD);
	CHECK_LOG(&f, "reset;");
	CHECK_EQ(rd(&f, PCI_COMMAND, 2), 0);
	slot_wr(PCI_EXP_LNKCTL, 0);
	CHECK_LOG(&f, "");
	stop();
}

/* A table with it would be refused by KVM, for all. */
static void a_message_to_no_controller_goes_nowhere(void)
{
	unsigned int cap;
	uint64_t table;

	start_driven();
	cap = pci_dev_find_cap(&left.dev, PCI_CAP_ID_MSIX);
	table = port_rd(PCI_BASE_ADDRESS_0, 4);
	port_wr(cap + PCI_MSIX_FLAGS, 2,
		PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	bus_write(&mmio, table, 8, 0x1fee01000);
	port_wr(cap + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	for (unsigned int i = 0; i < fake.nr_routes; i++)
		CHECK(!fake.routes[i].is_msi ||
		      fake.routes[i].msi.address == 0xfee01000);
	pci_port_request_unplug(&left);
	CHECK(!interrupted());
	bus_write(&mmio, table, 8, 0xfee01000);
	CHECK(interrupted());
	stop();
}

/* --- unplugging --- */

static void a_request_presses_the_button(void)
{
	start_driven();
	CHECK_EQ(pci_port_request_unplug(&left), 0);
	CHECK_EQ(status(), PDS | ABP);
	CHECK(interrupted());
	CHECK(f_answers());
	stop();
}

static void the_card_leaves_when_the_guest_turns_power_off(void)
{
	start_driven();
	pci_port_request_unplug(&left);
	clear(ABP);
	command(ENABLED | BLINK);
	clear(CC);
	CHECK_EQ(nr_removed, 0);
	command(ENABLED | BLINK | OFF);
	CHECK_EQ(nr_removed, 1);
	CHECK(removed_lock_was_free);
	CHECK_EQ(status(), CC | PDC | DLLSC);
	CHECK(!link_is_up());
	CHECK(!f_answers());
	CHECK(!pci_port_is_occupied(&left));
	stop();
}

static void what_left_is_not_reset_by_the_port(void)
{
	start_driven();
	pci_port_request_unplug(&left);
	command(ENABLED | OFF);
	CHECK_LOG(&f, "");
	stop();
}

static void a_second_request_does_not_press_again(void)
{
	start_driven();
	pci_port_request_unplug(&left);
	clear(ABP);
	interrupted();
	CHECK_EQ(pci_port_request_unplug(&left), 0);
	CHECK_EQ(status(), PDS);
	CHECK(!interrupted());
	stop();
}

static void an_empty_slot_cannot_be_asked(void)
{
	start();
	CHECK_EQ(pci_port_request_unplug(&left), -ENODEV);
	CHECK_EQ(status(), 0);
	CHECK_EQ(nr_removed, 0);
	stop();
}

/* Linux clears old events before it enables new ones. */
static void a_driver_that_comes_late_is_asked_again(void)
{
	start_with_f();
	pci_port_request_unplug(&left);
	clear(ABP);
	use_msix();
	CHECK_EQ(status(), PDS);
	command(ENABLED | ON);
	CHECK(status() & ABP);
	CHECK(interrupted());
	stop();
}

static void a_driver_that_is_at_it_is_not_asked_again(void)
{
	start_driven();
	pci_port_request_unplug(&left);
	clear(ABP);
	command(ENABLED | BLINK);
	command(BLINK);
	command(ENABLED | BLINK);
	CHECK_EQ(status() & ABP, 0);
	stop();
}

static void a_guest_may_turn_power_off_and_on(void)
{
	start_driven();
	command(ENABLED | OFF);
	CHECK_EQ(nr_removed, 0);
	CHECK_EQ(status(), PDS | CC | DLLSC);
	CHECK(!f_answers());
	CHECK_LOG(&f, "reset;");
	clear(0xffff);
	command(ENABLED | ON);
	CHECK_EQ(status(), PDS | CC | DLLSC);
	CHECK(f_answers());
	CHECK_LOG(&f, "");
	stop();
}

static void without_power_a_request_is_granted_at_once(void)
{
	start_driven();
	command(ENABLED | OFF);
	CHECK_EQ(pci_port_request_unplug(&left), 0);
	CHECK_EQ(nr_removed, 1);
	CHECK(removed_lock_was_free);
	CHECK(!pci_port_is_occupied(&left));
	stop();
}

static void all_functions_of_the_card_leave(void)
{
	start_driven();
	pci_host_add_at(&host, &g.dev, (struct pci_place){ &left, 1 }, &e);
	CHECK_EQ(ecam(1, 1, PCI_VENDOR_ID, 4), 0x10c98086);
	pci_port_request_unplug(&left);
	command(ENABLED | OFF);
	CHECK_EQ(nr_removed, 1);
	command(ENABLED | ON);
	CHECK_EQ(ecam(1, 1, PCI_VENDOR_ID, 4), 0xffffffff);
	stop();
}

static void by_force_it_is_gone_at_once(void)
{
	start_driven();
	pci_port_force_unplug(&left);
	CHECK(!f_answers());
	CHECK_EQ(status(), PDC | DLLSC);
	CHECK(interrupted());
	CHECK_EQ(nr_removed, 0);
	clear(0xffff);
	pci_port_force_unplug(&left);
	CHECK_EQ(status(), 0);
	stop();
}

static void force_ends_a_request(void)
{
	start_driven();
	pci_port_request_unplug(&left);
	pci_port_force_unplug(&left);
	command(ENABLED | OFF);
	CHECK_EQ(nr_removed, 0);
	CHECK_EQ(pci_port_request_unplug(&left), -ENODEV);
	stop();
}

/* --- plugging in --- */

static void a_card_that_comes_is_told_of(void)
{
	start_driven();
	pci_port_force_unplug(&left);
	command(ENABLED | OFF);
	clear(0xffff);
	interrupted();
	CHECK_EQ(pci_port_plug(&left, &g.dev), 0);
	CHECK_EQ(status(), PDS | PDC | ABP);
	CHECK(interrupted());
	CHECK_EQ(ecam(1, 0, PCI_VENDOR_ID, 4), 0xffffffff);
	clear(0xffff);
	command(ENABLED | ON);
	CHECK(link_is_up());
	CHECK_EQ(status(), PDS | CC | DLLSC);
	CHECK_EQ(ecam(1, 0, PCI_VENDOR_ID, 4), 0x10c98086);
	stop();
}

static void a_slot_takes_one_card(void)
{
	start_driven();
	CHECK_EQ(pci_port_plug(&left, &g.dev), -EEXIST);
	CHECK(f_answers());
	CHECK_EQ(status(), PDS);
	stop();
}

/* --- interrupts --- */

static void a_completed_command_interrupts_if_enabled(void)
{
	start_driven();
	command(ENABLED | BLINK);
	CHECK(interrupted());
	clear(CC);
	command(BLINK | (ENABLED & ~PCI_EXP_SLTCTL_CCIE));
	CHECK(status() & CC);
	CHECK(!interrupted());
	stop();
}

static void without_the_main_enable_nothing_interrupts(void)
{
	start_driven();
	command(ON | (ENABLED & ~PCI_EXP_SLTCTL_HPIE));
	pci_port_request_unplug(&left);
	CHECK(!interrupted());
	stop();
}

/* PCIe 6.0 6.7.3.4: when the condition becomes true, not for each event. */
static void a_second_event_interrupts_when_the_first_is_cleared(void)
{
	start_driven();
	pci_port_request_unplug(&left);
	CHECK(interrupted());
	pci_port_force_unplug(&left);
	CHECK(!interrupted());
	clear(0xffff);
	pci_port_plug(&left, &g.dev);
	CHECK(interrupted());
	stop();
}

static void an_event_interrupts_when_it_is_enabled(void)
{
	start_driven();
	command(ON);
	pci_port_request_unplug(&left);
	CHECK(!interrupted());
	command(ON | PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_HPIE);
	CHECK(interrupted());
	stop();
}

static void a_masked_vector_keeps_its_interrupt(void)
{
	uint64_t pba, table;

	start_driven();
	table = port_rd(PCI_BASE_ADDRESS_0, 4);
	bus_write(&mmio, table + 12, 4, 1);
	pci_port_request_unplug(&left);
	CHECK(!interrupted());
	bus_read(&mmio, table + 2048, 8, &pba);
	CHECK_EQ(pba, 1);
	bus_write(&mmio, table + 12, 4, 0);
	CHECK(interrupted());
	stop();
}

static void msix_that_is_turned_off_forgets(void)
{
	unsigned int cap;

	start_driven();
	cap = pci_dev_find_cap(&left.dev, PCI_CAP_ID_MSIX);
	pci_port_request_unplug(&left);
	port_wr(cap + PCI_MSIX_FLAGS, 2, 0);
	port_wr(cap + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	CHECK(!interrupted());
	stop();
}

static void without_msix_intx_follows_the_events(void)
{
	start_with_f();
	command(ENABLED | ON);
	clear(CC);
	CHECK(!line_is_high[GSI + 1]);
	pci_port_request_unplug(&left);
	CHECK(line_is_high[GSI + 1]);
	CHECK(port_rd(PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	clear(ABP);
	CHECK(!line_is_high[GSI + 1]);
	CHECK(!(port_rd(PCI_STATUS, 2) & PCI_STATUS_INTERRUPT));
	stop();
}

/* 00:01.0 and 00:09.0 are wired to one pin of the interrupt controller. */
static void ports_that_share_an_intx_do_not_pull_it_down(void)
{
	static struct pci_port third;
	struct pci_port_config config = left.config;
	uint32_t exp;

	start();
	config.slot = 13;
	CHECK_EQ(pci_port_init(&third, &config, &e), 0);
	CHECK_EQ(pci_host_add_port(&host, &third, 9 << 3, &e), 0);
	exp = third.exp_cap;
	command(ENABLED | ON);
	ecam_put(0, 9 << 3, exp + PCI_EXP_SLTCTL, 2, ENABLED | ON);
	CHECK(line_is_high[GSI + 1]);
	clear(0xffff);
	CHECK(line_is_high[GSI + 1]);
	ecam_put(0, 9 << 3, exp + PCI_EXP_SLTSTA, 2, 0xffff);
	CHECK(!line_is_high[GSI + 1]);
	pci_port_fini(&third);
	stop();
}

static void msix_takes_over_from_intx(void)
{
	start_with_f();
	command(ENABLED | ON);
	CHECK(line_is_high[GSI + 1]);
	use_msix();
	CHECK(!line_is_high[GSI + 1]);
	stop();
}

static void the_disable_bit_silences_intx(void)
{
	start_with_f();
	command(ENABLED | ON);
	port_wr(PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	CHECK(!line_is_high[GSI + 1]);
	CHECK(port_rd(PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	port_wr(PCI_COMMAND, 2, 0);
	CHECK(line_is_high[GSI + 1]);
	stop();
}

/* A guest that writes anything into the slot: states stay consistent. */
static void a_storm_of_commands_is_harmless(void)
{
	uint32_t x = 1;

	start_driven();
	f.quiet = true;
	for (unsigned int i = 0; i < 20000; i++) {
		x = x * 1103515245 + 12345;
		port_wr(left.exp_cap + (x >> 8 & 0x3c), 4, x ^ x << 16);
		f.log[0] = '\0';
		CHECK_EQ(f_answers(), link_is_up());
	}
	command(ENABLED | ON);
	slot_wr(PCI_EXP_LNKCTL, 0);
	CHECK(f_answers());
	CHECK_EQ(nr_removed, 0);
	stop();
}

int main(void)
{
	TAP_RUN(an_occupied_slot_has_power_card_and_link);
	TAP_RUN(an_empty_slot_has_neither);
	TAP_RUN(each_command_completes);
	TAP_RUN(events_are_cleared_by_writing_one_and_only_so);
	TAP_RUN(presence_cannot_be_written);
	TAP_RUN(a_disabled_link_is_down);
	TAP_RUN(a_card_whose_link_is_disabled_is_reset);
	TAP_RUN(a_message_to_no_controller_goes_nowhere);
	TAP_RUN(a_request_presses_the_button);
	TAP_RUN(the_card_leaves_when_the_guest_turns_power_off);
	TAP_RUN(what_left_is_not_reset_by_the_port);
	TAP_RUN(a_second_request_does_not_press_again);
	TAP_RUN(an_empty_slot_cannot_be_asked);
	TAP_RUN(a_driver_that_comes_late_is_asked_again);
	TAP_RUN(a_driver_that_is_at_it_is_not_asked_again);
	TAP_RUN(a_guest_may_turn_power_off_and_on);
	TAP_RUN(without_power_a_request_is_granted_at_once);
	TAP_RUN(all_functions_of_the_card_leave);
	TAP_RUN(by_force_it_is_gone_at_once);
	TAP_RUN(force_ends_a_request);
	TAP_RUN(a_card_that_comes_is_told_of);
	TAP_RUN(a_slot_takes_one_card);
	TAP_RUN(a_completed_command_interrupts_if_enabled);
	TAP_RUN(without_the_main_enable_nothing_interrupts);
	TAP_RUN(a_second_event_interrupts_when_the_first_is_cleared);
	TAP_RUN(an_event_interrupts_when_it_is_enabled);
	TAP_RUN(a_masked_vector_keeps_its_interrupt);
	TAP_RUN(msix_that_is_turned_off_forgets);
	TAP_RUN(without_msix_intx_follows_the_events);
	TAP_RUN(ports_that_share_an_intx_do_not_pull_it_down);
	TAP_RUN(msix_takes_over_from_intx);
	TAP_RUN(the_disable_bit_silences_intx);
	TAP_RUN(a_storm_of_commands_is_harmless);
	return tap_done();
}

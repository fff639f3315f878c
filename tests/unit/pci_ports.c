// SPDX-License-Identifier: GPL-2.0-or-later
/* Root ports as bridges: routing by bus number, INTx wiring, who sits where. */
#include <errno.h>

#include "tests/unit/pci_port_fixture.h"

enum { F_IDS = 0x10ca8086, G_IDS = 0x10c98086 };

static void set_buses(unsigned int devfn, unsigned int secondary,
		      unsigned int subordinate)
{
	ecam_put(0, devfn, PCI_SECONDARY_BUS, 1, secondary);
	ecam_put(0, devfn, PCI_SUBORDINATE_BUS, 1, subordinate);
}

static void start_with_both(void)
{
	start();
	pci_host_add_at(&host, &f.dev, (struct pci_place){ &left, 0 }, &e);
	pci_host_add_at(&host, &g.dev, (struct pci_place){ &right, 0 }, &e);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
}

static void a_port_is_a_bridge_with_a_slot(void)
{
	start();
	CHECK_EQ(port_rd(PCI_CLASS_REVISION, 4), 0x06040000);
	CHECK_EQ(port_rd(PCI_HEADER_TYPE, 1), PCI_HEADER_TYPE_BRIDGE);
	CHECK_EQ(slot_rd(PCI_EXP_FLAGS),
		 2 | PCI_EXP_TYPE_ROOT_PORT << 4 | PCI_EXP_FLAGS_SLOT);
	CHECK_EQ(port_rd(left.exp_cap + PCI_EXP_SLTCAP, 4) >> 19, 11);
	CHECK(pci_dev_find_cap(&left.dev, PCI_CAP_ID_PM));
	CHECK(pci_dev_find_cap(&left.dev, PCI_CAP_ID_MSIX));
	stop();
}

static void placement_numbers_the_buses(void)
{
	start_with_both();
	CHECK_EQ(port_rd(PCI_PRIMARY_BUS, 4), 0x00010100);
	CHECK_EQ(ecam(0, RIGHT, PCI_PRIMARY_BUS, 4), 0x00020200);
	CHECK_EQ(ecam(1, 0, PCI_VENDOR_ID, 4), F_IDS);
	CHECK_EQ(ecam(2, 0, PCI_VENDOR_ID, 4), G_IDS);
	stop();
}

static void only_device_0_is_behind_a_port(void)
{
	start_with_both();
	CHECK_EQ(ecam(1, 1, PCI_VENDOR_ID, 4), 0xffffffff);
	CHECK_EQ(ecam(1, 1 << 3, PCI_VENDOR_ID, 4), 0xffffffff);
	CHECK_EQ(ecam(1, 0xff, PCI_VENDOR_ID, 4), 0xffffffff);
	CHECK_EQ(ecam(3, 0, PCI_VENDOR_ID, 4), 0xffffffff);
	stop();
}

static void functions_follow_the_number_that_the_guest_gives(void)
{
	start_with_both();
	set_buses(LEFT, 0x42, 0x50);
	CHECK_EQ(ecam(1, 0, PCI_VENDOR_ID, 4), 0xffffffff);
	CHECK_EQ(ecam(0x42, 0, PCI_VENDOR_ID, 4), F_IDS);
	CHECK_EQ(ecam(0x43, 0, PCI_VENDOR_ID, 4), 0xffffffff);
	ecam_put(0x42, 0, PCI_INTERRUPT_LINE, 1, 0x5a);
	CHECK_EQ(rd(&f, PCI_INTERRUPT_LINE, 1), 0x5a);
	CHECK_EQ(ecam(2, 0, PCI_VENDOR_ID, 4), G_IDS);
	stop();
}

static void ports_can_swap_their_buses(void)
{
	start_with_both();
	port_wr(PCI_PRIMARY_BUS, 4, 0x00020200);
	ecam_put(0, RIGHT, PCI_PRIMARY_BUS, 4, 0x00010100);
	CHECK_EQ(ecam(2, 0, PCI_VENDOR_ID, 4), F_IDS);
	CHECK_EQ(ecam(1, 0, PCI_VENDOR_ID, 4), G_IDS);
	stop();
}

static void ports_0xcf8_reach_other_buses(void)
{
	uint64_t value;

	start_with_both();
	bus_write(&pio, 0xcf8, 4, 0x80020000);
	bus_read(&pio, 0xcfc, 4, &value);
	CHECK_EQ(value, G_IDS);
	bus_write(&pio, 0xcf8, 4, 0x80030000);
	bus_read(&pio, 0xcfc, 4, &value);
	CHECK_EQ(value, 0xffffffff);
	stop();
}

static void a_port_with_bus_number_0_claims_nothing(void)
{
	start_with_both();
	port_wr(PCI_PRIMARY_BUS, 4, 0x00ff0000);
	CHECK_EQ(ecam(0, 0, PCI_VENDOR_ID, 4), 0x0d578086);
	CHECK_EQ(ecam(1, 0, PCI_VENDOR_ID, 4), 0xffffffff);
	CHECK_EQ(ecam(2, 0, PCI_VENDOR_ID, 4), G_IDS);
	stop();
}

static void a_subordinate_below_the_secondary_closes_the_bridge(void)
{
	start_with_both();
	set_buses(LEFT, 7, 6);
	CHECK_EQ(ecam(7, 0, PCI_VENDOR_ID, 4), 0xffffffff);
	CHECK_EQ(ecam(6, 0, PCI_VENDOR_ID, 4), 0xffffffff);
	stop();
}

static void of_two_ports_with_one_number_the_first_answers(void)
{
	start_with_both();
	set_buses(LEFT, 9, 0xff);
	set_buses(RIGHT, 9, 9);
	CHECK_EQ(ecam(9, 0, PCI_VENDOR_ID, 4), F_IDS);
	set_buses(RIGHT, 0x10, 0x10);
	CHECK_EQ(ecam(0x10, 0, PCI_VENDOR_ID, 4), 0xffffffff);
	set_buses(LEFT, 9, 9);
	CHECK_EQ(ecam(0x10, 0, PCI_VENDOR_ID, 4), G_IDS);
	stop();
}

/* Every pair of numbers, looked for on every bus: nothing breaks, and bus 0
 * stays what it is. */
static void no_bus_numbers_break_the_router(void)
{
	start_with_both();
	for (unsigned int n = 0; n < 0x10000; n += 7) {
		set_buses(LEFT, n & 0xff, n >> 8);
		CHECK_EQ(ecam(0, 0, PCI_VENDOR_ID, 4), 0x0d578086);
		CHECK_EQ(ecam(n & 0xff, 0xf8, PCI_VENDOR_ID, 4), 0xffffffff);
	}
	set_buses(LEFT, 0xff, 0xff);
	CHECK_EQ(ecam(0xff, 0, PCI_VENDOR_ID, 4), F_IDS);
	stop();
}

static void ecam_has_a_mebibyte_per_bus(void)
{
	uint64_t value;

	start();
	CHECK(bus_read(&mmio, ECAM + 0xffffffc, 4, &value));
	CHECK(!bus_read(&mmio, ECAM + 0x10000000, 4, &value));
	stop();
}

static void more_ports_than_buses_are_refused(void)
{
	layout.nr_buses = 3;
	start();
	CHECK_EQ(pci_host_add_port(&host, &left, -1, &e), -ENOSPC);
	CHECK_HAS(e.msg, "left: no bus number left");
	layout.nr_buses = 256;
	stop();
}

static void secondary_bus_reset_resets_what_is_behind(void)
{
	start_with_both();
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	port_wr(PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
	CHECK_LOG(&f, "reset;");
	CHECK_LOG(&g, "");
	CHECK_EQ(rd(&f, PCI_COMMAND, 2), 0);
	port_wr(PCI_BRIDGE_CONTROL, 2, 0);
	CHECK_LOG(&f, "");
	CHECK_EQ(ecam(1, 0, PCI_VENDOR_ID, 4), F_IDS);
	stop();
}

/* --- places --- */

static void a_port_has_room_for_eight_functions_of_one_device(void)
{
	start();
	CHECK_EQ(pci_host_add_at(&host, &f.dev, (struct pci_place){ &left, 0 },
				 &e),
		 0);
	CHECK_EQ(pci_host_add_at(&host, &g.dev, (struct pci_place){ &left, 7 },
				 &e),
		 0);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(ecam(1, 7, PCI_VENDOR_ID, 4), G_IDS);
	CHECK_EQ(ecam(1, 0, PCI_HEADER_TYPE, 1), 0x80);
	stop();
}

static void a_second_device_behind_a_port_is_refused(void)
{
	start();
	CHECK_EQ(pci_host_add_at(&host, &f.dev, (struct pci_place){ &left, 8 },
				 &e),
		 -EINVAL);
	CHECK_HAS(e.msg, "0000:01:10.0: only device 0");
	CHECK_HAS(e.msg, "left");
	CHECK(e.hint[0]);
	stop();
}

static void an_occupied_port_is_refused_by_name(void)
{
	start();
	pci_host_add_at(&host, &f.dev, (struct pci_place){ &left, -1 }, &e);
	CHECK_EQ(pci_host_add_at(&host, &g.dev, (struct pci_place){ &left, -1 },
				 &e),
		 -EEXIST);
	CHECK_HAS(e.msg,
		  "function 0 behind port left is taken by 0000:01:10.0");
	stop();
}

static void a_function_behind_a_port_needs_function_0(void)
{
	start();
	CHECK_EQ(pci_host_add_at(&host, &f.dev, (struct pci_place){ &left, 3 },
				 &e),
		 -EINVAL);
	CHECK_HAS(e.msg, "function 3 behind port left needs a function 0");
	stop();
}

static void a_place_can_be_found_before_it_is_taken(void)
{
	struct pci_place place = { NULL, -1 };

	start();
	CHECK_EQ(pci_host_find(&host, "x", &place, &e), 0);
	CHECK_EQ(place.devfn, 3 << 3);
	place = (struct pci_place){ &left, -1 };
	CHECK_EQ(pci_host_find(&host, "x", &place, &e), 0);
	CHECK_EQ(place.devfn, 0);
	stop();
}

static void a_slot_number_that_does_not_fit_is_refused(void)
{
	static struct pci_port port;
	struct pci_port_config config = { .name = "third", .slot = 8192 };

	start();
	CHECK_EQ(pci_port_init(&port, &config, &e), -EINVAL);
	CHECK_HAS(e.msg, "third: slot number 8192");
	pci_port_fini(&port);
	stop();
}

static void ports_give_back_what_they_took(void)
{
	unsigned int before;

	start();
	before = irq.nr_msi;
	CHECK_EQ(before, 2);
	port_wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	pci_port_fini(&left);
	pci_port_fini(&right);
	CHECK_EQ(irq.nr_msi, 0);
	CHECK_EQ(mmio.nr, 1);
	stop();
}

/* --- INTx --- */

static void neighbours_have_different_gsis(void)
{
	start();
	CHECK_EQ(pci_intx_gsi(&host, (struct pci_place){ NULL, 0 }, 1), GSI);
	CHECK_EQ(pci_intx_gsi(&host, (struct pci_place){ NULL, 3 << 3 }, 1),
		 GSI + 3);
	CHECK_EQ(pci_intx_gsi(&host, (struct pci_place){ NULL, 3 << 3 | 1 }, 2),
		 GSI + 4);
	CHECK_EQ(pci_intx_gsi(&host, (struct pci_place){ NULL, 31 << 3 }, 4),
		 GSI + 2);
	stop();
}

/* PCIe 6.0 2.2.8.1: (0 + pin) mod 4, then as a pin of the port's slot. */
static void a_port_passes_pins_on_as_its_own(void)
{
	start();
	CHECK_EQ(pci_intx_gsi(&host, (struct pci_place){ &right, 0 }, 1),
		 GSI + 2);
	CHECK_EQ(pci_intx_gsi(&host, (struct pci_place){ &right, 3 }, 4),
		 GSI + 5);
	stop();
}

static void what_has_no_pin_has_no_gsi(void)
{
	start();
	CHECK_EQ(pci_intx_gsi(&host, (struct pci_place){ NULL, 8 }, 0), 0);
	CHECK_EQ(pci_intx_gsi(&host, (struct pci_place){ NULL, 8 }, 5), 0);
	stop();
}

static void firmware_tells_of_ports_and_of_functions_with_a_pin(void)
{
	struct pci_intx_route out[PCI_MAX_INTX_ROUTES];

	start();
	f.dev.cfg[PCI_INTERRUPT_PIN] = 3;
	g.dev.cfg[PCI_INTERRUPT_PIN] = 3;
	pci_host_add(&host, &f.dev, 5 << 3, &e);
	pci_host_add(&host, &g.dev, 5 << 3 | 1, &e);
	CHECK_EQ(pci_intx_routes(&host, out), 4 + 4 + 1);
	CHECK_EQ(out[0].devfn, LEFT);
	CHECK_EQ(out[0].pin, 1);
	CHECK_EQ(out[0].gsi, GSI + 1);
	CHECK_EQ(out[7].devfn, RIGHT);
	CHECK_EQ(out[7].pin, 4);
	CHECK_EQ(out[7].gsi, GSI + 5);
	CHECK_EQ(out[8].devfn, 5 << 3);
	CHECK_EQ(out[8].pin, 3);
	CHECK_EQ(out[8].gsi, GSI + 7);
	stop();
}

static void a_board_without_pins_tells_of_none(void)
{
	struct pci_intx_route out[PCI_MAX_INTX_ROUTES];

	layout.intx_gsi = 0;
	start();
	CHECK_EQ(pci_intx_routes(&host, out), 0);
	CHECK_EQ(pci_intx_gsi(&host, (struct pci_place){ NULL, 8 }, 1), 0);
	layout.intx_gsi = GSI;
	stop();
}

int main(void)
{
	TAP_RUN(a_port_is_a_bridge_with_a_slot);
	TAP_RUN(placement_numbers_the_buses);
	TAP_RUN(only_device_0_is_behind_a_port);
	TAP_RUN(functions_follow_the_number_that_the_guest_gives);
	TAP_RUN(ports_can_swap_their_buses);
	TAP_RUN(ports_0xcf8_reach_other_buses);
	TAP_RUN(a_port_with_bus_number_0_claims_nothing);
	TAP_RUN(a_subordinate_below_the_secondary_closes_the_bridge);
	TAP_RUN(of_two_ports_with_one_number_the_first_answers);
	TAP_RUN(no_bus_numbers_break_the_router);
	TAP_RUN(ecam_has_a_mebibyte_per_bus);
	TAP_RUN(more_ports_than_buses_are_refused);
	TAP_RUN(secondary_bus_reset_resets_what_is_behind);
	TAP_RUN(a_port_has_room_for_eight_functions_of_one_device);
	TAP_RUN(a_second_device_behind_a_port_is_refused);
	TAP_RUN(an_occupied_port_is_refused_by_name);
	TAP_RUN(a_function_behind_a_port_needs_function_0);
	TAP_RUN(a_place_can_be_found_before_it_is_taken);
	TAP_RUN(a_slot_number_that_does_not_fit_is_refused);
	TAP_RUN(ports_give_back_what_they_took);
	TAP_RUN(neighbours_have_different_gsis);
	TAP_RUN(a_port_passes_pins_on_as_its_own);
	TAP_RUN(what_has_no_pin_has_no_gsi);
	TAP_RUN(firmware_tells_of_ports_and_of_functions_with_a_pin);
	TAP_RUN(a_board_without_pins_tells_of_none);
	return tap_done();
}

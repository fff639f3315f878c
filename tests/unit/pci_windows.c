// SPDX-License-Identifier: GPL-2.0-or-later
/* Placement with root ports: windows hold what is behind them, and a reserve.
 */
#include <errno.h>

#include "tests/unit/pci_port_fixture.h"

struct span {
	uint64_t base, size;
};

static uint64_t bridge_rd(unsigned int devfn, unsigned int off,
			  unsigned int len)
{
	return ecam(0, devfn, off, len);
}

static struct span span(uint64_t base, uint64_t last)
{
	return base > last ? (struct span){ 0, 0 }
			   : (struct span){ base, last - base + 1 };
}

/* The windows as a guest reads them; size 0: closed. */
static struct span mem_window(unsigned int devfn)
{
	return span(bridge_rd(devfn, PCI_MEMORY_BASE, 2) << 16,
		    bridge_rd(devfn, PCI_MEMORY_LIMIT, 2) << 16 | 0xfffff);
}

static struct span pref_window(unsigned int devfn)
{
	uint64_t base = bridge_rd(devfn, PCI_PREF_MEMORY_BASE, 2) & 0xfff0;
	uint64_t limit = bridge_rd(devfn, PCI_PREF_MEMORY_LIMIT, 2) & 0xfff0;

	return span(base << 16 | bridge_rd(devfn, PCI_PREF_BASE_UPPER32, 4)
					 << 32,
		    limit << 16 | 0xfffff |
			    bridge_rd(devfn, PCI_PREF_LIMIT_UPPER32, 4) << 32);
}

static struct span io_window(unsigned int devfn)
{
	return span(bridge_rd(devfn, PCI_IO_BASE, 1) << 8,
		    bridge_rd(devfn, PCI_IO_LIMIT, 1) << 8 | 0xfff);
}

static uint64_t bar32(struct fixture *fix, unsigned int n)
{
	return rd(fix, PCI_BASE_ADDRESS_0 + 4 * n, 4) & ~0xfu;
}

static uint64_t bar64(struct fixture *fix, unsigned int n)
{
	return bar32(fix, n) | (uint64_t)rd(fix, 0x14 + 4 * n, 4) << 32;
}

static bool holds(struct span window, uint64_t addr, uint64_t size)
{
	return addr >= window.base && addr + size <= window.base + window.size;
}

static void set_bar(struct fixture *fix, unsigned int n, enum pci_bar_type type,
		    bool prefetch, uint64_t size)
{
	CHECK_EQ(pci_dev_set_bar(&fix->dev, n, type, prefetch, size), 0);
}

static void behind(struct pci_port *port, struct fixture *fix, int function)
{
	CHECK_EQ(pci_host_add_at(&host, &fix->dev,
				 (struct pci_place){ port, function }, &e),
		 0);
}

static void bars_lie_in_the_windows_of_their_port(void)
{
	start();
	set_bar(&f, 0, PCI_BAR_MEM64, true, MIB(64));
	set_bar(&f, 2, PCI_BAR_MEM32, false, KIB(16));
	set_bar(&g, 0, PCI_BAR_MEM64, true, MIB(16));
	set_bar(&g, 2, PCI_BAR_MEM32, false, MIB(8));
	behind(&left, &f, 0);
	behind(&right, &g, 0);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK(holds(pref_window(LEFT), bar64(&f, 0), MIB(64)));
	CHECK(holds(mem_window(LEFT), bar32(&f, 2), KIB(16)));
	CHECK(holds(pref_window(RIGHT), bar64(&g, 0), MIB(16)));
	CHECK(holds(mem_window(RIGHT), bar32(&g, 2), MIB(8)));
	CHECK(!holds(pref_window(LEFT), bar64(&g, 0), MIB(16)));
	CHECK(!holds(mem_window(LEFT), bar32(&g, 2), MIB(8)));
	CHECK_EQ(bar64(&f, 0) % MIB(64), 0);
	stop();
}

static void windows_lie_in_those_of_the_board(void)
{
	struct span mem32 = { layout.mem32.base, layout.mem32.size };
	struct span mem64 = { layout.mem64.base, layout.mem64.size };

	start_with_f();
	CHECK(holds(mem32, mem_window(LEFT).base, mem_window(LEFT).size));
	CHECK(holds(mem32, mem_window(RIGHT).base, mem_window(RIGHT).size));
	CHECK(holds(mem64, pref_window(LEFT).base, pref_window(LEFT).size));
	CHECK(!holds(mem_window(LEFT), mem_window(RIGHT).base, 1));
	CHECK(!holds(mem_window(RIGHT), mem_window(LEFT).base, 1));
	stop();
}

static void an_empty_slot_has_room_for_a_card(void)
{
	start();
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(mem_window(LEFT).size, MIB(2));
	CHECK_EQ(pref_window(LEFT).size, MIB(512)); /* 32 GiB / 64 */
	CHECK_EQ(pref_window(LEFT).base % MIB(512), 0);
	stop();
}

/* PCIe 6.0 7.5.1.3.8: the window for those that are not prefetchable ends
 * below 4 GiB. */
static void a_64_bit_bar_that_is_not_prefetchable_lies_below_4_gib(void)
{
	start();
	set_bar(&f, 0, PCI_BAR_MEM64, false, MIB(16));
	behind(&left, &f, 0);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK(holds(mem_window(LEFT), bar64(&f, 0), MIB(16)));
	stop();
}

static void without_a_64_bit_window_all_goes_below_4_gib(void)
{
	struct pci_window mem64 = layout.mem64;

	layout.mem64.size = 0;
	start();
	set_bar(&f, 0, PCI_BAR_MEM64, true, MIB(64));
	behind(&left, &f, 0);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK(holds(pref_window(LEFT), bar64(&f, 0), MIB(64)));
	CHECK(pref_window(LEFT).base < GIB(4));
	CHECK_EQ(pref_window(RIGHT).size, 0);
	layout.mem64 = mem64;
	stop();
}

static void small_bars_behind_a_port_do_not_share_a_page(void)
{
	start();
	set_bar(&f, 0, PCI_BAR_MEM32, false, 16);
	set_bar(&f, 1, PCI_BAR_MEM32, false, 256);
	set_bar(&g, 0, PCI_BAR_MEM32, false, 16);
	behind(&left, &f, 0);
	behind(&left, &g, 1);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(bar32(&f, 1) - bar32(&f, 0), KIB(4));
	CHECK_EQ(bar32(&g, 0) - bar32(&f, 1), KIB(4));
	stop();
}

static void io_ports_open_an_io_window(void)
{
	start();
	set_bar(&f, 1, PCI_BAR_IO, false, 32);
	behind(&left, &f, 0);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(io_window(LEFT).size, KIB(4));
	CHECK(holds(io_window(LEFT), rd(&f, PCI_BASE_ADDRESS_1, 4) & ~3u, 32));
	ecam_put(0, LEFT, PCI_IO_BASE, 1, 0xff);
	CHECK_EQ(bridge_rd(LEFT, PCI_IO_BASE, 1), 0xf0);
	stop();
}

/* How Linux finds out that a bridge has none (pci_read_bridge_windows). */
static void without_io_ports_there_is_no_io_window(void)
{
	start_with_f();
	ecam_put(0, LEFT, PCI_IO_BASE, 2, 0xe0f0);
	CHECK_EQ(bridge_rd(LEFT, PCI_IO_BASE, 2), 0);
	stop();
}

static void the_guest_can_move_windows(void)
{
	start_with_f();
	ecam_put(0, LEFT, PCI_MEMORY_BASE, 4, 0xd0ffd00f);
	CHECK_EQ(mem_window(LEFT).base, 0xd0000000);
	CHECK_EQ(mem_window(LEFT).size, MIB(16));
	ecam_put(0, LEFT, PCI_PREF_BASE_UPPER32, 4, 0x12);
	ecam_put(0, LEFT, PCI_PREF_MEMORY_BASE, 4, 0xffffffff);
	CHECK_EQ(bridge_rd(LEFT, PCI_PREF_MEMORY_BASE, 4), 0xfff1fff1);
	CHECK_EQ(bridge_rd(LEFT, PCI_PREF_BASE_UPPER32, 4), 0x12);
	stop();
}

static void bars_answer_wherever_the_windows_are(void)
{
	start();
	set_bar(&f, 0, PCI_BAR_MEM32, false, KIB(64));
	behind(&left, &f, 0);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	ecam_put(0, LEFT, PCI_MEMORY_BASE, 4, 0x0000fff0);
	ecam_put(1, 0, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK_LOG(&f, "map 0@c0000000;");
	stop();
}

/* Both reserves of 2 MiB and two BARs of 4 KiB do not go into 4 MiB. */
static void the_reserve_gives_way_to_what_is_there(void)
{
	struct pci_window mem32 = layout.mem32;

	layout.mem32.size = MIB(4);
	start();
	set_bar(&f, 0, PCI_BAR_MEM32, false, MIB(2));
	behind(&left, &f, 0);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK(holds(mem_window(LEFT), bar32(&f, 0), MIB(2)));
	CHECK_EQ(mem_window(RIGHT).size, 0);
	CHECK_EQ(pref_window(RIGHT).size, 0);
	layout.mem32 = mem32;
	stop();
}

static void what_does_not_fit_behind_a_port_is_named(void)
{
	start();
	set_bar(&f, 0, PCI_BAR_MEM64, false, GIB(1));
	behind(&left, &f, 0);
	CHECK_EQ(pci_host_place_bars(&host, &e), -ENOSPC);
	CHECK_HAS(e.msg, "0000:01:10.0: BAR 0 of 1 GiB");
	CHECK_HAS(e.msg, "32-bit memory window of 512 MiB");
	CHECK_HAS(e.hint, "take the port away from 0000:01:10.0");
	CHECK_EQ(mem_window(LEFT).size, 0);
	stop();
}

static void large_prefetchable_bars_fit_behind_a_port(void)
{
	layout.mem64.base += MIB(512);
	start();
	set_bar(&f, 0, PCI_BAR_MEM64, true, GIB(16));
	set_bar(&g, 0, PCI_BAR_MEM64, true, GIB(8));
	behind(&left, &f, 0);
	behind(&right, &g, 0);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(bar64(&f, 0) % GIB(16), 0);
	CHECK_EQ(pref_window(LEFT).size, GIB(16));
	CHECK(holds(pref_window(RIGHT), bar64(&g, 0), GIB(8)));
	layout.mem64.base -= MIB(512);
	stop();
}

static void bus_0_is_placed_beside_the_windows(void)
{
	start();
	set_bar(&f, 0, PCI_BAR_MEM64, true, MIB(1));
	set_bar(&g, 0, PCI_BAR_MEM64, true, MIB(1));
	behind(&left, &f, 0);
	pci_host_add(&host, &g.dev, -1, &e);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK(bar64(&g, 0) >= GIB(32));
	CHECK(!holds(pref_window(LEFT), bar64(&g, 0), 1));
	CHECK(!holds(pref_window(RIGHT), bar64(&g, 0), 1));
	stop();
}

int main(void)
{
	TAP_RUN(bars_lie_in_the_windows_of_their_port);
	TAP_RUN(windows_lie_in_those_of_the_board);
	TAP_RUN(an_empty_slot_has_room_for_a_card);
	TAP_RUN(a_64_bit_bar_that_is_not_prefetchable_lies_below_4_gib);
	TAP_RUN(without_a_64_bit_window_all_goes_below_4_gib);
	TAP_RUN(small_bars_behind_a_port_do_not_share_a_page);
	TAP_RUN(io_ports_open_an_io_window);
	TAP_RUN(without_io_ports_there_is_no_io_window);
	TAP_RUN(the_guest_can_move_windows);
	TAP_RUN(bars_answer_wherever_the_windows_are);
	TAP_RUN(the_reserve_gives_way_to_what_is_there);
	TAP_RUN(what_does_not_fit_behind_a_port_is_named);
	TAP_RUN(large_prefetchable_bars_fit_behind_a_port);
	TAP_RUN(bus_0_is_placed_beside_the_windows);
	return tap_done();
}

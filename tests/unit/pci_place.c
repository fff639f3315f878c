// SPDX-License-Identifier: GPL-2.0-or-later
/* Placement: every BAR in its window, aligned, apart, and errors that name. */
#include <errno.h>

#include "tests/unit/pci_fixture.h"

static const struct pci_host_layout normal = {
	.ecam = 0x30000000,
	.io = { 0x1000, 0xf000 },
	.mem32 = { 0xc0000000, 0x20000000 },
	.mem64 = { 0x800000000, 0x800000000 },
};

static struct bus mmio, pio;
static struct pci_host host;
static struct fixture f, g;
static struct err e;

static void start(struct pci_host_layout layout)
{
	bus_init(&mmio, "mmio");
	bus_init(&pio, "pio");
	e = (struct err){ 0 };
	pci_host_init(&host, &mmio, &pio, &layout, &e);
	fixture_init(&f);
	fixture_init(&g);
	g.dev.name = "0000:02:00.0";
	pci_host_add(&host, &f.dev, -1, &e);
	pci_host_add(&host, &g.dev, -1, &e);
}

static void stop(void)
{
	pci_host_fini(&host);
	fixture_fini(&f);
	fixture_fini(&g);
	bus_fini(&mmio);
	bus_fini(&pio);
}

static uint64_t addr32(struct fixture *fix, unsigned int n)
{
	return rd(fix, PCI_BASE_ADDRESS_0 + 4 * n, 4) & ~0xfu;
}

static uint64_t addr64(struct fixture *fix, unsigned int n)
{
	return addr32(fix, n) | (uint64_t)rd(fix, 0x14 + 4 * n, 4) << 32;
}

static void set_bar(struct fixture *fix, unsigned int n, enum pci_bar_type type,
		    uint64_t size)
{
	pci_dev_set_bar(&fix->dev, n, type, false, size);
}

static void each_kind_goes_into_its_window(void)
{
	start(normal);
	set_bar(&f, 0, PCI_BAR_MEM32, KIB(64));
	set_bar(&f, 1, PCI_BAR_IO, 32);
	set_bar(&f, 2, PCI_BAR_MEM64, MIB(1));
	set_bar(&f, PCI_BAR_ROM, PCI_BAR_MEM32, KIB(512));
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(rd(&f, PCI_ROM_ADDRESS, 4), 0xc0000000);
	CHECK_EQ(rd(&f, PCI_BASE_ADDRESS_0, 4), 0xc0080000);
	CHECK_EQ(rd(&f, PCI_BASE_ADDRESS_1, 4), 0x1001);
	CHECK_EQ(rd(&f, PCI_BASE_ADDRESS_2, 4), 0x4);
	CHECK_EQ(rd(&f, PCI_BASE_ADDRESS_3, 4), 8);
	stop();
}

static void largest_comes_first_and_all_are_aligned(void)
{
	start(normal);
	set_bar(&f, 0, PCI_BAR_MEM32, KIB(4));
	set_bar(&f, 1, PCI_BAR_MEM32, MIB(256));
	set_bar(&g, 0, PCI_BAR_MEM32, MIB(16));
	set_bar(&g, 1, PCI_BAR_MEM32, KIB(16));
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(addr32(&f, 1), 0xc0000000);
	CHECK_EQ(addr32(&g, 0), 0xd0000000);
	CHECK_EQ(addr32(&g, 1), 0xd1000000);
	CHECK_EQ(addr32(&f, 0), 0xd1004000);
	stop();
}

static void window_can_be_filled_to_the_last_byte(void)
{
	start(normal);
	set_bar(&f, 0, PCI_BAR_MEM32, MIB(256));
	set_bar(&f, 1, PCI_BAR_MEM32, MIB(128));
	set_bar(&f, 2, PCI_BAR_MEM32, MIB(128));
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(addr32(&f, 2), 0xd8000000);
	stop();
}

static void small_bars_do_not_share_a_page(void)
{
	start(normal);
	set_bar(&f, 0, PCI_BAR_MEM32, 16);
	set_bar(&f, 1, PCI_BAR_MEM32, 256);
	set_bar(&g, 0, PCI_BAR_MEM32, KIB(2));
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(addr32(&f, 0), 0xc0000000);
	CHECK_EQ(addr32(&f, 1), 0xc0001000);
	CHECK_EQ(addr32(&g, 0), 0xc0002000);
	stop();
}

static void io_bars_are_packed(void)
{
	start(normal);
	set_bar(&f, 0, PCI_BAR_IO, 8);
	set_bar(&f, 1, PCI_BAR_IO, 64);
	set_bar(&g, 0, PCI_BAR_IO, 8);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(rd(&f, PCI_BASE_ADDRESS_1, 4), 0x1001);
	CHECK_EQ(rd(&f, PCI_BASE_ADDRESS_0, 4), 0x1041);
	CHECK_EQ(rd(&g, PCI_BASE_ADDRESS_0, 4), 0x1049);
	stop();
}

static void small_bars_fill_the_gap_before_a_large_one(void)
{
	struct pci_host_layout l = normal;

	l.mem64.base = 0x120000000;
	start(l);
	set_bar(&f, 0, PCI_BAR_MEM64, GIB(16));
	set_bar(&f, 2, PCI_BAR_MEM64, MIB(64));
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(addr64(&f, 0), 0x400000000);
	CHECK_EQ(addr64(&f, 2), 0x120000000);
	stop();
}

static void mem64_falls_back_to_mem32_without_a_64_bit_window(void)
{
	struct pci_host_layout l = normal;

	l.mem64.size = 0;
	start(l);
	set_bar(&f, 0, PCI_BAR_MEM64, MIB(64));
	set_bar(&f, 2, PCI_BAR_MEM32, MIB(128));
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(addr32(&f, 2), 0xc0000000);
	CHECK_EQ(addr64(&f, 0), 0xc8000000);
	stop();
}

static void mem64_falls_back_to_mem32_when_its_window_is_full(void)
{
	struct pci_host_layout l = normal;

	l.mem64.size = MIB(64);
	start(l);
	set_bar(&f, 0, PCI_BAR_MEM64, MIB(64));
	set_bar(&g, 0, PCI_BAR_MEM64, MIB(32));
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(addr64(&f, 0), 0x800000000);
	CHECK_EQ(addr64(&g, 0), 0xc0000000);
	stop();
}

/* 512 MiB of 32 GiB. */
static void start_p2p(void)
{
	struct pci_host_layout l = normal;

	l.mem64_p2p_end = 0x820000000;
	start(l);
	set_bar(&f, 0, PCI_BAR_MEM64, MIB(256));
	set_bar(&f, 2, PCI_BAR_MEM32, MIB(512));
}

static void bars_are_where_devices_reach_each_other(void)
{
	start_p2p();
	set_bar(&g, 0, PCI_BAR_MEM64, MIB(256));
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(addr64(&f, 0), 0x800000000);
	CHECK_EQ(addr64(&g, 0), 0x810000000);
	CHECK_EQ(host.layout.mem64.size, MIB(512));
	stop();
}

static void bars_too_large_for_that_have_the_whole_window(void)
{
	start_p2p();
	set_bar(&g, 0, PCI_BAR_MEM64, GIB(1));
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(addr64(&g, 0), 0x800000000);
	CHECK_EQ(addr64(&f, 0), 0x840000000);
	CHECK_EQ(host.layout.mem64.size, normal.mem64.size);
	CHECK_EQ(e.code, 0);
	stop();
}

static void a_window_that_no_device_reaches_is_used_all_the_same(void)
{
	struct pci_host_layout l = normal;

	l.mem64_p2p_end = GIB(4);
	start(l);
	set_bar(&f, 0, PCI_BAR_MEM64, GIB(1));
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(addr64(&f, 0), 0x800000000);
	stop();
}

static void what_does_not_fit_is_named(void)
{
	start(normal);
	set_bar(&f, 0, PCI_BAR_MEM32, KIB(64));
	set_bar(&g, 2, PCI_BAR_MEM32, GIB(1));
	CHECK_EQ(pci_host_place_bars(&host, &e), -ENOSPC);
	CHECK_EQ(e.code, ENOSPC);
	CHECK_HAS(e.msg, "0000:02:00.0: BAR 2 of 1 GiB");
	CHECK_HAS(e.msg, "32-bit memory window of 512 MiB at 0xc0000000");
	CHECK(e.hint[0]);
	stop();
}

static void rom_and_io_that_do_not_fit_are_named(void)
{
	struct pci_host_layout l = normal;

	l.io.size = 0;
	start(l);
	set_bar(&f, 1, PCI_BAR_IO, 32);
	CHECK_EQ(pci_host_place_bars(&host, &e), -ENOSPC);
	CHECK_HAS(e.msg, "BAR 1 of 32 bytes");
	CHECK_HAS(e.msg, "I/O window");
	set_bar(&f, 1, PCI_BAR_NONE, 0);
	set_bar(&f, PCI_BAR_ROM, PCI_BAR_MEM32, GIB(1));
	CHECK_EQ(pci_host_place_bars(&host, &e), -ENOSPC);
	CHECK_HAS(e.msg, "ROM of 1 GiB");
	stop();
}

static void failure_changes_no_register(void)
{
	start(normal);
	set_bar(&f, 0, PCI_BAR_MEM32, KIB(64));
	set_bar(&g, 2, PCI_BAR_MEM32, GIB(1));
	CHECK_EQ(pci_host_place_bars(&host, &e), -ENOSPC);
	CHECK_EQ(rd(&f, PCI_BASE_ADDRESS_0, 4), 0);
	stop();
}

static void bar_at_the_window_end_stays_reachable(void)
{
	struct pci_host_layout l = normal;

	l.io = (struct pci_window){ 0xffc0, 0x40 };
	start(l);
	set_bar(&f, 0, PCI_BAR_IO, 32);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(rd(&f, PCI_BASE_ADDRESS_0, 4), 0xffc1);
	set_bar(&g, 0, PCI_BAR_IO, 32);
	CHECK_EQ(pci_host_place_bars(&host, &e), -ENOSPC);
	stop();
}

static void nothing_is_placed_at_address_zero(void)
{
	struct pci_host_layout l = normal;

	l.io = (struct pci_window){ 0, 0x1000 };
	start(l);
	set_bar(&f, 0, PCI_BAR_IO, 32);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(rd(&f, PCI_BASE_ADDRESS_0, 4), 0x21);
	stop();
}

static void decode_is_off_and_nothing_mapped_after_placement(void)
{
	start(normal);
	set_bar(&f, 0, PCI_BAR_MEM32, KIB(64));
	set_bar(&f, PCI_BAR_ROM, PCI_BAR_MEM32, KIB(64));
	pci_cfg_put(&f.dev, PCI_COMMAND, 2, 7);
	pci_cfg_put(&f.dev, PCI_ROM_ADDRESS, 4, 1);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	CHECK_EQ(rd(&f, PCI_COMMAND, 2), 0);
	CHECK_EQ(rd(&f, PCI_ROM_ADDRESS, 4) & 1, 0);
	CHECK_LOG(&f, "");
	stop();
}

static void reset_brings_the_placement_back(void)
{
	start(normal);
	set_bar(&f, 0, PCI_BAR_MEM32, KIB(64));
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	wr(&f, PCI_BASE_ADDRESS_0, 4, 0xd0000000);
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	pci_dev_reset(&f.dev);
	CHECK_LOG(&f, "map 0@d0000000;unmap 0@d0000000;reset;");
	CHECK_EQ(rd(&f, PCI_BASE_ADDRESS_0, 4), 0xc0000000);
	CHECK_EQ(rd(&f, PCI_COMMAND, 2), 0);
	stop();
}

static void guest_turns_decode_on_where_strait_placed(void)
{
	start(normal);
	set_bar(&f, 0, PCI_BAR_MEM64, GIB(16));
	set_bar(&f, 2, PCI_BAR_IO, 32);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	CHECK_LOG(&f, "map 0@800000000;map 2@1000;");
	stop();
}

int main(void)
{
	TAP_RUN(each_kind_goes_into_its_window);
	TAP_RUN(largest_comes_first_and_all_are_aligned);
	TAP_RUN(window_can_be_filled_to_the_last_byte);
	TAP_RUN(small_bars_do_not_share_a_page);
	TAP_RUN(io_bars_are_packed);
	TAP_RUN(small_bars_fill_the_gap_before_a_large_one);
	TAP_RUN(mem64_falls_back_to_mem32_without_a_64_bit_window);
	TAP_RUN(mem64_falls_back_to_mem32_when_its_window_is_full);
	TAP_RUN(bars_are_where_devices_reach_each_other);
	TAP_RUN(bars_too_large_for_that_have_the_whole_window);
	TAP_RUN(a_window_that_no_device_reaches_is_used_all_the_same);
	TAP_RUN(what_does_not_fit_is_named);
	TAP_RUN(rom_and_io_that_do_not_fit_are_named);
	TAP_RUN(failure_changes_no_register);
	TAP_RUN(bar_at_the_window_end_stays_reachable);
	TAP_RUN(nothing_is_placed_at_address_zero);
	TAP_RUN(decode_is_off_and_nothing_mapped_after_placement);
	TAP_RUN(reset_brings_the_placement_back);
	TAP_RUN(guest_turns_decode_on_where_strait_placed);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The host bridge: ECAM, ports 0xcf8-0xcff, and who may sit where. */
#include <errno.h>

#include "tests/unit/pci_fixture.h"

enum { ECAM = 0x30000000, AT_3_0 = 3 << 3 };

static const struct pci_host_layout layout = {
	.ecam = ECAM,
	.io = { 0x1000, 0xf000 },
	.mem32 = { 0xc0000000, 0x20000000 },
	.mem64 = { 0x800000000, 0x800000000 },
};

static struct bus mmio, pio;
static struct pci_host host;
static struct fixture f, g;
static struct err e;

static void start(void)
{
	bus_init(&mmio, "mmio");
	bus_init(&pio, "pio");
	e = (struct err){ 0 };
	pci_host_init(&host, &mmio, &pio, &layout, &e);
	fixture_init(&f);
	fixture_init(&g);
}

static void stop(void)
{
	pci_host_fini(&host);
	fixture_fini(&f);
	fixture_fini(&g);
	bus_fini(&mmio);
	bus_fini(&pio);
}

static uint64_t ecam(unsigned int devfn, unsigned int off, unsigned int len)
{
	uint64_t value;

	bus_read(&mmio, ECAM + (devfn << 12) + off, len, &value);
	return value;
}

static void ecam_put(unsigned int devfn, unsigned int off, unsigned int len,
		     uint64_t value)
{
	bus_write(&mmio, ECAM + (devfn << 12) + off, len, value);
}

static uint64_t in(unsigned int port, unsigned int len)
{
	uint64_t value;

	bus_read(&pio, port, len, &value);
	return value;
}

static void out(unsigned int port, unsigned int len, uint64_t value)
{
	bus_write(&pio, port, len, value);
}

static void bridge_has_the_ids_that_firmware_looks_for(void)
{
	start();
	CHECK_EQ(ecam(0, PCI_VENDOR_ID, 4), 0x0d578086);
	CHECK_EQ(ecam(0, PCI_CLASS_REVISION, 4), 0x06000000);
	CHECK_EQ(ecam(0, PCI_HEADER_TYPE, 1), 0);
	stop();
}

static void bridge_has_no_bars_no_pin_and_no_capabilities(void)
{
	start();
	for (unsigned int off = 0x10; off < 0x40; off += 4)
		ecam_put(0, off, 4, 0xffffffff);
	for (unsigned int off = 0x10; off < 0x3c; off += 4)
		CHECK_EQ(ecam(0, off, 4), 0);
	CHECK_EQ(ecam(0, PCI_INTERRUPT_PIN, 1), 0);
	CHECK_EQ(ecam(0, PCI_STATUS, 2), 0);
	CHECK_EQ(ecam(0, 0x100, 4), 0);
	stop();
}

static void ecam_finds_a_function_by_its_devfn(void)
{
	start();
	CHECK_EQ(pci_host_add(&host, &f.dev, AT_3_0, &e), 0);
	CHECK_EQ(f.dev.devfn, AT_3_0);
	CHECK_EQ(ecam(AT_3_0, PCI_VENDOR_ID, 4), 0x10ca8086);
	ecam_put(AT_3_0, PCI_INTERRUPT_LINE, 1, 0x5a);
	CHECK_EQ(rd(&f, PCI_INTERRUPT_LINE, 1), 0x5a);
	stop();
}

static void ecam_reaches_extended_space(void)
{
	start();
	pci_dev_add_ext_cap(&f.dev, PCI_EXT_CAP_ID_DSN, 1, 0, 12);
	pci_cfg_put(&f.dev, 0xffc, 4, 0xfeedf00d);
	pci_host_add(&host, &f.dev, 0xff & ~7, &e);
	CHECK_EQ(ecam(0xf8, 0x100, 4), 0x00010003);
	CHECK_EQ(ecam(0xf8, 0xffc, 4), 0xfeedf00d);
	stop();
}

static void eight_byte_access_is_two_dwords(void)
{
	start();
	memset(f.dev.wmask + 0x80, 0xff, 8);
	pci_host_add(&host, &f.dev, AT_3_0, &e);
	ecam_put(AT_3_0, 0x80, 8, 0x1122334455667788);
	CHECK_EQ(rd(&f, 0x80, 4), 0x55667788);
	CHECK_EQ(rd(&f, 0x84, 4), 0x11223344);
	CHECK_EQ(ecam(AT_3_0, 0x80, 8), 0x1122334455667788);
	stop();
}

static void eight_bytes_across_two_functions_are_harmless(void)
{
	start();
	CHECK_EQ(ecam(0, 0xffc, 8), 0xffffffff00000000);
	ecam_put(0, 0xffc, 8, UINT64_MAX);
	ecam_put(0xff, 0xff8, 8, UINT64_MAX);
	CHECK_EQ(ecam(0xff, 0xff8, 8), UINT64_MAX);
	stop();
}

static void absent_function_reads_ones_and_swallows_writes(void)
{
	start();
	ecam_put(AT_3_0, PCI_COMMAND, 2, 7);
	CHECK_EQ(ecam(AT_3_0, PCI_VENDOR_ID, 1), 0xff);
	CHECK_EQ(ecam(AT_3_0, PCI_VENDOR_ID, 2), 0xffff);
	CHECK_EQ(ecam(AT_3_0, PCI_VENDOR_ID, 4), 0xffffffff);
	CHECK_EQ(ecam(AT_3_0, PCI_VENDOR_ID, 8), UINT64_MAX);
	out(0xcf8, 4, 0x80000000 | AT_3_0 << 8);
	out(0xcfc, 4, 0);
	CHECK_EQ(in(0xcfc, 4), 0xffffffff);
	CHECK_EQ(in(0xcfe, 1), 0xff);
	stop();
}

static void ecam_ends_after_bus_0(void)
{
	uint64_t value;

	start();
	CHECK(bus_read(&mmio, ECAM + 0xffffc, 4, &value));
	CHECK(!bus_read(&mmio, ECAM + 0x100000, 4, &value));
	stop();
}

/* As Linux' pci_check_type1 does it: through 0xcfb, then the latch. */
static void linux_finds_mechanism_one(void)
{
	start();
	out(0xcfb, 1, 0x01);
	CHECK_EQ(in(0xcf8, 4), 0);
	out(0xcf8, 4, 0x80000000);
	CHECK_EQ(in(0xcf8, 4), 0x80000000);
	CHECK_EQ(in(0xcfc, 2), 0x8086);
	stop();
}

static void data_port_reaches_bytes_words_and_dwords(void)
{
	start();
	pci_host_add(&host, &f.dev, AT_3_0, &e);
	out(0xcf8, 4, 0x80000000 | AT_3_0 << 8);
	CHECK_EQ(in(0xcfc, 4), 0x10ca8086);
	CHECK_EQ(in(0xcfe, 2), 0x10ca);
	CHECK_EQ(in(0xcfd, 1), 0x80);
	CHECK_EQ(in(0xcfd, 2), 0xca80);
	out(0xcf8, 4, 0x80000000 | AT_3_0 << 8 | PCI_INTERRUPT_LINE);
	out(0xcfc, 1, 11);
	CHECK_EQ(rd(&f, PCI_INTERRUPT_LINE, 1), 11);
	stop();
}

static void latch_ignores_reserved_bits(void)
{
	start();
	out(0xcf8, 4, 0xffffffff);
	CHECK_EQ(in(0xcf8, 4), 0x80fffffc);
	out(0xcf8, 4, 0x80000003);
	CHECK_EQ(in(0xcfc, 2), 0x8086);
	stop();
}

static void narrow_accesses_do_not_touch_the_latch(void)
{
	start();
	out(0xcf8, 4, 0x80001800);
	out(0xcf8, 1, 0xff);
	out(0xcf8, 2, 0xffff);
	out(0xcf9, 1, 0x06);
	out(0xcfa, 2, 0xffff);
	CHECK_EQ(in(0xcf8, 4), 0x80001800);
	CHECK_EQ(in(0xcf9, 1), 0xff);
	CHECK_EQ(in(0xcf8, 2), 0xffff);
	CHECK_EQ(in(0xcfa, 1), 0xff);
	stop();
}

static void access_across_latch_and_data_does_nothing(void)
{
	start();
	out(0xcf8, 4, 0x80000000);
	out(0xcfa, 4, 0);
	out(0xcfb, 2, 0);
	CHECK_EQ(in(0xcfa, 4), 0xffffffff);
	CHECK_EQ(in(0xcfb, 2), 0xffff);
	CHECK_EQ(in(0xcf8, 4), 0x80000000);
	stop();
}

static void data_port_is_dead_without_the_enable_bit(void)
{
	start();
	out(0xcf8, 4, 0x0000003c);
	out(0xcfc, 1, 11);
	CHECK_EQ(in(0xcfc, 4), 0xffffffff);
	CHECK_EQ(ecam(0, PCI_INTERRUPT_LINE, 1), 0);
	stop();
}

static void other_buses_are_empty(void)
{
	start();
	out(0xcf8, 4, 0x80010000);
	CHECK_EQ(in(0xcfc, 4), 0xffffffff);
	out(0xcf8, 4, 0x80ff0000);
	CHECK_EQ(in(0xcfc, 4), 0xffffffff);
	stop();
}

static void first_free_slots_are_handed_out_in_order(void)
{
	start();
	CHECK_EQ(pci_host_add(&host, &f.dev, -1, &e), 0);
	CHECK_EQ(f.dev.devfn, 1 << 3);
	CHECK_EQ(pci_host_add(&host, &g.dev, -1, &e), 0);
	CHECK_EQ(g.dev.devfn, 2 << 3);
	stop();
}

static void full_bus_is_refused_by_name(void)
{
	static struct fixture many[31];

	start();
	for (unsigned int i = 0; i < 31; i++) {
		fixture_init(&many[i]);
		CHECK_EQ(pci_host_add(&host, &many[i].dev, -1, &e), 0);
	}
	CHECK_EQ(pci_host_add(&host, &f.dev, -1, &e), -ENOSPC);
	CHECK_EQ(e.code, ENOSPC);
	CHECK_HAS(e.msg, "0000:01:10.0");
	stop();
}

static void taken_address_names_both_functions(void)
{
	start();
	CHECK_EQ(pci_host_add(&host, &f.dev, 0, &e), -EEXIST);
	CHECK_HAS(e.msg, "0000:01:10.0");
	CHECK_HAS(e.msg, "00:00.0");
	CHECK_HAS(e.msg, "host bridge");
	stop();
}

static void devfn_beyond_the_bus_is_refused(void)
{
	start();
	CHECK_EQ(pci_host_add(&host, &f.dev, 256, &e), -EINVAL);
	CHECK_HAS(e.msg, "0x100");
	stop();
}

static void last_function_of_the_bus_can_be_used(void)
{
	start();
	CHECK_EQ(pci_host_add(&host, &f.dev, 0xf8, &e), 0);
	CHECK_EQ(pci_host_add(&host, &g.dev, 0xff, &e), 0);
	CHECK_EQ(ecam(0xff, PCI_VENDOR_ID, 4), 0x10ca8086);
	stop();
}

static void second_function_sets_the_multi_function_bit(void)
{
	start();
	CHECK_EQ(pci_host_add(&host, &f.dev, AT_3_0, &e), 0);
	CHECK_EQ(ecam(AT_3_0, PCI_HEADER_TYPE, 1), 0);
	CHECK_EQ(pci_host_add(&host, &g.dev, AT_3_0 + 2, &e), 0);
	CHECK_EQ(ecam(AT_3_0, PCI_HEADER_TYPE, 1), 0x80);
	CHECK_EQ(ecam(AT_3_0 + 2, PCI_HEADER_TYPE, 1), 0x80);
	stop();
}

static void lone_function_loses_the_multi_function_bit(void)
{
	start();
	f.dev.cfg[PCI_HEADER_TYPE] = 0x80;
	f.dev.vmask[PCI_HEADER_TYPE] = 0;
	f.physical[PCI_HEADER_TYPE] = 0x80;
	CHECK_EQ(pci_host_add(&host, &f.dev, AT_3_0, &e), 0);
	CHECK_EQ(ecam(AT_3_0, PCI_HEADER_TYPE, 1), 0);
	stop();
}

static void multi_function_bit_survives_a_reset(void)
{
	start();
	pci_host_add(&host, &f.dev, AT_3_0, &e);
	pci_host_add(&host, &g.dev, AT_3_0 + 1, &e);
	pci_dev_reset(&f.dev);
	CHECK_EQ(ecam(AT_3_0, PCI_HEADER_TYPE, 1), 0x80);
	stop();
}

static void function_without_function_0_is_refused(void)
{
	start();
	CHECK_EQ(pci_host_add(&host, &f.dev, AT_3_0 + 1, &e), -EINVAL);
	CHECK_HAS(e.msg, "00:03.1");
	CHECK_HAS(e.hint, "00:03.0");
	CHECK(!host.devs[AT_3_0 + 1]);
	stop();
}

static void failed_init_leaves_nothing_on_the_buses(void)
{
	struct bus_range squatter = { .base = 0xcf8, .len = 1, .name = "x" };

	start();
	pci_host_fini(&host);
	CHECK_EQ(bus_add(&pio, &squatter, &e), 0);
	CHECK_EQ(pci_host_init(&host, &mmio, &pio, &layout, &e), -EEXIST);
	CHECK_EQ(mmio.nr, 0);
	CHECK_EQ(pio.nr, 1);
	bus_del(&pio, &squatter);
	stop();
}

static void window_that_wraps_is_refused(void)
{
	struct pci_host_layout bad = layout;

	start();
	pci_host_fini(&host);
	bad.mem32.size = 0x50000000;
	CHECK_EQ(pci_host_init(&host, &mmio, &pio, &bad, &e), -EINVAL);
	CHECK_HAS(e.msg, "32-bit memory window");
	bad = layout;
	bad.mem64.size = UINT64_MAX;
	CHECK_EQ(pci_host_init(&host, &mmio, &pio, &bad, &e), -EINVAL);
	CHECK_EQ(mmio.nr, 0);
	stop();
}

static void fini_accepts_a_zeroed_host(void)
{
	static struct pci_host zero;

	pci_host_fini(&zero);
	CHECK(!zero.mmio);
}

int main(void)
{
	TAP_RUN(bridge_has_the_ids_that_firmware_looks_for);
	TAP_RUN(bridge_has_no_bars_no_pin_and_no_capabilities);
	TAP_RUN(ecam_finds_a_function_by_its_devfn);
	TAP_RUN(ecam_reaches_extended_space);
	TAP_RUN(eight_byte_access_is_two_dwords);
	TAP_RUN(eight_bytes_across_two_functions_are_harmless);
	TAP_RUN(absent_function_reads_ones_and_swallows_writes);
	TAP_RUN(ecam_ends_after_bus_0);
	TAP_RUN(linux_finds_mechanism_one);
	TAP_RUN(data_port_reaches_bytes_words_and_dwords);
	TAP_RUN(latch_ignores_reserved_bits);
	TAP_RUN(narrow_accesses_do_not_touch_the_latch);
	TAP_RUN(access_across_latch_and_data_does_nothing);
	TAP_RUN(data_port_is_dead_without_the_enable_bit);
	TAP_RUN(other_buses_are_empty);
	TAP_RUN(first_free_slots_are_handed_out_in_order);
	TAP_RUN(full_bus_is_refused_by_name);
	TAP_RUN(taken_address_names_both_functions);
	TAP_RUN(devfn_beyond_the_bus_is_refused);
	TAP_RUN(last_function_of_the_bus_can_be_used);
	TAP_RUN(second_function_sets_the_multi_function_bit);
	TAP_RUN(lone_function_loses_the_multi_function_bit);
	TAP_RUN(multi_function_bit_survives_a_reset);
	TAP_RUN(function_without_function_0_is_refused);
	TAP_RUN(failed_init_leaves_nothing_on_the_buses);
	TAP_RUN(window_that_wraps_is_refused);
	TAP_RUN(fini_accepts_a_zeroed_host);
	return tap_done();
}

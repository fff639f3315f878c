// SPDX-License-Identifier: GPL-2.0-or-later
/* A guest's boot: scan the bus, size every BAR, walk the chains, use MSI-X. */
/*
 * How this works
 *
 * The scan goes through ports 0xcf8/0xcfc and ECAM alone, in the order in which
 * Linux' drivers/pci/probe.c accesses registers, and ends in a text with a line
 * per function, BAR and capability, as lspci would show it. Tests compare
 * that text, so that whatever a guest would see differently fails one.
 */
#include <errno.h>

#include "tests/unit/pci_fixture.h"

enum { ECAM = 0x30000000 };

static const struct pci_host_layout layout = {
	.ecam = ECAM,
	.io = { 0x1000, 0xf000 },
	.mem32 = { 0xc0000000, 0x20000000 },
	.mem64 = { 0x800000000, 0x800000000 },
};

static struct bus mmio, pio;
static struct pci_host host;
static struct fixture f, g;
static char seen[8192];

/* How a guest gets at config space. */
struct access {
	uint32_t (*read)(unsigned int devfn, unsigned int reg,
			 unsigned int len);
	void (*write)(unsigned int devfn, unsigned int reg, unsigned int len,
		      uint32_t value);
};

static uint32_t ecam_read(unsigned int devfn, unsigned int reg,
			  unsigned int len)
{
	uint64_t value;

	bus_read(&mmio, ECAM + (devfn << 12) + reg, len, &value);
	return (uint32_t)value;
}

static void ecam_write(unsigned int devfn, unsigned int reg, unsigned int len,
		       uint32_t value)
{
	bus_write(&mmio, ECAM + (devfn << 12) + reg, len, value);
}

static uint32_t ports_read(unsigned int devfn, unsigned int reg,
			   unsigned int len)
{
	uint64_t value;

	bus_write(&pio, 0xcf8, 4, 0x80000000 | devfn << 8 | (reg & 0xfc));
	bus_read(&pio, 0xcfc + (reg & 3), len, &value);
	return (uint32_t)value;
}

static void ports_write(unsigned int devfn, unsigned int reg, unsigned int len,
			uint32_t value)
{
	bus_write(&pio, 0xcf8, 4, 0x80000000 | devfn << 8 | (reg & 0xfc));
	bus_write(&pio, 0xcfc + (reg & 3), len, value);
}

static const struct access by_ecam = { ecam_read, ecam_write };
static const struct access by_ports = { ports_read, ports_write };

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
	size_t used = strlen(seen);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(seen + used, sizeof(seen) - used, fmt, ap);
	va_end(ap);
}

static uint32_t size_reg(const struct access *a, unsigned int devfn,
			 unsigned int reg, uint32_t ones)
{
	uint32_t was = a->read(devfn, reg, 4), mask;

	a->write(devfn, reg, 4, was | ones);
	mask = a->read(devfn, reg, 4);
	a->write(devfn, reg, 4, was);
	return mask;
}

/* One BAR as __pci_read_base reads it; returns the registers it took. */
static unsigned int scan_bar(const struct access *a, unsigned int devfn,
			     unsigned int reg)
{
	uint64_t addr = a->read(devfn, reg, 4);
	uint64_t mask = size_reg(a, devfn, reg, 0xffffffff);

	if (!mask)
		return 1;
	if (mask & PCI_BASE_ADDRESS_SPACE_IO) {
		mask &= 0xfffc;
		note(" io %llx+%llx", (unsigned long long)(addr & 0xfffc),
		     (unsigned long long)(mask & -mask));
		return 1;
	}
	if ((mask & PCI_BASE_ADDRESS_MEM_TYPE_MASK) !=
	    PCI_BASE_ADDRESS_MEM_TYPE_64) {
		note(" mem %llx+%llx", (unsigned long long)(addr & ~0xfULL),
		     (unsigned long long)(mask & -(mask & ~0xfULL) & ~0xfULL));
		return 1;
	}
	addr |= (uint64_t)a->read(devfn, reg + 4, 4) << 32;
	note(mask & PCI_BASE_ADDRESS_MEM_PREFETCH ? " pref" : " mem64");
	mask |= (uint64_t)size_reg(a, devfn, reg + 4, 0xffffffff) << 32;
	mask &= ~0xfULL;
	note(" %llx+%llx", (unsigned long long)(addr & ~0xfULL),
	     (unsigned long long)(mask & -mask));
	return 2;
}

static void scan_rom(const struct access *a, unsigned int devfn)
{
	uint32_t addr = a->read(devfn, PCI_ROM_ADDRESS, 4);
	uint32_t mask = size_reg(a, devfn, PCI_ROM_ADDRESS, 0xfffff800);

	mask &= 0xfffff800;
	if (mask)
		note(" rom %x+%x", addr & 0xfffff800, mask & -mask);
}

static void scan_caps(const struct access *a, unsigned int devfn)
{
	unsigned int pos = 0;

	if (a->read(devfn, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST)
		pos = a->read(devfn, PCI_CAPABILITY_LIST, 1);
	for (; pos; pos = a->read(devfn, pos + 1, 1))
		note(" cap %x@%x", a->read(devfn, pos, 1), pos);
}

/* Decode goes off around the sizing, as in Linux. */
static void scan_function(const struct access *a, unsigned int devfn)
{
	uint32_t command = a->read(devfn, PCI_COMMAND, 2);
	unsigned int n = 0;

	note("%02x.%x %08x", devfn >> 3, devfn & 7,
	     a->read(devfn, PCI_VENDOR_ID, 4));
	a->write(devfn, PCI_COMMAND, 2, command & ~3u);
	while (n < PCI_NR_BARS)
		n += scan_bar(a, devfn, PCI_BASE_ADDRESS_0 + 4 * n);
	scan_rom(a, devfn);
	a->write(devfn, PCI_COMMAND, 2, command);
	scan_caps(a, devfn);
	note("\n");
}

static const char *scan(const struct access *a)
{
	seen[0] = '\0';
	for (unsigned int devfn = 0; devfn < 256; devfn++) {
		bool lone = !(a->read(devfn & ~7u, PCI_HEADER_TYPE, 1) & 0x80);

		if (((devfn & 7) && lone) ||
		    a->read(devfn, PCI_VENDOR_ID, 4) == 0xffffffff)
			continue;
		scan_function(a, devfn);
	}
	return seen;
}

/* 00:01.0 has a BAR of every kind, 00:01.3 a small one; all are placed. */
static void start(void)
{
	struct err e = { 0 };

	bus_init(&mmio, "mmio");
	bus_init(&pio, "pio");
	pci_host_init(&host, &mmio, &pio, &layout, &e);
	fixture_init(&f);
	fixture_init(&g);
	pci_dev_set_bar(&f.dev, 0, PCI_BAR_MEM32, false, KIB(128));
	pci_dev_set_bar(&f.dev, 1, PCI_BAR_IO, false, 32);
	pci_dev_set_bar(&f.dev, 2, PCI_BAR_MEM64, true, GIB(8));
	pci_dev_set_bar(&f.dev, 4, PCI_BAR_MEM64, false, KIB(16));
	pci_dev_set_bar(&f.dev, PCI_BAR_ROM, PCI_BAR_MEM32, false, KIB(512));
	pci_dev_add_cap(&f.dev, PCI_CAP_ID_PM, 0x40, 8);
	fixture_msix(&f, 4);
	pci_dev_set_bar(&g.dev, 5, PCI_BAR_MEM32, false, 256);
	pci_host_add(&host, &f.dev, 0x08, &e);
	pci_host_add(&host, &g.dev, 0x0b, &e);
	pci_host_place_bars(&host, &e);
}

static void stop(void)
{
	pci_host_fini(&host);
	fixture_fini(&f);
	fixture_fini(&g);
	bus_fini(&mmio);
	bus_fini(&pio);
}

static const char tree[] =
	"00.0 0d578086\n"
	"01.0 10ca8086 mem c0080000+20000 io 1000+20 pref 800000000+200000000 mem64 a00000000+4000 rom c0000000+80000 cap 1@40 cap 11@70\n"
	"01.3 10ca8086 mem c00a0000+100\n";

static void scan_by_ports_sees_the_whole_tree(void)
{
	start();
	CHECK_TEXT(scan(&by_ports), tree);
	stop();
}

static void scan_by_ecam_sees_the_same_tree(void)
{
	start();
	CHECK_TEXT(scan(&by_ecam), tree);
	stop();
}

static void scan_maps_nothing_while_decode_is_off(void)
{
	start();
	scan(&by_ecam);
	CHECK_LOG(&f, "");
	CHECK_LOG(&g, "");
	stop();
}

static void scan_of_a_running_function_puts_all_bars_back(void)
{
	start();
	ecam_write(0x08, PCI_COMMAND, 2, 7);
	f.log[0] = '\0';
	CHECK_TEXT(scan(&by_ecam), tree);
	CHECK_LOG(
		&f,
		"unmap 0@c0080000;unmap 1@1000;unmap 2@800000000;unmap 4@a00000000;map 0@c0080000;map 1@1000;map 2@800000000;map 4@a00000000;");
	stop();
}

static void scan_after_a_reset_sees_the_same_tree(void)
{
	start();
	ecam_write(0x08, PCI_BASE_ADDRESS_0, 4, 0xd0000000);
	ecam_write(0x08, PCI_COMMAND, 2, 7);
	pci_dev_reset(&f.dev);
	CHECK_TEXT(scan(&by_ports), tree);
	stop();
}

int main(void)
{
	TAP_RUN(scan_by_ports_sees_the_whole_tree);
	TAP_RUN(scan_by_ecam_sees_the_same_tree);
	TAP_RUN(scan_maps_nothing_while_decode_is_off);
	TAP_RUN(scan_of_a_running_function_puts_all_bars_back);
	TAP_RUN(scan_after_a_reset_sees_the_same_tree);
	return tap_done();
}

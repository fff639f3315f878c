/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A board with two root ports and functions to put behind them, for tests. */
#ifndef STRAIT_TESTS_UNIT_PCI_PORT_FIXTURE_H
#define STRAIT_TESTS_UNIT_PCI_PORT_FIXTURE_H

#include "pci/port.h"
#include "tests/fake/irq.h"
#include "tests/unit/pci_fixture.h"

enum { ECAM = 0x30000000, GSI = 16 };

static struct pci_host_layout layout = {
	.ecam = ECAM,
	.nr_buses = 256,
	.intx_gsi = GSI,
	.io = { 0x1000, 0xf000 },
	.mem32 = { 0xc0000000, 0x20000000 },
	.mem64 = { 0x800000000, 0x800000000 },
};

static struct bus mmio, pio;
static struct irq irq;
static struct fake_irq fake;
static struct pci_host host;
static struct pci_port left, right; /* slots 11 and 12, at 00:01.0, 00:02.0 */
static struct fixture f, g;
static struct err e;
static unsigned int nr_removed;
static bool removed_lock_was_free;
static bool line_is_high[IRQ_NR_PINS];

static inline void note_line(void *ctx, uint32_t gsi, bool high)
{
	(void)ctx;
	line_is_high[gsi] = high;
}

static inline void count_removed(struct pci_port *port, void *ctx)
{
	(*(unsigned int *)ctx)++;
	removed_lock_was_free = !pthread_mutex_trylock(&port->dev.lock);
	if (removed_lock_was_free)
		pthread_mutex_unlock(&port->dev.lock);
}

static inline void port_start(struct pci_port *p, const char *name,
			      unsigned int slot)
{
	static const struct pci_port_ops ops = { .removed = count_removed };
	struct pci_port_config config = {
		.name = name,
		.slot = slot,
		.ops = &ops,
		.ctx = &nr_removed,
		.mmio = &mmio,
		.irq = &irq,
	};

	CHECK_EQ(pci_port_init(p, &config, &e), 0);
	CHECK_EQ(pci_host_add_port(&host, p, -1, &e), 0);
}

static inline void start(void)
{
	static struct irq_sink_ops sink;

	bus_init(&mmio, "mmio");
	bus_init(&pio, "pio");
	e = (struct err){ 0 };
	memset(&fake, 0, sizeof(fake));
	memset(line_is_high, 0, sizeof(line_is_high));
	sink = fake_irq_sink;
	sink.set_line = note_line;
	irq_init(&irq, &sink, &fake, &e);
	pci_host_init(&host, &mmio, &pio, &layout, &e);
	nr_removed = 0;
	port_start(&left, "left", 11);
	port_start(&right, "right", 12);
	fixture_init(&f);
	fixture_init(&g);
	g.dev.name = "0000:02:00.0";
	pci_cfg_put(&g.dev, PCI_DEVICE_ID, 2, 0x10c9);
	pci_dev_set_power_on(&g.dev);
}

static inline void stop(void)
{
	fixture_fini(&f);
	fixture_fini(&g);
	pci_port_fini(&left);
	pci_port_fini(&right);
	pci_host_fini(&host);
	irq_fini(&irq);
	bus_fini(&mmio);
	bus_fini(&pio);
}

/* f behind the left port, placed. */
static inline void start_with_f(void)
{
	start();
	CHECK_EQ(pci_host_add_at(&host, &f.dev, (struct pci_place){ &left, -1 },
				 &e),
		 0);
	CHECK_EQ(pci_host_place_bars(&host, &e), 0);
}

static inline uint32_t ecam(unsigned int bus, unsigned int devfn,
			    unsigned int off, unsigned int len)
{
	uint64_t value;

	bus_read(&mmio, ECAM + (bus << 20) + (devfn << 12) + off, len, &value);
	return (uint32_t)value;
}

static inline void ecam_put(unsigned int bus, unsigned int devfn,
			    unsigned int off, unsigned int len, uint32_t value)
{
	bus_write(&mmio, ECAM + (bus << 20) + (devfn << 12) + off, len, value);
}

/* A guest's accesses to the registers of the left port. */
enum { LEFT = 1 << 3, RIGHT = 2 << 3 };

static inline uint32_t port_rd(unsigned int off, unsigned int len)
{
	return ecam(0, LEFT, off, len);
}

static inline void port_wr(unsigned int off, unsigned int len, uint32_t value)
{
	ecam_put(0, LEFT, off, len, value);
}

static inline uint32_t slot_rd(unsigned int reg)
{
	return port_rd(left.exp_cap + reg, 2);
}

static inline void slot_wr(unsigned int reg, uint32_t value)
{
	port_wr(left.exp_cap + reg, 2, value);
}

#endif

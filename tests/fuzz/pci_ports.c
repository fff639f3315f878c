// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzz: a guest that writes anything to root ports and what is behind them. */
/*
 * How this works
 *
 * The board has two ports with a function each, one of two functions. The input
 * is a row of 8-byte records {what, bus, offset, value}: config accesses by
 * ECAM, memory accesses to where the ports' BARs may be, and what the host
 * does. After each record the host bridge must answer on bus 0, what is linked
 * must be there, and INTx must be high as often as ports hold it.
 */
#include "pci/port.h"

enum { ECAM = 0x30000000 };

static struct bus mmio, pio;
static struct irq irq;
static struct pci_host host;
static struct pci_port ports[2];
static struct pci_dev devs[3];
static bool line[IRQ_NR_PINS];

static int set_routes(void *ctx, const struct irq_route *routes,
		      unsigned int nr, struct err *e)
{
	(void)ctx;
	(void)routes;
	(void)nr;
	(void)e;
	return 0;
}

static int irqfd_add(void *ctx, int fd, uint32_t gsi, int resample_fd,
		     struct err *e)
{
	(void)ctx;
	(void)fd;
	(void)gsi;
	(void)resample_fd;
	(void)e;
	return 0;
}

static void irqfd_del(void *ctx, int fd, uint32_t gsi)
{
	(void)ctx;
	(void)fd;
	(void)gsi;
}

static void set_line(void *ctx, uint32_t gsi, bool high)
{
	(void)ctx;
	BUG_ON(gsi >= IRQ_NR_PINS || line[gsi] == high);
	line[gsi] = high;
}

static const struct irq_sink_ops sink = {
	.set_routes = set_routes,
	.irqfd_add = irqfd_add,
	.irqfd_del = irqfd_del,
	.set_line = set_line,
};

static const struct pci_dev_ops dev_ops = {
	.cfg_read = pci_default_cfg_read,
	.cfg_write = pci_default_cfg_write,
	.cfg_written = pci_default_cfg_written,
	.bar_mapped = pci_default_bar_mapped,
	.bar_unmapped = pci_default_bar_unmapped,
	.reset = pci_default_reset,
};

static void removed(struct pci_port *port, void *ctx)
{
	(void)ctx;
	BUG_ON(pci_port_is_occupied(port));
}

static const struct pci_port_ops port_ops = { .removed = removed };

static void start_port(unsigned int n, struct err *e)
{
	struct pci_port_config config = {
		.name = n ? "right" : "left",
		.slot = n + 1,
		.ops = &port_ops,
		.mmio = &mmio,
		.irq = &irq,
	};

	/* Both on the same INTx. */
	BUG_ON(pci_port_init(&ports[n], &config, e));
	BUG_ON(pci_host_add_port(&host, &ports[n], n ? 9 << 3 : 1 << 3, e));
}

static void start(void)
{
	static const struct pci_host_layout layout = {
		.ecam = ECAM,
		.nr_buses = 256,
		.intx_gsi = 16,
		.io = { 0x1000, 0xf000 },
		.mem32 = { 0xc0000000, 0x20000000 },
		.mem64 = { 0x800000000, 0x800000000 },
	};
	static const struct pci_ids ids = { .vendor = 0x8086, .device = 1 };
	struct err e = { 0 };

	memset(line, 0, sizeof(line));
	BUG_ON(bus_init(&mmio, "mmio") || bus_init(&pio, "pio"));
	BUG_ON(irq_init(&irq, &sink, NULL, &e));
	BUG_ON(pci_host_init(&host, &mmio, &pio, &layout, &e));
	start_port(0, &e);
	start_port(1, &e);
	for (unsigned int i = 0; i < 3; i++) {
		struct pci_place place = { &ports[i & 1], (int)i >> 1 };

		pci_dev_init(&devs[i], &dev_ops, "card", &ids);
		pci_dev_set_bar(&devs[i], 0, PCI_BAR_MEM64, true, MIB(1));
		BUG_ON(pci_host_add_at(&host, &devs[i], place, &e));
	}
	BUG_ON(pci_host_place_bars(&host, &e));
}

static void stop(void)
{
	pci_port_fini(&ports[0]);
	pci_port_fini(&ports[1]);
	pci_host_fini(&host);
	for (unsigned int i = 0; i < 3; i++)
		pci_dev_fini(&devs[i]);
	BUG_ON(irq.nr_msi);
	irq_fini(&irq);
	BUG_ON(mmio.nr || pio.nr);
	bus_fini(&mmio);
	bus_fini(&pio);
}

static void check(void)
{
	unsigned int high = 0;
	uint64_t ids;

	bus_read(&mmio, ECAM, 4, &ids);
	BUG_ON(ids != 0x0d578086);
	for (unsigned int i = 0; i < 2; i++) {
		BUG_ON(ports[i].link_up && !pci_port_is_occupied(&ports[i]));
		high += ports[i].intx_is_high;
	}
	BUG_ON(host.intx_high[1] != high);
	BUG_ON(line[17] != (high != 0));
}

static void host_does(unsigned int what, struct pci_port *port)
{
	switch (what & 3) {
	case 0:
		pci_port_request_unplug(port);
		break;
	case 1:
		pci_port_force_unplug(port);
		break;
	case 2:
		/* Each in a slot of its own. */
		pci_port_plug(port, &devs[port == &ports[1]]);
		break;
	default:
		break;
	}
}

static void step(const uint8_t *record)
{
	unsigned int len = 1u << (record[0] & 3);
	uint64_t off = get_le(record + 2, 2);
	uint64_t value = get_le(record + 4, 4) * 0x100000001;
	uint64_t addr = ECAM + ((uint64_t)record[1] << 20) + off;

	switch (record[0] >> 4) {
	case 0:
		host_does(record[1], &ports[record[2] & 1]);
		return;
	case 1:
		addr = 0xc0000000 + (off << 8) + record[1];
		break;
	case 2:
	case 3:
	case 4:
		break;
	case 5:
		bus_write(&pio, 0xcf8, 4, value);
		bus_write(&pio, 0xcfc, 4, value >> 7);
		return;
	default:
		/* The ports' registers, where things happen. */
		addr = ECAM + ((record[1] & 1 ? 9 : 1) << 15) +
		       (off & (record[1] & 2 ? 0xff : 0x7f));
	}
	if (record[0] & 8)
		bus_read(&mmio, addr, len, &value);
	else
		bus_write(&mmio, addr, len, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_set_level(LOG_ERROR);
	start();
	for (size_t i = 0; i + 8 <= size && i < 8 * 256; i += 8) {
		step(data + i);
		check();
	}
	stop();
	return 0;
}

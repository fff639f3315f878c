// SPDX-License-Identifier: GPL-2.0-or-later
/* An e1000's driver at its registers, for tests. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fake/e1000.h"

#define ECAM  0xe8000000u
#define MEM32 0xc0000000u

enum { WAIT_MS = 2000, DESC_LEN = 16, DESC_STATUS = 12 };

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* --- the pin --- */

static struct fake_e1000 *fake_of(void *ctx)
{
	return CONTAINER_OF(ctx, struct fake_e1000, sink);
}

static int set_routes(void *ctx, const struct irq_route *routes,
		      unsigned int nr, struct err *e)
{
	return fake_irq_sink.set_routes(ctx, routes, nr, e);
}

static int irqfd_add(void *ctx, int fd, uint32_t gsi, int resample_fd,
		     struct err *e)
{
	return fake_irq_sink.irqfd_add(ctx, fd, gsi, resample_fd, e);
}

static void irqfd_del(void *ctx, int fd, uint32_t gsi)
{
	fake_irq_sink.irqfd_del(ctx, fd, gsi);
}

static void set_line(void *ctx, uint32_t gsi, bool high)
{
	struct fake_e1000 *f = fake_of(ctx);

	(void)gsi;
	__atomic_fetch_add(&f->nr_rises, high, __ATOMIC_SEQ_CST);
	__atomic_store_n(&f->line, high, __ATOMIC_SEQ_CST);
}

static const struct irq_sink_ops sink_ops = {
	.set_routes = set_routes,
	.irqfd_add = irqfd_add,
	.irqfd_del = irqfd_del,
	.set_line = set_line,
};

/* --- the machine --- */

static void make_back(struct fake_e1000 *f)
{
	int fds[2];

	must(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds));
	f->wire = fds[0];
	f->back = (struct net_back){ .kind = NET_TAP,
				     .name = "tap0",
				     .nr_queues = 1 };
	f->back.queues[0] = (struct net_queue){ .back = &f->back,
						.fd = fds[1],
						.send_fd = dup(fds[1]) };
}

static void plug(struct fake_e1000 *f)
{
	static const struct e1000_setup setup = {
		.name = "net0",
		.mac = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 },
	};
	const struct dev_env env = { .mem = &f->ram.mem,
				     .mmio = &f->mmio,
				     .pio = &f->pio,
				     .irq = &f->irq,
				     .pci = &f->pci,
				     .loops = f->loops,
				     .nr_loops = 1 };
	struct err e = { 0 };

	f->nic = calloc(1, sizeof(*f->nic));
	must(f->nic);
	must(!e1000_init(f->nic, &setup, &f->back, &env, &e));
	must(!e1000_add(f->nic, -1, &e));
	must(!pci_host_place_bars(&f->pci, &e));
	pci_dev_write(&f->nic->pci, PCI_COMMAND, 2,
		      PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void fake_e1000_init(struct fake_e1000 *f, unsigned int offloads, bool runs)
{
	struct pci_host_layout layout = {
		.ecam = ECAM,
		.nr_buses = 1,
		.intx_gsi = 16,
		.io = { 0x1000, 0x1000 },
		.mem32 = { MEM32, MIB(256) },
		.mem64 = { GIB(4), GIB(4) },
	};
	struct err e = { 0 };

	memset(f, 0, sizeof(*f));
	fake_ram_init(&f->ram);
	must(!bus_init(&f->mmio, "mmio") && !bus_init(&f->pio, "pio"));
	must(!irq_init(&f->irq, &sink_ops, &f->sink, &e));
	must(!pci_host_init(&f->pci, &f->mmio, &f->pio, &layout, &e));
	must(!iothread_init(&f->io, 0, &e));
	f->loops[0] = &f->io.loop;
	make_back(f);
	plug(f);
	/* A socket does not know the ioctls of a tap's. */
	f->back.offloads = offloads;
	if (runs)
		must(!iothread_start(&f->io, &e));
}

void fake_e1000_fini(struct fake_e1000 *f)
{
	e1000_stop(f->nic);
	iothread_stop(&f->io);
	e1000_fini(f->nic);
	free(f->nic);
	net_close(&f->back);
	close(f->wire);
	iothread_fini(&f->io);
	pci_host_fini(&f->pci);
	irq_fini(&f->irq);
	bus_fini(&f->pio);
	bus_fini(&f->mmio);
	fake_ram_fini(&f->ram);
}

/* --- registers --- */

uint32_t fake_e1000_read(struct fake_e1000 *f, unsigned int reg)
{
	uint64_t value;

	must(bus_read(&f->mmio, f->nic->pci.bars[0].addr + reg, 4, &value));
	return (uint32_t)value;
}

void fake_e1000_write(struct fake_e1000 *f, unsigned int reg, uint32_t value)
{
	must(bus_write(&f->mmio, f->nic->pci.bars[0].addr + reg, 4, value));
}

void fake_e1000_io(struct fake_e1000 *f, unsigned int reg, uint32_t value)
{
	uint64_t port = f->nic->pci.bars[2].addr;

	must(bus_write(&f->pio, port, 4, reg));
	must(bus_write(&f->pio, port + 4, 4, value));
}

static void start_ring(struct fake_e1000 *f, unsigned int base, uint32_t gpa)
{
	memset(f->ram.bytes + gpa, 0, (size_t)FAKE_E1000_DESCS * DESC_LEN);
	fake_e1000_write(f, base, gpa);
	fake_e1000_write(f, base + 0x4, 0);
	fake_e1000_write(f, base + 0x8, FAKE_E1000_DESCS * DESC_LEN);
	fake_e1000_write(f, base + 0x10, 0);
	fake_e1000_write(f, base + 0x18, 0);
}

void fake_e1000_start(struct fake_e1000 *f, uint32_t rctl, uint32_t tctl)
{
	f->tx_tail = f->rx_tail = 0;
	start_ring(f, 0x2800, FAKE_E1000_RX);
	start_ring(f, 0x3800, FAKE_E1000_TX);
	fake_e1000_write(f, 0xd0, 0x1ffff);
	fake_e1000_write(f, 0x400, tctl | 2);
	fake_e1000_write(f, 0x100, rctl | 2);
}

/* --- rings --- */

uint8_t *fake_e1000_data(struct fake_e1000 *f, unsigned int buffer)
{
	return f->ram.bytes + FAKE_E1000_DATA + (size_t)buffer * FAKE_E1000_BUF;
}

uint8_t *fake_e1000_desc(struct fake_e1000 *f, gpa_t ring, unsigned int i)
{
	return f->ram.bytes + ring + (size_t)i * DESC_LEN;
}

void fake_e1000_put(struct fake_e1000 *f, uint64_t first, uint32_t second,
		    uint32_t third)
{
	uint8_t *desc = fake_e1000_desc(f, FAKE_E1000_TX, f->tx_tail);

	put_le(desc, first, 8);
	put_le(desc + 8, second, 4);
	put_le(desc + 12, third, 4);
	f->tx_tail = (f->tx_tail + 1) % FAKE_E1000_DESCS;
}

void fake_e1000_send(struct fake_e1000 *f)
{
	fake_e1000_write(f, 0x3818, f->tx_tail);
}

void fake_e1000_feed(struct fake_e1000 *f, unsigned int nr)
{
	while (nr--) {
		uint8_t *desc = fake_e1000_desc(f, FAKE_E1000_RX, f->rx_tail);

		put_le(desc, FAKE_E1000_DATA + f->rx_tail * FAKE_E1000_BUF, 8);
		put_le(desc + 8, 0, 8);
		f->rx_tail = (f->rx_tail + 1) % FAKE_E1000_DESCS;
	}
	fake_e1000_write(f, 0x2818, f->rx_tail);
}

bool fake_e1000_done(struct fake_e1000 *f, gpa_t ring, unsigned int i)
{
	const uint8_t *status = fake_e1000_desc(f, ring, i) + DESC_STATUS;

	for (unsigned int n = 0; n < WAIT_MS * 10; n++) {
		if (__atomic_load_n(status, __ATOMIC_ACQUIRE) & 1)
			return true;
		usleep(100);
	}
	return false;
}

bool fake_e1000_line(struct fake_e1000 *f, bool high)
{
	for (unsigned int n = 0; n < WAIT_MS * 10; n++) {
		if (__atomic_load_n(&f->line, __ATOMIC_SEQ_CST) == high)
			return true;
		usleep(100);
	}
	return false;
}

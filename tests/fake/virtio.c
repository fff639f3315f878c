// SPDX-License-Identifier: GPL-2.0-or-later
/* A virtio driver at its registers, for tests (virtio 1.2, 4.1). */
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/fake/virtio.h"

#define ECAM  0xe8000000u
#define MEM32 0xc0000000u

enum {
	DEVICE_OFF = 0x2000,
	NOTIFY_OFF = 0x3000,
	TABLE_OFF = 0x4000,
	RINGS_GPA = 0x40000,
	RING_LEN = 0x10000,
	WAIT_MS = 2000,
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

void fake_virtio_init(struct fake_virtio *v)
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

	memset(v, 0, sizeof(*v));
	fake_ram_init(&v->ram);
	must(!bus_init(&v->mmio, "mmio") && !bus_init(&v->pio, "pio"));
	must(!irq_init(&v->irq, &fake_irq_sink, &v->sink, &e));
	must(!pci_host_init(&v->pci, &v->mmio, &v->pio, &layout, &e));
	must(!iothread_init(&v->io, 0, &e));
	v->loops[0] = &v->io.loop;
	v->env = (struct virtio_env){ .mem = &v->ram.mem,
				      .mmio = &v->mmio,
				      .irq = &v->irq,
				      .pci = &v->pci,
				      .loops = v->loops,
				      .nr_loops = 1 };
}

static void unmask(struct fake_virtio *v, unsigned int vector)
{
	unsigned int at = TABLE_OFF + vector * PCI_MSIX_ENTRY_LEN;

	fake_virtio_write(v, at, 4, 0xfee00000);
	fake_virtio_write(v, at + 4, 4, 0);
	fake_virtio_write(v, at + 8, 4, 0x40 + vector);
	fake_virtio_write(v, at + 12, 4, 0);
}

void fake_virtio_plug(struct fake_virtio *v, struct virtio_dev *dev)
{
	unsigned int cap = pci_dev_find_cap(&dev->pci, PCI_CAP_ID_MSIX);
	struct err e = { 0 };

	v->dev = dev;
	must(!virtio_dev_add(dev, -1, &e));
	must(!pci_host_place_bars(&v->pci, &e));
	pci_dev_write(&dev->pci, PCI_COMMAND, 2,
		      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	v->bar = dev->pci.bars[0].addr;
	pci_dev_write(&dev->pci, cap + PCI_MSIX_FLAGS, 2,
		      PCI_MSIX_FLAGS_ENABLE);
	for (unsigned int i = 0; i <= dev->type.nr_queues; i++)
		unmask(v, i);
	must(!iothread_start(&v->io, &e));
}

void fake_virtio_unplug(struct fake_virtio *v)
{
	virtio_dev_stop(v->dev);
	iothread_stop(&v->io);
}

void fake_virtio_fini(struct fake_virtio *v)
{
	iothread_fini(&v->io);
	pci_host_fini(&v->pci);
	irq_fini(&v->irq);
	bus_fini(&v->pio);
	bus_fini(&v->mmio);
	fake_ram_fini(&v->ram);
}

uint64_t fake_virtio_read(struct fake_virtio *v, unsigned int off,
			  unsigned int len)
{
	uint64_t value;

	must(bus_read(&v->mmio, v->bar + off, len, &value));
	return value;
}

void fake_virtio_write(struct fake_virtio *v, unsigned int off,
		       unsigned int len, uint64_t value)
{
	/* The table is written before bar is known: by its owner. */
	must(bus_write(&v->mmio, v->dev->pci.bars[0].addr + off, len, value));
}

uint8_t fake_virtio_status(struct fake_virtio *v)
{
	return (uint8_t)fake_virtio_read(v, VIRTIO_PCI_COMMON_STATUS, 1);
}

uint64_t fake_virtio_config(struct fake_virtio *v, unsigned int off,
			    unsigned int len)
{
	return fake_virtio_read(v, DEVICE_OFF + off, len);
}

static void set_status(struct fake_virtio *v, unsigned int bits)
{
	fake_virtio_write(v, VIRTIO_PCI_COMMON_STATUS, 1,
			  fake_virtio_status(v) | bits);
}

bool fake_virtio_negotiate(struct fake_virtio *v, uint64_t features)
{
	fake_virtio_write(v, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	set_status(v, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	for (unsigned int i = 0; i < 2; i++) {
		fake_virtio_write(v, VIRTIO_PCI_COMMON_GFSELECT, 4, i);
		fake_virtio_write(v, VIRTIO_PCI_COMMON_GF, 4,
				  features >> (32 * i) & UINT32_MAX);
	}
	set_status(v, VIRTIO_CONFIG_S_FEATURES_OK);
	return fake_virtio_status(v) & VIRTIO_CONFIG_S_FEATURES_OK;
}

void fake_virtio_queue(struct fake_virtio *v, unsigned int i, unsigned int size,
		       uint64_t features)
{
	struct fake_ring *r = &v->rings[i];

	fake_ring_init(r, &v->ram, RINGS_GPA + i * RING_LEN, size,
		       features >> VIRTIO_F_RING_PACKED & 1,
		       features >> VIRTIO_RING_F_EVENT_IDX & 1);
	r->setup.is_in_order = features >> VIRTIO_F_IN_ORDER & 1;
	fake_virtio_write(v, VIRTIO_PCI_COMMON_Q_SELECT, 2, i);
	fake_virtio_write(v, VIRTIO_PCI_COMMON_Q_SIZE, 2, size);
	fake_virtio_write(v, VIRTIO_PCI_COMMON_Q_MSIX, 2, i + 1);
	fake_virtio_write(v, VIRTIO_PCI_COMMON_Q_DESCLO, 4, r->setup.desc);
	fake_virtio_write(v, VIRTIO_PCI_COMMON_Q_DESCHI, 4, 0);
	fake_virtio_write(v, VIRTIO_PCI_COMMON_Q_AVAILLO, 8, r->setup.driver);
	fake_virtio_write(v, VIRTIO_PCI_COMMON_Q_USEDLO, 8, r->setup.device);
	fake_virtio_write(v, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

void fake_virtio_start(struct fake_virtio *v, uint64_t features,
		       unsigned int nr, unsigned int size)
{
	must(fake_virtio_negotiate(v, features | 1ULL << VIRTIO_F_VERSION_1));
	fake_virtio_write(v, VIRTIO_PCI_COMMON_MSIX, 2, 0);
	for (unsigned int i = 0; i < nr; i++)
		fake_virtio_queue(v, i, size, features);
	set_status(v, VIRTIO_CONFIG_S_DRIVER_OK);
}

void fake_virtio_kick(struct fake_virtio *v, unsigned int i)
{
	fake_virtio_write(v, NOTIFY_OFF + i * 4, 2, i);
}

bool fake_virtio_irq(struct fake_virtio *v, int i)
{
	int fd = pci_vector_fd(&v->dev->vectors, (unsigned int)(i + 1));
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct irq_msi msi;

	return poll(&p, 1, WAIT_MS) == 1 &&
	       fake_irq_deliver(&v->sink, fd, &msi) &&
	       msi.data == 0x40u + (unsigned int)(i + 1);
}

bool fake_virtio_used(struct fake_virtio *v, unsigned int i, uint16_t *id,
		      uint32_t *len)
{
	for (unsigned int ms = 0; ms < WAIT_MS * 10; ms++) {
		if (fake_ring_get(&v->rings[i], id, len))
			return true;
		usleep(100);
	}
	return false;
}

uint32_t fake_virtio_request(struct fake_virtio *v, unsigned int i,
			     const struct fake_buf *bufs, unsigned int nr)
{
	uint16_t want = fake_ring_add(&v->rings[i], bufs, nr, false), id;
	uint32_t len = 0;

	fake_virtio_kick(v, i);
	must(fake_virtio_used(v, i, &id, &len) && id == want);
	return len;
}

bool fake_virtio_needs_reset(struct fake_virtio *v)
{
	for (unsigned int ms = 0; ms < WAIT_MS * 10; ms++) {
		if (fake_virtio_status(v) & VIRTIO_CONFIG_S_NEEDS_RESET)
			return true;
		usleep(100);
	}
	return false;
}

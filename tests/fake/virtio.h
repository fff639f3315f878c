/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine around one virtio device, and the driver's way through its
 * registers: RAM, buses, host bridge, interrupts on a sink that keeps them,
 * one I/O thread.
 */
#ifndef STRAIT_TESTS_FAKE_VIRTIO_H
#define STRAIT_TESTS_FAKE_VIRTIO_H

#include "src/core/iothread.h"
#include "tests/fake/irq.h"
#include "tests/fake/ring.h"
#include "virtio/virtio.h"

enum { FAKE_QUEUES = 8, FAKE_DATA_GPA = 0x200000 };

struct fake_virtio {
	struct fake_ram ram;
	struct bus mmio, pio;
	struct fake_irq sink;
	struct irq irq;
	struct pci_host pci;
	struct iothread io;
	struct loop *loops[1];
	struct virtio_env env;
	struct virtio_dev *dev; /* since fake_virtio_plug */
	uint64_t bar;
	struct fake_ring rings[FAKE_QUEUES];
};

/* Everything but a device. Aborts if that does not work. */
void fake_virtio_init(struct fake_virtio *v);
/* The device is initialized with v->env: puts it on the bus, with BAR 0 placed
 * and answering, MSI-X on and all vectors unmasked; runs the I/O thread. */
void fake_virtio_plug(struct fake_virtio *v, struct virtio_dev *dev);
/* Stops the device and the I/O thread; the device is still to be freed, and
 * then the rest by fini. */
void fake_virtio_unplug(struct fake_virtio *v);
void fake_virtio_fini(struct fake_virtio *v);

/* Accesses to BAR 0. */
uint64_t fake_virtio_read(struct fake_virtio *v, unsigned int off,
			  unsigned int len);
void fake_virtio_write(struct fake_virtio *v, unsigned int off,
		       unsigned int len, uint64_t value);
uint8_t fake_virtio_status(struct fake_virtio *v);
/* The device's own configuration. */
uint64_t fake_virtio_config(struct fake_virtio *v, unsigned int off,
			    unsigned int len);

/* Status up to FEATURES_OK with those features; false: it was refused. */
bool fake_virtio_negotiate(struct fake_virtio *v, uint64_t features);
/* Sets queue i up as v->rings[i], of that many entries. Vector i + 1. */
void fake_virtio_queue(struct fake_virtio *v, unsigned int i, unsigned int size,
		       uint64_t features);
/* Negotiates, sets up nr queues and sets DRIVER_OK. */
void fake_virtio_start(struct fake_virtio *v, uint64_t features,
		       unsigned int nr, unsigned int size);
void fake_virtio_kick(struct fake_virtio *v, unsigned int i);
/* Waits up to two seconds for the interrupt of queue i (-1: configuration). */
bool fake_virtio_irq(struct fake_virtio *v, int i);
/* Waits up to two seconds until chain comes back on queue i. */
bool fake_virtio_used(struct fake_virtio *v, unsigned int i, uint16_t *id,
		      uint32_t *len);
/* Makes a chain available, kicks and waits for it. Its written length. */
uint32_t fake_virtio_request(struct fake_virtio *v, unsigned int i,
			     const struct fake_buf *bufs, unsigned int nr);
/* Waits up to two seconds until the device asks for a reset. */
bool fake_virtio_needs_reset(struct fake_virtio *v);

#endif

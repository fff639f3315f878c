/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An IOAPIC (82093AA) of strait's own, for --irqchip split: 24 pins, whose
 * interrupts go to the kernel's local APICs as messages.
 *
 * It takes the pins of struct irq, so that who has an irq_line or an irq_level
 * sees no difference to the kernel's.
 */
#ifndef STRAIT_DEV_IOAPIC_H
#define STRAIT_DEV_IOAPIC_H

#include <pthread.h>

#include "src/base/log.h"
#include "src/core/bus.h"
#include "src/core/irq.h"

enum { IOAPIC_NR_PINS = IRQ_NR_PINS, IOAPIC_LEN = 0x1000 };

struct ioapic {
	struct irq *irq;
	struct bus_range range;
	pthread_mutex_t lock; /* what follows */
	uint8_t select;	      /* the register that the window shows */
	uint8_t id;
	uint64_t entries[IOAPIC_NR_PINS]; /* the redirection table */
	uint32_t high;			  /* pins that devices hold high */
	struct list levels; /* struct irq_level that are attached */
	struct log_limit limit;
};

/* All pins masked, as at reset. Before any device has a pin. */
int ioapic_init(struct ioapic *io, struct irq *irq, struct bus *mmio,
		uint64_t base, struct err *e);
/* No device has a pin any more, and no vCPU runs. Accepts a zeroed struct. */
void ioapic_fini(struct ioapic *io, struct bus *mmio);

/* A local APIC's broadcast: the guest has ended the interrupt of that vector
 * (KVM_EXIT_IOAPIC_EOI). Any thread. */
void ioapic_eoi(struct ioapic *io, uint8_t vector);

#endif

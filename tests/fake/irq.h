/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interrupt sink without KVM: remembers the GSI table and the irqfds. */
#ifndef STRAIT_TESTS_FAKE_IRQ_H
#define STRAIT_TESTS_FAKE_IRQ_H

#include "src/core/irq.h"

struct fake_irqfd {
	int fd;
	uint32_t gsi;
	int resample_fd; /* -1: edge or MSI */
};

struct fake_irq {
	struct irq_route routes[IRQ_MAX_GSI]; /* the table as last written */
	unsigned int nr_routes;
	struct fake_irqfd irqfds[IRQ_MAX_GSI]; /* attached now */
	unsigned int nr_irqfds;
	/* Messages that went by no route: how many, and the last. */
	unsigned int nr_sent;
	struct irq_msi sent;
	bool is_deaf; /* nobody takes them */
	/* Calls so far. */
	unsigned int nr_adds, nr_dels;
	/* The nth set_routes or irqfd_add fails (1 is the next); 0: none. */
	unsigned int fail_nth;
	unsigned int nr_calls;
};

/* ctx is the struct fake_irq, zeroed. */
extern const struct irq_sink_ops fake_irq_sink;

/* Is fd wired to a GSI whose route is in the table? Then out is that route. */
bool fake_irq_wired(const struct fake_irq *f, int fd, struct irq_route *out);

/*
 * Does what KVM does when an attached eventfd is written: takes the count and
 * says where the interrupt goes. False if none is there or fd is not wired.
 */
bool fake_irq_deliver(struct fake_irq *f, int fd, struct irq_msi *out);

/* Does what KVM does when the guest ends an interrupt of the pin: tells each
 * resampling irqfd of it. How many there were. */
unsigned int fake_irq_eoi(struct fake_irq *f, uint32_t gsi);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How an emulated function interrupts: MSI-X if the guest turned that on, else
 * its pin.
 *
 * Each MSI-X vector has an eventfd from the start; whoever writes it raises the
 * vector, from any thread or from the kernel (vhost), without a lock and
 * without a return to user space. While a vector is masked its eventfd keeps
 * the event, which is the pending bit.
 */
#ifndef STRAIT_PCI_VECTORS_H
#define STRAIT_PCI_VECTORS_H

#include "pci/pci.h"
#include "src/core/irq.h"

struct pci_vectors_config {
	struct pci_host *host; /* for the pin's wiring */
	struct irq *irq;
	unsigned int nr; /* MSI-X vectors, 1 to PCI_MSIX_MAX; 0: pin alone */
	/* Where table and PBA lie, both in one BAR. */
	unsigned int bar;
	uint32_t table_off, pba_off;
};

struct pci_vectors {
	struct pci_dev *dev;
	struct pci_vectors_config config;
	struct pci_msix msix;
	struct msi_route *routes; /* one per vector, owned */
	bool msix_is_on;	  /* atomic: read where interrupts are raised */
	/* Pin: what the device wants, and whether the guest lets it through. */
	pthread_mutex_t pin_lock;
	struct irq_line line;
	bool pin_wanted, pin_enabled, pin_is_high;
};

/*
 * Gives dev an MSI-X capability (nr > 0) and pin INTA. Before it is placed; the
 * function's devfn decides the pin's GSI, so that pci_vectors_wire has to be
 * called when it has one. -errno, and fini is still allowed.
 */
int pci_vectors_init(struct pci_vectors *v, struct pci_dev *dev,
		     const struct pci_vectors_config *config, struct err *e);
void pci_vectors_wire(struct pci_vectors *v);
/* Accepts a zeroed struct. Nobody raises anything any more. */
void pci_vectors_fini(struct pci_vectors *v);

/* Any thread. False if MSI-X is off, or there is no such vector: nothing was
 * raised then. */
bool pci_vector_raise(struct pci_vectors *v, unsigned int vector);
/* The eventfd of a vector that is there, for a kernel that raises it. */
int pci_vector_fd(const struct pci_vectors *v, unsigned int vector);
static inline bool pci_vectors_msix_on(const struct pci_vectors *v)
{
	return __atomic_load_n(&v->msix_is_on, __ATOMIC_ACQUIRE);
}

/* Any thread: the level that the device wants its pin at. While MSI-X is on, or
 * the guest disabled it, it stays low and is remembered. */
void pci_pin_set(struct pci_vectors *v, bool high);

/* Accesses to the BAR that holds table and PBA; off is from its start. */
bool pci_vectors_claims(const struct pci_vectors *v, uint64_t off);
uint64_t pci_vectors_read(struct pci_vectors *v, uint64_t off,
			  unsigned int len);
void pci_vectors_write(struct pci_vectors *v, uint64_t off, unsigned int len,
		       uint64_t value);

#endif

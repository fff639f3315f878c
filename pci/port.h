/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCIe root ports: a bridge on bus 0 to one slot, in which a function can be
 * plugged and unplugged while the guest runs.
 *
 * Functions behind a port answer on its secondary bus, whatever number the
 * guest gives that, while they are present and the guest has the slot's power
 * on. The struct pci_dev of a function that was unplugged has to stay valid
 * until the vCPUs have stopped: one may be on its way to it.
 *
 * Threads: registers are touched on vCPU threads, the pci_port_* verbs below on
 * any; both take the port's lock (that of its struct pci_dev). It is not held
 * while ops run or while functions behind the port are reset.
 */
#ifndef STRAIT_PCI_PORT_H
#define STRAIT_PCI_PORT_H

#include "pci/pci.h"
#include "src/core/irq.h"

struct pci_port_ops {
	/*
	 * The functions behind have left the bus, as pci_port_request_unplug
	 * asked for. On the vCPU thread that turned the power off, or inside
	 * pci_port_request_unplug. Their BARs may still be mapped.
	 */
	void (*removed)(struct pci_port *port, void *ctx);
};

struct pci_port_config {
	const char *name;  /* for messages; not owned */
	unsigned int slot; /* the number that the guest shows, 1 to 8191 */
	const struct pci_port_ops *ops;
	void *ctx;
	struct bus *mmio; /* for the MSI-X table */
	struct irq *irq;
};

enum { PCI_PORT_FUNCTIONS = 8 };

struct pci_port {
	struct pci_dev dev;
	struct pci_port_config config;
	struct pci_host *host; /* once it is on a bus */
	struct irq_line intx;
	struct pci_msix msix;
	struct msi_route route; /* of its only vector */
	struct bus_range table_range;
	unsigned int exp_cap; /* offset of the PCI Express capability */
	/* Functions by number; [0] NULL: the slot is empty. Atomic. */
	struct pci_dev *devs[PCI_PORT_FUNCTIONS];
	/* Atomics, for those who route: secondary and subordinate bus. */
	uint16_t buses;
	bool link_up;
	uint32_t todo;		/* atomic: see pci_port_finish */
	uint16_t control;	/* Slot Control, as last seen */
	bool has_event;		/* an enabled event is in Slot Status */
	bool intx_is_high;	/* its INTx */
	bool unplug_is_pending; /* the guest was asked */
};

/* -ENOSPC, -EMFILE: no GSI or no file for its interrupt; -EINVAL: slot. */
int pci_port_init(struct pci_port *p, const struct pci_port_config *config,
		  struct err *e);
/* Accepts a zeroed struct. */
void pci_port_fini(struct pci_port *p);

/* Whether there is a function behind it, powered or not. */
bool pci_port_is_occupied(const struct pci_port *p);

/*
 * Asks the guest to let go of what is in the slot, by pressing the attention
 * button (PCIe 6.0 6.7.1.5). Linux answers after 5 s; ops->removed is called
 * when it turned the power off, at once if it has it off. While the guest has
 * not answered, another request does nothing but is not an error; a guest whose
 * hot-plug driver comes up later is asked then. -ENODEV: the slot is empty.
 */
int pci_port_request_unplug(struct pci_port *p);
/* Takes it away: link down and no card from now on. ops->removed is not called.
 * No-op if the slot is empty. */
void pci_port_force_unplug(struct pci_port *p);
/*
 * Puts dev, reset and without addresses in its BARs, into an empty slot and
 * tells the guest. -EEXIST: the slot is not empty.
 */
int pci_port_plug(struct pci_port *p, struct pci_dev *dev);

#endif

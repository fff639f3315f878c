/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of pci/ tell each other; nobody else includes this. */
#ifndef STRAIT_PCI_PRIV_H
#define STRAIT_PCI_PRIV_H

#include "pci/port.h"

/* No x86 physical address has more bits (Intel SDM vol. 3A 4.1.4). */
enum { PCI_ADDR_BITS = 52 };

/* True if [off, off + len) and [start, start + size) have a byte in common. */
static inline bool pci_overlaps(unsigned int off, unsigned int len,
				unsigned int start, unsigned int size)
{
	return off < start + size && start < off + len;
}

/* --- bar.c; with the lock held --- */

/* Whether a write there can change where a BAR answers. */
bool pci_bars_touched(unsigned int off, unsigned int len);
/* Unmaps each BAR that no longer answers where it did. */
void pci_bars_unmap_stale(struct pci_dev *dev);
/* Maps each BAR that should answer and does not yet. */
void pci_bars_map(struct pci_dev *dev);
/* Whether a BAR of that type may answer at addr. */
bool pci_bar_addr_ok(enum pci_bar_type type, uint64_t addr, uint64_t size);
/* Puts an address into the BAR's register and leaves its type bits. */
void pci_bar_put(struct pci_dev *dev, unsigned int n, uint64_t addr);
/* "BAR 2" or "ROM". */
const char *pci_bar_name(unsigned int n);

/* --- msi.c; with the lock held --- */

bool pci_msi_wanted(const struct pci_msi *msi);
/* Whether a write there can change what counts. */
bool pci_msi_touched(const struct pci_msi *msi, unsigned int off,
		     unsigned int len);
/* Takes the registers as they now stand in cfg. */
void pci_msi_follow(struct pci_msi *msi, bool on);
/* Puts the pending bits into cfg if a read will see them. */
void pci_msi_refresh(struct pci_msi *msi, unsigned int off, unsigned int len);
void pci_msi_reset_locked(struct pci_msi *msi);

/* --- msix.c; with the lock held --- */

bool pci_msix_wanted(const struct pci_msix *msix);
/* Takes message control as it now stands in cfg. */
void pci_msix_control_written(struct pci_msix *msix);
void pci_msix_reset_locked(struct pci_msix *msix);

/* --- intx.c; with the lock held --- */

/* Whether a write there can change how the function interrupts. */
bool pci_irqs_touched(const struct pci_dev *dev, unsigned int off,
		      unsigned int len);
void pci_irqs_follow(struct pci_dev *dev);
/* Before a read of cfg: status and pending bits as they are now. */
void pci_irqs_refresh(struct pci_dev *dev, unsigned int off, unsigned int len);

/* --- wiring.c --- */

/* A root port's own INTx goes high or low: a change. Takes intx_lock, so that
 * ports which share a GSI do not pull it down for each other. */
void pci_intx_set(struct pci_host *h, const struct irq_line *line, bool high);

/* --- port.c --- */

/* Whether bus numbers of the port are routed to it. No lock. */
bool pci_port_claims(const struct pci_port *p, unsigned int bus);
/* The function that answers there, or NULL. No lock. */
struct pci_dev *pci_port_find(const struct pci_port *p, unsigned int bus,
			      unsigned int devfn);
/* What a write to the port's config left to do; without its lock. */
void pci_port_finish(struct pci_port *p);
/* Resets the functions behind; without the port's lock. */
void pci_port_reset_behind(struct pci_port *p);
/* Before vCPUs run: dev is behind the port. */
void pci_port_put(struct pci_port *p, struct pci_dev *dev, uint8_t devfn);

/* Windows and bus numbers; size 0 closes a window. The window for I/O exists
 * only if it is opened once. */
enum pci_bridge_window { BRIDGE_IO, BRIDGE_MEM, BRIDGE_PREF, BRIDGE_NR };
void pci_port_set_window(struct pci_port *p, enum pci_bridge_window window,
			 uint64_t base, uint64_t size);
void pci_port_set_bus(struct pci_port *p, uint8_t bus);

/* --- hotplug.c; with the port's lock held --- */

/* Slot registers, once exp_cap is known; before vCPUs run. */
void pci_slot_init(struct pci_port *p);
/* Slot and link registers as after power-on, with what is there now. */
void pci_slot_power_on(struct pci_port *p);
/* A write to [off, off + len) of the port's config was taken. */
void pci_slot_written(struct pci_port *p, unsigned int off, unsigned int len);
/* MSI-X or the INTx disable bit may have changed. */
void pci_slot_intx(struct pci_port *p);

/* Bits of pci_port.todo. */
enum { PORT_RESET_BEHIND = 1, PORT_TELL_REMOVED = 2 };

#endif

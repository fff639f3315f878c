// SPDX-License-Identifier: GPL-2.0-or-later
/* INTx: which interrupt controller pin a function's INTA to INTD is wired to.
 */
/*
 * How this works
 *
 * The board has eight pins for PCI. Device d's pin p (1 to 4) goes to number
 * (d + p - 1) mod 8 of them, so that the INTA of neighbours differ; more slots
 * than pins share. A root port passes what comes from its only device 0 on
 * under the same letter (PCIe 6.0 2.2.8.1: (pin + device) mod 4), as if it were
 * its own slot's.
 *
 * Ports raise their own INTx when MSI-X is off. Those that share a GSI are
 * counted, so that it goes low with the last.
 */
#include <string.h>

#include "pci/priv.h"

enum { NR_PINS = 4 };

static uint32_t bus0_gsi(const struct pci_host *h, unsigned int devfn,
			 unsigned int pin)
{
	if (!h->layout.intx_gsi || pin < 1 || pin > NR_PINS)
		return 0;
	return h->layout.intx_gsi + ((devfn >> 3) + pin - 1) % PCI_NR_INTX;
}

uint32_t pci_intx_gsi(const struct pci_host *h, struct pci_place place,
		      unsigned int pin)
{
	unsigned int devfn =
		place.port ? place.port->dev.devfn : (unsigned int)place.devfn;

	return bus0_gsi(h, devfn, pin);
}

/* A bit for each pin of slot that firmware has to know. */
static unsigned int slot_pins(const struct pci_host *h, unsigned int slot)
{
	unsigned int pins = 0;

	for (unsigned int i = slot << 3; i < (slot + 1) << 3; i++) {
		const struct pci_dev *dev = h->devs[i];
		unsigned int pin;

		if (!dev)
			continue;
		pin = pci_cfg_get(dev, PCI_INTERRUPT_PIN, 1);
		if (dev->port)
			pins |= (1u << NR_PINS) - 1;
		else if (pin >= 1 && pin <= NR_PINS)
			pins |= 1u << (pin - 1);
	}
	return pins;
}

unsigned int pci_intx_routes(const struct pci_host *h,
			     struct pci_intx_route out[PCI_MAX_INTX_ROUTES])
{
	unsigned int nr = 0;

	if (!h->layout.intx_gsi)
		return 0;
	for (unsigned int slot = 0; slot < ARRAY_SIZE(h->devs) / 8; slot++) {
		unsigned int pins = slot_pins(h, slot);

		for (unsigned int pin = 1; pin <= NR_PINS; pin++) {
			if (!(pins >> (pin - 1) & 1))
				continue;
			out[nr++] = (struct pci_intx_route){
				.devfn = (uint8_t)(slot << 3),
				.pin = (uint8_t)pin,
				.gsi = bus0_gsi(h, slot << 3, pin),
			};
		}
	}
	return nr;
}

void pci_intx_set(struct pci_host *h, const struct irq_line *line, bool high)
{
	unsigned int *count = &h->intx_high[line->gsi - h->layout.intx_gsi];

	pthread_mutex_lock(&h->intx_lock);
	*count += high ? 1 : -1u;
	if (*count == (high ? 1 : 0))
		irq_line_set(line, high);
	pthread_mutex_unlock(&h->intx_lock);
}

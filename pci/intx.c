// SPDX-License-Identifier: GPL-2.0-or-later
/* INTx, and which of INTx, MSI and MSI-X a function interrupts by. */
/*
 * How this works
 *
 * A function interrupts in one way at a time: MSI-X if that is enabled, else
 * MSI, else its pin (PCIe 6.0 6.1.4.3: software must not enable MSI and MSI-X
 * together; who does gets MSI-X). After each write that could change it, what
 * goes off is turned off first, then what goes on is turned on, so that owners
 * never see two at once: VFIO has room for one.
 *
 * The pin is on while INTx Disable is clear, but not before the guest has first
 * turned on address decode or bus mastering: a function that nobody has set up
 * takes no interrupt of the host. Decode going off and on again, as when BARs
 * are sized, then changes nothing.
 *
 * Interrupt Status (PCIe 6.0 7.5.1.1.4) is asked of the owner when it is read.
 */
#include "pci/priv.h"

enum {
	COMMAND_IN_USE =
		PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
};

void pci_dev_set_intx(struct pci_dev *dev, uint8_t pin,
		      const struct pci_intx_ops *ops)
{
	BUG_ON(pin > 4 || (pin && !ops));
	dev->cfg[PCI_INTERRUPT_PIN] = pin;
	dev->power_on[PCI_INTERRUPT_PIN] = pin;
	dev->intx_ops = pin ? ops : NULL;
}

static bool pin_wanted(struct pci_dev *dev)
{
	uint32_t command = pci_cfg_get(dev, PCI_COMMAND, 2);

	dev->intx_is_used |= (command & COMMAND_IN_USE) != 0;
	return dev->intx_is_used && !(command & PCI_COMMAND_INTX_DISABLE);
}

static void pin_set(struct pci_dev *dev, bool on)
{
	if (!dev->intx_ops || dev->intx_is_on == on)
		return;
	dev->intx_is_on = on;
	dev->intx_ops->enabled(dev, on);
}

bool pci_irqs_touched(const struct pci_dev *dev, unsigned int off,
		      unsigned int len)
{
	if (pci_overlaps(off, len, PCI_COMMAND, 2))
		return true;
	if (dev->msi && pci_msi_touched(dev->msi, off, len))
		return true;
	return dev->msix &&
	       pci_overlaps(off, len, dev->msix->cap + PCI_MSIX_FLAGS, 2);
}

void pci_irqs_follow(struct pci_dev *dev)
{
	bool msix = dev->msix && pci_msix_wanted(dev->msix);
	bool msi = !msix && dev->msi && pci_msi_wanted(dev->msi);
	bool pin = pin_wanted(dev) && !msix && !msi;

	if (!pin)
		pin_set(dev, false);
	if (dev->msi && !msi)
		pci_msi_follow(dev->msi, false);
	if (dev->msix)
		pci_msix_control_written(dev->msix);
	if (msi)
		pci_msi_follow(dev->msi, true);
	if (pin)
		pin_set(dev, true);
}

void pci_dev_irqs_off_locked(struct pci_dev *dev)
{
	dev->intx_is_used = false;
	pin_set(dev, false);
	if (dev->msi)
		pci_msi_reset_locked(dev->msi);
	if (dev->msix)
		pci_msix_reset_locked(dev->msix);
}

void pci_irqs_refresh(struct pci_dev *dev, unsigned int off, unsigned int len)
{
	uint32_t status;

	if (dev->msi)
		pci_msi_refresh(dev->msi, off, len);
	if (!dev->intx_ops || !pci_overlaps(off, len, PCI_STATUS, 2))
		return;
	status = pci_cfg_get(dev, PCI_STATUS, 2) &
		 ~(uint32_t)PCI_STATUS_INTERRUPT;
	if (dev->intx_ops->pending(dev))
		status |= PCI_STATUS_INTERRUPT;
	pci_cfg_put(dev, PCI_STATUS, 2, status);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* D0 and D3hot of a physical function, as the guest asks for them. */
/*
 * How this works
 *
 * What the guest writes to its power state goes to the device, so that an idle
 * function saves power and a guest that resets one by D3hot (pci_pm_reset) does
 * reset it. The kernel does the change itself when PMCSR is written
 * (vfio_pm_config_write), waits as long as PCIe 6.0 5.9 wants, and for a device
 * without No_Soft_Reset saves config space before D3hot and restores it, MSI-X
 * included, after (vfio_pci_set_power_state). What such a device loses besides
 * is the guest driver's affair: it sees the device's own No_Soft_Reset bit.
 *
 * Since Linux 5.19 memory of a device in D3hot may not be touched: mmaps fault
 * with SIGBUS, in KVM an error that ends the run. So all BARs leave guest
 * memory and buses before the change; the guest reads all-ones, as on hardware.
 * They come back only when the device is in D0 and decodes. The guest's view of
 * its BAR registers does not change, and interrupts stay as they are. Peers
 * lose their DMA mapping of the BARs with the region.
 *
 * The kernel may refuse without saying so (a PF whose VFs are on, a device that
 * must not sleep), hence the state that the guest sees is read back.
 */
#include <errno.h>

#include "vfio/priv.h"

static int pmcsr_write(struct vfio_pci *v, unsigned int d_state)
{
	const struct vfio_ops *ops = v->d->ops;
	unsigned int reg = v->pm_cap + PCI_PM_CTRL;
	uint16_t ctrl;
	int ret = ops->region_read(v->d, VFIO_PCI_CONFIG_REGION_INDEX, reg,
				   &ctrl, sizeof(ctrl));

	if (ret)
		return ret;
	/* Status is cleared by writing 1: leave it alone. */
	ctrl &= (uint16_t) ~(PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_STATUS);
	ctrl |= (uint16_t)d_state;
	ret = ops->region_write(v->d, VFIO_PCI_CONFIG_REGION_INDEX, reg, &ctrl,
				sizeof(ctrl));
	if (!ret)
		ret = ops->region_read(v->d, VFIO_PCI_CONFIG_REGION_INDEX, reg,
				       &ctrl, sizeof(ctrl));
	if (!ret && ctrl == UINT16_MAX)
		ret = -EIO;
	if (!ret)
		v->d_state = ctrl & PCI_PM_CTRL_STATE_MASK;
	return ret;
}

/* Whatever it was before, it decodes now and may do DMA if it could. */
static int awake(struct vfio_pci *v)
{
	return v->d_state == PCI_D0 ? vfio_config_decode_on(v, v->is_master)
				    : 0;
}

void vfio_power_set(struct vfio_pci *v, unsigned int d_state)
{
	int ret;

	if (d_state == v->d_state)
		return;
	vfio_bars_hide(v);
	ret = pmcsr_write(v, d_state);
	if (!ret)
		ret = awake(v);
	if (ret) {
		log_guest(
			&v->pci.limit, v->pci.name,
			"the power state cannot be changed from D%u to D%u (%s)",
			v->d_state, d_state, strerrorname_np(-ret));
		/* Its registers may not be there: nothing is shown. */
		v->d_state = PCI_D3HOT;
		return;
	}
	if (v->d_state == PCI_D0)
		vfio_bars_show(v);
}

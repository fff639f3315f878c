// SPDX-License-Identifier: GPL-2.0-or-later
/* What the three kinds of interrupt share, and the events for the VMM. */
/*
 * How this works
 *
 * VFIO has one ioctl for all: for vectors of an index (INTx, MSI, MSI-X, error,
 * request) it takes eventfds that trigger, mask or unmask. One of INTx, MSI and
 * MSI-X can be on at a time (irq_type in the kernel); pci/intx.c sees to that.
 *
 * A message to an address at which no interrupt controller listens would be a
 * write to memory by a real device. Here such a vector stays silent: KVM takes
 * only bits of the address, so it would interrupt a vCPU that nobody named, and
 * refuses some tables because of one bad entry.
 */
#include <errno.h>

#include "vfio/priv.h"

int vfio_set_irqs(struct vfio_pci *v, const struct vfio_irqs *irqs,
		  struct err *e)
{
	/* A device that was taken away is closed already. */
	if (!v->d->ops)
		return err_set(e, ENODEV, "%s: the device is gone", v->d->name);
	vfio_count(&v->stats.irq_ioctls, 1);
	return v->d->ops->set_irqs(v->d, irqs, e);
}

void vfio_index_off(struct vfio_pci *v, unsigned int index)
{
	const struct vfio_irqs off = { .index = index,
				       .action = VFIO_IRQ_SET_ACTION_TRIGGER };
	struct err e = { 0 };

	/* Closing it turned all off. */
	if (v->d->ops && vfio_set_irqs(v, &off, &e))
		log_guest(&v->pci.limit, v->d->name, "%s", e.msg);
}

int vfio_route_attach(struct vfio_pci *v, struct msi_route *r, struct err *e)
{
	if (msi_route_is_on(r))
		return 0;
	vfio_count(&v->stats.vector_changes, 1);
	vfio_count(&v->stats.irq_ioctls, 1);
	return msi_route_attach(r, e);
}

void vfio_route_detach(struct vfio_pci *v, struct msi_route *r)
{
	if (!msi_route_is_on(r))
		return;
	vfio_count(&v->stats.vector_changes, 1);
	vfio_count(&v->stats.irq_ioctls, 1);
	msi_route_detach(r);
}

void vfio_message_complain(struct vfio_pci *v, const char *kind,
			   unsigned int vector, uint64_t address)
{
	/* Linux clears the message of a vector that it gives up. */
	if (!address)
		return;
	log_guest(
		&v->pci.limit, v->d->name,
		"%s vector %u is unmasked with address 0x%llx, which is no interrupt controller's: it stays silent",
		kind, vector, (unsigned long long)address);
}

void vfio_host_vectors(struct vfio_pci *v, uint64_t nr)
{
	__atomic_store_n(&v->stats.host_vectors, nr, __ATOMIC_RELAXED);
}

/* --- events for the VMM --- */

int vfio_dev_watch(struct vfio_dev *d, unsigned int index, int eventfd,
		   struct err *e)
{
	const struct vfio_irqs irqs = {
		.index = index,
		.action = VFIO_IRQ_SET_ACTION_TRIGGER,
		.nr = 1,
		.eventfds = &eventfd,
	};
	struct vfio_irq_info info;
	struct err none = { 0 };

	/* EINVAL: errors need PCI Express, requests a kernel that has them. */
	if (d->ops->irq_info(d, index, &info, &none) || !info.count ||
	    !(info.flags & VFIO_IRQ_INFO_EVENTFD))
		return err_set(e, ENOTSUP,
			       "%s: the kernel tells of no %s of it", d->name,
			       index == VFIO_PCI_ERR_IRQ_INDEX ? "errors"
							       : "requests");
	return d->ops->set_irqs(d, &irqs, e);
}

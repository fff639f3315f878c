// SPDX-License-Identifier: GPL-2.0-or-later
/* INTx of a physical function, a level all the way. */
/*
 * How this works
 *
 *	device raises its pin -> VFIO masks it and writes eventfd
 *	-> KVM raises the guest's pin, and lowers it when the guest ends the
 *	interrupt (EOI), and writes resample_fd
 *	-> VFIO unmasks the device's pin; if it is still raised, once more
 *
 * No step needs user space. Kernels without resampling (before 3.8) would need
 * every EOI here; there is no way for them. Mediated devices may not take an
 * eventfd for the last step (mtty of the kernel's samples does not): for those
 * the event loop waits for resample_fd and unmasks.
 *
 * On and off follow the guest (pci/intx.c). VFIO knows the device's INTx
 * Disable bit as well and masks by it, so it is set whenever the pin is off:
 * set before the index is disabled, cleared when all else is in place, which
 * also makes VFIO look whether the device is waiting already
 * (vfio_basic_config_write, vfio_pci_intx_unmask).
 *
 * Turning it off detaches the pair from KVM, which lowers the guest's pin: what
 * was raised does not stay.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vfio/priv.h"

static struct vfio_pci *vfio_of(struct pci_dev *dev)
{
	return CONTAINER_OF(dev, struct vfio_pci, pci);
}

static int intx_set(struct vfio_pci *v, uint32_t action, const int *fd,
		    struct err *e)
{
	const struct vfio_irqs irqs = {
		.index = VFIO_PCI_INTX_IRQ_INDEX,
		.action = action,
		.nr = 1,
		.eventfds = fd,
	};
	int ret = vfio_set_irqs(v, &irqs, e);

	return ret > 0 ? err_set(e, EIO, "%s: VFIO_DEVICE_SET_IRQS: says %d",
				 v->d->name, ret)
		       : ret;
}

static void stop_waiting(struct vfio_pci *v)
{
	if (v->intx_waits)
		loop_del(v->env.loop, &v->intx_end);
	v->intx_waits = false;
}

static void intx_off(struct vfio_pci *v)
{
	if (!v->intx_on)
		return;
	v->intx_on = false;
	stop_waiting(v);
	if (v->d->ops)
		vfio_config_decode_on(v, v->is_master);
	vfio_index_off(v, VFIO_PCI_INTX_IRQ_INDEX);
	vfio_count(&v->stats.irq_ioctls, 1);
	irq_level_detach(&v->intx);
}

static void intx_ended_locked(struct vfio_pci *v)
{
	struct err e = { 0 };
	uint64_t count;

	if (!v->intx_waits ||
	    read(v->intx_end.fd, &count, sizeof(count)) != sizeof(count))
		return;
	if (intx_set(v, VFIO_IRQ_SET_ACTION_UNMASK, NULL, &e))
		log_guest(&v->pci.limit, v->d->name, "%s", e.msg);
}

/*
 * On the loop's thread, which may be on its way here while a vCPU turns the pin
 * off: the lock tells.
 */
static void intx_ended(struct loop_source *s, uint32_t events)
{
	struct vfio_pci *v = CONTAINER_OF(s, struct vfio_pci, intx_end);

	(void)events;
	pthread_mutex_lock(&v->pci.lock);
	intx_ended_locked(v);
	pthread_mutex_unlock(&v->pci.lock);
}

static int wait_for_end(struct vfio_pci *v, struct err *e)
{
	int ret;

	if (!v->env.loop)
		return -e->code;
	*e = (struct err){ 0 };
	v->intx_end.fd = v->intx.resample_fd;
	v->intx_end.ready = intx_ended;
	ret = loop_add(v->env.loop, &v->intx_end, EPOLLIN, e);
	v->intx_waits = !ret;
	return ret;
}

/* The unmask eventfd needs an index that is on. */
static int intx_connect(struct vfio_pci *v, struct err *e)
{
	int ret;

	vfio_count(&v->stats.irq_ioctls, 1);
	ret = irq_level_attach(&v->intx, e);
	if (ret)
		return ret;
	ret = intx_set(v, VFIO_IRQ_SET_ACTION_TRIGGER, &v->intx.eventfd, e);
	if (ret)
		goto out_detach;
	ret = intx_set(v, VFIO_IRQ_SET_ACTION_UNMASK, &v->intx.resample_fd, e);
	if (ret == -ENOTTY)
		ret = wait_for_end(v, e);
	if (ret)
		goto out_index;
	return 0;

out_index:
	vfio_index_off(v, VFIO_PCI_INTX_IRQ_INDEX);
out_detach:
	irq_level_detach(&v->intx);
	return ret;
}

static void intx_on(struct vfio_pci *v)
{
	struct err e = { 0 };
	int ret;

	if (!v->d->ops)
		return;
	ret = intx_connect(v, &e);
	if (ret) {
		log_guest(&v->pci.limit, v->d->name,
			  "no INTx interrupts for the guest: %s%s%s", e.msg,
			  e.hint[0] ? "; " : "", e.hint);
		return;
	}
	v->intx_on = true;
	ret = vfio_config_decode_on(v, v->is_master);
	if (ret)
		log_guest(&v->pci.limit, v->d->name,
			  "INTx cannot be turned on (%s)",
			  strerrorname_np(-ret));
}

static void intx_enabled(struct pci_dev *dev, bool on)
{
	if (on)
		intx_on(vfio_of(dev));
	else
		intx_off(vfio_of(dev));
}

static bool intx_pending(struct pci_dev *dev)
{
	struct vfio_pci *v = vfio_of(dev);
	uint8_t status;

	if (!v->d->ops ||
	    v->d->ops->region_read(v->d, VFIO_PCI_CONFIG_REGION_INDEX,
				   PCI_STATUS, &status, sizeof(status)))
		return false;
	return status & PCI_STATUS_INTERRUPT;
}

static const struct pci_intx_ops intx_ops = {
	.enabled = intx_enabled,
	.pending = intx_pending,
};

int vfio_intx_init(struct vfio_pci *v, uint8_t pin, struct err *e)
{
	const uint32_t needed = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
				VFIO_IRQ_INFO_AUTOMASKED;
	struct vfio_irq_info info;
	int ret;

	/* VFs have none; the kernel shows 0 where the host has no line. */
	if (!v->env.intx_gsi || pin < 1 || pin > 4)
		return 0;
	ret = v->d->ops->irq_info(v->d, VFIO_PCI_INTX_IRQ_INDEX, &info, e);
	if (ret)
		return ret;
	if (!info.count || (info.flags & needed) != needed)
		return 0;
	ret = irq_level_init(&v->intx, v->env.irq, v->env.intx_gsi, e);
	if (ret)
		return err_ctx(e, ret, "%s: INTx", v->d->name);
	pci_dev_set_intx(&v->pci, pin, &intx_ops);
	return 0;
}

void vfio_intx_fini(struct vfio_pci *v)
{
	intx_off(v);
	irq_level_fini(&v->intx);
}

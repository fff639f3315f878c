// SPDX-License-Identifier: GPL-2.0-or-later
/* A physical function's life: open, reset, close. */
/*
 * How this works
 *
 * The kernel resets a function whenever its device fd is opened
 * (vfio_pci_core_enable), and VFIO_DEVICE_FLAGS_RESET then says that this
 * worked. So opening is the reset before use, and a second one would only cost
 * another 100 ms of FLR (PCIe 6.0 6.6.2). A function that cannot be reset can
 * be used, but what its last user left in it is there for the next: a warning.
 *
 * A function can be let go while vCPUs run (vfio_dev_let_go): the host wants it
 * back. An access that is on its way must then not meet a closed fd, whose
 * number may be another file's by that time; see kernel_let_go.
 *
 * It is reset again when the guest resets and before it is closed. After a
 * reset config space must answer. Vendor and device ID tell nothing about that,
 * because the kernel answers them from memory; the class code does.
 */
#include <errno.h>

#include "vfio/vfio.h"

int vfio_dev_check_alive(struct vfio_dev *d, struct err *e)
{
	uint32_t class_rev = 0;
	int ret = d->ops->region_read(d, VFIO_PCI_CONFIG_REGION_INDEX,
				      PCI_CLASS_REVISION, &class_rev,
				      sizeof(class_rev));

	if (ret)
		err_set(e, -ret, "%s: config space cannot be read", d->name);
	else if (class_rev == UINT32_MAX)
		err_set(e, EIO,
			"%s: config space reads all-ones, the device does not answer",
			d->name);
	else
		return 0;
	if (d->iommu && d->is_pci)
		vfio_hint(d->iommu->host, d->bdf, "config", e);
	return -e->code;
}

int vfio_dev_reset(struct vfio_dev *d, struct err *e)
{
	int ret;

	/* Said once, when it was opened. */
	if (!(d->info.flags & VFIO_DEVICE_FLAGS_RESET))
		return 0;
	ret = d->ops->reset(d, e);
	if (ret)
		return ret;
	ret = vfio_dev_check_alive(d, e);
	return ret ? err_ctx(e, ret, "after a reset") : 0;
}

static int dev_learn(struct vfio_dev *d, struct err *e)
{
	struct vfio_region config;
	int ret = d->ops->info(d, &d->info, e);

	if (ret)
		return ret;
	if (!(d->info.flags & VFIO_DEVICE_FLAGS_PCI))
		return err_set(e, EINVAL, "%s: VFIO says it is no PCI device",
			       d->name);
	/* Also tells kernel.c where config space is. */
	ret = d->ops->region_info(d, VFIO_PCI_CONFIG_REGION_INDEX, &config, e);
	return ret ? ret : vfio_dev_check_alive(d, e);
}

int vfio_dev_open(struct vfio_dev *d, struct iommu *iommu,
		  struct iommu_device *dev, int *kvm_fd, struct err *e)
{
	int ret;

	*d = (struct vfio_dev){
		.ops = &vfio_kernel_ops,
		.fd = -1,
		.kvm_fd = -1,
		.iommu = iommu,
		.is_pci = dev->id.is_pci,
		.bdf = dev->id.bdf,
	};
	snprintf(d->name, sizeof(d->name), "%s", dev->id.name);
	ret = iommu_dev_open(iommu, dev, &d->fd, kvm_fd, e);
	if (ret) {
		if (d->is_pci)
			vfio_hint(iommu->host, d->bdf,
				  "VFIO_GROUP_GET_DEVICE_FD", e);
		d->ops = NULL;
		return ret;
	}
	d->kvm_fd = *kvm_fd;
	ret = dev_learn(d, e);
	if (ret) {
		d->ops->close(d);
		iommu_dev_close(iommu, d->name);
		d->ops = NULL;
		return ret;
	}
	if (!(d->info.flags & VFIO_DEVICE_FLAGS_RESET))
		log_warn(
			d->name,
			"the kernel knows no way to reset this function by itself: the guest gets it as its last user left it");
	return 0;
}

/*
 * A host that is taking the device back holds its lock until it is given up, so
 * the kernel says EAGAIN: the reset is left to who opens it next.
 */
static void last_reset(struct vfio_dev *d, bool host_waits)
{
	struct err e = { 0 };
	int ret = vfio_dev_reset(d, &e);

	if (ret == -EAGAIN && host_waits)
		log_info(d->name, "given back without a reset");
	else if (ret)
		log_warn(d->name, "left in an unknown state: %s%s%s", e.msg,
			 e.hint[0] ? "; " : "", e.hint);
}

static void leave_iommu(struct vfio_dev *d)
{
	if (d->iommu)
		iommu_dev_close(d->iommu, d->name);
	d->iommu = NULL;
}

void vfio_dev_let_go(struct vfio_dev *d)
{
	last_reset(d, true);
	d->info.flags &= ~(uint32_t)VFIO_DEVICE_FLAGS_RESET;
	d->ops->let_go(d);
	leave_iommu(d);
}

void vfio_dev_close(struct vfio_dev *d)
{
	if (!d->ops)
		return;
	last_reset(d, false);
	d->ops->close(d);
	leave_iommu(d);
	d->ops = NULL;
}

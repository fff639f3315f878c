// SPDX-License-Identifier: GPL-2.0-or-later
/* Which resets a function has, and hot resets of those that have none. */
/*
 * How this works
 *
 * The kernel picks the way to reset one function (sysfs reset_method, Linux
 * 5.15: device-specific, then FLR, then D3hot, then a bus with nothing else on
 * it), and VFIO_DEVICE_RESET uses that. A function with none of these can only
 * be reset together with all others of its slot or bus: a hot reset.
 *
 * That is done before any of them is set up for the guest, and only if each
 * function that it hits is ours: assigned to this VM, or on vfio-pci in an
 * IOMMU group of ours, where nobody else can open it. The kernel wants proof:
 * the fds of all groups concerned, or, for devices opened without groups, that
 * all are bound to the same iommufd, which it knows by itself (linux/vfio.h,
 * VFIO_DEVICE_PCI_HOT_RESET). It checks the same again, so a function that
 * comes in between does no harm.
 *
 * When a guest reboots its devices are closed and opened. The kernel then does
 * a hot reset on its own as soon as nobody has a function of the bus open
 * (vfio_pci_dev_set_try_reset); what it leaves out is done here.
 */
#include <errno.h>

#include "vfio/vfio.h"
#include "vfio/vfio_abi.h"

/* The kernel tells 16 bits of the domain. The others are d's: a reset hits no
 * other domain. */
static struct bdf bdf_of(const struct vfio_dev *d,
			 const struct vfio_pci_dependent_device *at)
{
	return (struct bdf){ .domain = (d->bdf.domain & ~0xffffu) | at->segment,
			     .bus = at->bus,
			     .devfn = at->devfn };
}

static struct vfio_dev *dev_find(struct vfio_dev **devs, unsigned int nr,
				 const struct vfio_pci_dependent_device *at)
{
	for (unsigned int i = 0; i < nr; i++)
		if (devs[i]->is_pci &&
		    bdf_equal(devs[i]->bdf, bdf_of(devs[i], at)))
			return devs[i];
	return NULL;
}

/* Whether one of devs is in the same group as at. */
static bool group_is_ours(struct vfio_dev **devs, unsigned int nr,
			  const struct vfio_affected *hit,
			  const struct vfio_pci_dependent_device *at)
{
	for (unsigned int i = 0; i < hit->nr; i++)
		if (hit->at[i].group_id == at->group_id &&
		    dev_find(devs, nr, &hit->at[i]))
			return true;
	return false;
}

/* The driver of a function, "" if it has none or is not there. */
static void driver_of(const struct vfio_dev *d, struct bdf bdf,
		      struct host_pci *pci)
{
	struct err ignored = { 0 };

	*pci = (struct host_pci){ 0 };
	if (d->iommu)
		host_pci_get(d->iommu->host, bdf, pci, &ignored);
}

/*
 * Of functions that are not assigned the kernel wants that they are bound to
 * vfio-pci, too (vfio_pci_is_device_in_set); for a cdev it has looked already.
 */
static bool is_ours(const struct vfio_dev *d, struct vfio_dev **devs,
		    unsigned int nr, const struct vfio_affected *hit,
		    const struct vfio_pci_dependent_device *at)
{
	struct host_pci pci;

	if (dev_find(devs, nr, at))
		return true;
	if (hit->flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID)
		return at->group_id == VFIO_PCI_DEVID_OWNED;
	driver_of(d, bdf_of(d, at), &pci);
	return group_is_ours(devs, nr, hit, at) &&
	       host_is_vfio_driver(pci.driver);
}

/* Names the function that a reset of d must not hit. */
static int in_the_way(const struct vfio_dev *d, struct bdf bdf, struct err *e)
{
	struct host_pci pci;
	char name[BDF_STR_LEN];

	bdf_str(bdf, name);
	driver_of(d, bdf, &pci);
	err_set(e, EPERM,
		"%s: can only be reset together with %s, which is not assigned to this guest (%s%s)",
		d->name, name, pci.driver[0] ? "its driver is " : "no driver",
		pci.driver);
	err_hint(
		e,
		"assign %s to this guest as well, or the guest gets %s as its last user left it",
		name, d->name);
	return -EPERM;
}

static bool has_fd(const int *fds, unsigned int nr, int fd)
{
	while (nr--)
		if (fds[nr] == fd)
			return true;
	return false;
}

/* Each group once. */
static unsigned int group_fds(struct vfio_dev **devs, unsigned int nr,
			      const struct vfio_affected *hit, int *fds)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < hit->nr; i++) {
		const struct vfio_dev *d = dev_find(devs, nr, &hit->at[i]);

		if (d && !has_fd(fds, n, d->kvm_fd))
			fds[n++] = d->kvm_fd;
	}
	return n;
}

static int check_hit(struct vfio_dev **devs, unsigned int nr,
		     const struct vfio_affected *hit, struct err *e)
{
	for (unsigned int i = 0; i < hit->nr; i++) {
		struct vfio_dev *d = dev_find(devs, nr, &hit->at[i]);
		int ret;

		if (!d)
			continue;
		d->was_hot_reset = true;
		ret = vfio_dev_check_alive(d, e);
		if (ret)
			return err_ctx(e, ret, "after a hot reset");
	}
	return 0;
}

static int hot_reset(struct vfio_dev *d, struct vfio_dev **devs,
		     unsigned int nr, struct err *e)
{
	struct vfio_affected hit;
	int fds[VFIO_MAX_AFFECTED];
	unsigned int nr_fds = 0;
	int ret = d->ops->hot_reset_info(d, &hit, e);

	if (ret)
		return ret;
	for (unsigned int i = 0; i < hit.nr; i++)
		if (!is_ours(d, devs, nr, &hit, &hit.at[i]))
			return in_the_way(d, bdf_of(d, &hit.at[i]), e);
	if (!(hit.flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID))
		nr_fds = group_fds(devs, nr, &hit, fds);
	log_info(d->name, "hot reset of %u functions", hit.nr);
	ret = d->ops->hot_reset(d, fds, nr_fds, e);
	return ret ? ret : check_hit(devs, nr, &hit, e);
}

int vfio_hot_reset(struct vfio_dev **devs, unsigned int nr, struct err *e)
{
	int first = 0;

	for (unsigned int i = 0; i < nr; i++)
		devs[i]->was_hot_reset = false;
	for (unsigned int i = 0; i < nr; i++) {
		struct err later = { 0 };
		int ret;

		if (!devs[i]->is_pci || devs[i]->was_hot_reset ||
		    devs[i]->info.flags & VFIO_DEVICE_FLAGS_RESET)
			continue;
		ret = hot_reset(devs[i], devs, nr, first ? &later : e);
		if (ret && !first)
			first = ret;
	}
	return first;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* iommufd or the container? */
#include <errno.h>
#include <stdio.h>

#include "iommu/priv.h"
#include "src/base/log.h"

static const struct iommu_device *find_handed(const struct iommu_device *devs,
					      unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (devs[i].fd >= 0)
			return &devs[i];
	return NULL;
}

static enum iommu_kind choose(const struct host *h,
			      const struct iommu_device *devs, unsigned int nr,
			      char *why, size_t len)
{
	const struct iommu_device *handed = find_handed(devs, nr);

	if (handed) {
		snprintf(why, len, "%s is handed over as a file",
			 handed->id.name);
		return IOMMU_IOMMUFD;
	}
	if (!iommu_has_iommufd(h)) {
		snprintf(why, len, "/dev/iommu cannot be opened");
		return IOMMU_CONTAINER;
	}
	for (unsigned int i = 0; i < nr; i++) {
		if (iommu_can_open_cdev(h, &devs[i].id))
			continue;
		snprintf(
			why, len,
			"%s has no file in /dev/vfio/devices that can be opened",
			devs[i].id.name);
		return IOMMU_CONTAINER;
	}
	snprintf(why, len, "/dev/iommu and all devices can be opened");
	return IOMMU_IOMMUFD;
}

int iommu_new(const struct host *h, enum iommu_kind kind,
	      const struct iommu_device *devs, unsigned int nr,
	      struct iommu **out, struct err *e)
{
	const struct iommu_device *handed = find_handed(devs, nr);
	char why[HOST_NAME_LEN + 64] = "it was asked for";
	int ret;

	if (kind == IOMMU_CONTAINER && handed) {
		ret = err_set(
			e, EINVAL,
			"%s: a device that is handed over as a file needs iommufd, and the container was asked for",
			handed->id.name);
		err_hint(e, "leave out backend=container");
		return ret;
	}
	if (kind == IOMMU_AUTO)
		kind = choose(h, devs, nr, why, sizeof(why));
	log_info("VFIO", "using %s: %s",
		 kind == IOMMU_IOMMUFD ? "iommufd" : "the container", why);
	return kind == IOMMU_IOMMUFD ? iommu_iommufd_new(h, devs, nr, out, e)
				     : iommu_container_new(h, out, e);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel's EPERM means when a device is to join an IOVA space. */
#include <errno.h>

#include "iommu/priv.h"

void iommu_hint_interrupts(const char *module, struct err *e)
{
	err_hint(
		e,
		"the host cannot remap interrupts: turn VT-d or AMD-Vi interrupt remapping on in firmware, and boot without intremap=off. The %s option allow_unsafe_interrupts=1 overrides this, but then a guest with the device can raise any interrupt on the host, and so crash or take it over",
		module);
}

bool iommu_hint_rmrr(const struct host *h, int group, struct err *e)
{
	static const struct iova_range all = { 0, UINT64_MAX };
	struct iommu_resv resv;

	/* EPERM by VT-d's driver, EINVAL by the core from Linux 6.6 on. */
	if (e->code != EPERM && e->code != EINVAL)
		return false;
	if (!iommu_resv_find(h, group, all, "direct", &resv))
		return false;
	err_hint(
		e,
		"firmware claims memory 0x%llx-0x%llx for this device (RMRR), so the kernel lets no guest have it; look for a firmware setting that releases it (shared memory, USB legacy support, BMC)",
		(unsigned long long)resv.range.first,
		(unsigned long long)resv.range.last);
	return true;
}

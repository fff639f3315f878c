// SPDX-License-Identifier: GPL-2.0-or-later
/* Why the kernel does not make VFs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/host/priv.h"

#define PCI_DIR "sys/bus/pci/devices"

/* As the kernel's drivers/pci/iov.c and its PF drivers use them. */
static const struct {
	int code;
	const char *why;
} number_hints[] = {
	{ EACCES, "run as root" },
	{ EROFS,
	  "sysfs is read-only here (a container?): do this on the host" },
	{ ENOMEM,
	  "most likely the firmware left no MMIO room or bus numbers for VFs: turn on SR-IOV and Above 4G Decoding there, or boot with pci=realloc; else memory ran out" },
	{ EINVAL,
	  "most likely no MMIO room or bus numbers (firmware options SR-IOV and Above 4G Decoding, or boot with pci=realloc), or its driver does not want that many in its present state (link down, XDP, DCB, all queues in use)" },
	{ EBUSY,
	  "most likely something else made VFs just now, or VFs are assigned to a guest; look again with: strait-vf list" },
	{ ENOENT,
	  "its driver cannot make VFs (it has no sriov_configure), or went away just now: look again with: lspci -k" },
	{ ENODEV,
	  "its driver cannot make VFs (it has no sriov_configure), or the device went away just now: look again with: lspci -k" },
	{ ERANGE,
	  "its driver has lowered the maximum just now: look again with: strait-vf list" },
	{ EPERM,
	  "most likely VFs are assigned to a guest, or the driver has no MSI-X vectors to make VFs with (booted with pci=nomsi?), or the kernel is locked down" },
	{ EOPNOTSUPP,
	  "its firmware or the mode of its driver (safe mode, switchdev, bonded ports) does not allow VFs now" },
	{ ENOSYS, "this kernel was built without CONFIG_PCI_IOV" },
	{ EAGAIN, "its driver is in the middle of a reset: try again" },
	{ EIO,
	  "the device or its firmware reports nonsense: reset it (unbind and bind its driver), update its firmware" },
	{ ETIMEDOUT,
	  "the device's firmware does not answer: reset it (unbind and bind its driver), then a cold start of the machine" },
};

enum { IOV_RESOURCES = 7, NR_BARS = 6 };

struct bar_search {
	int line;
	bool missing;
};

/* "start end flags" of a resource file; 7 to 12 are the VFs' BARs. */
static int look_at_bar(char *line, void *arg)
{
	unsigned long long start, end, flags;
	struct bar_search *s = arg;
	int i = s->line++;

	if (i >= IOV_RESOURCES && i < IOV_RESOURCES + NR_BARS &&
	    sscanf(line, "%llx %llx %llx", &start, &end, &flags) == 3 &&
	    flags && !start)
		s->missing = true;
	return 0;
}

/* What sysfs can tell for sure comes before the list of what is likely. */
static void hint_resources(const struct host *h, const struct host_pf *pf,
			   unsigned int count, struct err *e)
{
	unsigned int first = (unsigned int)pf->bdf.bus << 8 | pf->bdf.devfn;
	unsigned int last = first + pf->offset + (count - 1) * pf->stride;
	struct bar_search s = { 0 };
	char name[BDF_STR_LEN];

	bdf_str(pf->bdf, name);
	host_each_line(h, look_at_bar, &s, PCI_DIR "/%s/resource", name);
	if (s.missing)
		err_hint(
			e,
			"the BARs of its VFs have no MMIO room: turn on SR-IOV and Above 4G Decoding in the machine's firmware, or boot with pci=realloc");
	else if (last >> 8 > pf->bdf.bus)
		err_hint(
			e,
			"most likely bus %02x, which the last VF would be on, is not given to the port above: turn on SR-IOV (and ARI) in the machine's firmware, or boot with pci=assign-busses; fewer VFs may fit",
			last >> 8);
}

void host_vfs_hint(const struct host *h, const struct host_pf *pf,
		   unsigned int count, struct err *e)
{
	if (e->code == ENOSPC && pf->vf_total_msix)
		err_hint(
			e,
			"its MSI-X vectors do not suffice: the pool of all VFs has %u; make fewer VFs, or give each fewer vectors",
			pf->vf_total_msix);
	else if (e->code == ENOSPC)
		err_hint(
			e,
			"its MSI-X vectors or queues do not suffice: make fewer VFs, or take some from the PF (ethtool -L, devlink resource)");
	if (count && (e->code == ENOMEM || e->code == EINVAL))
		hint_resources(h, pf, count, e);
	for (size_t i = 0; i < ARRAY_SIZE(number_hints); i++)
		if (number_hints[i].code == e->code)
			err_hint(e, "%s", number_hints[i].why);
	err_hint(e, "the kernel log may say more (dmesg | tail)");
}

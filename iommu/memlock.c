// SPDX-License-Identifier: GPL-2.0-or-later
/* RLIMIT_MEMLOCK against what DMA has to pin. */
/*
 * How this works
 *
 * The type1 back end counts every page that it pins in mm->locked_vm, which
 * /proc/self/status shows as VmLck, and stops at RLIMIT_MEMLOCK unless the
 * process has CAP_IPC_LOCK in the first user namespace
 * (vfio_pin_pages_remote in drivers/vfio/vfio_iommu_type1.c). Hugetlb pages
 * count like others. Its own report is ENOMEM in the middle of a mapping.
 *
 * iommufd counts in another place: user->locked_vm, the sum over all processes
 * of the user of what they pin by iommufd, io_uring and the like, against the
 * limit of the process that maps (incr_user_locked_vm in
 * drivers/iommu/iommufd/pages.c; IOMMU_OPTION_RLIMIT_MODE is left as it is).
 * What this process has locked otherwise does not count there, and the kernel
 * shows the sum nowhere, so a check can only tell that the limit is too low by
 * itself.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "iommu/priv.h"
#include "src/base/bits.h"

enum { CAP_BIT_IPC_LOCK = 14 }; /* linux/capability.h */

struct status {
	uint64_t locked_bytes;
	uint64_t caps;
};

static int read_field(char *line, void *arg)
{
	struct status *s = arg;
	uint64_t v;

	if (sscanf(line, "VmLck: %" SCNu64 " kB", &v) == 1)
		s->locked_bytes = KIB(v);
	else if (sscanf(line, "CapEff: %" SCNx64, &v) == 1)
		s->caps = v;
	return 0;
}

/* Capabilities that a container's own user namespace gives do not count. */
static bool in_first_userns(const struct host *h)
{
	unsigned long inside, outside, count;
	char text[256];

	if (host_read(h, text, sizeof(text), "proc/self/uid_map") < 0)
		return true;
	return sscanf(text, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
	       !inside && !outside && count == UINT32_MAX;
}

enum { SIZE_LEN = 32 };

/* In the largest unit that keeps it exact to a tenth; rounds up. */
static const char *size_text(uint64_t bytes, char *buf)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	unsigned int u = 0;
	uint64_t unit = KIB(1), tenths;

	while (u + 1 < ARRAY_SIZE(units) && bytes >= unit << 10) {
		unit <<= 10;
		u++;
	}
	tenths = bytes % unit * 10 / unit + (bytes % unit * 10 % unit != 0);
	if (tenths)
		snprintf(buf, SIZE_LEN, "%" PRIu64 ".%" PRIu64 " %s",
			 bytes / unit + tenths / 10, tenths % 10, units[u]);
	else
		snprintf(buf, SIZE_LEN, "%" PRIu64 " %s", bytes / unit,
			 units[u]);
	return buf;
}

/* Bytes allowed; false if there is no limit for this process. */
static bool has_limit(const struct host *h, struct status *s, uint64_t *allowed)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) ||
	    limit.rlim_cur == RLIM_INFINITY)
		return false;
	*allowed = limit.rlim_cur;
	host_each_line(h, read_field, s, "proc/self/status");
	return !(s->caps >> CAP_BIT_IPC_LOCK & 1 && in_first_userns(h));
}

int iommu_check_memlock(const struct host *h, enum iommu_kind kind,
			uint64_t need, struct err *e)
{
	char want[SIZE_LEN], allowed[SIZE_LEN], used[SIZE_LEN], taken[96] = "";
	struct status s = { 0 };
	uint64_t limit, total;
	int ret;

	if (!has_limit(h, &s, &limit))
		return 0;
	if (kind == IOMMU_IOMMUFD)
		s.locked_bytes = 0;
	if (!__builtin_add_overflow(need, s.locked_bytes, &total) &&
	    total <= limit)
		return 0;
	if (kind == IOMMU_IOMMUFD)
		snprintf(taken, sizeof(taken),
			 " to all processes of this user together");
	else if (s.locked_bytes)
		snprintf(taken, sizeof(taken), ", of which %s is in use",
			 size_text(s.locked_bytes, used));
	ret = err_set(
		e, ENOMEM,
		"guest memory of %s has to be locked for DMA, but RLIMIT_MEMLOCK allows %s%s",
		size_text(need, want), size_text(limit, allowed), taken);
	err_hint(
		e,
		"raise it (ulimit -l unlimited as root, or LimitMEMLOCK=infinity in a systemd unit), or grant CAP_IPC_LOCK");
	return ret;
}

void iommu_hint_user_memlock(const struct host *h, enum iommu_kind kind,
			     struct err *e)
{
	struct status s = { 0 };
	char allowed[SIZE_LEN];
	uint64_t limit;

	if (kind == IOMMU_IOMMUFD && has_limit(h, &s, &limit))
		err_hint(
			e,
			"other processes of this user may have pinned memory (iommufd, io_uring): RLIMIT_MEMLOCK, %s, is for all of them together; raise it (ulimit -l unlimited as root), or grant CAP_IPC_LOCK",
			size_text(limit, allowed));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IOVA spaces: guest RAM as devices see it; and IOMMU groups, whether a
 * function can be assigned and why not.
 *
 * One struct iommu serves all devices of a VM, so memory is pinned and
 * accounted once. It is a memory listener: RAM regions are mapped at
 * IOVA = GPA when they come and unmapped when they go, and so are the BARs of
 * assigned functions if these may reach each other (peer-to-peer). The back end
 * hands out device fds, so that nobody above asks whether there are groups.
 */
#ifndef STRAIT_IOMMU_IOMMU_H
#define STRAIT_IOMMU_IOMMU_H

#include "src/base/err.h"
#include "src/base/log.h"
#include "src/base/types.h"
#include "src/core/mem.h"
#include "src/host/host.h"

struct iova_range {
	iova_t first, last; /* both inclusive */
};
enum {
	IOMMU_MAX_RANGES = 64,
	IOMMU_MAX_GROUPS = 64,
	IOMMU_MAX_P2P = 256, /* mapped parts of BARs */
};

/* AUTO is only ever asked for: a struct iommu is one of the others. */
enum iommu_kind { IOMMU_AUTO, IOMMU_IOMMUFD, IOMMU_CONTAINER };

/* BARs of assigned functions mapped for each other; AUTO: from two on. */
enum iommu_p2p { IOMMU_P2P_AUTO, IOMMU_P2P_OFF, IOMMU_P2P_ON };

/* A device to open. Bound to a vfio driver already. */
struct iommu_device {
	struct host_vfio id;
	/* An open /dev/vfio/devices/vfioN that we were handed, else -1. Stays
	 * the caller's. */
	int fd;
	const char *vf_token; /* UUID, NULL for none */
	/*
	 * Private: what a handed fd is bound to. The kernel binds a file once
	 * in its life, so this has to outlive the struct iommu if the fd is to
	 * serve another (after a reboot). NULL at first; iommu_device_fini.
	 */
	struct iommu_binding *binding;
};
void iommu_device_fini(struct iommu_device *dev);

struct iommu;
struct iommu_ops {
	const char *name; /* "container", "iommufd" */
	/* At IOVA = gpa, for reads and writes; fd is used where the back end
	 * can map files. */
	int (*map)(struct iommu *i, const struct mem_region *r, struct err *e);
	void (*unmap)(struct iommu *i, const struct mem_region *r);
	/* Ranges that may be mapped, ascending, *nr at least 1. Needs a device.
	 */
	int (*ranges)(struct iommu *i, struct iova_range *out, unsigned int max,
		      unsigned int *nr, struct err *e);
	/*
	 * Opens a device bound to a vfio driver. *fd is the caller's; *kvm_fd
	 * is what KVM has to know of (a group or the device itself), stays
	 * ours, and may be the same for two devices.
	 */
	int (*dev_open)(struct iommu *i, struct iommu_device *dev, int *fd,
			int *kvm_fd, struct err *e);
	/* Before or after close(fd): drops what dev_open took (a group
	 * reference). name is that of the device. */
	void (*dev_close)(struct iommu *i, const char *name);
	void (*free)(struct iommu *i);
};

struct iommu {
	const struct iommu_ops *ops;
	enum iommu_kind kind;
	const struct host *host;
	struct mem_listener listener; /* for mem_listener_add */
	enum iommu_p2p p2p;	      /* set before the listener is added */
	uint64_t mapped_bytes;	      /* of RAM */
	unsigned int nr_maps;
	unsigned int max_maps;	      /* limit of the back end, 0 unknown */
	unsigned int nr_open;	      /* devices; relaxed atomics */
	int groups[IOMMU_MAX_GROUPS]; /* IOMMU groups of the open devices */
	unsigned int nr_groups;
	/* Device regions that are mapped; p2p.c alone. */
	const struct mem_region *p2p_maps[IOMMU_MAX_P2P];
	unsigned int nr_p2p;
	bool p2p_reported;
	struct log_limit p2p_limit;
};

/* For back ends: a zeroed struct gets its listener. */
void iommu_init(struct iommu *i, const struct iommu_ops *ops,
		enum iommu_kind kind, const struct host *h);

/*
 * The IOVA space for these devices, none of which is opened by it. AUTO takes
 * iommufd where /dev/iommu can be opened and every device has a file in
 * /dev/vfio/devices or is handed over as one, else the container, and logs
 * which and why. A device that is handed over needs iommufd. host must outlive
 * it.
 */
int iommu_new(const struct host *h, enum iommu_kind kind,
	      const struct iommu_device *devs, unsigned int nr,
	      struct iommu **out, struct err *e);

/*
 * Wrappers around ops. free accepts NULL. A device has to be open before the
 * listener is added, and mappings last until iommu_free: the container keeps
 * its last group until then.
 */
int iommu_dev_open(struct iommu *i, struct iommu_device *dev, int *fd,
		   int *kvm_fd, struct err *e);
void iommu_dev_close(struct iommu *i, const char *name);
/* Whether BARs are mapped as well, now that all devices are open. */
bool iommu_wants_p2p(const struct iommu *i);
int iommu_ranges(struct iommu *i, struct iova_range *out, unsigned int max,
		 unsigned int *nr, struct err *e);
void iommu_free(struct iommu *i);

/*
 * Refuses RAM that the ranges do not hold, before anything is mapped: names the
 * guest range, the IOVA hole it hits and who reserves it (sysfs
 * reserved_regions of the group).
 */
int iommu_check_ram(struct iommu *i, gpa_t gpa, uint64_t size, struct err *e);

/*
 * Refuses if RLIMIT_MEMLOCK of this process cannot hold need bytes more
 * (CAP_IPC_LOCK lifts it): says how much is needed and allowed, and how to
 * raise it. kind is that of the struct iommu: the container counts what the
 * process has locked and pinned by now; iommufd counts per user, which cannot
 * be looked up, so there only the limit itself is checked.
 */
int iommu_check_memlock(const struct host *h, enum iommu_kind kind,
			uint64_t need, struct err *e);

/* --- groups --- */

/*
 * Can the function be opened through VFIO now? Checks, in this order, and names
 * cause and remedy: IOMMU off or not there (no groups at all; tells firmware
 * option and intel_iommu=on apart as far as sysfs shows), function in no group
 * or in one of no-IOMMU mode, bdf itself on a host driver (not with
 * ignore_driver_of_self: it will be bound), other functions of the group on
 * host drivers (names each with its driver and the command that frees it, or
 * what the host needs it for; bridges on pcieport, and drivers that the kernel
 * tolerates, are no blockers), group held by another process (named; held by
 * this one is fine), no permission on /dev/vfio/N, or for iommufd on /dev/iommu
 * and /dev/vfio/devices/vfioN. Opens these for a moment.
 */
int iommu_group_check(const struct host *h, struct bdf bdf,
		      bool ignore_driver_of_self, struct err *e);

/*
 * The same for one of several functions that are about to be bound to vfio-pci:
 * those of the list, itself perhaps included, do not block although they are
 * on host drivers still.
 */
struct iommu_to_bind {
	const struct bdf *bdfs;
	unsigned int nr;
	enum iommu_kind kind; /* the back end that was asked for */
};
int iommu_group_check_with(const struct host *h, struct bdf bdf,
			   const struct iommu_to_bind *to_bind, struct err *e);
/*
 * The same for a device, also a mediated one, that is bound by now. Without
 * with_nodes (the device is open already) the files in /dev may be closed to
 * us.
 */
int iommu_group_check_dev(const struct host *h, const struct host_vfio *dev,
			  bool with_nodes, enum iommu_kind kind, struct err *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which devices of the host a VM gets, and their binding to vfio-pci. */
#ifndef STRAIT_VM_ASSIGN_H
#define STRAIT_VM_ASSIGN_H

#include "iommu/iommu.h"
#include "src/host/host.h"
#include "src/vm/config.h"

struct assignment {
	const struct config_device *config;
	/* Outlives machines, because a handed fd is bound once in its life. */
	struct iommu_device device;
	/* With multifunction=keep its function number, in the slot of the
	 * assignment before it if that has the same config; else -1. */
	int function;
	bool is_gone; /* see assign_gone */
	struct host_bind bind;
};

struct assignments {
	struct assignment at[CONFIG_MAX_DEVICES];
	unsigned int nr;
};

/*
 * Looks up every --device on the host, refuses what cannot be assigned before
 * anything is touched, then binds those that are managed. On failure
 * assign_undo still has to be called. config has to outlive *out.
 */
int assign_devices(const struct config *c, const struct host *h,
		   struct assignments *out, struct err *e);

/* The devices are open: who else wants one finds it in use. */
void assign_opened(struct assignments *a);

/*
 * The host took it back while the guest ran; it is closed already. A file that
 * was handed over is closed too: the kernel would wait for that. Later machines
 * do without the device.
 */
void assign_gone(struct assignment *a);

/*
 * The place on the guest's bus 0 that --device asks for (devfn), or -1. The
 * function 0 that a slot has to have may be gone by now: then the lowest one
 * that is left is function 0.
 */
int assign_devfn(const struct assignments *a, const struct assignment *of);

/*
 * Gives everything back. A failure is printed, and the others still go back:
 * false if there was one.
 */
bool assign_undo(const struct host *h, struct assignments *a);

#endif

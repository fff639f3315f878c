// SPDX-License-Identifier: GPL-2.0-or-later
/* From a failed VFIO call to what the user can do about it. */
/*
 * How this works
 *
 * A table of (operation, errno) with a function each that looks at sysfs and
 * adds a hint if what it finds explains the errno. The first row that fits and
 * has something to say wins; no row is as good as no hint.
 */
#include <errno.h>
#include <string.h>

#include "vfio/vfio.h"

struct subject {
	const struct host *host;
	struct host_pci pci;
	char name[BDF_STR_LEN];
};

static void not_bound(const struct subject *s, struct err *e)
{
	if (host_is_vfio_driver(s->pci.driver))
		return;
	if (s->pci.driver[0])
		err_hint(
			e,
			"%s is bound to %s, not to vfio-pci; leave out managed=off and strait binds it, or run: echo vfio-pci > /sys/bus/pci/devices/%s/driver_override && echo %s > /sys/bus/pci/drivers/%s/unbind && echo %s > /sys/bus/pci/drivers_probe",
			s->name, s->pci.driver, s->name, s->name, s->pci.driver,
			s->name);
	else
		err_hint(
			e,
			"%s has no driver; leave out managed=off and strait binds it, or run: echo vfio-pci > /sys/bus/pci/devices/%s/driver_override && echo %s > /sys/bus/pci/drivers_probe",
			s->name, s->name, s->name);
}

/* vfio_pci_validate_vf: VFs of a PF in user space need its owner's token. */
static void vf_token(const struct subject *s, struct err *e)
{
	struct host_pci pf;
	struct err ignored = { 0 };
	char name[BDF_STR_LEN];

	if (!s->pci.is_vf || host_pci_get(s->host, s->pci.pf, &pf, &ignored))
		return;
	if (host_is_vfio_driver(pf.driver))
		err_hint(
			e,
			"its physical function %s is bound to %s, so VFs need the token of the process that holds it: give it with vf-token=UUID, or give the physical function back to its host driver",
			bdf_str(s->pci.pf, name), pf.driver);
}

static void open_busy(const struct subject *s, struct err *e)
{
	err_hint(
		e,
		"another process or a reset in progress has %s; try again, or look for it with: fuser -v /dev/vfio/%d",
		s->name, s->pci.group);
}

static void reset_busy(const struct subject *s, struct err *e)
{
	err_hint(
		e,
		"somebody is binding, removing or resetting %s at this moment; try again",
		s->name);
}

static void reset_none(const struct subject *s, struct err *e)
{
	char methods[128] = "";

	host_read(s->host, methods, sizeof(methods),
		  "sys/bus/pci/devices/%s/reset_method", s->name);
	if (methods[0])
		err_hint(
			e,
			"the kernel knows these ways to reset %s: %s; see /sys/bus/pci/devices/%s/reset_method and dmesg",
			s->name, methods, s->name);
	else
		err_hint(e,
			 "the kernel knows no way to reset %s alone; see dmesg",
			 s->name);
}

/* vfio_pci_dev_set_hot_reset, vfio_pci_is_device_in_set */
static void hot_reset_refused(const struct subject *s, struct err *e)
{
	err_hint(
		e,
		"each function on the bus of %s has to be bound to vfio-pci for that, and none may be in use by another program; see: ls -l /sys/bus/pci/devices/%s/../*/driver",
		s->name, s->name);
}

static void gone(const struct subject *s, struct err *e)
{
	char state[32] = "";

	host_read(s->host, state, sizeof(state),
		  "sys/bus/pci/devices/%s/power_state", s->name);
	if (state[0] && strcmp(state, "D0") != 0)
		err_hint(
			e,
			"it is in power state %s and did not wake up; see dmesg",
			state);
	else
		err_hint(
			e,
			"it was unplugged, or hangs after a reset; try: echo 1 > /sys/bus/pci/devices/%s/remove && echo 1 > /sys/bus/pci/rescan, or a power cycle",
			s->name);
}

static void no_vectors(const struct subject *s, struct err *e)
{
	(void)s;
	err_hint(
		e,
		"the host has no interrupt vectors left for it; see /proc/interrupts, and free some by unbinding devices or VFs that are not in use");
}

static void no_files(const struct subject *s, struct err *e)
{
	(void)s;
	err_hint(e, "raise the limit of open files (ulimit -n)");
}

static void mmap_refused(const struct subject *s, struct err *e)
{
	(void)s;
	err_hint(
		e,
		"the kernel refuses to map the device's registers; see dmesg, and check that no other driver claims them in /proc/iomem");
}

static const struct hint {
	const char *op;
	int code;
	void (*look)(const struct subject *s, struct err *e);
} hints[] = {
	{ "VFIO_GROUP_GET_DEVICE_FD", ENODEV, not_bound },
	{ "VFIO_GROUP_GET_DEVICE_FD", EINVAL, not_bound },
	{ "VFIO_GROUP_GET_DEVICE_FD", EACCES, vf_token },
	{ "VFIO_GROUP_GET_DEVICE_FD", EBUSY, open_busy },
	{ "VFIO_GROUP_GET_DEVICE_FD", EAGAIN, reset_busy },
	{ "VFIO_GROUP_GET_DEVICE_FD", EMFILE, no_files },
	{ "VFIO_GROUP_GET_DEVICE_FD", EIO, gone },
	{ "VFIO_DEVICE_RESET", EAGAIN, reset_busy },
	{ "VFIO_DEVICE_RESET", EBUSY, reset_busy },
	{ "VFIO_DEVICE_RESET", ENOTTY, reset_none },
	{ "VFIO_DEVICE_RESET", EINVAL, reset_none },
	{ "VFIO_DEVICE_RESET", EIO, gone },
	{ "VFIO_DEVICE_PCI_HOT_RESET", EINVAL, hot_reset_refused },
	{ "VFIO_DEVICE_PCI_HOT_RESET", EPERM, hot_reset_refused },
	{ "VFIO_DEVICE_PCI_HOT_RESET", EAGAIN, reset_busy },
	{ "VFIO_DEVICE_SET_IRQS", ENOSPC, no_vectors },
	{ "VFIO_DEVICE_SET_IRQS", EBUSY, no_vectors },
	{ "VFIO_DEVICE_SET_IRQS", ENOMEM, no_vectors },
	{ "VFIO_DEVICE_SET_IRQS", EMFILE, no_files },
	{ "config", EIO, gone },
	{ "config", EFAULT, gone },
	{ "mmap", EINVAL, mmap_refused },
	{ "mmap", EPERM, mmap_refused },
	{ "mmap", EBUSY, mmap_refused },
};

void vfio_hint(const struct host *h, struct bdf bdf, const char *op,
	       struct err *e)
{
	struct subject s = { .host = h };
	struct err ignored = { 0 };

	bdf_str(bdf, s.name);
	if (e->hint[0] || host_pci_get(h, bdf, &s.pci, &ignored))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].code == e->code && strcmp(hints[i].op, op) == 0)
			hints[i].look(&s, e);
}

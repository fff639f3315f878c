// SPDX-License-Identifier: GPL-2.0-or-later
/* Assigned devices of a machine: opened, put on the guest's PCI bus, closed. */
/*
 * How this works
 *
 * The back end (iommufd or container) is chosen once for all devices, so that
 * guest RAM is mapped and accounted once. Each device is opened, which resets
 * it; what has no reset of its own is reset with its bus or slot, if all of
 * that is ours. Then each gets a place: on bus 0, or behind the root port that
 * its --device names. Functions of one slot stay together.
 *
 * A device that has been taken back (release.c) is not opened again when the
 * guest reboots.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/vm/vm.h"

/* --- opening --- */

int devices_choose_iommu(struct vm *vm, struct err *e)
{
	struct iommu_device devices[CONFIG_MAX_DEVICES];
	unsigned int nr = 0;
	int ret;

	for (unsigned int i = 0; i < vm->assignments->nr; i++)
		if (!vm->assignments->at[i].is_gone)
			devices[nr++] = vm->assignments->at[i].device;
	if (!nr)
		return 0;
	vm->devices = calloc(nr, sizeof(*vm->devices));
	if (!vm->devices)
		return err_set(e, ENOMEM, "devices: out of memory");
	ret = iommu_new(vm->host, vm->config->iommu_kind, devices, nr,
			&vm->iommu, e);
	if (!ret)
		vm->iommu->p2p = vm->config->p2p;
	return ret;
}

static int open_one(struct vm *vm, struct assignment *a, struct err *e)
{
	struct vm_device *d = &vm->devices[vm->nr_devices];
	int ret;

	*d = (struct vm_device){ .vm = vm, .assignment = a };
	timing_begin(&vm->timing, TIMING_RESET);
	ret = vfio_dev_open(&d->dev, vm->iommu, &a->device, &d->kvm_fd, e);
	timing_end(&vm->timing, TIMING_RESET);
	if (ret)
		return ret;
	d->is_open = true;
	vm->nr_devices++;
	return 0;
}

int devices_open(struct vm *vm, struct err *e)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < vm->assignments->nr; i++)
		if (!vm->assignments->at[i].is_gone)
			ret = open_one(vm, &vm->assignments->at[i], e);
	return ret;
}

/* --- placing --- */

/* Where it goes; the slot of the device before it for a later function. */
static int place_of(const struct vm_device *d)
{
	const struct assignment *a = d->assignment;
	const struct config_device *c = a->config;
	int base = c->devfn;

	if (!a->is_first)
		base = vfio_pci_dev(d[-1].pci)->devfn & ~7;
	return a->function > 0 ? base | a->function : base;
}

static int add_one(struct vm *vm, struct vm_device *d, struct err *e)
{
	const struct config_device *c = d->assignment->config;
	const struct vfio_pci_options options = {
		.rom = c->rom,
		.rom_file = c->rom_file,
		.export_dmabuf =
			vm->config->p2p != IOMMU_P2P_OFF && vm->nr_devices > 1,
	};
	const struct vfio_env env = { .mem = &vm->mem,
				      .mmio = &vm->mmio,
				      .pio = &vm->pio,
				      .irq = &vm->irq };
	int ret = kvm_vfio_add(&vm->kvm, d->kvm_fd, e);

	if (!ret)
		ret = vfio_pci_new(&d->dev, &env, &options, &d->pci, e);
	if (!ret)
		ret = pci_host_add(&vm->pci, vfio_pci_dev(d->pci), place_of(d),
				   e);
	return ret;
}

int devices_add(struct vm *vm, struct err *e)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < vm->nr_devices; i++)
		ret = add_one(vm, &vm->devices[i], e);
	return ret;
}

/* --- the end --- */

void devices_close(struct vm *vm)
{
	for (unsigned int i = vm->nr_devices; i-- > 0;) {
		struct vm_device *d = &vm->devices[i];

		if (d->pci)
			vfio_pci_free(d->pci);
		else if (d->is_open)
			vfio_dev_close(&d->dev);
	}
	free(vm->devices);
	vm->devices = NULL;
	vm->nr_devices = 0;
}

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

/* A function that cannot be reset is a warning, not a reason to refuse it. */
static void reset_by_bus(struct vm *vm)
{
	struct vfio_dev *devs[CONFIG_MAX_DEVICES];
	struct err e = { 0 };

	for (unsigned int i = 0; i < vm->nr_devices; i++)
		devs[i] = &vm->devices[i].dev;
	timing_begin(&vm->timing, TIMING_RESET);
	if (vfio_hot_reset(devs, vm->nr_devices, &e))
		log_warn("devices", "%s%s%s", e.msg, e.hint[0] ? "; " : "",
			 e.hint);
	timing_end(&vm->timing, TIMING_RESET);
}

int devices_open(struct vm *vm, struct err *e)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < vm->assignments->nr; i++)
		if (!vm->assignments->at[i].is_gone)
			ret = open_one(vm, &vm->assignments->at[i], e);
	if (!ret && vm->nr_devices)
		reset_by_bus(vm);
	return ret;
}

/* --- placing --- */

/* With multifunction=keep: it shares the slot of the device before it. */
static bool is_in_slot_before(const struct vm *vm, const struct vm_device *d)
{
	return d != vm->devices &&
	       d[-1].assignment->config == d->assignment->config;
}

unsigned int devices_nr_ports(const struct vm *vm)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < vm->nr_devices; i++)
		nr += vm->devices[i].assignment->config->port[0] &&
		      !is_in_slot_before(vm, &vm->devices[i]);
	return nr;
}

static struct vm_port *port_find(const struct vm *vm, const char *name)
{
	for (unsigned int i = 0; i < vm->nr_ports; i++)
		if (!strcmp(vm->ports[i]->name, name))
			return vm->ports[i];
	return NULL;
}

static int port_add(struct vm *vm, struct vm_port *p, struct err *e)
{
	const struct pci_port_config config = {
		.name = p->name,
		.slot = vm->nr_ports + 1,
		.ops = &release_port_ops,
		.ctx = p,
		.mmio = &vm->mmio,
		.irq = &vm->irq,
	};
	int ret = release_watch_port(p, e);

	if (!ret)
		ret = pci_port_init(&p->port, &config, e);
	if (!ret)
		ret = pci_host_add_port(&vm->pci, &p->port, -1, e);
	return ret;
}

/* Made for the first device that names it. */
static int port_get(struct vm *vm, const char *name, struct pci_port **out,
		    struct err *e)
{
	struct vm_port *p = port_find(vm, name);
	int ret;

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return err_set(e, ENOMEM, "port %s: out of memory",
				       name);
		*p = (struct vm_port){ .vm = vm, .name = name, .off.fd = -1 };
		ret = port_add(vm, p, e);
		vm->ports[vm->nr_ports++] = p;
		if (ret)
			return ret;
	}
	*out = &p->port;
	return 0;
}

/*
 * Functions of one slot follow each other, the lowest first. That becomes
 * function 0, because there has to be one; it had another number on the host if
 * the host's slot has none, or if the host took that one back.
 */
static int find_place(struct vm *vm, const struct vm_device *d,
		      struct pci_place *place, struct err *e)
{
	const struct assignment *a = d->assignment;

	*place = (struct pci_place){ .port = d->port, .devfn = -1 };
	if (is_in_slot_before(vm, d))
		place->devfn =
			(vfio_pci_dev(d[-1].pci)->devfn & ~7) | a->function;
	else if (d->port)
		place->devfn = 0;
	else
		place->devfn = assign_devfn(vm->assignments, a);
	return pci_host_find(&vm->pci, d->dev.name, place, e);
}

/* 0 if the device has no pin, or cannot be asked. */
static unsigned int intx_pin(struct vfio_dev *d)
{
	uint8_t pin = 0;

	if (d->ops->region_read(d, VFIO_PCI_CONFIG_REGION_INDEX,
				PCI_INTERRUPT_PIN, &pin, sizeof(pin)))
		return 0;
	return pin <= 4 ? pin : 0;
}

static int add_at(struct vm *vm, struct vm_device *d, struct pci_place place,
		  struct err *e)
{
	const struct config_device *c = d->assignment->config;
	const struct vfio_pci_options options = {
		.rom = c->rom,
		.rom_file = c->rom_file,
		.behind_port = d->port != NULL,
		.export_dmabuf = iommu_wants_p2p(vm->iommu),
	};
	const struct vfio_env env = {
		.mem = &vm->mem,
		.mmio = &vm->mmio,
		.pio = &vm->pio,
		.irq = &vm->irq,
		.loop = &vm->loop,
		.intx_gsi = pci_intx_gsi(&vm->pci, place, intx_pin(&d->dev)),
	};
	int ret = vfio_pci_new(&d->dev, &env, &options, &d->pci, e);

	return ret ? ret
		   : pci_host_add_at(&vm->pci, vfio_pci_dev(d->pci), place, e);
}

static int add_one(struct vm *vm, struct vm_device *d, struct err *e)
{
	const char *port = d->assignment->config->port;
	struct pci_place place = { .devfn = -1 };
	int ret = kvm_vfio_add(&vm->kvm, d->kvm_fd, e);

	if (!ret && port[0])
		ret = port_get(vm, port, &d->port, e);
	if (!ret)
		ret = find_place(vm, d, &place, e);
	if (!ret)
		ret = add_at(vm, d, place, e);
	return ret ? ret : release_watch(d, e);
}

enum turn { FUNCTION_0, OTHER_FUNCTION, ANY_SLOT, NR_TURNS };

static enum turn turn_of(const struct vm *vm, const struct vm_device *d)
{
	int devfn = assign_devfn(vm->assignments, d->assignment);

	if (devfn < 0)
		return ANY_SLOT;
	return devfn & 7 ? OTHER_FUNCTION : FUNCTION_0;
}

/* A slot has its function 0 before others, and those that ask for a slot come
 * before those that take any. */
int devices_add(struct vm *vm, struct err *e)
{
	int ret = 0;

	for (enum turn turn = FUNCTION_0; turn < NR_TURNS; turn++)
		for (unsigned int i = 0; !ret && i < vm->nr_devices; i++)
			if (turn_of(vm, &vm->devices[i]) == turn)
				ret = add_one(vm, &vm->devices[i], e);
	return ret;
}

/* --- the end --- */

void devices_close(struct vm *vm)
{
	for (unsigned int i = vm->nr_devices; i-- > 0;) {
		struct vm_device *d = &vm->devices[i];
		/* The next machine does without what is waited for. */
		bool is_due = vm->end == VM_END_REBOOT && release_is_due(d);

		release_unwatch(d);
		if (d->pci)
			vfio_pci_free(d->pci);
		else if (d->is_open)
			vfio_dev_close(&d->dev);
		if (is_due)
			assign_gone(d->assignment);
	}
	free(vm->devices);
	vm->devices = NULL;
	vm->nr_devices = 0;
}

void devices_free_ports(struct vm *vm)
{
	while (vm->nr_ports) {
		struct vm_port *p = vm->ports[--vm->nr_ports];

		release_unwatch_port(p);
		pci_port_fini(&p->port);
		free(p);
	}
}

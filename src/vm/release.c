// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices that fail, and devices that the host wants back. */
/*
 * How this works
 *
 * The kernel signals one eventfd when a device reports an uncorrectable error
 * and another, again and again, while somebody waits for the device to be let
 * go: its driver is being unbound, the VF removed, the PF's driver unloaded.
 *
 * A guest that has the device behind a root port is asked first, as if the
 * slot's attention button had been pressed: its driver lets go, it powers the
 * slot off, and then the device is closed. If that takes longer than
 * release-timeout, or if there is no port, the device is taken without
 * asking: reads give all-ones, interrupts stop, and the guest's driver has to
 * cope, as with any card that dies. Either way the VM goes on.
 *
 * States, all on the loop's thread: HELD, ASKED (button pressed, timer runs),
 * GONE. The guest powers a slot off on a vCPU's thread, so that comes as one
 * more eventfd.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/vm/vm.h"

static bool drain(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

/* --- taking it --- */

/* KVM knows a group once, however many of its devices the VM has. */
static bool kvm_fd_is_shared(const struct vm_device *d)
{
	const struct vm *vm = d->vm;

	for (unsigned int i = 0; i < vm->nr_devices; i++)
		if (&vm->devices[i] != d &&
		    vm->devices[i].state != VM_DEVICE_GONE &&
		    vm->devices[i].kvm_fd == d->kvm_fd)
			return true;
	return false;
}

static void take(struct vm_device *d)
{
	if (d->state == VM_DEVICE_GONE)
		return;
	d->state = VM_DEVICE_GONE;
	if (d->has_timer)
		loop_timer_set(&d->timer, 0, 0);
	/* Before the file is closed, by which KVM knows it. */
	if (!kvm_fd_is_shared(d))
		kvm_vfio_del(&d->vm->kvm, d->kvm_fd);
	vfio_pci_detach(d->pci);
	assign_gone(d->assignment);
	log_warn(d->dev.name, "released; the guest goes on without it");
}

/* A slot is emptied as a whole. */
static void take_slot(struct vm *vm, const struct pci_port *port)
{
	for (unsigned int i = 0; i < vm->nr_devices; i++)
		if (vm->devices[i].port == port)
			take(&vm->devices[i]);
}

static void take_by_force(struct vm_device *d)
{
	if (!d->port) {
		take(d);
		return;
	}
	pci_port_force_unplug(d->port);
	take_slot(d->vm, d->port);
}

static void on_timeout(struct loop_timer *t)
{
	struct vm_device *d = CONTAINER_OF(t, struct vm_device, timer);

	log_warn(d->dev.name,
		 "the guest did not release it in %u s, it is taken now",
		 d->assignment->config->release_timeout_s);
	take_by_force(d);
}

/* --- events --- */

static void on_request(struct loop_source *s, uint32_t events)
{
	struct vm_device *d = CONTAINER_OF(s, struct vm_device, request);
	unsigned int seconds = d->assignment->config->release_timeout_s;

	(void)events;
	if (!drain(s->fd) || d->state != VM_DEVICE_HELD)
		return;
	if (!d->port || !seconds) {
		log_warn(d->dev.name, "the host asks for it: it is taken");
		take_by_force(d);
		return;
	}
	log_warn(d->dev.name,
		 "the host asks for it: the guest has %u s to release it",
		 seconds);
	d->state = VM_DEVICE_ASKED;
	loop_timer_set(&d->timer, (uint64_t)seconds * 1000000000, 0);
	pci_port_request_unplug(d->port);
}

static void on_error(struct loop_source *s, uint32_t events)
{
	struct vm_device *d = CONTAINER_OF(s, struct vm_device, error);

	(void)events;
	if (!drain(s->fd) || d->state == VM_DEVICE_GONE)
		return;
	if (d->assignment->config->on_error == CONFIG_ERROR_REPORT) {
		log_guest(
			&d->error_limit, d->dev.name,
			"the device reported an uncorrectable error (PCIe AER); see the host's kernel log");
		return;
	}
	log_error(
		d->dev.name,
		"the device reported an uncorrectable error (PCIe AER), the VM stops; see the host's kernel log, and --device ...,on-error=report to go on");
	vm_request_end(d->vm, VM_END_HOST_ERROR);
}

/* The slot of a port has no power any more. */
static void on_slot_off(struct loop_source *s, uint32_t events)
{
	struct vm_port *p = CONTAINER_OF(s, struct vm_port, off);

	(void)events;
	if (drain(s->fd))
		take_slot(p->vm, &p->port);
}

/* On a vCPU's thread. */
static void slot_off(struct pci_port *port, void *ctx)
{
	struct vm_port *p = ctx;
	uint64_t one = 1;
	ssize_t n = write(p->off.fd, &one, sizeof(one));

	(void)port;
	(void)n;
}

const struct pci_port_ops release_port_ops = { .removed = slot_off };

bool release_is_due(struct vm_device *d)
{
	if (d->state == VM_DEVICE_HELD && d->request.ready &&
	    d->request.fd >= 0 && drain(d->request.fd))
		d->state = VM_DEVICE_ASKED;
	return d->state == VM_DEVICE_ASKED;
}

/* --- watching --- */

static int source_open(struct loop_source *s,
		       void (*ready)(struct loop_source *, uint32_t),
		       struct vm *vm, const char *who, struct err *e)
{
	int ret;

	s->ready = ready;
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->fd < 0)
		return err_sys(e, who, "eventfd");
	ret = loop_add(&vm->loop, s, EPOLLIN, e);
	if (ret) {
		close(s->fd);
		s->fd = -1;
	}
	return ret;
}

static void source_close(struct loop_source *s, struct vm *vm)
{
	if (!s->ready || s->fd < 0)
		return;
	loop_del(&vm->loop, s);
	close(s->fd);
	s->fd = -1;
}

/* A device without such an interrupt (mdevs have none) is not watched. */
static int watch_one(struct vm_device *d, struct loop_source *s,
		     void (*ready)(struct loop_source *, uint32_t),
		     unsigned int index, struct err *e)
{
	struct err no = { 0 };
	int ret = source_open(s, ready, d->vm, d->dev.name, e);

	if (ret)
		return ret;
	if (vfio_dev_watch(&d->dev, index, s->fd, &no)) {
		log_debug(d->dev.name, "%s", no.msg);
		source_close(s, d->vm);
	}
	return 0;
}

int release_watch(struct vm_device *d, struct err *e)
{
	int ret = watch_one(d, &d->request, on_request, VFIO_PCI_REQ_IRQ_INDEX,
			    e);

	if (!ret)
		ret = watch_one(d, &d->error, on_error, VFIO_PCI_ERR_IRQ_INDEX,
				e);
	if (ret)
		return ret;
	d->timer.fn = on_timeout;
	ret = loop_timer_add(&d->vm->loop, &d->timer, e);
	d->has_timer = !ret;
	return ret;
}

void release_unwatch(struct vm_device *d)
{
	source_close(&d->request, d->vm);
	source_close(&d->error, d->vm);
	if (d->has_timer)
		loop_timer_del(&d->vm->loop, &d->timer);
	d->has_timer = false;
}

int release_watch_port(struct vm_port *p, struct err *e)
{
	return source_open(&p->off, on_slot_off, p->vm, p->name, e);
}

void release_unwatch_port(struct vm_port *p)
{
	source_close(&p->off, p->vm);
}

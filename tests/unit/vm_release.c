// SPDX-License-Identifier: GPL-2.0-or-later
/* A device that fails, and one that the host wants back, without a kernel. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "src/vm/vm.h"
#include "tests/fake/irq.h"
#include "tests/fake/vfio.h"
#include "tests/tap.h"

enum { ECAM = 0x30000000, PORT = ECAM + (1 << 15), BEHIND = ECAM + (1 << 20) };

static const struct pci_host_layout layout = {
	.ecam = ECAM,
	.nr_buses = 2,
	.mem32 = { 0xc0000000, 0x20000000 },
	.mem64 = { 0x800000000, 0x800000000 },
};

static struct vm vm;
static struct vm_device *d; /* its only one */
static struct vm_port port;
static struct fake_vfio fake;
static struct fake_irq sink;
static struct config_device conf;
static struct assignment assigned;
static int err_fd, req_fd; /* as the kernel got them */
static struct err err;

/* --- the kernel's side of the events --- */

static int watch_info(struct vfio_dev *dev, unsigned int index,
		      struct vfio_irq_info *out, struct err *e)
{
	(void)dev;
	(void)e;
	*out = (struct vfio_irq_info){ .index = index,
				       .count = 1,
				       .flags = VFIO_IRQ_INFO_EVENTFD };
	return 0;
}

static int watch_set(struct vfio_dev *dev, const struct vfio_irqs *irqs,
		     struct err *e)
{
	(void)dev;
	(void)e;
	if (irqs->index == VFIO_PCI_ERR_IRQ_INDEX)
		err_fd = irqs->eventfds[0];
	else
		req_fd = irqs->eventfds[0];
	return 0;
}

static const struct vfio_ops watch_ops = { .irq_info = watch_info,
					   .set_irqs = watch_set };

static void signal_fd(int fd)
{
	const uint64_t one = 1;

	CHECK_EQ(write(fd, &one, sizeof(one)), sizeof(one));
}

/* The event loop, until nothing is left to do. */
static void run_loop(void)
{
	struct epoll_event ev;

	while (epoll_wait(vm.loop.epoll_fd, &ev, 1, 0) == 1) {
		struct loop_source *s = ev.data.ptr;

		if (!s)
			return;
		s->ready(s, ev.events);
	}
}

/* --- the machine --- */

static void start(void)
{
	err_fd = req_fd = -1;
	err = (struct err){ 0 };
	vm = (struct vm){ .kvm.vfio_fd = -1 };
	sink = (struct fake_irq){ .nr_routes = 0 };
	mem_init(&vm.mem);
	CHECK_EQ(bus_init(&vm.mmio, "mmio") + bus_init(&vm.pio, "pio"), 0);
	CHECK_EQ(irq_init(&vm.irq, &fake_irq_sink, &sink, &err), 0);
	CHECK_EQ(loop_init(&vm.loop, &err), 0);
	CHECK_EQ(pci_host_init(&vm.pci, &vm.mmio, &vm.pio, &layout, &err), 0);
	fake_vfio_init(&fake, fake_nvme_dump);
	fake_vfio_bar(&fake, 0, KIB(32), true);
	conf = (struct config_device){ .devfn = -1, .release_timeout_s = 20 };
	assigned = (struct assignment){ .config = &conf, .device.fd = -1 };
	d = vm.devices = calloc(1, sizeof(*d));
	*d = (struct vm_device){ .vm = &vm, .assignment = &assigned };
	d->dev.ops = &watch_ops;
	snprintf(d->dev.name, sizeof(d->dev.name), "0000:01:10.0");
	vm.nr_devices = 1;
}

/* Puts the device onto bus 0, or behind a port. */
static void assign(bool behind_port)
{
	struct vfio_pci_options options = { .behind_port = behind_port };
	struct vfio_env env = { &vm.mem, &vm.mmio, &vm.pio, &vm.irq, 0, NULL };
	const struct pci_port_config config = {
		.name = "p0",
		.slot = 1,
		.ops = &release_port_ops,
		.ctx = &port,
		.mmio = &vm.mmio,
		.irq = &vm.irq,
	};

	if (behind_port) {
		port = (struct vm_port){ .vm = &vm,
					 .name = "p0",
					 .off.fd = -1 };
		CHECK_EQ(release_watch_port(&port, &err), 0);
		CHECK_EQ(pci_port_init(&port.port, &config, &err), 0);
		CHECK_EQ(pci_host_add_port(&vm.pci, &port.port, -1, &err), 0);
		d->port = &port.port;
	}
	CHECK_EQ(vfio_pci_new(&fake.dev, &env, &options, &d->pci, &err), 0);
	CHECK_EQ(pci_host_add_at(&vm.pci, vfio_pci_dev(d->pci),
				 (struct pci_place){ d->port, -1 }, &err),
		 0);
	CHECK_EQ(pci_host_place_bars(&vm.pci, &err), 0);
	CHECK_EQ(release_watch(d, &err), 0);
}

static void stop(void)
{
	release_unwatch(d);
	vfio_pci_free(d->pci);
	free(d);
	if (port.vm) {
		release_unwatch_port(&port);
		pci_port_fini(&port.port);
	}
	port = (struct vm_port){ .vm = NULL };
	pci_host_fini(&vm.pci);
	fake_vfio_fini(&fake);
	irq_fini(&vm.irq);
	loop_fini(&vm.loop);
	bus_fini(&vm.pio);
	bus_fini(&vm.mmio);
	mem_fini(&vm.mem);
}

/* --- the guest --- */

static uint32_t slot_status(void)
{
	uint64_t value;

	bus_read(&vm.mmio, PORT + port.port.exp_cap + PCI_EXP_SLTSTA, 2,
		 &value);
	return (uint32_t)value;
}

static void power_off(void)
{
	bus_write(&vm.mmio, PORT + port.port.exp_cap + PCI_EXP_SLTCTL, 2,
		  PCI_EXP_SLTCTL_PCC);
}

static bool timer_runs(void)
{
	struct itimerspec left;

	CHECK_EQ(timerfd_gettime(d->timer.source.fd, &left), 0);
	return left.it_value.tv_sec || left.it_value.tv_nsec;
}

/* --- errors --- */

static void an_error_stops_the_vm(void)
{
	start();
	assign(false);
	signal_fd(err_fd);
	run_loop();
	CHECK_EQ(vm.end, VM_END_HOST_ERROR);
	CHECK_EQ(d->state, VM_DEVICE_HELD);
	stop();
}

static void an_error_is_only_reported_if_that_is_wanted(void)
{
	start();
	conf.on_error = CONFIG_ERROR_REPORT;
	assign(false);
	signal_fd(err_fd);
	run_loop();
	CHECK_EQ(vm.end, VM_END_NONE);
	CHECK_EQ(d->state, VM_DEVICE_HELD);
	stop();
}

static void an_error_of_a_device_that_is_gone_stops_nothing(void)
{
	start();
	assign(false);
	signal_fd(req_fd);
	run_loop();
	CHECK_EQ(d->state, VM_DEVICE_GONE);
	signal_fd(err_fd);
	run_loop();
	CHECK_EQ(vm.end, VM_END_NONE);
	stop();
}

/* --- requests --- */

static void without_a_port_it_is_taken_at_once(void)
{
	start();
	assign(false);
	signal_fd(req_fd);
	run_loop();
	CHECK_EQ(d->state, VM_DEVICE_GONE);
	CHECK(assigned.is_gone);
	CHECK_EQ(fake.nr_let_gos, 1);
	CHECK_EQ(vm.end, VM_END_NONE);
	stop();
}

static void behind_a_port_the_guest_is_asked_first(void)
{
	start();
	assign(true);
	signal_fd(req_fd);
	run_loop();
	CHECK_EQ(d->state, VM_DEVICE_ASKED);
	CHECK(slot_status() & PCI_EXP_SLTSTA_ABP);
	CHECK(timer_runs());
	CHECK_EQ(fake.nr_let_gos, 0);
	stop();
}

static void it_is_taken_when_the_guest_turns_the_slot_off(void)
{
	start();
	assign(true);
	signal_fd(req_fd);
	run_loop();
	power_off();
	run_loop();
	CHECK_EQ(d->state, VM_DEVICE_GONE);
	CHECK_EQ(fake.nr_let_gos, 1);
	CHECK(!timer_runs());
	stop();
}

static void after_the_timeout_it_is_taken_with_its_slot(void)
{
	uint64_t ids;

	start();
	assign(true);
	signal_fd(req_fd);
	run_loop();
	bus_read(&vm.mmio, BEHIND, 4, &ids);
	CHECK(ids != UINT32_MAX);
	d->timer.fn(&d->timer);
	CHECK_EQ(d->state, VM_DEVICE_GONE);
	CHECK_EQ(fake.nr_let_gos, 1);
	CHECK(!(slot_status() & PCI_EXP_SLTSTA_PDS));
	bus_read(&vm.mmio, BEHIND, 4, &ids);
	CHECK_EQ(ids, UINT32_MAX);
	stop();
}

static void a_timeout_of_0_asks_nobody(void)
{
	start();
	conf.release_timeout_s = 0;
	assign(true);
	signal_fd(req_fd);
	run_loop();
	CHECK_EQ(d->state, VM_DEVICE_GONE);
	stop();
}

/* The kernel writes it again as long as somebody waits. */
static void further_requests_change_nothing(void)
{
	start();
	assign(true);
	for (int i = 0; i < 3; i++) {
		signal_fd(req_fd);
		run_loop();
	}
	CHECK_EQ(d->state, VM_DEVICE_ASKED);
	power_off();
	run_loop();
	signal_fd(req_fd);
	run_loop();
	CHECK_EQ(fake.nr_let_gos, 1);
	stop();
}

static void a_guest_that_turns_the_slot_off_unasked_keeps_the_device(void)
{
	start();
	assign(true);
	power_off();
	run_loop();
	CHECK_EQ(d->state, VM_DEVICE_HELD);
	CHECK_EQ(fake.nr_let_gos, 0);
	stop();
}

static void a_request_that_nobody_heard_is_due_at_a_reboot(void)
{
	start();
	assign(true);
	CHECK(!release_is_due(d));
	signal_fd(req_fd);
	CHECK(release_is_due(d));
	stop();
}

int main(void)
{
	TAP_RUN(an_error_stops_the_vm);
	TAP_RUN(an_error_is_only_reported_if_that_is_wanted);
	TAP_RUN(an_error_of_a_device_that_is_gone_stops_nothing);
	TAP_RUN(without_a_port_it_is_taken_at_once);
	TAP_RUN(behind_a_port_the_guest_is_asked_first);
	TAP_RUN(it_is_taken_when_the_guest_turns_the_slot_off);
	TAP_RUN(after_the_timeout_it_is_taken_with_its_slot);
	TAP_RUN(a_timeout_of_0_asks_nobody);
	TAP_RUN(further_requests_change_nothing);
	TAP_RUN(a_guest_that_turns_the_slot_off_unasked_keeps_the_device);
	TAP_RUN(a_request_that_nobody_heard_is_due_at_a_reboot);
	return tap_done();
}

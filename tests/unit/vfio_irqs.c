// SPDX-License-Identifier: GPL-2.0-or-later
/* INTx and MSI of a physical function, and changes between all three ways. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "tests/unit/vfio_fixture.h"

enum {
	MSI_CAP = 0xd0, /* of the e1000e: 64 bits, one vector, no masks */
	MSIX_CAP = 0xa0,
	NVME_MSI = 0x50, /* 64 bits, 32 vectors */
	DISABLE = PCI_COMMAND_INTX_DISABLE,
	USED = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
};

static struct vm vm;
static struct irq_msi msi;

static void wr(unsigned int off, unsigned int len, uint32_t value)
{
	pci_dev_write(vm.dev, off, len, value);
}

/* The guest's driver has taken the device and uses its pin. */
static void start(void)
{
	vm_e1000e(&vm);
	wr(PCI_COMMAND, 2, USED);
}

/* What KVM does with the eventfd that the device's pin ends in. */
static bool pin_interrupts(void)
{
	struct irq_route route;
	uint64_t count;

	return fake_irq_wired(&vm.sink, vm.fake.pin_fd, &route) &&
	       route.gsi == INTX_GSI && !route.is_msi &&
	       read(vm.fake.pin_fd, &count, sizeof(count)) == sizeof(count);
}

static void msi_program(unsigned int cap, uint32_t data, uint32_t control)
{
	wr(cap + PCI_MSI_ADDRESS_LO, 4, 0xfee01000);
	wr(cap + PCI_MSI_DATA_64, 2, data);
	wr(cap + PCI_MSI_FLAGS, 2, control);
}

static void the_pin_of_the_device_is_the_guests(void)
{
	vm_e1000e(&vm);
	CHECK_EQ(pci_dev_read(vm.dev, PCI_INTERRUPT_PIN, 1), 1);
	CHECK_EQ(vm.fake.nr_set_irqs, 0);
	CHECK(get_le(vm.fake.cfg + PCI_COMMAND, 2) & DISABLE);
	vm_stop(&vm);
}

static void the_pin_goes_from_device_to_guest_and_back_without_us(void)
{
	unsigned int nr_calls;

	start();
	nr_calls = vm.fake.nr_calls;
	fake_vfio_pin(&vm.fake, true);
	CHECK(pin_interrupts());
	CHECK(!pin_interrupts()); /* VFIO has masked it */
	fake_vfio_pin(&vm.fake, false);
	CHECK_EQ(fake_irq_eoi(&vm.sink, INTX_GSI), 1);
	CHECK(fake_vfio_unmask(&vm.fake));
	CHECK(!pin_interrupts());
	fake_vfio_pin(&vm.fake, true);
	CHECK(pin_interrupts());
	CHECK_EQ(vm.fake.nr_calls, nr_calls);
	vm_stop(&vm);
}

static void a_pin_that_is_still_raised_at_the_end_interrupts_again(void)
{
	start();
	fake_vfio_pin(&vm.fake, true);
	CHECK(pin_interrupts());
	fake_irq_eoi(&vm.sink, INTX_GSI);
	CHECK(fake_vfio_unmask(&vm.fake));
	CHECK(pin_interrupts());
	vm_stop(&vm);
}

static void intx_disable_reaches_the_device_and_lowers_the_pin(void)
{
	start();
	fake_vfio_pin(&vm.fake, true);
	wr(PCI_COMMAND, 2, USED | DISABLE);
	CHECK(get_le(vm.fake.cfg + PCI_COMMAND, 2) & DISABLE);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	CHECK_EQ(vm.fake.irq_index, VFIO_PCI_NUM_IRQS);
	vm_stop(&vm);
}

static void what_was_raised_while_disabled_comes_when_it_is_enabled(void)
{
	start();
	wr(PCI_COMMAND, 2, USED | DISABLE);
	fake_vfio_pin(&vm.fake, true);
	wr(PCI_COMMAND, 2, USED);
	CHECK(!(get_le(vm.fake.cfg + PCI_COMMAND, 2) & DISABLE));
	CHECK(pin_interrupts());
	vm_stop(&vm);
}

static void status_shows_the_devices_own_bit(void)
{
	start();
	wr(PCI_COMMAND, 2, USED | DISABLE);
	CHECK(!(pci_dev_read(vm.dev, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT));
	fake_vfio_pin(&vm.fake, true);
	CHECK(pci_dev_read(vm.dev, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	vm_stop(&vm);
}

static void intx_costs_three_calls_to_turn_on(void)
{
	start();
	CHECK_EQ(vfio_pci_stats(vm.v).irq_ioctls, 3);
	CHECK_EQ(vm.irq.nr_table_writes, 1);
	vm_stop(&vm);
}

/* Each step of turning it on in its turn. */
static void a_step_that_fails_leaves_nothing_on(void)
{
	for (unsigned int nth = 1; nth <= 2; nth++) {
		vm_e1000e(&vm);
		vm.fake.fail_nth = vm.fake.nr_calls + nth;
		wr(PCI_COMMAND, 2, USED & ~PCI_COMMAND_MASTER);
		CHECK_EQ(vm.sink.nr_irqfds, 0);
		CHECK_EQ(vm.fake.irq_index, VFIO_PCI_NUM_IRQS);
		wr(PCI_COMMAND, 2, USED | DISABLE);
		wr(PCI_COMMAND, 2, USED);
		CHECK_EQ(vm.fake.irq_index, VFIO_PCI_INTX_IRQ_INDEX);
		vm_stop(&vm);
	}
}

static struct loop loop;

static void stop_loop(struct loop_timer *t)
{
	(void)t;
	loop_stop(&loop);
}

/* Whatever is ready is done. */
static int run_loop(void)
{
	struct loop_timer timer = { .fn = stop_loop };
	int ret = loop_timer_add(&loop, &timer, &vm.err);

	loop_timer_set(&timer, 20000000, 0);
	ret = ret ? ret : loop_run(&loop, &vm.err);
	loop_timer_del(&loop, &timer);
	return ret;
}

/* mtty of the kernel's samples is such a one. */
static void start_without_unmask_eventfd(void)
{
	vm_start(&vm, fake_e1000e_dump);
	CHECK_EQ(loop_init(&loop, &vm.err), 0);
	vm.intx_gsi = INTX_GSI;
	vm.loop = &loop;
	vm.fake.no_unmask_fd = true;
	fake_vfio_bar(&vm.fake, 0, KIB(128), true);
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	CHECK_EQ(vm_assign(&vm), 0);
	wr(PCI_COMMAND, 2, USED);
}

static void a_device_without_an_unmask_eventfd_is_unmasked_by_the_loop(void)
{
	start_without_unmask_eventfd();
	fake_vfio_pin(&vm.fake, true);
	CHECK(pin_interrupts());
	fake_vfio_pin(&vm.fake, false);
	CHECK(vm.fake.pin_is_masked);
	CHECK_EQ(fake_irq_eoi(&vm.sink, INTX_GSI), 1);
	CHECK_EQ(run_loop(), 0);
	CHECK(!vm.fake.pin_is_masked);
	vm_stop(&vm);
	loop_fini(&loop);
}

/* The loop has taken the event when another thread turns the pin off. */
static void an_end_that_comes_too_late_does_nothing(void)
{
	struct epoll_event event;
	struct loop_source *end;
	unsigned int nr;

	start_without_unmask_eventfd();
	fake_vfio_pin(&vm.fake, true);
	CHECK(pin_interrupts());
	CHECK_EQ(fake_irq_eoi(&vm.sink, INTX_GSI), 1);
	CHECK_EQ(epoll_wait(loop.epoll_fd, &event, 1, 0), 1);
	end = event.data.ptr;
	wr(PCI_COMMAND, 2, USED | PCI_COMMAND_INTX_DISABLE);
	nr = vm.fake.nr_set_irqs;
	end->ready(end, event.events);
	CHECK_EQ(vm.fake.nr_set_irqs, nr);
	vm_stop(&vm);
	loop_fini(&loop);
}

/* --- MSI --- */

static void msi_reaches_the_guest_without_user_space(void)
{
	unsigned int nr_calls;

	start();
	msi_program(MSI_CAP, 0x41, PCI_MSI_FLAGS_ENABLE);
	CHECK_EQ(vm.fake.irq_index, VFIO_PCI_MSI_IRQ_INDEX);
	nr_calls = vm.fake.nr_calls;
	fake_vfio_raise(&vm.fake, 0);
	CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[0], &msi));
	CHECK_EQ(msi.address, 0xfee01000);
	CHECK_EQ(msi.data, 0x41);
	CHECK_EQ(vm.fake.nr_calls, nr_calls);
	CHECK_EQ(vfio_pci_stats(vm.v).host_vectors, 1);
	vm_stop(&vm);
}

static void many_msi_vectors_cost_one_call_and_one_table_write(void)
{
	uint64_t writes;

	vm_nvme(&vm);
	writes = vm.irq.nr_table_writes;
	msi_program(NVME_MSI, 0x60, PCI_MSI_FLAGS_ENABLE | 5 << 4);
	CHECK_EQ(vm.fake.nr_set_irqs, 1);
	CHECK_EQ(vm.fake.nr_eventfds, 32);
	CHECK_EQ(vm.irq.nr_table_writes, writes + 1);
	CHECK_EQ(vm.sink.nr_irqfds, 32);
	fake_vfio_raise(&vm.fake, 31);
	CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[31], &msi));
	CHECK_EQ(msi.data, 0x7f);
	vm_stop(&vm);
}

static void fewer_msi_vectors_than_there_are_can_be_enabled(void)
{
	vm_nvme(&vm);
	msi_program(NVME_MSI, 0x60, PCI_MSI_FLAGS_ENABLE | 2 << 4);
	CHECK_EQ(vm.fake.nr_eventfds, 4);
	CHECK_EQ(vm.sink.nr_irqfds, 4);
	vm_stop(&vm);
}

static void a_host_with_fewer_gives_a_power_of_two_of_them(void)
{
	vm_nvme(&vm);
	vm.fake.max_vectors = 7;
	msi_program(NVME_MSI, 0x60, PCI_MSI_FLAGS_ENABLE | 5 << 4);
	CHECK_EQ(vm.fake.nr_eventfds, 4);
	CHECK_EQ(vfio_pci_stats(vm.v).host_vectors, 4);
	vm_stop(&vm);
}

static void a_masked_msi_vector_waits_and_is_delivered(void)
{
	enum { MASK = NVME_MSI + PCI_MSI_MASK_64 };

	vm_start(&vm, fake_nvme_dump);
	vm.fake.cfg[NVME_MSI + PCI_MSI_FLAGS + 1] = 1; /* with masks */
	fake_vfio_bar(&vm.fake, 0, KIB(32), true);
	CHECK_EQ(vm_assign(&vm), 0);
	wr(MASK, 4, 2);
	msi_program(NVME_MSI, 0x60, PCI_MSI_FLAGS_ENABLE | 2 << 4);
	CHECK_EQ(vm.sink.nr_irqfds, 3);
	fake_vfio_raise(&vm.fake, 1);
	CHECK_EQ(pci_dev_read(vm.dev, MASK + 4, 4), 2);
	wr(MASK, 4, 0);
	CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[1], &msi));
	CHECK_EQ(msi.data, 0x61);
	CHECK_EQ(pci_dev_read(vm.dev, MASK + 4, 4), 0);
	vm_stop(&vm);
}

static void an_msi_address_of_no_controller_stays_silent(void)
{
	start();
	wr(MSI_CAP + PCI_MSI_ADDRESS_LO, 4, 0x1000);
	wr(MSI_CAP + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	wr(MSI_CAP + PCI_MSI_ADDRESS_LO, 4, 0xfee00000);
	CHECK_EQ(vm.sink.nr_irqfds, 1);
	vm_stop(&vm);
}

/* --- one after the other --- */

static void msix_program(void)
{
	const gpa_t entry = BAR_GPA;

	bus_write(&vm.mmio, entry + PCI_MSIX_ENTRY_LOWER_ADDR, 4, 0xfee00000);
	bus_write(&vm.mmio, entry + PCI_MSIX_ENTRY_DATA, 4, 0x51);
	bus_write(&vm.mmio, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 4, 0);
	wr(MSIX_CAP + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
}

static void drivers_that_come_and_go_get_each_way_in_turn(void)
{
	unsigned int nr_files;

	vm_e1000e(&vm);
	vm_place(&vm, 3, BAR_GPA);
	nr_files = fake_nr_files();
	for (unsigned int round = 0; round < 3; round++) {
		fake_vfio_pin(&vm.fake, true);
		CHECK(pin_interrupts());
		fake_vfio_pin(&vm.fake, false);
		msi_program(MSI_CAP, 0x41, PCI_MSI_FLAGS_ENABLE);
		fake_vfio_raise(&vm.fake, 0);
		CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[0], &msi));
		CHECK_EQ(msi.data, 0x41);
		wr(MSI_CAP + PCI_MSI_FLAGS, 2, 0);
		msix_program();
		fake_vfio_raise(&vm.fake, 0);
		CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[0], &msi));
		CHECK_EQ(msi.data, 0x51);
		wr(MSIX_CAP + PCI_MSIX_FLAGS, 2, 0);
		CHECK_EQ(vm.fake.irq_index, VFIO_PCI_INTX_IRQ_INDEX);
		CHECK_EQ(vm.sink.nr_irqfds, 1);
		CHECK_EQ(fake_nr_files(), nr_files);
	}
	vm_stop(&vm);
}

static void check_all_off(void)
{
	CHECK_EQ(vm.fake.irq_index, VFIO_PCI_NUM_IRQS);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	CHECK_EQ(vfio_pci_stats(vm.v).host_vectors, 0);
	CHECK(get_le(vm.fake.cfg + PCI_COMMAND, 2) & DISABLE);
}

static void a_reset_in_each_state_turns_all_off(void)
{
	vm_e1000e(&vm);
	vm_place(&vm, 3, BAR_GPA);
	pci_dev_reset(vm.dev);
	check_all_off();
	msi_program(MSI_CAP, 0x41, PCI_MSI_FLAGS_ENABLE);
	pci_dev_reset(vm.dev);
	check_all_off();
	vm_place(&vm, 3, BAR_GPA);
	msix_program();
	CHECK_EQ(vm.fake.irq_index, VFIO_PCI_MSIX_IRQ_INDEX);
	pci_dev_reset(vm.dev);
	check_all_off();
	CHECK_EQ(vm.irq.nr_msi, 0);
	vm_stop(&vm);
}

static void the_end_in_each_state_leaves_nothing(void)
{
	start();
	vm_stop(&vm);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	start();
	msi_program(MSI_CAP, 0x41, PCI_MSI_FLAGS_ENABLE);
	vm_stop(&vm);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	CHECK_EQ(vm.fake.irq_index, VFIO_PCI_NUM_IRQS);
}

static void a_guest_of_a_closed_device_turns_nothing_on(void)
{
	const struct vfio_ops *ops;

	start();
	msi_program(MSI_CAP, 0x41, 0);
	ops = vm.fake.dev.ops;
	vm.fake.dev.ops = NULL;
	wr(PCI_COMMAND, 2, USED | DISABLE);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	wr(PCI_COMMAND, 2, USED);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	wr(MSI_CAP + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	wr(MSI_CAP + PCI_MSI_FLAGS, 2, 0);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	CHECK_EQ(vm.irq.nr_msi, 0);
	vm.fake.dev.ops = ops;
	vm_stop(&vm);
}

/* --- events for the VMM --- */

static void errors_and_requests_are_watched_by_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	vm_e1000e(&vm);
	CHECK_EQ(vfio_dev_watch(&vm.fake.dev, VFIO_PCI_ERR_IRQ_INDEX, fd,
				&vm.err),
		 0);
	CHECK_EQ(vfio_dev_watch(&vm.fake.dev, VFIO_PCI_REQ_IRQ_INDEX, fd,
				&vm.err),
		 0);
	CHECK_EQ(vm.fake.err_fd, fd);
	CHECK_EQ(vm.fake.req_fd, fd);
	CHECK_EQ(vfio_dev_watch(&vm.fake.dev, VFIO_PCI_REQ_IRQ_INDEX, -1,
				&vm.err),
		 0);
	CHECK_EQ(vm.fake.req_fd, -1);
	close(fd);
	vm_stop(&vm);
}

static void a_device_that_tells_no_errors_says_so(void)
{
	vm_e1000e(&vm);
	vm.fake.cfg[0xe0] = 0; /* no PCI Express */
	CHECK_EQ(vfio_dev_watch(&vm.fake.dev, VFIO_PCI_ERR_IRQ_INDEX, 3,
				&vm.err),
		 -ENOTSUP);
	CHECK_HAS(vm.err.msg, "0000:01:10.0");
	vm_stop(&vm);
}

int main(void)
{
	TAP_RUN(the_pin_of_the_device_is_the_guests);
	TAP_RUN(the_pin_goes_from_device_to_guest_and_back_without_us);
	TAP_RUN(a_pin_that_is_still_raised_at_the_end_interrupts_again);
	TAP_RUN(intx_disable_reaches_the_device_and_lowers_the_pin);
	TAP_RUN(what_was_raised_while_disabled_comes_when_it_is_enabled);
	TAP_RUN(status_shows_the_devices_own_bit);
	TAP_RUN(intx_costs_three_calls_to_turn_on);
	TAP_RUN(a_step_that_fails_leaves_nothing_on);
	TAP_RUN(a_device_without_an_unmask_eventfd_is_unmasked_by_the_loop);
	TAP_RUN(an_end_that_comes_too_late_does_nothing);
	TAP_RUN(msi_reaches_the_guest_without_user_space);
	TAP_RUN(many_msi_vectors_cost_one_call_and_one_table_write);
	TAP_RUN(fewer_msi_vectors_than_there_are_can_be_enabled);
	TAP_RUN(a_host_with_fewer_gives_a_power_of_two_of_them);
	TAP_RUN(a_masked_msi_vector_waits_and_is_delivered);
	TAP_RUN(an_msi_address_of_no_controller_stays_silent);
	TAP_RUN(drivers_that_come_and_go_get_each_way_in_turn);
	TAP_RUN(a_reset_in_each_state_turns_all_off);
	TAP_RUN(the_end_in_each_state_leaves_nothing);
	TAP_RUN(a_guest_of_a_closed_device_turns_nothing_on);
	TAP_RUN(errors_and_requests_are_watched_by_eventfd);
	TAP_RUN(a_device_that_tells_no_errors_says_so);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Interrupts of a physical function on their way to the guest. */
#include "tests/unit/vfio_fixture.h"

enum { CAP = 0x70, NR = 3, NVME_CAP = 0xb0, NVME_NR = 129 };

static struct vm vm;
static struct irq_msi msi;

static void table_write(gpa_t table, unsigned int vector, unsigned int reg,
			uint32_t value)
{
	bus_write(&vm.mmio, table + (gpa_t)vector * PCI_MSIX_ENTRY_LEN + reg, 4,
		  value);
}

static void vector_program(gpa_t table, unsigned int vector, uint32_t data,
			   uint32_t control)
{
	table_write(table, vector, PCI_MSIX_ENTRY_LOWER_ADDR, 0xfee01000);
	table_write(table, vector, PCI_MSIX_ENTRY_DATA, data);
	table_write(table, vector, PCI_MSIX_ENTRY_VECTOR_CTRL, control);
}

/* MSI-X on, all vectors still masked. */
static void start(void)
{
	vm_igbvf(&vm);
	vm_place(&vm, 3, BAR_GPA);
	pci_dev_write(vm.dev, CAP + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
}

/* The same where host vectors can be added one by one. */
static void start_growing(void)
{
	vm_start(&vm, fake_igbvf_dump);
	vm.fake.can_grow = true;
	fake_vfio_bar(&vm.fake, 0, KIB(16), true);
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	CHECK_EQ(vm_assign(&vm), 0);
	vm_place(&vm, 3, BAR_GPA);
	pci_dev_write(vm.dev, CAP + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
}

static uint64_t host_vectors(void)
{
	return vfio_pci_stats(vm.v).host_vectors;
}

static void enabling_takes_all_host_vectors_in_one_call(void)
{
	start();
	CHECK_EQ(vm.fake.nr_set_irqs, 1);
	CHECK_EQ(vm.fake.nr_eventfds, NR);
	CHECK_EQ(host_vectors(), NR);
	vm_stop(&vm);
}

static void enabling_takes_one_host_vector_where_more_can_come(void)
{
	start_growing();
	CHECK_EQ(vm.fake.nr_set_irqs, 1);
	CHECK_EQ(fake_vfio_host_vectors(&vm.fake), 1);
	CHECK_EQ(host_vectors(), 1);
	vm_stop(&vm);
}

static void unmasking_adds_one_host_vector_without_starting_again(void)
{
	start_growing();
	vector_program(BAR_GPA, 2, 0x42, 0);
	CHECK_EQ(vm.fake.nr_set_irqs, 2);
	CHECK_EQ(vm.fake.nr_enables, 1);
	CHECK_EQ(fake_vfio_host_vectors(&vm.fake), 2);
	CHECK_EQ(host_vectors(), 2);
	fake_vfio_raise(&vm.fake, 2);
	CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[2], &msi));
	CHECK_EQ(msi.data, 0x42);
	vm_stop(&vm);
}

static void the_first_vector_is_counted_once(void)
{
	start_growing();
	vector_program(BAR_GPA, 0, 0x40, 0);
	CHECK_EQ(fake_vfio_host_vectors(&vm.fake), 1);
	CHECK_EQ(host_vectors(), 1);
	vm_stop(&vm);
}

static void masking_keeps_the_host_vector(void)
{
	start_growing();
	vector_program(BAR_GPA, 2, 0x42, 0);
	table_write(BAR_GPA, 2, PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
	table_write(BAR_GPA, 2, PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	CHECK_EQ(vm.fake.nr_set_irqs, 2);
	CHECK_EQ(host_vectors(), 2);
	vm_stop(&vm);
}

static void a_vector_that_the_host_has_no_room_for_leaves_the_others(void)
{
	start_growing();
	vm.fake.max_vectors = 2;
	vector_program(BAR_GPA, 1, 0x41, 0);
	vector_program(BAR_GPA, 2, 0x42, 0);
	CHECK_EQ(host_vectors(), 2);
	fake_vfio_raise(&vm.fake, 1);
	CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[1], &msi));
	vm_stop(&vm);
}

static void of_vectors_unmasked_at_once_those_work_that_there_is_room_for(void)
{
	start_growing();
	vm.fake.max_vectors = 2;
	pci_dev_write(vm.dev, CAP + PCI_MSIX_FLAGS, 2,
		      PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	for (unsigned int i = 0; i < NR; i++)
		vector_program(BAR_GPA, i, 0x40 + i, 0);
	pci_dev_write(vm.dev, CAP + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	CHECK_EQ(host_vectors(), 2);
	for (unsigned int i = 0; i < 2; i++) {
		fake_vfio_raise(&vm.fake, i);
		CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[i], &msi));
		CHECK_EQ(msi.data, 0x40 + i);
	}
	CHECK_EQ(vm.fake.eventfds[2], -1);
	vm_stop(&vm);
}

static void a_vector_never_unmasked_has_the_pending_bit_of_the_device(void)
{
	uint64_t pba;

	start_growing();
	fake_vfio_raise(&vm.fake, 1);
	bus_read(&vm.mmio, BAR_GPA + 0x2000, 8, &pba);
	CHECK_EQ(pba, 1 << 1);
	vector_program(BAR_GPA, 1, 0x41, 0);
	CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[1], &msi));
	CHECK_EQ(msi.data, 0x41);
	bus_read(&vm.mmio, BAR_GPA + 0x2000, 8, &pba);
	CHECK_EQ(pba, 0);
	vm_stop(&vm);
}

static void unused_vectors_take_no_files(void)
{
	unsigned int nr_files;

	start();
	nr_files = fake_nr_files();
	vector_program(BAR_GPA, 1, 0x41, 0);
	CHECK_EQ(fake_nr_files(), nr_files + 1);
	pci_dev_write(vm.dev, CAP + PCI_MSIX_FLAGS, 2, 0);
	CHECK_EQ(fake_nr_files(), nr_files);
	vm_stop(&vm);
}

static void too_few_gsis_leave_a_vector_silent(void)
{
	start();
	vector_program(BAR_GPA, 0, 0x40, 0);
	vm.irq.nr_msi = IRQ_MAX_MSI;
	vector_program(BAR_GPA, 1, 0x41, 0);
	CHECK_EQ(vm.sink.nr_irqfds, 1);
	vm.irq.nr_msi = 1;
	vector_program(BAR_GPA, 2, 0x42, 0);
	CHECK_EQ(vm.sink.nr_irqfds, 2);
	vm_stop(&vm);
}

static void an_address_of_no_controller_stays_silent_and_harms_no_other(void)
{
	uint64_t writes;

	start();
	vector_program(BAR_GPA, 0, 0x40, 0);
	writes = vm.irq.nr_table_writes;
	table_write(BAR_GPA, 1, PCI_MSIX_ENTRY_LOWER_ADDR, 0x1000);
	table_write(BAR_GPA, 1, PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	CHECK_EQ(vm.irq.nr_table_writes, writes);
	CHECK_EQ(vm.sink.nr_irqfds, 1);
	table_write(BAR_GPA, 1, PCI_MSIX_ENTRY_LOWER_ADDR, 0xfee00000);
	CHECK_EQ(vm.sink.nr_irqfds, 2);
	table_write(BAR_GPA, 1, PCI_MSIX_ENTRY_UPPER_ADDR, 1);
	CHECK_EQ(vm.sink.nr_irqfds, 1);
	vm_stop(&vm);
}

static void masked_vector_has_no_irqfd(void)
{
	start();
	vector_program(BAR_GPA, 1, 0x41, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	fake_vfio_raise(&vm.fake, 1);
	CHECK(!fake_irq_deliver(&vm.sink, vm.fake.eventfds[1], &msi));
	vm_stop(&vm);
}

static void unmasked_vector_reaches_guest_without_user_space(void)
{
	unsigned int nr_calls;

	start();
	vector_program(BAR_GPA, 1, 0x41, 0);
	nr_calls = vm.fake.nr_calls;
	fake_vfio_raise(&vm.fake, 1);
	CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[1], &msi));
	CHECK_EQ(msi.address, 0xfee01000);
	CHECK_EQ(msi.data, 0x41);
	CHECK_EQ(vm.fake.nr_calls, nr_calls);
	vm_stop(&vm);
}

static void what_comes_while_masked_is_pending_and_then_delivered(void)
{
	uint64_t pba;

	start();
	vector_program(BAR_GPA, 2, 0x42, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	fake_vfio_raise(&vm.fake, 2);
	bus_read(&vm.mmio, BAR_GPA + 0x2000, 8, &pba);
	CHECK_EQ(pba, 1 << 2);
	table_write(BAR_GPA, 2, PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[2], &msi));
	CHECK_EQ(msi.data, 0x42);
	bus_read(&vm.mmio, BAR_GPA + 0x2000, 8, &pba);
	CHECK_EQ(pba, 0);
	vm_stop(&vm);
}

static void masking_takes_the_irqfd_off(void)
{
	start();
	vector_program(BAR_GPA, 0, 0x40, 0);
	CHECK_EQ(vm.sink.nr_irqfds, 1);
	table_write(BAR_GPA, 0, PCI_MSIX_ENTRY_VECTOR_CTRL,
		    PCI_MSIX_ENTRY_CTRL_MASKBIT);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	vm_stop(&vm);
}

static void function_mask_masks_all(void)
{
	start();
	vector_program(BAR_GPA, 0, 0x40, 0);
	vector_program(BAR_GPA, 1, 0x41, 0);
	pci_dev_write(vm.dev, CAP + PCI_MSIX_FLAGS, 2,
		      PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	CHECK_EQ(vm.fake.nr_eventfds, NR);
	vm_stop(&vm);
}

static void a_new_target_of_an_unmasked_vector_is_followed(void)
{
	start();
	vector_program(BAR_GPA, 0, 0x40, 0);
	table_write(BAR_GPA, 0, PCI_MSIX_ENTRY_DATA, 0x55);
	fake_vfio_raise(&vm.fake, 0);
	CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[0], &msi));
	CHECK_EQ(msi.data, 0x55);
	CHECK_EQ(vm.sink.nr_adds, 1);
	vm_stop(&vm);
}

static void many_vectors_cost_one_table_write_and_one_call(void)
{
	const gpa_t table = BAR_GPA + 0x5200;
	uint64_t writes;

	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	for (unsigned int i = 0; i < NVME_NR; i++)
		vector_program(table, i, i, 0);
	writes = vm.irq.nr_table_writes;
	pci_dev_write(vm.dev, NVME_CAP + PCI_MSIX_FLAGS, 2,
		      PCI_MSIX_FLAGS_ENABLE);
	CHECK_EQ(vm.irq.nr_table_writes, writes + 1);
	CHECK_EQ(vm.fake.nr_set_irqs, 1);
	CHECK_EQ(vm.sink.nr_irqfds, NVME_NR);
	vm_stop(&vm);
}

/* What a guest's enabling of all vectors of the NVMe controller costs. */
struct cost {
	uint64_t ioctls, table_writes;
	unsigned int nr_enables;
};

enum { NVME_FLAGS = NVME_CAP + PCI_MSIX_FLAGS };

static void start_nvme(bool can_grow)
{
	vm_start(&vm, fake_nvme_dump);
	vm.fake.can_grow = can_grow;
	fake_vfio_bar(&vm.fake, 0, KIB(32), true);
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK_EQ(irq_defer(&vm.irq, &vm.err), 0);
	vm_place(&vm, 0, BAR_GPA);
	vm.irq.nr_table_writes = 0;
}

/* The first interrupt comes, and whoever waits for it does its work. */
static struct cost end_nvme(unsigned int vector)
{
	struct cost cost;

	fake_vfio_raise(&vm.fake, vector);
	CHECK_EQ(irq_flush(&vm.irq, &vm.err), 0);
	CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[vector], &msi));
	CHECK_EQ(msi.data, vector);
	CHECK_EQ(vm.sink.nr_irqfds, NVME_NR);
	cost.ioctls = vfio_pci_stats(vm.v).irq_ioctls;
	cost.table_writes = vm.irq.nr_table_writes;
	cost.nr_enables = vm.fake.nr_enables;
	irq_defer_end(&vm.irq);
	vm_stop(&vm);
	return cost;
}

/* Linux: all entries are masked with the function, messages come first. */
static struct cost cost_of_function_mask(bool can_grow)
{
	const gpa_t table = BAR_GPA + 0x5200;

	start_nvme(can_grow);
	pci_dev_write(vm.dev, NVME_FLAGS, 2,
		      PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	for (unsigned int i = 0; i < NVME_NR; i++)
		vector_program(table, i, i, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	for (unsigned int i = 0; i < NVME_NR; i++)
		table_write(table, i, PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	pci_dev_write(vm.dev, NVME_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	return end_nvme(7);
}

/* Also Linux: each message is written again before its vector is unmasked. */
static struct cost cost_of_one_by_one(bool can_grow)
{
	const gpa_t table = BAR_GPA + 0x5200;

	start_nvme(can_grow);
	pci_dev_write(vm.dev, NVME_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	for (unsigned int i = 0; i < NVME_NR; i++)
		vector_program(table, i, 0xef, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	for (unsigned int i = 0; i < NVME_NR; i++)
		vector_program(table, i, i, 0);
	return end_nvme(7);
}

static void all_at_once_costs_an_irqfd_each_and_one_table_write(void)
{
	struct cost grown = cost_of_function_mask(true);
	struct cost fixed = cost_of_function_mask(false);

	CHECK_EQ(grown.table_writes, 1);
	CHECK_EQ(grown.nr_enables, 1);
	CHECK_EQ(grown.ioctls, NVME_NR + 2);
	CHECK_EQ(fixed.table_writes, 1);
	CHECK_EQ(fixed.nr_enables, 1);
	CHECK_EQ(fixed.ioctls, NVME_NR + 2);
}

static void one_by_one_costs_two_calls_each_and_one_table_write(void)
{
	struct cost grown = cost_of_one_by_one(true);
	struct cost fixed = cost_of_one_by_one(false);

	CHECK_EQ(grown.table_writes, 1);
	CHECK_EQ(grown.nr_enables, 1);
	CHECK_EQ(grown.ioctls, 2 * NVME_NR + 1);
	CHECK_EQ(fixed.table_writes, 1);
	CHECK_EQ(fixed.nr_enables, 1);
	CHECK_EQ(fixed.ioctls, 2 * NVME_NR + 1);
}

/* Mask, write, unmask: what moves a vector to another CPU. */
static void moving_a_vector_costs_two_irqfd_calls_and_one_table_write(void)
{
	uint64_t ioctls, writes;

	start();
	vector_program(BAR_GPA, 0, 0x40, 0);
	ioctls = vfio_pci_stats(vm.v).irq_ioctls;
	writes = vm.irq.nr_table_writes;
	table_write(BAR_GPA, 0, PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
	table_write(BAR_GPA, 0, PCI_MSIX_ENTRY_LOWER_ADDR, 0xfee02000);
	table_write(BAR_GPA, 0, PCI_MSIX_ENTRY_UPPER_ADDR, 0);
	table_write(BAR_GPA, 0, PCI_MSIX_ENTRY_DATA, 0x41);
	table_write(BAR_GPA, 0, PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	CHECK_EQ(vfio_pci_stats(vm.v).irq_ioctls, ioctls + 2);
	CHECK_EQ(vm.irq.nr_table_writes, writes + 1);
	vm_stop(&vm);
}

static void masking_and_unmasking_again_writes_no_table(void)
{
	uint64_t writes;

	start();
	vector_program(BAR_GPA, 0, 0x40, 0);
	writes = vm.irq.nr_table_writes;
	table_write(BAR_GPA, 0, PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
	table_write(BAR_GPA, 0, PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	CHECK_EQ(vm.irq.nr_table_writes, writes);
	CHECK_EQ(vm.sink.nr_irqfds, 1);
	vm_stop(&vm);
}

static void disabling_gives_the_eventfds_back(void)
{
	start();
	vector_program(BAR_GPA, 0, 0x40, 0);
	pci_dev_write(vm.dev, CAP + PCI_MSIX_FLAGS, 2, 0);
	CHECK_EQ(vm.fake.nr_eventfds, 0);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	CHECK_EQ(host_vectors(), 0);
	vm_stop(&vm);
}

static void what_is_pending_does_not_outlive_disabling(void)
{
	start();
	vector_program(BAR_GPA, 1, 0x41, 0);
	vector_program(BAR_GPA, 1, 0x41, 1);
	fake_vfio_raise(&vm.fake, 1);
	pci_dev_write(vm.dev, CAP + PCI_MSIX_FLAGS, 2, 0);
	pci_dev_write(vm.dev, CAP + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	vector_program(BAR_GPA, 1, 0x41, 0);
	CHECK(!fake_irq_deliver(&vm.sink, vm.fake.eventfds[1], &msi));
	vm_stop(&vm);
}

static void a_guest_reset_turns_interrupts_off(void)
{
	start();
	vector_program(BAR_GPA, 0, 0x40, 0);
	pci_dev_reset(vm.dev);
	CHECK_EQ(vm.fake.nr_eventfds, 0);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	vm_stop(&vm);
}

static void fewer_vectors_than_wanted_are_still_used(void)
{
	vm_igbvf(&vm);
	vm.fake.max_vectors = 2;
	vm_place(&vm, 3, BAR_GPA);
	pci_dev_write(vm.dev, CAP + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	CHECK_EQ(vm.fake.nr_eventfds, 2);
	vm_stop(&vm);
}

static void a_vector_that_kvm_refuses_leaves_the_others(void)
{
	start();
	vm.sink.fail_nth = vm.sink.nr_calls + 2; /* the table, then the irqfd */
	vector_program(BAR_GPA, 0, 0x40, 0);
	vector_program(BAR_GPA, 1, 0x41, 0);
	CHECK_EQ(vm.sink.nr_irqfds, 1);
	fake_vfio_raise(&vm.fake, 1);
	CHECK(fake_irq_deliver(&vm.sink, vm.fake.eventfds[1], &msi));
	vm_stop(&vm);
}

static void the_table_is_masked_after_power_on(void)
{
	uint64_t value;

	vm_igbvf(&vm);
	vm_place(&vm, 3, BAR_GPA);
	bus_read(&vm.mmio, BAR_GPA + 0x2c, 4, &value);
	CHECK_EQ(value, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	CHECK_EQ(vm.fake.nr_set_irqs, 0);
	vm_stop(&vm);
}

static void accesses_and_changes_are_counted(void)
{
	struct vfio_pci_stats stats;

	start();
	vector_program(BAR_GPA, 0, 0x40, 0);
	table_write(BAR_GPA, 0, PCI_MSIX_ENTRY_DATA, 0x55);
	bus_write(&vm.mmio, BAR_GPA + 0x800, 4, 0);
	stats = vfio_pci_stats(vm.v);
	CHECK_EQ(stats.msix_accesses, 4);
	CHECK_EQ(stats.trapped_accesses, 1);
	CHECK_EQ(stats.vector_changes, 2);
	vm_stop(&vm);
}

int main(void)
{
	TAP_RUN(enabling_takes_all_host_vectors_in_one_call);
	TAP_RUN(enabling_takes_one_host_vector_where_more_can_come);
	TAP_RUN(unmasking_adds_one_host_vector_without_starting_again);
	TAP_RUN(the_first_vector_is_counted_once);
	TAP_RUN(masking_keeps_the_host_vector);
	TAP_RUN(a_vector_that_the_host_has_no_room_for_leaves_the_others);
	TAP_RUN(of_vectors_unmasked_at_once_those_work_that_there_is_room_for);
	TAP_RUN(a_vector_never_unmasked_has_the_pending_bit_of_the_device);
	TAP_RUN(unused_vectors_take_no_files);
	TAP_RUN(too_few_gsis_leave_a_vector_silent);
	TAP_RUN(an_address_of_no_controller_stays_silent_and_harms_no_other);
	TAP_RUN(masked_vector_has_no_irqfd);
	TAP_RUN(unmasked_vector_reaches_guest_without_user_space);
	TAP_RUN(what_comes_while_masked_is_pending_and_then_delivered);
	TAP_RUN(masking_takes_the_irqfd_off);
	TAP_RUN(function_mask_masks_all);
	TAP_RUN(a_new_target_of_an_unmasked_vector_is_followed);
	TAP_RUN(many_vectors_cost_one_table_write_and_one_call);
	TAP_RUN(all_at_once_costs_an_irqfd_each_and_one_table_write);
	TAP_RUN(one_by_one_costs_two_calls_each_and_one_table_write);
	TAP_RUN(moving_a_vector_costs_two_irqfd_calls_and_one_table_write);
	TAP_RUN(masking_and_unmasking_again_writes_no_table);
	TAP_RUN(disabling_gives_the_eventfds_back);
	TAP_RUN(what_is_pending_does_not_outlive_disabling);
	TAP_RUN(a_guest_reset_turns_interrupts_off);
	TAP_RUN(fewer_vectors_than_wanted_are_still_used);
	TAP_RUN(a_vector_that_kvm_refuses_leaves_the_others);
	TAP_RUN(the_table_is_masked_after_power_on);
	TAP_RUN(accesses_and_changes_are_counted);
	return tap_done();
}

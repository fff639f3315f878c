// SPDX-License-Identifier: GPL-2.0-or-later
/* Making and ending an assigned function, and failing at any step of it. */
#include "tests/unit/vfio_fixture.h"

static struct vm vm;

static void prepare(void)
{
	vm_start(&vm, fake_nvme_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(32), true);
}

/* Fails each call of the device in turn; leaves the VM after the success. */
static void a_failure_at_any_call_leaves_nothing_behind(void)
{
	unsigned int nr_files, nth = 0;
	int ret;

	prepare();
	nr_files = fake_nr_files();
	do {
		vm.fake.nr_calls = 0;
		vm.fake.fail_nth = ++nth;
		ret = vm_assign(&vm);
		CHECK(!ret || strstr(vm.err.msg, "0000:01:10.0"));
		CHECK(!ret || vm.err.code);
		CHECK(!ret || fake_nr_files() == nr_files);
		CHECK(!ret || vm.fake.nr_maps == 0);
		CHECK(!ret || vm.irq.nr_routes == IRQ_NR_PINS);
		CHECK(!ret || vm.irq.used[0] == (1u << IRQ_NR_PINS) - 1);
		CHECK_EQ(vm.fake.nr_closes, 0);
		vm.err = (struct err){ 0 };
	} while (ret);
	/* Config, interrupt and region information, mmaps, command. */
	CHECK(nth > 8);
	vm_stop(&vm);
}

static void the_end_leaves_nothing_behind(void)
{
	unsigned int nr_files;

	prepare();
	nr_files = fake_nr_files();
	CHECK_EQ(vm_assign(&vm), 0);
	vm_place(&vm, 0, BAR_GPA);
	pci_dev_write(vm.dev, 0xb0 + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	vfio_pci_free(vm.v);
	vm.v = NULL;
	CHECK_EQ(fake_nr_files(), nr_files);
	CHECK_EQ(vm.fake.nr_maps, 0);
	CHECK_EQ(vm.fake.nr_eventfds, 0);
	CHECK_EQ(vm.slots.nr, 0);
	CHECK_EQ(vm.mmio.nr, 0);
	CHECK_EQ(vm.irq.nr_routes, IRQ_NR_PINS);
	vm_stop(&vm);
}

static void the_end_stops_dma_resets_and_closes(void)
{
	prepare();
	CHECK_EQ(vm_assign(&vm), 0);
	pci_dev_write(vm.dev, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	vfio_pci_free(vm.v);
	vm.v = NULL;
	CHECK_EQ(vm.fake.nr_resets, 1);
	CHECK(!vm.fake.reset_with_master);
	CHECK_EQ(vm.fake.nr_closes, 1);
	vm_stop(&vm);
}

static void a_device_that_cannot_be_reset_is_used_as_it_is(void)
{
	prepare();
	vm.fake.dev.info.flags &= ~(uint32_t)VFIO_DEVICE_FLAGS_RESET;
	CHECK_EQ(vm_assign(&vm), 0);
	pci_dev_reset(vm.dev);
	CHECK_EQ(vm.fake.nr_resets, 0);
	vm_stop(&vm);
}

static void a_device_that_is_dead_after_reset_is_told(void)
{
	struct err e = { 0 };

	prepare();
	vm.fake.is_dead = true;
	CHECK_EQ(vfio_dev_reset(&vm.fake.dev, &e), -EIO);
	CHECK_HAS(e.msg, "after a reset");
	CHECK_HAS(e.msg, "0000:01:10.0: config space reads all-ones");
	vfio_dev_close(&vm.fake.dev);
	vm_stop(&vm);
}

static void the_bar_survives_a_guest_reset(void)
{
	bool trapped;

	prepare();
	CHECK_EQ(vm_assign(&vm), 0);
	vm_place(&vm, 0, BAR_GPA);
	pci_dev_reset(vm.dev);
	CHECK_EQ(vm.slots.nr, 0);
	fake_vfio_poke(&vm.fake, 0, 0x10, 0x99);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x10, &trapped), 0x99);
	CHECK(!trapped);
	vm_stop(&vm);
}

int main(void)
{
	TAP_RUN(a_failure_at_any_call_leaves_nothing_behind);
	TAP_RUN(the_end_leaves_nothing_behind);
	TAP_RUN(the_end_stops_dma_resets_and_closes);
	TAP_RUN(a_device_that_cannot_be_reset_is_used_as_it_is);
	TAP_RUN(a_device_that_is_dead_after_reset_is_told);
	TAP_RUN(the_bar_survives_a_guest_reset);
	return tap_done();
}

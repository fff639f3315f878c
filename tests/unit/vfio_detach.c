// SPDX-License-Identifier: GPL-2.0-or-later
/* A function that is taken out of a guest that runs. */
#include "tests/unit/vfio_fixture.h"

enum { MSIX = 0xb0, EXP = 0x70, TABLE = 0x5200 };

static struct vm vm;
static bool trapped;

/* A function in use: mapped, with MSI-X and bus mastering on. */
static void start(void)
{
	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	pci_dev_write(vm.dev, PCI_COMMAND, 2,
		      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	pci_dev_write(vm.dev, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
}

static void config_space_is_all_ones(void)
{
	start();
	vfio_pci_detach(vm.v);
	for (unsigned int off = 0; off < PCI_CFG_LEN; off += 4)
		CHECK_EQ(pci_dev_read(vm.dev, off, 4), UINT32_MAX);
	vm_stop(&vm);
}

static void nothing_is_mapped_any_more(void)
{
	start();
	vfio_pci_detach(vm.v);
	CHECK_EQ(vm.slots.nr, 0);
	CHECK_EQ(vm.mmio.nr, 0);
	CHECK_EQ(vm_read(&vm, BAR_GPA, &trapped), UINT32_MAX);
	vm_stop(&vm);
}

static void it_is_reset_without_dma_and_given_back_once(void)
{
	start();
	vfio_pci_detach(vm.v);
	CHECK_EQ(vm.fake.nr_resets, 1);
	CHECK(!vm.fake.reset_with_master);
	CHECK_EQ(vm.fake.nr_let_gos, 1);
	CHECK_EQ(vm.fake.let_go_with_maps, 0);
	vfio_pci_free(vm.v);
	vm.v = NULL;
	CHECK_EQ(vm.fake.nr_resets, 1);
	CHECK_EQ(vm.fake.nr_closes, 1);
	vm_stop(&vm);
}

static void interrupts_are_off(void)
{
	start();
	vfio_pci_detach(vm.v);
	CHECK_EQ(vm.fake.nr_eventfds, 0);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	vm_stop(&vm);
}

static void a_guest_that_goes_on_reaches_nothing(void)
{
	unsigned int nr_calls;

	start();
	vfio_pci_detach(vm.v);
	nr_calls = vm.fake.nr_calls;
	for (unsigned int off = 0; off < PCI_CFG_LEN; off += 4)
		pci_dev_write(vm.dev, off, 4, UINT32_MAX);
	vm_place(&vm, 0, BAR_GPA);
	pci_dev_write(vm.dev, EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	CHECK_EQ(vm.fake.nr_calls, nr_calls);
	CHECK_EQ(vm.slots.nr, 0);
	CHECK_EQ(vm.mmio.nr, 0);
	vm_stop(&vm);
}

/* A vCPU that had found the range before it went. */
static void an_access_on_its_way_reads_all_ones(void)
{
	const struct bus_range *range = NULL;
	unsigned int nr_reads;

	start();
	for (unsigned int i = 0; i < vm.mmio.nr; i++)
		if (vm.mmio.entries[i].base == BAR_GPA + 0x3000)
			range = vm.mmio.entries[i].range;
	CHECK(range);
	vfio_pci_detach(vm.v);
	nr_reads = vm.fake.nr_bar_reads;
	CHECK_EQ(range->ops->read(range->dev, 0x800, 4), UINT32_MAX);
	range->ops->write(range->dev, 0x800, 4, 0);
	CHECK_EQ(vm.fake.nr_bar_reads + vm.fake.nr_bar_writes, nr_reads);
	vm_stop(&vm);
}

static void a_guest_reset_afterwards_touches_nothing(void)
{
	start();
	vfio_pci_detach(vm.v);
	pci_dev_reset(vm.dev);
	CHECK_EQ(vm.fake.nr_resets, 1);
	CHECK_EQ(pci_dev_read(vm.dev, PCI_VENDOR_ID, 4), UINT32_MAX);
	vm_stop(&vm);
}

static void one_that_sleeps_is_woken_first(void)
{
	start();
	pci_dev_write(vm.dev, 0x40 + PCI_PM_CTRL, 2, 3);
	vfio_pci_detach(vm.v);
	CHECK_EQ(vm.fake.cfg[0x40 + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK, 0);
	CHECK_EQ(vm.fake.nr_let_gos, 1);
	vm_stop(&vm);
}

int main(void)
{
	TAP_RUN(config_space_is_all_ones);
	TAP_RUN(nothing_is_mapped_any_more);
	TAP_RUN(it_is_reset_without_dma_and_given_back_once);
	TAP_RUN(interrupts_are_off);
	TAP_RUN(a_guest_that_goes_on_reaches_nothing);
	TAP_RUN(an_access_on_its_way_reads_all_ones);
	TAP_RUN(a_guest_reset_afterwards_touches_nothing);
	TAP_RUN(one_that_sleeps_is_woken_first);
	return tap_done();
}

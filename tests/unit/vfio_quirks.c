// SPDX-License-Identifier: GPL-2.0-or-later
/* The quirk table: whom it is for, and what it does. */
#include "tests/unit/vfio_fixture.h"

enum { MIRROR = 0x88000, MSIX = 0xb0, ROM = VFIO_PCI_ROM_REGION_INDEX };

static struct vm vm;
static bool trapped;

/* The NVMe controller's config space under another name. */
static void prepare(uint32_t ids, uint32_t class_rev, uint64_t bar_size)
{
	vm_start(&vm, fake_nvme_dump);
	put_le(vm.fake.cfg + PCI_VENDOR_ID, ids, 4);
	put_le(vm.fake.cfg + PCI_CLASS_REVISION, class_rev, 4);
	fake_vfio_bar(&vm.fake, 0, bar_size, true);
}

static void start_nvidia(uint32_t class_rev)
{
	prepare(0x220410de, class_rev, MIB(16));
	CHECK_EQ(vm_assign(&vm), 0);
	vm_place(&vm, 0, BAR_GPA);
}

static void a_rom_that_hangs_guests_is_left_out(void)
{
	prepare(0x168e14e4, 0x02000010, KIB(32));
	fake_vfio_bar(&vm.fake, ROM, KIB(64), false);
	CHECK_EQ(vm_assign(&vm), 0);
	pci_dev_write(vm.dev, PCI_ROM_ADDRESS, 4, UINT32_MAX);
	CHECK_EQ(pci_dev_read(vm.dev, PCI_ROM_ADDRESS, 4), 0);
	vm_stop(&vm);
}

static void pending_bits_outside_of_the_bar_are_put_right(void)
{
	prepare(0x58011425, 0x02000000, KIB(32));
	put_le(vm.fake.cfg + MSIX + PCI_MSIX_PBA, 0x8000, 4);
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK_EQ(pci_dev_read(vm.dev, MSIX + PCI_MSIX_PBA, 4), 0x1000);
	vm_stop(&vm);
}

static void pending_bits_that_are_right_stay(void)
{
	prepare(0x58011425, 0x02000000, KIB(32));
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK_EQ(pci_dev_read(vm.dev, MSIX + PCI_MSIX_PBA, 4), 0x3000);
	vm_stop(&vm);
}

static void a_mirror_of_config_space_shows_the_guests(void)
{
	start_nvidia(0x030000a1);
	put_le(vm.fake.cfg + PCI_BASE_ADDRESS_0, 0xfb000004, 4);
	CHECK_EQ(vm_read(&vm, BAR_GPA + MIRROR, &trapped), 0x220410de);
	CHECK(trapped);
	CHECK_EQ(vm_read(&vm, BAR_GPA + MIRROR + PCI_BASE_ADDRESS_0, &trapped),
		 BAR_GPA | PCI_BASE_ADDRESS_MEM_TYPE_64);
	CHECK_EQ(vm.fake.nr_bar_reads, 0);
	vm_stop(&vm);
}

static void a_mirror_is_read_by_eight_bytes_too(void)
{
	uint64_t value;

	start_nvidia(0x030000a1);
	CHECK(bus_read(&vm.mmio, BAR_GPA + MIRROR + PCI_CLASS_REVISION, 8,
		       &value));
	CHECK_EQ(value, 0x030000a1);
	vm_stop(&vm);
}

static void writes_to_a_mirror_are_config_writes(void)
{
	start_nvidia(0x030000a1);
	bus_write(&vm.mmio, BAR_GPA + MIRROR + PCI_COMMAND, 2,
		  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	CHECK(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_MASTER);
	CHECK_EQ(vm.fake.nr_bar_writes, 0);
	vm_stop(&vm);
}

/* A BAR that unmaps itself through its own mirror. */
static void a_mirror_can_turn_itself_off(void)
{
	start_nvidia(0x030000a1);
	bus_write(&vm.mmio, BAR_GPA + MIRROR + PCI_COMMAND, 2, 0);
	CHECK_EQ(vm_read(&vm, BAR_GPA + MIRROR, &trapped), UINT32_MAX);
	CHECK_EQ(vm.slots.nr, 0);
	vm_stop(&vm);
}

static void only_the_mirrors_page_is_trapped(void)
{
	start_nvidia(0x030000a1);
	/* Beside the MSI-X table's and the pending bits'. */
	CHECK_EQ(vm_trapped_pages(&vm, BAR_GPA, MIB(1)), 3);
	vm_stop(&vm);
}

static void other_functions_of_the_vendor_have_no_mirror(void)
{
	start_nvidia(0x040300a1);
	CHECK_EQ(vm_trapped_pages(&vm, BAR_GPA, MIB(1)), 2);
	vm_stop(&vm);
}

int main(void)
{
	TAP_RUN(a_rom_that_hangs_guests_is_left_out);
	TAP_RUN(pending_bits_outside_of_the_bar_are_put_right);
	TAP_RUN(pending_bits_that_are_right_stay);
	TAP_RUN(a_mirror_of_config_space_shows_the_guests);
	TAP_RUN(a_mirror_is_read_by_eight_bytes_too);
	TAP_RUN(writes_to_a_mirror_are_config_writes);
	TAP_RUN(a_mirror_can_turn_itself_off);
	TAP_RUN(only_the_mirrors_page_is_trapped);
	TAP_RUN(other_functions_of_the_vendor_have_no_mirror);
	return tap_done();
}

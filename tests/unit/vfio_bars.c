// SPDX-License-Identifier: GPL-2.0-or-later
/* Which parts of a physical BAR the guest reaches by itself, and which not. */
#include "tests/unit/vfio_fixture.h"

static struct vm vm;
static bool trapped;

static void only_msix_table_page_is_trapped(void)
{
	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	vm_read(&vm, BAR_GPA + 0x5000, &trapped);
	CHECK(trapped);
	vm_read(&vm, BAR_GPA + 0x3000, &trapped);
	CHECK(trapped);
	CHECK_EQ(vm_trapped_pages(&vm, BAR_GPA, KIB(32)), 2);
	vm_stop(&vm);
}

static void other_pages_become_memory_regions(void)
{
	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 3);
	fake_vfio_poke(&vm.fake, 0, 0x1c, 0x12345678);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x1c, &trapped), 0x12345678);
	CHECK(!trapped);
	fake_vfio_poke(&vm.fake, 0, 0x6004, 0x9abcdef0);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x6004, &trapped), 0x9abcdef0);
	CHECK(!trapped);
	vm_stop(&vm);
}

static void a_bar_without_msix_is_one_region(void)
{
	vm_igbvf(&vm);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 1);
	CHECK_EQ(vm.slots.at[0].size, KIB(16));
	CHECK_EQ(vm_trapped_pages(&vm, BAR_GPA, KIB(16)), 0);
	vm_stop(&vm);
}

static void nothing_is_there_before_the_guest_turns_decode_on(void)
{
	vm_nvme(&vm);
	CHECK_EQ(vm.slots.nr, 0);
	CHECK_EQ(vm.mmio.nr, 0);
	vm_stop(&vm);
}

static void turning_decode_off_takes_all_away(void)
{
	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	vm_decode(&vm, 0);
	CHECK_EQ(vm.slots.nr, 0);
	CHECK_EQ(vm.mmio.nr, 0);
	vm_stop(&vm);
}

static void turning_decode_off_keeps_the_mmaps(void)
{
	unsigned int nr_calls;

	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.fake.nr_maps, 3);
	nr_calls = vm.fake.nr_calls;
	vm_decode(&vm, 0);
	vm_decode(&vm, PCI_COMMAND_MEMORY);
	CHECK_EQ(vm.fake.nr_maps, 3);
	CHECK_EQ(vm.fake.nr_calls, nr_calls);
	vm_stop(&vm);
}

static void bar_move_moves_regions(void)
{
	const gpa_t to = BAR_GPA + MIB(1);

	vm_nvme(&vm);
	fake_vfio_poke(&vm.fake, 0, 0x40, 0xcafe);
	fake_vfio_poke(&vm.fake, 0, 0x5000, 0xbeef);
	vm_place(&vm, 0, BAR_GPA);
	vm_place(&vm, 0, to);
	CHECK_EQ(vm.slots.nr, 3);
	CHECK_EQ(vm_read(&vm, to + 0x40, &trapped), 0xcafe);
	CHECK_EQ(vm_read(&vm, to + 0x5000, &trapped), 0xbeef);
	CHECK(trapped);
	CHECK_EQ(vm_trapped_pages(&vm, to, KIB(32)), 2);
	CHECK_EQ(vm_trapped_pages(&vm, BAR_GPA, KIB(32)), 0);
	vm_stop(&vm);
}

static void a_bar_can_be_above_4_gib(void)
{
	const gpa_t to = 0x8000000000;

	vm_nvme(&vm);
	pci_dev_write(vm.dev, PCI_BASE_ADDRESS_0, 4, 0);
	pci_dev_write(vm.dev, PCI_BASE_ADDRESS_1, 4, to >> 32);
	vm_decode(&vm, PCI_COMMAND_MEMORY);
	CHECK_EQ(vm_trapped_pages(&vm, to, KIB(32)), 2);
	CHECK_EQ(vm.slots.nr, 3);
	vm_stop(&vm);
}

static void registers_beside_an_unaligned_table_reach_the_device(void)
{
	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	fake_vfio_poke(&vm.fake, 0, 0x51fc, 0x11223344);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x51fc, &trapped), 0x11223344);
	CHECK(trapped);
	bus_write(&vm.mmio, BAR_GPA + 0x5a10, 4, 0x55667788);
	CHECK_EQ(fake_vfio_peek(&vm.fake, 0, 0x5a10), 0x55667788);
	bus_write(&vm.mmio, BAR_GPA + 0x5ffe, 2, 0xabcd);
	CHECK_EQ(fake_vfio_peek(&vm.fake, 0, 0x5ffc), 0xabcd0000);
	vm_stop(&vm);
}

static void accesses_of_eight_bytes_reach_the_device_whole(void)
{
	uint64_t value;

	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	bus_write(&vm.mmio, BAR_GPA + 0x5008, 8, 0x1122334455667788);
	CHECK_EQ(vm.fake.nr_bar_writes, 1);
	CHECK_EQ(fake_vfio_peek(&vm.fake, 0, 0x500c), 0x11223344);
	bus_read(&vm.mmio, BAR_GPA + 0x5008, 8, &value);
	CHECK_EQ(value, 0x1122334455667788);
	vm_stop(&vm);
}

static void the_table_is_not_the_devices(void)
{
	uint64_t value;

	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	bus_write(&vm.mmio, BAR_GPA + 0x5200, 4, 0xfee00000);
	bus_read(&vm.mmio, BAR_GPA + 0x5200, 4, &value);
	CHECK_EQ(value, 0xfee00000);
	bus_read(&vm.mmio, BAR_GPA + 0x520c, 4, &value);
	CHECK_EQ(value, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	CHECK_EQ(vm.fake.nr_bar_reads + vm.fake.nr_bar_writes, 0);
	vm_stop(&vm);
}

static void table_and_pba_may_be_in_different_bars(void)
{
	vm_start(&vm, fake_igbvf_dump);
	put_le(vm.fake.cfg + 0x70 + PCI_MSIX_PBA, 0x2000 | 0, 4);
	fake_vfio_bar(&vm.fake, 0, KIB(16), true);
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	CHECK_EQ(vm_assign(&vm), 0);
	vm_place(&vm, 0, BAR_GPA);
	vm_place(&vm, 3, BAR_GPA + KIB(64));
	CHECK_EQ(vm_trapped_pages(&vm, BAR_GPA, KIB(16)), 1);
	CHECK_EQ(vm_trapped_pages(&vm, BAR_GPA + KIB(64), KIB(16)), 1);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x2000, &trapped), 0);
	CHECK(trapped);
	CHECK_EQ(vm.fake.nr_bar_reads, 0);
	vm_stop(&vm);
}

static void sparse_areas_leave_the_rest_trapped(void)
{
	vm_start(&vm, fake_igbvf_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(64), true);
	fake_vfio_area(&vm.fake, 0, KIB(32), KIB(8));
	fake_vfio_area(&vm.fake, 0, KIB(4), KIB(8));
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	CHECK_EQ(vm_assign(&vm), 0);
	fake_vfio_poke(&vm.fake, 0, KIB(12), 0x77);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 2);
	CHECK_EQ(vm_trapped_pages(&vm, BAR_GPA, KIB(64)), 12);
	CHECK_EQ(vm_read(&vm, BAR_GPA + KIB(12), &trapped), 0x77);
	CHECK(trapped);
	vm_stop(&vm);
}

static void sparse_areas_around_the_table_are_cut(void)
{
	vm_start(&vm, fake_nvme_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(32), true);
	fake_vfio_area(&vm.fake, 0, 0, KIB(16));
	fake_vfio_area(&vm.fake, 0, KIB(20), KIB(12));
	CHECK_EQ(vm_assign(&vm), 0);
	vm_place(&vm, 0, BAR_GPA);
	/* PBA at 12 KiB, the gap at 16 KiB, the table at 20 KiB */
	CHECK_EQ(vm_trapped_pages(&vm, BAR_GPA, KIB(32)), 3);
	vm_stop(&vm);
}

static void areas_of_less_than_a_page_are_trapped(void)
{
	vm_start(&vm, fake_igbvf_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(16), true);
	fake_vfio_area(&vm.fake, 0, 0x800, 0x1000);
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	CHECK_EQ(vm_assign(&vm), 0);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 0);
	CHECK_EQ(vm_trapped_pages(&vm, BAR_GPA, KIB(16)), 4);
	vm_stop(&vm);
}

static void a_bar_that_cannot_be_mmapped_is_trapped_whole(void)
{
	vm_start(&vm, fake_igbvf_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(16), false);
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	CHECK_EQ(vm_assign(&vm), 0);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm_trapped_pages(&vm, BAR_GPA, KIB(16)), 4);
	vm_stop(&vm);
}

static void a_bar_that_cannot_be_written_is_trapped_whole(void)
{
	vm_start(&vm, fake_igbvf_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(16), true);
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	vm.fake.regions[0].info.flags &= ~(uint32_t)VFIO_REGION_INFO_FLAG_WRITE;
	CHECK_EQ(vm_assign(&vm), 0);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm_trapped_pages(&vm, BAR_GPA, KIB(16)), 4);
	vm_stop(&vm);
}

static void a_bar_below_a_page_is_trapped_at_any_address(void)
{
	vm_start(&vm, fake_igbvf_dump);
	fake_vfio_bar(&vm.fake, 0, 256, true);
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	CHECK_EQ(vm_assign(&vm), 0);
	fake_vfio_poke(&vm.fake, 0, 0xfc, 0x5a5a);
	vm_place(&vm, 0, BAR_GPA + 0x700);
	CHECK_EQ(vm.slots.nr, 0);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x7fc, &trapped), 0x5a5a);
	vm_stop(&vm);
}

static void a_bar_below_a_page_is_mapped_where_it_has_a_page(void)
{
	vm_start(&vm, fake_igbvf_dump);
	fake_vfio_bar(&vm.fake, 0, 256, true);
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	CHECK_EQ(vm_assign(&vm), 0);
	fake_vfio_poke(&vm.fake, 0, 0xfc, 0x5a5a);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 1);
	CHECK_EQ(vm.slots.at[0].size, 4096);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0xfc, &trapped), 0x5a5a);
	CHECK(!trapped);
	/* And back. */
	vm_place(&vm, 0, BAR_GPA + 0x100);
	CHECK_EQ(vm.slots.nr, 0);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x1fc, &trapped), 0x5a5a);
	CHECK(trapped);
	vm_stop(&vm);
}

/* BAR 0 is there, and BAR 2 comes into its page. */
static void two_small_bars_in_a_page(void)
{
	vm_start(&vm, fake_igbvf_dump);
	fake_vfio_bar(&vm.fake, 0, 256, true);
	put_le(vm.fake.cfg + PCI_BASE_ADDRESS_2, 0, 4);
	fake_vfio_bar(&vm.fake, 2, 256, true);
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	CHECK_EQ(vm_assign(&vm), 0);
	fake_vfio_poke(&vm.fake, 0, 0xfc, 0x5a5a);
	fake_vfio_poke(&vm.fake, 2, 0xfc, 0xa5a5);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 1);
	pci_dev_write(vm.dev, PCI_BASE_ADDRESS_2, 4, BAR_GPA + 0x100);
}

static void bars_below_a_page_can_share_one(void)
{
	two_small_bars_in_a_page();
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x1fc, &trapped), 0xa5a5);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0xfc, &trapped), 0x5a5a);
	CHECK_EQ(vm.slots.nr, 0);
	/* The other way round: BAR 0 finds the page taken in part. */
	vm_place(&vm, 0, BAR_GPA + MIB(1));
	CHECK_EQ(vm.slots.nr, 1);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 0);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x1fc, &trapped), 0xa5a5);
	vm_decode(&vm, 0);
	CHECK_EQ(vm.mmio.nr, 0);
	vm_stop(&vm);
}

static void a_bar_that_has_its_page_again_is_mapped_when_it_moves(void)
{
	two_small_bars_in_a_page();
	pci_dev_write(vm.dev, PCI_BASE_ADDRESS_2, 4, BAR_GPA + MIB(2) + 0x100);
	vm_place(&vm, 0, BAR_GPA + MIB(1));
	CHECK_EQ(vm_read(&vm, BAR_GPA + MIB(1) + 0xfc, &trapped), 0x5a5a);
	CHECK(!trapped);
	vm_stop(&vm);
}

static void a_bar_below_a_page_with_the_msix_table_is_trapped(void)
{
	vm_start(&vm, fake_igbvf_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(16), true);
	fake_vfio_bar(&vm.fake, 3, 256, true);
	put_le(vm.fake.cfg + 0x70 + PCI_MSIX_PBA, 0x80 | 3, 4);
	CHECK_EQ(vm_assign(&vm), 0);
	vm_place(&vm, 3, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 0);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0xc, &trapped),
		 PCI_MSIX_ENTRY_CTRL_MASKBIT);
	vm_stop(&vm);
}

static void a_port_io_bar_is_on_the_port_bus(void)
{
	uint64_t value;

	vm_start(&vm, fake_igbvf_dump);
	put_le(vm.fake.cfg + PCI_BASE_ADDRESS_2, 0xc001, 4);
	fake_vfio_bar(&vm.fake, 2, 32, false);
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_IO);
	fake_vfio_poke(&vm.fake, 2, 8, 0x1234);
	vm_place(&vm, 2, 0x6000);
	CHECK(bus_read(&vm.pio, 0x6008, 2, &value));
	CHECK_EQ(value, 0x1234);
	CHECK_EQ(vm.mmio.nr, 0);
	vm_stop(&vm);
}

static void a_bar_that_cannot_be_mapped_leaves_no_part_behind(void)
{
	vm_nvme(&vm);
	vm.slots.fail_nth = 3;
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 0);
	CHECK_EQ(vm.mmio.nr, 0);
	/* The next try works. */
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 3);
	vm_stop(&vm);
}

static void a_bar_over_guest_ram_stays_unmapped(void)
{
	static uint8_t page[4096] __attribute__((aligned(4096)));
	struct mem_region ram = { .gpa = BAR_GPA + 0x6000,
				  .size = sizeof(page),
				  .hva = page,
				  .kind = MEM_RAM,
				  .fd = -1,
				  .name = "ram" };

	vm_nvme(&vm);
	CHECK_EQ(mem_add(&vm.mem, &ram, &vm.err), 0);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 1);
	CHECK_EQ(vm.mmio.nr, 0);
	mem_del(&vm.mem, &ram);
	vm_stop(&vm);
}

static void a_table_outside_of_its_bar_is_refused(void)
{
	vm_start(&vm, fake_nvme_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(16), true);
	CHECK_EQ(vm_assign(&vm), -EINVAL);
	CHECK_HAS(vm.err.msg, "0000:01:10.0 BAR 0: the MSI-X table");
	vfio_dev_close(&vm.fake.dev);
	vm_stop(&vm);
}

static void mapped_parts_get_a_dma_buf_if_it_is_wanted(void)
{
	unsigned int nr_files;

	vm_start(&vm, fake_nvme_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(32), true);
	vm.fake.can_dmabuf = true;
	vm.options.export_dmabuf = true;
	nr_files = fake_nr_files();
	CHECK_EQ(vm_assign(&vm), 0);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 3);
	CHECK(vm.slots.at[0].fd >= 0 && vm.slots.at[2].fd >= 0);
	vfio_pci_free(vm.v);
	vm.v = NULL;
	CHECK_EQ(fake_nr_files(), nr_files);
	vm_stop(&vm);
}

static void a_kernel_without_dma_bufs_maps_as_before(void)
{
	vm_start(&vm, fake_nvme_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(32), true);
	vm.options.export_dmabuf = true;
	CHECK_EQ(vm_assign(&vm), 0);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 3);
	CHECK_EQ(vm.slots.at[0].fd, -1);
	vm_stop(&vm);
}

static void the_guest_sees_the_size_of_each_region(void)
{
	vm_nvme(&vm);
	pci_dev_write(vm.dev, PCI_BASE_ADDRESS_0, 4, UINT32_MAX);
	CHECK_EQ(pci_dev_read(vm.dev, PCI_BASE_ADDRESS_0, 4),
		 0xffff8000 | PCI_BASE_ADDRESS_MEM_TYPE_64);
	vm_stop(&vm);
}

int main(void)
{
	TAP_RUN(only_msix_table_page_is_trapped);
	TAP_RUN(other_pages_become_memory_regions);
	TAP_RUN(a_bar_without_msix_is_one_region);
	TAP_RUN(nothing_is_there_before_the_guest_turns_decode_on);
	TAP_RUN(turning_decode_off_takes_all_away);
	TAP_RUN(turning_decode_off_keeps_the_mmaps);
	TAP_RUN(bar_move_moves_regions);
	TAP_RUN(a_bar_can_be_above_4_gib);
	TAP_RUN(registers_beside_an_unaligned_table_reach_the_device);
	TAP_RUN(accesses_of_eight_bytes_reach_the_device_whole);
	TAP_RUN(the_table_is_not_the_devices);
	TAP_RUN(table_and_pba_may_be_in_different_bars);
	TAP_RUN(sparse_areas_leave_the_rest_trapped);
	TAP_RUN(sparse_areas_around_the_table_are_cut);
	TAP_RUN(areas_of_less_than_a_page_are_trapped);
	TAP_RUN(a_bar_that_cannot_be_mmapped_is_trapped_whole);
	TAP_RUN(a_bar_that_cannot_be_written_is_trapped_whole);
	TAP_RUN(a_bar_below_a_page_is_trapped_at_any_address);
	TAP_RUN(a_bar_below_a_page_is_mapped_where_it_has_a_page);
	TAP_RUN(bars_below_a_page_can_share_one);
	TAP_RUN(a_bar_that_has_its_page_again_is_mapped_when_it_moves);
	TAP_RUN(a_bar_below_a_page_with_the_msix_table_is_trapped);
	TAP_RUN(a_port_io_bar_is_on_the_port_bus);
	TAP_RUN(a_bar_that_cannot_be_mapped_leaves_no_part_behind);
	TAP_RUN(a_bar_over_guest_ram_stays_unmapped);
	TAP_RUN(a_table_outside_of_its_bar_is_refused);
	TAP_RUN(mapped_parts_get_a_dma_buf_if_it_is_wanted);
	TAP_RUN(a_kernel_without_dma_bufs_maps_as_before);
	TAP_RUN(the_guest_sees_the_size_of_each_region);
	return tap_done();
}

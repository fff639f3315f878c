// SPDX-License-Identifier: GPL-2.0-or-later
/* Guests that mean no good: what they can reach, and what they can make us say.
 */
#include <unistd.h>

#include "tests/unit/vfio_fixture.h"

enum { STORM = 2000, MSIX = 0xb0, EXP = 0x70, PM = 0x40 };

#define ECAM_GPA 0xe8000000ull

static struct vm vm;
static bool trapped;
static uint8_t page[4096] __attribute__((aligned(4096)));

static void wr(unsigned int off, unsigned int len, uint32_t value)
{
	pci_dev_write(vm.dev, off, len, value);
}

/* Lines on stderr while fn runs. */
static unsigned int nr_lines(void (*fn)(void))
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO), c;
	unsigned int nr = 0;

	CHECK(file && saved >= 0);
	dup2(fileno(file), STDERR_FILENO);
	fn();
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	while ((c = fgetc(file)) != EOF)
		nr += c == '\n';
	fclose(file);
	return nr;
}

/* Ten lines a second and object; a storm may see two seconds begin. */
static void check_quiet(void (*storm)(void))
{
	unsigned int nr = nr_lines(storm);

	CHECK(nr >= 1);
	CHECK(nr <= 30);
}

/* --- BARs in the way --- */

static void put_in_the_way(struct mem_region *r, gpa_t gpa, enum mem_kind kind)
{
	*r = (struct mem_region){ .gpa = gpa,
				  .size = sizeof(page),
				  .hva = page,
				  .kind = kind,
				  .fd = -1,
				  .name = "mine" };
	memset(page, 0x11, sizeof(page));
	CHECK_EQ(mem_add(&vm.mem, r, &vm.err), 0);
}

static void a_bar_over_ram_leaves_ram_as_it_is(void)
{
	struct mem_region ram;

	vm_nvme(&vm);
	put_in_the_way(&ram, BAR_GPA + 0x7000, MEM_RAM);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x7000, &trapped), 0x11111111);
	CHECK_EQ(vm.slots.nr, 1);
	CHECK_EQ(vm.mmio.nr, 0);
	CHECK(mem_ptr(&vm.mem, BAR_GPA + 0x7000, 4096) == page);
	mem_del(&vm.mem, &ram);
	vm_stop(&vm);
}

static void a_bar_over_another_devices_leaves_that_as_it_is(void)
{
	struct mem_region other;

	vm_nvme(&vm);
	put_in_the_way(&other, BAR_GPA + 0x1000, MEM_DEVICE);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x1000, &trapped), 0x11111111);
	CHECK_EQ(vm.slots.nr, 1);
	mem_del(&vm.mem, &other);
	vm_stop(&vm);
}

static uint64_t ecam_read(void *dev, uint64_t offset, unsigned int len)
{
	(void)dev;
	(void)offset;
	(void)len;
	return 0xeca;
}

static void ecam_write(void *dev, uint64_t offset, unsigned int len,
		       uint64_t value)
{
	(void)dev;
	(void)offset;
	(void)len;
	(void)value;
}

static struct bus_range *add_ecam(void)
{
	static const struct bus_ops ops = { .read = ecam_read,
					    .write = ecam_write };
	static struct bus_range ecam;

	ecam = (struct bus_range){
		.base = ECAM_GPA, .len = MIB(1), .ops = &ops, .name = "ECAM"
	};
	CHECK_EQ(bus_add(&vm.mmio, &ecam, &vm.err), 0);
	return &ecam;
}

static void a_trapped_bar_over_ecam_leaves_ecam_as_it_is(void)
{
	struct bus_range *ecam;

	vm_nvme(&vm);
	ecam = add_ecam();
	vm_place(&vm, 0, ECAM_GPA);
	CHECK_EQ(vm.slots.nr, 0);
	CHECK_EQ(vm_read(&vm, ECAM_GPA + 0x5000, &trapped), 0xeca);
	bus_del(&vm.mmio, ecam);
	vm_stop(&vm);
}

static void a_mapped_bar_over_ecam_leaves_ecam_as_it_is(void)
{
	struct bus_range *ecam;

	vm_igbvf(&vm);
	ecam = add_ecam();
	vm_place(&vm, 0, ECAM_GPA);
	CHECK_EQ(vm_read(&vm, ECAM_GPA + 0x1000, &trapped), 0xeca);
	CHECK_EQ(vm.slots.nr, 0);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 1);
	bus_del(&vm.mmio, ecam);
	vm_stop(&vm);
}

static void two_bars_at_one_place_are_not_both_there(void)
{
	vm_igbvf(&vm);
	vm_place(&vm, 0, BAR_GPA);
	vm_place(&vm, 3, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 1);
	/* And the second comes when the first makes room. */
	vm_place(&vm, 0, BAR_GPA + MIB(1));
	CHECK(vm.slots.nr > 1);
	vm_stop(&vm);
}

static void bars_at_the_ends_of_address_space_are_nowhere(void)
{
	static const uint64_t places[] = { 0, 0xffff8000, 0xffffffffffff8000,
					   0x10000000000000 };

	vm_nvme(&vm);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		wr(PCI_BASE_ADDRESS_0, 4, (uint32_t)places[i]);
		wr(PCI_BASE_ADDRESS_1, 4, (uint32_t)(places[i] >> 32));
		vm_decode(&vm, PCI_COMMAND_MEMORY);
		CHECK_EQ(vm.slots.nr + vm.mmio.nr, 0);
	}
	vm_stop(&vm);
}

/* --- storms --- */

static void command_storm(void)
{
	for (unsigned int i = 0; i < STORM; i++)
		wr(PCI_COMMAND, 2, i & 1 ? 0 : 0xffff);
}

static void a_command_storm_says_a_few_lines_and_ends_as_written(void)
{
	struct mem_region ram;

	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	vm_decode(&vm, 0);
	put_in_the_way(&ram, BAR_GPA, MEM_RAM);
	check_quiet(command_storm);
	CHECK(!(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_MASTER));
	CHECK(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_MEMORY);
	CHECK_EQ(vm.slots.nr, 1);
	CHECK_EQ(vm.mmio.nr, 0);
	mem_del(&vm.mem, &ram);
	vm_stop(&vm);
}

static void vpd_storm(void)
{
	for (unsigned int i = 0; i < STORM; i++)
		wr(0xd4 + PCI_VPD_ADDR, 2, PCI_VPD_ADDR_F | (i & 0xff));
}

static void a_storm_of_vpd_writes_says_a_few_lines(void)
{
	vm_nvme(&vm);
	check_quiet(vpd_storm);
	CHECK_EQ(vm.fake.nr_vpd_writes, 0);
	vm_stop(&vm);
}

static void power_storm(void)
{
	for (unsigned int i = 0; i < STORM; i++)
		wr(PM + PCI_PM_CTRL, 2, i & 1 ? 0 : 3);
}

static void a_storm_of_power_states_ends_with_all_in_place(void)
{
	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(nr_lines(power_storm), 0);
	CHECK_EQ(vm.slots.nr, 3);
	CHECK_EQ(vm.fake.nr_maps, 3);
	vm_stop(&vm);
}

static void dead_power_storm(void)
{
	vm.fake.is_dead = true;
	power_storm();
}

static void a_dead_device_is_complained_of_a_few_times(void)
{
	vm_nvme(&vm);
	check_quiet(dead_power_storm);
	vm_stop(&vm);
}

static void dead_reset_storm(void)
{
	vm.fake.is_dead = true;
	for (unsigned int i = 0; i < STORM; i++)
		wr(EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
}

static void resets_of_a_dead_device_say_a_few_lines(void)
{
	vm_nvme(&vm);
	check_quiet(dead_reset_storm);
	vm_stop(&vm);
}

static void fail_reads(void)
{
	uint64_t value;

	vm.fake.cfg[PCI_COMMAND] = 0; /* so that each access fails */
	for (unsigned int i = 0; i < STORM; i++)
		bus_read(&vm.mmio, BAR_GPA + 0x5000, 4, &value);
}

static void accesses_that_fail_say_a_few_lines(void)
{
	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	check_quiet(fail_reads);
	vm_stop(&vm);
}

/* --- all of config space --- */

static void every_register_may_be_written_with_anything(void)
{
	static const uint32_t values[] = { UINT32_MAX, 0, 0xa5a5a5a5 };

	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		for (unsigned int off = 0; off < PCI_CFG_LEN; off++)
			wr(off, 1, values[i]);
	CHECK_EQ(pci_dev_read(vm.dev, PCI_VENDOR_ID, 4), 0x00011e0f);
	CHECK(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_MEMORY);
	CHECK_EQ(vm.fake.nr_vpd_writes, 0);
	pci_dev_reset(vm.dev);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 3);
	vm_stop(&vm);
}

static void senseless_msix_entries_reach_nobody(void)
{
	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	for (unsigned int off = 0x5000; off < 0x6000; off += 4)
		bus_write(&vm.mmio, BAR_GPA + off, 4, 0xffffffff);
	wr(MSIX + PCI_MSIX_FLAGS, 2, 0xffff);
	for (unsigned int off = 0x5200; off < 0x5200 + 129 * 16; off += 4)
		bus_write(&vm.mmio, BAR_GPA + off, 4, off & 0xc ? off : 0);
	wr(MSIX + PCI_MSIX_FLAGS, 2, 0);
	CHECK_EQ(vm.sink.nr_irqfds, 0);
	CHECK_EQ(vm.fake.nr_eventfds, 0);
	vm_stop(&vm);
}

int main(void)
{
	TAP_RUN(a_bar_over_ram_leaves_ram_as_it_is);
	TAP_RUN(a_bar_over_another_devices_leaves_that_as_it_is);
	TAP_RUN(a_trapped_bar_over_ecam_leaves_ecam_as_it_is);
	TAP_RUN(a_mapped_bar_over_ecam_leaves_ecam_as_it_is);
	TAP_RUN(two_bars_at_one_place_are_not_both_there);
	TAP_RUN(bars_at_the_ends_of_address_space_are_nowhere);
	TAP_RUN(a_command_storm_says_a_few_lines_and_ends_as_written);
	TAP_RUN(a_storm_of_vpd_writes_says_a_few_lines);
	TAP_RUN(a_storm_of_power_states_ends_with_all_in_place);
	TAP_RUN(a_dead_device_is_complained_of_a_few_times);
	TAP_RUN(resets_of_a_dead_device_say_a_few_lines);
	TAP_RUN(accesses_that_fail_say_a_few_lines);
	TAP_RUN(every_register_may_be_written_with_anything);
	TAP_RUN(senseless_msix_entries_reach_nobody);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* D0 and D3hot of a physical function. */
#include "tests/unit/vfio_fixture.h"

enum { PM = 0x40, CTRL = PM + PCI_PM_CTRL, D3HOT = 3, MSIX = 0xb0 };

static struct vm vm;
static bool trapped;

static void state_write(uint32_t state)
{
	pci_dev_write(vm.dev, CTRL, 2, state);
}

static uint32_t state_read(void)
{
	return pci_dev_read(vm.dev, CTRL, 2) & PCI_PM_CTRL_STATE_MASK;
}

static uint32_t device_state(void)
{
	return vm.fake.cfg[CTRL] & PCI_PM_CTRL_STATE_MASK;
}

static void start(void)
{
	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
}

static void d3hot_reaches_the_device_and_back(void)
{
	start();
	state_write(D3HOT);
	CHECK_EQ(device_state(), D3HOT);
	CHECK_EQ(state_read(), D3HOT);
	state_write(0);
	CHECK_EQ(device_state(), 0);
	CHECK_EQ(state_read(), 0);
	vm_stop(&vm);
}

static void in_d3hot_no_bar_answers(void)
{
	start();
	state_write(D3HOT);
	CHECK_EQ(vm.slots.nr, 0);
	CHECK_EQ(vm.mmio.nr, 0);
	CHECK_EQ(vm_read(&vm, BAR_GPA, &trapped), 0xffffffff);
	vm_stop(&vm);
}

static void bars_are_back_in_d0_with_their_mmaps(void)
{
	start();
	fake_vfio_poke(&vm.fake, 0, 0x10, 0x77);
	state_write(D3HOT);
	CHECK_EQ(vm.fake.nr_maps, 3);
	state_write(0);
	CHECK_EQ(vm.slots.nr, 3);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x10, &trapped), 0x77);
	CHECK(!trapped);
	vm_stop(&vm);
}

static void the_guests_registers_survive_d3hot(void)
{
	start();
	pci_dev_write(vm.dev, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	state_write(D3HOT);
	state_write(0);
	CHECK_EQ(pci_dev_read(vm.dev, PCI_BASE_ADDRESS_0, 4) &
			 (uint32_t)PCI_BASE_ADDRESS_MEM_MASK,
		 BAR_GPA);
	CHECK(pci_dev_read(vm.dev, MSIX + PCI_MSIX_FLAGS, 2) &
	      PCI_MSIX_FLAGS_ENABLE);
	CHECK_EQ(vm.fake.nr_eventfds, 129);
	vm_stop(&vm);
}

static void bus_mastering_is_as_before_after_d3hot(void)
{
	start();
	pci_dev_write(vm.dev, PCI_COMMAND, 2,
		      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	state_write(D3HOT);
	put_le(vm.fake.cfg + PCI_COMMAND, 0, 2); /* the device forgot */
	state_write(0);
	CHECK(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_MASTER);
	CHECK(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_MEMORY);
	vm_stop(&vm);
}

static void a_bar_that_moves_in_d3hot_is_at_its_new_place_in_d0(void)
{
	const gpa_t to = BAR_GPA + MIB(2);

	start();
	fake_vfio_poke(&vm.fake, 0, 0x10, 0x77);
	state_write(D3HOT);
	vm_place(&vm, 0, to);
	CHECK_EQ(vm.slots.nr, 0);
	state_write(0);
	CHECK_EQ(vm_read(&vm, to + 0x10, &trapped), 0x77);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x10, &trapped), 0xffffffff);
	vm_stop(&vm);
}

static void a_bar_whose_place_was_taken_stays_away(void)
{
	static uint8_t page[4096] __attribute__((aligned(4096)));
	struct mem_region other = { .gpa = BAR_GPA,
				    .size = sizeof(page),
				    .hva = page,
				    .kind = MEM_DEVICE,
				    .fd = -1,
				    .name = "other" };

	start();
	state_write(D3HOT);
	CHECK_EQ(mem_add(&vm.mem, &other, &vm.err), 0);
	state_write(0);
	CHECK_EQ(state_read(), 0);
	CHECK_EQ(vm.slots.nr, 1);
	CHECK_EQ(vm.mmio.nr, 0);
	/* Nor is it taken away twice. */
	vm_decode(&vm, 0);
	mem_del(&vm.mem, &other);
	vm_decode(&vm, PCI_COMMAND_MEMORY);
	CHECK_EQ(vm.slots.nr, 3);
	vm_stop(&vm);
}

static void a_device_that_does_not_sleep_is_shown_awake(void)
{
	start();
	vm.fake.keeps_awake = true;
	state_write(D3HOT);
	CHECK_EQ(state_read(), 0);
	CHECK_EQ(vm.slots.nr, 3);
	vm_stop(&vm);
}

static void states_between_are_dropped(void)
{
	start();
	state_write(1);
	CHECK_EQ(state_read(), 0);
	state_write(D3HOT);
	state_write(2);
	CHECK_EQ(state_read(), D3HOT);
	CHECK_EQ(device_state(), D3HOT);
	vm_stop(&vm);
}

static void a_reset_wakes_the_device(void)
{
	start();
	state_write(D3HOT);
	pci_dev_reset(vm.dev);
	CHECK_EQ(device_state(), 0);
	CHECK_EQ(state_read(), 0);
	vm_place(&vm, 0, BAR_GPA);
	CHECK_EQ(vm.slots.nr, 3);
	vm_stop(&vm);
}

static void a_device_that_died_asleep_is_not_touched_again(void)
{
	unsigned int nr;

	start();
	state_write(D3HOT);
	vm.fake.is_dead = true;
	state_write(0);
	nr = vm.fake.nr_bar_reads;
	CHECK_EQ(vm_read(&vm, BAR_GPA, &trapped), 0xffffffff);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 0x5000, &trapped), 0xffffffff);
	CHECK_EQ(vm.fake.nr_bar_reads, nr);
	CHECK_EQ(vm.slots.nr, 0);
	vm_stop(&vm);
}

static void no_soft_reset_is_the_devices(void)
{
	vm_start(&vm, fake_nvme_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(32), true);
	vm.fake.cfg[CTRL] = 0;
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK_EQ(pci_dev_read(vm.dev, CTRL, 2), 0);
	vm_stop(&vm);
}

int main(void)
{
	TAP_RUN(d3hot_reaches_the_device_and_back);
	TAP_RUN(in_d3hot_no_bar_answers);
	TAP_RUN(bars_are_back_in_d0_with_their_mmaps);
	TAP_RUN(the_guests_registers_survive_d3hot);
	TAP_RUN(bus_mastering_is_as_before_after_d3hot);
	TAP_RUN(a_bar_that_moves_in_d3hot_is_at_its_new_place_in_d0);
	TAP_RUN(a_bar_whose_place_was_taken_stays_away);
	TAP_RUN(a_device_that_does_not_sleep_is_shown_awake);
	TAP_RUN(states_between_are_dropped);
	TAP_RUN(a_reset_wakes_the_device);
	TAP_RUN(a_device_that_died_asleep_is_not_touched_again);
	TAP_RUN(no_soft_reset_is_the_devices);
	return tap_done();
}

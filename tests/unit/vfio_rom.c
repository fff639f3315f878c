// SPDX-License-Identifier: GPL-2.0-or-later
/* The expansion ROM that the guest sees of a physical function. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/vfio_fixture.h"

enum { ROM = VFIO_PCI_ROM_REGION_INDEX, SIZE = 8192 };

static struct vm vm;
static bool trapped;
static char path[64];

/* An NVMe controller with a ROM of its own, not yet assigned. */
static void prepare(void)
{
	vm_start(&vm, fake_nvme_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(32), true);
	fake_vfio_bar(&vm.fake, ROM, SIZE, false);
	fake_vfio_poke(&vm.fake, ROM, 0, 0x1234aa55);
	fake_vfio_poke(&vm.fake, ROM, SIZE - 4, 0x5a5a5a5a);
}

/* The guest gives the ROM an address and turns it on. */
static void rom_on(uint32_t gpa)
{
	vm_decode(&vm, PCI_COMMAND_MEMORY);
	pci_dev_write(vm.dev, PCI_ROM_ADDRESS, 4, gpa | PCI_ROM_ADDRESS_ENABLE);
}

/* A file with these bytes; vm.options takes it. */
static void write_file(const void *bytes, size_t len, size_t file_len)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/strait-rom-XXXXXX");
	fd = mkstemp(path);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, bytes, len), len);
	CHECK_EQ(ftruncate(fd, (off_t)file_len), 0);
	close(fd);
	vm.options.rom = VFIO_ROM_FILE;
	vm.options.rom_file = path;
}

static void refused_stop(void)
{
	unlink(path);
	vfio_dev_close(&vm.fake.dev);
	vm_stop(&vm);
}

static void the_devices_rom_has_its_size(void)
{
	prepare();
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK_EQ(pci_dev_read(vm.dev, PCI_ROM_ADDRESS, 4), 0);
	pci_dev_write(vm.dev, PCI_ROM_ADDRESS, 4,
		      (uint32_t)PCI_ROM_ADDRESS_MASK);
	CHECK_EQ(pci_dev_read(vm.dev, PCI_ROM_ADDRESS, 4), 0xffffe000);
	vm_stop(&vm);
}

static void the_guest_reads_the_devices_rom(void)
{
	prepare();
	CHECK_EQ(vm_assign(&vm), 0);
	rom_on(BAR_GPA);
	CHECK_EQ(vm_read(&vm, BAR_GPA, &trapped), 0x1234aa55);
	CHECK_EQ(vm_read(&vm, BAR_GPA + SIZE - 4, &trapped), 0x5a5a5a5a);
	vm_stop(&vm);
}

static void the_device_is_read_once_and_not_before_it_is_needed(void)
{
	unsigned int nr;

	prepare();
	CHECK_EQ(vm_assign(&vm), 0);
	vm_place(&vm, 0, BAR_GPA + MIB(1));
	CHECK_EQ(vm.fake.nr_bar_reads, 0);
	rom_on(BAR_GPA);
	nr = vm.fake.nr_bar_reads;
	CHECK(nr > 0);
	pci_dev_write(vm.dev, PCI_ROM_ADDRESS, 4, 0);
	rom_on(BAR_GPA);
	vm_read(&vm, BAR_GPA, &trapped);
	CHECK_EQ(vm.fake.nr_bar_reads, nr);
	vm_stop(&vm);
}

static void writes_to_the_rom_vanish(void)
{
	prepare();
	CHECK_EQ(vm_assign(&vm), 0);
	rom_on(BAR_GPA);
	CHECK(bus_write(&vm.mmio, BAR_GPA, 4, 0));
	CHECK_EQ(vm_read(&vm, BAR_GPA, &trapped), 0x1234aa55);
	CHECK_EQ(vm.fake.nr_bar_writes, 0);
	vm_stop(&vm);
}

static void a_rom_that_fails_to_read_is_all_ones(void)
{
	prepare();
	CHECK_EQ(vm_assign(&vm), 0);
	vm_decode(&vm, PCI_COMMAND_MEMORY);
	vm.fake.fail_nth = vm.fake.nr_calls + 2; /* the second chunk */
	rom_on(BAR_GPA);
	CHECK_EQ(vm_read(&vm, BAR_GPA, &trapped), 0x1234aa55);
	CHECK_EQ(vm_read(&vm, BAR_GPA + SIZE - 4, &trapped), 0xffffffff);
	vm_stop(&vm);
}

static void off_hides_the_rom(void)
{
	prepare();
	vm.options.rom = VFIO_ROM_OFF;
	CHECK_EQ(vm_assign(&vm), 0);
	pci_dev_write(vm.dev, PCI_ROM_ADDRESS, 4, UINT32_MAX);
	CHECK_EQ(pci_dev_read(vm.dev, PCI_ROM_ADDRESS, 4), 0);
	vm_stop(&vm);
}

static void a_function_without_rom_has_no_rom_bar(void)
{
	vm_nvme(&vm);
	pci_dev_write(vm.dev, PCI_ROM_ADDRESS, 4, UINT32_MAX);
	CHECK_EQ(pci_dev_read(vm.dev, PCI_ROM_ADDRESS, 4), 0);
	vm_stop(&vm);
}

static void a_file_takes_the_place_of_the_devices_rom(void)
{
	static const uint8_t rom[] = { 0x55, 0xaa, 0x08, 0x99 };

	prepare();
	write_file(rom, sizeof(rom), 3000);
	CHECK_EQ(vm_assign(&vm), 0);
	unlink(path);
	rom_on(BAR_GPA);
	CHECK_EQ(vm_read(&vm, BAR_GPA, &trapped), 0x9908aa55);
	CHECK_EQ(vm_read(&vm, BAR_GPA + 4, &trapped), 0);
	/* The BAR is a power of two; what the file does not fill is empty. */
	CHECK_EQ(vm_read(&vm, BAR_GPA + 4092, &trapped), 0xffffffff);
	CHECK_EQ(vm.fake.nr_bar_reads, 0);
	vm_stop(&vm);
}

static void a_file_that_is_no_rom_is_refused(void)
{
	prepare();
	write_file("ELF?", 4, 4096);
	CHECK_EQ(vm_assign(&vm), -EINVAL);
	CHECK_HAS(vm.err.msg, "0000:01:10.0: rom: /tmp/strait-rom-");
	CHECK_HAS(vm.err.msg, "does not begin with 55 aa");
	CHECK_HAS(vm.err.hint, "cat rom");
	refused_stop();
}

static void a_file_of_a_wrong_size_is_refused(void)
{
	prepare();
	write_file("U\xaa", 2, 100);
	CHECK_EQ(vm_assign(&vm), -EINVAL);
	CHECK_HAS(vm.err.msg, "this has 100 bytes");
	refused_stop();
}

/* Signals are blocked when it is opened, so waiting would be for ever. */
static void a_fifo_is_refused_at_once(void)
{
	prepare();
	write_file("", 0, 0);
	unlink(path);
	CHECK_EQ(mkfifo(path, 0600), 0);
	CHECK_EQ(vm_assign(&vm), -EINVAL);
	refused_stop();
}

static void a_file_that_is_not_there_is_named(void)
{
	prepare();
	vm.options.rom = VFIO_ROM_FILE;
	vm.options.rom_file = "/nonexistent/rom";
	CHECK_EQ(vm_assign(&vm), -ENOENT);
	CHECK_HAS(vm.err.msg, "0000:01:10.0: rom: /nonexistent/rom: open");
	refused_stop();
}

int main(void)
{
	TAP_RUN(the_devices_rom_has_its_size);
	TAP_RUN(the_guest_reads_the_devices_rom);
	TAP_RUN(the_device_is_read_once_and_not_before_it_is_needed);
	TAP_RUN(writes_to_the_rom_vanish);
	TAP_RUN(a_rom_that_fails_to_read_is_all_ones);
	TAP_RUN(off_hides_the_rom);
	TAP_RUN(a_function_without_rom_has_no_rom_bar);
	TAP_RUN(a_file_takes_the_place_of_the_devices_rom);
	TAP_RUN(a_file_that_is_no_rom_is_refused);
	TAP_RUN(a_file_of_a_wrong_size_is_refused);
	TAP_RUN(a_fifo_is_refused_at_once);
	TAP_RUN(a_file_that_is_not_there_is_named);
	return tap_done();
}

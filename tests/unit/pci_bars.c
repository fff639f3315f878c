// SPDX-License-Identifier: GPL-2.0-or-later
/* BARs: sizing, decode, moves, and addresses where nothing can be. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "tests/unit/pci_fixture.h"

enum {
	BAR0 = PCI_BASE_ADDRESS_0,
	BAR1 = PCI_BASE_ADDRESS_1,
	BAR2 = PCI_BASE_ADDRESS_2,
	BAR3 = PCI_BASE_ADDRESS_3,
	IO = PCI_COMMAND_IO,
	MEM = PCI_COMMAND_MEMORY,
};

static struct fixture f;

static int set_bar(unsigned int n, enum pci_bar_type type, uint64_t size)
{
	return pci_dev_set_bar(&f.dev, n, type, false, size);
}

/* One BAR at addr, with decode on for it. */
static void start_mapped(enum pci_bar_type type, uint64_t size, uint64_t addr)
{
	fixture_init(&f);
	set_bar(0, type, size);
	wr(&f, BAR0, 4, (uint32_t)addr);
	wr(&f, BAR1, 4, (uint32_t)(addr >> 32));
	wr(&f, PCI_COMMAND, 2, IO | MEM);
}

static void sizing_io_gives_its_mask_and_type(void)
{
	fixture_init(&f);
	CHECK_EQ(set_bar(0, PCI_BAR_IO, 32), 0);
	wr(&f, BAR0, 4, 0xffffffff);
	CHECK_EQ(rd(&f, BAR0, 4), 0xffffffe1);
	fixture_fini(&f);
}

static void sizing_mem32_gives_its_mask_and_type(void)
{
	fixture_init(&f);
	CHECK_EQ(set_bar(0, PCI_BAR_MEM32, KIB(16)), 0);
	wr(&f, BAR0, 4, 0xffffffff);
	CHECK_EQ(rd(&f, BAR0, 4), 0xffffc000);
	fixture_fini(&f);
}

static void sizing_prefetchable_mem64_gives_both_halves(void)
{
	fixture_init(&f);
	CHECK_EQ(pci_dev_set_bar(&f.dev, 2, PCI_BAR_MEM64, true, GIB(8)), 0);
	wr(&f, BAR2, 4, 0xffffffff);
	wr(&f, BAR3, 4, 0xffffffff);
	CHECK_EQ(rd(&f, BAR2, 4), 0x0000000c);
	CHECK_EQ(rd(&f, BAR3, 4), 0xfffffffe);
	fixture_fini(&f);
}

static void sizing_the_rom_gives_its_mask_and_enable_bit(void)
{
	fixture_init(&f);
	CHECK_EQ(set_bar(PCI_BAR_ROM, PCI_BAR_MEM32, KIB(64)), 0);
	wr(&f, PCI_ROM_ADDRESS, 4, 0xfffff800);
	CHECK_EQ(rd(&f, PCI_ROM_ADDRESS, 4), 0xffff0000);
	wr(&f, PCI_ROM_ADDRESS, 4, 0xffffffff);
	CHECK_EQ(rd(&f, PCI_ROM_ADDRESS, 4), 0xffff0001);
	fixture_fini(&f);
}

static void type_bits_cannot_be_written(void)
{
	fixture_init(&f);
	pci_dev_set_bar(&f.dev, 0, PCI_BAR_MEM64, true, KIB(16));
	set_bar(2, PCI_BAR_IO, 16);
	wr(&f, BAR0, 4, 0);
	wr(&f, BAR2, 4, 0);
	CHECK_EQ(rd(&f, BAR0, 4), 0xc);
	CHECK_EQ(rd(&f, BAR2, 4), 1);
	fixture_fini(&f);
}

static void absent_bar_reads_zero(void)
{
	fixture_init(&f);
	wr(&f, BAR0, 4, 0xffffffff);
	CHECK_EQ(rd(&f, BAR0, 4), 0);
	fixture_fini(&f);
}

static void bad_sizes_are_refused(void)
{
	fixture_init(&f);
	CHECK_EQ(set_bar(0, PCI_BAR_MEM32, 0), -EINVAL);
	CHECK_EQ(set_bar(0, PCI_BAR_MEM32, 8), -EINVAL);
	CHECK_EQ(set_bar(0, PCI_BAR_MEM32, 4095), -EINVAL);
	CHECK_EQ(set_bar(0, PCI_BAR_MEM32, GIB(4)), -EINVAL);
	CHECK_EQ(set_bar(0, PCI_BAR_MEM64, 1ULL << 52), -EINVAL);
	CHECK_EQ(set_bar(0, PCI_BAR_IO, 2), -EINVAL);
	CHECK_EQ(set_bar(0, PCI_BAR_IO, KIB(64)), -EINVAL);
	CHECK_EQ(set_bar(PCI_BAR_ROM, PCI_BAR_MEM32, KIB(1)), -EINVAL);
	CHECK_EQ(set_bar(PCI_BAR_ROM, PCI_BAR_IO, KIB(4)), -EINVAL);
	CHECK_EQ(set_bar(PCI_BAR_ROM, PCI_BAR_MEM64, KIB(4)), -EINVAL);
	CHECK_EQ(set_bar(0, PCI_BAR_NONE, 16), -EINVAL);
	CHECK_EQ(set_bar(7, PCI_BAR_MEM32, KIB(4)), -EINVAL);
	fixture_fini(&f);
}

static void smallest_and_largest_sizes_are_taken(void)
{
	fixture_init(&f);
	CHECK_EQ(set_bar(0, PCI_BAR_IO, 4), 0);
	CHECK_EQ(set_bar(0, PCI_BAR_IO, KIB(32)), 0);
	CHECK_EQ(set_bar(0, PCI_BAR_MEM32, 16), 0);
	CHECK_EQ(set_bar(0, PCI_BAR_MEM32, GIB(2)), 0);
	CHECK_EQ(set_bar(0, PCI_BAR_MEM64, 16), 0);
	CHECK_EQ(set_bar(0, PCI_BAR_MEM64, 1ULL << 51), 0);
	CHECK_EQ(set_bar(PCI_BAR_ROM, PCI_BAR_MEM32, KIB(2)), 0);
	CHECK_EQ(set_bar(PCI_BAR_ROM, PCI_BAR_MEM32, GIB(2)), 0);
	fixture_fini(&f);
}

static void mem64_needs_two_registers(void)
{
	fixture_init(&f);
	CHECK_EQ(set_bar(5, PCI_BAR_MEM64, KIB(4)), -EINVAL);
	CHECK_EQ(set_bar(1, PCI_BAR_MEM32, KIB(4)), 0);
	CHECK_EQ(set_bar(0, PCI_BAR_MEM64, KIB(4)), -EINVAL);
	CHECK_EQ(set_bar(2, PCI_BAR_MEM64, KIB(4)), 0);
	CHECK_EQ(set_bar(3, PCI_BAR_IO, 16), -EINVAL);
	CHECK_EQ(set_bar(4, PCI_BAR_IO, 16), 0);
	fixture_fini(&f);
}

static void bar_can_be_taken_away_again(void)
{
	fixture_init(&f);
	CHECK_EQ(set_bar(0, PCI_BAR_MEM64, KIB(4)), 0);
	CHECK_EQ(set_bar(0, PCI_BAR_NONE, 0), 0);
	wr(&f, BAR0, 4, 0xffffffff);
	wr(&f, BAR1, 4, 0xffffffff);
	CHECK_EQ(rd(&f, BAR0, 4), 0);
	CHECK_EQ(rd(&f, BAR1, 4), 0);
	fixture_fini(&f);
}

static void nothing_is_mapped_while_decode_is_off(void)
{
	fixture_init(&f);
	set_bar(0, PCI_BAR_MEM32, KIB(16));
	wr(&f, BAR0, 4, 0xc0000000);
	CHECK_LOG(&f, "");
	CHECK(!f.dev.bars[0].mapped);
	fixture_fini(&f);
}

static void memory_decode_maps_and_unmaps_memory_bars(void)
{
	fixture_init(&f);
	set_bar(0, PCI_BAR_MEM32, KIB(16));
	set_bar(1, PCI_BAR_IO, 32);
	set_bar(2, PCI_BAR_MEM64, KIB(64));
	wr(&f, BAR0, 4, 0xc0000000);
	wr(&f, BAR1, 4, 0xc000);
	wr(&f, BAR2, 4, 0x10000);
	wr(&f, BAR3, 4, 8);
	wr(&f, PCI_COMMAND, 2, MEM);
	CHECK_LOG(&f, "map 0@c0000000;map 2@800010000;");
	wr(&f, PCI_COMMAND, 2, 0);
	CHECK_LOG(&f, "unmap 0@c0000000;unmap 2@800010000;");
	fixture_fini(&f);
}

static void io_decode_maps_and_unmaps_io_bars(void)
{
	fixture_init(&f);
	set_bar(0, PCI_BAR_MEM32, KIB(16));
	set_bar(1, PCI_BAR_IO, 32);
	wr(&f, BAR0, 4, 0xc0000000);
	wr(&f, BAR1, 4, 0xc000);
	wr(&f, PCI_COMMAND, 2, IO);
	CHECK_LOG(&f, "map 1@c000;");
	wr(&f, PCI_COMMAND, 1, 0);
	CHECK_LOG(&f, "unmap 1@c000;");
	fixture_fini(&f);
}

static void writing_the_same_again_maps_nothing_twice(void)
{
	start_mapped(PCI_BAR_MEM32, KIB(16), 0xc0000000);
	CHECK_LOG(&f, "map 0@c0000000;");
	wr(&f, BAR0, 4, 0xc0000000);
	wr(&f, PCI_COMMAND, 2, IO | MEM | PCI_COMMAND_MASTER);
	CHECK_LOG(&f, "");
	fixture_fini(&f);
}

static void rom_needs_its_enable_bit_and_memory_decode(void)
{
	fixture_init(&f);
	set_bar(PCI_BAR_ROM, PCI_BAR_MEM32, KIB(64));
	wr(&f, PCI_COMMAND, 2, MEM);
	wr(&f, PCI_ROM_ADDRESS, 4, 0xc0000000);
	CHECK_LOG(&f, "");
	wr(&f, PCI_ROM_ADDRESS, 4, 0xc0000001);
	CHECK_LOG(&f, "map 6@c0000000;");
	wr(&f, PCI_COMMAND, 2, 0);
	CHECK_LOG(&f, "unmap 6@c0000000;");
	wr(&f, PCI_COMMAND, 2, MEM);
	CHECK_LOG(&f, "map 6@c0000000;");
	wr(&f, PCI_ROM_ADDRESS, 4, 0xc0000000);
	CHECK_LOG(&f, "unmap 6@c0000000;");
	fixture_fini(&f);
}

static void moving_a_bar_unmaps_the_old_place_first(void)
{
	start_mapped(PCI_BAR_MEM32, KIB(16), 0xc0000000);
	CHECK_LOG(&f, "map 0@c0000000;");
	wr(&f, BAR0, 4, 0xd0000000);
	CHECK_LOG(&f, "unmap 0@c0000000;map 0@d0000000;");
	CHECK_EQ(f.dev.bars[0].addr, 0xd0000000);
	fixture_fini(&f);
}

static void mem64_moves_half_by_half_with_decode_on(void)
{
	start_mapped(PCI_BAR_MEM64, KIB(16), 0x800000000);
	CHECK_LOG(&f, "map 0@800000000;");
	wr(&f, BAR0, 4, 0x10000);
	CHECK_LOG(&f, "unmap 0@800000000;map 0@800010000;");
	wr(&f, BAR1, 4, 9);
	CHECK_LOG(&f, "unmap 0@800010000;map 0@900010000;");
	fixture_fini(&f);
}

static void byte_writes_move_a_bar_too(void)
{
	start_mapped(PCI_BAR_MEM32, KIB(16), 0xc0000000);
	CHECK_LOG(&f, "map 0@c0000000;");
	wr(&f, BAR0 + 3, 1, 0xc1);
	CHECK_LOG(&f, "unmap 0@c0000000;map 0@c1000000;");
	fixture_fini(&f);
}

static void sizing_mem32_with_decode_on_maps_nothing_in_between(void)
{
	start_mapped(PCI_BAR_MEM32, KIB(16), 0xc0000000);
	wr(&f, BAR0, 4, 0xffffffff);
	wr(&f, BAR0, 4, 0xc0000000);
	CHECK_LOG(&f, "map 0@c0000000;unmap 0@c0000000;map 0@c0000000;");
	fixture_fini(&f);
}

static void sizing_mem64_with_decode_on_maps_nothing_at_the_ends(void)
{
	start_mapped(PCI_BAR_MEM64, KIB(16), 0xc0000000);
	CHECK_LOG(&f, "map 0@c0000000;");
	wr(&f, BAR0, 4, 0xffffffff);
	wr(&f, BAR1, 4, 0xffffffff);
	CHECK_LOG(&f, "unmap 0@c0000000;");
	CHECK_EQ(rd(&f, BAR0, 4), 0xffffc004);
	CHECK_EQ(rd(&f, BAR1, 4), 0xffffffff);
	wr(&f, BAR1, 4, 0);
	CHECK_LOG(&f, "");
	wr(&f, BAR0, 4, 0xc0000000);
	CHECK_LOG(&f, "map 0@c0000000;");
	fixture_fini(&f);
}

static void sizing_io_with_decode_on_maps_nothing_in_between(void)
{
	start_mapped(PCI_BAR_IO, 32, 0xc000);
	CHECK_LOG(&f, "map 0@c000;");
	wr(&f, BAR0, 4, 0xffffffff);
	CHECK_LOG(&f, "unmap 0@c000;");
	wr(&f, BAR0, 4, 0xffff);
	CHECK_LOG(&f, "");
	fixture_fini(&f);
}

static void io_beyond_64_kib_is_nowhere(void)
{
	start_mapped(PCI_BAR_IO, 32, 0x10000);
	CHECK_LOG(&f, "");
	CHECK_EQ(rd(&f, BAR0, 4), 0x10001);
	wr(&f, BAR0, 4, 0xffc0);
	CHECK_LOG(&f, "map 0@ffc0;");
	fixture_fini(&f);
}

static void address_zero_is_nowhere(void)
{
	start_mapped(PCI_BAR_MEM32, KIB(16), 0);
	CHECK_LOG(&f, "");
	fixture_fini(&f);
}

static void address_beyond_52_bits_is_nowhere(void)
{
	start_mapped(PCI_BAR_MEM64, KIB(16), 1ULL << 52);
	CHECK_LOG(&f, "");
	wr(&f, BAR1, 4, 0x000fffff);
	CHECK_LOG(&f, "map 0@fffff00000000;");
	fixture_fini(&f);
}

static void refused_bar_stays_unmapped(void)
{
	fixture_init(&f);
	f.map_error = -EEXIST;
	set_bar(0, PCI_BAR_MEM32, KIB(16));
	wr(&f, BAR0, 4, 0xc0000000);
	wr(&f, PCI_COMMAND, 2, MEM);
	CHECK_LOG(&f, "map 0@c0000000;");
	CHECK(!f.dev.bars[0].mapped);
	wr(&f, PCI_COMMAND, 2, 0);
	CHECK_LOG(&f, "");
	fixture_fini(&f);
}

static void refused_bar_is_mapped_once_it_has_room(void)
{
	fixture_init(&f);
	f.map_error = -EEXIST;
	set_bar(0, PCI_BAR_MEM32, KIB(16));
	wr(&f, BAR0, 4, 0xc0000000);
	wr(&f, PCI_COMMAND, 2, MEM);
	CHECK_LOG(&f, "map 0@c0000000;");
	f.map_error = 0;
	wr(&f, BAR0, 4, 0xd0000000);
	CHECK_LOG(&f, "map 0@d0000000;");
	CHECK(f.dev.bars[0].mapped);
	fixture_fini(&f);
}

/* What goes to stderr while a guest moves a refused BAR n times. */
static void log_of_refusals(unsigned int n, char *buf, size_t len)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC), old;
	ssize_t got;

	fixture_init(&f);
	f.map_error = -EEXIST;
	set_bar(2, PCI_BAR_MEM32, KIB(16));
	wr(&f, PCI_COMMAND, 2, MEM);
	fflush(stderr);
	old = fcntl(2, F_DUPFD_CLOEXEC, 3);
	dup2(fd, 2);
	log_set_level(LOG_WARN);
	for (unsigned int i = 1; i <= n; i++)
		wr(&f, BAR2, 4, 0xc0000000 + i * 0x4000);
	log_set_level(LOG_ERROR);
	fflush(stderr);
	dup2(old, 2);
	close(old);
	got = pread(fd, buf, len - 1, 0);
	buf[got > 0 ? got : 0] = '\0';
	close(fd);
	fixture_fini(&f);
}

static void refusal_names_function_bar_address_and_reason(void)
{
	static char text[65536];

	log_of_refusals(1, text, sizeof(text));
	CHECK_HAS(text, "0000:01:10.0");
	CHECK_HAS(text, "BAR 2");
	CHECK_HAS(text, "0xc0004000");
	CHECK_HAS(text, "File exists");
}

static unsigned int count_lines(const char *text)
{
	unsigned int lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void guest_cannot_flood_the_log(void)
{
	static char text[65536];

	log_of_refusals(200, text, sizeof(text));
	/* Ten a second, and a second may end in between. */
	CHECK(count_lines(text) <= 20);
	CHECK(count_lines(text) >= 10);
}

static void two_bars_can_swap_places(void)
{
	fixture_init(&f);
	set_bar(0, PCI_BAR_MEM32, KIB(16));
	set_bar(1, PCI_BAR_MEM32, KIB(16));
	wr(&f, BAR0, 4, 0xc0000000);
	wr(&f, BAR1, 4, 0xc0004000);
	wr(&f, PCI_COMMAND, 2, MEM);
	CHECK_LOG(&f, "map 0@c0000000;map 1@c0004000;");
	wr(&f, PCI_COMMAND, 2, 0);
	CHECK_LOG(&f, "unmap 0@c0000000;unmap 1@c0004000;");
	wr(&f, BAR0, 4, 0xc0004000);
	wr(&f, BAR1, 4, 0xc0000000);
	wr(&f, PCI_COMMAND, 2, MEM);
	CHECK_LOG(&f, "map 0@c0004000;map 1@c0000000;");
	fixture_fini(&f);
}

static void owner_hears_of_decode_before_mapping_and_after_unmapping(void)
{
	fixture_init(&f);
	set_bar(0, PCI_BAR_MEM32, KIB(16));
	wr(&f, BAR0, 4, 0xc0000000);
	f.quiet = false;
	wr(&f, PCI_COMMAND, 2, MEM);
	CHECK_LOG(&f, "written 4/2;map 0@c0000000;");
	wr(&f, PCI_COMMAND, 2, 0);
	CHECK_LOG(&f, "unmap 0@c0000000;written 4/2;");
	fixture_fini(&f);
}

static void reset_unmaps_bars_before_the_owner_resets(void)
{
	fixture_init(&f);
	set_bar(0, PCI_BAR_MEM32, KIB(16));
	pci_cfg_put(&f.dev, BAR0, 4, 0xc0000000);
	pci_dev_set_power_on(&f.dev);
	wr(&f, BAR0, 4, 0xd0000000);
	wr(&f, PCI_COMMAND, 2, MEM);
	CHECK_LOG(&f, "map 0@d0000000;");
	pci_dev_reset(&f.dev);
	CHECK_LOG(&f, "unmap 0@d0000000;reset;");
	CHECK_EQ(rd(&f, BAR0, 4), 0xc0000000);
	fixture_fini(&f);
}

static void reset_maps_again_what_decodes_at_power_on(void)
{
	start_mapped(PCI_BAR_MEM32, KIB(16), 0xc0000000);
	pci_dev_set_power_on(&f.dev);
	wr(&f, PCI_COMMAND, 2, 0);
	f.log[0] = '\0';
	pci_dev_reset(&f.dev);
	CHECK_LOG(&f, "reset;map 0@c0000000;");
	fixture_fini(&f);
}

static void fini_unmaps_what_is_mapped(void)
{
	start_mapped(PCI_BAR_MEM32, KIB(16), 0xc0000000);
	CHECK_LOG(&f, "map 0@c0000000;");
	fixture_fini(&f);
	CHECK_LOG(&f, "unmap 0@c0000000;");
}

int main(void)
{
	log_set_level(LOG_ERROR);
	TAP_RUN(sizing_io_gives_its_mask_and_type);
	TAP_RUN(sizing_mem32_gives_its_mask_and_type);
	TAP_RUN(sizing_prefetchable_mem64_gives_both_halves);
	TAP_RUN(sizing_the_rom_gives_its_mask_and_enable_bit);
	TAP_RUN(type_bits_cannot_be_written);
	TAP_RUN(absent_bar_reads_zero);
	TAP_RUN(bad_sizes_are_refused);
	TAP_RUN(smallest_and_largest_sizes_are_taken);
	TAP_RUN(mem64_needs_two_registers);
	TAP_RUN(bar_can_be_taken_away_again);
	TAP_RUN(nothing_is_mapped_while_decode_is_off);
	TAP_RUN(memory_decode_maps_and_unmaps_memory_bars);
	TAP_RUN(io_decode_maps_and_unmaps_io_bars);
	TAP_RUN(writing_the_same_again_maps_nothing_twice);
	TAP_RUN(rom_needs_its_enable_bit_and_memory_decode);
	TAP_RUN(moving_a_bar_unmaps_the_old_place_first);
	TAP_RUN(mem64_moves_half_by_half_with_decode_on);
	TAP_RUN(byte_writes_move_a_bar_too);
	TAP_RUN(sizing_mem32_with_decode_on_maps_nothing_in_between);
	TAP_RUN(sizing_mem64_with_decode_on_maps_nothing_at_the_ends);
	TAP_RUN(sizing_io_with_decode_on_maps_nothing_in_between);
	TAP_RUN(io_beyond_64_kib_is_nowhere);
	TAP_RUN(address_zero_is_nowhere);
	TAP_RUN(address_beyond_52_bits_is_nowhere);
	TAP_RUN(refused_bar_stays_unmapped);
	TAP_RUN(refused_bar_is_mapped_once_it_has_room);
	TAP_RUN(refusal_names_function_bar_address_and_reason);
	TAP_RUN(guest_cannot_flood_the_log);
	TAP_RUN(two_bars_can_swap_places);
	TAP_RUN(owner_hears_of_decode_before_mapping_and_after_unmapping);
	TAP_RUN(reset_unmaps_bars_before_the_owner_resets);
	TAP_RUN(reset_maps_again_what_decodes_at_power_on);
	TAP_RUN(fini_unmaps_what_is_mapped);
	return tap_done();
}

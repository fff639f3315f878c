// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest RAM around the holes of the address space. */
#include "src/x86/layout.h"
#include "tests/tap.h"

static struct x86_ram_piece out[X86_MAX_RAM_PIECES];

#define CHECK_PIECE(i, from, len)                                              \
	do {                                                                   \
		CHECK_EQ(out[i].gpa, from);                                    \
		CHECK_EQ(out[i].size, len);                                    \
	} while (0)

static void little_ram_is_one_piece(void)
{
	CHECK_EQ(x86_place_ram(MIB(512), false, out), 1);
	CHECK_PIECE(0, 0, MIB(512));
}

static void three_gigabytes_are_one_piece(void)
{
	CHECK_EQ(x86_place_ram(GIB(3), true, out), 1);
	CHECK_PIECE(0, 0, GIB(3));
}

static void what_is_more_goes_above_4_gib(void)
{
	CHECK_EQ(x86_place_ram(GIB(3) + MIB(2), false, out), 2);
	CHECK_PIECE(0, 0, GIB(3));
	CHECK_PIECE(1, GIB(4), MIB(2));
}

static void low_ram_ends_below_the_pci_window_and_ecam(void)
{
	CHECK(X86_RAM_BELOW_4G_MAX <= X86_MEM32_BASE);
	CHECK_EQ(X86_MEM32_BASE + X86_MEM32_SIZE, X86_ECAM_BASE);
	CHECK(X86_ECAM_BASE + X86_ECAM_SIZE <= X86_IOAPIC_GPA);
}

static void boot_data_in_low_memory_does_not_overlap(void)
{
	CHECK(X86_GDT_GPA + 32 <= X86_START_INFO_GPA);
	CHECK(X86_START_INFO_GPA + 4096 <= X86_ZERO_PAGE_GPA);
	CHECK(X86_ZERO_PAGE_GPA + 4096 <= X86_PAGE_TABLES_GPA);
	CHECK(X86_PAGE_TABLES_GPA + 6ULL * 4096 <= X86_CMDLINE_GPA);
	CHECK(X86_CMDLINE_GPA + X86_CMDLINE_MAX <= X86_LOW_RAM_END);
	CHECK(X86_LOW_RAM_END <= X86_ACPI_GPA);
}

/* 1012 GiB is where the hole starts: 3 below 4 GiB and 1008 above. */
static void ram_up_to_the_hypertransport_hole_is_two_pieces(void)
{
	CHECK_EQ(x86_place_ram(GIB(1011), true, out), 2);
	CHECK_PIECE(1, GIB(4), GIB(1008));
	CHECK_EQ(out[1].gpa + out[1].size, 0xfd00000000);
}

static void ram_goes_on_at_1_tib_behind_the_hole(void)
{
	CHECK_EQ(x86_place_ram(GIB(1011) + MIB(2), true, out), 3);
	CHECK_PIECE(1, GIB(4), GIB(1008));
	CHECK_PIECE(2, TIB(1), MIB(2));
}

static void no_byte_lies_in_the_hole_and_none_is_lost(void)
{
	CHECK_EQ(x86_place_ram(TIB(4), true, out), 3);
	CHECK_EQ(out[0].size + out[1].size + out[2].size, TIB(4));
	CHECK(out[1].gpa + out[1].size <= X86_HT_HOLE_START);
	CHECK(out[2].gpa >= X86_HT_HOLE_END);
}

static void without_the_hole_ram_is_contiguous(void)
{
	CHECK_EQ(x86_place_ram(TIB(4), false, out), 2);
	CHECK_PIECE(1, GIB(4), TIB(4) - GIB(3));
}

static void no_ram_is_no_piece(void)
{
	CHECK_EQ(x86_place_ram(0, true, out), 0);
}

int main(void)
{
	TAP_RUN(little_ram_is_one_piece);
	TAP_RUN(three_gigabytes_are_one_piece);
	TAP_RUN(what_is_more_goes_above_4_gib);
	TAP_RUN(low_ram_ends_below_the_pci_window_and_ecam);
	TAP_RUN(boot_data_in_low_memory_does_not_overlap);
	TAP_RUN(ram_up_to_the_hypertransport_hole_is_two_pieces);
	TAP_RUN(ram_goes_on_at_1_tib_behind_the_hole);
	TAP_RUN(no_byte_lies_in_the_hole_and_none_is_lost);
	TAP_RUN(without_the_hole_ram_is_contiguous);
	TAP_RUN(no_ram_is_no_piece);
	return tap_done();
}

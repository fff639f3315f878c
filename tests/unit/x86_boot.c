// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Booting a bzImage, and what both boot protocols share.
 *
 * The images are made here: a setup header with nothing but what the loader
 * looks at (Documentation/arch/x86/boot.rst), and some bytes for a kernel.
 */
#include <asm/bootparam.h>
#include <string.h>

#include "tests/unit/x86_fixture.h"

enum {
	SETUP_SECTS = 2,
	KERNEL_OFF = (SETUP_SECTS + 1) * 512,
	KERNEL_LEN = 4096,
	INIT_SIZE = 1 << 20,
	PREF = 16 << 20,
};

static struct guest g;
static uint8_t image[KERNEL_OFF + KERNEL_LEN + 512];
static struct setup_header *header;
static size_t image_len;

/* A kernel of protocol 2.15 that wants 1 MiB at 16 MiB. */
static void make(void)
{
	static struct setup_header h;

	guest_make(&g);
	h = (struct setup_header){
		.setup_sects = SETUP_SECTS,
		.syssize = KERNEL_LEN / 16,
		.boot_flag = 0xaa55,
		.header = 0x53726448,
		.version = 0x20f,
		.loadflags = LOADED_HIGH,
		.initrd_addr_max = 0x7fffffff,
		.kernel_alignment = 1 << 21,
		.relocatable_kernel = 1,
		.xloadflags = XLF_KERNEL_64,
		.cmdline_size = 2047,
		.pref_address = PREF,
		.init_size = INIT_SIZE,
	};
	header = &h;
	memset(image, 0xcc, sizeof(image));
	image_len = KERNEL_OFF + KERNEL_LEN;
	memcpy(image + KERNEL_OFF, "startup_32", 11);
	memcpy(image + image_len - 8, "the end", 8);
}

static int load(void)
{
	memcpy(image + 0x1f1, header, sizeof(*header));
	file_write(g.kernel, image, image_len);
	return boot(&g);
}

static struct boot_params *zero_page(void)
{
	return at(&g, X86_ZERO_PAGE_GPA, sizeof(struct boot_params));
}

/* len characters and the final NUL. */
static void give_cmdline(size_t len)
{
	static char text[X86_CMDLINE_MAX + 16];

	memset(text, 'c', len);
	text[len] = '\0';
	g.in.cmdline = text;
}

/* --- a good kernel --- */

static void kernel_lies_where_it_prefers_and_is_entered_there(void)
{
	make();
	CHECK_EQ(load(), 0);
	CHECK(!memcmp(at(&g, PREF, 10), "startup_32", 10));
	CHECK(!memcmp(at(&g, PREF + KERNEL_LEN - 8, 8), "the end", 8));
	CHECK_EQ(g.entry.mode, CPU_LONG64);
	CHECK_EQ(g.entry.rip, PREF + 0x200);
	CHECK_EQ(g.entry.params, X86_ZERO_PAGE_GPA);
	guest_end(&g);
}

static void zero_page_has_the_header_and_what_a_loader_fills_in(void)
{
	struct boot_params *bp;

	make();
	CHECK_EQ(load(), 0);
	bp = zero_page();
	CHECK_EQ(bp->hdr.header, 0x53726448);
	CHECK_EQ(bp->hdr.version, 0x20f);
	CHECK_EQ(bp->hdr.init_size, INIT_SIZE);
	CHECK_EQ(bp->hdr.type_of_loader, 0xff);
	CHECK_EQ(bp->hdr.code32_start, PREF);
	CHECK_EQ(bp->hdr.cmd_line_ptr, X86_CMDLINE_GPA);
	CHECK_EQ(bp->ext_cmd_line_ptr, 0);
	CHECK_EQ(bp->acpi_rsdp_addr, RSDP_GPA);
	CHECK_EQ(bp->sentinel, 0);
	CHECK(!strcmp(at(&g, X86_CMDLINE_GPA, 64), "console=ttyS0"));
	guest_end(&g);
}

/* What Linux's sysfb makes a simple framebuffer or efifb of. */
static void framebuffer_is_described_as_efi_describes_it(void)
{
	static const struct boot_framebuffer fb = { 0x3d0001000, 1024, 768,
						    4224 };
	const struct screen_info *s;

	make();
	g.in.framebuffer = &fb;
	CHECK_EQ(load(), 0);
	s = &zero_page()->screen_info;
	CHECK_EQ(s->orig_video_isVGA, VIDEO_TYPE_EFI);
	CHECK_EQ(s->lfb_base, 0xd0001000);
	CHECK_EQ(s->ext_lfb_base, 3);
	CHECK(s->capabilities & VIDEO_CAPABILITY_64BIT_BASE);
	CHECK_EQ(s->lfb_width, 1024);
	CHECK_EQ(s->lfb_height, 768);
	CHECK_EQ(s->lfb_depth, 32);
	CHECK_EQ(s->lfb_linelength, 4224);
	CHECK_EQ(s->lfb_size, 4224 * 768);
	CHECK_EQ(s->blue_pos, 0);
	CHECK_EQ(s->green_pos, 8);
	CHECK_EQ(s->red_pos, 16);
	CHECK_EQ(s->red_size + s->green_size + s->blue_size + s->rsvd_size, 32);
	guest_end(&g);
}

static void without_a_framebuffer_there_is_no_screen(void)
{
	static const struct screen_info none;

	make();
	CHECK_EQ(load(), 0);
	CHECK(!memcmp(&zero_page()->screen_info, &none, sizeof(none)));
	guest_end(&g);
}

static void framebuffer_that_is_too_wide_to_say_is_left_out(void)
{
	static const struct boot_framebuffer fb = { 0xd0000000, 16384, 768,
						    65536 };

	make();
	g.in.framebuffer = &fb;
	CHECK_EQ(load(), 0);
	CHECK_EQ(zero_page()->screen_info.lfb_base, 0);
	CHECK_EQ(zero_page()->screen_info.orig_video_isVGA, 0);
	guest_end(&g);
}

static void without_an_initramfs_none_is_announced(void)
{
	make();
	CHECK_EQ(load(), 0);
	CHECK_EQ(zero_page()->hdr.ramdisk_image, 0);
	CHECK_EQ(zero_page()->hdr.ramdisk_size, 0);
	guest_end(&g);
}

static void no_setup_sectors_means_four(void)
{
	make();
	memmove(image + 5L * 512, image + KERNEL_OFF, KERNEL_LEN - 1024);
	header->setup_sects = 0;
	header->syssize = (KERNEL_LEN - 1024) / 16;
	CHECK_EQ(load(), 0);
	CHECK(!memcmp(at(&g, PREF, 10), "startup_32", 10));
	guest_end(&g);
}

/* A signature for secure boot, for one. */
static void bytes_behind_the_kernel_are_left_out(void)
{
	make();
	image_len += 512;
	CHECK_EQ(load(), 0);
	CHECK_EQ(*(uint8_t *)at(&g, PREF + KERNEL_LEN, 1), 0);
	guest_end(&g);
}

/* syssize counts whole paragraphs. */
static void last_paragraph_may_be_partial(void)
{
	make();
	image_len -= 15;
	CHECK_EQ(load(), 0);
	guest_end(&g);
}

static void payload_that_nobody_can_unpack_is_left_to_the_kernel(void)
{
	make();
	header->payload_offset = 64;
	header->payload_length = KERNEL_LEN - 64;
	CHECK_EQ(load(), 0);
	CHECK_EQ(g.entry.rip, PREF + 0x200);
	CHECK(!memcmp(at(&g, PREF, 10), "startup_32", 10));
	guest_end(&g);
}

static void payload_outside_of_the_file_is_left_to_the_kernel(void)
{
	make();
	header->payload_offset = UINT32_MAX;
	header->payload_length = UINT32_MAX;
	CHECK_EQ(load(), 0);
	header->payload_length = KERNEL_LEN;
	CHECK_EQ(load(), 0);
	CHECK_EQ(g.entry.rip, PREF + 0x200);
	guest_end(&g);
}

/* --- e820 --- */

static void check_e820(unsigned int i, uint64_t addr, uint64_t size,
		       uint32_t type)
{
	struct boot_e820_entry *e = &zero_page()->e820_table[i];

	CHECK_EQ(e->addr, addr);
	CHECK_EQ(e->size, size);
	CHECK_EQ(e->type, type);
}

static void memory_map_has_ram_acpi_and_ecam(void)
{
	make();
	CHECK_EQ(load(), 0);
	CHECK_EQ(zero_page()->e820_entries, 4);
	check_e820(0, 0, 0x9fc00, 1);
	check_e820(1, 0x9fc00, 0x100000 - 0x9fc00, 2);
	check_e820(2, 0x100000, GUEST_LOW - 0x100000, 1);
	check_e820(3, X86_ECAM_BASE, X86_ECAM_SIZE, 2);
	guest_end(&g);
}

static void memory_map_has_each_piece_of_ram(void)
{
	static const struct x86_ram_piece pieces[] = { { 0, GIB(3) },
						       { GIB(4), GIB(1008) },
						       { TIB(1), GIB(7) } };
	struct boot_params_in in = { .ram = pieces, .nr_ram = 3 };
	struct boot_map_entry map[BOOT_MAX_MAP];

	CHECK_EQ(boot_memory_map(&in, map), 6);
	CHECK_EQ(map[2].gpa, MIB(1));
	CHECK_EQ(map[2].size, GIB(3) - MIB(1));
	CHECK_EQ(map[3].gpa, GIB(4));
	CHECK_EQ(map[3].size, GIB(1008));
	CHECK_EQ(map[4].gpa, TIB(1));
	CHECK_EQ(map[4].size, GIB(7));
	CHECK_EQ(map[4].type, BOOT_MAP_RAM);
}

/* --- what the CPU needs --- */

static void page_tables_map_four_gigabytes_one_to_one(void)
{
	uint64_t *pml4, *pdpt;

	make();
	CHECK_EQ(load(), 0);
	pml4 = at(&g, X86_PAGE_TABLES_GPA, 4096);
	CHECK_EQ(pml4[0] & 0xfff, 3);
	pdpt = at(&g, pml4[0] & ~0xfffULL, 4096);
	for (uint64_t mib = 0; mib < 4096; mib += 2) {
		uint64_t *pd = at(&g, pdpt[mib / 1024] & ~0xfffULL, 4096);

		CHECK_EQ(pdpt[mib / 1024] & 0xfff, 3);
		CHECK_EQ(pd[mib % 1024 / 2], mib << 20 | 0x83);
	}
	CHECK_EQ(pdpt[4], 0);
	CHECK_EQ(pml4[1], 0);
	guest_end(&g);
}

/* boot.rst: __BOOT_CS 0x10 execute/read, __BOOT_DS 0x18 read/write, flat. */
static void descriptors_are_those_of_the_boot_protocol(void)
{
	uint64_t *gdt;

	make();
	CHECK_EQ(load(), 0);
	gdt = at(&g, X86_GDT_GPA, 32);
	CHECK_EQ(gdt[0], 0);
	CHECK_EQ(gdt[2], 0x00af9b000000ffff);
	CHECK_EQ(gdt[3], 0x00cf93000000ffff);
	guest_end(&g);
}

/* --- initramfs --- */

static void initramfs_lies_at_the_top_on_a_page(void)
{
	make();
	give_initramfs(&g, 10000);
	CHECK_EQ(load(), 0);
	CHECK_EQ(zero_page()->hdr.ramdisk_image, GUEST_LOW - 12288);
	CHECK_EQ(zero_page()->hdr.ramdisk_size, 10000);
	CHECK(!strcmp(at(&g, GUEST_LOW - 12288, 8), "initrd!"));
	guest_end(&g);
}

static void initramfs_stays_below_the_kernels_limit(void)
{
	make();
	header->initrd_addr_max = (24 << 20) - 1;
	give_initramfs(&g, 4096);
	CHECK_EQ(load(), 0);
	CHECK_EQ(zero_page()->hdr.ramdisk_image, MIB(24) - 4096);
	guest_end(&g);
}

static void unaligned_limit_is_kept(void)
{
	make();
	header->initrd_addr_max = (24 << 20) - 100;
	give_initramfs(&g, 4096);
	CHECK_EQ(load(), 0);
	CHECK_EQ(zero_page()->hdr.ramdisk_image, MIB(24) - 8192);
	guest_end(&g);
}

static void initramfs_that_just_fits_is_taken(void)
{
	make();
	give_initramfs(&g, GUEST_LOW - PREF - INIT_SIZE);
	CHECK_EQ(load(), 0);
	CHECK_EQ(zero_page()->hdr.ramdisk_image, PREF + INIT_SIZE);
	guest_end(&g);
}

static void initramfs_that_is_too_large_is_refused(void)
{
	make();
	give_initramfs(&g, GUEST_LOW - PREF - INIT_SIZE + 1);
	CHECK_EQ(load(), -ENOMEM);
	CHECK_HAS(g.err.msg, "/initrd: 15728641 bytes do not fit");
	CHECK_HAS(g.err.msg, "(15728640 are free)");
	CHECK_HAS(g.err.hint, "--memory");
	guest_end(&g);
}

static void limit_below_the_kernel_leaves_no_room(void)
{
	make();
	header->initrd_addr_max = 0xfff;
	give_initramfs(&g, 1);
	CHECK_EQ(load(), -EFBIG);
	CHECK_HAS(g.err.msg, "more than this kernel takes as initramfs (0)");
	guest_end(&g);
}

/* It would not help, so it is not what the hint says. */
static void more_memory_is_no_remedy_for_the_kernels_limit(void)
{
	make();
	header->initrd_addr_max = PREF + 2 * INIT_SIZE - 1;
	give_initramfs(&g, INIT_SIZE + 1);
	CHECK_EQ(load(), -EFBIG);
	CHECK_HAS(g.err.msg, "/initrd: 1048577 bytes are more than this kernel "
			     "takes as initramfs (1048576)");
	CHECK_HAS(g.err.hint, "put less into it");
	guest_end(&g);
}

static void an_initramfs_stays_clear_of_a_kernel_larger_than_its_init_size(void)
{
	make();
	header->init_size = 16;
	give_initramfs(&g, GUEST_LOW - PREF - KERNEL_LEN + 1);
	CHECK_EQ(load(), -ENOMEM);
	give_initramfs(&g, GUEST_LOW - PREF - KERNEL_LEN);
	CHECK_EQ(load(), 0);
	guest_end(&g);
}

static void initramfs_that_is_missing_or_empty_is_refused(void)
{
	make();
	g.in.initramfs = g.initramfs;
	CHECK_EQ(load(), -ENOENT);
	CHECK_HAS(g.err.msg, "/initrd: open: No such file or directory");
	file_write(g.initramfs, "", 0);
	CHECK_EQ(load(), -EINVAL);
	CHECK_HAS(g.err.msg, "/initrd: is empty");
	guest_end(&g);
}

/* --- command line --- */

static void command_line_of_the_kernels_size_is_taken(void)
{
	make();
	give_cmdline(2047);
	CHECK_EQ(load(), 0);
	CHECK_EQ(strlen(at(&g, X86_CMDLINE_GPA, 4096)), 2047);
	guest_end(&g);
}

static void command_line_longer_than_the_kernel_takes_is_refused(void)
{
	make();
	give_cmdline(2048);
	CHECK_EQ(load(), -E2BIG);
	CHECK(!strcmp(g.err.msg, "--cmdline: is 2048 characters long, and this "
				 "kernel takes 2047"));
	guest_end(&g);
}

static void kernel_that_names_no_size_takes_255(void)
{
	make();
	header->cmdline_size = 0;
	give_cmdline(255);
	CHECK_EQ(load(), 0);
	give_cmdline(256);
	CHECK_EQ(load(), -E2BIG);
	guest_end(&g);
}

static void command_line_never_exceeds_its_place(void)
{
	make();
	header->cmdline_size = UINT32_MAX;
	give_cmdline(X86_CMDLINE_MAX - 1);
	CHECK_EQ(load(), 0);
	give_cmdline(X86_CMDLINE_MAX);
	CHECK_EQ(load(), -E2BIG);
	guest_end(&g);
}

static void empty_command_line_is_written_too(void)
{
	make();
	give_cmdline(0);
	memset(at(&g, X86_CMDLINE_GPA, 1), 'x', 1);
	CHECK_EQ(load(), 0);
	CHECK_EQ(*(char *)at(&g, X86_CMDLINE_GPA, 1), 0);
	guest_end(&g);
}

/* --- files that are none --- */

static void missing_kernel_is_refused(void)
{
	make();
	CHECK_EQ(boot(&g), -ENOENT);
	CHECK_HAS(g.err.msg, "/vmlinuz: open: No such file or directory");
	guest_end(&g);
}

static void directory_is_refused(void)
{
	make();
	g.in.kernel = g.dir;
	CHECK_EQ(boot(&g), -EINVAL);
	CHECK_HAS(g.err.msg, "is not a regular file");
	guest_end(&g);
}

/* Without a writer, and with signals blocked as they are in strait. */
static void a_fifo_is_refused_at_once(void)
{
	make();
	CHECK_EQ(mkfifo(g.kernel, 0600), 0);
	alarm(5);
	CHECK_EQ(boot(&g), -EINVAL);
	alarm(0);
	CHECK_HAS(g.err.msg, "is not a regular file");
	guest_end(&g);
}

static void empty_file_is_refused(void)
{
	make();
	file_write(g.kernel, "", 0);
	CHECK_EQ(boot(&g), -EINVAL);
	CHECK_HAS(g.err.msg, "/vmlinuz: is empty");
	guest_end(&g);
}

static void file_that_is_no_kernel_is_refused(void)
{
	make();
	memset(image, 'x', sizeof(image));
	file_write(g.kernel, image, sizeof(image));
	CHECK_EQ(boot(&g), -ENOEXEC);
	CHECK_HAS(g.err.msg, "/vmlinuz: is not a kernel");
	CHECK_HAS(g.err.hint, "vmlinuz");
	guest_end(&g);
}

static void a_single_byte_is_no_kernel(void)
{
	make();
	file_write(g.kernel, "x", 1);
	CHECK_EQ(boot(&g), -ENOEXEC);
	guest_end(&g);
}

/* --- kernels that cannot be started --- */

static void kernel_that_was_cut_off_is_refused(void)
{
	make();
	image_len -= 16;
	CHECK_EQ(load(), -EINVAL);
	CHECK_HAS(g.err.msg, "/vmlinuz: is truncated: it has 5616 bytes where "
			     "its header announces 5632");
	guest_end(&g);
}

static void kernel_that_ends_with_its_setup_is_refused(void)
{
	make();
	image_len = KERNEL_OFF;
	CHECK_EQ(load(), -EINVAL);
	CHECK_HAS(g.err.msg, "is truncated");
	image_len = KERNEL_OFF - 512;
	CHECK_EQ(load(), -EINVAL);
	CHECK_HAS(g.err.msg, "is truncated");
	guest_end(&g);
}

static void kernel_of_no_size_is_refused(void)
{
	make();
	header->syssize = 0;
	CHECK_EQ(load(), -EINVAL);
	guest_end(&g);
}

static void largest_size_that_a_header_can_say_is_refused(void)
{
	make();
	header->syssize = UINT32_MAX;
	CHECK_EQ(load(), -EINVAL);
	CHECK_HAS(g.err.msg, "is truncated");
	guest_end(&g);
}

static void kernels_without_a_64_bit_entry_are_refused(void)
{
	make();
	header->version = 0x20b;
	CHECK_EQ(load(), -ENOEXEC);
	CHECK_HAS(g.err.msg, "has no 64-bit entry (boot protocol 2.11");
	header->version = 0x20f;
	header->xloadflags = 0;
	CHECK_EQ(load(), -ENOEXEC);
	header->xloadflags = XLF_KERNEL_64;
	header->loadflags = 0;
	CHECK_EQ(load(), -ENOEXEC);
	CHECK_HAS(g.err.hint, "Linux 3.8");
	guest_end(&g);
}

static void kernel_that_needs_more_than_the_guest_has_is_refused(void)
{
	make();
	header->init_size = 17 << 20;
	CHECK_EQ(load(), -ENOMEM);
	CHECK_HAS(g.err.msg, "/vmlinuz: needs 18 MiB from 0x1000000");
	CHECK_HAS(g.err.hint, "--memory");
	guest_end(&g);
}

static void kernel_that_fills_ram_to_the_last_byte_is_taken(void)
{
	make();
	header->init_size = 16 << 20;
	CHECK_EQ(load(), 0);
	guest_end(&g);
}

static void kernel_larger_than_ram_is_refused_whatever_its_init_size(void)
{
	make();
	header->pref_address = GUEST_LOW - 2048;
	header->init_size = 16;
	CHECK_EQ(load(), -ENOMEM);
	guest_end(&g);
}

static void address_that_wraps_is_refused(void)
{
	make();
	header->pref_address = -(uint64_t)4096;
	CHECK(load() < 0);
	header->pref_address = UINT64_MAX;
	CHECK(load() < 0);
	guest_end(&g);
}

static void a_kernel_that_wants_low_memory_is_refused(void)
{
	make();
	header->pref_address = 0;
	CHECK(load() < 0);
	CHECK_HAS(g.err.msg, "/vmlinuz");
	header->pref_address = MIB(1) - 4096;
	CHECK(load() < 0);
	guest_end(&g);
}

static void a_kernel_beyond_4_gib_is_refused(void)
{
	make();
	guest_add_high(&g);
	header->pref_address = GIB(4);
	CHECK(load() < 0);
	CHECK_HAS(g.err.msg, "/vmlinuz");
	guest_end(&g);
}

int main(void)
{
	TAP_RUN(kernel_lies_where_it_prefers_and_is_entered_there);
	TAP_RUN(zero_page_has_the_header_and_what_a_loader_fills_in);
	TAP_RUN(framebuffer_is_described_as_efi_describes_it);
	TAP_RUN(without_a_framebuffer_there_is_no_screen);
	TAP_RUN(framebuffer_that_is_too_wide_to_say_is_left_out);
	TAP_RUN(without_an_initramfs_none_is_announced);
	TAP_RUN(no_setup_sectors_means_four);
	TAP_RUN(bytes_behind_the_kernel_are_left_out);
	TAP_RUN(last_paragraph_may_be_partial);
	TAP_RUN(payload_that_nobody_can_unpack_is_left_to_the_kernel);
	TAP_RUN(payload_outside_of_the_file_is_left_to_the_kernel);
	TAP_RUN(memory_map_has_ram_acpi_and_ecam);
	TAP_RUN(memory_map_has_each_piece_of_ram);
	TAP_RUN(page_tables_map_four_gigabytes_one_to_one);
	TAP_RUN(descriptors_are_those_of_the_boot_protocol);
	TAP_RUN(initramfs_lies_at_the_top_on_a_page);
	TAP_RUN(initramfs_stays_below_the_kernels_limit);
	TAP_RUN(unaligned_limit_is_kept);
	TAP_RUN(initramfs_that_just_fits_is_taken);
	TAP_RUN(initramfs_that_is_too_large_is_refused);
	TAP_RUN(limit_below_the_kernel_leaves_no_room);
	TAP_RUN(more_memory_is_no_remedy_for_the_kernels_limit);
	TAP_RUN(an_initramfs_stays_clear_of_a_kernel_larger_than_its_init_size);
	TAP_RUN(initramfs_that_is_missing_or_empty_is_refused);
	TAP_RUN(command_line_of_the_kernels_size_is_taken);
	TAP_RUN(command_line_longer_than_the_kernel_takes_is_refused);
	TAP_RUN(kernel_that_names_no_size_takes_255);
	TAP_RUN(command_line_never_exceeds_its_place);
	TAP_RUN(empty_command_line_is_written_too);
	TAP_RUN(missing_kernel_is_refused);
	TAP_RUN(directory_is_refused);
	TAP_RUN(a_fifo_is_refused_at_once);
	TAP_RUN(empty_file_is_refused);
	TAP_RUN(file_that_is_no_kernel_is_refused);
	TAP_RUN(a_single_byte_is_no_kernel);
	TAP_RUN(kernel_that_was_cut_off_is_refused);
	TAP_RUN(kernel_that_ends_with_its_setup_is_refused);
	TAP_RUN(kernel_of_no_size_is_refused);
	TAP_RUN(largest_size_that_a_header_can_say_is_refused);
	TAP_RUN(kernels_without_a_64_bit_entry_are_refused);
	TAP_RUN(kernel_that_needs_more_than_the_guest_has_is_refused);
	TAP_RUN(kernel_that_fills_ram_to_the_last_byte_is_taken);
	TAP_RUN(kernel_larger_than_ram_is_refused_whatever_its_init_size);
	TAP_RUN(address_that_wraps_is_refused);
	TAP_RUN(a_kernel_that_wants_low_memory_is_refused);
	TAP_RUN(a_kernel_beyond_4_gib_is_refused);
	return tap_done();
}

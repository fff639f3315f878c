// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PVH boot of ELF images: both classes, notes of any alignment, and headers
 * that lie.
 *
 * An image is a header, two program headers (PT_LOAD, PT_NOTE), the notes at
 * NOTES_OFF and the code at CODE_OFF. Tests change what they are about.
 */
#include <elf.h>

#include "tests/unit/x86_fixture.h"

enum {
	NOTES_OFF = 0x400,
	CODE_OFF = 0x800,
	CODE_LEN = 0x100,
	IMAGE_LEN = CODE_OFF + CODE_LEN,
	MEM_LEN = 0x3000,
	LOAD_GPA = 16 << 20,
	ENTRY = LOAD_GPA + 0x40,
	PHYS32_ENTRY = 18,
};

static struct guest g;
static uint8_t image[IMAGE_LEN];
static Elf64_Ehdr *e64;
static Elf64_Phdr *code, *notes;
static size_t notes_len;

/* Appends a note packed by align (the gABI's rule for 8, Xen's for 4). */
static void add_note(const char *name, uint32_t type, const void *desc,
		     uint32_t len, size_t align)
{
	Elf32_Nhdr n = { (uint32_t)strlen(name) + 1, len, type };
	uint8_t *at_note = image + NOTES_OFF + notes_len;
	size_t desc_off = align_up(sizeof(n) + n.n_namesz, align);

	memcpy(at_note, &n, sizeof(n));
	memcpy(at_note + sizeof(n), name, n.n_namesz);
	memcpy(at_note + desc_off, desc, len);
	notes_len = align_up(notes_len + desc_off + len, align);
}

static void add_entry(uint64_t entry, uint32_t len, size_t align)
{
	add_note("Xen", PHYS32_ENTRY, &entry, len, align);
}

/* An x86-64 kernel at 16 MiB without notes. */
static void make_64(void)
{
	guest_make(&g);
	memset(image, 0, sizeof(image));
	notes_len = 0;
	memcpy(image + CODE_OFF, "pvh_start_xen", 14);
	memcpy(image + IMAGE_LEN - 4, "end", 4);
	e64 = (Elf64_Ehdr *)(void *)image;
	code = (Elf64_Phdr *)(void *)(image + sizeof(*e64));
	notes = code + 1;
	memcpy(e64->e_ident, ELFMAG, SELFMAG);
	e64->e_ident[EI_CLASS] = ELFCLASS64;
	e64->e_ident[EI_DATA] = ELFDATA2LSB;
	e64->e_type = ET_EXEC;
	e64->e_machine = EM_X86_64;
	e64->e_phoff = sizeof(*e64);
	e64->e_phnum = 2;
	e64->e_phentsize = sizeof(*code);
	*code = (Elf64_Phdr){ .p_type = PT_LOAD,
			      .p_offset = CODE_OFF,
			      .p_vaddr = 0xffffffff81000000,
			      .p_paddr = LOAD_GPA,
			      .p_filesz = CODE_LEN,
			      .p_memsz = MEM_LEN };
	*notes = (Elf64_Phdr){ .p_type = PT_NOTE,
			       .p_offset = NOTES_OFF,
			       .p_align = 4 };
}

/* With the note that makes it bootable. */
static void make(void)
{
	make_64();
	add_entry(ENTRY, 8, 4);
}

static int load(void)
{
	notes->p_filesz += notes->p_filesz ? 0 : notes_len;
	file_write(g.kernel, image, sizeof(image));
	return boot(&g);
}

/* The same as an i386 image, which keeps its note. */
static int load_as_32(uint16_t machine)
{
	static uint8_t small[IMAGE_LEN];
	Elf32_Ehdr *h = (Elf32_Ehdr *)(void *)small;
	Elf32_Phdr *ph = (Elf32_Phdr *)(void *)(small + sizeof(*h));

	memcpy(small, image, sizeof(small));
	memset(small, 0, NOTES_OFF);
	memcpy(h->e_ident, e64->e_ident, EI_NIDENT);
	h->e_ident[EI_CLASS] = ELFCLASS32;
	h->e_machine = machine;
	h->e_phoff = sizeof(*h);
	h->e_phnum = 2;
	h->e_phentsize = sizeof(*ph);
	ph[0] = (Elf32_Phdr){ .p_type = PT_LOAD,
			      .p_offset = CODE_OFF,
			      .p_paddr = LOAD_GPA,
			      .p_filesz = CODE_LEN,
			      .p_memsz = MEM_LEN };
	ph[1] = (Elf32_Phdr){ .p_type = PT_NOTE,
			      .p_offset = NOTES_OFF,
			      .p_filesz = (uint32_t)notes_len,
			      .p_align = 4 };
	file_write(g.kernel, small, sizeof(small));
	return boot(&g);
}

/* --- start info (xen/include/public/arch-x86/hvm/start_info.h) --- */

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};

struct start_map {
	uint64_t addr, size;
	uint32_t type, reserved;
};

static struct start_info *start_info(void)
{
	return at(&g, g.entry.params, sizeof(struct start_info));
}

static void segment_lies_at_its_physical_address(void)
{
	make();
	CHECK_EQ(load(), 0);
	CHECK(!strcmp(at(&g, LOAD_GPA, 14), "pvh_start_xen"));
	CHECK(!strcmp(at(&g, LOAD_GPA + CODE_LEN - 4, 4), "end"));
	CHECK_EQ(*(uint8_t *)at(&g, LOAD_GPA + CODE_LEN, 1), 0);
	guest_end(&g);
}

static void entry_is_the_notes_in_protected_mode(void)
{
	make();
	CHECK_EQ(load(), 0);
	CHECK_EQ(g.entry.mode, CPU_PROTECTED32);
	CHECK_EQ(g.entry.rip, ENTRY);
	CHECK_EQ(g.entry.params, X86_START_INFO_GPA);
	guest_end(&g);
}

static void start_info_says_where_everything_is(void)
{
	const struct start_info *s;

	make();
	CHECK_EQ(load(), 0);
	s = start_info();
	CHECK_EQ(s->magic, 0x336ec578);
	CHECK_EQ(s->version, 1);
	CHECK_EQ(s->flags, 0);
	CHECK_EQ(s->rsdp, RSDP_GPA);
	CHECK_EQ(s->reserved, 0);
	CHECK(!strcmp(at(&g, s->cmdline, 64), "console=ttyS0"));
	guest_end(&g);
}

static void start_info_has_the_memory_map(void)
{
	const struct start_map *map;

	make();
	guest_add_high(&g);
	CHECK_EQ(load(), 0);
	CHECK_EQ(start_info()->memmap_entries, 5);
	map = at(&g, start_info()->memmap, 5 * sizeof(*map));
	CHECK_EQ(map[0].addr, 0);
	CHECK_EQ(map[0].type, 1);
	CHECK_EQ(map[2].addr, MIB(1));
	CHECK_EQ(map[2].size, GUEST_LOW - MIB(1));
	CHECK_EQ(map[3].addr, GIB(4));
	CHECK_EQ(map[3].size, GUEST_HIGH);
	CHECK_EQ(map[4].addr, X86_ECAM_BASE);
	CHECK_EQ(map[4].type, 2);
	guest_end(&g);
}

static void initramfs_is_the_only_module(void)
{
	const uint64_t *module;

	make();
	give_initramfs(&g, 5000);
	CHECK_EQ(load(), 0);
	CHECK_EQ(start_info()->nr_modules, 1);
	module = at(&g, start_info()->modlist, 32);
	CHECK_EQ(module[0], GUEST_LOW - 8192);
	CHECK_EQ(module[1], 5000);
	CHECK_EQ(module[2], 0);
	CHECK(!strcmp(at(&g, module[0], 8), "initrd!"));
	guest_end(&g);
}

static void without_an_initramfs_there_is_no_module(void)
{
	make();
	CHECK_EQ(load(), 0);
	CHECK_EQ(start_info()->nr_modules, 0);
	CHECK_EQ(start_info()->modlist, 0);
	guest_end(&g);
}

static void initramfs_stays_above_the_highest_segment(void)
{
	make();
	give_initramfs(&g, GUEST_LOW - LOAD_GPA - MEM_LEN);
	CHECK_EQ(load(), 0);
	give_initramfs(&g, GUEST_LOW - LOAD_GPA - MEM_LEN + 1);
	CHECK_EQ(load(), -ENOMEM);
	CHECK_HAS(g.err.msg, "do not fit");
	guest_end(&g);
}

/* The kernel ends in the middle of a page: what is left of it is not free. */
static void an_initramfs_that_fits_only_unaligned_is_refused(void)
{
	make();
	code->p_memsz = MEM_LEN + 0x123;
	give_initramfs(&g, GUEST_LOW - LOAD_GPA - MEM_LEN - 0x123);
	CHECK_EQ(load(), -ENOMEM);
	give_initramfs(&g, GUEST_LOW - LOAD_GPA - MEM_LEN - 4096);
	CHECK_EQ(load(), 0);
	guest_end(&g);
}

/* No guest has more than that below 4 GiB. */
static void an_initramfs_of_3_gib_fits_into_no_guest(void)
{
	make();
	give_initramfs(&g, 1);
	CHECK_EQ(truncate(g.initramfs, GIB(3)), 0);
	CHECK_EQ(load(), -EFBIG);
	CHECK_HAS(g.err.hint, "more memory for the guest does not help");
	guest_end(&g);
}

static void command_line_of_2047_characters_is_the_longest(void)
{
	char text[2049];

	make();
	memset(text, 'c', sizeof(text));
	text[2048] = '\0';
	g.in.cmdline = text;
	CHECK_EQ(load(), -E2BIG);
	text[2047] = '\0';
	CHECK_EQ(load(), 0);
	guest_end(&g);
}

/* --- classes --- */

static void image_of_class_32_boots_as_well(void)
{
	make();
	CHECK_EQ(load_as_32(EM_386), 0);
	CHECK_EQ(g.entry.rip, ENTRY);
	CHECK(!strcmp(at(&g, LOAD_GPA, 14), "pvh_start_xen"));
	guest_end(&g);
}

static void an_elf_for_another_machine_is_refused(void)
{
	make();
	e64->e_machine = EM_AARCH64;
	CHECK_EQ(load(), -ENOEXEC);
	CHECK_HAS(g.err.msg, "is an ELF file, but not a kernel for x86");
	CHECK_EQ(load_as_32(EM_ARM), -ENOEXEC);
	guest_end(&g);
}

static void an_elf_of_no_known_class_is_refused(void)
{
	make();
	e64->e_ident[EI_CLASS] = 7;
	CHECK_EQ(load(), -ENOEXEC);
	CHECK_HAS(g.err.hint, "built for x86-64");
	guest_end(&g);
}

static void big_endian_image_is_refused(void)
{
	make();
	e64->e_ident[EI_DATA] = ELFDATA2MSB;
	CHECK_EQ(load(), -ENOEXEC);
	guest_end(&g);
}

/* --- notes --- */

static void descriptor_of_four_bytes_is_taken(void)
{
	make_64();
	add_entry(ENTRY, 4, 4);
	CHECK_EQ(load(), 0);
	CHECK_EQ(g.entry.rip, ENTRY);
	guest_end(&g);
}

static void note_behind_others_of_odd_lengths_is_found(void)
{
	make_64();
	add_note("GNU", 3, "0123456789abcdef0123", 20, 4);
	add_note("Linux", 0x101, "x", 1, 4);
	add_note("Xen", 6, "linux", 6, 4);
	add_note("Xen", 5, "2.6", 4, 4);
	add_entry(ENTRY, 8, 4);
	CHECK_EQ(load(), 0);
	CHECK_EQ(g.entry.rip, ENTRY);
	guest_end(&g);
}

/* What ld makes of a section with .balign 8. */
static void a_note_of_alignment_8_is_found(void)
{
	make_64();
	notes->p_align = 8;
	add_note("GNU", 5, "0123456789abcdef", 16, 8);
	add_entry(ENTRY, 8, 8);
	CHECK_EQ(load(), 0);
	CHECK_EQ(g.entry.rip, ENTRY);
	guest_end(&g);
}

/* What vmlinux has if .note.gnu.property was merged into its notes. */
static void notes_packed_by_4_in_an_8_aligned_segment_are_found(void)
{
	make_64();
	notes->p_align = 8;
	add_note("GNU", 5, "0123456789abcdef", 16, 8);
	add_note("Xen", 5, "2.6", 4, 4);
	add_entry(ENTRY, 8, 4);
	CHECK_EQ(load(), 0);
	CHECK_EQ(g.entry.rip, ENTRY);
	guest_end(&g);
}

static void alignments_that_mean_nothing_are_taken_for_4(void)
{
	static const uint64_t aligns[] = { 0, 1, 2, 3, 16, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(aligns); i++) {
		make();
		notes->p_align = aligns[i];
		CHECK_EQ(load(), 0);
		CHECK_EQ(g.entry.rip, ENTRY);
		guest_end(&g);
	}
}

static void note_in_the_second_note_segment_is_found(void)
{
	make();
	e64->e_phnum = 3;
	notes[1] = *notes;
	notes[1].p_filesz = notes_len;
	notes[0].p_filesz = 4;
	CHECK_EQ(load(), 0);
	CHECK_EQ(g.entry.rip, ENTRY);
	guest_end(&g);
}

static void check_no_entry(void)
{
	CHECK_EQ(load(), -ENOEXEC);
	CHECK_HAS(g.err.msg, "/vmlinuz: is an ELF file without a PVH entry");
	CHECK_HAS(g.err.hint, "CONFIG_PVH");
	guest_end(&g);
}

static void image_without_notes_is_refused(void)
{
	make_64();
	check_no_entry();
}

static void notes_of_other_names_and_types_do_not_count(void)
{
	uint64_t entry = ENTRY;

	make_64();
	add_note("Xem", PHYS32_ENTRY, &entry, 8, 4);
	add_note("Xen!", PHYS32_ENTRY, &entry, 8, 4);
	add_note("Xen", PHYS32_ENTRY + 1, &entry, 8, 4);
	add_note("Xen", PHYS32_ENTRY, &entry, 2, 4);
	check_no_entry();
}

/* It would run through empty memory, and never come to an end. */
static void entry_where_nothing_is_loaded_is_refused(void)
{
	make_64();
	add_entry(LOAD_GPA + MEM_LEN, 8, 4);
	CHECK_EQ(load(), -ENOEXEC);
	CHECK_HAS(g.err.msg,
		  "its PVH entry is 0x1003000, where it loads nothing");
	CHECK_HAS(g.err.hint, "damaged");
	guest_end(&g);
}

static void image_that_loads_nothing_is_refused(void)
{
	make();
	code->p_type = PT_NULL;
	CHECK_EQ(load(), -ENOEXEC);
	CHECK_HAS(g.err.msg, "where it loads nothing");
	guest_end(&g);
}

static void entry_beyond_32_bits_is_refused(void)
{
	make_64();
	add_entry(GIB(4), 8, 4);
	check_no_entry();
}

static void note_longer_than_its_segment_is_refused(void)
{
	make_64();
	add_entry(ENTRY, 8, 4);
	notes->p_filesz = notes_len - 1;
	check_no_entry();
}

static void name_length_that_wraps_ends_the_search(void)
{
	Elf32_Nhdr n = { UINT32_MAX, 8, PHYS32_ENTRY };

	make();
	memcpy(image + NOTES_OFF, &n, sizeof(n));
	check_no_entry();
}

static void descriptor_length_that_wraps_ends_the_search(void)
{
	Elf32_Nhdr n = { 4, UINT32_MAX, PHYS32_ENTRY };

	make();
	memcpy(image + NOTES_OFF, &n, sizeof(n));
	check_no_entry();
}

static void note_without_a_name_at_the_very_end_is_no_entry(void)
{
	Elf32_Nhdr n = { 0, 0, PHYS32_ENTRY };

	make_64();
	memcpy(image + NOTES_OFF, &n, sizeof(n));
	notes_len = sizeof(n);
	check_no_entry();
}

static void empty_notes_do_not_loop(void)
{
	make_64();
	notes->p_filesz = 0x100;
	check_no_entry();
}

static void notes_of_absurd_length_are_not_read(void)
{
	make();
	notes->p_filesz = UINT64_MAX;
	check_no_entry();
}

static void notes_outside_of_the_file_are_refused(void)
{
	make();
	notes->p_offset = IMAGE_LEN - 4;
	CHECK_EQ(load(), -EINVAL);
	CHECK_HAS(g.err.msg, "/vmlinuz: is truncated");
	guest_end(&g);
}

/* --- headers that lie --- */

static void header_that_was_cut_off_is_refused(void)
{
	make();
	file_write(g.kernel, image, EI_NIDENT);
	CHECK_EQ(boot(&g), -EINVAL);
	CHECK_HAS(g.err.msg, "is truncated");
	file_write(g.kernel, image, SELFMAG);
	CHECK_EQ(boot(&g), -EINVAL);
	guest_end(&g);
}

static void program_headers_outside_of_the_file_are_refused(void)
{
	make();
	e64->e_phoff = IMAGE_LEN - sizeof(*code);
	CHECK_EQ(load(), -EINVAL);
	CHECK_HAS(g.err.msg, "is truncated");
	guest_end(&g);
}

static void offsets_beyond_any_file_are_called_truncated(void)
{
	make();
	e64->e_phoff = UINT64_MAX - sizeof(*code) + 1;
	CHECK_EQ(load(), -EINVAL);
	CHECK_HAS(g.err.msg, "is truncated");
	e64->e_phoff = sizeof(*e64);
	code->p_offset = 1ULL << 63;
	CHECK_EQ(load(), -EINVAL);
	CHECK_HAS(g.err.msg, "is truncated");
	code->p_offset = UINT64_MAX - 10;
	CHECK_EQ(load(), -EINVAL);
	CHECK_HAS(g.err.msg, "is truncated");
	guest_end(&g);
}

static void odd_program_headers_are_refused(void)
{
	make();
	e64->e_phnum = 0;
	CHECK_EQ(load(), -ENOEXEC);
	e64->e_phnum = UINT16_MAX;
	CHECK_EQ(load(), -ENOEXEC);
	e64->e_phnum = 2;
	e64->e_phentsize = 32;
	CHECK_EQ(load(), -ENOEXEC);
	e64->e_phentsize = 0;
	CHECK_EQ(load(), -ENOEXEC);
	CHECK_HAS(g.err.msg, "/vmlinuz: is an ELF file, but not a kernel");
	guest_end(&g);
}

static void segment_cut_off_by_the_files_end_is_refused(void)
{
	make();
	code->p_filesz = CODE_LEN + 1;
	CHECK_EQ(load(), -EINVAL);
	CHECK_HAS(g.err.msg, "is truncated");
	guest_end(&g);
}

static void segment_larger_in_the_file_than_in_memory_is_refused(void)
{
	make();
	code->p_memsz = CODE_LEN - 1;
	CHECK_EQ(load(), -ENOEXEC);
	CHECK_HAS(g.err.msg, "segment of a wrong size");
	guest_end(&g);
}

static void segment_whose_end_wraps_is_refused(void)
{
	make();
	code->p_memsz = UINT64_MAX;
	CHECK_EQ(load(), -ENOEXEC);
	code->p_memsz = -(uint64_t)LOAD_GPA;
	CHECK_EQ(load(), -ENOEXEC);
	code->p_paddr = UINT64_MAX - CODE_LEN;
	code->p_memsz = CODE_LEN;
	CHECK_EQ(load(), -ENOMEM);
	guest_end(&g);
}

static void segment_outside_of_ram_is_refused(void)
{
	make();
	code->p_paddr = GUEST_LOW - CODE_LEN;
	CHECK_EQ(load(), -ENOMEM);
	CHECK_HAS(g.err.msg, "/vmlinuz: has an ELF segment at 0x1ffff00, where "
			     "the guest has no RAM");
	CHECK_HAS(g.err.hint, "--memory");
	guest_end(&g);
}

static void segment_in_the_first_megabyte_is_refused(void)
{
	make();
	code->p_paddr = 0xe0000;
	CHECK(load() < 0);
	CHECK_HAS(g.err.msg, "/vmlinuz: has an ELF segment at 0xe0000");
	guest_end(&g);
}

static void empty_segments_may_lie_anywhere(void)
{
	make();
	e64->e_phnum = 3;
	notes[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
				 .p_offset = UINT64_MAX,
				 .p_paddr = UINT64_MAX };
	CHECK_EQ(load(), 0);
	guest_end(&g);
}

static void segments_of_other_types_are_not_looked_at(void)
{
	make();
	e64->e_phnum = 3;
	notes[1] = (Elf64_Phdr){ .p_type = PT_GNU_STACK,
				 .p_offset = UINT64_MAX,
				 .p_filesz = UINT64_MAX,
				 .p_memsz = UINT64_MAX };
	CHECK_EQ(load(), 0);
	guest_end(&g);
}

int main(void)
{
	TAP_RUN(segment_lies_at_its_physical_address);
	TAP_RUN(entry_is_the_notes_in_protected_mode);
	TAP_RUN(start_info_says_where_everything_is);
	TAP_RUN(start_info_has_the_memory_map);
	TAP_RUN(initramfs_is_the_only_module);
	TAP_RUN(without_an_initramfs_there_is_no_module);
	TAP_RUN(initramfs_stays_above_the_highest_segment);
	TAP_RUN(an_initramfs_that_fits_only_unaligned_is_refused);
	TAP_RUN(an_initramfs_of_3_gib_fits_into_no_guest);
	TAP_RUN(command_line_of_2047_characters_is_the_longest);
	TAP_RUN(image_of_class_32_boots_as_well);
	TAP_RUN(an_elf_for_another_machine_is_refused);
	TAP_RUN(an_elf_of_no_known_class_is_refused);
	TAP_RUN(big_endian_image_is_refused);
	TAP_RUN(descriptor_of_four_bytes_is_taken);
	TAP_RUN(note_behind_others_of_odd_lengths_is_found);
	TAP_RUN(a_note_of_alignment_8_is_found);
	TAP_RUN(notes_packed_by_4_in_an_8_aligned_segment_are_found);
	TAP_RUN(alignments_that_mean_nothing_are_taken_for_4);
	TAP_RUN(note_in_the_second_note_segment_is_found);
	TAP_RUN(image_without_notes_is_refused);
	TAP_RUN(notes_of_other_names_and_types_do_not_count);
	TAP_RUN(entry_where_nothing_is_loaded_is_refused);
	TAP_RUN(image_that_loads_nothing_is_refused);
	TAP_RUN(entry_beyond_32_bits_is_refused);
	TAP_RUN(note_longer_than_its_segment_is_refused);
	TAP_RUN(name_length_that_wraps_ends_the_search);
	TAP_RUN(descriptor_length_that_wraps_ends_the_search);
	TAP_RUN(note_without_a_name_at_the_very_end_is_no_entry);
	TAP_RUN(empty_notes_do_not_loop);
	TAP_RUN(notes_of_absurd_length_are_not_read);
	TAP_RUN(notes_outside_of_the_file_are_refused);
	TAP_RUN(header_that_was_cut_off_is_refused);
	TAP_RUN(program_headers_outside_of_the_file_are_refused);
	TAP_RUN(offsets_beyond_any_file_are_called_truncated);
	TAP_RUN(odd_program_headers_are_refused);
	TAP_RUN(segment_cut_off_by_the_files_end_is_refused);
	TAP_RUN(segment_larger_in_the_file_than_in_memory_is_refused);
	TAP_RUN(segment_whose_end_wraps_is_refused);
	TAP_RUN(segment_outside_of_ram_is_refused);
	TAP_RUN(segment_in_the_first_megabyte_is_refused);
	TAP_RUN(empty_segments_may_lie_anywhere);
	TAP_RUN(segments_of_other_types_are_not_looked_at);
	return tap_done();
}

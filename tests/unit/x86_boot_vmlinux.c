// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel proper, taken out of a bzImage and given a random address.
 *
 * The payload is a small ELF file with relocations behind it, wrapped the way
 * that needs no compressor: one raw block of zstd (RFC 8878, 3.1.1) or
 * literals only of lz4's legacy format.
 */
#include <asm/bootparam.h>
#include <dlfcn.h>
#include <elf.h>

#include "tests/unit/x86_fixture.h"

enum {
	SETUP_SECTS = 1,
	KERNEL_OFF = (SETUP_SECTS + 1) * 512,
	PAYLOAD_OFF = 256, /* from KERNEL_OFF */
	PREF = 16 << 20,
	INIT_SIZE = 1 << 20,
	CODE_OFF = 0x200,
	CODE_LEN = 0x200,
	ELF_LEN = CODE_OFF + CODE_LEN,
	PLACE_64 = 0x40, /* in the code */
	PLACE_INVERSE = 0x50,
	PLACE_32 = 0x60,
	WORD_64 = 1 << 20,
	WORD_32 = 1 << 10,
	KASLR = 1 << 1, /* KASLR_FLAG of loadflags */
};
#define MAP_BASE 0xffffffff80000000ULL /* __START_KERNEL_map */

static struct guest g;
static uint8_t image[32768], vmlinux[8192];
static size_t vmlinux_len;
static Elf64_Ehdr *ehdr;
static Elf64_Phdr *phdr;
static struct setup_header header;

static void put_word(uint32_t word)
{
	put_le(vmlinux + vmlinux_len, word, 4);
	vmlinux_len += 4;
}

/* A relocation: the low half of the virtual address of a place in the code. */
static void put_place(uint32_t place)
{
	put_word((uint32_t)(MAP_BASE + PREF + place));
}

/* A kernel at 16 MiB without relocations. */
static void make(void)
{
	guest_make(&g);
	memset(vmlinux, 0, sizeof(vmlinux));
	vmlinux_len = ELF_LEN;
	memcpy(vmlinux + CODE_OFF, "startup_64", 11);
	put_le(vmlinux + CODE_OFF + PLACE_64, WORD_64, 8);
	put_le(vmlinux + CODE_OFF + PLACE_INVERSE, WORD_32, 4);
	put_le(vmlinux + CODE_OFF + PLACE_32, WORD_32, 4);
	ehdr = (Elf64_Ehdr *)(void *)vmlinux;
	phdr = (Elf64_Phdr *)(void *)(vmlinux + sizeof(*ehdr));
	*ehdr = (Elf64_Ehdr){ .e_ident = ELFMAG,
			      .e_machine = EM_X86_64,
			      .e_entry = PREF + 0x10,
			      .e_phoff = sizeof(*ehdr),
			      .e_phentsize = sizeof(*phdr),
			      .e_phnum = 1 };
	ehdr->e_ident[EI_CLASS] = ELFCLASS64;
	ehdr->e_ident[EI_DATA] = ELFDATA2LSB;
	*phdr = (Elf64_Phdr){ .p_type = PT_LOAD,
			      .p_offset = CODE_OFF,
			      .p_paddr = PREF,
			      .p_filesz = CODE_LEN,
			      .p_memsz = 0x10000 };
	header = (struct setup_header){ .setup_sects = SETUP_SECTS,
					.boot_flag = 0xaa55,
					.header = 0x53726448,
					.version = 0x20f,
					.loadflags = LOADED_HIGH,
					.initrd_addr_max = 0x7fffffff,
					.kernel_alignment = 1 << 21,
					.xloadflags = XLF_KERNEL_64,
					.cmdline_size = 2047,
					.pref_address = PREF,
					.init_size = INIT_SIZE,
					.payload_offset = PAYLOAD_OFF };
}

/* With the lists of Linux before 6.15: 64-bit, inverse, 32-bit. */
static void make_relocatable(void)
{
	make();
	put_word(0);
	put_place(PLACE_64);
	put_word(0);
	put_place(PLACE_INVERSE);
	put_word(0);
	put_place(PLACE_32);
}

static size_t wrap_zstd(uint8_t *out)
{
	/* Magic; single segment with its size in four bytes. */
	static const uint8_t start[] = { 0x28, 0xb5, 0x2f, 0xfd, 0xa0 };

	memcpy(out, start, sizeof(start));
	put_le(out + 5, vmlinux_len, 4);
	put_le(out + 9, vmlinux_len << 3 | 1, 3); /* last block, raw */
	memcpy(out + 12, vmlinux, vmlinux_len);
	put_le(out + 12 + vmlinux_len, vmlinux_len, 4);
	return 12 + vmlinux_len + 4;
}

static size_t wrap_lz4(uint8_t *out)
{
	size_t n = 8, rest = vmlinux_len - 15;

	put_le(out, 0x184c2102, 4);
	out[n++] = 0xf0; /* literals: 15 and more, in steps of 255 */
	for (; rest >= 255; rest -= 255)
		out[n++] = 255;
	out[n++] = (uint8_t)rest;
	memcpy(out + n, vmlinux, vmlinux_len);
	n += vmlinux_len;
	put_le(out + 4, n - 8, 4);
	put_le(out + n, vmlinux_len, 4);
	return n + 4;
}

/* Boots it in the given wrapping. */
static int load(size_t (*wrap)(uint8_t *out))
{
	size_t len = wrap(image + KERNEL_OFF + PAYLOAD_OFF);

	memcpy(image + KERNEL_OFF, "startup_32", 11);
	header.payload_length = (uint32_t)len;
	header.syssize = (uint32_t)(PAYLOAD_OFF + len + 15) / 16;
	memcpy(image + 0x1f1, &header, sizeof(header));
	file_write(g.kernel, image, KERNEL_OFF + 16UL * header.syssize);
	return boot(&g);
}

static uint64_t word(uint32_t place, unsigned int len)
{
	return get_le(at(&g, PREF + place, len), len);
}

static uint8_t loadflags(void)
{
	const struct boot_params *bp = at(&g, X86_ZERO_PAGE_GPA, sizeof(*bp));

	return bp->hdr.loadflags;
}

#define CHECK_LEFT_TO_THE_GUEST()                                              \
	do {                                                                   \
		CHECK_EQ(load(wrap_zstd), 0);                                  \
		CHECK_EQ(g.entry.rip, PREF + 0x200);                           \
		CHECK(!memcmp(at(&g, PREF, 10), "startup_32", 10));            \
		CHECK_EQ(loadflags() & KASLR, 0);                              \
		guest_end(&g);                                                 \
	} while (0)

/* --- what is taken --- */

static void kernel_is_taken_out_and_entered_at_its_own_entry(void)
{
	make();
	CHECK_EQ(load(wrap_zstd), 0);
	CHECK_EQ(g.entry.mode, CPU_LONG64);
	CHECK_EQ(g.entry.rip, PREF + 0x10);
	CHECK_EQ(g.entry.params, X86_ZERO_PAGE_GPA);
	CHECK(!memcmp(at(&g, PREF, 10), "startup_64", 10));
	guest_end(&g);
}

static void lz4_is_taken_as_well(void)
{
	make();
	CHECK_EQ(load(wrap_lz4), 0);
	CHECK_EQ(g.entry.rip, PREF + 0x10);
	CHECK(!memcmp(at(&g, PREF, 10), "startup_64", 10));
	guest_end(&g);
}

static void kernel_without_relocations_keeps_its_address(void)
{
	make();
	CHECK_EQ(load(wrap_zstd), 0);
	CHECK_EQ(word(PLACE_64, 8), WORD_64);
	CHECK_EQ(loadflags() & KASLR, 0);
	guest_end(&g);
}

/* --- relocation --- */

static void all_kinds_of_places_move_by_the_same(void)
{
	uint64_t delta;

	make_relocatable();
	CHECK_EQ(load(wrap_zstd), 0);
	delta = word(PLACE_64, 8) - WORD_64;
	CHECK_EQ(delta % MIB(2), 0);
	CHECK(delta <= GIB(1) - PREF - INIT_SIZE);
	CHECK_EQ(word(PLACE_32, 4), (uint32_t)(WORD_32 + delta));
	CHECK_EQ(word(PLACE_INVERSE, 4), (uint32_t)(WORD_32 - delta));
	CHECK_EQ(loadflags() & KASLR, KASLR);
	guest_end(&g);
}

/* Since Linux 6.15 there is no list of inverse ones. */
static void two_lists_are_64_and_32_bit(void)
{
	uint64_t delta;

	make();
	put_word(0);
	put_place(PLACE_64);
	put_word(0);
	put_place(PLACE_32);
	CHECK_EQ(load(wrap_zstd), 0);
	delta = word(PLACE_64, 8) - WORD_64;
	CHECK_EQ(word(PLACE_32, 4), (uint32_t)(WORD_32 + delta));
	CHECK_EQ(word(PLACE_INVERSE, 4), WORD_32);
	CHECK_EQ(loadflags() & KASLR, KASLR);
	guest_end(&g);
}

static void empty_lists_are_fine(void)
{
	make();
	put_word(0);
	put_word(0);
	put_word(0);
	put_place(PLACE_32);
	CHECK_EQ(load(wrap_zstd), 0);
	CHECK_EQ(word(PLACE_64, 8), WORD_64);
	CHECK_EQ((word(PLACE_32, 4) - WORD_32) % MIB(2), 0);
	CHECK_EQ(loadflags() & KASLR, KASLR);
	guest_end(&g);
}

/* One in 500 places each: 8 times the same is chance no more. */
static void addresses_differ_from_boot_to_boot(void)
{
	uint64_t first, differing = 0;

	make_relocatable();
	CHECK_EQ(load(wrap_zstd), 0);
	first = word(PLACE_64, 8);
	for (int i = 0; i < 8; i++) {
		CHECK_EQ(load(wrap_zstd), 0);
		differing += word(PLACE_64, 8) != first;
	}
	CHECK(differing > 0);
	guest_end(&g);
}

static void nokaslr_keeps_the_address(void)
{
	make_relocatable();
	g.in.cmdline = "quiet nokaslr ro";
	CHECK_EQ(load(wrap_zstd), 0);
	CHECK_EQ(word(PLACE_64, 8), WORD_64);
	CHECK_EQ(loadflags() & KASLR, 0);
	g.in.cmdline = "nokaslr";
	CHECK_EQ(load(wrap_zstd), 0);
	CHECK_EQ(loadflags() & KASLR, 0);
	guest_end(&g);
}

static void words_that_only_contain_nokaslr_do_not(void)
{
	make_relocatable();
	g.in.cmdline = "xnokaslr nokaslrx a.nokaslr=1";
	CHECK_EQ(load(wrap_zstd), 0);
	CHECK_EQ(loadflags() & KASLR, KASLR);
	guest_end(&g);
}

/* --- lists that lie: nothing moves, and the kernel still boots --- */

#define CHECK_NOT_MOVED()                                                      \
	do {                                                                   \
		CHECK_EQ(load(wrap_zstd), 0);                                  \
		CHECK_EQ(g.entry.rip, PREF + 0x10);                            \
		CHECK_EQ(word(PLACE_64, 8), WORD_64);                          \
		CHECK_EQ(word(PLACE_32, 4), WORD_32);                          \
		CHECK_EQ(loadflags() & KASLR, 0);                              \
		guest_end(&g);                                                 \
	} while (0)

static void one_place_outside_of_the_image_spoils_all(void)
{
	make_relocatable();
	put_place(0x10000);
	CHECK_NOT_MOVED();
}

static void place_across_the_end_of_the_image_spoils_all(void)
{
	make_relocatable();
	put_place(0x10000 - 3);
	CHECK_NOT_MOVED();
}

static void place_below_the_image_spoils_all(void)
{
	make_relocatable();
	put_word((uint32_t)(MAP_BASE + PREF - 4));
	CHECK_NOT_MOVED();
}

/* Positive as a 32-bit number: no address of the kernel's mapping. */
static void place_outside_of_the_kernels_mapping_spoils_all(void)
{
	make_relocatable();
	put_word(PREF + PLACE_64);
	CHECK_NOT_MOVED();
}

static void list_that_does_not_start_with_zero_is_none(void)
{
	make();
	put_place(PLACE_64);
	put_word(0);
	put_place(PLACE_32);
	CHECK_NOT_MOVED();
}

static void fourth_list_makes_them_unknown(void)
{
	make_relocatable();
	put_word(0);
	CHECK_NOT_MOVED();
}

static void single_list_is_unknown(void)
{
	make();
	put_word(0);
	put_place(PLACE_32);
	CHECK_NOT_MOVED();
}

/* --- images that lie: the bzImage's own code is left to deal with them --- */

static void segment_beyond_what_the_kernel_announced_is_left(void)
{
	make();
	phdr->p_memsz = INIT_SIZE + 1;
	CHECK_LEFT_TO_THE_GUEST();
}

static void segment_that_ends_beyond_it_is_left(void)
{
	make();
	phdr->p_paddr = PREF + INIT_SIZE - 0x1000;
	ehdr->e_entry = phdr->p_paddr;
	CHECK_LEFT_TO_THE_GUEST();
}

static void segment_below_the_preferred_address_is_left(void)
{
	make();
	phdr->p_paddr = PREF - 4096;
	CHECK_LEFT_TO_THE_GUEST();
}

static void segment_that_wraps_is_left(void)
{
	make();
	phdr->p_paddr = UINT64_MAX - 10;
	CHECK_LEFT_TO_THE_GUEST();
}

static void entry_outside_of_the_image_is_left(void)
{
	make();
	ehdr->e_entry = PREF + 0x10000;
	CHECK_LEFT_TO_THE_GUEST();
}

static void image_without_segments_is_left(void)
{
	make();
	phdr->p_type = PT_NOTE;
	CHECK_LEFT_TO_THE_GUEST();
}

static void image_that_is_no_elf_is_left(void)
{
	make();
	memset(vmlinux, 'x', ELF_LEN);
	CHECK_LEFT_TO_THE_GUEST();
}

static size_t wrap_too_large(uint8_t *out)
{
	size_t len = wrap_zstd(out);

	put_le(out + len - 4, INIT_SIZE + 1, 4);
	return len;
}

static size_t wrap_damaged(uint8_t *out)
{
	size_t len = wrap_zstd(out);

	put_le(out + 9, 0xffffff, 3);
	return len;
}

static size_t wrap_lz4_of_wrong_length(uint8_t *out)
{
	size_t len = wrap_lz4(out);

	put_le(out + 4, UINT32_MAX, 4);
	return len;
}

static size_t wrap_of_unknown_kind(uint8_t *out)
{
	size_t len = wrap_zstd(out);

	out[0] = 0x1f; /* gzip */
	return len;
}

static size_t wrap_nothing(uint8_t *out)
{
	put_le(out, 0xfd2fb528, 4);
	return 4;
}

static void payloads_that_cannot_be_unpacked_are_left(void)
{
	static size_t (*const wraps[])(uint8_t *) = {
		wrap_too_large, wrap_damaged, wrap_lz4_of_wrong_length,
		wrap_of_unknown_kind, wrap_nothing
	};

	for (size_t i = 0; i < ARRAY_SIZE(wraps); i++) {
		make();
		CHECK_EQ(load(wraps[i]), 0);
		CHECK_EQ(g.entry.rip, PREF + 0x200);
		CHECK(!memcmp(at(&g, PREF, 10), "startup_32", 10));
		guest_end(&g);
	}
}

static bool is_damaged(size_t (*wrap)(uint8_t *))
{
	struct boot_unpacked u;
	bool damaged;

	make();
	load(wrap);
	boot_unpack(g.kernel, &u);
	damaged = u.is_damaged;
	boot_unpacked_free(&u);
	guest_end(&g);
	return damaged;
}

/* The guest will not succeed either, and often says nothing. */
static void damage_is_told_from_what_is_not_known_here(void)
{
	CHECK(is_damaged(wrap_damaged));
	CHECK(is_damaged(wrap_lz4_of_wrong_length));
	CHECK(!is_damaged(wrap_zstd));
	CHECK(!is_damaged(wrap_of_unknown_kind));
}

int main(void)
{
	if (!dlopen("libzstd.so.1", RTLD_NOW) ||
	    !dlopen("liblz4.so.1", RTLD_NOW))
		return tap_skip_all("no libzstd.so.1 or liblz4.so.1");
	TAP_RUN(kernel_is_taken_out_and_entered_at_its_own_entry);
	TAP_RUN(lz4_is_taken_as_well);
	TAP_RUN(kernel_without_relocations_keeps_its_address);
	TAP_RUN(all_kinds_of_places_move_by_the_same);
	TAP_RUN(two_lists_are_64_and_32_bit);
	TAP_RUN(empty_lists_are_fine);
	TAP_RUN(addresses_differ_from_boot_to_boot);
	TAP_RUN(nokaslr_keeps_the_address);
	TAP_RUN(words_that_only_contain_nokaslr_do_not);
	TAP_RUN(one_place_outside_of_the_image_spoils_all);
	TAP_RUN(place_across_the_end_of_the_image_spoils_all);
	TAP_RUN(place_below_the_image_spoils_all);
	TAP_RUN(place_outside_of_the_kernels_mapping_spoils_all);
	TAP_RUN(list_that_does_not_start_with_zero_is_none);
	TAP_RUN(fourth_list_makes_them_unknown);
	TAP_RUN(single_list_is_unknown);
	TAP_RUN(segment_beyond_what_the_kernel_announced_is_left);
	TAP_RUN(segment_that_ends_beyond_it_is_left);
	TAP_RUN(segment_below_the_preferred_address_is_left);
	TAP_RUN(segment_that_wraps_is_left);
	TAP_RUN(entry_outside_of_the_image_is_left);
	TAP_RUN(image_without_segments_is_left);
	TAP_RUN(image_that_is_no_elf_is_left);
	TAP_RUN(payloads_that_cannot_be_unpacked_are_left);
	TAP_RUN(damage_is_told_from_what_is_not_known_here);
	return tap_done();
}

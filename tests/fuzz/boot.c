// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: the kernel loader, on files that lie.
 *
 * How this works: the first byte of the input picks a valid image (bzImage,
 * ELF of either class, bzImage with a packed kernel, or none), and the rest is
 * laid over it: pairs of offset and byte, so that a few bytes reach the
 * headers. The result is the kernel and, for odd inputs, the initramfs too.
 *
 * Beyond what the sanitizers see: a refusal has a message, an entry point lies
 * in RAM, and an initramfs does not overlap the boot data or leave RAM.
 */
#include <asm/bootparam.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/base/log.h"
#include "src/x86/boot.h"

enum { IMAGE_LEN = 8192, NOTES_OFF = 0x400, CODE_OFF = 0x800 };
#define RAM_LEN	 MIB(8)
#define LOAD_GPA MIB(2)

static struct mem mem;
static struct x86_ram_piece piece = { 0, RAM_LEN };
static uint8_t image[IMAGE_LEN];
static int image_fd;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

// NOLINTNEXTLINE(readability-non-const-parameter): as libFuzzer has it
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct mem_region ram = { .size = RAM_LEN,
					 .kind = MEM_RAM,
					 .name = "RAM" };
	struct err e = { 0 };

	(void)argc;
	(void)argv;
	ram.hva = mmap(NULL, RAM_LEN, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	image_fd = memfd_create("image", MFD_CLOEXEC);
	mem_init(&mem);
	if (ram.hva == MAP_FAILED || image_fd < 0 || mem_add(&mem, &ram, &e))
		abort();
	return 0;
}

static void make_bzimage(void)
{
	struct setup_header h = { .setup_sects = 1,
				  .syssize = (IMAGE_LEN - 1024) / 16,
				  .boot_flag = 0xaa55,
				  .header = 0x53726448,
				  .version = 0x20f,
				  .loadflags = LOADED_HIGH,
				  .initrd_addr_max = 0x7fffffff,
				  .kernel_alignment = 1 << 21,
				  .xloadflags = XLF_KERNEL_64,
				  .cmdline_size = 2047,
				  .pref_address = LOAD_GPA,
				  .init_size = 1 << 20 };

	memcpy(image + 0x1f1, &h, sizeof(h));
}

static void make_notes(void)
{
	static const uint32_t notes[] = { 4,	    4,	      5, 0x6e6558,
					  0x362e32, 4,	      8, 18,
					  0x6e6558, LOAD_GPA, 0 };

	memcpy(image + NOTES_OFF, notes, sizeof(notes));
}

static void make_elf64(void)
{
	Elf64_Ehdr h = { .e_ident = ELFMAG,
			 .e_machine = EM_X86_64,
			 .e_phoff = sizeof(h),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 2 };
	Elf64_Phdr ph[] = { { .p_type = PT_NOTE,
			      .p_offset = NOTES_OFF,
			      .p_filesz = 44,
			      .p_align = 4 },
			    { .p_type = PT_LOAD,
			      .p_offset = CODE_OFF,
			      .p_paddr = LOAD_GPA,
			      .p_filesz = IMAGE_LEN - CODE_OFF,
			      .p_memsz = 65536 } };

	h.e_ident[EI_CLASS] = ELFCLASS64;
	h.e_ident[EI_DATA] = ELFDATA2LSB;
	memcpy(image, &h, sizeof(h));
	memcpy(image + sizeof(h), ph, sizeof(ph));
	make_notes();
}

static void make_elf32(void)
{
	Elf32_Ehdr h = { .e_ident = ELFMAG,
			 .e_machine = EM_386,
			 .e_phoff = sizeof(h),
			 .e_phentsize = sizeof(Elf32_Phdr),
			 .e_phnum = 2 };
	Elf32_Phdr ph[] = { { .p_type = PT_NOTE,
			      .p_offset = NOTES_OFF,
			      .p_filesz = 44,
			      .p_align = 4 },
			    { .p_type = PT_LOAD,
			      .p_offset = CODE_OFF,
			      .p_paddr = LOAD_GPA,
			      .p_filesz = IMAGE_LEN - CODE_OFF,
			      .p_memsz = 65536 } };

	h.e_ident[EI_CLASS] = ELFCLASS32;
	h.e_ident[EI_DATA] = ELFDATA2LSB;
	memcpy(image, &h, sizeof(h));
	memcpy(image + sizeof(h), ph, sizeof(ph));
	make_notes();
}

/* A bzImage whose payload is an ELF file in one raw block of zstd. */
static void make_packed(void)
{
	static uint8_t elf[IMAGE_LEN / 2];
	uint8_t *payload = image + 1024;

	make_elf64();
	memcpy(elf, image, sizeof(elf));
	put_le(elf + offsetof(Elf64_Ehdr, e_entry), LOAD_GPA, 8);
	put_le(elf + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) +
		       offsetof(Elf64_Phdr, p_filesz),
	       1024, 8);
	/* Relocations behind the segment: three lists of one place each. */
	for (uint64_t i = 0; i < 3; i++)
		put_le(elf + CODE_OFF + 1024 + 8 * i + 4,
		       0x80000000 + LOAD_GPA + 16 * i, 4);
	memset(image, 0, sizeof(image));
	make_bzimage();
	put_le(image + 0x1f1 + offsetof(struct setup_header, payload_length),
	       12 + CODE_OFF + 1048 + 4, 4);
	put_le(payload, 0xfd2fb528, 4);
	payload[4] = 0xa0;
	put_le(payload + 5, CODE_OFF + 1048, 4);
	put_le(payload + 9, (CODE_OFF + 1048) << 3 | 1, 3);
	memcpy(payload + 12, elf, CODE_OFF + 1048);
	put_le(payload + 12 + CODE_OFF + 1048, CODE_OFF + 1048, 4);
}

static size_t make_raw(const uint8_t *data, size_t len)
{
	size_t n = len < IMAGE_LEN ? len : IMAGE_LEN;

	memcpy(image, data, n);
	return n;
}

/* Offsets of two bytes: the headers, notes and the start of the code. */
static void change(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + 3 <= len; i += 3)
		image[get_le(data + i, 2) % IMAGE_LEN] = data[i + 2];
}

static void check(const struct cpu_entry *entry, bool has_initramfs)
{
	const struct boot_params *bp =
		mem_ptr(&mem, X86_ZERO_PAGE_GPA, sizeof(*bp));

	if (!entry->params)
		abort();
	if (entry->mode != CPU_LONG64)
		return;
	if (entry->rip < X86_HIGH_RAM_GPA)
		abort();
	if (has_initramfs &&
	    (bp->hdr.ramdisk_image < X86_HIGH_RAM_GPA ||
	     !mem_ptr(&mem, bp->hdr.ramdisk_image, bp->hdr.ramdisk_size)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void (*const makers[])(void) = { make_bzimage, make_elf64,
						make_elf32, make_packed };
	struct boot_params_in in = { .cmdline = "quiet",
				     .ram = &piece,
				     .nr_ram = 1 };
	struct cpu_entry entry = { .mode = CPU_LONG64 };
	struct boot_unpacked unpacked;
	struct err e = { 0 };
	size_t size = IMAGE_LEN;
	char path[32];

	if (!len)
		return 0;
	log_set_level(LOG_ERROR);
	memset(image, 0, sizeof(image));
	if (data[0] / 2 % 5 < ARRAY_SIZE(makers)) {
		makers[data[0] / 2 % 5]();
		change(data + 1, len - 1);
	} else {
		size = make_raw(data + 1, len - 1);
	}
	if (ftruncate(image_fd, (off_t)size) ||
	    pwrite(image_fd, image, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", image_fd);
	in.kernel = path;
	in.initramfs = data[0] % 2 ? path : NULL;
	boot_unpack(path, &unpacked);
	in.unpacked = &unpacked;
	if (!boot_load(&mem, &in, &entry, &e))
		check(&entry, in.initramfs);
	else if (!e.msg[0] || !e.code)
		abort();
	boot_unpacked_free(&unpacked);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Linux's 64-bit boot protocol (Documentation/arch/x86/boot.rst).
 *
 * How this works: if the kernel proper was taken out of the bzImage, that is
 * loaded (boot_vmlinux.c); else the protected-mode part as it is goes to the
 * address that the kernel prefers and unpacks itself. The boot CPU
 * enters either in long mode with the low 4 GiB mapped 1:1. The setup header is
 * copied into a zero page and completed with what a boot loader knows. The
 * real-mode part is not used.
 */
#include <asm/bootparam.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/x86/boot_elf.h"
#include "src/x86/unpack.h"

enum {
	SECTOR_LEN = 512,
	SETUP_HEADER_OFF = 0x1f1,
	BOOT_FLAG = 0xaa55,
	HEADER_MAGIC = 0x53726448, /* "HdrS" */
	VERSION_64BIT = 0x20c,	   /* first with xloadflags */
	LOADER_UNDEFINED = 0xff,
	ENTRY_64_OFF = 0x200,
	DEFAULT_SETUP_SECTS = 4,
	CMDLINE_DEFAULT = 255, /* protocols without cmdline_size */
};

static int read_header(const struct boot_file *f, struct setup_header *h,
		       struct err *e)
{
	return boot_file_read(f, h, sizeof(*h), SETUP_HEADER_OFF, e);
}

bool boot_is_bzimage(const struct boot_file *f)
{
	struct setup_header h;
	struct err ignored = { 0 };

	return !read_header(f, &h, &ignored) && h.boot_flag == BOOT_FLAG &&
	       h.header == HEADER_MAGIC;
}

static int check_header(const struct boot_file *f, const struct setup_header *h,
			struct err *e)
{
	if (h->version >= VERSION_64BIT && (h->xloadflags & XLF_KERNEL_64) &&
	    (h->loadflags & LOADED_HIGH))
		return 0;
	err_set(e, ENOEXEC,
		"%s: has no 64-bit entry (boot protocol %u.%02u, xloadflags 0x%x)",
		f->path, h->version >> 8, h->version & 0xffu, h->xloadflags);
	err_hint(e, "strait starts 64-bit kernels of Linux 3.8 and later");
	return -ENOEXEC;
}

/* Where the protected-mode part begins in the file. */
static uint64_t kernel_off(const struct setup_header *h)
{
	uint64_t sects = h->setup_sects ? h->setup_sects : DEFAULT_SETUP_SECTS;

	return (sects + 1) * SECTOR_LEN;
}

/*
 * syssize counts 16-byte paragraphs of the protected-mode part; more than the
 * file holds means that the file was cut off.
 */
static int check_size(const struct mem *m, const struct boot_file *f,
		      const struct setup_header *h, struct err *e)
{
	uint64_t off = kernel_off(h), len = (uint64_t)h->syssize * 16;
	uint64_t need = len > h->init_size ? len : h->init_size;

	if (!len || off >= f->size || len > align_up(f->size - off, 16)) {
		err_set(e, EINVAL,
			"%s: is truncated: it has %" PRIu64
			" bytes where its header announces %" PRIu64,
			f->path, f->size, off + len);
		err_hint(e, "copy or install it again");
		return -EINVAL;
	}
	if (h->pref_address < X86_HIGH_RAM_GPA ||
	    h->pref_address >= X86_RAM_BELOW_4G_MAX)
		return err_set(e, ENOEXEC,
			       "%s: wants to be loaded at 0x%" PRIx64
			       ", outside of 1 MiB to 3 GiB",
			       f->path, (uint64_t)h->pref_address);
	if (mem_ptr(m, h->pref_address, need))
		return 0;
	err_set(e, ENOMEM,
		"%s: needs %" PRIu64 " MiB from 0x%" PRIx64
		" to unpack itself, where the guest has no RAM",
		f->path, (need >> 20) + 1, (uint64_t)h->pref_address);
	err_hint(e, "give the guest more with --memory size=...");
	return -ENOMEM;
}

static bool unpack_payload(const struct boot_file *f,
			   const struct setup_header *h,
			   struct boot_unpacked *out)
{
	uint64_t off = kernel_off(h) + h->payload_offset;
	uint64_t len = h->payload_length;
	struct err ignored = { 0 };
	uint8_t *payload;
	int ret = -ENOMEM;

	if (!len || len > f->size)
		return false;
	payload = malloc(len);
	if (payload && !boot_file_read(f, payload, len, off, &ignored)) {
		ret = unpack(payload, len, h->init_size, &out->data, &out->len);
		out->is_damaged = ret == -EINVAL;
	}
	free(payload);
	return !ret;
}

bool boot_unpack(const char *path, struct boot_unpacked *out)
{
	struct err ignored = { 0 };
	struct setup_header h;
	struct boot_file f;
	bool done;

	*out = (struct boot_unpacked){ 0 };
	if (boot_file_open(&f, path, &ignored))
		return false;
	done = boot_is_bzimage(&f) && !read_header(&f, &h, &ignored) &&
	       !check_header(&f, &h, &ignored) && unpack_payload(&f, &h, out);
	boot_file_close(&f);
	return done;
}

void boot_unpacked_free(struct boot_unpacked *u)
{
	if (u->data)
		unpack_free(u->data, u->len);
	*u = (struct boot_unpacked){ 0 };
}

/* Either way the memory from pref_address to kernel_end is the kernel's. */
static int load_kernel(const struct mem *m, const struct boot_file *f,
		       const struct boot_params_in *in, struct setup_header *h,
		       gpa_t *rip, struct err *e)
{
	uint64_t off = kernel_off(h), len = (uint64_t)h->syssize * 16;
	int ret = check_size(m, f, h, e);

	if (ret || (in->unpacked && in->unpacked->data &&
		    !boot_vmlinux(m, in->unpacked, h, in->cmdline, rip)))
		return ret;
	if (in->unpacked && in->unpacked->is_damaged)
		log_warn(
			"kernel",
			"%s does not unpack and may be damaged; the guest tries it itself",
			f->path);
	*rip = h->pref_address + ENTRY_64_OFF;
	if (len > f->size - off)
		len = f->size - off;
	return boot_file_load(f, m, h->pref_address, len, off, "kernel", e);
}

/* Behind what the kernel needs until it has read its memory map. */
static gpa_t kernel_end(const struct setup_header *h)
{
	uint64_t len = (uint64_t)h->syssize * 16;

	return h->pref_address + (len > h->init_size ? len : h->init_size);
}

static void fill_e820(struct boot_params *bp, const struct boot_params_in *in)
{
	struct boot_map_entry map[BOOT_MAX_MAP];
	unsigned int n = boot_memory_map(in, map);

	for (unsigned int i = 0; i < n; i++)
		bp->e820_table[i] =
			(struct boot_e820_entry){ map[i].gpa, map[i].size,
						  map[i].type };
	bp->e820_entries = (uint8_t)n;
}

int boot_bzimage(const struct mem *m, const struct boot_file *f,
		 const struct boot_params_in *in, struct cpu_entry *entry,
		 struct err *e)
{
	struct boot_params bp = { 0 };
	struct setup_header *h = &bp.hdr;
	gpa_t initrd_gpa, rip = 0;
	uint64_t initrd_size;
	int ret = read_header(f, h, e);

	if (!ret)
		ret = check_header(f, h, e);
	if (!ret)
		ret = load_kernel(m, f, in, h, &rip, e);
	if (!ret)
		ret = boot_load_cmdline(
			m, in,
			(h->cmdline_size ? h->cmdline_size : CMDLINE_DEFAULT) +
				1ULL,
			e);
	if (!ret)
		ret = boot_load_initramfs(m, in, kernel_end(h),
					  (uint64_t)h->initrd_addr_max + 1,
					  &initrd_gpa, &initrd_size, e);
	if (!ret)
		ret = cpu_write_tables(m, e);
	if (ret)
		return ret;

	h->type_of_loader = LOADER_UNDEFINED;
	h->code32_start = (uint32_t)h->pref_address;
	h->cmd_line_ptr = (uint32_t)X86_CMDLINE_GPA;
	h->ramdisk_image = (uint32_t)initrd_gpa;
	h->ramdisk_size = (uint32_t)initrd_size;
	bp.acpi_rsdp_addr = in->rsdp_gpa;
	fill_e820(&bp, in);
	if (in->framebuffer)
		boot_screen_info(in->framebuffer, &bp.screen_info);
	mem_write(m, X86_ZERO_PAGE_GPA, &bp, sizeof(bp));
	*entry = (struct cpu_entry){ .mode = CPU_LONG64,
				     .rip = rip,
				     .params = X86_ZERO_PAGE_GPA };
	return 0;
}

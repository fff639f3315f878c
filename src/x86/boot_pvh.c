// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PVH boot of an ELF image: uncompressed vmlinux, or firmware.
 *
 * How this works: loadable segments go to their physical addresses; the entry
 * point is the one of the Xen note PHYS32_ENTRY, reached in 32-bit protected
 * mode without paging, with ebx pointing at a start info.
 *
 * Numbers and layouts: Xen's public headers elfnote.h and
 * arch-x86/hvm/start_info.h (docs/misc/pvh.pandoc describes them).
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/x86/boot_elf.h"

enum {
	XEN_NOTE_PHYS32_ENTRY = 18,
	START_MAGIC = 0x336ec578,
	START_VERSION = 1, /* first with a memory map */
	MAX_NOTES_LEN = 1 << 16,
	CMDLINE_MAX = 2048, /* COMMAND_LINE_SIZE of Linux on x86 */
};

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist_gpa, cmdline_gpa, rsdp_gpa, memmap_gpa;
	uint32_t memmap_entries, reserved;
};
_Static_assert(sizeof(struct start_info) == 56, "Xen ABI");

struct start_module {
	uint64_t gpa, size, cmdline_gpa, reserved;
};

struct start_map_entry {
	uint64_t gpa, size;
	uint32_t type, reserved;
};

/* All of it lies in the page at X86_START_INFO_GPA. */
struct start_page {
	struct start_info info;
	struct start_module initramfs;
	struct start_map_entry map[BOOT_MAX_MAP];
};

/* The PVH entry among notes that are packed by align, or 0. */
static uint64_t scan_notes(const uint8_t *notes, uint64_t len, uint64_t align)
{
	uint64_t off = 0;

	while (len - off >= sizeof(Elf32_Nhdr)) {
		Elf32_Nhdr n;
		uint64_t name = off + sizeof(n), desc, next;

		memcpy(&n, notes + off, sizeof(n));
		desc = align_up(name + n.n_namesz, align);
		next = align_up(desc + n.n_descsz, align);
		if (desc + n.n_descsz > len)
			break;
		if (n.n_type == XEN_NOTE_PHYS32_ENTRY && n.n_namesz == 4 &&
		    !memcmp(notes + name, "Xen", 4) &&
		    (n.n_descsz == 4 || n.n_descsz == 8))
			return get_le(notes + desc, n.n_descsz);
		off = next < len ? next : len;
	}
	return 0;
}

/*
 * Looks for the PVH entry in one PT_NOTE segment; 0 if there is none. Linux
 * packs its notes by 4 even in a segment that says 8, others do as it says.
 */
static int find_entry(const struct boot_file *f, const struct elf_segment *s,
		      uint64_t *entry, struct err *e)
{
	uint8_t *notes;
	int ret;

	if (s->file_size > MAX_NOTES_LEN)
		return 0;
	notes = malloc(s->file_size ? s->file_size : 1);
	if (!notes)
		return err_set(e, ENOMEM, "%s: out of memory", f->path);
	ret = boot_file_read(f, notes, s->file_size, s->off, e);
	if (!ret)
		*entry = scan_notes(notes, s->file_size, 4);
	if (!ret && !*entry && s->align == 8)
		*entry = scan_notes(notes, s->file_size, 8);
	free(notes);
	return ret;
}

/* First of all: what has no entry is no kernel, whatever it wants to load. */
static int find_pvh_entry(const struct boot_file *f, const struct elf *elf,
			  uint64_t *entry, struct err *e)
{
	int ret = 0;

	*entry = 0;
	for (unsigned int i = 0; !ret && !*entry && i < elf->phnum; i++) {
		struct elf_segment s;

		ret = elf_segment(f, elf, i, &s, e);
		if (!ret && s.type == PT_NOTE)
			ret = find_entry(f, &s, entry, e);
	}
	if (ret || (*entry && *entry < GIB(4)))
		return ret;
	err_set(e, ENOEXEC, "%s: is an ELF file without a PVH entry", f->path);
	err_hint(e, "build the kernel with CONFIG_PVH, or give its bzImage");
	return -ENOEXEC;
}

static int check_entry_loaded(const struct boot_file *f, uint64_t entry,
			      bool is_loaded, struct err *e)
{
	if (is_loaded)
		return 0;
	err_set(e, ENOEXEC,
		"%s: its PVH entry is 0x%" PRIx64 ", where it loads nothing",
		f->path, entry);
	err_hint(e, "it is damaged: copy or build it again");
	return -ENOEXEC;
}

static int load_elf(const struct mem *m, const struct boot_file *f,
		    uint64_t *entry, gpa_t *end, struct err *e)
{
	bool is_loaded = false;
	struct elf elf;
	int ret = elf_read(f, &elf, e);

	if (!ret)
		ret = find_pvh_entry(f, &elf, entry, e);
	for (unsigned int i = 0; !ret && i < elf.phnum; i++) {
		struct elf_segment s;

		ret = elf_segment(f, &elf, i, &s, e);
		if (ret || s.type != PT_LOAD)
			continue;
		ret = elf_load_segment(m, f, &s, end, e);
		is_loaded |= *entry >= s.gpa && *entry - s.gpa < s.mem_size;
	}
	return ret ? ret : check_entry_loaded(f, *entry, is_loaded, e);
}

static void fill_page(struct start_page *p, const struct boot_params_in *in,
		      gpa_t initrd_gpa, uint64_t initrd_size)
{
	struct boot_map_entry map[BOOT_MAX_MAP];
	unsigned int n = boot_memory_map(in, map);

	for (unsigned int i = 0; i < n; i++)
		p->map[i] = (struct start_map_entry){ map[i].gpa, map[i].size,
						      map[i].type, 0 };
	p->initramfs.gpa = initrd_gpa;
	p->initramfs.size = initrd_size;
	p->info = (struct start_info){
		.magic = START_MAGIC,
		.version = START_VERSION,
		.nr_modules = initrd_size ? 1 : 0,
		.modlist_gpa = initrd_size ? X86_START_INFO_GPA +
						     offsetof(struct start_page,
							      initramfs)
					   : 0,
		.cmdline_gpa = X86_CMDLINE_GPA,
		.rsdp_gpa = in->rsdp_gpa,
		.memmap_gpa =
			X86_START_INFO_GPA + offsetof(struct start_page, map),
		.memmap_entries = n,
	};
}

int boot_pvh(const struct mem *m, const struct boot_file *f,
	     const struct boot_params_in *in, struct cpu_entry *entry,
	     struct err *e)
{
	struct start_page page = { 0 };
	uint64_t rip = 0, initrd_size = 0;
	gpa_t end = X86_HIGH_RAM_GPA, initrd_gpa = 0;
	int ret = load_elf(m, f, &rip, &end, e);

	if (!ret)
		ret = boot_load_cmdline(m, in, CMDLINE_MAX, e);
	if (!ret)
		ret = boot_load_initramfs(m, in, end, GIB(4), &initrd_gpa,
					  &initrd_size, e);
	if (!ret)
		ret = cpu_write_tables(m, e);
	if (ret)
		return ret;
	fill_page(&page, in, initrd_gpa, initrd_size);
	mem_write(m, X86_START_INFO_GPA, &page, sizeof(page));
	*entry = (struct cpu_entry){ .mode = CPU_PROTECTED32,
				     .rip = rip,
				     .params = X86_START_INFO_GPA };
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ELF images of kernels: headers and loadable segments, of either class.
 *
 * Every number in the file is the sender's: offsets are checked against the
 * file and addresses against guest RAM before they are used.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/x86/boot_elf.h"

enum { MAX_PHDRS = 128 };

bool boot_is_elf(const struct boot_file *f)
{
	struct err ignored = { 0 };
	char magic[SELFMAG];

	return !boot_file_read(f, magic, SELFMAG, 0, &ignored) &&
	       !memcmp(magic, ELFMAG, SELFMAG);
}

union any_header {
	unsigned char ident[EI_NIDENT];
	Elf32_Ehdr h32;
	Elf64_Ehdr h64;
};

static void take_header(struct elf *elf, const union any_header *h)
{
	const Elf32_Ehdr *a = &h->h32;
	const Elf64_Ehdr *b = &h->h64;

	if (elf->is_64)
		*elf = (struct elf){ true,	 b->e_entry,	b->e_phoff,
				     b->e_shoff, b->e_phnum,	b->e_phentsize,
				     b->e_shnum, b->e_shentsize };
	else
		*elf = (struct elf){ false,	 a->e_entry,	a->e_phoff,
				     a->e_shoff, a->e_phnum,	a->e_phentsize,
				     a->e_shnum, a->e_shentsize };
}

int elf_read(const struct boot_file *f, struct elf *elf, struct err *e)
{
	union any_header h = { 0 };
	uint16_t machine;
	int ret = boot_file_read(f, h.ident, EI_NIDENT, 0, e);

	if (ret)
		return ret;
	elf->is_64 = h.ident[EI_CLASS] == ELFCLASS64;
	ret = boot_file_read(f, &h, elf->is_64 ? sizeof(h.h64) : sizeof(h.h32),
			     0, e);
	if (ret)
		return ret;
	take_header(elf, &h);
	machine = elf->is_64 ? h.h64.e_machine : h.h32.e_machine;
	if ((machine == EM_X86_64 || machine == EM_386) &&
	    (elf->is_64 || h.ident[EI_CLASS] == ELFCLASS32) &&
	    h.ident[EI_DATA] == ELFDATA2LSB && elf->phnum &&
	    elf->phnum <= MAX_PHDRS &&
	    elf->phentsize ==
		    (elf->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return 0;
	err_set(e, ENOEXEC, "%s: is an ELF file, but not a kernel for x86",
		f->path);
	err_hint(e, "give a vmlinuz or vmlinux that was built for x86-64");
	return -ENOEXEC;
}

int elf_segment(const struct boot_file *f, const struct elf *elf,
		unsigned int i, struct elf_segment *s, struct err *e)
{
	union {
		Elf32_Phdr p32;
		Elf64_Phdr p64;
	} p = { 0 };
	uint64_t off = elf->phoff + (uint64_t)i * elf->phentsize;
	int ret = boot_file_read(f, &p, elf->phentsize, off, e);

	if (ret)
		return ret;
	if (elf->is_64)
		*s = (struct elf_segment){ p.p64.p_type,  p.p64.p_offset,
					   p.p64.p_paddr, p.p64.p_filesz,
					   p.p64.p_memsz, p.p64.p_align };
	else
		*s = (struct elf_segment){ p.p32.p_type,  p.p32.p_offset,
					   p.p32.p_paddr, p.p32.p_filesz,
					   p.p32.p_memsz, p.p32.p_align };
	return 0;
}

/* RAM is zero from the start, so what a segment has beyond its file part is. */
int elf_load_segment(const struct mem *m, const struct boot_file *f,
		     const struct elf_segment *s, gpa_t *end, struct err *e)
{
	uint64_t last;

	if (!s->mem_size)
		return 0;
	if (s->file_size > s->mem_size ||
	    __builtin_add_overflow(s->gpa, s->mem_size, &last))
		return err_set(e, ENOEXEC,
			       "%s: has an ELF segment of a wrong size",
			       f->path);
	if (s->gpa < X86_HIGH_RAM_GPA)
		return err_set(
			e, ENOEXEC,
			"%s: has an ELF segment at 0x%" PRIx64
			", and the first MiB is taken by boot data and ACPI tables",
			f->path, s->gpa);
	if (!mem_ptr(m, s->gpa, s->mem_size)) {
		err_set(e, ENOMEM,
			"%s: has an ELF segment at 0x%" PRIx64
			", where the guest has no RAM",
			f->path, s->gpa);
		err_hint(e, "give the guest more with --memory size=...");
		return -ENOMEM;
	}
	if (last > *end)
		*end = last;
	return boot_file_load(f, m, s->gpa, s->file_size, s->off, "segment", e);
}

int elf_end(const struct boot_file *f, const struct elf *elf, uint64_t *end,
	    struct err *e)
{
	uint64_t last = elf->shoff + (uint64_t)elf->shnum * elf->shentsize;
	int ret = 0;

	for (unsigned int i = 0; !ret && i < elf->phnum; i++) {
		struct elf_segment s;

		ret = elf_segment(f, elf, i, &s, e);
		if (!ret && s.off + s.file_size > last)
			last = s.off + s.file_size;
	}
	*end = last;
	return ret;
}

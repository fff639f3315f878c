/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF images of kernels, between the files of the loader. */
#ifndef STRAIT_X86_BOOT_ELF_H
#define STRAIT_X86_BOOT_ELF_H

#include "src/x86/boot.h"

struct elf {
	bool is_64;
	uint64_t entry, phoff, shoff;
	unsigned int phnum, phentsize, shnum, shentsize;
};

/* A program header. */
struct elf_segment {
	uint32_t type;
	uint64_t off;
	gpa_t gpa; /* p_paddr */
	uint64_t file_size, mem_size, align;
};

/* -ENOEXEC if it is not for x86. */
int elf_read(const struct boot_file *f, struct elf *elf, struct err *e);
int elf_segment(const struct boot_file *f, const struct elf *elf,
		unsigned int i, struct elf_segment *s, struct err *e);
/* Copies a PT_LOAD segment to its address; *end grows to its end. */
int elf_load_segment(const struct mem *m, const struct boot_file *f,
		     const struct elf_segment *s, gpa_t *end, struct err *e);
/* Where the ELF file ends; what follows is something else. May be beyond the
 * file. */
int elf_end(const struct boot_file *f, const struct elf *elf, uint64_t *end,
	    struct err *e);

struct setup_header;
/*
 * Loads the kernel proper, relocated to a random virtual address if it can be
 * (h->loadflags then says so). Any error: it cannot be loaded this way.
 */
int boot_vmlinux(const struct mem *m, const struct boot_unpacked *u,
		 struct setup_header *h, const char *cmdline, gpa_t *entry);

#endif

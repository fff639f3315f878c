/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads a kernel into guest RAM and says where the boot CPU starts. */
#ifndef STRAIT_X86_BOOT_H
#define STRAIT_X86_BOOT_H

#include "src/core/mem.h"
#include "src/x86/cpu.h"
#include "src/x86/layout.h"

/* The kernel proper of a bzImage, decompressed: an ELF file in memory. */
struct boot_unpacked {
	uint8_t *data; /* NULL: none */
	size_t len;
	bool is_damaged; /* of a known compression, and does not unpack */
};
/*
 * Takes the kernel out of the bzImage at path. Slow, and needs nothing but the
 * file, so a thread can do it beside other work. False: it is no bzImage, or
 * its compression is not known here; boot_load says what is wrong, if anything.
 */
bool boot_unpack(const char *path, struct boot_unpacked *out);
void boot_unpacked_free(struct boot_unpacked *u);

/* A picture of 32 bits per pixel (bytes B, G, R, unused) that is there. */
struct boot_framebuffer {
	gpa_t gpa;
	uint32_t width, height;
	uint32_t stride; /* bytes from one line to the next */
};

struct boot_params_in {
	const char *kernel;    /* path: bzImage, or ELF with a PVH entry */
	const char *initramfs; /* path or NULL */
	const char *cmdline;
	/* Of the same kernel, or NULL: a bzImage unpacks itself in the guest.
	 */
	const struct boot_unpacked *unpacked;
	gpa_t rsdp_gpa;
	const struct x86_ram_piece *ram;
	unsigned int nr_ram;
	/*
	 * The console's from its first line, or NULL. Only a bzImage is told:
	 * PVH has no place for it.
	 */
	const struct boot_framebuffer *framebuffer;
};

/*
 * Loads kernel, initramfs and command line, and writes what the kernel's boot
 * protocol wants. *e names the file and what is wrong with it.
 */
int boot_load(const struct mem *m, const struct boot_params_in *in,
	      struct cpu_entry *entry, struct err *e);

/*
 * Puts what a PC's BIOS has at its reset vector: code that resets through the
 * port. Linux jumps there on a hardware-reduced machine without EFI.
 */
int boot_write_reset_code(const struct mem *m, uint16_t port, uint8_t value,
			  struct err *e);

/* --- between the files of the loader --- */

struct boot_file {
	int fd;
	const uint8_t *data; /* instead of fd: the contents are in memory */
	uint64_t size;
	const char *path;
};

/* Opens a regular file that can be read. */
int boot_file_open(struct boot_file *f, const char *path, struct err *e);
void boot_file_close(struct boot_file *f);
/* All of [off, off + len) into a buffer; -EINVAL "truncated" if it is not all
 * there. */
int boot_file_read(const struct boot_file *f, void *buf, uint64_t len,
		   uint64_t off, struct err *e);
/* The same into guest RAM; what says what it is for the error. */
int boot_file_load(const struct boot_file *f, const struct mem *m, gpa_t gpa,
		   uint64_t len, uint64_t off, const char *what, struct err *e);

/*
 * Puts the initramfs as high as it goes below limit (and below 4 GiB), not
 * below floor. *gpa and *size are 0 without one.
 */
int boot_load_initramfs(const struct mem *m, const struct boot_params_in *in,
			gpa_t floor, gpa_t limit, gpa_t *gpa, uint64_t *size,
			struct err *e);
/* max counts the final NUL. */
int boot_load_cmdline(const struct mem *m, const struct boot_params_in *in,
		      uint64_t max, struct err *e);

/* Types of memory map entries, the same numbers in e820 and PVH. */
enum { BOOT_MAP_RAM = 1, BOOT_MAP_RESERVED = 2, BOOT_MAX_MAP = 8 };
struct boot_map_entry {
	gpa_t gpa;
	uint64_t size;
	uint32_t type;
};
unsigned int boot_memory_map(const struct boot_params_in *in,
			     struct boot_map_entry out[BOOT_MAX_MAP]);

struct screen_info;
/* Leaves *out as it is if the boot protocol cannot say it (16 bits for a side
 * or a stride). */
void boot_screen_info(const struct boot_framebuffer *fb,
		      struct screen_info *out);

/* True if the file's first bytes say so. */
bool boot_is_bzimage(const struct boot_file *f);
bool boot_is_elf(const struct boot_file *f);
int boot_bzimage(const struct mem *m, const struct boot_file *f,
		 const struct boot_params_in *in, struct cpu_entry *entry,
		 struct err *e);
int boot_pvh(const struct mem *m, const struct boot_file *f,
	     const struct boot_params_in *in, struct cpu_entry *entry,
	     struct err *e);

#endif

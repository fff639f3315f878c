/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where things lie in guest physical memory and port space.
 *
 * The map is Cloud Hypervisor's where firmware for it depends on that: the
 * 32-bit window from 3 GiB, ECAM behind it, sleep and reset at port 0x600, PM
 * timer at 0x608.
 */
#ifndef STRAIT_X86_LAYOUT_H
#define STRAIT_X86_LAYOUT_H

#include "src/base/bits.h"
#include "src/base/types.h"

/* Low memory, while the kernel is being entered. */
#define X86_GDT_GPA	   0x500ULL
#define X86_START_INFO_GPA 0x6000ULL /* PVH start info, modules, memory map */
#define X86_ZERO_PAGE_GPA  0x7000ULL /* struct boot_params */
#define X86_PAGE_TABLES_GPA                                                    \
	0x9000ULL /* PML4, PDPT, four PDs: 4 GiB mapped 1:1 */
#define X86_CMDLINE_GPA 0x20000ULL
#define X86_CMDLINE_MAX 0x10000ULL /* with its final NUL */
#define X86_LOW_RAM_END 0x9fc00ULL
#define X86_ACPI_GPA	0xe0000ULL
#define X86_ACPI_END	X86_RESET_GPA
/* Where a PC in real mode jumps to be reset. */
#define X86_RESET_GPA	     0xffff0ULL
#define X86_HIGH_RAM_GPA     0x100000ULL

#define X86_RAM_BELOW_4G_MAX GIB(3)
#define X86_MEM32_BASE	     0xc0000000ULL
#define X86_ECAM_BASE	     0xe8000000ULL
#define X86_ECAM_SIZE	     MIB(256) /* reserved: 1 MiB for each of 256 buses */
#define X86_MEM32_SIZE	     (X86_ECAM_BASE - X86_MEM32_BASE)
#define X86_IOAPIC_GPA	     0xfec00000ULL

/*
 * AMD IOMMUs reserve this for HyperTransport (AMD I/O Virtualization
 * Technology specification 2.1.2): no RAM may be mapped for DMA in it.
 */
#define X86_HT_HOLE_START 0xfd00000000ULL
#define X86_HT_HOLE_END	  0x10000000000ULL

#define X86_IO_BASE	  0x1000ULL /* PCI port I/O window */
#define X86_IO_SIZE	  0xf000ULL

#define X86_SERIAL_PORT	  0x3f8ULL
#define X86_SERIAL_GSI	  4u
#define X86_I8042_PORT	  0x60ULL
#define X86_PORT_B	  0x61ULL
#define X86_KEYBOARD_GSI  1u
#define X86_MOUSE_GSI	  12u
#define X86_RTC_PORT	  0x70ULL
#define X86_RTC_GSI	  8u
#define X86_RTC_CENTURY	  0x32 /* the register of the century */
#define X86_SLEEP_PORT	  0x600ULL
#define X86_PM_TIMER_PORT 0x608ULL
/* INTx of PCI functions arrive at IOAPIC pins 16-23. */
#define X86_PCI_GSI_BASE 16u

/* Up to three pieces: below 4 GiB, above it, and past the HyperTransport hole.
 */
struct x86_ram_piece {
	gpa_t gpa;
	uint64_t size;
};
enum { X86_MAX_RAM_PIECES = 3 };

/*
 * Places ram_size bytes. avoid_ht_hole: RAM that would reach into the hole
 * goes on at 1 TiB. Returns the number of pieces.
 */
unsigned int x86_place_ram(uint64_t ram_size, bool avoid_ht_hole,
			   struct x86_ram_piece out[X86_MAX_RAM_PIECES]);

#endif

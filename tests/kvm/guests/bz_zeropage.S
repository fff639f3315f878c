/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bzImage: setup header, and a 64-bit entry 0x200 bytes into the
 * protected-mode part (Documentation/arch/x86/boot.rst). It prints what the
 * zero page at rsi says: the command line, the memory map, whether the RSDP is
 * there, and then all bytes of the initramfs.
 *
 * Assembled for address 0 and written out as it is, so the code has to be
 * position-independent.
 */
#include "bzimage.h"

#define ZERO_RSDP	  0x070
#define ZERO_E820_ENTRIES 0x1e8
#define ZERO_RAMDISK	  0x218
#define ZERO_RAMDISK_SIZE 0x21c
#define ZERO_CMDLINE	  0x228
#define ZERO_E820	  0x2d0
#define E820_ENTRY_LEN	  20

	BZIMAGE_ENTRY
	movq	%rsi, %rbp
	PRINT	"cmdline=<"
	movl	ZERO_CMDLINE(%rbp), %esi
	call	print
	PRINT	">\n"

	/* "RSD PTR ", by its 64 bits. */
	movq	ZERO_RSDP(%rbp), %rsi
	movabsq	$0x2052545020445352, %rax
	cmpq	%rax, (%rsi)
	jne	1f
	PRINT	"rsdp\n"
1:
	movzbl	ZERO_E820_ENTRIES(%rbp), %r12d
	leaq	ZERO_E820(%rbp), %r13
2:	movq	0(%r13), %rbx
	call	print_hex
	PRINT	" "
	movq	8(%r13), %rbx
	call	print_hex
	PRINT	" "
	movl	16(%r13), %ebx
	call	print_hex
	PRINT	"\n"
	addq	$E820_ENTRY_LEN, %r13
	decl	%r12d
	jnz	2b

	PRINT	"initramfs="
	movl	ZERO_RAMDISK(%rbp), %esi
	movl	ZERO_RAMDISK_SIZE(%rbp), %ecx
	jrcxz	4f
3:	lodsb
	call	putc
	loop	3b
4:	POWER_OFF

	BZIMAGE_END

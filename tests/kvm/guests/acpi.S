/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the RSDP by the start info and from it the XSDT (ACPI 6.5 5.2.5,
 * 5.2.8), and prints the signature of each table whose bytes sum up to 0, the
 * RSDP's own included; "bad" for one that does not.
 */
#include "guest.h"

#define RSDP_LEN_1  20 /* what the first checksum covers */
#define RSDP_LENGTH 20
#define RSDP_XSDT   24
#define TABLE_LENGTH 4
#define TABLE_HEADER 36

	PVH_ENTRY
	movl	START_RSDP(%ebx), %esi
	cmpl	$0x20445352, (%esi)	/* "RSD " */
	jne	2f
	movl	$RSDP_LEN_1, %ecx
	call	check
	movl	RSDP_LENGTH(%esi), %ecx
	call	check

	movl	RSDP_XSDT(%esi), %esi
	call	check_table
	movl	TABLE_LENGTH(%esi), %ebp
	leal	(%esi, %ebp), %ebp	/* end of the XSDT */
	leal	TABLE_HEADER(%esi), %ebx
1:	movl	(%ebx), %esi
	call	check_table
	addl	$8, %ebx
	cmpl	%ebp, %ebx
	jb	1b
2:	POWER_OFF

/* The table at esi. */
check_table:
	movl	TABLE_LENGTH(%esi), %ecx

/* ecx bytes at esi, the signature's four characters first. */
check:
	pushal
	xorl	%eax, %eax
1:	addb	(%esi), %al
	incl	%esi
	loop	1b
	testb	%al, %al
	popal
	jz	2f
	PRINT	"bad "
2:	pushal
	movl	$4, %ecx
3:	lodsb
	call	putc
	loop	3b
	popal
	PRINT	"\n"
	ret

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rings two doorbells 1000 times each: a port, and a place in memory where
 * nothing is mapped, with all widths in turn. Then ends.
 */
#include "flat64.h"

#define PORT   0x100
#define MEMORY 0xd0000000
#define ROUNDS 250

	FLAT_ENTRY
	movl	$ROUNDS, %ecx
	movl	$MEMORY, %ebx
	movw	$PORT, %dx
1:	movl	%ecx, %eax
	outb	%al, %dx
	outw	%ax, %dx
	outl	%eax, %dx
	outl	%eax, %dx
	movb	%cl, (%rbx)
	movw	%cx, (%rbx)
	movl	%ecx, (%rbx)
	movq	%rcx, (%rbx)
	loop	1b
	END	$0

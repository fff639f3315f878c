/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Triple fault: a selector beyond the end of the GDT, whose #GP and double
 * fault find an empty IDT.
 */
#include "guest.h"

	PVH_ENTRY
	PRINT	"up\n"
	lidt	empty
	movl	$0xfff8, %eax
	movw	%ax, %ds
1:	jmp	1b
	.section .rodata
empty:	.word	0
	.long	0

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the PM timer eight times by a string instruction, and prints "forwards"
 * if it never went back; then "runs" when it has gone on since.
 */
#include "guest.h"

#define TIMER 0x608
#define TIMES 8

	PVH_ENTRY
	movw	$TIMER, %dx
	movl	$buffer, %edi
	movl	$TIMES, %ecx
	rep insl
	movl	$buffer, %esi
	movl	$(TIMES - 1), %ecx
1:	lodsl
	cmpl	%eax, (%esi)
	jb	3f
	loop	1b
	PRINT	"forwards\n"
2:	inl	%dx, %eax
	cmpl	(%esi), %eax
	jbe	2b
	PRINT	"runs\n"
3:	POWER_OFF

	.bss
	.balign	4
buffer:	.skip	4 * TIMES

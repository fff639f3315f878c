/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints 64 KiB: 8192 lines of seven hexadecimal digits that count up. As real
 * drivers do, it sends a FIFO's worth whenever the transmitter is empty.
 */
#include "guest.h"

#define FIFO  16
#define BURSTS (65536 / FIFO)

	PVH_ENTRY
	xorl	%ebp, %ebp		/* number of the line */
	movl	$BURSTS, %ecx
1:	pushl	%ecx
	movl	$line, %edi
	call	make_line
	call	make_line
	movw	$SERIAL_LSR, %dx
2:	inb	%dx, %al
	testb	$LSR_EMPTY, %al
	jz	2b
	movw	$SERIAL, %dx
	movl	$line, %esi
	movl	$FIFO, %ecx
	rep outsb
	popl	%ecx
	loop	1b
	POWER_OFF

/* Writes ebp as a line to edi, and counts on. */
make_line:
	movl	%ebp, %ebx
	shll	$4, %ebx
	movl	$7, %ecx
1:	roll	$4, %ebx
	movl	%ebx, %eax
	andl	$15, %eax
	movb	hex_digits(%eax), %al
	stosb
	loop	1b
	movb	$'\n', %al
	stosb
	incl	%ebp
	ret

	.bss
line:	.skip	FIFO

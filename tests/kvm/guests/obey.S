/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints a question mark and obeys a letter from the serial port: r resets, q
 * powers off, anything else is asked again. "fresh" or "stale" says whether
 * memory that was written in an earlier boot is zero.
 */
#include "guest.h"

#define MARK 0x200000

	PVH_ENTRY
	cmpl	$0, MARK
	jne	1f
	PRINT	"fresh"
	jmp	2f
1:	PRINT	"stale"
2:	movl	$1, MARK
	PRINT	"?\n"
	call	getc
	cmpb	$'q', %al
	je	3f
	cmpb	$'r', %al
	jne	2b
	PRINT	"reset\n"
	movw	$SLEEP_PORT, %dx
	movb	$SLEEP_RESET, %al
	outb	%al, %dx
4:	pause
	jmp	4b
3:	PRINT	"bye\n"
	POWER_OFF

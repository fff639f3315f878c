/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adds up: asks for a number as often as the first answer says, and ends with
 * the sum.
 */
#include "flat64.h"

	FLAT_ENTRY
	xorl	%ebx, %ebx
	inl	$MACHINE_ASK, %eax
	movl	%eax, %ecx
1:	inl	$MACHINE_ASK, %eax
	addl	%eax, %ebx
	loop	1b
	END	%ebx

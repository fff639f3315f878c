/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bare 64-bit guests that C tests load at MACHINE_CODE. Assembled for address
 * 0, so the code has to be position-independent. The low 4 GiB are mapped 1:1.
 */
#ifndef STRAIT_TESTS_FLAT64_H
#define STRAIT_TESTS_FLAT64_H

#include "tests/kvm/machine.h"

.macro FLAT_ENTRY
	.text
	.code64
	movl	$MACHINE_STACK, %esp
	cld
.endm

/* Tells the test a number; changes eax. */
.macro REPORT value:req
	movl	\value, %eax
	outl	%eax, $MACHINE_REPORT
.endm

.macro END value:req
	movl	\value, %eax
	outl	%eax, $MACHINE_END
7777:	pause
	jmp	7777b
.endm

#endif

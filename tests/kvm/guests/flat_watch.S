/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watches two places without leaving them alone for a moment: reports what
 * comes up at the first (where nothing answers, reads give all-ones), then,
 * when that is gone, what is at the second.
 */
#include "flat64.h"

#define FIRST  0xd0000000
#define SECOND 0xd4000000

	FLAT_ENTRY
	REPORT	$0			/* running */
	movl	$FIRST, %ebx
	movl	$SECOND, %esi
1:	movl	(%rbx), %ecx
	cmpl	$-1, %ecx
	je	1b
	REPORT	%ecx
2:	cmpl	$-1, (%rbx)
	jne	2b
3:	movl	(%rsi), %ecx
	cmpl	$-1, %ecx
	je	3b
	END	%ecx

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints "modules=N", then all bytes of the first module. */
#include "guest.h"

	PVH_ENTRY
	PRINT	"modules="
	PRINT_HEX START_NR_MODULES(%ebx)
	PRINT	"\n"
	cmpl	$0, START_NR_MODULES(%ebx)
	je	2f
	movl	START_MODULES(%ebx), %ebx
	movl	(%ebx), %esi		/* address, below 4 GiB */
	movl	8(%ebx), %ecx		/* size */
1:	lodsb
	call	putc
	loop	1b
2:	POWER_OFF

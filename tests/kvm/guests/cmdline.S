/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints the command line that the start info names. */
#include "guest.h"

	PVH_ENTRY
	cmpl	$START_MAGIC, (%ebx)
	jne	1f
	PRINT	"cmdline=<"
	movl	START_CMDLINE(%ebx), %esi
	call	print
	PRINT	">\n"
1:	POWER_OFF

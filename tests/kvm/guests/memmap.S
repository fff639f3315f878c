/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the memory map of the start info, a line "address size type" in
 * hexadecimal for each entry.
 */
#include "guest.h"

	PVH_ENTRY
	movl	START_MAP(%ebx), %esi
	movl	START_MAP_LEN(%ebx), %ecx
1:	PRINT_HEX 4(%esi)
	PRINT_HEX 0(%esi)
	PRINT	" "
	PRINT_HEX 12(%esi)
	PRINT_HEX 8(%esi)
	PRINT	" "
	PRINT_HEX 16(%esi)
	PRINT	"\n"
	addl	$MAP_ENTRY_LEN, %esi
	decl	%ecx
	jnz	1b
	POWER_OFF

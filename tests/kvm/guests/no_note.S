/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ELF file with an entry point, but no PVH note that names it. */
	.text
	.globl	entry
entry:	jmp	entry

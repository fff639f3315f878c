/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jumps to where there is no memory, which no KVM can carry out. */
#include "guest.h"

	PVH_ENTRY
	PRINT	"up\n"
	movl	$0x57a17bad, %edi	/* to be found in the registers printed */
	movl	$0xd0000000, %eax
	jmp	*%eax

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has a segment at 256 MiB, where a small guest has no memory. */
#include "guest.h"

	PVH_ENTRY
	movl	far_away, %eax
	POWER_OFF

	.section .high, "aw"
far_away:
	.long	1

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says that it is up and never ends by itself. */
#include "guest.h"

	PVH_ENTRY
	PRINT	"up\n"
1:	pause
	jmp	1b

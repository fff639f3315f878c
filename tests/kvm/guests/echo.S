/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says "ready", then sends back each byte from the serial port; 4 ends it. */
#include "guest.h"

#define END 4

	PVH_ENTRY
	PRINT	"ready\n"
1:	call	getc
	cmpb	$END, %al
	je	2f
	call	putc
	jmp	1b
2:	POWER_OFF

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resets by the way that the command line names: "port" (the ACPI reset
 * register) or "keyboard" (the controller's pulse).
 */
#include "guest.h"

	PVH_ENTRY
	PRINT	"up\n"
	movl	START_CMDLINE(%ebx), %esi
	cmpb	$'k', (%esi)
	je	2f
	movw	$SLEEP_PORT, %dx
	movb	$SLEEP_RESET, %al
	outb	%al, %dx
1:	pause
	jmp	1b
2:	movw	$I8042_PORT, %dx
	movb	$I8042_RESET, %al
	outb	%al, %dx
	jmp	1b

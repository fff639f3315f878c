/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads IDs of PCI functions by configuration mechanism #1 (PCI 3.0 3.2.2.3.2)
 * and by ECAM, and prints them.
 */
#include "guest.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  0x80000000
#define ECAM	       0xe8000000
#define BDF(dev, fn)   ((dev) << 3 | (fn))
#define CLASS	       8

.macro PRINT_PORTS devfn, reg
	movw	$CONFIG_ADDRESS, %dx
	movl	$(CONFIG_ENABLE | (\devfn) << 8 | \reg), %eax
	outl	%eax, %dx
	movw	$CONFIG_DATA, %dx
	inl	%dx, %eax
	PRINT_HEX %eax
	PRINT	"\n"
.endm

	PVH_ENTRY
	PRINT	"ports bridge "
	PRINT_PORTS BDF(0, 0), 0
	PRINT	"ports class "
	PRINT_PORTS BDF(0, 0), CLASS
	PRINT	"ports absent "
	PRINT_PORTS BDF(31, 7), 0

	/* The two bytes of the device ID alone, as 16 bits at CFC + 2. */
	PRINT	"ports word "
	movw	$CONFIG_ADDRESS, %dx
	movl	$CONFIG_ENABLE, %eax
	outl	%eax, %dx
	movw	$(CONFIG_DATA + 2), %dx
	xorl	%eax, %eax
	inw	%dx, %ax
	PRINT_HEX %eax
	PRINT	"\n"

	/* Without the enable bit, CFC is no configuration access. */
	PRINT	"ports off "
	movw	$CONFIG_ADDRESS, %dx
	xorl	%eax, %eax
	outl	%eax, %dx
	movw	$CONFIG_DATA, %dx
	inl	%dx, %eax
	PRINT_HEX %eax
	PRINT	"\n"

	PRINT	"ecam bridge "
	PRINT_HEX ECAM
	PRINT	"\necam class "
	PRINT_HEX ECAM + CLASS
	PRINT	"\necam absent "
	PRINT_HEX ECAM + (BDF(31, 7) << 12)
	PRINT	"\necam byte "
	movl	$ECAM, %esi
	xorl	%eax, %eax
	movb	1(%esi), %al
	PRINT_HEX %eax
	PRINT	"\n"

	/* The IDs are read-only. */
	movl	$0, (%esi)
	PRINT	"ecam written "
	PRINT_HEX ECAM
	PRINT	"\n"
	POWER_OFF

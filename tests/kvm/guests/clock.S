/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the date of the clock, sets its year, a byte of its RAM and its alarm
 * interrupt, and resets; if that byte is there, prints year and register B.
 */
#include "guest.h"

#define INDEX 0x70
#define DATA  0x71
#define DAY   0x07
#define MONTH 0x08
#define YEAR  0x09
#define REG_B 0x0b
#define CENTURY 0x32
#define RAM   0x40
#define MARK  0x5a
#define ALARM_AND_24_HOURS 0x22

/* Shifts a register into ecx. */
.macro CMOS_GET index:req
	movb	$\index, %al
	outb	%al, $INDEX
	inb	$DATA, %al
	shll	$8, %ecx
	movb	%al, %cl
.endm

.macro CMOS_PUT index:req value:req
	movb	$\index, %al
	outb	%al, $INDEX
	movb	$\value, %al
	outb	%al, $DATA
.endm

	PVH_ENTRY
	CMOS_GET RAM
	cmpb	$MARK, %cl
	je	kept
	CMOS_GET CENTURY
	CMOS_GET YEAR
	CMOS_GET MONTH
	CMOS_GET DAY
	PRINT	"date "
	PRINT_HEX %ecx
	CMOS_PUT YEAR, 0x31
	CMOS_PUT RAM, MARK
	CMOS_PUT REG_B, ALARM_AND_24_HOURS
	movw	$SLEEP_PORT, %dx
	movb	$SLEEP_RESET, %al
	outb	%al, %dx
1:	pause
	jmp	1b
kept:	xorl	%ecx, %ecx
	CMOS_GET YEAR
	CMOS_GET REG_B
	PRINT	" kept "
	PRINT_HEX %ecx
	POWER_OFF

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every guest of the KVM tests is made of: entry by PVH, a serial port,
 * power-off and reset. AT&T syntax, 32-bit protected mode without paging; no
 * interrupts, and no HLT, which does not return everywhere.
 *
 * A guest includes this, begins its code with PVH_ENTRY, which leaves the
 * address of the start info in ebx, and ends in POWER_OFF.
 *
 * Numbers: Xen's elfnote.h and arch-x86/hvm/start_info.h (PVH); National
 * Semiconductor PC16550D section 8 (serial port).
 */
#ifndef STRAIT_TESTS_GUEST_H
#define STRAIT_TESTS_GUEST_H

#define SERIAL	    0x3f8
#define SERIAL_LSR  0x3fd
#define LSR_DATA    0x01
#define LSR_EMPTY   0x20
#define SLEEP_PORT  0x600
#define SLEEP_OFF   0x34 /* SLP_TYP 5, SLP_EN */
#define SLEEP_RESET 0x01
#define I8042_PORT  0x64
#define I8042_RESET 0xfe

/* struct hvm_start_info */
#define START_MAGIC	 0x336ec578
#define START_NR_MODULES 12
#define START_MODULES	 16
#define START_CMDLINE	 24
#define START_RSDP	 32
#define START_MAP	 40
#define START_MAP_LEN	 48
/* struct hvm_memmap_table_entry */
#define MAP_ENTRY_LEN 24

/* The note that names the entry, and the entry itself with a stack. */
.macro PVH_ENTRY
	.section .note.pvh, "a", @note
	.balign 4
	.long	4, 4, 18	/* name and value of 4 bytes; PHYS32_ENTRY */
	.asciz	"Xen"
	.long	entry
	.text
	.code32
	.globl	entry
entry:
	movl	$stack_top, %esp
	cld
	.pushsection .bss
	.balign 16
	.skip	4096
stack_top:
	.popsection
.endm

.macro POWER_OFF
	movw	$SLEEP_PORT, %dx
	movb	$SLEEP_OFF, %al
	outb	%al, %dx
7777:	pause
	jmp	7777b
.endm

/* Prints the text; keeps all registers. */
.macro PRINT text:req
	pushal
	movl	$7776f, %esi
	call	print
	popal
	.pushsection .rodata
7776:	.asciz	"\text"
	.popsection
.endm

/* Prints a 32-bit operand as 8 hexadecimal digits; keeps all registers. */
.macro PRINT_HEX value:req
	pushal
	movl	\value, %eax
	call	print_hex
	popal
.endm

/* Waits for room in the transmitter, then sends al; changes dx and ah. */
	.text
	.code32
putc:
	movb	%al, %ah
	movw	$SERIAL_LSR, %dx
1:	inb	%dx, %al
	testb	$LSR_EMPTY, %al
	jz	1b
	movb	%ah, %al
	movw	$SERIAL, %dx
	outb	%al, %dx
	ret

/* Sends the string at esi. */
print:
	lodsb
	testb	%al, %al
	jz	1f
	call	putc
	jmp	print
1:	ret

/* Sends eax in hexadecimal. */
print_hex:
	movl	%eax, %ebx
	movl	$8, %ecx
1:	roll	$4, %ebx
	movl	%ebx, %eax
	andl	$15, %eax
	movb	hex_digits(%eax), %al
	call	putc
	loop	1b
	ret

/* Waits for a byte and gives it in al; changes dx. */
getc:
	movw	$SERIAL_LSR, %dx
1:	inb	%dx, %al
	testb	$LSR_DATA, %al
	jz	1b
	movw	$SERIAL, %dx
	inb	%dx, %al
	ret

	.section .rodata
hex_digits:
	.ascii	"0123456789abcdef"
	.text

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bzImage around 64-bit code: one sector of setup with the header, then the
 * protected-mode part, entered 0x200 bytes behind its start with the low 4 GiB
 * mapped 1:1, rsi pointing at the zero page, and no stack.
 *
 * Numbers: Documentation/arch/x86/boot.rst.
 */
#ifndef STRAIT_TESTS_BZIMAGE_H
#define STRAIT_TESTS_BZIMAGE_H

#define SERIAL	   0x3f8
#define SERIAL_LSR 0x3fd
#define LSR_EMPTY  0x20
#define SLEEP_PORT 0x600
#define SLEEP_OFF  0x34

#define SETUP_SECTS  1
#define PREF_ADDRESS 0x1000000
#define INIT_SIZE    0x100000 /* memory that the kernel needs from there on */
#define CMDLINE_SIZE 1023
#define STACK_TOP    (PREF_ADDRESS + INIT_SIZE)

.macro BZIMAGE_ENTRY
	.text
	.code64
	.org	0x1f1
	.byte	SETUP_SECTS
	.word	0			/* root_flags */
	.long	(image_end - kernel + 15) / 16	/* syssize */
	.word	0, 0, 0			/* ram_size, vid_mode, root_dev */
	.word	0xaa55			/* boot_flag */
	.byte	0xeb, setup_end - 0x202 /* jump: its offset is the length */
	.ascii	"HdrS"
	.word	0x20f			/* version */
	.org	0x211
	.byte	1			/* loadflags: LOADED_HIGH */
	.org	0x22c
	.long	0x7fffffff		/* initrd_addr_max */
	.long	0x200000		/* kernel_alignment */
	.byte	1, 21			/* relocatable, min_alignment */
	.word	1			/* xloadflags: XLF_KERNEL_64 */
	.long	CMDLINE_SIZE
	.org	0x258
	.quad	PREF_ADDRESS
	.long	INIT_SIZE
	.long	0			/* handover_offset */
setup_end:
	.org	(SETUP_SECTS + 1) * 512
kernel:
	.org	(SETUP_SECTS + 1) * 512 + 0x200
	movl	$STACK_TOP, %esp
	cld
.endm

/* Functions, and the end of the image. */
.macro BZIMAGE_END
/* Waits for room in the transmitter, then sends al; changes dx and ah. */
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

/* Sends the string at rsi. */
print:
	lodsb
	testb	%al, %al
	jz	1f
	call	putc
	jmp	print
1:	ret

/* Sends rbx in hexadecimal. */
print_hex:
	movl	$16, %ecx
	leaq	hex_digits(%rip), %rdi
1:	rolq	$4, %rbx
	movl	%ebx, %eax
	andl	$15, %eax
	movb	(%rdi, %rax), %al
	call	putc
	loop	1b
	ret
hex_digits:
	.ascii	"0123456789abcdef"
	.balign	16
image_end:
.endm

.macro POWER_OFF
	movw	$SLEEP_PORT, %dx
	movb	$SLEEP_OFF, %al
	outb	%al, %dx
7777:	pause
	jmp	7777b
.endm

/* Prints the text; changes rax, rdx and rsi. */
.macro PRINT text:req
	leaq	7776f(%rip), %rsi
	call	print
	jmp	7778f
7776:	.asciz	"\text"
7778:
.endm

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes interrupts: reports the number of each vector from 0x40 to 0x5f that
 * arrives, and ends when it asks and the answer is not 0. Pin 5 of the IOAPIC
 * leads to vector 0x45, as an edge, pin 17 to vector 0x51, as a level.
 *
 * Numbers: Intel SDM 3A 6.14.1 (gates), 11.4 (LAPIC); 82093AA data sheet 3.2
 * (IOAPIC).
 */
#include "flat64.h"

#define IDT	     0x90000
#define FIRST_VECTOR 0x40
#define NR_VECTORS   0x20
#define GATE	     0x8e00 /* present, 64-bit interrupt gate */
#define BOOT_CS	     0x10

#define LAPIC	     0xfee00000
#define LAPIC_EOI    0xb0
#define LAPIC_SVR    0xf0
#define LAPIC_LVT0   0x350
#define SVR_ENABLED  0x1ff
#define LVT_MASKED   0x10000

#define IOAPIC	     0xfec00000
#define IOAPIC_DATA  0x10
#define PIN_5	     (0x10 + 2 * 5)
#define PIN_17	     (0x10 + 2 * 17)
#define LEVEL	     0x8000

	FLAT_ENTRY
	/* All pins of the PIC masked, and its way into the LAPIC closed. */
	movb	$0xff, %al
	outb	%al, $0x21
	outb	%al, $0xa1
	movl	$LAPIC, %ebx
	movl	$LVT_MASKED, LAPIC_LVT0(%rbx)
	movl	$SVR_ENABLED, LAPIC_SVR(%rbx)

	movl	$IOAPIC, %esi
	movl	$PIN_5, (%rsi)
	movl	$0x45, IOAPIC_DATA(%rsi)
	movl	$(PIN_5 + 1), (%rsi)
	movl	$0, IOAPIC_DATA(%rsi)
	movl	$(PIN_17 + 1), (%rsi)
	movl	$0, IOAPIC_DATA(%rsi)
	movl	$PIN_17, (%rsi)
	movl	$(LEVEL | 0x51), IOAPIC_DATA(%rsi)

	/* The table is empty but for our vectors: their stubs, one by one. */
	movl	$(IDT + FIRST_VECTOR * 16), %edi
	leaq	stubs(%rip), %rax
	movl	$NR_VECTORS, %ecx
1:	movw	%ax, (%rdi)
	movw	$BOOT_CS, 2(%rdi)
	movw	$GATE, 4(%rdi)
	movq	%rax, %rdx
	shrq	$16, %rdx
	movw	%dx, 6(%rdi)
	movq	$0, 8(%rdi)
	addq	$16, %rdi
	addq	$(stubs_end - stubs) / NR_VECTORS, %rax
	loop	1b
	lidt	pointer(%rip)
	sti

	REPORT	$0			/* ready */
2:	inl	$MACHINE_ASK, %eax
	testl	%eax, %eax
	jz	2b
	cli
	END	$0

pointer:
	.word	(FIRST_VECTOR + NR_VECTORS) * 16 - 1
	.quad	IDT

	.balign	8
stubs:
	.set	vector, FIRST_VECTOR
	.rept	NR_VECTORS
	.balign	8
	pushq	$vector
	jmp	taken
	.set	vector, vector + 1
	.endr
	.balign	8
stubs_end:

taken:
	pushq	%rax
	movl	8(%rsp), %eax
	outl	%eax, $MACHINE_REPORT
	movl	$0, LAPIC_EOI(%rbx)
	popq	%rax
	addq	$8, %rsp
	iretq

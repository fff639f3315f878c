/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starts the other CPUs by INIT and SIPI to all (Intel SDM 3A 9.4.4.1). Each
 * sets the byte of its APIC ID and counts itself; when as many have come as
 * the command line says (three decimal digits), prints the IDs in order.
 */
#include "guest.h"

#define LAPIC_ID     0xfee00020
#define LAPIC_SVR    0xfee000f0
#define SVR_ENABLED  0x1ff
#define LAPIC_ICR    0xfee00300
#define ICR_BUSY     (1 << 12)
#define ICR_INIT     0x000c4500 /* all but self, assert, INIT */
#define ICR_SIPI     0x000c4600 /* and start-up, the page is added */
#define TRAMPOLINE   0x8000

	PVH_ENTRY
	/* How many: ebp = number of the command line, less this CPU. */
	movl	START_CMDLINE(%ebx), %esi
	xorl	%ebp, %ebp
	movl	$3, %ecx
1:	lodsb
	movzbl	%al, %eax
	imull	$10, %ebp
	leal	-'0'(%ebp, %eax), %ebp
	loop	1b
	decl	%ebp

	movl	$trampoline, %esi
	movl	$TRAMPOLINE, %edi
	movl	$(trampoline_end - trampoline), %ecx
	rep movsb

	movl	$SVR_ENABLED, LAPIC_SVR
	movl	$ICR_INIT, LAPIC_ICR
	call	icr_wait
	movl	$(ICR_SIPI | TRAMPOLINE >> 12), LAPIC_ICR
	call	icr_wait

2:	pause
	cmpl	%ebp, nr_up
	jb	2b

	xorl	%ecx, %ecx
3:	cmpb	$0, is_up(%ecx)
	je	4f
	PRINT_HEX %ecx
	PRINT	"\n"
4:	incl	%ecx
	cmpl	$256, %ecx
	jb	3b
	POWER_OFF

icr_wait:
	testl	$ICR_BUSY, LAPIC_ICR
	jnz	icr_wait
	ret

/* What the others run: real mode at TRAMPOLINE, then flat protected mode. */
	.code16
trampoline:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	lgdtl	TRAMPOLINE + (gdt_pointer - trampoline)
	movl	%cr0, %eax
	orl	$1, %eax
	movl	%eax, %cr0
	ljmpl	$8, $ap_entry
	.balign	8
gdt:	.quad	0
	.quad	0x00cf9b000000ffff	/* code, 4 GiB */
	.quad	0x00cf93000000ffff	/* data, 4 GiB */
gdt_pointer:
	.word	gdt_pointer - gdt - 1
	.long	TRAMPOLINE + (gdt - trampoline)
trampoline_end:

/* No stack is needed. */
	.code32
ap_entry:
	movw	$16, %ax
	movw	%ax, %ds
	movl	LAPIC_ID, %eax
	shrl	$24, %eax
	movb	$1, is_up(%eax)
	lock incl nr_up
1:	hlt
	jmp	1b

	.bss
	.balign	4
nr_up:	.skip	4
is_up:	.skip	256

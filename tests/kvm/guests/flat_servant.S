/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does what struct order says, one thing after the other: asks, does it, puts
 * what it read into the order's value, reports.
 */
#include "flat64.h"

#define ORDER_ADDRESS 8
#define ORDER_VALUE   16
#define ORDER_COUNT   24

	FLAT_ENTRY
	movl	$MACHINE_ORDER, %ebp
next:	inl	$MACHINE_ASK, %eax
	movq	ORDER_ADDRESS(%rbp), %rdx
	movq	ORDER_VALUE(%rbp), %rsi
	movq	%rsi, %rdi
	movq	ORDER_COUNT(%rbp), %rcx
	movq	(%rbp), %rax
	leaq	table(%rip), %rbx
	movslq	(%rbx, %rax, 4), %rax
	addq	%rbx, %rax
	jmp	*%rax

	/* rbx is what was read. */
done:	movq	%rbx, ORDER_VALUE(%rbp)
	REPORT	$0
	jmp	next

	.balign	4
table:	.long	read_8 - table, read_16 - table, read_32 - table
	.long	read_64 - table
	.long	write_8 - table, write_16 - table, write_32 - table
	.long	write_64 - table
	.long	in_8 - table, in_16 - table, in_32 - table
	.long	out_8 - table, out_16 - table, out_32 - table
	.long	ins_8 - table, ins_16 - table, ins_32 - table
	.long	outs_8 - table, outs_16 - table, outs_32 - table

/* Memory at rdx. */
read_8:	xorl	%ebx, %ebx
	movb	(%rdx), %bl
	jmp	done
read_16:
	xorl	%ebx, %ebx
	movw	(%rdx), %bx
	jmp	done
read_32:
	movl	(%rdx), %ebx
	jmp	done
read_64:
	movq	(%rdx), %rbx
	jmp	done
write_8:
	movb	%sil, (%rdx)
	jmp	done
write_16:
	movw	%si, (%rdx)
	jmp	done
write_32:
	movl	%esi, (%rdx)
	jmp	done
write_64:
	movq	%rsi, (%rdx)
	jmp	done

/* Port dx. */
in_8:	xorl	%eax, %eax
	inb	%dx, %al
	movl	%eax, %ebx
	jmp	done
in_16:	xorl	%eax, %eax
	inw	%dx, %ax
	movl	%eax, %ebx
	jmp	done
in_32:	inl	%dx, %eax
	movl	%eax, %ebx
	jmp	done
out_8:	movl	%esi, %eax
	outb	%al, %dx
	jmp	done
out_16:	movl	%esi, %eax
	outw	%ax, %dx
	jmp	done
out_32:	movl	%esi, %eax
	outl	%eax, %dx
	jmp	done

/* rcx times between port dx and memory at rsi or rdi. */
ins_8:	rep insb
	jmp	done
ins_16:	rep insw
	jmp	done
ins_32:	rep insl
	jmp	done
outs_8:	rep outsb
	jmp	done
outs_16:
	rep outsw
	jmp	done
outs_32:
	rep outsl
	jmp	done

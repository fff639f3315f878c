// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vCPU registers: as firmware would leave them, and at the kernel's entry.
 *
 * Only the boot CPU gets an entry state; KVM keeps the others waiting for
 * INIT and SIPI, which the guest sends.
 *
 * Bit numbers: Intel SDM vol. 3A 2.5 (control registers), 3.4.5
 * (descriptors), 11.5 (LVT), 12.11 (MTRRs).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/x86/cpu.h"
#include "src/x86/layout.h"

#define CR0_PE	       (1ULL << 0)
#define CR0_ET	       (1ULL << 4)
#define CR0_NE	       (1ULL << 5)
#define CR0_PG	       (1ULL << 31)
#define CR4_PAE	       (1ULL << 5)
#define EFER_LME       (1ULL << 8)
#define EFER_LMA       (1ULL << 10)
#define PTE_PRESENT_RW 3ULL
#define PTE_LARGE      (1ULL << 7)
#define PAGE_LEN       4096ULL
#define PD_ENTRIES     512ULL
#define NR_PDS	       4ULL

enum {
	MSR_MISC_ENABLE = 0x1a0,
	/* Fast strings; no BTS and no PEBS, as KVM has it at reset. */
	MISC_ENABLE = 1 | 1 << 11 | 1 << 12,
	MSR_MTRR_DEF_TYPE = 0x2ff,
	MTRR_ENABLE_WRITE_BACK = 1 << 11 | 6,
	LAPIC_LVT0 = 0x350,
	LAPIC_LVT1 = 0x360,
	DELIVERY_NMI = 4 << 8,
	DELIVERY_EXTINT = 7 << 8,
	/* Linux's boot protocol wants these two selectors. */
	RESET_RIP = 0xfff0, /* after reset: SDM vol. 3A 10.1.4 */
	RESET_CS = 0xf000,
	BOOT_CS = 0x10,
	BOOT_DS = 0x18,
	CODE_TYPE = 0xb, /* execute, read, accessed */
	DATA_TYPE = 0x3, /* read, write, accessed */
	TSS_TYPE = 0xb,	 /* busy 32-bit */
};

static uint64_t descriptor(uint64_t type, bool is_64)
{
	/* Present, S, granularity 4 KiB, base 0, limit 4 GiB. */
	return 0xffffULL | 0xfULL << 48 | type << 40 | 0x9ULL << 44 |
	       (is_64 ? 0xaULL : 0xcULL) << 52;
}

int cpu_write_tables(const struct mem *m, struct err *e)
{
	uint64_t gdt[] = { 0, 0, descriptor(CODE_TYPE, true),
			   descriptor(DATA_TYPE, false) };
	uint64_t *tables =
		mem_ptr(m, X86_PAGE_TABLES_GPA, (2 + NR_PDS) * PAGE_LEN);

	if (!tables || mem_write(m, X86_GDT_GPA, gdt, sizeof(gdt)))
		return err_set(e, ENOMEM, "guest memory: too small to boot");
	memset(tables, 0, 2 * PAGE_LEN);
	tables[0] = (X86_PAGE_TABLES_GPA + PAGE_LEN) | PTE_PRESENT_RW;
	for (uint64_t i = 0; i < NR_PDS; i++)
		tables[PD_ENTRIES + i] =
			(X86_PAGE_TABLES_GPA + (2 + i) * PAGE_LEN) |
			PTE_PRESENT_RW;
	for (uint64_t i = 0; i < NR_PDS * PD_ENTRIES; i++)
		tables[2 * PD_ENTRIES + i] =
			i * MIB(2) | PTE_PRESENT_RW | PTE_LARGE;
	return 0;
}

int cpu_init(struct kvm_vcpu *v, struct err *e)
{
	struct kvm_lapic_state lapic;
	int ret = kvm_vcpu_get_lapic(v, &lapic, e);

	if (ret)
		return ret;
	put_le(lapic.regs + LAPIC_LVT0, DELIVERY_EXTINT, 4);
	put_le(lapic.regs + LAPIC_LVT1, DELIVERY_NMI, 4);
	ret = kvm_vcpu_set_lapic(v, &lapic, e);
	if (!ret)
		ret = kvm_vcpu_set_msr(v, MSR_MTRR_DEF_TYPE,
				       MTRR_ENABLE_WRITE_BACK, e);
	/* Not there on every AMD model, and only a hint for speed. */
	if (!ret) {
		struct err ignored = { 0 };

		kvm_vcpu_set_msr(v, MSR_MISC_ENABLE, MISC_ENABLE, &ignored);
	}
	return ret;
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, bool is_64)
{
	return (struct kvm_segment){ .selector = selector,
				     .limit = UINT32_MAX,
				     .type = type,
				     .present = 1,
				     .s = 1,
				     .g = 1,
				     .l = is_64,
				     .db = !is_64 };
}

static void set_flat(struct kvm_sregs *s, bool is_64)
{
	struct kvm_segment data = segment(BOOT_DS, DATA_TYPE, false);

	s->cs = segment(BOOT_CS, CODE_TYPE, is_64);
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = (struct kvm_segment){ .limit = 0x67,
				      .type = TSS_TYPE,
				      .present = 1 };
	s->gdt.base = X86_GDT_GPA;
	s->gdt.limit = 4 * 8 - 1;
	s->idt.base = 0;
	s->idt.limit = 0;
}

int cpu_set_entry(struct kvm_vcpu *v, const struct cpu_entry *entry,
		  struct err *e)
{
	struct kvm_regs regs = { .rip = entry->rip, .rflags = 2 };
	struct kvm_sregs sregs;
	int ret = kvm_vcpu_get_sregs(v, &sregs, e);

	if (ret)
		return ret;
	set_flat(&sregs, entry->mode == CPU_LONG64);
	sregs.cr0 = CR0_PE | CR0_ET | CR0_NE;
	if (entry->mode == CPU_LONG64) {
		sregs.cr0 |= CR0_PG;
		sregs.cr3 = X86_PAGE_TABLES_GPA;
		sregs.cr4 = CR4_PAE;
		sregs.efer = EFER_LME | EFER_LMA;
		regs.rsi = entry->params;
	} else {
		regs.rbx = entry->params;
	}
	ret = kvm_vcpu_set_sregs(v, &sregs, e);
	if (!ret)
		ret = kvm_vcpu_set_regs(v, &regs, e);
	return ret;
}

void cpu_dump(struct kvm_vcpu *v, FILE *f)
{
	struct err e = { 0 };
	struct kvm_regs r;
	struct kvm_sregs s;

	if (kvm_vcpu_get_regs(v, &r, &e) || kvm_vcpu_get_sregs(v, &s, &e)) {
		fprintf(f, "vcpu%u: registers cannot be read: %s\n", v->id,
			e.msg);
		return;
	}
	if (r.rip == RESET_RIP && s.cs.selector == RESET_CS)
		fprintf(f,
			"vcpu%u: KVM on AMD resets a vCPU at a triple fault; the registers at the fault are lost\n",
			v->id);
#define R PRIx64
	fprintf(f,
		"vcpu%u: rip %016" R " rsp %016" R " rflags %08" R "\n"
		"  rax %016" R " rbx %016" R " rcx %016" R " rdx %016" R "\n"
		"  rsi %016" R " rdi %016" R " rbp %016" R " r8  %016" R "\n"
		"  r9  %016" R " r10 %016" R " r11 %016" R " r12 %016" R "\n"
		"  r13 %016" R " r14 %016" R " r15 %016" R "\n"
		"  cr0 %08" R " cr2 %016" R " cr3 %016" R " cr4 %08" R
		" efer %08" R "\n"
		"  cs %04x base %" R " ss %04x gdt %" R "/%x idt %" R "/%x\n",
		v->id, (uint64_t)r.rip, (uint64_t)r.rsp, (uint64_t)r.rflags,
		(uint64_t)r.rax, (uint64_t)r.rbx, (uint64_t)r.rcx,
		(uint64_t)r.rdx, (uint64_t)r.rsi, (uint64_t)r.rdi,
		(uint64_t)r.rbp, (uint64_t)r.r8, (uint64_t)r.r9,
		(uint64_t)r.r10, (uint64_t)r.r11, (uint64_t)r.r12,
		(uint64_t)r.r13, (uint64_t)r.r14, (uint64_t)r.r15,
		(uint64_t)s.cr0, (uint64_t)s.cr2, (uint64_t)s.cr3,
		(uint64_t)s.cr4, (uint64_t)s.efer, s.cs.selector,
		(uint64_t)s.cs.base, s.ss.selector, (uint64_t)s.gdt.base,
		s.gdt.limit, (uint64_t)s.idt.base, s.idt.limit);
#undef R
}

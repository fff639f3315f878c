/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State of an x86 vCPU: CPUID, and registers at the kernel's entry. */
#ifndef STRAIT_X86_CPU_H
#define STRAIT_X86_CPU_H

#include "src/core/kvm.h"
#include "src/core/mem.h"

enum cpu_mode {
	CPU_LONG64,	/* Linux 64-bit boot protocol: rsi = boot_params */
	CPU_PROTECTED32 /* PVH: ebx = start info, no paging */
};

struct cpu_entry {
	enum cpu_mode mode;
	gpa_t rip;
	gpa_t params; /* goes to rsi or ebx */
};

/*
 * What KVM supports, made into one package of nr_cpus cores: APIC IDs,
 * topology leaves, TSC deadline timer, hypervisor bit. The template is shared;
 * cpu_set_cpuid makes a vCPU's own copy. Caller frees with free().
 */
int cpu_cpuid_template(const struct kvm *k, unsigned int nr_cpus,
		       struct kvm_cpuid2 **out, struct err *e);
int cpu_set_cpuid(struct kvm_vcpu *v, const struct kvm_cpuid2 *template,
		  struct err *e);

/* Width in bits of the guest physical addresses that can be used (CPUID
 * 0x80000008). */
unsigned int cpu_phys_bits(const struct kvm_cpuid2 *template);
/* AMD or Hygon, by the vendor string in leaf 0. */
bool cpu_is_amd(const struct kvm_cpuid2 *template);

/* GDT and identity page tables for CPU_LONG64, in guest RAM. */
int cpu_write_tables(const struct mem *m, struct err *e);

/* LAPIC and MSRs of any vCPU as firmware leaves them. */
int cpu_init(struct kvm_vcpu *v, struct err *e);
/* The boot CPU's registers at entry. */
int cpu_set_entry(struct kvm_vcpu *v, const struct cpu_entry *entry,
		  struct err *e);

/* Registers of a crashed vCPU, a few lines. */
void cpu_dump(struct kvm_vcpu *v, FILE *f);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CPUID of the guest.
 *
 * How this works: what KVM_GET_SUPPORTED_CPUID offers is passed on, and only
 * what describes the machine rather than the CPU is written anew: APIC IDs,
 * one package with one core per vCPU and one thread per core, the hypervisor
 * bit and the TSC deadline timer (KVM's LAPIC has it whatever the hardware).
 * KVM's own leaves from 0x40000000 (signature, paravirtual features) come from
 * KVM as they are.
 *
 * Leaf numbers: Intel SDM vol. 2A CPUID; AMD APM vol. 3 appendix E.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/x86/cpu.h"

enum {
	ECX1_X2APIC = 1 << 21,
	ECX1_TSC_DEADLINE = 1 << 24,
	EDX1_HTT = 1 << 28,
	LEVEL_SMT = 1,
	LEVEL_CORE = 2,
};
#define ECX1_HYPERVISOR (1u << 31)

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *c,
					   uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function == function &&
		    c->entries[i].index == index)
			return &c->entries[i];
	return NULL;
}

/* Smallest n with 1 << n >= v. */
static uint32_t log2_up(uint32_t v)
{
	uint32_t n = 0;

	while ((1u << n) < v)
		n++;
	return n;
}

static uint32_t with_bits(uint32_t v, unsigned int hi, unsigned int lo,
			  uint32_t field)
{
	uint32_t mask = (uint32_t)(((1ULL << (hi - lo + 1)) - 1) << lo);

	return (v & ~mask) | (field << lo & mask);
}

/* Leaf 4 (Intel) and 0x8000001d (AMD): who shares the caches. */
static void fix_cache(struct kvm_cpuid_entry2 *c, uint32_t nr_cpus)
{
	uint32_t level = c->eax >> 5 & 7;
	uint32_t sharers = level >= 3 ? nr_cpus : 1;

	if (!(c->eax & 0x1f))
		return;
	c->eax = with_bits(c->eax, 25, 14, sharers - 1);
	if (c->function == 4)
		c->eax =
			with_bits(c->eax, 31, 26, (1u << log2_up(nr_cpus)) - 1);
}

/* Leaves 0xb and 0x1f: SMT level with one thread, core level with all. */
static void fix_topology(struct kvm_cpuid_entry2 *c, uint32_t nr_cpus)
{
	static const uint32_t types[] = { LEVEL_SMT, LEVEL_CORE };

	c->eax = c->index == 1 ? log2_up(nr_cpus) : 0;
	c->ebx = c->index == 0 ? 1 : c->index == 1 ? nr_cpus : 0;
	c->ecx = c->index |
		 (c->index < ARRAY_SIZE(types) ? types[c->index] << 8 : 0);
}

static void fix_entry(struct kvm_cpuid_entry2 *c, uint32_t nr_cpus)
{
	switch (c->function) {
	case 1:
		c->ebx = with_bits(c->ebx, 23, 16, nr_cpus);
		c->ecx |= ECX1_HYPERVISOR | ECX1_TSC_DEADLINE | ECX1_X2APIC;
		if (nr_cpus > 1)
			c->edx |= EDX1_HTT;
		else
			c->edx &= ~(uint32_t)EDX1_HTT;
		break;
	case 4:
	case 0x8000001d:
		fix_cache(c, nr_cpus);
		break;
	case 0xb:
	case 0x1f:
		fix_topology(c, nr_cpus);
		break;
	case 0x80000008:
		c->ecx = with_bits(c->ecx, 7, 0, nr_cpus - 1);
		c->ecx = with_bits(c->ecx, 15, 12, log2_up(nr_cpus));
		break;
	case 0x8000001e:
		c->ebx = with_bits(c->ebx, 15, 8, 0); /* threads per core - 1 */
		c->ecx = 0;			      /* one node */
		break;
	default:
		break;
	}
}

/* KVM gives these leaves one subleaf only since 6.2; the guest needs both. */
static int add_core_level(struct kvm_cpuid2 **cpuid, uint32_t function,
			  uint32_t nr_cpus)
{
	struct kvm_cpuid2 *c = *cpuid;
	size_t len =
		sizeof(*c) + (c->nent + 1) * sizeof(struct kvm_cpuid_entry2);
	struct kvm_cpuid_entry2 *last;

	if (!find(c, function, 0) || find(c, function, 1))
		return 0;
	c = realloc(c, len);
	if (!c)
		return -ENOMEM;
	*cpuid = c;
	last = &c->entries[c->nent++];
	*last = (struct kvm_cpuid_entry2){
		.function = function,
		.index = 1,
		.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX
	};
	fix_topology(last, nr_cpus);
	return 0;
}

int cpu_cpuid_template(const struct kvm *k, unsigned int nr_cpus,
		       struct kvm_cpuid2 **out, struct err *e)
{
	struct kvm_cpuid2 *c;
	int ret = kvm_supported_cpuid(k, &c, e);

	if (ret)
		return ret;
	for (uint32_t i = 0; i < c->nent; i++)
		fix_entry(&c->entries[i], nr_cpus);
	if (add_core_level(&c, 0xb, nr_cpus) ||
	    add_core_level(&c, 0x1f, nr_cpus)) {
		free(c);
		return err_set(e, ENOMEM, "CPUID: out of memory");
	}
	*out = c;
	return 0;
}

/* The few places where a leaf names the vCPU itself. */
static void set_apic_id(struct kvm_cpuid_entry2 *c, uint32_t id)
{
	switch (c->function) {
	case 1:
		c->ebx = with_bits(c->ebx, 31, 24, id);
		break;
	case 0xb:
	case 0x1f:
		c->edx = id;
		break;
	case 0x8000001e:
		c->eax = id;
		c->ebx = with_bits(c->ebx, 7, 0, id);
		break;
	default:
		break;
	}
}

int cpu_set_cpuid(struct kvm_vcpu *v, const struct kvm_cpuid2 *template,
		  struct err *e)
{
	size_t len = sizeof(*template) +
		     template->nent * sizeof(struct kvm_cpuid_entry2);
	struct kvm_cpuid2 *c = malloc(len);
	int ret;

	if (!c)
		return err_set(e, ENOMEM, "CPUID: out of memory");
	memcpy(c, template, len);
	for (uint32_t i = 0; i < c->nent; i++)
		set_apic_id(&c->entries[i], v->id);
	ret = kvm_vcpu_set_cpuid(v, c, e);
	free(c);
	return ret;
}

unsigned int cpu_phys_bits(const struct kvm_cpuid2 *template)
{
	const struct kvm_cpuid_entry2 *c = find(template, 0x80000008, 0);
	unsigned int bits = c ? c->eax & 0xff : 0;
	unsigned int guest_bits = c ? c->eax >> 16 & 0xff : 0;

	/* CPUs without the leaf have 36 (SDM vol. 3A 4.1.4). */
	if (bits < 32 || bits > 52)
		bits = 36;
	/* What second-level paging reaches: KVM says, or four levels. */
	if (!guest_bits)
		guest_bits = 48;
	return bits < guest_bits ? bits : guest_bits;
}

bool cpu_is_amd(const struct kvm_cpuid2 *template)
{
	const struct kvm_cpuid_entry2 *c = find(template, 0, 0);
	char vendor[13] = "";

	if (!c)
		return false;
	memcpy(vendor, &c->ebx, 4);
	memcpy(vendor + 4, &c->edx, 4);
	memcpy(vendor + 8, &c->ecx, 4);
	return !strcmp(vendor, "AuthenticAMD") ||
	       !strcmp(vendor, "HygonGenuine");
}

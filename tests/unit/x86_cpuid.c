// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's CPUID, made from what a pretended KVM supports.
 *
 * ioctl is replaced here, so that KVM_GET_SUPPORTED_CPUID answers with the
 * entries of supported[] and KVM_SET_CPUID2 keeps what it is given.
 */
#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "src/base/bits.h"
#include "src/x86/cpu.h"
#include "tests/tap.h"

enum { MAX_ENTRIES = 300, INDEXED = KVM_CPUID_FLAG_SIGNIFCANT_INDEX };

static struct kvm_cpuid_entry2 supported[MAX_ENTRIES], given[MAX_ENTRIES];
static unsigned int nr_supported, nr_given;
static int get_errno, set_errno;
static struct kvm kvm = { .dev_fd = 100 };
static struct kvm_cpuid2 *cpuid;
static struct err err;

static int get_supported(struct kvm_cpuid2 *c)
{
	errno = get_errno ? get_errno : E2BIG;
	if (get_errno || c->nent < nr_supported)
		return -1;
	memcpy(c->entries, supported, nr_supported * sizeof(supported[0]));
	c->nent = nr_supported;
	return 0;
}

static int set_given(const struct kvm_cpuid2 *c)
{
	errno = set_errno;
	if (set_errno)
		return -1;
	memcpy(given, c->entries, c->nent * sizeof(given[0]));
	nr_given = c->nent;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct kvm_cpuid2 *arg;
	va_list ap;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, struct kvm_cpuid2 *);
	va_end(ap);
	if (request == KVM_GET_SUPPORTED_CPUID)
		return get_supported(arg);
	if (request == KVM_SET_CPUID2)
		return set_given(arg);
	errno = ENOTTY;
	return -1;
}

static void reset(void)
{
	free(cpuid);
	cpuid = NULL;
	nr_supported = nr_given = 0;
	get_errno = set_errno = 0;
	memset(&err, 0, sizeof(err));
}

static void support(uint32_t function, uint32_t index, uint32_t eax,
		    uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	supported[nr_supported++] =
		(struct kvm_cpuid_entry2){ .function = function,
					   .index = index,
					   .eax = eax,
					   .ebx = ebx,
					   .ecx = ecx,
					   .edx = edx };
}

static void support_vendor(const char *vendor)
{
	support(0, 0, 0x20, (uint32_t)get_le(vendor, 4),
		(uint32_t)get_le(vendor + 8, 4),
		(uint32_t)get_le(vendor + 4, 4));
}

static int make(unsigned int nr_cpus)
{
	return cpu_cpuid_template(&kvm, nr_cpus, &cpuid, &err);
}

/* What vCPU id gets in all. */
static int give(unsigned int id)
{
	struct kvm_vcpu v = { .kvm = &kvm, .id = id, .fd = 101 };

	return cpu_set_cpuid(&v, cpuid, &err);
}

static const struct kvm_cpuid_entry2 none = { .function = 0xdead };

static struct kvm_cpuid_entry2 find_in(const struct kvm_cpuid_entry2 *list,
				       unsigned int nr, uint32_t function,
				       uint32_t index)
{
	for (unsigned int i = 0; i < nr; i++)
		if (list[i].function == function && list[i].index == index)
			return list[i];
	return none;
}

/* A leaf of the template, and as the vCPU got it. */
static struct kvm_cpuid_entry2 leaf(uint32_t function, uint32_t index)
{
	return find_in(cpuid->entries, cpuid->nent, function, index);
}

static struct kvm_cpuid_entry2 leaf_given(uint32_t function, uint32_t index)
{
	return find_in(given, nr_given, function, index);
}

/* --- the whole --- */

static void leaves_of_the_cpu_are_passed_on(void)
{
	reset();
	support(7, 0, 0, 0x12345678, 0x9abcdef0, 0x0fedcba9);
	support(0x40000000, 0, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d);
	CHECK_EQ(make(2), 0);
	CHECK_EQ(leaf(7, 0).ebx, 0x12345678);
	CHECK_EQ(leaf(7, 0).edx, 0x0fedcba9);
	CHECK_EQ(leaf(0x40000000, 0).ebx, 0x4b4d564b);
	CHECK_EQ(cpuid->nent, 2);
}

static void a_list_longer_than_usual_is_asked_for_again(void)
{
	reset();
	for (uint32_t i = 0; i < MAX_ENTRIES; i++)
		support(0x100 + i, 0, i, 0, 0, 0);
	CHECK_EQ(make(1), 0);
	CHECK_EQ(cpuid->nent, MAX_ENTRIES);
	CHECK_EQ(leaf(0x100 + MAX_ENTRIES - 1, 0).eax, MAX_ENTRIES - 1);
}

static void refusal_of_the_list_is_an_error(void)
{
	reset();
	get_errno = EPERM;
	CHECK_EQ(make(1), -EPERM);
	CHECK_HAS(err.msg, "KVM: KVM_GET_SUPPORTED_CPUID: ");
	CHECK(!cpuid);
}

static void refusal_by_a_vcpu_names_it(void)
{
	reset();
	support(7, 0, 0, 0, 0, 0);
	CHECK_EQ(make(1), 0);
	set_errno = EINVAL;
	CHECK_EQ(give(3), -EINVAL);
	CHECK_HAS(err.msg, "vcpu3: KVM_SET_CPUID2: ");
}

/* --- leaf 1 --- */

static void leaf_1_says_hypervisor_x2apic_and_deadline_timer(void)
{
	reset();
	support(1, 0, 0x306f2, 0, 0, 0);
	CHECK_EQ(make(1), 0);
	CHECK_EQ(leaf(1, 0).eax, 0x306f2);
	CHECK_EQ(leaf(1, 0).ecx, 0x81200000);
}

static void leaf_1_counts_the_cpus_of_the_package(void)
{
	reset();
	support(1, 0, 0, 0xaabbccdd, 0, 0);
	CHECK_EQ(make(6), 0);
	CHECK_EQ(leaf(1, 0).ebx, 0xaa06ccdd);
	CHECK_EQ(leaf(1, 0).edx, 1 << 28);
}

static void single_cpu_has_no_multi_threading_bit(void)
{
	reset();
	support(1, 0, 0, 0, 0, UINT32_MAX);
	CHECK_EQ(make(1), 0);
	CHECK_EQ(leaf(1, 0).edx, 0xefffffff);
}

/* --- who a vCPU is --- */

static void each_vcpu_gets_its_apic_id(void)
{
	reset();
	support(1, 0, 0, 0xff001234, 0, 0);
	support(0xb, 0, 0, 0, 0, 77);
	support(0x8000001e, 0, 77, 0xffff00ff, 77, 0);
	CHECK_EQ(make(4), 0);
	CHECK_EQ(give(3), 0);
	CHECK_EQ(leaf_given(1, 0).ebx, 0x03041234);
	CHECK_EQ(leaf_given(0xb, 0).edx, 3);
	CHECK_EQ(leaf_given(0xb, 1).edx, 3);
	CHECK_EQ(leaf_given(0x8000001e, 0).eax, 3);
	CHECK_EQ(leaf_given(0x8000001e, 0).ebx, 0xffff0003);
	CHECK_EQ(leaf_given(0x8000001e, 0).ecx, 0);
}

static void template_is_the_same_for_all(void)
{
	reset();
	support(1, 0, 0, 0, 0, 0);
	support(0xb, 0, 0, 0, 0, 0);
	CHECK_EQ(make(4), 0);
	CHECK_EQ(give(3), 0);
	CHECK_EQ(leaf(1, 0).ebx >> 24, 0);
	CHECK_EQ(leaf(0xb, 1).edx, 0);
	CHECK_EQ(give(2), 0);
	CHECK_EQ(leaf_given(0xb, 1).edx, 2);
}

/* --- topology --- */

static void check_levels(uint32_t function, uint32_t shift, uint32_t nr)
{
	struct kvm_cpuid_entry2 smt = leaf(function, 0);
	struct kvm_cpuid_entry2 core = leaf(function, 1);

	CHECK_EQ(smt.eax, 0);
	CHECK_EQ(smt.ebx, 1);
	CHECK_EQ(smt.ecx, 1 << 8);
	CHECK_EQ(core.eax, shift);
	CHECK_EQ(core.ebx, nr);
	CHECK_EQ(core.ecx, 2 << 8 | 1);
	CHECK_EQ(core.flags, INDEXED);
}

/* Since Linux 6.2 KVM gives subleaf 0 only, and it is empty. */
static void leaf_b_gets_a_core_level(void)
{
	reset();
	support(0xb, 0, 0, 0, 0, 0);
	CHECK_EQ(make(4), 0);
	check_levels(0xb, 2, 4);
}

static void leaf_1f_gets_a_core_level_too(void)
{
	reset();
	support(0xb, 0, 0, 0, 0, 0);
	support(0x1f, 0, 0, 0, 0, 0);
	CHECK_EQ(make(4), 0);
	check_levels(0xb, 2, 4);
	check_levels(0x1f, 2, 4);
	CHECK_EQ(cpuid->nent, 4);
}

/* Before that, the host's: two threads of 16 cores, on two dies. */
static void topology_of_the_host_does_not_shine_through(void)
{
	reset();
	support(0x1f, 0, 1, 2, 0x100, 9);
	support(0x1f, 1, 4, 16, 0x201, 9);
	supported[1].flags = INDEXED;
	support(0x1f, 2, 5, 32, 0x502, 9);
	CHECK_EQ(make(4), 0);
	check_levels(0x1f, 2, 4);
	CHECK_EQ(leaf(0x1f, 2).eax, 0);
	CHECK_EQ(leaf(0x1f, 2).ebx, 0);
	CHECK_EQ(leaf(0x1f, 2).ecx, 2);
	CHECK_EQ(cpuid->nent, 3);
}

static void shift_has_room_for_a_number_of_cpus_that_is_no_power_of_two(void)
{
	reset();
	support(0xb, 0, 0, 0, 0, 0);
	CHECK_EQ(make(5), 0);
	check_levels(0xb, 3, 5);
}

static void single_cpu_needs_no_bits(void)
{
	reset();
	support(0xb, 0, 0, 0, 0, 0);
	CHECK_EQ(make(1), 0);
	check_levels(0xb, 0, 1);
}

static void cpu_without_topology_leaves_gets_none(void)
{
	reset();
	support(1, 0, 0, 0, 0, 0);
	CHECK_EQ(make(4), 0);
	CHECK_EQ(cpuid->nent, 1);
}

static void amd_leaf_8_counts_cores(void)
{
	reset();
	support(0x80000008, 0, 0x3030, 0, 0xffff0fff, 0);
	CHECK_EQ(make(6), 0);
	CHECK_EQ(leaf(0x80000008, 0).ecx, 0xffff3f05);
	CHECK_EQ(leaf(0x80000008, 0).eax, 0x3030);
}

/* --- caches: type in bits 0-4, level in 5-7, sharers - 1 in 14-25 --- */

static void first_caches_are_private_and_the_last_is_shared(void)
{
	reset();
	support(4, 0, 0x3fu << 26 | 0x1u << 14 | 0x121, 1, 2, 3);
	support(4, 3, 0x3fu << 26 | 0x1fu << 14 | 0x163, 1, 2, 3);
	CHECK_EQ(make(4), 0);
	CHECK_EQ(leaf(4, 0).eax, 3u << 26 | 0u << 14 | 0x121);
	CHECK_EQ(leaf(4, 3).eax, 3u << 26 | 3u << 14 | 0x163);
	CHECK_EQ(leaf(4, 0).ebx, 1);
}

static void end_of_the_list_of_caches_stays_empty(void)
{
	reset();
	support(4, 4, 0, 0, 0, 0);
	CHECK_EQ(make(4), 0);
	CHECK_EQ(leaf(4, 4).eax, 0);
}

static void amd_caches_keep_their_upper_bits(void)
{
	reset();
	support(0x8000001d, 3, 0x1fu << 14 | 0x163, 0, 0, 0);
	CHECK_EQ(make(4), 0);
	CHECK_EQ(leaf(0x8000001d, 3).eax, 3u << 14 | 0x163);
}

static void more_cpus_than_the_core_field_counts_fill_it(void)
{
	reset();
	support(4, 3, 0x163, 0, 0, 0);
	CHECK_EQ(make(200), 0);
	CHECK_EQ(leaf(4, 3).eax >> 26, 0x3f);
	CHECK_EQ(leaf(4, 3).eax >> 14 & 0xfff, 199);
}

/* --- what strait asks of it --- */

static unsigned int bits_of(uint32_t eax)
{
	reset();
	support(0x80000008, 0, eax, 0, 0, 0);
	if (make(1))
		abort();
	return cpu_phys_bits(cpuid);
}

static void physical_bits_are_the_cpus(void)
{
	CHECK_EQ(bits_of(0x3027), 39);
	CHECK_EQ(bits_of(0x302e), 46);
}

static void physical_bits_end_where_second_level_paging_does(void)
{
	CHECK_EQ(bits_of(0x3934), 48);
	CHECK_EQ(bits_of(0x343934), 52);
	CHECK_EQ(bits_of(0x30392e), 46);
}

static void physical_bits_that_make_no_sense_are_36(void)
{
	CHECK_EQ(bits_of(0), 36);
	CHECK_EQ(bits_of(31), 36);
	CHECK_EQ(bits_of(53), 36);
	CHECK_EQ(bits_of(0xff), 36);
}

static void physical_bits_without_the_leaf_are_36(void)
{
	reset();
	support(1, 0, 0, 0, 0, 0);
	CHECK_EQ(make(1), 0);
	CHECK_EQ(cpu_phys_bits(cpuid), 36);
}

static bool is_amd(const char *vendor)
{
	reset();
	support_vendor(vendor);
	if (make(1))
		abort();
	return cpu_is_amd(cpuid);
}

static void amd_and_hygon_are_amd(void)
{
	CHECK(is_amd("AuthenticAMD"));
	CHECK(is_amd("HygonGenuine"));
	CHECK(!is_amd("GenuineIntel"));
	CHECK(!is_amd("CentaurHauls"));
}

static void cpu_without_a_vendor_is_not_amd(void)
{
	reset();
	support(1, 0, 0, 0, 0, 0);
	CHECK_EQ(make(1), 0);
	CHECK(!cpu_is_amd(cpuid));
}

int main(void)
{
	TAP_RUN(leaves_of_the_cpu_are_passed_on);
	TAP_RUN(a_list_longer_than_usual_is_asked_for_again);
	TAP_RUN(refusal_of_the_list_is_an_error);
	TAP_RUN(refusal_by_a_vcpu_names_it);
	TAP_RUN(leaf_1_says_hypervisor_x2apic_and_deadline_timer);
	TAP_RUN(leaf_1_counts_the_cpus_of_the_package);
	TAP_RUN(single_cpu_has_no_multi_threading_bit);
	TAP_RUN(each_vcpu_gets_its_apic_id);
	TAP_RUN(template_is_the_same_for_all);
	TAP_RUN(leaf_b_gets_a_core_level);
	TAP_RUN(leaf_1f_gets_a_core_level_too);
	TAP_RUN(topology_of_the_host_does_not_shine_through);
	TAP_RUN(shift_has_room_for_a_number_of_cpus_that_is_no_power_of_two);
	TAP_RUN(single_cpu_needs_no_bits);
	TAP_RUN(cpu_without_topology_leaves_gets_none);
	TAP_RUN(amd_leaf_8_counts_cores);
	TAP_RUN(first_caches_are_private_and_the_last_is_shared);
	TAP_RUN(end_of_the_list_of_caches_stays_empty);
	TAP_RUN(amd_caches_keep_their_upper_bits);
	TAP_RUN(more_cpus_than_the_core_field_counts_fill_it);
	TAP_RUN(physical_bits_are_the_cpus);
	TAP_RUN(physical_bits_end_where_second_level_paging_does);
	TAP_RUN(physical_bits_that_make_no_sense_are_36);
	TAP_RUN(physical_bits_without_the_leaf_are_36);
	TAP_RUN(amd_and_hygon_are_amd);
	TAP_RUN(cpu_without_a_vendor_is_not_amd);
	reset();
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* One KVM virtual CPU: registers, and the run loop's ioctl. */
#include <errno.h>
#include <inttypes.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/core/kvm.h"

static int vcpu_ioctl(struct kvm_vcpu *v, unsigned long request, void *arg,
		      const char *name, struct err *e)
{
	char who[24];

	if (ioctl(v->fd, request, arg) >= 0)
		return 0;
	snprintf(who, sizeof(who), "vcpu%u", v->id);
	return err_sys(e, who, name);
}

int kvm_vcpu_open(struct kvm_vcpu *v, struct kvm *k, unsigned int id,
		  struct err *e)
{
	char who[24];
	int ret;

	*v = (struct kvm_vcpu){ .kvm = k, .id = id, .fd = -1 };
	snprintf(who, sizeof(who), "vcpu%u", id);
	v->fd = ioctl(k->vm_fd, KVM_CREATE_VCPU, (unsigned long)id);
	if (v->fd < 0)
		return err_sys(e, who, "KVM_CREATE_VCPU");
	v->run = mmap(NULL, k->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      v->fd, 0);
	if (v->run != MAP_FAILED) {
		if (!id)
			kvm_ring_find(k, v->run);
		return 0;
	}
	ret = err_sys(e, who, "mmap of kvm_run");
	v->run = NULL;
	kvm_vcpu_close(v);
	return ret;
}

void kvm_vcpu_close(struct kvm_vcpu *v)
{
	if (!v->id)
		v->kvm->ring = NULL;
	if (v->run)
		munmap(v->run, v->kvm->run_size);
	if (v->fd >= 0)
		close(v->fd);
	v->run = NULL;
	v->fd = -1;
}

int kvm_vcpu_set_cpuid(struct kvm_vcpu *v, struct kvm_cpuid2 *cpuid,
		       struct err *e)
{
	return vcpu_ioctl(v, KVM_SET_CPUID2, cpuid, "KVM_SET_CPUID2", e);
}

int kvm_vcpu_get_regs(struct kvm_vcpu *v, struct kvm_regs *regs, struct err *e)
{
	return vcpu_ioctl(v, KVM_GET_REGS, regs, "KVM_GET_REGS", e);
}

int kvm_vcpu_set_regs(struct kvm_vcpu *v, const struct kvm_regs *regs,
		      struct err *e)
{
	struct kvm_regs copy = *regs;

	return vcpu_ioctl(v, KVM_SET_REGS, &copy, "KVM_SET_REGS", e);
}

int kvm_vcpu_get_sregs(struct kvm_vcpu *v, struct kvm_sregs *sregs,
		       struct err *e)
{
	return vcpu_ioctl(v, KVM_GET_SREGS, sregs, "KVM_GET_SREGS", e);
}

int kvm_vcpu_set_sregs(struct kvm_vcpu *v, const struct kvm_sregs *sregs,
		       struct err *e)
{
	struct kvm_sregs copy = *sregs;

	return vcpu_ioctl(v, KVM_SET_SREGS, &copy, "KVM_SET_SREGS", e);
}

int kvm_vcpu_set_msr(struct kvm_vcpu *v, uint32_t index, uint64_t value,
		     struct err *e)
{
	_Alignas(struct kvm_msrs)
		uint8_t buf[sizeof(struct kvm_msrs) +
			    sizeof(struct kvm_msr_entry)] = { 0 };
	struct kvm_msrs *msrs = (void *)buf;
	char who[24];
	int n;

	msrs->nmsrs = 1;
	msrs->entries[0].index = index;
	msrs->entries[0].data = value;
	n = ioctl(v->fd, KVM_SET_MSRS, msrs);

	if (n == 1)
		return 0;
	snprintf(who, sizeof(who), "vcpu%u", v->id);
	if (n < 0)
		return err_sys(e, who, "KVM_SET_MSRS");
	return err_set(e, EINVAL,
		       "%s: KVM does not take 0x%" PRIx64 " in MSR 0x%" PRIx32,
		       who, value, index);
}

int kvm_vcpu_get_lapic(struct kvm_vcpu *v, struct kvm_lapic_state *lapic,
		       struct err *e)
{
	return vcpu_ioctl(v, KVM_GET_LAPIC, lapic, "KVM_GET_LAPIC", e);
}

int kvm_vcpu_set_lapic(struct kvm_vcpu *v, const struct kvm_lapic_state *lapic,
		       struct err *e)
{
	struct kvm_lapic_state copy = *lapic;

	return vcpu_ioctl(v, KVM_SET_LAPIC, &copy, "KVM_SET_LAPIC", e);
}

int kvm_vcpu_run(struct kvm_vcpu *v)
{
	return ioctl(v->fd, KVM_RUN, 0) ? -errno : 0;
}

void kvm_vcpu_kick(struct kvm_vcpu *v)
{
	__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_RELEASE);
}

void kvm_vcpu_unkick(struct kvm_vcpu *v)
{
	__atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_RELEASE);
}

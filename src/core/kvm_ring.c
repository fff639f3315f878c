// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes that KVM keeps (Documentation/virt/kvm/api.rst,
 * KVM_REGISTER_COALESCED_MMIO): the vCPU goes on, and user space finds them in
 * a ring that all vCPUs of the VM share. Of one port, so no entry need be
 * looked at to see whose it is. If the ring is full, a write returns to user
 * space as any other does.
 */
#include <sys/ioctl.h>

#include "src/core/kvm.h"

enum {
	RING_LEN = (KVM_PAGE_SIZE - sizeof(struct kvm_coalesced_mmio_ring)) /
		   sizeof(struct kvm_coalesced_mmio),
};

void kvm_ring_find(struct kvm *k, struct kvm_run *run)
{
	size_t at =
		(size_t)kvm_check(k, KVM_CAP_COALESCED_MMIO) * KVM_PAGE_SIZE;

	if (at && at + KVM_PAGE_SIZE <= k->run_size)
		k->ring = (void *)((uint8_t *)run + at);
}

int kvm_coalesce_port(struct kvm *k, uint16_t port, struct err *e)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = port,
						.size = 1,
						.pio = 1 };

	if (!kvm_check(k, KVM_CAP_COALESCED_MMIO) ||
	    !kvm_check(k, KVM_CAP_COALESCED_PIO))
		return 0;
	if (ioctl(k->vm_fd, KVM_REGISTER_COALESCED_MMIO, &zone))
		return err_sys(e, "KVM", "KVM_REGISTER_COALESCED_MMIO");
	return 0;
}

bool kvm_coalesced_write(struct kvm *k, uint8_t *value)
{
	struct kvm_coalesced_mmio_ring *ring = k->ring;
	uint32_t last;

	if (!ring)
		return false;
	last = __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE);
	if (last == ring->first || last >= RING_LEN)
		return false;
	*value = ring->coalesced_mmio[(last + RING_LEN - 1) % RING_LEN].data[0];
	__atomic_store_n(&ring->first, last, __ATOMIC_RELEASE);
	return true;
}

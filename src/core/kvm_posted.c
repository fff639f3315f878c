// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes that KVM keeps until the next exit
 * (Documentation/virt/kvm/api.rst, 4.116: coalesced MMIO and PIO). */
/*
 * How this works
 *
 * KVM puts writes to registered addresses into a ring in memory that it shares
 * with us, one for all vCPUs, and the guest goes on. A vCPU that returns from
 * KVM_RUN brings what is in there to the buses before its own access, so that
 * an order that the guest can see is kept: its own accesses come one after the
 * other, and what it can know of another vCPU's was written before.
 *
 * An entry leaves the ring when the device has seen it. So who finds the ring
 * empty need not take the lock: nobody else is still at work on what is older.
 * A full ring costs no write: KVM exits for those that do not fit.
 */
#include <sys/ioctl.h>

#include "src/base/bits.h"
#include "src/base/log.h"
#include "src/core/kvm.h"

enum {
	RING_ENTRIES =
		(KVM_PAGE_SIZE - sizeof(struct kvm_coalesced_mmio_ring)) /
		sizeof(struct kvm_coalesced_mmio),
};

static int zone(struct kvm *k, unsigned long request, const char *name,
		bool pio, uint64_t addr, uint64_t len, struct err *e)
{
	struct kvm_coalesced_mmio_zone z = { .addr = addr,
					     .size = (uint32_t)len,
					     .pio = pio };

	return ioctl(k->vm_fd, request, &z) ? err_sys(e, "KVM", name) : 0;
}

static int zone_add(struct kvm *k, bool pio, uint64_t addr, uint64_t len,
		    struct err *e)
{
	return zone(k, KVM_REGISTER_COALESCED_MMIO,
		    "KVM_REGISTER_COALESCED_MMIO", pio, addr, len, e);
}

static void zone_del(struct kvm *k, bool pio, uint64_t addr, uint64_t len)
{
	struct err e = { 0 };

	if (zone(k, KVM_UNREGISTER_COALESCED_MMIO,
		 "KVM_UNREGISTER_COALESCED_MMIO", pio, addr, len, &e))
		log_debug("KVM", "%s", e.msg);
}

static int mmio_add(void *ctx, uint64_t addr, uint64_t len, struct err *e)
{
	return zone_add(ctx, false, addr, len, e);
}

static void mmio_del(void *ctx, uint64_t addr, uint64_t len)
{
	zone_del(ctx, false, addr, len);
}

static int pio_add(void *ctx, uint64_t addr, uint64_t len, struct err *e)
{
	return zone_add(ctx, true, addr, len, e);
}

static void pio_del(void *ctx, uint64_t addr, uint64_t len)
{
	zone_del(ctx, true, addr, len);
}

static void drain(void *ctx)
{
	kvm_posted_drain(ctx);
}

static const struct bus_posted_ops mmio_ops = { mmio_add, mmio_del, drain };
static const struct bus_posted_ops pio_ops = { pio_add, pio_del, drain };

void kvm_posted_init(struct kvm *k, struct bus *mmio, struct bus *pio)
{
	k->posted = (struct kvm_posted){ .mmio = mmio,
					 .pio = pio,
					 .lock = PTHREAD_MUTEX_INITIALIZER };
	if (kvm_check(k, KVM_CAP_COALESCED_MMIO) <= 0)
		return;
	bus_set_posted(mmio, &mmio_ops, k);
	if (kvm_check(k, KVM_CAP_COALESCED_PIO) > 0)
		bus_set_posted(pio, &pio_ops, k);
}

static void *ring_of(const struct kvm_vcpu *v)
{
	int page = kvm_check(v->kvm, KVM_CAP_COALESCED_MMIO);
	size_t at = (size_t)page * KVM_PAGE_SIZE;

	if (page <= 0 || at + KVM_PAGE_SIZE > v->kvm->run_size)
		return NULL;
	return (uint8_t *)v->run + at;
}

void kvm_posted_attach(struct kvm_vcpu *v)
{
	if (!v->kvm->posted.ring)
		v->kvm->posted.ring = ring_of(v);
}

void kvm_posted_detach(struct kvm_vcpu *v)
{
	if (v->kvm->posted.ring == ring_of(v))
		v->kvm->posted.ring = NULL;
}

static void bring(const struct kvm_posted *p,
		  const struct kvm_coalesced_mmio *w)
{
	if (w->len <= sizeof(w->data))
		bus_write(w->pio ? p->pio : p->mmio, w->phys_addr, w->len,
			  get_le(w->data, w->len));
}

/* What comes while we are at it is for those who wrote it. */
void kvm_posted_drain(struct kvm *k)
{
	struct kvm_posted *p = &k->posted;
	struct kvm_coalesced_mmio_ring *r = p->ring;
	uint32_t first, last;

	if (!r)
		return;
	last = __atomic_load_n(&r->last, __ATOMIC_ACQUIRE) % RING_ENTRIES;
	if (__atomic_load_n(&r->first, __ATOMIC_ACQUIRE) == last)
		return;
	pthread_mutex_lock(&p->lock);
	last = __atomic_load_n(&r->last, __ATOMIC_ACQUIRE) % RING_ENTRIES;
	first = r->first % RING_ENTRIES;
	while (first != last) {
		bring(p, &r->coalesced_mmio[first]);
		first = (first + 1) % RING_ENTRIES;
		__atomic_store_n(&r->first, first, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&p->lock);
}

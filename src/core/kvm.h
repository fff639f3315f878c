/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's KVM: every KVM ioctl of strait is behind this header.
 *
 * A struct kvm is one VM whose local APICs the kernel has, and unless it is
 * told otherwise PIC, IOAPIC and PIT as well. It is a memory listener (regions
 * become memslots) and the sink of irq.c. A struct kvm_vcpu is used by its own
 * thread once it runs; kvm_vcpu_kick comes from any thread.
 */
#ifndef STRAIT_CORE_KVM_H
#define STRAIT_CORE_KVM_H

#include <linux/kvm.h>

#include "src/base/err.h"
#include "src/base/types.h"
#include "src/core/bus.h"
#include "src/core/irq.h"
#include "src/core/mem.h"

enum { KVM_MAX_SLOTS = 512, KVM_PAGE_SIZE = 4096 };

struct kvm_slot {
	gpa_t gpa;
	uint64_t size; /* 0: free */
};

/* Writes that wait for the next exit: kvm_posted.c. */
struct kvm_posted {
	struct bus *mmio, *pio;
	struct kvm_coalesced_mmio_ring *ring; /* in vCPU 0's run, or NULL */
	pthread_mutex_t lock;		      /* who takes writes out of it */
};

struct kvm {
	int dev_fd, vm_fd;
	int vfio_fd; /* KVM_DEV_TYPE_VFIO, or -1 until the first file */
	enum irqchip irqchip;
	uint32_t run_size;
	struct mem_listener listener;
	pthread_mutex_t slot_lock;
	struct kvm_slot slots[KVM_MAX_SLOTS];
	unsigned int max_slots;
	struct kvm_posted posted;
};

/* ctx is the struct kvm. */
extern const struct irq_sink_ops kvm_irq_sink;
extern const struct mem_dirty_ops kvm_mem_dirty;

/*
 * Opens path ("/dev/kvm"), checks the API, makes the VM with its interrupt
 * controllers: with IRQCHIP_KERNEL there are PIC, IOAPIC and PIT; with
 * IRQCHIP_SPLIT the caller brings an IOAPIC, whose pins are the first GSIs, and
 * vCPUs return KVM_EXIT_IOAPIC_EOI.
 */
int kvm_open(struct kvm *k, const char *path, enum irqchip irqchip,
	     struct err *e);
void kvm_close(struct kvm *k);

/* Highest number of vCPUs that this host allows in a VM. */
unsigned int kvm_max_vcpus(const struct kvm *k);
/* KVM_CHECK_EXTENSION; 0 if absent. */
int kvm_check(const struct kvm *k, int cap);

/* Bits that KVM can show a guest. Caller frees with free(). */
int kvm_supported_cpuid(const struct kvm *k, struct kvm_cpuid2 **out,
			struct err *e);

/* Tells KVM of a VFIO group or device fd (KVM_DEV_VFIO_FILE_ADD). */
int kvm_vfio_add(struct kvm *k, int fd, struct err *e);
void kvm_vfio_del(struct kvm *k, int fd);

/* A write of any value and len (0: any length) to addr signals fd, without an
 * exit. */
int kvm_ioeventfd(struct kvm *k, int fd, bool pio, uint64_t addr,
		  unsigned int len, bool add, struct err *e);

/* For bus_set_doorbells of the memory bus; ctx is the struct kvm. */
extern const struct bus_doorbell_ops kvm_mmio_doorbells;

/* Has KVM keep writes to what devices ask for on these buses (bus_post), if it
 * can. After kvm_open, before devices. */
void kvm_posted_init(struct kvm *k, struct bus *mmio, struct bus *pio);
/* Any thread that holds no device's lock, while there are vCPUs: brings those
 * writes to the buses. A vCPU does that each time it comes out of the guest. */
void kvm_posted_drain(struct kvm *k);

struct kvm_vcpu {
	struct kvm *kvm;
	unsigned int id;
	int fd;
	struct kvm_run *run;
};

int kvm_vcpu_open(struct kvm_vcpu *v, struct kvm *k, unsigned int id,
		  struct err *e);
void kvm_vcpu_close(struct kvm_vcpu *v);
/* The first vCPU that is opened, and closed last, has the ring of kvm_posted.
 */
void kvm_posted_attach(struct kvm_vcpu *v);
void kvm_posted_detach(struct kvm_vcpu *v);

int kvm_vcpu_set_cpuid(struct kvm_vcpu *v, struct kvm_cpuid2 *cpuid,
		       struct err *e);
int kvm_vcpu_get_regs(struct kvm_vcpu *v, struct kvm_regs *regs, struct err *e);
int kvm_vcpu_set_regs(struct kvm_vcpu *v, const struct kvm_regs *regs,
		      struct err *e);
int kvm_vcpu_get_sregs(struct kvm_vcpu *v, struct kvm_sregs *sregs,
		       struct err *e);
int kvm_vcpu_set_sregs(struct kvm_vcpu *v, const struct kvm_sregs *sregs,
		       struct err *e);
int kvm_vcpu_set_msr(struct kvm_vcpu *v, uint32_t index, uint64_t value,
		     struct err *e);
int kvm_vcpu_get_lapic(struct kvm_vcpu *v, struct kvm_lapic_state *lapic,
		       struct err *e);
int kvm_vcpu_set_lapic(struct kvm_vcpu *v, const struct kvm_lapic_state *lapic,
		       struct err *e);

/*
 * KVM_RUN until the next return to user space. 0: look at v->run; -EINTR: a
 * signal or a kick; -EAGAIN: try again; else an error of KVM's.
 */
int kvm_vcpu_run(struct kvm_vcpu *v);
/* Makes the current or next kvm_vcpu_run return -EINTR. The caller also signals
 * the thread. */
void kvm_vcpu_kick(struct kvm_vcpu *v);
/* Undoes a kick, on the vCPU's own thread. */
void kvm_vcpu_unkick(struct kvm_vcpu *v);

/* Sum over the VM or of one vCPU of a KVM binary statistic ("exits"); -ENOENT
 * if there is none. */
int kvm_stat(int stats_of_fd, const char *name, uint64_t *out);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A KVM virtual machine.
 *
 * How this works: kvm_open makes the VM with the whole interrupt hardware in
 * the kernel (PIC, IOAPIC, LAPICs, PIT), so that an interrupt never needs user
 * space; or with local APICs alone, if strait is to be the IOAPIC. Memory
 * regions arrive through the listener and take the lowest free memslot; the GSI
 * table and irqfds arrive through kvm_irq_sink.
 *
 * Slots are taken and freed under a lock because a guest that moves BARs does
 * that on its vCPU threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/base/log.h"
#include "src/core/kvm.h"

/* Below the BIOS area and the LAPICs, where nothing of ours lies; three pages.
 */
#define IDENTITY_MAP_GPA 0xfeffc000ULL
#define TSS_GPA		 0xfeffd000ULL

static const char *const kvm_name = "KVM";

static int open_dev(struct kvm *k, const char *path, struct err *e)
{
	int ret;

	k->dev_fd = open(path, O_RDWR | O_CLOEXEC);
	if (k->dev_fd >= 0)
		return 0;
	ret = err_sys(e, path, "open");
	if (ret == -ENOENT || ret == -ENODEV || ret == -ENXIO)
		err_hint(
			e,
			"load kvm_intel or kvm_amd (modprobe), and switch on VT-x or AMD-V in the firmware set-up");
	else if (ret == -EACCES || ret == -EPERM)
		err_hint(
			e,
			"add yourself to the group that owns %s (usually: adduser $USER kvm) or run as root",
			path);
	return ret;
}

struct cap {
	int cap;
	const char *name;
};

#define CAP(name)                                                              \
	{                                                                      \
		name, #name                                                    \
	}
static const struct cap caps_always[] = {
	CAP(KVM_CAP_USER_MEMORY),    CAP(KVM_CAP_IRQ_ROUTING),
	CAP(KVM_CAP_IRQFD),	     CAP(KVM_CAP_IOEVENTFD),
	CAP(KVM_CAP_IMMEDIATE_EXIT),
};
static const struct cap caps_kernel[] = {
	CAP(KVM_CAP_IRQCHIP),
	CAP(KVM_CAP_PIT2),
};
static const struct cap caps_split[] = {
	CAP(KVM_CAP_SPLIT_IRQCHIP),
	CAP(KVM_CAP_ENABLE_CAP_VM),
	CAP(KVM_CAP_SIGNAL_MSI),
};

static int check_caps(const struct kvm *k, const char *path,
		      const struct cap *caps, size_t nr, struct err *e)
{
	for (size_t i = 0; i < nr; i++)
		if (!kvm_check(k, caps[i].cap))
			return err_set(e, ENOTSUP,
				       "%s: this kernel's KVM lacks %s", path,
				       caps[i].name);
	return 0;
}

/* A kernel may be built without the one (CONFIG_KVM_IOAPIC), and be too old
 * (before 4.4) for the other. */
static int check_irqchip(const struct kvm *k, const char *path, struct err *e)
{
	int ret;

	if (k->irqchip == IRQCHIP_SPLIT) {
		ret = check_caps(k, path, caps_split, ARRAY_SIZE(caps_split),
				 e);
		if (ret)
			err_hint(
				e,
				"--irqchip split needs it: leave that out, or say --irqchip kernel");
		return ret;
	}
	ret = check_caps(k, path, caps_kernel, ARRAY_SIZE(caps_kernel), e);
	if (ret && kvm_check(k, KVM_CAP_SPLIT_IRQCHIP))
		err_hint(e, "--irqchip split does without");
	return ret;
}

static int check_dev(struct kvm *k, const char *path, struct err *e)
{
	int version = ioctl(k->dev_fd, KVM_GET_API_VERSION, 0);
	int size = ioctl(k->dev_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	int ret;

	if (version != KVM_API_VERSION || size < (int)sizeof(struct kvm_run))
		return err_set(e, ENOTSUP,
			       "%s: is not a KVM device of API version %d",
			       path, KVM_API_VERSION);
	k->run_size = (uint32_t)size;
	ret = check_caps(k, path, caps_always, ARRAY_SIZE(caps_always), e);
	return ret ? ret : check_irqchip(k, path, e);
}

/* --- interrupt controllers --- */

enum {
	/* linux/kvm.h has it since 7.0. */
	STRAIT_KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST = 1 << 2,
};

/*
 * With a split irqchip KVM shows the guest that it may end interrupts at the
 * IOAPIC instead of by broadcast, and broadcasts all the same unless it is told
 * that the IOAPIC has a register for that, as ours does. Older kernels cannot
 * be told; no harm but an interrupt too many for guests that do it.
 */
static int make_split(struct kvm *k, struct err *e)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP,
					.args = { IRQ_NR_PINS } };
	struct kvm_enable_cap api = {
		.cap = KVM_CAP_X2APIC_API,
		.args = { STRAIT_KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST }
	};

	if (ioctl(k->vm_fd, KVM_ENABLE_CAP, &split))
		return err_sys(e, kvm_name,
			       "KVM_ENABLE_CAP of KVM_CAP_SPLIT_IRQCHIP");
	if ((kvm_check(k, KVM_CAP_X2APIC_API) &
	     STRAIT_KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST) &&
	    ioctl(k->vm_fd, KVM_ENABLE_CAP, &api))
		return err_sys(e, kvm_name,
			       "KVM_ENABLE_CAP of KVM_CAP_X2APIC_API");
	return 0;
}

static int make_irqchip(struct kvm *k, struct err *e)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };

	if (k->irqchip == IRQCHIP_SPLIT)
		return make_split(k, e);
	if (ioctl(k->vm_fd, KVM_CREATE_IRQCHIP, 0))
		return err_sys(e, kvm_name, "KVM_CREATE_IRQCHIP");
	if (ioctl(k->vm_fd, KVM_CREATE_PIT2, &pit))
		return err_sys(e, kvm_name, "KVM_CREATE_PIT2");
	return 0;
}

static int make_vm(struct kvm *k, struct err *e)
{
	uint64_t identity_gpa = IDENTITY_MAP_GPA;
	int slots, ret;

	do
		k->vm_fd = ioctl(k->dev_fd, KVM_CREATE_VM, 0);
	while (k->vm_fd < 0 && errno == EINTR);
	if (k->vm_fd < 0) {
		ret = err_sys(e, kvm_name, "KVM_CREATE_VM");
		if (ret == -EBUSY)
			err_hint(
				e,
				"another hypervisor (VirtualBox, VMware) holds the CPU's virtualization");
		return ret;
	}
	/* Intel without unrestricted guest needs both; harmless on AMD. */
	if (ioctl(k->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_gpa))
		return err_sys(e, kvm_name, "KVM_SET_IDENTITY_MAP_ADDR");
	if (ioctl(k->vm_fd, KVM_SET_TSS_ADDR, TSS_GPA))
		return err_sys(e, kvm_name, "KVM_SET_TSS_ADDR");
	ret = make_irqchip(k, e);
	if (ret)
		return ret;
	slots = kvm_check(k, KVM_CAP_NR_MEMSLOTS);
	k->max_slots = slots > 0 && slots < KVM_MAX_SLOTS ? (unsigned int)slots
							  : KVM_MAX_SLOTS;
	return 0;
}

static int slot_add(struct mem_listener *l, const struct mem_region *r,
		    struct err *e);
static void slot_del(struct mem_listener *l, const struct mem_region *r);

static const struct mem_listener_ops listener_ops = { .add = slot_add,
						      .del = slot_del };

int kvm_open(struct kvm *k, const char *path, enum irqchip irqchip,
	     struct err *e)
{
	int ret;

	*k = (struct kvm){
		.dev_fd = -1, .vm_fd = -1, .vfio_fd = -1, .irqchip = irqchip
	};
	k->listener.ops = &listener_ops;
	pthread_mutex_init(&k->slot_lock, NULL);
	ret = open_dev(k, path, e);
	if (!ret)
		ret = check_dev(k, path, e);
	if (!ret)
		ret = make_vm(k, e);
	if (ret)
		kvm_close(k);
	return ret;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void kvm_close(struct kvm *k)
{
	close_fd(&k->vfio_fd);
	close_fd(&k->vm_fd);
	close_fd(&k->dev_fd);
}

unsigned int kvm_max_vcpus(const struct kvm *k)
{
	int n = kvm_check(k, KVM_CAP_MAX_VCPUS);

	/* Documentation/virt/kvm/api.rst: without the capability, 4. */
	return n > 0 ? (unsigned int)n : 4;
}

int kvm_check(const struct kvm *k, int cap)
{
	int fd = k->vm_fd >= 0 ? k->vm_fd : k->dev_fd;
	int ret = ioctl(fd, KVM_CHECK_EXTENSION, cap);

	return ret > 0 ? ret : 0;
}

int kvm_supported_cpuid(const struct kvm *k, struct kvm_cpuid2 **out,
			struct err *e)
{
	/* KVM says E2BIG for too few; it never has more than 256 today. */
	for (uint32_t nr = 128; nr <= 4096; nr *= 2) {
		struct kvm_cpuid2 *c = calloc(
			1, sizeof(*c) + nr * sizeof(struct kvm_cpuid_entry2));

		if (!c)
			return err_set(e, ENOMEM, "CPUID: out of memory");
		c->nent = nr;
		if (!ioctl(k->dev_fd, KVM_GET_SUPPORTED_CPUID, c)) {
			*out = c;
			return 0;
		}
		free(c);
		if (errno != E2BIG)
			break;
	}
	return err_sys(e, kvm_name, "KVM_GET_SUPPORTED_CPUID");
}

/* --- memslots --- */

static int slot_set(struct kvm *k, unsigned int slot,
		    const struct mem_region *r, uint64_t size)
{
	struct kvm_userspace_memory_region m = {
		.slot = slot,
		.flags = r->log_dirty ? KVM_MEM_LOG_DIRTY_PAGES : 0u,
		.guest_phys_addr = r->gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)r->hva,
	};

	return ioctl(k->vm_fd, KVM_SET_USER_MEMORY_REGION, &m);
}

static int slot_add(struct mem_listener *l, const struct mem_region *r,
		    struct err *e)
{
	struct kvm *k = CONTAINER_OF(l, struct kvm, listener);
	unsigned int slot = 0;
	int ret = 0;

	pthread_mutex_lock(&k->slot_lock);
	while (slot < k->max_slots && k->slots[slot].size)
		slot++;
	if (slot == k->max_slots) {
		ret = err_set(e, ENOSPC, "%s: KVM has only %u memslots",
			      r->name, k->max_slots);
	} else if (slot_set(k, slot, r, r->size)) {
		ret = err_sys(e, r->name, "KVM_SET_USER_MEMORY_REGION");
	} else {
		k->slots[slot] = (struct kvm_slot){ r->gpa, r->size };
	}
	pthread_mutex_unlock(&k->slot_lock);
	return ret;
}

/* max_slots: it has none. */
static unsigned int slot_of(const struct kvm *k, const struct mem_region *r)
{
	unsigned int slot = 0;

	while (slot < k->max_slots &&
	       (k->slots[slot].size != r->size || k->slots[slot].gpa != r->gpa))
		slot++;
	return slot;
}

static void slot_del(struct mem_listener *l, const struct mem_region *r)
{
	struct kvm *k = CONTAINER_OF(l, struct kvm, listener);
	unsigned int slot;

	pthread_mutex_lock(&k->slot_lock);
	slot = slot_of(k, r);
	if (slot < k->max_slots) {
		slot_set(k, slot, r, 0);
		k->slots[slot].size = 0;
	}
	pthread_mutex_unlock(&k->slot_lock);
}

/* A memslot that differs in its flags alone stays where it is. */
static int dirty_log(void *ctx, const struct mem_region *r, struct err *e)
{
	struct kvm *k = ctx;
	unsigned int slot;
	int ret = 0;

	pthread_mutex_lock(&k->slot_lock);
	slot = slot_of(k, r);
	if (slot < k->max_slots && slot_set(k, slot, r, r->size))
		ret = err_sys(e, r->name, "KVM_SET_USER_MEMORY_REGION");
	pthread_mutex_unlock(&k->slot_lock);
	return ret;
}

// NOLINTNEXTLINE(readability-non-const-parameter): the kernel writes it
static int dirty_fetch(void *ctx, const struct mem_region *r, uint64_t *bits)
{
	struct kvm *k = ctx;
	struct kvm_dirty_log log = { .dirty_bitmap = bits };
	int ret = -ENOENT;

	pthread_mutex_lock(&k->slot_lock);
	log.slot = slot_of(k, r);
	if (log.slot < k->max_slots)
		ret = ioctl(k->vm_fd, KVM_GET_DIRTY_LOG, &log) ? -errno : 0;
	pthread_mutex_unlock(&k->slot_lock);
	return ret;
}

const struct mem_dirty_ops kvm_mem_dirty = { .log = dirty_log,
					     .fetch = dirty_fetch };

/* --- interrupts --- */

/* A pin can lead to PIC and IOAPIC: two entries for one GSI. */
static unsigned int pin_entries(uint32_t gsi, struct kvm_irq_routing_entry *out)
{
	/* The PIT's interrupt 0 arrives at IOAPIC pin 2, as the MADT says. */
	uint32_t pin = gsi == 0 ? 2 : gsi;
	unsigned int n = 0;

	if (gsi < 16)
		out[n++] = (struct kvm_irq_routing_entry){
			.gsi = gsi,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { .irqchip =
					       gsi < 8 ? KVM_IRQCHIP_PIC_MASTER
						       : KVM_IRQCHIP_PIC_SLAVE,
				       .pin = gsi % 8 },
		};
	if (gsi != 2)
		out[n++] = (struct kvm_irq_routing_entry){
			.gsi = gsi,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC,
				       .pin = pin },
		};
	return n;
}

static struct kvm_irq_routing_entry msi_entry(const struct irq_route *r)
{
	return (struct kvm_irq_routing_entry){
		.gsi = r->gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = (uint32_t)r->msi.address,
			   .address_hi = (uint32_t)(r->msi.address >> 32),
			   .data = r->msi.data },
	};
}

static int sink_set_routes(void *ctx, const struct irq_route *routes,
			   unsigned int nr, struct err *e)
{
	struct kvm *k = ctx;
	size_t max = nr + IRQ_NR_PINS; /* pins below 16 take two */
	struct kvm_irq_routing *table;
	int ret = 0;

	table = calloc(1, sizeof(*table) + max * sizeof(table->entries[0]));
	if (!table)
		return err_set(e, ENOMEM, "GSI table: out of memory");
	for (unsigned int i = 0; i < nr; i++) {
		if (routes[i].is_msi)
			table->entries[table->nr++] = msi_entry(&routes[i]);
		else if (k->irqchip == IRQCHIP_KERNEL)
			table->nr += pin_entries(routes[i].gsi,
						 &table->entries[table->nr]);
	}
	if (ioctl(k->vm_fd, KVM_SET_GSI_ROUTING, table))
		ret = err_sys(e, kvm_name, "KVM_SET_GSI_ROUTING");
	free(table);
	return ret;
}

static int sink_irqfd_add(void *ctx, int fd, uint32_t gsi, int resample_fd,
			  struct err *e)
{
	struct kvm *k = ctx;
	struct kvm_irqfd irqfd = { .fd = (uint32_t)fd, .gsi = gsi };

	if (resample_fd >= 0) {
		irqfd.flags = KVM_IRQFD_FLAG_RESAMPLE;
		irqfd.resamplefd = (uint32_t)resample_fd;
	}
	if (ioctl(k->vm_fd, KVM_IRQFD, &irqfd))
		return err_sys(e, kvm_name, "KVM_IRQFD");
	return 0;
}

static void sink_irqfd_del(void *ctx, int fd, uint32_t gsi)
{
	struct kvm *k = ctx;
	struct kvm_irqfd irqfd = { .fd = (uint32_t)fd,
				   .gsi = gsi,
				   .flags = KVM_IRQFD_FLAG_DEASSIGN };

	ioctl(k->vm_fd, KVM_IRQFD, &irqfd);
}

static void sink_set_line(void *ctx, uint32_t gsi, bool high)
{
	struct kvm *k = ctx;
	struct kvm_irq_level level = { .irq = gsi, .level = high };

	ioctl(k->vm_fd, KVM_IRQ_LINE, &level);
}

static int sink_send(void *ctx, struct irq_msi msi)
{
	struct kvm *k = ctx;
	struct kvm_msi m = { .address_lo = (uint32_t)msi.address,
			     .address_hi = (uint32_t)(msi.address >> 32),
			     .data = msi.data };

	return ioctl(k->vm_fd, KVM_SIGNAL_MSI, &m) < 0 ? -errno : 0;
}

const struct irq_sink_ops kvm_irq_sink = {
	.set_routes = sink_set_routes,
	.irqfd_add = sink_irqfd_add,
	.irqfd_del = sink_irqfd_del,
	.set_line = sink_set_line,
	.send = sink_send,
};

int kvm_ioeventfd(struct kvm *k, int fd, bool pio, uint64_t addr,
		  unsigned int len, bool add, struct err *e)
{
	struct kvm_ioeventfd io = {
		.addr = addr,
		.len = len,
		.fd = fd,
		.flags = (pio ? KVM_IOEVENTFD_FLAG_PIO : 0u) |
			 (add ? 0u : KVM_IOEVENTFD_FLAG_DEASSIGN),
	};

	if (ioctl(k->vm_fd, KVM_IOEVENTFD, &io))
		return err_sys(e, kvm_name, "KVM_IOEVENTFD");
	return 0;
}

/* Any length: the fastest kind, which KVM need not decode the guest's
 * instruction for (KVM_CAP_IOEVENTFD_ANY_LENGTH). */
static int doorbell_add(void *ctx, uint64_t addr, int fd, struct err *e)
{
	return kvm_ioeventfd(ctx, fd, false, addr, 0, true, e);
}

static void doorbell_del(void *ctx, uint64_t addr, int fd)
{
	struct err e = { 0 };

	if (kvm_ioeventfd(ctx, fd, false, addr, 0, false, &e))
		log_debug(kvm_name, "%s", e.msg);
}

const struct bus_doorbell_ops kvm_mmio_doorbells = {
	.add = doorbell_add,
	.del = doorbell_del,
};

/* --- the KVM-VFIO device (Documentation/virt/kvm/devices/vfio.rst) --- */

enum {
	/* linux/kvm.h before 6.6 calls the same numbers GROUP. */
	STRAIT_KVM_DEV_VFIO_FILE = 1,
	STRAIT_KVM_DEV_VFIO_FILE_ADD = 1,
	STRAIT_KVM_DEV_VFIO_FILE_DEL = 2,
};

static int vfio_attr(struct kvm *k, uint64_t attr, int fd)
{
	int32_t value = fd;
	struct kvm_device_attr a = { .group = STRAIT_KVM_DEV_VFIO_FILE,
				     .attr = attr,
				     .addr = (uintptr_t)&value };

	return ioctl(k->vfio_fd, KVM_SET_DEVICE_ATTR, &a);
}

int kvm_vfio_add(struct kvm *k, int fd, struct err *e)
{
	if (k->vfio_fd < 0) {
		struct kvm_create_device c = { .type = KVM_DEV_TYPE_VFIO };

		if (ioctl(k->vm_fd, KVM_CREATE_DEVICE, &c))
			return err_sys(
				e, kvm_name,
				"KVM_CREATE_DEVICE of KVM_DEV_TYPE_VFIO");
		k->vfio_fd = (int)c.fd;
	}
	/* Two functions of one group come with the same file. */
	if (vfio_attr(k, STRAIT_KVM_DEV_VFIO_FILE_ADD, fd) && errno != EEXIST)
		return err_sys(e, kvm_name, "KVM_DEV_VFIO_FILE_ADD");
	return 0;
}

void kvm_vfio_del(struct kvm *k, int fd)
{
	if (k->vfio_fd >= 0)
		vfio_attr(k, STRAIT_KVM_DEV_VFIO_FILE_DEL, fd);
}

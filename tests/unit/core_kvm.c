// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What strait tells KVM, on a pretended KVM.
 *
 * ioctl is replaced here: VMs and VFIO devices are files on /dev/null, memslots
 * and the GSI table are kept as they were told. The nth call of a kind can be
 * made to fail.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/core/kvm.h"
#include "tests/tap.h"

enum { MAX_TABLE = 5000, KVM_MAX_IRQ_ROUTES = 4096 };

static struct {
	unsigned long fails; /* this request does, with error */
	int error;
	int lacks; /* this capability is not there */
	int version, run_size, nr_memslots;
	struct kvm_userspace_memory_region slots[KVM_MAX_SLOTS];
	struct kvm_dirty_log dirty;
	struct kvm_irq_routing_entry table[MAX_TABLE];
	unsigned int nr_table;
	struct kvm_irqfd irqfd;
	struct kvm_irq_level level;
	struct kvm_msi msi;
	int x2apic_flags; /* that it can be told */
	struct kvm_enable_cap enabled[2];
	unsigned int nr_enabled, nr_irqchips;
	struct kvm_ioeventfd ioeventfd;
	struct kvm_coalesced_mmio_zone zone, unzone;
	struct kvm_device_attr attr;
	int attr_fd;
	unsigned int nr_vfio_devices;
} host;

static struct kvm kvm;
static struct err err;

static int check_extension(int cap)
{
	if (cap == host.lacks)
		return 0;
	if (cap == KVM_CAP_X2APIC_API)
		return host.x2apic_flags;
	return cap == KVM_CAP_NR_MEMSLOTS ? host.nr_memslots : 1;
}

static int null_fd(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void keep_table(const struct kvm_irq_routing *r)
{
	if (r->nr > MAX_TABLE)
		abort();
	memcpy(host.table, r->entries, r->nr * sizeof(r->entries[0]));
	host.nr_table = r->nr;
}

static void keep_attr(const struct kvm_device_attr *a)
{
	host.attr = *a;
	// NOLINTNEXTLINE(performance-no-int-to-ptr): so it is in KVM's ABI
	memcpy(&host.attr_fd, (void *)(uintptr_t)a->addr, sizeof(int));
}

static void keep_device(struct kvm_create_device *c)
{
	host.nr_vfio_devices += c->type == KVM_DEV_TYPE_VFIO;
	c->fd = (uint32_t)null_fd();
}

/* Those that take a pointer. */
static int keep(unsigned long request, void *arg)
{
	const struct kvm_userspace_memory_region *slot = arg;

	switch (request) {
	case KVM_SET_USER_MEMORY_REGION:
		host.slots[slot->slot] = *slot;
		break;
	case KVM_GET_DIRTY_LOG:
		host.dirty = *(struct kvm_dirty_log *)arg;
		break;
	case KVM_SET_GSI_ROUTING:
		keep_table(arg);
		break;
	case KVM_IRQFD:
		host.irqfd = *(struct kvm_irqfd *)arg;
		break;
	case KVM_IRQ_LINE:
		host.level = *(struct kvm_irq_level *)arg;
		break;
	case KVM_SIGNAL_MSI:
		host.msi = *(struct kvm_msi *)arg;
		break;
	case KVM_CREATE_IRQCHIP:
	case KVM_CREATE_PIT2:
		host.nr_irqchips++;
		break;
	case KVM_ENABLE_CAP:
		host.enabled[host.nr_enabled++ & 1] =
			*(struct kvm_enable_cap *)arg;
		break;
	case KVM_IOEVENTFD:
		host.ioeventfd = *(struct kvm_ioeventfd *)arg;
		break;
	case KVM_REGISTER_COALESCED_MMIO:
		host.zone = *(struct kvm_coalesced_mmio_zone *)arg;
		break;
	case KVM_UNREGISTER_COALESCED_MMIO:
		host.unzone = *(struct kvm_coalesced_mmio_zone *)arg;
		break;
	case KVM_CREATE_DEVICE:
		keep_device(arg);
		break;
	case KVM_SET_DEVICE_ATTR:
		keep_attr(arg);
		break;
	default:
		break;
	}
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == host.fails) {
		errno = host.error;
		return -1;
	}
	if (request == KVM_GET_API_VERSION)
		return host.version;
	if (request == KVM_GET_VCPU_MMAP_SIZE)
		return host.run_size;
	if (request == KVM_CHECK_EXTENSION)
		return check_extension((int)(intptr_t)arg);
	if (request == KVM_CREATE_VM)
		return null_fd();
	return keep(request, arg);
}

static void reset(void)
{
	memset(&host, 0, sizeof(host));
	memset(&err, 0, sizeof(err));
	host.lacks = -1;
	host.version = KVM_API_VERSION;
	host.run_size = 12288;
	host.nr_memslots = 32764;
}

static void open_kvm(void)
{
	reset();
	if (kvm_open(&kvm, "/dev/null", IRQCHIP_KERNEL, &err))
		abort();
}

static void fail(unsigned long request, int error)
{
	host.fails = request;
	host.error = error;
}

static unsigned int nr_open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* --- opening --- */

static void missing_device_says_how_to_get_it(void)
{
	reset();
	CHECK_EQ(kvm_open(&kvm, "/dev/kvm-not-here", IRQCHIP_KERNEL, &err),
		 -ENOENT);
	CHECK(!strcmp(err.msg, "/dev/kvm-not-here: open: No such file or "
			       "directory (ENOENT)"));
	CHECK_HAS(err.hint, "load kvm_intel or kvm_amd");
}

static void device_of_another_kind_is_refused(void)
{
	reset();
	host.version = -1;
	CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_KERNEL, &err), -ENOTSUP);
	CHECK_HAS(err.msg, "/dev/null: is not a KVM device");
	host.version = KVM_API_VERSION;
	host.run_size = -1;
	CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_KERNEL, &err), -ENOTSUP);
}

static void missing_capability_is_named(void)
{
	reset();
	host.lacks = KVM_CAP_IRQFD;
	CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_KERNEL, &err), -ENOTSUP);
	CHECK_HAS(err.msg, "/dev/null: this kernel's KVM lacks KVM_CAP_IRQFD");
}

static void other_hypervisor_is_named_as_the_cause(void)
{
	reset();
	fail(KVM_CREATE_VM, EBUSY);
	CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_KERNEL, &err), -EBUSY);
	CHECK_HAS(err.hint, "another hypervisor");
}

static void whichever_step_fails_no_file_stays_open(void)
{
	static const struct {
		unsigned long request;
		const char *name;
	} steps[] = {
		{ KVM_CREATE_VM, "KVM_CREATE_VM" },
		{ KVM_SET_IDENTITY_MAP_ADDR, "KVM_SET_IDENTITY_MAP_ADDR" },
		{ KVM_SET_TSS_ADDR, "KVM_SET_TSS_ADDR" },
		{ KVM_CREATE_IRQCHIP, "KVM_CREATE_IRQCHIP" },
		{ KVM_CREATE_PIT2, "KVM_CREATE_PIT2" },
	};
	unsigned int before = nr_open_files();

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		reset();
		fail(steps[i].request, EIO);
		CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_KERNEL, &err),
			 -EIO);
		CHECK_HAS(err.msg, steps[i].name);
		CHECK_EQ(nr_open_files(), before);
		kvm_close(&kvm);
	}
}

static void split_irqchip_leaves_local_apics_alone_to_the_kernel(void)
{
	reset();
	CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_SPLIT, &err), 0);
	CHECK_EQ(host.nr_irqchips, 0);
	CHECK_EQ(host.nr_enabled, 1);
	CHECK_EQ(host.enabled[0].cap, KVM_CAP_SPLIT_IRQCHIP);
	CHECK_EQ(host.enabled[0].args[0], IRQ_NR_PINS);
	kvm_close(&kvm);
}

static void newer_kernel_is_told_of_the_eoi_register(void)
{
	reset();
	host.x2apic_flags = 15;
	CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_SPLIT, &err), 0);
	CHECK_EQ(host.nr_enabled, 2);
	CHECK_EQ(host.enabled[1].cap, KVM_CAP_X2APIC_API);
	CHECK_EQ(host.enabled[1].args[0], 4);
	kvm_close(&kvm);
}

static void kernel_without_split_irqchip_is_told_from_one_without_its_own(void)
{
	reset();
	host.lacks = KVM_CAP_SPLIT_IRQCHIP;
	CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_SPLIT, &err), -ENOTSUP);
	CHECK_HAS(err.msg, "this kernel's KVM lacks KVM_CAP_SPLIT_IRQCHIP");
	CHECK_HAS(err.hint, "--irqchip kernel");
	CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_KERNEL, &err), 0);
	kvm_close(&kvm);
	reset();
	host.lacks = KVM_CAP_IRQCHIP;
	CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_KERNEL, &err), -ENOTSUP);
	CHECK_HAS(err.hint, "--irqchip split");
	CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_SPLIT, &err), 0);
	kvm_close(&kvm);
}

static void refused_split_irqchip_is_an_error(void)
{
	reset();
	fail(KVM_ENABLE_CAP, EINVAL);
	CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_SPLIT, &err), -EINVAL);
	CHECK_HAS(err.msg, "KVM_CAP_SPLIT_IRQCHIP");
}

static void closing_twice_is_harmless(void)
{
	open_kvm();
	kvm_close(&kvm);
	CHECK_EQ(kvm.vm_fd, -1);
	kvm_close(&kvm);
}

/* --- memslots --- */

static struct mem_region region(gpa_t gpa, uint64_t size)
{
	static uint8_t page[4096] __attribute__((aligned(4096)));

	return (struct mem_region){
		.gpa = gpa, .size = size, .hva = page, .name = "BAR 0"
	};
}

static int slot_add(const struct mem_region *r)
{
	return kvm.listener.ops->add(&kvm.listener, r, &err);
}

static void region_becomes_a_memslot(void)
{
	struct mem_region r = region(0x10000, 0x2000);

	open_kvm();
	CHECK_EQ(slot_add(&r), 0);
	CHECK_EQ(host.slots[0].guest_phys_addr, 0x10000);
	CHECK_EQ(host.slots[0].memory_size, 0x2000);
	CHECK_EQ(host.slots[0].userspace_addr, (uintptr_t)r.hva);
	kvm_close(&kvm);
}

static void region_that_goes_frees_its_slot_for_the_next(void)
{
	struct mem_region a = region(0x10000, 0x1000);
	struct mem_region b = region(0x20000, 0x1000);
	struct mem_region c = region(0x30000, 0x3000);

	open_kvm();
	slot_add(&a);
	slot_add(&b);
	kvm.listener.ops->del(&kvm.listener, &a);
	CHECK_EQ(host.slots[0].memory_size, 0);
	CHECK_EQ(host.slots[1].memory_size, 0x1000);
	CHECK_EQ(slot_add(&c), 0);
	CHECK_EQ(host.slots[0].guest_phys_addr, 0x30000);
	kvm_close(&kvm);
}

static void memslots_that_run_out_are_an_error(void)
{
	struct mem_region r = region(0, 0x1000);

	reset();
	host.nr_memslots = 32;
	CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_KERNEL, &err), 0);
	for (unsigned int i = 0; i < 32; i++) {
		r.gpa = i * 0x1000ULL;
		CHECK_EQ(slot_add(&r), 0);
	}
	r.gpa = 0x100000;
	CHECK_EQ(slot_add(&r), -ENOSPC);
	CHECK_HAS(err.msg, "BAR 0: KVM has only 32 memslots");
	kvm_close(&kvm);
}

static void refused_memslot_is_still_free(void)
{
	struct mem_region r = region(0x10000, 0x1000);

	open_kvm();
	fail(KVM_SET_USER_MEMORY_REGION, EEXIST);
	CHECK_EQ(slot_add(&r), -EEXIST);
	CHECK_HAS(err.msg, "BAR 0: KVM_SET_USER_MEMORY_REGION");
	host.fails = 0;
	CHECK_EQ(slot_add(&r), 0);
	CHECK_EQ(host.slots[0].memory_size, 0x1000);
	kvm_close(&kvm);
}

/* --- the dirty log --- */

static void region_is_logged_only_while_that_is_wanted(void)
{
	struct mem_region r = region(0x10000, 0x1000);

	open_kvm();
	CHECK_EQ(slot_add(&r), 0);
	CHECK_EQ(host.slots[0].flags, 0);
	r.log_dirty = true;
	CHECK_EQ(kvm_mem_dirty.log(&kvm, &r, &err), 0);
	CHECK_EQ(host.slots[0].flags, KVM_MEM_LOG_DIRTY_PAGES);
	CHECK_EQ(host.slots[0].guest_phys_addr, 0x10000);
	CHECK_EQ(host.slots[0].memory_size, 0x1000);
	CHECK_EQ(host.slots[0].userspace_addr, (uintptr_t)r.hva);
	r.log_dirty = false;
	CHECK_EQ(kvm_mem_dirty.log(&kvm, &r, &err), 0);
	CHECK_EQ(host.slots[0].flags, 0);
	kvm_close(&kvm);
}

static void region_that_comes_logged_is_from_the_start(void)
{
	struct mem_region r = region(0x10000, 0x1000);

	open_kvm();
	r.log_dirty = true;
	CHECK_EQ(slot_add(&r), 0);
	CHECK_EQ(host.slots[0].flags, KVM_MEM_LOG_DIRTY_PAGES);
	kvm_close(&kvm);
}

static void dirty_log_is_read_from_the_regions_slot(void)
{
	struct mem_region a = region(0x10000, 0x1000);
	struct mem_region b = region(0x20000, 0x1000);
	uint64_t bits = 0;

	open_kvm();
	slot_add(&a);
	slot_add(&b);
	CHECK_EQ(kvm_mem_dirty.fetch(&kvm, &b, &bits), 0);
	CHECK_EQ(host.dirty.slot, 1);
	CHECK(host.dirty.dirty_bitmap == &bits);
	kvm_close(&kvm);
}

static void dirty_log_of_a_region_that_is_not_there_is_unknown(void)
{
	struct mem_region r = region(0x10000, 0x1000);
	uint64_t bits = 0;

	open_kvm();
	CHECK_EQ(kvm_mem_dirty.fetch(&kvm, &r, &bits), -ENOENT);
	CHECK(!host.dirty.dirty_bitmap);
	slot_add(&r);
	fail(KVM_GET_DIRTY_LOG, EFAULT);
	CHECK_EQ(kvm_mem_dirty.fetch(&kvm, &r, &bits), -EFAULT);
	kvm_close(&kvm);
}

/* --- the GSI table --- */

/* The nth entry of a GSI that leads to a pin, as chip << 8 | pin; -1: none. */
static int chip_pin(uint32_t gsi, unsigned int nth)
{
	for (unsigned int i = 0; i < host.nr_table; i++) {
		const struct kvm_irq_routing_entry *e = &host.table[i];

		if (e->gsi == gsi && e->type == KVM_IRQ_ROUTING_IRQCHIP &&
		    !nth--)
			return (int)(e->u.irqchip.irqchip << 8 |
				     e->u.irqchip.pin);
	}
	return -1;
}

static struct irq irq;

static void open_irq(void)
{
	open_kvm();
	if (irq_init(&irq, &kvm_irq_sink, &kvm, &err))
		abort();
}

static void close_irq(void)
{
	irq_fini(&irq);
	kvm_close(&kvm);
}

static void pins_lead_to_pic_and_ioapic(void)
{
	open_irq();
	CHECK_EQ(chip_pin(4, 0), KVM_IRQCHIP_PIC_MASTER << 8 | 4);
	CHECK_EQ(chip_pin(4, 1), KVM_IRQCHIP_IOAPIC << 8 | 4);
	CHECK_EQ(chip_pin(9, 0), KVM_IRQCHIP_PIC_SLAVE << 8 | 1);
	CHECK_EQ(chip_pin(9, 1), KVM_IRQCHIP_IOAPIC << 8 | 9);
	CHECK_EQ(chip_pin(16, 0), KVM_IRQCHIP_IOAPIC << 8 | 16);
	CHECK_EQ(chip_pin(16, 1), -1);
	CHECK_EQ(chip_pin(23, 0), KVM_IRQCHIP_IOAPIC << 8 | 23);
	close_irq();
}

/* As the MADT's override says; pin 2 is the PIC's cascade. */
static void timer_arrives_at_ioapic_pin_2(void)
{
	open_irq();
	CHECK_EQ(chip_pin(0, 0), KVM_IRQCHIP_PIC_MASTER << 8);
	CHECK_EQ(chip_pin(0, 1), KVM_IRQCHIP_IOAPIC << 8 | 2);
	CHECK_EQ(chip_pin(2, 0), KVM_IRQCHIP_PIC_MASTER << 8 | 2);
	CHECK_EQ(chip_pin(2, 1), -1);
	close_irq();
}

/* KVM refuses a table with pins of a chip that it has not. */
static void pins_of_a_split_irqchip_lead_where_they_are_told_or_nowhere(void)
{
	const struct irq_msi msi = { 0xfee01000, 0x8051 };

	reset();
	CHECK_EQ(kvm_open(&kvm, "/dev/null", IRQCHIP_SPLIT, &err), 0);
	CHECK_EQ(irq_init(&irq, &kvm_irq_sink, &kvm, &err), 0);
	CHECK_EQ(host.nr_table, 0);
	CHECK_EQ(irq_pin_route(&irq, 17, msi, &err), 0);
	CHECK_EQ(host.nr_table, 1);
	CHECK_EQ(host.table[0].gsi, 17);
	CHECK_EQ(host.table[0].type, KVM_IRQ_ROUTING_MSI);
	CHECK_EQ(host.table[0].u.msi.data, 0x8051);
	close_irq();
}

static void message_without_a_route_reaches_kvm(void)
{
	open_kvm();
	CHECK_EQ(kvm_irq_sink.send(&kvm, (struct irq_msi){ 0xfee03000, 0x45 }),
		 0);
	CHECK_EQ(host.msi.address_lo, 0xfee03000);
	CHECK_EQ(host.msi.data, 0x45);
	fail(KVM_SIGNAL_MSI, EPERM);
	CHECK_EQ(kvm_irq_sink.send(&kvm, (struct irq_msi){ 0 }), -EPERM);
	kvm_close(&kvm);
}

static void message_keeps_both_halves_of_its_address(void)
{
	struct irq_msi msi = { 0x123456789abcdef0, 0x4321 };
	const struct kvm_irq_routing_entry *last;
	struct msi_route r;

	open_irq();
	CHECK_EQ(msi_route_init(&r, &irq, &err), 0);
	CHECK_EQ(msi_route_set(&r, msi, &err), 0);
	last = &host.table[host.nr_table - 1];
	CHECK_EQ(last->gsi, r.gsi);
	CHECK_EQ(last->type, KVM_IRQ_ROUTING_MSI);
	CHECK_EQ(last->u.msi.address_hi, 0x12345678);
	CHECK_EQ(last->u.msi.address_lo, 0x9abcdef0);
	CHECK_EQ(last->u.msi.data, 0x4321);
	msi_route_fini(&r);
	close_irq();
}

static void fullest_table_is_one_that_kvm_takes(void)
{
	static struct irq_route routes[IRQ_NR_PINS + IRQ_MAX_MSI];

	open_kvm();
	for (uint32_t i = 0; i < ARRAY_SIZE(routes); i++)
		routes[i] = (struct irq_route){ .gsi = i,
						.is_msi = i >= IRQ_NR_PINS };
	CHECK_EQ(
		kvm_irq_sink.set_routes(&kvm, routes, ARRAY_SIZE(routes), &err),
		0);
	CHECK_EQ(host.nr_table, KVM_MAX_IRQ_ROUTES);
	kvm_close(&kvm);
}

static void irqfds_are_made_and_taken_off(void)
{
	open_kvm();
	CHECK_EQ(kvm_irq_sink.irqfd_add(&kvm, 7, 30, -1, &err), 0);
	CHECK_EQ(host.irqfd.fd, 7);
	CHECK_EQ(host.irqfd.gsi, 30);
	CHECK_EQ(host.irqfd.flags, 0);
	kvm_irq_sink.irqfd_del(&kvm, 7, 30);
	CHECK_EQ(host.irqfd.flags, KVM_IRQFD_FLAG_DEASSIGN);
	kvm_close(&kvm);
}

static void level_triggered_irqfd_has_its_resampler(void)
{
	open_kvm();
	CHECK_EQ(kvm_irq_sink.irqfd_add(&kvm, 7, 16, 9, &err), 0);
	CHECK_EQ(host.irqfd.flags, KVM_IRQFD_FLAG_RESAMPLE);
	CHECK_EQ(host.irqfd.resamplefd, 9);
	kvm_close(&kvm);
}

static void line_level_reaches_kvm(void)
{
	open_kvm();
	kvm_irq_sink.set_line(&kvm, 4, true);
	CHECK_EQ(host.level.irq, 4);
	CHECK_EQ(host.level.level, 1);
	kvm_close(&kvm);
}

/* --- writes that KVM keeps --- */

static struct bus mmio, pio;

static void open_posted(int lacks)
{
	open_kvm();
	host.lacks = lacks;
	bus_init(&mmio, "mmio");
	bus_init(&pio, "pio");
	kvm_posted_init(&kvm, &mmio, &pio);
}

static void close_posted(void)
{
	bus_fini(&pio);
	bus_fini(&mmio);
	kvm_close(&kvm);
}

static void posted_writes_are_kept_by_kvm(void)
{
	open_posted(-1);
	bus_post(&pio, 0x70, 1);
	CHECK_EQ(host.zone.addr, 0x70);
	CHECK_EQ(host.zone.size, 1);
	CHECK_EQ(host.zone.pio, 1);
	bus_post(&mmio, 0xd0000000, 4);
	CHECK_EQ(host.zone.addr, 0xd0000000);
	CHECK_EQ(host.zone.pio, 0);
	bus_unpost(&pio, 0x70, 1);
	CHECK_EQ(host.unzone.addr, 0x70);
	CHECK_EQ(host.unzone.pio, 1);
	close_posted();
}

static void kvm_that_keeps_no_port_writes_is_asked_for_none(void)
{
	open_posted(KVM_CAP_COALESCED_PIO);
	bus_post(&pio, 0x70, 1);
	CHECK_EQ(host.zone.size, 0);
	close_posted();
}

/* Values written to port 0x70, as they came. */
static uint8_t came[4];
static unsigned int nr_came;

static void note_write(void *dev, uint64_t offset, unsigned int len,
		       uint64_t value)
{
	CHECK(!dev && !offset && len == 1);
	came[nr_came++ % ARRAY_SIZE(came)] = (uint8_t)value;
}

static void keep_write(struct kvm_coalesced_mmio_ring *ring, unsigned int at,
		       uint8_t value)
{
	ring->coalesced_mmio[at].phys_addr = 0x70;
	ring->coalesced_mmio[at].pio = 1;
	ring->coalesced_mmio[at].len = 1;
	ring->coalesced_mmio[at].data[0] = value;
}

static void writes_that_were_kept_come_once_and_in_order(void)
{
	static const struct bus_ops ops = { .write = note_write };
	static _Alignas(KVM_PAGE_SIZE) uint8_t run[2 * KVM_PAGE_SIZE];
	struct kvm_coalesced_mmio_ring *ring = (void *)(run + KVM_PAGE_SIZE);
	struct kvm_vcpu v = { .kvm = &kvm, .run = (void *)run };
	struct bus_range range = { 0x70, 1, &ops, NULL, "port" };

	open_posted(-1);
	CHECK_EQ(bus_add(&pio, &range, &err), 0);
	kvm.run_size = sizeof(run);
	kvm_posted_attach(&v);
	/* 170 of 24 bytes are in a page: they go round. */
	ring->first = ring->last = 169;
	keep_write(ring, 169, 0x10);
	keep_write(ring, 0, 0x11);
	ring->last = 1;
	kvm_posted_drain(&kvm);
	kvm_posted_drain(&kvm);
	CHECK_EQ(nr_came, 2);
	CHECK_EQ(came[0], 0x10);
	CHECK_EQ(came[1], 0x11);
	CHECK_EQ(ring->first, 1);
	kvm_posted_detach(&v);
	bus_del(&pio, &range);
	close_posted();
}

static void mapping_too_small_for_the_ring_has_none(void)
{
	struct kvm_run run;
	struct kvm_vcpu v = { .kvm = &kvm, .run = &run };

	open_posted(-1);
	kvm.run_size = sizeof(run);
	kvm_posted_attach(&v);
	CHECK(!kvm.posted.ring);
	close_posted();
}

static void ioeventfd_says_space_length_and_direction(void)
{
	open_kvm();
	CHECK_EQ(kvm_ioeventfd(&kvm, 5, true, 0x1234, 2, true, &err), 0);
	CHECK_EQ(host.ioeventfd.flags, KVM_IOEVENTFD_FLAG_PIO);
	CHECK_EQ(host.ioeventfd.len, 2);
	CHECK_EQ(kvm_ioeventfd(&kvm, 5, false, 0x1234, 0, false, &err), 0);
	CHECK_EQ(host.ioeventfd.flags, KVM_IOEVENTFD_FLAG_DEASSIGN);
	kvm_close(&kvm);
}

/* --- the KVM-VFIO device --- */

static void vfio_device_is_made_once_for_all_files(void)
{
	open_kvm();
	CHECK_EQ(kvm_vfio_add(&kvm, 40, &err), 0);
	CHECK_EQ(host.attr.attr, 1);
	CHECK_EQ(host.attr_fd, 40);
	CHECK_EQ(kvm_vfio_add(&kvm, 41, &err), 0);
	CHECK_EQ(host.attr_fd, 41);
	CHECK_EQ(host.nr_vfio_devices, 1);
	kvm_vfio_del(&kvm, 40);
	CHECK_EQ(host.attr.attr, 2);
	CHECK_EQ(host.attr_fd, 40);
	kvm_close(&kvm);
}

static void group_that_kvm_knows_already_is_no_error(void)
{
	open_kvm();
	fail(KVM_SET_DEVICE_ATTR, EEXIST);
	CHECK_EQ(kvm_vfio_add(&kvm, 40, &err), 0);
	fail(KVM_SET_DEVICE_ATTR, EPERM);
	CHECK_EQ(kvm_vfio_add(&kvm, 40, &err), -EPERM);
	CHECK_HAS(err.msg, "KVM_DEV_VFIO_FILE_ADD");
	kvm_close(&kvm);
}

static void file_can_be_taken_back_though_none_was_given(void)
{
	open_kvm();
	kvm_vfio_del(&kvm, 40);
	CHECK_EQ(host.attr_fd, 0);
	kvm_close(&kvm);
}

int main(void)
{
	TAP_RUN(missing_device_says_how_to_get_it);
	TAP_RUN(device_of_another_kind_is_refused);
	TAP_RUN(missing_capability_is_named);
	TAP_RUN(other_hypervisor_is_named_as_the_cause);
	TAP_RUN(whichever_step_fails_no_file_stays_open);
	TAP_RUN(split_irqchip_leaves_local_apics_alone_to_the_kernel);
	TAP_RUN(newer_kernel_is_told_of_the_eoi_register);
	TAP_RUN(kernel_without_split_irqchip_is_told_from_one_without_its_own);
	TAP_RUN(refused_split_irqchip_is_an_error);
	TAP_RUN(closing_twice_is_harmless);
	TAP_RUN(region_becomes_a_memslot);
	TAP_RUN(region_that_goes_frees_its_slot_for_the_next);
	TAP_RUN(memslots_that_run_out_are_an_error);
	TAP_RUN(refused_memslot_is_still_free);
	TAP_RUN(region_is_logged_only_while_that_is_wanted);
	TAP_RUN(region_that_comes_logged_is_from_the_start);
	TAP_RUN(dirty_log_is_read_from_the_regions_slot);
	TAP_RUN(dirty_log_of_a_region_that_is_not_there_is_unknown);
	TAP_RUN(pins_lead_to_pic_and_ioapic);
	TAP_RUN(timer_arrives_at_ioapic_pin_2);
	TAP_RUN(pins_of_a_split_irqchip_lead_where_they_are_told_or_nowhere);
	TAP_RUN(message_without_a_route_reaches_kvm);
	TAP_RUN(message_keeps_both_halves_of_its_address);
	TAP_RUN(fullest_table_is_one_that_kvm_takes);
	TAP_RUN(irqfds_are_made_and_taken_off);
	TAP_RUN(level_triggered_irqfd_has_its_resampler);
	TAP_RUN(line_level_reaches_kvm);
	TAP_RUN(posted_writes_are_kept_by_kvm);
	TAP_RUN(kvm_that_keeps_no_port_writes_is_asked_for_none);
	TAP_RUN(writes_that_were_kept_come_once_and_in_order);
	TAP_RUN(mapping_too_small_for_the_ring_has_none);
	TAP_RUN(ioeventfd_says_space_length_and_direction);
	TAP_RUN(vfio_device_is_made_once_for_all_files);
	TAP_RUN(group_that_kvm_knows_already_is_no_error);
	TAP_RUN(file_can_be_taken_back_though_none_was_given);
	return tap_done();
}

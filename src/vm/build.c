// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Puts a machine together and takes it apart.
 *
 * How this works: the steps stand in vm_build in the order in which they run.
 * Filling guest RAM with pages and unpacking the kernel take longest, so
 * threads do that while the devices are opened (a function-level reset waits
 * 100 ms) and the machine is built around them. They are joined before the
 * IOMMU maps that RAM and the kernel is loaded.
 *
 * RAM is placed after the devices are open, because only then the kernel says
 * which IOVA ranges exist. A machine without devices has no IOMMU to ask, and
 * its RAM is filled by the guest as it goes.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/vm/vm.h"
#include "src/x86/acpi.h"

/* --- guest RAM --- */

static int check_host_memory(const struct vm *vm, struct err *e)
{
	uint64_t want = vm->config->ram_size;
	uint64_t page = vm->config->hugepage_size;
	uint64_t have = host_mem_available(vm->host);
	uint64_t limit = host_mem_limit(vm->host);

	if (page)
		return host_hugepages_check(vm->host, want, page, e);
	if (limit && want > limit) {
		err_set(e, ENOMEM,
			"--memory: %" PRIu64
			" MiB are wanted, and memory.max of strait's cgroup allows %" PRIu64
			" MiB",
			want >> 20, limit >> 20);
		err_hint(
			e,
			"raise it (MemoryMax= of a systemd unit, the memory limit of a container), or give less with --memory size=...");
		return -ENOMEM;
	}
	if (!have || want <= have)
		return 0;
	err_set(e, ENOMEM,
		"--memory: %" PRIu64
		" MiB are wanted, and the host has %" PRIu64 " MiB available",
		want >> 20, have >> 20);
	err_hint(e, "give less with --memory size=..., or free host memory");
	return -ENOMEM;
}

/* A start that failed does not wait for the rest of its RAM. */
static bool is_populate_moot(void *ctx)
{
	const struct vm *vm = ctx;

	return vm_is_interrupted(ctx) ||
	       __atomic_load_n(&vm->is_taken_apart, __ATOMIC_RELAXED);
}

static void *populate(void *arg)
{
	struct vm *vm = arg;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	timing_begin(&vm->timing, TIMING_PREFAULT);
	vm->populate_ret =
		ram_populate(&vm->ram, cpus > 0 ? (unsigned int)cpus : 1,
			     is_populate_moot, vm, &vm->populate_err);
	timing_end(&vm->timing, TIMING_PREFAULT);
	return NULL;
}

/* Without a thread it is done at once. True if there is one to join. */
static bool start_thread(pthread_t *thread, void *(*fn)(void *vm),
			 struct vm *vm)
{
	if (!pthread_create(thread, NULL, fn, vm))
		return true;
	fn(vm);
	return false;
}

static int wait_populate(struct vm *vm, struct err *e)
{
	if (vm->is_populating)
		pthread_join(vm->populate_thread, NULL);
	vm->is_populating = false;
	if (vm->populate_ret)
		*e = vm->populate_err;
	return vm->populate_ret;
}

static int build_ram(struct vm *vm, struct err *e)
{
	int ret = check_host_memory(vm, e);

	if (!ret && vm->iommu)
		ret = iommu_check_memlock(vm->host, vm->iommu->kind,
					  vm->config->ram_size, e);
	if (!ret)
		ret = ram_open(&vm->ram, vm->config->ram_size,
			       vm->config->hugepage_size, e);
	if (!ret && vm->iommu)
		vm->is_populating =
			start_thread(&vm->populate_thread, populate, vm);
	return ret;
}

static int place_ram(struct vm *vm, bool avoid_ht_hole, struct err *e)
{
	struct x86_ram_piece pieces[X86_MAX_RAM_PIECES];
	unsigned int nr =
		x86_place_ram(vm->config->ram_size, avoid_ht_hole, pieces);
	uint64_t off = 0;
	int ret = 0;

	for (unsigned int i = 0; !ret && i < nr; i++) {
		struct mem_region *r = &vm->ram_regions[i];

		*r = (struct mem_region){ .gpa = pieces[i].gpa,
					  .size = pieces[i].size,
					  .hva = (char *)vm->ram.hva + off,
					  .kind = MEM_RAM,
					  .fd = vm->ram.fd,
					  .fd_offset = off,
					  .name = "RAM" };
		off += pieces[i].size;
		if (vm->iommu)
			ret = iommu_check_ram(vm->iommu, r->gpa, r->size, e);
		if (!ret)
			ret = mem_add(&vm->mem, r, e);
		if (!ret)
			vm->nr_ram_regions++;
	}
	return ret;
}

/* Maps RAM for DMA, as soon as its pages are there. */
static int map_ram(struct vm *vm, struct err *e)
{
	int ret = wait_populate(vm, e);

	if (ret || !vm->iommu)
		return ret;
	timing_begin(&vm->timing, TIMING_MAP);
	ret = mem_listener_add(&vm->mem, &vm->iommu->listener, e);
	timing_end(&vm->timing, TIMING_MAP);
	vm->iommu_listens = !ret;
	return ret;
}

/* --- the board --- */

/* What KVM does not have then. */
static int build_split(struct vm *vm, struct err *e)
{
	int ret = ioapic_init(&vm->ioapic, &vm->irq, &vm->mmio, X86_IOAPIC_GPA,
			      e);

	return ret ? ret : port_b_init(&vm->port_b, &vm->pio, X86_PORT_B, e);
}

static int build_kvm(struct vm *vm, struct err *e)
{
	int ret = kvm_open(&vm->kvm, "/dev/kvm", vm->config->irqchip, e);

	if (ret)
		return ret;
	if (vm->config->nr_cpus > kvm_max_vcpus(&vm->kvm))
		return err_set(e, EINVAL,
			       "--cpus: this host's KVM runs at most %u vCPUs",
			       kvm_max_vcpus(&vm->kvm));
	ret = irq_init(&vm->irq, &kvm_irq_sink, &vm->kvm, e);
	if (!ret && vm->config->irqchip == IRQCHIP_SPLIT)
		ret = build_split(vm, e);
	if (ret)
		return ret;
	bus_set_doorbells(&vm->mmio, &kvm_mmio_doorbells, &vm->kvm);
	kvm_posted_init(&vm->kvm, &vm->mmio, &vm->pio);
	ret = mem_listener_add(&vm->mem, &vm->kvm.listener, e);
	vm->kvm_listens = !ret;
	return ret;
}

static gpa_t top_of_ram(const struct vm *vm)
{
	const struct mem_region *last =
		&vm->ram_regions[vm->nr_ram_regions - 1];

	return last->gpa + last->size;
}

/*
 * What devices may address for each other: where the window begins in a range
 * of the IOMMU's, it ends with that. 0: anything, or they need not.
 */
static gpa_t end_of_p2p(const struct vm *vm, gpa_t base)
{
	struct iova_range ranges[IOMMU_MAX_RANGES];
	struct err ignored = { 0 };
	unsigned int nr;

	if (!vm->iommu || !iommu_wants_p2p(vm->iommu) ||
	    iommu_ranges(vm->iommu, ranges, IOMMU_MAX_RANGES, &nr, &ignored))
		return 0;
	for (unsigned int i = 0; i < nr; i++)
		if (ranges[i].first <= base && ranges[i].last > base)
			return align_down(ranges[i].last + 1, GIB(1));
	return 0;
}

/*
 * As many as root ports need. Linux looks for devices on each bus number that
 * MCFG names and no bridge leads to (pcibios_fixup_peer_bridges), two exits a
 * slot: 256 of them would cost 16,000.
 */
static unsigned int nr_buses(const struct vm *vm)
{
	return 1 + devices_nr_ports(vm);
}

/* The 64-bit window: from the top of RAM as far as the CPU can address. */
static int build_pci(struct vm *vm, unsigned int phys_bits, struct err *e)
{
	gpa_t base = top_of_ram(vm) < GIB(4) ? GIB(4)
					     : align_up(top_of_ram(vm), GIB(1));
	gpa_t end = 1ULL << phys_bits;
	struct pci_host_layout layout = {
		.ecam = X86_ECAM_BASE,
		.nr_buses = nr_buses(vm),
		.intx_gsi = X86_PCI_GSI_BASE,
		.io = { X86_IO_BASE, X86_IO_SIZE },
		.mem32 = { X86_MEM32_BASE, X86_MEM32_SIZE },
		.mem64 = { base, base < end ? end - base : 0 },
		.mem64_p2p_end = end_of_p2p(vm, base),
	};
	int ret;

	if (top_of_ram(vm) > 1ULL << phys_bits)
		return err_set(e, EINVAL,
			       "--memory: guest memory would end at 0x%" PRIx64
			       ", and this CPU addresses %u bits",
			       top_of_ram(vm), phys_bits);
	ret = pci_host_init(&vm->pci, &vm->mmio, &vm->pio, &layout, e);
	vm->has_pci = !ret;
	return ret;
}

static void on_power(void *ctx, enum power_event event)
{
	vm_request_end(ctx,
		       event == POWER_OFF ? VM_END_POWER_OFF : VM_END_REBOOT);
}

struct virtio_env vm_virtio_env(struct vm *vm)
{
	return (struct virtio_env){ .mem = &vm->mem,
				    .mmio = &vm->mmio,
				    .irq = &vm->irq,
				    .pci = &vm->pci,
				    .loops = vm->loops,
				    .nr_loops = vm->nr_iothreads };
}

struct dev_env vm_dev_env(struct vm *vm)
{
	return (struct dev_env){ .mem = &vm->mem,
				 .mmio = &vm->mmio,
				 .pio = &vm->pio,
				 .irq = &vm->irq,
				 .pci = &vm->pci,
				 .loops = vm->loops,
				 .nr_loops = vm->nr_iothreads };
}

static int open_relay(struct vm *vm, struct err *e)
{
	const struct relay_config config = {
		.name = "serial",
		.kind = vm->config->serial == SERIAL_PTY ? RELAY_PTY
							 : RELAY_SOCKET,
		.socket = vm->config->serial_file,
		.in_fd = -1,
		.out_fd = -1,
	};

	return relay_open(&vm->relay, &config, &vm->loop, e);
}

static void serial_fds(const struct vm *vm, int *in_fd, int *out_fd)
{
	*in_fd = -1;
	*out_fd = vm->serial_fd;
	if (vm->relay.loop) {
		*in_fd = vm->relay.device_fd;
		*out_fd = vm->relay.device_out_fd;
	}
	if (vm->config->serial == SERIAL_TTY) {
		*in_fd = terminal_is_ours() ? STDIN_FILENO : -1;
		*out_fd = STDOUT_FILENO;
	}
}

static int build_rtc(struct vm *vm, struct err *e)
{
	const struct rtc_setup setup = {
		.port = X86_RTC_PORT,
		.line = { &vm->irq, X86_RTC_GSI },
		.loop = &vm->loop,
		.cells = vm->rtc_cells,
		.now_ns = rtc_host_ns,
	};

	static_assert(X86_RTC_CENTURY == RTC_CENTURY, "as the FADT says");
	return rtc_init(&vm->rtc, &vm->pio, &setup, e);
}

static int build_platform(struct vm *vm, struct err *e)
{
	const struct power_ports ports = { X86_SLEEP_PORT, X86_PM_TIMER_PORT,
					   X86_I8042_PORT };
	struct irq_line line = { &vm->irq, X86_SERIAL_GSI };
	int in_fd, out_fd;
	int ret = power_init(&vm->power, &vm->pio, ports, on_power, vm, e);

	if (ret)
		return ret;
	vm->has_power = true;
	ret = build_rtc(vm, e);
	if (ret || vm->config->serial == SERIAL_OFF)
		return ret;
	if (vm->config->serial == SERIAL_PTY ||
	    vm->config->serial == SERIAL_SOCKET)
		ret = open_relay(vm, e);
	if (ret)
		return ret;
	serial_fds(vm, &in_fd, &out_fd);
	ret = serial_init(&vm->serial, &vm->pio, X86_SERIAL_PORT, line,
			  &vm->loop, in_fd, out_fd, e);
	if (ret)
		return ret;
	vm->has_serial = true;
	if (in_fd >= 0 && isatty(in_fd)) {
		vm->serial.filter = terminal_filter;
		vm->serial.filter_ctx = vm;
	}
	return 0;
}

/* --- what the guest finds in memory --- */

static void *unpack_kernel(void *arg)
{
	struct vm *vm = arg;

	boot_unpack(vm->config->kernel, &vm->kernel);
	return NULL;
}

static void wait_unpack(struct vm *vm)
{
	if (vm->is_unpacking)
		pthread_join(vm->unpack_thread, NULL);
	vm->is_unpacking = false;
}

static int build_acpi(struct vm *vm, struct err *e)
{
	struct pci_intx_route intx[PCI_MAX_INTX_ROUTES];
	const struct acpi_params acpi = {
		.nr_cpus = vm->config->nr_cpus,
		.has_serial = vm->has_serial,
		.has_i8042 = vm->has_i8042,
		.pci = &vm->pci.layout,
		.intx = intx,
		.nr_intx = pci_intx_routes(&vm->pci, intx),
	};
	size_t used, space = X86_ACPI_END - X86_ACPI_GPA;
	uint8_t *tables = mem_ptr(&vm->mem, X86_ACPI_GPA, space);

	BUG_ON(!tables);
	return acpi_build(&acpi, tables, space, &used, e);
}

static int load_guest(struct vm *vm, struct cpu_entry *entry, struct err *e)
{
	struct x86_ram_piece ram[X86_MAX_RAM_PIECES];
	const struct boot_params_in boot = {
		.kernel = vm->config->kernel,
		.initramfs = vm->config->initramfs,
		.cmdline = vm->config->cmdline,
		.unpacked = &vm->kernel,
		.framebuffer = vm->framebuffer.width ? &vm->framebuffer : NULL,
		.rsdp_gpa = X86_ACPI_GPA,
		.ram = ram,
		.nr_ram = vm->nr_ram_regions,
	};
	int ret;

	wait_unpack(vm);
	for (unsigned int i = 0; i < vm->nr_ram_regions; i++)
		ram[i] = (struct x86_ram_piece){ vm->ram_regions[i].gpa,
						 vm->ram_regions[i].size };
	ret = build_acpi(vm, e);
	if (!ret)
		ret = boot_write_reset_code(&vm->mem, X86_SLEEP_PORT,
					    POWER_RESET_VALUE, e);
	if (!ret)
		ret = boot_load(&vm->mem, &boot, entry, e);
	boot_unpacked_free(&vm->kernel);
	return ret;
}

static int build_vcpus(struct vm *vm, const struct kvm_cpuid2 *cpuid,
		       const struct cpu_entry *entry, struct err *e)
{
	unsigned int nr = vm->config->nr_cpus;
	int ret = 0;

	vm->vcpus = calloc(nr, sizeof(*vm->vcpus));
	if (!vm->vcpus)
		return err_set(e, ENOMEM, "vCPUs: out of memory");
	for (unsigned int i = 0; !ret && i < nr; i++) {
		struct vcpu *v = &vm->vcpus[i];

		v->vm = vm;
		ret = kvm_vcpu_open(&v->kvm, &vm->kvm, i, e);
		if (ret)
			break;
		vm->nr_vcpus++;
		ret = cpu_set_cpuid(&v->kvm, cpuid, e);
		if (!ret)
			ret = cpu_init(&v->kvm, e);
	}
	if (!ret)
		ret = cpu_set_entry(&vm->vcpus[0].kvm, entry, e);
	return ret;
}

static int build_machine(struct vm *vm, struct err *e)
{
	struct kvm_cpuid2 *cpuid = NULL;
	struct cpu_entry entry;
	int ret = build_kvm(vm, e);

	if (!ret)
		ret = cpu_cpuid_template(&vm->kvm, vm->config->nr_cpus, &cpuid,
					 e);
	if (!ret)
		ret = place_ram(vm, vm->iommu && cpu_is_amd(cpuid), e);
	if (!ret)
		ret = build_pci(vm, cpu_phys_bits(cpuid), e);
	if (!ret)
		ret = build_platform(vm, e);
	timing_begin(&vm->timing, TIMING_OPEN);
	if (!ret)
		ret = devices_add(vm, e);
	if (!ret)
		ret = models_add(vm, e);
	timing_end(&vm->timing, TIMING_OPEN);
	if (!ret)
		ret = pci_host_place_bars(&vm->pci, e);
	if (!ret)
		ret = models_placed(vm, e);
	timing_begin(&vm->timing, TIMING_BOOT);
	if (!ret)
		ret = load_guest(vm, &entry, e);
	if (!ret)
		ret = build_vcpus(vm, cpuid, &entry, e);
	timing_end(&vm->timing, TIMING_BOOT);
	free(cpuid);
	return ret;
}

int vm_build(struct vm *vm, const struct config *config,
	     const struct host *host, struct assignments *assignments,
	     struct err *e)
{
	int ret;

	*vm = (struct vm){ .config = config,
			   .host = host,
			   .assignments = assignments,
			   .ram.fd = -1,
			   .kvm = { .dev_fd = -1, .vm_fd = -1, .vfio_fd = -1 },
			   .loop = { .epoll_fd = -1, .wake_fd = -1 },
			   .serial_fd = vm->serial_fd,
			   .rtc_cells = vm->rtc_cells,
			   .screens = vm->screens,
			   .disk_formats = vm->disk_formats };
	mem_init(&vm->mem);
	if (bus_init(&vm->mmio, "mmio") || bus_init(&vm->pio, "pio"))
		return err_set(e, ENOMEM, "buses: out of memory");
	vm->is_unpacking = start_thread(&vm->unpack_thread, unpack_kernel, vm);
	ret = loop_init(&vm->loop, e);
	timing_begin(&vm->timing, TIMING_OPEN);
	if (!ret)
		ret = devices_choose_iommu(vm, e);
	timing_end(&vm->timing, TIMING_OPEN);
	if (!ret)
		ret = build_ram(vm, e);
	if (!ret)
		ret = devices_open(vm, e);
	if (!ret)
		assign_opened(vm->assignments);
	if (!ret)
		ret = build_machine(vm, e);
	if (!ret)
		ret = map_ram(vm, e);
	return ret;
}

void vm_teardown(struct vm *vm)
{
	struct err ignored = { 0 };

	__atomic_store_n(&vm->is_taken_apart, true, __ATOMIC_RELAXED);
	models_stop(vm);
	wait_populate(vm, &ignored);
	wait_unpack(vm);
	boot_unpacked_free(&vm->kernel);
	while (vm->nr_vcpus)
		kvm_vcpu_close(&vm->vcpus[--vm->nr_vcpus].kvm);
	free(vm->vcpus);
	/* Devices go first: nothing may do DMA when RAM is unmapped. */
	devices_close(vm);
	models_free(vm);
	if (vm->has_serial)
		serial_fini(&vm->serial, &vm->pio);
	relay_close(&vm->relay);
	rtc_fini(&vm->rtc, &vm->pio);
	if (vm->has_power)
		power_fini(&vm->power, &vm->pio);
	devices_free_ports(vm);
	if (vm->has_pci)
		pci_host_fini(&vm->pci);
	if (vm->iommu_listens)
		mem_listener_del(&vm->mem, &vm->iommu->listener);
	if (vm->kvm_listens)
		mem_listener_del(&vm->mem, &vm->kvm.listener);
	while (vm->nr_ram_regions)
		mem_del(&vm->mem, &vm->ram_regions[--vm->nr_ram_regions]);
	port_b_fini(&vm->port_b, &vm->pio);
	ioapic_fini(&vm->ioapic, &vm->mmio);
	irq_fini(&vm->irq);
	kvm_close(&vm->kvm);
	iommu_free(vm->iommu);
	loop_fini(&vm->loop);
	bus_fini(&vm->pio);
	bus_fini(&vm->mmio);
	mem_fini(&vm->mem);
	ram_close(&vm->ram);
}

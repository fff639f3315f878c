// SPDX-License-Identifier: GPL-2.0-or-later
/* A bare virtual machine for C tests, see machine.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/x86/cpu.h"
#include "src/x86/layout.h"
#include "tests/kvm/machine.h"

enum { TIMEOUT_S = 40, PORTS_LEN = 16 };
#define RAM_LEN MIB(4)

/* A guest that hangs is a failure of the whole program. */
static void on_alarm(int signo)
{
	static const char text[] = "Bail out! the guest does not end\n";
	ssize_t ignored = write(STDOUT_FILENO, text, sizeof(text) - 1);

	(void)ignored;
	(void)signo;
	_exit(1);
}

static uint64_t ports_read(void *dev, uint64_t offset, unsigned int len)
{
	struct machine *m = dev;

	if (offset != MACHINE_ASK - MACHINE_REPORT)
		return all_ones(len);
	m->nr_asked++;
	return m->ask ? m->ask(m) : 0;
}

static void ports_write(void *dev, uint64_t offset, unsigned int len,
			uint64_t value)
{
	struct machine *m = dev;

	(void)len;
	if (offset == MACHINE_END - MACHINE_REPORT) {
		m->has_ended = true;
		m->result = (uint32_t)value;
	} else if (offset == 0 && m->nr_reports < MACHINE_MAX_REPORTS) {
		m->reports[m->nr_reports] = (uint32_t)value;
		__atomic_store_n(&m->nr_reports, m->nr_reports + 1,
				 __ATOMIC_RELEASE);
	}
}

static const struct bus_ops ports_ops = { ports_read, ports_write };

static int load(struct machine *m, const char *guest, struct err *e)
{
	const char *build = getenv("STRAIT_BUILD");
	char path[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/tests/kvm/guests/%s",
		 build ? build : "build/obj", guest);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, path, "open");
	n = read(fd, mem_ptr(&m->mem, MACHINE_CODE, MIB(1)), MIB(1));
	close(fd);
	return n > 0 ? 0 : err_set(e, EIO, "%s: cannot be read", path);
}

static int build_memory(struct machine *m, struct err *e)
{
	int ret = ram_open(&m->ram, RAM_LEN, 0, e);

	if (ret)
		return ret;
	m->region = (struct mem_region){ .size = RAM_LEN,
					 .hva = m->ram.hva,
					 .kind = MEM_RAM,
					 .fd = m->ram.fd,
					 .name = "RAM" };
	ret = mem_add(&m->mem, &m->region, e);
	if (!ret)
		ret = mem_listener_add(&m->mem, &m->kvm.listener, e);
	return ret;
}

static int build_vcpu(struct machine *m, struct err *e)
{
	const struct cpu_entry entry = { .mode = CPU_LONG64,
					 .rip = MACHINE_CODE };
	struct kvm_cpuid2 *cpuid = NULL;
	int ret = kvm_vcpu_open(&m->vcpu, &m->kvm, 0, e);

	if (!ret)
		ret = cpu_cpuid_template(&m->kvm, 1, &cpuid, e);
	if (!ret)
		ret = cpu_set_cpuid(&m->vcpu, cpuid, e);
	if (!ret)
		ret = cpu_init(&m->vcpu, e);
	if (!ret)
		ret = cpu_write_tables(&m->mem, e);
	if (!ret)
		ret = cpu_set_entry(&m->vcpu, &entry, e);
	free(cpuid);
	return ret;
}

static int build(struct machine *m, const char *guest, enum irqchip irqchip,
		 struct err *e)
{
	int ret;

	mem_init(&m->mem);
	if (bus_init(&m->mmio, "mmio") || bus_init(&m->pio, "pio"))
		return err_set(e, ENOMEM, "buses");
	m->ports = (struct bus_range){ MACHINE_REPORT, PORTS_LEN, &ports_ops, m,
				       "test" };
	ret = bus_add(&m->pio, &m->ports, e);
	if (!ret)
		ret = kvm_open(&m->kvm, "/dev/kvm", irqchip, e);
	if (!ret)
		kvm_posted_init(&m->kvm, &m->mmio, &m->pio);
	if (!ret)
		ret = irq_init(&m->irq, &kvm_irq_sink, &m->kvm, e);
	if (!ret && irqchip == IRQCHIP_SPLIT)
		ret = ioapic_init(&m->ioapic, &m->irq, &m->mmio, X86_IOAPIC_GPA,
				  e);
	if (!ret)
		ret = build_memory(m, e);
	if (!ret)
		ret = load(m, guest, e);
	if (!ret)
		ret = build_vcpu(m, e);
	return ret;
}

bool machine_open_irqchip(struct machine *m, const char *guest,
			  enum irqchip irqchip)
{
	struct err e = { 0 };

	signal(SIGALRM, on_alarm);
	alarm(TIMEOUT_S);
	*m = (struct machine){
		.ram.fd = -1,
		.vcpu.fd = -1,
		.kvm = { .dev_fd = -1, .vm_fd = -1, .vfio_fd = -1 }
	};
	if (!build(m, guest, irqchip, &e))
		return true;
	printf("# %s\n", e.msg);
	return false;
}

bool machine_open(struct machine *m, const char *guest)
{
	return machine_open_irqchip(m, guest, IRQCHIP_KERNEL);
}

void machine_close(struct machine *m)
{
	if (!m->mmio.entries)
		return;
	if (m->vcpu.fd >= 0)
		kvm_vcpu_close(&m->vcpu);
	if (m->ram.hva) {
		mem_listener_del(&m->mem, &m->kvm.listener);
		mem_del(&m->mem, &m->region);
	}
	ioapic_fini(&m->ioapic, &m->mmio);
	irq_fini(&m->irq);
	kvm_close(&m->kvm);
	ram_close(&m->ram);
	bus_fini(&m->pio);
	bus_fini(&m->mmio);
	mem_fini(&m->mem);
	m->mmio.entries = NULL;
}

static void do_io(struct machine *m)
{
	struct kvm_run *run = m->vcpu.run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint64_t value;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_OUT) {
			bus_write(&m->pio, run->io.port, run->io.size,
				  get_le(data, run->io.size));
		} else {
			bus_read(&m->pio, run->io.port, run->io.size, &value);
			put_le(data, value, run->io.size);
		}
	}
}

static void do_mmio(struct machine *m)
{
	struct kvm_run *run = m->vcpu.run;
	uint64_t value;

	if (run->mmio.is_write) {
		bus_write(&m->mmio, run->mmio.phys_addr, run->mmio.len,
			  get_le(run->mmio.data, run->mmio.len));
	} else {
		bus_read(&m->mmio, run->mmio.phys_addr, run->mmio.len, &value);
		put_le(run->mmio.data, value, run->mmio.len);
	}
}

/* One return of KVM_RUN; false if it is one that cannot be. */
static bool step(struct machine *m)
{
	int ret = kvm_vcpu_run(&m->vcpu);
	uint32_t reason = m->vcpu.run->exit_reason;

	kvm_posted_drain(&m->kvm);
	if (ret == -EINTR || ret == -EAGAIN)
		return true;
	if (!ret && reason < MACHINE_NR_REASONS)
		m->returns[reason]++;
	if (!ret && reason == KVM_EXIT_IO)
		do_io(m);
	else if (!ret && reason == KVM_EXIT_MMIO)
		do_mmio(m);
	else if (!ret && reason == KVM_EXIT_IOAPIC_EOI && m->ioapic.irq)
		ioapic_eoi(&m->ioapic, m->vcpu.run->eoi.vector);
	else {
		printf("# KVM_RUN: %s, exit reason %u\n", strerror(-ret),
		       reason);
		cpu_dump(&m->vcpu, stderr);
		return false;
	}
	return true;
}

uint32_t machine_run(struct machine *m)
{
	while (!m->has_ended)
		if (!step(m))
			return UINT32_MAX;
	return m->result;
}

bool machine_run_reports(struct machine *m, unsigned int nr)
{
	while (m->nr_reports < nr)
		if (!step(m))
			return false;
	return true;
}

static void *run_thread(void *arg)
{
	struct machine *m = arg;

	m->result = machine_run(m);
	return NULL;
}

void machine_start(struct machine *m)
{
	int ret = pthread_create(&m->thread, NULL, run_thread, m);

	BUG_ON(ret);
}

uint32_t machine_join(struct machine *m)
{
	pthread_join(m->thread, NULL);
	return m->result;
}

void machine_wait_reports(struct machine *m, unsigned int nr)
{
	while (__atomic_load_n(&m->nr_reports, __ATOMIC_ACQUIRE) < nr)
		usleep(1000);
}

/* --- the servant --- */

/*
 * The servant asks for an order, does it, and reports when it is done; the next
 * time it asks, the order has to be there.
 */
uint64_t machine_do(struct machine *m, const struct order *order)
{
	struct order *at = mem_ptr(&m->mem, MACHINE_ORDER, sizeof(*at));

	*at = *order;
	m->nr_reports = 0;
	return machine_run_reports(m, 1) ? at->value : MACHINE_FAILED;
}

/* 0, 1, 2, 3 for 1, 2, 4, 8 bytes. */
static uint64_t width(unsigned int len)
{
	return (uint64_t)__builtin_ctz(len);
}

uint64_t machine_read(struct machine *m, gpa_t gpa, unsigned int len)
{
	struct order order = { .op = ORDER_READ_8 + width(len),
			       .address = gpa };

	return machine_do(m, &order);
}

void machine_write(struct machine *m, gpa_t gpa, unsigned int len,
		   uint64_t value)
{
	struct order order = { .op = ORDER_WRITE_8 + width(len),
			       .address = gpa,
			       .value = value };

	machine_do(m, &order);
}

uint64_t machine_in(struct machine *m, uint16_t port, unsigned int len)
{
	struct order order = { .op = ORDER_IN_8 + width(len), .address = port };

	return machine_do(m, &order);
}

void machine_out(struct machine *m, uint16_t port, unsigned int len,
		 uint64_t value)
{
	struct order order = { .op = ORDER_OUT_8 + width(len),
			       .address = port,
			       .value = value };

	machine_do(m, &order);
}

/* --- the recorder --- */

static void record(struct recorder *r, bool is_write, uint64_t offset,
		   unsigned int len, uint64_t value)
{
	unsigned int i = r->nr++;

	if (i >= RECORDER_MAX)
		return;
	r->calls[i].is_write = is_write;
	r->calls[i].offset = offset;
	r->calls[i].len = len;
	r->calls[i].value = value;
}

static uint64_t recorder_read(void *dev, uint64_t offset, unsigned int len)
{
	struct recorder *r = dev;
	uint64_t value = r->next++;

	record(r, false, offset, len, value);
	return value;
}

static void recorder_write(void *dev, uint64_t offset, unsigned int len,
			   uint64_t value)
{
	record(dev, true, offset, len, value);
}

void recorder_init(struct recorder *r, uint64_t base, uint64_t len)
{
	static const struct bus_ops ops = { recorder_read, recorder_write };

	*r = (struct recorder){ .range = { base, len, &ops, r, "recorder" } };
}

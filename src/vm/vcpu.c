// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vCPU threads.
 *
 * How this works: each thread runs KVM_RUN and hands port and memory I/O to
 * the buses. To stop, every vCPU gets its immediate_exit flag and then a
 * signal: the flag catches the thread that is about to enter the guest, the
 * signal the one that is in it.
 *
 * A triple fault, an internal error of KVM or an exit that nobody asked for is
 * a crash of the guest: the registers are printed and the VM ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "src/vm/vm.h"

enum { STACK_LEN = 256 << 10, MAX_REDELIVERED = 16 };

static int kick_signal(void)
{
	return SIGRTMIN;
}

static void ignore_kick(int signo)
{
	(void)signo;
}

static void crash(struct vcpu *v, const char *why)
{
	flockfile(stderr);
	fprintf(stderr, "guest crashed: %s\n", why);
	cpu_dump(&v->kvm, stderr);
	funlockfile(stderr);
	vm_request_end(v->vm, VM_END_CRASH);
}

static void do_io(struct vcpu *v)
{
	struct kvm_run *run = v->kvm.run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	/* A string instruction brings several at once, all to one port. */
	for (uint32_t i = 0; i < run->io.count; i++) {
		uint64_t value;

		if (run->io.direction == KVM_EXIT_IO_OUT) {
			bus_write(&v->vm->pio, run->io.port, run->io.size,
				  get_le(data, run->io.size));
		} else {
			bus_read(&v->vm->pio, run->io.port, run->io.size,
				 &value);
			put_le(data, value, run->io.size);
		}
		data += run->io.size;
	}
}

static void do_mmio(struct vcpu *v)
{
	struct kvm_run *run = v->kvm.run;
	uint64_t value;

	if (run->mmio.is_write) {
		bus_write(&v->vm->mmio, run->mmio.phys_addr, run->mmio.len,
			  get_le(run->mmio.data, run->mmio.len));
	} else {
		bus_read(&v->vm->mmio, run->mmio.phys_addr, run->mmio.len,
			 &value);
		put_le(run->mmio.data, value, run->mmio.len);
	}
}

static void do_system_event(struct vcpu *v)
{
	uint32_t type = v->kvm.run->system_event.type;

	if (type == KVM_SYSTEM_EVENT_SHUTDOWN)
		vm_request_end(v->vm, VM_END_POWER_OFF);
	else if (type == KVM_SYSTEM_EVENT_RESET)
		vm_request_end(v->vm, VM_END_REBOOT);
	else
		crash(v, "KVM_EXIT_SYSTEM_EVENT that says crash");
}

/*
 * KVM gives up when an access to MMIO interrupts the delivery of an event.
 * Since Linux 6.14 it says so on AMD also if there was none: it looks at the
 * type in EXITINTINFO and not at the valid bit (svm_check_emulate_instruction),
 * and QEMU's emulated CPU leaves the type of the guest's last exception there
 * (handle_even_inj). Run again, KVM delivers what is to be delivered, and then
 * does the access. A guest whose IDT lies in MMIO comes back here at once,
 * again and again: that one crashes.
 */
static bool can_redeliver(struct vcpu *v)
{
	return v->kvm.run->internal.suberror ==
		       KVM_INTERNAL_ERROR_DELIVERY_EV &&
	       v->nr_redelivered++ < MAX_REDELIVERED;
}

static void internal_error(struct vcpu *v)
{
	const struct kvm_run *run = v->kvm.run;
	char text[160];
	int n = snprintf(text, sizeof(text), "KVM_INTERNAL_ERROR %u%s",
			 run->internal.suberror,
			 run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION
				 ? " (an instruction that KVM cannot emulate)"
				 : "");

	for (uint32_t i = 0;
	     i < run->internal.ndata && i < 4 && n < (int)sizeof(text); i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %" PRIx64,
			      (uint64_t)run->internal.data[i]);
	crash(v, text);
}

static void other_exit(struct vcpu *v)
{
	const struct kvm_run *run = v->kvm.run;
	char text[96];

	switch (run->exit_reason) {
	case KVM_EXIT_SHUTDOWN:
		crash(v, "triple fault (KVM_EXIT_SHUTDOWN)");
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		do_system_event(v);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		if (!can_redeliver(v))
			internal_error(v);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		snprintf(
			text, sizeof(text),
			"the CPU refuses to enter it (KVM_EXIT_FAIL_ENTRY 0x%" PRIx64
			")",
			(uint64_t)
				run->fail_entry.hardware_entry_failure_reason);
		crash(v, text);
		break;
	default:
		snprintf(text, sizeof(text), "unexpected exit %u of KVM_RUN",
			 run->exit_reason);
		crash(v, text);
	}
}

static void dispatch(struct vcpu *v)
{
	uint32_t reason = v->kvm.run->exit_reason;

	v->exits[reason < VM_NR_EXIT_REASONS ? reason : 0]++;
	if (reason != KVM_EXIT_INTERNAL_ERROR)
		v->nr_redelivered = 0;
	switch (reason) {
	case KVM_EXIT_IO:
		do_io(v);
		break;
	case KVM_EXIT_MMIO:
		do_mmio(v);
		break;
	case KVM_EXIT_IOAPIC_EOI:
		ioapic_eoi(&v->vm->ioapic, v->kvm.run->eoi.vector);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		break;
	default:
		other_exit(v);
	}
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *v = arg;
	char name[16];

	snprintf(name, sizeof(name), "vcpu%u", v->kvm.id);
	pthread_setname_np(pthread_self(), name);
	while (!__atomic_load_n(&v->vm->end, __ATOMIC_ACQUIRE)) {
		int ret = kvm_vcpu_run(&v->kvm);
		char text[96];

		kvm_posted_drain(&v->vm->kvm);
		if (ret == -EINTR || ret == -EAGAIN) {
			v->exits[KVM_EXIT_INTR]++;
			continue;
		}
		if (!ret) {
			dispatch(v);
			continue;
		}
		snprintf(text, sizeof(text), "KVM_RUN: %s (%s)%s",
			 strerror(-ret), strerrorname_np(-ret),
			 ret == -EFAULT ? ": guest memory or a BAR is gone"
					: "");
		crash(v, text);
	}
	return NULL;
}

static int start_one(struct vcpu *v, const pthread_attr_t *attr, struct err *e)
{
	int ret = pthread_create(&v->thread, attr, vcpu_thread, v);

	if (ret) {
		errno = ret;
		ret = err_sys(e, "vCPU thread", "pthread_create");
		if (ret == -EAGAIN)
			err_hint(
				e,
				"a thread per vCPU is more than ulimit -u or the cgroup's pids.max allows: raise it, or give fewer with --cpus boot=...");
		return ret;
	}
	v->is_started = true;
	return 0;
}

int vcpus_start(struct vm *vm, struct err *e)
{
	struct sigaction action = { .sa_handler = ignore_kick };
	pthread_attr_t attr;
	int ret = 0;

	sigaction(kick_signal(), &action, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_LEN);
	for (unsigned int i = 0; !ret && i < vm->nr_vcpus; i++)
		ret = start_one(&vm->vcpus[i], &attr, e);
	pthread_attr_destroy(&attr);
	return ret;
}

/* vm->end is set, so threads that come out do not go in again. */
void vcpus_stop(struct vm *vm)
{
	BUG_ON(!vm->end);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (!vm->vcpus[i].is_started)
			continue;
		kvm_vcpu_kick(&vm->vcpus[i].kvm);
		pthread_kill(vm->vcpus[i].thread, kick_signal());
	}
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (!vm->vcpus[i].is_started)
			continue;
		pthread_join(vm->vcpus[i].thread, NULL);
		vm->vcpus[i].is_started = false;
		kvm_vcpu_unkick(&vm->vcpus[i].kvm);
	}
}

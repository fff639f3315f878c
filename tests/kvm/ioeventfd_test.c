// SPDX-License-Identifier: GPL-2.0-or-later
/* Doorbells that KVM turns into events, and KVM's own counts of exits. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/kvm/child.h"
#include "tests/kvm/machine.h"
#include "tests/tap.h"

/* What flat_doorbell rings, and how often. */
#define PORT   0x100
#define MEMORY 0xd0000000ULL
enum { RINGS = 1000 };

static struct machine machine;
static int port_fd, memory_fd;
static struct err e;

static void open_machine(void)
{
	CHECK(machine_open(&machine, "flat_doorbell"));
	port_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	memory_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/* How often it was signalled since the last look. */
static uint64_t count(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void port_of_any_width_signals_the_fd(void)
{
	open_machine();
	CHECK_EQ(kvm_ioeventfd(&machine.kvm, port_fd, true, PORT, 0, true, &e),
		 0);
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(count(port_fd), RINGS);
}

static void memory_of_any_width_signals_the_fd(void)
{
	open_machine();
	CHECK_EQ(kvm_ioeventfd(&machine.kvm, memory_fd, false, MEMORY, 0, true,
			       &e),
		 0);
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(count(memory_fd), RINGS);
}

/* A quarter of the rings at the port has two bytes, one half four. */
static void width_that_was_asked_for_signals_alone(void)
{
	open_machine();
	CHECK_EQ(kvm_ioeventfd(&machine.kvm, port_fd, true, PORT, 2, true, &e),
		 0);
	CHECK_EQ(kvm_ioeventfd(&machine.kvm, memory_fd, false, MEMORY, 4, true,
			       &e),
		 0);
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(count(port_fd), RINGS / 4);
	CHECK_EQ(count(memory_fd), RINGS / 4);
}

static void doorbells_cost_no_return_to_user_space(void)
{
	open_machine();
	CHECK_EQ(kvm_ioeventfd(&machine.kvm, port_fd, true, PORT, 0, true, &e),
		 0);
	CHECK_EQ(kvm_ioeventfd(&machine.kvm, memory_fd, false, MEMORY, 0, true,
			       &e),
		 0);
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.returns[KVM_EXIT_IO], 1); /* its end */
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], 0);
}

static void without_ioeventfd_each_ring_is_a_return(void)
{
	open_machine();
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(machine.returns[KVM_EXIT_IO], RINGS + 1);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], RINGS);
}

static void removed_ioeventfd_signals_no_more(void)
{
	open_machine();
	CHECK_EQ(kvm_ioeventfd(&machine.kvm, port_fd, true, PORT, 0, true, &e),
		 0);
	CHECK_EQ(kvm_ioeventfd(&machine.kvm, port_fd, true, PORT, 0, false, &e),
		 0);
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(count(port_fd), 0);
	CHECK_EQ(machine.returns[KVM_EXIT_IO], RINGS + 1);
}

static void second_ioeventfd_at_one_place_is_refused(void)
{
	open_machine();
	CHECK_EQ(kvm_ioeventfd(&machine.kvm, port_fd, true, PORT, 0, true, &e),
		 0);
	CHECK_EQ(
		kvm_ioeventfd(&machine.kvm, memory_fd, true, PORT, 0, true, &e),
		-EEXIST);
	CHECK_HAS(e.msg, "KVM_IOEVENTFD");
}

static void kvm_counts_the_exits_of_a_vcpu(void)
{
	uint64_t before, after;

	open_machine();
	CHECK_EQ(kvm_stat(machine.vcpu.fd, "exits", &before), 0);
	CHECK_EQ(machine_run(&machine), 0);
	CHECK_EQ(kvm_stat(machine.vcpu.fd, "exits", &after), 0);
	CHECK(after >= before + 2ULL * RINGS);
}

static void unknown_statistic_is_enoent(void)
{
	uint64_t value;

	open_machine();
	CHECK_EQ(kvm_stat(machine.vcpu.fd, "exit", &value), -ENOENT);
}

#define IOEVENTFD_TEST(fn)                                                     \
	do {                                                                   \
		TAP_RUN(fn);                                                   \
		machine_close(&machine);                                       \
		close(port_fd);                                                \
		close(memory_fd);                                              \
	} while (0)

int main(void)
{
	const char *why = child_skip_reason();

	if (why)
		return tap_skip_all(why);
	IOEVENTFD_TEST(port_of_any_width_signals_the_fd);
	IOEVENTFD_TEST(memory_of_any_width_signals_the_fd);
	IOEVENTFD_TEST(width_that_was_asked_for_signals_alone);
	IOEVENTFD_TEST(doorbells_cost_no_return_to_user_space);
	IOEVENTFD_TEST(without_ioeventfd_each_ring_is_a_return);
	IOEVENTFD_TEST(removed_ioeventfd_signals_no_more);
	IOEVENTFD_TEST(second_ioeventfd_at_one_place_is_refused);
	IOEVENTFD_TEST(kvm_counts_the_exits_of_a_vcpu);
	IOEVENTFD_TEST(unknown_statistic_is_enoent);
	return tap_done();
}

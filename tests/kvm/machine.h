/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bare virtual machine of the library's parts, for C tests: RAM, buses,
 * interrupts and one vCPU that runs one of the guests named flat_*.
 *
 * Assembly includes this for the numbers that both sides share.
 */
#ifndef STRAIT_TESTS_KVM_MACHINE_H
#define STRAIT_TESTS_KVM_MACHINE_H

#define MACHINE_CODE  0x100000 /* guest physical: code, loaded and entered */
#define MACHINE_STACK 0x200000 /* end of the stack */
#define MACHINE_ORDER 0x080000 /* struct order */

/* Ports: 32-bit accesses. */
#define MACHINE_REPORT 0x10 /* written: a number for the test */
#define MACHINE_ASK    0x14 /* read: what the test's ask() says */
#define MACHINE_END    0x18 /* written: the guest has ended, with this result */

/* What flat_servant does, as struct order says. */
#define ORDER_READ_8   0
#define ORDER_READ_16  1
#define ORDER_READ_32  2
#define ORDER_READ_64  3
#define ORDER_WRITE_8  4
#define ORDER_WRITE_16 5
#define ORDER_WRITE_32 6
#define ORDER_WRITE_64 7
#define ORDER_IN_8     8
#define ORDER_IN_16    9
#define ORDER_IN_32    10
#define ORDER_OUT_8    11
#define ORDER_OUT_16   12
#define ORDER_OUT_32   13
#define ORDER_INS_8    14 /* string instructions with a rep prefix: value is */
#define ORDER_INS_16   15 /* the guest physical address, count the number */
#define ORDER_INS_32   16
#define ORDER_OUTS_8   17
#define ORDER_OUTS_16  18
#define ORDER_OUTS_32  19

#ifndef __ASSEMBLER__

#include "src/core/bus.h"
#include "src/core/irq.h"
#include "src/core/kvm.h"
#include "src/core/mem.h"
#include "src/core/ram.h"
#include "src/dev/ioapic.h"

/* What machine_do gives if the guest cannot go on: not what nothing reads as.
 */
#define MACHINE_FAILED 0xdeaddeaddeaddeadULL

enum { MACHINE_MAX_REPORTS = 64, MACHINE_NR_REASONS = 64 };

struct order {
	uint64_t op, address, value, count;
};

struct machine {
	struct ram ram;
	struct mem mem;
	struct mem_region region;
	struct bus mmio, pio;
	struct kvm kvm;
	struct irq irq;
	struct ioapic ioapic; /* irq NULL: the kernel has one */
	struct kvm_vcpu vcpu;
	struct bus_range ports;

	uint32_t reports[MACHINE_MAX_REPORTS]; /* what the guest reported */
	unsigned int nr_reports;	       /* atomic */
	uint32_t (*ask)(struct machine *m);    /* NULL: 0 */
	unsigned int nr_asked;
	bool has_ended;
	uint32_t result;

	uint64_t returns[MACHINE_NR_REASONS]; /* of KVM_RUN, by exit reason */
	pthread_t thread;
};

/* Makes it; false with the reason printed. The guest is a file's name. */
bool machine_open(struct machine *m, const char *guest);
bool machine_open_irqchip(struct machine *m, const char *guest,
			  enum irqchip irqchip);
void machine_close(struct machine *m);

/* Runs until the guest has ended; its result, or UINT32_MAX after an exit that
 * cannot be. */
uint32_t machine_run(struct machine *m);
/* Runs until it has reported nr numbers, false if it cannot go on. */
bool machine_run_reports(struct machine *m, unsigned int nr);
/* machine_run on a thread of its own. */
void machine_start(struct machine *m);
uint32_t machine_join(struct machine *m);
/* Waits until the guest on the thread has reported so much. */
void machine_wait_reports(struct machine *m, unsigned int nr);

/* With flat_servant: the guest does one thing. Gives what it read. */
uint64_t machine_do(struct machine *m, const struct order *order);
uint64_t machine_read(struct machine *m, gpa_t gpa, unsigned int len);
void machine_write(struct machine *m, gpa_t gpa, unsigned int len,
		   uint64_t value);
uint64_t machine_in(struct machine *m, uint16_t port, unsigned int len);
void machine_out(struct machine *m, uint16_t port, unsigned int len,
		 uint64_t value);

/* --- a device that remembers --- */

enum { RECORDER_MAX = 64 };

/* Reads give next, which then counts up. */
struct recorder {
	struct bus_range range;
	uint64_t next;
	struct {
		bool is_write;
		uint64_t offset, value;
		unsigned int len;
	} calls[RECORDER_MAX];
	unsigned int nr;
};
void recorder_init(struct recorder *r, uint64_t base, uint64_t len);

#endif
#endif

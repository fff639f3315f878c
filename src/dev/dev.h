/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The platform's own small devices: serial port, power control, keyboard
 * controller. */
#ifndef STRAIT_DEV_DEV_H
#define STRAIT_DEV_DEV_H

#include <pthread.h>

#include "src/base/err.h"
#include "src/core/bus.h"
#include "src/core/irq.h"
#include "src/core/loop.h"
#include "src/core/output.h"

struct mem;
struct pci_host;

/* Where a register-level PCI device lives. */
struct dev_env {
	const struct mem *mem;
	struct bus *mmio, *pio;
	struct irq *irq;
	struct pci_host *pci;
	struct loop *const *loops; /* of the I/O threads, at least one */
	unsigned int nr_loops;
};

/* --- 16550A at a port range, on a pair of fds --- */

enum { SERIAL_FIFO_LEN = 16, SERIAL_OUT_LEN = 4096 };

/*
 * Registers are touched on vCPU threads, input and blocked output on the loop;
 * both under lock. Output is written at once; what the fd does not take waits
 * in out[] while the guest sees a transmitter that is busy.
 */
struct serial {
	pthread_mutex_t lock;
	struct irq_line line;
	struct loop *loop;
	struct bus_range range;
	struct loop_source input, output;
	struct output out_file; /* without an fd output vanishes */
	bool has_lost;		/* output, and it was said */
	bool input_on, output_waits, line_is_high;
	uint8_t ier, lcr, mcr, scr, dll, dlm, fcr;
	bool thr_irq, overrun;
	uint8_t rx[SERIAL_FIFO_LEN];
	unsigned int rx_head, rx_len;
	uint8_t out[SERIAL_OUT_LEN];
	unsigned int out_head, out_len;
	/*
	 * Bytes typed pass through this first; it returns how many of them
	 * are for the guest (moved to the front). NULL: all.
	 */
	size_t (*filter)(void *ctx, uint8_t *buf, size_t len);
	void *filter_ctx;
};

/*
 * in_fd or out_fd may be -1.
 * The fds stay the caller's and are not made non-blocking: poll is asked first.
 */
int serial_init(struct serial *s, struct bus *pio, uint64_t port,
		struct irq_line line, struct loop *loop, int in_fd, int out_fd,
		struct err *e);
/* Waits until what the guest sent is written; cancelled is asked now and then.
 */
void serial_drain(struct serial *s, bool (*cancelled)(void *ctx), void *ctx);
/* vCPUs have stopped. Writes out what waits, as far as the fd takes it. */
void serial_fini(struct serial *s, struct bus *pio);

/* --- power: sleep and reset register, PM timer, reset by keyboard controller
 * --- */

enum power_event { POWER_OFF, POWER_RESET };

/* Written to the sleep port, resets the machine. */
enum { POWER_RESET_VALUE = 1 };

struct power {
	struct bus_range sleep_range, timer_range, i8042_range;
	uint64_t start_ns;
	/* Called on the vCPU thread that asked. */
	void (*event)(void *ctx, enum power_event event);
	void *ctx;
};

struct power_ports {
	uint64_t sleep, pm_timer, i8042;
};

int power_init(struct power *p, struct bus *pio, struct power_ports ports,
	       void (*event)(void *ctx, enum power_event event), void *ctx,
	       struct err *e);
void power_fini(struct power *p, struct bus *pio);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock of a PC (MC146818A) with its CMOS RAM, at a pair of ports. */
#ifndef STRAIT_DEV_RTC_H
#define STRAIT_DEV_RTC_H

#include <pthread.h>

#include "src/base/err.h"
#include "src/core/bus.h"
#include "src/core/irq.h"
#include "src/core/loop.h"

enum { RTC_NR_CELLS = 128, RTC_CENTURY = 0x32 };

/*
 * What the battery keeps while the guest reboots. Zeroed, it was empty: the
 * clock then starts with the host's time, in UTC.
 */
struct rtc_cells {
	uint8_t bytes[RTC_NR_CELLS]; /* by register: with the time in them */
	uint64_t second;   /* of the chain, which the time was brought up to */
	uint64_t phase_ns; /* what the chain is ahead of the host's clock */
};

struct rtc_setup {
	uint64_t port; /* index; the next one is data */
	struct irq_line line;
	struct loop *loop;
	struct rtc_cells *cells;  /* outlives the clock */
	uint64_t (*now_ns)(void); /* since 1970; any thread */
};

/* Registers are touched on vCPU threads, the timer expires on the loop; both
 * under lock. */
struct rtc {
	pthread_mutex_t lock;
	struct rtc_setup setup; /* loop NULL: there is no clock */
	struct bus_range range;
	struct loop_timer timer;
	uint64_t deadline_ns; /* what the timer is set for; 0: it is not */
	uint64_t held_ns;     /* since when the time is held, see rtc.c */
	uint64_t tick;	      /* of the periodic interrupt */
	uint8_t index, flags;
	bool is_high;
};

/*
 * Power-on and reset: no interrupt is enabled, the time goes on. -EEXIST:
 * somebody answers there.
 */
int rtc_init(struct rtc *d, struct bus *pio, const struct rtc_setup *setup,
	     struct err *e);
/* vCPUs have stopped; the loop's thread. Accepts a zeroed struct. */
void rtc_fini(struct rtc *d, struct bus *pio);

/* A clock for the set-up: CLOCK_REALTIME. */
uint64_t rtc_host_ns(void);

#endif

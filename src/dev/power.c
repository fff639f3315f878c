// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Power-off and reset, as the ACPI tables describe them, and what old or
 * simple guests use instead.
 *
 * One port is sleep control, sleep status and reset register, as on Cloud
 * Hypervisor: a write of SLP_TYP 5 with SLP_EN powers off, a write of 1 resets
 * (ACPI 6.5 4.8.3.7, 4.8.3.6). The PM timer counts at 3.579545 MHz in 32 bits
 * (4.8.3.3). The keyboard controller has no keyboard:
 * its status port reads "idle" and its reset pulse (command 0xfe) works.
 */
#include <time.h>

#include "src/base/bits.h"
#include "src/dev/dev.h"

enum {
	SLEEP_ENABLE = 1 << 5,
	SLEEP_TYPE_SHIFT = 2,
	SLEEP_TYPE_MASK = 7,
	SLEEP_TYPE_S5 = 5,
	NS_PER_S = 1000000000,
	PM_TIMER_HZ = 3579545,
	I8042_STATUS = 4, /* offset from port 0x60 */
	I8042_PULSE_RESET = 0xfe,
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t sleep_read(void *dev, uint64_t offset, unsigned int len)
{
	(void)dev;
	(void)offset;
	(void)len;
	return 0;
}

static void sleep_write(void *dev, uint64_t offset, unsigned int len,
			uint64_t value)
{
	struct power *p = dev;

	(void)len;
	if (offset)
		return;
	if ((value & SLEEP_ENABLE) &&
	    (value >> SLEEP_TYPE_SHIFT & SLEEP_TYPE_MASK) == SLEEP_TYPE_S5)
		p->event(p->ctx, POWER_OFF);
	else if (value == POWER_RESET_VALUE)
		p->event(p->ctx, POWER_RESET);
}

static uint64_t timer_read(void *dev, uint64_t offset, unsigned int len)
{
	struct power *p = dev;
	uint64_t ns = now_ns() - p->start_ns;
	/* Whole seconds apart from the rest: no overflow for 100 years. */
	uint64_t ticks = ns / NS_PER_S * PM_TIMER_HZ +
			 ns % NS_PER_S * PM_TIMER_HZ / NS_PER_S;

	return (uint32_t)ticks >> (8 * offset) & all_ones(len);
}

static void ignore_write(void *dev, uint64_t offset, unsigned int len,
			 uint64_t value)
{
	(void)dev;
	(void)offset;
	(void)len;
	(void)value;
}

static uint64_t i8042_read(void *dev, uint64_t offset, unsigned int len)
{
	(void)dev;
	(void)offset;
	(void)len;
	return 0;
}

static void i8042_write(void *dev, uint64_t offset, unsigned int len,
			uint64_t value)
{
	struct power *p = dev;

	(void)len;
	(void)offset;
	if (value == I8042_PULSE_RESET)
		p->event(p->ctx, POWER_RESET);
}

static const struct bus_ops sleep_ops = { sleep_read, sleep_write };
static const struct bus_ops timer_ops = { timer_read, ignore_write };
static const struct bus_ops i8042_ops = { i8042_read, i8042_write };

int power_init(struct power *p, struct bus *pio, struct power_ports ports,
	       void (*event)(void *ctx, enum power_event event), void *ctx,
	       struct err *e)
{
	int ret;

	*p = (struct power){
		.sleep_range = { ports.sleep, 1, &sleep_ops, p, "sleep" },
		.timer_range = { ports.pm_timer, 4, &timer_ops, p, "PM timer" },
		.i8042_range = { ports.i8042 + I8042_STATUS, 1, &i8042_ops, p,
				 "i8042" },
		.start_ns = now_ns(),
		.event = event,
		.ctx = ctx,
	};
	ret = bus_add(pio, &p->sleep_range, e);
	if (!ret)
		ret = bus_add(pio, &p->timer_range, e);
	if (!ret)
		ret = bus_add(pio, &p->i8042_range, e);
	if (ret)
		power_fini(p, pio);
	return ret;
}

void power_fini(struct power *p, struct bus *pio)
{
	bus_del(pio, &p->sleep_range);
	bus_del(pio, &p->timer_range);
	bus_del(pio, &p->i8042_range);
}

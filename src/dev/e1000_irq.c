// SPDX-License-Identifier: GPL-2.0-or-later
/* The e1000's interrupt: causes, masks and their moderation (SDM 13.4.17). */
/*
 * How this works
 *
 * The pin is high from the moment that a cause is there which is not masked
 * until ICR is read or everything is masked. Each interrupt costs the driver
 * five accesses, so ITR matters: after the pin went high, the next time is at
 * the earliest ITR * 256 ns later, by a timer of the I/O thread's. Causes add
 * up meanwhile; who polls ICR sees them. The delays per packet (TIDV, RDTR and
 * the like) would do the same, and are left to it.
 */
#include <time.h>

#include "src/dev/e1000_priv.h"

enum { ITR_UNIT_NS = 256, ITR_MASK = 0xffff, NS_PER_S = 1000000000 };

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void set_pin(struct e1000 *d, bool high)
{
	if (d->pin_is_high == high)
		return;
	d->pin_is_high = high;
	pci_pin_set(&d->vectors, high);
}

/* irq_lock held. */
static void follow(struct e1000 *d)
{
	uint64_t interval =
		(uint64_t)(reg_get(d, REG_ITR) & ITR_MASK) * ITR_UNIT_NS;
	uint64_t now;

	if (!(d->icr & d->ims)) {
		set_pin(d, false);
		return;
	}
	if (d->pin_is_high)
		return;
	now = interval ? now_ns() : 0;
	if (interval && now < d->quiet_until_ns) {
		loop_timer_set(&d->throttle, d->quiet_until_ns - now, 0);
		return;
	}
	d->quiet_until_ns = now + interval;
	e1000_stat_add(d, STAT_IAC, 1);
	set_pin(d, true);
}

static void on_throttle(struct loop_timer *t)
{
	struct e1000 *d = CONTAINER_OF(t, struct e1000, throttle);

	pthread_mutex_lock(&d->irq_lock);
	follow(d);
	pthread_mutex_unlock(&d->irq_lock);
}

void e1000_irq_raise(struct e1000 *d, uint32_t causes)
{
	pthread_mutex_lock(&d->irq_lock);
	d->icr |= causes & INT_ALL;
	follow(d);
	pthread_mutex_unlock(&d->irq_lock);
}

uint32_t e1000_irq_take(struct e1000 *d)
{
	uint32_t icr;

	pthread_mutex_lock(&d->irq_lock);
	icr = d->icr;
	d->icr = 0;
	follow(d);
	pthread_mutex_unlock(&d->irq_lock);
	return icr;
}

void e1000_irq_mask(struct e1000 *d, uint32_t set, uint32_t clear)
{
	pthread_mutex_lock(&d->irq_lock);
	/* It is read without the lock. */
	__atomic_store_n(&d->ims, (d->ims | (set & INT_ALL)) & ~clear,
			 __ATOMIC_RELAXED);
	follow(d);
	pthread_mutex_unlock(&d->irq_lock);
}

void e1000_irq_reset(struct e1000 *d)
{
	pthread_mutex_lock(&d->irq_lock);
	d->icr = 0;
	__atomic_store_n(&d->ims, 0, __ATOMIC_RELAXED);
	d->quiet_until_ns = 0;
	follow(d);
	pthread_mutex_unlock(&d->irq_lock);
}

int e1000_irq_init(struct e1000 *d, struct err *e)
{
	d->throttle.fn = on_throttle;
	return loop_timer_add(d->loop, &d->throttle, e);
}

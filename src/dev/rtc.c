// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The clock of a PC: time, alarm, periodic interrupt, and 114 bytes of RAM.
 *
 * How this works: the time is in the registers, and nothing makes it go on.
 * Whoever looks counts up the seconds that have passed since the last look, and
 * notes in register C what has come meanwhile: an update, the alarm, a tick of
 * the periodic interrupt. Seconds are those of the divider chain, which is the
 * host's clock and the phase that the guest gave it when it started the divider
 * anew. So the host's time goes on in the guest's registers whatever the guest
 * wrote there, and a host whose clock is set sets the guest's.
 *
 * The timer is for interrupts alone. It runs while one is enabled that could
 * come, and not while one waits for the guest to read register C: there is
 * nothing to add then. It expires once a minute at least, to look again if the
 * host's clock was set.
 *
 * Register A shows an update in progress for the 244 us before it, as the data
 * sheet says, and never else: an update takes no time. Who reads 0 there may
 * read the time in peace: it is held, and so is what an update brings, for as
 * long as a real update may take, or until register A is read again. So it is
 * of one second even if the host lets the guest wait meanwhile, and who polls
 * for the update sees it on time.
 *
 * A write to the index port means nothing before the data port is used. So KVM
 * may keep it (bus_post), which saves one of two returns to user space.
 *
 * Deliberately missing: the divider's other inputs (4 and 1 MHz), square wave,
 * daylight saving, which chips no longer have; the memory sizes that a BIOS
 * leaves in CMOS RAM. A change of the form (binary, 24 hours) leaves the time's
 * bytes, as on the chip: the guest writes them anew.
 *
 * Registers: Motorola MC146818A data sheet.
 */
#include <string.h>
#include <time.h>

#include "src/base/bits.h"
#include "src/dev/rtc_priv.h"

enum {
	NR_PORTS = 2,
	INDEX_MASK = 0x7f, /* the top bit masks NMIs, of which there are none */

	A_UPDATING = 0x80,
	A_DIVIDER_RESET = 0x60, /* both bits */
	A_RATE = 0x0f,
	A_INITIAL =
		0x26, /* 32768 Hz, 1024 ticks a second: as a BIOS leaves it */
	B_SET = 0x80,
	B_UPDATE = 0x10, /* so are the flags in C */
	B_ALARM = 0x20,
	B_TICK = 0x40,
	INTERRUPTS = B_TICK | B_ALARM | B_UPDATE,
	B_KEPT = RTC_B_BINARY | RTC_B_24_HOURS, /* through a reset */
	C_INTERRUPT = 0x80,
	D_VALID = 0x80,

	CHAIN_HZ = 32768,
	NS_PER_S = 1000000000,
	UPDATE_WARNING_NS = 244000,
	HOLD_NS = 2000000,
};

#define MINUTE_NS (60ULL * NS_PER_S)

/* --- the divider chain; all with the lock held --- */

static uint64_t chain_ns(const struct rtc *d)
{
	return d->setup.now_ns() + d->setup.cells->phase_ns;
}

static bool is_divider_reset(const struct rtc_cells *c)
{
	return (c->bytes[RTC_A] & A_DIVIDER_RESET) == A_DIVIDER_RESET;
}

/* No update comes. */
static bool is_stopped(const struct rtc_cells *c)
{
	return (c->bytes[RTC_B] & B_SET) || is_divider_reset(c);
}

/* The first update is half a second after the start. */
static void start_divider(struct rtc *d)
{
	struct rtc_cells *c = d->setup.cells;
	uint64_t now = d->setup.now_ns();

	c->phase_ns = (NS_PER_S + NS_PER_S / 2 - now % NS_PER_S) % NS_PER_S;
	c->second = (now + c->phase_ns) / NS_PER_S;
}

static bool is_held(const struct rtc *d, uint64_t chain)
{
	return chain - d->held_ns < HOLD_NS;
}

/* Cycles from tick to tick; 0: there are none. */
static uint64_t tick_cycles(const struct rtc_cells *c)
{
	unsigned int rate = c->bytes[RTC_A] & A_RATE;

	if (!rate || is_divider_reset(c))
		return 0;
	/* The two fastest would be faster than the chip is. */
	return 1ULL << (rate < 3 ? rate + 6 : rate - 1);
}

static uint64_t tick_of(const struct rtc_cells *c, uint64_t chain)
{
	uint64_t cycles = chain / NS_PER_S * CHAIN_HZ +
			  chain % NS_PER_S * CHAIN_HZ / NS_PER_S;
	uint64_t period = tick_cycles(c);

	return period ? cycles / period : 0;
}

static uint64_t start_of_tick(const struct rtc_cells *c, uint64_t tick)
{
	uint64_t cycles = tick * tick_cycles(c);
	uint64_t rest = cycles % CHAIN_HZ * NS_PER_S;

	return cycles / CHAIN_HZ * NS_PER_S + (rest + CHAIN_HZ - 1) / CHAIN_HZ;
}

static void count_seconds(struct rtc *d, uint64_t chain)
{
	struct rtc_cells *c = d->setup.cells;
	int64_t passed = (int64_t)(chain / NS_PER_S - c->second);
	int64_t time;

	if (!passed || is_held(d, chain))
		return;
	c->second += (uint64_t)passed;
	if (is_stopped(c))
		return;
	time = rtc_time_get(c->bytes);
	if (rtc_next_alarm(c->bytes, time) <= time + passed)
		d->flags |= B_ALARM;
	d->flags |= B_UPDATE;
	rtc_time_put(c->bytes, time + passed);
}

static void catch_up(struct rtc *d)
{
	uint64_t chain = chain_ns(d);
	uint64_t tick = tick_of(d->setup.cells, chain);

	if (tick != d->tick)
		d->flags |= B_TICK;
	d->tick = tick;
	count_seconds(d, chain);
}

/* --- interrupts --- */

static bool wants_interrupt(const struct rtc *d)
{
	return d->setup.cells->bytes[RTC_B] & d->flags & INTERRUPTS;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When an update brings an interrupt; UINT64_MAX: none does. */
static uint64_t next_update(const struct rtc *d, uint64_t chain)
{
	const struct rtc_cells *c = d->setup.cells;
	int64_t time, alarm;
	uint64_t second;

	if (is_stopped(c) || !(c->bytes[RTC_B] & (B_UPDATE | B_ALARM)))
		return UINT64_MAX;
	second = c->second + 1;
	if (!(c->bytes[RTC_B] & B_UPDATE)) {
		time = rtc_time_get(c->bytes);
		alarm = rtc_next_alarm(c->bytes, time);
		if (alarm == RTC_NEVER)
			return UINT64_MAX;
		second = c->second + (uint64_t)(alarm - time);
	}
	if (is_held(d, chain) && second * NS_PER_S < d->held_ns + HOLD_NS)
		return d->held_ns + HOLD_NS;
	return second * NS_PER_S;
}

static uint64_t next_interrupt(const struct rtc *d, uint64_t chain)
{
	const struct rtc_cells *c = d->setup.cells;
	uint64_t at;

	if (wants_interrupt(d))
		return UINT64_MAX;
	at = next_update(d, chain);
	if ((c->bytes[RTC_B] & B_TICK) && tick_cycles(c))
		at = sooner(at, start_of_tick(c, d->tick + 1));
	return at;
}

static void set_timer(struct rtc *d)
{
	uint64_t chain = chain_ns(d), at = next_interrupt(d, chain);
	uint64_t deadline = 0, wait = 0;

	if (at != UINT64_MAX) {
		deadline = at - d->setup.cells->phase_ns;
		wait = at > chain ? sooner(at - chain, MINUTE_NS) : 1;
	}
	if (deadline == d->deadline_ns)
		return;
	d->deadline_ns = deadline;
	loop_timer_set(&d->timer, wait, 0);
}

/* After whatever may have changed something. */
static void update_interrupt(struct rtc *d)
{
	bool high = wants_interrupt(d);

	if (high != d->is_high)
		irq_line_set(&d->setup.line, high);
	d->is_high = high;
	set_timer(d);
}

static void expired(struct loop_timer *t)
{
	struct rtc *d = CONTAINER_OF(t, struct rtc, timer);

	pthread_mutex_lock(&d->lock);
	d->deadline_ns = 0;
	catch_up(d);
	update_interrupt(d);
	pthread_mutex_unlock(&d->lock);
}

/* --- the guest --- */

static uint8_t read_a(struct rtc *d)
{
	const struct rtc_cells *c = d->setup.cells;
	uint64_t chain = chain_ns(d);

	if (!is_stopped(c) && chain % NS_PER_S >= NS_PER_S - UPDATE_WARNING_NS)
		return c->bytes[RTC_A] | A_UPDATING;
	d->held_ns = chain;
	return c->bytes[RTC_A];
}

static uint8_t read_c(struct rtc *d)
{
	uint8_t value = d->flags;

	if (wants_interrupt(d))
		value |= C_INTERRUPT;
	d->flags = 0;
	return value;
}

static uint8_t read_register(struct rtc *d)
{
	if (d->index == RTC_A)
		d->held_ns = 0;
	catch_up(d);
	if (d->index == RTC_A)
		return read_a(d);
	if (d->index == RTC_C)
		return read_c(d);
	return d->setup.cells->bytes[d->index];
}

static void write_a(struct rtc *d, uint8_t value)
{
	struct rtc_cells *c = d->setup.cells;
	bool was_reset = is_divider_reset(c);

	c->bytes[RTC_A] = value & (uint8_t)~A_UPDATING;
	if (was_reset && !is_divider_reset(c))
		start_divider(d);
	d->tick = tick_of(c, chain_ns(d));
}

static void write_register(struct rtc *d, uint8_t value)
{
	struct rtc_cells *c = d->setup.cells;

	/* What is written goes over what an update wrote before. */
	d->held_ns = 0;
	catch_up(d);
	switch (d->index) {
	case RTC_A:
		write_a(d, value);
		break;
	case RTC_B:
		if (value & B_SET)
			value &= (uint8_t)~B_UPDATE;
		c->bytes[RTC_B] = value;
		break;
	case RTC_C:
	case RTC_D:
		break;
	default:
		c->bytes[d->index] = value;
	}
}

static uint64_t port_read(void *dev, uint64_t offset, unsigned int len)
{
	struct rtc *d = dev;
	uint8_t value;

	if (len != 1 || !offset)
		return all_ones(len);
	pthread_mutex_lock(&d->lock);
	value = read_register(d);
	update_interrupt(d);
	pthread_mutex_unlock(&d->lock);
	return value;
}

static void port_write(void *dev, uint64_t offset, unsigned int len,
		       uint64_t value)
{
	struct rtc *d = dev;

	if (len != 1)
		return;
	pthread_mutex_lock(&d->lock);
	if (offset) {
		write_register(d, (uint8_t)value);
		update_interrupt(d);
	} else {
		d->index = value & INDEX_MASK;
	}
	pthread_mutex_unlock(&d->lock);
}

static const struct bus_ops port_ops = { port_read, port_write };

/* --- the host --- */

uint64_t rtc_host_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void fill_cells(struct rtc_cells *c, uint64_t now)
{
	*c = (struct rtc_cells){ .second = now / NS_PER_S };
	c->bytes[RTC_A] = A_INITIAL;
	c->bytes[RTC_B] = RTC_B_24_HOURS;
	c->bytes[RTC_D] = D_VALID;
	rtc_time_put(c->bytes, (int64_t)c->second);
}

/* As a PC does before the operating system has it. */
static void reset(struct rtc *d)
{
	struct rtc_cells *c = d->setup.cells;

	if (!(c->bytes[RTC_D] & D_VALID))
		fill_cells(c, d->setup.now_ns());
	catch_up(d);
	c->bytes[RTC_A] = A_INITIAL;
	c->bytes[RTC_B] &= B_KEPT;
	d->tick = tick_of(c, chain_ns(d));
	d->flags = 0;
}

int rtc_init(struct rtc *d, struct bus *pio, const struct rtc_setup *setup,
	     struct err *e)
{
	int ret;

	*d = (struct rtc){
		.setup = *setup,
		.range = { setup->port, NR_PORTS, &port_ops, d, "RTC" },
		.timer.fn = expired,
	};
	pthread_mutex_init(&d->lock, NULL);
	reset(d);
	ret = loop_timer_add(setup->loop, &d->timer, e);
	if (!ret)
		ret = bus_add(pio, &d->range, e);
	if (ret)
		rtc_fini(d, pio);
	else
		bus_post(pio, setup->port, 1);
	return ret;
}

void rtc_fini(struct rtc *d, struct bus *pio)
{
	if (!d->setup.loop)
		return;
	bus_unpost(pio, d->setup.port, 1);
	bus_del(pio, &d->range);
	if (d->timer.source.fd >= 0)
		loop_timer_del(d->setup.loop, &d->timer);
	pthread_mutex_destroy(&d->lock);
	d->setup.loop = NULL;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzz: a guest that writes anything to the clock, while time passes. */
/*
 * How this works
 *
 * The input is a row of 8-byte records {what, register, value, -, nanoseconds}:
 * accesses, time that passes on the host, or its clock being set, expiries of
 * the timer, resets. After each record the interrupt has to be high exactly
 * while a cause that is enabled waits, the timer to run only for what can come,
 * and the time to be that of now, but for what is held back.
 */
#include "src/base/bits.h"
#include "src/dev/rtc.h"

enum {
	PORT = 0x70,
	GSI = 8,
	SECONDS = 0,
	REG_A = 10,
	REG_B = 11,
	REG_D = 13,
	INTERRUPTS = 0x70,
	HOLD_NS = 2000000,
	NS_PER_S = 1000000000,
	MAX_RECORDS = 256,
};

static struct rtc dev;
static struct rtc_cells cells;
static struct bus pio;
static struct irq irq;
static struct loop loop;
static uint64_t host_ns;
static bool level;

static int set_routes(void *ctx, const struct irq_route *routes,
		      unsigned int nr, struct err *e)
{
	(void)ctx;
	(void)routes;
	(void)nr;
	(void)e;
	return 0;
}

static void set_line(void *ctx, uint32_t gsi, bool high)
{
	(void)ctx;
	BUG_ON(gsi != GSI || level == high);
	level = high;
}

static uint64_t now_ns(void)
{
	return host_ns;
}

static void power_on(void)
{
	const struct rtc_setup setup = { .port = PORT,
					 .line = { &irq, GSI },
					 .loop = &loop,
					 .cells = &cells,
					 .now_ns = now_ns };
	struct err e = { 0 };

	rtc_fini(&dev, &pio);
	level = false;
	BUG_ON(rtc_init(&dev, &pio, &setup, &e));
}

static void make(void)
{
	static const struct irq_sink_ops sink = { .set_routes = set_routes,
						  .set_line = set_line };
	struct err e = { 0 };

	if (!pio.entries) {
		BUG_ON(bus_init(&pio, "pio"));
		BUG_ON(irq_init(&irq, &sink, NULL, &e));
		BUG_ON(loop_init(&loop, &e));
	}
	cells = (struct rtc_cells){ .second = 0 };
	host_ns = 1800000000ULL * NS_PER_S;
	power_on();
}

static void set_time(uint64_t ns)
{
	/* From 1970 on, for 500 years: more is not in a host's clock. */
	host_ns = ns % (500ULL * 366 * 86400 * NS_PER_S);
}

static void expire(void)
{
	if (dev.deadline_ns > host_ns)
		host_ns = dev.deadline_ns;
	if (dev.deadline_ns)
		dev.timer.fn(&dev.timer);
}

static void play(const uint8_t *r)
{
	uint64_t value, ns = get_le(r + 4, 4);

	switch (r[0] % 8) {
	case 0:
		set_time(host_ns + ns);
		break;
	case 1:
		set_time(r[1] & 1 ? host_ns + ns * (r[2] << 16)
				  : host_ns - ns * (r[2] << 8));
		break;
	case 2:
		expire();
		break;
	case 3:
		if (r[1] == 0)
			power_on();
		break;
	case 4:
	case 5:
		bus_write(&pio, PORT, 1, r[1] & 0x80 ? r[1] : r[1] % 16);
		bus_read(&pio, PORT + 1, 1, &value);
		break;
	default:
		bus_write(&pio, PORT, 1, r[1] & 0x80 ? r[1] : r[1] % 16);
		bus_write(&pio, PORT + 1, 1, r[2]);
	}
}

static void check(void)
{
	uint8_t enabled = cells.bytes[REG_B] & INTERRUPTS;
	uint64_t chain, value;

	BUG_ON(dev.flags & ~INTERRUPTS);
	BUG_ON(level != !!(enabled & dev.flags));
	BUG_ON(dev.deadline_ns && (level || !enabled));
	BUG_ON(cells.bytes[REG_A] & 0x80 || cells.bytes[REG_D] != 0x80);
	bus_write(&pio, PORT, 1, SECONDS);
	bus_read(&pio, PORT + 1, 1, &value);
	chain = host_ns + cells.phase_ns;
	BUG_ON(cells.second != chain / NS_PER_S &&
	       chain - dev.held_ns >= HOLD_NS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	make();
	for (size_t i = 0; i + 8 <= size && i < 8UL * MAX_RECORDS; i += 8) {
		play(data + i);
		check();
	}
	return 0;
}

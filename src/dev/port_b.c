// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * System control port B (0x61) of a board without PIT.
 *
 * How this works: nobody waits here for long. The refresh bit toggles every
 * 15 us as on a PC, for those who count it, and the output of counter 2 is
 * always high, so that who waits for a count sees its end at once. All-ones, as
 * of a port that is not there, would say that a memory error or SERR caused
 * each NMI.
 *
 * Bits: ICH9 data sheet 13.7.1 (NMI_SC).
 */
#include <time.h>

#include "src/dev/port_b.h"

enum {
	WRITABLE = 0xf, /* counter 2's gate, speaker, NMI enables */
	REFRESH = 1 << 4,
	COUNTER_2_OUT = 1 << 5,
	REFRESH_NS = 15000,
};

static uint64_t on_read(void *dev, uint64_t offset, unsigned int len)
{
	const struct port_b *p = dev;
	struct timespec t;

	(void)offset;
	(void)len;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return __atomic_load_n(&p->kept, __ATOMIC_RELAXED) | COUNTER_2_OUT |
	       (t.tv_nsec / REFRESH_NS & 1 ? REFRESH : 0u);
}

static void on_write(void *dev, uint64_t offset, unsigned int len,
		     uint64_t value)
{
	struct port_b *p = dev;

	(void)offset;
	(void)len;
	__atomic_store_n(&p->kept, (uint8_t)(value & WRITABLE),
			 __ATOMIC_RELAXED);
}

static const struct bus_ops ops = { on_read, on_write };

int port_b_init(struct port_b *p, struct bus *pio, uint64_t port, struct err *e)
{
	*p = (struct port_b){ .range = { port, 1, &ops, p, "port B" } };
	return bus_add(pio, &p->range, e);
}

void port_b_fini(struct port_b *p, struct bus *pio)
{
	if (p->range.len)
		bus_del(pio, &p->range);
	p->range.len = 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzz: a guest that writes anything to the IOAPIC, and devices meanwhile. */
/*
 * How this works
 *
 * The input is a row of 4-byte records {what, where, value}: accesses to the
 * registers, ends of interrupts, lines that rise and fall, eventfds that come,
 * fire and go. After each record remote IRR is set of levels alone, and an
 * eventfd is KVM's as long as its pin may interrupt, with its pin's message as
 * the route.
 */
#include <stdlib.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/dev/ioapic.h"
#include "tests/fake/irq.h"

enum { BASE = 0x1000, RECORD = 4, NR_LEVELS = 4 };

static struct bus mmio;
static struct fake_irq sink;
static struct irq irq;
static struct ioapic io;
static struct irq_level levels[NR_LEVELS];

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void make(void)
{
	struct err e = { 0 };

	sink = (struct fake_irq){ 0 };
	must(!bus_init(&mmio, "mmio"));
	must(!irq_init(&irq, &fake_irq_sink, &sink, &e));
	must(!ioapic_init(&io, &irq, &mmio, BASE, &e));
	/* Two of them share a pin. */
	for (uint32_t i = 0; i < NR_LEVELS; i++)
		must(!irq_level_init(&levels[i], &irq, 16 + i / 2, &e));
}

static void unmake(void)
{
	for (unsigned int i = 0; i < NR_LEVELS; i++)
		irq_level_fini(&levels[i]);
	ioapic_fini(&io, &mmio);
	irq_fini(&irq);
	bus_fini(&mmio);
}

/* Indexes of what is there, mostly. */
static void entry_write(uint8_t where, uint32_t value)
{
	bus_write(&mmio, BASE, 4, where & 0x80 ? where : 0x10 + where % 48);
	bus_write(&mmio, BASE + 0x10, 4, value);
}

static void level_play(struct irq_level *l, unsigned int what)
{
	const uint64_t one = 1;
	struct irq_msi msi;
	struct err e = { 0 };

	if (what & 1)
		must(!irq_level_attach(l, &e));
	else if (what & 2)
		irq_level_detach(l);
	else if (what & 4)
		must(write(l->eventfd, &one, sizeof(one)) > 0);
	else
		fake_irq_deliver(&sink, l->eventfd, &msi);
}

static void play(const uint8_t *r)
{
	struct irq_line line = { &irq, r[1] % IRQ_NR_PINS };
	uint32_t value = (uint32_t)get_le(r + 2, 2);
	uint64_t got;

	switch (r[0] % 8) {
	case 0:
	case 1:
		/* Bit 16 is the mask, and the upper half has high bits. */
		entry_write(r[1], value | (uint32_t)(r[0] & 8) << 13 |
					  (uint32_t)(r[0] >> 4) << 28);
		break;
	case 2:
		bus_read(&mmio, BASE + (r[1] & 0x70), 1u << (r[2] & 3), &got);
		break;
	case 3:
		bus_write(&mmio, BASE + (r[1] & 0x7f), 1u << (r[0] >> 6),
			  value);
		break;
	case 4:
		ioapic_eoi(&io, (uint8_t)value);
		break;
	case 5:
	case 6:
		irq_line_set(&line, value & 1);
		break;
	default:
		level_play(&levels[r[1] % NR_LEVELS], r[2]);
	}
}

/* The fields of an entry as the data sheet has them. */
static bool may_interrupt(uint64_t entry)
{
	unsigned int mode = entry >> 8 & 7;

	return !(entry >> 16 & 1) && mode != 3 && mode < 6;
}

static void check_pin(uint64_t entry)
{
	bool is_level = entry >> 15 & 1 && (entry >> 8 & 7) < 2;

	must(is_level || !(entry >> 14 & 1));
	must(!(entry >> 17 & 0x7fffffffff) && !(entry >> 12 & 1));
}

static void check_level(const struct irq_level *l)
{
	uint64_t entry = io.entries[l->gsi];
	struct irq_route route;
	bool is_kvms = fake_irq_wired(&sink, l->eventfd, &route);

	must(is_kvms == (l->attached && may_interrupt(entry)));
	if (!is_kvms)
		return;
	must(route.is_msi && irq_msi_ok(route.msi.address));
	must((route.msi.data & 0xff) == (entry & 0xff));
	must((route.msi.address >> 12 & 0xff) == entry >> 56);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_set_level(LOG_ERROR);
	make();
	for (; size >= RECORD; size -= RECORD, data += RECORD) {
		play(data);
		for (unsigned int i = 0; i < IRQ_NR_PINS; i++)
			check_pin(io.entries[i]);
		for (unsigned int i = 0; i < NR_LEVELS; i++)
			check_level(&levels[i]);
	}
	unmake();
	return 0;
}

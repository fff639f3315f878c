// SPDX-License-Identifier: GPL-2.0-or-later
/* An IOAPIC (82093AA), its local APICs being the kernel's. */
/*
 * How this works
 *
 * A redirection entry is made into the message that an interrupt of its pin
 * sends. Lines that devices set are answered here: the message goes to KVM by
 * an ioctl. An eventfd (struct irq_level: INTx of a function that VFIO has) is
 * KVM's irqfd on the route of the pin's number, so an interrupt goes in without
 * user space.
 *
 * A level has to be told when the guest has ended its interrupt. KVM looks at
 * the messages of the first 24 routes, and when a vector of those that are
 * level-triggered is ended, KVM_RUN returns (KVM_EXIT_IOAPIC_EOI): one return
 * for each interrupt, which is what a split irqchip costs. Then the line, if it
 * is still high, interrupts again, and sources of eventfds are told, who raise
 * theirs again if they have to: VFIO does that in the kernel.
 *
 * So a pin's route stays in the table while it is masked, for the end of what
 * is under way: masking costs no table write, and only a message that is new
 * when the pin is unmasked does. What an eventfd brings meanwhile stays in it,
 * for it is taken off KVM. When the pin is unmasked its sources are asked once
 * more, since an end may have been missed (a kernel that took over from one
 * that crashed): one that was told twice looks at its device again, no more.
 *
 * Edges on a masked pin are lost, as the data sheet has it. Delivery modes that
 * are reserved, and ExtINT, for which there is no PIC, send nothing. NMI, SMI
 * and INIT are edges whatever the entry says. Remote IRR is not shown for what
 * comes by eventfd.
 *
 * Registers and bits: 82093AA data sheet 3.1 and 3.2. The version is 0x20, for
 * the EOI register: ICH9 data sheet 13.5.1.
 */
#include <errno.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/dev/ioapic.h"

enum {
	REG_SELECT = 0x00,
	REG_WINDOW = 0x10,
	REG_EOI = 0x40,

	INDEX_ID = 0,
	INDEX_VERSION = 1,
	INDEX_ARBITRATION = 2,
	INDEX_ENTRIES = 0x10, /* two for each pin */
	VERSION = 0x20 | (IOAPIC_NR_PINS - 1) << 16,
	ID_SHIFT = 24,
	ID_MASK = 0xf,

	ENTRY_VECTOR = 0xff,
	ENTRY_MODE_SHIFT = 8,
	ENTRY_MODE_MASK = 7,
	ENTRY_LOGICAL_SHIFT = 11,
	ENTRY_REMOTE_IRR = 1 << 14,
	ENTRY_LEVEL = 1 << 15,
	ENTRY_MASKED = 1 << 16,
	ENTRY_WRITABLE = 0x1afff, /* of the lower half; of the upper: */
	ENTRY_DEST_SHIFT = 56,

	MODE_FIXED = 0,
	MODE_LOWEST = 1,
	MODE_RESERVED = 3,
	MODE_RESERVED_2 = 6,
	MODE_EXTINT = 7,

	/* Intel SDM vol. 3A 11.11. */
	MSI_BASE = 0xfee,
	MSI_BASE_SHIFT = 20,
	MSI_DEST_SHIFT = 12,
	MSI_LOGICAL_SHIFT = 2,
	MSI_ASSERT = 1 << 14,
	MSI_LEVEL = 1 << 15,
};
#define ENTRY_DEST_WRITABLE 0xff000000u

/* --- what an entry means --- */

static unsigned int mode_of(uint64_t entry)
{
	return entry >> ENTRY_MODE_SHIFT & ENTRY_MODE_MASK;
}

static bool is_level(uint64_t entry)
{
	return (entry & ENTRY_LEVEL) &&
	       (mode_of(entry) == MODE_FIXED || mode_of(entry) == MODE_LOWEST);
}

static bool is_open(uint64_t entry)
{
	unsigned int mode = mode_of(entry);

	return !(entry & ENTRY_MASKED) && mode != MODE_RESERVED &&
	       mode != MODE_RESERVED_2 && mode != MODE_EXTINT;
}

static struct irq_msi message_of(uint64_t entry)
{
	uint64_t dest = entry >> ENTRY_DEST_SHIFT;
	uint64_t logical = entry >> ENTRY_LOGICAL_SHIFT & 1;
	struct irq_msi msi = {
		.address = (uint64_t)MSI_BASE << MSI_BASE_SHIFT |
			   dest << MSI_DEST_SHIFT |
			   logical << MSI_LOGICAL_SHIFT,
		.data = (uint32_t)(entry & ENTRY_VECTOR) |
			mode_of(entry) << ENTRY_MODE_SHIFT,
	};

	if (is_level(entry))
		msi.data |= MSI_LEVEL | MSI_ASSERT;
	return msi;
}

static bool is_same(struct irq_msi a, struct irq_msi b)
{
	return a.address == b.address && a.data == b.data;
}

/* --- pins --- */

/* A line has become high, or is still high with nothing under way. */
static void pin_serve_locked(struct ioapic *io, unsigned int pin)
{
	uint64_t *entry = &io->entries[pin];

	if (!(io->high >> pin & 1) || !is_open(*entry) ||
	    (*entry & ENTRY_REMOTE_IRR))
		return;
	/* What nobody took will not be ended. */
	if (!irq_send(io->irq, message_of(*entry)) && is_level(*entry))
		*entry |= ENTRY_REMOTE_IRR;
}

static void pin_sources_ask_locked(struct ioapic *io, unsigned int pin)
{
	struct list *at;

	list_for_each (at, &io->levels) {
		struct irq_level *l = list_entry(at, struct irq_level, node);

		if (l->gsi == pin)
			irq_level_ended(l);
	}
}

static void pin_end_locked(struct ioapic *io, unsigned int pin)
{
	io->entries[pin] &= ~(uint64_t)ENTRY_REMOTE_IRR;
	pin_serve_locked(io, pin);
	if (is_open(io->entries[pin]))
		pin_sources_ask_locked(io, pin);
}

static void complain(struct ioapic *io, unsigned int pin, const struct err *e)
{
	log_guest(&io->limit, "ioapic", "no interrupts by pin %u: %s", pin,
		  e->msg);
}

/* On KVM while an interrupt may come; else what comes stays in the eventfd. */
static int level_follow_locked(struct ioapic *io, struct irq_level *l,
			       struct err *e)
{
	if (is_open(io->entries[l->gsi]))
		return irq_level_wire(l, e);
	irq_level_unwire(l);
	return 0;
}

static void pin_levels_follow_locked(struct ioapic *io, unsigned int pin)
{
	struct err e = { 0 };
	struct list *at;
	int ret = 0;

	list_for_each (at, &io->levels) {
		struct irq_level *l = list_entry(at, struct irq_level, node);

		if (l->gsi == pin && level_follow_locked(io, l, &e))
			ret = -EIO;
	}
	if (ret)
		complain(io, pin, &e);
}

static void pin_open_locked(struct ioapic *io, unsigned int pin)
{
	struct err e = { 0 };

	if (irq_pin_route(io->irq, pin, message_of(io->entries[pin]), &e))
		complain(io, pin, &e);
}

static void entry_set_locked(struct ioapic *io, unsigned int pin,
			     uint64_t entry)
{
	uint64_t old = io->entries[pin];
	bool is_new =
		is_open(entry) &&
		(!is_open(old) || !is_same(message_of(old), message_of(entry)));

	/* An edge has nothing to wait for: guests clear it in this way. */
	if (!is_level(entry))
		entry &= ~(uint64_t)ENTRY_REMOTE_IRR;
	io->entries[pin] = entry;
	if (is_new)
		pin_open_locked(io, pin);
	if (is_open(entry) != is_open(old))
		pin_levels_follow_locked(io, pin);
	if (is_level(entry))
		pin_serve_locked(io, pin);
	if (is_new)
		pin_sources_ask_locked(io, pin);
}

/* --- what devices do --- */

static void set_line(void *ctx, uint32_t gsi, bool high)
{
	struct ioapic *io = ctx;
	uint32_t bit = 1u << gsi;

	pthread_mutex_lock(&io->lock);
	if (high && !(io->high & bit)) {
		io->high |= bit;
		pin_serve_locked(io, gsi);
	} else if (!high) {
		io->high &= ~bit;
	}
	pthread_mutex_unlock(&io->lock);
}

static int attach(void *ctx, struct irq_level *l, struct err *e)
{
	struct ioapic *io = ctx;
	int ret;

	pthread_mutex_lock(&io->lock);
	ret = level_follow_locked(io, l, e);
	if (!ret)
		list_add(&io->levels, &l->node);
	pthread_mutex_unlock(&io->lock);
	return ret;
}

static void detach(void *ctx, struct irq_level *l)
{
	struct ioapic *io = ctx;

	pthread_mutex_lock(&io->lock);
	list_del(&l->node);
	irq_level_unwire(l);
	pthread_mutex_unlock(&io->lock);
}

static const struct irq_pin_ops pin_ops = {
	.set_line = set_line,
	.attach = attach,
	.detach = detach,
};

void ioapic_eoi(struct ioapic *io, uint8_t vector)
{
	pthread_mutex_lock(&io->lock);
	for (unsigned int pin = 0; pin < IOAPIC_NR_PINS; pin++)
		if (is_level(io->entries[pin]) &&
		    (io->entries[pin] & ENTRY_VECTOR) == vector)
			pin_end_locked(io, pin);
	pthread_mutex_unlock(&io->lock);
}

/* --- registers --- */

static uint32_t window_read_locked(const struct ioapic *io)
{
	unsigned int at = io->select - INDEX_ENTRIES;

	switch (io->select) {
	case INDEX_ID:
	case INDEX_ARBITRATION:
		return (uint32_t)io->id << ID_SHIFT;
	case INDEX_VERSION:
		return VERSION;
	default:
		if (io->select < INDEX_ENTRIES || at >= 2 * IOAPIC_NR_PINS)
			return 0;
		return (uint32_t)(io->entries[at / 2] >> (at & 1 ? 32 : 0));
	}
}

static void window_write_locked(struct ioapic *io, uint32_t value)
{
	unsigned int at = io->select - INDEX_ENTRIES;
	uint64_t entry;

	if (io->select == INDEX_ID)
		io->id = value >> ID_SHIFT & ID_MASK;
	if (io->select < INDEX_ENTRIES || at >= 2 * IOAPIC_NR_PINS)
		return;
	entry = io->entries[at / 2];
	if (at & 1)
		entry = (uint32_t)entry |
			(uint64_t)(value & ENTRY_DEST_WRITABLE) << 32;
	else
		entry = (entry & ~(uint64_t)ENTRY_WRITABLE) |
			(value & ENTRY_WRITABLE);
	entry_set_locked(io, at / 2, entry);
}

/* Registers are 32 bits wide; the rest of their 16 bytes is nothing. */
static uint64_t registers_read(void *dev, uint64_t offset, unsigned int len)
{
	struct ioapic *io = dev;
	uint32_t value = 0;

	pthread_mutex_lock(&io->lock);
	if (offset == REG_SELECT)
		value = io->select;
	else if (offset == REG_WINDOW)
		value = window_read_locked(io);
	pthread_mutex_unlock(&io->lock);
	return value & all_ones(len);
}

static void registers_write(void *dev, uint64_t offset, unsigned int len,
			    uint64_t value)
{
	struct ioapic *io = dev;

	(void)len;
	if (offset == REG_EOI) {
		ioapic_eoi(io, (uint8_t)value);
		return;
	}
	pthread_mutex_lock(&io->lock);
	if (offset == REG_SELECT)
		io->select = (uint8_t)value;
	else if (offset == REG_WINDOW)
		window_write_locked(io, (uint32_t)value);
	pthread_mutex_unlock(&io->lock);
}

static const struct bus_ops registers_ops = { registers_read, registers_write };

/* --- its life --- */

int ioapic_init(struct ioapic *io, struct irq *irq, struct bus *mmio,
		uint64_t base, struct err *e)
{
	int ret;

	*io = (struct ioapic){ 0 };
	pthread_mutex_init(&io->lock, NULL);
	list_init(&io->levels);
	for (unsigned int pin = 0; pin < IOAPIC_NR_PINS; pin++)
		io->entries[pin] = ENTRY_MASKED;
	io->range = (struct bus_range){ base, IOAPIC_LEN, &registers_ops, io,
					"ioapic" };
	ret = bus_add(mmio, &io->range, e);
	if (ret)
		return ret;
	io->irq = irq;
	irq_set_pins(irq, &pin_ops, io);
	return 0;
}

void ioapic_fini(struct ioapic *io, struct bus *mmio)
{
	if (!io->irq)
		return;
	BUG_ON(!list_empty(&io->levels));
	irq_set_pins(io->irq, NULL, NULL);
	bus_del(mmio, &io->range);
	pthread_mutex_destroy(&io->lock);
	io->irq = NULL;
}

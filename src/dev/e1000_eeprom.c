// SPDX-License-Identifier: GPL-2.0-or-later
/* The e1000's EEPROM: 64 words behind EERD, or behind bits of EECD. */
/*
 * How this works
 *
 * Drivers clock commands into a Microwire part by hand (SDM 5.3.1, 13.4.3):
 * with CS high, each rising edge of SK takes a bit from DI. A start bit and two
 * bits of opcode, six of address, then 16 of data out (read) or in (write). The
 * bit on DO after the address is 0; each edge after that brings one of the
 * word. What is written lasts until the machine ends.
 */
#include "src/dev/e1000_priv.h"

enum {
	EECD_SK = 1 << 0,
	EECD_CS = 1 << 1,
	EECD_DI = 1 << 2,
	EECD_DO = 1 << 3,
	EECD_FWE = 3 << 4,
	EECD_REQ = 1 << 6,
	EECD_GNT = 1 << 7,
	EECD_PRES = 1 << 8,
	EECD_DRIVEN = EECD_SK | EECD_CS | EECD_DI | EECD_FWE | EECD_REQ,
	EERD_START = 1 << 0,
	EERD_DONE = 1 << 4,
	ADDRESS_BITS = 6,
	COMMAND_BITS = 3 + ADDRESS_BITS,
	OP_OTHER = 4, /* the address says which */
	OP_WRITE = 5,
	OP_READ = 6,
	CHECKSUM_WORD = 0x3f,
	CHECKSUM = 0xbaba, /* of all words (SDM 5.6.35) */
};

void e1000_eeprom_init(struct e1000_eeprom *p, const uint8_t mac[6])
{
	uint16_t sum = 0;

	*p = (struct e1000_eeprom){ .out_bit = true };
	for (size_t i = 0; i < 3; i++)
		p->words[i] = (uint16_t)(mac[2 * i] | mac[2 * i + 1] << 8);
	p->words[0x0a] = 0x4408; /* it is valid; loads the IDs below */
	p->words[0x0b] = 0x001e; /* subsystem: PRO/1000 MT Desktop */
	p->words[0x0c] = 0x8086;
	p->words[0x0d] = 0x100e;
	p->words[0x0e] = 0x8086;
	p->words[0x0f] = 0x3040;
	for (unsigned int i = 0; i < CHECKSUM_WORD; i++)
		sum = (uint16_t)(sum + p->words[i]);
	p->words[CHECKSUM_WORD] = (uint16_t)(CHECKSUM - sum);
}

uint32_t e1000_eecd_read(const struct e1000_eeprom *p)
{
	uint32_t value = p->wires | EECD_PRES;

	if (p->wires & EECD_REQ)
		value |= EECD_GNT;
	return p->out_bit ? value | EECD_DO : value;
}

/* A command and its address are in. */
static void command(struct e1000_eeprom *p)
{
	unsigned int address = p->in & (E1000_EEPROM_WORDS - 1);

	switch (p->in >> ADDRESS_BITS) {
	case OP_READ:
		p->out = p->words[address];
		p->out_bit = false;
		break;
	case OP_OTHER:
		if (address >> 4 == 3)
			p->may_write = true;
		else if (!(address >> 4))
			p->may_write = false;
		break;
	default:
		break;
	}
}

static void clock_edge(struct e1000_eeprom *p)
{
	uint32_t bit = p->wires & EECD_DI ? 1 : 0;

	/* Until the start bit nothing counts. */
	if (!p->nr_bits && !bit)
		return;
	if (p->nr_bits >= COMMAND_BITS && p->in >> ADDRESS_BITS == OP_READ) {
		/* DI is not looked at any more. */
		p->out_bit = p->out >> 15;
		p->out = (uint16_t)(p->out << 1);
		return;
	}
	if (p->nr_bits == COMMAND_BITS + 16)
		return;
	p->in = p->in << 1 | bit;
	if (++p->nr_bits == COMMAND_BITS)
		command(p);
	if (p->nr_bits == COMMAND_BITS + 16 && p->may_write &&
	    p->in >> (ADDRESS_BITS + 16) == OP_WRITE)
		p->words[p->in >> 16 & (E1000_EEPROM_WORDS - 1)] =
			(uint16_t)p->in;
}

void e1000_eecd_write(struct e1000_eeprom *p, uint32_t value)
{
	uint32_t was = p->wires;

	p->wires = value & EECD_DRIVEN;
	if (!(p->wires & EECD_CS)) {
		p->nr_bits = p->in = 0;
		p->out_bit = true; /* ready */
	} else if (was & EECD_CS && p->wires & ~was & EECD_SK) {
		clock_edge(p);
	}
}

uint32_t e1000_eerd(const struct e1000_eeprom *p, uint32_t value)
{
	unsigned int address = value >> 8 & 0xff;
	uint32_t word =
		address < E1000_EEPROM_WORDS ? p->words[address] : 0xffff;

	if (!(value & EERD_START))
		return value & 0xff00;
	return word << 16 | (value & 0xff00) | EERD_DONE;
}

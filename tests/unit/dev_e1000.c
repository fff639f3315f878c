// SPDX-License-Identifier: GPL-2.0-or-later
/* The e1000 without frames: EEPROM, PHY, interrupts, reset. Offsets and bits
 * are those of the SDM, written out. */
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/fake/e1000.h"
#include "tests/tap.h"

enum { EECD = 0x10, SK = 1, CS = 2, DI = 4, DO = 8, REQ = 0x40, GNT = 0x80 };
enum { ICR = 0xc0, ITR = 0xc4, ICS = 0xc8, IMS = 0xd0, IMC = 0xd8 };
enum { LSC = 4, TXDW = 1, RXT0 = 0x80 };

static struct fake_e1000 f;

static void setup(void)
{
	fake_e1000_init(&f, 0, true);
}

static void teardown(void)
{
	fake_e1000_fini(&f);
}

static unsigned int nr_rises(void)
{
	return __atomic_load_n(&f.nr_rises, __ATOMIC_SEQ_CST);
}

static void wr(unsigned int reg, uint32_t value)
{
	fake_e1000_write(&f, reg, value);
}

static uint32_t rd(unsigned int reg)
{
	return fake_e1000_read(&f, reg);
}

/* --- EEPROM --- */

static void clock_bit(uint32_t wires)
{
	wr(EECD, wires);
	wr(EECD, wires | SK);
	wr(EECD, wires);
}

static void clock_out(uint32_t bits, unsigned int nr)
{
	while (nr--)
		clock_bit(REQ | CS | (bits >> nr & 1 ? DI : 0));
}

static uint16_t clock_in(void)
{
	uint16_t word = 0;

	for (unsigned int i = 0; i < 16; i++) {
		wr(EECD, REQ | CS | SK);
		word = (uint16_t)(word << 1 | !!(rd(EECD) & DO));
		wr(EECD, REQ | CS);
	}
	return word;
}

/* As Linux does between commands: CS rises while SK is high. */
static void standby(void)
{
	wr(EECD, REQ);
	wr(EECD, REQ | SK);
	wr(EECD, REQ | SK | CS);
	wr(EECD, REQ | CS);
}

static uint16_t read_by_bits(unsigned int address)
{
	uint16_t word;

	clock_out(6, 3);
	clock_out(address, 6);
	word = clock_in();
	standby();
	return word;
}

static uint16_t read_by_eerd(unsigned int address)
{
	wr(0x14, address << 8 | 1);
	CHECK(rd(0x14) & 0x10);
	return (uint16_t)(rd(0x14) >> 16);
}

static void eeprom_reads_alike_both_ways(void)
{
	uint16_t sum = 0;

	setup();
	wr(EECD, REQ);
	CHECK(rd(EECD) & GNT);
	CHECK_EQ(rd(EECD) & 0x200, 0); /* 64 words, 6 bits of address */
	standby();
	for (unsigned int i = 0; i < 64; i++) {
		uint16_t word = read_by_bits(i);

		CHECK_EQ(word, read_by_eerd(i));
		sum = (uint16_t)(sum + word);
	}
	CHECK_EQ(sum, 0xbaba);
	CHECK_EQ(read_by_eerd(0), 0x5452);
	CHECK_EQ(read_by_eerd(1), 0x1200);
	CHECK_EQ(read_by_eerd(2), 0x5634);
	wr(EECD, 0);
	CHECK_EQ(rd(EECD) & GNT, 0);
	teardown();
}

static void write_word(unsigned int address, uint16_t word)
{
	clock_out(5, 3);
	clock_out(address, 6);
	clock_out(word, 16);
	standby();
}

static void eeprom_is_written_only_when_enabled(void)
{
	setup();
	standby();
	write_word(8, 0x1234);
	CHECK_EQ(read_by_bits(8), 0);
	clock_out(4, 3);
	clock_out(0x30, 6);
	standby();
	write_word(8, 0x1234);
	CHECK_EQ(read_by_bits(8), 0x1234);
	CHECK_EQ(read_by_bits(9), 0);
	teardown();
}

/* --- PHY --- */

static uint16_t phy_read(unsigned int reg)
{
	wr(0x20, reg << 16 | 1u << 21 | 2u << 26);
	CHECK(rd(0x20) & 1u << 28);
	CHECK(!(rd(0x20) & 1u << 30));
	return (uint16_t)rd(0x20);
}

static void phy_write(unsigned int reg, uint16_t value)
{
	wr(0x20, reg << 16 | 1u << 21 | 1u << 26 | value);
}

static void phy_is_the_one_that_drivers_know(void)
{
	setup();
	CHECK_EQ(phy_read(2), 0x0141);
	CHECK_EQ(phy_read(3) & 0xfff0, 0x0c20);
	wr(0x20, 1u << 16 | 2u << 21 | 2u << 26); /* another address */
	CHECK(rd(0x20) & 1u << 30);
	teardown();
}

static void link_is_up_at_a_gigabit(void)
{
	setup();
	CHECK_EQ(phy_read(1) & 0x24, 0x24); /* link, negotiation done */
	CHECK_EQ(phy_read(10) & 0x800, 0x800);
	phy_write(0, 0x9140); /* reset, clears itself */
	CHECK_EQ(phy_read(0), 0x1140);
	phy_write(0, 0x1340); /* negotiate again */
	CHECK_EQ(phy_read(0), 0x1140);
	CHECK_EQ(rd(8) & 0xc3, 0x83);
	teardown();
}

static void back_end_that_goes_away_takes_the_link_down(void)
{
	setup();
	fake_e1000_start(&f, 0, 0);
	fake_e1000_feed(&f, 4);
	CHECK_EQ(rd(ICR), 0);
	shutdown(f.wire, SHUT_RDWR);
	CHECK(fake_e1000_line(&f, true));
	CHECK_EQ(rd(ICR), LSC);
	CHECK_EQ(rd(8) & 2, 0);
	CHECK_EQ(phy_read(1) & 4, 0);
	teardown();
}

/* --- interrupts --- */

static void causes_interrupt_unless_masked(void)
{
	setup();
	wr(ICS, LSC);
	CHECK(!f.line);
	wr(IMS, LSC | TXDW);
	CHECK(f.line);
	CHECK_EQ(rd(IMS), LSC | TXDW);
	wr(IMC, LSC);
	CHECK(!f.line);
	wr(IMS, LSC);
	CHECK(f.line);
	wr(ICS, RXT0); /* masked: shows, and is cleared, all the same */
	CHECK_EQ(rd(ICR), LSC | RXT0);
	CHECK(!f.line);
	CHECK_EQ(rd(ICR), 0);
	CHECK_EQ(nr_rises(), 2);
	teardown();
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void interrupts_keep_their_distance(void)
{
	uint64_t start = now_ms();

	setup();
	wr(ITR, 0xffff); /* 16.8 ms */
	wr(IMS, LSC);
	wr(ICS, LSC);
	CHECK(f.line);
	for (unsigned int i = 0; i < 50; i++) {
		rd(ICR);
		wr(ICS, LSC);
	}
	CHECK(nr_rises() <= 2 + (now_ms() - start) / 16);
	CHECK(fake_e1000_line(&f, true)); /* and none is lost */
	CHECK(nr_rises() >= 2);
	teardown();
}

/* --- reset --- */

static void card_is_reset_through_its_ports(void)
{
	setup();
	fake_e1000_start(&f, 0x8000, 0);
	wr(0x5400, 0x11111111);
	wr(0x5208, 5);
	wr(ICS, LSC);
	CHECK(f.line);
	fake_e1000_io(&f, 0, 1u << 26);
	CHECK(!f.line);
	CHECK_EQ(rd(0) & 1u << 26, 0);
	CHECK_EQ(rd(0x100), 0);
	CHECK_EQ(rd(0x400), 0);
	CHECK_EQ(rd(IMS), 0);
	CHECK_EQ(rd(0x5208), 0);
	CHECK_EQ(rd(0x5400), 0x12005452);
	CHECK_EQ(rd(0x5404), 0x80005634);
	teardown();
}

static void registers_are_32_bits_wide(void)
{
	uint64_t value, bar;

	setup();
	bar = f.nic->pci.bars[0].addr;
	CHECK_EQ(f.nic->pci.bars[0].size, 128 << 10);
	CHECK_EQ(f.nic->pci.bars[2].type, PCI_BAR_IO);
	wr(0x5600, 0x12345678);
	CHECK(bus_write(&f.mmio, bar + 0x5600, 1, 0xff)); /* ignored */
	CHECK(bus_write(&f.mmio, bar + 0x5602, 4, 0xff));
	CHECK_EQ(rd(0x5600), 0x12345678);
	CHECK(bus_read(&f.mmio, bar + 0x5602, 2, &value));
	CHECK_EQ(value, 0x1234);
	CHECK(bus_write(&f.mmio, bar + 0x5600, 8, 0x0000000900000008));
	CHECK_EQ(rd(0x5604), 9);
	CHECK_EQ(rd(0x1fffc), 0);
	wr(0x1fffc, 1);
	teardown();
}

int main(void)
{
	TAP_RUN(eeprom_reads_alike_both_ways);
	TAP_RUN(eeprom_is_written_only_when_enabled);
	TAP_RUN(phy_is_the_one_that_drivers_know);
	TAP_RUN(link_is_up_at_a_gigabit);
	TAP_RUN(back_end_that_goes_away_takes_the_link_down);
	TAP_RUN(causes_interrupt_unless_masked);
	TAP_RUN(interrupts_keep_their_distance);
	TAP_RUN(card_is_reset_through_its_ports);
	TAP_RUN(registers_are_32_bits_wide);
	return tap_done();
}

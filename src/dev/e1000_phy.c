// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The e1000's PHY, a Marvell 88E1011 at address 1 of MDIC (SDM 13.4.7): what
 * autonegotiation found is always 1000 Mbit/s, full duplex, without pause
 * frames, as long as the back end is there.
 */
#include <linux/mii.h>

#include "src/dev/e1000_priv.h"

enum {
	MDIC_REG_SHIFT = 16,
	MDIC_PHY_SHIFT = 21,
	MDIC_WRITE = 1 << 26,
	MDIC_READ = 2 << 26,
	MDIC_OP = 3 << 26,
	MDIC_READY = 1 << 28,
	MDIC_IE = 1 << 29,
	MDIC_ERROR = 1 << 30,
	PHY_ADDRESS = 1,
	M88_STATUS = 17,
	M88_LINK = 1 << 10,
};

void e1000_phy_reset(struct e1000 *d)
{
	static const uint16_t power_on[E1000_PHY_REGS] = {
		[MII_BMCR] = BMCR_ANENABLE | BMCR_FULLDPLX | BMCR_SPEED1000,
		[MII_BMSR] = 0x7949 | BMSR_ANEGCOMPLETE | BMSR_LSTATUS,
		[MII_PHYSID1] = 0x0141,
		[MII_PHYSID2] = 0x0c20,
		[MII_ADVERTISE] = ADVERTISE_ALL | ADVERTISE_CSMA,
		[MII_LPA] = LPA_LPACK | ADVERTISE_ALL | ADVERTISE_CSMA,
		[MII_EXPANSION] = EXPANSION_NWAY,
		[MII_CTRL1000] = ADVERTISE_1000FULL | ADVERTISE_1000HALF,
		[MII_STAT1000] = LPA_1000FULL | LPA_1000HALF | LPA_1000REMRXOK |
				 LPA_1000LOCALRXOK,
		[MII_ESTATUS] = ESTATUS_1000_TFULL | ESTATUS_1000_THALF,
		[16] = 0x0360, /* the part's own control */
		/* 1000 Mbit/s, full duplex, resolved. */
		[M88_STATUS] = 0xa800 | M88_LINK,
		[20] = 0x0d60,
	};

	memcpy(d->phy, power_on, sizeof(d->phy));
}

static bool is_writable(unsigned int reg)
{
	return reg == MII_BMCR || reg == MII_ADVERTISE || reg == MII_CTRL1000 ||
	       reg == 16 || reg == 18 || reg == 20 || reg == 29 || reg == 30;
}

static void phy_write(struct e1000 *d, unsigned int reg, uint16_t value)
{
	if (reg == MII_BMCR && value & BMCR_RESET) {
		e1000_phy_reset(d);
		return;
	}
	if (reg == MII_BMCR)
		value &= (uint16_t)~BMCR_ANRESTART; /* done at once */
	if (is_writable(reg))
		d->phy[reg] = value;
}

static uint16_t phy_read(const struct e1000 *d, unsigned int reg)
{
	bool is_lost = __atomic_load_n(&d->is_lost, __ATOMIC_ACQUIRE);

	if (is_lost && reg == MII_BMSR)
		return d->phy[reg] &
		       (uint16_t) ~(BMSR_LSTATUS | BMSR_ANEGCOMPLETE);
	if (is_lost && reg == M88_STATUS)
		return d->phy[reg] & (uint16_t)~M88_LINK;
	return d->phy[reg];
}

uint32_t e1000_mdic(struct e1000 *d, uint32_t value)
{
	unsigned int reg = value >> MDIC_REG_SHIFT & (E1000_PHY_REGS - 1);
	unsigned int op = value & MDIC_OP;

	value &= ~(uint32_t)(MDIC_READY | MDIC_ERROR);
	if (value & MDIC_IE)
		e1000_irq_raise(d, INT_MDAC);
	if ((value >> MDIC_PHY_SHIFT & 0x1f) != PHY_ADDRESS ||
	    (op != MDIC_READ && op != MDIC_WRITE))
		return value | MDIC_READY | MDIC_ERROR;
	if (op == MDIC_WRITE)
		phy_write(d, reg, (uint16_t)value);
	else
		value = (value & ~0xffffu) | phy_read(d, reg);
	return value | MDIC_READY;
}

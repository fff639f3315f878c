/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the e1000 tell each other. */
#ifndef STRAIT_DEV_E1000_PRIV_H
#define STRAIT_DEV_E1000_PRIV_H

#include "src/dev/e1000.h"

/* Offsets (SDM table 13-2). */
enum {
	REG_CTRL = 0x0,
	REG_STATUS = 0x8,
	REG_EECD = 0x10,
	REG_EERD = 0x14,
	REG_CTRL_EXT = 0x18,
	REG_MDIC = 0x20,
	REG_FCAL = 0x28,
	REG_FCAH = 0x2c,
	REG_FCT = 0x30,
	REG_VET = 0x38,
	REG_ICR = 0xc0,
	REG_ITR = 0xc4,
	REG_ICS = 0xc8,
	REG_IMS = 0xd0,
	REG_IMC = 0xd8,
	REG_RCTL = 0x100,
	REG_FCTTV = 0x170,
	REG_TXCW = 0x178,
	REG_TCTL = 0x400,
	REG_TIPG = 0x410,
	REG_AIT = 0x458,
	REG_LEDCTL = 0xe00,
	REG_PBA = 0x1000,
	REG_FCRTL = 0x2160,
	REG_FCRTH = 0x2168,
	REG_RDBAL = 0x2800, /* the ring's registers, see below */
	REG_RDH = 0x2810,
	REG_RDT = 0x2818,
	REG_RDTR = 0x2820,
	REG_RXDCTL = 0x2828,
	REG_RADV = 0x282c,
	REG_RSRPD = 0x2c00,
	REG_TXDMAC = 0x3000,
	REG_TDBAL = 0x3800,
	REG_TDH = 0x3810,
	REG_TDT = 0x3818,
	REG_TIDV = 0x3820,
	REG_TXDCTL = 0x3828,
	REG_TADV = 0x382c,
	REG_TSPMT = 0x3830,
	REG_STATS = 0x4000,
	REG_STATS_END = 0x4128,
	REG_RXCSUM = 0x5000,
	REG_MTA = 0x5200,
	REG_RA = 0x5400,
	REG_RA_END = 0x5480,
	REG_VFTA = 0x5600,
	REG_WUC = 0x5800,
	REG_WUFC = 0x5808,
	REG_MANC = 0x5820,
	REG_IPAV = 0x5838,
	/* From the base of a ring on. */
	RING_LEN = 0x8,
	RING_HEAD = 0x10,
	RING_TAIL = 0x18,
};

enum {
	CTRL_FD = 1 << 0,
	CTRL_SLU = 1 << 6,
	CTRL_SPEED_1000 = 2 << 8,
	CTRL_RST = 1 << 26,
	CTRL_VME = 1 << 30,
	STATUS_FD = 1 << 0,
	STATUS_LU = 1 << 1,
	STATUS_SPEED_1000 = 2 << 6,
	RCTL_EN = 1 << 1,
	RCTL_UPE = 1 << 3,
	RCTL_MPE = 1 << 4,
	RCTL_LPE = 1 << 5,
	RCTL_RDMTS_SHIFT = 8,
	RCTL_MO_SHIFT = 12,
	RCTL_BAM = 1 << 15,
	RCTL_BSIZE_SHIFT = 16,
	RCTL_VFE = 1 << 18,
	RCTL_BSEX = 1 << 25,
	RCTL_SECRC = 1 << 26,
	TCTL_EN = 1 << 1,
	TCTL_PSP = 1 << 3,
};
#define CTRL_PHY_RST (1u << 31)

/* ICR, ICS, IMS, IMC. */
enum {
	INT_TXDW = 1 << 0,
	INT_TXQE = 1 << 1,
	INT_LSC = 1 << 2,
	INT_RXDMT0 = 1 << 4,
	INT_RXT0 = 1 << 7,
	INT_MDAC = 1 << 9,
	INT_ALL = 0x1ffff,
};

/* Statistics, from REG_STATS on. */
enum {
	STAT_MPC = 0x10,
	STAT_PRC64 = 0x5c, /* and five more, by size */
	STAT_GPRC = 0x74,
	STAT_BPRC = 0x78,
	STAT_MPRC = 0x7c,
	STAT_GPTC = 0x80,
	STAT_GORCL = 0x88, /* 64 bits, like the three others */
	STAT_GOTCL = 0x90,
	STAT_ROC = 0xac,
	STAT_TORL = 0xc0,
	STAT_TOTL = 0xc8,
	STAT_TPR = 0xd0,
	STAT_TPT = 0xd4,
	STAT_PTC64 = 0xd8, /* and five more */
	STAT_MPTC = 0xf0,
	STAT_BPTC = 0xf4,
	STAT_TSCTC = 0xf8,
	STAT_TSCTFC = 0xfc,
	STAT_IAC = 0x100,
	STAT_ICRXDMTC = 0x120,
};

enum { ETH_HEADER = 14, ETH_TAG = 4, ETH_FCS = 4, ETH_MIN = 60 };

enum { DESC_LEN = 16 };

/* A ring as its registers describe it, checked. */
struct e1000_ring {
	uint8_t *bytes; /* nr descriptors of DESC_LEN */
	uint32_t nr, head, tail;
};

static inline uint32_t reg_get(const struct e1000 *d, unsigned int off)
{
	return __atomic_load_n(&d->regs[off / 4], __ATOMIC_SEQ_CST);
}
static inline void reg_set(struct e1000 *d, unsigned int off, uint32_t value)
{
	__atomic_store_n(&d->regs[off / 4], value, __ATOMIC_SEQ_CST);
}
static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline void put_be16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* --- e1000.c --- */

/* io_lock held. False: there is none, or (said once, by *has_complained) it
 * makes no sense. */
bool e1000_ring_open(struct e1000 *d, unsigned int base, struct e1000_ring *r,
		     bool *has_complained);
/* Wakes the I/O thread; any thread. */
void e1000_ring_bell(struct e1000 *d);
/* The back end failed for good. */
void e1000_lost(struct e1000 *d, int error);

/* --- e1000_stats.c --- */

void e1000_stat_add(struct e1000 *d, unsigned int stat, uint32_t n);
/* nr frames of len bytes each, without FCS, to dest went the one way. */
void e1000_count_sent(struct e1000 *d, const uint8_t *dest, size_t len,
		      uint32_t nr);
void e1000_count_received(struct e1000 *d, const uint8_t *dest, size_t len);
/* Reading clears. off is from REG_STATS on. */
uint32_t e1000_stat_take(struct e1000 *d, unsigned int off);
void e1000_stats_reset(struct e1000 *d);

/* --- e1000_irq.c; any thread --- */

void e1000_irq_raise(struct e1000 *d, uint32_t causes);
/* ICR is read: its causes, none of which is left. */
uint32_t e1000_irq_take(struct e1000 *d);
/* IMS and IMC. */
void e1000_irq_mask(struct e1000 *d, uint32_t set, uint32_t clear);
void e1000_irq_reset(struct e1000 *d);
int e1000_irq_init(struct e1000 *d, struct err *e);

/* --- e1000_eeprom.c and e1000_phy.c; lock held --- */

void e1000_eeprom_init(struct e1000_eeprom *p, const uint8_t mac[6]);
uint32_t e1000_eecd_read(const struct e1000_eeprom *p);
void e1000_eecd_write(struct e1000_eeprom *p, uint32_t value);
/* What EERD reads after that was written. */
uint32_t e1000_eerd(const struct e1000_eeprom *p, uint32_t value);

void e1000_phy_reset(struct e1000 *d);
/* What MDIC reads after that was written. */
uint32_t e1000_mdic(struct e1000 *d, uint32_t value);

/* --- e1000_rx.c; io_lock held, on the I/O thread or before it sees it --- */

void e1000_rx_run(struct e1000 *d);
void e1000_rx_reset(struct e1000 *d);
void e1000_rx_init(struct e1000 *d);

/* --- e1000_tx.c; the same --- */

void e1000_tx_run(struct e1000 *d);
/* Forgets what is under way: the ring is another. */
void e1000_tx_reset(struct e1000 *d);
void e1000_tx_init(struct e1000 *d);

/* --- e1000_send.c; the same --- */

/* The frame is whole: makes it ready to be sent. */
void e1000_send_prepare(struct e1000 *d);
/* 0: it is gone, one way or the other. -EAGAIN: when the back end takes more;
 * -EBUSY: when others had their turn. */
int e1000_send(struct e1000 *d);

#endif

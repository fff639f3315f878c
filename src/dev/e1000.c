// SPDX-License-Identifier: GPL-2.0-or-later
/* The e1000: its PCI function, registers and life. */
/*
 * How this works
 *
 * BAR 0 is the registers, BAR 2 a window to them through two I/O ports, which
 * Linux resets the card by. Registers are an array that both sides read and
 * write by atomics; few have a meaning beyond what was written, and those are
 * in the switches below. What decides how frames are moved (control registers,
 * where rings are, reset) is written under io_lock, so that none is on its way
 * when the write returns.
 *
 * Tails are written for every frame: that stores the value, and wakes the I/O
 * thread only if it sleeps. No vCPU moves a frame.
 *
 * There are no wake-up filters, management, loopback or flash.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/dev/e1000_priv.h"

enum {
	MEM_BAR = 0,
	MEM_LEN = 128 << 10,
	IO_BAR = 2,
	IO_LEN = 64,
	IO_ADDR = 0,
	IO_DATA = 4,
	VLAN_ETHERTYPE = 0x8100,
	RA_VALID = 1,
};

static struct e1000 *dev_of(struct pci_dev *pci)
{
	return CONTAINER_OF(pci, struct e1000, pci);
}

void e1000_ring_bell(struct e1000 *d)
{
	const uint64_t one = 1;

	/* It fails only when 2^64 - 2 wait already. */
	if (write(d->bell.fd, &one, sizeof(one)) < 0)
		log_trace(d->name, "it is rung enough");
}

void e1000_lost(struct e1000 *d, int error)
{
	if (__atomic_exchange_n(&d->is_lost, true, __ATOMIC_ACQ_REL))
		return;
	log_error(d->name,
		  "%s is gone (%s): the guest's link is down from now on",
		  d->back->name, strerror(error));
	e1000_irq_raise(d, INT_LSC);
}

bool e1000_ring_open(struct e1000 *d, unsigned int base, struct e1000_ring *r,
		     bool *has_complained)
{
	gpa_t gpa = (gpa_t)reg_get(d, base + 4) << 32 | reg_get(d, base);
	uint32_t len = reg_get(d, base + RING_LEN);

	*r = (struct e1000_ring){
		.bytes = mem_ptr(d->env.mem, gpa, len),
		.nr = len / DESC_LEN,
		.head = reg_get(d, base + RING_HEAD),
		.tail = reg_get(d, base + RING_TAIL),
	};
	if (!r->nr)
		return false;
	if (r->bytes && r->head < r->nr && r->tail < r->nr)
		return true;
	if (!*has_complained)
		log_guest(&d->pci.limit, d->name,
			  "its %s ring of %u at 0x%llx, from %u to %u, is none",
			  base == REG_TDBAL ? "transmit" : "receive", r->nr,
			  (unsigned long long)gpa, r->head, r->tail);
	*has_complained = true;
	return false;
}

/* --- reset --- */

/* The MAC address is the EEPROM's, as the card loads it (SDM 5.6.1). */
static void load_address(struct e1000 *d)
{
	const uint16_t *w = d->eeprom.words;

	reg_set(d, REG_RA, (uint32_t)w[1] << 16 | w[0]);
	reg_set(d, REG_RA + 4, (uint32_t)RA_VALID << 31 | w[2]);
}

static void set_defaults(struct e1000 *d)
{
	for (unsigned int off = 0; off < sizeof(d->regs); off += 4)
		reg_set(d, off, 0);
	reg_set(d, REG_CTRL, CTRL_FD | CTRL_SLU | CTRL_SPEED_1000);
	reg_set(d, REG_VET, VLAN_ETHERTYPE);
	reg_set(d, REG_PBA, 0x00100030);
	reg_set(d, REG_RXCSUM, 0x300);
	reg_set(d, REG_LEDCTL, 0x07068302);
	load_address(d);
}

static void reset(struct e1000 *d)
{
	pthread_mutex_lock(&d->io_lock);
	pthread_mutex_lock(&d->lock);
	e1000_phy_reset(d);
	set_defaults(d);
	pthread_mutex_unlock(&d->lock);
	e1000_rx_reset(d);
	e1000_tx_reset(d);
	pthread_mutex_unlock(&d->io_lock);
	e1000_stats_reset(d);
	e1000_irq_reset(d);
}

/* --- registers that only hold what is written --- */

struct span {
	uint16_t first, last; /* inclusive */
	uint32_t mask;
};

/* Those that are not here read 0. */
static const struct span plain[] = {
	{ REG_CTRL_EXT, REG_CTRL_EXT, UINT32_MAX },
	{ REG_FCAL, REG_FCT, UINT32_MAX },
	{ REG_VET, REG_VET, 0xffff },
	{ REG_ITR, REG_ITR, 0xffff },
	{ REG_FCTTV, REG_TXCW, UINT32_MAX },
	{ REG_TIPG, REG_TIPG, UINT32_MAX },
	{ REG_AIT, REG_AIT, 0xffff },
	{ REG_LEDCTL, REG_LEDCTL, UINT32_MAX },
	{ REG_PBA, REG_PBA, 0xffff },
	{ REG_FCRTL, REG_FCRTH, 0x8000fff8 },
	{ REG_RDT, REG_RDT, 0xffff },
	{ REG_RDTR, REG_RDTR, 0xffff },
	{ REG_RXDCTL, REG_RADV, UINT32_MAX },
	{ REG_RSRPD, REG_RSRPD, 0xfff },
	{ REG_TXDMAC, REG_TXDMAC, 1 },
	{ REG_TDT, REG_TDT, 0xffff },
	{ REG_TIDV, REG_TIDV, 0xffff },
	{ REG_TXDCTL, REG_TSPMT, UINT32_MAX },
	{ REG_RXCSUM, REG_RXCSUM, 0x7ff },
	{ REG_MTA, REG_MTA + 0x1fc, UINT32_MAX },
	{ REG_RA, REG_RA_END - 4, UINT32_MAX },
	{ REG_VFTA, REG_VFTA + 0x1fc, UINT32_MAX },
	{ REG_WUC, REG_WUFC, UINT32_MAX },
	{ REG_MANC, REG_MANC, UINT32_MAX },
	{ REG_IPAV, REG_IPAV + 0x58, UINT32_MAX },
};

static void write_plain(struct e1000 *d, unsigned int off, uint32_t value)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(plain); i++)
		if (off >= plain[i].first && off <= plain[i].last)
			reg_set(d, off, value & plain[i].mask);
}

/* --- those that have a meaning --- */

static uint32_t status(const struct e1000 *d)
{
	uint32_t value = STATUS_FD | STATUS_SPEED_1000;

	if (reg_get(d, REG_CTRL) & CTRL_SLU &&
	    !__atomic_load_n(&d->is_lost, __ATOMIC_ACQUIRE))
		value |= STATUS_LU;
	return value;
}

static uint32_t read_eecd(struct e1000 *d)
{
	uint32_t value;

	pthread_mutex_lock(&d->lock);
	value = e1000_eecd_read(&d->eeprom);
	pthread_mutex_unlock(&d->lock);
	return value;
}

static uint32_t reg_read(struct e1000 *d, unsigned int off)
{
	if (off >= REG_STATS && off < REG_STATS_END)
		return e1000_stat_take(d, off - REG_STATS);
	switch (off) {
	case REG_CTRL + 4: /* a duplicate */
		return reg_get(d, REG_CTRL);
	case REG_STATUS:
		return status(d);
	case REG_EECD:
		return read_eecd(d);
	case REG_ICR:
		return e1000_irq_take(d);
	case REG_IMS:
		return __atomic_load_n(&d->ims, __ATOMIC_RELAXED);
	default:
		return off < sizeof(d->regs) ? reg_get(d, off) : 0;
	}
}

static void write_ctrl(struct e1000 *d, uint32_t value)
{
	if (value & CTRL_RST) {
		reset(d);
		return;
	}
	pthread_mutex_lock(&d->lock);
	if (value & CTRL_PHY_RST)
		e1000_phy_reset(d);
	reg_set(d, REG_CTRL, value & ~CTRL_PHY_RST);
	pthread_mutex_unlock(&d->lock);
}

static void write_serial(struct e1000 *d, unsigned int off, uint32_t value)
{
	pthread_mutex_lock(&d->lock);
	if (off == REG_EECD)
		e1000_eecd_write(&d->eeprom, value);
	else if (off == REG_EERD)
		reg_set(d, off, e1000_eerd(&d->eeprom, value));
	else
		reg_set(d, off, e1000_mdic(d, value));
	pthread_mutex_unlock(&d->lock);
}

/* RCTL and TCTL. The I/O thread looks at what changed. */
static void write_control(struct e1000 *d, unsigned int off, uint32_t value)
{
	pthread_mutex_lock(&d->io_lock);
	reg_set(d, off, value);
	if (off == REG_RCTL && !(value & RCTL_EN))
		e1000_rx_reset(d);
	pthread_mutex_unlock(&d->io_lock);
	e1000_ring_bell(d);
}

static bool is_ring(unsigned int off, unsigned int base)
{
	return off >= base && off <= base + RING_HEAD;
}

static void write_ring(struct e1000 *d, unsigned int off, uint32_t value)
{
	/* What of them counts, by offset from the base. */
	static const uint32_t masks[] = { 0xfffffff0, UINT32_MAX, 0xfff80, 0,
					  0xffff };
	unsigned int base = off & ~0x1fu;

	pthread_mutex_lock(&d->io_lock);
	reg_set(d, off, value & masks[(off - base) / 4]);
	if (base == REG_TDBAL)
		e1000_tx_reset(d);
	else
		e1000_rx_reset(d);
	pthread_mutex_unlock(&d->io_lock);
	e1000_ring_bell(d);
}

static void write_tail(struct e1000 *d, unsigned int off, uint32_t value)
{
	bool *sleeps = off == REG_TDT ? &d->tx.is_idle : &d->rx.is_starved;

	reg_set(d, off, value & 0xffff);
	if (__atomic_exchange_n(sleeps, false, __ATOMIC_SEQ_CST))
		e1000_ring_bell(d);
}

static void reg_write(struct e1000 *d, unsigned int off, uint32_t value)
{
	switch (off) {
	case REG_TDT:
	case REG_RDT:
		write_tail(d, off, value);
		break;
	case REG_ICR:
		break; /* writing 1 clears, of the successors alone */
	case REG_ICS:
		e1000_irq_raise(d, value);
		break;
	case REG_IMS:
		e1000_irq_mask(d, value, 0);
		break;
	case REG_IMC:
		e1000_irq_mask(d, 0, value);
		break;
	case REG_CTRL:
	case REG_CTRL + 4:
		write_ctrl(d, value);
		break;
	case REG_EECD:
	case REG_EERD:
	case REG_MDIC:
		write_serial(d, off, value);
		break;
	case REG_RCTL:
	case REG_TCTL:
		write_control(d, off, value);
		break;
	default:
		if (is_ring(off, REG_RDBAL) || is_ring(off, REG_TDBAL))
			write_ring(d, off, value);
		else
			write_plain(d, off, value);
	}
}

/* --- the BARs: registers are 32 bits wide (SDM 13.2) --- */

static uint64_t mem_bar_read(void *dev, uint64_t off, unsigned int len)
{
	struct e1000 *d = dev;
	unsigned int at = (unsigned int)off & ~3u;
	uint64_t value = reg_read(d, at);

	if (len == 8)
		value |= (uint64_t)reg_read(d, at + 4) << 32;
	return value >> (8 * (off & 3)) & all_ones(len);
}

static void mem_bar_write(void *dev, uint64_t off, unsigned int len,
			  uint64_t value)
{
	struct e1000 *d = dev;

	if (off & 3 || len < 4)
		return;
	reg_write(d, (unsigned int)off, (uint32_t)value);
	if (len == 8)
		reg_write(d, (unsigned int)off + 4, (uint32_t)(value >> 32));
}

static uint64_t io_bar_read(void *dev, uint64_t off, unsigned int len)
{
	struct e1000 *d = dev;
	uint32_t addr = __atomic_load_n(&d->io_addr, __ATOMIC_RELAXED);

	if (len == 4 && off == IO_ADDR)
		return addr;
	if (len == 4 && off == IO_DATA && addr < MEM_LEN)
		return reg_read(d, addr & ~3u);
	return all_ones(len);
}

static void io_bar_write(void *dev, uint64_t off, unsigned int len,
			 uint64_t value)
{
	struct e1000 *d = dev;
	uint32_t addr = __atomic_load_n(&d->io_addr, __ATOMIC_RELAXED);

	if (len == 4 && off == IO_ADDR)
		__atomic_store_n(&d->io_addr, (uint32_t)value,
				 __ATOMIC_RELAXED);
	else if (len == 4 && off == IO_DATA && addr < MEM_LEN)
		reg_write(d, addr & ~3u, (uint32_t)value);
}

static const struct bus_ops mem_ops = { mem_bar_read, mem_bar_write };
static const struct bus_ops io_ops = { io_bar_read, io_bar_write };

/*
 * Written once per interrupt, and no hurry. IMC: the pin is low by then, since
 * ICR was read; should it go high, the driver reads ICR before all else. RDT:
 * see e1000_rx.c.
 */
static void post(struct e1000 *d, uint64_t addr,
		 void (*fn)(struct bus *b, uint64_t addr, uint64_t len))
{
	static const unsigned int regs[] = { REG_ITR, REG_IMC, REG_RDT };

	for (unsigned int i = 0; i < ARRAY_SIZE(regs); i++)
		fn(d->env.mmio, addr + regs[i], 4);
}

static int on_bar_mapped(struct pci_dev *pci, unsigned int bar, uint64_t addr)
{
	struct e1000 *d = dev_of(pci);
	struct bus_range *r = bar == MEM_BAR ? &d->mem_range : &d->io_range;
	struct err e = { 0 };
	int ret;

	r->base = addr;
	ret = bus_add(bar == MEM_BAR ? d->env.mmio : d->env.pio, r, &e);
	if (!ret && bar == MEM_BAR)
		post(d, addr, bus_post);
	return ret;
}

static void on_bar_unmapped(struct pci_dev *pci, unsigned int bar,
			    uint64_t addr)
{
	struct e1000 *d = dev_of(pci);

	if (bar == MEM_BAR) {
		post(d, addr, bus_unpost);
		bus_del(d->env.mmio, &d->mem_range);
	} else {
		bus_del(d->env.pio, &d->io_range);
	}
}

static void on_reset(struct pci_dev *pci)
{
	reset(dev_of(pci));
}

static const struct pci_dev_ops pci_ops = {
	.cfg_read = pci_default_cfg_read,
	.cfg_write = pci_default_cfg_write,
	.cfg_written = pci_default_cfg_written,
	.bar_mapped = on_bar_mapped,
	.bar_unmapped = on_bar_unmapped,
	.reset = on_reset,
};

/* --- its life --- */

static void on_bell(struct loop_source *s, uint32_t events)
{
	struct e1000 *d = CONTAINER_OF(s, struct e1000, bell);

	(void)events;
	pthread_mutex_lock(&d->io_lock);
	e1000_tx_run(d);
	if (!d->rx.is_waiting || d->rx.is_pending ||
	    net_has_frame(&d->back->queues[0]))
		e1000_rx_run(d);
	pthread_mutex_unlock(&d->io_lock);
}

static void init_function(struct e1000 *d)
{
	static const struct pci_ids ids = {
		.vendor = 0x8086,
		.device = 0x100e,
		.subsys_vendor = 0x8086,
		.subsys = 0x001e,
		.class_code = 0x020000,
		.revision = 2,
	};

	pci_dev_init(&d->pci, &pci_ops, d->name, &ids);
	BUG_ON(pci_dev_set_bar(&d->pci, MEM_BAR, PCI_BAR_MEM32, false,
			       MEM_LEN));
	BUG_ON(pci_dev_set_bar(&d->pci, IO_BAR, PCI_BAR_IO, false, IO_LEN));
}

static int init_events(struct e1000 *d, struct err *e)
{
	int ret;

	d->bell.ready = on_bell;
	d->bell.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->bell.fd < 0)
		return err_sys(e, d->name, "eventfd");
	/* Each ring is told, so nobody has to read the count. */
	ret = loop_add(d->loop, &d->bell, EPOLLIN | EPOLLET, e);
	if (!ret)
		ret = loop_timer_add(d->loop, &d->rx.look, e);
	return ret ? ret : e1000_irq_init(d, e);
}

int e1000_init(struct e1000 *d, const struct e1000_setup *c,
	       struct net_back *back, const struct dev_env *env, struct err *e)
{
	const struct pci_vectors_config irqs = { .host = env->pci,
						 .irq = env->irq };
	int ret;

	memset(d, 0, sizeof(*d));
	d->name = c->name;
	d->env = *env;
	d->back = back;
	d->loop = env->loops[0];
	d->bell.fd = d->throttle.source.fd = d->rx.look.source.fd = -1;
	d->mem_range = (struct bus_range){ 0, MEM_LEN, &mem_ops, d, d->name };
	d->io_range = (struct bus_range){ 0, IO_LEN, &io_ops, d, d->name };
	pthread_mutex_init(&d->lock, NULL);
	pthread_mutex_init(&d->irq_lock, NULL);
	pthread_mutex_init(&d->io_lock, NULL);
	init_function(d);
	ret = pci_vectors_init(&d->vectors, &d->pci, &irqs, e);
	if (!ret)
		ret = init_events(d, e);
	if (!ret)
		ret = net_set_offloads(back, 0, e);
	if (ret)
		return ret;
	e1000_eeprom_init(&d->eeprom, c->mac);
	e1000_rx_init(d);
	e1000_tx_init(d);
	pci_dev_set_power_on(&d->pci);
	reset(d);
	return 0;
}

int e1000_add(struct e1000 *d, int devfn, struct err *e)
{
	int ret = pci_host_add(d->env.pci, &d->pci, devfn, e);

	if (!ret)
		pci_vectors_wire(&d->vectors);
	return ret;
}

void e1000_stop(struct e1000 *d)
{
	if (!d->name || d->bell.fd < 0)
		return;
	reset(d);
	loop_del(d->loop, &d->bell);
}

void e1000_fini(struct e1000 *d)
{
	if (!d->name)
		return;
	if (d->throttle.source.fd >= 0)
		loop_timer_del(d->loop, &d->throttle);
	if (d->rx.look.source.fd >= 0)
		loop_timer_del(d->loop, &d->rx.look);
	if (d->bell.fd >= 0)
		close(d->bell.fd);
	pci_dev_fini(&d->pci);
	pci_vectors_fini(&d->vectors);
	pthread_mutex_destroy(&d->io_lock);
	pthread_mutex_destroy(&d->irq_lock);
	pthread_mutex_destroy(&d->lock);
	d->name = NULL;
}

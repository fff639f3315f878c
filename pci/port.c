// SPDX-License-Identifier: GPL-2.0-or-later
/* PCIe root ports: the bridge (type 1 header) and what is behind it. */
/*
 * How this works
 *
 * A port is a function like any other, with the header of a bridge (PCIe 6.0
 * 7.5.1.3) laid over a type 0 one. Its windows are registers and nothing else:
 * BARs behind it answer wherever the guest puts them. Its bus numbers decide
 * where config accesses go; each write of them is published in one atomic
 * (secondary | subordinate << 8) for the routers, who take no lock.
 *
 * The link is up while a function is present, the guest has the slot's power on
 * and did not disable the link; only then anything is found behind. hotplug.c
 * has the slot's registers.
 *
 * A write to the port may demand something of the functions behind it or of the
 * VM. Nobody holds two functions' locks, so that is noted in todo and done by
 * pci_port_finish when the port's lock is free again.
 *
 * The ids are those of QEMU's generic port, which has nothing of its own to
 * program: guests take it by its class, and Linux has no quirk for it, unlike
 * for Intel's ports (quirk_cmd_compl).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "pci/priv.h"

enum {
	EXP_LEN = 0x3c, /* PCIe 6.0 7.5.3 */
	PORT_MSIX_VECTORS = 1,
	PORT_BAR_LEN = 4096,
	PORT_PBA = 2048, /* in BAR 0, behind the table */
	MAX_SLOT = 8191, /* 13 bits */
	/* 16 GT/s, 16 lanes: no bottleneck that a driver would warn of. */
	LINK_SPEED = 4,
	LINK_WIDTH = 16,
	LINK_SPEEDS = 0x1e, /* 2.5 to 16 GT/s */
	MPS_512 = 2,
	MRRS_512 = 2 << 12,
	WINDOW_IO_BITS = 0xf0, /* of base and limit: 4 KiB steps */
	WINDOW_BITS = 0xfff0,  /* 1 MiB steps */
};

static struct pci_port *port_of(struct pci_dev *dev)
{
	return CONTAINER_OF(dev, struct pci_port, dev);
}

/* --- routing --- */

bool pci_port_claims(const struct pci_port *p, unsigned int bus)
{
	unsigned int buses = __atomic_load_n(&p->buses, __ATOMIC_ACQUIRE);
	unsigned int secondary = buses & 0xff, subordinate = buses >> 8;

	return secondary && bus >= secondary && bus <= subordinate;
}

struct pci_dev *pci_port_find(const struct pci_port *p, unsigned int bus,
			      unsigned int devfn)
{
	unsigned int buses = __atomic_load_n(&p->buses, __ATOMIC_ACQUIRE);

	if (bus != (buses & 0xff) || devfn >= PCI_PORT_FUNCTIONS ||
	    !__atomic_load_n(&p->link_up, __ATOMIC_ACQUIRE))
		return NULL;
	return __atomic_load_n(&p->devs[devfn], __ATOMIC_ACQUIRE);
}

static void publish_buses(struct pci_port *p)
{
	uint16_t buses = (uint16_t)pci_cfg_get(&p->dev, PCI_SECONDARY_BUS, 2);

	__atomic_store_n(&p->buses, buses, __ATOMIC_RELEASE);
}

void pci_port_set_bus(struct pci_port *p, uint8_t bus)
{
	p->dev.cfg[PCI_PRIMARY_BUS] = 0;
	p->dev.cfg[PCI_SECONDARY_BUS] = bus;
	p->dev.cfg[PCI_SUBORDINATE_BUS] = bus;
	publish_buses(p);
}

/* --- what is behind --- */

void pci_port_put(struct pci_port *p, struct pci_dev *dev, uint8_t devfn)
{
	__atomic_store_n(&p->devs[devfn], dev, __ATOMIC_RELEASE);
	pci_slot_power_on(p);
}

bool pci_port_is_occupied(const struct pci_port *p)
{
	return __atomic_load_n(&p->devs[0], __ATOMIC_ACQUIRE);
}

void pci_port_reset_behind(struct pci_port *p)
{
	for (unsigned int i = 0; i < PCI_PORT_FUNCTIONS; i++) {
		struct pci_dev *dev =
			__atomic_load_n(&p->devs[i], __ATOMIC_ACQUIRE);

		if (dev)
			pci_dev_reset(dev);
	}
}

void pci_port_finish(struct pci_port *p)
{
	uint32_t todo;

	if (!__atomic_load_n(&p->todo, __ATOMIC_ACQUIRE))
		return;
	todo = __atomic_exchange_n(&p->todo, 0, __ATOMIC_ACQ_REL);
	if (todo & PORT_RESET_BEHIND)
		pci_port_reset_behind(p);
	if (todo & PORT_TELL_REMOVED)
		p->config.ops->removed(p, p->config.ctx);
}

/* --- windows --- */

/*
 * Base and limit registers hold the upper bits of the first and of the last
 * address; a window whose base is above its limit is closed.
 */
static void put_io_window(struct pci_dev *dev, uint64_t base, uint64_t last)
{
	dev->cfg[PCI_IO_BASE] = (uint8_t)(base >> 8 & WINDOW_IO_BITS);
	dev->cfg[PCI_IO_LIMIT] = (uint8_t)(last >> 8 & WINDOW_IO_BITS);
}

void pci_port_set_window(struct pci_port *p, enum pci_bridge_window window,
			 uint64_t base, uint64_t size)
{
	struct pci_dev *dev = &p->dev;
	uint64_t last = size ? base + size - 1 : 0;

	if (!size && window != BRIDGE_IO)
		base = 0xfff00000;
	switch (window) {
	case BRIDGE_IO:
		/* Without, Linux looks for ports to give to each. */
		dev->wmask[PCI_IO_BASE] = size ? WINDOW_IO_BITS : 0;
		dev->wmask[PCI_IO_LIMIT] = dev->wmask[PCI_IO_BASE];
		put_io_window(dev, size ? base : 0, last);
		break;
	case BRIDGE_MEM:
		pci_cfg_put(dev, PCI_MEMORY_BASE, 2,
			    (uint32_t)base >> 16 & WINDOW_BITS);
		pci_cfg_put(dev, PCI_MEMORY_LIMIT, 2,
			    (uint32_t)last >> 16 & WINDOW_BITS);
		break;
	case BRIDGE_PREF:
		pci_cfg_put(dev, PCI_PREF_MEMORY_BASE, 2,
			    ((uint32_t)base >> 16 & WINDOW_BITS) |
				    PCI_PREF_RANGE_TYPE_64);
		pci_cfg_put(dev, PCI_PREF_MEMORY_LIMIT, 2,
			    ((uint32_t)last >> 16 & WINDOW_BITS) |
				    PCI_PREF_RANGE_TYPE_64);
		pci_cfg_put(dev, PCI_PREF_BASE_UPPER32, 4,
			    (uint32_t)(base >> 32));
		pci_cfg_put(dev, PCI_PREF_LIMIT_UPPER32, 4,
			    (uint32_t)(last >> 32));
		break;
	case BRIDGE_NR:
		break;
	}
}

/* --- hooks --- */

static void port_written(struct pci_dev *dev, unsigned int off,
			 unsigned int len)
{
	struct pci_port *p = port_of(dev);
	uint32_t reset = pci_cfg_get(dev, PCI_BRIDGE_CONTROL, 2) &
			 PCI_BRIDGE_CTL_BUS_RESET;

	if (pci_overlaps(off, len, PCI_PRIMARY_BUS, 4))
		publish_buses(p);
	if (pci_overlaps(off, len, PCI_BRIDGE_CONTROL, 2) && reset)
		__atomic_fetch_or(&p->todo, PORT_RESET_BEHIND,
				  __ATOMIC_RELEASE);
	if (pci_overlaps(off, len, PCI_COMMAND, 2))
		pci_slot_intx(p);
	pci_slot_written(p, off, len);
}

/* --- BAR 0: MSI-X table and PBA --- */

static uint64_t table_read(void *opaque, uint64_t off, unsigned int len)
{
	struct pci_port *p = opaque;

	if (off >= PORT_PBA)
		return pci_msix_pba_read(&p->msix, off - PORT_PBA, len);
	return pci_msix_table_read(&p->msix, off, len);
}

static void table_write(void *opaque, uint64_t off, unsigned int len,
			uint64_t value)
{
	struct pci_port *p = opaque;

	if (off < PORT_PBA)
		pci_msix_table_write(&p->msix, off, len, value);
}

static const struct bus_ops table_ops = { .read = table_read,
					  .write = table_write };

static int port_bar_mapped(struct pci_dev *dev, unsigned int bar, uint64_t addr)
{
	struct pci_port *p = port_of(dev);
	struct err e = { 0 };

	(void)bar;
	p->table_range.base = addr;
	return bus_add(p->config.mmio, &p->table_range, &e);
}

static void port_bar_unmapped(struct pci_dev *dev, unsigned int bar,
			      uint64_t addr)
{
	struct pci_port *p = port_of(dev);

	(void)bar;
	(void)addr;
	bus_del(p->config.mmio, &p->table_range);
}

static const struct pci_dev_ops port_ops = {
	.cfg_read = pci_default_cfg_read,
	.cfg_write = pci_default_cfg_write,
	.cfg_written = port_written,
	.bar_mapped = port_bar_mapped,
	.bar_unmapped = port_bar_unmapped,
	.reset = pci_default_reset, /* nothing resets one */
};

/* --- MSI-X --- */

/* An event that was raised while MSI-X was on does not outlive that. */
static void port_msix_enabled(struct pci_msix *msix, bool on)
{
	struct pci_port *p = CONTAINER_OF(msix, struct pci_port, msix);
	uint64_t count;

	if (!on && read(p->route.eventfd, &count, sizeof(count)) < 0)
		log_trace(p->dev.name, "no interrupt was waiting");
	pci_slot_intx(p);
}

/* A message that no interrupt controller takes goes nowhere. */
static void port_msix_update(struct pci_msix *msix, unsigned int first,
			     unsigned int nr)
{
	struct pci_port *p = CONTAINER_OF(msix, struct pci_port, msix);
	struct pci_msix_vector vec = pci_msix_vector(msix, 0);
	struct irq_msi msi = { vec.address, vec.data };
	struct err e = { 0 };

	(void)first;
	(void)nr;
	if (!vec.unmasked || !irq_msi_ok(vec.address)) {
		msi_route_detach(&p->route);
		return;
	}
	if (msi_route_set(&p->route, msi, &e) ||
	    msi_route_attach(&p->route, &e))
		log_guest(&p->dev.limit, p->dev.name, "no interrupts: %s",
			  e.msg);
}

static bool port_msix_pending(struct pci_msix *msix, unsigned int vector)
{
	(void)vector;
	return msi_route_pending(
		&CONTAINER_OF(msix, struct pci_port, msix)->route);
}

static const struct pci_msix_ops port_msix_ops = {
	.enabled = port_msix_enabled,
	.update = port_msix_update,
	.pending = port_msix_pending,
};

/* --- creation --- */

static const struct pci_ids port_ids = {
	.vendor = 0x1b36,
	.device = 0x000c,
	.class_code = 0x060400,
};

/* PCIe 6.0 7.5.1.3. Read-only zero: secondary latency, VGA, ROM. */
static void init_header(struct pci_port *p)
{
	struct pci_dev *dev = &p->dev;

	dev->cfg[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
	dev->cfg[PCI_INTERRUPT_PIN] = 1;
	memset(dev->wmask + PCI_PRIMARY_BUS, 0xff, 3);
	put_le(dev->wmask + PCI_MEMORY_BASE, WINDOW_BITS, 2);
	put_le(dev->wmask + PCI_MEMORY_LIMIT, WINDOW_BITS, 2);
	put_le(dev->wmask + PCI_PREF_MEMORY_BASE, WINDOW_BITS, 2);
	put_le(dev->wmask + PCI_PREF_MEMORY_LIMIT, WINDOW_BITS, 2);
	put_le(dev->wmask + PCI_PREF_BASE_UPPER32, UINT32_MAX, 4);
	put_le(dev->wmask + PCI_PREF_LIMIT_UPPER32, UINT32_MAX, 4);
	put_le(dev->wmask + PCI_BRIDGE_CONTROL,
	       PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR |
		       PCI_BRIDGE_CTL_ISA | PCI_BRIDGE_CTL_BUS_RESET,
	       2);
	for (enum pci_bridge_window w = BRIDGE_IO; w < BRIDGE_NR; w++)
		pci_port_set_window(p, w, 0, 0);
}

static void init_link(struct pci_dev *dev, unsigned int exp)
{
	pci_cfg_put(dev, exp + PCI_EXP_LNKCAP, 4,
		    LINK_SPEED | LINK_WIDTH << 4 | PCI_EXP_LNKCAP_DLLLARC |
			    1u << 22 /* ASPM optionality */);
	put_le(dev->wmask + exp + PCI_EXP_LNKCTL,
	       PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_LD | PCI_EXP_LNKCTL_CCC |
		       PCI_EXP_LNKCTL_ES,
	       2);
	pci_cfg_put(dev, exp + PCI_EXP_LNKSTA, 2,
		    LINK_SPEED | LINK_WIDTH << 4 | PCI_EXP_LNKSTA_SLC);
	pci_cfg_put(dev, exp + PCI_EXP_LNKCAP2, 4, LINK_SPEEDS);
	pci_cfg_put(dev, exp + PCI_EXP_LNKCTL2, 2, LINK_SPEED);
	put_le(dev->wmask + exp + PCI_EXP_LNKCTL2, PCI_EXP_LNKCTL2_TLS, 2);
}

static void init_exp(struct pci_port *p)
{
	struct pci_dev *dev = &p->dev;
	unsigned int exp =
		(unsigned int)pci_dev_add_cap(dev, PCI_CAP_ID_EXP, 0, EXP_LEN);
	const uint32_t control =
		PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE |
		PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE |
		PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD |
		PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ;

	p->exp_cap = exp;
	pci_cfg_put(dev, exp + PCI_EXP_FLAGS, 2,
		    2 | PCI_EXP_TYPE_ROOT_PORT << 4 | PCI_EXP_FLAGS_SLOT);
	pci_cfg_put(dev, exp + PCI_EXP_DEVCAP, 4,
		    MPS_512 | PCI_EXP_DEVCAP_RBER);
	pci_cfg_put(dev, exp + PCI_EXP_DEVCTL, 2,
		    MRRS_512 | PCI_EXP_DEVCTL_RELAX_EN);
	put_le(dev->wmask + exp + PCI_EXP_DEVCTL, control, 2);
	init_link(dev, exp);
	put_le(dev->wmask + exp + PCI_EXP_RTCTL,
	       PCI_EXP_RTCTL_SECEE | PCI_EXP_RTCTL_SENFEE |
		       PCI_EXP_RTCTL_SEFEE | PCI_EXP_RTCTL_PMEIE,
	       2);
}

static void init_pm(struct pci_dev *dev)
{
	unsigned int pm = (unsigned int)pci_dev_add_cap(dev, PCI_CAP_ID_PM, 0,
							PCI_PM_SIZEOF);

	pci_cfg_put(dev, pm + PCI_PM_PMC, 2, 3); /* version */
	pci_cfg_put(dev, pm + PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET);
	put_le(dev->wmask + pm + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK, 2);
}

static int init_msix(struct pci_port *p)
{
	struct pci_dev *dev = &p->dev;
	unsigned int cap = (unsigned int)pci_dev_add_cap(
		dev, PCI_CAP_ID_MSIX, 0, PCI_CAP_MSIX_SIZEOF);
	int ret = pci_dev_set_bar(dev, 0, PCI_BAR_MEM32, false, PORT_BAR_LEN);

	BUG_ON(ret);
	pci_cfg_put(dev, cap + PCI_MSIX_FLAGS, 2, PORT_MSIX_VECTORS - 1);
	pci_cfg_put(dev, cap + PCI_MSIX_PBA, 4, PORT_PBA);
	p->table_range = (struct bus_range){ .len = PORT_BAR_LEN,
					     .ops = &table_ops,
					     .dev = p,
					     .name = dev->name };
	return pci_msix_init(&p->msix, dev, cap, &port_msix_ops);
}

int pci_port_init(struct pci_port *p, const struct pci_port_config *config,
		  struct err *e)
{
	int ret;

	memset(p, 0, sizeof(*p));
	if (config->slot < 1 || config->slot > MAX_SLOT)
		return err_set(e, EINVAL,
			       "%s: slot number %u, a PCIe port's is 1 to %d",
			       config->name, config->slot, MAX_SLOT);
	p->config = *config;
	p->intx.irq = config->irq;
	pci_dev_init(&p->dev, &port_ops, config->name, &port_ids);
	p->dev.port = p;
	init_header(p);
	init_pm(&p->dev);
	init_exp(p);
	ret = init_msix(p);
	if (ret)
		err_set(e, -ret, "%s: out of memory", config->name);
	else
		ret = msi_route_init(&p->route, config->irq, e);
	if (ret) {
		pci_port_fini(p);
		return err_ctx(e, ret, "%s: hot-plug interrupt", config->name);
	}
	pci_slot_init(p);
	pci_dev_set_power_on(&p->dev);
	return 0;
}

void pci_port_fini(struct pci_port *p)
{
	if (!p->dev.ops)
		return;
	pci_dev_fini(&p->dev);
	msi_route_fini(&p->route);
	pci_msix_fini(&p->msix);
}

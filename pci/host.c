// SPDX-License-Identifier: GPL-2.0-or-later
/* The host bridge: who sits where, and the two ways to their config. */
/*
 * How this works
 *
 * Both ways end in config_read and config_write, which find the function and
 * hand it offset and length. devs[] is bus 0 and does not change once vCPUs
 * run, and ports publish what is behind them by atomics, so that finding takes
 * no lock. What is not there reads all-ones and swallows writes, like a bus on
 * which nobody answers.
 *
 * Other buses are those of root ports, under whatever numbers the guest wrote
 * into them. Numbers that make no sense only hide functions from the guest that
 * wrote them; of two ports that claim a number the first has it.
 *
 * ECAM (PCIe 6.0 7.2.2): one segment, 1 MiB per bus. The offset is bus << 20 |
 * devfn << 12 | register. Eight bytes are two dwords.
 *
 * Mechanism #1 (PCI 3.0 3.2.2.3.2): a dword written to 0xcf8 names bus, device,
 * function and dword; 0xcfc to 0xcff are that dword. Narrower accesses to
 * 0xcf8-0xcfb belong to other registers on a PC (0xcf9 resets it); none of them
 * is here. Address and data are two accesses: guests lock around the pair, and
 * one that does not only confuses itself.
 */
#include <errno.h>
#include <string.h>

#include "pci/priv.h"

enum {
	ECAM_BUS_SHIFT = 20,
	CF8_PORT = 0xcf8,
	CF8_LEN = 8,
	CF8_DATA = 4, /* offset of 0xcfc */
	NR_SLOTS = 32,
	MULTI_FUNCTION = 0x80, /* in header type, PCIe 6.0 7.5.1.1.9 */
};

/* Mechanism #1's address: enable, bus, devfn, dword; the rest reads 0. */
#define CF8_ENABLE   0x80000000u
#define CF8_WRITABLE 0x80fffffcu

/* A dword or part of one, on its way to a function. */
struct target {
	unsigned int bus, devfn, reg;
};

static struct pci_dev *find_dev(const struct pci_host *h, struct target t)
{
	if (t.bus == 0)
		return h->devs[t.devfn];
	if (t.bus >= pci_layout_buses(&h->layout))
		return NULL;
	for (unsigned int i = 0; i < h->nr_ports; i++)
		if (pci_port_claims(h->ports[i], t.bus))
			return pci_port_find(h->ports[i], t.bus, t.devfn);
	return NULL;
}

static uint32_t config_read(struct pci_host *h, struct target t,
			    unsigned int len)
{
	struct pci_dev *dev = find_dev(h, t);

	return dev ? pci_dev_read(dev, t.reg, len) : (uint32_t)all_ones(len);
}

static void config_write(struct pci_host *h, struct target t, unsigned int len,
			 uint32_t value)
{
	struct pci_dev *dev = find_dev(h, t);

	if (!dev)
		return;
	pci_dev_write(dev, t.reg, len, value);
	if (dev->port)
		pci_port_finish(dev->port);
}

static struct target ecam_target(uint64_t off)
{
	return (struct target){
		.bus = (unsigned int)(off >> ECAM_BUS_SHIFT),
		.devfn = (unsigned int)(off >> 12) & 0xff,
		.reg = (unsigned int)off & 0xfff,
	};
}

static uint64_t ecam_read(void *opaque, uint64_t off, unsigned int len)
{
	if (len == 8)
		return ecam_read(opaque, off, 4) | ecam_read(opaque, off + 4, 4)
							   << 32;
	return config_read(opaque, ecam_target(off), len);
}

static void ecam_write(void *opaque, uint64_t off, unsigned int len,
		       uint64_t value)
{
	if (len == 8) {
		ecam_write(opaque, off, 4, (uint32_t)value);
		ecam_write(opaque, off + 4, 4, value >> 32);
		return;
	}
	config_write(opaque, ecam_target(off), len, (uint32_t)value);
}

/* Whether port off and the latch name a function; if so, which. */
static bool cf8_target(struct pci_host *h, uint64_t off, struct target *t)
{
	uint32_t cf8 = __atomic_load_n(&h->cf8, __ATOMIC_RELAXED);

	if (off < CF8_DATA || off >= CF8_LEN || !(cf8 & CF8_ENABLE))
		return false;
	*t = (struct target){
		.bus = cf8 >> 16 & 0xff,
		.devfn = cf8 >> 8 & 0xff,
		.reg = (cf8 & 0xfc) + (unsigned int)(off - CF8_DATA),
	};
	return true;
}

static uint64_t cf8_read(void *opaque, uint64_t off, unsigned int len)
{
	struct pci_host *h = opaque;
	struct target t;

	if (off == 0 && len == 4)
		return __atomic_load_n(&h->cf8, __ATOMIC_RELAXED);
	if (!cf8_target(h, off, &t))
		return all_ones(len);
	return config_read(h, t, len);
}

static void cf8_write(void *opaque, uint64_t off, unsigned int len,
		      uint64_t value)
{
	struct pci_host *h = opaque;
	struct target t;

	if (off == 0 && len == 4)
		__atomic_store_n(&h->cf8, (uint32_t)value & CF8_WRITABLE,
				 __ATOMIC_RELAXED);
	else if (cf8_target(h, off, &t))
		config_write(h, t, len, (uint32_t)value);
}

static const struct bus_ops ecam_ops = { .read = ecam_read,
					 .write = ecam_write };
static const struct bus_ops cf8_ops = { .read = cf8_read, .write = cf8_write };

static const struct pci_dev_ops bridge_ops = {
	.cfg_read = pci_default_cfg_read,
	.cfg_write = pci_default_cfg_write,
	.cfg_written = pci_default_cfg_written,
	.bar_mapped = pci_default_bar_mapped,
	.bar_unmapped = pci_default_bar_unmapped,
	.reset = pci_default_reset,
};

/* Intel's "virtual" host bridge, which Cloud Hypervisor's firmware looks for.
 */
static const struct pci_ids bridge_ids = {
	.vendor = 0x8086,
	.device = 0x0d57,
	.class_code = 0x060000,
};

static int window_check(const char *name, struct pci_window w, uint64_t limit,
			struct err *e)
{
	if (w.size == 0 || (w.base < limit && w.size <= limit - w.base))
		return 0;
	return err_set(
		e, EINVAL,
		"host bridge: the %s window of 0x%llx bytes at 0x%llx ends beyond 0x%llx",
		name, (unsigned long long)w.size, (unsigned long long)w.base,
		(unsigned long long)limit);
}

static int layout_check(const struct pci_host_layout *l, struct err *e)
{
	int ret = window_check("I/O", l->io, KIB(64), e);

	if (pci_layout_buses(l) > PCI_MAX_BUSES)
		return err_set(e, EINVAL,
			       "host bridge: %u buses, a segment has %d",
			       l->nr_buses, PCI_MAX_BUSES);
	if (!ret)
		ret = window_check("32-bit memory", l->mem32, GIB(4), e);
	if (!ret)
		ret = window_check("64-bit memory", l->mem64,
				   1ULL << PCI_ADDR_BITS, e);
	return ret;
}

int pci_host_init(struct pci_host *h, struct bus *mmio, struct bus *pio,
		  const struct pci_host_layout *layout, struct err *e)
{
	int ret;

	memset(h, 0, sizeof(*h));
	ret = layout_check(layout, e);
	if (ret)
		return ret;
	h->layout = *layout;
	h->ecam_range =
		(struct bus_range){ .base = layout->ecam,
				    .len = (uint64_t)pci_layout_buses(layout)
					   << ECAM_BUS_SHIFT,
				    .ops = &ecam_ops,
				    .dev = h,
				    .name = "PCI ECAM" };
	h->cf8_range = (struct bus_range){ .base = CF8_PORT,
					   .len = CF8_LEN,
					   .ops = &cf8_ops,
					   .dev = h,
					   .name = "PCI config ports" };
	ret = bus_add(mmio, &h->ecam_range, e);
	if (ret)
		return ret;
	ret = bus_add(pio, &h->cf8_range, e);
	if (ret)
		goto out_ecam;
	h->mmio = mmio;
	h->pio = pio;
	pthread_mutex_init(&h->intx_lock, NULL);
	pci_dev_init(&h->bridge, &bridge_ops, "host bridge", &bridge_ids);
	h->devs[0] = &h->bridge;
	return 0;

out_ecam:
	bus_del(mmio, &h->ecam_range);
	return ret;
}

void pci_host_fini(struct pci_host *h)
{
	if (!h->mmio)
		return;
	bus_del(h->pio, &h->cf8_range);
	bus_del(h->mmio, &h->ecam_range);
	pci_dev_fini(&h->bridge);
	pthread_mutex_destroy(&h->intx_lock);
	h->nr_ports = 0;
	memset(h->devs, 0, sizeof(h->devs));
	h->mmio = NULL;
}

/* --- who sits where --- */

/* Function 0 of the slot that place is in is at [0] of its eight. */
static struct pci_dev *const *slot_of(const struct pci_host *h,
				      const struct pci_place *place)
{
	return place->port ? place->port->devs : &h->devs[place->devfn & ~7];
}

static void take_free(const struct pci_host *h, struct pci_place *place)
{
	place->devfn = 0;
	while (!place->port && place->devfn < NR_SLOTS << 3 &&
	       h->devs[place->devfn])
		place->devfn += 1 << 3;
}

/* "00:03.1", or "function 1 behind port left". */
static const char *place_str(const struct pci_place *place, char *buf,
			     size_t len)
{
	unsigned int devfn = (unsigned int)place->devfn;

	if (place->port)
		snprintf(buf, len, "function %u behind port %s", devfn & 7,
			 place->port->dev.name);
	else
		snprintf(buf, len, "00:%02x.%x", devfn >> 3, devfn & 7);
	return buf;
}

static int check_devfn(const char *name, const struct pci_place *place,
		       struct err *e)
{
	if (place->port && place->devfn >= PCI_PORT_FUNCTIONS) {
		err_set(e, EINVAL,
			"%s: only device 0 with functions 0 to 7 can be behind port %s",
			name, place->port->dev.name);
		err_hint(e, "give it address 00.0, or a port of its own");
		return -EINVAL;
	}
	if (place->devfn < NR_SLOTS << 3)
		return 0;
	return err_set(
		e, EINVAL,
		"%s: no device and function number 0x%x on a PCI bus, 0xff is the last",
		name, (unsigned int)place->devfn);
}

static int check_function_0(const struct pci_host *h, const char *name,
			    const struct pci_place *place, struct err *e)
{
	struct pci_place first = { place->port, place->devfn & ~7 };
	char where[64];

	if (!(place->devfn & 7) || slot_of(h, place)[0])
		return 0;
	err_set(e, EINVAL,
		"%s: guest address %s needs a function 0 in that slot, or no guest would look for it",
		name, place_str(place, where, sizeof(where)));
	err_hint(e, "add %s first", place_str(&first, where, sizeof(where)));
	return -EINVAL;
}

int pci_host_find(const struct pci_host *h, const char *name,
		  struct pci_place *place, struct err *e)
{
	bool any = place->devfn < 0;
	const struct pci_dev *other;
	char where[64];
	int ret;

	if (any)
		take_free(h, place);
	if (any && place->devfn == NR_SLOTS << 3) {
		err_set(e, ENOSPC,
			"%s: no free slot on the guest's PCI bus, which has %d",
			name, NR_SLOTS);
		err_hint(
			e,
			"give several devices functions of one slot, or the guest fewer devices");
		return -ENOSPC;
	}
	ret = check_devfn(name, place, e);
	if (ret)
		return ret;
	other = slot_of(h, place)[place->devfn & 7];
	if (other)
		return err_set(e, EEXIST, "%s: guest address %s is taken by %s",
			       name, place_str(place, where, sizeof(where)),
			       other->name);
	return check_function_0(h, name, place, e);
}

static void set_multi_function(struct pci_dev *dev, bool on)
{
	uint8_t bit = on ? MULTI_FUNCTION : 0;

	dev->vmask[PCI_HEADER_TYPE] = 0xff;
	dev->cfg[PCI_HEADER_TYPE] =
		(uint8_t)((dev->cfg[PCI_HEADER_TYPE] & ~MULTI_FUNCTION) | bit);
	dev->power_on[PCI_HEADER_TYPE] = dev->cfg[PCI_HEADER_TYPE];
}

int pci_host_add_at(struct pci_host *h, struct pci_dev *dev,
		    struct pci_place place, struct err *e)
{
	int ret = pci_host_find(h, dev->name, &place, e);

	if (ret)
		return ret;
	dev->devfn = (uint8_t)place.devfn;
	dev->behind = place.port;
	if (place.port)
		pci_port_put(place.port, dev, dev->devfn);
	else
		h->devs[place.devfn] = dev;
	set_multi_function(dev, place.devfn & 7);
	if (place.devfn & 7)
		set_multi_function(slot_of(h, &place)[0], true);
	return 0;
}

int pci_host_add(struct pci_host *h, struct pci_dev *dev, int devfn,
		 struct err *e)
{
	return pci_host_add_at(h, dev, (struct pci_place){ NULL, devfn }, e);
}

int pci_host_add_port(struct pci_host *h, struct pci_port *port, int devfn,
		      struct err *e)
{
	struct pci_place place = { NULL, devfn };
	int ret;

	if (h->nr_ports == PCI_MAX_PORTS ||
	    h->nr_ports + 1 >= pci_layout_buses(&h->layout))
		return err_set(
			e, ENOSPC,
			"%s: no bus number left for another PCIe port, %u are in use",
			port->dev.name, h->nr_ports + 1);
	ret = pci_host_find(h, port->dev.name, &place, e);
	if (!ret)
		ret = pci_host_add_at(h, &port->dev, place, e);
	if (ret)
		return ret;
	port->host = h;
	port->intx.gsi =
		pci_intx_gsi(h, place, port->dev.cfg[PCI_INTERRUPT_PIN]);
	h->ports[h->nr_ports++] = port;
	return 0;
}

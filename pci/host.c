// SPDX-License-Identifier: GPL-2.0-or-later
/* The host bridge: who sits where on bus 0, and the two ways to their config.
 */
/*
 * How this works
 *
 * Both ways end in config_read and config_write, which find the function in
 * devs[] and hand it offset and length. devs[] does not change once vCPUs run,
 * so that finding takes no lock. What is not there reads all-ones and swallows
 * writes, like a bus on which nobody answers.
 *
 * ECAM (PCIe 6.0 7.2.2): one segment, bus 0 only, thus 1 MiB. The offset is
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
	ECAM_LEN = 1 << 20,
	CF8_PORT = 0xcf8,
	CF8_LEN = 8,
	CF8_DATA = 4, /* offset of 0xcfc */
	NR_SLOTS = 32,
	MULTI_FUNCTION = 0x80, /* in header type, PCIe 6.0 7.5.1.1.9 */
};

/* Mechanism #1's address: enable, bus, devfn, dword; the rest reads 0. */
#define CF8_ENABLE   0x80000000u
#define CF8_WRITABLE 0x80fffffcu

static uint32_t config_read(struct pci_host *h, uint8_t devfn, unsigned int off,
			    unsigned int len)
{
	struct pci_dev *dev = h->devs[devfn];

	return dev ? pci_dev_read(dev, off, len) : (uint32_t)all_ones(len);
}

static void config_write(struct pci_host *h, uint8_t devfn, unsigned int off,
			 unsigned int len, uint32_t value)
{
	struct pci_dev *dev = h->devs[devfn];

	if (dev)
		pci_dev_write(dev, off, len, value);
}

static uint64_t ecam_read(void *opaque, uint64_t off, unsigned int len)
{
	struct pci_host *h = opaque;

	if (len == 8)
		return ecam_read(h, off, 4) | ecam_read(h, off + 4, 4) << 32;
	if (off >= ECAM_LEN)
		return all_ones(len);
	return config_read(h, (uint8_t)(off >> 12), (unsigned int)off & 0xfff,
			   len);
}

static void ecam_write(void *opaque, uint64_t off, unsigned int len,
		       uint64_t value)
{
	struct pci_host *h = opaque;

	if (len == 8) {
		ecam_write(h, off, 4, (uint32_t)value);
		ecam_write(h, off + 4, 4, value >> 32);
		return;
	}
	if (off < ECAM_LEN)
		config_write(h, (uint8_t)(off >> 12), (unsigned int)off & 0xfff,
			     len, (uint32_t)value);
}

/* Whether port off and the latch name a function on bus 0; if so, which and
 * what of it. */
static bool cf8_target(struct pci_host *h, uint64_t off, uint8_t *devfn,
		       unsigned int *reg)
{
	uint32_t cf8 = __atomic_load_n(&h->cf8, __ATOMIC_RELAXED);

	if (off < CF8_DATA || off >= CF8_LEN || !(cf8 & CF8_ENABLE) ||
	    cf8 >> 16 & 0xff)
		return false;
	*devfn = (uint8_t)(cf8 >> 8);
	*reg = (cf8 & 0xfc) + (unsigned int)(off - CF8_DATA);
	return true;
}

static uint64_t cf8_read(void *opaque, uint64_t off, unsigned int len)
{
	struct pci_host *h = opaque;
	unsigned int reg;
	uint8_t devfn;

	if (off == 0 && len == 4)
		return __atomic_load_n(&h->cf8, __ATOMIC_RELAXED);
	if (!cf8_target(h, off, &devfn, &reg))
		return all_ones(len);
	return config_read(h, devfn, reg, len);
}

static void cf8_write(void *opaque, uint64_t off, unsigned int len,
		      uint64_t value)
{
	struct pci_host *h = opaque;
	unsigned int reg;
	uint8_t devfn;

	if (off == 0 && len == 4)
		__atomic_store_n(&h->cf8, (uint32_t)value & CF8_WRITABLE,
				 __ATOMIC_RELAXED);
	else if (cf8_target(h, off, &devfn, &reg))
		config_write(h, devfn, reg, len, (uint32_t)value);
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
	h->ecam_range = (struct bus_range){ .base = layout->ecam,
					    .len = ECAM_LEN,
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
	memset(h->devs, 0, sizeof(h->devs));
	h->mmio = NULL;
}

static int free_slot(const struct pci_host *h)
{
	for (int slot = 0; slot < NR_SLOTS; slot++)
		if (!h->devs[slot << 3])
			return slot << 3;
	return -ENOSPC;
}

static int place_check(const struct pci_host *h, const struct pci_dev *dev,
		       int devfn, struct err *e)
{
	if (devfn == -ENOSPC) {
		err_set(e, ENOSPC,
			"%s: no free slot on the guest's PCI bus, which has %d",
			dev->name, NR_SLOTS);
		err_hint(
			e,
			"give several devices functions of one slot, or the guest fewer devices");
		return -ENOSPC;
	}
	if (devfn > 0xff)
		return err_set(
			e, EINVAL,
			"%s: no device and function number 0x%x on a PCI bus, 0xff is the last",
			dev->name, (unsigned int)devfn);
	if (h->devs[devfn])
		return err_set(e, EEXIST,
			       "%s: guest address 00:%02x.%x is taken by %s",
			       dev->name, (unsigned int)devfn >> 3,
			       (unsigned int)devfn & 7, h->devs[devfn]->name);
	if ((devfn & 7) && !h->devs[devfn & ~7]) {
		err_set(e, EINVAL,
			"%s: guest address 00:%02x.%x needs a function 0 in that slot, or no guest would look for it",
			dev->name, (unsigned int)devfn >> 3,
			(unsigned int)devfn & 7);
		err_hint(e, "add 00:%02x.0 first", (unsigned int)devfn >> 3);
		return -EINVAL;
	}
	return 0;
}

static void set_multi_function(struct pci_dev *dev, bool on)
{
	uint8_t bit = on ? MULTI_FUNCTION : 0;

	dev->vmask[PCI_HEADER_TYPE] = 0xff;
	dev->cfg[PCI_HEADER_TYPE] =
		(uint8_t)((dev->cfg[PCI_HEADER_TYPE] & ~MULTI_FUNCTION) | bit);
	dev->power_on[PCI_HEADER_TYPE] = dev->cfg[PCI_HEADER_TYPE];
}

int pci_host_add(struct pci_host *h, struct pci_dev *dev, int devfn,
		 struct err *e)
{
	int ret;

	if (devfn < 0)
		devfn = free_slot(h);
	ret = place_check(h, dev, devfn, e);
	if (ret)
		return ret;
	dev->devfn = (uint8_t)devfn;
	h->devs[devfn] = dev;
	set_multi_function(dev, devfn & 7);
	if (devfn & 7)
		set_multi_function(h->devs[devfn & ~7], true);
	return 0;
}

void pci_host_reset(struct pci_host *h)
{
	__atomic_store_n(&h->cf8, 0, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < ARRAY_SIZE(h->devs); i++)
		if (h->devs[i])
			pci_dev_reset(h->devs[i]);
}

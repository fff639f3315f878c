// SPDX-License-Identifier: GPL-2.0-or-later
/* A function's config space: who may read and write which bit of it. */
/*
 * How this works
 *
 * cfg holds what the model answers; vmask, wmask and w1cmask say for each bit
 * whether it does, and what a write may do to it. So header fields that are
 * read-only need no code: nothing is writable unless a mask says so.
 *
 * A write goes through five steps, always in this order:
 *   1. the masks decide what lands in cfg;
 *   2. BARs that no longer answer where they did are unmapped;
 *   3. pieces with bits that are not virtual go to ops->cfg_write;
 *   4. INTx, MSI and MSI-X follow (intx.c), then ops->cfg_written hears of it;
 *   5. BARs that answer now are mapped.
 * 2 before 3 and 5 last, so that a BAR is never mapped while the device behind
 * does not decode it, if its owner passes decode bits on.
 *
 * Bridges (type 1 headers) are laid over this by port.c. Left out on purpose:
 * special cycles.
 */
#include <string.h>

#include "pci/priv.h"

uint32_t pci_default_cfg_read(struct pci_dev *dev, unsigned int off,
			      unsigned int len)
{
	return pci_cfg_get(dev, off, len);
}

void pci_default_cfg_write(struct pci_dev *dev, unsigned int off,
			   unsigned int len, uint32_t value)
{
	(void)dev;
	(void)off;
	(void)len;
	(void)value;
}

void pci_default_cfg_written(struct pci_dev *dev, unsigned int off,
			     unsigned int len)
{
	(void)dev;
	(void)off;
	(void)len;
}

void pci_default_reset(struct pci_dev *dev)
{
	(void)dev;
}

void pci_dev_init(struct pci_dev *dev, const struct pci_dev_ops *ops,
		  const char *name, const struct pci_ids *ids)
{
	memset(dev, 0, sizeof(*dev));
	dev->ops = ops;
	dev->name = name;
	pthread_mutex_init(&dev->lock, NULL);
	memset(dev->vmask, 0xff, sizeof(dev->vmask));

	pci_cfg_put(dev, PCI_VENDOR_ID, 2, ids->vendor);
	pci_cfg_put(dev, PCI_DEVICE_ID, 2, ids->device);
	pci_cfg_put(dev, PCI_CLASS_REVISION, 4,
		    ids->class_code << 8 | ids->revision);
	pci_cfg_put(dev, PCI_SUBSYSTEM_VENDOR_ID, 2, ids->subsys_vendor);
	pci_cfg_put(dev, PCI_SUBSYSTEM_ID, 2, ids->subsys);

	put_le(dev->wmask + PCI_COMMAND,
	       PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
		       PCI_COMMAND_INTX_DISABLE,
	       2);
	dev->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
	dev->wmask[PCI_INTERRUPT_LINE] = 0xff;
	pci_dev_set_power_on(dev);
}

void pci_dev_fini(struct pci_dev *dev)
{
	if (!dev->ops)
		return;
	pthread_mutex_lock(&dev->lock);
	pci_cfg_put(dev, PCI_COMMAND, 2, 0);
	pci_bars_unmap_stale(dev);
	pthread_mutex_unlock(&dev->lock);
	pthread_mutex_destroy(&dev->lock);
	dev->ops = NULL;
}

void pci_dev_set_power_on(struct pci_dev *dev)
{
	memcpy(dev->power_on, dev->cfg, sizeof(dev->power_on));
}

/* Inside one dword, as every access to config space has to be. */
static bool access_ok(unsigned int off, unsigned int len)
{
	if (len != 1 && len != 2 && len != 4)
		return false;
	return off < PCI_CFG_LEN && (off & 3) + len <= 4;
}

static bool has_physical(const struct pci_dev *dev, unsigned int off,
			 unsigned int len)
{
	return get_le(dev->vmask + off, len) != all_ones(len);
}

static uint32_t read_physical(struct pci_dev *dev, unsigned int off,
			      unsigned int len)
{
	/* Only a word at an odd address is not aligned. */
	if (off & (len - 1))
		return (dev->ops->cfg_read(dev, off, 1) & 0xff) |
		       (dev->ops->cfg_read(dev, off + 1, 1) & 0xff) << 8;
	return dev->ops->cfg_read(dev, off, len) & (uint32_t)all_ones(len);
}

uint32_t pci_dev_read_locked(struct pci_dev *dev, unsigned int off,
			     unsigned int len)
{
	uint32_t value, vmask;

	if (!access_ok(off, len))
		return (uint32_t)all_ones(len);
	pci_irqs_refresh(dev, off, len);
	value = pci_cfg_get(dev, off, len);
	if (has_physical(dev, off, len)) {
		vmask = (uint32_t)get_le(dev->vmask + off, len);
		value = (value & vmask) |
			(read_physical(dev, off, len) & ~vmask);
	}
	log_trace(dev->name, "config read 0x%03x/%u: 0x%x", off, len, value);
	return value;
}

uint32_t pci_dev_read(struct pci_dev *dev, unsigned int off, unsigned int len)
{
	uint32_t value;

	pthread_mutex_lock(&dev->lock);
	value = pci_dev_read_locked(dev, off, len);
	pthread_mutex_unlock(&dev->lock);
	return value;
}

static void take_virtual(struct pci_dev *dev, unsigned int off,
			 unsigned int len, uint32_t value)
{
	uint32_t cfg = pci_cfg_get(dev, off, len);
	uint32_t vmask = (uint32_t)get_le(dev->vmask + off, len);
	uint32_t wmask = (uint32_t)get_le(dev->wmask + off, len) & vmask;
	uint32_t w1c = (uint32_t)get_le(dev->w1cmask + off, len) & vmask;

	cfg = (cfg & ~wmask) | (value & wmask);
	pci_cfg_put(dev, off, len, cfg & ~(value & w1c));
}

/*
 * Halves the access until each piece is aligned and has physical bits in each
 * byte: a byte that is all virtual must not reach the device, where writing it
 * may do something.
 */
static void write_physical(struct pci_dev *dev, unsigned int off,
			   unsigned int len, uint32_t value)
{
	unsigned int half = len / 2;
	bool whole = !(off & (len - 1));
	uint32_t vmask = (uint32_t)get_le(dev->vmask + off, len);

	if (!has_physical(dev, off, len))
		return;
	for (unsigned int i = 0; i < len; i++)
		whole &= has_physical(dev, off + i, 1);
	if (!whole) {
		write_physical(dev, off, half, value);
		write_physical(dev, off + half, half, value >> (8 * half));
		return;
	}
	if (vmask)
		value = (value & ~vmask) |
			(dev->ops->cfg_read(dev, off, len) & vmask);
	dev->ops->cfg_write(dev, off, len, value & (uint32_t)all_ones(len));
}

void pci_dev_write_locked(struct pci_dev *dev, unsigned int off,
			  unsigned int len, uint32_t value)
{
	if (!access_ok(off, len))
		return;
	log_trace(dev->name, "config write 0x%03x/%u: 0x%x", off, len, value);
	value &= (uint32_t)all_ones(len);
	take_virtual(dev, off, len, value);
	if (pci_bars_touched(off, len))
		pci_bars_unmap_stale(dev);
	write_physical(dev, off, len, value);
	if (pci_irqs_touched(dev, off, len))
		pci_irqs_follow(dev);
	dev->ops->cfg_written(dev, off, len);
	if (pci_bars_touched(off, len))
		pci_bars_map(dev);
}

void pci_dev_write(struct pci_dev *dev, unsigned int off, unsigned int len,
		   uint32_t value)
{
	pthread_mutex_lock(&dev->lock);
	pci_dev_write_locked(dev, off, len, value);
	pthread_mutex_unlock(&dev->lock);
}

void pci_dev_reset_locked(struct pci_dev *dev)
{
	memcpy(dev->cfg, dev->power_on, sizeof(dev->cfg));
	pci_bars_unmap_stale(dev);
	pci_dev_irqs_off_locked(dev);
	dev->ops->reset(dev);
	pci_bars_map(dev);
}

void pci_dev_reset(struct pci_dev *dev)
{
	pthread_mutex_lock(&dev->lock);
	pci_dev_reset_locked(dev);
	pthread_mutex_unlock(&dev->lock);
}

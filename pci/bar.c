// SPDX-License-Identifier: GPL-2.0-or-later
/* BAR registers, and where a function answers because of them. */
/*
 * How this works
 *
 * A BAR's size is its write mask: address bits below the size read as zero, so
 * that the guest sizes it by writing all-ones (PCIe 6.0 7.5.1.2.1). After a
 * write to a BAR or to the command register, each BAR's wish (where it should
 * answer, if anywhere) is worked out from the registers and compared with what
 * is mapped. All that changed are unmapped before any is mapped, so that two
 * BARs can swap places. A 64-bit BAR that is written in halves while decode is
 * on may visit an address in between, as it would on a real bus.
 *
 * A guest that leaves decode on while it sizes a BAR puts it at the end of the
 * address space for a moment. Such an address, 0, and what lies beyond any
 * physical address is nowhere: nothing is mapped, and nothing is said. Only
 * what the owner refuses (an overlap, most often) is worth a line.
 */
#include <errno.h>
#include <string.h>

#include "pci/priv.h"

int pci_default_bar_mapped(struct pci_dev *dev, unsigned int bar, uint64_t addr)
{
	(void)dev;
	(void)bar;
	(void)addr;
	return 0;
}

void pci_default_bar_unmapped(struct pci_dev *dev, unsigned int bar,
			      uint64_t addr)
{
	(void)dev;
	(void)bar;
	(void)addr;
}

const char *pci_bar_name(unsigned int n)
{
	static const char *const names[PCI_NR_REGIONS] = {
		"BAR 0", "BAR 1", "BAR 2", "BAR 3", "BAR 4", "BAR 5", "ROM",
	};

	return names[n];
}

static unsigned int bar_reg(unsigned int n)
{
	return n == PCI_BAR_ROM ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * n;
}

static uint64_t addr_bits(unsigned int n, enum pci_bar_type type)
{
	if (n == PCI_BAR_ROM)
		return (uint32_t)PCI_ROM_ADDRESS_MASK;
	if (type == PCI_BAR_IO)
		return (uint32_t)PCI_BASE_ADDRESS_IO_MASK;
	if (type == PCI_BAR_MEM32)
		return (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
	return (uint64_t)PCI_BASE_ADDRESS_MEM_MASK;
}

static bool size_ok(unsigned int n, enum pci_bar_type type, uint64_t size)
{
	if (!is_pow2(size))
		return false;
	if (n == PCI_BAR_ROM)
		return type == PCI_BAR_MEM32 && size >= KIB(2) &&
		       size <= GIB(2);
	switch (type) {
	case PCI_BAR_IO:
		return size >= 4 && size <= KIB(32);
	case PCI_BAR_MEM32:
		return size >= 16 && size <= GIB(2);
	case PCI_BAR_MEM64:
		return size >= 16 && size <= 1ULL << (PCI_ADDR_BITS - 1);
	case PCI_BAR_NONE:
		break;
	}
	return false;
}

/* Whether BAR n can be of that type beside those that are there. */
static bool place_ok(const struct pci_dev *dev, unsigned int n,
		     enum pci_bar_type type)
{
	if (n == PCI_BAR_ROM)
		return true;
	if (n > 0 && dev->bars[n - 1].type == PCI_BAR_MEM64)
		return false;
	if (type != PCI_BAR_MEM64)
		return true;
	return n + 1 < PCI_NR_BARS && dev->bars[n + 1].type == PCI_BAR_NONE;
}

static uint32_t type_bits(unsigned int n, enum pci_bar_type type, bool prefetch)
{
	uint32_t bits = prefetch ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0;

	if (n == PCI_BAR_ROM || type == PCI_BAR_NONE)
		return 0;
	if (type == PCI_BAR_IO)
		return PCI_BASE_ADDRESS_SPACE_IO;
	if (type == PCI_BAR_MEM64)
		bits |= PCI_BASE_ADDRESS_MEM_TYPE_64;
	return bits;
}

/* A register's bytes start from zero: read-only, virtual. */
static void clear_reg(struct pci_dev *dev, unsigned int reg, unsigned int len)
{
	memset(dev->cfg + reg, 0, len);
	memset(dev->wmask + reg, 0, len);
	memset(dev->w1cmask + reg, 0, len);
	memset(dev->vmask + reg, 0xff, len);
}

int pci_dev_set_bar(struct pci_dev *dev, unsigned int n, enum pci_bar_type type,
		    bool prefetch, uint64_t size)
{
	unsigned int reg, len;
	uint64_t wmask = 0;

	if (n >= PCI_NR_REGIONS || !place_ok(dev, n, type))
		return -EINVAL;
	if (type == PCI_BAR_NONE ? size != 0 : !size_ok(n, type, size))
		return -EINVAL;
	reg = bar_reg(n);
	len = type == PCI_BAR_MEM64 || dev->bars[n].type == PCI_BAR_MEM64 ? 8
									  : 4;
	if (type != PCI_BAR_NONE)
		wmask = ~(size - 1) & addr_bits(n, type);
	if (n == PCI_BAR_ROM && type != PCI_BAR_NONE)
		wmask |= PCI_ROM_ADDRESS_ENABLE;
	clear_reg(dev, reg, len);
	put_le(dev->wmask + reg, wmask, len);
	pci_cfg_put(dev, reg, 4, type_bits(n, type, prefetch));
	dev->bars[n] = (struct pci_bar){ .type = type,
					 .prefetch = prefetch,
					 .size = size };
	return 0;
}

void pci_bar_put(struct pci_dev *dev, unsigned int n, uint64_t addr)
{
	enum pci_bar_type type = dev->bars[n].type;
	unsigned int reg = bar_reg(n), len = type == PCI_BAR_MEM64 ? 8 : 4;
	uint64_t mask = addr_bits(n, type);
	uint64_t old = get_le(dev->cfg + reg, len);

	put_le(dev->cfg + reg, (old & ~mask) | (addr & mask), len);
}

static uint64_t bar_get(const struct pci_dev *dev, unsigned int n)
{
	enum pci_bar_type type = dev->bars[n].type;

	return get_le(dev->cfg + bar_reg(n), type == PCI_BAR_MEM64 ? 8 : 4) &
	       addr_bits(n, type);
}

bool pci_bar_addr_ok(enum pci_bar_type type, uint64_t addr, uint64_t size)
{
	uint64_t last;

	if (addr == 0 || __builtin_add_overflow(addr, size - 1, &last))
		return false;
	switch (type) {
	case PCI_BAR_IO:
		return last < UINT16_MAX;
	case PCI_BAR_MEM32:
		return last < UINT32_MAX;
	case PCI_BAR_MEM64:
		/* The low half being sized, with the high half still 0. */
		return last != UINT32_MAX && last < 1ULL << PCI_ADDR_BITS;
	case PCI_BAR_NONE:
		break;
	}
	return false;
}

/* Whether BAR n should answer, and where. */
static bool bar_wish(const struct pci_dev *dev, unsigned int n, uint64_t *addr)
{
	const struct pci_bar *bar = &dev->bars[n];
	uint32_t decode =
		bar->type == PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;

	if (bar->type == PCI_BAR_NONE)
		return false;
	if (!(pci_cfg_get(dev, PCI_COMMAND, 2) & decode))
		return false;
	if (n == PCI_BAR_ROM &&
	    !(pci_cfg_get(dev, PCI_ROM_ADDRESS, 4) & PCI_ROM_ADDRESS_ENABLE))
		return false;
	*addr = bar_get(dev, n);
	return pci_bar_addr_ok(bar->type, *addr, bar->size);
}

bool pci_bars_touched(unsigned int off, unsigned int len)
{
	return pci_overlaps(off, len, PCI_COMMAND, 2) ||
	       pci_overlaps(off, len, PCI_BASE_ADDRESS_0, 4 * PCI_NR_BARS) ||
	       pci_overlaps(off, len, PCI_ROM_ADDRESS, 4);
}

void pci_bars_unmap_stale(struct pci_dev *dev)
{
	uint64_t addr;

	for (unsigned int n = 0; n < PCI_NR_REGIONS; n++) {
		struct pci_bar *bar = &dev->bars[n];

		if (!bar->mapped)
			continue;
		if (bar_wish(dev, n, &addr) && addr == bar->addr)
			continue;
		bar->mapped = false;
		dev->ops->bar_unmapped(dev, n, bar->addr);
		log_debug(dev->name, "%s left 0x%llx", pci_bar_name(n),
			  (unsigned long long)bar->addr);
	}
}

static void bar_map(struct pci_dev *dev, unsigned int n, uint64_t addr)
{
	struct pci_bar *bar = &dev->bars[n];
	int ret = dev->ops->bar_mapped(dev, n, addr);

	if (ret < 0) {
		log_guest(
			&dev->limit, dev->name,
			"%s of %llu bytes cannot be mapped at guest address 0x%llx: %s; it stays unmapped until the guest moves it",
			pci_bar_name(n), (unsigned long long)bar->size,
			(unsigned long long)addr, strerror(-ret));
		return;
	}
	bar->addr = addr;
	bar->mapped = true;
	log_debug(dev->name, "%s at 0x%llx", pci_bar_name(n),
		  (unsigned long long)addr);
}

void pci_bars_map(struct pci_dev *dev)
{
	uint64_t addr;

	for (unsigned int n = 0; n < PCI_NR_REGIONS; n++)
		if (!dev->bars[n].mapped && bar_wish(dev, n, &addr))
			bar_map(dev, n, addr);
}

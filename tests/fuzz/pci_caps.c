// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzz: capability chains in bytes that nobody vouches for, and built ones. */
/*
 * How this works
 *
 * The first byte chooses. Walk: the rest is config space as a device or a dump
 * gave it, of any length; it is copied to a heap block of that very length, so
 * that the sanitizer sees a read beyond it. Build: 4-byte records {id, len, at}
 * add capabilities; all that were accepted must be found again, apart.
 */
#include <stdlib.h>

#include "pci/pci.h"

static void walk(struct pci_cap_iter it, unsigned int start, unsigned int max)
{
	uint8_t seen[PCI_CFG_LEN / 4] = { 0 };
	unsigned int n = 0;

	while (pci_cap_next(&it)) {
		BUG_ON(it.off < start || it.off + 2 > it.len || it.off % 4);
		BUG_ON(seen[it.off / 4]++);
		BUG_ON(++n > max);
	}
}

static void walk_bytes(const uint8_t *data, size_t size)
{
	unsigned int len =
		size < PCI_CFG_LEN ? (unsigned int)size : PCI_CFG_LEN;
	uint8_t *cfg = malloc(len ? len : 1);

	if (!cfg)
		return;
	memcpy(cfg, data, len);
	walk(pci_cap_walk(cfg, len), 0x40, 48);
	walk(pci_ext_cap_walk(cfg, len), 0x100, 960);
	pci_cap_find(cfg, len, PCI_CAP_ID_MSIX);
	pci_ext_cap_find(cfg, len, PCI_EXT_CAP_ID_SRIOV);
	free(cfg);
}

/* Marks [at, at + len) as taken; nothing of it may have been. */
static void claim(uint8_t *taken, unsigned int at, unsigned int len)
{
	for (unsigned int i = at; i < at + len; i++)
		BUG_ON(i >= PCI_CFG_LEN || taken[i]++);
}

static void add_one(struct pci_dev *dev, uint8_t *taken, const uint8_t *record)
{
	uint8_t id = record[0] | 1;
	unsigned int len = record[1];
	unsigned int at = (unsigned int)get_le(record + 2, 2);
	int place;

	if (id == 0xff)
		return;
	if (at & 0x8000) {
		place = pci_dev_add_ext_cap(dev, id, 1, at & 0x1fff, len);
		if (place < 0)
			return;
		BUG_ON(place < 0x100);
		BUG_ON(!pci_dev_find_ext_cap(dev, id));
	} else {
		place = pci_dev_add_cap(dev, id, at & 0x1ff, len);
		if (place < 0)
			return;
		BUG_ON(place < 0x40 || (unsigned int)place + len > 0x100);
		BUG_ON(!pci_dev_find_cap(dev, id));
	}
	claim(taken, (unsigned int)place, len);
}

static void build(const uint8_t *data, size_t size)
{
	static const struct pci_ids ids = { .vendor = 0x8086, .device = 1 };
	static const struct pci_dev_ops ops = {
		.cfg_read = pci_default_cfg_read,
		.cfg_write = pci_default_cfg_write,
		.cfg_written = pci_default_cfg_written,
		.bar_mapped = pci_default_bar_mapped,
		.bar_unmapped = pci_default_bar_unmapped,
		.reset = pci_default_reset,
	};
	static struct pci_dev dev;
	static uint8_t taken[PCI_CFG_LEN];

	memset(taken, 0, sizeof(taken));
	pci_dev_init(&dev, &ops, "fuzz", &ids);
	for (size_t i = 0; i + 4 <= size && i < 4 * 256; i += 4)
		add_one(&dev, taken, data + i);
	walk(pci_cap_walk(dev.cfg, PCI_CFG_LEN), 0x40, 48);
	walk(pci_ext_cap_walk(dev.cfg, PCI_CFG_LEN), 0x100, 960);
	pci_dev_fini(&dev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (data[0] & 1)
		build(data + 1, size - 1);
	else
		walk_bytes(data + 1, size - 1);
	return 0;
}

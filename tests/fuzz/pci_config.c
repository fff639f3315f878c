// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzz: a guest that writes anything anywhere in config space. */
/*
 * How this works
 *
 * The input is a row of 8-byte records {what, -, offset, value}. The function
 * has a BAR of each kind, MSI-X, and bytes of each mask. After each record,
 * read-only bits must be what they were and each BAR must be where its owner
 * was last told it is. The owner refuses some addresses, as an overlap would.
 */
#include <errno.h>

#include "pci/pci.h"

static struct pci_dev dev;
static struct pci_msix msix;
static uint64_t told[PCI_NR_REGIONS]; /* address the owner knows, 0: none */
static bool is_on;

static uint32_t cfg_read(struct pci_dev *d, unsigned int off, unsigned int len)
{
	(void)d;
	BUG_ON(off % len || off + len > PCI_CFG_LEN || len > 4);
	return 0xa5a5a5a5;
}

static void cfg_write(struct pci_dev *d, unsigned int off, unsigned int len,
		      uint32_t value)
{
	BUG_ON(off % len || off + len > PCI_CFG_LEN || len > 4);
	BUG_ON(value & ~(uint32_t)all_ones(len));
	for (unsigned int i = 0; i < len; i++)
		BUG_ON(d->vmask[off + i] == 0xff);
}

static int bar_mapped(struct pci_dev *d, unsigned int bar, uint64_t addr)
{
	uint64_t size = d->bars[bar].size, last;

	BUG_ON(told[bar] || d->bars[bar].mapped);
	BUG_ON(addr == 0 || addr & (size - 1));
	BUG_ON(__builtin_add_overflow(addr, size - 1, &last));
	BUG_ON(last >> 52);
	BUG_ON(d->bars[bar].type == PCI_BAR_IO && last >= 0xffff);
	BUG_ON(d->bars[bar].type == PCI_BAR_MEM32 && last >= 0xffffffff);
	if (addr >> 20 & 1)
		return -EEXIST;
	told[bar] = addr;
	return 0;
}

static void bar_unmapped(struct pci_dev *d, unsigned int bar, uint64_t addr)
{
	(void)d;
	BUG_ON(told[bar] != addr || !addr);
	told[bar] = 0;
}

static void enabled(struct pci_msix *m, bool on)
{
	(void)m;
	BUG_ON(on == is_on);
	is_on = on;
}

static void update(struct pci_msix *m, unsigned int first, unsigned int nr)
{
	(void)m;
	BUG_ON(!is_on || first || nr != 16);
}

static bool pending(struct pci_msix *m, unsigned int vector)
{
	(void)m;
	return vector & 1;
}

static const struct pci_dev_ops dev_ops = {
	.cfg_read = cfg_read,
	.cfg_write = cfg_write,
	.cfg_written = pci_default_cfg_written,
	.bar_mapped = bar_mapped,
	.bar_unmapped = bar_unmapped,
	.reset = pci_default_reset,
};

static const struct pci_msix_ops msix_ops = {
	.enabled = enabled,
	.update = update,
	.pending = pending,
};

static void start(void)
{
	static const struct pci_ids ids = { .vendor = 0x8086, .device = 1 };

	memset(told, 0, sizeof(told));
	is_on = false;
	pci_dev_init(&dev, &dev_ops, "fuzz", &ids);
	pci_dev_set_bar(&dev, 0, PCI_BAR_MEM64, true, GIB(8));
	pci_dev_set_bar(&dev, 2, PCI_BAR_IO, false, 32);
	pci_dev_set_bar(&dev, 3, PCI_BAR_MEM32, false, KIB(16));
	pci_dev_set_bar(&dev, 4, PCI_BAR_MEM64, false, 16);
	pci_dev_set_bar(&dev, PCI_BAR_ROM, PCI_BAR_MEM32, false, KIB(2));
	pci_dev_add_cap(&dev, PCI_CAP_ID_MSIX, 0x70, 12);
	pci_cfg_put(&dev, 0x72, 2, 15);
	pci_msix_init(&msix, &dev, 0x70, &msix_ops);
	dev.w1cmask[PCI_STATUS + 1] = 0xf9;
	memset(dev.vmask + 0x81, 0, 6);
	dev.vmask[0x88] = 0x3c;
	memset(dev.wmask + 0x88, 0xff, 4);
	pci_dev_set_power_on(&dev);
}

static void check_bytes(unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++)
		BUG_ON((dev.cfg[i] ^ dev.power_on[i]) &
		       ~(dev.wmask[i] | dev.w1cmask[i]));
}

static void check_bars(void)
{
	for (unsigned int n = 0; n < PCI_NR_REGIONS; n++) {
		BUG_ON(dev.bars[n].mapped != (told[n] != 0));
		BUG_ON(told[n] && dev.bars[n].addr != told[n]);
	}
	BUG_ON(msix.is_enabled != is_on);
}

static void step(const uint8_t *record)
{
	unsigned int len = 1u << (record[0] & 3);
	unsigned int off = (unsigned int)get_le(record + 2, 2) & 0x1fff;
	uint32_t value = (uint32_t)get_le(record + 4, 4);

	/* The header is where things happen: most go there. */
	if (record[0] & 0x80)
		off &= 0x3f;
	if (record[1] == 0xff)
		pci_dev_reset(&dev);
	else if (record[1] & 1)
		pci_dev_read(&dev, off, len);
	else
		pci_dev_write(&dev, off, len, value);
	check_bytes(0, 0x90);
	check_bars();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_set_level(LOG_ERROR);
	start();
	for (size_t i = 0; i + 8 <= size && i < 8 * 256; i += 8)
		step(data + i);
	check_bytes(0, PCI_CFG_LEN);
	pci_dev_fini(&dev);
	for (unsigned int n = 0; n < PCI_NR_REGIONS; n++)
		BUG_ON(told[n]);
	pci_msix_fini(&msix);
	return 0;
}

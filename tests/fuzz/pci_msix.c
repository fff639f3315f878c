// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzz: a guest that accesses MSI-X table, PBA and control in any order. */
/*
 * How this works
 *
 * The input is the number of vectors, then 12-byte records {what, length,
 * offset, value}. The owner believes only what update told it to look at. After
 * each record its belief must be the truth for every vector: a change that
 * update misses fails here, whatever led to it.
 */
#include "pci/pci.h"

enum { CAP = 0x70, MAX_VECTORS = 70 };

static struct pci_dev dev;
static struct pci_msix msix;
static struct pci_msix_vector belief[MAX_VECTORS];
static bool is_on;

static void enabled(struct pci_msix *m, bool on)
{
	(void)m;
	BUG_ON(on == is_on);
	/* On before the first is unmasked, off after the last was masked. */
	for (unsigned int i = 0; i < MAX_VECTORS; i++)
		BUG_ON(belief[i].unmasked);
	is_on = on;
}

static void update(struct pci_msix *m, unsigned int first, unsigned int nr)
{
	BUG_ON(!is_on || nr == 0 || first + nr > m->nr_vectors);
	for (unsigned int i = first; i < first + nr; i++)
		belief[i] = pci_msix_vector(m, i);
}

static bool pending(struct pci_msix *m, unsigned int vector)
{
	BUG_ON(vector >= m->nr_vectors || belief[vector].unmasked);
	return true;
}

static const struct pci_dev_ops dev_ops = {
	.cfg_read = pci_default_cfg_read,
	.cfg_write = pci_default_cfg_write,
	.cfg_written = pci_default_cfg_written,
	.bar_mapped = pci_default_bar_mapped,
	.bar_unmapped = pci_default_bar_unmapped,
	.reset = pci_default_reset,
};

static const struct pci_msix_ops msix_ops = {
	.enabled = enabled,
	.update = update,
	.pending = pending,
};

static void start(unsigned int nr)
{
	static const struct pci_ids ids = { .vendor = 0x8086, .device = 1 };

	memset(belief, 0, sizeof(belief));
	is_on = false;
	pci_dev_init(&dev, &dev_ops, "fuzz", &ids);
	pci_dev_add_cap(&dev, PCI_CAP_ID_MSIX, CAP, 12);
	pci_cfg_put(&dev, CAP + PCI_MSIX_FLAGS, 2, nr - 1);
	pci_msix_init(&msix, &dev, CAP, &msix_ops);
	pci_dev_set_power_on(&dev);
}

static void check(void)
{
	BUG_ON(msix.is_enabled != is_on);
	for (unsigned int i = 0; i < MAX_VECTORS; i++) {
		struct pci_msix_vector v = pci_msix_vector(&msix, i);

		BUG_ON(v.unmasked != belief[i].unmasked);
		BUG_ON(v.unmasked && v.address != belief[i].address);
		BUG_ON(v.unmasked && v.data != belief[i].data);
	}
}

static void step(const uint8_t *record)
{
	unsigned int len = 1u << (record[1] & 3);
	uint64_t off = get_le(record + 2, 2);
	uint64_t value = get_le(record + 4, 8);

	/* Most offsets inside the largest table; some far beyond any. */
	off = record[1] & 0x80 ? ~off : off & 0x7ff;
	switch (record[0] & 7) {
	case 0:
	case 1:
		pci_dev_write(&dev, CAP + (unsigned int)(off & 3), len,
			      (uint32_t)value);
		break;
	case 2:
		BUG_ON(pci_msix_table_read(&msix, off, len) & ~all_ones(len));
		break;
	case 3:
		BUG_ON(pci_msix_pba_read(&msix, off, len) & ~all_ones(len));
		break;
	case 4:
		if (record[0] == 4)
			pci_dev_reset(&dev);
		break;
	default:
		pci_msix_table_write(&msix, off, len, value);
	}
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	log_set_level(LOG_ERROR);
	start(data[0] % MAX_VECTORS + 1);
	for (size_t i = 1; i + 12 <= size && i < 12 * 256; i += 12)
		step(data + i);
	pci_msix_fini(&msix);
	pci_dev_fini(&dev);
	return 0;
}

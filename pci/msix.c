// SPDX-License-Identifier: GPL-2.0-or-later
/* MSI-X: the vector table, the pending bits and the three levels of masks. */
/*
 * How this works
 *
 * The table is plain bytes in PCI order: 16 per vector, of which only what
 * PCIe 6.0 7.7.2.5 to 7.7.2.8 defines can be written. A vector is unmasked if
 * the function has MSI-X enabled and is not masked as a whole, and the entry's
 * own mask bit is clear.
 *
 * Owners hear of effects, not of writes: a table write is compared before and
 * after through pci_msix_vector, so that a guest which fills in masked entries
 * costs nothing, and one which rewrites what is there costs nothing either. A
 * change of message control that counts is told once for all vectors. An
 * 8-byte write is one change, not two halves.
 *
 * Everything runs under the function's lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pci/priv.h"

static unsigned int control_reg(const struct pci_msix *msix)
{
	return msix->cap + PCI_MSIX_FLAGS;
}

/* As after power-on: entries masked, all else 0. */
static void table_clear(struct pci_msix *msix)
{
	memset(msix->table, 0, (size_t)msix->nr_vectors * PCI_MSIX_ENTRY_LEN);
	for (unsigned int i = 0; i < msix->nr_vectors; i++)
		msix->table[i * PCI_MSIX_ENTRY_LEN +
			    PCI_MSIX_ENTRY_VECTOR_CTRL] =
			PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

static bool bir_ok(const struct pci_dev *dev, unsigned int reg)
{
	return (pci_cfg_get(dev, reg, 4) & PCI_MSIX_TABLE_BIR) < PCI_NR_BARS;
}

int pci_msix_init(struct pci_msix *msix, struct pci_dev *dev, unsigned int cap,
		  const struct pci_msix_ops *ops)
{
	const uint16_t bits = PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL;
	unsigned int control;

	memset(msix, 0, sizeof(*msix));
	if (cap < PCI_STD_HEADER_SIZEOF || cap % 4 ||
	    cap + PCI_CAP_MSIX_SIZEOF > PCI_CFG_SPACE_SIZE ||
	    dev->cfg[cap] != PCI_CAP_ID_MSIX)
		return -EINVAL;
	if (!bir_ok(dev, cap + PCI_MSIX_TABLE) ||
	    !bir_ok(dev, cap + PCI_MSIX_PBA))
		return -EINVAL;
	msix->ops = ops;
	msix->dev = dev;
	msix->cap = cap;
	control = pci_cfg_get(dev, control_reg(msix), 2);
	msix->nr_vectors = (control & PCI_MSIX_FLAGS_QSIZE) + 1;
	msix->table = calloc(msix->nr_vectors, PCI_MSIX_ENTRY_LEN);
	if (!msix->table)
		return -ENOMEM;
	table_clear(msix);

	pci_cfg_put(dev, control_reg(msix), 2, control & ~(uint32_t)bits);
	memset(dev->vmask + cap, 0xff, PCI_CAP_MSIX_SIZEOF);
	memset(dev->wmask + cap, 0, PCI_CAP_MSIX_SIZEOF);
	memset(dev->w1cmask + cap, 0, PCI_CAP_MSIX_SIZEOF);
	put_le(dev->wmask + control_reg(msix), bits, 2);
	dev->msix = msix;
	return 0;
}

void pci_msix_fini(struct pci_msix *msix)
{
	if (msix->dev && msix->dev->msix == msix)
		msix->dev->msix = NULL;
	free(msix->table);
	memset(msix, 0, sizeof(*msix));
}

struct pci_msix_vector pci_msix_vector(const struct pci_msix *msix,
				       unsigned int vector)
{
	const uint8_t *entry;
	bool masked;

	if (vector >= msix->nr_vectors)
		return (struct pci_msix_vector){ .unmasked = false };
	entry = msix->table + (size_t)vector * PCI_MSIX_ENTRY_LEN;
	masked =
		entry[PCI_MSIX_ENTRY_VECTOR_CTRL] & PCI_MSIX_ENTRY_CTRL_MASKBIT;
	return (struct pci_msix_vector){
		.address = get_le(entry + PCI_MSIX_ENTRY_LOWER_ADDR, 8),
		.data = (uint32_t)get_le(entry + PCI_MSIX_ENTRY_DATA, 4),
		.unmasked =
			msix->is_enabled && !msix->is_func_masked && !masked,
	};
}

struct pci_msix_layout pci_msix_layout(const struct pci_msix *msix)
{
	uint32_t table = pci_cfg_get(msix->dev, msix->cap + PCI_MSIX_TABLE, 4);
	uint32_t pba = pci_cfg_get(msix->dev, msix->cap + PCI_MSIX_PBA, 4);

	return (struct pci_msix_layout){
		.table_bar = table & PCI_MSIX_TABLE_BIR,
		.table_off = table & PCI_MSIX_TABLE_OFFSET,
		.table_len = (uint64_t)msix->nr_vectors * PCI_MSIX_ENTRY_LEN,
		.pba_bar = pba & PCI_MSIX_PBA_BIR,
		.pba_off = pba & PCI_MSIX_PBA_OFFSET,
		.pba_len = align_up(msix->nr_vectors, 64) / 8,
	};
}

bool pci_msix_wanted(const struct pci_msix *msix)
{
	return pci_cfg_get(msix->dev, control_reg(msix), 2) &
	       PCI_MSIX_FLAGS_ENABLE;
}

void pci_msix_control_written(struct pci_msix *msix)
{
	uint32_t control = pci_cfg_get(msix->dev, control_reg(msix), 2);
	bool on = control & PCI_MSIX_FLAGS_ENABLE;
	bool masked = control & PCI_MSIX_FLAGS_MASKALL;
	bool on_changed = on != msix->is_enabled;
	bool mask_changed = masked != msix->is_func_masked;

	msix->is_enabled = on;
	msix->is_func_masked = masked;
	if (on_changed && on)
		msix->ops->enabled(msix, true);
	/* While it is off, the function mask changes nothing. */
	if (on_changed || (on && mask_changed))
		msix->ops->update(msix, 0, msix->nr_vectors);
	if (on_changed && !on)
		msix->ops->enabled(msix, false);
}

void pci_msix_reset_locked(struct pci_msix *msix)
{
	uint32_t control = pci_cfg_get(msix->dev, control_reg(msix), 2);

	table_clear(msix);
	pci_cfg_put(msix->dev, control_reg(msix), 2,
		    control & PCI_MSIX_FLAGS_QSIZE);
	pci_msix_control_written(msix);
}

/* A whole dword or quadword that lies inside. */
static bool access_ok(uint64_t off, unsigned int len, uint64_t size)
{
	return (len == 4 || len == 8) && off % len == 0 && off < size &&
	       len <= size - off;
}

uint64_t pci_msix_table_read(struct pci_msix *msix, uint64_t off,
			     unsigned int len)
{
	uint64_t size = (uint64_t)msix->nr_vectors * PCI_MSIX_ENTRY_LEN;
	uint64_t value;

	if (!access_ok(off, len, size))
		return all_ones(len);
	pthread_mutex_lock(&msix->dev->lock);
	value = get_le(msix->table + off, len);
	pthread_mutex_unlock(&msix->dev->lock);
	return value;
}

/* Bits of the entry's dword at reg that can be written. */
static uint32_t entry_wmask(unsigned int reg)
{
	switch (reg) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		return ~3u;
	case PCI_MSIX_ENTRY_VECTOR_CTRL:
		return PCI_MSIX_ENTRY_CTRL_MASKBIT;
	default:
		return ~0u;
	}
}

static void table_put(struct pci_msix *msix, uint64_t off, uint32_t value)
{
	value &= entry_wmask((unsigned int)off % PCI_MSIX_ENTRY_LEN);
	put_le(msix->table + off, value, 4);
}

static bool is_change(struct pci_msix_vector was, struct pci_msix_vector is)
{
	if (was.unmasked != is.unmasked)
		return true;
	return is.unmasked &&
	       (was.address != is.address || was.data != is.data);
}

static void table_write_locked(struct pci_msix *msix, uint64_t off,
			       unsigned int len, uint64_t value)
{
	unsigned int vector = (unsigned int)(off / PCI_MSIX_ENTRY_LEN);
	struct pci_msix_vector was = pci_msix_vector(msix, vector);

	table_put(msix, off, (uint32_t)value);
	if (len == 8)
		table_put(msix, off + 4, (uint32_t)(value >> 32));
	if (is_change(was, pci_msix_vector(msix, vector)))
		msix->ops->update(msix, vector, 1);
}

void pci_msix_table_write(struct pci_msix *msix, uint64_t off, unsigned int len,
			  uint64_t value)
{
	uint64_t size = (uint64_t)msix->nr_vectors * PCI_MSIX_ENTRY_LEN;
	struct pci_dev *dev = msix->dev;

	if (!access_ok(off, len, size)) {
		log_guest(
			&dev->limit, dev->name,
			"MSI-X table write of %u bytes at offset 0x%llx ignored: not an aligned 4 or 8 bytes of it",
			len, (unsigned long long)off);
		return;
	}
	pthread_mutex_lock(&dev->lock);
	table_write_locked(msix, off, len, value);
	pthread_mutex_unlock(&dev->lock);
}

static uint64_t pba_bits(struct pci_msix *msix, unsigned int first,
			 unsigned int nr)
{
	uint64_t bits = 0;

	for (unsigned int i = 0; i < nr; i++) {
		unsigned int vector = first + i;

		if (vector >= msix->nr_vectors)
			break;
		if (!pci_msix_vector(msix, vector).unmasked &&
		    msix->ops->pending(msix, vector))
			bits |= 1ULL << i;
	}
	return bits;
}

uint64_t pci_msix_pba_read(struct pci_msix *msix, uint64_t off,
			   unsigned int len)
{
	uint64_t size = align_up(msix->nr_vectors, 64) / 8;
	uint64_t bits;

	if (!access_ok(off, len, size))
		return all_ones(len);
	pthread_mutex_lock(&msix->dev->lock);
	bits = pba_bits(msix, (unsigned int)off * 8, len * 8);
	pthread_mutex_unlock(&msix->dev->lock);
	return bits;
}

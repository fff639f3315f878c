// SPDX-License-Identifier: GPL-2.0-or-later
/* What the guest reads and writes in trapped parts of BARs. */
/*
 * How this works
 *
 * These run on vCPU threads and take no lock of their own. An access is looked
 * up again: in the MSI-X table or the PBA it is the model's, beside them it
 * goes to the device as it is, because drivers have registers in the same page.
 * The ROM is read from the copy in rom.c. Where a quirk says that a BAR shows
 * config space, the guest's is shown, and that takes the function's lock.
 */
#include <errno.h>
#include <string.h>

#include "vfio/priv.h"

static bool inside(const struct vfio_bar *b, uint64_t off, unsigned int len,
		   unsigned int bar, uint64_t start, uint64_t size)
{
	return b->index == bar && off >= start && off - start < size &&
	       len <= size - (off - start);
}

enum msix_place { MSIX_NONE, MSIX_TABLE, MSIX_PBA };

/* What of MSI-X the access lies in whole; *at is then from the start of that.
 */
static enum msix_place msix_place(const struct vfio_bar *b, uint64_t off,
				  unsigned int len, uint64_t *at)
{
	struct pci_msix_layout l;

	if (!b->v->msix.nr_vectors)
		return MSIX_NONE;
	l = pci_msix_layout(&b->v->msix);
	if (inside(b, off, len, l.table_bar, l.table_off, l.table_len)) {
		*at = off - l.table_off;
		return MSIX_TABLE;
	}
	if (inside(b, off, len, l.pba_bar, l.pba_off, l.pba_len)) {
		*at = off - l.pba_off;
		return MSIX_PBA;
	}
	return MSIX_NONE;
}

/* --- config space that shows in a BAR as well (quirks.c) --- */

static bool in_mirror(const struct vfio_bar *b, uint64_t off, unsigned int len,
		      uint64_t *at)
{
	const struct vfio_quirks *q = &b->v->quirks;

	*at = off - q->mirror_off;
	return inside(b, off, len, q->mirror_bar, q->mirror_off, q->mirror_len);
}

static uint64_t mirror_read(struct vfio_pci *v, uint64_t at, unsigned int len)
{
	unsigned int off = (unsigned int)at;

	if (len == 8)
		return pci_dev_read(&v->pci, off, 4) |
		       (uint64_t)pci_dev_read(&v->pci, off + 4, 4) << 32;
	return pci_dev_read(&v->pci, off, len);
}

/*
 * NVIDIA's drivers acknowledge an MSI by writing to the capability's first two
 * bytes, which are read-only in config space: only the device knows of it.
 */
static bool is_msi_ack(const struct vfio_pci *v, uint64_t at, unsigned int len)
{
	unsigned int cap = pci_dev_find_cap(&v->pci, PCI_CAP_ID_MSI);

	return cap && at >= cap && at + len <= cap + PCI_MSI_FLAGS;
}

static void mirror_write(struct vfio_pci *v, uint64_t at, unsigned int len,
			 uint64_t value)
{
	unsigned int off = (unsigned int)at;

	if (len == 8) {
		pci_dev_write(&v->pci, off, 4, (uint32_t)value);
		pci_dev_write(&v->pci, off + 4, 4, (uint32_t)(value >> 32));
		return;
	}
	pci_dev_write(&v->pci, off, len, (uint32_t)value);
}

/* --- bus_ops --- */

static bool is_gone(const struct vfio_pci *v)
{
	return __atomic_load_n(&v->is_gone, __ATOMIC_RELAXED);
}

static uint64_t trap_read(void *dev, uint64_t offset, unsigned int len)
{
	struct vfio_part *p = dev;
	struct vfio_pci *v = p->bar->v;
	uint64_t off = p->off + offset, at;
	enum msix_place place;
	uint8_t buf[8];
	int ret;

	place = msix_place(p->bar, off, len, &at);
	if (place != MSIX_NONE) {
		vfio_count(&v->stats.msix_accesses, 1);
		return place == MSIX_TABLE
			       ? pci_msix_table_read(&v->msix, at, len)
			       : pci_msix_pba_read(&v->msix, at, len);
	}
	vfio_count(&v->stats.trapped_accesses, 1);
	if (is_gone(v))
		return all_ones(len);
	if (p->bar->index == PCI_BAR_ROM)
		return get_le(v->rom.data + off, len);
	if (in_mirror(p->bar, off, len, &at))
		return mirror_read(v, at, len);
	ret = v->d->ops->region_read(v->d, p->bar->index, off, buf, len);
	if (ret) {
		log_guest(&v->pci.limit, p->bar->name,
			  "read of %u bytes at 0x%llx failed (%s)", len,
			  (unsigned long long)off, strerrorname_np(-ret));
		return all_ones(len);
	}
	return get_le(buf, len);
}

static void trap_write(void *dev, uint64_t offset, unsigned int len,
		       uint64_t value)
{
	struct vfio_part *p = dev;
	struct vfio_pci *v = p->bar->v;
	uint64_t off = p->off + offset, at;
	enum msix_place place;
	uint8_t buf[8];
	int ret;

	place = msix_place(p->bar, off, len, &at);
	if (place != MSIX_NONE) {
		vfio_count(&v->stats.msix_accesses, 1);
		/* The PBA is read-only (PCIe 6.0 7.7.2.7). */
		if (place == MSIX_TABLE)
			pci_msix_table_write(&v->msix, at, len, value);
		return;
	}
	vfio_count(&v->stats.trapped_accesses, 1);
	if (is_gone(v))
		return;
	if (p->bar->index == PCI_BAR_ROM)
		return;
	if (in_mirror(p->bar, off, len, &at) && !is_msi_ack(v, at, len)) {
		mirror_write(v, at, len, value);
		return;
	}
	put_le(buf, value, len);
	ret = v->d->ops->region_write(v->d, p->bar->index, off, buf, len);
	if (ret)
		log_guest(&v->pci.limit, p->bar->name,
			  "write of %u bytes at 0x%llx failed (%s)", len,
			  (unsigned long long)off, strerrorname_np(-ret));
}

const struct bus_ops vfio_trap_ops = {
	.read = trap_read,
	.write = trap_write,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* MSI: its registers, and what a write to them means for the vectors. */
/*
 * How this works
 *
 * The capability (PCIe 6.0 7.7.1) comes in four layouts: addresses of 32 or 64
 * bits, with or without masks. One message serves all vectors; vector n has n
 * in the low bits of its data (6.8.3.3: as many bits as vectors are enabled
 * need). Everything is in cfg: the masks of config.c let the guest write what
 * can be written.
 *
 * After a write, what counts (enabled, number of vectors, message, masks) is
 * compared with what counted before; the owner hears of differences only.
 * While MSI is off nothing counts. Turning MSI on or changing the number of
 * vectors is told as off and on: the vectors are others then.
 *
 * Extended message data is hidden: its bit in message control reads 0.
 */
#include <errno.h>
#include <string.h>

#include "pci/priv.h"

enum { MSI_LEN = 10, MSI_MASK_LEN = 20, MSI_64_MORE = 4 };

static unsigned int control_get(const struct pci_msi *msi)
{
	return pci_cfg_get(msi->dev, msi->cap + PCI_MSI_FLAGS, 2);
}

static unsigned int data_reg(const struct pci_msi *msi)
{
	return msi->cap + (msi->is_64 ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32);
}

static unsigned int mask_reg(const struct pci_msi *msi)
{
	return msi->cap + (msi->is_64 ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32);
}

static unsigned int pending_reg(const struct pci_msi *msi)
{
	return mask_reg(msi) + 4;
}

unsigned int pci_msi_len(unsigned int control)
{
	unsigned int len =
		control & PCI_MSI_FLAGS_MASKBIT ? MSI_MASK_LEN : MSI_LEN;

	return control & PCI_MSI_FLAGS_64BIT ? len + MSI_64_MORE : len;
}

static bool is_here(const struct pci_dev *dev, unsigned int cap)
{
	unsigned int control;

	if (cap < PCI_STD_HEADER_SIZEOF || cap % 4 ||
	    cap + MSI_LEN > PCI_CFG_SPACE_SIZE ||
	    dev->cfg[cap] != PCI_CAP_ID_MSI)
		return false;
	control = pci_cfg_get(dev, cap + PCI_MSI_FLAGS, 2);
	return cap + pci_msi_len(control) <= PCI_CFG_SPACE_SIZE &&
	       (control & PCI_MSI_FLAGS_QMASK) >> 1 <= 5;
}

static void masks_set(struct pci_msi *msi, unsigned int len)
{
	struct pci_dev *dev = msi->dev;

	memset(dev->cfg + msi->cap + PCI_MSI_ADDRESS_LO, 0,
	       len - PCI_MSI_ADDRESS_LO);
	memset(dev->vmask + msi->cap, 0xff, len);
	memset(dev->wmask + msi->cap, 0, len);
	memset(dev->w1cmask + msi->cap, 0, len);
	put_le(dev->wmask + msi->cap + PCI_MSI_FLAGS,
	       PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE, 2);
	put_le(dev->wmask + msi->cap + PCI_MSI_ADDRESS_LO, ~3u, 4);
	if (msi->is_64)
		put_le(dev->wmask + msi->cap + PCI_MSI_ADDRESS_HI, ~0u, 4);
	put_le(dev->wmask + data_reg(msi), 0xffff, 2);
	if (msi->has_masks)
		put_le(dev->wmask + mask_reg(msi),
		       (1ULL << msi->max_vectors) - 1, 4);
}

int pci_msi_init(struct pci_msi *msi, struct pci_dev *dev, unsigned int cap,
		 const struct pci_msi_ops *ops)
{
	unsigned int control;

	memset(msi, 0, sizeof(*msi));
	if (!is_here(dev, cap))
		return -EINVAL;
	control = pci_cfg_get(dev, cap + PCI_MSI_FLAGS, 2);
	msi->ops = ops;
	msi->dev = dev;
	msi->cap = cap;
	msi->is_64 = control & PCI_MSI_FLAGS_64BIT;
	msi->has_masks = control & PCI_MSI_FLAGS_MASKBIT;
	msi->max_vectors = 1u << ((control & PCI_MSI_FLAGS_QMASK) >> 1);
	pci_cfg_put(dev, cap + PCI_MSI_FLAGS, 2,
		    control & (PCI_MSI_FLAGS_QMASK | PCI_MSI_FLAGS_64BIT |
			       PCI_MSI_FLAGS_MASKBIT));
	masks_set(msi, pci_msi_len(control));
	dev->msi = msi;
	return 0;
}

void pci_msi_fini(struct pci_msi *msi)
{
	if (msi->dev && msi->dev->msi == msi)
		msi->dev->msi = NULL;
	memset(msi, 0, sizeof(*msi));
}

struct pci_msi_vector pci_msi_vector(const struct pci_msi *msi,
				     unsigned int vector)
{
	if (vector >= msi->nr_vectors)
		return (struct pci_msi_vector){ .unmasked = false };
	return (struct pci_msi_vector){
		.address = msi->address,
		.data = (msi->data & ~(msi->nr_vectors - 1)) | vector,
		.unmasked = !(msi->masks >> vector & 1),
	};
}

/* More than there are is a reserved value: all there are. */
static unsigned int nr_asked(const struct pci_msi *msi)
{
	unsigned int nr = 1u << ((control_get(msi) & PCI_MSI_FLAGS_QSIZE) >> 4);

	return nr < msi->max_vectors ? nr : msi->max_vectors;
}

/* Takes message and masks from cfg; true if they are others now. */
static bool message_take(struct pci_msi *msi)
{
	struct pci_msi was = *msi;
	struct pci_dev *dev = msi->dev;

	msi->address = pci_cfg_get(dev, msi->cap + PCI_MSI_ADDRESS_LO, 4);
	if (msi->is_64)
		msi->address |= (uint64_t)pci_cfg_get(
					dev, msi->cap + PCI_MSI_ADDRESS_HI, 4)
				<< 32;
	msi->data = pci_cfg_get(dev, data_reg(msi), 2);
	msi->masks = msi->has_masks ? pci_cfg_get(dev, mask_reg(msi), 4) : 0;
	return was.address != msi->address || was.data != msi->data ||
	       was.masks != msi->masks;
}

bool pci_msi_wanted(const struct pci_msi *msi)
{
	return control_get(msi) & PCI_MSI_FLAGS_ENABLE;
}

static void turn_off(struct pci_msi *msi)
{
	if (!msi->nr_vectors)
		return;
	msi->nr_vectors = 0;
	msi->ops->enabled(msi, false);
}

void pci_msi_follow(struct pci_msi *msi, bool on)
{
	unsigned int nr = on ? nr_asked(msi) : 0;
	bool changed = message_take(msi);

	if (nr != msi->nr_vectors) {
		turn_off(msi);
		msi->nr_vectors = nr;
		if (nr)
			msi->ops->enabled(msi, true);
	} else if (nr && changed) {
		msi->ops->update(msi);
	}
}

bool pci_msi_touched(const struct pci_msi *msi, unsigned int off,
		     unsigned int len)
{
	unsigned int size = pci_msi_len(control_get(msi));

	return pci_overlaps(off, len, msi->cap + PCI_MSI_FLAGS,
			    size - PCI_MSI_FLAGS);
}

void pci_msi_reset_locked(struct pci_msi *msi)
{
	struct pci_dev *dev = msi->dev;
	unsigned int len = pci_msi_len(control_get(msi));

	memset(dev->cfg + msi->cap + PCI_MSI_ADDRESS_LO, 0,
	       len - PCI_MSI_ADDRESS_LO);
	pci_cfg_put(dev, msi->cap + PCI_MSI_FLAGS, 2,
		    control_get(msi) & ~(uint32_t)(PCI_MSI_FLAGS_ENABLE |
						   PCI_MSI_FLAGS_QSIZE));
	pci_msi_follow(msi, false);
}

void pci_msi_refresh(struct pci_msi *msi, unsigned int off, unsigned int len)
{
	uint32_t bits = 0;

	if (!msi->has_masks || !pci_overlaps(off, len, pending_reg(msi), 4))
		return;
	for (unsigned int i = 0; i < msi->nr_vectors; i++)
		if (msi->masks >> i & 1 && msi->ops->pending(msi, i))
			bits |= 1u << i;
	pci_cfg_put(msi->dev, pending_reg(msi), 4, bits);
}

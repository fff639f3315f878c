// SPDX-License-Identifier: GPL-2.0-or-later
/* What single devices need beyond what they say of themselves. */
/*
 * How this works
 *
 * One table. Each row says which functions it is for (vendor, device, class,
 * under masks), what is to be done, why, and where to read more. The first
 * matching row of each kind applies; -v shows it. A row needs no code: the
 * kinds are done where the thing is at home, driven by struct vfio_quirks:
 *
 *	no ROM	rom.c leaves the ROM BAR out, unless a file was given
 *	PBA	caps.c corrects where the MSI-X pending bits are
 *	mirror	region.c traps the pages of a BAR in which a device shows its
 *		config space again, and trap.c answers from the guest's
 *
 * What the kernel handles itself (resets that hang, INTx that cannot be masked,
 * VPD that must not be read: drivers/pci/quirks.c, vfio_pci_nointx) has no row.
 */
#include "vfio/priv.h"

enum kind { QUIRK_NO_ROM, QUIRK_PBA, QUIRK_MIRROR, NR_KINDS };

struct quirk {
	enum kind kind;
	uint16_t vendor, device, device_mask;
	uint32_t class_code, class_mask;
	uint32_t wrong, right; /* PBA: the offset as reported, as it is */
	uint32_t bar, off;     /* mirror */
	const char *why, *link;
};

enum { ANY_DEVICE = 0, ONE_DEVICE = 0xffff, VGA = 0x030000 };

static const struct quirk table[] = {
	{ .kind = QUIRK_NO_ROM,
	  .vendor = 0x14e4,
	  .device = 0x168e,
	  .device_mask = ONE_DEVICE,
	  .why = "the option ROM of the BCM57810 hangs guests",
	  .link = "https://bugs.launchpad.net/qemu/+bug/1284874" },
	{ .kind = QUIRK_PBA,
	  .vendor = 0x1425,
	  .device = 0x5800,
	  .device_mask = 0xff00,
	  .wrong = 0x8000,
	  .right = 0x1000,
	  .why = "Chelsio T5 VFs report pending bits outside of their 8 KiB BAR",
	  .link = "https://gitlab.com/qemu-project/qemu, hw/vfio/pci.c" },
	{ .kind = QUIRK_PBA,
	  .vendor = 0x1d22,
	  .device = 0x3685,
	  .device_mask = ONE_DEVICE,
	  .wrong = 0x460000,
	  .right = 0xb400,
	  .why = "Kunlun VFs report pending bits outside of their 64 KiB BAR",
	  .link = "https://lore.kernel.org/r/20210713093743.942-1-caihuoqing@baidu.com" },
	{ .kind = QUIRK_MIRROR,
	  .vendor = 0x10de,
	  .device_mask = ANY_DEVICE,
	  .class_code = VGA,
	  .class_mask = 0xffff00,
	  .bar = 0,
	  .off = 0x88000,
	  .why = "NVIDIA drivers use config space through BAR 0, where the host's addresses show",
	  .link = "https://gitlab.com/qemu-project/qemu, hw/vfio/pci-quirks.c" },
};

static bool fits(const struct quirk *q, const struct pci_ids *ids)
{
	return q->vendor == ids->vendor &&
	       ((q->device ^ ids->device) & q->device_mask) == 0 &&
	       ((q->class_code ^ ids->class_code) & q->class_mask) == 0;
}

static void apply(struct vfio_quirks *out, const struct quirk *q)
{
	switch (q->kind) {
	case QUIRK_NO_ROM:
		out->no_rom = true;
		break;
	case QUIRK_PBA:
		out->pba_wrong = q->wrong;
		out->pba_right = q->right;
		break;
	case QUIRK_MIRROR:
		out->mirror_len = PCI_CFG_LEN;
		out->mirror_bar = q->bar;
		out->mirror_off = q->off;
		break;
	case NR_KINDS:
		break;
	}
}

void vfio_quirks_find(struct vfio_pci *v, const struct pci_ids *ids)
{
	bool done[NR_KINDS] = { false };

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct quirk *q = &table[i];

		if (done[q->kind] || !fits(q, ids))
			continue;
		done[q->kind] = true;
		apply(&v->quirks, q);
		log_info(v->d->name, "quirk: %s (%s)", q->why, q->link);
	}
}

uint32_t vfio_quirks_pba(const struct vfio_quirks *q, uint32_t pba)
{
	if (!q->pba_right || (pba & PCI_MSIX_PBA_OFFSET) != q->pba_wrong)
		return pba;
	return q->pba_right | (pba & PCI_MSIX_PBA_BIR);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The guest's config space of a physical function. */
/*
 * How this works
 *
 * The physical config space is read once. From it the guest's is built: the
 * header is the model's own (ids, class and revision copied), BARs describe the
 * regions (region.c), capabilities come from an allow table (caps.c). What
 * stays physical has vmask bits 0 and is read from the device each time; of
 * that, bits with a wmask are written through as well, others never.
 *
 * Memory decode in the device stays on while the guest has it: the kernel takes
 * mmapped BARs away when it is turned off, and a vCPU would fault. The guest's
 * decode bits are virtual and move memory regions. Bus master enable is passed
 * on, so that a driver that stops DMA does stop it. D3hot is, too (power.c).
 * INTx is off in the device while the guest does not interrupt by its pin
 * (intx.c).
 *
 * A function-level reset that the guest starts (Device Control bit 15, PCIe 6.0
 * 6.6.2) is caught here and becomes a reset of the whole model, so that MSI-X
 * is off in the kernel before the device forgets it.
 */
#include <errno.h>
#include <string.h>

#include "vfio/priv.h"

/* Anything that has a config space has the 64 bytes of the header. */
enum { CONFIG_MIN = 64 };

int vfio_config_decode_on(struct vfio_pci *v, bool master)
{
	uint16_t command = PCI_COMMAND_MEMORY;

	if (!v->intx_on)
		command |= PCI_COMMAND_INTX_DISABLE;
	if (v->has_io)
		command |= PCI_COMMAND_IO;
	if (master)
		command |= PCI_COMMAND_MASTER;
	v->is_master = master;
	return v->d->ops->region_write(v->d, VFIO_PCI_CONFIG_REGION_INDEX,
				       PCI_COMMAND, &command, sizeof(command));
}

/* --- what the guest does --- */

static struct vfio_pci *vfio_of(struct pci_dev *dev)
{
	return CONTAINER_OF(dev, struct vfio_pci, pci);
}

uint32_t vfio_config_read(struct pci_dev *dev, unsigned int off,
			  unsigned int len)
{
	struct vfio_pci *v = vfio_of(dev);
	uint8_t buf[4];

	if (v->is_gone)
		return (uint32_t)all_ones(len);
	vfio_count(&v->stats.cfg_reads, 1);
	if (v->d->ops->region_read(v->d, VFIO_PCI_CONFIG_REGION_INDEX, off, buf,
				   len))
		return (uint32_t)all_ones(len);
	return (uint32_t)get_le(buf, len);
}

void vfio_config_write(struct pci_dev *dev, unsigned int off, unsigned int len,
		       uint32_t value)
{
	struct vfio_pci *v = vfio_of(dev);
	uint64_t through =
		get_le(dev->wmask + off, len) & ~get_le(dev->vmask + off, len);
	uint8_t buf[4];
	int ret;

	if (!through || v->is_gone)
		return;
	put_le(buf, value, len);
	ret = v->d->ops->region_write(v->d, VFIO_PCI_CONFIG_REGION_INDEX, off,
				      buf, len);
	if (ret)
		log_guest(&dev->limit, dev->name,
			  "config write of 0x%x to 0x%03x failed (%s)", value,
			  off, strerrorname_np(-ret));
}

/* Passes bus master enable on when it changed. */
static void command_written(struct vfio_pci *v)
{
	bool master = pci_cfg_get(&v->pci, PCI_COMMAND, 2) & PCI_COMMAND_MASTER;

	if (master == v->is_master)
		return;
	if (vfio_config_decode_on(v, master))
		log_guest(&v->pci.limit, v->pci.name,
			  "bus mastering cannot be turned %s",
			  master ? "on" : "off");
}

static void control_written(struct vfio_pci *v)
{
	unsigned int devctl = v->exp_cap + PCI_EXP_DEVCTL;

	if (!(pci_cfg_get(&v->pci, devctl, 2) & PCI_EXP_DEVCTL_BCR_FLR))
		return;
	/* The bit always reads 0 (PCIe 6.0 7.5.3.4). */
	pci_cfg_put(&v->pci, devctl, 2,
		    pci_cfg_get(&v->pci, devctl, 2) & ~PCI_EXP_DEVCTL_BCR_FLR);
	log_debug(v->pci.name, "function-level reset by the guest");
	pci_dev_reset_locked(&v->pci);
}

static void power_written(struct vfio_pci *v)
{
	unsigned int reg = v->pm_cap + PCI_PM_CTRL;
	uint32_t ctrl = pci_cfg_get(&v->pci, reg, 2);
	uint32_t state = ctrl & PCI_PM_CTRL_STATE_MASK;

	/* A state that is not there is dropped (PCIe 6.0 7.5.2.2). */
	if (state == PCI_D0 || state == PCI_D3HOT)
		vfio_power_set(v, state);
	pci_cfg_put(&v->pci, reg, 2,
		    (ctrl & ~(uint32_t)PCI_PM_CTRL_STATE_MASK) | v->d_state);
}

static void af_written(struct vfio_pci *v)
{
	uint8_t *control = v->pci.cfg + v->af_cap + PCI_AF_CTRL;

	if (!(*control & PCI_AF_CTRL_FLR))
		return;
	*control = 0;
	log_debug(v->pci.name, "function-level reset by the guest");
	pci_dev_reset_locked(&v->pci);
}

/* The kernel reads the dword while the address is written. -errno: it did not.
 */
static int vpd_fetch(struct vfio_pci *v, uint16_t addr)
{
	const struct vfio_ops *ops = v->d->ops;
	unsigned int reg = v->vpd_cap + PCI_VPD_ADDR;
	uint8_t buf[6];
	int ret = ops->region_write(v->d, VFIO_PCI_CONFIG_REGION_INDEX, reg,
				    &addr, sizeof(addr));

	if (!ret)
		ret = ops->region_read(v->d, VFIO_PCI_CONFIG_REGION_INDEX, reg,
				       buf, sizeof(buf));
	if (ret)
		return ret;
	if (!(get_le(buf, 2) & PCI_VPD_ADDR_F))
		return -EIO;
	pci_cfg_put(&v->pci, v->vpd_cap + PCI_VPD_DATA, 4,
		    (uint32_t)get_le(buf + 2, 4));
	return 0;
}

/*
 * The flag tells the direction when it is written and turns over when the
 * access is done; a failed read leaves it, and the guest gives up.
 */
static void vpd_written(struct vfio_pci *v)
{
	unsigned int reg = v->vpd_cap + PCI_VPD_ADDR;
	uint32_t addr = pci_cfg_get(&v->pci, reg, 2);

	if (addr & PCI_VPD_ADDR_F) {
		log_guest(&v->pci.limit, v->pci.name,
			  "a write of vital product data at 0x%x is dropped",
			  addr & PCI_VPD_ADDR_MASK);
		pci_cfg_put(&v->pci, reg, 2, addr & PCI_VPD_ADDR_MASK);
		return;
	}
	if (!vpd_fetch(v, (uint16_t)addr))
		pci_cfg_put(&v->pci, reg, 2, addr | PCI_VPD_ADDR_F);
}

static bool touches(unsigned int off, unsigned int len, unsigned int reg,
		    unsigned int reg_len)
{
	return off < reg + reg_len && reg < off + len;
}

void vfio_config_written(struct pci_dev *dev, unsigned int off,
			 unsigned int len)
{
	struct vfio_pci *v = vfio_of(dev);

	vfio_count(&v->stats.cfg_writes, 1);
	if (v->is_gone)
		return;
	if (touches(off, len, PCI_COMMAND, 2))
		command_written(v);
	if (v->exp_cap && touches(off, len, v->exp_cap + PCI_EXP_DEVCTL, 2))
		control_written(v);
	if (v->pm_cap && touches(off, len, v->pm_cap + PCI_PM_CTRL, 1))
		power_written(v);
	/* The byte with the flag. */
	if (v->vpd_cap && touches(off, len, v->vpd_cap + PCI_VPD_ADDR + 1, 1))
		vpd_written(v);
	if (v->af_cap && touches(off, len, v->af_cap + PCI_AF_CTRL, 1))
		af_written(v);
}

/* --- building --- */

static int config_fetch(struct vfio_pci *v, uint8_t *phys, unsigned int *len,
			struct err *e)
{
	struct vfio_dev *d = v->d;
	struct vfio_region region;
	int ret = d->ops->region_info(d, VFIO_PCI_CONFIG_REGION_INDEX, &region,
				      e);

	if (ret)
		return ret;
	*len = region.size < PCI_CFG_LEN ? (unsigned int)region.size
					 : PCI_CFG_LEN;
	if (*len < CONFIG_MIN)
		return err_set(e, EINVAL,
			       "%s: config space has %u bytes, a header has %d",
			       d->name, *len, CONFIG_MIN);
	ret = d->ops->region_read(d, VFIO_PCI_CONFIG_REGION_INDEX, 0, phys,
				  *len);
	if (ret)
		return err_set(e, -ret, "%s: config space cannot be read (%s)",
			       d->name, strerrorname_np(-ret));
	return 0;
}

int vfio_config_build(struct vfio_pci *v, uint8_t *phys, struct err *e)
{
	static const uint8_t multi_function = 0x80;
	struct pci_ids ids;
	unsigned int len;
	uint8_t type;
	int ret = config_fetch(v, phys, &len, e);

	if (ret)
		return ret;
	type = phys[PCI_HEADER_TYPE] & (uint8_t)~multi_function;
	if (type != PCI_HEADER_TYPE_NORMAL) {
		err_set(e, EINVAL,
			"%s: is a bridge (header type %u) and cannot be assigned",
			v->d->name, type);
		err_hint(e, "assign the functions behind the bridge instead");
		return -EINVAL;
	}
	ids = (struct pci_ids){
		.vendor = (uint16_t)get_le(phys + PCI_VENDOR_ID, 2),
		.device = (uint16_t)get_le(phys + PCI_DEVICE_ID, 2),
		.subsys_vendor =
			(uint16_t)get_le(phys + PCI_SUBSYSTEM_VENDOR_ID, 2),
		.subsys = (uint16_t)get_le(phys + PCI_SUBSYSTEM_ID, 2),
		.class_code = (uint32_t)get_le(phys + PCI_CLASS_PROG, 3),
		.revision = phys[PCI_REVISION_ID],
	};
	pci_dev_init(&v->pci, &vfio_pci_ops, v->d->name, &ids);
	vfio_quirks_find(v, &ids);
	ret = vfio_intx_init(v, phys[PCI_INTERRUPT_PIN], e);
	return ret ? ret : vfio_caps_build(v, phys, len, e);
}

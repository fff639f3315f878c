// SPDX-License-Identifier: GPL-2.0-or-later
/* Which capabilities of a physical function the guest gets, and how. */
/*
 * How this works
 *
 * Two allow tables, for the two chains. What is not in them is hidden: it needs
 * the cooperation of something the guest does not have (SR-IOV, ARI, LTR, L1
 * substates, ATS, multicast, resizable BARs), or nobody knows how long it is:
 * those are dropped rather than guessed, and so is one that claims to reach
 * into the next. What is kept stays at its physical offset, where drivers may
 * expect it; both chains are linked anew by pci/caps.c.
 *
 * Where the guest sees the function decides on its PCI Express type. On bus 0,
 * without a link, it is a Root Complex Integrated Endpoint (PCIe 6.0 7.5.3.2)
 * whose link registers read 0, as 7.5.3.6 and following say of such. Behind a
 * root port it is an Endpoint whose link has the speed and width that the
 * physical one has. That link is a picture: its power management (ASPM, L1
 * substates, LTR) is the host's, so none is offered.
 *
 * D0 and D3hot are the device's own states (power.c); D1, D2 and wake-up events
 * are not offered: nobody would hear of them.
 */
#include <errno.h>

#include "vfio/priv.h"

/* One capability as the device has it. */
struct phys_cap {
	const uint8_t *cfg;
	unsigned int off, max; /* bytes to the next one, or the end */
	uint16_t id;
	uint8_t version; /* extended */
};

static uint32_t phys_get(const struct phys_cap *c, unsigned int reg,
			 unsigned int len)
{
	return (uint32_t)get_le(c->cfg + c->off + reg, len);
}

/* The guest's register is a copy that never changes. */
static void reg_copy(struct vfio_pci *v, const struct phys_cap *c,
		     unsigned int reg, unsigned int len, uint32_t keep)
{
	pci_cfg_put(&v->pci, c->off + reg, len, phys_get(c, reg, len) & keep);
}

/* Bits of through are read from the device, those of write written as well. */
static void reg_through(struct vfio_pci *v, const struct phys_cap *c,
			unsigned int reg, unsigned int len, uint32_t through,
			uint32_t write)
{
	put_le(v->pci.vmask + c->off + reg, ~(uint64_t)through, len);
	put_le(v->pci.wmask + c->off + reg, write, len);
}

/* Reads of bytes [from, end) go to the device, writes as far as write says. */
static void body_through(struct vfio_pci *v, const struct phys_cap *c,
			 unsigned int from, unsigned int end, uint8_t write)
{
	for (unsigned int reg = from; reg < end; reg++)
		reg_through(v, c, reg, 1, 0xff, write);
}

/* --- power management (PCIe 6.0 7.5.2) --- */

static int add_pm(struct vfio_pci *v, const struct phys_cap *c, struct err *e)
{
	int ret =
		pci_dev_add_cap(&v->pci, PCI_CAP_ID_PM, c->off, PCI_PM_SIZEOF);

	(void)e;
	if (ret < 0)
		return ret;
	/* No PME, no D1, no D2. */
	reg_copy(v, c, PCI_PM_PMC, 2, PCI_PM_CAP_VER_MASK | PCI_PM_CAP_DSI);
	reg_copy(v, c, PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET);
	put_le(v->pci.wmask + c->off + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK, 2);
	v->pm_cap = c->off;
	return 0;
}

/* --- PCI Express (PCIe 6.0 7.5.3) --- */

enum {
	/* The whole structure, an endpoint's part of it (what the kernel takes,
	 * PCI_CAP_EXP_ENDPOINT_SIZEOF_V2), and version 1's. */
	EXP_LEN_V2 = 0x3c,
	EXP_LEN_V2_ENDPOINT = 0x34,
	EXP_LEN_V1 = 0x14,
	LINK_WIDTH_SHIFT = 4,
	LINK_ASPM_OPTIONAL = 1 << 22, /* Link Capabilities (7.5.3.6) */
	/* Speed and width are at the same bits in both (7.5.3.6, 7.5.3.8). */
	LINK_STATUS_OF_CAP = PCI_EXP_LNKSTA_CLS | PCI_EXP_LNKSTA_NLW,
	LINK_SPEEDS = 0xfe, /* of Link Capabilities 2 (7.5.3.18) */
	/* Fields that only mean something with a link or a switch above. */
	DEVCAP_HIDE = PCI_EXP_DEVCAP_PHANTOM | PCI_EXP_DEVCAP_L0S |
		      PCI_EXP_DEVCAP_L1 | PCI_EXP_DEVCAP_PWR_VAL |
		      PCI_EXP_DEVCAP_PWR_SCL,
	/* Completion timeout ranges and disable, and AtomicOp completer. */
	DEVCAP2_KEEP = 0x1f | PCI_EXP_DEVCAP2_ATOMIC_COMP32 |
		       PCI_EXP_DEVCAP2_ATOMIC_COMP64 |
		       PCI_EXP_DEVCAP2_ATOMIC_COMP128,
	DEVCTL2_THROUGH =
		PCI_EXP_DEVCTL2_COMP_TIMEOUT | PCI_EXP_DEVCTL2_COMP_TMOUT_DIS |
		PCI_EXP_DEVCTL2_ATOMIC_REQ | PCI_EXP_DEVCTL2_IDO_REQ_EN |
		PCI_EXP_DEVCTL2_IDO_CMP_EN,
};

/*
 * Device Control goes through: the kernel keeps Max_Payload_Size to itself and
 * Max_Read_Request_Size in bounds (vfio_exp_config_write). The reset bit is
 * ours, see config.c. Of Device Status only Transactions Pending is live: the
 * kernel lets nobody clear the error bits, so showing them helps no driver.
 */
static void exp_control(struct vfio_pci *v, const struct phys_cap *c)
{
	uint32_t through = 0xffff & ~(uint32_t)PCI_EXP_DEVCTL_BCR_FLR;

	if (!(phys_get(c, PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR))
		reg_through(v, c, PCI_EXP_DEVCTL, 2, through, through);
	else
		reg_through(v, c, PCI_EXP_DEVCTL, 2, through, 0xffff);
	reg_through(v, c, PCI_EXP_DEVSTA, 2, PCI_EXP_DEVSTA_TRPND, 0);
}

/*
 * The link to the guest's root port. A VF's link registers are its PF's
 * business and may read 0 (PCIe 6.0 9.3.5.6): it gets the slowest link there
 * is.
 */
static void exp_link(struct vfio_pci *v, const struct phys_cap *c)
{
	uint32_t cap = phys_get(c, PCI_EXP_LNKCAP, 4);
	uint32_t sta = phys_get(c, PCI_EXP_LNKSTA, 2);

	cap &= PCI_EXP_LNKCAP_SLS | PCI_EXP_LNKCAP_MLW;
	sta &= PCI_EXP_LNKSTA_CLS | PCI_EXP_LNKSTA_NLW;
	if (!(cap & PCI_EXP_LNKCAP_SLS) || !(cap & PCI_EXP_LNKCAP_MLW))
		cap = PCI_EXP_LNKCAP_SLS_2_5GB | 1 << LINK_WIDTH_SHIFT;
	if (!(sta & PCI_EXP_LNKSTA_CLS) || !(sta & PCI_EXP_LNKSTA_NLW))
		sta = cap & LINK_STATUS_OF_CAP;
	pci_cfg_put(&v->pci, c->off + PCI_EXP_LNKCAP, 4,
		    cap | LINK_ASPM_OPTIONAL);
	pci_cfg_put(&v->pci, c->off + PCI_EXP_LNKSTA, 2, sta);
	/* Common clock and extended synch: the guest may, nothing happens. */
	put_le(v->pci.wmask + c->off + PCI_EXP_LNKCTL,
	       PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES, 2);
}

static void exp_link2(struct vfio_pci *v, const struct phys_cap *c)
{
	uint32_t speed = pci_cfg_get(&v->pci, c->off + PCI_EXP_LNKCAP, 4) &
			 PCI_EXP_LNKCAP_SLS;
	uint32_t speeds = phys_get(c, PCI_EXP_LNKCAP2, 4) & LINK_SPEEDS;

	if (!speeds)
		speeds = LINK_SPEEDS & ((2u << speed) - 1);
	pci_cfg_put(&v->pci, c->off + PCI_EXP_LNKCAP2, 4, speeds);
	pci_cfg_put(&v->pci, c->off + PCI_EXP_LNKCTL2, 2, speed);
}

/* A function of the guest's root complex, or one below a port. */
static uint32_t exp_type(const struct vfio_pci *v, uint32_t flags)
{
	uint32_t type = (flags & PCI_EXP_FLAGS_TYPE) >> 4;

	if (!v->options.behind_port)
		return PCI_EXP_TYPE_RC_END;
	return type == PCI_EXP_TYPE_LEG_END ? type : PCI_EXP_TYPE_ENDPOINT;
}

/* An endpoint need not have the registers of slots and root ports at the end:
 * the next capability may be there. */
static unsigned int exp_len(const struct phys_cap *c, unsigned int version)
{
	if (version < 2)
		return EXP_LEN_V1;
	return c->max < EXP_LEN_V2 ? EXP_LEN_V2_ENDPOINT : EXP_LEN_V2;
}

static int add_exp(struct vfio_pci *v, const struct phys_cap *c, struct err *e)
{
	uint32_t flags = phys_get(c, PCI_EXP_FLAGS, 2);
	unsigned int version = flags & PCI_EXP_FLAGS_VERS;
	unsigned int len = exp_len(c, version);
	int ret;

	(void)e;
	if (v->exp_cap)
		return -EEXIST;
	ret = pci_dev_add_cap(&v->pci, PCI_CAP_ID_EXP, c->off, len);
	if (ret < 0)
		return ret;
	v->exp_cap = c->off;
	pci_cfg_put(&v->pci, c->off + PCI_EXP_FLAGS, 2,
		    version | exp_type(v, flags) << 4);
	reg_copy(v, c, PCI_EXP_DEVCAP, 4, ~(uint32_t)DEVCAP_HIDE);
	exp_control(v, c);
	if (v->options.behind_port)
		exp_link(v, c);
	if (version < 2)
		return 0;
	if (v->options.behind_port)
		exp_link2(v, c);
	reg_copy(v, c, PCI_EXP_DEVCAP2, 4, DEVCAP2_KEEP);
	reg_through(v, c, PCI_EXP_DEVCTL2, 2, DEVCTL2_THROUGH, DEVCTL2_THROUGH);
	return 0;
}

/* --- MSI-X (PCIe 6.0 7.7.2) --- */

static int add_msix(struct vfio_pci *v, const struct phys_cap *c, struct err *e)
{
	struct vfio_irq_info info;
	int ret;

	if (v->msix.nr_vectors)
		return -EEXIST;
	ret = v->d->ops->irq_info(v->d, VFIO_PCI_MSIX_IRQ_INDEX, &info, e);
	if (ret)
		return ret;
	if (!info.count || !(info.flags & VFIO_IRQ_INFO_EVENTFD))
		return -ENODEV;
	ret = pci_dev_add_cap(&v->pci, PCI_CAP_ID_MSIX, c->off,
			      PCI_CAP_MSIX_SIZEOF);
	if (ret < 0)
		return ret;
	reg_copy(v, c, PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_QSIZE);
	reg_copy(v, c, PCI_MSIX_TABLE, 4, UINT32_MAX);
	pci_cfg_put(&v->pci, c->off + PCI_MSIX_PBA, 4,
		    vfio_quirks_pba(&v->quirks, phys_get(c, PCI_MSIX_PBA, 4)));
	return vfio_msix_init(v, c->off, &info, e);
}

/* --- MSI (PCIe 6.0 7.7.1) --- */

/* As many vectors as VFIO can signal. */
static uint32_t msi_control(uint32_t control, unsigned int nr)
{
	while (1u << ((control & PCI_MSI_FLAGS_QMASK) >> 1) > nr)
		control -= 1u << 1;
	return control & (PCI_MSI_FLAGS_QMASK | PCI_MSI_FLAGS_64BIT |
			  PCI_MSI_FLAGS_MASKBIT);
}

static int add_msi(struct vfio_pci *v, const struct phys_cap *c, struct err *e)
{
	uint32_t control = phys_get(c, PCI_MSI_FLAGS, 2);
	unsigned int len = pci_msi_len(control);
	struct vfio_irq_info info;
	int ret;

	if (v->msi.max_vectors)
		return -EEXIST;
	if (c->max < len)
		return -EINVAL;
	ret = v->d->ops->irq_info(v->d, VFIO_PCI_MSI_IRQ_INDEX, &info, e);
	if (ret)
		return ret;
	if (!info.count || !(info.flags & VFIO_IRQ_INFO_EVENTFD))
		return -ENODEV;
	ret = pci_dev_add_cap(&v->pci, PCI_CAP_ID_MSI, c->off, len);
	if (ret < 0)
		return ret;
	pci_cfg_put(&v->pci, c->off + PCI_MSI_FLAGS, 2,
		    msi_control(control, info.count));
	return vfio_msi_init(v, c->off, e);
}

/* --- vital product data (PCI 3.0 appendix I) --- */

/*
 * The kernel reads the data itself (vfio_vpd_config_write), so the guest's
 * registers are virtual and config.c carries them over. Only reads: what is
 * written there stays in the device for whoever gets it next.
 */
static int add_vpd(struct vfio_pci *v, const struct phys_cap *c, struct err *e)
{
	int ret;

	(void)e;
	if (v->vpd_cap)
		return -EEXIST;
	ret = pci_dev_add_cap(&v->pci, PCI_CAP_ID_VPD, c->off,
			      PCI_CAP_VPD_SIZEOF);
	if (ret < 0)
		return ret;
	v->vpd_cap = c->off;
	put_le(v->pci.wmask + c->off + PCI_VPD_ADDR, 0xffff, 2);
	put_le(v->pci.wmask + c->off + PCI_VPD_DATA, UINT32_MAX, 4);
	return 0;
}

/* --- advanced features (PCI ECN of 2006): FLR without PCI Express --- */

static int add_af(struct vfio_pci *v, const struct phys_cap *c, struct err *e)
{
	int ret;

	(void)e;
	if (v->af_cap)
		return -EEXIST;
	ret = pci_dev_add_cap(&v->pci, PCI_CAP_ID_AF, c->off,
			      PCI_CAP_AF_SIZEOF);
	if (ret < 0)
		return ret;
	v->af_cap = c->off;
	v->pci.cfg[c->off + PCI_AF_LENGTH] = PCI_CAP_AF_SIZEOF;
	reg_copy(v, c, PCI_AF_CAP, 1, PCI_AF_CAP_TP | PCI_AF_CAP_FLR);
	if (phys_get(c, PCI_AF_CAP, 1) & PCI_AF_CAP_FLR)
		v->pci.wmask[c->off + PCI_AF_CTRL] = PCI_AF_CTRL_FLR;
	reg_through(v, c, PCI_AF_STATUS, 1, PCI_AF_STATUS_TP, 0);
	return 0;
}

/* --- vendor-specific (PCI 3.0 6.7: the third byte is the length) --- */

/*
 * What a device hides there is as much its driver's as its BARs are, and the
 * kernel passes it as it is (init_perm_bits).
 */

static int add_vendor(struct vfio_pci *v, const struct phys_cap *c,
		      struct err *e)
{
	unsigned int len = c->max > 2 ? phys_get(c, 2, 1) : 0;
	int ret;

	(void)e;
	if (len < 3 || len > c->max)
		return -EINVAL;
	ret = pci_dev_add_cap(&v->pci, PCI_CAP_ID_VNDR, c->off, len);
	if (ret < 0)
		return ret;
	body_through(v, c, 2, 4, 0);
	body_through(v, c, 4, len, 0xff);
	return 0;
}

/* --- extended (PCIe 6.0 7.7 to 7.9) --- */

static int add_ext(struct vfio_pci *v, const struct phys_cap *c,
		   unsigned int len)
{
	int ret;

	if (len < 4 || len > c->max)
		return -EINVAL;
	ret = pci_dev_add_ext_cap(&v->pci, c->id, c->version, c->off, len);
	return ret < 0 ? ret : 0;
}

static int add_dsn(struct vfio_pci *v, const struct phys_cap *c, struct err *e)
{
	int ret = add_ext(v, c, PCI_EXT_CAP_DSN_SIZEOF);

	(void)e;
	if (ret)
		return ret;
	reg_copy(v, c, 4, 4, UINT32_MAX);
	reg_copy(v, c, 8, 4, UINT32_MAX);
	return 0;
}

/*
 * Without the root port's registers behind it. Read-only: the host's own error
 * handling depends on masks and severities, and on seeing what happened.
 */
static int add_aer(struct vfio_pci *v, const struct phys_cap *c, struct err *e)
{
	int ret = add_ext(v, c, PCI_ERR_ROOT_COMMAND);

	(void)e;
	if (!ret)
		body_through(v, c, 4, PCI_ERR_ROOT_COMMAND, 0);
	return ret;
}

static int add_vsec(struct vfio_pci *v, const struct phys_cap *c, struct err *e)
{
	unsigned int len;
	int ret;

	(void)e;
	if (c->max < 8)
		return -EINVAL;
	len = phys_get(c, PCI_VNDR_HEADER, 4) >> 20;
	if (len < 8)
		return -EINVAL;
	ret = add_ext(v, c, len);
	if (ret)
		return ret;
	body_through(v, c, 4, 8, 0);
	body_through(v, c, 8, len, 0xff);
	return 0;
}

/* --- the walk --- */

/*
 * 0: added. A negative errno with *e untouched: it cannot be shown, so it is
 * hidden; with *e filled in: creation fails.
 */
struct cap_rule {
	uint16_t id;
	uint8_t min_len;
	int (*add)(struct vfio_pci *v, const struct phys_cap *c, struct err *e);
};

static const struct cap_rule std_rules[] = {
	{ PCI_CAP_ID_PM, PCI_PM_SIZEOF, add_pm },
	{ PCI_CAP_ID_VPD, PCI_CAP_VPD_SIZEOF, add_vpd },
	{ PCI_CAP_ID_EXP, EXP_LEN_V1, add_exp },
	{ PCI_CAP_ID_MSI, 10, add_msi },
	{ PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF, add_msix },
	{ PCI_CAP_ID_VNDR, 3, add_vendor },
	{ PCI_CAP_ID_AF, PCI_CAP_AF_SIZEOF, add_af },
};

static const struct cap_rule ext_rules[] = {
	{ PCI_EXT_CAP_ID_ERR, PCI_ERR_ROOT_COMMAND, add_aer },
	{ PCI_EXT_CAP_ID_DSN, PCI_EXT_CAP_DSN_SIZEOF, add_dsn },
	{ PCI_EXT_CAP_ID_VNDR, 8, add_vsec },
};

static int cap_apply(struct vfio_pci *v, const struct cap_rule *rules,
		     size_t nr, const struct phys_cap *c, struct err *e)
{
	for (size_t i = 0; i < nr; i++) {
		int ret;

		if (rules[i].id != c->id || c->max < rules[i].min_len)
			continue;
		ret = rules[i].add(v, c, e);
		if (!ret || e->code)
			return ret;
	}
	log_debug(v->d->name, "capability 0x%02x at 0x%03x is hidden", c->id,
		  c->off);
	return 0;
}

/* Bytes to the next capability behind, wherever it is in the chain. */
static unsigned int room(const struct pci_cap_iter *at)
{
	struct pci_cap_iter it = at->is_ext ? pci_ext_cap_walk(at->cfg, at->len)
					    : pci_cap_walk(at->cfg, at->len);
	unsigned int end = at->len;

	while (pci_cap_next(&it))
		if (it.off > at->off && it.off < end)
			end = it.off;
	return end - at->off;
}

static int walk(struct vfio_pci *v, struct pci_cap_iter it,
		const struct cap_rule *rules, size_t nr, struct err *e)
{
	while (pci_cap_next(&it)) {
		struct phys_cap c = {
			.cfg = it.cfg,
			.off = it.off,
			.max = room(&it),
			.id = it.id,
			.version = it.version,
		};
		int ret = cap_apply(v, rules, nr, &c, e);

		if (ret)
			return ret;
	}
	return 0;
}

int vfio_caps_build(struct vfio_pci *v, const uint8_t *phys, unsigned int len,
		    struct err *e)
{
	int ret = walk(v, pci_cap_walk(phys, len), std_rules,
		       ARRAY_SIZE(std_rules), e);

	/* Extended space belongs to PCI Express functions. */
	if (ret || !v->exp_cap)
		return ret;
	return walk(v, pci_ext_cap_walk(phys, len), ext_rules,
		    ARRAY_SIZE(ext_rules), e);
}

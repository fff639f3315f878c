// SPDX-License-Identifier: GPL-2.0-or-later
/* A physical function as a guest's PCI function: how the parts fit. */
/*
 * How this works
 *
 * struct vfio_pci is a struct pci_dev whose ops are in config.c (registers) and
 * region.c (BARs), with interrupts from intx.c, msi.c and msix.c. It is built
 * in the order config space, MSI-X (whose place decides what is trapped), BARs,
 * memory decode; and taken down in reverse.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vfio/priv.h"

static void gone_set(struct vfio_pci *v)
{
	__atomic_store_n(&v->is_gone, true, __ATOMIC_RELAXED);
}

/* DMA off first, so that nothing of the old guest's reaches the new one. */
static void dev_reset(struct pci_dev *dev)
{
	struct vfio_pci *v = CONTAINER_OF(dev, struct vfio_pci, pci);
	struct err e = { 0 };
	int ret;

	if (v->is_gone)
		return;
	if (v->d_state != PCI_D0)
		vfio_power_set(v, PCI_D0);
	vfio_config_decode_on(v, false);
	if (v->is_leaving)
		return;
	if (vfio_dev_reset(v->d, &e))
		log_guest(&v->pci.limit, v->d->name, "%s%s%s", e.msg,
			  e.hint[0] ? "; " : "", e.hint);
	else if (v->d->info.flags & VFIO_DEVICE_FLAGS_RESET)
		v->d_state = PCI_D0; /* vfio_pci_ioctl_reset wakes it */
	ret = vfio_config_decode_on(v, false);
	if (ret)
		log_guest(&v->pci.limit, v->d->name,
			  "memory decode cannot be turned on again (%s)",
			  strerrorname_np(-ret));
}

const struct pci_dev_ops vfio_pci_ops = {
	.cfg_read = vfio_config_read,
	.cfg_write = vfio_config_write,
	.cfg_written = vfio_config_written,
	.bar_mapped = vfio_bar_mapped,
	.bar_unmapped = vfio_bar_unmapped,
	.reset = dev_reset,
};

/* Registers n and, for one of 64 bits, n + 1. */
static int bars_init(struct vfio_pci *v, const uint8_t *phys, struct err *e)
{
	for (unsigned int n = 0; n < PCI_NR_BARS; n++) {
		uint32_t bar = (uint32_t)get_le(
			phys + PCI_BASE_ADDRESS_0 + 4 * (size_t)n, 4);
		int ret = vfio_bar_init(v, n, bar, e);

		if (ret)
			return ret;
		if (v->pci.bars[n].type == PCI_BAR_MEM64)
			n++;
	}
	return 0;
}

static int build(struct vfio_pci *v, struct err *e)
{
	uint8_t phys[PCI_CFG_LEN];
	int ret = vfio_config_build(v, phys, e);

	if (ret)
		return ret;
	ret = bars_init(v, phys, e);
	if (!ret)
		ret = vfio_rom_init(v, e);
	if (ret)
		return ret;
	ret = vfio_config_decode_on(v, false);
	if (ret)
		return err_set(e, -ret,
			       "%s: memory decode cannot be turned on (%s)",
			       v->d->name, strerrorname_np(-ret));
	if (v->options.export_dmabuf)
		vfio_bars_export(v);
	pci_dev_set_power_on(&v->pci);
	return 0;
}

static void show_resets(const struct vfio_dev *d)
{
	char methods[128];

	if (!d->iommu || !d->is_pci || !log_on(LOG_INFO) ||
	    host_reset_methods(d->iommu->host, d->bdf, methods,
			       sizeof(methods)))
		return;
	log_info(d->name, "resets by itself: %s",
		 methods[0] ? methods : "none");
}

/* Accepts one whose build stopped anywhere. */
static void undo(struct vfio_pci *v)
{
	pci_dev_fini(&v->pci);
	for (unsigned int n = 0; n < PCI_NR_REGIONS; n++)
		vfio_bar_fini(&v->bars[n]);
	vfio_rom_fini(v);
	vfio_msix_fini(v);
	vfio_msi_fini(v);
	vfio_intx_fini(v);
	free(v);
}

int vfio_pci_new(struct vfio_dev *d, const struct vfio_env *env,
		 const struct vfio_pci_options *options, struct vfio_pci **out,
		 struct err *e)
{
	struct vfio_pci *v = calloc(1, sizeof(*v));
	int ret;

	if (!v)
		return err_set(e, ENOMEM, "%s: out of memory", d->name);
	v->d = d;
	v->env = *env;
	v->options = *options;
	ret = build(v, e);
	if (ret) {
		undo(v);
		return ret;
	}
	show_resets(d);
	*out = v;
	return 0;
}

struct pci_dev *vfio_pci_dev(struct vfio_pci *v)
{
	return &v->pci;
}

/*
 * A reset of the model takes BARs and interrupts away; with all of config space
 * physical after that, the hooks answer for what is not there any more.
 */
void vfio_pci_detach(struct vfio_pci *v)
{
	pthread_mutex_lock(&v->pci.lock);
	v->is_leaving = true;
	pci_dev_reset_locked(&v->pci);
	gone_set(v);
	memset(v->pci.vmask, 0, sizeof(v->pci.vmask));
	for (unsigned int n = 0; n < PCI_NR_REGIONS; n++)
		vfio_bar_munmap(&v->bars[n]);
	vfio_dev_let_go(v->d);
	pthread_mutex_unlock(&v->pci.lock);
	log_info(v->d->name, "was taken out of the guest");
}

void vfio_pci_free(struct vfio_pci *v)
{
	struct vfio_dev *d;

	if (!v)
		return;
	d = v->d;
	/* No DMA and no interrupts before what they reach goes away. */
	if (d->ops && !v->is_gone)
		vfio_config_decode_on(v, false);
	undo(v);
	vfio_dev_close(d);
}

struct vfio_pci_stats vfio_pci_stats(const struct vfio_pci *v)
{
	const struct vfio_pci_stats *s = &v->stats;

	return (struct vfio_pci_stats){
		.cfg_reads = __atomic_load_n(&s->cfg_reads, __ATOMIC_RELAXED),
		.cfg_writes = __atomic_load_n(&s->cfg_writes, __ATOMIC_RELAXED),
		.msix_accesses =
			__atomic_load_n(&s->msix_accesses, __ATOMIC_RELAXED),
		.trapped_accesses =
			__atomic_load_n(&s->trapped_accesses, __ATOMIC_RELAXED),
		.vector_changes =
			__atomic_load_n(&s->vector_changes, __ATOMIC_RELAXED),
		.irq_ioctls = __atomic_load_n(&s->irq_ioctls, __ATOMIC_RELAXED),
		.host_vectors =
			__atomic_load_n(&s->host_vectors, __ATOMIC_RELAXED),
	};
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* MSI of a physical function, from VFIO's eventfds to KVM's irqfds. */
/*
 * How this works
 *
 * The number of MSI vectors is fixed while MSI is on, in hardware and in VFIO,
 * so all that the guest enables are made, routed and handed over at once, and
 * given back when it turns MSI off: one call of VFIO and one write of the GSI
 * table each time. Masks are ours alone: a masked vector's irqfd is taken off,
 * and what comes meanwhile waits in the eventfd (the pending bit).
 */
#include <errno.h>

#include "vfio/priv.h"

static struct vfio_pci *vfio_of(struct pci_msi *msi)
{
	return CONTAINER_OF(msi, struct vfio_pci, msi);
}

/* Unmasked, with a message that can be delivered. */
static bool is_wanted(const struct vfio_pci *v, unsigned int i)
{
	struct pci_msi_vector vec = pci_msi_vector(&v->msi, i);

	return vec.unmasked && irq_msi_ok(vec.address);
}

static int route_set(struct vfio_pci *v, unsigned int i, struct err *e)
{
	struct pci_msi_vector vec = pci_msi_vector(&v->msi, i);

	if (is_wanted(v, i))
		return msi_route_set(&v->msi_routes[i],
				     (struct irq_msi){ vec.address, vec.data },
				     e);
	if (vec.unmasked)
		vfio_message_complain(v, "MSI", i, vec.address);
	return 0;
}

/* The message goes into the GSI table for all that are unmasked, once. */
static int routes_set(struct vfio_pci *v, struct err *e)
{
	int ret = 0, commit;

	irq_begin(v->env.irq);
	for (unsigned int i = 0; i < v->nr_msi_routes && !ret; i++)
		ret = route_set(v, i, e);
	commit = irq_commit(v->env.irq, e);
	return ret ? ret : commit;
}

static void msi_update(struct pci_msi *msi)
{
	struct vfio_pci *v = vfio_of(msi);
	struct err e = { 0 };
	int ret = routes_set(v, &e);

	if (ret)
		log_guest(&v->pci.limit, v->d->name, "MSI: %s", e.msg);
	for (unsigned int i = 0; i < v->nr_msi_routes; i++) {
		struct msi_route *r = &v->msi_routes[i];

		if (!is_wanted(v, i))
			vfio_route_detach(v, r);
		else if (!ret && vfio_route_attach(v, r, &e))
			log_guest(&v->pci.limit, v->d->name,
				  "MSI vector %u: %s", i, e.msg);
	}
}

static int routes_make(struct vfio_pci *v, unsigned int nr, struct err *e)
{
	for (; v->nr_msi_routes < nr; v->nr_msi_routes++) {
		int ret = msi_route_init(&v->msi_routes[v->nr_msi_routes],
					 v->env.irq, e);

		if (ret)
			return ret;
	}
	return 0;
}

static void routes_drop(struct vfio_pci *v)
{
	while (v->nr_msi_routes) {
		struct msi_route *r = &v->msi_routes[--v->nr_msi_routes];

		vfio_route_detach(v, r);
		msi_route_fini(r);
	}
}

static int vectors_give(struct vfio_pci *v, unsigned int nr, struct err *e)
{
	int eventfds[PCI_MSI_MAX];
	const struct vfio_irqs irqs = {
		.index = VFIO_PCI_MSI_IRQ_INDEX,
		.action = VFIO_IRQ_SET_ACTION_TRIGGER,
		.nr = nr,
		.eventfds = eventfds,
	};
	int ret;

	for (unsigned int i = 0; i < nr; i++)
		eventfds[i] = v->msi_routes[i].eventfd;
	ret = vfio_set_irqs(v, &irqs, e);
	if (ret)
		return ret;
	v->msi_on = true;
	vfio_host_vectors(v, nr);
	return 0;
}

/* The largest power of two up to n, which is not 0: what MSI can enable. */
static unsigned int power_of_two(unsigned int n)
{
	return 1u << (31 - __builtin_clz(n));
}

static int vectors_on(struct vfio_pci *v, struct err *e)
{
	unsigned int nr = v->msi.nr_vectors;
	int ret = routes_make(v, nr, e);

	if (!ret)
		ret = vectors_give(v, nr, e);
	if (ret <= 0)
		return ret;
	nr = power_of_two((unsigned int)ret);
	log_guest(
		&v->pci.limit, v->d->name,
		"the host has only %u of %u MSI vectors for this device: the device shares them as it sees fit",
		nr, v->msi.nr_vectors);
	ret = vectors_give(v, nr, e);
	return ret > 0 ? err_set(e, EAGAIN,
				 "the host's vectors are changing hands")
		       : ret;
}

static void msi_off(struct vfio_pci *v)
{
	if (v->msi_on) {
		vfio_index_off(v, VFIO_PCI_MSI_IRQ_INDEX);
		vfio_host_vectors(v, 0);
	}
	v->msi_on = false;
	routes_drop(v);
}

static void msi_enabled(struct pci_msi *msi, bool on)
{
	struct vfio_pci *v = vfio_of(msi);
	struct err e = { 0 };

	if (!on) {
		msi_off(v);
		return;
	}
	if (!v->d->ops)
		return;
	if (vectors_on(v, &e)) {
		log_guest(&v->pci.limit, v->d->name,
			  "no MSI interrupts for the guest: %s%s%s", e.msg,
			  e.hint[0] ? "; " : "", e.hint);
		msi_off(v);
		return;
	}
	msi_update(msi);
}

static bool msi_pending(struct pci_msi *msi, unsigned int vector)
{
	struct vfio_pci *v = vfio_of(msi);

	return vector < v->nr_msi_routes &&
	       msi_route_pending(&v->msi_routes[vector]);
}

static const struct pci_msi_ops msi_ops = {
	.enabled = msi_enabled,
	.update = msi_update,
	.pending = msi_pending,
};

int vfio_msi_init(struct vfio_pci *v, unsigned int cap, struct err *e)
{
	if (pci_msi_init(&v->msi, &v->pci, cap, &msi_ops))
		return err_set(e, EINVAL,
			       "%s: the MSI capability makes no sense",
			       v->d->name);
	return 0;
}

void vfio_msi_fini(struct vfio_pci *v)
{
	msi_off(v);
	pci_msi_fini(&v->msi);
}

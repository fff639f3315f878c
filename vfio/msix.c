// SPDX-License-Identifier: GPL-2.0-or-later
/* MSI-X of a physical function, from VFIO's eventfd to KVM's irqfd. */
/*
 * How this works
 *
 * Each vector has a route: an eventfd that the kernel's VFIO writes when the
 * device raises the vector, and that KVM turns into an interrupt of the guest.
 * No user space in between. pci/msix.c keeps the table that the guest writes;
 * here each change of it becomes a change of routes:
 *
 *	enable		all eventfds are handed to VFIO in one call
 *	unmask		address and data go into the GSI table (one write for
 *			all vectors that changed), then the irqfd is attached
 *	mask		the irqfd is taken off; what comes meanwhile waits in
 *			the eventfd (the pending bit) and fires when it is
 *			attached again
 *	disable		VFIO lets go of the eventfds, what waits is dropped
 *
 * vectors_on and vectors_off are the only places that decide which vectors VFIO
 * is told of.
 */
#include <errno.h>
#include <stdlib.h>

#include "vfio/priv.h"

static struct vfio_pci *vfio_of(struct pci_msix *msix)
{
	return CONTAINER_OF(msix, struct vfio_pci, msix);
}

/* --- which vectors VFIO signals --- */

static int vectors_set(struct vfio_pci *v, unsigned int nr, struct err *e)
{
	return v->d->ops->set_irqs(v->d, VFIO_PCI_MSIX_IRQ_INDEX, 0,
				   v->eventfds, nr, e);
}

static void vectors_on(struct vfio_pci *v)
{
	struct err e = { 0 };
	int ret = vectors_set(v, v->nr_routes, &e);

	if (ret > 0) {
		log_warn(
			v->d->name,
			"the host has only %d of %u interrupt vectors left for this device: the others stay silent",
			ret, v->nr_routes);
		ret = vectors_set(v, (unsigned int)ret, &e);
		if (ret > 0)
			ret = err_set(
				&e, EAGAIN,
				"%s: VFIO_DEVICE_SET_IRQS: the host's vectors are changing hands",
				v->d->name);
	}
	v->irqs_on = !ret;
	if (ret)
		log_error(v->d->name, "no interrupts for the guest: %s%s%s",
			  e.msg, e.hint[0] ? "; " : "", e.hint);
}

static void vectors_off(struct vfio_pci *v)
{
	struct err e = { 0 };

	if (v->irqs_on && vectors_set(v, 0, &e))
		log_warn(v->d->name, "%s", e.msg);
	v->irqs_on = false;
}

/* --- routes --- */

/* What the device raised while masked does not outlive being disabled. */
static void route_drain(struct msi_route *r)
{
	uint64_t count;
	ssize_t n = read(r->eventfd, &count, sizeof(count));

	(void)n; /* EAGAIN: nothing there */
}

static void msix_enabled(struct pci_msix *msix, bool on)
{
	struct vfio_pci *v = vfio_of(msix);

	if (on) {
		vectors_on(v);
		return;
	}
	vectors_off(v);
	for (unsigned int i = 0; i < v->nr_routes; i++)
		route_drain(&v->routes[i]);
}

/* Puts [first, end) that are unmasked into the GSI table, in one write. */
static int routes_set(struct vfio_pci *v, unsigned int first, unsigned int end,
		      struct err *e)
{
	int ret = 0, commit;

	irq_begin(v->env.irq);
	for (unsigned int i = first; i < end && !ret; i++) {
		struct pci_msix_vector vec = pci_msix_vector(&v->msix, i);
		struct msi_route *r = &v->routes[i];
		struct irq_msi msi = { vec.address, vec.data };

		if (!vec.unmasked)
			continue;
		if (r->in_table && r->attached &&
		    (r->msi.address != msi.address || r->msi.data != msi.data))
			vfio_count(&v->stats.vector_changes, 1);
		ret = msi_route_set(r, msi, e);
	}
	commit = irq_commit(v->env.irq, e);
	return ret ? ret : commit;
}

static int route_follow_mask(struct vfio_pci *v, unsigned int i, struct err *e)
{
	struct msi_route *r = &v->routes[i];
	bool unmasked = pci_msix_vector(&v->msix, i).unmasked;

	if (unmasked == r->attached)
		return 0;
	vfio_count(&v->stats.vector_changes, 1);
	if (unmasked)
		return msi_route_attach(r, e);
	msi_route_detach(r);
	return 0;
}

static void msix_update(struct pci_msix *msix, unsigned int first,
			unsigned int nr)
{
	struct vfio_pci *v = vfio_of(msix);
	unsigned int end =
		first + nr < v->nr_routes ? first + nr : v->nr_routes;
	struct err e = { 0 };

	if (routes_set(v, first, end, &e)) {
		log_guest(&v->pci.limit, v->d->name,
			  "MSI-X vectors %u to %u: %s", first, end - 1, e.msg);
		return;
	}
	for (unsigned int i = first; i < end; i++)
		if (route_follow_mask(v, i, &e))
			log_guest(&v->pci.limit, v->d->name,
				  "MSI-X vector %u: %s", i, e.msg);
}

static bool msix_pending(struct pci_msix *msix, unsigned int vector)
{
	struct vfio_pci *v = vfio_of(msix);

	return vector < v->nr_routes && msi_route_pending(&v->routes[vector]);
}

static const struct pci_msix_ops msix_ops = {
	.enabled = msix_enabled,
	.update = msix_update,
	.pending = msix_pending,
};

/* --- creation --- */

static int routes_make(struct vfio_pci *v, unsigned int nr, struct err *e)
{
	v->routes = calloc(nr, sizeof(*v->routes));
	v->eventfds = calloc(nr, sizeof(*v->eventfds));
	if (!v->routes || !v->eventfds)
		return err_set(e, ENOMEM, "%s: out of memory", v->d->name);
	for (; v->nr_routes < nr; v->nr_routes++) {
		struct msi_route *r = &v->routes[v->nr_routes];
		int ret = msi_route_init(r, v->env.irq, e);

		if (ret == -EMFILE)
			err_hint(
				e,
				"the device has %u interrupt vectors and each takes a file; raise the limit of open files (ulimit -n)",
				nr);
		if (ret)
			return err_ctx(e, ret, "%s: MSI-X vector %u",
				       v->d->name, v->nr_routes);
		v->eventfds[v->nr_routes] = r->eventfd;
	}
	return 0;
}

int vfio_msix_init(struct vfio_pci *v, unsigned int cap, unsigned int nr_irqs,
		   struct err *e)
{
	unsigned int nr;
	int ret = pci_msix_init(&v->msix, &v->pci, cap, &msix_ops);

	if (ret)
		return err_set(e, -ret, "%s: %s", v->d->name,
			       ret == -ENOMEM
				       ? "out of memory"
				       : "the MSI-X capability makes no sense");
	nr = nr_irqs < v->msix.nr_vectors ? nr_irqs : v->msix.nr_vectors;
	ret = routes_make(v, nr, e);
	if (ret)
		vfio_msix_fini(v);
	return ret;
}

void vfio_msix_fini(struct vfio_pci *v)
{
	vectors_off(v);
	for (unsigned int i = 0; i < v->nr_routes; i++)
		msi_route_fini(&v->routes[i]);
	free(v->routes);
	free(v->eventfds);
	v->routes = NULL;
	v->eventfds = NULL;
	v->nr_routes = 0;
	if (v->msix.nr_vectors)
		pci_msix_fini(&v->msix);
	v->msix.nr_vectors = 0;
}

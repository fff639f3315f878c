// SPDX-License-Identifier: GPL-2.0-or-later
/* MSI-X of a physical function, from VFIO's eventfd to KVM's irqfd. */
/*
 * How this works
 *
 * A vector that the guest uses has a route: an eventfd that the kernel's VFIO
 * writes when the device raises the vector, and that KVM turns into an
 * interrupt of the guest. No user space in between. pci/msix.c keeps the table
 * that the guest writes; here each change of it becomes a change of routes:
 *
 *	enable		VFIO turns MSI-X on
 *	first unmask	the vector gets an eventfd and VFIO a host vector for it
 *	unmask		address and data go into the GSI table (one write for
 *			all vectors that changed), then the irqfd is attached
 *	mask		the irqfd is taken off; what comes meanwhile waits in
 *			the eventfd (the pending bit) and fires when it is
 *			attached again
 *	disable		VFIO lets go of everything, what waits is dropped
 *
 * So a guest that moves a vector to another CPU costs no call of VFIO.
 *
 * Host vectors: where the kernel can add some to an index that is on
 * (VFIO_IRQ_INFO_NORESIZE clear, Linux 6.5), MSI-X starts with vector 0 alone
 * and each first unmask, or run of them, adds its own. Elsewhere adding means
 * turning MSI-X off and on again, which loses interrupts and costs the square
 * of the vectors, so it starts with all of them, unused ones without an
 * eventfd (the kernel then reserves but does not request them).
 *
 * A vector that was never unmasked is masked in the device too, so its pending
 * bit is the device's own.
 */
#include <errno.h>
#include <stdlib.h>

#include "vfio/priv.h"

static struct vfio_pci *vfio_of(struct pci_msix *msix)
{
	return CONTAINER_OF(msix, struct vfio_pci, msix);
}

/* Unmasked, with a message that can be delivered. */
static bool is_wanted(const struct vfio_pci *v, unsigned int i)
{
	struct pci_msix_vector vec = pci_msix_vector(&v->msix, i);

	return vec.unmasked && irq_msi_ok(vec.address);
}

/* --- which vectors VFIO signals --- */

static bool can_give(const struct vfio_pci *v, unsigned int i)
{
	const struct vfio_vector *vec = &v->host_msix.vectors[i];

	return vec->route.irq && !vec->is_given && is_wanted(v, i);
}

/* Hands over those of [start, start + nr) that can be given. */
static int vectors_give(struct vfio_pci *v, unsigned int start, unsigned int nr,
			struct err *e)
{
	struct vfio_msix *h = &v->host_msix;
	int eventfds[PCI_MSIX_MAX];
	const struct vfio_irqs irqs = {
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.action = VFIO_IRQ_SET_ACTION_TRIGGER,
		.start = start,
		.nr = nr,
		.eventfds = eventfds,
	};
	int ret;

	for (unsigned int i = 0; i < nr; i++)
		eventfds[i] = can_give(v, start + i)
				      ? h->vectors[start + i].route.eventfd
				      : -1;
	ret = vfio_set_irqs(v, &irqs, e);
	if (ret)
		return ret;
	for (unsigned int i = 0; i < nr; i++)
		h->vectors[start + i].is_given = eventfds[i] >= 0;
	return 0;
}

/* How many from first on, below end, can be given. */
static unsigned int run_len(const struct vfio_pci *v, unsigned int first,
			    unsigned int end)
{
	unsigned int i = first;

	while (i < end && can_give(v, i))
		i++;
	return i - first;
}

static int host_on(struct vfio_pci *v, struct err *e)
{
	struct vfio_msix *h = &v->host_msix;
	unsigned int nr = h->nr;
	int ret;

	if (h->can_grow)
		nr = can_give(v, 0) ? run_len(v, 0, h->nr) : 1;
	h->limit = h->nr;
	ret = vectors_give(v, 0, nr, e);
	if (ret > 0) {
		log_guest(
			&v->pci.limit, v->d->name,
			"the host has only %d of %u interrupt vectors left for this device: the others stay silent",
			ret, nr);
		nr = h->limit = (unsigned int)ret;
		ret = vectors_give(v, 0, nr, e);
		if (ret > 0)
			ret = err_set(
				e, EAGAIN,
				"%s: VFIO_DEVICE_SET_IRQS: the host's vectors are changing hands",
				v->d->name);
	}
	if (ret)
		return ret;
	h->is_on = true;
	h->nr_first = h->nr_host = nr;
	vfio_host_vectors(v, h->nr_host);
	return 0;
}

static int host_add(struct vfio_pci *v, unsigned int start, unsigned int nr,
		    struct err *e)
{
	struct vfio_msix *h = &v->host_msix;
	int ret = vectors_give(v, start, nr, e);

	if (ret > 0)
		return err_set(
			e, ENOSPC,
			"%s: VFIO_DEVICE_SET_IRQS: no room for %u vectors",
			v->d->name, nr);
	if (ret)
		return ret;
	/* Those that it started with are counted. */
	for (unsigned int i = start; i < start + nr; i++)
		h->nr_host += i >= h->nr_first;
	vfio_host_vectors(v, h->nr_host);
	return 0;
}

static void host_complain(struct vfio_pci *v, const char *what,
			  const struct err *e)
{
	log_guest(&v->pci.limit, v->d->name, "%s: %s%s%s", what, e->msg,
		  e->hint[0] ? "; " : "", e->hint);
}

/* A run that fails as a whole may have room for its first ones. */
static void run_add(struct vfio_pci *v, unsigned int start, unsigned int nr)
{
	struct err e = { 0 };
	unsigned int done = 0;
	int ret = host_add(v, start, nr, &e);
	char what[64];

	if (ret && nr > 1) {
		while (done < nr && !host_add(v, start + done, 1, &e))
			done++;
		ret = done < nr ? -e.code : 0;
	}
	if (!ret)
		return;
	snprintf(what, sizeof(what), "MSI-X vectors %u to %u stay silent",
		 start + done, start + nr - 1);
	host_complain(v, what, &e);
}

static void host_follow(struct vfio_pci *v, unsigned int first,
			unsigned int end)
{
	struct vfio_msix *h = &v->host_msix;
	struct err e = { 0 };

	if (!v->msix.is_enabled)
		return;
	if (!h->is_on && host_on(v, &e)) {
		host_complain(v, "no interrupts for the guest", &e);
		return;
	}
	if (end > h->limit)
		end = h->limit;
	for (unsigned int i = first, nr; i < end; i += nr + 1) {
		nr = run_len(v, i, end);
		if (nr)
			run_add(v, i, nr);
	}
}

static void host_off(struct vfio_pci *v)
{
	struct vfio_msix *h = &v->host_msix;

	if (h->is_on) {
		vfio_index_off(v, VFIO_PCI_MSIX_IRQ_INDEX);
		vfio_host_vectors(v, 0);
	}
	h->is_on = false;
	for (unsigned int i = 0; i < h->nr; i++) {
		vfio_route_detach(v, &h->vectors[i].route);
		msi_route_fini(&h->vectors[i].route);
		h->vectors[i].is_given = false;
	}
}

/* --- routes --- */

static int route_make(struct vfio_pci *v, unsigned int i)
{
	struct err e = { 0 };
	int ret =
		msi_route_init(&v->host_msix.vectors[i].route, v->env.irq, &e);

	if (ret == -EMFILE)
		err_hint(&e, "raise the limit of open files (ulimit -n)");
	if (ret)
		log_guest(&v->pci.limit, v->d->name, "MSI-X vector %u: %s%s%s",
			  i, e.msg, e.hint[0] ? "; " : "", e.hint);
	return ret;
}

static int route_set(struct vfio_pci *v, unsigned int i, struct err *e)
{
	struct pci_msix_vector vec = pci_msix_vector(&v->msix, i);
	struct msi_route *r = &v->host_msix.vectors[i].route;
	struct irq_msi msi = { vec.address, vec.data };

	if (vec.unmasked && !irq_msi_ok(vec.address))
		vfio_message_complain(v, "MSI-X", i, vec.address);
	if (!is_wanted(v, i) || (!r->irq && route_make(v, i)))
		return 0;
	if (msi_route_is_on(r) &&
	    (r->msi.address != msi.address || r->msi.data != msi.data))
		vfio_count(&v->stats.vector_changes, 1);
	return msi_route_set(r, msi, e);
}

/* Puts [first, end) that are wanted into the GSI table, in one write. */
static int routes_set(struct vfio_pci *v, unsigned int first, unsigned int end,
		      struct err *e)
{
	int ret = 0, commit;

	irq_begin(v->env.irq);
	for (unsigned int i = first; i < end && !ret; i++)
		ret = route_set(v, i, e);
	commit = irq_commit(v->env.irq, e);
	return ret ? ret : commit;
}

/* is_set: the table has its message. */
static void route_follow_mask(struct vfio_pci *v, unsigned int i, bool is_set)
{
	struct msi_route *r = &v->host_msix.vectors[i].route;
	struct err e = { 0 };

	if (!r->irq || !is_wanted(v, i))
		vfio_route_detach(v, r);
	else if (is_set && vfio_route_attach(v, r, &e))
		log_guest(&v->pci.limit, v->d->name, "MSI-X vector %u: %s", i,
			  e.msg);
}

static void msix_update(struct pci_msix *msix, unsigned int first,
			unsigned int nr)
{
	struct vfio_pci *v = vfio_of(msix);
	unsigned int all = v->host_msix.nr;
	unsigned int end = first + nr < all ? first + nr : all;
	struct err e = { 0 };
	int ret;

	if (!v->d->ops)
		return;
	ret = routes_set(v, first, end, &e);
	if (ret)
		log_guest(&v->pci.limit, v->d->name,
			  "MSI-X vectors %u to %u: %s", first, end - 1, e.msg);
	host_follow(v, first, end);
	for (unsigned int i = first; i < end; i++)
		route_follow_mask(v, i, !ret);
}

/* On: the update that follows knows which vectors are wanted. */
static void msix_enabled(struct pci_msix *msix, bool on)
{
	if (!on)
		host_off(vfio_of(msix));
}

/* The PBA of the device, in dwords as PCIe 6.0 7.7.2 wants it read. */
static bool device_pending(struct vfio_pci *v, unsigned int vector)
{
	struct pci_msix_layout at = pci_msix_layout(&v->msix);
	uint64_t off = at.pba_off + 4ull * (vector / 32);
	uint8_t bits[4];

	if (!v->d->ops ||
	    v->d->ops->region_read(v->d, at.pba_bar, off, bits, sizeof(bits)))
		return false;
	return get_le(bits, 4) >> vector % 32 & 1;
}

static bool msix_pending(struct pci_msix *msix, unsigned int vector)
{
	struct vfio_pci *v = vfio_of(msix);

	if (vector >= v->host_msix.nr || !msix->is_enabled)
		return false;
	if (v->host_msix.vectors[vector].is_given)
		return msi_route_pending(&v->host_msix.vectors[vector].route);
	return device_pending(v, vector);
}

static const struct pci_msix_ops msix_ops = {
	.enabled = msix_enabled,
	.update = msix_update,
	.pending = msix_pending,
};

/* --- creation --- */

int vfio_msix_init(struct vfio_pci *v, unsigned int cap,
		   const struct vfio_irq_info *info, struct err *e)
{
	struct vfio_msix *h = &v->host_msix;
	int ret = pci_msix_init(&v->msix, &v->pci, cap, &msix_ops);

	if (ret)
		return err_set(e, -ret, "%s: %s", v->d->name,
			       ret == -ENOMEM
				       ? "out of memory"
				       : "the MSI-X capability makes no sense");
	h->nr = info->count < v->msix.nr_vectors ? info->count
						 : v->msix.nr_vectors;
	h->can_grow = !(info->flags & VFIO_IRQ_INFO_NORESIZE);
	h->vectors = calloc(h->nr, sizeof(*h->vectors));
	if (!h->vectors) {
		vfio_msix_fini(v);
		return err_set(e, ENOMEM, "%s: out of memory", v->d->name);
	}
	return 0;
}

void vfio_msix_fini(struct vfio_pci *v)
{
	struct vfio_msix *h = &v->host_msix;

	if (h->vectors)
		host_off(v);
	free(h->vectors);
	*h = (struct vfio_msix){ 0 };
	if (v->msix.nr_vectors)
		pci_msix_fini(&v->msix);
	v->msix.nr_vectors = 0;
}

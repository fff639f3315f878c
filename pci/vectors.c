// SPDX-License-Identifier: GPL-2.0-or-later
/* Interrupts of emulated functions: MSI-X vectors by irqfd, and the pin. */
/*
 * How this works
 *
 * pci/msix.c keeps the table that the guest writes; here each change of it
 * becomes a change of routes, batched into one write of the GSI table. An
 * unmasked vector's eventfd is KVM's irqfd, so raising it is one write(2), and
 * none of the VMM's threads takes part when the kernel (vhost) writes it.
 *
 * The pin is a level: low while the device wants nothing, while the guest
 * disabled it and while MSI-X is on. Functions that share a GSI are counted by
 * pci_intx_set.
 *
 * Lock order: the function's lock, then pin_lock. Raising takes pin_lock at
 * most, so it may be done under any lock of the device's own.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "pci/priv.h"
#include "pci/vectors.h"

static struct pci_vectors *vectors_of(struct pci_msix *msix)
{
	return CONTAINER_OF(msix, struct pci_vectors, msix);
}

/* --- MSI-X --- */

static void drop_pending(struct msi_route *r)
{
	uint64_t count;

	if (read(r->eventfd, &count, sizeof(count)) < 0)
		return; /* nothing waited */
}

/* What was raised while MSI-X was on does not outlive that. */
static void on_enabled(struct pci_msix *msix, bool on)
{
	struct pci_vectors *v = vectors_of(msix);

	__atomic_store_n(&v->msix_is_on, on, __ATOMIC_RELEASE);
	for (unsigned int i = 0; !on && i < v->config.nr; i++)
		drop_pending(&v->routes[i]);
}

static bool is_wanted(const struct pci_vectors *v, unsigned int i)
{
	struct pci_msix_vector vec = pci_msix_vector(&v->msix, i);

	return vec.unmasked && irq_msi_ok(vec.address);
}

static int set_routes(struct pci_vectors *v, unsigned int first,
		      unsigned int end, struct err *e)
{
	int ret = 0, committed;

	irq_begin(v->config.irq);
	for (unsigned int i = first; !ret && i < end; i++) {
		struct pci_msix_vector vec = pci_msix_vector(&v->msix, i);

		if (is_wanted(v, i))
			ret = msi_route_set(
				&v->routes[i],
				(struct irq_msi){ vec.address, vec.data }, e);
	}
	committed = irq_commit(v->config.irq, e);
	return ret ? ret : committed;
}

static void on_update(struct pci_msix *msix, unsigned int first,
		      unsigned int nr)
{
	struct pci_vectors *v = vectors_of(msix);
	unsigned int end = first + nr;
	struct err e = { 0 };
	int ret = set_routes(v, first, end, &e);

	for (unsigned int i = first; i < end; i++) {
		if (!is_wanted(v, i))
			msi_route_detach(&v->routes[i]);
		else if (!ret)
			ret = msi_route_attach(&v->routes[i], &e);
	}
	if (ret)
		log_guest(&v->dev->limit, v->dev->name, "no interrupts: %s",
			  e.msg);
}

static bool on_pending(struct pci_msix *msix, unsigned int vector)
{
	return msi_route_pending(&vectors_of(msix)->routes[vector]);
}

static const struct pci_msix_ops msix_ops = {
	.enabled = on_enabled,
	.update = on_update,
	.pending = on_pending,
};

bool pci_vector_raise(struct pci_vectors *v, unsigned int vector)
{
	const uint64_t one = 1;

	if (!pci_vectors_msix_on(v) || vector >= v->config.nr)
		return false;
	/* It fails only when 2^64 - 2 events wait already. */
	return write(v->routes[vector].eventfd, &one, sizeof(one)) > 0;
}

int pci_vector_fd(const struct pci_vectors *v, unsigned int vector)
{
	BUG_ON(vector >= v->config.nr);
	return v->routes[vector].eventfd;
}

bool pci_vectors_claims(const struct pci_vectors *v, uint64_t off)
{
	struct pci_msix_layout l;

	if (!v->config.nr)
		return false;
	l = pci_msix_layout(&v->msix);
	return off - l.table_off < l.table_len || off - l.pba_off < l.pba_len;
}

uint64_t pci_vectors_read(struct pci_vectors *v, uint64_t off, unsigned int len)
{
	struct pci_msix_layout l = pci_msix_layout(&v->msix);

	if (off - l.table_off < l.table_len)
		return pci_msix_table_read(&v->msix, off - l.table_off, len);
	return pci_msix_pba_read(&v->msix, off - l.pba_off, len);
}

void pci_vectors_write(struct pci_vectors *v, uint64_t off, unsigned int len,
		       uint64_t value)
{
	struct pci_msix_layout l = pci_msix_layout(&v->msix);

	if (off - l.table_off < l.table_len)
		pci_msix_table_write(&v->msix, off - l.table_off, len, value);
}

/* --- the pin --- */

static struct pci_vectors *of_dev(struct pci_dev *dev)
{
	BUG_ON(!dev->vectors);
	return dev->vectors;
}

static void pin_follow_locked(struct pci_vectors *v)
{
	bool high = v->pin_wanted && v->pin_enabled && v->line.gsi;

	if (high == v->pin_is_high)
		return;
	v->pin_is_high = high;
	pci_intx_set(v->config.host, &v->line, high);
}

void pci_pin_set(struct pci_vectors *v, bool high)
{
	pthread_mutex_lock(&v->pin_lock);
	v->pin_wanted = high;
	pin_follow_locked(v);
	pthread_mutex_unlock(&v->pin_lock);
}

static void on_pin_enabled(struct pci_dev *dev, bool on)
{
	struct pci_vectors *v = of_dev(dev);

	pthread_mutex_lock(&v->pin_lock);
	v->pin_enabled = on;
	pin_follow_locked(v);
	pthread_mutex_unlock(&v->pin_lock);
}

static bool on_pin_pending(struct pci_dev *dev)
{
	struct pci_vectors *v = of_dev(dev);
	bool wanted;

	pthread_mutex_lock(&v->pin_lock);
	wanted = v->pin_wanted;
	pthread_mutex_unlock(&v->pin_lock);
	return wanted;
}

static const struct pci_intx_ops pin_ops = {
	.enabled = on_pin_enabled,
	.pending = on_pin_pending,
};

void pci_vectors_wire(struct pci_vectors *v)
{
	struct pci_place place = { v->dev->behind, v->dev->devfn };

	v->line = (struct irq_line){
		.irq = v->config.irq,
		.gsi = pci_intx_gsi(v->config.host, place, 1),
	};
}

/* --- its life --- */

static int init_msix(struct pci_vectors *v, struct err *e)
{
	const struct pci_vectors_config *c = &v->config;
	int cap = pci_dev_add_cap(v->dev, PCI_CAP_ID_MSIX, 0,
				  PCI_CAP_MSIX_SIZEOF);
	unsigned int at = (unsigned int)cap;
	int ret;

	BUG_ON(cap < 0 || c->nr > PCI_MSIX_MAX);
	pci_cfg_put(v->dev, at + PCI_MSIX_FLAGS, 2, c->nr - 1);
	pci_cfg_put(v->dev, at + PCI_MSIX_TABLE, 4, c->table_off | c->bar);
	pci_cfg_put(v->dev, at + PCI_MSIX_PBA, 4, c->pba_off | c->bar);
	v->routes = calloc(c->nr, sizeof(*v->routes));
	if (!v->routes || pci_msix_init(&v->msix, v->dev, at, &msix_ops))
		return err_set(e, ENOMEM, "%s: out of memory", v->dev->name);
	for (unsigned int i = 0; i < c->nr; i++) {
		ret = msi_route_init(&v->routes[i], c->irq, e);
		if (ret)
			return err_ctx(e, ret, "%s: vector %u", v->dev->name,
				       i);
	}
	return 0;
}

int pci_vectors_init(struct pci_vectors *v, struct pci_dev *dev,
		     const struct pci_vectors_config *config, struct err *e)
{
	*v = (struct pci_vectors){ .dev = dev, .config = *config };
	pthread_mutex_init(&v->pin_lock, NULL);
	dev->vectors = v;
	pci_dev_set_intx(dev, 1, &pin_ops);
	return config->nr ? init_msix(v, e) : 0;
}

void pci_vectors_fini(struct pci_vectors *v)
{
	if (!v->dev)
		return;
	pci_pin_set(v, false);
	for (unsigned int i = 0; v->routes && i < v->config.nr; i++)
		msi_route_fini(&v->routes[i]);
	free(v->routes);
	pci_msix_fini(&v->msix);
	pthread_mutex_destroy(&v->pin_lock);
	*v = (struct pci_vectors){ 0 };
}

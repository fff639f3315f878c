// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The GSI table.
 *
 * How this works: routes[] holds the pins and then the MSI routes that have an
 * address; changes mark it dirty, and the outermost irq_commit hands the whole
 * table to the sink once. KVM has no call that changes one route, so a batch
 * of N vectors costs one table write instead of N.
 *
 * An irqfd is attached after its route is in the kernel's table, because KVM
 * looks the route up when the irqfd is made; later table writes reach attached
 * irqfds by themselves.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "src/base/bits.h"
#include "src/core/irq.h"

static int write_table_locked(struct irq *irq, struct err *e)
{
	int ret;

	if (irq->batch_depth || !irq->dirty)
		return 0;
	irq->nr_table_writes++;
	ret = irq->ops->set_routes(irq->ctx, irq->routes, irq->nr_routes, e);
	irq->dirty = ret != 0;
	return ret;
}

/* Recursive, because a batch holds it while its routes are set. */
static void lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

int irq_init(struct irq *irq, const struct irq_sink_ops *ops, void *ctx,
	     struct err *e)
{
	int ret;

	*irq = (struct irq){ .ops = ops, .ctx = ctx, .dirty = true };
	irq->routes = calloc(IRQ_MAX_GSI, sizeof(*irq->routes));
	if (!irq->routes)
		return err_set(e, ENOMEM, "GSI table: out of memory");
	lock_init(&irq->lock);
	for (uint32_t gsi = 0; gsi < IRQ_NR_PINS; gsi++) {
		irq->routes[irq->nr_routes++].gsi = gsi;
		irq->used[0] |= 1ULL << gsi;
	}
	ret = write_table_locked(irq, e);
	if (ret)
		irq_fini(irq);
	return ret;
}

void irq_fini(struct irq *irq)
{
	if (!irq->routes)
		return;
	free(irq->routes);
	irq->routes = NULL;
	pthread_mutex_destroy(&irq->lock);
}

void irq_begin(struct irq *irq)
{
	pthread_mutex_lock(&irq->lock);
	irq->batch_depth++;
}

int irq_commit(struct irq *irq, struct err *e)
{
	int ret;

	BUG_ON(!irq->batch_depth);
	irq->batch_depth--;
	ret = write_table_locked(irq, e);
	pthread_mutex_unlock(&irq->lock);
	return ret;
}

void irq_line_set(const struct irq_line *line, bool high)
{
	line->irq->ops->set_line(line->irq->ctx, line->gsi, high);
}

void irq_line_pulse(const struct irq_line *line)
{
	irq_line_set(line, true);
	irq_line_set(line, false);
}

/* A free GSI above the pins, or IRQ_MAX_GSI. */
static uint32_t gsi_take_locked(struct irq *irq)
{
	if (irq->nr_msi == IRQ_MAX_MSI)
		return IRQ_MAX_GSI;
	for (uint32_t word = 0; word < ARRAY_SIZE(irq->used); word++) {
		uint32_t bit;

		if (irq->used[word] == UINT64_MAX)
			continue;
		bit = (uint32_t)__builtin_ctzll(~irq->used[word]);
		irq->used[word] |= 1ULL << bit;
		irq->nr_msi++;
		return word * 64 + bit;
	}
	return IRQ_MAX_GSI;
}

int msi_route_init(struct msi_route *r, struct irq *irq, struct err *e)
{
	*r = (struct msi_route){ .eventfd = -1 };
	pthread_mutex_lock(&irq->lock);
	r->gsi = gsi_take_locked(irq);
	pthread_mutex_unlock(&irq->lock);
	if (r->gsi == IRQ_MAX_GSI)
		return err_set(
			e, ENOSPC,
			"interrupts: all %d GSIs are taken: assign fewer devices or vectors",
			IRQ_MAX_GSI);
	r->irq = irq;
	r->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->eventfd < 0) {
		int ret = err_sys(e, "interrupts", "eventfd");

		msi_route_fini(r);
		return ret;
	}
	return 0;
}

static struct irq_route *route_of_locked(const struct msi_route *r)
{
	struct irq *irq = r->irq;
	unsigned int i = IRQ_NR_PINS;

	while (irq->routes[i].gsi != r->gsi) {
		i++;
		BUG_ON(i >= irq->nr_routes);
	}
	return &irq->routes[i];
}

/*
 * The route leaves our table at once and the kernel's with its next write:
 * nothing can raise it any more, so that write is not worth one of its own.
 */
void msi_route_fini(struct msi_route *r)
{
	struct irq *irq = r->irq;

	if (!irq)
		return;
	msi_route_detach(r);
	if (r->eventfd >= 0)
		close(r->eventfd);
	pthread_mutex_lock(&irq->lock);
	if (r->in_table) {
		struct irq_route *route = route_of_locked(r);

		*route = irq->routes[--irq->nr_routes];
		irq->dirty = true;
	}
	irq->used[r->gsi / 64] &= ~(1ULL << (r->gsi % 64));
	irq->nr_msi--;
	pthread_mutex_unlock(&irq->lock);
	*r = (struct msi_route){ .eventfd = -1 };
}

int msi_route_set(struct msi_route *r, struct irq_msi msi, struct err *e)
{
	struct irq *irq = r->irq;
	struct irq_route route = { .gsi = r->gsi, .is_msi = true, .msi = msi };
	int ret = 0;

	pthread_mutex_lock(&irq->lock);
	if (!r->in_table || r->msi.address != msi.address ||
	    r->msi.data != msi.data) {
		if (r->in_table)
			*route_of_locked(r) = route;
		else
			irq->routes[irq->nr_routes++] = route;
		r->in_table = true;
		r->msi = msi;
		irq->dirty = true;
	}
	/* Also if an earlier write of the table failed. */
	ret = write_table_locked(irq, e);
	pthread_mutex_unlock(&irq->lock);
	return ret;
}

int msi_route_attach(struct msi_route *r, struct err *e)
{
	int ret;

	if (r->attached)
		return 0;
	ret = r->irq->ops->irqfd_add(r->irq->ctx, r->eventfd, r->gsi, -1, e);
	r->attached = !ret;
	return ret;
}

void msi_route_detach(struct msi_route *r)
{
	if (!r->attached)
		return;
	r->irq->ops->irqfd_del(r->irq->ctx, r->eventfd, r->gsi);
	r->attached = false;
}

bool msi_route_pending(const struct msi_route *r)
{
	struct pollfd p = { .fd = r->eventfd, .events = POLLIN };

	return !r->attached && poll(&p, 1, 0) == 1;
}

/* --- level --- */

static int eventfd_make(int *fd, struct err *e)
{
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return *fd < 0 ? err_sys(e, "interrupts", "eventfd") : 0;
}

static void eventfd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void eventfd_drain(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n; /* EAGAIN: nothing there */
}

int irq_level_init(struct irq_level *l, struct irq *irq, uint32_t gsi,
		   struct err *e)
{
	int ret;

	BUG_ON(gsi >= IRQ_NR_PINS);
	*l = (struct irq_level){
		.irq = irq, .gsi = gsi, .eventfd = -1, .resample_fd = -1
	};
	ret = eventfd_make(&l->eventfd, e);
	if (!ret)
		ret = eventfd_make(&l->resample_fd, e);
	if (ret)
		irq_level_fini(l);
	return ret;
}

void irq_level_fini(struct irq_level *l)
{
	if (!l->irq)
		return;
	irq_level_detach(l);
	eventfd_close(&l->eventfd);
	eventfd_close(&l->resample_fd);
	l->irq = NULL;
}

int irq_level_attach(struct irq_level *l, struct err *e)
{
	int ret;

	if (l->attached)
		return 0;
	ret = l->irq->ops->irqfd_add(l->irq->ctx, l->eventfd, l->gsi,
				     l->resample_fd, e);
	l->attached = !ret;
	return ret;
}

/*
 * KVM lowers the pin when the last resampling irqfd of a GSI goes
 * (irqfd_resampler_shutdown); with others left the next EOI does it.
 */
void irq_level_detach(struct irq_level *l)
{
	if (!l->attached)
		return;
	l->irq->ops->irqfd_del(l->irq->ctx, l->eventfd, l->gsi);
	eventfd_drain(l->eventfd);
	eventfd_drain(l->resample_fd);
	l->attached = false;
}

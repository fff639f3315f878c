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
 *
 * With irq_defer a route that is set while nobody is attached to it does not
 * make the table urgent. Attaching it then puts its eventfd into an epoll set
 * that somebody watches: when one fires, everything that waits goes into the
 * kernel's table at once and is attached. A route is stale while the kernel has
 * not had the write that it needs, counted by generation. The lock guards all
 * of that, since the watcher's thread attaches what vCPU threads have set.
 *
 * Pins go to the sink as they are, or to an IOAPIC of ours (irq_set_pins). For
 * that one a pin's place in the table holds a message like any other route, and
 * an irq_level is an irqfd without resampling, which KVM has only for pins of
 * its own.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "src/base/bits.h"
#include "src/core/irq.h"

/* --- pins that the sink has --- */

static void sink_pin_set(void *ctx, uint32_t gsi, bool high)
{
	const struct irq *irq = ctx;

	irq->ops->set_line(irq->ctx, gsi, high);
}

static int sink_pin_attach(void *ctx, struct irq_level *l, struct err *e)
{
	const struct irq *irq = ctx;

	return irq->ops->irqfd_add(irq->ctx, l->eventfd, l->gsi, l->resample_fd,
				   e);
}

static void sink_pin_detach(void *ctx, struct irq_level *l)
{
	const struct irq *irq = ctx;

	irq->ops->irqfd_del(irq->ctx, l->eventfd, l->gsi);
}

static const struct irq_pin_ops sink_pin_ops = {
	.set_line = sink_pin_set,
	.attach = sink_pin_attach,
	.detach = sink_pin_detach,
};

/* --- the table --- */

static int write_table_locked(struct irq *irq, struct err *e)
{
	int ret;

	if (irq->batch_depth || !irq->urgent)
		return 0;
	irq->nr_table_writes++;
	ret = irq->ops->set_routes(irq->ctx, irq->routes, irq->nr_routes, e);
	if (ret)
		return ret;
	irq->dirty = irq->urgent = false;
	irq->generation++;
	return 0;
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

	*irq = (struct irq){ .ops = ops,
			     .ctx = ctx,
			     .pin_ops = &sink_pin_ops,
			     .pin_ctx = irq,
			     .dirty = true,
			     .urgent = true,
			     .deferred_fd = -1 };
	list_init(&irq->deferred);
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
	irq_defer_end(irq);
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
	line->irq->pin_ops->set_line(line->irq->pin_ctx, line->gsi, high);
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
		r->generation = irq->generation + 1;
		irq->dirty = true;
		irq->urgent |= r->attached || irq->deferred_fd < 0;
	}
	/* Also if an earlier write of the table failed. */
	ret = write_table_locked(irq, e);
	pthread_mutex_unlock(&irq->lock);
	return ret;
}

static int attach_locked(struct msi_route *r, struct err *e)
{
	int ret =
		r->irq->ops->irqfd_add(r->irq->ctx, r->eventfd, r->gsi, -1, e);

	r->attached = !ret;
	return ret;
}

static bool is_stale(const struct msi_route *r)
{
	return r->irq->generation < r->generation;
}

/*
 * Edge-triggered, so that a table that cannot be written is tried again with
 * the next interrupt and not all the time; what is in the eventfd already
 * counts as one.
 */
static int defer_locked(struct msi_route *r, struct err *e)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	if (epoll_ctl(r->irq->deferred_fd, EPOLL_CTL_ADD, r->eventfd, &event))
		return err_sys(e, "interrupts", "epoll_ctl");
	list_add(&r->irq->deferred, &r->node);
	r->is_deferred = true;
	return 0;
}

static void undefer_locked(struct msi_route *r)
{
	epoll_ctl(r->irq->deferred_fd, EPOLL_CTL_DEL, r->eventfd, NULL);
	list_del(&r->node);
	r->is_deferred = false;
}

int msi_route_attach(struct msi_route *r, struct err *e)
{
	struct irq *irq = r->irq;
	int ret = 0;

	pthread_mutex_lock(&irq->lock);
	if (r->attached || r->is_deferred)
		ret = 0;
	else if (irq->deferred_fd >= 0 && is_stale(r))
		ret = defer_locked(r, e);
	else
		ret = attach_locked(r, e);
	pthread_mutex_unlock(&irq->lock);
	return ret;
}

void msi_route_detach(struct msi_route *r)
{
	struct irq *irq = r->irq;

	if (!irq)
		return;
	pthread_mutex_lock(&irq->lock);
	if (r->is_deferred)
		undefer_locked(r);
	if (r->attached)
		irq->ops->irqfd_del(irq->ctx, r->eventfd, r->gsi);
	r->attached = false;
	pthread_mutex_unlock(&irq->lock);
}

bool msi_route_is_on(const struct msi_route *r)
{
	bool is_on;

	if (!r->irq)
		return false;
	pthread_mutex_lock(&r->irq->lock);
	is_on = r->attached || r->is_deferred;
	pthread_mutex_unlock(&r->irq->lock);
	return is_on;
}

bool msi_route_pending(const struct msi_route *r)
{
	struct pollfd p = { .fd = r->eventfd, .events = POLLIN };

	return !r->attached && poll(&p, 1, 0) == 1;
}

/* --- waiting for the first interrupt --- */

static void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Takes the edges; which of them fired does not matter. */
static void edges_take_locked(struct irq *irq)
{
	struct epoll_event event;

	while (epoll_wait(irq->deferred_fd, &event, 1, 0) == 1)
		;
}

int irq_flush(struct irq *irq, struct err *e)
{
	int ret;

	pthread_mutex_lock(&irq->lock);
	edges_take_locked(irq);
	irq->urgent |= irq->dirty && !list_empty(&irq->deferred);
	ret = write_table_locked(irq, e);
	if (ret)
		goto out_unlock;
	while (!list_empty(&irq->deferred)) {
		struct msi_route *r =
			list_entry(irq->deferred.next, struct msi_route, node);
		int one;

		undefer_locked(r);
		one = attach_locked(r, e);
		ret = one ? one : ret;
	}
out_unlock:
	pthread_mutex_unlock(&irq->lock);
	return ret;
}

int irq_defer(struct irq *irq, struct err *e)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "interrupts", "epoll_create1");
	irq->deferred_fd = fd;
	return 0;
}

void irq_defer_end(struct irq *irq)
{
	struct err e = { 0 };

	if (!irq->routes || irq->deferred_fd < 0)
		return;
	irq_flush(irq, &e);
	pthread_mutex_lock(&irq->lock);
	while (!list_empty(&irq->deferred))
		undefer_locked(
			list_entry(irq->deferred.next, struct msi_route, node));
	fd_close(&irq->deferred_fd);
	pthread_mutex_unlock(&irq->lock);
}

/* --- level --- */

static int eventfd_make(int *fd, struct err *e)
{
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return *fd < 0 ? err_sys(e, "interrupts", "eventfd") : 0;
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
	fd_close(&l->eventfd);
	fd_close(&l->resample_fd);
	l->irq = NULL;
}

int irq_level_attach(struct irq_level *l, struct err *e)
{
	int ret;

	if (l->attached)
		return 0;
	ret = l->irq->pin_ops->attach(l->irq->pin_ctx, l, e);
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
	l->irq->pin_ops->detach(l->irq->pin_ctx, l);
	eventfd_drain(l->eventfd);
	eventfd_drain(l->resample_fd);
	l->attached = false;
}

/* --- for an IOAPIC of ours --- */

void irq_set_pins(struct irq *irq, const struct irq_pin_ops *ops, void *ctx)
{
	irq->pin_ops = ops ? ops : &sink_pin_ops;
	irq->pin_ctx = ops ? ctx : irq;
}

int irq_pin_route(struct irq *irq, uint32_t gsi, struct irq_msi msi,
		  struct err *e)
{
	struct irq_route *route = &irq->routes[gsi];
	int ret;

	BUG_ON(gsi >= IRQ_NR_PINS);
	pthread_mutex_lock(&irq->lock);
	if (!route->is_msi || route->msi.address != msi.address ||
	    route->msi.data != msi.data) {
		*route = (struct irq_route){ gsi, true, msi };
		irq->dirty = irq->urgent = true;
	}
	ret = write_table_locked(irq, e);
	pthread_mutex_unlock(&irq->lock);
	return ret;
}

int irq_level_wire(struct irq_level *l, struct err *e)
{
	int ret;

	if (l->is_wired)
		return 0;
	ret = l->irq->ops->irqfd_add(l->irq->ctx, l->eventfd, l->gsi, -1, e);
	l->is_wired = !ret;
	return ret;
}

void irq_level_unwire(struct irq_level *l)
{
	if (l->is_wired)
		l->irq->ops->irqfd_del(l->irq->ctx, l->eventfd, l->gsi);
	l->is_wired = false;
}

void irq_level_ended(const struct irq_level *l)
{
	const uint64_t one = 1;
	ssize_t n = write(l->resample_fd, &one, sizeof(one));

	(void)n; /* it fails only when 2^64 - 2 ends wait already */
}

int irq_send(struct irq *irq, struct irq_msi msi)
{
	return irq->ops->send(irq->ctx, msi);
}

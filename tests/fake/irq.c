// SPDX-License-Identifier: GPL-2.0-or-later
/* The interrupt sink without KVM. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fake/irq.h"

static int may_fail(struct fake_irq *f, const char *op, struct err *e)
{
	if (++f->nr_calls != f->fail_nth)
		return 0;
	return err_set(e, EINVAL, "%s: made to fail", op);
}

static int fake_set_routes(void *ctx, const struct irq_route *routes,
			   unsigned int nr, struct err *e)
{
	struct fake_irq *f = ctx;
	int ret = may_fail(f, "set_routes", e);

	if (ret)
		return ret;
	memcpy(f->routes, routes, nr * sizeof(*routes));
	f->nr_routes = nr;
	return 0;
}

static int fake_irqfd_add(void *ctx, int fd, uint32_t gsi, int resample_fd,
			  struct err *e)
{
	struct fake_irq *f = ctx;
	int ret = may_fail(f, "irqfd_add", e);

	if (ret)
		return ret;
	BUG_ON(f->nr_irqfds == IRQ_MAX_GSI);
	f->nr_adds++;
	f->irqfds[f->nr_irqfds++] = (struct fake_irqfd){ fd, gsi, resample_fd };
	return 0;
}

static void fake_irqfd_del(void *ctx, int fd, uint32_t gsi)
{
	struct fake_irq *f = ctx;

	f->nr_dels++;
	for (unsigned int i = 0; i < f->nr_irqfds; i++) {
		if (f->irqfds[i].fd != fd || f->irqfds[i].gsi != gsi)
			continue;
		f->irqfds[i] = f->irqfds[--f->nr_irqfds];
		return;
	}
}

static void fake_set_line(void *ctx, uint32_t gsi, bool high)
{
	(void)ctx;
	(void)gsi;
	(void)high;
}

static int fake_send(void *ctx, struct irq_msi msi)
{
	struct fake_irq *f = ctx;

	if (f->is_deaf)
		return -EPERM;
	f->nr_sent++;
	f->sent = msi;
	return 0;
}

const struct irq_sink_ops fake_irq_sink = {
	.set_routes = fake_set_routes,
	.irqfd_add = fake_irqfd_add,
	.irqfd_del = fake_irqfd_del,
	.set_line = fake_set_line,
	.send = fake_send,
};

static bool route_find(const struct fake_irq *f, uint32_t gsi,
		       struct irq_route *out)
{
	for (unsigned int i = 0; i < f->nr_routes; i++) {
		if (f->routes[i].gsi != gsi)
			continue;
		*out = f->routes[i];
		return true;
	}
	return false;
}

bool fake_irq_wired(const struct fake_irq *f, int fd, struct irq_route *out)
{
	for (unsigned int i = 0; i < f->nr_irqfds; i++)
		if (f->irqfds[i].fd == fd)
			return route_find(f, f->irqfds[i].gsi, out);
	return false;
}

bool fake_irq_deliver(struct fake_irq *f, int fd, struct irq_msi *out)
{
	struct irq_route route;
	uint64_t count;

	if (!fake_irq_wired(f, fd, &route))
		return false;
	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return false;
	*out = route.msi;
	return true;
}

unsigned int fake_irq_eoi(struct fake_irq *f, uint32_t gsi)
{
	const uint64_t one = 1;
	unsigned int nr = 0;

	for (unsigned int i = 0; i < f->nr_irqfds; i++) {
		if (f->irqfds[i].gsi != gsi || f->irqfds[i].resample_fd < 0)
			continue;
		if (write(f->irqfds[i].resample_fd, &one, sizeof(one)) !=
		    sizeof(one))
			abort();
		nr++;
	}
	return nr;
}

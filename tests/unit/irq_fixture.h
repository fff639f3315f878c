/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The GSI table, on a sink that keeps what it is told.
 *
 * The sink looks up an irqfd's route in the table it was last given, as KVM
 * does, so "attached but not routed" can be seen.
 */
#ifndef STRAIT_TESTS_UNIT_IRQ_FIXTURE_H
#define STRAIT_TESTS_UNIT_IRQ_FIXTURE_H

#include <errno.h>

#include "src/base/bits.h"
#include "src/core/irq.h"
#include "tests/tap.h"

struct sink {
	pthread_mutex_t lock;
	struct irq_route table[IRQ_MAX_GSI];
	unsigned int nr, nr_writes, nr_irqfds, nr_adds, nr_dels;
	bool table_fails, irqfd_fails;
	char lines[64]; /* "+4" and "-4" of GSI 4 */
};

static struct sink sink = { .lock = PTHREAD_MUTEX_INITIALIZER };
static struct irq irq;
static struct err err;

static inline int on_routes(void *ctx, const struct irq_route *routes,
			    unsigned int nr, struct err *e)
{
	struct sink *s = ctx;
	int ret = 0;

	pthread_mutex_lock(&s->lock);
	s->nr_writes++;
	if (s->table_fails) {
		ret = err_set(e, ENOMEM, "KVM_SET_GSI_ROUTING: no memory");
	} else {
		memcpy(s->table, routes, nr * sizeof(*routes));
		s->nr = nr;
	}
	pthread_mutex_unlock(&s->lock);
	return ret;
}

static inline int on_irqfd_add(void *ctx, int fd, uint32_t gsi, int resample_fd,
			       struct err *e)
{
	struct sink *s = ctx;

	(void)fd;
	(void)gsi;
	if (s->irqfd_fails || resample_fd != -1)
		return err_set(e, EBUSY, "KVM_IRQFD: busy");
	s->nr_irqfds++;
	s->nr_adds++;
	return 0;
}

static inline void on_irqfd_del(void *ctx, int fd, uint32_t gsi)
{
	struct sink *s = ctx;

	(void)fd;
	(void)gsi;
	s->nr_irqfds--;
	s->nr_dels++;
}

static inline void on_line(void *ctx, uint32_t gsi, bool high)
{
	struct sink *s = ctx;
	size_t used = strlen(s->lines);

	snprintf(s->lines + used, sizeof(s->lines) - used, "%c%u",
		 high ? '+' : '-', gsi);
}

static inline int on_send(void *ctx, struct irq_msi sent)
{
	(void)ctx;
	(void)sent;
	return 0;
}

static const struct irq_sink_ops sink_ops = { on_routes, on_irqfd_add,
					      on_irqfd_del, on_line, on_send };

/* A new table; the sink forgets all but the pins. */
static inline void reset(void)
{
	irq_fini(&irq);
	memset(&err, 0, sizeof(err));
	sink.table_fails = sink.irqfd_fails = false;
	sink.nr_irqfds = sink.nr_adds = sink.nr_dels = 0;
	sink.lines[0] = '\0';
	if (irq_init(&irq, &sink_ops, &sink, &err))
		abort();
	sink.nr_writes = 0;
}

static inline void make(struct msi_route *r, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (msi_route_init(&r[i], &irq, &err))
			abort();
}

static inline void free_all(struct msi_route *r, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		msi_route_fini(&r[i]);
}

static inline struct irq_msi msi(uint32_t data)
{
	return (struct irq_msi){ 0xfee00000, data };
}

/* The data that the sink's table has for a GSI; 0 without a route. */
static inline uint32_t routed(uint32_t gsi)
{
	uint32_t data = 0;

	pthread_mutex_lock(&sink.lock);
	for (unsigned int i = 0; i < sink.nr; i++)
		if (sink.table[i].gsi == gsi && sink.table[i].is_msi)
			data = sink.table[i].msi.data;
	pthread_mutex_unlock(&sink.lock);
	return data;
}

#endif

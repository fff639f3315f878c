// SPDX-License-Identifier: GPL-2.0-or-later
/* Routes that wait for the first interrupt of any of them. */
#include <poll.h>
#include <unistd.h>

#include "tests/unit/irq_fixture.h"

static void start_deferring(void)
{
	reset();
	CHECK_EQ(irq_defer(&irq, &err), 0);
}

static void fire(const struct msi_route *r)
{
	const uint64_t one = 1;

	CHECK_EQ(write(r->eventfd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

static bool somebody_fired(void)
{
	struct pollfd p = { .fd = irq.deferred_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void set_and_attach(struct msi_route *r, uint32_t data)
{
	CHECK_EQ(msi_route_set(r, msi(data), &err), 0);
	CHECK_EQ(msi_route_attach(r, &err), 0);
}

static void new_routes_wait_for_the_first_interrupt_of_any(void)
{
	struct msi_route r[8];

	start_deferring();
	make(r, ARRAY_SIZE(r));
	for (uint32_t i = 0; i < ARRAY_SIZE(r); i++)
		set_and_attach(&r[i], i + 1);
	CHECK_EQ(sink.nr_writes, 0);
	CHECK_EQ(sink.nr_adds, 0);
	CHECK(msi_route_is_on(&r[5]));
	CHECK(!somebody_fired());
	fire(&r[3]);
	CHECK(somebody_fired());
	CHECK_EQ(irq_flush(&irq, &err), 0);
	CHECK(!somebody_fired());
	CHECK_EQ(sink.nr_writes, 1);
	CHECK_EQ(sink.nr_irqfds, ARRAY_SIZE(r));
	CHECK_EQ(routed(r[7].gsi), 8);
	free_all(r, ARRAY_SIZE(r));
	irq_defer_end(&irq);
}

static void what_fired_before_attaching_is_seen_at_once(void)
{
	struct msi_route r;

	start_deferring();
	make(&r, 1);
	fire(&r);
	set_and_attach(&r, 1);
	CHECK(somebody_fired());
	free_all(&r, 1);
	irq_defer_end(&irq);
}

static void a_route_that_kvm_knows_is_attached_at_once(void)
{
	struct msi_route r;

	start_deferring();
	make(&r, 1);
	set_and_attach(&r, 1);
	CHECK_EQ(irq_flush(&irq, &err), 0);
	msi_route_detach(&r);
	set_and_attach(&r, 1);
	CHECK_EQ(sink.nr_irqfds, 1);
	CHECK_EQ(sink.nr_writes, 1);
	free_all(&r, 1);
	irq_defer_end(&irq);
}

static void a_change_of_an_attached_route_is_written_at_once(void)
{
	struct msi_route r;

	start_deferring();
	make(&r, 1);
	set_and_attach(&r, 1);
	CHECK_EQ(irq_flush(&irq, &err), 0);
	CHECK_EQ(msi_route_set(&r, msi(2), &err), 0);
	CHECK_EQ(sink.nr_writes, 2);
	CHECK_EQ(routed(r.gsi), 2);
	free_all(&r, 1);
	irq_defer_end(&irq);
}

static void a_waiting_route_can_be_detached(void)
{
	struct msi_route r;

	start_deferring();
	make(&r, 1);
	set_and_attach(&r, 1);
	msi_route_detach(&r);
	CHECK(!msi_route_is_on(&r));
	fire(&r);
	CHECK(!somebody_fired());
	CHECK_EQ(irq_flush(&irq, &err), 0);
	CHECK_EQ(sink.nr_adds + sink.nr_dels, 0);
	CHECK(msi_route_pending(&r));
	free_all(&r, 1);
	irq_defer_end(&irq);
}

static void a_table_that_cannot_be_written_is_tried_with_the_next(void)
{
	struct msi_route r;

	start_deferring();
	make(&r, 1);
	set_and_attach(&r, 1);
	fire(&r);
	sink.table_fails = true;
	CHECK_EQ(irq_flush(&irq, &err), -ENOMEM);
	CHECK(!somebody_fired());
	sink.table_fails = false;
	fire(&r);
	CHECK(somebody_fired());
	CHECK_EQ(irq_flush(&irq, &err), 0);
	CHECK_EQ(sink.nr_irqfds, 1);
	free_all(&r, 1);
	irq_defer_end(&irq);
}

static void the_end_of_deferring_attaches_what_waits(void)
{
	struct msi_route r;

	start_deferring();
	make(&r, 1);
	set_and_attach(&r, 1);
	irq_defer_end(&irq);
	CHECK_EQ(sink.nr_irqfds, 1);
	free_all(&r, 1);
}

static void *flush_for_a_while(void *arg)
{
	for (unsigned int i = 0; i < 2000; i++)
		irq_flush(&irq, arg);
	return NULL;
}

static void vectors_masked_while_others_flush_stay_masked(void)
{
	struct err ignored = { 0 };
	struct msi_route r;
	pthread_t flusher;

	start_deferring();
	make(&r, 1);
	CHECK_EQ(pthread_create(&flusher, NULL, flush_for_a_while, &ignored),
		 0);
	for (uint32_t i = 0; i < 2000; i++) {
		set_and_attach(&r, i + 1);
		msi_route_detach(&r);
		CHECK(!msi_route_is_on(&r));
	}
	pthread_join(flusher, NULL);
	CHECK_EQ(sink.nr_irqfds, 0);
	free_all(&r, 1);
	irq_defer_end(&irq);
}

int main(void)
{
	TAP_RUN(new_routes_wait_for_the_first_interrupt_of_any);
	TAP_RUN(what_fired_before_attaching_is_seen_at_once);
	TAP_RUN(a_route_that_kvm_knows_is_attached_at_once);
	TAP_RUN(a_change_of_an_attached_route_is_written_at_once);
	TAP_RUN(a_waiting_route_can_be_detached);
	TAP_RUN(a_table_that_cannot_be_written_is_tried_with_the_next);
	TAP_RUN(the_end_of_deferring_attaches_what_waits);
	TAP_RUN(vectors_masked_while_others_flush_stay_masked);
	irq_fini(&irq);
	return tap_done();
}

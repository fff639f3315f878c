// SPDX-License-Identifier: GPL-2.0-or-later
/* Routes and their irqfds, by one thread and by several. */
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/irq_fixture.h"

/* --- irqfds --- */

static void attach_and_detach_are_idempotent(void)
{
	struct msi_route r;

	reset();
	make(&r, 1);
	msi_route_set(&r, msi(1), &err);
	msi_route_detach(&r);
	CHECK_EQ(sink.nr_dels, 0);
	CHECK_EQ(msi_route_attach(&r, &err), 0);
	CHECK_EQ(msi_route_attach(&r, &err), 0);
	CHECK_EQ(sink.nr_adds, 1);
	msi_route_detach(&r);
	msi_route_detach(&r);
	CHECK_EQ(sink.nr_dels, 1);
	free_all(&r, 1);
}

static void failed_attach_leaves_it_detached(void)
{
	struct msi_route r;

	reset();
	make(&r, 1);
	sink.irqfd_fails = true;
	CHECK_EQ(msi_route_attach(&r, &err), -EBUSY);
	CHECK(!r.attached);
	sink.irqfd_fails = false;
	CHECK_EQ(msi_route_attach(&r, &err), 0);
	free_all(&r, 1);
}

static void finishing_an_attached_route_detaches_it(void)
{
	struct msi_route r;

	reset();
	make(&r, 1);
	msi_route_attach(&r, &err);
	msi_route_fini(&r);
	CHECK_EQ(sink.nr_irqfds, 0);
	CHECK_EQ(sink.nr_dels, 1);
}

static void detached_route_remembers_an_interrupt(void)
{
	struct msi_route r;
	uint64_t one = 1;

	reset();
	make(&r, 1);
	CHECK(!msi_route_pending(&r));
	CHECK_EQ(write(r.eventfd, &one, sizeof(one)), sizeof(one));
	CHECK(msi_route_pending(&r));
	CHECK(msi_route_pending(&r));
	CHECK_EQ(read(r.eventfd, &one, sizeof(one)), sizeof(one));
	CHECK(!msi_route_pending(&r));
	free_all(&r, 1);
}

static void attached_route_is_never_pending(void)
{
	struct msi_route r;
	uint64_t one = 1;

	reset();
	make(&r, 1);
	msi_route_attach(&r, &err);
	CHECK_EQ(write(r.eventfd, &one, sizeof(one)), sizeof(one));
	CHECK(!msi_route_pending(&r));
	msi_route_detach(&r);
	CHECK(msi_route_pending(&r));
	free_all(&r, 1);
}

static void reading_an_eventfd_that_is_empty_does_not_block(void)
{
	struct msi_route r;
	uint64_t count;

	reset();
	make(&r, 1);
	CHECK_EQ(read(r.eventfd, &count, sizeof(count)), -1);
	CHECK_EQ(errno, EAGAIN);
	free_all(&r, 1);
}

/* --- with threads --- */

struct other {
	struct msi_route route;
	sem_t is_set;
	uint32_t routed_when_set;
};

static void *set_one(void *arg)
{
	struct other *o = arg;
	struct err e = { 0 };

	irq_begin(&irq);
	msi_route_set(&o->route, msi(0x77), &e);
	irq_commit(&irq, &e);
	o->routed_when_set = routed(o->route.gsi);
	sem_post(&o->is_set);
	return NULL;
}

/*
 * The other thread attaches as soon as its commit has returned; an interrupt
 * that comes before its route is in KVM is lost. Whether it writes at once or
 * waits for our batch is open.
 */
static void a_batch_of_another_thread_does_not_hold_back_mine(void)
{
	static struct other o;
	struct timespec until;
	pthread_t thread;

	reset();
	make(&o.route, 1);
	sem_init(&o.is_set, 0, 0);
	irq_begin(&irq);
	if (pthread_create(&thread, NULL, set_one, &o))
		abort();
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += (until.tv_nsec + 100000000) / 1000000000;
	until.tv_nsec = (until.tv_nsec + 100000000) % 1000000000;
	sem_timedwait(&o.is_set, &until);
	irq_commit(&irq, &err);
	pthread_join(thread, NULL);
	sem_destroy(&o.is_set);
	free_all(&o.route, 1);
	CHECK_EQ(o.routed_when_set, 0x77);
}

enum { NR_THREADS = 4, NR_ROUNDS = 200, PER_THREAD = 8 };
static atomic_uint nr_wrong;

/* Devices come, are programmed in batches and go, each on its own thread. */
static void *churn(void *arg)
{
	uint32_t base = 0x1000 * (*(unsigned int *)arg + 1);
	struct err e = { 0 };

	for (uint32_t round = 0; round < NR_ROUNDS; round++) {
		struct msi_route r[PER_THREAD];

		for (unsigned int i = 0; i < PER_THREAD; i++)
			if (msi_route_init(&r[i], &irq, &e))
				abort();
		irq_begin(&irq);
		for (uint32_t i = 0; i < PER_THREAD; i++)
			msi_route_set(&r[i], msi(base + i), &e);
		irq_commit(&irq, &e);
		for (uint32_t i = 0; i < PER_THREAD; i++)
			if (routed(r[i].gsi) != base + i)
				atomic_fetch_add(&nr_wrong, 1);
		free_all(r, PER_THREAD);
	}
	return NULL;
}

static void threads_that_program_devices_at_once_all_get_their_routes(void)
{
	static unsigned int numbers[NR_THREADS] = { 0, 1, 2, 3 };
	static pthread_t threads[NR_THREADS];

	reset();
	atomic_store(&nr_wrong, 0);
	for (unsigned int i = 0; i < NR_THREADS; i++)
		if (pthread_create(&threads[i], NULL, churn, &numbers[i]))
			abort();
	for (unsigned int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(atomic_load(&nr_wrong), 0);
	CHECK_EQ(irq.nr_routes, IRQ_NR_PINS);
	CHECK_EQ(irq.used[0], (1LL << IRQ_NR_PINS) - 1);
}

int main(void)
{
	TAP_RUN(attach_and_detach_are_idempotent);
	TAP_RUN(failed_attach_leaves_it_detached);
	TAP_RUN(finishing_an_attached_route_detaches_it);
	TAP_RUN(detached_route_remembers_an_interrupt);
	TAP_RUN(attached_route_is_never_pending);
	TAP_RUN(reading_an_eventfd_that_is_empty_does_not_block);
	TAP_RUN(a_batch_of_another_thread_does_not_hold_back_mine);
	TAP_RUN(threads_that_program_devices_at_once_all_get_their_routes);
	irq_fini(&irq);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The GSI table, on a sink that keeps what it is told.
 *
 * The sink looks up an irqfd's route in the table it was last given, as KVM
 * does, so "attached but not routed" can be seen.
 */
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/core/irq.h"
#include "tests/tap.h"

enum { NR_MSI = IRQ_MAX_GSI - IRQ_NR_PINS };

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

static int on_routes(void *ctx, const struct irq_route *routes, unsigned int nr,
		     struct err *e)
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

static int on_irqfd_add(void *ctx, int fd, uint32_t gsi, int resample_fd,
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

static void on_irqfd_del(void *ctx, int fd, uint32_t gsi)
{
	struct sink *s = ctx;

	(void)fd;
	(void)gsi;
	s->nr_irqfds--;
	s->nr_dels++;
}

static void on_line(void *ctx, uint32_t gsi, bool high)
{
	struct sink *s = ctx;
	size_t used = strlen(s->lines);

	snprintf(s->lines + used, sizeof(s->lines) - used, "%c%u",
		 high ? '+' : '-', gsi);
}

static const struct irq_sink_ops sink_ops = { on_routes, on_irqfd_add,
					      on_irqfd_del, on_line };

/* A new table; the sink forgets all but the pins. */
static void reset(void)
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

static void make(struct msi_route *r, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (msi_route_init(&r[i], &irq, &err))
			abort();
}

static void free_all(struct msi_route *r, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		msi_route_fini(&r[i]);
}

static struct irq_msi msi(uint32_t data)
{
	return (struct irq_msi){ 0xfee00000, data };
}

/* The data that the sink's table has for a GSI; 0 without a route. */
static uint32_t routed(uint32_t gsi)
{
	uint32_t data = 0;

	pthread_mutex_lock(&sink.lock);
	for (unsigned int i = 0; i < sink.nr; i++)
		if (sink.table[i].gsi == gsi && sink.table[i].is_msi)
			data = sink.table[i].msi.data;
	pthread_mutex_unlock(&sink.lock);
	return data;
}

/* --- pins --- */

static void table_starts_with_the_pins(void)
{
	reset();
	CHECK_EQ(sink.nr, IRQ_NR_PINS);
	for (unsigned int i = 0; i < IRQ_NR_PINS; i++) {
		CHECK_EQ(sink.table[i].gsi, i);
		CHECK(!sink.table[i].is_msi);
	}
}

static void failing_first_write_is_reported(void)
{
	struct irq other;

	sink.table_fails = true;
	CHECK_EQ(irq_init(&other, &sink_ops, &sink, &err), -ENOMEM);
	CHECK_HAS(err.msg, "KVM_SET_GSI_ROUTING");
	irq_fini(&other);
}

static void line_and_pulse_reach_their_gsi(void)
{
	struct irq_line line = { &irq, 4 };

	reset();
	irq_line_set(&line, true);
	irq_line_set(&line, false);
	line.gsi = 17;
	irq_line_pulse(&line);
	CHECK(!strcmp(sink.lines, "+4-4+17-17"));
}

/* --- routes --- */

static void routes_get_gsis_above_the_pins(void)
{
	struct msi_route r[2];

	reset();
	make(r, 2);
	CHECK_EQ(r[0].gsi, IRQ_NR_PINS);
	CHECK_EQ(r[1].gsi, IRQ_NR_PINS + 1);
	CHECK_EQ(sink.nr_writes, 0);
	free_all(r, 2);
}

static void set_writes_the_table_at_once(void)
{
	struct msi_route r;

	reset();
	make(&r, 1);
	CHECK_EQ(msi_route_set(&r, msi(0x4041), &err), 0);
	CHECK_EQ(sink.nr_writes, 1);
	CHECK_EQ(routed(r.gsi), 0x4041);
	free_all(&r, 1);
}

static void setting_the_same_again_writes_nothing(void)
{
	struct msi_route r;

	reset();
	make(&r, 1);
	msi_route_set(&r, msi(0x4041), &err);
	CHECK_EQ(msi_route_set(&r, msi(0x4041), &err), 0);
	CHECK_EQ(sink.nr_writes, 1);
	CHECK_EQ(msi_route_set(&r, msi(0x4042), &err), 0);
	CHECK_EQ(sink.nr_writes, 2);
	CHECK_EQ(routed(r.gsi), 0x4042);
	CHECK_EQ(sink.nr, IRQ_NR_PINS + 1);
	free_all(&r, 1);
}

static void address_alone_counts_as_a_change(void)
{
	struct msi_route r;

	reset();
	make(&r, 1);
	msi_route_set(&r, (struct irq_msi){ 0xfee00000, 1 }, &err);
	msi_route_set(&r, (struct irq_msi){ 0xfee01000, 1 }, &err);
	CHECK_EQ(sink.nr_writes, 2);
	CHECK_EQ(sink.table[IRQ_NR_PINS].msi.address, 0xfee01000);
	free_all(&r, 1);
}

static void batch_of_many_is_one_write(void)
{
	struct msi_route r[64];

	reset();
	make(r, ARRAY_SIZE(r));
	irq_begin(&irq);
	for (uint32_t i = 0; i < ARRAY_SIZE(r); i++)
		CHECK_EQ(msi_route_set(&r[i], msi(i + 1), &err), 0);
	CHECK_EQ(sink.nr_writes, 0);
	CHECK_EQ(irq_commit(&irq, &err), 0);
	CHECK_EQ(sink.nr_writes, 1);
	CHECK_EQ(irq.nr_table_writes, 2);
	CHECK_EQ(routed(r[0].gsi), 1);
	CHECK_EQ(routed(r[63].gsi), 64);
	free_all(r, ARRAY_SIZE(r));
}

static void nested_batches_write_with_the_outermost(void)
{
	struct msi_route r[2];

	reset();
	make(r, 2);
	irq_begin(&irq);
	msi_route_set(&r[0], msi(1), &err);
	irq_begin(&irq);
	msi_route_set(&r[1], msi(2), &err);
	CHECK_EQ(irq_commit(&irq, &err), 0);
	CHECK_EQ(sink.nr_writes, 0);
	CHECK_EQ(irq_commit(&irq, &err), 0);
	CHECK_EQ(sink.nr_writes, 1);
	free_all(r, 2);
}

static void batch_without_changes_writes_nothing(void)
{
	reset();
	irq_begin(&irq);
	CHECK_EQ(irq_commit(&irq, &err), 0);
	CHECK_EQ(sink.nr_writes, 0);
}

static void a_failed_table_write_is_tried_again(void)
{
	struct msi_route r;

	reset();
	make(&r, 1);
	sink.table_fails = true;
	CHECK_EQ(msi_route_set(&r, msi(0x4041), &err), -ENOMEM);
	sink.table_fails = false;
	CHECK_EQ(msi_route_set(&r, msi(0x4041), &err), 0);
	CHECK_EQ(routed(r.gsi), 0x4041);
	free_all(&r, 1);
}

static void a_failed_batch_is_tried_again_by_the_next(void)
{
	struct msi_route r[2];

	reset();
	make(r, 2);
	sink.table_fails = true;
	irq_begin(&irq);
	msi_route_set(&r[0], msi(1), &err);
	CHECK_EQ(irq_commit(&irq, &err), -ENOMEM);
	sink.table_fails = false;
	irq_begin(&irq);
	CHECK_EQ(irq_commit(&irq, &err), 0);
	CHECK_EQ(routed(r[0].gsi), 1);
	free_all(r, 2);
}

/* --- giving back --- */

static void last_of_several_routes_can_be_given_back(void)
{
	struct msi_route r[3];

	reset();
	make(r, 3);
	for (uint32_t i = 0; i < 3; i++)
		msi_route_set(&r[i], msi(i + 1), &err);
	msi_route_fini(&r[2]);
	CHECK_EQ(irq.nr_routes, IRQ_NR_PINS + 2);
	CHECK_EQ(r[2].eventfd, -1);
	free_all(r, 2);
}

static void first_of_several_leaves_the_others_routed(void)
{
	struct msi_route r[3];

	reset();
	make(r, 3);
	for (uint32_t i = 0; i < 3; i++)
		msi_route_set(&r[i], msi(i + 1), &err);
	msi_route_fini(&r[0]);
	CHECK_EQ(msi_route_set(&r[1], msi(7), &err), 0);
	CHECK_EQ(sink.nr, IRQ_NR_PINS + 2);
	CHECK_EQ(routed(r[1].gsi), 7);
	CHECK_EQ(routed(r[2].gsi), 3);
	CHECK_EQ(routed(IRQ_NR_PINS), 0);
	free_all(r, 3);
}

static void gsi_given_back_is_used_again(void)
{
	struct msi_route r[3], again;

	reset();
	make(r, 3);
	msi_route_fini(&r[1]);
	make(&again, 1);
	CHECK_EQ(again.gsi, IRQ_NR_PINS + 1);
	CHECK_EQ(msi_route_set(&again, msi(9), &err), 0);
	CHECK_EQ(routed(again.gsi), 9);
	free_all(r, 3);
	free_all(&again, 1);
}

static void zeroed_and_finished_routes_can_be_finished(void)
{
	struct msi_route r = { .irq = NULL };

	reset();
	msi_route_fini(&r);
	make(&r, 1);
	msi_route_fini(&r);
	msi_route_fini(&r);
	CHECK_EQ(sink.nr_dels, 0);
}

/* Eventfds are closed as they come: only the GSIs are wanted. */
static int take_all(struct msi_route *r, unsigned int *nr)
{
	int ret = 0;

	for (*nr = 0; *nr < NR_MSI && !ret; ++*nr) {
		ret = msi_route_init(&r[*nr], &irq, &err);
		if (ret)
			break;
		close(r[*nr].eventfd);
		r[*nr].eventfd = -1;
	}
	return ret;
}

static void every_gsi_can_be_taken_once_and_then_no_more(void)
{
	static struct msi_route r[NR_MSI], one_more;
	unsigned int nr;
	bool seen[IRQ_MAX_GSI] = { false };

	reset();
	take_all(r, &nr);
	printf("# %u routes\n", nr);
	CHECK(nr > 4000);
	for (unsigned int i = 0; i < nr; i++) {
		CHECK(r[i].gsi >= IRQ_NR_PINS && r[i].gsi < IRQ_MAX_GSI);
		CHECK(!seen[r[i].gsi]);
		seen[r[i].gsi] = true;
	}
	CHECK_EQ(msi_route_init(&one_more, &irq, &err), -ENOSPC);
	CHECK_HAS(err.msg, "interrupts: all");
	msi_route_fini(&one_more);
	msi_route_fini(&r[100]);
	CHECK_EQ(msi_route_init(&one_more, &irq, &err), 0);
	msi_route_fini(&one_more);
	free_all(r, nr);
	CHECK_EQ(irq.used[1], 0);
}

/* 4096 entries: KVM_MAX_IRQ_ROUTES; pins 0-15 but 2 take two (kvm.c). */
static void all_routes_together_fit_into_kvms_table(void)
{
	static struct msi_route r[NR_MSI];
	unsigned int nr;

	reset();
	take_all(r, &nr);
	CHECK(nr + IRQ_NR_PINS + 15 <= 4096);
	free_all(r, nr);
}

static void no_more_files_is_an_error_that_gives_the_gsi_back(void)
{
	struct msi_route r = { .irq = NULL }, after;
	struct rlimit was, none;
	int ret;

	reset();
	getrlimit(RLIMIT_NOFILE, &was);
	none = (struct rlimit){ 0, was.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	ret = msi_route_init(&r, &irq, &err);
	setrlimit(RLIMIT_NOFILE, &was);
	CHECK_EQ(ret, -EMFILE);
	CHECK_HAS(err.msg, "interrupts: eventfd");
	make(&after, 1);
	CHECK_EQ(after.gsi, IRQ_NR_PINS);
	free_all(&after, 1);
}

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

/* --- waiting for the first interrupt --- */

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
	TAP_RUN(table_starts_with_the_pins);
	TAP_RUN(failing_first_write_is_reported);
	TAP_RUN(line_and_pulse_reach_their_gsi);
	TAP_RUN(routes_get_gsis_above_the_pins);
	TAP_RUN(set_writes_the_table_at_once);
	TAP_RUN(setting_the_same_again_writes_nothing);
	TAP_RUN(address_alone_counts_as_a_change);
	TAP_RUN(batch_of_many_is_one_write);
	TAP_RUN(nested_batches_write_with_the_outermost);
	TAP_RUN(batch_without_changes_writes_nothing);
	TAP_RUN(a_failed_table_write_is_tried_again);
	TAP_RUN(a_failed_batch_is_tried_again_by_the_next);
	TAP_RUN(last_of_several_routes_can_be_given_back);
	TAP_RUN(first_of_several_leaves_the_others_routed);
	TAP_RUN(gsi_given_back_is_used_again);
	TAP_RUN(zeroed_and_finished_routes_can_be_finished);
	TAP_RUN(every_gsi_can_be_taken_once_and_then_no_more);
	TAP_RUN(all_routes_together_fit_into_kvms_table);
	TAP_RUN(no_more_files_is_an_error_that_gives_the_gsi_back);
	TAP_RUN(attach_and_detach_are_idempotent);
	TAP_RUN(failed_attach_leaves_it_detached);
	TAP_RUN(finishing_an_attached_route_detaches_it);
	TAP_RUN(detached_route_remembers_an_interrupt);
	TAP_RUN(attached_route_is_never_pending);
	TAP_RUN(reading_an_eventfd_that_is_empty_does_not_block);
	TAP_RUN(a_batch_of_another_thread_does_not_hold_back_mine);
	TAP_RUN(threads_that_program_devices_at_once_all_get_their_routes);
	irq_fini(&irq);
	TAP_RUN(new_routes_wait_for_the_first_interrupt_of_any);
	TAP_RUN(what_fired_before_attaching_is_seen_at_once);
	TAP_RUN(a_route_that_kvm_knows_is_attached_at_once);
	TAP_RUN(a_change_of_an_attached_route_is_written_at_once);
	TAP_RUN(a_waiting_route_can_be_detached);
	TAP_RUN(a_table_that_cannot_be_written_is_tried_with_the_next);
	TAP_RUN(the_end_of_deferring_attaches_what_waits);
	TAP_RUN(vectors_masked_while_others_flush_stay_masked);
	return tap_done();
}

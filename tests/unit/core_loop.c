// SPDX-License-Identifier: GPL-2.0-or-later
/* The event loop: sources, timers, signals, and stopping it. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/core/loop.h"
#include "tests/tap.h"

#define NS_PER_MS 1000000ULL

static struct loop loop;
static struct err err;

/* An eventfd in the loop that counts its calls. */
struct probe {
	struct loop_source source;
	unsigned int nr_calls;
	uint32_t events;
	struct probe *deletes; /* taken out of the loop by this one's call */
	unsigned int stops_at; /* the call that stops the loop */
};

static void consume(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;
}

static void raise_fd(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static void probe_ready(struct loop_source *source, uint32_t events)
{
	struct probe *p = CONTAINER_OF(source, struct probe, source);

	p->nr_calls++;
	p->events = events;
	if (p->deletes)
		loop_del(&loop, &p->deletes->source);
	consume(source->fd);
	if (p->nr_calls == p->stops_at)
		loop_stop(&loop);
}

static void probe_add(struct probe *p)
{
	*p = (struct probe){ .source = { .fd = eventfd(0, EFD_NONBLOCK),
					 .ready = probe_ready } };
	if (loop_add(&loop, &p->source, EPOLLIN, &err))
		abort();
}

static void probe_end(struct probe *p)
{
	loop_del(&loop, &p->source);
	close(p->source.fd);
}

static void reset(void)
{
	memset(&err, 0, sizeof(err));
	if (loop_init(&loop, &err))
		abort();
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / NS_PER_MS;
}

/* --- stopping --- */

static void stop_before_run_is_kept(void)
{
	reset();
	loop_stop(&loop);
	CHECK_EQ(loop_run(&loop, &err), 0);
	loop_fini(&loop);
}

static void stop_may_come_many_times(void)
{
	reset();
	for (int i = 0; i < 100; i++)
		loop_stop(&loop);
	CHECK_EQ(loop_run(&loop, &err), 0);
	loop_fini(&loop);
}

static void *stop_soon(void *arg)
{
	struct timespec t = { .tv_nsec = 5 * NS_PER_MS };

	nanosleep(&t, NULL);
	loop_stop(arg);
	return NULL;
}

static void stop_from_another_thread_wakes_the_loop(void)
{
	pthread_t thread;

	reset();
	if (pthread_create(&thread, NULL, stop_soon, &loop))
		abort();
	CHECK_EQ(loop_run(&loop, &err), 0);
	pthread_join(thread, NULL);
	loop_fini(&loop);
}

static void loop_that_was_finished_can_be_finished_again(void)
{
	reset();
	loop_fini(&loop);
	CHECK_EQ(loop.epoll_fd, -1);
	CHECK_EQ(loop.wake_fd, -1);
	loop_fini(&loop);
}

static void no_more_files_is_an_error_that_leaves_none_open(void)
{
	struct loop none = { .epoll_fd = 0 };
	struct rlimit was, limit;
	int ret;

	getrlimit(RLIMIT_NOFILE, &was);
	limit = (struct rlimit){ 0, was.rlim_max };
	setrlimit(RLIMIT_NOFILE, &limit);
	ret = loop_init(&none, &err);
	setrlimit(RLIMIT_NOFILE, &was);
	CHECK_EQ(ret, -EMFILE);
	CHECK_HAS(err.msg, "event loop: ");
	CHECK_EQ(none.epoll_fd, -1);
}

/* --- sources --- */

static void source_is_called_with_its_events(void)
{
	static struct probe p;

	reset();
	probe_add(&p);
	p.stops_at = 1;
	raise_fd(p.source.fd);
	CHECK_EQ(loop_run(&loop, &err), 0);
	CHECK_EQ(p.nr_calls, 1);
	CHECK_EQ(p.events, EPOLLIN);
	probe_end(&p);
	loop_fini(&loop);
}

static void source_added_twice_is_refused(void)
{
	static struct probe p;

	reset();
	probe_add(&p);
	CHECK_EQ(loop_add(&loop, &p.source, EPOLLIN, &err), -EEXIST);
	CHECK_HAS(err.msg, "EPOLL_CTL_ADD");
	probe_end(&p);
	loop_fini(&loop);
}

static void deleted_source_is_not_called_and_can_come_again(void)
{
	static struct probe p, last;

	reset();
	probe_add(&p);
	probe_add(&last);
	last.stops_at = 1;
	loop_del(&loop, &p.source);
	loop_del(&loop, &p.source);
	raise_fd(p.source.fd);
	raise_fd(last.source.fd);
	loop_run(&loop, &err);
	CHECK_EQ(p.nr_calls, 0);
	CHECK_EQ(loop_add(&loop, &p.source, EPOLLIN, &err), 0);
	probe_end(&p);
	probe_end(&last);
	loop_fini(&loop);
}

static void source_that_waits_for_nothing_is_not_called(void)
{
	static struct probe p, last;

	reset();
	probe_add(&p);
	probe_add(&last);
	last.stops_at = 1;
	loop_mod(&loop, &p.source, 0);
	raise_fd(p.source.fd);
	raise_fd(last.source.fd);
	loop_run(&loop, &err);
	CHECK_EQ(p.nr_calls, 0);
	probe_end(&p);
	probe_end(&last);
	loop_fini(&loop);
}

/* Both are ready at once; whoever comes first takes the other out. */
static void callback_that_deletes_another_source_silences_it(void)
{
	static struct probe p[2], last;

	reset();
	probe_add(&p[0]);
	probe_add(&p[1]);
	p[0].deletes = &p[1];
	p[1].deletes = &p[0];
	p[0].stops_at = p[1].stops_at = 3;
	raise_fd(p[0].source.fd);
	raise_fd(p[1].source.fd);
	probe_add(&last);
	last.stops_at = 1;
	raise_fd(last.source.fd);
	loop_run(&loop, &err);
	CHECK_EQ(p[0].nr_calls + p[1].nr_calls, 1);
	probe_end(&p[0]);
	probe_end(&p[1]);
	probe_end(&last);
	loop_fini(&loop);
}

static void callback_may_delete_its_own_source(void)
{
	static struct probe p, last;

	reset();
	probe_add(&p);
	probe_add(&last);
	p.deletes = &p;
	last.stops_at = 1;
	raise_fd(p.source.fd);
	raise_fd(last.source.fd);
	loop_run(&loop, &err);
	CHECK_EQ(p.nr_calls, 1);
	probe_end(&p);
	probe_end(&last);
	loop_fini(&loop);
}

static void stay_ready(struct loop_source *source, uint32_t events)
{
	struct probe *p = CONTAINER_OF(source, struct probe, source);

	(void)events;
	p->nr_calls++;
}

static void source_that_is_always_ready_does_not_starve_another(void)
{
	static struct probe busy, other;

	reset();
	probe_add(&busy);
	probe_add(&other);
	busy.source.ready = stay_ready;
	other.stops_at = 1;
	raise_fd(busy.source.fd);
	raise_fd(other.source.fd);
	CHECK_EQ(loop_run(&loop, &err), 0);
	CHECK(busy.nr_calls <= 2);
	probe_end(&busy);
	probe_end(&other);
	loop_fini(&loop);
}

/* --- tasks --- */

struct job {
	struct loop_task task;
	const struct probe *seen; /* whose calls it counts when it runs */
	unsigned int nr_runs, calls_then, stops_at;
};

static void job_runs(struct loop_task *t)
{
	struct job *j = CONTAINER_OF(t, struct job, task);

	j->calls_then = j->seen->nr_calls;
	if (++j->nr_runs == j->stops_at)
		loop_stop(&loop);
	else
		loop_later(&loop, t);
}

static void task_runs_after_what_is_ready_and_without_sleep(void)
{
	static struct probe p;
	static struct job j;

	reset();
	probe_add(&p);
	j = (struct job){ .task.fn = job_runs, .seen = &p, .stops_at = 1 };
	raise_fd(p.source.fd);
	loop_later(&loop, &j.task);
	loop_later(&loop, &j.task);
	CHECK_EQ(loop_run(&loop, &err), 0);
	CHECK_EQ(j.nr_runs, 1);
	CHECK_EQ(j.calls_then, 1);
	CHECK(!j.task.is_waiting);
	probe_end(&p);
	loop_fini(&loop);
}

static void task_that_always_comes_back_starves_nobody(void)
{
	static struct probe p;
	static struct job a, b;

	reset();
	probe_add(&p);
	a = (struct job){ .task.fn = job_runs, .seen = &p, .stops_at = 1000 };
	b = a;
	p.stops_at = 1;
	loop_later(&loop, &a.task);
	loop_later(&loop, &b.task);
	raise_fd(p.source.fd);
	CHECK_EQ(loop_run(&loop, &err), 0);
	CHECK_EQ(p.nr_calls, 1);
	CHECK(a.nr_runs < 3);
	CHECK_EQ(a.nr_runs, b.nr_runs);
	probe_end(&p);
	loop_fini(&loop);
}

/* --- timers --- */

struct clock {
	struct loop_timer timer;
	unsigned int nr_calls, stops_at;
};

static void clock_rings(struct loop_timer *t)
{
	struct clock *c = CONTAINER_OF(t, struct clock, timer);

	c->nr_calls++;
	if (c->nr_calls == c->stops_at)
		loop_stop(&loop);
}

static void clock_add(struct clock *c, unsigned int stops_at)
{
	*c = (struct clock){ .timer.fn = clock_rings, .stops_at = stops_at };
	if (loop_timer_add(&loop, &c->timer, &err))
		abort();
}

static void timer_rings_after_its_time_and_not_before(void)
{
	static struct clock c;
	uint64_t start = now_ms();

	reset();
	clock_add(&c, 1);
	loop_timer_set(&c.timer, 20 * NS_PER_MS, 0);
	loop_run(&loop, &err);
	CHECK(now_ms() - start >= 19);
	CHECK_EQ(c.nr_calls, 1);
	loop_timer_del(&loop, &c.timer);
	CHECK_EQ(c.timer.source.fd, -1);
	loop_fini(&loop);
}

static void one_shot_timer_rings_once(void)
{
	static struct clock once, end;

	reset();
	clock_add(&once, 0);
	clock_add(&end, 1);
	loop_timer_set(&once.timer, 1, 0);
	loop_timer_set(&end.timer, 20 * NS_PER_MS, 0);
	loop_run(&loop, &err);
	CHECK_EQ(once.nr_calls, 1);
	loop_timer_del(&loop, &once.timer);
	loop_timer_del(&loop, &end.timer);
	loop_fini(&loop);
}

static void periodic_timer_rings_again(void)
{
	static struct clock c;

	reset();
	clock_add(&c, 3);
	loop_timer_set(&c.timer, NS_PER_MS, NS_PER_MS);
	loop_run(&loop, &err);
	CHECK_EQ(c.nr_calls, 3);
	loop_timer_del(&loop, &c.timer);
	loop_fini(&loop);
}

static void timer_set_to_zero_stays_silent(void)
{
	static struct clock c, end;

	reset();
	clock_add(&c, 0);
	clock_add(&end, 1);
	loop_timer_set(&c.timer, NS_PER_MS, NS_PER_MS);
	loop_timer_set(&c.timer, 0, NS_PER_MS);
	loop_timer_set(&end.timer, 10 * NS_PER_MS, 0);
	loop_run(&loop, &err);
	CHECK_EQ(c.nr_calls, 0);
	loop_timer_del(&loop, &c.timer);
	loop_timer_del(&loop, &end.timer);
	loop_fini(&loop);
}

static void timer_that_could_not_be_added_has_no_fd(void)
{
	struct loop_timer t = { .fn = clock_rings };

	reset();
	close(loop.epoll_fd);
	loop.epoll_fd = -1;
	CHECK_EQ(loop_timer_add(&loop, &t, &err), -EBADF);
	CHECK_EQ(t.source.fd, -1);
	loop_fini(&loop);
}

/* --- signals --- */

struct heard {
	struct loop_signals signals;
	unsigned int nr_usr1, nr_usr2, stops_at;
};

static void on_signal(struct loop_signals *s, int signo)
{
	struct heard *h = CONTAINER_OF(s, struct heard, signals);

	h->nr_usr1 += signo == SIGUSR1;
	h->nr_usr2 += signo == SIGUSR2;
	if (h->nr_usr1 + h->nr_usr2 == h->stops_at)
		loop_stop(&loop);
}

static void hear(struct heard *h, unsigned int stops_at)
{
	sigset_t set;

	*h = (struct heard){ .signals.fn = on_signal, .stops_at = stops_at };
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	if (loop_signals_add(&loop, &h->signals, &set, &err))
		abort();
}

static void signals_reach_their_callback_and_no_handler(void)
{
	static struct heard h;

	reset();
	hear(&h, 2);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	CHECK_EQ(loop_run(&loop, &err), 0);
	CHECK_EQ(h.nr_usr1, 1);
	CHECK_EQ(h.nr_usr2, 1);
	loop_signals_del(&loop, &h.signals);
	CHECK_EQ(h.signals.source.fd, -1);
	loop_fini(&loop);
}

static void *send_usr1(void *arg)
{
	(void)arg;
	kill(getpid(), SIGUSR1);
	return NULL;
}

static void threads_made_later_leave_signals_to_the_loop(void)
{
	static struct heard h;
	pthread_t thread;

	reset();
	hear(&h, 1);
	if (pthread_create(&thread, NULL, send_usr1, NULL))
		abort();
	CHECK_EQ(loop_run(&loop, &err), 0);
	CHECK_EQ(h.nr_usr1, 1);
	pthread_join(thread, NULL);
	loop_signals_del(&loop, &h.signals);
	loop_fini(&loop);
}

static void deletes_itself(struct loop_signals *s, int signo)
{
	(void)signo;
	loop_signals_del(&loop, s);
	loop_stop(&loop);
}

static void signal_callback_may_delete_its_source(void)
{
	static struct heard h;
	struct timespec none = { 0 };
	sigset_t set;

	reset();
	hear(&h, 0);
	h.signals.fn = deletes_itself;
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	CHECK_EQ(loop_run(&loop, &err), 0);
	CHECK_EQ(h.signals.source.fd, -1);
	/* The second stays pending: take it away. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	CHECK_EQ(sigtimedwait(&set, NULL, &none), SIGUSR2);
	loop_fini(&loop);
}

/* --- with threads --- */

enum { NR_ROUNDS = 2000 };
static atomic_uint nr_seen;

static void count_and_consume(struct loop_source *source, uint32_t events)
{
	(void)events;
	atomic_fetch_add(&nr_seen, 1);
	consume(source->fd);
}

static void *run_loop(void *arg)
{
	struct err e = { 0 };

	loop_run(arg, &e);
	return NULL;
}

/* As a vCPU does that fills and drains the serial port's FIFO. */
static void sources_may_come_and_go_on_another_thread(void)
{
	static struct probe p;
	pthread_t thread;

	reset();
	probe_add(&p);
	p.source.ready = count_and_consume;
	if (pthread_create(&thread, NULL, run_loop, &loop))
		abort();
	for (unsigned int i = 0; i < NR_ROUNDS; i++) {
		loop_del(&loop, &p.source);
		raise_fd(p.source.fd);
		if (loop_add(&loop, &p.source, EPOLLIN, &err))
			abort();
	}
	while (!atomic_load(&nr_seen))
		sched_yield();
	loop_stop(&loop);
	pthread_join(thread, NULL);
	CHECK(atomic_load(&nr_seen) > 0);
	probe_end(&p);
	loop_fini(&loop);
}

int main(void)
{
	TAP_RUN(stop_before_run_is_kept);
	TAP_RUN(stop_may_come_many_times);
	TAP_RUN(stop_from_another_thread_wakes_the_loop);
	TAP_RUN(loop_that_was_finished_can_be_finished_again);
	TAP_RUN(no_more_files_is_an_error_that_leaves_none_open);
	TAP_RUN(source_is_called_with_its_events);
	TAP_RUN(source_added_twice_is_refused);
	TAP_RUN(deleted_source_is_not_called_and_can_come_again);
	TAP_RUN(source_that_waits_for_nothing_is_not_called);
	TAP_RUN(callback_that_deletes_another_source_silences_it);
	TAP_RUN(callback_may_delete_its_own_source);
	TAP_RUN(source_that_is_always_ready_does_not_starve_another);
	TAP_RUN(task_runs_after_what_is_ready_and_without_sleep);
	TAP_RUN(task_that_always_comes_back_starves_nobody);
	TAP_RUN(timer_rings_after_its_time_and_not_before);
	TAP_RUN(one_shot_timer_rings_once);
	TAP_RUN(periodic_timer_rings_again);
	TAP_RUN(timer_set_to_zero_stays_silent);
	TAP_RUN(timer_that_could_not_be_added_has_no_fd);
	TAP_RUN(signals_reach_their_callback_and_no_handler);
	TAP_RUN(threads_made_later_leave_signals_to_the_loop);
	TAP_RUN(signal_callback_may_delete_its_source);
	TAP_RUN(sources_may_come_and_go_on_another_thread);
	return tap_done();
}

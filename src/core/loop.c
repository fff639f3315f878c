// SPDX-License-Identifier: GPL-2.0-or-later
/* The event loop: epoll, with signals and timers as further fds. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/core/loop.h"

enum { NS_PER_S = 1000000000 };

int loop_init(struct loop *l, struct err *e)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };

	*l = (struct loop){ .epoll_fd = -1, .wake_fd = -1 };
	l->last = &l->first;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0)
		return err_sys(e, "event loop", "epoll_create1");
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev)) {
		int ret = err_sys(e, "event loop", "eventfd");

		loop_fini(l);
		return ret;
	}
	return 0;
}

void loop_fini(struct loop *l)
{
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	*l = (struct loop){ .epoll_fd = -1, .wake_fd = -1 };
}

int loop_add(struct loop *l, struct loop_source *s, uint32_t events,
	     struct err *e)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, s->fd, &ev))
		return err_sys(e, "event loop", "EPOLL_CTL_ADD");
	return 0;
}

void loop_mod(struct loop *l, struct loop_source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };
	bool failed = epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, s->fd, &ev) != 0;

	BUG_ON(failed);
}

void loop_del(struct loop *l, struct loop_source *s)
{
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
}

void loop_later(struct loop *l, struct loop_task *t)
{
	if (t->is_waiting)
		return;
	t->is_waiting = true;
	t->next = NULL;
	*l->last = t;
	l->last = &t->next;
}

/* Those up to last; what they add has its turn later. */
static void run_tasks(struct loop *l, struct loop_task **last)
{
	bool is_end = false;

	while (!is_end && l->first) {
		struct loop_task *t = l->first;

		is_end = &t->next == last;
		l->first = t->next;
		if (!l->first)
			l->last = &l->first;
		t->is_waiting = false;
		t->fn(t);
	}
}

/*
 * One event at a time: a callback may delete any other source, whose event
 * must not be delivered from a batch fetched before.
 */
int loop_run(struct loop *l, struct err *e)
{
	while (!__atomic_load_n(&l->stopping, __ATOMIC_ACQUIRE)) {
		struct epoll_event ev;
		struct loop_task **last = l->last;
		struct loop_source *s;
		int n = epoll_wait(l->epoll_fd, &ev, 1, l->first ? 0 : -1);

		if (n < 0 && errno != EINTR)
			return err_sys(e, "event loop", "epoll_wait");
		s = n > 0 ? ev.data.ptr : NULL;
		if (s)
			s->ready(s, ev.events);
		/* Not those that it just added. */
		if (last != &l->first)
			run_tasks(l, last);
	}
	return 0;
}

void loop_stop(struct loop *l)
{
	uint64_t one = 1;

	__atomic_store_n(&l->stopping, true, __ATOMIC_RELEASE);
	/* Full only if nobody has read it yet, and then it wakes as well. */
	if (write(l->wake_fd, &one, sizeof(one)) < 0)
		BUG_ON(errno != EAGAIN);
}

static void signals_ready(struct loop_source *source, uint32_t events)
{
	struct loop_signals *s =
		CONTAINER_OF(source, struct loop_signals, source);
	struct signalfd_siginfo info;

	(void)events;
	while (read(source->fd, &info, sizeof(info)) == sizeof(info))
		s->fn(s, (int)info.ssi_signo);
}

int loop_signals_add(struct loop *l, struct loop_signals *s,
		     const sigset_t *set, struct err *e)
{
	int ret;

	pthread_sigmask(SIG_BLOCK, set, NULL);
	s->source.ready = signals_ready;
	s->source.fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->source.fd < 0)
		return err_sys(e, "event loop", "signalfd");
	ret = loop_add(l, &s->source, EPOLLIN, e);
	if (ret) {
		close(s->source.fd);
		s->source.fd = -1;
	}
	return ret;
}

void loop_signals_del(struct loop *l, struct loop_signals *s)
{
	loop_del(l, &s->source);
	close(s->source.fd);
	s->source.fd = -1;
}

static void timer_ready(struct loop_source *source, uint32_t events)
{
	struct loop_timer *t = CONTAINER_OF(source, struct loop_timer, source);
	uint64_t expirations;

	(void)events;
	if (read(source->fd, &expirations, sizeof(expirations)) > 0)
		t->fn(t);
}

int loop_timer_add(struct loop *l, struct loop_timer *t, struct err *e)
{
	int ret;

	t->source.ready = timer_ready;
	t->source.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (t->source.fd < 0)
		return err_sys(e, "event loop", "timerfd_create");
	ret = loop_add(l, &t->source, EPOLLIN, e);
	if (ret) {
		close(t->source.fd);
		t->source.fd = -1;
	}
	return ret;
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S),
				  .tv_nsec = (long)(ns % NS_PER_S) };
}

void loop_timer_set(struct loop_timer *t, uint64_t first_ns, uint64_t period_ns)
{
	struct itimerspec spec = { .it_value = timespec_of(first_ns),
				   .it_interval = timespec_of(period_ns) };

	timerfd_settime(t->source.fd, 0, &spec, NULL);
}

void loop_timer_del(struct loop *l, struct loop_timer *t)
{
	loop_del(l, &t->source);
	close(t->source.fd);
	t->source.fd = -1;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event loop: epoll over fds, timers and signals; one per thread that
 * waits. Callbacks run to completion on the loop's thread and never block.
 */
#ifndef STRAIT_CORE_LOOP_H
#define STRAIT_CORE_LOOP_H

#include <signal.h>

#include "src/base/err.h"
#include "src/base/types.h"

struct loop_task;
struct loop {
	int epoll_fd;
	int wake_fd;
	bool stopping;
	struct loop_task *first, **last; /* to be run; of the loop's thread */
};

/* Owned by the caller; must stay until it is deleted. */
struct loop_source {
	int fd; /* belongs to the caller */
	/* events: EPOLLIN and so on. */
	void (*ready)(struct loop_source *s, uint32_t events);
};

int loop_init(struct loop *l, struct err *e);
void loop_fini(struct loop *l);

int loop_add(struct loop *l, struct loop_source *s, uint32_t events,
	     struct err *e);
/* Changes the events waited for (0: none). */
void loop_mod(struct loop *l, struct loop_source *s, uint32_t events);
/* Any thread; from another than the loop's, a callback under way still ends. */
void loop_del(struct loop *l, struct loop_source *s);

/*
 * What is to be done a moment later: when what is ready now, one source at
 * most, had its turn. The loop does not sleep before. Loop's thread; does
 * nothing if it is waiting already. A task that may be waiting has to stay.
 */
struct loop_task {
	void (*fn)(struct loop_task *t);
	struct loop_task *next;
	bool is_waiting;
};
void loop_later(struct loop *l, struct loop_task *t);

/* Runs until loop_stop. -errno if epoll fails. */
int loop_run(struct loop *l, struct err *e);
/* Any thread. A stop before loop_run is kept. */
void loop_stop(struct loop *l);

/*
 * Signals as a source: blocks set in the calling thread (threads made later
 * inherit that) and calls fn with each that arrives.
 */
struct loop_signals {
	struct loop_source source;
	void (*fn)(struct loop_signals *s, int signo);
};
int loop_signals_add(struct loop *l, struct loop_signals *s,
		     const sigset_t *set, struct err *e);
void loop_signals_del(struct loop *l, struct loop_signals *s);

/* A one-shot or periodic timer on CLOCK_MONOTONIC. */
struct loop_timer {
	struct loop_source source;
	void (*fn)(struct loop_timer *t);
};
int loop_timer_add(struct loop *l, struct loop_timer *t, struct err *e);
/* First expiry in first_ns (0 stops it), then every period_ns (0: once). */
void loop_timer_set(struct loop_timer *t, uint64_t first_ns,
		    uint64_t period_ns);
void loop_timer_del(struct loop *l, struct loop_timer *t);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads that serve devices' queues, each with an event loop of its own. */
#ifndef STRAIT_CORE_IOTHREAD_H
#define STRAIT_CORE_IOTHREAD_H

#include <pthread.h>

#include "src/core/loop.h"

struct iothread {
	struct loop loop;
	pthread_t thread;
	bool is_running;
	char name[16]; /* as ps and top show it */
};

/* Makes the loop: sources may be added, and wait. */
int iothread_init(struct iothread *t, unsigned int index, struct err *e);
int iothread_start(struct iothread *t, struct err *e);
/* A callback under way ends first; none runs afterwards. */
void iothread_stop(struct iothread *t);
/* Stops it. Sources are gone. Accepts one that was not initialized, if it is
 * zeroed. */
void iothread_fini(struct iothread *t);

#endif

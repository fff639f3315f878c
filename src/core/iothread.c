// SPDX-License-Identifier: GPL-2.0-or-later
/* A thread around an event loop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/log.h"
#include "src/core/iothread.h"

int iothread_init(struct iothread *t, unsigned int index, struct err *e)
{
	*t = (struct iothread){ 0 };
	snprintf(t->name, sizeof(t->name), "strait-io%u", index);
	return loop_init(&t->loop, e);
}

static void *iothread_run(void *arg)
{
	struct iothread *t = arg;
	struct err e = { 0 };

	pthread_setname_np(pthread_self(), t->name);
	if (loop_run(&t->loop, &e))
		log_error(t->name, "%s", e.msg);
	return NULL;
}

int iothread_start(struct iothread *t, struct err *e)
{
	int ret = pthread_create(&t->thread, NULL, iothread_run, t);

	if (ret)
		return err_set(e, ret, "%s: pthread_create: %s", t->name,
			       strerror(ret));
	t->is_running = true;
	return 0;
}

void iothread_stop(struct iothread *t)
{
	if (!t->is_running)
		return;
	loop_stop(&t->loop);
	pthread_join(t->thread, NULL);
	t->is_running = false;
}

void iothread_fini(struct iothread *t)
{
	iothread_stop(t);
	if (t->name[0])
		loop_fini(&t->loop);
	t->name[0] = '\0';
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* One thread per image, for requests that have to block. */
#include <signal.h>

#include "src/block/priv.h"

static struct block_req *next_req(struct worker *w)
{
	struct block_req *r;

	pthread_mutex_lock(&w->lock);
	while (!w->reqs.first && !w->stopping)
		pthread_cond_wait(&w->wake, &w->lock);
	r = fifo_take(&w->reqs);
	pthread_mutex_unlock(&w->lock);
	return r;
}

static void *worker_main(void *arg)
{
	struct block *b = arg;
	struct block_req *r;

	while ((r = next_req(&b->worker))) {
		int ret = b->format->perform(b, r);

		if (ret != PERFORM_LATER)
			queue_finish_from_worker(r, ret);
	}
	return NULL;
}

/* Signals are the main thread's. */
int worker_start(struct block *b, struct err *e)
{
	struct worker *w = &b->worker;
	sigset_t all, was;
	int ret;

	fifo_init(&w->reqs);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	ret = pthread_create(&w->thread, NULL, worker_main, b);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (ret)
		return err_set(e, ret, "%s: no thread for its requests: %s",
			       b->path, strerror(ret));
	pthread_setname_np(w->thread, "disk");
	w->running = true;
	return 0;
}

void worker_stop(struct block *b)
{
	struct worker *w = &b->worker;

	if (!w->running)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->wake);
	w->running = false;
}

void worker_add(struct block *b, struct block_req *r)
{
	struct worker *w = &b->worker;

	pthread_mutex_lock(&w->lock);
	fifo_add(&w->reqs, r);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

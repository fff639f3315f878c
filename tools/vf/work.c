// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes what is wanted, all of it or nothing. */
/*
 * How this works
 *
 * The PFs of the plan are found, locked in the order of their BDFs (so that two
 * instances never wait for each other in a circle), read, and everything is
 * checked. Only then the first change is made.
 *
 * Each PF: the switch's mode, then the number of VFs, then each VF. A new
 * number removes all VFs. Those that will be there again are to keep their
 * settings, so these are merged into what is wanted of them. Each change is a
 * step in a journal, and after a failure the steps are undone from the last to
 * the first. A new number is undone by the old one and by making the old VFs'
 * settings once more.
 *
 * Signals that would end the program wait until it is done, and are looked at
 * between steps, where they count as a failure. SIGKILL leaves what was done;
 * VFs that were bound have their records (record.c) by then, and what VFs were
 * to keep over a new number is in a file (kept.c). The same command again makes
 * the rest.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/base/log.h"
#include "tools/vf/work.h"

enum { FIND_POLL_MS = 100 };

struct work {
	const struct host *h;
	const struct work_opts *opts;
	struct target *targets;
	size_t nr;
	struct journal journal;
	sigset_t ending; /* signals */
};

/* --- the PFs --- */

static void pause_ms(unsigned int ms)
{
	struct timespec ts = { .tv_nsec = (long)ms * 1000000 };

	nanosleep(&ts, NULL);
}

/* At boot a PF's driver may come later than this program. */
static int find(const struct work *w, const char *name, struct host_pf *out,
		struct err *e)
{
	unsigned int left = w->opts->find_ms;
	int ret;

	for (;;) {
		*e = (struct err){ 0 };
		ret = host_pf_find(w->h, name, out, e);
		if (left < FIND_POLL_MS ||
		    (ret && ret != -ENODEV && ret != -ENOENT) ||
		    (!ret && out->driver[0]))
			return ret;
		pause_ms(FIND_POLL_MS);
		left -= FIND_POLL_MS;
	}
}

static int by_bdf(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	return bdf_cmp(x->was.pf.bdf, y->was.pf.bdf);
}

static int find_all(struct work *w, struct plan *plan, struct err *e)
{
	char s[BDF_STR_LEN];
	int ret = 0;

	w->targets =
		calloc(plan->nr_pfs ? plan->nr_pfs : 1, sizeof(*w->targets));
	if (!w->targets)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < plan->nr_pfs && !ret; i++) {
		struct target *t = &w->targets[w->nr++];

		t->want = &plan->pfs[i];
		t->lock.fd = -1;
		ret = find(w, t->want->name, &t->was.pf, e);
	}
	if (ret)
		return ret;
	qsort(w->targets, w->nr, sizeof(*w->targets), by_bdf);
	for (size_t i = 1; i < w->nr; i++)
		if (!by_bdf(&w->targets[i - 1], &w->targets[i]))
			return err_set(
				e, EINVAL,
				"%s: the plan has this PF twice, as %s and as %s",
				bdf_str(w->targets[i].was.pf.bdf, s),
				w->targets[i - 1].want->name,
				w->targets[i].want->name);
	return 0;
}

/* VFs that are made again want what they had. */
static int carry(struct target *t, struct err *e)
{
	for (size_t i = 0; i < t->was.nr_vfs; i++) {
		struct vf_want is = t->was.vfs[i].is, *want;

		if (is.index >= t->want->count)
			continue;
		kept_filter(&t->was.pf, &is);
		want = plan_vf(t->want, is.index, e);
		if (!want)
			return -ENOMEM;
		setting_merge(want, &is);
	}
	return 0;
}

static int read_target(const struct work *w, struct target *t, struct err *e)
{
	unsigned int count;
	int ret;

	ret = state_read(w->h, t->was.pf.bdf, &t->was, e);
	if (ret)
		return ret;
	count = diff_count(t->want, &t->was);
	t->is_recounted = count != t->was.pf.nr_vfs;
	if (!t->want->has_probe)
		t->want->probe = t->was.pf.nr_vfs && t->was.pf.autoprobe;
	/* More than there can be is refused later, by its own message. */
	if (count > t->was.pf.total_vfs)
		return 0;
	ret = plan_expand(t->want, count, e);
	if (!ret && t->is_recounted)
		ret = carry(t, e);
	return ret ? ret : kept_carry(w->h, t, w->opts->force, e);
}

static void load_drivers(const struct work *w)
{
	for (size_t i = 0; i < w->nr; i++)
		for (size_t k = 0; k < w->targets[i].want->nr_vfs; k++) {
			const char *driver = w->targets[i].want->vfs[k].driver;

			if (*driver)
				driver_load(w->h, driver);
		}
}

static int prepare(struct work *w, struct plan *plan, struct changes *out,
		   struct err *e)
{
	int ret = find_all(w, plan, e);

	for (size_t i = 0; i < w->nr && !ret && !w->opts->is_dry; i++)
		ret = host_pf_lock(w->h, w->targets[i].was.pf.bdf,
				   w->opts->wait_ms, &w->targets[i].lock, e);
	for (size_t i = 0; i < w->nr && !ret; i++)
		ret = read_target(w, &w->targets[i], e);
	if (!ret && !w->opts->is_dry)
		load_drivers(w);
	for (size_t i = 0; i < w->nr && !ret; i++)
		ret = target_check(w->h, &w->targets[i], w->opts, e);
	for (size_t i = 0; i < w->nr && !ret; i++)
		ret = diff_pf(w->targets[i].want, &w->targets[i].was, out, e);
	return ret;
}

static void close_all(struct work *w)
{
	for (size_t i = 0; i < w->nr; i++) {
		struct target *t = &w->targets[i];

		state_free(&t->was);
		state_free(&t->now);
		free(t->records);
		free(t->has_record);
		host_pf_unlock(&t->lock);
	}
	free(w->targets);
	free(w->journal.steps);
}

/* --- the PF's own --- */

static int set_eswitch(struct work *w, struct target *t, struct err *e)
{
	char s[BDF_STR_LEN];
	struct step *step;

	if (!t->want->has_eswitch || t->want->eswitch == t->was.eswitch)
		return 0;
	step = journal_add(&w->journal, STEP_ESWITCH, e);
	if (!step)
		return -ENOMEM;
	step->target = t;
	return devlink_eswitch_set("pci", bdf_str(t->was.pf.bdf, s),
				   t->want->eswitch, e);
}

static int read_again(const struct work *w, struct target *t, struct err *e)
{
	state_free(&t->now);
	return state_read(w->h, t->was.pf.bdf, &t->now, e);
}

/* The VFs that go take their records with them. */
static int take_records(const struct work *w, struct target *t, struct err *e)
{
	size_t nr = t->was.nr_vfs;
	int ret = 0;

	if (!nr)
		return 0;
	t->records = calloc(nr, sizeof(*t->records));
	t->has_record = calloc(nr, sizeof(*t->has_record));
	if (!t->records || !t->has_record)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < nr && (!ret || ret == -ENOENT); i++) {
		ret = record_load(w->h, t->was.vfs[i].vf.dev.bdf,
				  &t->records[i], e);
		t->has_record[i] = !ret;
	}
	return ret == -ENOENT ? 0 : ret;
}

static const struct vf_record *carried(const struct target *t,
				       unsigned int index)
{
	for (size_t i = 0; t->is_recounted && i < t->was.nr_vfs; i++)
		if (t->was.vfs[i].vf.index == index && t->has_record[i])
			return &t->records[i];
	return NULL;
}

static int set_count(struct work *w, struct target *t, struct err *e)
{
	struct host_vfs_opts opts = { .probe = t->want->probe,
				      .force = w->opts->force };
	struct err ignored = { 0 };
	struct step *step;
	int ret;

	if (!t->is_recounted)
		return 0;
	ret = take_records(w, t, e);
	if (!ret)
		ret = kept_save(w->h, t, e);
	if (ret)
		return ret;
	step = journal_add(&w->journal, STEP_COUNT, e);
	if (!step)
		return -ENOMEM;
	step->target = t;
	ret = host_vfs_set(w->h, t->was.pf.bdf, t->want->count, &opts, e);
	for (size_t i = 0; !ret && i < t->was.nr_vfs; i++)
		record_drop(w->h, t->was.vfs[i].vf.dev.bdf, &ignored);
	return ret;
}

static int write_probe(const struct work *w, const struct target *t, bool probe,
		       struct err *e)
{
	struct host_vfs_opts opts = { .probe = probe };

	return host_vfs_set(w->h, t->was.pf.bdf, t->was.pf.nr_vfs, &opts, e);
}

/* For drivers that come later; VFs that are there stay where they are. */
static int set_probe(struct work *w, struct target *t, struct err *e)
{
	struct step *step;

	if (!diff_probe(t->want, &t->was))
		return 0;
	step = journal_add(&w->journal, STEP_PROBE, e);
	if (!step)
		return -ENOMEM;
	step->target = t;
	return write_probe(w, t, t->want->probe, e);
}

/* --- making --- */

static int interrupted(const struct work *w, struct err *e)
{
	sigset_t pending;

	sigpending(&pending);
	for (int s = 1; s < NSIG; s++)
		if (sigismember(&w->ending, s) == 1 &&
		    sigismember(&pending, s) == 1)
			return err_set(e, EINTR,
				       "interrupted (%s); all is as it was",
				       strsignal(s));
	return 0;
}

static int make_target(struct work *w, struct target *t, struct err *e)
{
	int ret = interrupted(w, e);

	if (!ret)
		ret = set_eswitch(w, t, e);
	if (!ret)
		ret = set_count(w, t, e);
	if (!ret)
		ret = set_probe(w, t, e);
	if (!ret && t->want->nr_vfs)
		ret = read_again(w, t, e);
	for (size_t i = 0; i < t->want->nr_vfs && !ret; i++) {
		const struct vf_want *want = &t->want->vfs[i];
		struct maker m = { .h = w->h,
				   .target = t,
				   .vf = state_vf(&t->now, want->index),
				   .force = w->opts->force,
				   .journal = &w->journal };
		char s[BDF_STR_LEN];

		ret = interrupted(w, e);
		if (!ret && !m.vf)
			ret = err_set(e, ENODEV, "%s: VF %u has vanished",
				      bdf_str(t->was.pf.bdf, s), want->index);
		if (!ret)
			ret = make_vf(&m, want, carried(t, want->index), e);
	}
	return ret;
}

/* --- and back --- */

/* The old VFs once more, with what they had. */
static int undo_count(struct work *w, struct target *t, struct err *e)
{
	struct host_vfs_opts opts = { .probe = t->was.pf.autoprobe,
				      .force = true };
	struct journal unused = { 0 };
	struct err ignored = { 0 };
	int ret = host_vfs_set(w->h, t->was.pf.bdf, t->was.pf.nr_vfs, &opts, e);

	for (size_t i = 0; i < t->now.nr_vfs && !ret; i++)
		record_drop(w->h, t->now.vfs[i].vf.dev.bdf, &ignored);
	if (!ret)
		ret = read_again(w, t, e);
	for (size_t i = 0; i < t->was.nr_vfs && !ret; i++) {
		struct vf_want is = t->was.vfs[i].is;
		struct maker m = { .h = w->h,
				   .target = t,
				   .vf = state_vf(&t->now, is.index),
				   .force = true,
				   .journal = &unused };

		kept_filter(&t->was.pf, &is);
		if (m.vf)
			ret = make_vf(&m, &is, carried(t, is.index), e);
	}
	free(unused.steps);
	return ret;
}

static int undo_step(struct work *w, const struct step *s, struct err *e)
{
	char pf[BDF_STR_LEN];

	switch (s->kind) {
	case STEP_COUNT:
		return undo_count(w, s->target, e);
	case STEP_PROBE:
		return write_probe(w, s->target, s->target->was.pf.autoprobe,
				   e);
	case STEP_ESWITCH:
		return devlink_eswitch_set("pci",
					   bdf_str(s->target->was.pf.bdf, pf),
					   s->target->was.eswitch, e);
	default:
		/* With another number of VFs these are gone. */
		return s->target->is_recounted ? 0 : make_undo(w->h, s, e);
	}
}

/* Keeps the first failure as the message; what cannot be undone is the hint.
 * Returns whether all could. */
static bool roll_back(struct work *w, struct err *e)
{
	struct err failed = { 0 }, *first = NULL;

	while (w->journal.nr) {
		struct step step = w->journal.steps[--w->journal.nr];
		struct err second = { 0 };

		if (!undo_step(w, &step, &second))
			continue;
		if (first)
			log_error("undo", "%s", second.msg);
		else
			failed = second;
		first = &failed;
	}
	if (!first)
		return true;
	e->hint[0] = '\0';
	err_hint(e, "and not all could be put back: %.450s", failed.msg);
	return false;
}

/* All is made, or back: nothing is to be kept any more, except for what a run
 * that was killed left and this one could not make. */
static void forget_kept(const struct work *w, bool is_made)
{
	struct err ignored = { 0 };

	for (size_t i = 0; i < w->nr; i++) {
		const struct target *t = &w->targets[i];

		if (is_made ? t->want->has_count : t->is_kept)
			kept_drop(w->h, t->was.pf.bdf, &ignored);
	}
}

static void signals_ending(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGPIPE);
}

static int execute(struct work *w, struct err *e)
{
	int ret = 0;

	signals_ending(&w->ending);
	/* For good: who is told what was done can end by itself. */
	sigprocmask(SIG_BLOCK, &w->ending, NULL);
	for (size_t i = 0; i < w->nr && !ret; i++)
		ret = make_target(w, &w->targets[i], e);
	if (!ret || roll_back(w, e))
		forget_kept(w, !ret);
	return ret;
}

int work_run(const struct host *h, struct plan *plan,
	     const struct work_opts *opts, struct changes *done, struct err *e)
{
	struct work w = { .h = h, .opts = opts };
	int ret = prepare(&w, plan, done, e);

	if (!ret && !opts->is_dry && done->nr)
		ret = execute(&w, e);
	else if (!ret && !opts->is_dry)
		forget_kept(&w, true);
	close_all(&w);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* A VF to another driver, with a record on disk, and back. */
/*
 * How this works
 *
 * Before anything is touched, how the VF is goes to a record (record.c): its
 * driver, driver_override, and all settings that its PF tells. A VF that has a
 * record already keeps that one, since it tells how things were before the
 * first change.
 *
 * Back: settings first, because a network driver asks its PF for them when it
 * is probed; then the driver; the record goes away last. Whatever of this is
 * interrupted can be done again.
 */
#include <errno.h>
#include <string.h>

#include "src/base/log.h"
#include "tools/vf/work.h"

/* --- there --- */

static int describe(const struct maker *m, const struct vf_record *carried,
		    struct vf_record *out, struct err *e)
{
	struct bdf vf = m->vf->vf.dev.bdf;
	char s[BDF_STR_LEN];

	*out = (struct vf_record){ 0 };
	if (carried)
		*out = *carried;
	out->vf = vf;
	out->pf = m->target->now.pf.bdf;
	out->instance = record_instance(m->h, vf);
	if (carried)
		return 0;
	memcpy(out->driver, m->vf->vf.dev.driver, sizeof(out->driver));
	if (host_read(m->h, out->override, sizeof(out->override),
		      "sys/bus/pci/devices/%s/driver_override",
		      bdf_str(vf, s)) < 0)
		return err_sys(e, s, "read its driver_override");
	/* printf's form of a NULL pointer */
	if (!strcmp(out->override, "(null)"))
		out->override[0] = '\0';
	out->was.index = m->vf->vf.index;
	out->was.conf = m->vf->is.conf;
	out->was.fn = m->vf->is.fn;
	return 0;
}

/* The message begins with the BDF, and so does the warning. */
static void warn_taken(const char *s, const struct err *used)
{
	size_t n = strlen(s);

	log_warn(s, "it is taken although %s",
		 used->msg + (strncmp(used->msg, s, n) ? 0 : n + strlen(": ")));
}

/* With force a warning tells who loses it. binding: host_bind_driver follows,
 * which warns of what it sees itself, of a driver of the host. */
static int check_user(const struct maker *m, bool binding, struct err *e)
{
	struct bdf vf = m->vf->vf.dev.bdf;
	struct err used = { 0 }, ignored = { 0 };
	char s[BDF_STR_LEN];

	/* Of a driver of the host check.c has asked. */
	if (!m->force)
		return host_is_vfio_driver(m->vf->vf.dev.driver)
			       ? host_vf_in_use(m->h, vf, e)
			       : 0;
	if (!host_vf_in_use(m->h, vf, &used))
		return 0;
	if (!binding || host_is_vfio_driver(m->vf->vf.dev.driver) ||
	    !host_in_use(m->h, vf, &ignored))
		warn_taken(bdf_str(vf, s), &used);
	return 0;
}

int driver_bind(struct maker *m, const char *driver,
		const struct vf_record *carried, struct err *e)
{
	struct host_bind_opts opts = { .driver = driver, .force = m->force };
	struct bdf vf = m->vf->vf.dev.bdf;
	struct err ignored = { 0 };
	struct step *step;
	bool is_new = false;
	struct vf_record r;
	int ret = check_user(m, true, e);

	if (ret)
		return ret;
	step = journal_add(m->journal, STEP_BIND, e);
	if (!step)
		return -ENOMEM;
	step->target = m->target;
	step->vf = vf;
	ret = record_load(m->h, vf, &r, e);
	step->has_record = !ret;
	step->record = r;
	if (ret == -ENOENT && !(ret = describe(m, carried, &r, e))) {
		ret = record_save(m->h, &r, e);
		is_new = !ret;
	}
	if (!ret)
		ret = host_bind_driver(m->h, vf, &opts, &step->bind, e);
	/* What was not even begun needs no undo, and no record of ours; one
	 * that cannot be read is the user's to judge. */
	if (ret && !step->bind.changed) {
		if (is_new)
			record_drop(m->h, vf, &ignored);
		m->journal->nr--;
	}
	return ret;
}

/* --- back --- */

int driver_release(struct maker *m, struct err *e)
{
	struct bdf vf = m->vf->vf.dev.bdf;
	struct host_bind bind = { .bdf = vf, .changed = true };
	struct vf_record r;
	struct step *step;
	char s[BDF_STR_LEN];
	int ret = check_user(m, false, e);

	if (ret)
		return ret;
	ret = record_load(m->h, vf, &r, e);
	if (ret && ret != -ENOENT)
		return ret;
	if (ret)
		log_warn(
			bdf_str(vf, s),
			"strait-vf did not bind it and does not know how it was: it is left without a driver");
	step = journal_add(m->journal, STEP_RELEASE, e);
	if (!step)
		return -ENOMEM;
	step->target = m->target;
	step->vf = vf;
	step->has_record = !ret;
	step->record = r;
	step->was = m->vf->is;
	memcpy(bind.driver, r.driver, sizeof(bind.driver));
	memcpy(bind.override, r.override, sizeof(bind.override));
	ret = make_restore(m->h, &m->target->now, vf, &r.was, e);
	if (!ret)
		ret = host_bind_undo(m->h, &bind, e);
	return ret ? ret : record_drop(m->h, vf, e);
}

/* --- undo of both --- */

static int undo_bind(const struct host *h, const struct step *s, struct err *e)
{
	struct host_bind bind = s->bind;
	int ret = host_bind_undo(h, &bind, e);

	if (ret)
		return ret;
	return s->has_record ? record_save(h, &s->record, e)
			     : record_drop(h, s->vf, e);
}

static int undo_release(const struct host *h, const struct step *s,
			struct err *e)
{
	struct host_bind_opts opts = { .driver = s->was.driver, .force = true };
	struct host_bind bind;
	int ret = 0;

	if (s->has_record)
		ret = record_save(h, &s->record, e);
	if (!ret)
		ret = make_restore(h, &s->target->now, s->vf, &s->was, e);
	if (!ret && s->was.driver[0])
		ret = host_bind_driver(h, s->vf, &opts, &bind, e);
	if (!ret && s->was.owner[0])
		ret = owner_set(h, s->vf, s->was.owner, e);
	return ret;
}

int driver_undo(const struct host *h, const struct step *s, struct err *e)
{
	return s->kind == STEP_BIND ? undo_bind(h, s, e)
				    : undo_release(h, s, e);
}

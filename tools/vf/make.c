// SPDX-License-Identifier: GPL-2.0-or-later
/* Gives VFs their settings. */
/*
 * How this works
 *
 * Settings are made one by one in the order of their table, and each goes into
 * the journal with what it was. Which of the kernel's interfaces makes it is
 * its kind. A VF that goes back to the host's driver is released first, since
 * that puts back settings.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/vf/work.h"

struct step *journal_add(struct journal *j, enum step_kind kind, struct err *e)
{
	if (j->nr == j->max) {
		size_t max = j->max ? 2 * j->max : 32;
		struct step *more = reallocarray(j->steps, max, sizeof(*more));

		if (!more) {
			err_set(e, ENOMEM, "out of memory");
			return NULL;
		}
		j->steps = more;
		j->max = max;
	}
	j->steps[j->nr] = (struct step){ .kind = kind };
	return &j->steps[j->nr++];
}

/* --- by devlink --- */

static int set_fn(const struct pf_state *pf, const char *who,
		  unsigned int index, const struct devlink_fn *want,
		  struct err *e)
{
	struct devlink_port port;
	char s[BDF_STR_LEN];
	int ret;

	bdf_str(pf->pf.bdf, s);
	ret = devlink_port_of_vf("pci", s, index, &port, e);
	if (!ret)
		ret = devlink_fn_set("pci", s, port.index, want, NULL, e);
	return ret ? err_ctx(e, ret, "%s", who) : 0;
}

/* --- MSI-X vectors --- */

/* Read from the VF's capability, where a driver would look. */
static int set_msix(const struct host *h, struct bdf vf, unsigned int want,
		    struct err *e)
{
	char s[BDF_STR_LEN];
	unsigned int now;
	int ret = host_vf_msix_set(h, vf, want, e);

	if (ret)
		return ret;
	now = state_msix(h, vf);
	if (now && !want)
		return state_msix_note(h, vf, now, e);
	if (now == want)
		return 0;
	ret = err_set(e, EIO, "%s: msix: %u was set, and %u is read back",
		      bdf_str(vf, s), want, now);
	err_hint(e, "the kernel log may say why (dmesg | grep %s)", s);
	return ret;
}

/* --- one setting --- */

static int set(struct maker *m, const struct setting *s,
	       const struct vf_want *want, const char *who, struct err *e)
{
	const struct pf_state *pf = &m->target->now;
	struct bdf vf = m->vf->vf.dev.bdf;

	switch (s->kind) {
	case SETTING_LINK:
		return vf_link_set(m->h, pf->netdev, who, want->index,
				   &want->conf, NULL, e);
	case SETTING_FN:
		return set_fn(pf, who, want->index, &want->fn, e);
	case SETTING_MSIX:
		return set_msix(m->h, vf, want->msix, e);
	case SETTING_OWNER:
		return owner_set(m->h, vf, want->owner, e);
	case SETTING_DRIVER:
		break;
	}
	BUG_ON(true);
	return 0;
}

/* In the journal before it is tried: a driver may do half of it. */
static int make_setting(struct maker *m, const struct setting *s,
			const struct vf_want *want, struct err *e)
{
	struct step *step = journal_add(m->journal, STEP_SETTING, e);
	struct vf_want one = { .index = want->index };
	char who[BDF_STR_LEN];
	int ret;

	if (!step)
		return -ENOMEM;
	bdf_str(m->vf->vf.dev.bdf, who);
	step->target = m->target;
	step->vf = m->vf->vf.dev.bdf;
	step->setting = s;
	step->was.index = want->index;
	if (setting_is_in(s, &m->vf->is))
		setting_copy(s, &step->was, &m->vf->is);
	setting_copy(s, &one, want);
	ret = set(m, s, &one, who, e);
	/* Nothing to undo of what does not exist. */
	if (ret == -EOPNOTSUPP || ret == -EINVAL || ret == -ERANGE)
		m->journal->nr--;
	return ret;
}

static int release_first(struct maker *m, const struct vf_want *want,
			 bool *is_released, struct err *e)
{
	const struct setting *s;

	*is_released = false;
	for (unsigned int i = 0; (s = setting_at(i)); i++)
		if (s->kind == SETTING_DRIVER)
			*is_released = diff_setting(s, want, m->vf);
	return *is_released ? driver_release(m, e) : 0;
}

int make_vf(struct maker *m, const struct vf_want *want,
	    const struct vf_record *carried, struct err *e)
{
	bool is_host = !strcmp(want->driver, VF_DRIVER_HOST);
	bool is_released = false;
	const struct setting *s;
	int ret = is_host ? release_first(m, want, &is_released, e) : 0;

	for (unsigned int i = 0; !ret && (s = setting_at(i)); i++) {
		/* A release has put back what it found before. */
		if (!setting_is_in(s, want) ||
		    !diff_setting(s, want, is_released ? NULL : m->vf))
			continue;
		if (s->kind != SETTING_DRIVER)
			ret = make_setting(m, s, want, e);
		else if (!is_host)
			ret = driver_bind(m, want->driver, carried, e);
	}
	return ret;
}

/* --- back --- */

static int restore_fn(const struct pf_state *pf, const char *who,
		      const struct vf_want *was, struct err *e)
{
	struct vf_want now = { 0 }, want = { 0 };
	char a[SETTING_TEXT_LEN], b[SETTING_TEXT_LEN], pf_name[BDF_STR_LEN];
	struct devlink_port port;
	const struct setting *s;
	int ret = devlink_port_of_vf("pci", bdf_str(pf->pf.bdf, pf_name),
				     was->index, &port, e);

	if (ret)
		return err_ctx(e, ret, "%s", who);
	now.fn = port.fn;
	for (unsigned int i = 0; (s = setting_at(i)); i++)
		if (s->kind == SETTING_FN && setting_is_in(s, was) &&
		    strcmp(setting_text(s, was, a), setting_text(s, &now, b)))
			setting_copy(s, &want, was);
	return want.fn.keys ? set_fn(pf, who, was->index, &want.fn, e) : 0;
}

int make_restore(const struct host *h, const struct pf_state *pf, struct bdf vf,
		 const struct vf_want *was, struct err *e)
{
	char who[BDF_STR_LEN];
	int ret = 0;

	bdf_str(vf, who);
	if (was->conf.keys && pf->netdev[0])
		ret = vf_link_restore(h, pf->netdev, who, was->index,
				      &was->conf, e);
	if (!ret && was->fn.keys && pf->has_eswitch &&
	    pf->eswitch == DEVLINK_SWITCHDEV)
		ret = restore_fn(pf, who, was, e);
	return ret;
}

static int undo_setting(const struct host *h, const struct step *s,
			struct err *e)
{
	if (s->setting->kind == SETTING_OWNER)
		return owner_set(h, s->vf,
				 s->was.owner[0] ? s->was.owner : "root", e);
	if (s->setting->kind == SETTING_MSIX && s->was.has_msix)
		return host_vf_msix_set(h, s->vf, s->was.msix, e);
	return make_restore(h, &s->target->now, s->vf, &s->was, e);
}

int make_undo(const struct host *h, const struct step *s, struct err *e)
{
	return s->kind == STEP_SETTING ? undo_setting(h, s, e)
				       : driver_undo(h, s, e);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* What VFs have that are removed only to be made again, on disk. */
/*
 * How this works
 *
 * A new number removes all VFs of a PF, and what those had that come back is
 * then in the memory of this process alone. So a plan file with it is written
 * before, and removed when all is made. A run that finds one follows a run that
 * was killed: it gives the VFs that are wanted what that file says, below what
 * its own plan says, and the user may apply the file as any other. The first
 * file stays until a run has ended well, since a later one would know less.
 *
 * The name has the number of the PF's directory in sysfs, which the kernel
 * gives out anew: what a PF had that was unplugged does not count for the next.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "tools/vf/run_file.h"
#include "tools/vf/work.h"

enum { KEPT_MAX = 1 << 20 };

static const char *file_of(const struct host *h, struct bdf pf, char *buf)
{
	char s[BDF_STR_LEN];

	snprintf(buf, RUN_FILE_LEN, RUN_DIR "/%s.%" PRIu64 ".kept.json",
		 bdf_str(pf, s), record_instance(h, pf));
	return buf;
}

void kept_filter(const struct host_pf *pf, struct vf_want *is)
{
	static const uint8_t zero[6];

	if (!memcmp(is->conf.mac, zero, sizeof(zero)))
		is->conf.keys &= ~(unsigned int)VF_MAC;
	if (!memcmp(is->fn.hw_addr, zero, sizeof(zero)))
		is->fn.keys &= ~(unsigned int)DEVLINK_FN_HW_ADDR;
	if (!host_is_vfio_driver(is->driver))
		is->driver[0] = is->owner[0] = '\0';
	if (!pf->vf_total_msix)
		is->has_msix = false;
}

static int fill(const struct pf_state *was, struct plan *out, struct err *e)
{
	char s[BDF_STR_LEN];
	struct pf_want *pf = plan_add_pf(out, bdf_str(was->pf.bdf, s), e);

	if (!pf)
		return -ENOMEM;
	pf->has_count = true;
	pf->count = was->pf.nr_vfs;
	for (size_t i = 0; i < was->nr_vfs; i++) {
		struct vf_want is = was->vfs[i].is;
		struct vf_want *w = plan_vf(pf, is.index, e);

		if (!w)
			return -ENOMEM;
		kept_filter(&was->pf, &is);
		setting_merge(w, &is);
	}
	return 0;
}

int kept_save(const struct host *h, struct target *t, struct err *e)
{
	char file[RUN_FILE_LEN];
	struct plan plan = { 0 };
	int ret;

	file_of(h, t->was.pf.bdf, file);
	if (!t->was.nr_vfs || host_exists(h, "%s", file))
		return 0;
	ret = fill(&t->was, &plan, e);
	if (!ret)
		ret = run_file_write(h, file, plan_to_json(&plan), e);
	t->is_kept = !ret;
	plan_free(&plan);
	return ret;
}

static int parse(const char *text, size_t len, const char *file,
		 struct plan *out, struct err *e)
{
	char who[RUN_FILE_LEN + 1];
	int ret;

	snprintf(who, sizeof(who), "/%s", file);
	ret = plan_parse(text, len, who, out, e);
	if (!ret && out->nr_pfs != 1)
		ret = err_set(e, EINVAL, "%s: it has not one PF", who);
	if (!ret)
		return 0;
	e->hint[0] = '\0';
	err_hint(
		e,
		"a run that was killed left this file; remove it to forget what VFs had");
	return ret;
}

static int load(const struct host *h, const char *file, struct plan *out,
		struct err *e)
{
	char *text = malloc(KEPT_MAX);
	ssize_t n;
	int ret;

	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	n = host_read(h, text, KEPT_MAX, "%s", file);
	if (n == -ENOENT)
		ret = -ENOENT;
	else if (n < 0)
		ret = run_file_fail(file, "read", e);
	else
		ret = parse(text, (size_t)n, file, out, e);
	free(text);
	return ret;
}

static int merge(const struct pf_want *kept, struct pf_want *want,
		 struct err *e)
{
	for (size_t i = 0; i < kept->nr_vfs; i++) {
		struct vf_want *w;

		if (kept->vfs[i].index >= want->count)
			continue;
		w = plan_vf(want, kept->vfs[i].index, e);
		if (!w)
			return -ENOMEM;
		setting_merge(w, &kept->vfs[i]);
	}
	return 0;
}

/* Making VFs is not what a run that was killed can have been about. */
static int refuse(const char *pf, const char *file, unsigned int count,
		  struct err *e)
{
	err_set(e, EBUSY,
		"%s: a change of its VFs was killed half way; what they had is in /%s",
		pf, file);
	err_hint(
		e,
		"strait-vf resize %s %u makes VFs with it; strait-vf destroy %s forgets it",
		pf, count, pf);
	return -EBUSY;
}

int kept_carry(const struct host *h, const struct target *t, bool force,
	       struct err *e)
{
	char file[RUN_FILE_LEN], pf[BDF_STR_LEN];
	struct pf_want *want = t->want;
	struct plan plan = { 0 };
	int ret = load(h, file_of(h, t->was.pf.bdf, file), &plan, e);

	if (ret == -ENOENT)
		return 0;
	bdf_str(t->was.pf.bdf, pf);
	if (!ret && !want->has_count) {
		log_warn(
			pf,
			"a change of its VFs was killed half way; strait-vf apply /%s gives them what they had before",
			file);
	} else if (!ret && want->is_create && !force) {
		ret = refuse(pf, file, want->count, e);
	} else if (!ret && !want->is_create && want->count) {
		log_warn(
			pf,
			"a change of its VFs was killed half way; they get what they had before (/%s)",
			file);
		for (size_t i = 0; i < plan.nr_pfs && !ret; i++)
			ret = merge(&plan.pfs[i], want, e);
	}
	plan_free(&plan);
	return ret;
}

int kept_drop(const struct host *h, struct bdf pf, struct err *e)
{
	char file[RUN_FILE_LEN];

	return run_file_drop(h, file_of(h, pf, file), e);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* What is wanted, in memory and as JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/vf/plan.h"

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

struct pf_want *plan_add_pf(struct plan *p, const char *name, struct err *e)
{
	struct pf_want *more =
		reallocarray(p->pfs, p->nr_pfs + 1, sizeof(*more));

	if (!more) {
		no_memory(e);
		return NULL;
	}
	p->pfs = more;
	more = &p->pfs[p->nr_pfs++];
	*more = (struct pf_want){ 0 };
	snprintf(more->name, sizeof(more->name), "%s", name);
	return more;
}

struct pf_want *plan_pf(struct plan *p, const char *name, struct err *e)
{
	for (size_t i = 0; i < p->nr_pfs; i++)
		if (!strcmp(p->pfs[i].name, name))
			return &p->pfs[i];
	return plan_add_pf(p, name, e);
}

struct vf_want *plan_vf(struct pf_want *pf, unsigned int index, struct err *e)
{
	for (size_t i = 0; i < pf->nr_vfs; i++)
		if (pf->vfs[i].index == index)
			return &pf->vfs[i];
	if (pf->nr_vfs == pf->max_vfs) {
		size_t max = pf->max_vfs ? 2 * pf->max_vfs : 8;
		struct vf_want *more =
			reallocarray(pf->vfs, max, sizeof(*more));

		if (!more) {
			no_memory(e);
			return NULL;
		}
		pf->vfs = more;
		pf->max_vfs = max;
	}
	pf->vfs[pf->nr_vfs] = (struct vf_want){ .index = index };
	return &pf->vfs[pf->nr_vfs++];
}

static int by_index(const void *a, const void *b)
{
	const struct vf_want *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

int plan_expand(struct pf_want *pf, unsigned int count, struct err *e)
{
	for (unsigned int i = 0; i < count && pf->has_all; i++) {
		struct vf_want *w = plan_vf(pf, i, e);

		if (!w)
			return -ENOMEM;
		setting_merge(w, &pf->all);
	}
	if (pf->nr_vfs)
		qsort(pf->vfs, pf->nr_vfs, sizeof(*pf->vfs), by_index);
	return 0;
}

void plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->nr_pfs; i++)
		free(p->pfs[i].vfs);
	free(p->pfs);
	*p = (struct plan){ 0 };
}

/* --- as JSON --- */

static json_t *setting_to_json(const struct setting *s, const struct vf_want *w)
{
	char text[SETTING_TEXT_LEN];
	char *end;
	long number;

	setting_text(s, w, text);
	if (s->types & SETTING_BOOL)
		return json_boolean(!strcmp(text, "on"));
	number = strtol(text, &end, 10);
	return (s->types & SETTING_NUMBER) && !*end ? json_integer(number)
						    : json_string(text);
}

int plan_vf_to_json(const struct vf_want *w, json_t *out)
{
	const struct setting *s;

	for (unsigned int i = 0; (s = setting_at(i)); i++)
		if (setting_is_in(s, w) &&
		    json_object_set_new(out, s->name, setting_to_json(s, w)))
			return -ENOMEM;
	return 0;
}

static json_t *pf_to_json(const struct pf_want *pf)
{
	json_t *out = json_pack("{s:s}", "pf", pf->name), *vfs, *vf;

	if (!out)
		return NULL;
	if (pf->has_count)
		json_object_set_new(out, "count", json_integer(pf->count));
	if (pf->has_probe)
		json_object_set_new(out, "probe", json_boolean(pf->probe));
	if (pf->has_eswitch)
		json_object_set_new(
			out, "eswitch",
			json_string(devlink_eswitch_name(pf->eswitch)));
	vfs = json_array();
	for (size_t i = 0; i < pf->nr_vfs; i++) {
		vf = json_pack("{s:i}", "vf", (int)pf->vfs[i].index);
		if (!vf || plan_vf_to_json(&pf->vfs[i], vf) ||
		    json_array_append_new(vfs, vf))
			goto fail;
	}
	if (json_object_set_new(out, "vfs", vfs))
		goto fail_out;
	return out;
fail:
	json_decref(vfs);
fail_out:
	json_decref(out);
	return NULL;
}

json_t *plan_to_json(const struct plan *p)
{
	json_t *pfs = json_array();

	for (size_t i = 0; i < p->nr_pfs; i++)
		if (json_array_append_new(pfs, pf_to_json(&p->pfs[i]))) {
			json_decref(pfs);
			return NULL;
		}
	return json_pack("{s:i, s:o}", "version", PLAN_VERSION, "pfs", pfs);
}

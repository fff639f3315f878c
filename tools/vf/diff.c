// SPDX-License-Identifier: GPL-2.0-or-later
/* What has to change. */
/*
 * How this works
 *
 * Two values are the same if they read the same (setting_text), which is also
 * what is shown. What is not wanted is not compared. VFs that are lost for a
 * new count and made again keep their settings, so they are compared with how
 * they were; VFs that come new differ in everything that is wanted of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/table.h"
#include "tools/vf/diff.h"

unsigned int diff_count(const struct pf_want *want, const struct pf_state *is)
{
	return want->has_count ? want->count : is->pf.nr_vfs;
}

bool diff_probe(const struct pf_want *want, const struct pf_state *is)
{
	return want->has_probe && want->probe != is->pf.autoprobe &&
	       is->pf.nr_vfs && diff_count(want, is) == is->pf.nr_vfs;
}

const char *diff_function(const struct pf_state *is, unsigned int vf, char *buf,
			  size_t len)
{
	const struct vf_state *v = state_vf(is, vf);
	char s[BDF_STR_LEN];

	if (v)
		snprintf(buf, len, "%s", bdf_str(v->vf.dev.bdf, s));
	else
		snprintf(buf, len, "%s VF %u", bdf_str(is->pf.bdf, s), vf);
	return buf;
}

static struct change *add(struct changes *c, struct err *e)
{
	if (c->nr == c->max) {
		size_t max = c->max ? 2 * c->max : 32;
		struct change *more = reallocarray(c->list, max, sizeof(*more));

		if (!more) {
			err_set(e, ENOMEM, "out of memory");
			return NULL;
		}
		c->list = more;
		c->max = max;
	}
	c->list[c->nr] = (struct change){ 0 };
	return &c->list[c->nr++];
}

void changes_free(struct changes *c)
{
	free(c->list);
	*c = (struct changes){ 0 };
}

/* --- comparing --- */

/* "host" is any driver of the host, or none. */
static bool driver_differs(const struct vf_want *want,
			   const struct vf_state *is)
{
	if (strcmp(want->driver, VF_DRIVER_HOST) != 0)
		return strcmp(want->driver, is->is.driver) != 0;
	return is->has_record || host_is_vfio_driver(is->is.driver);
}

/* Files belong to root unless said otherwise, and new ones come with a driver.
 */
static bool owner_differs(const struct vf_want *want, const struct vf_state *is)
{
	const char *now = is->is.owner[0] ? is->is.owner : "root";

	return strcmp(want->owner, now) != 0 ||
	       (want->driver[0] && driver_differs(want, is));
}

bool diff_msix(const struct vf_want *want, const struct vf_state *is)
{
	unsigned int wanted = want->msix ? want->msix : is->msix_default;

	return !is->is.has_msix || is->is.msix != wanted;
}

bool diff_setting(const struct setting *s, const struct vf_want *want,
		  const struct vf_state *is)
{
	char wanted[SETTING_TEXT_LEN], now[SETTING_TEXT_LEN];

	if (!is)
		return s->kind != SETTING_DRIVER ||
		       strcmp(want->driver, VF_DRIVER_HOST) != 0;
	if (s->kind == SETTING_DRIVER)
		return driver_differs(want, is);
	if (s->kind == SETTING_OWNER)
		return owner_differs(want, is);
	if (s->kind == SETTING_MSIX)
		return diff_msix(want, is);
	return strcmp(setting_text(s, want, wanted),
		      setting_text(s, &is->is, now)) != 0;
}

/* "host" is a promise; what it comes to is in the record. */
static void name_drivers(const struct vf_want *want, const struct vf_state *v,
			 struct change *c)
{
	if (!c->from[0])
		snprintf(c->from, sizeof(c->from), "none");
	if (!strcmp(want->driver, VF_DRIVER_HOST))
		snprintf(c->to, sizeof(c->to), "%s",
			 v->record_driver[0] ? v->record_driver : "none");
}

static int add_setting(const struct setting *s, const struct vf_want *want,
		       const struct pf_state *is, struct changes *out,
		       struct err *e)
{
	const struct vf_state *v = state_vf(is, want->index);
	struct change *c;

	if (!setting_is_in(s, want) || !diff_setting(s, want, v))
		return 0;
	c = add(out, e);
	if (!c)
		return -ENOMEM;
	c->pf = is->pf.bdf;
	c->is_vf = true;
	c->vf = want->index;
	c->name = s->name;
	diff_function(is, want->index, c->function, sizeof(c->function));
	if (v)
		setting_text(s, &v->is, c->from);
	setting_text(s, want, c->to);
	if (v && s->kind == SETTING_DRIVER)
		name_drivers(want, v, c);
	return 0;
}

static struct change *add_pf(const struct pf_state *is, const char *name,
			     struct changes *out, struct err *e)
{
	struct change *c = add(out, e);
	char s[BDF_STR_LEN];

	if (!c)
		return NULL;
	c->pf = is->pf.bdf;
	c->name = name;
	snprintf(c->function, sizeof(c->function), "%s",
		 bdf_str(is->pf.bdf, s));
	return c;
}

static int diff_own(const struct pf_want *want, const struct pf_state *is,
		    struct changes *out, struct err *e)
{
	struct change *c;

	if (want->has_eswitch &&
	    (!is->has_eswitch || is->eswitch != want->eswitch)) {
		c = add_pf(is, "eswitch", out, e);
		if (!c)
			return -ENOMEM;
		if (is->has_eswitch)
			snprintf(c->from, sizeof(c->from), "%s",
				 devlink_eswitch_name(is->eswitch));
		snprintf(c->to, sizeof(c->to), "%s",
			 devlink_eswitch_name(want->eswitch));
	}
	if (want->has_count && want->count != is->pf.nr_vfs) {
		c = add_pf(is, "count", out, e);
		if (!c)
			return -ENOMEM;
		snprintf(c->from, sizeof(c->from), "%u", is->pf.nr_vfs);
		snprintf(c->to, sizeof(c->to), "%u", want->count);
	}
	if (diff_probe(want, is)) {
		c = add_pf(is, "probe", out, e);
		if (!c)
			return -ENOMEM;
		snprintf(c->from, sizeof(c->from), "%s",
			 want->probe ? "off" : "on");
		snprintf(c->to, sizeof(c->to), "%s",
			 want->probe ? "on" : "off");
	}
	return 0;
}

int diff_pf(const struct pf_want *want, const struct pf_state *is,
	    struct changes *out, struct err *e)
{
	const struct setting *s;
	int ret = diff_own(want, is, out, e);

	for (size_t i = 0; i < want->nr_vfs; i++)
		for (unsigned int k = 0; !ret && (s = setting_at(k)); k++)
			ret = add_setting(s, &want->vfs[i], is, out, e);
	return ret;
}

/* --- showing --- */

json_t *changes_to_json(const struct changes *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->nr; i++) {
		const struct change *x = &c->list[i];
		json_t *from = x->from[0] ? json_string(x->from) : json_null();

		if (json_array_append_new(
			    list, json_pack("{s:s, s:s, s:o, s:s}", "function",
					    x->function, "setting", x->name,
					    "from", from, "to", x->to))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

void changes_print(const struct changes *c, FILE *f, bool use_color)
{
	for (size_t i = 0; i < c->nr; i++) {
		const struct change *x = &c->list[i];

		fprintf(f, "%s: %s ", x->function, x->name);
		if (x->from[0])
			fprintf(f, "%s%s%s -> ",
				table_color_on(TABLE_RED, use_color), x->from,
				table_color_off(use_color));
		fprintf(f, "%s%s%s\n", table_color_on(TABLE_GREEN, use_color),
			x->to, table_color_off(use_color));
	}
}

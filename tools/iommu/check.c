// SPDX-License-Identifier: GPL-2.0-or-later
/* strait-iommu check: can functions be assigned, and what speaks against it? */
#include <errno.h>
#include <stdio.h>

#include "iommu/verdict.h"
#include "src/base/bits.h"
#include "tools/common/text.h"
#include "tools/iommu/view.h"
#include "tools/iommu/wrap.h"

static enum table_color level_color(enum finding_level level)
{
	static const enum table_color colors[] = {
		[FINDING_OK] = TABLE_GREEN,
		[FINDING_NOTE] = TABLE_CYAN,
		[FINDING_WARNING] = TABLE_YELLOW,
		[FINDING_BLOCKER] = TABLE_RED,
		[FINDING_UNKNOWN] = TABLE_MAGENTA,
	};

	return colors[level];
}

/* "  blocker  in-use                the sentence, as wide as the terminal" */
enum {
	LEVEL_WIDTH = 7,
	ID_WIDTH = 19,
	INDENT = 2 + LEVEL_WIDTH + 2 + ID_WIDTH + 2,
	/* In a terminal that is narrower the sentence goes below. */
	MIN_WIDTH = INDENT + 24,
	NARROW_INDENT = 4
};

static void print_finding(const struct view *v, const struct finding *f)
{
	char text[sizeof(f->text)], remedy[sizeof(f->remedy)];
	enum table_color color = level_color(f->level);
	bool is_narrow = v->width && v->width < MIN_WIDTH;
	unsigned int indent = is_narrow ? NARROW_INDENT : INDENT;
	FILE *out = v->cli->out;

	fprintf(out, "  %s%-*s%s  ", table_color_on(color, v->use_color),
		LEVEL_WIDTH, finding_level_name(f->level),
		table_color_off(v->use_color));
	if (is_narrow)
		fprintf(out, "%s\n%*s", f->id, NARROW_INDENT, "");
	else
		fprintf(out, "%-*s  ", ID_WIDTH, f->id);
	snprintf(text, sizeof(text), "%s", f->text);
	wrap_print(out, text_clean(text), indent, v->width);
	if (!*f->remedy)
		return;
	snprintf(remedy, sizeof(remedy), "%s", f->remedy);
	fprintf(out, "%*s-> ", (int)indent, "");
	wrap_print(out, text_clean(remedy), indent + 3, v->width);
}

static void print_verdict(const struct view *v, struct bdf bdf,
			  const struct verdict *verdict)
{
	bool is_yes = verdict->is_assignable;
	char s[BDF_STR_LEN];

	fprintf(v->cli->out, "%s: %s%s%s\n", bdf_str(bdf, s),
		table_color_on(is_yes ? TABLE_GREEN : TABLE_RED, v->use_color),
		is_yes ? "can be assigned" : "cannot be assigned",
		table_color_off(v->use_color));
	for (unsigned int i = 0; i < verdict->nr; i++)
		print_finding(v, &verdict->findings[i]);
}

static json_t *json_verdict(struct bdf bdf, const struct verdict *verdict)
{
	json_t *j = json_object(), *list = json_array();

	json_object_set_new(j, "bdf", json_bdf(bdf));
	json_object_set_new(j, "assignable",
			    json_boolean(verdict->is_assignable));
	json_object_set_new(j, "findings", list);
	for (unsigned int i = 0; i < verdict->nr; i++) {
		const struct finding *f = &verdict->findings[i];
		json_t *one = json_object();

		json_object_set_new(one, "id", json_string(f->id));
		json_object_set_new(one, "level",
				    json_string(finding_level_name(f->level)));
		json_object_set_new(one, "text", json_text(f->text));
		json_object_set_new(one, "remedy",
				    json_text_or_null(f->remedy));
		json_array_append_new(list, one);
	}
	return j;
}

/* All are to be one guest's, so that they may share a group. Returns whether
 * all can be assigned, or -errno. */
static int check_all(const struct view *v, const struct bdf *bdfs,
		     json_t *functions, struct err *e)
{
	const struct verdict_options o = { .together = bdfs,
					   .nr_together = v->cli->nr_words,
					   .memory = v->options->memory,
					   .is_record = v->host.is_record };
	struct verdict verdict;
	int all = 1;

	for (unsigned int i = 0; i < v->cli->nr_words; i++) {
		int ret = verdict_of(&v->host, bdfs[i], &o, &verdict, e);

		if (ret)
			return ret;
		all &= verdict.is_assignable;
		if (functions)
			json_array_append_new(functions,
					      json_verdict(bdfs[i], &verdict));
		else
			print_verdict(v, bdfs[i], &verdict);
	}
	return all;
}

static json_t *new_document(const struct view *v, json_t **functions)
{
	json_t *doc = json_document("strait-iommu.check/1");

	*functions = json_array();
	json_object_set_new(doc, "is_record", json_boolean(v->host.is_record));
	json_object_set_new(
		doc, "memory",
		v->options->memory
			? json_integer((json_int_t)v->options->memory)
			: json_null());
	json_object_set_new(doc, "functions", *functions);
	return doc;
}

static int check_view(const struct view *v, struct err *e)
{
	enum { MAX_BDFS = 256 };
	json_t *functions = NULL, *doc = NULL;
	struct bdf bdfs[MAX_BDFS];
	int ret;

	BUG_ON(v->cli->nr_words > MAX_BDFS);
	/* Nothing is printed if one of them is mistyped. */
	for (unsigned int i = 0; i < v->cli->nr_words; i++)
		if ((ret = view_bdf(v, v->cli->words[i], &bdfs[i], e)))
			return ret == -EINVAL ? CLI_USAGE : CLI_HOST;
	if (v->cli->json)
		doc = new_document(v, &functions);
	ret = check_all(v, bdfs, functions, e);
	if (doc && ret >= 0)
		json_print(doc, v->cli->out);
	else if (doc)
		json_decref(doc);
	if (ret < 0)
		return CLI_HOST;
	return ret ? CLI_OK : CLI_NO;
}

int check_run(struct cli *cli, struct err *e)
{
	struct view v;
	int status;

	if (view_open(&v, cli, e))
		return CLI_HOST;
	status = check_view(&v, e);
	view_close(&v);
	return status;
}

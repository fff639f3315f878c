// SPDX-License-Identifier: GPL-2.0-or-later
/* strait-iommu tree: the PCI tree with groups, ACS and links. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/iommu/view.h"

enum column {
	COL_FN,
	COL_GROUP,
	COL_TYPE,
	COL_ACS,
	COL_LINK,
	COL_DRIVER,
	COL_NAME,
	NR_COLUMNS
};

static const struct table_column columns[NR_COLUMNS] = {
	[COL_FN] = { .title = "FUNCTION" },
	[COL_GROUP] = { .title = "GROUP", .is_right = true },
	[COL_TYPE] = { .title = "TYPE", .rank = 3 },
	[COL_ACS] = { .title = "ACS", .rank = 1 },
	[COL_LINK] = { .title = "LINK", .rank = 4 },
	[COL_DRIVER] = { .title = "DRIVER" },
	[COL_NAME] = { .title = "NAME", .is_flexible = true, .rank = 2 },
};

/* What stands before a name: by the line above it, and for what is below. */
struct glyphs {
	const char *branch, *last, *line, *space;
};

static const struct glyphs ascii = { "|-", "`-", "| ", "  " };
static const struct glyphs drawn = { "├─", "└─", "│ ", "  " };

/* A topology is never deeper. */
enum { MAX_DEPTH = TOPO_MAX_DEPTH, PREFIX_LEN = MAX_DEPTH * 4 + 1 };

struct drawing {
	const struct view *v;
	const struct glyphs *glyphs;
	struct table *table;
};

static bool has_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strcasestr(value, "utf-8") ||
			       strcasestr(value, "utf8");
	}
	return false;
}

/* Neighbours differ, and the same group always looks the same. */
static enum table_color group_color(int group)
{
	static const enum table_color colors[] = {
		TABLE_GREEN,   TABLE_YELLOW, TABLE_BLUE,
		TABLE_MAGENTA, TABLE_CYAN,
	};

	if (group < 0)
		return TABLE_PLAIN;
	return colors[(unsigned int)group % 5];
}

static void add_row(const struct drawing *d, const struct topo_fn *f,
		    const char *prefix, const char *branch)
{
	const struct host_pci *p = &f->pci;
	enum table_color color = group_color(p->group), acs_color;
	char text[VIEW_TEXT_LEN], s[BDF_STR_LEN];
	struct table *t = d->table;

	table_row(t);
	table_cell(t, COL_FN, color, "%s%s%s", prefix, branch,
		   bdf_str(p->bdf, s));
	if (p->group >= 0)
		table_cell(t, COL_GROUP, color, "%d", p->group);
	table_cell(t, COL_TYPE, TABLE_PLAIN, "%s", view_type(f));
	view_acs(f, &acs_color, text, sizeof(text));
	table_cell(t, COL_ACS, acs_color, "%s", text);
	table_cell(t, COL_LINK, TABLE_PLAIN, "%s",
		   view_link(&f->link, text, sizeof(text)));
	table_cell(t, COL_DRIVER, TABLE_PLAIN, "%s", p->driver);
	table_cell(t, COL_NAME, TABLE_PLAIN, "%s", view_name(d->v, p, text));
}

/* first and its siblings. What is on a root bus has no line before it. */
static void draw(const struct drawing *d, const struct topo_fn *first,
		 const char *prefix, unsigned int depth)
{
	char below[PREFIX_LEN];

	for (const struct topo_fn *f = first; f; f = f->sibling) {
		const char *branch = "", *line = "";

		if (depth) {
			branch = f->sibling ? d->glyphs->branch
					    : d->glyphs->last;
			line = f->sibling ? d->glyphs->line : d->glyphs->space;
		}
		add_row(d, f, prefix, branch);
		if (!f->child || depth == MAX_DEPTH)
			continue;
		snprintf(below, sizeof(below), "%s%s", prefix, line);
		draw(d, f->child, below, depth + 1);
	}
}

static void print_table(const struct view *v, const struct topo *t)
{
	struct drawing d = { .v = v,
			     .glyphs = has_utf8() ? &drawn : &ascii,
			     .table = table_new(columns, NR_COLUMNS) };

	if (!d.table)
		return;
	draw(&d, t->roots, "", 0);
	table_print(d.table, v->cli->out, v->use_color, v->width, true);
	table_free(d.table);
	view_note_root(t);
}

/* --- JSON: the tree as a tree --- */

static json_t *json_siblings(const struct view *v, const struct topo_fn *first,
			     unsigned int depth)
{
	json_t *list = json_array();

	for (const struct topo_fn *f = first; f; f = f->sibling) {
		json_t *j = view_json_fn(v, f);

		json_object_set_new(j, "acs", view_json_acs(f));
		json_object_set_new(j, "ari", json_boolean(f->has_ari));
		json_object_set_new(j, "forwards_ari",
				    json_boolean(f->forwards_ari));
		json_object_set_new(j, "link", view_json_link(&f->link));
		json_object_set_new(
			j, "children",
			depth == MAX_DEPTH
				? json_array()
				: json_siblings(v, f->child, depth + 1));
		json_array_append_new(list, j);
	}
	return list;
}

static void print_json(const struct view *v, const struct topo *t)
{
	json_t *doc = json_document("strait-iommu.tree/1");

	json_object_set_new(doc, "functions", json_siblings(v, t->roots, 0));
	json_print(doc, v->cli->out);
}

int tree_run(struct cli *cli, struct err *e)
{
	struct topo t = { 0 };
	struct view v;

	if (view_open(&v, cli, e))
		return CLI_HOST;
	if (!view_topo(&v, &t, e)) {
		if (cli->json)
			print_json(&v, &t);
		else
			print_table(&v, &t);
	}
	topo_free(&t);
	view_close(&v);
	return e->code ? CLI_HOST : CLI_OK;
}

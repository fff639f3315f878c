// SPDX-License-Identifier: GPL-2.0-or-later
/* strait-iommu list: IOMMU groups and what is in them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "tools/iommu/view.h"

struct entry {
	const struct topo_fn *fn;
};

/* Functions by group, those without one last; in a group by address. */
static int by_group(const void *a, const void *b)
{
	const struct topo_fn *x = ((const struct entry *)a)->fn;
	const struct topo_fn *y = ((const struct entry *)b)->fn;

	if (x->pci.group != y->pci.group) {
		if (x->pci.group < 0 || y->pci.group < 0)
			return x->pci.group < 0 ? 1 : -1;
		return x->pci.group < y->pci.group ? -1 : 1;
	}
	return x < y ? -1 : 1; /* a topo has them in order */
}

/* NULL: out of memory. */
static struct entry *sorted(const struct topo *t)
{
	struct entry *list = calloc(t->nr + 1, sizeof(*list));

	for (unsigned int i = 0; list && i < t->nr; i++)
		list[i].fn = &t->fns[i];
	if (list)
		qsort(list, t->nr, sizeof(*list), by_group);
	return list;
}

enum column {
	COL_GROUP,
	COL_BDF,
	COL_CLASS,
	COL_NAME,
	COL_DRIVER,
	COL_NUMA,
	COL_IOMMU,
	COL_DOMAIN,
	COL_PATH,
	NR_COLUMNS
};

static const struct table_column columns[NR_COLUMNS] = {
	[COL_GROUP] = { .title = "GROUP", .is_right = true },
	[COL_BDF] = { .title = "FUNCTION" },
	[COL_CLASS] = { .title = "CLASS", .is_flexible = true, .rank = 2 },
	[COL_NAME] = { .title = "NAME", .is_flexible = true, .rank = 1 },
	[COL_DRIVER] = { .title = "DRIVER" },
	[COL_NUMA] = { .title = "NUMA", .is_right = true, .rank = 3 },
	[COL_IOMMU] = { .title = "IOMMU", .rank = 4 },
	[COL_DOMAIN] = { .title = "DOMAIN", .rank = 5 },
	[COL_PATH] = { .title = "PATH", .is_flexible = true, .rank = 6 },
};

static void add_row(const struct view *v, const struct topo_fn *f,
		    const char *domain, struct table *t)
{
	char text[VIEW_TEXT_LEN], unit[HOST_NAME_LEN], s[BDF_STR_LEN];
	const struct host_pci *p = &f->pci;
	enum table_color color = p->group & 1 ? TABLE_CYAN : TABLE_YELLOW;

	table_row(t);
	if (p->group >= 0)
		table_cell(t, COL_GROUP, color, "%d", p->group);
	table_cell(t, COL_BDF, TABLE_PLAIN, "%s", bdf_str(p->bdf, s));
	table_cell(t, COL_CLASS, TABLE_PLAIN, "%s",
		   names_class(v->names, p, text, sizeof(text)));
	table_cell(t, COL_NAME, TABLE_PLAIN, "%s", view_name(v, p, text));
	table_cell(t, COL_DRIVER,
		   host_is_vfio_driver(p->driver) ? TABLE_GREEN : TABLE_PLAIN,
		   "%s", p->driver);
	if (f->numa_node >= 0)
		table_cell(t, COL_NUMA, TABLE_PLAIN, "%d", f->numa_node);
	view_iommu(v, p->bdf, unit, sizeof(unit));
	if (*unit)
		table_cell(t, COL_IOMMU, TABLE_PLAIN, "%s%s%s",
			   view_iommu_kind(unit),
			   *view_iommu_kind(unit) ? " " : "", unit);
	table_cell(t, COL_DOMAIN, TABLE_PLAIN, "%s", domain);
	table_cell(t, COL_PATH, TABLE_DIM, "%s",
		   view_path(f, text, sizeof(text)));
}

static void print_table(const struct view *v, const struct entry *list,
			unsigned int nr)
{
	struct table *t = table_new(columns, NR_COLUMNS);
	char domain[32] = "";

	for (unsigned int i = 0; t && i < nr; i++) {
		if (!i || list[i].fn->pci.group != list[i - 1].fn->pci.group)
			view_domain(v, list[i].fn->pci.group, domain,
				    sizeof(domain));
		add_row(v, list[i].fn, domain, t);
	}
	if (t)
		table_print(t, v->cli->out, v->use_color, v->width, true);
	table_free(t);
}

static json_t *json_fn(const struct view *v, const struct topo_fn *f)
{
	char unit[HOST_NAME_LEN], path[VIEW_TEXT_LEN];
	json_t *j = view_json_fn(v, f);

	view_iommu(v, f->pci.bdf, unit, sizeof(unit));
	json_object_set_new(j, "iommu", json_text_or_null(unit));
	json_object_set_new(j, "iommu_kind",
			    json_text_or_null(view_iommu_kind(unit)));
	json_object_set_new(j, "path",
			    json_text(view_path(f, path, sizeof(path))));
	return j;
}

static void print_json(const struct view *v, const struct entry *list,
		       unsigned int nr)
{
	json_t *doc = json_document("strait-iommu.list/1");
	json_t *groups = json_array(), *fns = NULL;

	json_object_set_new(doc, "groups", groups);
	for (unsigned int i = 0; i < nr; i++) {
		if (!i || list[i].fn->pci.group != list[i - 1].fn->pci.group) {
			int group = list[i].fn->pci.group;
			json_t *g = json_object();
			char domain[32];

			view_domain(v, group, domain, sizeof(domain));
			fns = json_array();
			json_object_set_new(g, "group",
					    json_number_or_null(group));
			json_object_set_new(g, "domain",
					    json_text_or_null(domain));
			json_object_set_new(g, "functions", fns);
			json_array_append_new(groups, g);
		}
		json_array_append_new(fns, json_fn(v, list[i].fn));
	}
	json_print(doc, v->cli->out);
}

/* Without groups the table is about nothing: say so. */
static void note_no_groups(const struct entry *list, unsigned int nr)
{
	if (nr && list[0].fn->pci.group < 0)
		fprintf(stderr,
			"note: there are no IOMMU groups; `strait-iommu check BDF` says why\n");
}

static int list_view(const struct view *v, struct err *e)
{
	struct entry *list;
	struct topo t = { 0 };

	if (view_topo(v, &t, e))
		return CLI_HOST;
	list = sorted(&t);
	if (!list) {
		err_set(e, ENOMEM, "out of memory");
	} else if (v->cli->json) {
		print_json(v, list, t.nr);
	} else {
		print_table(v, list, t.nr);
		if (!t.nr)
			view_note_root(&t);
		note_no_groups(list, t.nr);
	}
	free(list);
	topo_free(&t);
	return e->code ? CLI_HOST : CLI_OK;
}

int list_run(struct cli *cli, struct err *e)
{
	struct view v;
	int status;

	if (view_open(&v, cli, e))
		return CLI_HOST;
	status = list_view(&v, e);
	view_close(&v);
	return status;
}

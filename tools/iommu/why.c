// SPDX-License-Identifier: GPL-2.0-or-later
/* strait-iommu why: how a function's group came about, hop by hop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/bits.h"
#include "tools/iommu/view.h"
#include "tools/iommu/wrap.h"

enum column {
	COL_FN,
	COL_TYPE,
	COL_ACS,
	COL_ARI,
	COL_GROUP,
	COL_IN,
	COL_WHY,
	NR_COLUMNS
};

static const struct table_column columns[NR_COLUMNS] = {
	[COL_FN] = { .title = "HOP" },
	[COL_TYPE] = { .title = "TYPE", .rank = 2 },
	[COL_ACS] = { .title = "ACS", .rank = 1 },
	[COL_ARI] = { .title = "ARI", .rank = 3 },
	[COL_GROUP] = { .title = "GROUP", .is_right = true },
	[COL_IN] = { .title = "MEMBER" },
	[COL_WHY] = { .title = "ISOLATION" },
};

/* A port forwards by ARI or not; a function has it or not (PCIe 6.0 6.13). */
static const char *ari_text(const struct topo_fn *f)
{
	if (f->forwards_ari)
		return "forwards";
	return f->has_ari ? "yes" : "";
}

static const char *gap_name(enum acs_gap gap)
{
	static const char *const names[] = {
		[ACS_GAP_NONE] = "none",
		[ACS_GAP_UNKNOWN] = "unknown",
		[ACS_GAP_NO_CAP] = "no-acs",
		[ACS_GAP_CTRL_BITS] = "acs-off",
		[ACS_GAP_MULTIFUNCTION] = "multifunction",
		[ACS_GAP_CONVENTIONAL] = "conventional-pci",
	};

	return names[gap];
}

/* For a column; the sentence comes below the table. */
static const char *gap_short(const struct acs_hop *hop, char *buf, size_t len)
{
	static const char *const texts[] = {
		[ACS_GAP_NONE] = "isolates",
		[ACS_GAP_UNKNOWN] = "?",
		[ACS_GAP_NO_CAP] = "no ACS",
		[ACS_GAP_CTRL_BITS] = "ACS off: ",
		[ACS_GAP_MULTIFUNCTION] = "shared slot",
		[ACS_GAP_CONVENTIONAL] = "shared ID",
	};
	char bits[32];

	snprintf(buf, len, "%s%s", texts[hop->gap],
		 hop->gap == ACS_GAP_CTRL_BITS
			 ? acs_bits(hop->missing, bits, sizeof(bits))
			 : "");
	return buf;
}

static enum table_color gap_color(enum acs_gap gap)
{
	if (gap == ACS_GAP_NONE)
		return TABLE_GREEN;
	return gap == ACS_GAP_UNKNOWN ? TABLE_MAGENTA : TABLE_RED;
}

/* of: whose group it is about; in none there are no members. */
static void add_row(struct table *t, const struct acs_hop *hop,
		    const struct topo_fn *of)
{
	bool is_member = hop->in_kernel_group;
	char text[256], s[BDF_STR_LEN];
	const struct topo_fn *f = hop->fn;
	enum table_color color;

	table_row(t);
	table_cell(t, COL_FN, TABLE_BOLD, "%s", bdf_str(f->pci.bdf, s));
	table_cell(t, COL_TYPE, TABLE_PLAIN, "%s", view_type(f));
	view_acs(f, &color, text, sizeof(text));
	table_cell(t, COL_ACS, color, "%s", text);
	table_cell(t, COL_ARI, TABLE_PLAIN, "%s", ari_text(f));
	if (f->pci.group >= 0)
		table_cell(t, COL_GROUP, TABLE_PLAIN, "%d", f->pci.group);
	if (of->pci.group >= 0)
		table_cell(t, COL_IN, is_member ? TABLE_YELLOW : TABLE_PLAIN,
			   "%s", is_member ? "yes" : "no");
	table_cell(t, COL_WHY, gap_color(hop->gap), "%s",
		   gap_short(hop, text, sizeof(text)));
}

/* --- sentences about the whole --- */

/* The last hop that is in the group: above it is the boundary. */
static const struct topo_fn *last_in(const struct acs_path *path, bool computed)
{
	const struct topo_fn *last = NULL;

	for (unsigned int i = 0; i < path->nr; i++)
		if (computed ? path->hops[i].in_computed_group
			     : path->hops[i].in_kernel_group)
			last = path->hops[i].fn;
	return last;
}

static void say(const struct view *v, const char *text)
{
	wrap_print(v->cli->out, text, 0, v->width);
}

static void say_gaps(const struct view *v, const struct acs_path *path)
{
	char text[320], why[256], s[BDF_STR_LEN];

	for (unsigned int i = 0; i < path->nr; i++) {
		const struct acs_hop *hop = &path->hops[i];

		if (hop->gap == ACS_GAP_NONE)
			continue;
		snprintf(text, sizeof(text), "%s %s.",
			 bdf_str(hop->fn->pci.bdf, s),
			 acs_gap_text(hop, why, sizeof(why)));
		say(v, text);
	}
}

static void say_boundary(const struct view *v, const struct acs_path *path)
{
	const struct topo_fn *kernel = last_in(path, false);
	const struct topo_fn *rules = last_in(path, true);
	char s[BDF_STR_LEN], text[256];
	int group = path->hops[0].fn->pci.group;

	if (group < 0) {
		say(v,
		    "It is in no IOMMU group; `strait-iommu check` says why.");
	} else if (kernel) {
		snprintf(text, sizeof(text),
			 "The boundary of group %d is above %s.", group,
			 bdf_str(kernel->pci.bdf, s));
		say(v, text);
	}
	if (rules && rules != kernel && !path->is_unknown) {
		snprintf(
			text, sizeof(text),
			"By what the hardware says of itself %s would be above %s.",
			group < 0 ? "the boundary of its group" : "it",
			bdf_str(rules->pci.bdf, s));
		say(v, text);
	}
}

static void say_deviation(const struct view *v, const struct acs_path *path)
{
	char s[BDF_STR_LEN], text[512];

	if (path->alias) {
		snprintf(
			text, sizeof(text),
			"The IOMMU sees its DMA as that of %s, a bridge to conventional PCI.",
			bdf_str(path->alias->pci.bdf, s));
		say(v, text);
	}
	if (path->is_overridden) {
		snprintf(
			text, sizeof(text),
			"The group is smaller than the hardware warrants because of %s on the kernel's command line: that isolates nothing, it only hides what is not isolated.",
			path->override);
		say(v, text);
	} else if (path->is_narrower) {
		say(v,
		    "The group is smaller than the rules give: the kernel has a quirk for this hardware, of which its maker says that it isolates without ACS.");
	}
	if (path->is_wider)
		say(v,
		    "The group is larger than the rules give: one of the functions sends with another's requester ID (a quirk of the kernel's).");
	if (path->is_unknown)
		say(v,
		    "Configuration space of a hop cannot be read, so the group is only what the kernel says; as root there is more to see.");
}

static void say_members(const struct view *v, const struct topo *t,
			const struct topo_fn *f)
{
	/* A member takes less than the room that is left for the last. */
	enum { LEN = 2048, ROOM = 128 };
	char text[LEN], s[BDF_STR_LEN], more[32] = "";
	unsigned int nr = 0, nr_more = 0;
	size_t n;

	if (f->pci.group < 0)
		return;
	n = (size_t)snprintf(text, LEN, "With it in group %d:", f->pci.group);
	for (unsigned int i = 0; i < t->nr; i++) {
		const struct host_pci *p = &t->fns[i].pci;

		if (p->group != f->pci.group || &t->fns[i] == f)
			continue;
		if (n >= LEN - ROOM)
			nr_more++;
		else
			n += (size_t)snprintf(
				text + n, LEN - n, "%s %s (%s)",
				nr++ ? "," : "", bdf_str(p->bdf, s),
				*p->driver ? p->driver : "no driver");
	}
	if (nr_more)
		snprintf(more, sizeof(more), " and %u more", nr_more);
	snprintf(text + n, LEN - n, "%s%s.", nr ? "" : " nothing", more);
	say(v, text);
}

static void print_path(const struct view *v, const struct topo *t,
		       const struct acs_path *path)
{
	struct table *table = table_new(columns, NR_COLUMNS);

	for (unsigned int i = 0; table && i < path->nr; i++)
		add_row(table, &path->hops[i], path->hops[0].fn);
	if (table)
		table_print(table, v->cli->out, v->use_color, v->width, true);
	table_free(table);
	fputc('\n', v->cli->out);
	say_gaps(v, path);
	say_members(v, t, path->hops[0].fn);
	say_boundary(v, path);
	say_deviation(v, path);
	view_note_root(t);
}

/* --- JSON --- */

static json_t *json_hop(const struct view *v, const struct acs_hop *hop)
{
	json_t *j = view_json_fn(v, hop->fn);
	char text[256];

	json_object_set_new(j, "acs", view_json_acs(hop->fn));
	json_object_set_new(j, "ari", json_boolean(hop->fn->has_ari));
	json_object_set_new(j, "forwards_ari",
			    json_boolean(hop->fn->forwards_ari));
	json_object_set_new(j, "gap", json_string(gap_name(hop->gap)));
	json_object_set_new(j, "missing", view_json_bits(hop->missing));
	json_object_set_new(j, "text",
			    json_text(acs_gap_text(hop, text, sizeof(text))));
	json_object_set_new(
		j, "in_group",
		json_boolean(hop->in_kernel_group && hop->fn->pci.group >= 0));
	json_object_set_new(j, "in_computed_group",
			    json_boolean(hop->in_computed_group));
	return j;
}

static void print_json(const struct view *v, const struct topo *t,
		       const struct acs_path *path)
{
	json_t *doc = json_document("strait-iommu.why/1");
	json_t *hops = json_array(), *members = json_array();
	const struct topo_fn *f = path->hops[0].fn;

	json_object_set_new(doc, "bdf", json_bdf(f->pci.bdf));
	json_object_set_new(doc, "group", json_number_or_null(f->pci.group));
	for (unsigned int i = 0; f->pci.group >= 0 && i < t->nr; i++)
		if (t->fns[i].pci.group == f->pci.group)
			json_array_append_new(members,
					      json_bdf(t->fns[i].pci.bdf));
	json_object_set_new(doc, "members", members);
	for (unsigned int i = 0; i < path->nr; i++)
		json_array_append_new(hops, json_hop(v, &path->hops[i]));
	json_object_set_new(doc, "hops", hops);
	json_object_set_new(doc, "alias",
			    path->alias ? json_bdf(path->alias->pci.bdf)
					: json_null());
	json_object_set_new(
		doc, "quirk",
		json_boolean(path->is_narrower && !path->is_overridden));
	json_object_set_new(doc, "wider", json_boolean(path->is_wider));
	json_object_set_new(doc, "unknown", json_boolean(path->is_unknown));
	json_object_set_new(
		doc, "acs_override",
		json_text_or_null(path->is_overridden ? path->override : ""));
	json_print(doc, v->cli->out);
}

static int why_view(const struct view *v, struct topo *t, struct err *e)
{
	struct acs_path path = { 0 };
	const struct topo_fn *f;
	char s[BDF_STR_LEN];
	struct bdf bdf;
	int ret;

	ret = view_bdf(v, v->cli->words[0], &bdf, e);
	if (ret)
		return ret == -EINVAL ? CLI_USAGE : CLI_HOST;
	if (topo_read_around(&v->host, bdf, t, e))
		return CLI_HOST;
	f = topo_find(t, bdf);
	if (!f) {
		err_set(e, ENODEV, "%s: it went away while it was looked at",
			bdf_str(bdf, s));
		return CLI_HOST;
	}
	acs_path(&v->host, t, f, &path);
	if (v->cli->json)
		print_json(v, t, &path);
	else
		print_path(v, t, &path);
	return CLI_OK;
}

int why_run(struct cli *cli, struct err *e)
{
	struct topo t = { 0 };
	struct view v;
	int status;

	if (view_open(&v, cli, e))
		return CLI_HOST;
	status = why_view(&v, &t, e);
	topo_free(&t);
	view_close(&v);
	return status;
}

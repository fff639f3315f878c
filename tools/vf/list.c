// SPDX-License-Identifier: GPL-2.0-or-later
/* list: PFs, their VFs, and who uses them. */
/*
 * How this works
 *
 * For people two tables: PFs, and below it all VFs of these; columns that no
 * row fills are left out. For programs one object per PF with its VFs in it;
 * its keys are always there, null where something is not known, so that nobody
 * has to ask whether a key exists. docs/strait-vf.md is that format's contract.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "tools/common/names.h"
#include "tools/common/table.h"
#include "tools/vf/vf.h"

struct listing {
	const struct host *h;
	struct names *names;
	struct pf_state *pfs;
	size_t nr;
	struct err *e;
};

static int add_pf(const struct host_pf *pf, void *arg)
{
	struct listing *l = arg;
	struct err ignored = { 0 };
	struct pf_state *more = reallocarray(l->pfs, l->nr + 1, sizeof(*more));

	if (!more)
		return err_set(l->e, ENOMEM, "out of memory");
	l->pfs = more;
	more = &l->pfs[l->nr];
	/* One that vanishes meanwhile is left out. */
	if (state_read(l->h, pf->bdf, more, &ignored))
		state_free(more);
	else
		l->nr++;
	return 0;
}

/* --- for programs --- */

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *settings_json(const struct vf_want *is)
{
	struct vf_want w = *is;
	json_t *out = json_object();

	w.driver[0] = w.owner[0] = '\0';
	w.has_msix = false;
	if (out && plan_vf_to_json(&w, out)) {
		json_decref(out);
		return NULL;
	}
	return out;
}

static json_t *counters_json(const struct vf_state *v)
{
	const struct vf_counters *c = &v->counters;

	if (!v->has_counters)
		return json_null();
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "rx_packets",
		(json_int_t)c->rx_packets, "rx_bytes", (json_int_t)c->rx_bytes,
		"tx_packets", (json_int_t)c->tx_packets, "tx_bytes",
		(json_int_t)c->tx_bytes, "broadcast", (json_int_t)c->broadcast,
		"multicast", (json_int_t)c->multicast, "rx_dropped",
		(json_int_t)c->rx_dropped, "tx_dropped",
		(json_int_t)c->tx_dropped);
}

static json_t *number_or_null(long long n, bool is_known)
{
	return is_known ? json_integer(n) : json_null();
}

static json_t *holder_json(const struct vf_state *v)
{
	if (!v->holder)
		return json_null();
	return json_pack("{s:i, s:s}", "pid", (int)v->holder, "name",
			 v->holder_name);
}

static json_t *vf_json(const struct vf_state *v)
{
	char s[BDF_STR_LEN];

	return json_pack(
		"{s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
		"bdf", bdf_str(v->vf.dev.bdf, s), "vf", (int)v->vf.index,
		"netdev", text_or_null(v->netdev), "name",
		text_or_null(v->name), "driver", text_or_null(v->vf.dev.driver),
		"iommu_group",
		number_or_null(v->vf.dev.group, v->vf.dev.group >= 0), "msix",
		number_or_null(v->is.msix, v->is.has_msix), "settings",
		settings_json(&v->is), "counters", counters_json(v), "node",
		text_or_null(v->node), "owner", text_or_null(v->is.owner),
		"holder", holder_json(v), "has_undo_record", v->has_record);
}

json_t *vf_pf_json(const struct pf_state *s)
{
	char bdf[BDF_STR_LEN], vendor[8], device[8], vf_device[8] = "";
	json_t *vfs = json_array();

	bdf_str(s->pf.bdf, bdf);
	snprintf(vendor, sizeof(vendor), "%04x", s->dev.vendor);
	snprintf(device, sizeof(device), "%04x", s->dev.device);
	if (s->pf.vf_device)
		snprintf(vf_device, sizeof(vf_device), "%04x", s->pf.vf_device);
	for (size_t i = 0; i < s->nr_vfs; i++)
		if (json_array_append_new(vfs, vf_json(&s->vfs[i]))) {
			json_decref(vfs);
			return NULL;
		}
	return json_pack(
		"{s:s, s:o, s:s, s:s, s:o, s:i, s:i, s:o, s:b, s:o, s:o, s:o}",
		"bdf", bdf, "netdev", text_or_null(s->netdev), "vendor", vendor,
		"device", device, "driver", text_or_null(s->pf.driver),
		"total_vfs", (int)s->pf.total_vfs, "num_vfs", (int)s->pf.nr_vfs,
		"vf_device", text_or_null(vf_device), "drivers_autoprobe",
		s->pf.autoprobe, "eswitch",
		s->has_eswitch ? json_string(devlink_eswitch_name(s->eswitch))
			       : json_null(),
		"msix_pool",
		number_or_null(s->pf.vf_total_msix, s->pf.vf_total_msix > 0),
		"vfs", vfs);
}

static int print_json(struct cli *cli, const struct listing *l, struct err *e)
{
	json_t *pfs = json_array();

	for (size_t i = 0; i < l->nr; i++)
		if (json_array_append_new(pfs, vf_pf_json(&l->pfs[i]))) {
			json_decref(pfs);
			return vf_print_json(cli, NULL, e);
		}
	return vf_print_json(
		cli,
		json_pack("{s:i, s:o}", "version", VF_JSON_VERSION, "pfs", pfs),
		e);
}

/* --- for people --- */

enum { PF_BDF, PF_NETDEV, PF_DRIVER, PF_VFS, PF_VF_ID, PF_ESWITCH, PF_NAME };
static const struct table_column pf_columns[] = {
	[PF_BDF] = { .title = "PF" },
	[PF_NETDEV] = { .title = "NETDEV" },
	[PF_DRIVER] = { .title = "DRIVER" },
	[PF_VFS] = { .title = "VFS", .is_right = true },
	[PF_VF_ID] = { .title = "VF ID", .rank = 3 },
	[PF_ESWITCH] = { .title = "ESWITCH", .rank = 1 },
	[PF_NAME] = { .title = "DEVICE", .is_flexible = true, .rank = 2 },
};

static void pf_row(struct table *t, const struct listing *l,
		   const struct pf_state *s)
{
	char text[256];

	table_row(t);
	table_cell(t, PF_BDF, TABLE_BOLD, "%s", bdf_str(s->pf.bdf, text));
	table_cell(t, PF_NETDEV, TABLE_PLAIN, "%s", s->netdev);
	table_cell(t, PF_DRIVER, TABLE_PLAIN, "%s", s->pf.driver);
	table_cell(t, PF_VFS, s->pf.nr_vfs ? TABLE_GREEN : TABLE_PLAIN, "%u/%u",
		   s->pf.nr_vfs, s->pf.total_vfs);
	if (s->pf.vf_device)
		table_cell(t, PF_VF_ID, TABLE_PLAIN, "%04x:%04x", s->dev.vendor,
			   s->pf.vf_device);
	if (s->has_eswitch)
		table_cell(t, PF_ESWITCH, TABLE_PLAIN, "%s",
			   devlink_eswitch_name(s->eswitch));
	table_cell(t, PF_NAME, TABLE_PLAIN, "%s",
		   names_device(l->names, &s->dev, text, sizeof(text)));
}

enum {
	VF_BDF_,
	VF_NUMBER,
	VF_NETDEV_,
	VF_DRIVER_,
	VF_GROUP_,
	VF_SETTINGS_,
	VF_MSIX_ = VF_SETTINGS_ + 11,
	VF_RX,
	VF_TX,
	VF_USER,
	VF_COLUMNS,
};
/* Of settings the columns are those of the table, from mac on. */
static const char *const setting_columns[] = {
	"mac", "vlan",	  "rate",  "spoofchk", "trust",	     "link",
	"rss", "hw_addr", "state", "roce",     "migratable",
};
static_assert(ARRAY_SIZE(setting_columns) == VF_MSIX_ - VF_SETTINGS_,
	      "a column for each");
static const struct table_column vf_columns[] = {
	{ .title = "VF" },
	{ .title = "N", .is_right = true, .rank = 12 },
	{ .title = "NAME" },
	{ .title = "DRIVER" },
	{ .title = "GROUP", .is_right = true },
	{ .title = "MAC", .rank = 1 },
	{ .title = "VLAN", .rank = 2 },
	{ .title = "RATE", .rank = 5 },
	{ .title = "SPOOFCHK", .rank = 8 },
	{ .title = "TRUST", .rank = 7 },
	{ .title = "LINK", .rank = 6 },
	{ .title = "RSS", .rank = 9 },
	{ .title = "HW_ADDR", .rank = 3 },
	{ .title = "STATE", .rank = 4 },
	{ .title = "ROCE", .rank = 10 },
	{ .title = "MIGRATABLE", .rank = 11 },
	{ .title = "MSIX", .is_right = true, .rank = 13 },
	{ .title = "RX", .is_right = true, .rank = 15 },
	{ .title = "TX", .is_right = true, .rank = 14 },
	{ .title = "USED BY", .is_flexible = true },
};
static_assert(ARRAY_SIZE(vf_columns) == VF_COLUMNS, "a title for each");

/* No VLAN, no limit, no address. */
static bool is_none(const char *text)
{
	return !strcmp(text, "0") || !strcmp(text, "00:00:00:00:00:00");
}

static void settings_cells(struct table *t, const struct vf_want *is)
{
	struct err ignored = { 0 };
	char text[SETTING_TEXT_LEN];

	for (unsigned int i = 0; i < ARRAY_SIZE(setting_columns); i++) {
		const struct setting *s =
			setting_find("list", setting_columns[i], &ignored);

		setting_text(s, is, text);
		table_cell(t, VF_SETTINGS_ + i, TABLE_PLAIN, "%s",
			   is_none(text) ? "" : text);
	}
}

/* 1234567 is 1.2M. */
static void count_cell(struct table *t, unsigned int column, uint64_t n)
{
	static const char units[] = " KMGTPE";
	unsigned int unit = 0;
	uint64_t tenths = n < UINT64_MAX / 10 ? n * 10 : n;

	for (; tenths >= 10000; unit++)
		tenths /= 1000;
	if (unit)
		table_cell(t, column, TABLE_PLAIN, "%u.%u%c",
			   (unsigned int)(tenths / 10),
			   (unsigned int)(tenths % 10), units[unit]);
	else
		table_cell(t, column, TABLE_PLAIN, "%u", (unsigned int)n);
}

static void user_cell(struct table *t, const struct vf_state *v)
{
	if (v->holder)
		table_cell(t, VF_USER, TABLE_YELLOW, "%s (pid %d)",
			   v->holder_name, (int)v->holder);
	else if (v->is.owner[0])
		table_cell(t, VF_USER, TABLE_PLAIN, "for user %s", v->is.owner);
}

static void vf_row(struct table *t, const struct vf_state *v)
{
	char s[BDF_STR_LEN];
	bool is_vfio = host_is_vfio_driver(v->vf.dev.driver);

	table_row(t);
	table_cell(t, VF_BDF_, TABLE_BOLD, "%s", bdf_str(v->vf.dev.bdf, s));
	table_cell(t, VF_NUMBER, TABLE_PLAIN, "%u", v->vf.index);
	table_cell(t, VF_NETDEV_, TABLE_PLAIN, "%s",
		   v->netdev[0] ? v->netdev : v->name);
	table_cell(t, VF_DRIVER_, is_vfio ? TABLE_GREEN : TABLE_PLAIN, "%s",
		   v->vf.dev.driver);
	if (v->vf.dev.group >= 0)
		table_cell(t, VF_GROUP_, TABLE_PLAIN, "%d", v->vf.dev.group);
	settings_cells(t, &v->is);
	if (v->is.has_msix)
		table_cell(t, VF_MSIX_, TABLE_PLAIN, "%u", v->is.msix);
	if (v->has_counters) {
		count_cell(t, VF_RX, v->counters.rx_packets);
		count_cell(t, VF_TX, v->counters.tx_packets);
	}
	user_cell(t, v);
}

static int print_tables(const struct cli *cli, const struct listing *l)
{
	struct table *pfs = table_new(pf_columns, ARRAY_SIZE(pf_columns));
	struct table *vfs = table_new(vf_columns, VF_COLUMNS);
	bool use_color = table_use_color(cli->color, cli->out);
	unsigned int width = table_width(cli->out);
	size_t nr_vfs = 0;

	for (size_t i = 0; i < l->nr && pfs && vfs; i++) {
		pf_row(pfs, l, &l->pfs[i]);
		for (size_t k = 0; k < l->pfs[i].nr_vfs; k++)
			vf_row(vfs, &l->pfs[i].vfs[k]);
		nr_vfs += l->pfs[i].nr_vfs;
	}
	if (pfs && vfs) {
		table_print(pfs, cli->out, use_color, width, true);
		if (nr_vfs) {
			fputc('\n', cli->out);
			table_print(vfs, cli->out, use_color, width, true);
		}
	}
	table_free(pfs);
	table_free(vfs);
	return CLI_OK;
}

static int print(struct cli *cli, struct listing *l, struct err *e)
{
	int status;

	if (cli->json)
		return print_json(cli, l, e);
	if (!l->nr) {
		fputs("no function of this machine has SR-IOV\n", cli->out);
		return CLI_OK;
	}
	l->names = names_new();
	if (!l->names) {
		err_set(e, ENOMEM, "out of memory");
		return CLI_HOST;
	}
	status = print_tables(cli, l);
	names_free(l->names);
	return status;
}

int vf_list(struct cli *cli, struct err *e)
{
	struct vf_tool *tool = cli->own;
	struct listing l = { .h = &tool->host, .e = e };
	struct host_pf pf;
	int ret = 0, status;

	for (unsigned int i = 0; i < cli->nr_words && !ret; i++) {
		ret = host_pf_find(&tool->host, cli->words[i], &pf, e);
		if (!ret)
			ret = add_pf(&pf, &l);
	}
	if (!cli->nr_words)
		ret = host_pf_each(&tool->host, add_pf, &l, e);
	status = ret ? vf_status(ret) : print(cli, &l, e);
	for (size_t i = 0; i < l.nr; i++)
		state_free(&l.pfs[i]);
	free(l.pfs);
	return status;
}

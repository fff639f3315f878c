/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all commands of strait-iommu share: which machine, and how to show it.
 */
#ifndef STRAIT_TOOLS_IOMMU_VIEW_H
#define STRAIT_TOOLS_IOMMU_VIEW_H

#include "iommu/acs.h"
#include "iommu/topo.h"
#include "src/host/host.h"
#include "tools/common/cli.h"
#include "tools/common/json.h"
#include "tools/common/names.h"
#include "tools/common/table.h"
#include "tools/iommu/record.h"

enum graph_format { GRAPH_DOT, GRAPH_SVG };

/* Values of options; cli->own. */
struct view_options {
	const char *from; /* NULL: this machine */
	uint64_t memory;
	enum graph_format format;
};

struct view {
	struct cli *cli;
	const struct view_options *options;
	struct host host;
	struct record record;
	struct names *names;
	bool use_color;
	unsigned int width; /* of the terminal, 0: none */
};

/* view_close accepts a zeroed one. */
int view_open(struct view *v, struct cli *cli, struct err *e);
void view_close(struct view *v);

/* All functions. An error that is a machine's without PCI. */
int view_topo(const struct view *v, struct topo *t, struct err *e);

/*
 * Reads a word as the address of a function. -EINVAL if it is none, -ENODEV if
 * the machine has none there: with the nearest that it has as a hint.
 */
int view_bdf(const struct view *v, const char *word, struct bdf *out,
	     struct err *e);

/* --- words for what several commands show --- */

enum { VIEW_TEXT_LEN = 160 };

/* "Intel Corporation 82576 Virtual Function"; buf of VIEW_TEXT_LEN. */
const char *view_name(const struct view *v, const struct host_pci *p,
		      char *buf);
/* The IOMMU that translates for it, as /sys/class/iommu calls it: "dmar0",
 * "ivhd0"; "" if none is known. */
void view_iommu(const struct view *v, struct bdf bdf, char *buf, size_t len);
/* Its kind: "VT-d", "AMD-Vi", "SMMU", "virtio-iommu"; "" if unknown. */
const char *view_iommu_kind(const char *unit);
/* How a group's DMA is translated: "DMA", "DMA-FQ", "identity", "blocked"; ""
 * if unknown. */
void view_domain(const struct view *v, int group, char *buf, size_t len);
/* As topo_type_name, but short enough for a column. */
const char *view_type(const struct topo_fn *f);
/* "00:1c.0/01:00.0": the way from the root. */
const char *view_path(const struct topo_fn *f, char *buf, size_t len);
/* "5 GT/s x4 of 16 GT/s x8", "" without a link. */
const char *view_link(const struct topo_link *l, char *buf, size_t len);
/* "SV RR CR UF", "no ACS", "off: RR CR", "?", "" where it does not matter; a
 * colour that judges it. */
const char *view_acs(const struct topo_fn *f, enum table_color *color,
		     char *buf, size_t len);

/* Of one function: bdf, name, class, driver, group, ... */
json_t *view_json_fn(const struct view *v, const struct topo_fn *f);
json_t *view_json_acs(const struct topo_fn *f);
/* ["SV", "RR"] of PCI_ACS_* bits. */
json_t *view_json_bits(uint16_t bits);
json_t *view_json_link(const struct topo_link *l);

/* Says on standard error if config space was not readable, or nothing was. */
void view_note_root(const struct topo *t);

/* --- the commands --- */

int list_run(struct cli *cli, struct err *e);
int check_run(struct cli *cli, struct err *e);
int tree_run(struct cli *cli, struct err *e);
int graph_run(struct cli *cli, struct err *e);
int why_run(struct cli *cli, struct err *e);
int record_run(struct cli *cli, struct err *e);

#endif

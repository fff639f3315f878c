/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of strait-vf, and what they share. */
#ifndef STRAIT_TOOLS_VF_VF_H
#define STRAIT_TOOLS_VF_VF_H

#include "tools/common/cli.h"
#include "tools/vf/work.h"

/* In struct cli's own. */
struct vf_tool {
	struct host host;
	struct work_opts work;
	bool has_probe;
	const char *owner; /* NULL: not given */
};

enum {
	VF_JSON_VERSION = 1, /* of what --json prints */
	VF_WAIT_MS = 10000,  /* for a lock */
};

/* Options that commands choose from, by these bits. */
enum {
	VF_OPT_FORCE = 1 << 0,
	VF_OPT_WAIT = 1 << 1,
	VF_OPT_PROBE = 1 << 2,
	VF_OPT_OWNER = 1 << 3,
	VF_OPT_FIND = 1 << 4,
};

/* Exit status for what the host said. */
int vf_status(int ret);
/* Runs a plan, frees it, and says what was changed. Returns an exit status. */
int vf_run(struct cli *cli, struct plan *plan, struct err *e);
/* Says what was changed. Returns an exit status. */
int vf_report(struct cli *cli, const struct changes *c, struct err *e);
/* Prints JSON and frees it (NULL: out of memory). Returns an exit status. */
int vf_print_json(struct cli *cli, json_t *json, struct err *e);
/* {"version": 1, "changes": [...]}; NULL: out of memory. */
json_t *vf_changes_json(const struct changes *c);
/* Adds an entry for a VF to a plan. NULL with e set. */
struct vf_want *vf_plan_vf(const struct host *h, struct plan *plan,
			   const char *word, struct err *e);

/* list.c */
int vf_list(struct cli *cli, struct err *e);
json_t *vf_pf_json(const struct pf_state *s);
/* count.c */
int vf_create(struct cli *cli, struct err *e);
int vf_destroy(struct cli *cli, struct err *e);
int vf_resize(struct cli *cli, struct err *e);
/* set.c */
int vf_set(struct cli *cli, struct err *e);
/* bind.c */
int vf_bind(struct cli *cli, struct err *e);
int vf_release(struct cli *cli, struct err *e);
int vf_owner_of(struct cli *cli, struct err *e);
/* apply.c */
int vf_apply(struct cli *cli, struct err *e);
int vf_plan(struct cli *cli, struct err *e);
int vf_save(struct cli *cli, struct err *e);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/* apply, plan and save: plan files. */
#include <errno.h>
#include <string.h>

#include "tools/common/table.h"
#include "tools/vf/vf.h"

static int load(const struct cli *cli, struct plan *plan, struct err *e)
{
	int ret = 0;

	for (unsigned int i = 0; i < cli->nr_words && !ret; i++)
		ret = plan_load(cli->words[i], plan, e);
	if (ret)
		plan_free(plan);
	return ret;
}

int vf_apply(struct cli *cli, struct err *e)
{
	struct plan plan = { 0 };

	return load(cli, &plan, e) ? CLI_USAGE : vf_run(cli, &plan, e);
}

int vf_plan(struct cli *cli, struct err *e)
{
	struct vf_tool *tool = cli->own;
	struct changes changes = { 0 };
	struct plan plan = { 0 };
	int ret, status;

	if (load(cli, &plan, e))
		return CLI_USAGE;
	tool->work.is_dry = true;
	ret = work_run(&tool->host, &plan, &tool->work, &changes, e);
	status = ret ? vf_status(ret) : vf_report(cli, &changes, e);
	if (status == CLI_OK && changes.nr)
		status = CLI_NO;
	changes_free(&changes);
	plan_free(&plan);
	return status;
}

/* --- save --- */

struct saving {
	const struct host *h;
	struct plan plan;
	bool is_all; /* PFs without VFs are left out */
	struct err *e;
};

static void save_vf(const struct pf_state *s, const struct vf_state *v,
		    struct vf_want *out)
{
	static const uint8_t zero[6];

	*out = v->is;
	/* None was given. */
	if (!memcmp(out->conf.mac, zero, sizeof(zero)))
		out->conf.keys &= ~(unsigned int)VF_MAC;
	if (!memcmp(out->fn.hw_addr, zero, sizeof(zero)))
		out->fn.keys &= ~(unsigned int)DEVLINK_FN_HW_ADDR;
	if (!s->pf.vf_total_msix)
		out->has_msix = false;
	/* Not every driver tells; one that does not may not take it either. */
	if (s->eswitch != DEVLINK_SWITCHDEV)
		out->fn.keys = 0;
}

static int save_state(struct saving *saving, const struct pf_state *s)
{
	char name[BDF_STR_LEN];
	struct pf_want *pf =
		plan_add_pf(&saving->plan, bdf_str(s->pf.bdf, name), saving->e);

	if (!pf)
		return -ENOMEM;
	pf->has_count = pf->has_probe = true;
	pf->count = s->pf.nr_vfs;
	pf->probe = s->pf.autoprobe;
	pf->has_eswitch = s->has_eswitch;
	pf->eswitch = s->eswitch;
	for (size_t i = 0; i < s->nr_vfs; i++) {
		struct vf_want *w = plan_vf(pf, s->vfs[i].vf.index, saving->e);

		if (!w)
			return -ENOMEM;
		save_vf(s, &s->vfs[i], w);
	}
	return 0;
}

static int save_pf(const struct host_pf *pf, void *arg)
{
	struct saving *saving = arg;
	struct pf_state s;
	int ret;

	if (saving->is_all && !pf->nr_vfs)
		return 0;
	ret = state_read(saving->h, pf->bdf, &s, saving->e);
	if (!ret)
		ret = save_state(saving, &s);
	state_free(&s);
	return ret;
}

int vf_save(struct cli *cli, struct err *e)
{
	struct vf_tool *tool = cli->own;
	struct saving saving = { .h = &tool->host,
				 .is_all = !cli->nr_words,
				 .e = e };
	struct host_pf pf;
	int ret = 0, status;

	for (unsigned int i = 0; i < cli->nr_words && !ret; i++) {
		ret = host_pf_find(&tool->host, cli->words[i], &pf, e);
		if (!ret)
			ret = save_pf(&pf, &saving);
	}
	if (saving.is_all)
		ret = host_pf_each(&tool->host, save_pf, &saving, e);
	status = ret ? vf_status(ret)
		     : vf_print_json(cli, plan_to_json(&saving.plan), e);
	plan_free(&saving.plan);
	return status;
}

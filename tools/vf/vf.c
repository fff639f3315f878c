// SPDX-License-Identifier: GPL-2.0-or-later
/* What the commands of strait-vf share. */
#include <errno.h>
#include <stdlib.h>

#include "src/base/bits.h"
#include "tools/common/table.h"
#include "tools/vf/vf.h"

int vf_status(int ret)
{
	if (!ret)
		return CLI_OK;
	return ret == -EBUSY ? CLI_NO : CLI_HOST;
}

int vf_print_json(struct cli *cli, json_t *json, struct err *e)
{
	int failed = !json || json_dumpf(json, cli->out, JSON_INDENT(2));

	json_decref(json);
	if (failed && !json) {
		err_set(e, ENOMEM, "out of memory");
		return CLI_HOST;
	}
	/* Of a write that failed the front door tells. */
	fputc('\n', cli->out);
	return CLI_OK;
}

json_t *vf_changes_json(const struct changes *c)
{
	return json_pack("{s:i, s:o}", "version", VF_JSON_VERSION, "changes",
			 changes_to_json(c));
}

int vf_report(struct cli *cli, const struct changes *c, struct err *e)
{
	if (cli->json)
		return vf_print_json(cli, vf_changes_json(c), e);
	changes_print(c, cli->out, table_use_color(cli->color, cli->out));
	if (!c->nr)
		fputs("nothing to change\n", cli->out);
	return CLI_OK;
}

int vf_run(struct cli *cli, struct plan *plan, struct err *e)
{
	struct vf_tool *tool = cli->own;
	struct changes done = { 0 };
	int ret = work_run(&tool->host, plan, &tool->work, &done, e);
	int status = ret ? vf_status(ret) : vf_report(cli, &done, e);

	changes_free(&done);
	plan_free(plan);
	return status;
}

static int no_vf(const char *word, struct err *e)
{
	char quoted[SETTING_TEXT_LEN];

	err_set(e, EINVAL, "%s: it is no PCI address of a VF",
		setting_quote(word, quoted));
	err_hint(e, "write it as 0000:01:10.0; `strait-vf list` lists VFs");
	return -EINVAL;
}

struct vf_want *vf_plan_vf(const struct host *h, struct plan *plan,
			   const char *word, struct err *e)
{
	char pf_name[BDF_STR_LEN];
	struct pf_want *pf;
	struct host_vf vf;
	struct bdf bdf;
	int ret = bdf_parse(word, &bdf) ? no_vf(word, e)
					: host_vf_get(h, bdf, &vf, e);

	if (ret)
		return NULL;
	pf = plan_pf(plan, bdf_str(vf.dev.pf, pf_name), e);
	return pf ? plan_vf(pf, vf.index, e) : NULL;
}

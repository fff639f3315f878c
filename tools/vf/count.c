// SPDX-License-Identifier: GPL-2.0-or-later
/* create, destroy and resize: how many VFs a PF has. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "tools/vf/vf.h"

static int parse_count(const char *word, unsigned int *out, struct err *e)
{
	char quoted[SETTING_TEXT_LEN], *end;
	unsigned long n;

	errno = 0;
	n = strtoul(word, &end, 10);
	if (isdigit((unsigned char)*word) && !*end && !errno &&
	    n <= PLAN_VF_COUNT_MAX) {
		*out = (unsigned int)n;
		return 0;
	}
	err_set(e, EINVAL, "\"%s\" is no number of VFs",
		setting_quote(word, quoted));
	err_hint(e, "write a number from 0 to %d", PLAN_VF_COUNT_MAX);
	return -EINVAL;
}

static int run(struct cli *cli, const char *name, unsigned int count,
	       bool is_create, struct err *e)
{
	struct vf_tool *tool = cli->own;
	struct plan plan = { 0 };
	struct pf_want *pf = plan_add_pf(&plan, name, e);

	if (!pf)
		return CLI_HOST;
	pf->has_count = true;
	pf->is_create = is_create;
	pf->count = count;
	if (tool->has_probe)
		pf->has_probe = pf->probe = true;
	return vf_run(cli, &plan, e);
}

int vf_create(struct cli *cli, struct err *e)
{
	unsigned int count;

	if (parse_count(cli->words[1], &count, e))
		return CLI_USAGE;
	return run(cli, cli->words[0], count, true, e);
}

int vf_resize(struct cli *cli, struct err *e)
{
	unsigned int count;

	if (parse_count(cli->words[1], &count, e))
		return CLI_USAGE;
	return run(cli, cli->words[0], count, false, e);
}

int vf_destroy(struct cli *cli, struct err *e)
{
	return run(cli, cli->words[0], 0, false, e);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* bind and release: VFs to vfio-pci, and back to how they were. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/vf/vf.h"

static int add(const struct vf_tool *tool, struct plan *plan, const char *word,
	       const char *driver, struct err *e)
{
	const struct setting *s = setting_find("bind", "driver", e);
	struct vf_want *w = vf_plan_vf(&tool->host, plan, word, e);
	int ret;

	if (!w)
		return -ENODEV;
	ret = setting_parse(s, "driver", w, driver, e);
	if (ret || !tool->owner)
		return ret;
	return setting_parse(setting_find("bind", "owner", e), "--owner", w,
			     tool->owner, e);
}

static int run(struct cli *cli, unsigned int nr, const char *driver,
	       struct err *e)
{
	struct vf_tool *tool = cli->own;
	struct plan plan = { 0 };
	int ret = 0;

	for (unsigned int i = 0; i < nr && !ret; i++)
		ret = add(tool, &plan, cli->words[i], driver, e);
	if (!ret)
		return vf_run(cli, &plan, e);
	plan_free(&plan);
	return e->code == EINVAL ? CLI_USAGE : CLI_HOST;
}

int vf_bind(struct cli *cli, struct err *e)
{
	const char *driver = cli->words[cli->nr_words - 1];
	unsigned int nr = cli->nr_words - 1;
	struct bdf bdf;

	/* What has a colon is meant for an address. */
	if (!nr || !bdf_parse(driver, &bdf) || strchr(driver, ':')) {
		driver = "vfio-pci";
		nr++;
	}
	return run(cli, nr, driver, e);
}

int vf_release(struct cli *cli, struct err *e)
{
	return run(cli, cli->nr_words, VF_DRIVER_HOST, e);
}

/* --- for the udev rule --- */

struct search {
	const struct host *h;
	char owner[VF_OWNER_LEN];
};

static int look(const char *name, void *arg)
{
	struct search *s = arg;
	struct err ignored = { 0 };
	struct vf_record r;
	struct bdf vf;

	if (bdf_parse(name, &vf) || record_load(s->h, vf, &r, &ignored) ||
	    !r.was.owner[0])
		return 0;
	memcpy(s->owner, r.was.owner, sizeof(s->owner));
	return 1;
}

int vf_owner_of(struct cli *cli, struct err *e)
{
	struct vf_tool *tool = cli->own;
	struct search s = { .h = &tool->host };
	const char *node = cli->words[0];
	char link[HOST_NAME_LEN];

	(void)e;
	if (strspn(node, "0123456789") == strlen(node))
		host_each_name(&tool->host, look, &s,
			       "sys/kernel/iommu_groups/%s/devices", node);
	else if (!strncmp(node, "vfio", 4) && !strchr(node, '/') &&
		 !host_link_name(&tool->host, link, sizeof(link),
				 "sys/class/vfio-dev/%s/device", node))
		look(link, &s);
	if (!s.owner[0])
		return CLI_NO;
	fprintf(cli->out, "%s\n", s.owner);
	return CLI_OK;
}

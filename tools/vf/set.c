// SPDX-License-Identifier: GPL-2.0-or-later
/* set: settings of a VF, and the mode of a PF's switch. */
#include <errno.h>
#include <string.h>

#include "src/base/bits.h"
#include "tools/common/table.h"
#include "tools/vf/vf.h"

enum { KEY_LEN = 32 };

static const char *const modes[] = { "legacy", "switchdev" };

/* Cuts "key=value"; NULL if it is none. */
static const char *split(const char *word, char *key, struct err *e)
{
	const char *value = strchr(word, '=');
	char quoted[SETTING_TEXT_LEN];

	if (value && value > word && value[1] && value - word < KEY_LEN) {
		memcpy(key, word, (size_t)(value - word));
		key[value - word] = '\0';
		return value + 1;
	}
	err_set(e, EINVAL, "\"%s\" is no key=value",
		setting_quote(word, quoted));
	err_hint(e, "for example mac=52:54:00:12:34:56 or trust=on");
	return NULL;
}

/* --- a VF --- */

static int parse_one(struct vf_want *w, const char *function, const char *word,
		     struct err *e)
{
	const struct setting *s;
	char key[KEY_LEN];
	const char *value = split(word, key, e);
	int ret;

	if (!value)
		return -EINVAL;
	if (!strcmp(key, "eswitch")) {
		err_set(e, EINVAL,
			"%s: eswitch is a setting of PFs, and this is a VF",
			function);
		err_hint(e, "`strait-vf list` tells its PF");
		return -EINVAL;
	}
	s = setting_find(function, key, e);
	if (!s)
		return -EINVAL;
	if (setting_is_in(s, w)) {
		ret = err_set(e, EINVAL, "%s: %s is given twice", function,
			      key);
		err_hint(e, "leave one of them out");
		return ret;
	}
	return setting_parse(s, key, w, value, e);
}

static int set_vf(struct cli *cli, struct err *e)
{
	struct vf_tool *tool = cli->own;
	struct plan plan = { 0 };
	struct vf_want *w;
	int ret = 0;

	w = vf_plan_vf(&tool->host, &plan, cli->words[0], e);
	if (!w) {
		plan_free(&plan);
		return CLI_HOST;
	}
	for (unsigned int i = 1; i < cli->nr_words && !ret; i++)
		ret = parse_one(w, cli->words[0], cli->words[i], e);
	if (!ret)
		return vf_run(cli, &plan, e);
	plan_free(&plan);
	return CLI_USAGE;
}

/* --- a PF --- */

static int vf_key_for_pf(const struct vf_tool *tool, const char *name,
			 const char *key, struct err *e)
{
	struct host_pf pf;
	struct host_vf vf;
	struct err ignored = { 0 };
	struct bdf near;
	char s[BDF_STR_LEN];

	if (!setting_find(name, key, &ignored)) {
		err_set(e, EINVAL, "%s: a PF has no setting \"%s\"", name, key);
		err_hint(e, "the setting of a PF is eswitch=legacy|switchdev");
		return -EINVAL;
	}
	err_set(e, EINVAL, "%s: %s is a setting of VFs, and this is a PF", name,
		key);
	if (!host_pf_find(&tool->host, name, &pf, &ignored) && pf.nr_vfs &&
	    host_pci_nearest(&tool->host, pf.bdf, HOST_VF, &near) &&
	    !host_vf_get(&tool->host, near, &vf, &ignored))
		err_hint(e, "name one of its VFs, for example %s",
			 bdf_str(near, s));
	err_hint(e, "make VFs first: strait-vf create %s COUNT", name);
	return -EINVAL;
}

static int parse_mode(const struct vf_tool *tool, const char *name,
		      const char *word, enum devlink_eswitch *out,
		      struct err *e)
{
	char key[KEY_LEN];
	const char *value = split(word, key, e);
	int i;

	if (!value)
		return -EINVAL;
	if (strcmp(key, "eswitch") != 0)
		return vf_key_for_pf(tool, name, key, e);
	i = option_word("eswitch", value, modes, ARRAY_SIZE(modes), e);
	*out = i == 1 ? DEVLINK_SWITCHDEV : DEVLINK_LEGACY;
	return i < 0 ? i : 0;
}

/* "netdevsim/netdevsim1": a device that is no PCI function. */
static bool is_handle(const char *name, char *bus, const char **dev)
{
	struct err ignored = { 0 };
	enum devlink_eswitch mode;
	const char *slash = strchr(name, '/');

	if (!slash || slash - name >= KEY_LEN)
		return false;
	memcpy(bus, name, (size_t)(slash - name));
	bus[slash - name] = '\0';
	/* Those are PFs, under whatever spelling. */
	if (!strcmp(bus, "pci"))
		return false;
	*dev = slash + 1;
	return devlink_eswitch_get(bus, *dev, &mode, &ignored) != -ENODEV;
}

static int set_handle(struct cli *cli, const char *bus, const char *dev,
		      enum devlink_eswitch want, struct err *e)
{
	struct change change = { .name = "eswitch" };
	struct changes done = { .list = &change };
	enum devlink_eswitch now;
	int ret = devlink_eswitch_get(bus, dev, &now, e);

	if (!ret && now != want) {
		ret = devlink_eswitch_set(bus, dev, want, e);
		done.nr = 1;
	}
	if (ret)
		return vf_status(ret);
	snprintf(change.function, sizeof(change.function), "%s", cli->words[0]);
	snprintf(change.from, sizeof(change.from), "%s", modes[now]);
	snprintf(change.to, sizeof(change.to), "%s", modes[want]);
	return vf_report(cli, &done, e);
}

static int set_pf(struct cli *cli, struct err *e)
{
	struct vf_tool *tool = cli->own;
	const char *name = cli->words[0], *dev;
	struct err ignored = { 0 };
	enum devlink_eswitch mode = DEVLINK_LEGACY;
	struct plan plan = { 0 };
	struct pf_want *pf;
	struct host_pf found;
	char bus[KEY_LEN];

	if (cli->nr_words > 2) {
		err_set(e, EINVAL, "%s: a PF has one setting, eswitch", name);
		return CLI_USAGE;
	}
	if (host_pf_find(&tool->host, name, &found, &ignored) == -ENODEV &&
	    is_handle(name, bus, &dev))
		return parse_mode(tool, name, cli->words[1], &mode, e)
			       ? CLI_USAGE
			       : set_handle(cli, bus, dev, mode, e);
	if (host_pf_find(&tool->host, name, &found, e))
		return CLI_HOST;
	if (parse_mode(tool, name, cli->words[1], &mode, e))
		return CLI_USAGE;
	pf = plan_add_pf(&plan, name, e);
	if (!pf)
		return CLI_HOST;
	pf->has_eswitch = true;
	pf->eswitch = mode;
	return vf_run(cli, &plan, e);
}

static bool is_vf(const struct host *h, const char *word)
{
	struct err ignored = { 0 };
	struct host_vf vf;
	struct host_pf pf;
	struct bdf bdf;

	if (bdf_parse(word, &bdf))
		return false;
	/* What is neither is called a VF: most addresses are. */
	return !host_vf_get(h, bdf, &vf, &ignored) ||
	       host_pf_get(h, bdf, &pf, &ignored) == -ENODEV;
}

/* What devlink calls a PCI function is that function here, with its PF's lock
 * and checks. */
static void strip_pci(struct cli *cli)
{
	struct bdf bdf;
	char *name = cli->words[0];

	if (!strncmp(name, "pci/", 4) && !bdf_parse(name + 4, &bdf))
		cli->words[0] = name + 4;
}

int vf_set(struct cli *cli, struct err *e)
{
	struct vf_tool *tool = cli->own;

	strip_pci(cli);
	return is_vf(&tool->host, cli->words[0]) ? set_vf(cli, e)
						 : set_pf(cli, e);
}

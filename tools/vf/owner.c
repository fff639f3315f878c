// SPDX-License-Identifier: GPL-2.0-or-later
/* Gives a VF's VFIO files to a user. */
/*
 * How this works
 *
 * The kernel makes /dev/vfio/GROUP (and /dev/vfio/devices/vfioN) when a VFIO
 * driver takes a function, for root alone, and removes them with it. So the
 * owner is set after binding, and needs no undoing. The name is also noted in
 * the VF's record, from which the udev rule takes it when udev looks at the
 * file once more.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/log.h"
#include "tools/vf/work.h"

enum { BUF_LEN = 4096 };

static int find_user(const char *who, const char *owner, struct passwd *pw,
		     char *buf, struct err *e)
{
	struct passwd *found = NULL;
	char *end;
	unsigned long uid;
	int code = getpwnam_r(owner, pw, buf, BUF_LEN, &found);

	if (found)
		return 0;
	uid = strtoul(owner, &end, 10);
	if (*owner && !*end && uid < UINT32_MAX)
		code = getpwuid_r((uid_t)uid, pw, buf, BUF_LEN, &found);
	if (found)
		return 0;
	(void)code;
	err_set(e, ENOENT, "%s: owner: there is no user %s on this machine",
		who, owner);
	err_hint(e, "`getent passwd` lists the users");
	return -ENOENT;
}

int owner_check(const char *who, const char *owner, struct err *e)
{
	char buf[BUF_LEN];
	struct passwd pw;

	return find_user(who, owner, &pw, buf, e);
}

static int give(const struct host *h, const char *who, const char *node,
		const struct passwd *pw, struct err *e)
{
	char op[80];
	int ret;

	if (!*node)
		return 0;
	/* +1: relative to the root */
	if (!fchownat(h->root_fd, node + 1, pw->pw_uid, pw->pw_gid, 0)) {
		log_info(who, "%s belongs to %s", node, pw->pw_name);
		return 0;
	}
	snprintf(op, sizeof(op), "give %s to %s", node, pw->pw_name);
	ret = err_sys(e, who, op);
	if (ret == -EPERM)
		err_hint(e, "run as root");
	return ret;
}

static int note(const struct host *h, struct bdf vf, const char *owner,
		struct err *e)
{
	struct err ignored = { 0 };
	struct vf_record r;

	if (record_load(h, vf, &r, &ignored) || !strcmp(r.was.owner, owner))
		return 0;
	snprintf(r.was.owner, sizeof(r.was.owner), "%s", owner);
	return record_save(h, &r, e);
}

int owner_set(const struct host *h, struct bdf vf, const char *owner,
	      struct err *e)
{
	struct vfio_nodes nodes;
	char who[BDF_STR_LEN], buf[BUF_LEN];
	struct passwd pw;
	int ret;

	bdf_str(vf, who);
	state_nodes(h, vf, &nodes);
	if (!nodes.group[0] && !nodes.cdev[0]) {
		ret = err_set(
			e, ENODEV,
			"%s: owner: it has no file in /dev/vfio to give to anyone",
			who);
		err_hint(e, "bind it to vfio-pci first");
		return ret;
	}
	ret = find_user(who, owner, &pw, buf, e);
	if (!ret)
		ret = give(h, who, nodes.group, &pw, e);
	if (!ret)
		ret = give(h, who, nodes.cdev, &pw, e);
	return ret ? ret : note(h, vf, owner, e);
}

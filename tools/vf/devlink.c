// SPDX-License-Identifier: GPL-2.0-or-later
/* devlink, a family of generic netlink: requests, and the eswitch mode. */
#include <errno.h>
#include <linux/devlink.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>

#include "tools/vf/devlink.h"
#include "tools/vf/devlink_priv.h"

void devlink_session_close(struct devlink_session *s)
{
	nl_talk_close(&s->t);
}

int devlink_session_open(struct devlink_session *s, const char *bus,
			 const char *dev, struct err *e)
{
	int ret;

	*s = (struct devlink_session){ .bus = bus, .dev = dev };
	if (strcmp(bus, "pci"))
		snprintf(s->who, sizeof(s->who), "%s/%s", bus, dev);
	else
		snprintf(s->who, sizeof(s->who), "%s", dev);
	ret = nl_talk_open(&s->t, NETLINK_GENERIC, e);
	if (ret)
		return ret;
	s->family = genl_ctrl_resolve(s->t.sk, DEVLINK_GENL_NAME);
	if (s->family >= 0)
		return 0;
	ret = err_set(e, ENODEV, "%s: this kernel has no devlink", s->who);
	devlink_session_close(s);
	return ret;
}

struct nl_msg *devlink_request(const struct devlink_session *s, uint8_t cmd,
			       int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && (!genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, s->family, 0,
				 flags, cmd, DEVLINK_GENL_VERSION) ||
		    nla_put_string(msg, DEVLINK_ATTR_BUS_NAME, s->bus) ||
		    nla_put_string(msg, DEVLINK_ATTR_DEV_NAME, s->dev))) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int no_devlink(const struct devlink_session *s, struct err *e)
{
	int ret = err_set(
		e, ENODEV,
		"%s: it has no devlink: its driver offers none, or there is no such device",
		s->who);

	err_hint(e, "`devlink dev` lists the devices that have");
	return ret;
}

int devlink_explain(const struct devlink_session *s, int ret, const char *what,
		    struct err *e)
{
	if (ret == -ENODEV)
		return no_devlink(s, e);
	return nl_talk_err(&s->t, ret, s->who, what, e);
}

/* --- eswitch --- */

const char *devlink_eswitch_name(enum devlink_eswitch mode)
{
	return mode == DEVLINK_SWITCHDEV ? "switchdev" : "legacy";
}

static int take_mode(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[DEVLINK_ATTR_MAX + 1];
	static const struct nla_policy policy[DEVLINK_ATTR_MAX + 1] = {
		[DEVLINK_ATTR_ESWITCH_MODE] = { .type = NLA_U16 },
	};
	int *mode = arg;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, tb, DEVLINK_ATTR_MAX, policy))
		return -EBADMSG;
	if (tb[DEVLINK_ATTR_ESWITCH_MODE])
		*mode = nla_get_u16(tb[DEVLINK_ATTR_ESWITCH_MODE]);
	return 0;
}

static int no_eswitch(const struct devlink_session *s, struct err *e)
{
	return err_set(e, EOPNOTSUPP,
		       "%s: its driver does not support eswitch modes", s->who);
}

static int read_mode(struct devlink_session *s, enum devlink_eswitch *out,
		     struct err *e)
{
	int mode = -1;
	int ret = nl_talk_ask(&s->t,
			      devlink_request(s, DEVLINK_CMD_ESWITCH_GET, 0),
			      take_mode, &mode);

	if (ret == -EOPNOTSUPP || (!ret && mode < 0))
		return no_eswitch(s, e);
	if (ret)
		return devlink_explain(s, ret, "read its eswitch mode", e);
	/* Later kernels have more modes (switchdev_inactive). */
	if (mode != DEVLINK_ESWITCH_MODE_LEGACY &&
	    mode != DEVLINK_ESWITCH_MODE_SWITCHDEV)
		return err_set(
			e, EOPNOTSUPP,
			"%s: its eswitch is in mode %d, which is neither legacy nor switchdev",
			s->who, mode);
	*out = mode == DEVLINK_ESWITCH_MODE_SWITCHDEV ? DEVLINK_SWITCHDEV
						      : DEVLINK_LEGACY;
	return 0;
}

int devlink_eswitch_get(const char *bus, const char *dev,
			enum devlink_eswitch *out, struct err *e)
{
	struct devlink_session s;
	int ret = devlink_session_open(&s, bus, dev, e);

	if (ret)
		return ret;
	ret = read_mode(&s, out, e);
	devlink_session_close(&s);
	return ret;
}

static int write_mode(struct devlink_session *s, enum devlink_eswitch mode,
		      struct err *e)
{
	struct nl_msg *msg = devlink_request(s, DEVLINK_CMD_ESWITCH_SET, 0);
	char what[64];
	int ret;

	if (msg && nla_put_u16(msg, DEVLINK_ATTR_ESWITCH_MODE,
			       mode == DEVLINK_SWITCHDEV
				       ? DEVLINK_ESWITCH_MODE_SWITCHDEV
				       : DEVLINK_ESWITCH_MODE_LEGACY)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	ret = nl_talk_ask(&s->t, msg, NULL, NULL);
	if (ret == -EOPNOTSUPP && !s->t.words[0])
		return no_eswitch(s, e);
	if (!ret)
		return 0;
	snprintf(what, sizeof(what), "set eswitch=%s",
		 devlink_eswitch_name(mode));
	ret = devlink_explain(s, ret, what, e);
	if (ret == -EBUSY || ret == -EINVAL || ret == -EOPNOTSUPP)
		err_hint(
			e,
			"many drivers change it only without VFs: remove them first; the kernel log may say more");
	return ret;
}

int devlink_eswitch_set(const char *bus, const char *dev,
			enum devlink_eswitch mode, struct err *e)
{
	enum devlink_eswitch now = mode;
	struct devlink_session s;
	int ret = devlink_session_open(&s, bus, dev, e);

	if (ret)
		return ret;
	ret = write_mode(&s, mode, e);
	if (!ret)
		ret = read_mode(&s, &now, e);
	if (!ret && now != mode)
		ret = err_set(
			e, EIO,
			"%s: eswitch=%s was set without an error, but reads %s",
			s.who, devlink_eswitch_name(mode),
			devlink_eswitch_name(now));
	devlink_session_close(&s);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Ports of a devlink device, and the functions behind them. */
/*
 * How this works
 *
 * A function's attributes are a nest in its port, the other end of which is the
 * representor in the eswitch: they exist in switchdev mode. Each is set by a
 * request of its own, because the kernel does not say which one it refused.
 *
 * A dump of ports could be asked for one device alone, but kernels before 6.6
 * give those of all, so what is of others is passed over here.
 */
#include <errno.h>
#include <linux/devlink.h>
#include <linux/netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/vf/devlink.h"
#include "tools/vf/devlink_priv.h"

/* Of Linux 6.2; Debian 12 has headers that are older. */
enum {
	PORT_FN_ATTR_CAPS = 4, /* struct nla_bitfield32 */
	PORT_FN_ATTR_MAX = PORT_FN_ATTR_CAPS,
	PORT_FN_CAP_ROCE = 1 << 0,
	PORT_FN_CAP_MIGRATABLE = 1 << 1,
};

const char *devlink_fn_key_name(enum devlink_fn_key key)
{
	switch (key) {
	case DEVLINK_FN_HW_ADDR:
		return "hw_addr";
	case DEVLINK_FN_STATE:
		return "state";
	case DEVLINK_FN_ROCE:
		return "roce";
	case DEVLINK_FN_MIGRATABLE:
		return "migratable";
	default:
		return "?";
	}
}

static void read_cap(const struct nla_bitfield32 *caps, uint32_t bit,
		     enum devlink_fn_key key, bool *out, struct devlink_fn *fn)
{
	if (!(caps->selector & bit))
		return;
	*out = caps->value & bit;
	fn->keys |= key;
}

static void read_fn(struct nlattr *nest, struct devlink_fn *fn)
{
	static const struct nla_policy policy[PORT_FN_ATTR_MAX + 1] = {
		[DEVLINK_PORT_FN_ATTR_STATE] = { .type = NLA_U8 },
		[PORT_FN_ATTR_CAPS] = { .minlen =
						sizeof(struct nla_bitfield32) },
	};
	struct nlattr *tb[PORT_FN_ATTR_MAX + 1], *addr;
	struct nla_bitfield32 caps;

	if (nla_parse_nested(tb, PORT_FN_ATTR_MAX, nest, policy))
		return;
	addr = tb[DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR];
	/* Infiniband has 20 bytes. */
	if (addr && nla_len(addr) == sizeof(fn->hw_addr)) {
		memcpy(fn->hw_addr, nla_data(addr), sizeof(fn->hw_addr));
		fn->keys |= DEVLINK_FN_HW_ADDR;
	}
	if (tb[DEVLINK_PORT_FN_ATTR_STATE]) {
		fn->active = nla_get_u8(tb[DEVLINK_PORT_FN_ATTR_STATE]) ==
			     DEVLINK_PORT_FN_STATE_ACTIVE;
		fn->keys |= DEVLINK_FN_STATE;
	}
	if (tb[PORT_FN_ATTR_CAPS]) {
		memcpy(&caps, nla_data(tb[PORT_FN_ATTR_CAPS]), sizeof(caps));
		read_cap(&caps, PORT_FN_CAP_ROCE, DEVLINK_FN_ROCE, &fn->roce,
			 fn);
		read_cap(&caps, PORT_FN_CAP_MIGRATABLE, DEVLINK_FN_MIGRATABLE,
			 &fn->migratable, fn);
	}
}

static const struct nla_policy port_policy[DEVLINK_ATTR_MAX + 1] = {
	[DEVLINK_ATTR_BUS_NAME] = { .type = NLA_STRING },
	[DEVLINK_ATTR_DEV_NAME] = { .type = NLA_STRING },
	[DEVLINK_ATTR_PORT_INDEX] = { .type = NLA_U32 },
	[DEVLINK_ATTR_PORT_NETDEV_NAME] = { .type = NLA_STRING },
	[DEVLINK_ATTR_PORT_FLAVOUR] = { .type = NLA_U16 },
	[DEVLINK_ATTR_PORT_PCI_PF_NUMBER] = { .type = NLA_U16 },
	[DEVLINK_ATTR_PORT_PCI_VF_NUMBER] = { .type = NLA_U16 },
	[DEVLINK_ATTR_PORT_FUNCTION] = { .type = NLA_NESTED },
};

static bool is_text(const struct nlattr *a, const char *text)
{
	return a && nla_len(a) > 0 && !nla_strcmp(a, text);
}

int devlink_port_parse(struct nlmsghdr *msg, const char *bus, const char *dev,
		       struct devlink_port *out)
{
	struct nlattr *tb[DEVLINK_ATTR_MAX + 1];

	*out = (struct devlink_port){ 0 };
	if (genlmsg_parse(msg, 0, tb, DEVLINK_ATTR_MAX, port_policy))
		return -EBADMSG;
	if (!is_text(tb[DEVLINK_ATTR_BUS_NAME], bus) ||
	    !is_text(tb[DEVLINK_ATTR_DEV_NAME], dev))
		return -ENOENT;
	if (!tb[DEVLINK_ATTR_PORT_INDEX])
		return -EBADMSG;
	out->index = nla_get_u32(tb[DEVLINK_ATTR_PORT_INDEX]);
	if (tb[DEVLINK_ATTR_PORT_NETDEV_NAME])
		nla_strlcpy(out->netdev, tb[DEVLINK_ATTR_PORT_NETDEV_NAME],
			    sizeof(out->netdev));
	if (tb[DEVLINK_ATTR_PORT_FLAVOUR] &&
	    nla_get_u16(tb[DEVLINK_ATTR_PORT_FLAVOUR]) ==
		    DEVLINK_PORT_FLAVOUR_PCI_VF &&
	    tb[DEVLINK_ATTR_PORT_PCI_PF_NUMBER] &&
	    tb[DEVLINK_ATTR_PORT_PCI_VF_NUMBER]) {
		out->is_vf = true;
		out->pf = nla_get_u16(tb[DEVLINK_ATTR_PORT_PCI_PF_NUMBER]);
		out->vf = nla_get_u16(tb[DEVLINK_ATTR_PORT_PCI_VF_NUMBER]);
	}
	if (tb[DEVLINK_ATTR_PORT_FUNCTION])
		read_fn(tb[DEVLINK_ATTR_PORT_FUNCTION], &out->fn);
	return 0;
}

struct port_list {
	const struct devlink_session *s;
	struct devlink_port *ports;
	size_t nr;
};

static int take_port(struct nl_msg *msg, void *arg)
{
	struct port_list *l = arg;
	struct devlink_port port, *more;
	int ret =
		devlink_port_parse(nlmsg_hdr(msg), l->s->bus, l->s->dev, &port);

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	more = realloc(l->ports, (l->nr + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	l->ports = more;
	l->ports[l->nr++] = port;
	return 0;
}

/* A dump says nothing of a device that does not exist. */
static int check_device(struct devlink_session *s, struct err *e)
{
	int ret = nl_talk_ask(&s->t, devlink_request(s, DEVLINK_CMD_GET, 0),
			      NULL, NULL);

	return ret ? devlink_explain(s, ret, "ask for it (DEVLINK_CMD_GET)", e)
		   : 0;
}

static int read_ports(struct devlink_session *s, struct devlink_port **out,
		      size_t *nr, struct err *e)
{
	struct port_list l = { .s = s };
	int ret = check_device(s, e);

	if (ret)
		return ret;
	ret = nl_talk_ask(&s->t,
			  devlink_request(s, DEVLINK_CMD_PORT_GET, NLM_F_DUMP),
			  take_port, &l);
	if (ret) {
		free(l.ports);
		return devlink_explain(
			s, ret, "list its ports (DEVLINK_CMD_PORT_GET)", e);
	}
	*out = l.ports;
	*nr = l.nr;
	return 0;
}

int devlink_ports_get(const char *bus, const char *dev,
		      struct devlink_port **out, size_t *nr, struct err *e)
{
	struct devlink_session s;
	int ret;

	*out = NULL;
	*nr = 0;
	ret = devlink_session_open(&s, bus, dev, e);
	if (ret)
		return ret;
	ret = read_ports(&s, out, nr, e);
	devlink_session_close(&s);
	return ret;
}

int devlink_port_of_vf(const char *bus, const char *dev, unsigned int vf,
		       struct devlink_port *out, struct err *e)
{
	struct devlink_port *ports;
	size_t nr, i;
	int ret = devlink_ports_get(bus, dev, &ports, &nr, e);

	if (ret)
		return ret;
	for (i = 0; i < nr && !(ports[i].is_vf && ports[i].vf == vf); i++)
		;
	if (i < nr) {
		*out = ports[i];
	} else {
		ret = err_set(e, ENOENT, "%s: its VF %u has no devlink port",
			      dev, vf);
		err_hint(
			e,
			"VFs have ports in switchdev mode: strait-vf set %s eswitch=switchdev",
			dev);
	}
	free(ports);
	return ret;
}

/* --- setting a function's attributes --- */

static int put_cap(struct nl_msg *msg, uint32_t bit, bool on)
{
	const struct nla_bitfield32 caps = { .value = on ? bit : 0,
					     .selector = bit };

	return nla_put(msg, PORT_FN_ATTR_CAPS, sizeof(caps), &caps);
}

static int put_key(struct nl_msg *msg, enum devlink_fn_key key,
		   const struct devlink_fn *want)
{
	switch (key) {
	case DEVLINK_FN_HW_ADDR:
		return nla_put(msg, DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR,
			       sizeof(want->hw_addr), want->hw_addr);
	case DEVLINK_FN_STATE:
		return nla_put_u8(msg, DEVLINK_PORT_FN_ATTR_STATE,
				  want->active
					  ? DEVLINK_PORT_FN_STATE_ACTIVE
					  : DEVLINK_PORT_FN_STATE_INACTIVE);
	case DEVLINK_FN_ROCE:
		return put_cap(msg, PORT_FN_CAP_ROCE, want->roce);
	default:
		return put_cap(msg, PORT_FN_CAP_MIGRATABLE, want->migratable);
	}
}

static struct nl_msg *set_request(const struct devlink_session *s,
				  uint32_t port, enum devlink_fn_key key,
				  const struct devlink_fn *want)
{
	struct nl_msg *msg = devlink_request(s, DEVLINK_CMD_PORT_SET, 0);
	struct nlattr *nest;

	if (!msg)
		return NULL;
	if (!nla_put_u32(msg, DEVLINK_ATTR_PORT_INDEX, port) &&
	    (nest = nla_nest_start(msg, DEVLINK_ATTR_PORT_FUNCTION |
						NLA_F_NESTED)) &&
	    !put_key(msg, key, want) && !nla_nest_end(msg, nest))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static int set_key(struct devlink_session *s, uint32_t port,
		   enum devlink_fn_key key, const struct devlink_fn *want,
		   struct err *e)
{
	const char *name = devlink_fn_key_name(key);
	char what[80];
	int ret =
		nl_talk_ask(&s->t, set_request(s, port, key, want), NULL, NULL);

	if (!ret)
		return 0;
	if (ret == -EOPNOTSUPP)
		return err_set(e, EOPNOTSUPP,
			       "%s: its driver does not support %s for port %u",
			       s->who, name, port);
	snprintf(what, sizeof(what), "set %s of port %u", name, port);
	return devlink_explain(s, ret, what, e);
}

static unsigned int differs(const struct devlink_fn *want,
			    const struct devlink_fn *is)
{
	unsigned int same = 0;

	if (!memcmp(want->hw_addr, is->hw_addr, sizeof(want->hw_addr)))
		same |= DEVLINK_FN_HW_ADDR;
	if (want->active == is->active)
		same |= DEVLINK_FN_STATE;
	if (want->roce == is->roce)
		same |= DEVLINK_FN_ROCE;
	if (want->migratable == is->migratable)
		same |= DEVLINK_FN_MIGRATABLE;
	return want->keys & is->keys & ~same;
}

static int check_back(struct devlink_session *s, uint32_t port,
		      const struct devlink_fn *want, struct err *e)
{
	struct devlink_port *ports = NULL;
	unsigned int bad = 0;
	size_t nr = 0, i;
	int ret = read_ports(s, &ports, &nr, e);

	if (ret)
		return ret;
	for (i = 0; i < nr && ports[i].index != port; i++)
		;
	if (i == nr)
		ret = err_set(e, ENODEV, "%s: its port %u is gone", s->who,
			      port);
	else if ((bad = differs(want, &ports[i].fn)))
		ret = err_set(
			e, EIO,
			"%s: %s of port %u was set without an error, but reads otherwise",
			s->who, devlink_fn_key_name(bad & -bad), port);
	free(ports);
	return ret;
}

static int check_addr(const struct devlink_session *s,
		      const struct devlink_fn *want, struct err *e)
{
	static const uint8_t zero[6];

	if (!(want->keys & DEVLINK_FN_HW_ADDR) ||
	    (memcmp(want->hw_addr, zero, sizeof(zero)) &&
	     !(want->hw_addr[0] & 1)))
		return 0;
	return err_set(
		e, EINVAL,
		"%s: hw_addr: an address is neither all zeros nor multicast (an odd first byte)",
		s->who);
}

int devlink_fn_set(const char *bus, const char *dev, uint32_t port,
		   const struct devlink_fn *want, unsigned int *done,
		   struct err *e)
{
	struct devlink_session s;
	unsigned int none = 0;
	int ret;

	done = done ? done : &none;
	*done = 0;
	ret = devlink_session_open(&s, bus, dev, e);
	if (ret)
		return ret;
	ret = check_addr(&s, want, e);
	for (unsigned int key = 1; key < DEVLINK_FN_ALL_KEYS && !ret;
	     key <<= 1) {
		if (!(want->keys & key))
			continue;
		ret = set_key(&s, port, key, want, e);
		if (!ret)
			*done |= key;
	}
	if (!ret)
		ret = check_back(&s, port, want, e);
	devlink_session_close(&s);
	return ret;
}

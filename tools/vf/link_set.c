// SPDX-License-Identifier: GPL-2.0-or-later
/* Changes a PF's settings of a VF, and looks whether they took. */
/*
 * How this works
 *
 * A link object of libnl-route that holds one VF with one setting is sent as a
 * change of the PF's link. One setting per request, because the kernel stops at
 * the first that the driver refuses and does not say which it was.
 *
 * VLANs go by a message of our own, for the reason that is told there.
 *
 * Drivers may round, ignore or reset what they get without an error, so in the
 * end all is read back.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/sriov.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "src/base/log.h"
#include "tools/vf/link.h"
#include "tools/vf/nl.h"

enum { LINK_WAIT_MS = 6000 };

static int fill_mac(struct rtnl_link_vf *vf, const struct vf_conf *want)
{
	struct nl_addr *addr =
		nl_addr_build(AF_LLC, want->mac, sizeof(want->mac));

	if (!addr)
		return -NLE_NOMEM;
	rtnl_link_vf_set_addr(vf, addr);
	nl_addr_put(addr);
	return 0;
}

static int fill(struct rtnl_link_vf *vf, enum vf_key key,
		const struct vf_conf *want)
{
	static const uint32_t states[] = {
		[VF_LINK_AUTO] = IFLA_VF_LINK_STATE_AUTO,
		[VF_LINK_ON] = IFLA_VF_LINK_STATE_ENABLE,
		[VF_LINK_OFF] = IFLA_VF_LINK_STATE_DISABLE,
	};
	struct nl_vf_rate rate = { .api = RTNL_LINK_VF_RATE_API_NEW,
				   .max_tx_rate = want->max_rate,
				   .min_tx_rate = want->min_rate };

	if (key == VF_MAC)
		return fill_mac(vf, want);
	if (key == VF_RATE)
		rtnl_link_vf_set_rate(vf, &rate);
	else if (key == VF_SPOOFCHK)
		rtnl_link_vf_set_spoofchk(vf, want->spoofchk);
	else if (key == VF_TRUST)
		rtnl_link_vf_set_trust(vf, want->trust);
	else if (key == VF_RSS)
		rtnl_link_vf_set_rss_query_en(vf, want->rss);
	else
		rtnl_link_vf_set_linkstate(vf, states[want->link]);
	return 0;
}

struct target {
	struct nl_talk t;
	const struct host *h;
	const char *ifname, *who;
	unsigned int ifindex, index;
};

/* Sends the change; returns 0 or -NLE_*. */
static int send_change(struct target *to, struct rtnl_link_vf *vf)
{
	struct rtnl_link *orig = rtnl_link_alloc();
	struct rtnl_link *changes = rtnl_link_alloc();
	int nle = -NLE_NOMEM;

	if (orig && changes) {
		/* The request has the index of orig. */
		rtnl_link_set_ifindex(orig, (int)to->ifindex);
		rtnl_link_set_ifindex(changes, (int)to->ifindex);
		nle = rtnl_link_vf_add(changes, vf);
	}
	if (!nle)
		nle = rtnl_link_change(to->t.sk, orig, changes, 0);
	rtnl_link_put(changes);
	rtnl_link_put(orig);
	return nle;
}

static int explain(const struct target *to, int ret, enum vf_key key,
		   const struct vf_conf *want, struct err *e)
{
	const char *name = vf_key_name(key);
	char text[64], what[128], driver[HOST_NAME_LEN];

	vf_conf_str(want, key, text, sizeof(text));
	if (ret == -EOPNOTSUPP) {
		if (host_link_name(to->h, driver, sizeof(driver),
				   "sys/class/net/%s/device/driver",
				   to->ifname))
			snprintf(driver, sizeof(driver), "?");
		return err_set(
			e, EOPNOTSUPP,
			"%s: the PF's driver (%s, of %s) does not support %s",
			to->who, driver, to->ifname, name);
	}
	snprintf(what, sizeof(what), "set %s=%s by %s", name, text, to->ifname);
	ret = nl_talk_err(&to->t, ret, to->who, what, e);
	if (ret == -EPROTONOSUPPORT)
		err_hint(
			e,
			"the PF's driver has no 802.1ad VLANs: leave the protocol out");
	else if (ret == -EINVAL && key == VF_RATE)
		err_hint(
			e,
			"many drivers limit rates only while the link of %s is up, and not all have a minimum",
			to->ifname);
	else
		err_hint(e, "the kernel log may say more (dmesg | tail)");
	return ret;
}

/* libnl-route 3.7 sends the protocol of a VLAN in the host's byte order. */
static struct nl_msg *vlan_request(const struct target *to,
				   const struct vf_conf *want)
{
	struct ifinfomsg ifi = { .ifi_index = (int)to->ifindex };
	struct ifla_vf_vlan_info info = {
		.vf = to->index,
		.vlan = want->vlan,
		.qos = want->qos,
		.vlan_proto =
			htobe16(want->proto ? want->proto : VF_PROTO_8021Q),
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_SETLINK, 0);
	struct nlattr *list, *vf, *vlans;

	if (msg && !nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO) &&
	    (list = nla_nest_start(msg, IFLA_VFINFO_LIST)) &&
	    (vf = nla_nest_start(msg, IFLA_VF_INFO)) &&
	    (vlans = nla_nest_start(msg, IFLA_VF_VLAN_LIST)) &&
	    !nla_put(msg, IFLA_VF_VLAN_INFO, sizeof(info), &info)) {
		nla_nest_end(msg, vlans);
		nla_nest_end(msg, vf);
		nla_nest_end(msg, list);
		return msg;
	}
	nlmsg_free(msg);
	return NULL;
}

static int set_by_libnl(struct target *to, enum vf_key key,
			const struct vf_conf *want)
{
	struct rtnl_link_vf *vf = rtnl_link_vf_alloc();
	int nle;

	to->t.code = 0;
	to->t.words[0] = '\0';
	if (!vf)
		return -ENOMEM;
	rtnl_link_vf_set_index(vf, to->index);
	nle = fill(vf, key, want);
	if (!nle)
		nle = send_change(to, vf);
	rtnl_link_vf_put(vf);
	return nle < 0 ? nl_talk_errno(&to->t, nle) : 0;
}

/*
 * Making VFs takes the link down for seconds, and drivers (igb) refuse rates
 * until they know its speed. Returns whether it is up.
 */
static bool wait_for_link(const struct target *to)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000000L };
	uint64_t carrier = 1;

	for (int i = 0; i < LINK_WAIT_MS / 50; i++) {
		/* Not readable while the interface is down. */
		if (host_read_u64(to->h, &carrier, "sys/class/net/%s/carrier",
				  to->ifname))
			return false;
		if (carrier)
			return true;
		if (!i)
			log_info(to->who, "waiting for the link of %s",
				 to->ifname);
		nanosleep(&pause, NULL);
	}
	return false;
}

static int set_one(struct target *to, enum vf_key key,
		   const struct vf_conf *want, struct err *e)
{
	int ret;

	if (key == VF_VLAN)
		ret = nl_talk_ask(&to->t, vlan_request(to, want), NULL, NULL);
	else
		ret = set_by_libnl(to, key, want);
	if (ret == -EINVAL && key == VF_RATE && wait_for_link(to)) {
		ret = vf_conf_check(to->h, to->ifname, to->who, want, e);
		if (ret)
			return ret;
		ret = set_by_libnl(to, key, want);
	}
	return ret ? explain(to, ret, key, want, e) : 0;
}

static const struct vf_link *find_vf(const struct vf_link *vfs, size_t nr,
				     unsigned int index)
{
	for (size_t i = 0; i < nr; i++)
		if (vfs[i].index == index)
			return &vfs[i];
	return NULL;
}

static int compare(const struct target *to, const struct vf_conf *want,
		   const struct vf_conf *is, struct err *e)
{
	unsigned int differs = vf_conf_differs(want, is);
	char asked[64], got[64];

	for (unsigned int key = 1; key < VF_ALL_KEYS; key <<= 1) {
		if (!(differs & key))
			continue;
		if (is->keys & key)
			return err_set(
				e, EIO,
				"%s: %s=%s was set without an error, but reads %s",
				to->who, vf_key_name(key),
				vf_conf_str(want, key, asked, sizeof(asked)),
				vf_conf_str(is, key, got, sizeof(got)));
		log_warn(to->who, "%s was set, but its driver does not tell it",
			 vf_key_name(key));
	}
	return 0;
}

static int read_back(const struct target *to, const struct vf_conf *want,
		     struct err *e)
{
	const struct vf_link *vf;
	struct vf_link *vfs;
	size_t nr;
	int ret;

	ret = vf_links_get(to->ifname, &vfs, &nr, e);
	if (ret)
		return ret;
	vf = find_vf(vfs, nr, to->index);
	if (vf)
		ret = compare(to, want, &vf->conf, e);
	else
		ret = err_set(e, ENODEV, "%s: %s has no VF %u any more",
			      to->who, to->ifname, to->index);
	free(vfs);
	return ret;
}

static int set_all(const struct host *h, const char *ifname, const char *who,
		   unsigned int index, const struct vf_conf *want,
		   unsigned int *done, struct err *e)
{
	struct target to = {
		.h = h, .ifname = ifname, .who = who, .index = index
	};
	int ret;

	if ((ret = nl_ifindex(ifname, &to.ifindex, e)) ||
	    (ret = nl_talk_open(&to.t, NETLINK_ROUTE, e)))
		return ret;
	for (unsigned int key = 1; key < VF_ALL_KEYS && !ret; key <<= 1) {
		if (!(want->keys & key))
			continue;
		ret = set_one(&to, key, want, e);
		if (!ret)
			*done |= key;
	}
	if (!ret)
		ret = read_back(&to, want, e);
	nl_talk_close(&to.t);
	return ret;
}

int vf_link_set(const struct host *h, const char *ifname, const char *who,
		unsigned int index, const struct vf_conf *want,
		unsigned int *done, struct err *e)
{
	unsigned int none = 0;
	int ret;

	done = done ? done : &none;
	*done = 0;
	ret = vf_conf_check(h, ifname, who, want, e);
	return ret ? ret : set_all(h, ifname, who, index, want, done, e);
}

int vf_link_restore(const struct host *h, const char *ifname, const char *who,
		    unsigned int index, const struct vf_conf *was,
		    struct err *e)
{
	const struct vf_link *vf;
	struct vf_conf want = *was;
	struct vf_link *vfs;
	unsigned int done = 0;
	size_t nr;
	int ret = vf_links_get(ifname, &vfs, &nr, e);

	if (ret)
		return ret;
	vf = find_vf(vfs, nr, index);
	want.keys = vf ? vf_conf_differs(was, &vf->conf) : 0;
	free(vfs);
	return want.keys ? set_all(h, ifname, who, index, &want, &done, e) : 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads a PF's settings of its VFs. */
/*
 * How this works
 *
 * This reads the message itself, with libnl-3: libnl-route knows no dropped
 * packets, and cannot leave out the statistics where a PF has so many VFs that
 * an attribute (64 KiB) does not hold all.
 *
 * A driver that does not tell a setting leaves it at -1 (rtnl_fill_vfinfo in
 * the kernel's net/core/rtnetlink.c); addresses, VLANs, rates and link states
 * are always told.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "tools/vf/link.h"
#include "tools/vf/nl.h"

/* --- reading --- */

static const struct nla_policy vf_policy[IFLA_VF_MAX + 1] = {
	[IFLA_VF_MAC] = { .minlen = sizeof(struct ifla_vf_mac) },
	[IFLA_VF_VLAN] = { .minlen = sizeof(struct ifla_vf_vlan) },
	[IFLA_VF_SPOOFCHK] = { .minlen = sizeof(struct ifla_vf_spoofchk) },
	[IFLA_VF_LINK_STATE] = { .minlen = sizeof(struct ifla_vf_link_state) },
	[IFLA_VF_RATE] = { .minlen = sizeof(struct ifla_vf_rate) },
	[IFLA_VF_RSS_QUERY_EN] = { .minlen = sizeof(
					   struct ifla_vf_rss_query_en) },
	[IFLA_VF_STATS] = { .type = NLA_NESTED },
	[IFLA_VF_TRUST] = { .minlen = sizeof(struct ifla_vf_trust) },
	[IFLA_VF_VLAN_LIST] = { .type = NLA_NESTED },
};

static void read_vlan(struct nlattr **tb, struct vf_conf *conf)
{
	struct ifla_vf_vlan_info info;
	struct ifla_vf_vlan old;
	struct nlattr *a;
	int rest;

	if (tb[IFLA_VF_VLAN]) {
		memcpy(&old, nla_data(tb[IFLA_VF_VLAN]), sizeof(old));
		conf->vlan = (uint16_t)old.vlan;
		conf->qos = (uint8_t)old.qos;
		conf->proto = VF_PROTO_8021Q;
		conf->keys |= VF_VLAN;
	}
	if (!tb[IFLA_VF_VLAN_LIST])
		return;
	nla_for_each_nested(a, tb[IFLA_VF_VLAN_LIST], rest)
	{
		if (nla_type(a) != IFLA_VF_VLAN_INFO ||
		    nla_len(a) < (int)sizeof(info))
			continue;
		memcpy(&info, nla_data(a), sizeof(info));
		conf->vlan = (uint16_t)info.vlan;
		conf->qos = (uint8_t)info.qos;
		conf->proto = be16toh(info.vlan_proto);
		conf->keys |= VF_VLAN;
		return;
	}
}

/* Of structs that hold the VF's number and one value; -1 is "not told". */
static uint32_t value_of(struct nlattr *a)
{
	uint32_t pair[2] = { 0, UINT32_MAX };

	if (a)
		memcpy(pair, nla_data(a), sizeof(pair));
	return pair[1];
}

static void read_switch(struct nlattr *a, enum vf_key key, bool *out,
			struct vf_conf *conf)
{
	uint32_t v = value_of(a);

	if (v == UINT32_MAX)
		return;
	*out = v;
	conf->keys |= key;
}

static void read_conf(struct nlattr **tb, struct vf_conf *conf)
{
	static const enum vf_link_state states[] = {
		[IFLA_VF_LINK_STATE_AUTO] = VF_LINK_AUTO,
		[IFLA_VF_LINK_STATE_ENABLE] = VF_LINK_ON,
		[IFLA_VF_LINK_STATE_DISABLE] = VF_LINK_OFF,
	};
	uint32_t state = value_of(tb[IFLA_VF_LINK_STATE]);
	struct ifla_vf_rate rate;
	struct ifla_vf_mac mac;

	if (tb[IFLA_VF_MAC]) {
		memcpy(&mac, nla_data(tb[IFLA_VF_MAC]), sizeof(mac));
		memcpy(conf->mac, mac.mac, sizeof(conf->mac));
		conf->keys |= VF_MAC;
	}
	read_vlan(tb, conf);
	if (tb[IFLA_VF_RATE]) {
		memcpy(&rate, nla_data(tb[IFLA_VF_RATE]), sizeof(rate));
		conf->min_rate = rate.min_tx_rate;
		conf->max_rate = rate.max_tx_rate;
		conf->keys |= VF_RATE;
	}
	read_switch(tb[IFLA_VF_SPOOFCHK], VF_SPOOFCHK, &conf->spoofchk, conf);
	read_switch(tb[IFLA_VF_TRUST], VF_TRUST, &conf->trust, conf);
	read_switch(tb[IFLA_VF_RSS_QUERY_EN], VF_RSS, &conf->rss, conf);
	if (state < ARRAY_SIZE(states)) {
		conf->link = states[state];
		conf->keys |= VF_LINK;
	}
}

static void read_counters(struct nlattr *nest, struct vf_link *vf)
{
	const struct {
		int type;
		uint64_t *out;
	} counters[] = {
		{ IFLA_VF_STATS_RX_PACKETS, &vf->counters.rx_packets },
		{ IFLA_VF_STATS_TX_PACKETS, &vf->counters.tx_packets },
		{ IFLA_VF_STATS_RX_BYTES, &vf->counters.rx_bytes },
		{ IFLA_VF_STATS_TX_BYTES, &vf->counters.tx_bytes },
		{ IFLA_VF_STATS_BROADCAST, &vf->counters.broadcast },
		{ IFLA_VF_STATS_MULTICAST, &vf->counters.multicast },
		{ IFLA_VF_STATS_RX_DROPPED, &vf->counters.rx_dropped },
		{ IFLA_VF_STATS_TX_DROPPED, &vf->counters.tx_dropped },
	};
	struct nlattr *tb[IFLA_VF_STATS_MAX + 1];

	if (!nest || nla_parse_nested(tb, IFLA_VF_STATS_MAX, nest, NULL))
		return;
	vf->has_counters = true;
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		struct nlattr *a = tb[counters[i].type];

		if (a && nla_len(a) >= (int)sizeof(uint64_t))
			*counters[i].out = nla_get_u64(a);
	}
}

static int read_vf(struct nlattr *info, struct vf_link *vf)
{
	struct nlattr *tb[IFLA_VF_MAX + 1];
	struct ifla_vf_mac mac;

	if (nla_parse_nested(tb, IFLA_VF_MAX, info, vf_policy) ||
	    !tb[IFLA_VF_MAC])
		return -EBADMSG;
	*vf = (struct vf_link){ 0 };
	memcpy(&mac, nla_data(tb[IFLA_VF_MAC]), sizeof(mac));
	vf->index = mac.vf;
	read_conf(tb, &vf->conf);
	read_counters(tb[IFLA_VF_STATS], vf);
	return 0;
}

static int by_index(const void *a, const void *b)
{
	const struct vf_link *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

int vf_links_parse(struct nlmsghdr *msg, struct vf_link **out, size_t *nr)
{
	struct nlattr *tb[IFLA_MAX + 1], *a;
	size_t max = 0;
	int rest, ret = 0;

	*out = NULL;
	*nr = 0;
	if (nlmsg_parse(msg, sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL))
		return -EBADMSG;
	if (!tb[IFLA_VFINFO_LIST])
		return 0;
	nla_for_each_nested(a, tb[IFLA_VFINFO_LIST], rest) max++;
	*out = calloc(max ? max : 1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	nla_for_each_nested(a, tb[IFLA_VFINFO_LIST], rest)
	{
		if (!ret)
			ret = read_vf(a, &(*out)[(*nr)++]);
	}
	if (!ret && *nr) {
		qsort(*out, *nr, sizeof(**out), by_index);
		return 0;
	}
	free(*out);
	*out = NULL;
	*nr = 0;
	return ret;
}

struct reader {
	struct vf_link **out;
	size_t *nr;
};

static int take_link(struct nl_msg *msg, void *arg)
{
	struct reader *r = arg;

	if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWLINK)
		return 0;
	free(*r->out);
	return vf_links_parse(nlmsg_hdr(msg), r->out, r->nr);
}

static struct nl_msg *link_request(unsigned int ifindex, uint32_t mask)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);
	struct ifinfomsg ifi = { .ifi_index = (int)ifindex };

	if (msg && (nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO) ||
		    nla_put_u32(msg, IFLA_EXT_MASK, mask))) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int vf_links_get(const char *ifname, struct vf_link **out, size_t *nr,
		 struct err *e)
{
	struct reader r = { out, nr };
	unsigned int ifindex;
	struct nl_talk t;
	int ret;

	*out = NULL;
	*nr = 0;
	if ((ret = nl_ifindex(ifname, &ifindex, e)) ||
	    (ret = nl_talk_open(&t, NETLINK_ROUTE, e)))
		return ret;
	ret = nl_talk_ask(&t, link_request(ifindex, RTEXT_FILTER_VF), take_link,
			  &r);
	if (ret == -EMSGSIZE)
		ret = nl_talk_ask(
			&t,
			link_request(ifindex,
				     RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS),
			take_link, &r);
	if (ret)
		ret = nl_talk_err(&t, ret, ifname, "read its VFs (RTM_GETLINK)",
				  e);
	nl_talk_close(&t);
	return ret;
}

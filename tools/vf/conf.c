// SPDX-License-Identifier: GPL-2.0-or-later
/* Settings of a VF as such: names, text, comparison, what makes sense. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/bits.h"
#include "tools/vf/link.h"

const char *vf_key_name(enum vf_key key)
{
	switch (key) {
	case VF_MAC:
		return "mac";
	case VF_VLAN:
		return "vlan";
	case VF_RATE:
		return "rate";
	case VF_SPOOFCHK:
		return "spoofchk";
	case VF_TRUST:
		return "trust";
	case VF_LINK:
		return "link";
	case VF_RSS:
		return "rss";
	default:
		return "?";
	}
}

static uint16_t proto_of(const struct vf_conf *conf)
{
	return conf->proto ? conf->proto : VF_PROTO_8021Q;
}

static void print_vlan(const struct vf_conf *conf, char *buf, size_t len)
{
	if (conf->vlan && proto_of(conf) != VF_PROTO_8021Q)
		snprintf(buf, len, "%u:%u:802.1ad", conf->vlan, conf->qos);
	else if (conf->qos)
		snprintf(buf, len, "%u:%u", conf->vlan, conf->qos);
	else
		snprintf(buf, len, "%u", conf->vlan);
}

const char *vf_conf_str(const struct vf_conf *conf, enum vf_key key, char *buf,
			size_t len)
{
	static const char *const links[] = { "auto", "on", "off" };
	const uint8_t *m = conf->mac;
	bool is_on = key == VF_SPOOFCHK ? conf->spoofchk
		     : key == VF_TRUST	? conf->trust
					: conf->rss;

	if (key == VF_MAC)
		snprintf(buf, len, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1],
			 m[2], m[3], m[4], m[5]);
	else if (key == VF_VLAN)
		print_vlan(conf, buf, len);
	else if (key == VF_RATE)
		snprintf(buf, len, "%u-%u", conf->min_rate, conf->max_rate);
	else if (key == VF_LINK)
		snprintf(buf, len, "%s", links[conf->link]);
	else
		snprintf(buf, len, "%s", is_on ? "on" : "off");
	return buf;
}

/* --- comparison --- */

static bool same_vlan(const struct vf_conf *a, const struct vf_conf *b)
{
	return a->vlan == b->vlan && a->qos == b->qos &&
	       (!a->vlan || proto_of(a) == proto_of(b));
}

unsigned int vf_conf_differs(const struct vf_conf *want,
			     const struct vf_conf *is)
{
	unsigned int same = 0;

	if (!memcmp(want->mac, is->mac, sizeof(want->mac)))
		same |= VF_MAC;
	if (same_vlan(want, is))
		same |= VF_VLAN;
	if (want->min_rate == is->min_rate && want->max_rate == is->max_rate)
		same |= VF_RATE;
	if (want->spoofchk == is->spoofchk)
		same |= VF_SPOOFCHK;
	if (want->trust == is->trust)
		same |= VF_TRUST;
	if (want->link == is->link)
		same |= VF_LINK;
	if (want->rss == is->rss)
		same |= VF_RSS;
	return want->keys & ~(same & is->keys);
}

/* --- what makes sense --- */

static int check_mac(const char *who, const struct vf_conf *want, struct err *e)
{
	static const uint8_t zero[6];
	char text[32];

	vf_conf_str(want, VF_MAC, text, sizeof(text));
	/* Drivers take it as "none", and make one up. */
	if (!memcmp(want->mac, zero, sizeof(zero)))
		return err_set(e, EINVAL,
			       "%s: mac=%s: an address is not all zeros", who,
			       text);
	if (want->mac[0] & 1)
		return err_set(
			e, EINVAL,
			"%s: mac=%s: it is a multicast address, the first byte has to be even",
			who, text);
	return 0;
}

static int check_vlan(const char *who, const struct vf_conf *want,
		      struct err *e)
{
	if (want->vlan > 4094)
		return err_set(e, ERANGE, "%s: vlan=%u: VLANs end at 4094", who,
			       want->vlan);
	if (want->qos > 7)
		return err_set(e, ERANGE,
			       "%s: vlan=%u:%u: priorities (qos) end at 7", who,
			       want->vlan, want->qos);
	if (proto_of(want) != VF_PROTO_8021Q &&
	    proto_of(want) != VF_PROTO_8021AD)
		return err_set(
			e, EINVAL,
			"%s: vlan=%u: the protocol 0x%04x is neither 802.1Q nor 802.1ad",
			who, want->vlan, want->proto);
	return 0;
}

/* In Mbit/s; 0 where it is not known, as of a link that is down. */
static uint64_t link_speed(const struct host *h, const char *ifname)
{
	uint64_t speed;

	/* "-1" reads as a very large number. */
	if (!ifname ||
	    host_read_u64(h, &speed, "sys/class/net/%s/speed", ifname) ||
	    speed > INT32_MAX)
		return 0;
	return speed;
}

static int check_rate(const struct host *h, const char *ifname, const char *who,
		      const struct vf_conf *want, struct err *e)
{
	uint64_t speed = link_speed(h, ifname);
	uint32_t most = want->max_rate > want->min_rate ? want->max_rate
							: want->min_rate;

	if (want->max_rate && want->min_rate > want->max_rate)
		return err_set(
			e, EINVAL,
			"%s: rate=%u-%u: the minimum is over the maximum", who,
			want->min_rate, want->max_rate);
	if (speed && most > speed)
		return err_set(e, ERANGE,
			       "%s: rate=%u-%u: the link of %s has %u Mbit/s",
			       who, want->min_rate, want->max_rate, ifname,
			       (unsigned int)speed);
	return 0;
}

int vf_conf_check(const struct host *h, const char *ifname, const char *who,
		  const struct vf_conf *want, struct err *e)
{
	int ret = 0;

	if (want->keys & VF_MAC)
		ret = check_mac(who, want, e);
	if (!ret && want->keys & VF_VLAN)
		ret = check_vlan(who, want, e);
	if (!ret && want->keys & VF_RATE)
		ret = check_rate(h, ifname, who, want, e);
	return ret;
}

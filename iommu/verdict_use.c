// SPDX-License-Identifier: GPL-2.0-or-later
/* Would the host miss the function? */
/*
 * How this works
 *
 * What `strait run` refuses is host_in_use. Two things are told beyond it: a
 * display that the machine booted on, and a default route. Such a route mostly
 * goes through an interface with an address, which is refused already. A record
 * may not say whether an interface has one (it is a tree that something else
 * made); then that is unknown, and a default route stands for an address.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "iommu/priv.h"

struct if_search {
	const struct judge *j;
	char ifname[IFNAMSIZ];
};

static bool is_below(const struct judge *j, const char *ifname)
{
	char target[PATH_MAX], part[BDF_STR_LEN + 2], s[BDF_STR_LEN];

	if (host_link_target(j->h, target, sizeof(target), "sys/class/net/%s",
			     ifname) < 0)
		return false;
	snprintf(part, sizeof(part), "/%s/", bdf_str(j->bdf, s));
	return strstr(target, part);
}

/* proc(5) net/route: "eth0 00000000 0202000A 0003 0 0 100 00000000 ...": name,
 * destination, gateway, flags, three counters, mask. */
static int look_at_route(char *line, void *arg)
{
	struct if_search *s = arg;
	unsigned int destination, mask;

	if (sscanf(line, "%15s %8x %*x %*x %*d %*d %*d %8x", s->ifname,
		   &destination, &mask) != 3)
		return 0;
	return !destination && !mask && is_below(s->j, s->ifname);
}

/* net/ipv6_route: destination and prefix length, source and its, next hop,
 * metric, two counters, flags, name. A host without such a route has one that
 * refuses, through lo. */
static int look_at_route6(char *line, void *arg)
{
	struct if_search *s = arg;
	char destination[33];
	unsigned int bits;

	if (sscanf(line, "%32s %2x %*s %*s %*s %*s %*s %*s %*s %15s",
		   destination, &bits, s->ifname) != 3)
		return 0;
	return !bits && !destination[strspn(destination, "0")] &&
	       is_below(s->j, s->ifname);
}

/* An interface that is up and of which a record does not say whether it has an
 * address. */
static int look_at_interface(const char *ifname, void *arg)
{
	struct if_search *s = arg;
	uint64_t flags;

	if (!is_below(s->j, ifname) ||
	    host_read_u64(s->j->h, &flags, "sys/class/net/%s/flags", ifname) ||
	    !(flags & IFF_UP) || host_if_has_addr(s->j->h, ifname) != -ENODATA)
		return 0;
	snprintf(s->ifname, sizeof(s->ifname), "%s", ifname);
	return 1;
}

static bool judge_unknown_addr(struct judge *j)
{
	struct if_search s = { .j = j };

	if (!j->h->is_record ||
	    host_each_name(j->h, look_at_interface, &s, "sys/class/net") != 1)
		return false;
	judge_say(
		j, "in-use", FINDING_UNKNOWN, "",
		"whether its interface %s, which is up, has an address is not in the record",
		s.ifname);
	return true;
}

static void judge_route(struct judge *j, bool is_addr_unknown)
{
	struct if_search s = { .j = j };
	char remedy[128];

	if (host_each_line(j->h, look_at_route, &s, "proc/net/route") != 1 &&
	    host_each_line(j->h, look_at_route6, &s, "proc/net/ipv6_route") !=
		    1)
		return;
	snprintf(
		remedy, sizeof(remedy),
		"let another interface have the default route, and take %s down",
		s.ifname);
	judge_say(j, "in-use",
		  is_addr_unknown ? FINDING_BLOCKER : FINDING_WARNING, remedy,
		  "the host's default route goes through its interface %s",
		  s.ifname);
}

void judge_use(struct judge *j)
{
	unsigned int before = j->out->nr;
	struct err e = { 0 };

	/* What is bound to vfio-pci has no interface and no disk. */
	if (!judge_is_on_vfio(j)) {
		if (host_bind_ask(j->h, &j->pci, HOST_BIND_UNUSED, &e))
			judge_say_err(j, "in-use", FINDING_BLOCKER, &e);
		judge_route(j, judge_unknown_addr(j));
	}
	if (j->out->nr == before)
		judge_say(
			j, "in-use", FINDING_OK, "",
			j->is_record
				? "no disk of it is mounted, and no interface of it has an address"
				: "no disk of it is in use, and no interface of it has an address");
	if (host_is_boot_vga(j->h, j->bdf))
		judge_say(j, "boot-vga", FINDING_WARNING, "", "%s",
			  host_boot_vga_text);
}

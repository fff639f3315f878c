// SPDX-License-Identifier: GPL-2.0-or-later
/* Would the host miss the function? */
/*
 * How this works
 *
 * What `strait run` refuses is host_in_use. Two things are told beyond it: a
 * display that the machine booted on, and a default route. Such a route mostly
 * goes through an interface with an address, which is refused already; but a
 * record has no addresses, so there the route stands for them.
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "iommu/priv.h"

struct route_search {
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
	struct route_search *s = arg;
	unsigned int destination, mask;

	if (sscanf(line, "%15s %8x %*x %*x %*d %*d %*d %8x", s->ifname,
		   &destination, &mask) != 3)
		return 0;
	return !destination && !mask && is_below(s->j, s->ifname);
}

static void judge_route(struct judge *j)
{
	struct route_search s = { .j = j };
	char remedy[128];

	if (host_each_line(j->h, look_at_route, &s, "proc/net/route") != 1)
		return;
	snprintf(
		remedy, sizeof(remedy),
		"let another interface have the default route, and take %s down",
		s.ifname);
	judge_say(j, "in-use",
		  j->is_record && !judge_is_on_vfio(j) ? FINDING_BLOCKER
						       : FINDING_WARNING,
		  remedy,
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
		judge_route(j);
	}
	if (j->out->nr == before)
		judge_say(
			j, "in-use", FINDING_OK, "",
			j->is_record
				? "no disk of it is mounted, and no default route goes through it; addresses are not in a record"
				: "no disk of it is in use, and no interface of it has an address");
	if (host_is_boot_vga(j->h, j->bdf))
		judge_say(j, "boot-vga", FINDING_WARNING, "", "%s",
			  host_boot_vga_text);
}

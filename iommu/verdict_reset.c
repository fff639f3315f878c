// SPDX-License-Identifier: GPL-2.0-or-later
/* How a function can be reset, and whom else that hits. */
/*
 * How this works
 *
 * The kernel does a bus reset for one function only if nothing else is on the
 * bus (pci_parent_bus_reset); sysfs lists "bus" as it was when the function was
 * found, perhaps before others. Without any of its own, VFIO can still reset
 * all functions behind the bridge together, if all are in the same hands
 * (vfio/reset.c).
 */
#include <stdio.h>
#include <string.h>

#include "iommu/priv.h"

enum { LIST_LEN = 320 };

struct neighbours {
	unsigned int nr, nr_listed, nr_together;
	char list[LIST_LEN]; /* "BDF (driver), BDF" */
};

static void add_neighbour(struct neighbours *n, const struct topo_fn *f)
{
	size_t len = strlen(n->list);
	char name[BDF_STR_LEN];
	int more;

	n->nr++;
	if (n->nr_listed != n->nr - 1)
		return;
	more = snprintf(n->list + len, LIST_LEN - len, "%s%s%s%s%s",
			len ? ", " : "", bdf_str(f->pci.bdf, name),
			f->pci.driver[0] ? " (" : "", f->pci.driver,
			f->pci.driver[0] ? ")" : "");
	if (more >= 0 && (size_t)more < LIST_LEN - len)
		n->nr_listed++;
	else
		n->list[len] = '\0';
}

static bool is_together(const struct judge *j, struct bdf bdf)
{
	for (unsigned int i = 0; i < j->o->nr_together; i++)
		if (bdf_equal(j->o->together[i], bdf))
			return true;
	return false;
}

static void find_neighbours(const struct judge *j, struct neighbours *n)
{
	const struct topo_fn *bridge = j->fn->parent;

	for (const struct topo_fn *f = bridge ? bridge->child : NULL; f;
	     f = f->sibling) {
		if (f == j->fn)
			continue;
		if (is_together(j, f->pci.bdf))
			n->nr_together++;
		else
			add_neighbour(n, f);
	}
}

static void judge_bus_reset(struct judge *j)
{
	struct neighbours n = { 0 };
	char name[BDF_STR_LEN], more[32] = "";

	if (!j->fn->parent)
		return;
	find_neighbours(j, &n);
	bdf_str(j->fn->parent->pci.bdf, name);
	if (n.nr > n.nr_listed)
		snprintf(more, sizeof(more), " and %u more",
			 n.nr - n.nr_listed);
	if (n.nr)
		judge_say(
			j, "bus-reset", FINDING_WARNING,
			"assign those together with it",
			"a reset of the bus below %s would also hit %s%s, so it is left out unless all of them are the guest's",
			name, n.list, more);
	else if (n.nr_together)
		judge_say(
			j, "bus-reset", FINDING_OK, "",
			"a reset of the bus below %s hits only what is to be assigned with it",
			name);
	else
		judge_say(j, "bus-reset", FINDING_OK, "",
			  "a reset of the bus below %s hits nothing else",
			  name);
}

void judge_reset(struct judge *j)
{
	char methods[128];

	if (host_reset_methods(j->h, j->bdf, methods, sizeof(methods))) {
		judge_say(j, "reset", FINDING_UNKNOWN, "",
			  "its ways to be reset cannot be read");
		return;
	}
	if (methods[0]) {
		judge_say(j, "reset", FINDING_OK, "",
			  "it can be reset by itself (%s)", methods);
		if (!strcmp(methods, "bus"))
			judge_bus_reset(j);
		return;
	}
	judge_say(
		j, "reset", FINDING_WARNING, "",
		"it cannot be reset by itself, so a guest may find it as the last user left it");
	judge_bus_reset(j);
}

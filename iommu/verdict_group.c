// SPDX-License-Identifier: GPL-2.0-or-later
/* The group of a function: is there one, who else is in it, and why. */
#include <stdio.h>

#include "iommu/priv.h"

/* --- who is in it --- */

static void judge_members(struct judge *j)
{
	const struct iommu_to_bind to_bind = { .bdfs = j->o->together,
					       .nr = j->o->nr_together };
	struct iommu_others others;
	struct err e = { 0 };

	if (iommu_check_members(j->h, &j->dev, &to_bind, &others, &e))
		judge_say_err(j, "group", FINDING_BLOCKER, &e);
	else if (others.nr_to_bind)
		judge_say(
			j, "group", FINDING_OK, "",
			"its IOMMU group %d has %u other function%s, of which no host driver holds any but those to be assigned with it (%u)",
			j->dev.group, others.nr, others.nr == 1 ? "" : "s",
			others.nr_to_bind);
	else if (others.nr)
		judge_say(
			j, "group", FINDING_OK, "",
			"its IOMMU group %d has %u other function%s, of which no host driver holds any",
			j->dev.group, others.nr, others.nr == 1 ? "" : "s");
	else
		judge_say(j, "group", FINDING_OK, "",
			  "it is alone in its IOMMU group %d", j->dev.group);
}

/* --- why --- */

static const char *remedy_of(enum acs_gap gap)
{
	switch (gap) {
	case ACS_GAP_NO_CAP:
		return "put the card below a port that has ACS (strait iommu tree shows them), or assign all functions of the group together";
	case ACS_GAP_CTRL_BITS:
		return "look for ACS in the firmware set-up, or switch it on with pci=config_acs= on the kernel command line (Linux 6.11)";
	case ACS_GAP_MULTIFUNCTION:
		return "assign all functions of the slot together (multifunction=keep)";
	case ACS_GAP_CONVENTIONAL:
		return "use a PCI Express slot, or assign all functions behind the bridge together";
	case ACS_GAP_UNKNOWN:
	case ACS_GAP_NONE:
		break;
	}
	return "";
}

/* A gap of the function's own, or of a bridge, which is named. */
static void say_gap(struct judge *j, const struct acs_hop *hop)
{
	char clause[256], name[BDF_STR_LEN];

	acs_gap_text(hop, clause, sizeof(clause));
	if (hop->fn == j->fn)
		judge_say(j, "acs", FINDING_NOTE, remedy_of(hop->gap), "it %s",
			  clause);
	else
		judge_say(j, "acs", FINDING_NOTE, remedy_of(hop->gap),
			  "%s (%s) %s%s", bdf_str(hop->fn->pci.bdf, name),
			  topo_type_name(hop->fn), clause,
			  j->dev.group < 0
				  ? "; an IOMMU group would reach up to it"
				  : "");
}

/* The bridges that the rules put into the group and the kernel did not. */
static void say_narrower(struct judge *j, const struct acs_path *p)
{
	static const char remedy[] =
		"take that word out to see the real groups, and give the functions of one such group to one guest only";
	const struct topo_fn *top = j->fn;
	char name[BDF_STR_LEN];

	for (unsigned int i = 0; i < p->nr; i++)
		if (p->hops[i].in_computed_group)
			top = p->hops[i].fn;
	bdf_str(top->pci.bdf, name);
	if (p->is_overridden)
		judge_say(
			j, "acs", FINDING_WARNING, remedy,
			"%s on the kernel command line only pretends an isolation that is not there: all below %s (%s) can reach each other without passing the IOMMU",
			p->override, name, topo_type_name(top));
	else
		judge_say(
			j, "acs", FINDING_NOTE, "",
			"%s (%s) has no ACS that is on, but the kernel knows it to isolate (a quirk)",
			name, topo_type_name(top));
}

/* Below a conventional bridge that alone is told. */
static void say_gaps(struct judge *j, const struct acs_path *p)
{
	for (unsigned int i = p->alias ? 1 : 0; i < p->nr; i++)
		if (p->hops[i].gap && p->hops[i].in_computed_group)
			say_gap(j, &p->hops[i]);
}

static bool has_gap(const struct acs_path *p)
{
	for (unsigned int i = 0; i < p->nr; i++)
		if (p->hops[i].gap && p->hops[i].in_computed_group)
			return true;
	return false;
}

static void judge_acs(struct judge *j)
{
	struct acs_path p;

	acs_path(j->h, &j->topo, j->fn, &p);
	if (p.is_unknown)
		judge_say(
			j, "acs", FINDING_UNKNOWN,
			j->is_record ? "record it as root" : "run as root",
			"how well the ports above it isolate is in config space, of which only root can read enough");
	else if (p.is_narrower)
		say_narrower(j, &p);
	else if (has_gap(&p))
		say_gaps(j, &p);
	else if (!p.is_wider)
		judge_say(
			j, "acs", FINDING_OK, "",
			"nothing above or beside it lets others reach it without passing the IOMMU");
	if (p.is_wider)
		judge_say(
			j, "acs", FINDING_NOTE,
			"assign the functions of the group together",
			"the kernel knows a function of its bus to send under the ID of another (a quirk), so they share a group");
}

void judge_group(struct judge *j)
{
	char iommu[HOST_NAME_LEN];
	struct err e = { 0 };

	if (iommu_check_in_group(j->h, &j->dev, &e)) {
		judge_say_err(j,
			      host_has_entries(j->h, "sys/kernel/iommu_groups")
				      ? "group"
				      : "iommu",
			      FINDING_BLOCKER, &e);
	} else {
		if (host_link_name(j->h, iommu, sizeof(iommu), "%s/iommu",
				   j->dev.dir))
			snprintf(iommu, sizeof(iommu), "an IOMMU");
		judge_say(j, "iommu", FINDING_OK, "", "%s translates for it",
			  iommu);
		judge_members(j);
	}
	judge_acs(j);
}

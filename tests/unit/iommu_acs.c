// SPDX-License-Identifier: GPL-2.0-or-later
/* Where isolation ends: each rule of the kernel's, and where it differs. */
#include <linux/pci_regs.h>

#include "iommu/acs.h"
#include "tests/fake/functions.h"
#include "tests/tap.h"

#define ROOT "pci0000:00/0000:00:01.0"

static struct tree tree;
static struct host host;
static struct err err;
static struct topo topo;
static struct acs_path path;
static char text[256];

/* What makes a port isolate. */
#define GOOD	   .has_acs = true, .acs_cap = 0x1f, .acs_ctrl = FUNCTION_ACS
#define PORT(what) .is_bridge = true, .type = PCI_EXP_TYPE_##what

static const struct topo_fn *at(const char *bdf)
{
	struct bdf b = { 0 };

	bdf_parse(bdf, &b);
	return topo_find(&topo, b);
}

/* Reads a machine of these functions and the way from bdf. */
static void look(const struct function *functions, const char *cmdline,
		 const char *bdf)
{
	if (tree.root[0]) {
		tree_remove(&tree);
		host_close(&host);
	}
	topo_free(&topo);
	err = (struct err){ 0 };
	tree_make(&tree);
	functions_add(&tree, functions);
	tree_add(&tree, cmdline);
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	CHECK_EQ(topo_read(&host, &topo, &err), 0);
	CHECK(at(bdf));
	acs_path(&host, &topo, at(bdf), &path);
}

static void a_function_below_an_isolating_port_is_alone(void)
{
	static const struct function f[] = {
		{ .path = ROOT, .group = 1, PORT(ROOT_PORT), GOOD },
		{ .path = ROOT "/0000:01:00.0", .group = 2 },
		{ .path = NULL },
	};

	look(f, "", "01:00.0");
	CHECK_EQ(path.nr, 2);
	CHECK(path.hops[0].fn == at("01:00.0"));
	CHECK_EQ(path.hops[0].gap, ACS_GAP_NONE);
	CHECK(path.hops[0].in_computed_group);
	CHECK(path.hops[0].in_kernel_group);
	CHECK_EQ(path.hops[1].gap, ACS_GAP_NONE);
	CHECK(!path.hops[1].in_computed_group);
	CHECK(!path.hops[1].in_kernel_group);
	CHECK(!path.is_narrower);
	CHECK(!path.is_wider);
	CHECK(!path.alias);
}

static void a_port_without_acs_is_in_the_group(void)
{
	static const struct function f[] = {
		{ .path = ROOT, .group = 1, PORT(ROOT_PORT) },
		{ .path = ROOT "/0000:01:00.0", .group = 1 },
		{ .path = NULL },
	};

	look(f, "", "01:00.0");
	CHECK_EQ(path.hops[1].gap, ACS_GAP_NO_CAP);
	CHECK(path.hops[1].in_computed_group);
	CHECK_HAS(acs_gap_text(&path.hops[1], text, sizeof(text)),
		  "has no ACS");
	CHECK(!path.is_narrower);
	CHECK(!path.is_wider);
}

static void bits_that_are_off_are_named(void)
{
	static const struct function f[] = {
		{ .path = ROOT,
		  .group = 1,
		  PORT(ROOT_PORT),
		  .has_acs = true,
		  .acs_cap = 0x1f,
		  .acs_ctrl = 0x11 },
		{ .path = ROOT "/0000:01:00.0", .group = 1 },
		{ .path = NULL },
	};

	look(f, "", "01:00.0");
	CHECK_EQ(path.hops[1].gap, ACS_GAP_CTRL_BITS);
	CHECK_EQ(path.hops[1].missing, PCI_ACS_RR | PCI_ACS_CR);
	CHECK_HAS(acs_gap_text(&path.hops[1], text, sizeof(text)),
		  "ACS with RR CR off");
	CHECK(path.hops[1].in_computed_group);
}

/* "Features missing from the capability field can be assumed as hard-wired
 * enabled": pci_acs_flags_enabled. */
static void a_bit_that_cannot_be_switched_is_on(void)
{
	static const struct function f[] = {
		{ .path = ROOT,
		  .group = 1,
		  PORT(ROOT_PORT),
		  .has_acs = true,
		  .acs_cap = 0x01,
		  .acs_ctrl = 0x01 },
		{ .path = ROOT "/0000:01:00.0", .group = 2 },
		{ .path = NULL },
	};

	look(f, "", "01:00.0");
	CHECK_EQ(path.hops[1].gap, ACS_GAP_NONE);
	CHECK(!path.hops[1].in_computed_group);
}

/* A root port with ACS, a switch without. */
static const struct function bad_switch[] = {
	{ .path = ROOT, .group = 1, PORT(ROOT_PORT), GOOD },
	{ .path = ROOT "/0000:01:00.0", .group = 2, PORT(UPSTREAM) },
	{ .path = ROOT "/0000:01:00.0/0000:02:01.0",
	  .group = 3,
	  PORT(DOWNSTREAM) },
	{ .path = ROOT "/0000:01:00.0/0000:02:01.0/0000:03:00.0", .group = 3 },
	{ .path = ROOT "/0000:01:00.0/0000:02:02.0",
	  .group = 4,
	  PORT(DOWNSTREAM) },
	{ .path = ROOT "/0000:01:00.0/0000:02:02.0/0000:04:00.0", .group = 4 },
	{ .path = NULL },
};

static void a_downstream_port_without_acs_is_in_the_group(void)
{
	look(bad_switch, "", "03:00.0");
	CHECK_EQ(path.nr, 4);
	CHECK_EQ(path.hops[1].gap, ACS_GAP_NO_CAP);
	CHECK(path.hops[1].in_computed_group);
	CHECK_EQ(path.hops[2].gap, ACS_GAP_NONE);
	CHECK(!path.hops[2].in_computed_group);
	CHECK(!path.is_narrower);
	CHECK(!path.is_wider);
	CHECK(acs_group_root(&topo, at("03:00.0")) == at("02:01.0"));
	CHECK(acs_group_root(&topo, at("04:00.0")) == at("02:02.0"));
}

/* The gap is at the top, so all of the switch is one group. */
static void a_root_port_without_acs_makes_one_group_of_all_below(void)
{
	static const struct function f[] = {
		{ .path = ROOT, .group = 1, PORT(ROOT_PORT) },
		{ .path = ROOT "/0000:01:00.0", .group = 1, PORT(UPSTREAM) },
		{ .path = ROOT "/0000:01:00.0/0000:02:01.0",
		  .group = 1,
		  PORT(DOWNSTREAM),
		  GOOD },
		{ .path = ROOT "/0000:01:00.0/0000:02:01.0/0000:03:00.0",
		  .group = 1 },
		{ .path = NULL },
	};

	look(f, "", "03:00.0");
	CHECK_EQ(path.hops[1].gap, ACS_GAP_NONE);
	CHECK_EQ(path.hops[3].gap, ACS_GAP_NO_CAP);
	for (unsigned int i = 0; i < path.nr; i++)
		CHECK(path.hops[i].in_computed_group);
	CHECK(!path.is_narrower);
}

static const struct function multi[] = {
	{ .path = ROOT, .group = 1, PORT(ROOT_PORT), GOOD },
	{ .path = ROOT "/0000:01:00.0", .group = 2, .is_multi = true },
	{ .path = ROOT "/0000:01:00.1", .group = 2 },
	{ .path = ROOT "/0000:01:00.2", .group = 3, GOOD },
	{ .path = NULL },
};

static void functions_of_a_slot_without_acs_share_a_group(void)
{
	look(multi, "", "01:00.1");
	CHECK_EQ(path.hops[0].gap, ACS_GAP_MULTIFUNCTION);
	CHECK(!path.hops[1].in_computed_group);
	CHECK(!path.is_narrower);
	CHECK(!path.is_wider);
	CHECK(acs_group_root(&topo, at("01:00.1")) == at("01:00.0"));
}

static void a_function_of_the_slot_with_acs_is_alone(void)
{
	look(multi, "", "01:00.2");
	CHECK_EQ(path.hops[0].gap, ACS_GAP_NONE);
	CHECK(!path.is_narrower);
	CHECK(acs_group_root(&topo, at("01:00.2")) == at("01:00.2"));
}

static void the_first_of_a_slot_may_be_the_one_with_acs(void)
{
	static const struct function f[] = {
		{ .path = ROOT, .group = 1, PORT(ROOT_PORT), GOOD },
		{ .path = ROOT "/0000:01:00.0",
		  .group = 2,
		  .is_multi = true,
		  GOOD },
		{ .path = ROOT "/0000:01:00.1", .group = 3 },
		{ .path = ROOT "/0000:01:00.2", .group = 3 },
		{ .path = NULL },
	};

	look(f, "", "01:00.2");
	CHECK_EQ(path.hops[0].gap, ACS_GAP_MULTIFUNCTION);
	CHECK(!path.is_narrower);
	CHECK(!path.is_wider);
	CHECK(acs_group_root(&topo, at("01:00.2")) == at("01:00.1"));
}

static void one_that_has_no_other_beside_it_is_alone(void)
{
	static const struct function f[] = {
		{ .path = ROOT, .group = 1, PORT(ROOT_PORT), GOOD },
		{ .path = ROOT "/0000:01:00.0", .group = 2, .is_multi = true },
		{ .path = NULL },
	};

	look(f, "", "01:00.0");
	CHECK_EQ(path.hops[0].gap, ACS_GAP_NONE);
	CHECK(!path.is_narrower);
}

static const struct function conventional[] = {
	{ .path = ROOT, .group = 1, PORT(ROOT_PORT), GOOD },
	{ .path = ROOT "/0000:01:00.0", .group = 2, PORT(PCI_BRIDGE) },
	{ .path = ROOT "/0000:01:00.0/0000:02:01.0", .group = 2, .type = -1 },
	{ .path = ROOT "/0000:01:00.0/0000:02:02.0", .group = 2, .type = -1 },
	{ .path = NULL },
};

static void conventional_functions_share_the_bridge_s_group(void)
{
	look(conventional, "", "02:01.0");
	CHECK_EQ(path.hops[0].gap, ACS_GAP_CONVENTIONAL);
	CHECK_HAS(acs_gap_text(&path.hops[0], text, sizeof(text)),
		  "is on a conventional PCI bus");
	CHECK_EQ(path.hops[1].gap, ACS_GAP_CONVENTIONAL);
	CHECK(path.hops[1].in_computed_group);
	CHECK(!path.hops[2].in_computed_group);
	CHECK(path.alias == at("01:00.0"));
	CHECK(!path.is_narrower);
	CHECK(!path.is_wider);
	CHECK(acs_group_root(&topo, at("02:02.0")) == at("01:00.0"));
}

/* QEMU's pcie-pci-bridge on the root bus, and a bridge behind it. */
static void the_bridge_nearest_to_the_root_is_the_alias(void)
{
	static const struct function f[] = {
		{ .path = ROOT, .group = 1, PORT(PCI_BRIDGE) },
		{ .path = ROOT "/0000:01:00.0",
		  .group = 1,
		  .type = -1,
		  .is_bridge = true },
		{ .path = ROOT "/0000:01:00.0/0000:02:01.0",
		  .group = 1,
		  .type = -1 },
		{ .path = NULL },
	};

	look(f, "", "02:01.0");
	CHECK(path.alias == at("00:01.0"));
	CHECK(!path.is_narrower);
	CHECK(!path.is_wider);
}

/* As the emulated host has it. */
static void vfs_are_alone_without_acs_of_their_own(void)
{
	static const struct function f[] = {
		{ .path = ROOT,
		  .group = 1,
		  PORT(ROOT_PORT),
		  GOOD,
		  .forwards_ari = true },
		{ .path = ROOT "/0000:01:00.0", .group = 2, .has_ari = true },
		{ .path = ROOT "/0000:01:10.0",
		  .group = 3,
		  .has_ari = true,
		  .pf = "0000:01:00.0" },
		{ .path = ROOT "/0000:01:10.2",
		  .group = 4,
		  .has_ari = true,
		  .pf = "0000:01:00.0" },
		{ .path = NULL },
	};

	look(f, "", "01:10.2");
	CHECK_EQ(path.hops[0].gap, ACS_GAP_NONE);
	CHECK(!path.is_narrower);
	CHECK(!path.is_wider);
	CHECK(acs_group_root(&topo, at("01:10.2")) == at("01:10.2"));
}

/* A root port of Intel's that isolates although it does not say so. */
static const struct function narrower[] = {
	{ .path = ROOT, .group = 1, PORT(ROOT_PORT) },
	{ .path = ROOT "/0000:01:00.0", .group = 2 },
	{ .path = NULL },
};

static void a_quirk_shows_as_a_group_that_is_narrower(void)
{
	look(narrower, "proc/cmdline = quiet", "01:00.0");
	CHECK(path.is_narrower);
	CHECK(!path.is_overridden);
	CHECK(path.hops[1].in_computed_group);
	CHECK(!path.hops[1].in_kernel_group);
}

static void an_override_is_told_by_its_word(void)
{
	look(narrower,
	     "proc/cmdline = quiet pcie_acs_override=downstream,multifunction ro",
	     "01:00.0");
	CHECK(path.is_narrower);
	CHECK(path.is_overridden);
	CHECK(!strcmp(path.override,
		      "pcie_acs_override=downstream,multifunction"));
}

static void an_override_without_effect_is_none(void)
{
	look(bad_switch, "proc/cmdline = pcie_acs_override=downstream",
	     "03:00.0");
	CHECK(!path.is_narrower);
	CHECK(!path.is_overridden);
	CHECK(path.override[0]);
}

/* Marvell's SATA controllers send with function 1's ID. */
static void a_shared_id_shows_as_a_group_that_is_wider(void)
{
	static const struct function f[] = {
		{ .path = ROOT, .group = 1, PORT(ROOT_PORT), GOOD },
		{ .path = ROOT "/0000:01:00.0",
		  .group = 2,
		  .is_multi = true,
		  GOOD },
		{ .path = ROOT "/0000:01:00.1", .group = 2, GOOD },
		{ .path = NULL },
	};

	look(f, "", "01:00.0");
	CHECK(path.is_wider);
	CHECK(!path.is_narrower);
}

static void what_cannot_be_read_is_not_judged(void)
{
	static const struct function f[] = {
		{ .path = ROOT, .group = 1, PORT(ROOT_PORT), .cfg_len = 64 },
		{ .path = ROOT "/0000:01:00.0", .group = 1, .cfg_len = 64 },
		{ .path = NULL },
	};

	look(f, "proc/cmdline = pcie_acs_override=downstream", "01:00.0");
	CHECK(path.is_unknown);
	CHECK_EQ(path.hops[1].gap, ACS_GAP_UNKNOWN);
	CHECK_HAS(acs_gap_text(&path.hops[1], text, sizeof(text)),
		  "only root can read");
	CHECK(path.hops[1].in_computed_group);
	CHECK(!path.is_narrower);
	CHECK(!path.is_overridden);
	CHECK(!path.alias);
}

static void without_groups_the_rules_still_tell(void)
{
	static const struct function f[] = {
		{ .path = ROOT, .group = -1, PORT(ROOT_PORT) },
		{ .path = ROOT "/0000:01:00.0", .group = -1 },
		{ .path = NULL },
	};

	look(f, "", "01:00.0");
	CHECK(path.hops[1].in_computed_group);
	CHECK(!path.hops[1].in_kernel_group);
	CHECK(path.hops[0].in_kernel_group);
	CHECK(!path.is_narrower);
}

static void bits_are_named(void)
{
	CHECK(!strcmp(acs_bits(0x1d, text, 32), "SV RR CR UF"));
	CHECK(!strcmp(acs_bits(0x7f, text, 32), "SV TB RR CR UF EC DT"));
	CHECK(!strcmp(acs_bits(0, text, 32), ""));
}

int main(void)
{
	TAP_RUN(a_function_below_an_isolating_port_is_alone);
	TAP_RUN(a_port_without_acs_is_in_the_group);
	TAP_RUN(bits_that_are_off_are_named);
	TAP_RUN(a_bit_that_cannot_be_switched_is_on);
	TAP_RUN(a_downstream_port_without_acs_is_in_the_group);
	TAP_RUN(a_root_port_without_acs_makes_one_group_of_all_below);
	TAP_RUN(functions_of_a_slot_without_acs_share_a_group);
	TAP_RUN(a_function_of_the_slot_with_acs_is_alone);
	TAP_RUN(the_first_of_a_slot_may_be_the_one_with_acs);
	TAP_RUN(one_that_has_no_other_beside_it_is_alone);
	TAP_RUN(conventional_functions_share_the_bridge_s_group);
	TAP_RUN(the_bridge_nearest_to_the_root_is_the_alias);
	TAP_RUN(vfs_are_alone_without_acs_of_their_own);
	TAP_RUN(a_quirk_shows_as_a_group_that_is_narrower);
	TAP_RUN(an_override_is_told_by_its_word);
	TAP_RUN(an_override_without_effect_is_none);
	TAP_RUN(a_shared_id_shows_as_a_group_that_is_wider);
	TAP_RUN(what_cannot_be_read_is_not_judged);
	TAP_RUN(without_groups_the_rules_still_tell);
	TAP_RUN(bits_are_named);
	topo_free(&topo);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}

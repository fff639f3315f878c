// SPDX-License-Identifier: GPL-2.0-or-later
/* Words of strait-iommu for links, ACS and ways; the nearest address. */
#include <errno.h>
#include <linux/pci_regs.h>

#include "tests/fake/tree.h"
#include "tests/tap.h"
#include "tools/iommu/view.h"

static char buf[VIEW_TEXT_LEN];
static enum table_color color;

static const char *link_text(struct topo_link l)
{
	return view_link(&l, buf, sizeof(buf));
}

static void a_link_at_its_best_has_one_speed(void)
{
	CHECK(!strcmp(link_text((struct topo_link){ 80, 4, 80, 4 }),
		      "8 GT/s x4"));
}

static void a_link_below_its_best_says_so(void)
{
	CHECK(!strcmp(link_text((struct topo_link){ 25, 1, 160, 8 }),
		      "2.5 GT/s x1 of 16 GT/s x8"));
}

static void a_link_that_is_down_says_so(void)
{
	CHECK(!strcmp(link_text((struct topo_link){ 0, 0, 160, 8 }),
		      "down (16 GT/s x8)"));
}

static void without_a_link_there_is_nothing(void)
{
	CHECK(!strcmp(link_text((struct topo_link){ 0 }), ""));
}

static const char *acs_text(int type, bool is_multifunction,
			    struct topo_acs acs)
{
	const struct topo_fn f = { .cfg_len = 4096,
				   .pcie_type = type,
				   .is_multifunction = is_multifunction,
				   .acs = acs };

	return view_acs(&f, &color, buf, sizeof(buf));
}

static void a_port_shows_the_bits_that_are_on(void)
{
	CHECK(!strcmp(acs_text(PCI_EXP_TYPE_ROOT_PORT, false,
			       (struct topo_acs){ true, 0x1f, 0x1d }),
		      "SV RR CR UF"));
	CHECK_EQ(color, TABLE_GREEN);
}

static void a_port_shows_the_bits_that_are_off(void)
{
	CHECK(!strcmp(acs_text(PCI_EXP_TYPE_DOWNSTREAM, false,
			       (struct topo_acs){ true, 0x1f, PCI_ACS_SV }),
		      "off: RR CR UF"));
	CHECK_EQ(color, TABLE_RED);
}

static void a_port_without_acs_is_red(void)
{
	CHECK(!strcmp(acs_text(PCI_EXP_TYPE_DOWNSTREAM, false,
			       (struct topo_acs){ 0 }),
		      "none"));
	CHECK_EQ(color, TABLE_RED);
}

static void an_endpoint_alone_in_its_slot_needs_none(void)
{
	CHECK(!strcmp(
		acs_text(PCI_EXP_TYPE_ENDPOINT, false, (struct topo_acs){ 0 }),
		""));
	CHECK(!strcmp(
		acs_text(PCI_EXP_TYPE_ENDPOINT, true, (struct topo_acs){ 0 }),
		"none"));
}

static void what_cannot_be_read_is_a_question_mark(void)
{
	const struct topo_fn f = { .cfg_len = 64, .pcie_type = -1 };

	CHECK(!strcmp(view_acs(&f, &color, buf, sizeof(buf)), "?"));
}

static void a_way_begins_at_the_root(void)
{
	struct topo_fn port = { .pci.bdf = { .devfn = 0xe0 } };
	struct topo_fn fn = { .pci.bdf = { .bus = 0x3b, .devfn = 0x80 },
			      .parent = &port };

	CHECK(!strcmp(view_path(&fn, buf, sizeof(buf)), "00:1c.0/3b:10.0"));
	port.pci.bdf.domain = 0x1000;
	CHECK(!strcmp(view_path(&port, buf, sizeof(buf)), "1000:00:1c.0"));
}

static void kinds_of_iommus_are_known(void)
{
	CHECK(!strcmp(view_iommu_kind("dmar12"), "VT-d"));
	CHECK(!strcmp(view_iommu_kind("ivhd0"), "AMD-Vi"));
	CHECK(!strcmp(view_iommu_kind("smmu3.0x000000002b400000"), "SMMU"));
	CHECK(!strcmp(view_iommu_kind("other"), ""));
}

/* --- the nearest address --- */

static struct tree tree;
static struct view view;

static const char *hint_for(const char *word)
{
	static struct err e;
	struct bdf bdf;

	memset(&e, 0, sizeof(e));
	CHECK_EQ(view_bdf(&view, word, &bdf, &e), -ENODEV);
	return e.hint;
}

static void a_wrong_function_gets_one_of_the_same_slot(void)
{
	CHECK_HAS(hint_for("00:1f.5"), "did you mean 0000:00:1f.3?");
}

static void a_wrong_bus_gets_the_same_slot(void)
{
	CHECK_HAS(hint_for("05:1f.0"), "did you mean 0000:00:1f.0?");
}

static void a_wrong_domain_is_the_least_likely(void)
{
	CHECK_HAS(hint_for("0001:01:00.0"), "did you mean 0000:01:00.0?");
}

static void what_does_not_exist_is_not_suggested(void)
{
	tree_add(&tree, "sys/bus/pci/devices/0000:00:1f.5 -> nowhere");
	CHECK_HAS(hint_for("00:1f.5"), "did you mean 0000:00:1f.3?");
}

static void a_vf_that_could_be_made_is_told_instead(void)
{
	CHECK_HAS(hint_for("01:10.4"), "it would be VF 2 of 0000:01:00.0");
}

int main(void)
{
	struct err e;

	tree_make(&tree);
	tree_load(&tree, "igb");
	if (host_open(&view.host, tree.root, &e))
		return 1;
	TAP_RUN(a_link_at_its_best_has_one_speed);
	TAP_RUN(a_link_below_its_best_says_so);
	TAP_RUN(a_link_that_is_down_says_so);
	TAP_RUN(without_a_link_there_is_nothing);
	TAP_RUN(a_port_shows_the_bits_that_are_on);
	TAP_RUN(a_port_shows_the_bits_that_are_off);
	TAP_RUN(a_port_without_acs_is_red);
	TAP_RUN(an_endpoint_alone_in_its_slot_needs_none);
	TAP_RUN(what_cannot_be_read_is_a_question_mark);
	TAP_RUN(a_way_begins_at_the_root);
	TAP_RUN(kinds_of_iommus_are_known);
	TAP_RUN(a_wrong_function_gets_one_of_the_same_slot);
	TAP_RUN(a_wrong_bus_gets_the_same_slot);
	TAP_RUN(a_wrong_domain_is_the_least_likely);
	TAP_RUN(what_does_not_exist_is_not_suggested);
	TAP_RUN(a_vf_that_could_be_made_is_told_instead);
	host_close(&view.host);
	tree_remove(&tree);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The tree of functions: parents, config space of any length, hostile links. */
#include <errno.h>
#include <linux/pci_regs.h>

#include "iommu/topo.h"
#include "tests/fake/functions.h"
#include "tests/tap.h"

#define RP0  "pci0000:00/0000:00:01.0"
#define PF   RP0 "/0000:01:00.0"
#define VF   RP0 "/0000:02:00.1"
#define RP1  "pci0000:00/0000:00:02.0"
#define UP   RP1 "/0000:03:00.0"
#define DOWN UP "/0000:04:01.0"
#define NVME DOWN "/0000:05:00.0"
#define VMD  "pci0000:00/0000:00:0e.0"
#define BMD  VMD "/pci10000:00/1000:00:02.0"

static struct tree tree;
static struct host host;
static struct err err;
static struct topo topo;

/* A card with a VF on another bus, a switch with a disk, a device alone. */
static const struct function functions[] = {
	{ .path = RP0,
	  .group = 1,
	  .driver = "pcieport",
	  .is_bridge = true,
	  .type = PCI_EXP_TYPE_ROOT_PORT,
	  .has_acs = true,
	  .acs_cap = 0x1f,
	  .acs_ctrl = 0x1d,
	  .forwards_ari = true },
	{ .path = PF, .group = 2, .driver = "igb", .has_ari = true },
	/* Its header says that it is one of several. */
	{ .path = VF, .group = 3, .is_multi = true, .pf = "0000:01:00.0" },
	{ .path = RP1,
	  .group = 4,
	  .is_bridge = true,
	  .type = PCI_EXP_TYPE_ROOT_PORT },
	{ .path = UP,
	  .group = 4,
	  .is_bridge = true,
	  .type = PCI_EXP_TYPE_UPSTREAM },
	{ .path = DOWN,
	  .group = 4,
	  .is_bridge = true,
	  .type = PCI_EXP_TYPE_DOWNSTREAM },
	{ .path = NVME, .group = 4, .driver = "nvme" },
	{ .path = "pci0000:00/0000:00:1f.0",
	  .group = -1,
	  .type = -1,
	  .is_multi = true },
	{ .path = "pci0000:00/0000:00:1f.2", .group = -1, .type = -1 },
	{ .path = NULL },
};

static void start(void)
{
	if (tree.root[0]) {
		tree_remove(&tree);
		host_close(&host);
	}
	topo_free(&topo);
	err = (struct err){ 0 };
	tree_make(&tree);
	functions_add(&tree, functions);
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
}

static const struct topo_fn *at(const char *bdf)
{
	struct bdf b = { 0 };

	bdf_parse(bdf, &b);
	return topo_find(&topo, b);
}

static void read_all(void)
{
	topo_free(&topo);
	CHECK_EQ(topo_read(&host, &topo, &err), 0);
}

static void a_machine_without_pci_is_told_so(void)
{
	start();
	tree_add(&tree, "- sys/bus/pci");
	CHECK_EQ(topo_read(&host, &topo, &err), -ENOENT);
	CHECK_HAS(err.msg, "sys/bus/pci/devices");
	CHECK_HAS(err.hint, "no PCI");
}

static void functions_are_sorted_and_found(void)
{
	start();
	read_all();
	CHECK_EQ(topo.nr, 9);
	CHECK(at("00:01.0") == &topo.fns[0]);
	CHECK(at("00:1f.2") == &topo.fns[3]);
	CHECK(!at("00:1f.1"));
}

static void children_and_roots_are_in_bdf_order(void)
{
	start();
	read_all();
	CHECK(topo.roots == at("00:01.0"));
	CHECK(topo.roots->sibling == at("00:02.0"));
	CHECK(at("00:02.0")->sibling == at("00:1f.0"));
	CHECK(!at("00:1f.2")->sibling);
	CHECK(at("00:01.0")->child == at("01:00.0"));
	CHECK(at("01:00.0")->sibling == at("02:00.1"));
	CHECK(at("05:00.0")->parent == at("04:01.0"));
}

/* No bridge forwards bus 2. */
static void a_vf_on_a_bus_of_its_own_has_the_pf_s_parent(void)
{
	start();
	read_all();
	CHECK(at("02:00.1")->parent == at("00:01.0"));
	CHECK(at("02:00.1")->pci.is_vf);
	CHECK(bdf_equal(at("02:00.1")->pci.pf, at("01:00.0")->pci.bdf));
}

/* Its config space says 0xffff. */
static void the_ids_of_a_vf_are_those_of_sysfs(void)
{
	start();
	read_all();
	CHECK_EQ(at("02:00.1")->pci.vendor, 0x8086);
	CHECK_EQ(at("02:00.1")->pci.device, 2);
	CHECK_EQ(at("01:00.0")->pci.device, 1);
	CHECK_EQ(at("01:00.0")->pci.class_code, 0x020000);
}

static void a_vf_is_not_one_of_several_functions(void)
{
	start();
	read_all();
	CHECK(!at("02:00.1")->is_multifunction);
}

static void a_later_function_of_a_slot_is_one_of_several(void)
{
	start();
	read_all();
	CHECK(at("00:1f.0")->is_multifunction);
	CHECK(at("00:1f.2")->is_multifunction);
	CHECK(!at("00:01.0")->is_multifunction);
}

static void types_and_links_are_read(void)
{
	const struct topo_link *l;

	start();
	read_all();
	CHECK(!strcmp(topo_type_name(at("00:01.0")), "root port"));
	CHECK(!strcmp(topo_type_name(at("03:00.0")), "upstream port"));
	CHECK(!strcmp(topo_type_name(at("05:00.0")), "endpoint"));
	CHECK(!strcmp(topo_type_name(at("00:1f.0")),
		      "conventional PCI function"));
	l = &at("01:00.0")->link;
	CHECK_EQ(l->max_speed, 160);
	CHECK_EQ(l->max_width, 16);
	CHECK_EQ(l->speed, 80);
	CHECK_EQ(l->width, 8);
}

static void acs_and_ari_are_read(void)
{
	start();
	read_all();
	CHECK(at("00:01.0")->acs.has_cap);
	CHECK_EQ(at("00:01.0")->acs.cap, 0x1f);
	CHECK_EQ(at("00:01.0")->acs.ctrl, 0x1d);
	CHECK(at("00:01.0")->forwards_ari);
	CHECK(!at("00:01.0")->has_ari);
	CHECK(!at("00:02.0")->acs.has_cap);
	CHECK(at("01:00.0")->has_ari);
	CHECK_EQ(at("01:00.0")->cfg_len, 4096);
}

static void bridges_have_their_buses(void)
{
	start();
	read_all();
	CHECK(topo_is_bridge(at("00:01.0")));
	CHECK(!topo_is_bridge(at("01:00.0")));
	CHECK_EQ(at("00:01.0")->secondary, 4);
	CHECK_EQ(at("00:01.0")->subordinate, 5);
}

static void drivers_and_groups_are_read(void)
{
	start();
	read_all();
	CHECK(!strcmp(at("01:00.0")->pci.driver, "igb"));
	CHECK(!strcmp(at("02:00.1")->pci.driver, ""));
	CHECK_EQ(at("05:00.0")->pci.group, 4);
	CHECK_EQ(at("00:1f.2")->pci.group, -1);
}

static void the_numa_node_is_that_of_the_root(void)
{
	start();
	tree_add(&tree, "sys/devices/" RP1 "/numa_node = 1");
	read_all();
	CHECK_EQ(at("00:02.0")->numa_node, 1);
	CHECK_EQ(at("05:00.0")->numa_node, 1);
	CHECK_EQ(at("01:00.0")->numa_node, -1);
}

static void the_boot_display_is_known(void)
{
	start();
	tree_add(&tree, "sys/devices/" PF "/boot_vga = 1\n"
			"sys/devices/" PF "/config @ b : 03");
	read_all();
	CHECK(at("01:00.0")->is_boot_vga);
	CHECK(!at("05:00.0")->is_boot_vga);
}

/* Without root: 64 bytes. */
static void a_short_config_space_is_admitted(void)
{
	static const struct function f = { .path = PF, .cfg_len = 64 };

	start();
	function_add(&tree, &f);
	tree_add(&tree, "sys/devices/" PF "/max_link_width = 4\n"
			"sys/devices/" PF "/max_link_speed = 8.0 GT/s PCIe\n"
			"sys/devices/" PF "/current_link_width = 1\n"
			"sys/devices/" PF "/current_link_speed = Unknown");
	read_all();
	CHECK_EQ(at("01:00.0")->cfg_len, 64);
	CHECK_EQ(at("01:00.0")->pcie_type, -1);
	CHECK(!strcmp(topo_type_name(at("01:00.0")), "function"));
	CHECK_EQ(at("01:00.0")->link.max_width, 4);
	CHECK_EQ(at("01:00.0")->link.max_speed, 80);
	CHECK_EQ(at("01:00.0")->link.width, 1);
	CHECK_EQ(at("01:00.0")->link.speed, 0);
}

static void a_tree_without_config_space_has_the_ids(void)
{
	start();
	tree_add(&tree, "- sys/devices/" RP0 "/config");
	read_all();
	CHECK_EQ(at("00:01.0")->cfg_len, 0);
	CHECK_EQ(at("00:01.0")->pci.vendor, 0x8086);
	CHECK_EQ(at("00:01.0")->pci.class_code, 0x060400);
	CHECK(topo_is_bridge(at("00:01.0")));
	CHECK(!strcmp(topo_type_name(at("00:01.0")), "bridge"));
	CHECK(at("01:00.0")->parent == at("00:01.0"));
}

static void a_function_that_does_not_answer_is_there(void)
{
	start();
	tree_add(&tree, "sys/devices/" PF "/config : ff*4096");
	read_all();
	CHECK_EQ(at("01:00.0")->cfg_len, 0);
	CHECK_EQ(at("01:00.0")->pci.device, 1);
}

static void a_function_that_is_gone_is_left_out(void)
{
	start();
	tree_add(&tree, "- sys/devices/" DOWN);
	read_all();
	CHECK_EQ(topo.nr, 7);
	CHECK(!at("05:00.0"));
	CHECK(!at("03:00.0")->child);
}

static void a_capability_chain_without_end_ends(void)
{
	start();
	tree_add(&tree, "sys/devices/" PF "/config @ 160 : 0b 00 01 10\n"
			"sys/devices/" PF "/config @ 41 : 40");
	read_all();
	CHECK(at("01:00.0"));
	CHECK(!at("01:00.0")->has_ari);
}

static void functions_behind_vmd_are_a_tree_of_their_own(void)
{
	static const struct function f = { .path = BMD, .group = -1 };

	start();
	function_add(&tree, &f);
	read_all();
	CHECK(at("1000:00:02.0"));
	CHECK(!at("1000:00:02.0")->parent);
}

static unsigned int depth(const struct topo_fn *f)
{
	unsigned int n = 0;

	for (; f && n < 1000; f = f->parent)
		n++;
	return n;
}

/* In a record anything can be written. */
static void parents_of_each_other_are_cut(void)
{
	start();
	tree_add(&tree,
		 "sys/bus/pci/devices/0000:00:01.0 -> ../../../devices/" PF
		 "/../0000:01:00.0/../../0000:00:01.0\n"
		 "sys/bus/pci/devices/0000:00:02.0 -> ../../../devices/" RP1
		 "/../0000:00:02.0");
	read_all();
	CHECK_EQ(topo.nr, 9);
	CHECK(depth(at("01:00.0")) <= TOPO_MAX_DEPTH);
	CHECK(depth(at("00:01.0")) <= TOPO_MAX_DEPTH);
	CHECK_EQ(depth(at("00:02.0")), 1);
	CHECK_EQ(depth(at("05:00.0")), 4);
}

static void around_a_function_is_what_decides_on_it(void)
{
	start();
	CHECK_EQ(topo_read_around(&host, (struct bdf){ .bus = 5 }, &topo, &err),
		 0);
	CHECK_EQ(topo.nr, 4);
	CHECK(at("05:00.0")->parent->parent->parent == at("00:02.0"));
	CHECK(!at("01:00.0"));
}

static void around_a_function_are_its_neighbours(void)
{
	start();
	CHECK_EQ(topo_read_around(&host, (struct bdf){ .bus = 1 }, &topo, &err),
		 0);
	CHECK_EQ(topo.nr, 3);
	CHECK(at("02:00.1"));
	topo_free(&topo);
	CHECK_EQ(topo_read_around(&host, (struct bdf){ .devfn = 0xfa }, &topo,
				  &err),
		 0);
	CHECK_EQ(topo.nr, 2);
	CHECK(at("00:1f.0"));
}

static void around_a_function_is_its_group(void)
{
	start();
	tree_add(
		&tree,
		"sys/kernel/iommu_groups/2/devices/0000:00:1f.2 -> ../../../../devices/pci0000:00/0000:00:1f.2");
	CHECK_EQ(topo_read_around(&host, (struct bdf){ .bus = 1 }, &topo, &err),
		 0);
	CHECK_EQ(topo.nr, 4);
	CHECK(at("00:1f.2"));
}

static void near_it_are_members_on_its_way_to_the_root(void)
{
	start();
	tree_add(
		&tree,
		"sys/kernel/iommu_groups/2/devices/0000:00:1f.2 -> ../../../../devices/pci0000:00/0000:00:1f.2\n"
		"sys/kernel/iommu_groups/2/devices/0000:05:00.0 -> ../../../../devices/pci0000:00/0000:00:1f.2");
	CHECK_EQ(topo_read_around(&host, (struct bdf){ .bus = 1 }, &topo, &err),
		 0);
	CHECK(at("05:00.0"));
	topo_free(&topo);
	CHECK_EQ(topo_read_near(&host, (struct bdf){ .bus = 1 }, &topo, &err),
		 0);
	CHECK_EQ(topo.nr, 4);
	CHECK(at("00:1f.2"));
	CHECK(!at("05:00.0"));
}

static void around_nothing_is_an_error(void)
{
	start();
	CHECK_EQ(topo_read_around(&host, (struct bdf){ .bus = 9 }, &topo, &err),
		 -ENODEV);
	CHECK_HAS(err.msg, "0000:09:00.0: there is no such PCI function");
	CHECK(!topo.fns);
}

int main(void)
{
	TAP_RUN(a_machine_without_pci_is_told_so);
	TAP_RUN(functions_are_sorted_and_found);
	TAP_RUN(children_and_roots_are_in_bdf_order);
	TAP_RUN(a_vf_on_a_bus_of_its_own_has_the_pf_s_parent);
	TAP_RUN(the_ids_of_a_vf_are_those_of_sysfs);
	TAP_RUN(a_vf_is_not_one_of_several_functions);
	TAP_RUN(a_later_function_of_a_slot_is_one_of_several);
	TAP_RUN(types_and_links_are_read);
	TAP_RUN(acs_and_ari_are_read);
	TAP_RUN(bridges_have_their_buses);
	TAP_RUN(drivers_and_groups_are_read);
	TAP_RUN(the_numa_node_is_that_of_the_root);
	TAP_RUN(the_boot_display_is_known);
	TAP_RUN(a_short_config_space_is_admitted);
	TAP_RUN(a_tree_without_config_space_has_the_ids);
	TAP_RUN(a_function_that_does_not_answer_is_there);
	TAP_RUN(a_function_that_is_gone_is_left_out);
	TAP_RUN(a_capability_chain_without_end_ends);
	TAP_RUN(functions_behind_vmd_are_a_tree_of_their_own);
	TAP_RUN(parents_of_each_other_are_cut);
	TAP_RUN(around_a_function_is_what_decides_on_it);
	TAP_RUN(around_a_function_are_its_neighbours);
	TAP_RUN(around_a_function_is_its_group);
	TAP_RUN(near_it_are_members_on_its_way_to_the_root);
	TAP_RUN(around_nothing_is_an_error);
	topo_free(&topo);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}

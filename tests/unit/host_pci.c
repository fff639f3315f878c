// SPDX-License-Identifier: GPL-2.0-or-later
/* Functions and groups as read from a tree. */
#include <errno.h>
#include <limits.h>

#include "src/host/host.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

static struct tree tree;
static struct host host;
static struct err err;

static const struct bdf pf = { .bus = 1 };
static const struct bdf vf = { .bus = 1, .devfn = 0x80 };
static const struct bdf vf2 = { .bus = 1, .devfn = 0x84 }; /* not made */

static void start(void)
{
	if (tree.root[0]) {
		tree_remove(&tree);
		host_close(&host);
	}
	err = (struct err){ 0 };
	tree_make(&tree);
	tree_load(&tree, "igb");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
}

static void a_vf_is_read_with_its_pf(void)
{
	struct host_pci p;

	start();
	CHECK_EQ(host_pci_get(&host, vf, &p, &err), 0);
	CHECK_EQ(p.vendor, 0x8086);
	CHECK_EQ(p.device, 0x10ca);
	CHECK_EQ(p.class_code, 0x020000);
	CHECK_EQ(p.group, 3);
	CHECK(!strcmp(p.driver, "igbvf"));
	CHECK(p.is_vf);
	CHECK(bdf_equal(p.pf, pf));
	CHECK(bdf_equal(p.bdf, vf));
}

static void a_pf_is_no_vf(void)
{
	struct host_pci p;

	start();
	CHECK_EQ(host_pci_get(&host, pf, &p, &err), 0);
	CHECK(!p.is_vf);
}

static void no_driver_and_no_group_are_told(void)
{
	struct host_pci p;

	start();
	tree_add(&tree, "- sys/bus/pci/devices/0000:01:10.0/driver\n"
			"- sys/bus/pci/devices/0000:01:10.0/iommu_group");
	CHECK_EQ(host_pci_get(&host, vf, &p, &err), 0);
	CHECK(!strcmp(p.driver, ""));
	CHECK_EQ(p.group, -1);
}

static void a_group_that_is_no_number_is_none(void)
{
	CHECK_EQ(host_group_number("0"), 0);
	CHECK_EQ(host_group_number("2147483647"), INT_MAX);
	CHECK_EQ(host_group_number("2147483648"), -1);
	CHECK_EQ(host_group_number("4294967296"), -1);
	CHECK_EQ(host_group_number("18446744073709551617"), -1);
	CHECK_EQ(host_group_number("-1"), -1);
	CHECK_EQ(host_group_number("7x"), -1);
	CHECK_EQ(host_group_number("devices"), -1);
	CHECK_EQ(host_group_number(""), -1);
}

static void an_unknown_function_points_to_lspci(void)
{
	struct host_pci p;

	start();
	CHECK_EQ(host_pci_get(&host, (struct bdf){ .bus = 9 }, &p, &err),
		 -ENODEV);
	CHECK_HAS(err.msg, "0000:09:00.0");
	CHECK_HAS(err.hint, "lspci -D");
}

static void a_vf_position_gets_the_command_that_makes_it(void)
{
	struct host_pci p;

	start();
	tree_add(&tree, "sys/bus/pci/devices/0000:01:00.0/sriov_numvfs = 0");
	CHECK_EQ(host_pci_get(&host, vf2, &p, &err), -ENODEV);
	CHECK_HAS(err.hint, "VF 2 of 0000:01:00.0");
	CHECK_HAS(err.hint,
		  "echo 3 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs");
}

static void a_vf_beyond_those_made_needs_zero_first(void)
{
	struct host_pci p;

	start();
	CHECK_EQ(host_pci_get(&host, vf2, &p, &err), -ENODEV);
	CHECK_HAS(err.hint, "which has 2");
	CHECK_HAS(
		err.hint,
		"echo 0 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs; echo 3 >");
}

static void between_two_vfs_is_no_vf_position(void)
{
	struct bdf odd = { .bus = 1, .devfn = 0x85 };
	struct host_pci p;

	start();
	CHECK_EQ(host_pci_get(&host, odd, &p, &err), -ENODEV);
	CHECK_HAS(err.hint, "lspci -D");
}

static void past_the_last_vf_is_no_vf_position(void)
{
	struct bdf eighth = { .bus = 1, .devfn = 0x8e };
	struct host_pci p;

	start();
	CHECK_EQ(host_pci_get(&host, eighth, &p, &err), -ENODEV);
	CHECK_HAS(err.hint, "lspci -D");
}

static void a_pf_without_its_driver_makes_no_vfs(void)
{
	struct host_pci p;

	start();
	tree_add(&tree, "- sys/bus/pci/devices/0000:01:00.0/driver");
	CHECK_EQ(host_pci_get(&host, vf2, &p, &err), -ENODEV);
	CHECK_HAS(err.hint, "lspci -D");
}

static void variants_of_vfio_pci_are_known_by_name(void)
{
	CHECK(host_is_vfio_driver("vfio-pci"));
	CHECK(host_is_vfio_driver("mlx5_vfio_pci"));
	CHECK(host_is_vfio_driver("xe-vfio-pci"));
	CHECK(!host_is_vfio_driver("igbvf"));
	CHECK(!host_is_vfio_driver("myvfio-pci2"));
	CHECK(!host_is_vfio_driver(""));
}

struct seen {
	struct bdf bdfs[8];
	int nr, stop_at;
	char driver[HOST_NAME_LEN]; /* of the last */
};

static int note(struct bdf bdf, const char *driver, void *arg)
{
	struct seen *s = arg;

	snprintf(s->driver, sizeof(s->driver), "%s", driver);
	s->bdfs[s->nr++] = bdf;
	return s->nr == s->stop_at ? 77 : 0;
}

static void group_members_come_in_bdf_order(void)
{
	struct seen s = { 0 };

	start();
	CHECK_EQ(host_group_each(&host, 5, note, &s, &err), 0);
	CHECK_EQ(s.nr, 3);
	CHECK_EQ(s.bdfs[0].devfn, 0xf8);
	CHECK_EQ(s.bdfs[1].devfn, 0xfa);
	CHECK_EQ(s.bdfs[2].devfn, 0xfb);
}

static void the_callback_ends_the_walk(void)
{
	struct seen s = { .stop_at = 2 };

	start();
	CHECK_EQ(host_group_each(&host, 5, note, &s, &err), 77);
	CHECK_EQ(s.nr, 2);
}

static void a_missing_group_is_named(void)
{
	struct seen s = { 0 };

	start();
	CHECK_EQ(host_group_each(&host, 99, note, &s, &err), -ENOENT);
	CHECK_HAS(err.msg, "IOMMU group 99");
}

static void a_platform_device_in_the_group_is_found(void)
{
	struct host_other other;

	start();
	CHECK(!host_group_other(&host, 5, &other));
	tree_add(
		&tree,
		"sys/devices/platform/AMDI0010:00/driver -> ../../../bus/platform/drivers/i2c_designware\n"
		"sys/kernel/iommu_groups/5/devices/AMDI0010:00 -> ../../../../devices/platform/AMDI0010:00");
	CHECK(host_group_other(&host, 5, &other));
	CHECK(!strcmp(other.name, "AMDI0010:00"));
	CHECK(!strcmp(other.driver, "i2c_designware"));
}

int main(void)
{
	TAP_RUN(a_vf_is_read_with_its_pf);
	TAP_RUN(a_pf_is_no_vf);
	TAP_RUN(no_driver_and_no_group_are_told);
	TAP_RUN(a_group_that_is_no_number_is_none);
	TAP_RUN(an_unknown_function_points_to_lspci);
	TAP_RUN(a_vf_position_gets_the_command_that_makes_it);
	TAP_RUN(a_vf_beyond_those_made_needs_zero_first);
	TAP_RUN(between_two_vfs_is_no_vf_position);
	TAP_RUN(past_the_last_vf_is_no_vf_position);
	TAP_RUN(a_pf_without_its_driver_makes_no_vfs);
	TAP_RUN(variants_of_vfio_pci_are_known_by_name);
	TAP_RUN(group_members_come_in_bdf_order);
	TAP_RUN(the_callback_ends_the_walk);
	TAP_RUN(a_missing_group_is_named);
	TAP_RUN(a_platform_device_in_the_group_is_found);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}

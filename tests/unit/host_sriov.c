// SPDX-License-Identifier: GPL-2.0-or-later
/* PFs and VFs as read from a tree, and found by what users call them. */
#include <errno.h>

#include "src/host/sriov.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

#define PF  "sys/bus/pci/devices/0000:01:00.0"
#define PF2 "sys/devices/pci0000:00/0000:00:04.0/0000:02:00.1"

static struct tree tree;
static struct host host;
static struct err err;
static struct host_pf pf;
static struct host_vf vf;
static char seen[256];

static const struct bdf pf_bdf = { .bus = 1 };
static const struct bdf pf2_bdf = { .bus = 2, .devfn = 1 };
static const struct bdf vf_bdf = { .bus = 1, .devfn = 0x80 };
static const struct bdf vf1_bdf = { .bus = 1, .devfn = 0x82 };
static const struct bdf ahci = { .devfn = 0xfa };

static void start(void)
{
	if (tree.root[0]) {
		tree_remove(&tree);
		host_close(&host);
	}
	err = (struct err){ 0 };
	seen[0] = '\0';
	tree_make(&tree);
	tree_load(&tree, "igb");
	tree_add(&tree, PF "/sriov_vf_device = 10ca\n" PF
			   "/sriov_drivers_autoprobe = 1");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
}

/* Another PF of the same driver, listed before or after the first. */
static void start_two(void)
{
	start();
	tree_add(
		&tree, PF2
		"/vendor = 0x8086\n" PF2 "/device = 0x10c9\n" PF2
		"/class = 0x020000\n" PF2 "/sriov_totalvfs = 8\n" PF2
		"/sriov_numvfs = 0\n" PF2
		"/driver -> ../../../../bus/pci/drivers/igb\n" PF2
		"/net/ens2/dev_port = 0\n" PF2 "/net/ens2/phys_port_name = p1\n"
		"sys/class/net/ens2 -> ../../devices/pci0000:00/0000:00:04.0/0000:02:00.1/net/ens2\n"
		"sys/bus/pci/devices/0000:02:00.1 -> ../../../devices/pci0000:00/0000:00:04.0/0000:02:00.1");
}

static void note(struct bdf bdf)
{
	char s[BDF_STR_LEN];
	size_t n = strlen(seen);

	snprintf(seen + n, sizeof(seen) - n, "%s ", bdf_str(bdf, s));
}

static int note_pf(const struct host_pf *p, void *arg)
{
	(void)arg;
	note(p->bdf);
	return 0;
}

static int note_vf(const struct host_vf *v, void *arg)
{
	unsigned int *next = arg;

	CHECK_EQ(v->index, *next);
	(*next)++;
	note(v->dev.bdf);
	return 0;
}

static int stop_at_once(const struct host_vf *v, void *arg)
{
	(void)arg;
	note(v->dev.bdf);
	return 7;
}

/* --- one PF --- */

static void a_pf_is_read_with_its_numbers(void)
{
	start();
	tree_add(&tree, PF "/sriov_vf_total_msix = 64");
	CHECK_EQ(host_pf_get(&host, pf_bdf, &pf, &err), 0);
	CHECK(bdf_equal(pf.bdf, pf_bdf));
	CHECK(!strcmp(pf.driver, "igb"));
	CHECK_EQ(pf.total_vfs, 7);
	CHECK_EQ(pf.nr_vfs, 2);
	CHECK_EQ(pf.offset, 128);
	CHECK_EQ(pf.stride, 2);
	CHECK_EQ(pf.vf_total_msix, 64);
	CHECK(pf.autoprobe);
}

static void the_device_id_of_vfs_is_hexadecimal(void)
{
	start();
	CHECK_EQ(host_pf_get(&host, pf_bdf, &pf, &err), 0);
	CHECK_EQ(pf.vf_device, 0x10ca);
}

static void a_kernel_without_autoprobe_probes(void)
{
	start();
	tree_add(&tree, "- " PF "/sriov_drivers_autoprobe");
	CHECK_EQ(host_pf_get(&host, pf_bdf, &pf, &err), 0);
	CHECK(pf.autoprobe);
}

static void a_vf_is_no_pf_and_names_its_own(void)
{
	start();
	CHECK_EQ(host_pf_get(&host, vf1_bdf, &pf, &err), -EINVAL);
	CHECK(!strcmp(err.msg,
		      "0000:01:10.2: it is VF 1 of 0000:01:00.0, and no PF"));
	CHECK_HAS(err.hint, "0000:01:00.0");
}

static void a_function_without_sriov_is_refused(void)
{
	start();
	CHECK_EQ(host_pf_get(&host, ahci, &pf, &err), -EOPNOTSUPP);
	CHECK(!strcmp(err.msg, "0000:00:1f.2: it has no SR-IOV capability"));
	CHECK_HAS(err.hint, "0000:01:00.0 has");
}

static void a_machine_without_sriov_is_told_so(void)
{
	start();
	tree_add(&tree, "- " PF "/sriov_totalvfs");
	CHECK_EQ(host_pf_get(&host, ahci, &pf, &err), -EOPNOTSUPP);
	CHECK_HAS(err.hint, "no function of this machine has");
}

static void an_unknown_pf_suggests_the_nearest(void)
{
	struct bdf typo = { .bus = 2, .devfn = 0 };

	start_two();
	CHECK_EQ(host_pf_get(&host, typo, &pf, &err), -ENODEV);
	CHECK_HAS(err.msg, "0000:02:00.0");
	CHECK_HAS(err.hint, "did you mean 0000:02:00.1?");
}

static void of_equally_near_functions_the_closer_is_nearest(void)
{
	struct bdf typo = { .bus = 1, .devfn = 0x89 }, near;

	start();
	CHECK(host_pci_nearest(&host, typo, HOST_VF, &near));
	CHECK(bdf_equal(near, vf1_bdf));
}

static void there_is_no_nearest_of_a_kind_that_is_not_there(void)
{
	struct bdf near;

	start();
	tree_add(&tree, "- " PF "/sriov_totalvfs");
	CHECK(!host_pci_nearest(&host, vf_bdf, HOST_PF, &near));
}

/* --- VFs --- */

static void a_vf_is_read_with_its_number(void)
{
	start();
	CHECK_EQ(host_vf_get(&host, vf1_bdf, &vf, &err), 0);
	CHECK_EQ(vf.index, 1);
	CHECK(bdf_equal(vf.dev.pf, pf_bdf));
}

static void a_pf_is_no_vf(void)
{
	start();
	CHECK_EQ(host_vf_get(&host, pf_bdf, &vf, &err), -EINVAL);
	CHECK(!strcmp(err.msg, "0000:01:00.0: it is no VF, it is a PF"));
	CHECK_HAS(err.hint, "0000:01:00.0/virtfn*");
}

static void a_function_without_sriov_is_no_vf(void)
{
	start();
	CHECK_EQ(host_vf_get(&host, ahci, &vf, &err), -EINVAL);
	CHECK(!strcmp(err.msg, "0000:00:1f.2: it is no VF"));
}

static void a_vf_that_could_be_made_says_how(void)
{
	struct bdf third = { .bus = 1, .devfn = 0x84 };

	start();
	CHECK_EQ(host_vf_get(&host, third, &vf, &err), -ENODEV);
	CHECK_HAS(err.hint, "VF 2 of 0000:01:00.0");
}

static void an_unknown_vf_suggests_the_nearest(void)
{
	struct bdf odd = { .bus = 1, .devfn = 0x81 };

	start();
	CHECK_EQ(host_vf_get(&host, odd, &vf, &err), -ENODEV);
	CHECK_HAS(err.hint, "did you mean 0000:01:10.0?");
}

static void vfs_come_by_number(void)
{
	unsigned int next = 0;

	start();
	CHECK_EQ(host_vf_each(&host, pf_bdf, note_vf, &next, &err), 0);
	CHECK(!strcmp(seen, "0000:01:10.0 0000:01:10.2 "));
}

static void a_vf_that_is_gone_is_left_out(void)
{
	unsigned int next = 0;

	start();
	tree_add(&tree, "- sys/bus/pci/devices/0000:01:10.2");
	CHECK_EQ(host_vf_each(&host, pf_bdf, note_vf, &next, &err), 0);
	CHECK(!strcmp(seen, "0000:01:10.0 "));
}

static void a_callback_ends_the_list_with_its_value(void)
{
	start();
	CHECK_EQ(host_vf_each(&host, pf_bdf, stop_at_once, NULL, &err), 7);
	CHECK(!strcmp(seen, "0000:01:10.0 "));
}

static void pfs_come_in_order(void)
{
	start_two();
	CHECK_EQ(host_pf_each(&host, note_pf, NULL, &err), 0);
	CHECK(!strcmp(seen, "0000:01:00.0 0000:02:00.1 "));
}

static void a_tree_without_pci_is_an_error(void)
{
	start();
	tree_add(&tree, "- sys/bus/pci/devices");
	CHECK_EQ(host_pf_each(&host, note_pf, NULL, &err), -ENOENT);
	CHECK_HAS(err.msg, "list the PCI functions");
}

/* --- interfaces --- */

static void an_interface_is_found_by_its_function(void)
{
	char name[HOST_NAME_LEN];

	start();
	CHECK(host_netdev(&host, pf_bdf, name, sizeof(name)));
	CHECK(!strcmp(name, "eth0"));
}

static void a_representor_is_not_the_interface_of_the_pf(void)
{
	char name[HOST_NAME_LEN];

	start();
	tree_add(&tree, PF "/net/eth0/phys_port_name = p0\n" PF
			   "/net/aaa/phys_port_name = pf0vf1\n" PF
			   "/net/aab/phys_port_name = c1pf0vf1\n" PF
			   "/net/aac/phys_port_name = c1pf0");
	CHECK(host_netdev(&host, pf_bdf, name, sizeof(name)));
	CHECK(!strcmp(name, "eth0"));
}

static void of_several_ports_the_first_is_the_interface(void)
{
	char name[HOST_NAME_LEN];

	start();
	tree_add(&tree,
		 PF "/net/eth0/dev_port = 1\n" PF "/net/eth9/dev_port = 0");
	CHECK(host_netdev(&host, pf_bdf, name, sizeof(name)));
	CHECK(!strcmp(name, "eth9"));
}

static void a_function_without_interface_has_none(void)
{
	char name[HOST_NAME_LEN];

	start();
	CHECK(!host_netdev(&host, ahci, name, sizeof(name)));
}

/* --- a PF by name --- */

static void a_pf_is_found_by_address(void)
{
	start_two();
	CHECK_EQ(host_pf_find(&host, "01:00.0", &pf, &err), 0);
	CHECK(bdf_equal(pf.bdf, pf_bdf));
}

static void a_pf_is_found_by_interface(void)
{
	start_two();
	CHECK_EQ(host_pf_find(&host, "ens2", &pf, &err), 0);
	CHECK(bdf_equal(pf.bdf, pf2_bdf));
}

static void the_interface_of_a_vf_names_the_pf_to_take(void)
{
	start();
	CHECK_EQ(host_pf_find(&host, "eth1", &pf, &err), -EINVAL);
	CHECK(!strcmp(
		err.msg,
		"eth1: 0000:01:10.0: it is VF 0 of 0000:01:00.0, and no PF"));
}

static void what_names_a_directory_is_no_interface(void)
{
	static const char *const names[] = { "", ".", "..", "/", "/eth0" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		start();
		CHECK_EQ(host_pf_find(&host, names[i], &pf, &err), -ENODEV);
		CHECK_HAS(err.msg, ": there is no such PF: it is no PCI");
	}
}

static void an_interface_of_no_function_is_told(void)
{
	start();
	tree_add(&tree, "sys/class/net/lo -> ../../devices/virtual/net/lo\n"
			"sys/devices/virtual/net/lo/flags = 0x9");
	CHECK_EQ(host_pf_find(&host, "lo", &pf, &err), -ENODEV);
	CHECK_HAS(err.msg, "lo: this interface belongs to no PCI function");
}

static void a_name_of_nothing_is_told(void)
{
	start();
	CHECK_EQ(host_pf_find(&host, "eth7", &pf, &err), -ENODEV);
	CHECK_HAS(err.msg, "eth7: there is no such PF");
	CHECK_EQ(host_pf_find(&host, "", &pf, &err), -ENODEV);
}

static void driver_and_number_count_in_order(void)
{
	start_two();
	CHECK_EQ(host_pf_find(&host, "igb/0", &pf, &err), 0);
	CHECK(bdf_equal(pf.bdf, pf_bdf));
	CHECK_EQ(host_pf_find(&host, "igb/1", &pf, &err), 0);
	CHECK(bdf_equal(pf.bdf, pf2_bdf));
}

static void driver_and_port_name_find_the_port(void)
{
	start_two();
	CHECK_EQ(host_pf_find(&host, "igb/p1", &pf, &err), 0);
	CHECK(bdf_equal(pf.bdf, pf2_bdf));
}

static void a_port_name_goes_before_a_number(void)
{
	start_two();
	tree_add(&tree, PF2 "/net/ens2/phys_port_name = 0");
	CHECK_EQ(host_pf_find(&host, "igb/0", &pf, &err), 0);
	CHECK(bdf_equal(pf.bdf, pf2_bdf));
}

static void a_number_past_the_last_tells_how_many(void)
{
	start_two();
	CHECK_EQ(host_pf_find(&host, "igb/2", &pf, &err), -ENODEV);
	CHECK_HAS(err.msg, "the driver igb has 2 with SR-IOV");
	CHECK_HAS(err.hint, "igb/0 to igb/1");
}

static void a_driver_without_pfs_has_none(void)
{
	start();
	CHECK_EQ(host_pf_find(&host, "ixgbe/0", &pf, &err), -ENODEV);
	CHECK_HAS(err.msg, "the driver ixgbe has 0 with SR-IOV");
	CHECK_EQ(host_pf_find(&host, "igb/", &pf, &err), -ENODEV);
	CHECK_EQ(host_pf_find(&host, "../..", &pf, &err), -ENODEV);
}

/* --- who uses it --- */

static void the_holder_of_a_group_is_found(void)
{
	char name[HOST_NAME_LEN];

	start();
	tree_add(&tree, "dev/vfio/3 =\nproc/4711/comm = qemu-system-x86\n"
			"proc/4711/fd/9 -> /dev/vfio/3");
	CHECK_EQ(host_vfio_holder(&host, vf_bdf, name, sizeof(name)), 4711);
	CHECK(!strcmp(name, "qemu-system-x86"));
}

static void the_holder_of_a_cdev_is_found(void)
{
	char name[HOST_NAME_LEN];

	start();
	tree_add(&tree,
		 "sys/bus/pci/devices/0000:01:10.0/vfio-dev/vfio5/dev = 511:5\n"
		 "proc/4711/comm = strait\n"
		 "proc/4711/fd/9 -> /dev/vfio/devices/vfio5");
	CHECK_EQ(host_vfio_holder(&host, vf_bdf, name, sizeof(name)), 4711);
	CHECK(!strcmp(name, "strait"));
}

static void a_function_that_nobody_has_has_no_holder(void)
{
	char name[HOST_NAME_LEN];

	start();
	tree_add(&tree, "dev/vfio/3 =\nproc/4711/comm = qemu-system-x86\n"
			"proc/4711/fd/9 -> /dev/vfio/4");
	CHECK_EQ(host_vfio_holder(&host, vf_bdf, name, sizeof(name)), 0);
}

int main(void)
{
	TAP_RUN(a_pf_is_read_with_its_numbers);
	TAP_RUN(the_device_id_of_vfs_is_hexadecimal);
	TAP_RUN(a_kernel_without_autoprobe_probes);
	TAP_RUN(a_vf_is_no_pf_and_names_its_own);
	TAP_RUN(a_function_without_sriov_is_refused);
	TAP_RUN(a_machine_without_sriov_is_told_so);
	TAP_RUN(an_unknown_pf_suggests_the_nearest);
	TAP_RUN(of_equally_near_functions_the_closer_is_nearest);
	TAP_RUN(there_is_no_nearest_of_a_kind_that_is_not_there);
	TAP_RUN(a_vf_is_read_with_its_number);
	TAP_RUN(a_pf_is_no_vf);
	TAP_RUN(a_function_without_sriov_is_no_vf);
	TAP_RUN(a_vf_that_could_be_made_says_how);
	TAP_RUN(an_unknown_vf_suggests_the_nearest);
	TAP_RUN(vfs_come_by_number);
	TAP_RUN(a_vf_that_is_gone_is_left_out);
	TAP_RUN(a_callback_ends_the_list_with_its_value);
	TAP_RUN(pfs_come_in_order);
	TAP_RUN(a_tree_without_pci_is_an_error);
	TAP_RUN(an_interface_is_found_by_its_function);
	TAP_RUN(a_representor_is_not_the_interface_of_the_pf);
	TAP_RUN(of_several_ports_the_first_is_the_interface);
	TAP_RUN(a_function_without_interface_has_none);
	TAP_RUN(a_pf_is_found_by_address);
	TAP_RUN(a_pf_is_found_by_interface);
	TAP_RUN(the_interface_of_a_vf_names_the_pf_to_take);
	TAP_RUN(what_names_a_directory_is_no_interface);
	TAP_RUN(an_interface_of_no_function_is_told);
	TAP_RUN(a_name_of_nothing_is_told);
	TAP_RUN(driver_and_number_count_in_order);
	TAP_RUN(driver_and_port_name_find_the_port);
	TAP_RUN(a_port_name_goes_before_a_number);
	TAP_RUN(a_number_past_the_last_tells_how_many);
	TAP_RUN(a_driver_without_pfs_has_none);
	TAP_RUN(the_holder_of_a_group_is_found);
	TAP_RUN(the_holder_of_a_cdev_is_found);
	TAP_RUN(a_function_that_nobody_has_has_no_holder);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}

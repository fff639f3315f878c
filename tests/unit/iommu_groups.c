// SPDX-License-Identifier: GPL-2.0-or-later
/* Every reason why a function cannot be opened through VFIO, and its remedy. */
#include <errno.h>

#include "iommu/iommu.h"
#include "tests/fake/drivers.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

#define VF "sys/bus/pci/devices/0000:01:10.0"

static struct tree tree;
static struct host host;
static struct drivers drivers;
static struct err err;

static const struct bdf vf = { .bus = 1, .devfn = 0x80 };
static const struct bdf isa = { .devfn = 0xf8 };

static void start(void)
{
	if (tree.root[0]) {
		tree_remove(&tree);
		host_close(&host);
	}
	err = (struct err){ 0 };
	drivers = (struct drivers){ 0 };
	tree_make(&tree);
	tree_load(&tree, "igb");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	drivers_attach(&drivers, &host);
}

/* The VF is on vfio-pci and its group has a node. */
static void start_bound(void)
{
	start();
	tree_add(&tree, VF "/driver -> ../../../../bus/pci/drivers/vfio-pci\n"
			   "dev/vfio/3 =");
}

/* Nothing in sysfs of an IOMMU in use. */
static void start_without_groups(void)
{
	start();
	tree_add(&tree, "- sys/kernel/iommu_groups\n"
			"- " VF "/iommu_group\n"
			"- sys/class/iommu/dmar0\n"
			"proc/cmdline = root=/dev/sda1 ro");
}

/* Root port, VF and a second function of another driver in group 3. */
static void start_shared(void)
{
	start_bound();
	tree_add(
		&tree,
		"sys/kernel/iommu_groups/3/devices/0000:00:03.0 -> ../../../../devices/pci0000:00/0000:00:03.0\n"
		"sys/kernel/iommu_groups/3/devices/0000:01:10.2 -> ../../../../devices/pci0000:00/0000:00:03.0/0000:01:10.2");
}

static void a_bound_function_with_a_node_passes(void)
{
	start_bound();
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), 0);
}

static void a_function_that_will_be_bound_passes(void)
{
	start();
	CHECK_EQ(iommu_group_check(&host, vf, true, &err), 0);
}

static void a_function_on_its_host_driver_is_told_so(void)
{
	start();
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), -ENODEV);
	CHECK(!strcmp(err.msg,
		      "0000:01:10.0: it is bound to igbvf, not vfio-pci"));
	CHECK_HAS(err.hint, "managed=off");
}

static void a_function_without_driver_is_told_so(void)
{
	start();
	tree_add(&tree, "- " VF "/driver");
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), -ENODEV);
	CHECK_HAS(err.msg, "is not bound to vfio-pci");
}

static void an_unknown_function_is_told_so(void)
{
	start();
	CHECK_EQ(iommu_group_check(&host, (struct bdf){ .bus = 9 }, true, &err),
		 -ENODEV);
	CHECK_HAS(err.msg, "0000:09:00.0");
}

static void an_unused_intel_iommu_wants_its_kernel_option(void)
{
	start_without_groups();
	CHECK_EQ(iommu_group_check(&host, vf, true, &err), -ENODEV);
	CHECK_HAS(err.msg, "0000:01:10.0");
	CHECK_HAS(err.msg, "Intel IOMMU that the kernel does not use");
	CHECK_HAS(err.hint, "intel_iommu=on");
}

static void an_iommu_switched_off_by_an_option_names_it(void)
{
	start_without_groups();
	tree_add(&tree, "proc/cmdline = intel_iommu=off quiet");
	CHECK_EQ(iommu_group_check(&host, vf, true, &err), -ENODEV);
	CHECK_HAS(err.msg, "switched off by intel_iommu=off");
}

static void the_last_word_of_the_command_line_counts(void)
{
	start_without_groups();
	tree_add(&tree, "proc/cmdline = quiet iommu=off");
	CHECK_EQ(iommu_group_check(&host, vf, true, &err), -ENODEV);
	CHECK_HAS(err.msg, "switched off by iommu=off");
}

static void an_option_that_only_looks_like_it_does_not_count(void)
{
	start_without_groups();
	tree_add(&tree, "proc/cmdline = my_iommu=off iommu=offline");
	CHECK_EQ(iommu_group_check(&host, vf, true, &err), -ENODEV);
	CHECK_HAS(err.hint, "intel_iommu=on");
}

static void an_unused_amd_iommu_points_to_the_log(void)
{
	start_without_groups();
	tree_add(&tree, "- sys/firmware/acpi/tables/DMAR\n"
			"sys/firmware/acpi/tables/IVRS = IVRS");
	CHECK_EQ(iommu_group_check(&host, vf, true, &err), -ENODEV);
	CHECK_HAS(err.hint, "AMD-Vi");
}

static void no_iommu_on_intel_points_to_the_firmware(void)
{
	start_without_groups();
	tree_add(&tree, "- sys/firmware/acpi/tables/DMAR");
	CHECK_EQ(iommu_group_check(&host, vf, true, &err), -ENODEV);
	CHECK_HAS(err.msg, "shows no IOMMU");
	CHECK_HAS(err.hint, "VT-d");
	CHECK_HAS(err.hint, "firmware");
}

static void no_iommu_on_amd_points_to_the_firmware(void)
{
	start_without_groups();
	tree_add(
		&tree,
		"- sys/firmware/acpi/tables/DMAR\n"
		"proc/cpuinfo = vendor_id\\t: AuthenticAMD\\nflags\\t\\t: fpu vme");
	CHECK_EQ(iommu_group_check(&host, vf, true, &err), -ENODEV);
	CHECK_HAS(err.hint, "AMD-Vi");
	CHECK_HAS(err.hint, "firmware");
}

static void no_iommu_in_a_virtual_machine_wants_a_virtual_one(void)
{
	start_without_groups();
	tree_add(
		&tree,
		"- sys/firmware/acpi/tables/DMAR\n"
		"proc/cpuinfo = vendor_id\\t: GenuineIntel\\nflags\\t\\t: fpu hypervisor lahf_lm");
	CHECK_EQ(iommu_group_check(&host, vf, true, &err), -ENODEV);
	CHECK_HAS(err.hint, "-device intel-iommu");
}

static void a_function_in_no_group_among_others_is_told_so(void)
{
	start();
	tree_add(&tree, "- " VF "/iommu_group");
	CHECK_EQ(iommu_group_check(&host, vf, true, &err), -ENODEV);
	CHECK_HAS(err.msg, "in no IOMMU group, though other functions are");
}

static void a_no_iommu_group_is_refused(void)
{
	start_bound();
	tree_add(&tree, "sys/kernel/iommu_groups/3/name = vfio-noiommu");
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), -ENODEV);
	CHECK_HAS(err.msg, "vfio-noiommu");
}

static void a_blocker_is_named_with_the_command_that_frees_it(void)
{
	start_shared();
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), -EPERM);
	CHECK(!strcmp(
		err.msg,
		"0000:01:10.0: its IOMMU group 3 is not viable, the host's drivers hold others of it: 0000:01:10.2 (igbvf)"));
	CHECK_HAS(
		err.hint,
		"echo 0000:01:10.2 > /sys/bus/pci/devices/0000:01:10.2/driver/unbind");
}

static void neighbours_that_will_be_bound_too_are_no_blockers(void)
{
	const struct bdf both[] = { vf, { .bus = 1, .devfn = 0x82 } };
	const struct iommu_to_bind list = { .bdfs = both, .nr = 2 };

	start_shared();
	CHECK_EQ(iommu_group_check_with(&host, vf, &list, &err), 0);
}

static void a_neighbour_that_is_not_of_the_list_blocks(void)
{
	const struct iommu_to_bind list = { .bdfs = &vf, .nr = 1 };

	start_shared();
	CHECK_EQ(iommu_group_check_with(&host, vf, &list, &err), -EPERM);
}

static void a_root_port_on_pcieport_is_no_blocker(void)
{
	start_shared();
	tree_add(&tree, "- sys/kernel/iommu_groups/3/devices/0000:01:10.2");
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), 0);
}

static void a_neighbour_on_pci_stub_is_no_blocker(void)
{
	start_shared();
	tree_add(
		&tree,
		"sys/bus/pci/devices/0000:01:10.2/driver -> ../../../../bus/pci/drivers/pci-stub");
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), 0);
}

static void a_neighbour_on_a_variant_is_no_blocker(void)
{
	start_shared();
	tree_add(
		&tree,
		"sys/bus/pci/devices/0000:01:10.2/driver -> ../../../../bus/pci/drivers/mlx5_vfio_pci");
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), 0);
}

static void a_neighbour_without_driver_is_no_blocker(void)
{
	start_shared();
	tree_add(&tree, "- sys/bus/pci/devices/0000:01:10.2/driver");
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), 0);
}

static void a_bridge_on_shpchp_is_a_blocker(void)
{
	start_shared();
	tree_add(
		&tree,
		"sys/bus/pci/devices/0000:00:03.0/driver -> ../../../bus/pci/drivers/shpchp");
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), -EPERM);
	CHECK_HAS(err.msg, "0000:00:03.0 (shpchp), 0000:01:10.2 (igbvf)");
	CHECK_HAS(err.hint, "for d in 0000:00:03.0 0000:01:10.2; do");
}

static void a_blocker_that_the_host_needs_is_told_why(void)
{
	start();
	CHECK_EQ(iommu_group_check(&host, isa, true, &err), -EPERM);
	CHECK_HAS(err.msg, "0000:00:1f.2 (ahci), 0000:00:1f.3 (i801_smbus)");
	CHECK_HAS(err.hint, "0000:00:1f.2: its disk sda1 is mounted on /");
}

static void a_platform_device_is_a_blocker(void)
{
	start_bound();
	tree_add(
		&tree,
		"sys/devices/platform/AMDI0010:00/driver -> ../../../bus/platform/drivers/i2c_designware\n"
		"sys/kernel/iommu_groups/3/devices/AMDI0010:00 -> ../../../../devices/platform/AMDI0010:00");
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), -EPERM);
	CHECK_HAS(err.msg, "AMDI0010:00 (i2c_designware)");
	CHECK_HAS(err.hint, "no PCI function");
}

static void many_blockers_are_counted_and_the_text_is_whole(void)
{
	char text[512];

	start_bound();
	for (int i = 0; i < 32; i++) {
		snprintf(
			text, sizeof(text),
			"sys/bus/pci/devices/0000:05:%02x.0/vendor = 1\n"
			"sys/bus/pci/devices/0000:05:%02x.0/device = 1\n"
			"sys/bus/pci/devices/0000:05:%02x.0/class = 1\n"
			"sys/bus/pci/devices/0000:05:%02x.0/driver -> ../../../../bus/pci/drivers/ixgbevf\n"
			"sys/kernel/iommu_groups/3/devices/0000:05:%02x.0 -> ../../../../bus/pci/devices/0000:05:%02x.0",
			i, i, i, i, i, i);
		tree_add(&tree, text);
	}
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), -EPERM);
	CHECK_HAS(err.msg, "0000:05:00.0 (ixgbevf), 0000:05:01.0 (ixgbevf)");
	CHECK_HAS(err.msg, " and 17 more");
	CHECK_HAS(err.hint, "; done, and the same for 5 others");
}

static void a_busy_group_names_its_holder(void)
{
	start_bound();
	drivers.open_path = "dev/vfio/3";
	drivers.open_code = EBUSY;
	tree_add(&tree, "proc/4242/fd/7 -> /dev/vfio/3\n"
			"proc/4242/comm = qemu-system-x86");
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), -EBUSY);
	CHECK_HAS(err.msg, "process 4242 (qemu-system-x86)");
	CHECK_HAS(err.msg, "/dev/vfio/3");
}

static void a_busy_group_with_a_hidden_holder_points_to_fuser(void)
{
	start_bound();
	drivers.open_path = "dev/vfio/3";
	drivers.open_code = EBUSY;
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), -EBUSY);
	CHECK_HAS(err.msg, "another process");
	CHECK_HAS(err.hint, "fuser -v /dev/vfio/3");
}

static void a_group_that_is_ours_already_passes(void)
{
	start_bound();
	drivers.open_path = "dev/vfio/3";
	drivers.open_code = EBUSY;
	tree_add(&tree, "proc/self/fd/9 -> /dev/vfio/3");
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), 0);
}

static void no_permission_on_the_node_says_who_can_give_it(void)
{
	start_bound();
	drivers.open_path = "dev/vfio/3";
	drivers.open_code = EACCES;
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), -EACCES);
	CHECK_HAS(err.msg, "0000:01:10.0: /dev/vfio/3: open");
	CHECK_HAS(err.hint, "chown");
	CHECK_HAS(err.hint, "/dev/vfio/3");
}

static void a_device_list_without_the_node_is_explained(void)
{
	start_bound();
	drivers.open_path = "dev/vfio/3";
	drivers.open_code = EPERM;
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), -EPERM);
	CHECK_HAS(err.hint, "container");
}

static void a_missing_node_of_a_bound_function_is_explained(void)
{
	start_bound();
	tree_add(&tree, "- dev/vfio/3");
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), -ENOENT);
	CHECK_HAS(err.msg, "/dev/vfio/3");
	CHECK_HAS(err.hint, "container");
}

/* --- iommufd --- */

static const struct iommu_to_bind by_iommufd = { .kind = IOMMU_IOMMUFD };

/* The VF has a file of its own, and the group's is out of reach. */
static void start_iommufd(void)
{
	start_bound();
	tree_add(
		&tree,
		"dev/iommu =\n"
		"dev/vfio/devices/vfio7 =\n"
		"sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0/vfio-dev/vfio7/dev = 511:7");
	drivers.open_path = "dev/vfio/3";
	drivers.open_code = EACCES;
}

static void iommufd_needs_no_rights_on_the_group(void)
{
	start_iommufd();
	CHECK_EQ(iommu_group_check_with(&host, vf, &by_iommufd, &err), 0);
}

static void auto_takes_the_way_that_there_is(void)
{
	start_iommufd();
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), 0);
	tree_add(&tree, "- dev/iommu");
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), -EACCES);
	CHECK_HAS(err.msg, "/dev/vfio/3");
}

static void auto_falls_back_to_the_group_without_rights_on_the_file(void)
{
	start_iommufd();
	drivers.open_path = "dev/vfio/devices/vfio7";
	CHECK_EQ(iommu_group_check(&host, vf, false, &err), 0);
}

static void iommufd_without_dev_iommu_is_explained(void)
{
	start_iommufd();
	tree_add(&tree, "- dev/iommu");
	CHECK_EQ(iommu_group_check_with(&host, vf, &by_iommufd, &err), -ENOENT);
	CHECK_HAS(err.msg, "0000:01:10.0: /dev/iommu: open");
	CHECK_HAS(err.hint, "CONFIG_IOMMUFD");
}

static void no_permission_on_the_device_file_names_it(void)
{
	start_iommufd();
	drivers.open_path = "dev/vfio/devices/vfio7";
	CHECK_EQ(iommu_group_check_with(&host, vf, &by_iommufd, &err), -EACCES);
	CHECK_HAS(err.hint, "chown \"$USER\" /dev/vfio/devices/vfio7");
}

static void a_device_that_another_process_has_bound_names_it(void)
{
	start_iommufd();
	tree_add(&tree, "proc/77/fd/9 -> /dev/vfio/devices/vfio7\n"
			"proc/77/comm = strait");
	drivers.open_code = EBUSY;
	CHECK_EQ(iommu_group_check_with(&host, vf, &by_iommufd, &err), -EBUSY);
	CHECK_HAS(err.msg, "process 77 (strait)");
	CHECK_HAS(err.msg, "/dev/vfio/devices/vfio7");
}

static void a_function_that_will_be_bound_needs_no_device_file(void)
{
	const struct iommu_to_bind self = { .bdfs = &vf,
					    .nr = 1,
					    .kind = IOMMU_IOMMUFD };

	start();
	tree_add(&tree, "dev/iommu =");
	CHECK_EQ(iommu_group_check_with(&host, vf, &self, &err), 0);
}

static void a_mediated_device_is_alone_in_its_group(void)
{
	struct host_vfio mdev = { .name = "aabb-ccdd", .group = 9, .cdev = -1 };

	start();
	tree_add(
		&tree,
		"dev/vfio/9 =\n"
		"sys/kernel/iommu_groups/9/devices/aabb-ccdd/driver -> ../../../../bus/mdev/drivers/mtty");
	CHECK_EQ(iommu_group_check_dev(&host, &mdev, true, IOMMU_CONTAINER,
				       &err),
		 0);
}

int main(void)
{
	TAP_RUN(a_bound_function_with_a_node_passes);
	TAP_RUN(a_function_that_will_be_bound_passes);
	TAP_RUN(a_function_on_its_host_driver_is_told_so);
	TAP_RUN(a_function_without_driver_is_told_so);
	TAP_RUN(an_unknown_function_is_told_so);
	TAP_RUN(an_unused_intel_iommu_wants_its_kernel_option);
	TAP_RUN(an_iommu_switched_off_by_an_option_names_it);
	TAP_RUN(the_last_word_of_the_command_line_counts);
	TAP_RUN(an_option_that_only_looks_like_it_does_not_count);
	TAP_RUN(an_unused_amd_iommu_points_to_the_log);
	TAP_RUN(no_iommu_on_intel_points_to_the_firmware);
	TAP_RUN(no_iommu_on_amd_points_to_the_firmware);
	TAP_RUN(no_iommu_in_a_virtual_machine_wants_a_virtual_one);
	TAP_RUN(a_function_in_no_group_among_others_is_told_so);
	TAP_RUN(a_no_iommu_group_is_refused);
	TAP_RUN(a_blocker_is_named_with_the_command_that_frees_it);
	TAP_RUN(neighbours_that_will_be_bound_too_are_no_blockers);
	TAP_RUN(a_neighbour_that_is_not_of_the_list_blocks);
	TAP_RUN(a_root_port_on_pcieport_is_no_blocker);
	TAP_RUN(a_neighbour_on_pci_stub_is_no_blocker);
	TAP_RUN(a_neighbour_on_a_variant_is_no_blocker);
	TAP_RUN(a_neighbour_without_driver_is_no_blocker);
	TAP_RUN(a_bridge_on_shpchp_is_a_blocker);
	TAP_RUN(a_blocker_that_the_host_needs_is_told_why);
	TAP_RUN(a_platform_device_is_a_blocker);
	TAP_RUN(many_blockers_are_counted_and_the_text_is_whole);
	TAP_RUN(a_busy_group_names_its_holder);
	TAP_RUN(a_busy_group_with_a_hidden_holder_points_to_fuser);
	TAP_RUN(a_group_that_is_ours_already_passes);
	TAP_RUN(no_permission_on_the_node_says_who_can_give_it);
	TAP_RUN(a_device_list_without_the_node_is_explained);
	TAP_RUN(a_missing_node_of_a_bound_function_is_explained);
	TAP_RUN(iommufd_needs_no_rights_on_the_group);
	TAP_RUN(auto_takes_the_way_that_there_is);
	TAP_RUN(auto_falls_back_to_the_group_without_rights_on_the_file);
	TAP_RUN(iommufd_without_dev_iommu_is_explained);
	TAP_RUN(no_permission_on_the_device_file_names_it);
	TAP_RUN(a_device_that_another_process_has_bound_names_it);
	TAP_RUN(a_function_that_will_be_bound_needs_no_device_file);
	TAP_RUN(a_mediated_device_is_alone_in_its_group);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}

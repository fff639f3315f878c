// SPDX-License-Identifier: GPL-2.0-or-later
/* VF tokens on iommufd, and why the kernel refuses a device. */
#include "tests/unit/iommufd_fixture.h"

/* --- VF tokens --- */

static const char uuid[] = "83d8f4f2-509f-382f-3c1e-e6bfe0fa1001";
static const uint8_t uuid_bytes[16] = { 0x83, 0xd8, 0xf4, 0xf2, 0x50, 0x9f,
					0x38, 0x2f, 0x3c, 0x1e, 0xe6, 0xbf,
					0xe0, 0xfa, 0x10, 0x01 };

static void a_token_goes_with_the_bind(void)
{
	start();
	dev.vf_token = uuid;
	CHECK_EQ(open_dev(), 0);
	CHECK_EQ(k.bind.argsz, 24);
	CHECK_EQ(k.bind.flags, STRAIT_VFIO_BIND_FLAG_TOKEN);
	CHECK(!memcmp(k.token, uuid_bytes, sizeof(uuid_bytes)));
	stop();
}

static void what_is_no_uuid_is_refused(void)
{
	start();
	dev.vf_token = "83d8f4f2-509f-382f-3c1e-e6bfe0fa100";
	CHECK_EQ(open_dev(), -EINVAL);
	CHECK_HAS(err.msg, "is no UUID");
	dev.vf_token = "83d8f4f2-509f-382f-3c1e-e6bfe0fa10011";
	CHECK_EQ(open_dev(), -EINVAL);
	dev.vf_token = "83d8f4f2x509f-382f-3c1e-e6bfe0fa1001";
	CHECK_EQ(open_dev(), -EINVAL);
	CHECK_EQ(k.nr_bound, 0);
	stop();
}

/* Linux 6.6 to 6.17 */
static void a_pf_gets_its_token_another_way_on_older_kernels(void)
{
	start();
	tree_add(&tree, VF_DIR "/sriov_totalvfs = 7");
	dev.vf_token = uuid;
	k.no_tokens = true;
	CHECK_EQ(open_dev(), 0);
	CHECK_EQ(k.nr_features, 1);
	CHECK_EQ(k.feature,
		 VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_PCI_VF_TOKEN);
	CHECK(!memcmp(k.token, uuid_bytes, sizeof(uuid_bytes)));
	stop();
}

static void pf_on_vfio(void)
{
	tree_add(
		&tree,
		"sys/devices/pci0000:00/0000:00:03.0/0000:01:00.0/driver -> ../../../../bus/pci/drivers/vfio-pci");
}

static void a_vf_cannot_be_had_with_a_token_on_older_kernels(void)
{
	start();
	pf_on_vfio();
	dev.vf_token = uuid;
	k.no_tokens = true;
	CHECK_EQ(open_dev(), -EINVAL);
	CHECK_HAS(err.hint, "backend=container");
	stop();
}

static void a_missing_token_is_explained(void)
{
	start();
	pf_on_vfio();
	calls.fail_request = STRAIT_VFIO_BIND_IOMMUFD;
	calls.fail_code = EACCES;
	CHECK_EQ(open_dev(), -EACCES);
	CHECK_HAS(err.hint, "0000:01:00.0");
	CHECK_HAS(err.hint, "vf-token=");
	stop();
}

static void a_token_that_nobody_wants_is_explained(void)
{
	start();
	dev.vf_token = uuid;
	calls.fail_request = STRAIT_VFIO_BIND_IOMMUFD;
	calls.fail_code = EINVAL;
	CHECK_EQ(open_dev(), -EINVAL);
	CHECK_HAS(err.hint, "leave vf-token= out");
	stop();
}

/* --- causes --- */

static void a_group_that_is_not_viable_names_the_other_function(void)
{
	start();
	tree_add(
		&tree, VF2_DIR
		"/driver -> ../../../../bus/pci/drivers/igbvf\n"
		"sys/kernel/iommu_groups/3/devices/0000:01:10.2 -> ../../../../bus/pci/devices/0000:01:10.2\n");
	calls.fail_request = STRAIT_VFIO_BIND_IOMMUFD;
	calls.fail_code = EPERM;
	CHECK_EQ(open_dev(), -EPERM);
	CHECK_HAS(err.msg, "0000:01:10.0: VFIO_DEVICE_BIND_IOMMUFD");
	CHECK_HAS(err.hint, "0000:01:10.2 (igbvf)");
	stop();
}

static void a_group_that_another_process_has_bound_names_it(void)
{
	start();
	tree_add(&tree, "proc/77/fd/9 -> /dev/vfio/devices/vfio0\n"
			"proc/77/comm = qemu-system-x86\n");
	drivers.open_path = "dev/vfio/3";
	drivers.open_code = EBUSY;
	calls.fail_request = STRAIT_VFIO_BIND_IOMMUFD;
	calls.fail_code = EINVAL;
	CHECK_EQ(open_dev(), -EINVAL);
	CHECK_HAS(err.hint, "process 77 (qemu-system-x86)");
	CHECK_HAS(err.hint, "/dev/vfio/devices/vfio0");
	stop();
}

static void no_interrupt_remapping_is_explained(void)
{
	start();
	calls.fail_request = STRAIT_VFIO_BIND_IOMMUFD;
	calls.fail_code = EPERM;
	CHECK_EQ(open_dev(), -EPERM);
	CHECK_HAS(err.hint, "cannot remap interrupts");
	CHECK_HAS(err.hint, "The iommufd option allow_unsafe_interrupts=1");
	stop();
}

static void memory_claimed_by_firmware_is_explained(void)
{
	start();
	tree_add(
		&tree,
		"sys/kernel/iommu_groups/3/reserved_regions = 0x00000000bdf6f000 0x00000000bdf7efff direct\\n0x00000000fee00000 0x00000000feefffff msi");
	calls.fail_request = STRAIT_VFIO_ATTACH_PT;
	calls.fail_code = EPERM;
	CHECK_EQ(open_dev(), -EPERM);
	CHECK_HAS(err.msg, "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
	CHECK_HAS(err.hint, "0xbdf6f000-0xbdf7efff");
	stop();
}

static void no_permission_on_the_file_names_it(void)
{
	start();
	drivers.open_path = "dev/vfio/devices/vfio0";
	drivers.open_code = EACCES;
	CHECK_EQ(open_dev(), -EACCES);
	CHECK_HAS(err.msg, "0000:01:10.0: open /dev/vfio/devices/vfio0");
	CHECK_HAS(err.hint, "chown \"$USER\" /dev/vfio/devices/vfio0");
	stop();
}

static void a_kernel_without_device_files_is_explained(void)
{
	start();
	tree_add(&tree, "- " VF_DIR "/vfio-dev/vfio0/dev");
	name_device(&dev, (struct bdf){ .bus = 1, .devfn = 0x80 });
	CHECK_EQ(open_dev(), -ENODEV);
	CHECK_HAS(err.hint, "CONFIG_VFIO_DEVICE_CDEV");
	stop();
}

int main(void)
{
	TAP_RUN(a_token_goes_with_the_bind);
	TAP_RUN(what_is_no_uuid_is_refused);
	TAP_RUN(a_pf_gets_its_token_another_way_on_older_kernels);
	TAP_RUN(a_vf_cannot_be_had_with_a_token_on_older_kernels);
	TAP_RUN(a_missing_token_is_explained);
	TAP_RUN(a_token_that_nobody_wants_is_explained);
	TAP_RUN(a_group_that_is_not_viable_names_the_other_function);
	TAP_RUN(a_group_that_another_process_has_bound_names_it);
	TAP_RUN(no_interrupt_remapping_is_explained);
	TAP_RUN(memory_claimed_by_firmware_is_explained);
	TAP_RUN(no_permission_on_the_file_names_it);
	TAP_RUN(a_kernel_without_device_files_is_explained);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Which back end a VM gets. */
#include <errno.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "iommu/iommu.h"
#include "tests/fake/drivers.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

static struct tree tree;
static struct host host;
static struct drivers drivers;
static struct iommu *iommu;
static struct iommu_device devs[2];
static struct err err;

/* A kernel that has both. */
int ioctl(int fd, unsigned long request, ...)
{
	(void)fd;
	return request == VFIO_CHECK_EXTENSION;
}

/* Both can be opened; there are two devices with a file each. */
static void start(void)
{
	if (tree.root[0]) {
		iommu_free(iommu);
		tree_remove(&tree);
		host_close(&host);
	}
	iommu = NULL;
	err = (struct err){ 0 };
	drivers = (struct drivers){ 0 };
	tree_make(&tree);
	tree_add(&tree, "dev/iommu =\n"
			"dev/vfio/vfio =\n"
			"dev/vfio/devices/vfio0 =\n"
			"dev/vfio/devices/vfio1 =");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	drivers_attach(&drivers, &host);
	for (int i = 0; i < 2; i++)
		devs[i] = (struct iommu_device){
			.fd = -1, .id = { .name = "device", .cdev = i }
		};
}

static int choose(enum iommu_kind kind)
{
	return iommu_new(&host, kind, devs, 2, &iommu, &err);
}

static void iommufd_is_taken_where_all_devices_have_a_file(void)
{
	start();
	CHECK_EQ(choose(IOMMU_AUTO), 0);
	CHECK_EQ(iommu->kind, IOMMU_IOMMUFD);
}

static void without_iommufd_the_container_is_taken(void)
{
	start();
	tree_add(&tree, "- dev/iommu");
	CHECK_EQ(choose(IOMMU_AUTO), 0);
	CHECK_EQ(iommu->kind, IOMMU_CONTAINER);
}

static void iommufd_without_rights_on_it_leaves_the_container(void)
{
	start();
	drivers.open_path = "dev/iommu";
	drivers.open_code = EACCES;
	CHECK_EQ(choose(IOMMU_AUTO), 0);
	CHECK_EQ(iommu->kind, IOMMU_CONTAINER);
}

static void one_device_without_a_file_leaves_the_container(void)
{
	start();
	devs[1].id.cdev = -1;
	CHECK_EQ(choose(IOMMU_AUTO), 0);
	CHECK_EQ(iommu->kind, IOMMU_CONTAINER);
}

/* As in a pod, which is given /dev/vfio/N. */
static void a_file_that_is_not_in_dev_leaves_the_container(void)
{
	start();
	tree_add(&tree, "- dev/vfio/devices/vfio1");
	CHECK_EQ(choose(IOMMU_AUTO), 0);
	CHECK_EQ(iommu->kind, IOMMU_CONTAINER);
}

static void a_device_that_is_handed_over_needs_no_file_in_dev(void)
{
	start();
	tree_add(&tree, "- dev/vfio/devices/vfio1");
	devs[1].fd = 99;
	CHECK_EQ(choose(IOMMU_AUTO), 0);
	CHECK_EQ(iommu->kind, IOMMU_IOMMUFD);
}

static void the_container_cannot_have_what_is_handed_over(void)
{
	start();
	devs[1].fd = 99;
	CHECK_EQ(choose(IOMMU_CONTAINER), -EINVAL);
	CHECK_HAS(err.hint, "backend=container");
}

static void the_container_can_be_asked_for(void)
{
	start();
	CHECK_EQ(choose(IOMMU_CONTAINER), 0);
	CHECK_EQ(iommu->kind, IOMMU_CONTAINER);
}

static void iommufd_that_was_asked_for_and_is_not_there_says_so(void)
{
	start();
	tree_add(&tree, "- dev/iommu");
	CHECK_EQ(choose(IOMMU_IOMMUFD), -ENOENT);
	CHECK_HAS(err.msg, "/dev/iommu");
	CHECK_HAS(err.hint, "CONFIG_IOMMUFD");
	CHECK_HAS(err.hint, "backend=container");
}

int main(void)
{
	TAP_RUN(iommufd_is_taken_where_all_devices_have_a_file);
	TAP_RUN(without_iommufd_the_container_is_taken);
	TAP_RUN(iommufd_without_rights_on_it_leaves_the_container);
	TAP_RUN(one_device_without_a_file_leaves_the_container);
	TAP_RUN(a_file_that_is_not_in_dev_leaves_the_container);
	TAP_RUN(a_device_that_is_handed_over_needs_no_file_in_dev);
	TAP_RUN(the_container_cannot_have_what_is_handed_over);
	TAP_RUN(the_container_can_be_asked_for);
	TAP_RUN(iommufd_that_was_asked_for_and_is_not_there_says_so);
	iommu_free(iommu);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices of VFIO, named in every way there is. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "src/host/host.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

#define UUID	 "83d8f4f2-509f-382f-3c1e-e6bfe0fa1001"
#define VF_DIR	 "sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0"
#define MDEV_DIR "sys/devices/virtual/mtty/mtty/" UUID

static struct tree tree;
static struct host host;
static struct err err;
static struct host_vfio v;
static const struct bdf vf = { .bus = 1, .devfn = 0x80 };

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

/* The VF is on vfio-pci, and beside it is a mediated device. */
static void start_bound(void)
{
	start();
	tree_add(&tree,
		 VF_DIR "/vfio-dev/vfio3/dev = 511:3\n" MDEV_DIR
			"/vfio-dev/vfio4/dev = 511:4\n" MDEV_DIR
			"/iommu_group -> ../../../../kernel/iommu_groups/9\n"
			"sys/bus/mdev/devices/" UUID
			" -> ../../../devices/virtual/mtty/mtty/" UUID);
}

/* The number of /dev/null stands for the one of a device's file. */
static void number_of_null(const char *target)
{
	char text[256];

	snprintf(text, sizeof(text), "sys/dev/char/1:3 -> %s", target);
	tree_add(&tree, text);
}

static void an_address_gives_directory_and_group(void)
{
	start();
	CHECK_EQ(host_vfio_by_bdf(&host, vf, &v, &err), 0);
	CHECK(!strcmp(v.name, "0000:01:10.0"));
	CHECK(!strcmp(v.dir, "sys/bus/pci/devices/0000:01:10.0"));
	CHECK(v.is_pci && bdf_equal(v.bdf, vf));
	CHECK_EQ(v.group, 3);
	CHECK_EQ(v.cdev, -1);
}

static void a_bound_function_has_its_file(void)
{
	start_bound();
	CHECK_EQ(host_vfio_by_bdf(&host, vf, &v, &err), 0);
	CHECK_EQ(v.cdev, 3);
}

static void a_kernel_without_device_files_has_none(void)
{
	start_bound();
	tree_add(&tree, "- " VF_DIR "/vfio-dev/vfio3/dev");
	CHECK_EQ(host_vfio_by_bdf(&host, vf, &v, &err), 0);
	CHECK_EQ(v.cdev, -1);
}

static void an_unknown_address_is_told_so(void)
{
	start();
	CHECK_EQ(host_vfio_by_bdf(&host, (struct bdf){ .bus = 9 }, &v, &err),
		 -ENODEV);
	CHECK_HAS(err.msg, "0000:09:00.0");
}

static void a_path_below_the_bus_is_the_function(void)
{
	start_bound();
	CHECK_EQ(host_vfio_by_path(&host, "/sys/bus/pci/devices/0000:01:10.0",
				   &v, &err),
		 0);
	CHECK(v.is_pci && bdf_equal(v.bdf, vf));
	CHECK_EQ(v.cdev, 3);
}

static void a_trailing_slash_does_no_harm(void)
{
	start();
	CHECK_EQ(host_vfio_by_path(&host, "/sys/bus/pci/devices/0000:01:10.0/",
				   &v, &err),
		 0);
	CHECK(v.is_pci && bdf_equal(v.bdf, vf));
}

static void the_long_path_is_the_same_function(void)
{
	start();
	CHECK_EQ(host_vfio_by_path(&host, "/" VF_DIR, &v, &err), 0);
	CHECK(!strcmp(v.dir, "sys/bus/pci/devices/0000:01:10.0"));
}

static void a_link_to_it_is_followed(void)
{
	start();
	tree_add(&tree, VF_DIR "/net/eth1/device -> ../../../0000:01:10.0");
	CHECK_EQ(host_vfio_by_path(&host, "/sys/class/net/eth1/device", &v,
				   &err),
		 0);
	CHECK(v.is_pci && bdf_equal(v.bdf, vf));
}

static void a_mediated_device_goes_by_its_uuid(void)
{
	start_bound();
	CHECK_EQ(host_vfio_by_path(&host, "/sys/bus/mdev/devices/" UUID, &v,
				   &err),
		 0);
	CHECK(!strcmp(v.name, UUID));
	CHECK(!strcmp(v.dir, "sys/bus/mdev/devices/" UUID));
	CHECK(!v.is_pci);
	CHECK_EQ(v.group, 9);
	CHECK_EQ(v.cdev, 4);
}

static void a_path_that_is_no_device_is_refused(void)
{
	start();
	CHECK_EQ(host_vfio_by_path(&host, "/sys/class/net", &v, &err), -ENODEV);
	CHECK_HAS(err.msg, "/sys/class/net: it is neither");
	CHECK_HAS(err.hint, "/sys/bus/mdev/devices/UUID");
}

static void a_path_that_is_not_there_says_where_to_look(void)
{
	start();
	CHECK_EQ(host_vfio_by_path(&host, "/sys/bus/mdev/devices/" UUID, &v,
				   &err),
		 -ENOENT);
	CHECK_HAS(err.msg, UUID);
	CHECK_HAS(err.hint, "/sys/bus/mdev/devices");
}

static void an_open_file_leads_to_its_device(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	start_bound();
	number_of_null(
		"../../devices/pci0000:00/0000:00:03.0/0000:01:10.0/vfio-dev/vfio3");
	tree_add(&tree,
		 VF_DIR "/vfio-dev/vfio3/device -> ../../../0000:01:10.0");
	CHECK_EQ(host_vfio_by_fd(&host, fd, &v, &err), 0);
	CHECK(v.is_pci && bdf_equal(v.bdf, vf));
	CHECK_EQ(v.cdev, 3);
	close(fd);
}

static void an_open_file_of_something_else_is_refused(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	start_bound();
	number_of_null("../../devices/virtual/mem/null");
	CHECK_EQ(host_vfio_by_fd(&host, fd, &v, &err), -EINVAL);
	CHECK_HAS(err.msg, "it is no open VFIO device");
	CHECK_HAS(err.hint, "/dev/vfio/devices");
	close(fd);
}

static void a_plain_file_is_refused(void)
{
	int fd = open("Makefile", O_RDONLY | O_CLOEXEC);

	start();
	CHECK_EQ(host_vfio_by_fd(&host, fd, &v, &err), -EINVAL);
	close(fd);
}

static void a_closed_number_is_refused(void)
{
	start();
	CHECK_EQ(host_vfio_by_fd(&host, 999, &v, &err), -EINVAL);
	CHECK_HAS(err.msg, "fd 999");
	CHECK_HAS(err.hint, "3<>/dev/vfio/devices/vfio0");
}

int main(void)
{
	TAP_RUN(an_address_gives_directory_and_group);
	TAP_RUN(a_bound_function_has_its_file);
	TAP_RUN(a_kernel_without_device_files_has_none);
	TAP_RUN(an_unknown_address_is_told_so);
	TAP_RUN(a_path_below_the_bus_is_the_function);
	TAP_RUN(a_trailing_slash_does_no_harm);
	TAP_RUN(the_long_path_is_the_same_function);
	TAP_RUN(a_link_to_it_is_followed);
	TAP_RUN(a_mediated_device_goes_by_its_uuid);
	TAP_RUN(a_path_that_is_no_device_is_refused);
	TAP_RUN(a_path_that_is_not_there_says_where_to_look);
	TAP_RUN(an_open_file_leads_to_its_device);
	TAP_RUN(an_open_file_of_something_else_is_refused);
	TAP_RUN(a_plain_file_is_refused);
	TAP_RUN(a_closed_number_is_refused);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}

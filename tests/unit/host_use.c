// SPDX-License-Identifier: GPL-2.0-or-later
/* What keeps the host from giving a function away. */
#include <errno.h>

#include "src/host/host.h"
#include "tests/fake/drivers.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

#define AHCI_DISK                                                              \
	"sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda"

static struct tree tree;
static struct host host;
static struct drivers drivers;
static struct err err;

static const struct bdf vf = { .bus = 1, .devfn = 0x80 };
static const struct bdf vf1 = { .bus = 1, .devfn = 0x82 };
static const struct bdf ahci = { .devfn = 0xfa };

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

/* The AHCI function with its disk, nothing of which is mounted. */
static void start_idle_disk(void)
{
	start();
	tree_add(&tree, "proc/self/mountinfo =");
}

static void an_interface_that_is_up_without_address_is_free(void)
{
	start();
	CHECK_EQ(host_in_use(&host, vf, &err), 0);
}

static void an_interface_that_is_up_with_address_is_used(void)
{
	start();
	drivers.addr = "10.0.2.15";
	CHECK_EQ(host_in_use(&host, vf, &err), -EBUSY);
	CHECK(!strcmp(
		err.msg,
		"0000:01:10.0: its interface eth1 is up with address 10.0.2.15"));
	CHECK_HAS(err.hint, "ip link set eth1 down");
}

static void an_interface_that_is_down_is_free(void)
{
	start();
	drivers.addr = "10.0.2.15";
	tree_add(&tree, "sys/class/net/eth1/flags = 0x1002");
	CHECK_EQ(host_in_use(&host, vf, &err), 0);
}

static void the_interface_of_another_function_does_not_count(void)
{
	start();
	drivers.addr = "10.0.2.15";
	CHECK_EQ(host_in_use(&host, vf1, &err), 0);
}

static void a_bridge_port_is_used(void)
{
	start();
	tree_add(
		&tree,
		"sys/class/net/eth1/master -> ../../../../../../virtual/net/br0\n"
		"sys/class/net/eth1/flags = 0x1002");
	CHECK_EQ(host_in_use(&host, vf, &err), -EBUSY);
	CHECK_HAS(err.msg, "its interface eth1 is a port of br0");
	CHECK_HAS(err.hint, "ip link set eth1 nomaster");
}

static void an_interface_under_a_vlan_is_used(void)
{
	start();
	tree_add(
		&tree,
		"sys/class/net/eth1/upper_eth1.7 -> ../../../../../../virtual/net/eth1.7");
	CHECK_EQ(host_in_use(&host, vf, &err), -EBUSY);
	CHECK_HAS(err.msg, "carries eth1.7");
	CHECK_HAS(err.hint, "ip link del eth1.7");
}

static void a_mounted_partition_is_used(void)
{
	start();
	CHECK_EQ(host_in_use(&host, ahci, &err), -EBUSY);
	CHECK(!strcmp(err.msg, "0000:00:1f.2: its disk sda1 is mounted on /"));
	CHECK_HAS(err.hint, "umount /");
}

static void an_idle_disk_is_free(void)
{
	start_idle_disk();
	CHECK_EQ(host_in_use(&host, ahci, &err), 0);
}

static void a_mount_by_source_alone_is_used(void)
{
	start_idle_disk();
	tree_add(
		&tree,
		"proc/self/mountinfo = 40 27 0:33 /@home /home rw shared:1 - btrfs /dev/sda2 rw");
	CHECK_EQ(host_in_use(&host, ahci, &err), -EBUSY);
	CHECK_HAS(err.msg, "sda2 is mounted on /home");
}

static void a_mount_of_another_disk_does_not_count(void)
{
	start_idle_disk();
	tree_add(
		&tree,
		"proc/self/mountinfo = 40 27 8:16 / /mnt rw - ext4 /dev/sda10 rw");
	CHECK_EQ(host_in_use(&host, ahci, &err), 0);
}

static void a_mounted_btrfs_member_is_used(void)
{
	start_idle_disk();
	tree_add(
		&tree,
		"sys/fs/btrfs/features/\n"
		"sys/fs/btrfs/1111-2222/devices/sda2 -> ../../../../devices/x");
	tree_add(&tree, "sys/devices/x/");
	CHECK_EQ(host_in_use(&host, ahci, &err), -EBUSY);
	CHECK_HAS(err.msg, "sda2 is part of the mounted btrfs 1111-2222");
}

static void a_swap_partition_is_used(void)
{
	start_idle_disk();
	tree_add(
		&tree,
		"proc/swaps = Filename\\t\\tType\\n/dev/sda2      partition\\t1048572\\t0\\t-2");
	CHECK_EQ(host_in_use(&host, ahci, &err), -EBUSY);
	CHECK_HAS(err.msg, "sda2 is in use as swap");
	CHECK_HAS(err.hint, "swapoff /dev/sda2");
}

static void a_member_of_dm_or_md_is_used(void)
{
	start_idle_disk();
	tree_add(&tree, AHCI_DISK
		 "/sda2/holders/dm-0 -> ../../../../virtual/block/dm-0");
	CHECK_EQ(host_in_use(&host, ahci, &err), -EBUSY);
	CHECK_HAS(err.msg, "sda2 is part of dm-0");
}

static void what_the_kernel_will_not_open_exclusively_is_used(void)
{
	start_idle_disk();
	drivers.open_path = "dev/sda2";
	drivers.open_code = EBUSY;
	CHECK_EQ(host_in_use(&host, ahci, &err), -EBUSY);
	CHECK_HAS(err.msg, "sda2 is claimed by");
}

static void a_disk_that_cannot_be_opened_is_free(void)
{
	start_idle_disk();
	drivers.open_path = "dev/sda2";
	drivers.open_code = EACCES;
	CHECK_EQ(host_in_use(&host, ahci, &err), 0);
}

/* An NVMe controller at the VF's place, with a head of native multipath. */
static void start_nvme(void)
{
	start();
	tree_add(
		&tree,
		"sys/class/block/nvme0c0n1 -> ../../devices/pci0000:00/0000:00:03.0/0000:01:10.0/nvme/nvme0/nvme0c0n1\n"
		"sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/dev = 259:0\n"
		"sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p1/dev = 259:1\n"
		"sys/class/block/nvme0n1 -> ../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1\n"
		"sys/class/block/nvme0n1p1 -> ../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p1\n"
		"proc/self/mountinfo = 40 27 259:1 / /data rw - ext4 /dev/nvme0n1p1 rw");
}

static void an_nvme_head_with_one_path_is_used(void)
{
	start_nvme();
	CHECK_EQ(host_in_use(&host, vf, &err), -EBUSY);
	CHECK_HAS(err.msg, "nvme0n1p1 is mounted on /data");
}

static void an_nvme_head_with_another_path_is_free(void)
{
	start_nvme();
	tree_add(
		&tree,
		"sys/class/block/nvme0c1n1 -> ../../devices/pci0000:00/0000:00:03.0/0000:01:00.0/nvme/nvme1/nvme0c1n1");
	CHECK_EQ(host_in_use(&host, vf, &err), 0);
}

static void the_path_of_another_head_does_not_count(void)
{
	start_nvme();
	tree_add(
		&tree,
		"sys/class/block/nvme0c1n2 -> ../../devices/pci0000:00/0000:00:03.0/0000:01:00.0/nvme/nvme1/nvme0c1n2");
	CHECK_EQ(host_in_use(&host, vf, &err), -EBUSY);
}

int main(void)
{
	TAP_RUN(an_interface_that_is_up_without_address_is_free);
	TAP_RUN(an_interface_that_is_up_with_address_is_used);
	TAP_RUN(an_interface_that_is_down_is_free);
	TAP_RUN(the_interface_of_another_function_does_not_count);
	TAP_RUN(a_bridge_port_is_used);
	TAP_RUN(an_interface_under_a_vlan_is_used);
	TAP_RUN(a_mounted_partition_is_used);
	TAP_RUN(an_idle_disk_is_free);
	TAP_RUN(a_mount_by_source_alone_is_used);
	TAP_RUN(a_mount_of_another_disk_does_not_count);
	TAP_RUN(a_mounted_btrfs_member_is_used);
	TAP_RUN(a_swap_partition_is_used);
	TAP_RUN(a_member_of_dm_or_md_is_used);
	TAP_RUN(what_the_kernel_will_not_open_exclusively_is_used);
	TAP_RUN(a_disk_that_cannot_be_opened_is_free);
	TAP_RUN(an_nvme_head_with_one_path_is_used);
	TAP_RUN(an_nvme_head_with_another_path_is_free);
	TAP_RUN(the_path_of_another_head_does_not_count);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}

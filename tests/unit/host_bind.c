// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * To vfio-pci and back, on a tree whose driver core is played by
 * tests/fake/drivers.c: the sequence of writes, every refusal, every failure
 * half-way. The real kernel's part is a lab test.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/host/host.h"
#include "tests/fake/drivers.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

#define VF   "sys/bus/pci/devices/0000:01:10.0"
#define LOCK "run/strait/lock/0000:01:10.0.bind"
#define PF   "sys/bus/pci/devices/0000:01:00.0"

static struct tree tree;
static struct host host;
static struct drivers drivers;
static struct host_bind undo;
static struct err err;

static const struct bdf pf = { .bus = 1 };
static const struct bdf vf = { .bus = 1, .devfn = 0x80 };
static const struct bdf root_port = { .devfn = 0x18 };
static const struct bdf ahci = { .devfn = 0xfa };

static void start(void)
{
	if (tree.root[0]) {
		tree_remove(&tree);
		host_close(&host);
	}
	err = (struct err){ 0 };
	undo = (struct host_bind){ 0 };
	drivers = (struct drivers){ .by_id = "igbvf" };
	tree_make(&tree);
	tree_load(&tree, "igb");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	drivers_attach(&drivers, &host);
}

static const char *driver_of(const char *dir)
{
	static char buf[HOST_NAME_LEN];

	if (host_link_name(&host, buf, sizeof(buf), "%s/driver", dir))
		buf[0] = '\0';
	return buf;
}

static const char *override_of(const char *dir)
{
	static char buf[HOST_NAME_LEN];

	if (host_read(&host, buf, sizeof(buf), "%s/driver_override", dir) < 0)
		return "unreadable";
	return strcmp(buf, "(null)") ? buf : "";
}

static void bind_goes_by_override_unbind_and_probe(void)
{
	start();
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "vfio-pci"));
	CHECK(undo.changed);
	CHECK(!strcmp(
		drivers.log,
		"driver_override=vfio-pci;unbind=0000:01:10.0;drivers_probe=0000:01:10.0;"));
}

/* As by another strait that is about to bind the same function. */
static int take_lock(void)
{
	int fd;

	tree_add(&tree, LOCK " =");
	fd = host_open_file(&host, O_RDONLY, LOCK);
	CHECK(fd >= 0);
	CHECK_EQ(flock(fd, LOCK_EX), 0);
	return fd;
}

static void a_function_that_another_process_binds_is_left_to_it(void)
{
	int fd;

	start();
	fd = take_lock();
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), -EBUSY);
	CHECK_HAS(err.msg, "another process is binding it");
	CHECK_HAS(err.hint, "fuser -v /" LOCK);
	CHECK_EQ(drivers.nr_writes, 0);
	CHECK(!undo.changed);
	close(fd);
}

static void what_all_can_open_is_nobodys_turn(void)
{
	struct stat st;
	int fd;

	start();
	fd = host_open_file(&host, O_RDONLY, VF "/driver_override");
	CHECK_EQ(flock(fd, LOCK_EX), 0);
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	CHECK_EQ(fstatat(host.root_fd, LOCK, &st, AT_SYMLINK_NOFOLLOW), 0);
	CHECK_EQ(st.st_mode & 077, 0);
	close(fd);
}

/* There is a file in place of the folder, as root could not make it either. */
static void without_a_place_for_locks_it_is_bound_all_the_same(void)
{
	start();
	tree_add(&tree, "run/strait = x");
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "vfio-pci"));
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "igbvf"));
}

static void a_link_in_place_of_the_lock_is_not_followed(void)
{
	start();
	tree_add(&tree, LOCK " -> ../../../" VF "/driver_override");
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	CHECK(!undo.turn_fd);
}

static void a_lock_that_stays_does_not_keep_a_function_from_its_driver(void)
{
	int fd;

	start();
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	host_bind_opened(&undo);
	fd = take_lock();
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "igbvf"));
	close(fd);
}

static bool is_locked(void)
{
	int fd = host_open_file(&host, O_RDONLY, LOCK);
	bool is_free = !flock(fd, LOCK_EX | LOCK_NB);

	close(fd);
	return !is_free;
}

static void others_wait_until_the_device_is_open(void)
{
	start();
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	CHECK(is_locked());
	host_bind_opened(&undo);
	CHECK(!is_locked());
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!is_locked());
}

static void others_wait_no_longer_after_an_undo(void)
{
	start();
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!is_locked());
	CHECK(!strcmp(driver_of(VF), "igbvf"));
}

static void undo_gives_back_driver_and_override(void)
{
	start();
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "igbvf"));
	CHECK(!strcmp(override_of(VF), ""));
	CHECK(!undo.changed);
}

static void undo_finds_the_same_driver_where_another_matches(void)
{
	start();
	drivers.by_id = "igb";
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "igbvf"));
}

static void undo_twice_does_nothing_more(void)
{
	unsigned int nr;

	start();
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	nr = drivers.nr_writes;
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK_EQ(drivers.nr_writes, nr);
}

static void undo_of_a_zeroed_record_does_nothing(void)
{
	start();
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK_EQ(drivers.nr_writes, 0);
}

static void undo_of_a_vanished_function_succeeds(void)
{
	start();
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	tree_add(&tree, "- " VF);
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!undo.changed);
}

/* The host took the function from us and gave it to driver. */
static void taken_by(const char *driver)
{
	char line[128];

	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	undo.was_taken = true;
	snprintf(line, sizeof(line), VF "/driver -> ../../../drivers/%s",
		 driver);
	tree_add(&tree, line);
}

static void a_function_that_another_vm_took_stays_there(void)
{
	unsigned int nr;

	start();
	taken_by("vfio-pci");
	nr = drivers.nr_writes;
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "vfio-pci"));
	CHECK_EQ(drivers.nr_writes, nr);
}

static void a_function_that_the_host_took_keeps_its_new_driver(void)
{
	start();
	taken_by("igb");
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "igb"));
	CHECK(!strcmp(override_of(VF), ""));
	CHECK(!undo.changed);
}

static void a_function_that_the_host_took_and_left_goes_back(void)
{
	start();
	taken_by("igb");
	tree_add(&tree, "- " VF "/driver");
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "igbvf"));
	CHECK(!strcmp(override_of(VF), ""));
}

static void a_function_without_driver_ends_without_driver(void)
{
	start();
	tree_add(&tree, "- " VF "/driver");
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "vfio-pci"));
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), ""));
	CHECK(!strcmp(override_of(VF), ""));
}

static void an_older_override_comes_back(void)
{
	start();
	tree_add(&tree, VF "/driver_override = igbvf");
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!strcmp(override_of(VF), "igbvf"));
	CHECK(!strcmp(driver_of(VF), "igbvf"));
}

static void a_variant_in_the_override_is_used(void)
{
	start();
	tree_add(&tree, VF "/driver_override = mlx5_vfio_pci\n"
			   "sys/bus/pci/drivers/mlx5_vfio_pci/");
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "mlx5_vfio_pci"));
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!strcmp(override_of(VF), "mlx5_vfio_pci"));
}

static void a_variant_that_is_not_loaded_is_named(void)
{
	start();
	tree_add(&tree, VF "/driver_override = mlx5_vfio_pci");
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), -ENOENT);
	CHECK_HAS(err.msg, "mlx5_vfio_pci");
	CHECK_HAS(err.hint, "modprobe mlx5_vfio_pci");
}

static void a_function_on_vfio_pci_is_left_alone(void)
{
	start();
	tree_add(&tree,
		 VF "/driver -> ../../../../bus/pci/drivers/nvgrace_vfio_pci");
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	CHECK(!undo.changed);
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK_EQ(drivers.nr_writes, 0);
}

static void a_missing_module_is_to_be_loaded(void)
{
	start();
	tree_add(&tree, "- sys/bus/pci/drivers/vfio-pci");
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), -ENOENT);
	CHECK_HAS(err.msg, "0000:01:10.0");
	CHECK_HAS(err.msg, "not loaded");
	CHECK(!strcmp(err.hint, "modprobe vfio-pci"));
	CHECK_EQ(drivers.nr_writes, 0);
}

static void a_compressed_module_counts_as_built(void)
{
	start();
	tree_add(
		&tree,
		"- sys/bus/pci/drivers/vfio-pci\n"
		"lib/modules/6.12.0-test/modules.dep = kernel/drivers/vfio/pci/vfio-pci.ko.zst:");
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), -ENOENT);
	CHECK(!strcmp(err.hint, "modprobe vfio-pci"));
}

static void a_kernel_without_the_module_is_told(void)
{
	start();
	tree_add(
		&tree,
		"- sys/bus/pci/drivers/vfio-pci\n"
		"lib/modules/6.12.0-test/modules.dep = kernel/drivers/vfio/pci/vfio-pci-core.ko:");
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), -ENOENT);
	CHECK_HAS(err.msg, "this kernel has no vfio-pci");
	CHECK_HAS(err.hint, "CONFIG_VFIO_PCI");
}

static void a_bridge_is_refused(void)
{
	start();
	CHECK_EQ(host_bind_vfio(&host, root_port, &undo, &err), -EINVAL);
	CHECK_HAS(err.msg, "0000:00:03.0: it is a bridge");
	CHECK_EQ(drivers.nr_writes, 0);
}

static void a_pf_with_vfs_is_refused(void)
{
	start();
	CHECK_EQ(host_bind_vfio(&host, pf, &undo, &err), -EBUSY);
	CHECK_HAS(err.msg, "0000:01:00.0: it has 2 VFs");
	CHECK_HAS(err.hint, "0000:01:10.0");
	CHECK_HAS(err.hint,
		  "echo 0 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs");
	CHECK_EQ(drivers.nr_writes, 0);
}

static void a_pf_without_vfs_is_bound(void)
{
	start();
	tree_add(&tree, PF "/sriov_numvfs = 0");
	CHECK_EQ(host_bind_vfio(&host, pf, &undo, &err), 0);
	CHECK(!strcmp(driver_of(PF), "vfio-pci"));
}

static void a_disk_with_the_root_file_system_is_refused(void)
{
	start();
	CHECK_EQ(host_bind_vfio(&host, ahci, &undo, &err), -EBUSY);
	CHECK_HAS(err.msg, "sda1 is mounted on /");
	CHECK_EQ(drivers.nr_writes, 0);
	CHECK(!undo.changed);
}

static void an_unknown_function_is_not_bound(void)
{
	start();
	CHECK_EQ(host_bind_vfio(&host, (struct bdf){ .bus = 9 }, &undo, &err),
		 -ENODEV);
	CHECK(!undo.changed);
}

static void a_probe_that_fails_is_rolled_back(void)
{
	start();
	drivers.failing = "vfio-pci";
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), -EIO);
	CHECK_HAS(err.msg, "0000:01:10.0: vfio-pci did not accept it");
	CHECK_HAS(err.hint, "dmesg");
	CHECK(!strcmp(driver_of(VF), "igbvf"));
	CHECK(!strcmp(override_of(VF), ""));
	CHECK(!undo.changed);
}

static void a_probe_that_fails_without_group_says_so(void)
{
	start();
	tree_add(&tree, "- " VF "/iommu_group");
	drivers.failing = "vfio-pci";
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), -EIO);
	CHECK_HAS(err.hint, "no IOMMU group");
}

/* Any of the three writes of a bind fails once. */
static void each_failed_write_of_a_bind_is_rolled_back(void)
{
	for (unsigned int n = 1; n <= 3; n++) {
		start();
		drivers.fail_nth = n;
		drivers.fail_code = EBUSY;
		CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), -EBUSY);
		CHECK_HAS(err.msg, "0000:01:10.0: write to /sys/bus/pci/");
		CHECK(!strcmp(driver_of(VF), "igbvf"));
		CHECK(!strcmp(override_of(VF), ""));
		CHECK(!undo.changed);
	}
}

static void the_failed_file_is_named(void)
{
	start();
	drivers.fail_nth = 1;
	drivers.fail_code = EACCES;
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), -EACCES);
	CHECK_HAS(err.msg,
		  "write to /sys/bus/pci/devices/0000:01:10.0/driver_override");
	CHECK_HAS(err.msg, "EACCES");
	CHECK_HAS(err.hint, "root");
}

static void a_read_only_sysfs_is_explained(void)
{
	start();
	drivers.fail_nth = 1;
	drivers.fail_code = EROFS;
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), -EROFS);
	CHECK_HAS(err.hint, "read-only");
	CHECK_HAS(err.hint, "managed=off");
}

static void a_failed_roll_back_is_told_and_can_be_tried_again(void)
{
	start();
	drivers.fail_nth = 3;
	drivers.fail_code = EIO;
	drivers.keep_failing = true;
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), -EIO);
	CHECK_HAS(err.msg, "drivers_probe");
	CHECK_HAS(err.hint, "could not be put back");
	CHECK(undo.changed);
	drivers.fail_nth = 0;
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "igbvf"));
	CHECK(!strcmp(override_of(VF), ""));
}

/* Any of the four writes on the way back fails once; the next try repairs. */
static void each_failed_write_of_an_undo_can_be_tried_again(void)
{
	for (unsigned int n = 1; n <= 4; n++) {
		start();
		CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
		drivers.fail_nth = drivers.nr_writes + n;
		drivers.fail_code = EIO;
		CHECK_EQ(host_bind_undo(&host, &undo, &err), -EIO);
		CHECK_HAS(err.msg, "0000:01:10.0");
		CHECK(undo.changed);
		CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
		CHECK(!strcmp(driver_of(VF), "igbvf"));
		CHECK(!strcmp(override_of(VF), ""));
	}
}

static void a_failed_undo_leaves_no_override_of_ours(void)
{
	start();
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	drivers.fail_nth = drivers.nr_writes + 2;
	drivers.fail_code = EIO;
	CHECK_EQ(host_bind_undo(&host, &undo, &err), -EIO);
	CHECK(!strcmp(override_of(VF), ""));
}

static void an_old_driver_that_went_away_is_named(void)
{
	start();
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), 0);
	tree_add(&tree, "- sys/bus/pci/drivers/igbvf");
	CHECK_EQ(host_bind_undo(&host, &undo, &err), -EIO);
	CHECK_HAS(err.msg, "igbvf did not take it back");
	CHECK_HAS(err.hint, "modprobe igbvf");
}

static void a_driver_that_is_named_gets_the_function(void)
{
	struct host_bind_opts opts = { .driver = "igb" };

	start();
	CHECK_EQ(host_bind_driver(&host, vf, &opts, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "igb"));
	CHECK_EQ(host_bind_undo(&host, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "igbvf"));
	CHECK(!strcmp(override_of(VF), ""));
}

static void a_driver_that_is_named_and_not_there_is_refused(void)
{
	struct host_bind_opts opts = { .driver = "nvme" };

	start();
	CHECK_EQ(host_bind_driver(&host, vf, &opts, &undo, &err), -ENOENT);
	CHECK_HAS(err.msg, "nvme is not loaded");
	CHECK_EQ(drivers.nr_writes, 0);
}

static void force_takes_what_the_host_uses(void)
{
	struct host_bind_opts opts = { .force = true };

	start();
	drivers.addr = "10.0.2.15";
	CHECK_EQ(host_bind_vfio(&host, vf, &undo, &err), -EBUSY);
	err = (struct err){ 0 };
	CHECK_EQ(host_bind_driver(&host, vf, &opts, &undo, &err), 0);
	CHECK(!strcmp(driver_of(VF), "vfio-pci"));
}

int main(void)
{
	TAP_RUN(a_driver_that_is_named_gets_the_function);
	TAP_RUN(a_driver_that_is_named_and_not_there_is_refused);
	TAP_RUN(force_takes_what_the_host_uses);
	TAP_RUN(bind_goes_by_override_unbind_and_probe);
	TAP_RUN(a_function_that_another_process_binds_is_left_to_it);
	TAP_RUN(what_all_can_open_is_nobodys_turn);
	TAP_RUN(without_a_place_for_locks_it_is_bound_all_the_same);
	TAP_RUN(a_link_in_place_of_the_lock_is_not_followed);
	TAP_RUN(a_lock_that_stays_does_not_keep_a_function_from_its_driver);
	TAP_RUN(others_wait_until_the_device_is_open);
	TAP_RUN(others_wait_no_longer_after_an_undo);
	TAP_RUN(undo_gives_back_driver_and_override);
	TAP_RUN(undo_finds_the_same_driver_where_another_matches);
	TAP_RUN(undo_twice_does_nothing_more);
	TAP_RUN(undo_of_a_zeroed_record_does_nothing);
	TAP_RUN(undo_of_a_vanished_function_succeeds);
	TAP_RUN(a_function_that_another_vm_took_stays_there);
	TAP_RUN(a_function_that_the_host_took_keeps_its_new_driver);
	TAP_RUN(a_function_that_the_host_took_and_left_goes_back);
	TAP_RUN(a_function_without_driver_ends_without_driver);
	TAP_RUN(an_older_override_comes_back);
	TAP_RUN(a_variant_in_the_override_is_used);
	TAP_RUN(a_variant_that_is_not_loaded_is_named);
	TAP_RUN(a_function_on_vfio_pci_is_left_alone);
	TAP_RUN(a_missing_module_is_to_be_loaded);
	TAP_RUN(a_compressed_module_counts_as_built);
	TAP_RUN(a_kernel_without_the_module_is_told);
	TAP_RUN(a_bridge_is_refused);
	TAP_RUN(a_pf_with_vfs_is_refused);
	TAP_RUN(a_pf_without_vfs_is_bound);
	TAP_RUN(a_disk_with_the_root_file_system_is_refused);
	TAP_RUN(an_unknown_function_is_not_bound);
	TAP_RUN(a_probe_that_fails_is_rolled_back);
	TAP_RUN(a_probe_that_fails_without_group_says_so);
	TAP_RUN(each_failed_write_of_a_bind_is_rolled_back);
	TAP_RUN(the_failed_file_is_named);
	TAP_RUN(a_read_only_sysfs_is_explained);
	TAP_RUN(a_failed_roll_back_is_told_and_can_be_tried_again);
	TAP_RUN(each_failed_write_of_an_undo_can_be_tried_again);
	TAP_RUN(a_failed_undo_leaves_no_override_of_ours);
	TAP_RUN(an_old_driver_that_went_away_is_named);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How many VFs a PF has, on a tree: the sequence of writes, every refusal,
 * every failure half-way. The real kernel's part is a lab test.
 */
#include <errno.h>

#include "src/host/sriov.h"
#include "tests/fake/drivers.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

#define PF   "sys/bus/pci/devices/0000:01:00.0"
#define VF   "sys/bus/pci/devices/0000:01:10.0"
#define NOTE "run/strait/lock/0000:01:00.0.autoprobe"

static struct tree tree;
static struct host host;
static struct drivers drivers;
static struct err err;

static const struct bdf pf = { .bus = 1 };
static const struct bdf vf = { .bus = 1, .devfn = 0x80 };
static const struct host_vfs_opts probe = { .probe = true };
static const struct host_vfs_opts keep_off = { .probe = false };
static const struct host_vfs_opts force = { .probe = true, .force = true };

/* The tree has two VFs. */
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
	tree_add(&tree, PF "/sriov_drivers_autoprobe = 1");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	drivers_attach(&drivers, &host);
}

static void start_without_vfs(void)
{
	start();
	tree_add(&tree, PF "/sriov_numvfs = 0");
}

static uint64_t number(const char *file)
{
	uint64_t v;

	return host_read_u64(&host, &v, PF "/%s", file) ? 999 : v;
}

static void set_by_hand(const char *file, const char *text)
{
	char line[256];

	snprintf(line, sizeof(line), PF "/%s = %s", file, text);
	tree_add(&tree, line);
}

/* --- what is written --- */

static void vfs_are_made(void)
{
	start_without_vfs();
	CHECK_EQ(host_vfs_set(&host, pf, 3, &probe, &err), 0);
	CHECK_EQ(number("sriov_numvfs"), 3);
	CHECK(!strcmp(drivers.log, "sriov_numvfs=3;"));
}

static void another_number_goes_through_zero(void)
{
	start();
	CHECK_EQ(host_vfs_set(&host, pf, 5, &probe, &err), 0);
	CHECK_EQ(number("sriov_numvfs"), 5);
	CHECK(!strcmp(drivers.log, "sriov_numvfs=0;sriov_numvfs=5;"));
}

static void none_removes_them(void)
{
	start();
	CHECK_EQ(host_vfs_set(&host, pf, 0, &keep_off, &err), 0);
	CHECK(!strcmp(drivers.log, "sriov_numvfs=0;"));
}

static void the_same_number_changes_nothing(void)
{
	start();
	CHECK_EQ(host_vfs_set(&host, pf, 2, &probe, &err), 0);
	CHECK_EQ(drivers.nr_writes, 0);
}

static void drivers_are_kept_off_before_vfs_are_made(void)
{
	start_without_vfs();
	CHECK_EQ(host_vfs_set(&host, pf, 1, &keep_off, &err), 0);
	CHECK(!strcmp(drivers.log,
		      "sriov_drivers_autoprobe=0;sriov_numvfs=1;"));
	CHECK_EQ(number("sriov_drivers_autoprobe"), 0);
}

static void autoprobe_comes_back_with_the_last_vf(void)
{
	start_without_vfs();
	CHECK_EQ(host_vfs_set(&host, pf, 1, &keep_off, &err), 0);
	CHECK_EQ(host_vfs_set(&host, pf, 3, &keep_off, &err), 0);
	CHECK_EQ(number("sriov_drivers_autoprobe"), 0);
	CHECK_EQ(host_vfs_set(&host, pf, 0, &keep_off, &err), 0);
	CHECK_EQ(number("sriov_drivers_autoprobe"), 1);
	CHECK(!host_exists(&host, NOTE));
}

static void autoprobe_that_was_off_stays_off(void)
{
	start_without_vfs();
	set_by_hand("sriov_drivers_autoprobe", "0");
	CHECK_EQ(host_vfs_set(&host, pf, 1, &keep_off, &err), 0);
	CHECK_EQ(host_vfs_set(&host, pf, 0, &keep_off, &err), 0);
	CHECK_EQ(number("sriov_drivers_autoprobe"), 0);
	CHECK_EQ(drivers.nr_writes, 2);
}

static void drivers_are_let_in_where_they_were_kept_off(void)
{
	start_without_vfs();
	set_by_hand("sriov_drivers_autoprobe", "0");
	CHECK_EQ(host_vfs_set(&host, pf, 1, &probe, &err), 0);
	CHECK_EQ(number("sriov_drivers_autoprobe"), 1);
	CHECK_EQ(host_vfs_set(&host, pf, 0, &probe, &err), 0);
	CHECK_EQ(number("sriov_drivers_autoprobe"), 0);
}

static void the_same_number_may_change_autoprobe(void)
{
	start();
	CHECK_EQ(host_vfs_set(&host, pf, 2, &keep_off, &err), 0);
	CHECK(!strcmp(drivers.log, "sriov_drivers_autoprobe=0;"));
	CHECK_EQ(host_vfs_set(&host, pf, 2, &probe, &err), 0);
	CHECK_EQ(number("sriov_drivers_autoprobe"), 1);
	CHECK(!host_exists(&host, NOTE));
}

static void a_kernel_without_autoprobe_cannot_keep_drivers_off(void)
{
	start_without_vfs();
	tree_add(&tree, "- " PF "/sriov_drivers_autoprobe");
	CHECK_EQ(host_vfs_set(&host, pf, 1, &keep_off, &err), -ENOENT);
	CHECK_HAS(err.msg, "sriov_drivers_autoprobe");
	CHECK_EQ(number("sriov_numvfs"), 0);
	CHECK_EQ(host_vfs_set(&host, pf, 1, &probe, &err), 0);
}

/* --- refusals, before anything is written --- */

static void refused(unsigned int count, const struct host_vfs_opts *opts,
		    int ret)
{
	CHECK_EQ(host_vfs_check(&host, pf, count, opts, &err), ret);
	err = (struct err){ 0 };
	CHECK_EQ(host_vfs_set(&host, pf, count, opts, &err), ret);
	CHECK_EQ(drivers.nr_writes, 0);
}

static void more_than_the_maximum_are_refused(void)
{
	start();
	refused(8, &force, -ERANGE);
	CHECK(!strcmp(err.msg,
		      "0000:01:00.0: 8 VFs are too many, its maximum is 7"));
}

static void a_maximum_of_none_has_a_hint(void)
{
	start_without_vfs();
	set_by_hand("sriov_totalvfs", "0");
	refused(1, &probe, -ERANGE);
	CHECK_HAS(err.hint, "firmware");
}

static void a_vf_that_a_process_has_is_refused(void)
{
	start();
	tree_add(&tree, VF "/driver -> ../../../../bus/pci/drivers/vfio-pci\n"
			   "dev/vfio/3 =\nproc/4711/comm = qemu-system-x86\n"
			   "proc/4711/fd/9 -> /dev/vfio/3");
	refused(0, &probe, -EBUSY);
	CHECK(!strcmp(
		err.msg,
		"0000:01:10.0: VF 0 of 0000:01:00.0 is in use by qemu-system-x86 (pid 4711)"));
	CHECK_EQ(host_vf_in_use(&host, vf, &err), -EBUSY);
}

static void a_vf_on_vfio_pci_that_nobody_has_may_go(void)
{
	start();
	tree_add(&tree, VF "/driver -> ../../../../bus/pci/drivers/vfio-pci\n"
			   "dev/vfio/3 =");
	CHECK_EQ(host_vf_in_use(&host, vf, &err), 0);
	CHECK_EQ(host_vfs_set(&host, pf, 0, &probe, &err), 0);
}

static void a_vf_with_an_address_is_refused(void)
{
	start();
	drivers.addr = "192.0.2.1";
	refused(3, &probe, -EBUSY);
	CHECK(!strcmp(
		err.msg,
		"0000:01:10.0: its interface eth1 is up with address 192.0.2.1"));
}

static void a_vf_whose_interface_a_container_has_is_refused(void)
{
	start();
	tree_add(&tree, "- " VF "/net/eth1\n- sys/class/net/eth1");
	refused(3, &probe, -EBUSY);
	CHECK_HAS(err.msg, "0000:01:10.0: its interface is in another network");
}

static void a_vf_without_interface_may_go(void)
{
	start();
	tree_add(&tree, "- " VF "/net\n- sys/class/net/eth1");
	CHECK_EQ(host_vfs_set(&host, pf, 0, &probe, &err), 0);
}

static void used_vfs_may_be_forced(void)
{
	start();
	drivers.addr = "192.0.2.1";
	CHECK_EQ(host_vfs_check(&host, pf, 3, &force, &err), 0);
	CHECK_EQ(host_vfs_set(&host, pf, 3, &force, &err), 0);
	CHECK_EQ(number("sriov_numvfs"), 3);
}

static void used_vfs_do_not_hinder_the_same_number(void)
{
	start();
	drivers.addr = "192.0.2.1";
	CHECK_EQ(host_vfs_set(&host, pf, 2, &probe, &err), 0);
}

static void a_pf_without_driver_makes_none(void)
{
	start_without_vfs();
	tree_add(&tree, "- " PF "/driver");
	refused(1, &probe, -ENODEV);
	CHECK_HAS(err.msg, "0000:01:00.0: it has no driver");
}

static void a_pf_on_vfio_pci_makes_none(void)
{
	start_without_vfs();
	tree_add(&tree, PF "/driver -> ../../../bus/pci/drivers/vfio-pci");
	refused(1, &probe, -EBUSY);
	CHECK_HAS(err.msg, "bound to vfio-pci");
}

static void a_vf_makes_none(void)
{
	start();
	CHECK_EQ(host_vfs_set(&host, vf, 1, &probe, &err), -EINVAL);
	CHECK_HAS(err.msg, "it is VF 0 of 0000:01:00.0");
}

/* --- failures half-way --- */

static void a_failure_makes_the_old_number_again(void)
{
	start();
	/* The second write, of 5, fails. */
	drivers.fail_nth = 2;
	drivers.fail_code = ENOSPC;
	CHECK_EQ(host_vfs_set(&host, pf, 5, &probe, &err), -ENOSPC);
	CHECK_HAS(err.msg, "0000:01:00.0: make 5 VFs");
	CHECK_HAS(err.msg, "ENOSPC");
	CHECK_EQ(number("sriov_numvfs"), 2);
	CHECK(!strcmp(drivers.log, "sriov_numvfs=0;sriov_numvfs=2;"));
}

static void a_failure_puts_autoprobe_back(void)
{
	start();
	drivers.fail_nth = 3;
	drivers.fail_code = ENOMEM;
	CHECK_EQ(host_vfs_set(&host, pf, 5, &keep_off, &err), -ENOMEM);
	CHECK_EQ(number("sriov_numvfs"), 2);
	CHECK_EQ(number("sriov_drivers_autoprobe"), 1);
	CHECK(!host_exists(&host, NOTE));
}

static void a_failure_keeps_drivers_off_the_old_vfs(void)
{
	start_without_vfs();
	CHECK_EQ(host_vfs_set(&host, pf, 2, &keep_off, &err), 0);
	drivers.nr_writes = 0;
	drivers.fail_nth = 3;
	drivers.fail_code = ENOMEM;
	CHECK_EQ(host_vfs_set(&host, pf, 5, &probe, &err), -ENOMEM);
	CHECK_EQ(number("sriov_numvfs"), 2);
	CHECK_EQ(number("sriov_drivers_autoprobe"), 0);
	CHECK_EQ(host_vfs_set(&host, pf, 0, &probe, &err), 0);
	CHECK_EQ(number("sriov_drivers_autoprobe"), 1);
}

static void vfs_that_cannot_be_removed_stay(void)
{
	start();
	drivers.fail_nth = 1;
	drivers.fail_code = EPERM;
	CHECK_EQ(host_vfs_set(&host, pf, 5, &probe, &err), -EPERM);
	CHECK_HAS(err.msg, "remove its VFs");
	CHECK_EQ(number("sriov_numvfs"), 2);
	CHECK_EQ(drivers.nr_writes, 1);
}

static void a_driver_that_makes_fewer_has_failed(void)
{
	start_without_vfs();
	drivers.most_vfs = 4;
	CHECK_EQ(host_vfs_set(&host, pf, 6, &probe, &err), -EIO);
	CHECK(!strcmp(err.msg,
		      "0000:01:00.0: 6 VFs were asked for, its driver made 4"));
	CHECK_EQ(number("sriov_numvfs"), 0);
}

static void a_failed_rollback_is_told(void)
{
	start();
	drivers.fail_nth = 2;
	drivers.fail_code = ENOSPC;
	drivers.keep_failing = true;
	CHECK_EQ(host_vfs_set(&host, pf, 5, &probe, &err), -ENOSPC);
	CHECK_HAS(err.msg, "make 5 VFs");
	CHECK_HAS(err.hint, "could not be put back to the 2 VFs");
	CHECK_HAS(err.hint, "make 2 VFs");
}

/* --- reasons --- */

static const char *hint_for(int code)
{
	start_without_vfs();
	drivers.fail_nth = 1;
	drivers.fail_code = code;
	CHECK_EQ(host_vfs_set(&host, pf, 5, &probe, &err), -code);
	return err.hint;
}

static void each_errno_has_its_reason(void)
{
	CHECK_HAS(hint_for(ENOSPC), "MSI-X vectors");
	CHECK_HAS(hint_for(ENOMEM), "pci=realloc");
	CHECK_HAS(hint_for(EINVAL), "Above 4G Decoding");
	CHECK_HAS(hint_for(EBUSY), "made VFs just now");
	CHECK_HAS(hint_for(ENOENT), "sriov_configure");
	CHECK_HAS(hint_for(ENODEV), "sriov_configure");
	CHECK_HAS(hint_for(EPERM), "assigned to a guest");
	CHECK_HAS(hint_for(EACCES), "run as root");
	CHECK_HAS(hint_for(EROFS), "read-only");
	CHECK_HAS(hint_for(ETIMEDOUT), "does not answer");
	CHECK_HAS(hint_for(EAGAIN), "try again");
	CHECK_HAS(hint_for(EPIPE), "kernel log");
}

static void a_lack_of_vectors_names_the_pool(void)
{
	start_without_vfs();
	set_by_hand("sriov_vf_total_msix", "48");
	drivers.fail_nth = 1;
	drivers.fail_code = ENOSPC;
	CHECK_EQ(host_vfs_set(&host, pf, 5, &probe, &err), -ENOSPC);
	CHECK_HAS(err.hint, "the pool of all VFs has 48");
}

static void bars_without_room_are_found(void)
{
	start_without_vfs();
	set_by_hand("resource",
		    "0x0 0x0 0x0\\n0x0 0x0 0x0\\n0x0 0x0 0x0\\n0x0 0x0 0x0\\n"
		    "0x0 0x0 0x0\\n0x0 0x0 0x0\\n0x0 0x0 0x0\\n"
		    "0x0 0x1bfff 0x20140204");
	drivers.fail_nth = 1;
	drivers.fail_code = ENOMEM;
	CHECK_EQ(host_vfs_set(&host, pf, 5, &probe, &err), -ENOMEM);
	CHECK_HAS(err.hint, "the BARs of its VFs have no MMIO room");
}

static void a_bus_past_the_pf_is_named(void)
{
	start_without_vfs();
	set_by_hand("sriov_offset", "384");
	drivers.fail_nth = 1;
	drivers.fail_code = ENOMEM;
	CHECK_EQ(host_vfs_set(&host, pf, 5, &probe, &err), -ENOMEM);
	CHECK_HAS(err.hint, "most likely bus 02");
}

/* --- MSI-X vectors --- */

static void start_pool(void)
{
	start();
	set_by_hand("sriov_vf_total_msix", "64");
	tree_add(&tree, VF "/sriov_vf_msix_count =\n- " VF "/driver");
}

static void a_vf_gets_vectors(void)
{
	start_pool();
	CHECK_EQ(host_vf_msix_set(&host, vf, 12, &err), 0);
	CHECK(!strcmp(drivers.log, "sriov_vf_msix_count=12;"));
}

static void a_bound_vf_gets_none(void)
{
	start_pool();
	tree_add(&tree, VF "/driver -> ../../../../bus/pci/drivers/igbvf");
	CHECK_EQ(host_vf_msix_set(&host, vf, 12, &err), -EBUSY);
	CHECK_HAS(err.msg, "while a driver has it (igbvf)");
	CHECK_EQ(drivers.nr_writes, 0);
}

static void more_vectors_than_the_pool_are_refused(void)
{
	start_pool();
	CHECK_EQ(host_vf_msix_set(&host, vf, 65, &err), -ERANGE);
	CHECK_HAS(err.msg, "the pool of all VFs of 0000:01:00.0 has 64");
}

static void a_pf_without_pool_has_fixed_vectors(void)
{
	start();
	CHECK_EQ(host_vf_msix_set(&host, vf, 2, &err), -EOPNOTSUPP);
	CHECK_HAS(err.msg, "0000:01:00.0 has no pool");
}

static void an_exhausted_pool_is_shown(void)
{
	start_pool();
	drivers.fail_nth = 1;
	drivers.fail_code = EINVAL;
	CHECK_EQ(host_vf_msix_set(&host, vf, 12, &err), -EINVAL);
	CHECK_HAS(err.msg, "give it 12 MSI-X vectors");
	CHECK_HAS(err.hint, "the pool of all 2 VFs of 0000:01:00.0 has 64");
}

int main(void)
{
	TAP_RUN(vfs_are_made);
	TAP_RUN(another_number_goes_through_zero);
	TAP_RUN(none_removes_them);
	TAP_RUN(the_same_number_changes_nothing);
	TAP_RUN(drivers_are_kept_off_before_vfs_are_made);
	TAP_RUN(autoprobe_comes_back_with_the_last_vf);
	TAP_RUN(autoprobe_that_was_off_stays_off);
	TAP_RUN(drivers_are_let_in_where_they_were_kept_off);
	TAP_RUN(the_same_number_may_change_autoprobe);
	TAP_RUN(a_kernel_without_autoprobe_cannot_keep_drivers_off);
	TAP_RUN(more_than_the_maximum_are_refused);
	TAP_RUN(a_maximum_of_none_has_a_hint);
	TAP_RUN(a_vf_that_a_process_has_is_refused);
	TAP_RUN(a_vf_on_vfio_pci_that_nobody_has_may_go);
	TAP_RUN(a_vf_with_an_address_is_refused);
	TAP_RUN(a_vf_whose_interface_a_container_has_is_refused);
	TAP_RUN(a_vf_without_interface_may_go);
	TAP_RUN(used_vfs_may_be_forced);
	TAP_RUN(used_vfs_do_not_hinder_the_same_number);
	TAP_RUN(a_pf_without_driver_makes_none);
	TAP_RUN(a_pf_on_vfio_pci_makes_none);
	TAP_RUN(a_vf_makes_none);
	TAP_RUN(a_failure_makes_the_old_number_again);
	TAP_RUN(a_failure_puts_autoprobe_back);
	TAP_RUN(a_failure_keeps_drivers_off_the_old_vfs);
	TAP_RUN(vfs_that_cannot_be_removed_stay);
	TAP_RUN(a_driver_that_makes_fewer_has_failed);
	TAP_RUN(a_failed_rollback_is_told);
	TAP_RUN(each_errno_has_its_reason);
	TAP_RUN(a_lack_of_vectors_names_the_pool);
	TAP_RUN(bars_without_room_are_found);
	TAP_RUN(a_bus_past_the_pf_is_named);
	TAP_RUN(a_vf_gets_vectors);
	TAP_RUN(a_bound_vf_gets_none);
	TAP_RUN(more_vectors_than_the_pool_are_refused);
	TAP_RUN(a_pf_without_pool_has_fixed_vectors);
	TAP_RUN(an_exhausted_pool_is_shown);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}

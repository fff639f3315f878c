// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * RLIMIT_MEMLOCK is the process's own (lowered here, which needs no
 * privilege); what is locked and which capabilities there are comes from a
 * tree.
 */
#include <errno.h>
#include <sys/resource.h>

#include "iommu/iommu.h"
#include "src/base/bits.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

static struct tree tree;
static struct host host;
static struct err err;

static void start(void)
{
	struct rlimit limit;

	if (tree.root[0]) {
		tree_remove(&tree);
		host_close(&host);
	}
	err = (struct err){ 0 };
	tree_make(&tree);
	tree_add(
		&tree,
		"proc/self/status = Name:\\tstrait\\nVmLck:\\t       0 kB\\nCapEff:\\t0000000000000000");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	CHECK_EQ(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	/* No higher than the lowest hard limit in use. */
	limit.rlim_cur = KIB(64);
	CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

static void what_fits_the_limit_passes(void)
{
	start();
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_CONTAINER, KIB(64), &err), 0);
}

static void a_page_too_much_is_refused(void)
{
	start();
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_CONTAINER, KIB(68), &err),
		 -ENOMEM);
}

static void need_and_limit_and_remedy_are_told(void)
{
	start();
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_CONTAINER, MIB(512), &err),
		 -ENOMEM);
	CHECK(!strcmp(
		err.msg,
		"guest memory of 512 MiB has to be locked for DMA, but RLIMIT_MEMLOCK allows 64 KiB"));
	CHECK_HAS(err.hint, "ulimit -l unlimited");
	CHECK_HAS(err.hint, "LimitMEMLOCK=infinity");
	CHECK_HAS(err.hint, "CAP_IPC_LOCK");
}

static void odd_sizes_are_rounded_up(void)
{
	start();
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_CONTAINER, GIB(1) + MIB(1),
				     &err),
		 -ENOMEM);
	CHECK_HAS(err.msg, "guest memory of 1.1 GiB");
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_CONTAINER, GIB(2) - KIB(4),
				     &err),
		 -ENOMEM);
	CHECK_HAS(err.msg, "guest memory of 2.0 GiB");
}

static void what_is_locked_already_counts(void)
{
	start();
	tree_add(
		&tree,
		"proc/self/status = VmLck:\\t    16 kB\\nCapEff:\\t0000000000000000");
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_CONTAINER, KIB(48), &err), 0);
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_CONTAINER, KIB(64), &err),
		 -ENOMEM);
	CHECK_HAS(err.msg, "allows 64 KiB, of which 16 KiB is in use");
}

static void cap_ipc_lock_lifts_the_limit(void)
{
	start();
	tree_add(
		&tree,
		"proc/self/status = VmLck:\\t0 kB\\nCapEff:\\t0000000000004000\n"
		"proc/self/uid_map =          0          0 4294967295");
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_CONTAINER, GIB(64), &err), 0);
}

static void other_capabilities_do_not(void)
{
	start();
	tree_add(
		&tree,
		"proc/self/status = VmLck:\\t0 kB\\nCapEff:\\t000001ffffffbfff");
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_CONTAINER, GIB(64), &err),
		 -ENOMEM);
}

static void cap_ipc_lock_of_a_user_namespace_does_not(void)
{
	start();
	tree_add(
		&tree,
		"proc/self/status = VmLck:\\t0 kB\\nCapEff:\\t000001ffffffffff\n"
		"proc/self/uid_map =          0     100000      65536");
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_CONTAINER, GIB(64), &err),
		 -ENOMEM);
}

static void iommufd_does_not_count_what_the_process_has_locked(void)
{
	start();
	tree_add(
		&tree,
		"proc/self/status = VmLck:\\t    16 kB\\nCapEff:\\t0000000000000000");
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_IOMMUFD, KIB(64), &err), 0);
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_IOMMUFD, KIB(68), &err),
		 -ENOMEM);
}

static void iommufd_has_one_limit_for_the_whole_user(void)
{
	start();
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_IOMMUFD, MIB(512), &err),
		 -ENOMEM);
	CHECK(!strcmp(
		err.msg,
		"guest memory of 512 MiB has to be locked for DMA, but RLIMIT_MEMLOCK allows 64 KiB to all processes of this user together"));
}

static void a_sum_that_wraps_is_refused(void)
{
	start();
	tree_add(
		&tree,
		"proc/self/status = VmLck:\\t    16 kB\\nCapEff:\\t0000000000000000");
	CHECK_EQ(iommu_check_memlock(&host, IOMMU_CONTAINER, UINT64_MAX, &err),
		 -ENOMEM);
}

int main(void)
{
	TAP_RUN(what_fits_the_limit_passes);
	TAP_RUN(a_page_too_much_is_refused);
	TAP_RUN(need_and_limit_and_remedy_are_told);
	TAP_RUN(odd_sizes_are_rounded_up);
	TAP_RUN(what_is_locked_already_counts);
	TAP_RUN(cap_ipc_lock_lifts_the_limit);
	TAP_RUN(other_capabilities_do_not);
	TAP_RUN(cap_ipc_lock_of_a_user_namespace_does_not);
	TAP_RUN(iommufd_does_not_count_what_the_process_has_locked);
	TAP_RUN(iommufd_has_one_limit_for_the_whole_user);
	TAP_RUN(a_sum_that_wraps_is_refused);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest RAM against what an IOMMU can translate, and its mappings. */
#include <errno.h>

#include "tests/fake/iommu.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

static struct tree tree;
static struct host host;
static struct fake_iommu iommu;
static struct mem mem;
static struct err err;
static uint8_t page[2][4096] __attribute__((aligned(4096)));

/* As an Intel IOMMU of 39 bits has it: a hole for interrupt messages. */
static void start(void)
{
	memset(&err, 0, sizeof(err));
	tree_make(&tree);
	tree_add(
		&tree,
		"sys/kernel/iommu_groups/0/reserved_regions = 0x00000000fee00000 0x00000000feefffff msi\n");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	fake_iommu_init(&iommu, &host);
	iommu.ranges[0] = (struct iova_range){ 0, 0xfedfffff };
	iommu.ranges[1] = (struct iova_range){ 0xfef00000, 0x7fffffffff };
	iommu.nr_ranges = 2;
	mem_init(&mem);
}

static void stop(void)
{
	mem_fini(&mem);
	host_close(&host);
	tree_remove(&tree);
}

static struct mem_region region(gpa_t gpa, void *hva, enum mem_kind kind)
{
	return (struct mem_region){ .gpa = gpa,
				    .size = 4096,
				    .hva = hva,
				    .kind = kind,
				    .fd = -1,
				    .name = "test" };
}

static void ram_inside_a_range_is_fine(void)
{
	start();
	CHECK_EQ(iommu_check_ram(&iommu.iommu, 0, 0xc0000000, &err), 0);
	CHECK_EQ(iommu_check_ram(&iommu.iommu, 0x100000000, GIB(8), &err), 0);
	CHECK_EQ(iommu_check_ram(&iommu.iommu, 0, 0xfee00000, &err), 0);
	stop();
}

static void ram_over_a_hole_names_hole_and_reason(void)
{
	start();
	CHECK_EQ(iommu_check_ram(&iommu.iommu, 0, GIB(4), &err), -EINVAL);
	CHECK_HAS(err.msg, "guest RAM 0x0-0xffffffff");
	CHECK_HAS(err.msg, "0xfee00000-0xfeefffff");
	CHECK_HAS(err.hint, "(msi) for interrupt messages");
	CHECK_HAS(err.hint, "iommu_groups/0/reserved_regions");
	stop();
}

static void ram_inside_a_hole_is_refused(void)
{
	start();
	CHECK_EQ(iommu_check_ram(&iommu.iommu, 0xfee01000, 4096, &err),
		 -EINVAL);
	CHECK_HAS(err.msg, "cannot reach 0xfee01000-0xfee01fff");
	stop();
}

static void ram_above_the_width_names_the_width(void)
{
	start();
	CHECK_EQ(iommu_check_ram(&iommu.iommu, 0x7fffff0000, MIB(1), &err),
		 -EINVAL);
	CHECK_HAS(err.msg, "0x8000000000-0x80000effff");
	CHECK_HAS(err.hint, "up to 0x7fffffffff");
	stop();
}

static void ram_across_adjacent_ranges_is_fine(void)
{
	start();
	iommu.ranges[0].last = 0xfeefffff;
	CHECK_EQ(iommu_check_ram(&iommu.iommu, 0, GIB(8), &err), 0);
	stop();
}

static void ram_at_the_end_of_the_address_space_does_not_wrap(void)
{
	start();
	iommu.ranges[0] = (struct iova_range){ 0, UINT64_MAX };
	iommu.nr_ranges = 1;
	CHECK_EQ(iommu_check_ram(&iommu.iommu, UINT64_MAX - 4095, 4096, &err),
		 0);
	stop();
}

static void ram_is_mapped_and_unmapped_as_it_comes_and_goes(void)
{
	struct mem_region a = region(0, page[0], MEM_RAM);
	struct mem_region b = region(0x100000, page[1], MEM_RAM);

	start();
	CHECK_EQ(mem_add(&mem, &a, &err), 0);
	CHECK_EQ(mem_listener_add(&mem, &iommu.iommu.listener, &err), 0);
	CHECK_EQ(mem_add(&mem, &b, &err), 0);
	CHECK_EQ(iommu.nr_maps, 2);
	CHECK_EQ(iommu.maps[1].iova, 0x100000);
	CHECK(iommu.maps[1].hva == page[1]);
	CHECK_EQ(iommu.iommu.nr_maps, 2);
	CHECK_EQ(iommu.iommu.mapped_bytes, 8192);
	mem_del(&mem, &b);
	mem_listener_del(&mem, &iommu.iommu.listener);
	CHECK_EQ(iommu.nr_maps, 0);
	CHECK_EQ(iommu.iommu.mapped_bytes, 0);
	stop();
}

static void device_regions_are_not_mapped(void)
{
	struct mem_region bar = region(0xe0000000, page[0], MEM_DEVICE);

	start();
	CHECK_EQ(mem_listener_add(&mem, &iommu.iommu.listener, &err), 0);
	CHECK_EQ(mem_add(&mem, &bar, &err), 0);
	CHECK_EQ(iommu.nr_maps, 0);
	mem_del(&mem, &bar);
	CHECK_EQ(iommu.iommu.nr_maps, 0);
	stop();
}

static void nothing_is_mapped_of_ram_that_does_not_fit(void)
{
	struct mem_region a = region(0, page[0], MEM_RAM);
	struct mem_region b = region(0xfee00000, page[1], MEM_RAM);

	start();
	CHECK_EQ(mem_add(&mem, &a, &err), 0);
	CHECK_EQ(mem_add(&mem, &b, &err), 0);
	CHECK_EQ(mem_listener_add(&mem, &iommu.iommu.listener, &err), -EINVAL);
	CHECK_EQ(iommu.nr_maps, 0);
	CHECK_EQ(iommu.iommu.mapped_bytes, 0);
	stop();
}

static int add_failing_with(int code)
{
	struct mem_region a = region(0x100000, page[0], MEM_RAM);

	iommu.fail_nth = 1;
	iommu.fail_code = code;
	return iommu.iommu.listener.ops->add(&iommu.iommu.listener, &a, &err);
}

static void a_failed_map_names_the_ram_and_counts_nothing(void)
{
	start();
	CHECK_EQ(add_failing_with(EEXIST), -EEXIST);
	CHECK_HAS(err.msg, "guest RAM 0x100000-0x100fff");
	CHECK_HAS(err.msg, "EEXIST");
	CHECK_EQ(iommu.iommu.nr_maps, 0);
	CHECK_EQ(iommu.iommu.mapped_bytes, 0);
	stop();
}

static void no_memory_to_pin_says_how_much_is_needed(void)
{
	start();
	iommu.iommu.mapped_bytes = MIB(511);
	CHECK_EQ(add_failing_with(ENOMEM), -ENOMEM);
	/* The limit or the host's memory, as this process may lock or not. */
	CHECK_HAS(err.hint, "511");
	stop();
}

static void the_limit_of_mappings_is_respected(void)
{
	struct mem_region a = region(0, page[0], MEM_RAM);

	start();
	iommu.iommu.max_maps = 3;
	iommu.iommu.nr_maps = 3;
	CHECK_EQ(iommu.iommu.listener.ops->add(&iommu.iommu.listener, &a, &err),
		 -ENOSPC);
	CHECK_HAS(err.msg, "all 3 mappings");
	CHECK_HAS(err.hint, "dma_entry_limit");
	CHECK_EQ(iommu.nr_maps, 0);
	stop();
}

int main(void)
{
	TAP_RUN(ram_inside_a_range_is_fine);
	TAP_RUN(ram_over_a_hole_names_hole_and_reason);
	TAP_RUN(ram_inside_a_hole_is_refused);
	TAP_RUN(ram_above_the_width_names_the_width);
	TAP_RUN(ram_across_adjacent_ranges_is_fine);
	TAP_RUN(ram_at_the_end_of_the_address_space_does_not_wrap);
	TAP_RUN(ram_is_mapped_and_unmapped_as_it_comes_and_goes);
	TAP_RUN(device_regions_are_not_mapped);
	TAP_RUN(nothing_is_mapped_of_ram_that_does_not_fit);
	TAP_RUN(a_failed_map_names_the_ram_and_counts_nothing);
	TAP_RUN(no_memory_to_pin_says_how_much_is_needed);
	TAP_RUN(the_limit_of_mappings_is_respected);
	return tap_done();
}

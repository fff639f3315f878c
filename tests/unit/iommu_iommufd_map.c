// SPDX-License-Identifier: GPL-2.0-or-later
/* The IOVA space of iommufd: its ranges, and what is mapped how. */
#include "tests/unit/iommufd_fixture.h"

static uint8_t page[4096] __attribute__((aligned(4096)));

static struct mem_region ram(gpa_t gpa, int fd)
{
	return (struct mem_region){ .gpa = gpa,
				    .size = sizeof(page),
				    .hva = page,
				    .kind = MEM_RAM,
				    .fd = fd,
				    .fd_offset = 0x5000,
				    .name = "RAM" };
}

static int add(const struct mem_region *r)
{
	return iommu->listener.ops->add(&iommu->listener, r, &err);
}

/* --- memory --- */

static void ram_is_mapped_by_its_file(void)
{
	struct mem_region r = ram(0x100000, 42);

	start();
	CHECK_EQ(add(&r), 0);
	CHECK_EQ(k.nr_map, 0);
	CHECK_EQ(k.map_file.fd, 42);
	CHECK_EQ(k.map_file.start, 0x5000);
	CHECK_EQ(k.map_file.iova, 0x100000);
	CHECK_EQ(k.map_file.length, 4096);
	CHECK_EQ(k.map_file.ioas_id, 1);
	CHECK_EQ(k.map_file.flags, 7);
	iommu->listener.ops->del(&iommu->listener, &r);
	CHECK_EQ(k.unmap.iova, 0x100000);
	CHECK_EQ(k.unmap.length, 4096);
	CHECK_EQ(k.nr_maps, 0);
	stop();
}

static void ram_without_a_file_is_mapped_by_address(void)
{
	struct mem_region r = ram(0x100000, -1);

	start();
	CHECK_EQ(add(&r), 0);
	CHECK_EQ(k.nr_map_file, 0);
	CHECK_EQ(k.map.user_va, (uintptr_t)page);
	CHECK_EQ(k.map.iova, 0x100000);
	CHECK_EQ(k.map.length, 4096);
	CHECK_EQ(k.map.flags, 7);
	stop();
}

static void a_kernel_that_maps_no_files_is_asked_once(void)
{
	struct mem_region r = ram(0x100000, 42), r2 = ram(0x200000, 42);

	start();
	calls.fail_request = STRAIT_IOMMU_IOAS_MAP_FILE;
	calls.fail_code = ENOTTY;
	CHECK_EQ(add(&r), 0);
	CHECK_EQ(k.nr_map, 1);
	calls.fail_request = 0;
	CHECK_EQ(add(&r2), 0);
	CHECK_EQ(k.nr_map_file, 0);
	CHECK_EQ(k.nr_map, 2);
	stop();
}

static void a_file_that_the_kernel_does_not_take_is_mapped_by_address(void)
{
	struct mem_region r = ram(0x100000, 42);

	start();
	calls.fail_request = STRAIT_IOMMU_IOAS_MAP_FILE;
	calls.fail_code = EINVAL;
	CHECK_EQ(add(&r), 0);
	CHECK_EQ(k.nr_map, 1);
	stop();
}

static void a_lack_of_memory_is_no_reason_to_try_by_address(void)
{
	struct mem_region r = ram(0x100000, 42);

	start();
	calls.fail_request = STRAIT_IOMMU_IOAS_MAP_FILE;
	calls.fail_code = ENOMEM;
	CHECK_EQ(add(&r), -ENOMEM);
	CHECK_HAS(err.msg, "IOMMU_IOAS_MAP_FILE");
	CHECK_EQ(k.nr_map, 0);
	stop();
}

static void a_bar_is_mapped_as_its_dma_buf(void)
{
	struct mem_region bar = ram(0xe0000000, 43);

	start();
	bar.kind = MEM_DEVICE;
	iommu->p2p = IOMMU_P2P_ON;
	CHECK_EQ(add(&bar), 0);
	CHECK_EQ(k.map_file.fd, 43);
	CHECK_EQ(k.map_file.iova, 0xe0000000);
	iommu->listener.ops->del(&iommu->listener, &bar);
	CHECK_EQ(k.nr_maps, 0);
	stop();
}

static void a_bar_without_a_dma_buf_is_not_tried_by_address(void)
{
	struct mem_region bar = ram(0xe0000000, -1);

	start();
	bar.kind = MEM_DEVICE;
	iommu->p2p = IOMMU_P2P_ON;
	CHECK_EQ(add(&bar), 0);
	CHECK_EQ(k.nr_map, 0);
	CHECK_EQ(k.nr_map_file, 0);
	iommu->listener.ops->del(&iommu->listener, &bar);
	stop();
}

static void a_bar_that_fails_does_not_change_how_ram_is_mapped(void)
{
	struct mem_region bar = ram(0xe0000000, 43), r = ram(0x100000, 42);

	start();
	bar.kind = MEM_DEVICE;
	iommu->p2p = IOMMU_P2P_AUTO;
	iommu->nr_open = 2;
	calls.fail_request = STRAIT_IOMMU_IOAS_MAP_FILE;
	calls.fail_code = EOPNOTSUPP;
	CHECK_EQ(add(&bar), 0);
	calls.fail_request = 0;
	CHECK_EQ(add(&r), 0);
	CHECK_EQ(k.nr_map_file, 1);
	stop();
}

/* --- ranges --- */

static void ranges_are_those_of_the_kernel(void)
{
	struct iova_range r[IOMMU_MAX_RANGES];
	unsigned int nr;

	start();
	CHECK_EQ(iommu_ranges(iommu, r, IOMMU_MAX_RANGES, &nr, &err), 0);
	CHECK_EQ(nr, 2);
	CHECK_EQ(r[0].last, 0xfedfffff);
	CHECK_EQ(r[1].first, 0xfef00000);
	CHECK_EQ(r[1].last, 0x7fffffffff);
	stop();
}

static void more_ranges_than_fit_are_cut(void)
{
	struct iova_range r[IOMMU_MAX_RANGES];
	unsigned int nr;

	start();
	k.nr_ranges = IOMMU_MAX_RANGES + 1;
	CHECK_EQ(iommu_ranges(iommu, r, IOMMU_MAX_RANGES, &nr, &err), 0);
	CHECK_EQ(nr, IOMMU_MAX_RANGES);
	stop();
}

static void devices_without_a_common_address_are_refused(void)
{
	struct iova_range r[IOMMU_MAX_RANGES];
	unsigned int nr;

	start();
	k.nr_ranges = 0;
	CHECK_EQ(iommu_ranges(iommu, r, IOMMU_MAX_RANGES, &nr, &err), -ENOSPC);
	stop();
}

int main(void)
{
	TAP_RUN(ram_is_mapped_by_its_file);
	TAP_RUN(ram_without_a_file_is_mapped_by_address);
	TAP_RUN(a_kernel_that_maps_no_files_is_asked_once);
	TAP_RUN(a_file_that_the_kernel_does_not_take_is_mapped_by_address);
	TAP_RUN(a_lack_of_memory_is_no_reason_to_try_by_address);
	TAP_RUN(a_bar_is_mapped_as_its_dma_buf);
	TAP_RUN(a_bar_without_a_dma_buf_is_not_tried_by_address);
	TAP_RUN(a_bar_that_fails_does_not_change_how_ram_is_mapped);
	TAP_RUN(ranges_are_those_of_the_kernel);
	TAP_RUN(more_ranges_than_fit_are_cut);
	TAP_RUN(devices_without_a_common_address_are_refused);
	return tap_done();
}

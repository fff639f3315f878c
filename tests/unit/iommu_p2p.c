// SPDX-License-Identifier: GPL-2.0-or-later
/* BARs of assigned functions in the IOVA space of the others. */
#include <errno.h>

#include "tests/fake/iommu.h"
#include "tests/tap.h"

static struct host host;
static struct fake_iommu iommu;
static struct mem mem;
static struct err err;
static uint8_t pages[2][4096] __attribute__((aligned(4096)));
static struct mem_region bar, ram;

/* That many devices are open, and memory is followed. */
static void start(enum iommu_p2p p2p, unsigned int nr_open)
{
	memset(&err, 0, sizeof(err));
	fake_iommu_init(&iommu, &host);
	iommu.iommu.p2p = p2p;
	iommu.iommu.nr_open = nr_open;
	mem_init(&mem);
	CHECK_EQ(mem_listener_add(&mem, &iommu.iommu.listener, &err), 0);
	ram = (struct mem_region){ .gpa = 0x100000,
				   .size = 4096,
				   .hva = pages[0],
				   .kind = MEM_RAM,
				   .fd = -1,
				   .name = "RAM" };
	bar = (struct mem_region){ .gpa = 0xe0000000,
				   .size = 4096,
				   .hva = pages[1],
				   .kind = MEM_DEVICE,
				   .fd = -1,
				   .name = "0000:01:10.0 BAR 0" };
}

static void stop(void)
{
	mem_listener_del(&mem, &iommu.iommu.listener);
	mem_fini(&mem);
}

static void bars_are_mapped_from_the_second_device_on(void)
{
	start(IOMMU_P2P_AUTO, 2);
	CHECK_EQ(mem_add(&mem, &bar, &err), 0);
	CHECK_EQ(iommu.nr_maps, 1);
	CHECK_EQ(iommu.maps[0].iova, 0xe0000000);
	CHECK(iommu.maps[0].hva == pages[1]);
	mem_del(&mem, &bar);
	CHECK_EQ(iommu.nr_maps, 0);
	stop();
}

static void a_single_device_has_no_peer(void)
{
	start(IOMMU_P2P_AUTO, 1);
	CHECK_EQ(mem_add(&mem, &bar, &err), 0);
	CHECK_EQ(iommu.nr_maps, 0);
	mem_del(&mem, &bar);
	stop();
}

static void on_maps_them_for_a_single_device(void)
{
	start(IOMMU_P2P_ON, 1);
	CHECK_EQ(mem_add(&mem, &bar, &err), 0);
	CHECK_EQ(iommu.nr_maps, 1);
	mem_del(&mem, &bar);
	stop();
}

static void off_maps_none(void)
{
	start(IOMMU_P2P_OFF, 2);
	CHECK_EQ(mem_add(&mem, &bar, &err), 0);
	CHECK_EQ(iommu.nr_maps, 0);
	mem_del(&mem, &bar);
	stop();
}

static void a_moved_bar_is_mapped_where_it_is(void)
{
	start(IOMMU_P2P_ON, 2);
	CHECK_EQ(mem_add(&mem, &bar, &err), 0);
	mem_del(&mem, &bar);
	bar.gpa = 0xe1000000;
	CHECK_EQ(mem_add(&mem, &bar, &err), 0);
	CHECK_EQ(iommu.nr_maps, 1);
	CHECK_EQ(iommu.maps[0].iova, 0xe1000000);
	mem_del(&mem, &bar);
	stop();
}

/* The fake aborts if what is not mapped is unmapped. */
static void what_could_not_be_mapped_is_not_unmapped(void)
{
	start(IOMMU_P2P_AUTO, 2);
	iommu.fail_nth = 1;
	iommu.fail_code = EFAULT;
	CHECK_EQ(mem_add(&mem, &bar, &err), 0);
	CHECK_EQ(iommu.iommu.nr_maps, 0);
	mem_del(&mem, &bar);
	CHECK_EQ(iommu.iommu.nr_maps, 0);
	stop();
}

static void a_failure_hurts_neither_ram_nor_other_bars(void)
{
	struct mem_region other;

	start(IOMMU_P2P_AUTO, 2);
	other = bar;
	other.gpa = 0xe1000000;
	iommu.fail_nth = 1;
	iommu.fail_code = EFAULT;
	CHECK_EQ(mem_add(&mem, &bar, &err), 0);
	CHECK_EQ(mem_add(&mem, &other, &err), 0);
	CHECK_EQ(mem_add(&mem, &ram, &err), 0);
	CHECK_EQ(iommu.nr_maps, 2);
	mem_del(&mem, &ram);
	mem_del(&mem, &other);
	mem_del(&mem, &bar);
	CHECK_EQ(iommu.nr_maps, 0);
	stop();
}

static void bars_count_as_mappings_but_not_as_locked_memory(void)
{
	start(IOMMU_P2P_ON, 2);
	CHECK_EQ(mem_add(&mem, &bar, &err), 0);
	CHECK_EQ(mem_add(&mem, &ram, &err), 0);
	CHECK_EQ(iommu.iommu.nr_maps, 2);
	CHECK_EQ(iommu.iommu.mapped_bytes, 4096);
	mem_del(&mem, &ram);
	mem_del(&mem, &bar);
	stop();
}

static void the_limit_of_mappings_holds_for_bars(void)
{
	start(IOMMU_P2P_ON, 2);
	iommu.iommu.max_maps = 1;
	CHECK_EQ(mem_add(&mem, &ram, &err), 0);
	CHECK_EQ(mem_add(&mem, &bar, &err), 0);
	CHECK_EQ(iommu.nr_maps, 1);
	mem_del(&mem, &bar);
	mem_del(&mem, &ram);
	stop();
}

int main(void)
{
	TAP_RUN(bars_are_mapped_from_the_second_device_on);
	TAP_RUN(a_single_device_has_no_peer);
	TAP_RUN(on_maps_them_for_a_single_device);
	TAP_RUN(off_maps_none);
	TAP_RUN(a_moved_bar_is_mapped_where_it_is);
	TAP_RUN(what_could_not_be_mapped_is_not_unmapped);
	TAP_RUN(a_failure_hurts_neither_ram_nor_other_bars);
	TAP_RUN(bars_count_as_mappings_but_not_as_locked_memory);
	TAP_RUN(the_limit_of_mappings_holds_for_bars);
	return tap_done();
}

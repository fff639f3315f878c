// SPDX-License-Identifier: GPL-2.0-or-later
/* The type1v2 container against a kernel played by this program. */
/*
 * How this works: this program keeps the state that vfio.ko and
 * vfio_iommu_type1.ko would: which groups have joined, whether the container
 * has a type, what is mapped.
 */
#include <sys/mman.h>

#include "tests/unit/iommu_fixture.h"

static struct kernel {
	unsigned int nr_joined, nr_set_iommu, nr_unset;
	int type;
	bool not_viable, no_type1;
	struct vfio_iommu_type1_dma_map map; /* the last */
	uint64_t unmap_iova, unmap_size;
	unsigned int nr_maps;
	bool has_caps;
	char device[96]; /* the last that was asked for */
} k;

/* What GET_INFO gives after the structure. */
static const struct caps {
	struct vfio_info_cap_header iova;
	uint32_t nr_iovas, reserved;
	struct vfio_iova_range ranges[2];
	struct vfio_info_cap_header dma_avail;
	uint32_t avail;
} caps = {
	.iova = { VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1,
		  sizeof(struct vfio_iommu_type1_info) + 48 },
	.nr_iovas = 2,
	.ranges = { { 0, 0xfedfffff }, { 0xfef00000, 0x7fffffffff } },
	.dma_avail = { VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 1, 0 },
	.avail = 65535,
};

static int get_info(struct vfio_iommu_type1_info *arg)
{
	struct vfio_iommu_type1_info info = { .argsz = arg->argsz };

	_Static_assert(offsetof(struct caps, dma_avail) == 48, "next of iova");
	info.flags = VFIO_IOMMU_INFO_PGSIZES;
	info.iova_pgsizes = 4096;
	if (k.has_caps) {
		info.flags |= VFIO_IOMMU_INFO_CAPS;
		if (arg->argsz < sizeof(info) + sizeof(caps)) {
			info.argsz = sizeof(info) + sizeof(caps);
		} else {
			info.cap_offset = sizeof(info);
			memcpy(arg + 1, &caps, sizeof(caps));
		}
	}
	*arg = info;
	return 0;
}

static int group_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case VFIO_GROUP_GET_STATUS:
		((struct vfio_group_status *)arg)->flags =
			k.not_viable ? 0 : VFIO_GROUP_FLAGS_VIABLE;
		return 0;
	case VFIO_GROUP_SET_CONTAINER:
		k.nr_joined++;
		return 0;
	case VFIO_GROUP_UNSET_CONTAINER:
		k.nr_unset++;
		k.nr_maps = --k.nr_joined ? k.nr_maps : 0;
		k.type = k.nr_joined ? k.type : 0;
		return 0;
	case VFIO_GROUP_GET_DEVICE_FD:
		snprintf(k.device, sizeof(k.device), "%s", (char *)arg);
		return memfd_create("device", MFD_CLOEXEC);
	default:
		return answer(-ENOTTY);
	}
}

static int container_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return !k.no_type1 && (uintptr_t)arg == VFIO_TYPE1v2_IOMMU;
	case VFIO_SET_IOMMU:
		k.nr_set_iommu++;
		k.type = (int)(uintptr_t)arg;
		return k.nr_joined ? 0 : answer(-EINVAL);
	case VFIO_IOMMU_GET_INFO:
		return get_info(arg);
	case VFIO_IOMMU_MAP_DMA:
		memcpy(&k.map, arg, sizeof(k.map));
		k.nr_maps++;
		return 0;
	case VFIO_IOMMU_UNMAP_DMA:
		k.unmap_iova = ((struct vfio_iommu_type1_dma_unmap *)arg)->iova;
		k.unmap_size = ((struct vfio_iommu_type1_dma_unmap *)arg)->size;
		k.nr_maps--;
		return 0;
	default:
		return answer(-ENOTTY);
	}
}

static int kernel_ioctl(const char *path, unsigned long request, void *arg)
{
	if (strstr(path, "/dev/vfio/vfio"))
		return container_ioctl(request, arg);
	return group_ioctl(request, arg);
}

static void start(void)
{
	memset(&k, 0, sizeof(k));
	k.has_caps = true;
	host_start("");
	CHECK_EQ(iommu_new(&host, IOMMU_CONTAINER, NULL, 0, &iommu, &err), 0);
}

static int open_dev(struct bdf bdf, int *fd, int *kvm_fd, struct err *e)
{
	struct iommu_device dev = { .fd = -1 };
	int ret = host_vfio_by_bdf(&host, bdf, &dev.id, e);

	return ret ? ret : iommu_dev_open(iommu, &dev, fd, kvm_fd, e);
}

static void the_first_group_makes_it_type1v2(void)
{
	int fd, kvm_fd;

	start();
	CHECK_EQ(open_dev(vf, &fd, &kvm_fd, &err), 0);
	CHECK_EQ(k.type, VFIO_TYPE1v2_IOMMU);
	CHECK(!strcmp(k.device, "0000:01:10.0"));
	close(fd);
	iommu_dev_close(iommu, "0000:01:10.0");
	stop();
}

static void a_second_group_joins_the_same_iova_space(void)
{
	int fd, fd2, kvm_fd, kvm_fd2;

	start();
	CHECK_EQ(open_dev(vf, &fd, &kvm_fd, &err), 0);
	CHECK_EQ(open_dev(vf2, &fd2, &kvm_fd2, &err), 0);
	CHECK_EQ(k.nr_joined, 2);
	CHECK_EQ(k.nr_set_iommu, 1);
	CHECK(kvm_fd != kvm_fd2);
	CHECK_EQ(iommu->nr_groups, 2);
	close(fd);
	close(fd2);
	stop();
}

static void two_functions_of_a_group_share_it(void)
{
	int fd, fd2, kvm_fd, kvm_fd2;

	start();
	tree_add(
		&tree,
		"sys/bus/pci/devices/0000:01:10.2/iommu_group -> ../../../../kernel/iommu_groups/3");
	CHECK_EQ(open_dev(vf, &fd, &kvm_fd, &err), 0);
	CHECK_EQ(open_dev(vf2, &fd2, &kvm_fd2, &err), 0);
	CHECK_EQ(kvm_fd, kvm_fd2);
	CHECK_EQ(k.nr_joined, 1);
	close(fd);
	iommu_dev_close(iommu, "0000:01:10.0");
	CHECK_EQ(k.nr_joined, 1);
	close(fd2);
	iommu_dev_close(iommu, "0000:01:10.2");
	CHECK_EQ(k.nr_joined, 0);
	stop();
}

static void the_last_group_stays_while_memory_is_mapped(void)
{
	int fd, kvm_fd;

	start();
	CHECK_EQ(open_dev(vf, &fd, &kvm_fd, &err), 0);
	iommu->nr_maps = 1;
	close(fd);
	iommu_dev_close(iommu, "0000:01:10.0");
	CHECK_EQ(k.nr_joined, 1);
	CHECK_EQ(open_dev(vf, &fd, &kvm_fd, &err), 0);
	CHECK_EQ(k.nr_set_iommu, 1);
	close(fd);
	stop();
	CHECK_EQ(k.nr_joined, 0);
}

static void freeing_closes_everything(void)
{
	int fd, kvm_fd;

	start();
	CHECK_EQ(open_dev(vf, &fd, &kvm_fd, &err), 0);
	close(fd);
	iommu_free(iommu);
	iommu = NULL;
	CHECK_EQ(fake_nr_files(), nr_files);
	stop();
}

static void a_failure_at_any_call_leaves_nothing_open(void)
{
	unsigned int before;
	int fd, kvm_fd, ret;

	start();
	before = fake_nr_files();
	do {
		calls.nr_calls = 0;
		calls.fail_nth++;
		err = (struct err){ 0 };
		ret = open_dev(vf, &fd, &kvm_fd, &err);
		CHECK(!ret || fake_nr_files() == before);
		CHECK(!ret || k.nr_joined == 0);
		CHECK(!ret || iommu->nr_groups == 0);
		CHECK(!ret || strstr(err.msg, "0000:01:10.0"));
	} while (ret);
	/* Status, container, type; the limit of mappings may stay unknown. */
	CHECK_EQ(calls.fail_nth, 4);
	close(fd);
	stop();
}

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

static void a_kernel_without_ranges_allows_all(void)
{
	struct iova_range r[1];
	unsigned int nr;

	start();
	k.has_caps = false;
	CHECK_EQ(iommu_ranges(iommu, r, 1, &nr, &err), 0);
	CHECK_EQ(nr, 1);
	CHECK_EQ(r[0].first, 0);
	CHECK_EQ(r[0].last, UINT64_MAX);
	stop();
}

static void the_limit_of_mappings_is_learnt(void)
{
	int fd, kvm_fd;

	start();
	CHECK_EQ(open_dev(vf, &fd, &kvm_fd, &err), 0);
	CHECK_EQ(iommu->max_maps, 65535);
	close(fd);
	stop();
}

static void ram_is_mapped_for_reads_and_writes_at_its_gpa(void)
{
	static uint8_t page[4096] __attribute__((aligned(4096)));
	struct mem_region ram = { .gpa = 0x100000,
				  .size = sizeof(page),
				  .hva = page,
				  .kind = MEM_RAM };

	start();
	CHECK_EQ(iommu->listener.ops->add(&iommu->listener, &ram, &err), 0);
	CHECK_EQ(k.map.iova, 0x100000);
	CHECK_EQ(k.map.size, 4096);
	CHECK_EQ(k.map.vaddr, (uintptr_t)page);
	CHECK_EQ(k.map.flags, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	iommu->listener.ops->del(&iommu->listener, &ram);
	CHECK_EQ(k.unmap_iova, 0x100000);
	CHECK_EQ(k.unmap_size, 4096);
	CHECK_EQ(k.nr_maps, 0);
	stop();
}

/* --- causes --- */

static int open_vf(void)
{
	int fd, kvm_fd;

	return open_dev(vf, &fd, &kvm_fd, &err);
}

static void a_group_that_is_not_viable_names_the_other_function(void)
{
	start();
	k.not_viable = true;
	tree_add(
		&tree,
		"sys/bus/pci/devices/0000:01:10.2/iommu_group -> ../../../../kernel/iommu_groups/3\n"
		"sys/bus/pci/devices/0000:01:10.2/driver -> ../../../../bus/pci/drivers/igbvf\n"
		"sys/kernel/iommu_groups/3/devices/0000:01:10.2 -> ../../../../bus/pci/devices/0000:01:10.2\n");
	CHECK_EQ(open_vf(), -EPERM);
	CHECK_HAS(err.msg, "0000:01:10.0: VFIO_GROUP_GET_STATUS: group 3");
	CHECK_HAS(err.hint, "0000:01:10.2");
	CHECK_HAS(err.hint, "igbvf");
	stop();
}

static void no_interrupt_remapping_is_explained(void)
{
	start();
	calls.fail_request = VFIO_SET_IOMMU;
	calls.fail_code = EPERM;
	CHECK_EQ(open_vf(), -EPERM);
	CHECK_HAS(err.msg, "0000:01:10.0: VFIO_SET_IOMMU");
	CHECK_HAS(err.hint, "cannot remap interrupts");
	CHECK_HAS(err.hint, "raise any interrupt on the host");
	stop();
}

static void memory_claimed_by_firmware_is_told_from_that(void)
{
	start();
	tree_add(
		&tree,
		"sys/kernel/iommu_groups/3/reserved_regions = 0x00000000bdf6f000 0x00000000bdf7efff direct\\n0x00000000fee00000 0x00000000feefffff msi");
	calls.fail_request = VFIO_SET_IOMMU;
	calls.fail_code = EPERM;
	CHECK_EQ(open_vf(), -EPERM);
	CHECK_HAS(err.hint, "0xbdf6f000-0xbdf7efff");
	CHECK_HAS(err.hint, "RMRR");
	stop();
}

static void a_group_that_is_busy_says_so(void)
{
	start();
	drivers.open_path = "dev/vfio/3";
	drivers.open_code = EBUSY;
	CHECK_EQ(open_vf(), -EBUSY);
	CHECK_HAS(err.msg, "0000:01:10.0: open /dev/vfio/3");
	CHECK_HAS(err.msg, "EBUSY");
	stop();
}

static void a_function_without_a_group_is_explained(void)
{
	start();
	tree_add(&tree, "- sys/bus/pci/devices/0000:01:10.0/iommu_group");
	CHECK_EQ(open_vf(), -ENODEV);
	CHECK_HAS(err.msg, "0000:01:10.0: in no IOMMU group");
	CHECK(err.hint[0]);
	stop();
}

static void a_device_that_the_group_refuses_closes_the_group(void)
{
	start();
	calls.fail_request = VFIO_GROUP_GET_DEVICE_FD;
	calls.fail_code = ENODEV;
	CHECK_EQ(open_vf(), -ENODEV);
	CHECK_HAS(err.msg, "0000:01:10.0: VFIO_GROUP_GET_DEVICE_FD");
	CHECK_EQ(k.nr_joined, 0);
	stop();
}

static void a_token_goes_with_the_name(void)
{
	struct iommu_device dev = {
		.fd = -1, .vf_token = "83d8f4f2-509f-382f-3c1e-e6bfe0fa1001"
	};
	int fd, kvm_fd;

	start();
	CHECK_EQ(host_vfio_by_bdf(&host, vf, &dev.id, &err), 0);
	CHECK_EQ(iommu_dev_open(iommu, &dev, &fd, &kvm_fd, &err), 0);
	CHECK(!strcmp(
		k.device,
		"0000:01:10.0 vf_token=83d8f4f2-509f-382f-3c1e-e6bfe0fa1001"));
	close(fd);
	stop();
}

static void what_is_no_token_is_not_sent(void)
{
	struct iommu_device dev = { .fd = -1, .vf_token = "secret" };
	int fd, kvm_fd;

	start();
	CHECK_EQ(host_vfio_by_bdf(&host, vf, &dev.id, &err), 0);
	CHECK_EQ(iommu_dev_open(iommu, &dev, &fd, &kvm_fd, &err), -EINVAL);
	CHECK_HAS(err.msg, "is no UUID");
	CHECK(!k.device[0]);
	CHECK_EQ(k.nr_joined, 0);
	stop();
}

static void a_wrong_token_is_explained(void)
{
	struct iommu_device dev = {
		.fd = -1, .vf_token = "83d8f4f2-509f-382f-3c1e-e6bfe0fa1001"
	};
	int fd, kvm_fd;

	start();
	CHECK_EQ(host_vfio_by_bdf(&host, vf, &dev.id, &err), 0);
	calls.fail_request = VFIO_GROUP_GET_DEVICE_FD;
	calls.fail_code = EACCES;
	CHECK_EQ(iommu_dev_open(iommu, &dev, &fd, &kvm_fd, &err), -EACCES);
	CHECK_HAS(err.hint, "is not the one");
	stop();
}

static void a_mediated_device_is_opened_by_its_uuid(void)
{
	struct iommu_device dev = {
		.fd = -1, .id = { .name = "aabb-ccdd", .group = 4, .cdev = -1 }
	};
	int fd, kvm_fd;

	start();
	CHECK_EQ(iommu_dev_open(iommu, &dev, &fd, &kvm_fd, &err), 0);
	CHECK(!strcmp(k.device, "aabb-ccdd"));
	close(fd);
	iommu_dev_close(iommu, "aabb-ccdd");
	CHECK_EQ(k.nr_joined, 0);
	stop();
}

static void a_missing_module_says_what_to_load(void)
{
	struct iommu *none = NULL;

	start();
	k.no_type1 = true;
	CHECK_EQ(iommu_new(&host, IOMMU_CONTAINER, NULL, 0, &none, &err),
		 -ENODEV);
	CHECK_HAS(err.hint, "modprobe vfio_iommu_type1");
	tree_add(&tree, "- dev/vfio/vfio");
	CHECK_EQ(iommu_new(&host, IOMMU_CONTAINER, NULL, 0, &none, &err),
		 -ENOENT);
	CHECK_HAS(err.hint, "modprobe vfio-pci");
	CHECK(!none);
	stop();
}

int main(void)
{
	TAP_RUN(the_first_group_makes_it_type1v2);
	TAP_RUN(a_second_group_joins_the_same_iova_space);
	TAP_RUN(two_functions_of_a_group_share_it);
	TAP_RUN(the_last_group_stays_while_memory_is_mapped);
	TAP_RUN(freeing_closes_everything);
	TAP_RUN(a_failure_at_any_call_leaves_nothing_open);
	TAP_RUN(ranges_are_those_of_the_kernel);
	TAP_RUN(a_kernel_without_ranges_allows_all);
	TAP_RUN(the_limit_of_mappings_is_learnt);
	TAP_RUN(ram_is_mapped_for_reads_and_writes_at_its_gpa);
	TAP_RUN(a_group_that_is_not_viable_names_the_other_function);
	TAP_RUN(no_interrupt_remapping_is_explained);
	TAP_RUN(memory_claimed_by_firmware_is_told_from_that);
	TAP_RUN(a_group_that_is_busy_says_so);
	TAP_RUN(a_function_without_a_group_is_explained);
	TAP_RUN(a_device_that_the_group_refuses_closes_the_group);
	TAP_RUN(a_token_goes_with_the_name);
	TAP_RUN(what_is_no_token_is_not_sent);
	TAP_RUN(a_wrong_token_is_explained);
	TAP_RUN(a_mediated_device_is_opened_by_its_uuid);
	TAP_RUN(a_missing_module_says_what_to_load);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* What vfio/kernel.c and device.c say to the kernel, and make of its answers.
 */
/*
 * How this works: this program's own ioctl() stands before the C library's and
 * answers as vfio-pci does (vfio_pci_core.c); the device fd is a file in
 * memory, so pread, pwrite and mmap are the real ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "tests/fake/iommu.h"
#include "tests/fake/tree.h"
#include "tests/fake/vfio.h"
#include "tests/tap.h"
#include "vfio/vfio_abi.h"

enum { REGION_SHIFT = 24 };

/* The kernel's side. */
static struct kernel {
	struct vfio_region_info regions[VFIO_PCI_NUM_REGIONS];
	uint8_t caps[VFIO_PCI_NUM_REGIONS][256]; /* as after the info */
	uint32_t caps_len[VFIO_PCI_NUM_REGIONS];
	uint8_t irq_set[64]; /* the last SET_IRQS, as much as fits */
	uint32_t irq_set_len;
	uint8_t feature[40];	   /* the last VFIO_DEVICE_FEATURE */
	struct vfio_affected hits; /* of a hot reset */
	uint8_t hot_reset[20];	   /* the last one asked for */
	int ret;     /* of SET_IRQS and RESET: errno if negative */
	int nr_info; /* GET_REGION_INFO calls */
} k;

static struct tree tree;
static struct host host;
static struct fake_iommu iommu;
static struct vfio_dev dev;
static struct vfio_region region;
static struct err err;

static int answer(int ret)
{
	errno = ret < 0 ? -ret : errno;
	return ret < 0 ? -1 : ret;
}

static int region_info(struct vfio_region_info *arg)
{
	struct vfio_region_info info = k.regions[arg->index];

	k.nr_info++;
	if (info.argsz == UINT32_MAX)
		return answer(-EINVAL);
	info.index = arg->index;
	info.argsz = arg->argsz;
	info.offset = (uint64_t)arg->index << REGION_SHIFT;
	if (k.caps_len[info.index]) {
		info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
		if (arg->argsz < sizeof(info) + k.caps_len[info.index]) {
			info.argsz =
				(uint32_t)sizeof(info) + k.caps_len[info.index];
		} else {
			memcpy(arg + 1, k.caps[info.index],
			       k.caps_len[info.index]);
			info.cap_offset = sizeof(info);
		}
	}
	*arg = info;
	return 0;
}

static int set_irqs(const struct vfio_irq_set *set)
{
	k.irq_set_len = set->argsz;
	memcpy(k.irq_set, set,
	       set->argsz < sizeof(k.irq_set) ? set->argsz : sizeof(k.irq_set));
	return answer(k.ret);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	switch (request) {
	case VFIO_DEVICE_GET_INFO:
		((struct vfio_device_info *)arg)->flags =
			VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
		return 0;
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		((struct vfio_irq_info *)arg)->flags = VFIO_IRQ_INFO_EVENTFD;
		((struct vfio_irq_info *)arg)->count = 5;
		return 0;
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(arg);
	case VFIO_DEVICE_RESET:
		return answer(k.ret);
	case VFIO_DEVICE_FEATURE:
		memcpy(k.feature, arg, sizeof(k.feature));
		return answer(k.ret);
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
		((struct vfio_pci_hot_reset_info *)arg)->flags = k.hits.flags;
		((struct vfio_pci_hot_reset_info *)arg)->count = k.hits.nr;
		memcpy(((struct vfio_pci_hot_reset_info *)arg)->devices,
		       k.hits.at, k.hits.nr * sizeof(k.hits.at[0]));
		return answer(k.ret);
	case VFIO_DEVICE_PCI_HOT_RESET:
		memcpy(k.hot_reset, arg, sizeof(k.hot_reset));
		return answer(k.ret);
	default:
		return answer(-ENOTTY);
	}
}

static void start(void)
{
	memset(&k, 0, sizeof(k));
	memset(&err, 0, sizeof(err));
	tree_make(&tree);
	tree_load(&tree, "igb");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	fake_iommu_init(&iommu, &host);
	dev = (struct vfio_dev){ .ops = &vfio_kernel_ops,
				 .iommu = &iommu.iommu,
				 .is_pci = true,
				 .bdf = { .bus = 1, .devfn = 0x80 } };
	bdf_str(dev.bdf, dev.name);
	dev.fd = memfd_create("device", MFD_CLOEXEC);
	CHECK(dev.fd >= 0);
	CHECK_EQ(ftruncate(dev.fd, 16 << REGION_SHIFT), 0);
}

static void stop(void)
{
	dev.ops->close(&dev);
	host_close(&host);
	tree_remove(&tree);
}

static void bar(unsigned int n, uint64_t size, uint32_t flags)
{
	k.regions[n].size = size;
	k.regions[n].flags = VFIO_REGION_INFO_FLAG_READ |
			     VFIO_REGION_INFO_FLAG_WRITE | flags;
}

/* A capability chain of one that says nothing to us ("MSI-X can be mapped") and
 * a sparse area list. */
static void sparse(unsigned int n)
{
	static const struct {
		struct vfio_info_cap_header msix, header;
		uint32_t nr_areas, reserved;
		struct vfio_region_sparse_mmap_area areas[2];
	} caps = {
		.msix = { VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, 1,
			  sizeof(struct vfio_region_info) + 8 },
		.header = { VFIO_REGION_INFO_CAP_SPARSE_MMAP, 1, 0 },
		.nr_areas = 2,
		.areas = { { 0x1000, 0x2000 }, { 0x8000, 0x1000 } },
	};

	_Static_assert(sizeof(caps) == 56, "a header and 48");
	memcpy(k.caps[n], &caps, sizeof(caps));
	k.caps_len[n] = sizeof(caps);
}

static void a_plain_region_is_one_area(void)
{
	start();
	bar(0, 0x4000, VFIO_REGION_INFO_FLAG_MMAP);
	CHECK_EQ(dev.ops->region_info(&dev, 0, &region, &err), 0);
	CHECK_EQ(region.size, 0x4000);
	CHECK_EQ(region.nr_areas, 1);
	CHECK_EQ(region.areas[0].size, 0x4000);
	CHECK_EQ(k.nr_info, 1);
	stop();
}

static void a_region_that_cannot_be_mapped_has_no_area(void)
{
	start();
	bar(0, 0x4000, 0);
	CHECK_EQ(dev.ops->region_info(&dev, 0, &region, &err), 0);
	CHECK_EQ(region.nr_areas, 0);
	stop();
}

static void capabilities_are_asked_for_with_the_size_they_need(void)
{
	start();
	bar(2, 0x10000, VFIO_REGION_INFO_FLAG_MMAP);
	sparse(2);
	CHECK_EQ(dev.ops->region_info(&dev, 2, &region, &err), 0);
	CHECK_EQ(k.nr_info, 2);
	CHECK_EQ(region.nr_areas, 2);
	CHECK_EQ(region.areas[1].offset, 0x8000);
	CHECK_EQ(region.areas[1].size, 0x1000);
	stop();
}

static void a_capability_that_promises_too_much_is_cut(void)
{
	uint32_t nr = 100000;

	start();
	bar(2, 0x10000, VFIO_REGION_INFO_FLAG_MMAP);
	sparse(2);
	memcpy(k.caps[2] + 2 * sizeof(struct vfio_info_cap_header), &nr,
	       sizeof(nr));
	CHECK_EQ(dev.ops->region_info(&dev, 2, &region, &err), 0);
	CHECK_EQ(region.areas[1].offset, 0x8000);
	CHECK(region.nr_areas < 4);
	stop();
}

static void a_chain_that_loops_ends(void)
{
	uint32_t next = sizeof(struct vfio_region_info);

	start();
	bar(2, 0x10000, VFIO_REGION_INFO_FLAG_MMAP);
	sparse(2);
	memcpy(k.caps[2] + sizeof(struct vfio_info_cap_header) + 4, &next,
	       sizeof(next));
	CHECK_EQ(dev.ops->region_info(&dev, 2, &region, &err), 0);
	CHECK_EQ(region.nr_areas, 2);
	stop();
}

static void rom_and_vga_may_be_absent(void)
{
	start();
	k.regions[VFIO_PCI_VGA_REGION_INDEX].argsz = UINT32_MAX;
	k.regions[VFIO_PCI_ROM_REGION_INDEX].argsz = UINT32_MAX;
	CHECK_EQ(dev.ops->region_info(&dev, VFIO_PCI_VGA_REGION_INDEX, &region,
				      &err),
		 0);
	CHECK_EQ(region.size, 0);
	CHECK_EQ(dev.ops->region_info(&dev, VFIO_PCI_ROM_REGION_INDEX, &region,
				      &err),
		 0);
	CHECK_EQ(err.code, 0);
	stop();
}

static void a_bar_that_is_refused_is_an_error_with_the_bdf(void)
{
	start();
	k.regions[1].argsz = UINT32_MAX;
	CHECK_EQ(dev.ops->region_info(&dev, 1, &region, &err), -EINVAL);
	CHECK_HAS(err.msg, "0000:01:10.0: VFIO_DEVICE_GET_REGION_INFO");
	stop();
}

static void registers_are_at_the_regions_offset(void)
{
	uint32_t value = 0x11223344, got = 0;

	start();
	bar(3, 0x4000, 0);
	CHECK_EQ(dev.ops->region_info(&dev, 3, &region, &err), 0);
	CHECK_EQ(dev.ops->region_write(&dev, 3, 0x10, &value, 4), 0);
	CHECK_EQ(pread(dev.fd, &got, 4, (3 << REGION_SHIFT) + 0x10), 4);
	CHECK_EQ(got, value);
	got = 0;
	CHECK_EQ(dev.ops->region_read(&dev, 3, 0x10, &got, 4), 0);
	CHECK_EQ(got, value);
	stop();
}

static void a_short_read_is_an_error(void)
{
	uint32_t value;

	start();
	bar(0, 0x4000, 0);
	CHECK_EQ(dev.ops->region_info(&dev, 0, &region, &err), 0);
	CHECK_EQ(ftruncate(dev.fd, 2), 0);
	CHECK_EQ(dev.ops->region_read(&dev, 0, 0, &value, 4), -EIO);
	stop();
}

static void a_mapping_shows_the_region(void)
{
	uint32_t value = 0xfeedface;
	void *hva;

	start();
	bar(0, 0x4000, VFIO_REGION_INFO_FLAG_MMAP);
	CHECK_EQ(dev.ops->region_info(&dev, 0, &region, &err), 0);
	CHECK_EQ(dev.ops->region_map(&dev, 0, 0x1000, 0x1000, &hva, &err), 0);
	CHECK_EQ(dev.ops->region_write(&dev, 0, 0x1008, &value, 4), 0);
	CHECK(!memcmp((uint8_t *)hva + 8, &value, sizeof(value)));
	dev.ops->region_unmap(&dev, hva, 0x1000);
	stop();
}

static void a_large_mapping_is_congruent_to_its_offset(void)
{
	void *hva;

	start();
	bar(0, MIB(8), VFIO_REGION_INFO_FLAG_MMAP);
	CHECK_EQ(dev.ops->region_info(&dev, 0, &region, &err), 0);
	CHECK_EQ(dev.ops->region_map(&dev, 0, 0x5000, MIB(4), &hva, &err), 0);
	CHECK_EQ((uintptr_t)hva % MIB(2), 0x5000);
	memset(hva, 1, MIB(4));
	dev.ops->region_unmap(&dev, hva, MIB(4));
	stop();
}

static void a_mapping_that_fails_keeps_no_addresses(void)
{
	void *hva;

	start();
	bar(0, MIB(8), VFIO_REGION_INFO_FLAG_MMAP);
	CHECK_EQ(dev.ops->region_info(&dev, 0, &region, &err), 0);
	close(dev.fd);
	dev.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	CHECK(dev.ops->region_map(&dev, 0, 0, MIB(4), &hva, &err) < 0);
	CHECK_HAS(err.msg, "BAR 0: 0000:01:10.0: mmap");
	stop();
}

static int set_trigger(const int *fds, unsigned int nr)
{
	const struct vfio_irqs irqs = {
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.action = VFIO_IRQ_SET_ACTION_TRIGGER,
		.nr = nr,
		.eventfds = fds,
	};

	return dev.ops->set_irqs(&dev, &irqs, &err);
}

static void eventfds_are_passed_as_one_array(void)
{
	static const int fds[3] = { 7, -1, 9 };
	struct vfio_irq_set set;

	start();
	CHECK_EQ(set_trigger(fds, 3), 0);
	memcpy(&set, k.irq_set, sizeof(set));
	CHECK_EQ(set.argsz, sizeof(set) + 3 * sizeof(int32_t));
	CHECK_EQ(set.flags,
		 VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER);
	CHECK_EQ(set.index, VFIO_PCI_MSIX_IRQ_INDEX);
	CHECK_EQ(set.start, 0);
	CHECK_EQ(set.count, 3);
	CHECK(!memcmp(k.irq_set + sizeof(set), fds, sizeof(fds)));
	stop();
}

static void no_eventfds_disable_the_index(void)
{
	struct vfio_irq_set set;

	start();
	CHECK_EQ(set_trigger(NULL, 0), 0);
	memcpy(&set, k.irq_set, sizeof(set));
	CHECK_EQ(set.argsz, sizeof(set));
	CHECK_EQ(set.flags,
		 VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER);
	CHECK_EQ(set.count, 0);
	stop();
}

static void an_action_without_eventfds_acts_at_once(void)
{
	const struct vfio_irqs unmask = {
		.index = VFIO_PCI_INTX_IRQ_INDEX,
		.action = VFIO_IRQ_SET_ACTION_UNMASK,
		.nr = 1,
	};
	struct vfio_irq_set set;

	start();
	CHECK_EQ(dev.ops->set_irqs(&dev, &unmask, &err), 0);
	memcpy(&set, k.irq_set, sizeof(set));
	CHECK_EQ(set.argsz, sizeof(set));
	CHECK_EQ(set.flags,
		 VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK);
	CHECK_EQ(set.index, VFIO_PCI_INTX_IRQ_INDEX);
	CHECK_EQ(set.count, 1);
	stop();
}

static void vectors_are_added_from_where_they_start(void)
{
	static const int fds[2] = { 7, 9 };
	const struct vfio_irqs more = {
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.action = VFIO_IRQ_SET_ACTION_TRIGGER,
		.start = 3,
		.nr = 2,
		.eventfds = fds,
	};
	struct vfio_irq_set set;

	start();
	CHECK_EQ(dev.ops->set_irqs(&dev, &more, &err), 0);
	memcpy(&set, k.irq_set, sizeof(set));
	CHECK_EQ(set.start, 3);
	CHECK_EQ(set.count, 2);
	stop();
}

static void as_many_eventfds_as_msix_has_vectors_fit(void)
{
	static int fds[PCI_MSIX_MAX];

	start();
	CHECK_EQ(set_trigger(fds, PCI_MSIX_MAX), 0);
	CHECK_EQ(k.irq_set_len,
		 sizeof(struct vfio_irq_set) + PCI_MSIX_MAX * sizeof(int32_t));
	stop();
}

static void too_few_vectors_of_the_host_are_told_by_number(void)
{
	static const int fds[3] = { 1, 2, 3 };

	start();
	k.ret = 2;
	CHECK_EQ(set_trigger(fds, 3), 2);
	CHECK_EQ(err.code, 0);
	stop();
}

static void no_vectors_left_gets_a_hint(void)
{
	static const int fds[1] = { 1 };

	start();
	k.ret = -ENOSPC;
	CHECK_EQ(set_trigger(fds, 1), -ENOSPC);
	CHECK_HAS(err.msg, "0000:01:10.0: VFIO_DEVICE_SET_IRQS");
	CHECK_HAS(err.hint, "/proc/interrupts");
	stop();
}

static void a_reset_that_is_busy_gets_a_hint(void)
{
	start();
	k.ret = -EAGAIN;
	CHECK_EQ(dev.ops->reset(&dev, &err), -EAGAIN);
	CHECK_HAS(err.msg, "0000:01:10.0: VFIO_DEVICE_RESET");
	CHECK_HAS(err.hint, "try again");
	stop();
}

static void a_reset_that_is_not_there_names_the_methods(void)
{
	start();
	tree_add(&tree,
		 "sys/bus/pci/devices/0000:01:10.0/reset_method = flr bus");
	k.ret = -ENOTTY;
	CHECK_EQ(dev.ops->reset(&dev, &err), -ENOTTY);
	CHECK_HAS(err.hint, "flr bus");
	stop();
}

static void a_dma_buf_is_asked_for_by_region_and_range(void)
{
	static const uint32_t want[] = { 40, /* argsz */
					 VFIO_DEVICE_FEATURE_GET | 11,
					 2,
					 O_RDWR | O_CLOEXEC,
					 0,
					 1,
					 0x3000,
					 0,
					 0x1000,
					 0 };
	int fd;

	start();
	k.ret = 77;
	CHECK_EQ(dev.ops->region_dmabuf(&dev, 2, 0x3000, 0x1000, &fd, &err), 0);
	CHECK_EQ(fd, 77);
	CHECK(!memcmp(k.feature, want, sizeof(want)));
	stop();
}

static void a_dma_buf_that_is_refused_is_an_error(void)
{
	int fd;

	start();
	k.ret = -ENOTTY;
	CHECK_EQ(dev.ops->region_dmabuf(&dev, 2, 0, 0x1000, &fd, &err),
		 -ENOTTY);
	CHECK_HAS(err.msg, "VFIO_DEVICE_FEATURE_DMA_BUF");
	stop();
}

static void a_hot_reset_tells_what_it_hits(void)
{
	static struct vfio_affected hit;

	start();
	k.hits.nr = 2;
	k.hits.flags = VFIO_PCI_HOT_RESET_FLAG_DEV_ID;
	k.hits.at[1].bus = 7;
	k.hits.at[1].group_id = 5;
	CHECK_EQ(dev.ops->hot_reset_info(&dev, &hit, &err), 0);
	CHECK_EQ(hit.nr, 2);
	CHECK_EQ(hit.flags, VFIO_PCI_HOT_RESET_FLAG_DEV_ID);
	CHECK_EQ(hit.at[1].bus, 7);
	CHECK_EQ(hit.at[1].group_id, 5);
	stop();
}

static void a_hot_reset_that_is_not_there_is_told(void)
{
	static struct vfio_affected hit;

	start();
	k.ret = -ENODEV;
	CHECK_EQ(dev.ops->hot_reset_info(&dev, &hit, &err), -ENODEV);
	CHECK_HAS(err.msg, "0000:01:10.0: can be reset neither by itself");
	stop();
}

static void a_hot_reset_hands_over_the_groups(void)
{
	static const int fds[2] = { 8, 9 };
	static const uint32_t want[] = { 0, 2, 8, 9 };

	start();
	CHECK_EQ(dev.ops->hot_reset(&dev, fds, 2, &err), 0);
	/* All but argsz, which may be more than what is used. */
	CHECK(!memcmp(k.hot_reset + 4, want, sizeof(want)));
	stop();
}

static void a_hot_reset_that_is_refused_tells_who_may_be_in_the_way(void)
{
	static const int fds[1] = { 8 };

	start();
	k.ret = -EINVAL;
	CHECK_EQ(dev.ops->hot_reset(&dev, fds, 1, &err), -EINVAL);
	CHECK_HAS(err.msg, "0000:01:10.0: VFIO_DEVICE_PCI_HOT_RESET");
	CHECK_HAS(err.hint, "bound to vfio-pci");
	stop();
}

static void a_device_that_was_let_go_answers_nothing(void)
{
	uint32_t value = 1;
	int fd;

	start();
	bar(0, 0x4000, 0);
	CHECK_EQ(dev.ops->region_info(&dev, 0, &region, &err), 0);
	fd = dev.fd;
	dev.ops->let_go(&dev);
	/* The number is still taken, so no other file gets it. */
	CHECK_EQ(dev.fd, fd);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(dev.ops->region_read(&dev, 0, 0, &value, 4), -EIO);
	CHECK_EQ(dev.ops->region_write(&dev, 0, 0, &value, 4), 0);
	stop();
}

static void a_device_that_cannot_be_opened_is_half_open_nowhere(void)
{
	struct iommu_device from = { .fd = -1 };
	struct vfio_dev d;
	int kvm_fd;

	start();
	CHECK_EQ(host_vfio_by_bdf(&host, dev.bdf, &from.id, &err), 0);
	CHECK_EQ(vfio_dev_open(&d, &iommu.iommu, &from, &kvm_fd, &err),
		 -ENODEV);
	CHECK_HAS(err.hint, "bound to igbvf, not to vfio-pci");
	vfio_dev_close(&d);
	stop();
}

int main(void)
{
	TAP_RUN(a_plain_region_is_one_area);
	TAP_RUN(a_region_that_cannot_be_mapped_has_no_area);
	TAP_RUN(capabilities_are_asked_for_with_the_size_they_need);
	TAP_RUN(a_capability_that_promises_too_much_is_cut);
	TAP_RUN(a_chain_that_loops_ends);
	TAP_RUN(rom_and_vga_may_be_absent);
	TAP_RUN(a_bar_that_is_refused_is_an_error_with_the_bdf);
	TAP_RUN(registers_are_at_the_regions_offset);
	TAP_RUN(a_short_read_is_an_error);
	TAP_RUN(a_mapping_shows_the_region);
	TAP_RUN(a_large_mapping_is_congruent_to_its_offset);
	TAP_RUN(a_mapping_that_fails_keeps_no_addresses);
	TAP_RUN(eventfds_are_passed_as_one_array);
	TAP_RUN(no_eventfds_disable_the_index);
	TAP_RUN(an_action_without_eventfds_acts_at_once);
	TAP_RUN(vectors_are_added_from_where_they_start);
	TAP_RUN(as_many_eventfds_as_msix_has_vectors_fit);
	TAP_RUN(too_few_vectors_of_the_host_are_told_by_number);
	TAP_RUN(no_vectors_left_gets_a_hint);
	TAP_RUN(a_reset_that_is_busy_gets_a_hint);
	TAP_RUN(a_reset_that_is_not_there_names_the_methods);
	TAP_RUN(a_dma_buf_is_asked_for_by_region_and_range);
	TAP_RUN(a_dma_buf_that_is_refused_is_an_error);
	TAP_RUN(a_hot_reset_tells_what_it_hits);
	TAP_RUN(a_hot_reset_that_is_not_there_is_told);
	TAP_RUN(a_hot_reset_hands_over_the_groups);
	TAP_RUN(a_hot_reset_that_is_refused_tells_who_may_be_in_the_way);
	TAP_RUN(a_device_that_was_let_go_answers_nothing);
	TAP_RUN(a_device_that_cannot_be_opened_is_half_open_nowhere);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's side of struct vfio_ops: ioctls on a device fd. */
/*
 * How this works (linux/vfio.h)
 *
 * A device fd is a file in which each region has an offset: pread and pwrite
 * reach registers and config space, mmap maps BARs. Information structures
 * carry argsz: the kernel fills in what fits and says there how much it wanted,
 * so those with a capability chain are asked for twice.
 *
 * Large BARs are mapped so that host addresses are congruent to BAR offsets
 * modulo 2 MiB or 1 GiB: BARs are aligned to their size in physical memory, so
 * kernels from 6.12 on can then use huge pages for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio/vfio.h"
#include "vfio/vfio_abi.h"

static int fail(const struct vfio_dev *d, const char *op, struct err *e)
{
	int ret = err_sys(e, d->name, op);

	if (d->iommu && d->is_pci)
		vfio_hint(d->iommu->host, d->bdf, op, e);
	return ret;
}

static int kernel_info(struct vfio_dev *d, struct vfio_device_info *out,
		       struct err *e)
{
	*out = (struct vfio_device_info){ .argsz = sizeof(*out) };
	if (ioctl(d->fd, VFIO_DEVICE_GET_INFO, out))
		return fail(d, "VFIO_DEVICE_GET_INFO", e);
	return 0;
}

/* --- regions --- */

/* The region's information with its capability chain; free() it. */
static struct vfio_region_info *region_query(struct vfio_dev *d,
					     unsigned int index, struct err *e)
{
	uint32_t argsz = sizeof(struct vfio_region_info);

	for (;;) {
		struct vfio_region_info *info = calloc(1, argsz);

		if (!info) {
			err_set(e, ENOMEM, "%s: out of memory", d->name);
			return NULL;
		}
		info->argsz = argsz;
		info->index = index;
		if (ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, info)) {
			fail(d, "VFIO_DEVICE_GET_REGION_INFO", e);
			free(info);
			return NULL;
		}
		if (info->argsz <= argsz) {
			info->argsz = argsz;
			return info;
		}
		argsz = info->argsz;
		free(info);
	}
}

static void sparse_read(const struct vfio_region_info *info, size_t off,
			struct vfio_region *out)
{
	const uint8_t *at = (const uint8_t *)info + off;
	struct vfio_region_info_cap_sparse_mmap cap;
	struct vfio_region_sparse_mmap_area area;
	size_t room;

	if (off + sizeof(cap) > info->argsz)
		return;
	memcpy(&cap, at, sizeof(cap));
	room = (info->argsz - off - sizeof(cap)) / sizeof(area);
	out->nr_areas = 0;
	/* Areas that we have no room for are trapped: slow but right. */
	for (uint32_t i = 0; i < cap.nr_areas && i < room; i++) {
		if (out->nr_areas == VFIO_MAX_SPARSE)
			return;
		memcpy(&area, at + sizeof(cap) + i * sizeof(area),
		       sizeof(area));
		if (!area.size)
			continue;
		out->areas[out->nr_areas].offset = area.offset;
		out->areas[out->nr_areas].size = area.size;
		out->nr_areas++;
	}
}

static void region_caps_read(const struct vfio_region_info *info,
			     struct vfio_region *out)
{
	struct vfio_info_cap_header cap;
	size_t last = 0;

	if (!(info->flags & VFIO_REGION_INFO_FLAG_CAPS))
		return;
	/* Offsets ascend, so the walk ends. */
	for (size_t off = info->cap_offset; off > last; off = cap.next) {
		if (off + sizeof(cap) > info->argsz)
			return;
		memcpy(&cap, (const uint8_t *)info + off, sizeof(cap));
		if (cap.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			sparse_read(info, off, out);
		last = off;
	}
}

static int kernel_region_info(struct vfio_dev *d, unsigned int index,
			      struct vfio_region *out, struct err *e)
{
	struct vfio_region_info *info;

	*out = (struct vfio_region){ 0 };
	if (index >= VFIO_PCI_NUM_REGIONS)
		return err_set(e, EINVAL, "%s: no region %u", d->name, index);
	info = region_query(d, index, e);
	if (!info) {
		/* No VGA, or a ROM that cannot be read: an absent region. */
		if (e->code == EINVAL && (index == VFIO_PCI_VGA_REGION_INDEX ||
					  index == VFIO_PCI_ROM_REGION_INDEX)) {
			*e = (struct err){ 0 };
			return 0;
		}
		return -e->code;
	}
	out->size = info->size;
	out->flags = info->flags;
	if (info->flags & VFIO_REGION_INFO_FLAG_MMAP) {
		out->nr_areas = 1;
		out->areas[0].size = info->size;
	}
	region_caps_read(info, out);
	d->region_offset[index] = info->offset;
	d->region_flags[index] = info->flags;
	free(info);
	return 0;
}

static int kernel_region_read(struct vfio_dev *d, unsigned int index,
			      uint64_t off, void *buf, unsigned int len)
{
	ssize_t n =
		pread(d->fd, buf, len, (off_t)(d->region_offset[index] + off));

	if (n < 0)
		return -errno;
	return n == (ssize_t)len ? 0 : -EIO;
}

static int kernel_region_write(struct vfio_dev *d, unsigned int index,
			       uint64_t off, const void *buf, unsigned int len)
{
	ssize_t n =
		pwrite(d->fd, buf, len, (off_t)(d->region_offset[index] + off));

	if (n < 0)
		return -errno;
	return n == (ssize_t)len ? 0 : -EIO;
}

/*
 * Address space for size bytes whose start is congruent to off modulo align,
 * with nothing in it.
 */
static void *reserve(uint64_t off, uint64_t size, uint64_t align)
{
	uint64_t skew = off % align, start, at;
	void *area = mmap(NULL, size + align, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (area == MAP_FAILED)
		return NULL;
	start = (uintptr_t)area;
	at = align_up(start - skew, align) + skew;
	if (at > start)
		munmap(area, at - start);
	if (at < start + align)
		munmap((char *)area + (at - start) + size, start + align - at);
	return (char *)area + (at - start);
}

static int kernel_region_map(struct vfio_dev *d, unsigned int index,
			     uint64_t off, uint64_t size, void **hva,
			     struct err *e)
{
	uint32_t flags = d->region_flags[index];
	int prot = (flags & VFIO_REGION_INFO_FLAG_READ ? PROT_READ : 0) |
		   (flags & VFIO_REGION_INFO_FLAG_WRITE ? PROT_WRITE : 0);
	void *at = NULL, *got;

	if (size >= MIB(2))
		at = reserve(off, size, size >= GIB(1) ? GIB(1) : MIB(2));
	got = mmap(at, size, prot, MAP_SHARED | (at ? MAP_FIXED : 0), d->fd,
		   (off_t)(d->region_offset[index] + off));
	if (got == MAP_FAILED) {
		int ret = fail(d, "mmap", e);

		if (at)
			munmap(at, size);
		return err_ctx(e, ret, "BAR %u", index);
	}
	*hva = got;
	return 0;
}

static void kernel_region_unmap(struct vfio_dev *d, void *hva, uint64_t size)
{
	(void)d;
	munmap(hva, size);
}

static int kernel_region_dmabuf(struct vfio_dev *d, unsigned int index,
				uint64_t off, uint64_t size, int *fd,
				struct err *e)
{
	_Alignas(8) uint8_t buf[sizeof(struct vfio_device_feature) +
				sizeof(struct vfio_device_feature_dma_buf) +
				sizeof(struct vfio_region_dma_range)];
	const struct vfio_device_feature feature = {
		.argsz = sizeof(buf),
		.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
	};
	const struct vfio_device_feature_dma_buf dmabuf = {
		.region_index = index,
		.open_flags = O_RDWR | O_CLOEXEC,
		.nr_ranges = 1,
	};
	const struct vfio_region_dma_range range = { off, size };

	memcpy(buf, &feature, sizeof(feature));
	memcpy(buf + sizeof(feature), &dmabuf, sizeof(dmabuf));
	memcpy(buf + sizeof(feature) + sizeof(dmabuf), &range, sizeof(range));
	*fd = ioctl(d->fd, VFIO_DEVICE_FEATURE, buf);
	return *fd < 0 ? fail(d, "VFIO_DEVICE_FEATURE_DMA_BUF", e) : 0;
}

/* --- interrupts and reset --- */

static int kernel_irq_info(struct vfio_dev *d, unsigned int index,
			   struct vfio_irq_info *out, struct err *e)
{
	*out = (struct vfio_irq_info){ .argsz = sizeof(*out), .index = index };
	if (ioctl(d->fd, VFIO_DEVICE_GET_IRQ_INFO, out))
		return fail(d, "VFIO_DEVICE_GET_IRQ_INFO", e);
	return 0;
}

static int kernel_set_irqs(struct vfio_dev *d, const struct vfio_irqs *irqs,
			   struct err *e)
{
	_Alignas(struct vfio_irq_set)
		uint8_t buf[sizeof(struct vfio_irq_set) +
			    PCI_MSIX_MAX * sizeof(int32_t)];
	struct vfio_irq_set *set = (void *)buf;
	size_t len = irqs->eventfds ? irqs->nr * sizeof(int32_t) : 0;
	int ret;

	_Static_assert(sizeof(int) == sizeof(int32_t), "eventfds are __s32");
	BUG_ON(irqs->nr > PCI_MSIX_MAX);
	*set = (struct vfio_irq_set){
		.argsz = (uint32_t)(sizeof(*set) + len),
		.flags = irqs->action | (len ? VFIO_IRQ_SET_DATA_EVENTFD
					     : VFIO_IRQ_SET_DATA_NONE),
		.index = irqs->index,
		.start = irqs->start,
		.count = irqs->nr,
	};
	if (len)
		memcpy(set->data, irqs->eventfds, len);
	ret = ioctl(d->fd, VFIO_DEVICE_SET_IRQS, set);
	return ret < 0 ? fail(d, "VFIO_DEVICE_SET_IRQS", e) : ret;
}

static int kernel_reset(struct vfio_dev *d, struct err *e)
{
	if (ioctl(d->fd, VFIO_DEVICE_RESET))
		return fail(d, "VFIO_DEVICE_RESET", e);
	return 0;
}

static int hot_reset_fail(struct vfio_dev *d, const char *op, struct err *e)
{
	if (errno == ENODEV) {
		err_set(e, ENODEV,
			"%s: can be reset neither by itself nor with its bus",
			d->name);
		return -ENODEV;
	}
	return fail(d, op, e);
}

static int kernel_hot_reset_info(struct vfio_dev *d, struct vfio_affected *out,
				 struct err *e)
{
	_Alignas(struct vfio_pci_hot_reset_info) uint8_t
		buf[sizeof(struct vfio_pci_hot_reset_info) + sizeof(out->at)];
	struct vfio_pci_hot_reset_info *info = (void *)buf;

	*info = (struct vfio_pci_hot_reset_info){ .argsz = sizeof(buf) };
	if (ioctl(d->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info))
		return hot_reset_fail(d, "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO",
				      e);
	out->flags = info->flags;
	out->nr = info->count < VFIO_MAX_AFFECTED ? info->count
						  : VFIO_MAX_AFFECTED;
	memcpy(out->at, info->devices, out->nr * sizeof(out->at[0]));
	return 0;
}

static int kernel_hot_reset(struct vfio_dev *d, const int *group_fds,
			    unsigned int nr, struct err *e)
{
	_Alignas(struct vfio_pci_hot_reset)
		uint8_t buf[sizeof(struct vfio_pci_hot_reset) +
			    VFIO_MAX_AFFECTED * sizeof(int32_t)];
	struct vfio_pci_hot_reset *arg = (void *)buf;

	BUG_ON(nr > VFIO_MAX_AFFECTED);
	*arg = (struct vfio_pci_hot_reset){ .argsz = sizeof(buf), .count = nr };
	if (nr)
		memcpy(arg->group_fds, group_fds, nr * sizeof(int32_t));
	if (ioctl(d->fd, VFIO_DEVICE_PCI_HOT_RESET, arg))
		return hot_reset_fail(d, "VFIO_DEVICE_PCI_HOT_RESET", e);
	return 0;
}

/*
 * The fd's number goes to /dev/null: the kernel's device is released when the
 * last access in progress ends, and a later one reads nothing (an error here)
 * or writes into the void. If /dev/null cannot be opened, the device stays ours
 * until close.
 */
static void kernel_let_go(struct vfio_dev *d)
{
	AUTO_CLOSE int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0 || dup3(null_fd, d->fd, O_CLOEXEC) < 0)
		log_error(d->name, "cannot be given back before the end (%s)",
			  strerrorname_np(errno));
}

static void kernel_close(struct vfio_dev *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

const struct vfio_ops vfio_kernel_ops = {
	.info = kernel_info,
	.region_info = kernel_region_info,
	.irq_info = kernel_irq_info,
	.region_read = kernel_region_read,
	.region_write = kernel_region_write,
	.region_map = kernel_region_map,
	.region_unmap = kernel_region_unmap,
	.region_dmabuf = kernel_region_dmabuf,
	.set_irqs = kernel_set_irqs,
	.reset = kernel_reset,
	.hot_reset_info = kernel_hot_reset_info,
	.hot_reset = kernel_hot_reset,
	.let_go = kernel_let_go,
	.close = kernel_close,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* An IOVA space as a listener of guest memory. */
/*
 * How this works
 *
 * Each RAM region becomes one mapping of the back end at IOVA = GPA, readable
 * and writable by every device of the VM, and the kernel pins its pages: that
 * is what RLIMIT_MEMLOCK counts. Device regions (BARs of assigned functions)
 * are left to p2p.c.
 *
 * The kernel says little when it refuses a mapping, so what can be checked is
 * checked before (IOVA ranges, number of mappings), and an errno afterwards is
 * turned into its likely cause.
 */
#include <errno.h>
#include <inttypes.h>

#include "iommu/priv.h"

static void hint_no_memory(struct iommu *i, uint64_t size, struct err *e)
{
	struct err lock = { 0 };
	uint64_t avail;

	if (iommu_check_memlock(i->host, i->kind, size, &lock)) {
		err_hint(e, "%s%s%s", lock.msg, lock.hint[0] ? "; " : "",
			 lock.hint);
		return;
	}
	avail = host_mem_available(i->host);
	if (avail > size)
		iommu_hint_user_memlock(i->host, i->kind, e);
	err_hint(e,
		 "all guest RAM is pinned while a device is assigned: %" PRIu64
		 " MiB are needed, %" PRIu64
		 " MiB are available on this host; give the guest less memory",
		 (i->mapped_bytes + size) >> 20, avail >> 20);
}

static void hint_map(struct iommu *i, uint64_t size, struct err *e)
{
	switch (e->code) {
	case ENOMEM:
		hint_no_memory(i, size, e);
		break;
	case ENOSPC:
		err_hint(
			e,
			"the kernel allows no more mappings in a container; raise the vfio_iommu_type1 option dma_entry_limit");
		break;
	case EEXIST:
		err_hint(
			e,
			"another part of guest memory is mapped there: this is a bug of strait, please report it");
		break;
	case EINVAL:
		err_hint(
			e,
			"the range does not fit the host IOMMU's page sizes or width; try less memory, or normal pages");
		break;
	case EFAULT:
		err_hint(
			e,
			"the kernel cannot pin this memory: guest RAM must not be backed by a disk file");
		break;
	default:
		break;
	}
}

int iommu_map_region(struct iommu *i, const struct mem_region *r, struct err *e)
{
	int ret;

	if (i->max_maps && i->nr_maps >= i->max_maps) {
		err_set(e, ENOSPC, "all %u mappings of the %s are in use",
			i->max_maps, i->ops->name);
		hint_map(i, r->size, e);
		return -ENOSPC;
	}
	ret = i->ops->map(i, r, e);
	if (!ret)
		i->nr_maps++;
	else if (r->kind == MEM_RAM)
		hint_map(i, r->size, e);
	return ret;
}

void iommu_unmap_region(struct iommu *i, const struct mem_region *r)
{
	i->ops->unmap(i, r);
	i->nr_maps--;
}

static int region_added(struct mem_listener *l, const struct mem_region *r,
			struct err *e)
{
	struct iommu *i = CONTAINER_OF(l, struct iommu, listener);
	int ret;

	if (r->kind != MEM_RAM) {
		iommu_p2p_add(i, r);
		return 0;
	}
	ret = iommu_check_ram(i, r->gpa, r->size, e);
	if (ret)
		return ret;
	ret = iommu_map_region(i, r, e);
	if (ret)
		return err_ctx(e, ret,
			       "guest RAM 0x%" PRIx64 "-0x%" PRIx64
			       " cannot be mapped for devices",
			       r->gpa, r->gpa + r->size - 1);
	i->mapped_bytes += r->size;
	return 0;
}

static void region_deleted(struct mem_listener *l, const struct mem_region *r)
{
	struct iommu *i = CONTAINER_OF(l, struct iommu, listener);

	if (r->kind != MEM_RAM) {
		iommu_p2p_del(i, r);
		return;
	}
	iommu_unmap_region(i, r);
	i->mapped_bytes -= r->size;
}

static const struct mem_listener_ops listener_ops = {
	.add = region_added,
	.del = region_deleted,
};

void iommu_init(struct iommu *i, const struct iommu_ops *ops,
		enum iommu_kind kind, const struct host *h)
{
	i->ops = ops;
	i->kind = kind;
	i->host = h;
	i->listener.ops = &listener_ops;
}

int iommu_dev_open(struct iommu *i, struct iommu_device *dev, int *fd,
		   int *kvm_fd, struct err *e)
{
	int ret = i->ops->dev_open(i, dev, fd, kvm_fd, e);

	if (!ret)
		__atomic_fetch_add(&i->nr_open, 1, __ATOMIC_RELAXED);
	return ret;
}

void iommu_dev_close(struct iommu *i, const char *name)
{
	i->ops->dev_close(i, name);
	__atomic_fetch_sub(&i->nr_open, 1, __ATOMIC_RELAXED);
}

int iommu_ranges(struct iommu *i, struct iova_range *out, unsigned int max,
		 unsigned int *nr, struct err *e)
{
	return i->ops->ranges(i, out, max, nr, e);
}

void iommu_free(struct iommu *i)
{
	if (i)
		i->ops->free(i);
}

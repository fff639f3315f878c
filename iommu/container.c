// SPDX-License-Identifier: GPL-2.0-or-later
/* The type1v2 VFIO container: groups in, device fds out. */
/*
 * How this works (linux/vfio.h)
 *
 * /dev/vfio/vfio is a container: one IOVA space. /dev/vfio/N is an IOMMU
 * group: it can be opened by one process at a time, and is viable when none of
 * its functions is in the hands of a host driver. The first group that joins
 * decides that the container becomes type1v2 (VFIO_SET_IOMMU); further ones are
 * attached to the same page tables as they join.
 *
 * A group stays open while a device of it is open (struct opened holds the
 * reference). The last group stays until the container is freed, because the
 * kernel drops every mapping with it.
 *
 * An errno of these calls says little, so on failure the group is closed again
 * and iommu_group_check looks for the cause in sysfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "iommu/priv.h"
#include "src/base/log.h"

struct group {
	struct list node;
	int number;
	int fd;
	unsigned int nr_open;
};

struct opened {
	struct list node;
	char name[HOST_NAME_LEN];
	struct group *group;
};

struct container {
	struct iommu iommu;
	int fd;
	struct list groups;
	struct list opened;
};

static struct container *container_of(struct iommu *i)
{
	return CONTAINER_OF(i, struct container, iommu);
}

/* Adds what sysfs says about the cause. The group must not be open here. */
static void explain(struct container *c, const struct host_vfio *id,
		    struct err *e)
{
	struct err why = { 0 };

	if (iommu_group_check_dev(c->iommu.host, id, true, IOMMU_CONTAINER,
				  &why))
		err_hint(e, "%s%s%s", why.msg, why.hint[0] ? "; " : "",
			 why.hint);
}

/* --- information on the IOVA space --- */

/* Returns the information with its capability chain; free() it. */
static struct vfio_iommu_type1_info *info_get(struct container *c,
					      struct err *e)
{
	uint32_t argsz = sizeof(struct vfio_iommu_type1_info);

	for (;;) {
		struct vfio_iommu_type1_info *info = calloc(1, argsz);

		if (!info) {
			err_set(e, ENOMEM, "/dev/vfio/vfio: out of memory");
			return NULL;
		}
		info->argsz = argsz;
		if (ioctl(c->fd, VFIO_IOMMU_GET_INFO, info)) {
			err_sys(e, "/dev/vfio/vfio", "VFIO_IOMMU_GET_INFO");
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

/* Offset of a capability of at least len bytes in the buffer, or 0. */
static size_t info_cap(const struct vfio_iommu_type1_info *info, uint16_t id,
		       size_t len)
{
	const uint8_t *buf = (const uint8_t *)info;
	struct vfio_info_cap_header cap;
	size_t off, last = 0;

	if (!(info->flags & VFIO_IOMMU_INFO_CAPS))
		return 0;
	/* Offsets ascend, so the walk ends. */
	for (off = info->cap_offset; off > last; off = cap.next) {
		if (off + sizeof(cap) > info->argsz)
			return 0;
		memcpy(&cap, buf + off, sizeof(cap));
		if (cap.id == id)
			return off + len <= info->argsz ? off : 0;
		last = off;
	}
	return 0;
}

/* Mappings that are still to be had change with each map: keep the sum. */
static void learn_max_maps(struct container *c)
{
	struct vfio_iommu_type1_info_dma_avail avail;
	struct vfio_iommu_type1_info *info;
	struct err ignored = { 0 };
	size_t off;

	info = info_get(c, &ignored);
	if (!info)
		return;
	off = info_cap(info, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, sizeof(avail));
	if (off) {
		memcpy(&avail, (const uint8_t *)info + off, sizeof(avail));
		c->iommu.max_maps = c->iommu.nr_maps + avail.avail;
	}
	free(info);
}

static int container_ranges(struct iommu *i, struct iova_range *out,
			    unsigned int max, unsigned int *nr, struct err *e)
{
	struct vfio_iommu_type1_info_cap_iova_range cap;
	struct vfio_iommu_type1_info *info = info_get(container_of(i), e);
	size_t off, room;

	if (!info)
		return -e->code;
	*nr = 0;
	off = info_cap(info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, sizeof(cap));
	if (off) {
		const uint8_t *at = (const uint8_t *)info + off;
		struct vfio_iova_range r;

		memcpy(&cap, at, sizeof(cap));
		room = (info->argsz - off - sizeof(cap)) / sizeof(r);
		for (; *nr < cap.nr_iovas && *nr < max && *nr < room; ++*nr) {
			memcpy(&r, at + sizeof(cap) + *nr * sizeof(r),
			       sizeof(r));
			out[*nr].first = r.start;
			out[*nr].last = r.end;
		}
	}
	free(info);
	if (!*nr) { /* before Linux 5.4: the kernel will tell when mapping */
		out[0] = (struct iova_range){ 0, UINT64_MAX };
		*nr = 1;
	}
	return 0;
}

/* --- mappings --- */

static int container_map(struct iommu *i, const struct mem_region *r,
			 struct err *e)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)r->hva,
		.iova = r->gpa,
		.size = r->size,
	};

	if (ioctl(container_of(i)->fd, VFIO_IOMMU_MAP_DMA, &map))
		return err_sys(e, "/dev/vfio/vfio", "VFIO_IOMMU_MAP_DMA");
	return 0;
}

static void container_unmap(struct iommu *i, const struct mem_region *r)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = r->gpa,
		.size = r->size,
	};

	/* When the host took the last function of the last group, the kernel
	 * dropped the mappings with it. */
	if (ioctl(container_of(i)->fd, VFIO_IOMMU_UNMAP_DMA, &unmap) &&
	    iommu_nr_open(i))
		log_warn("/dev/vfio/vfio", "VFIO_IOMMU_UNMAP_DMA of 0x%llx: %s",
			 (unsigned long long)r->gpa, strerror(errno));
}

/* --- groups --- */

static struct group *group_find(struct container *c, int number)
{
	struct list *pos;

	list_for_each (pos, &c->groups) {
		struct group *g = list_entry(pos, struct group, node);

		if (g->number == number)
			return g;
	}
	return NULL;
}

/* For the check of RAM against reserved regions, which is not of groups. */
static void publish_groups(struct container *c)
{
	struct list *pos;
	unsigned int n = 0;

	list_for_each (pos, &c->groups) {
		if (n < IOMMU_MAX_GROUPS)
			c->iommu.groups[n++] =
				list_entry(pos, struct group, node)->number;
	}
	c->iommu.nr_groups = n;
}

static int group_viable(const struct group *g, const char *name, struct err *e)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	if (ioctl(g->fd, VFIO_GROUP_GET_STATUS, &status))
		return err_sys(e, name, "VFIO_GROUP_GET_STATUS");
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return err_set(
			e, EPERM,
			"%s: VFIO_GROUP_GET_STATUS: group %d is not viable, another function in it belongs to the host",
			name, g->number);
	return 0;
}

/*
 * Attaching to the IOMMU fails with EPERM for two reasons that the errno does
 * not tell apart (vfio_iommu_type1_attach_group, device_is_rmrr_locked).
 */
static int attach_failed(struct container *c, const struct group *g,
			 const char *name, const char *op, struct err *e)
{
	int ret = err_sys(e, name, op);

	if (!iommu_hint_rmrr(c->iommu.host, g->number, e) && e->code == EPERM)
		iommu_hint_interrupts("vfio_iommu_type1", e);
	return ret;
}

static int group_join(struct container *c, const struct group *g,
		      const char *name, struct err *e)
{
	if (ioctl(g->fd, VFIO_GROUP_SET_CONTAINER, &c->fd))
		return attach_failed(c, g, name, "VFIO_GROUP_SET_CONTAINER", e);
	/* The container has its type already. */
	if (!list_empty(&c->groups))
		return 0;
	if (ioctl(c->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)) {
		int ret = attach_failed(c, g, name, "VFIO_SET_IOMMU", e);

		ioctl(g->fd, VFIO_GROUP_UNSET_CONTAINER);
		return ret;
	}
	return 0;
}

static int group_setup(struct container *c, struct group *g, const char *name,
		       struct err *e)
{
	char op[64];
	int ret;

	snprintf(op, sizeof(op), "open /dev/vfio/%d", g->number);
	g->fd = host_open_file(c->iommu.host, O_RDWR, "dev/vfio/%d", g->number);
	if (g->fd < 0)
		return err_sys(e, name, op);
	ret = group_viable(g, name, e);
	if (!ret)
		ret = group_join(c, g, name, e);
	if (ret)
		close(g->fd);
	return ret;
}

static struct group *group_open(struct container *c, const struct host_vfio *id,
				struct err *e)
{
	struct group *g = calloc(1, sizeof(*g));
	int ret;

	if (!g) {
		err_set(e, ENOMEM, "%s: out of memory", id->name);
		return NULL;
	}
	g->number = id->group;
	ret = group_setup(c, g, id->name, e);
	if (ret) {
		free(g);
		explain(c, id, e);
		return NULL;
	}
	list_add(&c->groups, &g->node);
	publish_groups(c);
	learn_max_maps(c);
	return g;
}

static void group_close(struct container *c, struct group *g)
{
	list_del(&g->node);
	ioctl(g->fd, VFIO_GROUP_UNSET_CONTAINER);
	close(g->fd);
	free(g);
	publish_groups(c);
}

/* Closes a group that no device uses; the last one holds the mappings. */
static void group_put(struct container *c, struct group *g)
{
	bool is_last = g->node.prev == g->node.next;

	if (!g->nr_open && !(is_last && c->iommu.nr_maps))
		group_close(c, g);
}

/* --- devices --- */

/* A VF of a PF that user space has is asked for with that one's token. */
static void device_words(const struct iommu_device *dev, char *buf, size_t len)
{
	snprintf(buf, len, "%s%s%s", dev->id.name,
		 dev->vf_token ? " vf_token=" : "",
		 dev->vf_token ? dev->vf_token : "");
}

static int device_open(struct container *c, struct group *g,
		       const struct iommu_device *dev, int *fd, struct err *e)
{
	struct opened *o = calloc(1, sizeof(*o));
	char words[HOST_NAME_LEN + 64];

	if (!o)
		return err_set(e, ENOMEM, "%s: out of memory", dev->id.name);
	device_words(dev, words, sizeof(words));
	*fd = ioctl(g->fd, VFIO_GROUP_GET_DEVICE_FD, words);
	if (*fd < 0) {
		err_sys(e, dev->id.name, "VFIO_GROUP_GET_DEVICE_FD");
		iommu_hint_token(c->iommu.host, dev, e);
		free(o);
		return -e->code;
	}
	snprintf(o->name, sizeof(o->name), "%s", dev->id.name);
	o->group = g;
	list_add(&c->opened, &o->node);
	g->nr_open++;
	return 0;
}

static int container_dev_open(struct iommu *i, struct iommu_device *dev,
			      int *fd, int *kvm_fd, struct err *e)
{
	struct container *c = container_of(i);
	uint8_t uuid[IOMMU_UUID_LEN];
	struct group *g;
	int ret;

	if (dev->vf_token &&
	    (ret = iommu_uuid_parse(dev->vf_token, uuid, dev->id.name, e)))
		return ret;
	if (dev->id.group < 0) {
		err_set(e, ENODEV, "%s: in no IOMMU group", dev->id.name);
		explain(c, &dev->id, e);
		return -ENODEV;
	}
	g = group_find(c, dev->id.group);
	if (!g)
		g = group_open(c, &dev->id, e);
	if (!g)
		return -e->code;
	ret = device_open(c, g, dev, fd, e);
	if (ret) {
		group_put(c, g);
		return ret;
	}
	*kvm_fd = g->fd;
	return 0;
}

static void container_dev_close(struct iommu *i, const char *name)
{
	struct container *c = container_of(i);
	struct list *pos;

	list_for_each (pos, &c->opened) {
		struct opened *o = list_entry(pos, struct opened, node);
		struct group *g = o->group;

		if (strcmp(o->name, name) != 0)
			continue;
		list_del(&o->node);
		free(o);
		g->nr_open--;
		group_put(c, g);
		return;
	}
}

/* --- the container itself --- */

static void container_free(struct iommu *i)
{
	struct container *c = container_of(i);

	while (!list_empty(&c->opened)) {
		struct opened *o =
			list_entry(c->opened.next, struct opened, node);

		list_del(&o->node);
		free(o);
	}
	while (!list_empty(&c->groups))
		group_close(c, list_entry(c->groups.next, struct group, node));
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

static const struct iommu_ops container_ops = {
	.name = "container",
	.map = container_map,
	.unmap = container_unmap,
	.ranges = container_ranges,
	.dev_open = container_dev_open,
	.dev_close = container_dev_close,
	.free = container_free,
};

int iommu_open_container(const struct host *h, struct err *e)
{
	static const char who[] = "/dev/vfio/vfio";
	int fd = host_open_file(h, O_RDWR, "dev/vfio/vfio");

	if (fd >= 0)
		return fd;
	errno = -fd;
	err_sys(e, who, "open");
	if (e->code == EACCES)
		err_hint(
			e,
			"run as root, or: chmod 0666 /dev/vfio/vfio (it gives access to no device by itself)");
	else
		err_hint(
			e,
			"VFIO is not loaded; run: modprobe vfio-pci (the kernel needs CONFIG_VFIO_PCI and CONFIG_VFIO_IOMMU_TYPE1)");
	return fd;
}

static int container_open(struct container *c, struct err *e)
{
	static const char who[] = "/dev/vfio/vfio";
	int version;

	c->fd = iommu_open_container(c->iommu.host, e);
	if (c->fd < 0)
		return c->fd;
	version = ioctl(c->fd, VFIO_GET_API_VERSION);
	if (version != VFIO_API_VERSION)
		return err_set(e, EPROTO,
			       "%s: VFIO API version is %d, strait knows %d",
			       who, version, VFIO_API_VERSION);
	if (ioctl(c->fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) > 0)
		return 0;
	err_set(e, ENODEV,
		"%s: VFIO_CHECK_EXTENSION: the kernel has no type1v2 IOMMU",
		who);
	err_hint(e, "run: modprobe vfio_iommu_type1");
	return -ENODEV;
}

int iommu_container_new(const struct host *h, struct iommu **out, struct err *e)
{
	struct container *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return err_set(e, ENOMEM, "/dev/vfio/vfio: out of memory");
	iommu_init(&c->iommu, &container_ops, IOMMU_CONTAINER, h);
	list_init(&c->groups);
	list_init(&c->opened);
	ret = container_open(c, e);
	if (ret) {
		container_free(&c->iommu);
		return ret;
	}
	*out = &c->iommu;
	return 0;
}

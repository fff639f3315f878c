// SPDX-License-Identifier: GPL-2.0-or-later
/* iommufd: an IOVA space of /dev/iommu, devices by their own files. */
/*
 * How this works (Documentation/userspace-api/iommufd.rst)
 *
 * An open /dev/iommu is a context, an IOAS in it is our IOVA space. A device is
 * a file in /dev/vfio/devices, which gives access to nothing before it is bound
 * to a context (VFIO_DEVICE_BIND_IOMMUFD: the kernel claims the group's DMA and
 * opens the device, which resets it) and attached to the IOAS. Closing the file
 * undoes both.
 *
 * RAM is mapped by its file where the kernel can (Linux 6.13): pages are taken
 * from the memfd and not through the process's page tables. For lack of the
 * ioctl, or if it does not take the file, RAM is mapped by address from then
 * on. BARs cannot be mapped by address at all, only as dma-bufs (Linux 6.19).
 *
 * A file can be bound once in its life. One that was handed over outlives this
 * IOVA space, so its binding does too: struct iommu_binding keeps the context
 * for the next IOVA space, and at dev_close the device is only detached.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "iommu/iommu_abi.h"
#include "iommu/priv.h"
#include "src/base/log.h"

static const char iommufd_name[] = "/dev/iommu";

struct iommu_binding {
	int context_fd;
};

struct opened {
	struct list node;
	char name[HOST_NAME_LEN];
	int group;
	int handed_fd; /* to detach at the end; -1: closing it does all */
};

struct iommufd {
	struct iommu iommu;
	int fd;
	uint32_t ioas_id;
	bool no_map_file; /* learnt at the first try */
	bool has_mapped_file;
	struct list opened;
};

static struct iommufd *iommufd_of(struct iommu *i)
{
	return CONTAINER_OF(i, struct iommufd, iommu);
}

/* --- the IOVA space --- */

static int iommufd_ranges(struct iommu *i, struct iova_range *out,
			  unsigned int max, unsigned int *nr, struct err *e)
{
	struct strait_ioas_range ranges[IOMMU_MAX_RANGES];
	struct strait_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = iommufd_of(i)->ioas_id,
		.num_iovas = max < IOMMU_MAX_RANGES ? max : IOMMU_MAX_RANGES,
		.allowed_iovas = (uintptr_t)ranges,
	};
	unsigned int room = cmd.num_iovas;

	/* EMSGSIZE: there are more, and these are the lowest. */
	if (ioctl(iommufd_of(i)->fd, STRAIT_IOMMU_IOAS_IOVA_RANGES, &cmd) &&
	    errno != EMSGSIZE)
		return err_sys(e, iommufd_name, "IOMMU_IOAS_IOVA_RANGES");
	*nr = cmd.num_iovas < room ? cmd.num_iovas : room;
	if (!*nr)
		return err_set(
			e, ENOSPC,
			"%s: IOMMU_IOAS_IOVA_RANGES: the devices have no address in common",
			iommufd_name);
	for (unsigned int n = 0; n < *nr; n++)
		out[n] = (struct iova_range){ ranges[n].start, ranges[n].last };
	return 0;
}

enum {
	MAP_FLAGS = STRAIT_IOAS_MAP_FIXED_IOVA | STRAIT_IOAS_MAP_WRITEABLE |
		    STRAIT_IOAS_MAP_READABLE
};

static int map_file(struct iommufd *f, const struct mem_region *r,
		    struct err *e)
{
	struct strait_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = MAP_FLAGS,
		.ioas_id = f->ioas_id,
		.fd = r->fd,
		.start = r->fd_offset,
		.length = r->size,
		.iova = r->gpa,
	};

	if (ioctl(f->fd, STRAIT_IOMMU_IOAS_MAP_FILE, &cmd))
		return err_sys(e, iommufd_name, "IOMMU_IOAS_MAP_FILE");
	return 0;
}

static int map_address(struct iommufd *f, const struct mem_region *r,
		       struct err *e)
{
	struct strait_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = MAP_FLAGS,
		.ioas_id = f->ioas_id,
		.user_va = (uintptr_t)r->hva,
		.length = r->size,
		.iova = r->gpa,
	};

	if (ioctl(f->fd, STRAIT_IOMMU_IOAS_MAP, &cmd))
		return err_sys(e, iommufd_name, "IOMMU_IOAS_MAP");
	return 0;
}

/* pin_user_pages refuses what is no memory, with EFAULT and nothing else. */
static int map_device(struct iommufd *f, const struct mem_region *r,
		      struct err *e)
{
	if (r->fd >= 0)
		return map_file(f, r, e);
	return err_set(
		e, EOPNOTSUPP,
		"%s: iommufd maps a device's registers only as a dma-buf of whole pages, which needs Linux 6.19 and a device without its own way of mapping them",
		iommufd_name);
}

/* The kernel has the ioctl, but maybe not for such a file: the other way tells.
 */
static bool is_about_file(int code)
{
	return code == ENOTTY || code == EINVAL || code == EOPNOTSUPP;
}

static int iommufd_map(struct iommu *i, const struct mem_region *r,
		       struct err *e)
{
	struct iommufd *f = iommufd_of(i);
	struct err first = { 0 };
	int ret;

	if (r->kind == MEM_DEVICE)
		return map_device(f, r, e);
	if (r->fd < 0 || f->no_map_file)
		return map_address(f, r, e);
	ret = map_file(f, r, &first);
	if (ret && !(is_about_file(first.code) && !f->has_mapped_file)) {
		*e = first;
		return ret;
	}
	if (ret && (ret = map_address(f, r, e)))
		return ret;
	f->no_map_file = first.code;
	if (!f->no_map_file && !f->has_mapped_file)
		log_debug(iommufd_name, "guest RAM is mapped by its file");
	else if (f->no_map_file)
		log_debug(iommufd_name, "guest RAM is mapped by address (%s)",
			  first.msg);
	f->has_mapped_file = !f->no_map_file;
	return 0;
}

static void iommufd_unmap(struct iommu *i, const struct mem_region *r)
{
	struct strait_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = iommufd_of(i)->ioas_id,
		.iova = r->gpa,
		.length = r->size,
	};

	if (ioctl(iommufd_of(i)->fd, STRAIT_IOMMU_IOAS_UNMAP, &cmd))
		log_warn(iommufd_name, "IOMMU_IOAS_UNMAP of 0x%llx: %s",
			 (unsigned long long)r->gpa, strerror(errno));
}

/* --- opening a device --- */

static void explain_bind(struct iommufd *f, const struct iommu_device *dev,
			 struct err *e)
{
	struct err why = { 0 };

	if (dev->fd >= 0 && e->code == EINVAL)
		err_hint(
			e,
			"the file that was handed over is bound already, or another process has bound the device: hand over a freshly opened one");
	else if (iommu_group_check_dev(f->iommu.host, &dev->id, dev->fd < 0,
				       IOMMU_IOMMUFD, &why))
		err_hint(e, "%s%s%s", why.msg, why.hint[0] ? "; " : "",
			 why.hint);
	else if (e->code == EPERM)
		iommu_hint_interrupts("iommufd", e);
	else if (e->code == EINVAL)
		err_hint(
			e,
			"another process has bound the device, or the host's IOMMU cannot keep its DMA coherent with CPU caches");
}

static int bind_with(struct iommufd *f, int fd, const uint8_t *token)
{
	struct strait_vfio_bind bind = {
		.argsz = token ? sizeof(bind) : STRAIT_VFIO_BIND_SIZE_6_6,
		.flags = token ? STRAIT_VFIO_BIND_FLAG_TOKEN : 0,
		.iommufd = f->fd,
		.token_uuid_ptr = (uintptr_t)token,
	};

	return ioctl(fd, STRAIT_VFIO_BIND_IOMMUFD, &bind) ? -errno : 0;
}

static int device_bind(struct iommufd *f, const struct iommu_device *dev,
		       int fd, struct err *e)
{
	uint8_t uuid[IOMMU_UUID_LEN];
	int ret;

	if (dev->vf_token &&
	    (ret = iommu_uuid_parse(dev->vf_token, uuid, dev->id.name, e)))
		return ret;
	ret = bind_with(f, fd, dev->vf_token ? uuid : NULL);
	/* A kernel that knows no tokens here; a PF can be given one yet. */
	if (ret == -EINVAL && dev->vf_token &&
	    iommu_is_sriov_pf(f->iommu.host, &dev->id)) {
		ret = bind_with(f, fd, NULL);
		if (!ret)
			return iommu_set_vf_token(fd, uuid, dev->id.name, e);
	}
	if (!ret)
		return 0;
	errno = -ret;
	err_sys(e, dev->id.name, "VFIO_DEVICE_BIND_IOMMUFD");
	if (iommu_hint_token(f->iommu.host, dev, e))
		return ret;
	explain_bind(f, dev, e);
	return ret;
}

static int device_attach(struct iommufd *f, const struct iommu_device *dev,
			 int fd, struct err *e)
{
	struct strait_vfio_attach attach = {
		.argsz = sizeof(attach),
		.pt_id = f->ioas_id,
	};

	if (!ioctl(fd, STRAIT_VFIO_ATTACH_PT, &attach))
		return 0;
	err_sys(e, dev->id.name, "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
	if (!iommu_hint_rmrr(f->iommu.host, dev->id.group, e) &&
	    e->code == EADDRINUSE)
		err_hint(
			e,
			"it has reserved addresses where guest memory is mapped already: see /sys/kernel/iommu_groups/%d/reserved_regions",
			dev->id.group);
	return -e->code;
}

static int cdev_open(struct iommufd *f, const struct iommu_device *dev,
		     struct err *e)
{
	struct err why = { 0 };
	char op[64];
	int fd;

	if (dev->fd >= 0) {
		fd = fcntl(dev->fd, F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? err_sys(e, dev->id.name, "fcntl F_DUPFD") : fd;
	}
	snprintf(op, sizeof(op), "open /dev/vfio/devices/vfio%d", dev->id.cdev);
	errno = ENODEV;
	fd = dev->id.cdev < 0
		     ? -1
		     : host_open_file(f->iommu.host, O_RDWR,
				      "dev/vfio/devices/vfio%d", dev->id.cdev);
	if (fd >= 0)
		return fd;
	err_sys(e, dev->id.name, op);
	if (iommu_group_check_dev(f->iommu.host, &dev->id, true, IOMMU_IOMMUFD,
				  &why))
		err_hint(e, "%s%s%s", why.msg, why.hint[0] ? "; " : "",
			 why.hint);
	return -e->code;
}

/* A file that stays open keeps its context, for the next IOVA space. */
static int binding_keep(struct iommufd *f, struct iommu_device *dev,
			struct err *e)
{
	struct iommu_binding *b = calloc(1, sizeof(*b));

	if (!b)
		return err_set(e, ENOMEM, "%s: out of memory", dev->id.name);
	b->context_fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
	if (b->context_fd < 0) {
		err_sys(e, dev->id.name, "fcntl F_DUPFD");
		free(b);
		return -e->code;
	}
	dev->binding = b;
	return 0;
}

void iommu_device_fini(struct iommu_device *dev)
{
	if (dev->binding)
		close(dev->binding->context_fd);
	free(dev->binding);
	dev->binding = NULL;
}

static int device_setup(struct iommufd *f, struct iommu_device *dev, int fd,
			struct err *e)
{
	int ret = dev->binding ? 0 : device_bind(f, dev, fd, e);

	if (!ret && dev->fd >= 0 && !dev->binding)
		ret = binding_keep(f, dev, e);
	return ret ? ret : device_attach(f, dev, fd, e);
}

/* For the check of RAM against reserved regions, which is not of groups. */
static void publish_groups(struct iommufd *f)
{
	struct list *pos;
	unsigned int n = 0;

	list_for_each (pos, &f->opened) {
		int group = list_entry(pos, struct opened, node)->group;

		if (group >= 0 && n < IOMMU_MAX_GROUPS)
			f->iommu.groups[n++] = group;
	}
	f->iommu.nr_groups = n;
}

static int iommufd_dev_open(struct iommu *i, struct iommu_device *dev, int *fd,
			    int *kvm_fd, struct err *e)
{
	struct iommufd *f = iommufd_of(i);
	struct opened *o = calloc(1, sizeof(*o));
	int ret;

	if (!o)
		return err_set(e, ENOMEM, "%s: out of memory", dev->id.name);
	ret = cdev_open(f, dev, e);
	if (ret < 0) {
		free(o);
		return ret;
	}
	*fd = *kvm_fd = ret;
	ret = device_setup(f, dev, *fd, e);
	if (ret) {
		close(*fd);
		free(o);
		return ret;
	}
	snprintf(o->name, sizeof(o->name), "%s", dev->id.name);
	o->group = dev->id.group;
	o->handed_fd = dev->fd;
	list_add(&f->opened, &o->node);
	publish_groups(f);
	return 0;
}

static void opened_drop(struct iommufd *f, struct opened *o)
{
	struct strait_vfio_detach detach = { .argsz = sizeof(detach) };

	if (o->handed_fd >= 0 &&
	    ioctl(o->handed_fd, STRAIT_VFIO_DETACH_PT, &detach))
		log_warn(o->name, "VFIO_DEVICE_DETACH_IOMMUFD_PT: %s",
			 strerror(errno));
	list_del(&o->node);
	publish_groups(f);
	free(o);
}

static void iommufd_dev_close(struct iommu *i, const char *name)
{
	struct iommufd *f = iommufd_of(i);
	struct list *pos;

	list_for_each (pos, &f->opened) {
		struct opened *o = list_entry(pos, struct opened, node);

		if (strcmp(o->name, name) != 0)
			continue;
		opened_drop(f, o);
		return;
	}
}

/* --- the context itself --- */

static void iommufd_free(struct iommu *i)
{
	struct iommufd *f = iommufd_of(i);
	struct strait_iommu_destroy destroy = { .size = sizeof(destroy),
						.id = f->ioas_id };

	while (!list_empty(&f->opened))
		opened_drop(f, list_entry(f->opened.next, struct opened, node));
	/* Where a binding keeps the context. EBUSY: an open device has it. */
	if (f->ioas_id)
		ioctl(f->fd, STRAIT_IOMMU_DESTROY, &destroy);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

static const struct iommu_ops iommufd_ops = {
	.name = "iommufd",
	.map = iommufd_map,
	.unmap = iommufd_unmap,
	.ranges = iommufd_ranges,
	.dev_open = iommufd_dev_open,
	.dev_close = iommufd_dev_close,
	.free = iommufd_free,
};

/* The one that handed files are bound to, else a new one. */
static int context_open(const struct host *h, const struct iommu_device *devs,
			unsigned int nr, struct err *e)
{
	for (unsigned int i = 0; i < nr; i++) {
		int fd;

		if (!devs[i].binding)
			continue;
		fd = fcntl(devs[i].binding->context_fd, F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? err_sys(e, iommufd_name, "fcntl F_DUPFD") : fd;
	}
	return iommu_open_iommufd(h, "iommufd", e);
}

int iommu_iommufd_new(const struct host *h, const struct iommu_device *devs,
		      unsigned int nr, struct iommu **out, struct err *e)
{
	struct strait_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct iommufd *f = calloc(1, sizeof(*f));
	int ret;

	if (!f)
		return err_set(e, ENOMEM, "%s: out of memory", iommufd_name);
	iommu_init(&f->iommu, &iommufd_ops, IOMMU_IOMMUFD, h);
	list_init(&f->opened);
	ret = f->fd = context_open(h, devs, nr, e);
	if (ret >= 0 && ioctl(f->fd, STRAIT_IOMMU_IOAS_ALLOC, &alloc))
		ret = err_sys(e, iommufd_name, "IOMMU_IOAS_ALLOC");
	if (ret < 0) {
		iommufd_free(&f->iommu);
		return ret;
	}
	f->ioas_id = alloc.out_ioas_id;
	*out = &f->iommu;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Can the files in /dev that lead to a device be opened, and who has them? */
/*
 * How this works
 *
 * The container needs /dev/vfio/GROUP, which one process at a time can open;
 * iommufd needs /dev/iommu and /dev/vfio/devices/vfioN, which any number can
 * open and one can bind. The kernel lets either way have a group: while a file
 * of a device is bound, its group cannot be opened, and the reverse
 * (vfio_device_block_group in drivers/vfio/group.c). So EBUSY of a group, or of
 * a bind, has its cause in any of these files.
 *
 * No access check says as much as opening does (cgroups have a say too), and
 * opening and closing again changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "iommu/priv.h"
#include "src/base/bits.h"

enum { NODE_LEN = 48 };

/* --- who has the group --- */

struct holder {
	const struct host *h;
	int group;
	const char *member; /* being looked at */
	bool is_self;
	pid_t pid; /* 0: not found */
	char comm[HOST_NAME_LEN];
	char node[NODE_LEN];
};

static int look_at_node(struct holder *s, const char *node)
{
	s->is_self = host_self_holds(s->h, node);
	if (!s->is_self)
		s->pid = host_holder(s->h, node, s->comm, sizeof(s->comm));
	if (!s->is_self && !s->pid)
		return 0;
	snprintf(s->node, sizeof(s->node), "%s", node);
	return 1;
}

static int look_at_cdev(const char *name, void *arg)
{
	char node[NODE_LEN];

	snprintf(node, sizeof(node), "/dev/vfio/devices/%.20s", name);
	return look_at_node(arg, node);
}

static int look_at_member(const char *name, void *arg)
{
	struct holder *s = arg;

	return host_each_name(s->h, look_at_cdev, s,
			      "sys/kernel/iommu_groups/%d/devices/%s/vfio-dev",
			      s->group, name) == 1;
}

static void find_holder(struct holder *s)
{
	char node[NODE_LEN];

	snprintf(node, sizeof(node), "/dev/vfio/%d", s->group);
	if (look_at_node(s, node))
		return;
	host_each_name(s->h, look_at_member, s,
		       "sys/kernel/iommu_groups/%d/devices", s->group);
}

static int busy(const struct host *h, const struct host_vfio *dev,
		struct err *e)
{
	struct holder s = { .h = h, .group = dev->group };
	int ret;

	find_holder(&s);
	/* A second function of a group that is ours already. */
	if (s.is_self)
		return 0;
	if (s.pid) {
		ret = err_set(
			e, EBUSY,
			"%s: its IOMMU group is in use by process %d (%s), which has %s open",
			dev->name, (int)s.pid, s.comm, s.node);
		err_hint(e, "end that process, or choose another function");
	} else {
		ret = err_set(
			e, EBUSY,
			"%s: its IOMMU group is in use: another process has /dev/vfio/%d open",
			dev->name, dev->group);
		err_hint(e, "find it as root with: fuser -v /dev/vfio/%d",
			 dev->group);
	}
	return ret;
}

/* --- may we open them? --- */

static int no_access(const char *who, const char *node, int code,
		     const char *missing, struct err *e)
{
	int ret;

	errno = code;
	err_sys(e, node, "open");
	ret = err_ctx(e, -code, "%s", who);
	if (code == EACCES)
		err_hint(
			e,
			"run as root, or give the node to your user: sudo chown \"$USER\" %s",
			node);
	else if (code == EPERM)
		err_hint(
			e,
			"a container's device list may leave it out: pass %s into the container",
			node);
	else if (code == ENOENT)
		err_hint(e, "%s", missing);
	return ret;
}

static int check_group_node(const struct host *h, const struct host_vfio *dev,
			    bool is_bound, struct err *e)
{
	char node[NODE_LEN], missing[192];
	int fd;

	snprintf(node, sizeof(node), "/dev/vfio/%d", dev->group);
	fd = host_open_file(h, O_RDWR, "%s", node);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (fd == -EBUSY)
		return busy(h, dev, e);
	/* The node comes with the first function on a vfio driver. */
	if ((fd == -ENOENT || fd == -ENODEV || fd == -ENXIO) && !is_bound)
		return 0;
	snprintf(
		missing, sizeof(missing),
		"in a container, pass in %s and /dev/vfio/vfio; else the kernel lacks CONFIG_VFIO_GROUP",
		node);
	return no_access(dev->name, node, -fd, missing, e);
}

int iommu_open_iommufd(const struct host *h, const char *who, struct err *e)
{
	int fd = host_open_file(h, O_RDWR, "dev/iommu");

	if (fd >= 0)
		return fd;
	return no_access(
		who, "/dev/iommu", -fd,
		"modprobe iommufd, if the kernel has CONFIG_IOMMUFD (Debian's have not); --vfio backend=container does without it",
		e);
}

static int no_cdev(const struct host_vfio *dev, struct err *e)
{
	int ret = err_set(
		e, ENODEV,
		"%s: the kernel makes no file in /dev/vfio/devices for it",
		dev->name);

	err_hint(
		e,
		"iommufd needs Linux 6.6 with CONFIG_VFIO_DEVICE_CDEV; --vfio backend=container does without it");
	return ret;
}

static int check_cdev(const struct host *h, const struct host_vfio *dev,
		      bool is_bound, struct err *e)
{
	char node[NODE_LEN];
	int fd = iommu_open_iommufd(h, dev->name, e);

	if (fd < 0)
		return fd;
	close(fd);
	if (!is_bound)
		return 0;
	if (dev->cdev < 0)
		return no_cdev(dev, e);
	snprintf(node, sizeof(node), "/dev/vfio/devices/vfio%d", dev->cdev);
	fd = host_open_file(h, O_RDWR, "%s", node);
	if (fd < 0)
		return no_access(dev->name, node, -fd,
				 "in a container, pass in it and /dev/iommu",
				 e);
	close(fd);
	/* Says nothing where it cannot be opened for another reason. */
	fd = host_open_file(h, O_RDWR, "dev/vfio/%d", dev->group);
	if (fd >= 0)
		close(fd);
	return fd == -EBUSY ? busy(h, dev, e) : 0;
}

bool iommu_has_iommufd(const struct host *h)
{
	AUTO_CLOSE int fd = host_open_file(h, O_RDWR, "dev/iommu");

	return fd >= 0;
}

/* In a container (of the other kind) sysfs may show what /dev does not have. */
bool iommu_can_open_cdev(const struct host *h, const struct host_vfio *dev)
{
	AUTO_CLOSE int fd = -1;

	if (dev->cdev >= 0)
		fd = host_open_file(h, O_RDWR, "dev/vfio/devices/vfio%d",
				    dev->cdev);
	return fd >= 0;
}

enum iommu_kind iommu_kind_for(const struct host *h,
			       const struct host_vfio *dev,
			       enum iommu_kind kind)
{
	if (kind == IOMMU_AUTO && iommu_can_open_cdev(h, dev) &&
	    iommu_has_iommufd(h))
		kind = IOMMU_IOMMUFD;
	return kind;
}

int iommu_node_check(const struct host *h, const struct host_vfio *dev,
		     enum iommu_kind kind, bool is_bound, struct err *e)
{
	if (iommu_kind_for(h, dev, kind) == IOMMU_IOMMUFD)
		return check_cdev(h, dev, is_bound, e);
	return check_group_node(h, dev, is_bound, e);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices of VFIO by address, by sysfs path or by an open file. */
/*
 * How this works
 *
 * Whatever the user names ends as the device's name on its bus (a BDF, or the
 * UUID of a mediated device), and that as its directory below sys/bus. A path
 * is resolved by the kernel (O_PATH, then /proc/self/fd): the last component
 * of what comes out is the name. An open file leads there by its device number:
 * /sys/dev/char/MAJOR:MINOR is a link to .../NAME/vfio-dev/vfioN, whose
 * "device" is a link to NAME.
 *
 * A device on a vfio driver has a directory vfio-dev/vfioN. It has a file "dev"
 * only where the kernel also makes the node /dev/vfio/devices/vfioN
 * (CONFIG_VFIO_DEVICE_CDEV, Linux 6.6).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/host/priv.h"

#define PCI_DIR	 "sys/bus/pci/devices"
#define MDEV_DIR "sys/bus/mdev/devices"

/* "vfio7" is 7; -1 for other names. */
static int cdev_number(const char *name)
{
	int n = -1, end = 0;

	if (sscanf(name, "vfio%d%n", &n, &end) != 1 || n < 0 || name[end])
		return -1;
	return n;
}

static int find_cdev(const char *name, void *arg)
{
	struct host_vfio *v = arg;

	v->cdev = cdev_number(name);
	return v->cdev >= 0;
}

static void learn(const struct host *h, struct host_vfio *v)
{
	char group[HOST_NAME_LEN];

	v->group = v->cdev = -1;
	if (!host_link_name(h, group, sizeof(group), "%s/iommu_group", v->dir))
		v->group = host_group_number(group);
	host_each_name(h, find_cdev, v, "%s/vfio-dev", v->dir);
	if (v->cdev >= 0 &&
	    !host_exists(h, "%s/vfio-dev/vfio%d/dev", v->dir, v->cdev))
		v->cdev = -1;
}

int host_vfio_by_bdf(const struct host *h, struct bdf bdf,
		     struct host_vfio *out, struct err *e)
{
	struct host_pci pci;
	int ret = host_pci_get(h, bdf, &pci, e);

	if (ret)
		return ret;
	*out = (struct host_vfio){ .is_pci = true, .bdf = bdf };
	bdf_str(bdf, out->name);
	snprintf(out->dir, sizeof(out->dir), PCI_DIR "/%s", out->name);
	learn(h, out);
	return 0;
}

static int by_name(const struct host *h, const char *who, const char *name,
		   struct host_vfio *out, struct err *e)
{
	struct bdf bdf;
	int ret;

	if (!bdf_parse(name, &bdf) && host_exists(h, PCI_DIR "/%s", name))
		return host_vfio_by_bdf(h, bdf, out, e);
	if (strlen(name) < sizeof(out->name) &&
	    host_exists(h, MDEV_DIR "/%s", name)) {
		*out = (struct host_vfio){ 0 };
		snprintf(out->name, sizeof(out->name), "%.*s",
			 HOST_NAME_LEN - 1, name);
		snprintf(out->dir, sizeof(out->dir), MDEV_DIR "/%s", out->name);
		learn(h, out);
		return 0;
	}
	ret = err_set(e, ENODEV,
		      "%s: it is neither a PCI function nor a mediated device",
		      who);
	err_hint(
		e,
		"name a directory such as /sys/bus/pci/devices/0000:3b:02.0 or /sys/bus/mdev/devices/UUID");
	return ret;
}

/* Last component of the path that an open file has. -errno. */
static int name_of(int fd, char *buf, size_t len)
{
	char link[48], target[PATH_MAX];
	const char *name;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	name = strrchr(target, '/');
	snprintf(buf, len, "%.*s", (int)len - 1, name ? name + 1 : target);
	return 0;
}

int host_vfio_by_path(const struct host *h, const char *path,
		      struct host_vfio *out, struct err *e)
{
	AUTO_CLOSE int fd = host_open_file(h, O_PATH | O_DIRECTORY, "%s", path);
	char name[NAME_MAX + 1];

	if (fd < 0) {
		err_sys(e, path, "open");
		err_hint(
			e,
			"mediated devices are in /sys/bus/mdev/devices, PCI functions in /sys/bus/pci/devices");
		return -e->code;
	}
	if (name_of(fd, name, sizeof(name)))
		return err_sys(e, path, "readlink");
	return by_name(h, path, name, out, e);
}

static int no_cdev(const char *who, struct err *e)
{
	int ret = err_set(e, EINVAL, "%s: it is no open VFIO device", who);

	err_hint(
		e,
		"hand over a file of /dev/vfio/devices, in a shell: strait run --device fd=3 3<>/dev/vfio/devices/vfio0");
	return ret;
}

int host_vfio_by_fd(const struct host *h, int fd, struct host_vfio *out,
		    struct err *e)
{
	char who[16], dir[64], name[HOST_NAME_LEN];
	struct stat st;
	int cdev, ret;

	snprintf(who, sizeof(who), "fd %d", fd);
	if (fstat(fd, &st) && errno == EBADF)
		return no_cdev(who, e);
	if (fstat(fd, &st))
		return err_sys(e, who, "fstat");
	snprintf(dir, sizeof(dir), "sys/dev/char/%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	if (!S_ISCHR(st.st_mode) ||
	    host_link_name(h, name, sizeof(name), "%s", dir))
		return no_cdev(who, e);
	cdev = cdev_number(name);
	if (cdev < 0 || host_link_name(h, name, sizeof(name), "%s/device", dir))
		return no_cdev(who, e);
	ret = by_name(h, who, name, out, e);
	if (!ret)
		out->cdev = cdev;
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Would the host miss a function? Its interfaces and disks. */
/*
 * How this works
 *
 * Everything that a function carries shows in /sys/class/net and
 * /sys/class/block as a link whose target runs through the function's own
 * directory, however deep (virtio, SCSI, USB behind a controller). So the
 * classes are searched for the BDF, and never the device's directory.
 *
 * A disk counts as used when it, or a partition of it, is a mount's device or
 * source, a swap device, a member of a mounted btrfs, or has holders (dm, md).
 * If none of this speaks, a second pass opens each exclusively, which the
 * kernel refuses also for other mount namespaces' mounts and for ZFS. NVMe with
 * native multipath hides the disk behind a head of its own: the head counts if
 * this function is its one path.
 *
 * An interface that was moved to another network namespace is not seen.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/host/priv.h"

struct use {
	const struct host *h;
	char bdf[BDF_STR_LEN];
	struct err *e;
	const char *class_name;
	int (*fn)(struct use *u, const char *name); /* for each of the class */
	const char *name;			    /* disk that is looked at */
	char devno[32];				    /* its "major:minor" */
	const char *head;			    /* NVMe head, else NULL */
	unsigned int nr_other_paths;
	bool ask_kernel; /* second pass: open each disk exclusively */
};

/* Does the device of this class belong to the function? */
static bool is_below(const struct use *u, const char *name)
{
	char target[PATH_MAX], part[BDF_STR_LEN + 2];

	if (host_link_target(u->h, target, sizeof(target), "sys/class/%s/%s",
			     u->class_name, name) < 0)
		return false;
	snprintf(part, sizeof(part), "/%s/", u->bdf);
	return strstr(target, part);
}

static int if_below(const char *name, void *arg)
{
	struct use *u = arg;

	return is_below(u, name) ? u->fn(u, name) : 0;
}

/* --- interfaces --- */

bool host_kernel_if_addr(const struct host *h, const char *ifname, char *buf,
			 size_t len)
{
	struct ifaddrs *list, *i;
	bool found = false;

	(void)h;
	if (getifaddrs(&list))
		return false;
	for (i = list; i && !found; i = i->ifa_next) {
		const void *sa = i->ifa_addr;
		const struct sockaddr_in *in4 = sa;
		const struct sockaddr_in6 *in6 = sa;

		if (!sa || strcmp(i->ifa_name, ifname))
			continue;
		if (in4->sin_family == AF_INET)
			found = inet_ntop(AF_INET, &in4->sin_addr, buf,
					  (socklen_t)len);
		/* Every interface that is up has a link-local address. */
		else if (in6->sin6_family == AF_INET6 &&
			 !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
			found = inet_ntop(AF_INET6, &in6->sin6_addr, buf,
					  (socklen_t)len);
	}
	freeifaddrs(list);
	return found;
}

struct upper {
	char name[IFNAMSIZ];
};

static int find_upper(const char *name, void *arg)
{
	struct upper *up = arg;

	if (strncmp(name, "upper_", 6))
		return 0;
	snprintf(up->name, sizeof(up->name), "%s", name + 6);
	return 1;
}

static int check_interface(struct use *u, const char *name)
{
	char other[HOST_NAME_LEN], addr[64];
	struct upper up;
	uint64_t flags;
	int ret;

	if (!host_link_name(u->h, other, sizeof(other),
			    "sys/class/net/%s/master", name)) {
		ret = err_set(u->e, EBUSY,
			      "%s: its interface %s is a port of %s", u->bdf,
			      name, other);
		err_hint(u->e, "take it out first (ip link set %s nomaster)",
			 name);
		return ret;
	}
	if (host_each_name(u->h, find_upper, &up, "sys/class/net/%s", name) ==
	    1) {
		ret = err_set(u->e, EBUSY, "%s: its interface %s carries %s",
			      u->bdf, name, up.name);
		err_hint(u->e, "remove that first (ip link del %s)", up.name);
		return ret;
	}
	if (host_read_u64(u->h, &flags, "sys/class/net/%s/flags", name) ||
	    !(flags & IFF_UP) ||
	    !u->h->ops->if_addr(u->h, name, addr, sizeof(addr)))
		return 0;
	ret = err_set(u->e, EBUSY, "%s: its interface %s is up with address %s",
		      u->bdf, name, addr);
	err_hint(u->e, "take it down first (ip link set %s down)", name);
	return ret;
}

/* --- disks --- */

/* Is text "/dev/NAME" of the disk? */
static bool is_node(const struct use *u, const char *text)
{
	return !strncmp(text, "/dev/", 5) && !strcmp(text + 5, u->name);
}

/* proc(5): "36 35 98:0 /root /mount/point options ... - fstype source ..." */
static int check_mount(char *line, void *arg)
{
	struct use *u = arg;
	char devno[32], where[PATH_MAX], source[PATH_MAX] = "";
	const char *tail = strstr(line, " - ");
	int ret;

	if (sscanf(line, "%*s %*s %31s %*s %4095s", devno, where) != 2)
		return 0;
	/* btrfs shows a number of its own; the source is the device then. */
	if (tail)
		sscanf(tail, " - %*s %4095s", source);
	if (strcmp(devno, u->devno) && !is_node(u, source))
		return 0;
	ret = err_set(u->e, EBUSY, "%s: its disk %s is mounted on %.200s",
		      u->bdf, u->name, where);
	err_hint(u->e, "unmount it first (umount %.200s)", where);
	return ret;
}

static int check_swap(char *line, void *arg)
{
	struct use *u = arg;
	int ret;

	line[strcspn(line, " \t")] = '\0';
	if (!is_node(u, line))
		return 0;
	ret = err_set(u->e, EBUSY, "%s: its disk %s is in use as swap", u->bdf,
		      u->name);
	err_hint(u->e, "stop that first (swapoff /dev/%s)", u->name);
	return ret;
}

static int check_holder(const char *holder, void *arg)
{
	struct use *u = arg;
	int ret;

	ret = err_set(u->e, EBUSY, "%s: its disk %s is part of %s", u->bdf,
		      u->name, holder);
	err_hint(
		u->e,
		"take %s down first (dmsetup, vgchange -an, cryptsetup close or mdadm --stop)",
		holder);
	return ret;
}

static int check_btrfs(const char *uuid, void *arg)
{
	struct use *u = arg;
	int ret;

	if (!host_exists(u->h, "sys/fs/btrfs/%s/devices/%s", uuid, u->name))
		return 0;
	ret = err_set(u->e, EBUSY,
		      "%s: its disk %s is part of the mounted btrfs %s", u->bdf,
		      u->name, uuid);
	err_hint(u->e, "unmount that file system first");
	return ret;
}

static int check_exclusive(struct use *u)
{
	int fd = host_open_file(u->h, O_RDONLY | O_EXCL | O_NONBLOCK, "dev/%s",
				u->name);
	int ret;

	if (fd >= 0)
		close(fd);
	if (fd != -EBUSY)
		return 0;
	ret = err_set(u->e, EBUSY,
		      "%s: its disk %s is claimed by a file system or program",
		      u->bdf, u->name);
	err_hint(u->e, "look for it with: lsblk /dev/%s; fuser -v /dev/%s",
		 u->name, u->name);
	return ret;
}

/* A callback's refusal; -ENOENT of a list that is not there is none. */
static bool refused(const struct use *u, int ret)
{
	return ret == -EBUSY && u->e->code == EBUSY;
}

static int check_disk(struct use *u, const char *name)
{
	u->name = name;
	if (u->ask_kernel)
		return check_exclusive(u);
	if (host_read(u->h, u->devno, sizeof(u->devno),
		      "sys/class/block/%s/dev", name) < 0)
		u->devno[0] = '\0';
	if (refused(u, host_each_line(u->h, check_mount, u,
				      "proc/self/mountinfo")) ||
	    refused(u, host_each_line(u->h, check_swap, u, "proc/swaps")) ||
	    refused(u, host_each_name(u->h, check_holder, u,
				      "sys/class/block/%s/holders", name)) ||
	    refused(u, host_each_name(u->h, check_btrfs, u, "sys/fs/btrfs")))
		return -EBUSY;
	return 0;
}

/* Is name a path ("nvme0c1n1") to the head ("nvme0n1")? */
static bool is_path_of(const char *name, const char *head)
{
	unsigned int subsys, ctrl, ns;
	char want[32];
	int end = 0;

	if (sscanf(name, "nvme%uc%un%u%n", &subsys, &ctrl, &ns, &end) != 3 ||
	    name[end])
		return false;
	snprintf(want, sizeof(want), "nvme%un%u", subsys, ns);
	return !strcmp(want, head);
}

static int count_other_path(const char *name, void *arg)
{
	struct use *u = arg;

	if (is_path_of(name, u->head) && !is_below(u, name))
		u->nr_other_paths++;
	return 0;
}

/* The head and its partitions ("nvme0n1p2"). */
static int check_of_head(const char *name, void *arg)
{
	struct use *u = arg;
	size_t n = strlen(u->head);

	if (strncmp(name, u->head, n) || (name[n] && name[n] != 'p'))
		return 0;
	return check_disk(u, name);
}

static int check_block(struct use *u, const char *name)
{
	unsigned int subsys, ctrl, ns;
	char head[32];
	int ret;

	if (sscanf(name, "nvme%uc%un%u", &subsys, &ctrl, &ns) != 3)
		return check_disk(u, name);
	snprintf(head, sizeof(head), "nvme%un%u", subsys, ns);
	u->head = head;
	u->nr_other_paths = 0;
	host_each_name(u->h, count_other_path, u, "sys/class/block");
	ret = u->nr_other_paths ? 0
				: host_each_name(u->h, check_of_head, u,
						 "sys/class/block");
	u->head = NULL;
	return ret;
}

static int check_class(struct use *u, const char *class_name,
		       int (*fn)(struct use *u, const char *name))
{
	u->class_name = class_name;
	u->fn = fn;
	return host_each_name(u->h, if_below, u, "sys/class/%s", class_name);
}

int host_in_use(const struct host *h, struct bdf bdf, struct err *e)
{
	struct use u = { .h = h, .e = e };

	bdf_str(bdf, u.bdf);
	e->code = 0;
	if (refused(&u, check_class(&u, "net", check_interface)) ||
	    refused(&u, check_class(&u, "block", check_block)))
		return -EBUSY;
	u.ask_kernel = true;
	return refused(&u, check_class(&u, "block", check_block)) ? -EBUSY : 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Tap devices (the kernel's Documentation/networking/tuntap.rst). */
/*
 * How this works
 *
 * A tap is a network interface of the host whose wire is a file: what strait
 * reads was sent by the host, what it writes the host receives. With
 * IFF_VNET_HDR each frame has a virtio header, so that checksums and
 * segmentation are left to whoever can do them best; frames go between guest
 * memory and the kernel without a copy of ours.
 *
 * An interface that exists is used as it is; one that does not is made for the
 * run, and gone afterwards. Several queues are as many files of one interface.
 *
 * A tap that somebody else opened (fd=) is one already; it is asked what it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/base/log.h"
#include "src/net/priv.h"

/* linux/if_tun.h has these since 6.2. */
#define STRAIT_TUN_F_USO4 0x20
#define STRAIT_TUN_F_USO6 0x40

static unsigned int tun_flags(unsigned int offloads)
{
	unsigned int flags = 0;

	/* The kernel takes none of the others without it. */
	if (!(offloads & NET_CSUM))
		return 0;
	flags |= TUN_F_CSUM;
	if (offloads & NET_TSO4)
		flags |= TUN_F_TSO4;
	if (offloads & NET_TSO6)
		flags |= TUN_F_TSO6;
	if (offloads & NET_ECN && offloads & (NET_TSO4 | NET_TSO6))
		flags |= TUN_F_TSO_ECN;
	if (offloads & NET_USO)
		flags |= STRAIT_TUN_F_USO4 | STRAIT_TUN_F_USO6;
	return flags;
}

int tap_set_offloads(struct net_back *b, unsigned int offloads, struct err *e)
{
	for (unsigned int i = 0; i < b->nr_queues; i++)
		if (ioctl(b->queues[i].fd, TUNSETOFFLOAD,
			  (unsigned long)tun_flags(offloads)))
			return err_sys(e, b->name, "TUNSETOFFLOAD");
	return 0;
}

int tap_set_active(struct net_back *b, unsigned int nr, struct err *e)
{
	for (unsigned int i = 0; i < b->nr_queues; i++) {
		struct net_queue *q = &b->queues[i];
		struct ifreq r = { 0 };
		bool detach = i >= nr;

		if (q->is_detached == detach)
			continue;
		r.ifr_flags = detach ? IFF_DETACH_QUEUE : IFF_ATTACH_QUEUE;
		if (ioctl(q->fd, TUNSETQUEUE, &r))
			return err_sys(e, b->name, "TUNSETQUEUE");
		q->is_detached = detach;
	}
	return 0;
}

/* The kernel says what it knows by what it refuses. */
static void probe_offloads(struct net_back *b)
{
	const unsigned int base = NET_CSUM | NET_TSO4 | NET_TSO6 | NET_ECN;
	int fd = b->queues[0].fd;

	if (!ioctl(fd, TUNSETOFFLOAD, (unsigned long)tun_flags(base)))
		b->offloads = base;
	if (!ioctl(fd, TUNSETOFFLOAD, (unsigned long)tun_flags(base | NET_USO)))
		b->offloads |= NET_USO;
	ioctl(fd, TUNSETOFFLOAD, 0UL);
}

static int set_header(const struct net_back *b, int fd, struct err *e)
{
	int len = NET_HDR_LEN, le = 1;

	if (ioctl(fd, TUNSETVNETHDRSZ, &len) || ioctl(fd, TUNSETVNETLE, &le))
		return err_sys(e, b->name, "TUNSETVNETHDRSZ");
	return 0;
}

/* --- by name --- */

static int explain_attach(struct net_back *b, int code, bool has_many,
			  struct err *e)
{
	errno = code;
	err_sys(e, b->name, "TUNSETIFF");
	if (code == EPERM)
		err_hint(
			e,
			"as root: ip tuntap add dev %s mode tap user NAME%s, for the user who runs strait",
			b->name, has_many ? " multi_queue" : "");
	else if (code == EBUSY)
		err_hint(e, "another process has %s open, or all of its queues",
			 b->name);
	else if (code == EINVAL)
		err_hint(
			e,
			"%s is no tap device, or was made %s multi_queue: ip -d link show %s",
			b->name, has_many ? "without" : "with", b->name);
	return -code;
}

static int attach_queue(struct net_back *b, unsigned int i, struct err *e)
{
	bool has_many = b->nr_queues > 1;
	struct ifreq r = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI |
						IFF_VNET_HDR) };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		int ret = err_sys(e, "/dev/net/tun", "open");

		err_hint(e, "the module tun makes it: modprobe tun");
		return ret;
	}
	b->queues[i].fd = fd;
	if (has_many)
		r.ifr_flags |= IFF_MULTI_QUEUE;
	memcpy(r.ifr_name, b->name, IFNAMSIZ);
	if (ioctl(fd, TUNSETIFF, &r))
		return explain_attach(b, errno, has_many, e);
	return set_header(b, fd, e);
}

/* An interface that is down takes nothing; who may not change that is told. */
static void bring_up(const struct net_back *b)
{
	struct ifreq r = { 0 };
	AUTO_CLOSE int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(r.ifr_name, b->name, IFNAMSIZ);
	if (sock < 0 || ioctl(sock, SIOCGIFFLAGS, &r) || r.ifr_flags & IFF_UP)
		return;
	r.ifr_flags |= IFF_UP;
	if (ioctl(sock, SIOCSIFFLAGS, &r))
		log_warn(b->name,
			 "it is down, so nothing passes: ip link set %s up",
			 b->name);
}

/* --- by an open file --- */

static int adopt(struct net_back *b, const struct net_options *options,
		 struct err *e)
{
	struct ifreq r = { 0 };
	int fd = fcntl(options->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0) {
		snprintf(b->name, sizeof(b->name), "fd %d", options->fd);
		return err_sys(e, b->name, "dup");
	}
	b->queues[0].fd = fd;
	if (ioctl(fd, TUNGETIFF, &r)) {
		err_set(e, EINVAL, "fd %d: it is not an open tap device",
			options->fd);
		return -EINVAL;
	}
	memcpy(b->name, r.ifr_name, IFNAMSIZ);
	if (!(r.ifr_flags & IFF_TAP) || !(r.ifr_flags & IFF_VNET_HDR) ||
	    !(r.ifr_flags & IFF_NO_PI)) {
		err_set(e, EINVAL,
			"fd %d: %s was opened without IFF_TAP, IFF_NO_PI and IFF_VNET_HDR",
			options->fd, b->name);
		return -EINVAL;
	}
	if (fcntl(fd, F_SETFL, O_NONBLOCK | fcntl(fd, F_GETFL)))
		return err_sys(e, b->name, "F_SETFL");
	return set_header(b, fd, e);
}

int tap_open(struct net_back *b, const struct net_options *options,
	     struct err *e)
{
	int ret = 0;

	b->kind = NET_TAP;
	memcpy(b->name, options->tap, NET_NAME_LEN);
	if (options->fd >= 0)
		ret = adopt(b, options, e);
	for (unsigned int i = 0; !ret && options->fd < 0 && i < b->nr_queues;
	     i++)
		ret = attach_queue(b, i, e);
	for (unsigned int i = 0; !ret && i < b->nr_queues; i++) {
		b->queues[i].send_fd =
			fcntl(b->queues[i].fd, F_DUPFD_CLOEXEC, 0);
		if (b->queues[i].send_fd < 0)
			ret = err_sys(e, b->name, "dup");
	}
	if (ret)
		return ret;
	if (options->fd < 0)
		bring_up(b);
	probe_offloads(b);
	return 0;
}

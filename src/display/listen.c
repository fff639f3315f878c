// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets that others connect to.
 *
 * A unix socket's permissions are set between bind and listen: nobody can
 * connect before.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/display/listen.h"

enum { BACKLOG = 16 };

static int unix_address(const char *path, struct sockaddr_un *out,
			struct err *e)
{
	size_t len = strlen(path);

	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!len || len >= sizeof(out->sun_path))
		return err_set(e, ENAMETOOLONG,
			       "%s: a socket's path has 1 to %zu characters",
			       path, sizeof(out->sun_path) - 1);
	memcpy(out->sun_path, path, len);
	return 0;
}

static int connect_to(const struct sockaddr_un *to, int flags)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	int ret;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

int unix_connect(const char *path, struct err *e)
{
	struct sockaddr_un to;
	int fd = unix_address(path, &to, e);

	if (!fd)
		fd = connect_to(&to, 0);
	else
		return fd;
	if (fd < 0) {
		errno = -fd;
		err_sys(e, path, "connect");
	}
	return fd;
}

/* Whether a socket lies there that nobody listens on. */
static bool is_left_behind(const struct sockaddr_un *a)
{
	struct stat st;
	int fd;

	if (lstat(a->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = connect_to(a, SOCK_NONBLOCK);
	if (fd >= 0)
		close(fd);
	return fd == -ECONNREFUSED;
}

static int bind_unix(int fd, const struct sockaddr_un *a)
{
	const struct sockaddr *address = (const struct sockaddr *)a;

	if (!bind(fd, address, sizeof(*a)))
		return 0;
	if (errno != EADDRINUSE || !is_left_behind(a)) {
		errno = EADDRINUSE;
		return -1;
	}
	if (unlink(a->sun_path))
		return -1;
	return bind(fd, address, sizeof(*a));
}

int listener_open_unix(struct listener *l, const char *path, struct err *e)
{
	struct sockaddr_un a;
	const char *op = "bind";
	struct stat st;
	int ret = unix_address(path, &a, e);

	*l = (struct listener){ .fd = -1 };
	if (ret)
		return ret;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return err_sys(e, path, "socket");
	if (bind_unix(l->fd, &a))
		goto out;
	op = "chmod";
	if (lstat(path, &st))
		goto out;
	l->path = path;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	if (chmod(path, 0600))
		goto out;
	op = "listen";
	if (!listen(l->fd, BACKLOG))
		return 0;
out:
	ret = err_sys(e, path, op);
	listener_close(l);
	return ret;
}

int listener_open_tcp(struct listener *l, const char *address, uint16_t port,
		      struct err *e)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port) };
	socklen_t len = sizeof(a);
	char who[64];
	int ret, one = 1;

	*l = (struct listener){ .fd = -1 };
	snprintf(who, sizeof(who), "%s port %u", address, port);
	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		return err_set(e, EINVAL, "%s: is not an IPv4 address",
			       address);
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return err_sys(e, who, "socket");
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(l->fd, (const struct sockaddr *)&a, sizeof(a)) &&
	    !listen(l->fd, BACKLOG) &&
	    !getsockname(l->fd, (struct sockaddr *)&a, &len)) {
		l->port = ntohs(a.sin_port);
		return 0;
	}
	ret = err_sys(e, who, "bind");
	if (ret == -EADDRINUSE)
		err_hint(e, "another program listens there: give another port");
	listener_close(l);
	return ret;
}

void listener_close(struct listener *l)
{
	struct stat st;

	if (l->path && !lstat(l->path, &st) && st.st_dev == l->dev &&
	    st.st_ino == l->ino)
		unlink(l->path);
	if (l->fd >= 0)
		close(l->fd);
	*l = (struct listener){ .fd = -1 };
}

int listener_accept(const struct listener *l)
{
	return accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
}

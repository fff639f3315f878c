// SPDX-License-Identifier: GPL-2.0-or-later
/* A host that is a record of another machine, perhaps a hostile one. */
/*
 * How this works
 *
 * A record is a directory that came out of somebody's archive, so a link in it
 * may be absolute or climb by "..", a file may be a FIFO that blocks whoever
 * opens it, or be 10 GB of nothing. openat2 with RESOLVE_IN_ROOT makes the
 * kernel resolve every path as if the record were "/", the last component
 * included; so neither reading, nor readlink, nor a test for existence leaves
 * it. What comes out is opened only if it is a plain file of sane size or a
 * directory, and never for writing.
 *
 * Addresses are not in a record, but strait-iommu record notes in a file beside
 * each interface whether it has one (HOST_RECORD_ADDR).
 *
 * EAGAIN: the kernel cannot be sure of ".." while something on the machine is
 * renamed (openat2(2)); it is worth another try.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/host/priv.h"

enum { RECORD_TRIES = 16 };
#define RECORD_MAX_FILE MIB(32)

int host_record_resolve(const struct host *h, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	for (unsigned int n = 0; n < RECORD_TRIES; n++) {
		fd = syscall(SYS_openat2, h->root_fd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

ssize_t host_record_readlink(const struct host *h, const char *path, char *buf,
			     size_t len)
{
	AUTO_CLOSE int fd = -1;
	ssize_t n;

	/* Nothing to resolve, and a link is not followed here. */
	if (!strchr(path, '/'))
		return readlinkat(h->root_fd, path, buf, len);
	fd = host_record_resolve(h, path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	/* "" is the link itself; what is no link gives ENOENT then. */
	n = readlinkat(fd, "", buf, len);
	if (n < 0 && errno == ENOENT)
		errno = EINVAL;
	return n;
}

static int refuse(int fd, int code)
{
	close(fd);
	errno = code;
	return -code;
}

static int record_open(const struct host *h, const char *path, int flags)
{
	struct stat st;
	int fd;

	if (flags & O_PATH)
		return host_record_resolve(h, path, flags);
	if (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) {
		errno = EROFS;
		return -EROFS;
	}
	fd = host_record_resolve(h, path, flags | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		return refuse(fd, errno);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return refuse(fd, EACCES);
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > RECORD_MAX_FILE)
		return refuse(fd, EFBIG);
	return fd;
}

static int record_write(const struct host *h, const char *path,
			const char *text)
{
	(void)h;
	(void)path;
	(void)text;
	errno = EROFS;
	return -EROFS;
}

int host_if_has_addr(const struct host *h, const char *ifname)
{
	char text[64];

	if (!h->is_record)
		return h->ops->if_addr(h, ifname, text, sizeof(text));
	if (host_read(h, text, sizeof(text),
		      "sys/class/net/%s/" HOST_RECORD_ADDR, ifname) < 0)
		return -ENODATA;
	return !strcmp(text, "yes");
}

static bool record_if_addr(const struct host *h, const char *ifname, char *buf,
			   size_t len)
{
	if (host_if_has_addr(h, ifname) != 1)
		return false;
	snprintf(buf, len, "(left out of the record)");
	return true;
}

static const struct host_ops record_ops = { .open = record_open,
					    .write = record_write,
					    .if_addr = record_if_addr };

int host_open_record(struct host *h, const char *dir, struct err *e)
{
	int fd;

	*h = (struct host){ .ops = &record_ops, .is_record = true };
	h->root_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->root_fd < 0)
		return err_sys(e, dir, "open");
	fd = host_record_resolve(h, ".", O_PATH);
	if (fd < 0) {
		errno = -fd;
		err_sys(e, dir, "openat2");
		if (fd == -ENOSYS)
			err_hint(e, "reading a record needs Linux 5.6");
		host_close(h);
		return fd;
	}
	close(fd);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Files under the host's root. */
/*
 * How this works
 *
 * A struct host is a directory that stands for "/". Paths are relative to it
 * and go through openat, so that a test's tree serves as well as the machine:
 * sysfs links are relative and stay inside. This is no sandbox: an absolute
 * link in a tree leads out of it. In a record, which may come from anybody,
 * every lookup goes through record.c instead.
 *
 * Opening and writing go through host->ops, because these two are what a test
 * has to see, to answer or to refuse: the kernel acts on a write (a driver link
 * moves) and a plain file does not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/host/priv.h"

static int kernel_open(const struct host *h, const char *path, int flags)
{
	int fd = openat(h->root_fd, path, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int kernel_write(const struct host *h, const char *path,
			const char *text)
{
	/* sysfs ignores O_TRUNC; a test's file needs it. */
	AUTO_CLOSE int fd = h->ops->open(h, path, O_WRONLY | O_TRUNC);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = write(fd, text, len);
	if (n >= 0 && (size_t)n != len)
		errno = EIO;
	return n < 0 || (size_t)n != len ? -errno : 0;
}

// NOLINTNEXTLINE(readability-non-const-parameter): the type of host_ops
static bool tree_if_addr(const struct host *h, const char *ifname, char *buf,
			 size_t len)
{
	(void)h;
	(void)ifname;
	(void)buf;
	(void)len;
	return false;
}

static const struct host_ops kernel_ops = { .open = kernel_open,
					    .write = kernel_write,
					    .if_addr = host_kernel_if_addr };
static const struct host_ops tree_ops = { .open = kernel_open,
					  .write = kernel_write,
					  .if_addr = tree_if_addr };

int host_open(struct host *h, const char *root, struct err *e)
{
	*h = (struct host){ .root_fd = -1 };
	h->ops = strcmp(root, "/") ? &tree_ops : &kernel_ops;
	h->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return h->root_fd < 0 ? err_sys(e, root, "open") : 0;
}

void host_close(struct host *h)
{
	if (h->root_fd >= 0)
		close(h->root_fd);
	h->root_fd = -1;
}

/* Drops leading slashes; "" (the root itself) becomes ".". */
static __attribute__((format(printf, 3, 0))) bool
path_v(char *buf, size_t len, const char *fmt, va_list ap)
{
	int n = vsnprintf(buf, len, fmt, ap);
	size_t skip;

	if (n < 0 || (size_t)n >= len) {
		errno = ENAMETOOLONG;
		return false;
	}
	skip = strspn(buf, "/");
	memmove(buf, buf + skip, strlen(buf + skip) + 1);
	if (!*buf && len > 1)
		memcpy(buf, ".", 2);
	return true;
}

/* Declares path from the arguments after fmt, or returns fail. */
#define PATH_ARGS(path, fmt, fail)                                             \
	char path[PATH_MAX];                                                   \
	do {                                                                   \
		va_list ap_;                                                   \
		bool ok_;                                                      \
		va_start(ap_, fmt);                                            \
		ok_ = path_v(path, sizeof(path), fmt, ap_);                    \
		va_end(ap_);                                                   \
		if (!ok_)                                                      \
			return fail;                                           \
	} while (0)

/* Fills buf up to len, returns the bytes read or -errno. */
static ssize_t read_all(int fd, char *buf, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, buf + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static ssize_t read_text(const struct host *h, char *buf, size_t len,
			 const char *path)
{
	AUTO_CLOSE int fd = h->ops->open(h, path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read_all(fd, buf, len);
	if (n < 0)
		return n;
	if ((size_t)n == len) {
		errno = EOVERFLOW;
		return -EOVERFLOW;
	}
	if (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

ssize_t host_read(const struct host *h, char *buf, size_t len, const char *fmt,
		  ...)
{
	PATH_ARGS(path, fmt, -errno);
	return read_text(h, buf, len, path);
}

ssize_t host_read_bytes(const struct host *h, void *buf, size_t len,
			const char *fmt, ...)
{
	AUTO_CLOSE int fd = -1;

	PATH_ARGS(path, fmt, -errno);
	fd = h->ops->open(h, path, O_RDONLY);
	return fd < 0 ? fd : read_all(fd, buf, len);
}

int host_read_u64(const struct host *h, uint64_t *out, const char *fmt, ...)
{
	char text[32], *end;
	unsigned long long v;
	ssize_t n;

	PATH_ARGS(path, fmt, -errno);
	n = read_text(h, text, sizeof(text), path);
	if (n < 0)
		return (int)n;
	errno = 0;
	v = strtoull(text, &end, 0);
	if (end == text || *end)
		errno = EINVAL;
	if (errno)
		return -errno;
	*out = v;
	return 0;
}

int host_open_below(const struct host *h, struct host *out, const char *fmt,
		    ...)
{
	PATH_ARGS(path, fmt, -errno);
	*out = *h;
	out->root_fd = h->ops->open(h, path, O_PATH | O_DIRECTORY);
	return out->root_fd < 0 ? out->root_fd : 0;
}

int host_write(const struct host *h, const char *text, const char *fmt, ...)
{
	PATH_ARGS(path, fmt, -errno);
	return h->ops->write(h, path, text);
}

int host_open_file(const struct host *h, int flags, const char *fmt, ...)
{
	PATH_ARGS(path, fmt, -errno);
	return h->ops->open(h, path, flags);
}

bool host_exists(const struct host *h, const char *fmt, ...)
{
	PATH_ARGS(path, fmt, false);
	if (h->is_record) {
		AUTO_CLOSE int fd = host_record_resolve(h, path, O_PATH);

		return fd >= 0;
	}
	return !faccessat(h->root_fd, path, F_OK, 0);
}

/* With a final 0. */
static ssize_t read_link(const struct host *h, const char *path, char *buf,
			 size_t len)
{
	ssize_t n = h->is_record ? host_record_readlink(h, path, buf, len)
				 : readlinkat(h->root_fd, path, buf, len);

	if (n < 0)
		return -errno;
	if ((size_t)n == len) {
		errno = EOVERFLOW;
		return -EOVERFLOW;
	}
	buf[n] = '\0';
	return n;
}

ssize_t host_link_target(const struct host *h, char *buf, size_t len,
			 const char *fmt, ...)
{
	PATH_ARGS(path, fmt, -errno);
	return read_link(h, path, buf, len);
}

int host_link_name(const struct host *h, char *buf, size_t len, const char *fmt,
		   ...)
{
	char target[PATH_MAX];
	const char *name;
	ssize_t n;

	PATH_ARGS(path, fmt, -errno);
	n = read_link(h, path, target, sizeof(target));
	if (n < 0)
		return (int)n;
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	if (strlen(name) >= len) {
		errno = EOVERFLOW;
		return -EOVERFLOW;
	}
	memcpy(buf, name, strlen(name) + 1);
	return 0;
}

int host_each_line(const struct host *h, int (*fn)(char *line, void *arg),
		   void *arg, const char *fmt, ...)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f;
	int fd, ret = 0;

	PATH_ARGS(path, fmt, -errno);
	fd = h->ops->open(h, path, O_RDONLY);
	if (fd < 0)
		return fd;
	f = fdopen(fd, "r");
	if (!f) {
		ret = -errno;
		close(fd);
		return ret;
	}
	while (!ret && (n = getline(&line, &cap, f)) >= 0) {
		if (n && line[n - 1] == '\n')
			line[n - 1] = '\0';
		ret = fn(line, arg);
	}
	free(line);
	fclose(f);
	return ret;
}

int host_each_name(const struct host *h, int (*fn)(const char *name, void *arg),
		   void *arg, const char *fmt, ...)
{
	struct dirent *d;
	DIR *dir;
	int fd, ret = 0;

	PATH_ARGS(path, fmt, -errno);
	fd = h->ops->open(h, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		ret = -errno;
		close(fd);
		return ret;
	}
	while (!ret && (d = readdir(dir)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			ret = fn(d->d_name, arg);
	closedir(dir);
	return ret;
}

static int any_name(const char *name, void *arg)
{
	(void)name;
	(void)arg;
	return 1;
}

bool host_has_entries(const struct host *h, const char *fmt, ...)
{
	PATH_ARGS(path, fmt, false);
	return host_each_name(h, any_name, NULL, "%s", path) == 1;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* A driver core for trees. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fake/drivers.h"

static int plain_open(const struct host *h, const char *path, int flags)
{
	const struct drivers *d = h->ctx;
	int fd;

	if (d->open_path && !strcmp(path, d->open_path)) {
		errno = d->open_code;
		return -d->open_code;
	}
	fd = openat(h->root_fd, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void do_unbind(const struct host *h, const char *bdf)
{
	char link[128];

	snprintf(link, sizeof(link), "sys/bus/pci/devices/%s/driver", bdf);
	unlinkat(h->root_fd, link, 0);
}

/* The kernel binds by the override alone if there is one, else by ID. */
static void do_probe(const struct host *h, const char *bdf)
{
	const struct drivers *d = h->ctx;
	char name[HOST_NAME_LEN], link[128], target[128];

	if (host_read(h, name, sizeof(name),
		      "sys/bus/pci/devices/%s/driver_override", bdf) < 0)
		return;
	if (!*name || !strcmp(name, "(null)"))
		snprintf(name, sizeof(name), "%s", d->by_id ? d->by_id : "");
	if (!*name || (d->failing && !strcmp(name, d->failing)) ||
	    !host_exists(h, "sys/bus/pci/drivers/%s", name))
		return;
	snprintf(link, sizeof(link), "sys/bus/pci/devices/%s/driver", bdf);
	snprintf(target, sizeof(target), "../../../../bus/pci/drivers/%s",
		 name);
	/* An existing link stays: a bound device is not probed. */
	if (symlinkat(target, h->root_fd, link))
		return;
}

static int write_text(const struct host *h, const char *path, const char *text)
{
	int fd = openat(h->root_fd, path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -EIO;
}

/* sriov_numvfs_store of drivers/pci/iov.c */
static int do_numvfs(const struct host *h, const char *path, const char *text)
{
	const struct drivers *d = h->ctx;
	unsigned long want = strtoul(text, NULL, 10);
	uint64_t now;
	char made[16];

	if (host_read_u64(h, &now, "%s", path))
		return -errno;
	if (now && want && want != now) {
		errno = EBUSY;
		return -EBUSY;
	}
	if (d->most_vfs && want > d->most_vfs)
		want = d->most_vfs;
	snprintf(made, sizeof(made), "%lu", want);
	return write_text(h, path, made);
}

/* What lies under sriov_vf_msix_count is the table size in MSI-X's control. */
static int do_msix(const struct host *h, const char *path, const char *text)
{
	const struct drivers *d = h->ctx;
	unsigned long nr = strtoul(text, NULL, 10);
	unsigned char config[256] = { [0x34] = 0x40, [0x40] = 0x11 };
	char file[128];
	int fd;

	if (!d->msix_default)
		return write_text(h, path, text);
	if (!nr)
		nr = d->msix_default;
	if (d->most_msix && nr > d->most_msix)
		nr = d->most_msix;
	config[0x42] = (unsigned char)(nr - 1);
	snprintf(file, sizeof(file), "%.*s/config",
		 (int)(strrchr(path, '/') - path), path);
	fd = openat(h->root_fd, file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	nr = (unsigned long)write(fd, config, sizeof(config));
	close(fd);
	return nr == sizeof(config) ? 0 : -EIO;
}

static int write_count(const struct host *h, const char *path, const char *file,
		       const char *text)
{
	if (!strcmp(file, "sriov_numvfs"))
		return do_numvfs(h, path, text);
	if (!strcmp(file, "sriov_vf_msix_count"))
		return do_msix(h, path, text);
	return write_text(h, path, text);
}

static int watched_write(const struct host *h, const char *path,
			 const char *text)
{
	struct drivers *d = h->ctx;
	const char *file = strrchr(path, '/') + 1;
	size_t n = strlen(d->log);
	int ret;

	d->nr_writes++;
	if (d->fail_nth && (d->nr_writes == d->fail_nth ||
			    (d->keep_failing && d->nr_writes > d->fail_nth))) {
		errno = d->fail_code;
		return -d->fail_code;
	}
	if (!strcmp(file, "unbind"))
		do_unbind(h, text);
	else if (!strcmp(file, "drivers_probe"))
		do_probe(h, text);
	else if ((ret = write_count(h, path, file, text)))
		return ret;
	snprintf(d->log + n, sizeof(d->log) - n, "%s=%.*s;", file,
		 (int)strcspn(text, "\n"), text);
	return 0;
}

static bool fixed_addr(const struct host *h, const char *ifname, char *buf,
		       size_t len)
{
	const struct drivers *d = h->ctx;

	(void)ifname;
	if (d->addr)
		snprintf(buf, len, "%s", d->addr);
	return d->addr;
}

static const struct host_ops drivers_ops = { .open = plain_open,
					     .write = watched_write,
					     .if_addr = fixed_addr };

void drivers_attach(struct drivers *d, struct host *h)
{
	h->ops = &drivers_ops;
	h->ctx = d;
}

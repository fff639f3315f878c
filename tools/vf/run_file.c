// SPDX-License-Identifier: GPL-2.0-or-later
/* Files in /run/strait/vf: what later instances have to know. */
/*
 * How this works
 *
 * A file is written without a name and then gets one: whoever reads sees a
 * whole file or none, and a tool that is killed meanwhile leaves nothing. /run
 * is empty after a boot, as are the PFs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "tools/vf/run_file.h"

int run_file_fail(const char *file, const char *op, struct err *e)
{
	char who[RUN_FILE_LEN + 16];
	int ret;

	snprintf(who, sizeof(who), "/%.104s", file);
	ret = err_sys(e, who, op);
	if (ret == -EACCES || ret == -EPERM)
		err_hint(e, "run as root");
	return ret;
}

static int make_directory(const struct host *h, struct err *e)
{
	static const char *const dirs[] = { "run", "run/strait", RUN_DIR };

	for (unsigned int i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(h->root_fd, dirs[i], 0755) && errno != EEXIST)
			return run_file_fail(dirs[i], "create", e);
	return 0;
}

/* A file without a name is gone with its writer. Returns its fd. */
static int open_unnamed(const struct host *h, const char *file, struct err *e)
{
	int fd = openat(h->root_fd, RUN_DIR, O_WRONLY | O_TMPFILE | O_CLOEXEC,
			0644);

	return fd < 0 ? run_file_fail(file, "create", e) : fd;
}

static int write_text(int fd, const char *file, const char *text, struct err *e)
{
	size_t len = strlen(text);
	ssize_t n = write(fd, text, len);

	if (n >= 0 && (size_t)n != len)
		errno = ENOSPC;
	if (n < 0 || (size_t)n != len || write(fd, "\n", 1) != 1 || fsync(fd))
		return run_file_fail(file, "write", e);
	return 0;
}

/* linkat(2) does not replace; then a second name is needed for a moment. */
static int give_name(const struct host *h, int fd, const char *file,
		     struct err *e)
{
	char self[32], fresh[RUN_FILE_LEN + 8];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (!linkat(AT_FDCWD, self, h->root_fd, file, AT_SYMLINK_FOLLOW))
		return 0;
	if (errno != EEXIST)
		return run_file_fail(file, "create", e);
	snprintf(fresh, sizeof(fresh), "%s.new", file);
	unlinkat(h->root_fd, fresh, 0);
	if (linkat(AT_FDCWD, self, h->root_fd, fresh, AT_SYMLINK_FOLLOW))
		return run_file_fail(fresh, "create", e);
	if (!renameat(h->root_fd, fresh, h->root_fd, file))
		return 0;
	run_file_fail(file, "rename", e);
	unlinkat(h->root_fd, fresh, 0);
	return -e->code;
}

int run_file_write(const struct host *h, const char *file, json_t *json,
		   struct err *e)
{
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	int ret = make_directory(h, e);
	AUTO_CLOSE int fd = -1;

	json_decref(json);
	if (!ret && !text)
		ret = err_set(e, ENOMEM, "out of memory");
	if (!ret)
		ret = fd = open_unnamed(h, file, e);
	if (ret >= 0)
		ret = write_text(fd, file, text, e);
	if (!ret)
		ret = give_name(h, fd, file, e);
	free(text);
	return ret;
}

int run_file_drop(const struct host *h, const char *file, struct err *e)
{
	if (!unlinkat(h->root_fd, file, 0) || errno == ENOENT)
		return 0;
	return run_file_fail(file, "remove", e);
}

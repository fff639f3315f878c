// SPDX-License-Identifier: GPL-2.0-or-later
/* --from: a record, as a directory that can be read like a machine's root. */
/*
 * How this works
 *
 * A tar file is unpacked to a directory of its own below TMPDIR. Who removes
 * that when we are done, or interrupted, or killed? A child, the janitor: it
 * makes the directory, tells us its name over a socket, sleeps until that
 * socket's other end is gone, which is us, removes the directory and ends.
 * There is no moment at which the directory is there and the janitor is not, no
 * handler of a signal has to do it, and SIGKILL is no exception. The child is
 * in a session of its own, so that Ctrl-C does not reach it.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "tools/iommu/record.h"

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

/* What the janitor tells: the directory it made, or the errno that kept it. */
struct made {
	int error;
	char dir[sizeof(((struct record *)0)->dir)];
};

static _Noreturn void run_janitor(struct made *made, int fd)
{
	enum { MAX_OPEN = RECORD_MAX_DEPTH + 2 };
	char byte;

	setsid();
	/* Whoever reads our output must not wait for this process. */
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		close(i);
	if (!mkdtemp(made->dir))
		made->error = errno;
	send(fd, made, sizeof(*made), MSG_NOSIGNAL);
	if (made->error)
		_exit(1);
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	nftw(made->dir, remove_one, MAX_OPEN, FTW_DEPTH | FTW_PHYS);
	_exit(0);
}

static int fork_janitor(struct record *r, struct made *made, struct err *e)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return err_sys(e, made->dir, "socketpair");
	fflush(NULL);
	r->janitor = fork();
	if (r->janitor < 0) {
		int ret = err_sys(e, made->dir, "fork");

		r->janitor = 0;
		close(fds[0]);
		close(fds[1]);
		return ret;
	}
	if (!r->janitor) {
		close(fds[1]);
		run_janitor(made, fds[0]);
	}
	close(fds[0]);
	r->alive_fd = fds[1];
	return 0;
}

/* Have the janitor make r->dir. */
static int make_dir(struct record *r, struct err *e)
{
	static const char tail[] = "/strait-iommu.XXXXXX";
	const char *tmp = getenv("TMPDIR");
	struct made made = { 0 };
	ssize_t got;
	int ret;

	if (!tmp || !*tmp)
		tmp = "/tmp";
	if (strlen(tmp) + sizeof(tail) > sizeof(made.dir))
		return err_set(e, ENAMETOOLONG, "TMPDIR: it is too long");
	snprintf(made.dir, sizeof(made.dir), "%s%s", tmp, tail);
	ret = fork_janitor(r, &made, e);
	if (ret)
		return ret;
	do
		got = recv(r->alive_fd, &made, sizeof(made), 0);
	while (got < 0 && errno == EINTR);
	if (got != sizeof(made))
		made.error = EPIPE;
	errno = made.error;
	if (errno)
		return err_sys(e, tmp, "make a directory to unpack to");
	memcpy(r->dir, made.dir, sizeof(r->dir));
	return 0;
}

static int check_whole(const struct record *r, const char *path, struct err *e)
{
	char devices[PATH_MAX + 32];
	struct stat st;

	snprintf(devices, sizeof(devices), "%s/sys/bus/pci/devices", r->dir);
	if (!stat(devices, &st) && S_ISDIR(st.st_mode))
		return 0;
	err_set(e, EINVAL,
		"%s: this is no record: it has no sys/bus/pci/devices", path);
	err_hint(e, "make one with strait-iommu record FILE.tar");
	return -EINVAL;
}

static int unpack_to_dir(struct record *r, const char *path, struct err *e)
{
	int ret = make_dir(r, e);
	int fd;

	if (ret)
		return ret;
	fd = open(r->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, r->dir, "open");
	ret = unpack(path, fd, e);
	close(fd);
	return ret;
}

int record_open(struct record *r, const char *path, struct err *e)
{
	struct stat st;
	int ret = 0;

	*r = (struct record){ .alive_fd = -1 };
	if (stat(path, &st))
		return err_sys(e, path, "open");
	if (!S_ISDIR(st.st_mode))
		ret = unpack_to_dir(r, path, e);
	else if (strlen(path) >= sizeof(r->dir))
		ret = err_set(e, ENAMETOOLONG, "--from: the path is too long");
	else
		memcpy(r->dir, path, strlen(path) + 1);
	if (!ret)
		ret = check_whole(r, path, e);
	if (ret)
		record_close(r);
	return ret;
}

void record_close(struct record *r)
{
	if (!r->janitor)
		return;
	close(r->alive_fd);
	while (waitpid(r->janitor, NULL, 0) < 0 && errno == EINTR)
		;
	r->janitor = 0;
	r->alive_fd = -1;
}

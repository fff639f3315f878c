// SPDX-License-Identifier: GPL-2.0-or-later
/* One at a time per PF or function, and notes that outlive a process. */
/*
 * How this works
 *
 * flock(2) on a file of /run/strait/lock, which the kernel drops with the
 * process however that ends; so a file that is left behind locks nothing, and
 * none is ever removed (who waits for it would have another than who comes
 * next). Its text is the holder's pid, for messages alone.
 *
 * Not in /run/lock, which is writable for all on many systems: any user who
 * tries the tool, or means ill, would make the folder first, and root would
 * have to refuse it. For the same reason others may not even read a lock: who
 * can open a file can flock it. The folder has to belong to root or to this
 * user, and no link is followed in it.
 *
 * Who binds a function takes its turn by a file BDF.bind there (bind.c).
 *
 * Notes are files in the same folder: what a setting of sysfs was before it was
 * changed for longer than a process lives. Both are gone after a boot.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/base/log.h"
#include "src/host/priv.h"

#define LOCK_DIR "run/strait/lock"

enum { POLL_MS = 10 };

static int complain(struct err *e, const char *op)
{
	int ret = err_sys(e, "/" LOCK_DIR, op);

	if (ret == -EACCES || ret == -EPERM)
		err_hint(e, "run as root");
	return ret;
}

static int check_owner(int fd, struct err *e)
{
	struct stat st;
	int ret;

	if (fstat(fd, &st))
		return complain(e, "look at it");
	if ((st.st_uid == 0 || st.st_uid == geteuid()) &&
	    !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	ret = err_set(
		e, EPERM,
		"/" LOCK_DIR
		": others than root may write there (it belongs to user %u, mode %03o)",
		st.st_uid, st.st_mode & 0777);
	err_hint(e, "find out who made it, then remove it");
	return ret;
}

/* The folder's fd, or -errno. */
static int open_dir(const struct host *h, struct err *e)
{
	static const char *const parts[] = { "run", "run/strait", LOCK_DIR };
	int fd, ret;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (mkdirat(h->root_fd, parts[i], 0755) && errno != EEXIST)
			return complain(e, "make this folder for locks");
	fd = openat(h->root_fd, LOCK_DIR,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return complain(e, "open this folder of locks");
	ret = check_owner(fd, e);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static int open_lock(const struct host *h, const char *function,
		     const char *kind, struct err *e)
{
	AUTO_CLOSE int dir = open_dir(h, e);
	char name[32];
	int fd;

	if (dir < 0)
		return dir;
	snprintf(name, sizeof(name), "%s.%s", function, kind);
	fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? complain(e, "open a lock there") : fd;
}

static int refuse_locked(const struct host *h, int fd, const char *pf,
			 struct err *e)
{
	char text[32] = "", name[HOST_NAME_LEN];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	int pid = n > 0 ? (int)strtol(text, NULL, 10) : 0;
	int ret;

	if (pid > 0)
		host_comm(h, pid, name, sizeof(name));
	if (pid > 0)
		ret = err_set(e, EBUSY,
			      "%s: its VFs are being changed by %s (pid %d)",
			      pf, name, pid);
	else
		ret = err_set(
			e, EBUSY,
			"%s: its VFs are being changed by another process", pf);
	err_hint(e, "try again when it is done");
	return ret;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* 0, or -errno with errno set: -EWOULDBLOCK, someone else has it. */
static int flock_within(int fd, unsigned int wait_ms)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	uint64_t end = now_ms() + wait_ms;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EINTR && errno != EWOULDBLOCK)
			return -errno;
		if (now_ms() >= end) {
			errno = EWOULDBLOCK;
			return -EWOULDBLOCK;
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

int host_pf_lock(const struct host *h, struct bdf pf, unsigned int wait_ms,
		 struct host_lock *lock, struct err *e)
{
	char s[BDF_STR_LEN], text[16];
	int fd, ret;

	lock->fd = -1;
	fd = open_lock(h, bdf_str(pf, s), "lock", e);
	if (fd < 0)
		return fd;
	ret = flock_within(fd, wait_ms);
	if (ret) {
		ret = ret == -EWOULDBLOCK ? refuse_locked(h, fd, s, e)
					  : complain(e, "lock a file there");
		close(fd);
		return ret;
	}
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) || pwrite(fd, text, strlen(text), 0) < 0)
		log_debug(s, "the lock does not say who has it: %s",
			  strerror(errno));
	lock->fd = fd;
	return 0;
}

void host_pf_unlock(struct host_lock *lock)
{
	if (lock->fd >= 0)
		close(lock->fd);
	lock->fd = -1;
}

int host_bind_lock_open(const struct host *h, struct bdf bdf)
{
	struct err ignored = { 0 };
	char s[BDF_STR_LEN];

	return open_lock(h, bdf_str(bdf, s), "bind", &ignored);
}

/* --- notes --- */

int host_note_write(const struct host *h, struct bdf pf, const char *what,
		    const char *text, struct err *e)
{
	AUTO_CLOSE int dir = open_dir(h, e);
	AUTO_CLOSE int fd = -1;
	char s[BDF_STR_LEN], name[64];

	if (dir < 0)
		return dir;
	snprintf(name, sizeof(name), "%s.%s", bdf_str(pf, s), what);
	fd = openat(dir, name,
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0644);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return complain(e, "write a note there");
	return 0;
}

ssize_t host_note_read(const struct host *h, struct bdf pf, const char *what,
		       char *buf, size_t len)
{
	char s[BDF_STR_LEN];

	return host_read(h, buf, len, LOCK_DIR "/%s.%s", bdf_str(pf, s), what);
}

void host_note_drop(const struct host *h, struct bdf pf, const char *what)
{
	char s[BDF_STR_LEN], path[128];

	snprintf(path, sizeof(path), LOCK_DIR "/%s.%.32s", bdf_str(pf, s),
		 what);
	unlinkat(h->root_fd, path, 0);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* One writer per image, also beside QEMU. */
/*
 * How this works
 *
 * QEMU locks single bytes of an image by open file description locks, always
 * shared ones, and looks whether others hold some. Byte 100 + N says "I do N",
 * byte 200 + N says "nobody else may do N", where N is 0 for reading, 1 for
 * writing, 2 for rewriting what is there and 3 for resizing
 * (docs/system/qemu-block-drivers, "Disk image file locking"). strait plays by
 * the same rules: who reads lets others read; who writes lets others read as
 * well, which qemu-img does when it is told to (-U). An image that another is
 * based on is opened for reading.
 *
 * The kernel drops the locks with the open file, however strait ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "src/base/log.h"
#include "src/block/priv.h"

enum { DOES = 100, FORBIDS = 200, NR_ACTS = 4 };
enum { PATIENCE_MS = 500, PAUSE_MS = 10 };
enum { ACT_READ, ACT_WRITE, ACT_REWRITE, ACT_RESIZE };

static struct flock byte_lock(int type, int byte)
{
	return (struct flock){ .l_type = (short)type,
			       .l_whence = SEEK_SET,
			       .l_start = byte,
			       .l_len = 1 };
}

static int take(const struct block_file *f, int byte)
{
	struct flock l = byte_lock(F_RDLCK, byte);

	return fcntl(f->fd, F_OFD_SETLK, &l) ? -errno : 0;
}

static bool is_held_by_others(const struct block_file *f, int byte)
{
	struct flock l = byte_lock(F_WRLCK, byte);

	return !fcntl(f->fd, F_OFD_GETLK, &l) && l.l_type != F_UNLCK;
}

static int refuse(const struct block_file *f, const char *why, struct err *e)
{
	int ret = err_set(e, EBUSY, "%s: %s", f->path, why);

	err_hint(e, "find out who has it: fuser -v %s", f->path);
	return ret;
}

static const bool forbids[NR_ACTS] = {
	[ACT_WRITE] = true, [ACT_RESIZE] = true
};

static bool does(const struct block_file *f, int act)
{
	return act == ACT_READ || (!f->readonly && act != ACT_REWRITE);
}

/* Takes the bytes; -EAGAIN if somebody has one of them for itself. */
static int take_all(const struct block_file *f)
{
	int ret = 0;

	for (int i = 0; i < NR_ACTS && !ret; i++) {
		if (does(f, i))
			ret = take(f, DOES + i);
		if (!ret && forbids[i])
			ret = take(f, FORBIDS + i);
	}
	return ret == -EACCES ? -EAGAIN : ret;
}

static void drop_all(const struct block_file *f)
{
	struct flock l = byte_lock(F_UNLCK, DOES);

	l.l_len = FORBIDS + NR_ACTS - DOES;
	fcntl(f->fd, F_OFD_SETLK, &l);
}

/* Why it cannot be had, or NULL. */
static const char *find_conflict(const struct block_file *f)
{
	for (int i = 0; i < NR_ACTS; i++) {
		if (forbids[i] && is_held_by_others(f, DOES + i))
			return "another program has it open for writing";
		if (does(f, i) && is_held_by_others(f, FORBIDS + i))
			return i == ACT_READ
				       ? "another program lets nobody read it"
				       : "another program has it open, and lets nobody write to it";
	}
	return NULL;
}

/* 0, -EBUSY with *why, or what fcntl says. */
static int try_lock(const struct block_file *f, const char **why)
{
	int ret = take_all(f);

	*why = "another program has locked it";
	if (!ret) {
		*why = find_conflict(f);
		if (!*why)
			return 0;
		ret = -EAGAIN;
	}
	drop_all(f);
	return ret == -EAGAIN ? -EBUSY : ret;
}

int file_lock(const struct block_file *f, struct err *e)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	const char *why;
	int ret = try_lock(f, &why);

	/* The io_uring of a program that was killed keeps its files open for a
	 * moment longer than the program lives. */
	for (int i = 0; i < PATIENCE_MS / PAUSE_MS && ret == -EBUSY; i++) {
		nanosleep(&pause, NULL);
		ret = try_lock(f, &why);
	}
	if (ret == -EBUSY)
		return refuse(f, why, e);
	if (ret)
		log_warn(
			f->path,
			"its file system has no locks, so nothing keeps another program from writing to it");
	return 0;
}

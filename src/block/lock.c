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

#include "src/base/log.h"
#include "src/block/priv.h"

enum { DOES = 100, FORBIDS = 200, NR_ACTS = 4 };
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

int file_lock(const struct block_file *f, struct err *e)
{
	bool does[NR_ACTS] = { [ACT_READ] = true };
	static const bool forbids[NR_ACTS] = {
		[ACT_WRITE] = true, [ACT_RESIZE] = true
	};
	int ret = 0;

	does[ACT_WRITE] = does[ACT_RESIZE] = !f->readonly;
	for (int i = 0; i < NR_ACTS && !ret; i++) {
		if (does[i])
			ret = take(f, DOES + i);
		if (!ret && forbids[i])
			ret = take(f, FORBIDS + i);
	}
	if (ret == -EAGAIN || ret == -EACCES)
		return refuse(f, "another program has locked it", e);
	if (ret) {
		log_warn(
			f->path,
			"its file system has no locks, so nothing keeps another program from writing to it");
		return 0;
	}
	for (int i = 0; i < NR_ACTS; i++) {
		if (forbids[i] && is_held_by_others(f, DOES + i))
			return refuse(f,
				      "another program has it open for writing",
				      e);
		if (does[i] && is_held_by_others(f, FORBIDS + i))
			return refuse(
				f,
				i == ACT_READ
					? "another program lets nobody read it"
					: "another program has it open, and lets nobody write to it",
				e);
	}
	return 0;
}

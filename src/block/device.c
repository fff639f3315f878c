// SPDX-License-Identifier: GPL-2.0-or-later
/* Block devices of the host: their limits, and whether the host uses them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "src/block/priv.h"

/* A number of the device's queue in sysfs; a partition's is its disk's. */
static uint64_t queue_limit(const struct stat *st, const char *name)
{
	static const char *const parents[] = { "", "../" };

	for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
		AUTO_CLOSE int fd = -1;
		char path[128], text[32] = "";

		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%squeue/%s",
			 major(st->st_rdev), minor(st->st_rdev), parents[i],
			 name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
			return strtoull(text, NULL, 10);
	}
	return 0;
}

int file_look_at_device(struct block_file *f, struct err *e)
{
	unsigned int physical = 0, optimal = 0;
	int logical = 0;
	struct stat st;

	if (fstat(f->fd, &st) || ioctl(f->fd, BLKGETSIZE64, &f->bytes))
		return err_sys(e, f->path, "BLKGETSIZE64");
	if (ioctl(f->fd, BLKSSZGET, &logical) || logical < BLOCK_SECTOR ||
	    !is_pow2((uint64_t)logical))
		return err_sys(e, f->path, "BLKSSZGET");
	ioctl(f->fd, BLKPBSZGET, &physical);
	ioctl(f->fd, BLKIOOPT, &optimal);
	f->is_device = true;
	f->logical_block = (uint32_t)logical;
	f->physical_block =
		physical > f->logical_block ? physical : f->logical_block;
	f->optimal_io = optimal;
	f->discard_granularity =
		(uint32_t)queue_limit(&st, "discard_granularity");
	f->max_discard_bytes = queue_limit(&st, "discard_max_bytes");
	if (!f->max_discard_bytes) {
		f->discard_granularity = 0;
		f->max_discard_bytes = GIB(1);
	}
	return 0;
}

/* Where the device is mounted, in words, or an empty text. */
static void find_mount(unsigned int major_nr, unsigned int minor_nr, char *text,
		       size_t len)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, at[256];
	size_t room = 0;
	unsigned int ma, mi;

	text[0] = '\0';
	if (!mounts)
		return;
	while (!text[0] && getline(&line, &room, mounts) > 0)
		if (sscanf(line, "%*d %*d %u:%u %*s %255s", &ma, &mi, at) ==
			    3 &&
		    ma == major_nr && mi == minor_nr)
			snprintf(text, len, "it is mounted at %s", at);
	free(line);
	fclose(mounts);
}

int file_refuse_busy_device(const struct block_file *f, struct err *e)
{
	char where[300] = "";
	struct stat st;
	int ret;

	if (!stat(f->path, &st))
		find_mount(major(st.st_rdev), minor(st.st_rdev), where,
			   sizeof(where));
	ret = err_set(
		e, EBUSY, "%s: not opened for writing: %s", f->path,
		where[0]
			? where
			: "the host uses it (a mounted part of it, swap, LVM, RAID) or another program holds it");
	if (where[0])
		err_hint(e, "unmount it first: umount %s", f->path);
	else
		err_hint(e, "see what does: lsblk %s", f->path);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* An image's file or block device: opening it, giving it back. */
/*
 * How this works
 *
 * A path is looked at before it is trusted: what is no file and no block device
 * is refused in words. A block device that is written to is opened exclusively,
 * which the kernel refuses while the host itself uses it.
 *
 * With O_DIRECT the kernel wants memory, offset and length aligned; by how much
 * is found out by reading. file_io.c copes with requests that are not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "src/block/priv.h"

enum {
	FILE_BLOCK = 4096,
	MAX_ALIGN = 4096,
	BOUNCE_LEN = BLOCK_BOUNCE + 2 * MAX_ALIGN
};

static int refuse_kind(const char *path, mode_t mode, struct err *e)
{
	const char *kind = S_ISDIR(mode)    ? "a directory"
			   : S_ISCHR(mode)  ? "a character device"
			   : S_ISFIFO(mode) ? "a named pipe"
					    : "a socket";

	return err_set(e, EINVAL, "%s: this is %s, not an image or a disk",
		       path, kind);
}

static int explain_open(struct block_file *f, const struct block_options *o,
			struct err *e)
{
	struct stat st;
	int code = errno, ret;

	if (code == EBUSY && !stat(f->path, &st) && S_ISBLK(st.st_mode))
		return file_refuse_busy_device(f, e);
	errno = code;
	ret = err_sys(e, f->path, o->readonly ? "open" : "open for writing");
	if (code == EINVAL && o->direct)
		err_hint(e, "its file system has no O_DIRECT; use direct=off");
	else if ((code == EACCES || code == EROFS || code == EPERM) &&
		 !o->readonly && !access(f->path, R_OK))
		err_hint(e, "it can be read: use readonly=on");
	return ret;
}

/* Does a read of this alignment work? */
static bool reads_at(const struct block_file *f, uint32_t align)
{
	return pread(f->fd, f->bounce + align, align, (off_t)align) >= 0;
}

static int find_alignment(struct block_file *f, struct err *e)
{
	f->align = 1;
	if (!f->direct)
		return 0;
	for (f->align = f->is_device ? f->logical_block : BLOCK_SECTOR;
	     f->align < MAX_ALIGN && !reads_at(f, f->align);)
		f->align *= 2;
	/* An empty file answers to anything. */
	if (!f->bytes && !f->is_device)
		f->align = MAX_ALIGN;
	if (f->align > MAX_ALIGN)
		return err_set(
			e, ENOTSUP,
			"%s: direct=on needs blocks of %u bytes, more than strait can do",
			f->path, f->align);
	return 0;
}

static void describe_file(struct block_file *f, const struct stat *st)
{
	f->bytes = (uint64_t)st->st_size;
	f->logical_block = BLOCK_SECTOR;
	f->physical_block = FILE_BLOCK;
	f->discard_granularity = FILE_BLOCK;
	f->max_discard_bytes = GIB(2) - FILE_BLOCK;
}

static int look_at(struct block_file *f, struct err *e)
{
	struct stat st;
	int flags = fcntl(f->fd, F_GETFL);

	if (fstat(f->fd, &st))
		return err_sys(e, f->path, "fstat");
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return refuse_kind(f->path, st.st_mode, e);
	/* io_uring would give EAGAIN. */
	if (flags < 0 || fcntl(f->fd, F_SETFL, flags & ~O_NONBLOCK))
		return err_sys(e, f->path, "fcntl");
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	if (S_ISBLK(st.st_mode))
		return file_look_at_device(f, e);
	describe_file(f, &st);
	return 0;
}

static int open_flags(const struct block_options *o)
{
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat st;

	flags |= o->readonly ? O_RDONLY : O_RDWR;
	if (o->direct)
		flags |= O_DIRECT;
	if (!o->readonly && !stat(o->path, &st) && S_ISBLK(st.st_mode))
		flags |= O_EXCL;
	return flags;
}

int file_open(struct block_file *f, const struct block_options *o,
	      struct err *e)
{
	struct stat st;
	int ret = 0;

	*f = (struct block_file){ .fd = -1,
				  .readonly = o->readonly,
				  .direct = o->direct };
	f->path = strdup(o->path);
	f->bounce = mmap(NULL, BOUNCE_LEN, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!f->path || f->bounce == MAP_FAILED) {
		ret = err_set(e, ENOMEM, "%s: no memory for its buffers",
			      o->path);
		goto out_close;
	}
	if (!stat(o->path, &st) && !S_ISREG(st.st_mode) &&
	    !S_ISBLK(st.st_mode)) {
		ret = refuse_kind(o->path, st.st_mode, e);
		goto out_close;
	}
	f->fd = open(o->path, open_flags(o));
	ret = f->fd < 0 ? explain_open(f, o, e) : look_at(f, e);
	if (!ret)
		return 0;
out_close:
	file_close(f);
	return ret;
}

int file_claim(struct block_file *f, struct err *e)
{
	int ret = file_lock(f, e);

	return ret ? ret : find_alignment(f, e);
}

void file_close(struct block_file *f)
{
	if (f->bounce && f->bounce != MAP_FAILED)
		munmap(f->bounce, BOUNCE_LEN);
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	*f = (struct block_file){ .fd = -1 };
}

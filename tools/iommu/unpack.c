// SPDX-License-Identifier: GPL-2.0-or-later
/* Unpacks a record that may be hostile. */
/*
 * How this works
 *
 * libarchive reads the tar format, and only that; what is in it is written by
 * this file, with *at calls alone, so that nothing depends on the working
 * directory or on how a library treats names.
 *
 * A member's name has to be relative and without "..". Its parents are opened
 * one by one, with O_NOFOLLOW, so each is a real directory below ours and no
 * link of the same record can lead elsewhere. Files are made with O_EXCL: no
 * member can replace or extend another.
 *
 * A link may only have ".." at its beginning, and no more of them than there
 * are directories above it. Where the link stands is a real directory (see
 * above), so they cannot climb over the root, and after them every step goes
 * down, or meets another link of which the same is true. (A link of which only
 * the text as a whole stays inside would not do: "x/../.." is harmless as text
 * and leads out if x is a link.)
 *
 * Sizes are checked against what a record can need before a byte is written;
 * a compressed one is bounded by the length of what it unpacks to.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "tools/iommu/record.h"

struct unpack {
	const char *path; /* of the tar file */
	struct archive *a;
	int root_fd;
	/* Directory of the member before, which mostly is this one's, too. */
	char parent[RECORD_MAX_NAME + 1];
	int parent_fd; /* -1: none yet */
	unsigned int nr_members;
	uint64_t bytes;
	bool has_head, has_tail;
	char *buf; /* RECORD_MAX_FILE + 1 bytes */
};

static int refuse(const struct unpack *u, const char *member, const char *why,
		  struct err *e)
{
	err_set(e, EINVAL, "%s: member \"%.80s%s\" %s", u->path, member,
		strlen(member) > 80 ? "..." : "", why);
	err_hint(
		e,
		"this was not made by strait-iommu record; nothing of it is used");
	return -EINVAL;
}

static int archive_failed(const struct unpack *u, struct err *e)
{
	const char *why = archive_error_string(u->a);

	err_set(e, EINVAL, "%s: cannot be read as a tar file: %s", u->path,
		why ? why : "unknown error");
	err_hint(
		e,
		"records are made by strait-iommu record FILE.tar; a truncated one has to be copied again");
	return -EINVAL;
}

static int write_failed(const struct unpack *u, const char *member,
			struct err *e)
{
	char who[PATH_MAX + 128];
	int ret;

	/* The directory was empty. */
	if (errno == EEXIST)
		return refuse(u, member, "is there twice", e);
	snprintf(who, sizeof(who), "%s: %.100s", u->path, member);
	ret = err_sys(e, who, "unpack");
	err_hint(e, "records are unpacked to TMPDIR, or /tmp");
	return ret;
}

/* --- names --- */

/* Drops "./" in front and "/" at the end. */
static void normalize(char *name)
{
	size_t n;

	while (!strncmp(name, "./", 2))
		memmove(name, name + 2, strlen(name + 2) + 1);
	n = strlen(name);
	while (n && name[n - 1] == '/')
		name[--n] = '\0';
}

/* NULL: fine. */
static const char *name_fault(const char *name)
{
	unsigned int depth = 1;

	if (*name == '/')
		return "has an absolute name";
	for (const char *p = name;; depth++) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !memcmp(p, "..", 2))
			return "leads out of the record";
		if (!n || (n == 1 && *p == '.'))
			return "has a name with an empty part";
		if (depth > RECORD_MAX_DEPTH)
			return "is nested too deeply";
		if (!p[n])
			return NULL;
		p += n + 1;
	}
}

/* Directories above a member. */
static unsigned int depth_of(const char *name)
{
	unsigned int n = 0;

	for (; *name; name++)
		n += *name == '/';
	return n;
}

static const char *link_fault(const char *name, const char *target)
{
	unsigned int ups = 0;

	if (!target || !*target || strlen(target) > RECORD_MAX_NAME)
		return "is a link to nothing, or to a name that is too long";
	if (*target == '/')
		return "is a link to an absolute name";
	for (; !strncmp(target, "../", 3); target += 3)
		ups++;
	if (!strcmp(target, ".."))
		return "is a link that leads out of the record";
	if (ups > depth_of(name) || name_fault(target))
		return "is a link that leads out of the record";
	return NULL;
}

/* --- writing --- */

static int open_child(int fd, const char *name)
{
	if (mkdirat(fd, name, 0700) && errno != EEXIST)
		return -1;
	return openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Makes and opens a directory and those above it. -1 with errno. */
static int open_dir(const struct unpack *u, const char *dir)
{
	char copy[RECORD_MAX_NAME + 1], *rest = copy, *part;
	int fd = fcntl(u->root_fd, F_DUPFD_CLOEXEC, 0);

	snprintf(copy, sizeof(copy), "%s", dir);
	while (fd >= 0 && (part = strsep(&rest, "/"))) {
		int child;

		if (!*part)
			break;
		child = open_child(fd, part);
		close(fd);
		fd = child;
	}
	return fd;
}

/* Leaves the member's directory in parent_fd; its last part in *last. */
static int enter_parent(struct unpack *u, const char *name, const char **last)
{
	const char *slash = strrchr(name, '/');
	size_t n = slash ? (size_t)(slash - name) : 0;

	*last = slash ? slash + 1 : name;
	if (u->parent_fd >= 0 && strlen(u->parent) == n &&
	    !memcmp(u->parent, name, n))
		return 0;
	if (u->parent_fd >= 0)
		close(u->parent_fd);
	memcpy(u->parent, name, n);
	u->parent[n] = '\0';
	u->parent_fd = open_dir(u, u->parent);
	return u->parent_fd < 0 ? -1 : 0;
}

static int write_file(const struct unpack *u, const char *last, size_t len)
{
	AUTO_CLOSE int fd = openat(
		u->parent_fd, last,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t done = 0;

	if (fd < 0)
		return -1;
	while (done < len) {
		ssize_t n = write(fd, u->buf + done, len - done);

		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

/* Reads a member into buf, one byte more than it may have. */
static int read_member(struct unpack *u, const char *name, size_t *len,
		       struct err *e)
{
	*len = 0;
	while (*len <= RECORD_MAX_FILE) {
		la_ssize_t n = archive_read_data(u->a, u->buf + *len,
						 RECORD_MAX_FILE + 1 - *len);

		if (n < 0)
			return archive_failed(u, e);
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	u->bytes += *len;
	if (*len > RECORD_MAX_FILE)
		return refuse(u, name, "is larger than any file of a record",
			      e);
	if (u->bytes > RECORD_MAX_BYTES)
		return refuse(u, name, "makes it larger than a record can be",
			      e);
	return 0;
}

/* The head's text is "strait-record VERSION". */
static int check_head(struct unpack *u, size_t len, struct err *e)
{
	unsigned int version;

	u->buf[len] = '\0';
	if (sscanf(u->buf, RECORD_HEAD " %u", &version) != 1)
		return refuse(u, RECORD_HEAD, "does not say its version", e);
	if (version > RECORD_VERSION) {
		err_set(e, EPROTONOSUPPORT,
			"%s: it is a record of version %u, newer than version %d of this program",
			u->path, version, RECORD_VERSION);
		err_hint(e, "update strait-iommu");
		return -EPROTONOSUPPORT;
	}
	u->has_head = true;
	return 0;
}

static int add_file(struct unpack *u, struct archive_entry *entry,
		    const char *name, const char *last, struct err *e)
{
	size_t len;
	int ret;

	if (archive_entry_size(entry) > RECORD_MAX_FILE)
		return refuse(u, name, "is larger than any file of a record",
			      e);
	ret = read_member(u, name, &len, e);
	if (!ret && !strcmp(name, RECORD_HEAD))
		ret = check_head(u, len, e);
	if (ret)
		return ret;
	u->has_tail |= !strcmp(name, RECORD_TAIL);
	return write_file(u, last, len) ? write_failed(u, name, e) : 0;
}

static int add_member(struct unpack *u, struct archive_entry *entry,
		      const char *name, struct err *e)
{
	unsigned int type = archive_entry_filetype(entry);
	const char *last, *fault = name_fault(name);

	if (!fault && archive_entry_hardlink(entry))
		fault = "is a hard link";
	if (!fault && type == AE_IFLNK)
		fault = link_fault(name, archive_entry_symlink(entry));
	if (!fault && type != AE_IFLNK && type != AE_IFDIR && type != AE_IFREG)
		fault = "is no file, directory or link";
	if (fault)
		return refuse(u, name, fault, e);
	if (enter_parent(u, name, &last)) {
		if (errno == ENOTDIR || errno == ELOOP)
			return refuse(u, name, "is below what is no directory",
				      e);
		return write_failed(u, name, e);
	}
	if (type == AE_IFREG)
		return add_file(u, entry, name, last, e);
	if (type == AE_IFLNK
		    ? symlinkat(archive_entry_symlink(entry), u->parent_fd,
				last)
		    : mkdirat(u->parent_fd, last, 0700) && errno != EEXIST)
		return write_failed(u, name, e);
	return 0;
}

static int next_member(struct unpack *u, struct archive_entry *entry,
		       struct err *e)
{
	const char *raw = archive_entry_pathname(entry);
	char name[RECORD_MAX_NAME + 1];

	if (!raw || !*raw)
		return refuse(u, "?", "has no name that can be read", e);
	if (strlen(raw) > RECORD_MAX_NAME)
		return refuse(u, raw, "has a name that is too long", e);
	if (++u->nr_members > RECORD_MAX_MEMBERS)
		return refuse(u, raw, "is one more than a record can have", e);
	if (archive_filter_bytes(u->a, 0) > RECORD_MAX_STREAM)
		return refuse(u, raw, "makes it larger than a record can be",
			      e);
	memcpy(name, raw, strlen(raw) + 1);
	normalize(name);
	if (!*name || !strcmp(name, "."))
		return 0; /* "./", the root itself */
	return add_member(u, entry, name, e);
}

static int all_members(struct unpack *u, struct err *e)
{
	struct archive_entry *entry;
	int ret = 0;

	while (!ret) {
		int got = archive_read_next_header(u->a, &entry);

		if (got == ARCHIVE_EOF)
			break;
		/* A warning is about a name's character set; that is fine. */
		if (got < ARCHIVE_WARN)
			return archive_failed(u, e);
		ret = next_member(u, entry, e);
	}
	/* What ends between two members looks whole to the tar format. */
	if (!ret && u->has_head && !u->has_tail) {
		ret = err_set(e, EINVAL, "%s: its end is missing", u->path);
		err_hint(e, "copy it again");
	}
	return ret;
}

/* Only tar: each format that is read is one more that can be attacked. */
static int open_archive(struct unpack *u, struct err *e)
{
	enum { BLOCK = 64 << 10 };

	archive_read_support_format_tar(u->a);
	archive_read_support_filter_gzip(u->a);
	archive_read_support_filter_xz(u->a);
	archive_read_support_filter_zstd(u->a);
	if (archive_read_open_filename(u->a, u->path, BLOCK) == ARCHIVE_OK)
		return 0;
	if (archive_errno(u->a) == ENOENT || archive_errno(u->a) == EACCES) {
		errno = archive_errno(u->a);
		return err_sys(e, u->path, "open");
	}
	return archive_failed(u, e);
}

int unpack(const char *path, int dir_fd, struct err *e)
{
	struct unpack u = { .path = path, .root_fd = dir_fd, .parent_fd = -1 };
	int ret = -ENOMEM;

	u.a = archive_read_new();
	u.buf = malloc(RECORD_MAX_FILE + 1);
	if (!u.a || !u.buf) {
		err_set(e, ENOMEM, "%s: out of memory", path);
		goto out;
	}
	ret = open_archive(&u, e);
	if (!ret)
		ret = all_members(&u, e);
out:
	if (u.parent_fd >= 0)
		close(u.parent_fd);
	archive_read_free(u.a);
	free(u.buf);
	return ret;
}

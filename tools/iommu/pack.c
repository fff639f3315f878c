// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes a record as a tar file. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "tools/iommu/pack.h"
#include "tools/iommu/record.h"
#include "tools/iommu/scrub.h"

struct pack {
	const char *path;
	bool is_stdout;
	int fd;
	struct archive *a;
	struct scrub scrub;
	struct err *e; /* of pack_begin's caller */
	int failed;    /* -errno of the first error */
};

static void fail(struct pack *p)
{
	const char *why = archive_error_string(p->a);

	/* Its text for a write that failed does not say why; errno does. */
	errno = archive_errno(p->a);
	p->failed = errno > 0 ? err_sys(p->e, p->path, "write")
			      : err_set(p->e, EIO, "%s: write: %s", p->path,
					why ? why : "unknown error");
}

static int add_no_filter(struct archive *a)
{
	(void)a;
	return ARCHIVE_OK;
}

static const struct suffix {
	const char *text;
	int (*add_filter)(struct archive *a);
} suffixes[] = {
	{ ".tar", add_no_filter },
	{ ".gz", archive_write_add_filter_gzip },
	{ ".xz", archive_write_add_filter_xz },
	{ ".zst", archive_write_add_filter_zstd },
};

/* NULL: none that is known. */
static const struct suffix *suffix_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(suffixes); i++)
		if (!strcmp(dot, suffixes[i].text))
			return &suffixes[i];
	return NULL;
}

/* A name that promises another format would hide that it is not that. */
static int check_name(const struct pack *p, struct err *e)
{
	int ret;

	if (p->is_stdout || suffix_of(p->path))
		return 0;
	if (*p->path)
		ret = err_set(e, EINVAL,
			      "%s: the name ends in no format of records",
			      p->path);
	else
		ret = err_set(e, EINVAL,
			      "record: the name of the file is empty");
	err_hint(
		e,
		"end it in .tar, .tar.gz, .tar.xz or .tar.zst, or give - for standard output");
	return ret;
}

static int open_file(struct pack *p, struct err *e)
{
	int ret;

	if (p->is_stdout) {
		p->path = "standard output";
		/* libarchive loses memory if its first write fails. */
		if (write(STDOUT_FILENO, "", 0))
			return err_sys(e, p->path, "write");
		p->fd = STDOUT_FILENO;
		return 0;
	}
	p->fd = open(p->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (p->fd >= 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, p->path, "create");
	ret = err_set(e, EEXIST, "%s: there is such a file already", p->path);
	err_hint(e, "remove it, or give another name");
	return ret;
}

/* ustar, and pax headers only where it cannot hold a name or a target. */
static int open_archive(struct pack *p)
{
	archive_write_set_format_pax_restricted(p->a);
	if (!p->is_stdout)
		suffix_of(p->path)->add_filter(p->a);
	archive_write_set_bytes_in_last_block(p->a, 1);
	return archive_write_open_fd(p->a, p->fd) == ARCHIVE_OK ? 0 : -EIO;
}

static void pack_free(struct pack *p)
{
	archive_write_free(p->a);
	if (!p->is_stdout && p->fd >= 0)
		close(p->fd);
	scrub_fini(&p->scrub);
	free(p);
}

static void pack_head(struct pack *p)
{
	char text[64];
	int n = snprintf(text, sizeof(text),
			 RECORD_HEAD " %d strait-iommu %s\n", RECORD_VERSION,
			 STRAIT_VERSION);

	pack_text(p, RECORD_HEAD, text, (size_t)n);
}

int pack_begin(struct pack **out, const char *path, struct err *e)
{
	struct pack *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return err_set(e, ENOMEM, "%s: out of memory", path);
	p->path = path;
	p->is_stdout = !strcmp(path, "-");
	p->e = e;
	p->fd = -1;
	p->a = archive_write_new();
	ret = p->a ? check_name(p, e)
		   : err_set(e, ENOMEM, "%s: out of memory", path);
	if (!ret)
		ret = open_file(p, e);
	if (!ret && open_archive(p)) {
		fail(p);
		ret = p->failed;
		if (!p->is_stdout)
			unlink(p->path);
	}
	if (ret) {
		pack_free(p);
		return ret;
	}
	pack_head(p);
	*out = p;
	return 0;
}

int pack_end(struct pack *p, uint64_t *bytes, struct err *e)
{
	int ret;

	p->e = e;
	pack_text(p, RECORD_TAIL, "", 0);
	if (!p->failed && archive_write_close(p->a) != ARCHIVE_OK)
		fail(p);
	*bytes = (uint64_t)archive_filter_bytes(p->a, -1);
	ret = p->failed;
	if (ret && !p->is_stdout)
		unlink(p->path);
	pack_free(p);
	return ret;
}

/* A member with a clean name. NULL if that failed, or something before. */
static struct archive_entry *new_entry(struct pack *p, const char *name,
				       unsigned int type, unsigned int mode)
{
	struct archive_entry *entry = NULL;
	char copy[PATH_MAX];

	if (p->failed)
		return NULL;
	/* What reading would refuse is not worth the whole record. */
	if (strlen(name) > RECORD_MAX_NAME)
		return NULL;
	memcpy(copy, name, strlen(name) + 1);
	scrub_macs(&p->scrub, copy, strlen(copy));
	entry = archive_entry_new();
	if (!entry) {
		p->failed = err_set(p->e, ENOMEM, "%s: out of memory", p->path);
		return NULL;
	}
	archive_entry_set_pathname(entry, copy);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, (__LA_MODE_T)mode);
	return entry;
}

static void write_entry(struct pack *p, struct archive_entry *entry,
			const void *data, size_t len)
{
	if (archive_write_header(p->a, entry) < ARCHIVE_WARN ||
	    (len && archive_write_data(p->a, data, len) != (la_ssize_t)len))
		fail(p);
	archive_entry_free(entry);
}

void pack_bytes(struct pack *p, const char *name, const void *data, size_t len)
{
	struct archive_entry *entry = new_entry(p, name, AE_IFREG, 0644);

	if (!entry)
		return;
	archive_entry_set_size(entry, (la_int64_t)len);
	write_entry(p, entry, data, len);
}

void pack_text(struct pack *p, const char *name, const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy) {
		p->failed = err_set(p->e, ENOMEM, "%s: out of memory", p->path);
		return;
	}
	memcpy(copy, text, len);
	scrub_macs(&p->scrub, copy, len);
	pack_bytes(p, name, copy, len);
	free(copy);
}

void pack_link(struct pack *p, const char *name, const char *target)
{
	struct archive_entry *entry;
	char copy[PATH_MAX];

	if (strlen(target) > RECORD_MAX_NAME)
		return;
	entry = new_entry(p, name, AE_IFLNK, 0777);
	if (!entry)
		return;
	memcpy(copy, target, strlen(target) + 1);
	scrub_macs(&p->scrub, copy, strlen(copy));
	archive_entry_set_symlink(entry, copy);
	write_entry(p, entry, NULL, 0);
}

void pack_dir(struct pack *p, const char *name)
{
	struct archive_entry *entry = new_entry(p, name, AE_IFDIR, 0755);

	if (entry)
		write_entry(p, entry, NULL, 0);
}

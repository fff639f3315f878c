// SPDX-License-Identifier: GPL-2.0-or-later
/* Undo records of bound VFs, in /run/strait/vf. */
/*
 * How this works
 *
 * A record is written before the first change, to a file without a name that
 * then gets one: whoever reads sees a whole record or none, and a tool that is
 * killed before leaves nothing, one that is killed after it what undoes all it
 * may have done. It goes away last, when all is as it was. /run is empty after
 * a boot, as VFs are.
 *
 * VFs come and go with the same address, also without this tool. So a record
 * holds the inode number of the device's directory in sysfs, which the kernel
 * gives out anew (kernfs_new_node): a record of an earlier VF does not count.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/base/log.h"
#include "tools/vf/plan.h"
#include "tools/vf/record.h"

enum { RECORD_VERSION = 1, RECORD_MAX = 8192, FILE_LEN = 64 };

#define ZERO_MAC "00:00:00:00:00:00"

uint64_t record_instance(const struct host *h, struct bdf vf)
{
	char path[64], s[BDF_STR_LEN];
	struct stat st;

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s", bdf_str(vf, s));
	return fstatat(h->root_fd, path, &st, 0) ? 0 : (uint64_t)st.st_ino;
}

static const char *file_of(struct bdf vf, char *buf)
{
	char s[BDF_STR_LEN];

	snprintf(buf, FILE_LEN, RECORD_DIR "/%s.json", bdf_str(vf, s));
	return buf;
}

static int fail(const char *file, const char *op, struct err *e)
{
	char who[FILE_LEN + 16];
	int ret;

	snprintf(who, sizeof(who), "/%.64s", file);
	ret = err_sys(e, who, op);
	if (ret == -EACCES || ret == -EPERM)
		err_hint(e, "run as root");
	return ret;
}

/* --- writing --- */

static int make_directory(const struct host *h, struct err *e)
{
	static const char *const dirs[] = { "run", "run/strait", RECORD_DIR };

	for (unsigned int i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(h->root_fd, dirs[i], 0755) && errno != EEXIST)
			return fail(dirs[i], "create", e);
	return 0;
}

static json_t *to_json(const struct vf_record *r)
{
	char vf[BDF_STR_LEN], pf[BDF_STR_LEN];
	json_t *was = json_object();
	struct vf_want w = r->was;

	w.owner[0] = '\0';
	if (plan_vf_to_json(&w, was)) {
		json_decref(was);
		return NULL;
	}
	return json_pack("{s:i, s:s, s:s, s:i, s:I, s:s, s:s, s:s, s:o}",
			 "version", RECORD_VERSION, "bdf", bdf_str(r->vf, vf),
			 "pf", bdf_str(r->pf, pf), "vf", (int)r->was.index,
			 "instance", (json_int_t)r->instance, "driver",
			 r->driver, "driver_override", r->override, "owner",
			 r->was.owner, "was", was);
}

/* A file without a name is gone with its writer. Returns its fd. */
static int open_unnamed(const struct host *h, const char *file, struct err *e)
{
	int fd = openat(h->root_fd, RECORD_DIR,
			O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644);

	return fd < 0 ? fail(file, "create", e) : fd;
}

static int write_text(int fd, const char *file, const char *text, struct err *e)
{
	size_t len = strlen(text);
	ssize_t n = write(fd, text, len);

	if (n >= 0 && (size_t)n != len)
		errno = ENOSPC;
	if (n < 0 || (size_t)n != len || write(fd, "\n", 1) != 1 || fsync(fd))
		return fail(file, "write", e);
	return 0;
}

/* linkat(2) does not replace; then a second name is needed for a moment. */
static int give_name(const struct host *h, int fd, const char *file,
		     struct err *e)
{
	char self[32], fresh[FILE_LEN + 8];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (!linkat(AT_FDCWD, self, h->root_fd, file, AT_SYMLINK_FOLLOW))
		return 0;
	if (errno != EEXIST)
		return fail(file, "create", e);
	snprintf(fresh, sizeof(fresh), "%s.new", file);
	unlinkat(h->root_fd, fresh, 0);
	if (linkat(AT_FDCWD, self, h->root_fd, fresh, AT_SYMLINK_FOLLOW))
		return fail(fresh, "create", e);
	if (!renameat(h->root_fd, fresh, h->root_fd, file))
		return 0;
	fail(file, "rename", e);
	unlinkat(h->root_fd, fresh, 0);
	return -e->code;
}

int record_save(const struct host *h, const struct vf_record *r, struct err *e)
{
	char file[FILE_LEN], *text;
	json_t *json = to_json(r);
	int ret = make_directory(h, e);
	AUTO_CLOSE int fd = -1;

	text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	json_decref(json);
	if (!ret && !text)
		ret = err_set(e, ENOMEM, "out of memory");
	if (!ret)
		ret = fd = open_unnamed(h, file_of(r->vf, file), e);
	if (ret >= 0)
		ret = write_text(fd, file, text, e);
	if (!ret)
		ret = give_name(h, fd, file, e);
	free(text);
	return ret;
}

int record_drop(const struct host *h, struct bdf vf, struct err *e)
{
	char file[FILE_LEN];

	if (!unlinkat(h->root_fd, file_of(vf, file), 0) || errno == ENOENT)
		return 0;
	return fail(file, "remove", e);
}

/* --- reading --- */

static int damaged(const char *file, const char *why, struct err *e)
{
	int ret = err_set(e, EINVAL,
			  "/%s: this record of how the VF was is damaged: %s",
			  file, why);

	err_hint(
		e,
		"remove the file to forget how it was; release then leaves the VF without a driver");
	return ret;
}

/* A VF may have been found with a MAC of zeros, which none may ask for. */
static bool take_zero_mac(json_t *was)
{
	const char *mac = json_string_value(json_object_get(was, "mac"));

	if (!mac || strcmp(mac, ZERO_MAC) != 0)
		return false;
	json_object_del(was, "mac");
	return true;
}

static int from_json(json_t *json, const char *file, struct vf_record *out,
		     struct err *e)
{
	const char *vf, *pf, *driver, *override, *owner;
	struct err inner = { 0 };
	json_error_t why;
	json_int_t instance;
	int version, index;
	bool zero_mac;
	json_t *was;

	if (json_unpack_ex(json, &why, 0,
			   "{s:i, s:s, s:s, s:i, s:I, s:s, s:s, s:s, s:o}",
			   "version", &version, "bdf", &vf, "pf", &pf, "vf",
			   &index, "instance", &instance, "driver", &driver,
			   "driver_override", &override, "owner", &owner, "was",
			   &was))
		return damaged(file, why.text, e);
	if (version != RECORD_VERSION)
		return damaged(file, "it is of another version", e);
	if (bdf_parse(vf, &out->vf) || bdf_parse(pf, &out->pf) || index < 0 ||
	    strlen(driver) >= sizeof(out->driver) ||
	    strlen(override) >= sizeof(out->override) ||
	    strlen(owner) >= sizeof(out->was.owner) || strchr(driver, '/') ||
	    strchr(override, '/'))
		return damaged(file, "a value makes no sense", e);
	zero_mac = take_zero_mac(was);
	if (plan_vf_from_json(was, "was", &out->was, &inner))
		return damaged(file, inner.msg, e);
	if (zero_mac)
		out->was.conf.keys |= VF_MAC;
	out->was.index = (unsigned int)index;
	out->instance = (uint64_t)instance;
	memcpy(out->driver, driver, strlen(driver) + 1);
	memcpy(out->override, override, strlen(override) + 1);
	memcpy(out->was.owner, owner, strlen(owner) + 1);
	return 0;
}

int record_load(const struct host *h, struct bdf vf, struct vf_record *out,
		struct err *e)
{
	char file[FILE_LEN], text[RECORD_MAX], s[BDF_STR_LEN];
	json_error_t why;
	json_t *json;
	ssize_t n = host_read(h, text, sizeof(text), "%s", file_of(vf, file));
	int ret;

	*out = (struct vf_record){ 0 };
	if (n == -ENOENT)
		return -ENOENT;
	if (n == -EOVERFLOW)
		return damaged(file, "it is too long", e);
	if (n < 0)
		return fail(file, "read", e);
	json = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		return damaged(file, "it is no JSON", e);
	ret = from_json(json, file, out, e);
	json_decref(json);
	if (ret)
		return ret;
	if (!bdf_equal(out->vf, vf))
		return damaged(file, "it is of another VF", e);
	if (out->instance == record_instance(h, vf))
		return 0;
	log_debug(bdf_str(vf, s),
		  "the record is of a VF that was there before; ignored");
	*out = (struct vf_record){ 0 };
	return -ENOENT;
}

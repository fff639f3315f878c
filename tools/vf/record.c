// SPDX-License-Identifier: GPL-2.0-or-later
/* Undo records of bound VFs, in /run/strait/vf. */
/*
 * How this works
 *
 * A record is written before the first change: a tool that is killed before
 * leaves nothing, one that is killed after it what undoes all it may have done.
 * It goes away last, when all is as it was.
 *
 * VFs come and go with the same address, also without this tool. So a record
 * holds the inode number of the device's directory in sysfs, which the kernel
 * gives out anew (kernfs_new_node): a record of an earlier VF does not count.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/log.h"
#include "tools/vf/plan.h"
#include "tools/vf/record.h"
#include "tools/vf/run_file.h"

enum { RECORD_VERSION = 1, RECORD_MAX = 8192 };

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

	snprintf(buf, RUN_FILE_LEN, RUN_DIR "/%s.json", bdf_str(vf, s));
	return buf;
}

/* --- writing --- */

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

int record_save(const struct host *h, const struct vf_record *r, struct err *e)
{
	char file[RUN_FILE_LEN];

	return run_file_write(h, file_of(r->vf, file), to_json(r), e);
}

int record_drop(const struct host *h, struct bdf vf, struct err *e)
{
	char file[RUN_FILE_LEN];

	return run_file_drop(h, file_of(vf, file), e);
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
	char file[RUN_FILE_LEN], text[RECORD_MAX], s[BDF_STR_LEN];
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
		return run_file_fail(file, "read", e);
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

// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads plan files. */
/*
 * How this works
 *
 *	{ "version": 1,
 *	  "pfs": [ { "pf": "0000:01:00.0", "count": 4, "probe": false,
 *		     "eswitch": "legacy",
 *		     "all": { "driver": "vfio-pci" },
 *		     "vfs": [ { "vf": 0, "mac": "52:54:00:12:34:56" } ] } ] }
 *
 * Nothing but "pf" is required of an entry, and what is not said is not
 * touched. A file comes from a user and may be wrong in every way: its size is
 * bounded before it is read, the parser bounds its depth and refuses keys that
 * come twice, and here each value's type is checked and each unknown key
 * refused. Every message begins with the path of the value. Text of the file
 * appears in messages only as setting_quote lets it.
 *
 * Values become the text of the command line, so that both have one parser.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/base/options.h"
#include "tools/vf/plan.h"

enum { FILE_MAX = 1 << 20, WHO_LEN = 256 };

/* --- types --- */

static const char *type_name(const json_t *value)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string",  [JSON_INTEGER] = "a number",
		[JSON_REAL] = "a fraction",  [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",	     [JSON_NULL] = "null",
	};

	return names[json_typeof(value)];
}

static int wrong_type(const char *who, const json_t *value, const char *want,
		      struct err *e)
{
	return err_set(e, EINVAL, "%s: it is %s and has to be %s", who,
		       type_name(value), want);
}

static const char *types_text(unsigned int types)
{
	static const char *const texts[] = {
		[SETTING_BOOL] = "true or false",
		[SETTING_NUMBER] = "a number",
		[SETTING_STRING] = "a string",
		[SETTING_NUMBER | SETTING_STRING] = "a number or a string",
	};

	return texts[types];
}

static unsigned int type_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_TRUE:
	case JSON_FALSE:
		return SETTING_BOOL;
	case JSON_INTEGER:
		return SETTING_NUMBER;
	case JSON_STRING:
		return SETTING_STRING;
	default:
		return 0;
	}
}

static int vf_setting(const struct setting *s, json_t *value, const char *who,
		      struct vf_want *w, struct err *e)
{
	char number[24], path[WHO_LEN + 32];
	unsigned int type = type_of(value);
	const char *text = number;

	snprintf(path, sizeof(path), "%s.%s", who, s->name);
	if (!(type & s->types))
		return wrong_type(path, value, types_text(s->types), e);
	if (type == SETTING_BOOL)
		text = json_is_true(value) ? "on" : "off";
	else if (type == SETTING_NUMBER)
		snprintf(number, sizeof(number), "%lld",
			 (long long)json_integer_value(value));
	else
		text = json_string_value(value);
	return setting_parse(s, path, w, text, e);
}

/* --- one VF --- */

int plan_vf_from_json(json_t *in, const char *who, struct vf_want *w,
		      struct err *e)
{
	const char *key;
	json_t *value;
	int ret;

	if (!json_is_object(in))
		return wrong_type(who, in, "an object", e);
	json_object_foreach(in, key, value)
	{
		const struct setting *s;

		if (!strcmp(key, "vf"))
			continue;
		s = setting_find(who, key, e);
		if (!s)
			return -EINVAL;
		ret = vf_setting(s, value, who, w, e);
		if (ret)
			return ret;
	}
	return 0;
}

/* A number of a range; who is its path. */
static int get_number(json_t *value, const char *who, unsigned int max,
		      unsigned int *out, struct err *e)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value))
		return wrong_type(who, value, "a number", e);
	if (n < 0 || n > max)
		return err_set(e, ERANGE, "%s: %lld is not from 0 to %u", who,
			       (long long)n, max);
	*out = (unsigned int)n;
	return 0;
}

static int read_vf(struct pf_want *pf, json_t *in, const char *who,
		   struct err *e)
{
	char path[WHO_LEN + 8];
	struct vf_want *w;
	unsigned int index = 0;
	size_t nr = pf->nr_vfs;
	json_t *number;
	int ret;

	if (!json_is_object(in))
		return wrong_type(who, in, "an object", e);
	number = json_object_get(in, "vf");
	if (!number)
		return err_set(
			e, EINVAL,
			"%s: it has no \"vf\", the number of the VF (0 is the first)",
			who);
	snprintf(path, sizeof(path), "%s.vf", who);
	ret = get_number(number, path, PLAN_VF_COUNT_MAX - 1, &index, e);
	if (ret)
		return ret;
	w = plan_vf(pf, index, e);
	if (!w)
		return -ENOMEM;
	if (pf->nr_vfs == nr)
		return err_set(e, EINVAL, "%s: VF %u is there twice", path,
			       index);
	return plan_vf_from_json(in, who, w, e);
}

/* --- one PF --- */

struct reader {
	const char *who; /* path of the entry */
	struct pf_want *pf;
};

static int read_name(const struct reader *r, json_t *value, const char *who,
		     struct err *e)
{
	const char *name = json_string_value(value);

	if (!name)
		return wrong_type(who, value, "a string", e);
	if (!*name || strlen(name) >= sizeof(r->pf->name))
		return err_set(e, EINVAL, "%s: it is no name of a PF", who);
	memcpy(r->pf->name, name, strlen(name) + 1);
	return 0;
}

static int read_count(const struct reader *r, json_t *value, const char *who,
		      struct err *e)
{
	r->pf->has_count = true;
	return get_number(value, who, PLAN_VF_COUNT_MAX, &r->pf->count, e);
}

static int read_probe(const struct reader *r, json_t *value, const char *who,
		      struct err *e)
{
	if (!json_is_boolean(value))
		return wrong_type(who, value, "true or false", e);
	r->pf->has_probe = true;
	r->pf->probe = json_is_true(value);
	return 0;
}

static int read_eswitch(const struct reader *r, json_t *value, const char *who,
			struct err *e)
{
	static const char *const words[] = { "legacy", "switchdev" };
	const char *text = json_string_value(value);
	int i;

	if (!text)
		return wrong_type(who, value, "a string", e);
	i = option_word(who, text, words, ARRAY_SIZE(words), e);
	if (i < 0)
		return i;
	r->pf->has_eswitch = true;
	r->pf->eswitch = i ? DEVLINK_SWITCHDEV : DEVLINK_LEGACY;
	return 0;
}

static int read_all(const struct reader *r, json_t *value, const char *who,
		    struct err *e)
{
	char path[WHO_LEN + 8];

	r->pf->has_all = true;
	if (json_object_get(value, "vf")) {
		snprintf(path, sizeof(path), "%s.vf", who);
		return err_set(e, EINVAL,
			       "%s: what is for all VFs has no number", path);
	}
	return plan_vf_from_json(value, who, &r->pf->all, e);
}

static int read_vfs(const struct reader *r, json_t *value, const char *who,
		    struct err *e)
{
	char path[WHO_LEN];
	json_t *vf;
	size_t i;
	int ret = 0;

	if (!json_is_array(value))
		return wrong_type(who, value, "an array", e);
	if (json_array_size(value) > PLAN_VFS_MAX)
		return err_set(e, E2BIG, "%s: it has over %d entries", who,
			       PLAN_VFS_MAX);
	json_array_foreach(value, i, vf)
	{
		snprintf(path, sizeof(path), "%.200s[%zu]", who, i);
		ret = read_vf(r->pf, vf, path, e);
		if (ret)
			break;
	}
	return ret;
}

static const struct pf_key {
	const char *name;
	int (*read)(const struct reader *r, json_t *value, const char *who,
		    struct err *e);
} pf_keys[] = {
	{ "pf", read_name },	 { "count", read_count },
	{ "probe", read_probe }, { "eswitch", read_eswitch },
	{ "all", read_all },	 { "vfs", read_vfs },
};

/* --- the file --- */

static int unknown_key(const char *who, const char *key,
		       const struct nearest *near, const char *all,
		       struct err *e)
{
	char quoted[SETTING_TEXT_LEN];

	err_set(e, EINVAL, "%s: there is no key \"%s\"", who,
		setting_quote(key, quoted));
	if (near->best)
		err_hint(e, "did you mean %s?", near->best);
	err_hint(e, "keys are %s", all);
	return -EINVAL;
}

static int read_pf_key(const struct reader *r, const char *key, json_t *value,
		       struct err *e)
{
	struct nearest near = { .word = key };
	char path[WHO_LEN];

	for (unsigned int i = 0; i < ARRAY_SIZE(pf_keys); i++) {
		if (!strcmp(key, pf_keys[i].name)) {
			snprintf(path, sizeof(path), "%.200s.%s", r->who, key);
			return pf_keys[i].read(r, value, path, e);
		}
		nearest_try(&near, pf_keys[i].name);
	}
	return unknown_key(r->who, key, &near,
			   "pf, count, probe, eswitch, all and vfs", e);
}

static int check_counts(const struct reader *r, struct err *e)
{
	const struct pf_want *pf = r->pf;

	for (size_t i = 0; i < pf->nr_vfs && pf->has_count; i++)
		if (pf->vfs[i].index >= pf->count)
			return err_set(
				e, ERANGE,
				"%s: it has settings for VF %u, but \"count\" is %u and VFs count from 0",
				r->who, pf->vfs[i].index, pf->count);
	return 0;
}

static int read_pf(struct plan *p, json_t *in, const char *who, struct err *e)
{
	struct reader r = { .who = who };
	const char *key;
	json_t *value;
	int ret;

	if (!json_is_object(in))
		return wrong_type(who, in, "an object", e);
	if (p->nr_pfs == PLAN_PFS_MAX)
		return err_set(e, E2BIG, "%s: there are over %d PFs", who,
			       PLAN_PFS_MAX);
	r.pf = plan_add_pf(p, "", e);
	if (!r.pf)
		return -ENOMEM;
	json_object_foreach(in, key, value)
	{
		ret = read_pf_key(&r, key, value, e);
		if (ret)
			return ret;
	}
	if (r.pf->name[0])
		return check_counts(&r, e);
	err_set(e, EINVAL, "%s: it does not say which PF", who);
	err_hint(
		e,
		"\"pf\" is a BDF (\"0000:01:00.0\"), an interface (\"eth0\") or driver/port (\"igb/0\")");
	return -EINVAL;
}

static int check_version(json_t *value, const char *who, struct err *e)
{
	char path[WHO_LEN];

	if (!value)
		return err_set(e, EINVAL, "%s: it has no \"version\": %d", who,
			       PLAN_VERSION);
	snprintf(path, sizeof(path), "%.200s: version", who);
	if (!json_is_integer(value))
		return wrong_type(path, value, "a number", e);
	if (json_integer_value(value) == PLAN_VERSION)
		return 0;
	return err_set(e, EINVAL,
		       "%s: \"version\" is %lld, and %d is what this knows",
		       who, (long long)json_integer_value(value), PLAN_VERSION);
}

static int read_pfs(struct plan *p, json_t *pfs, const char *who, struct err *e)
{
	char path[WHO_LEN];
	json_t *pf;
	size_t i;
	int ret;

	snprintf(path, sizeof(path), "%.200s: pfs", who);
	if (!pfs)
		return err_set(e, EINVAL, "%s: it has no \"pfs\"", who);
	if (!json_is_array(pfs))
		return wrong_type(path, pfs, "an array", e);
	json_array_foreach(pfs, i, pf)
	{
		snprintf(path, sizeof(path), "%.200s: pfs[%zu]", who, i);
		ret = read_pf(p, pf, path, e);
		if (ret)
			return ret;
	}
	return 0;
}

static int read_root(struct plan *p, json_t *root, const char *who,
		     struct err *e)
{
	const char *key;
	json_t *value;
	int ret;

	if (!json_is_object(root))
		return wrong_type(who, root, "an object", e);
	json_object_foreach(root, key, value)
	{
		struct nearest near = { .word = key };

		if (!strcmp(key, "version") || !strcmp(key, "pfs"))
			continue;
		nearest_try(&near, "version");
		nearest_try(&near, "pfs");
		return unknown_key(who, key, &near, "version and pfs", e);
	}
	ret = check_version(json_object_get(root, "version"), who, e);
	return ret ? ret : read_pfs(p, json_object_get(root, "pfs"), who, e);
}

int plan_parse(const char *text, size_t len, const char *who, struct plan *p,
	       struct err *e)
{
	char quoted[JSON_ERROR_TEXT_LENGTH + SETTING_TEXT_LEN];
	json_error_t where;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	int ret;

	if (!root) {
		/* The parser shows what stands there, whatever it is. */
		for (char *s = where.text; *s; s++)
			if (*s < ' ' || *s > '~')
				*s = '?';
		snprintf(quoted, sizeof(quoted), "%s", where.text);
		err_set(e, EINVAL, "%s:%d:%d: it is no plan: %s", who,
			where.line, where.column, quoted);
		err_hint(e, "a plan is JSON; `strait-vf save` writes one");
		return -EINVAL;
	}
	ret = read_root(p, root, who, e);
	json_decref(root);
	return ret;
}

static int load_fd(int fd, const char *path, struct plan *p, struct err *e)
{
	char *text = malloc(FILE_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;
	int ret;

	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	while (len <= FILE_MAX &&
	       (n = read(fd, text + len, FILE_MAX + 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		ret = err_sys(e, path, "read");
	else if (len > FILE_MAX)
		ret = err_set(e, EFBIG,
			      "%s: it is over 1 MiB, which no plan needs",
			      path);
	else
		ret = plan_parse(text, len, path, p, e);
	free(text);
	return ret;
}

static int load_file(const char *path, struct plan *p, struct err *e)
{
	/* Opening a FIFO without a writer would wait; reading one that has a
	 * writer has to, as of a shell's <(command). */
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_sys(e, path, "open");
	if (fcntl(fd, F_SETFL, 0))
		return err_sys(e, path, "make reading wait");
	return load_fd(fd, path, p, e);
}

static int is_json(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 5 &&
	       !strcmp(d->d_name + len - 5, ".json");
}

static int load_directory(const char *path, struct plan *p, struct err *e)
{
	struct dirent **names;
	char file[PATH_MAX];
	int nr = scandir(path, &names, is_json, alphasort), ret = 0;

	if (nr < 0)
		return err_sys(e, path, "list");
	for (int i = 0; i < nr; i++) {
		if (!ret) {
			snprintf(file, sizeof(file), "%.3800s/%.255s", path,
				 names[i]->d_name);
			ret = load_file(file, p, e);
		}
		free(names[i]);
	}
	free(names);
	return ret;
}

int plan_load(const char *path, struct plan *p, struct err *e)
{
	struct stat st;

	if (!strcmp(path, "-"))
		return load_fd(STDIN_FILENO, "standard input", p, e);
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return load_directory(path, p, e);
	return load_file(path, p, e);
}

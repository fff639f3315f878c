/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wanted of PFs and their VFs: read from a plan file, or made from the
 * words of a command.
 */
#ifndef STRAIT_TOOLS_VF_PLAN_H
#define STRAIT_TOOLS_VF_PLAN_H

#include <jansson.h>

#include "tools/vf/setting.h"

enum {
	PLAN_VERSION = 1,
	PLAN_PFS_MAX = 256,
	PLAN_VFS_MAX = 4096, /* that one PF's entry may name */
	PLAN_NAME_LEN = 80,
	/* VF numbers are 16 bits, and the PF has one (PCIe 6.0 9.3.3.8). */
	PLAN_VF_COUNT_MAX = 65535,
};

struct pf_want {
	char name[PLAN_NAME_LEN]; /* as the user wrote it, see host_pf_find */
	bool has_count, has_probe, has_eswitch;
	bool is_create; /* other VFs that are there are not to be lost */
	unsigned int count;
	bool probe; /* the host's drivers may take new VFs */
	enum devlink_eswitch eswitch;
	bool has_all;
	struct vf_want all; /* for each VF, below what vfs say */
	struct vf_want *vfs;
	size_t nr_vfs, max_vfs;
};

struct plan {
	struct pf_want *pfs;
	size_t nr_pfs;
};

/*
 * Adds what a file says, or all *.json files of a directory, by name; "-" is
 * standard input. An error names the file and the path in it ("a.json:
 * pfs[0].vfs[1].mac"), or line and column where it is no JSON.
 */
int plan_load(const char *path, struct plan *p, struct err *e);
/* The same from text; who begins messages. */
int plan_parse(const char *text, size_t len, const char *who, struct plan *p,
	       struct err *e);
/* Adds an entry without wishes. NULL: out of memory, e is set. It is valid
 * until the next. */
struct pf_want *plan_add_pf(struct plan *p, const char *name, struct err *e);
/* The entry of that name, which is added if there is none. NULL: out of memory,
 * e is set. It is valid until the next. */
struct pf_want *plan_pf(struct plan *p, const char *name, struct err *e);
/* The entry of a VF, which is added if there is none. NULL: out of memory, e is
 * set. It is valid until the next. */
struct vf_want *plan_vf(struct pf_want *pf, unsigned int index, struct err *e);
/* Gives each of count VFs an entry with what "all" says. */
int plan_expand(struct pf_want *pf, unsigned int count, struct err *e);
void plan_free(struct plan *p);

/* One VF's settings by name into an object, and from one; unknown names are
 * refused. who begins messages. NULL or -ENOMEM, -EINVAL ... */
int plan_vf_to_json(const struct vf_want *w, json_t *out);
int plan_vf_from_json(json_t *in, const char *who, struct vf_want *w,
		      struct err *e);
/* The whole as a plan file has it; NULL: out of memory. */
json_t *plan_to_json(const struct plan *p);

#endif

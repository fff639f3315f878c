/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be wanted of a VF, and the words for it: one table for `set`, for
 * plan files, for undo records and for what is printed.
 */
#ifndef STRAIT_TOOLS_VF_SETTING_H
#define STRAIT_TOOLS_VF_SETTING_H

#include "tools/vf/devlink.h"
#include "tools/vf/link.h"

enum { SETTING_TEXT_LEN = 80, VF_OWNER_LEN = 33 };

/* Also how a VF is, see state.h. A member that means nothing is 0. */
struct vf_want {
	unsigned int index;   /* of the VF */
	struct vf_conf conf;  /* by rtnetlink, through the PF's interface */
	struct devlink_fn fn; /* by devlink, through the PF */
	bool has_msix;
	unsigned int msix;	    /* vectors */
	char driver[HOST_NAME_LEN]; /* VF_DRIVER_HOST: what it had before */
	char owner[VF_OWNER_LEN];   /* user who gets its VFIO files */
};

/* The driver that a VF had before it was bound. */
#define VF_DRIVER_HOST "host"

enum setting_kind {
	SETTING_LINK,
	SETTING_FN,
	SETTING_MSIX,
	SETTING_DRIVER,
	SETTING_OWNER,
};

/* JSON types that a setting takes, or-ed. */
enum setting_type {
	SETTING_BOOL = 1 << 0,
	SETTING_NUMBER = 1 << 1,
	SETTING_STRING = 1 << 2,
};

struct setting {
	const char *name; /* "mac" */
	const char *arg;  /* "ID[:QOS[:PROTO]]", for help */
	enum setting_kind kind;
	unsigned int key; /* enum vf_key or enum devlink_fn_key */
	unsigned int types;
	/* -EINVAL or -ERANGE; the message does not name the setting. */
	int (*parse)(struct vf_want *w, const char *value, struct err *e);
	void (*format)(const struct vf_want *w, char *buf, size_t len);
};

/* Settings in the order in which they are made; NULL behind the last. */
const struct setting *setting_at(unsigned int i);
/* NULL if there is none, with the nearest as a hint. who begins the message. */
const struct setting *setting_find(const char *who, const char *name,
				   struct err *e);
/* Parses a value into w; who (it names the setting) begins the message. */
int setting_parse(const struct setting *s, const char *who, struct vf_want *w,
		  const char *value, struct err *e);
bool setting_is_in(const struct setting *s, const struct vf_want *w);
/* The value as parse takes it, "" if it is not in w. Returns buf, which has
 * SETTING_TEXT_LEN bytes. */
const char *setting_text(const struct setting *s, const struct vf_want *w,
			 char *buf);
/* Copies one setting, which is in from. */
void setting_copy(const struct setting *s, struct vf_want *to,
		  const struct vf_want *from);
/* Copies every setting of from that to has not. */
void setting_merge(struct vf_want *to, const struct vf_want *from);
/* True if w wants nothing at all. */
bool setting_is_empty(const struct vf_want *w);

/* Text from a file, cut and fit for a terminal. Returns buf, which has
 * SETTING_TEXT_LEN bytes. */
const char *setting_quote(const char *text, char *buf);

#endif

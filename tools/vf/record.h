/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Undo records: how a VF was before it was bound, on disk, so that a later
 * `release` finds it, also when the tool was killed in between.
 */
#ifndef STRAIT_TOOLS_VF_RECORD_H
#define STRAIT_TOOLS_VF_RECORD_H

#include "tools/vf/setting.h"

struct vf_record {
	struct bdf vf, pf;
	/* Which VF of that address: one that was removed and made again is
	 * another. See record_instance. */
	uint64_t instance;
	char driver[HOST_NAME_LEN];   /* "" for none */
	char override[HOST_NAME_LEN]; /* driver_override, "" for none */
	/* Settings as they were (its index is the VF's); owner is who got the
	 * files now. */
	struct vf_want was;
};

/* Changes when the kernel makes a device anew at the same address. 0 if there
 * is none. */
uint64_t record_instance(const struct host *h, struct bdf vf);

/*
 * Reads the record of a VF. -ENOENT, with nothing in e, if there is none or
 * only one of an earlier VF at this address; -EINVAL if it is damaged.
 */
int record_load(const struct host *h, struct bdf vf, struct vf_record *out,
		struct err *e);
/* Writes it, whole or not at all, over one that is there. */
int record_save(const struct host *h, const struct vf_record *r, struct err *e);
/* Removes it, if there is one. */
int record_drop(const struct host *h, struct bdf vf, struct err *e);

#endif

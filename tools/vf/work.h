/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes what is wanted: every command that changes something is a plan that
 * goes through here.
 */
#ifndef STRAIT_TOOLS_VF_WORK_H
#define STRAIT_TOOLS_VF_WORK_H

#include "tools/vf/diff.h"
#include "tools/vf/record.h"

struct work_opts {
	bool force;	      /* also what is in use */
	bool is_dry;	      /* only say what would change */
	unsigned int wait_ms; /* for a lock that another holds */
	unsigned int find_ms; /* for a PF that is not there yet */
};

/*
 * Finds and locks the PFs of a plan (which is expanded), checks all of it,
 * changes what is different and says what that was in *done, which the caller
 * frees in every case. All or nothing: after a failure half-way everything is
 * as it was, or the hint tells what is not. -EBUSY: in use, or another instance
 * is at work.
 */
int work_run(const struct host *h, struct plan *plan,
	     const struct work_opts *opts, struct changes *done, struct err *e);

/* --- for the files of this part alone --- */

/* One PF of a plan. */
struct target {
	struct pf_want *want;
	struct pf_state was, now; /* now: while it is worked on */
	/* Records of VFs that a new count removes, by their place in was.vfs;
	 * those that are made again get them. */
	struct vf_record *records;
	bool *has_record;
	struct host_lock lock;
	bool is_recounted;
	bool is_kept; /* by kept_save */
};

/* check.c: everything that can be refused. */
int target_check(const struct host *h, const struct target *t,
		 const struct work_opts *opts, struct err *e);

/* kept.c: what VFs have, on disk while a new number of them is made. */
/* Drops what no VF can be given again from what it is. */
void kept_filter(const struct host_pf *pf, struct vf_want *is);
/* Before a PF's VFs are removed. */
int kept_save(const struct host *h, struct target *t, struct err *e);
/* What a run that was killed left is wanted too; tells so. -EBUSY: it is in
 * the way of new VFs. */
int kept_carry(const struct host *h, const struct target *t, bool force,
	       struct err *e);
int kept_drop(const struct host *h, struct bdf pf, struct err *e);

/* Something that was done and can be undone. */
enum step_kind {
	STEP_ESWITCH,
	STEP_COUNT,
	STEP_PROBE,
	STEP_SETTING,
	STEP_BIND,
	STEP_RELEASE,
};
struct step {
	enum step_kind kind;
	struct target *target;
	struct bdf vf;
	const struct setting *setting; /* STEP_SETTING */
	struct vf_want was;	       /* its index is the VF's */
	struct host_bind bind;	       /* STEP_BIND */
	bool has_record;	       /* there was one before: */
	struct vf_record record;
};
struct journal {
	struct step *steps; /* the last is undone first */
	size_t nr, max;
};
/* A step to fill in, valid until the next. NULL: out of memory. */
struct step *journal_add(struct journal *j, enum step_kind kind, struct err *e);

/* Work on one VF. */
struct maker {
	const struct host *h;
	struct target *target;
	const struct vf_state *vf; /* of target->now */
	bool force;
	struct journal *journal;
};

/* make.c: gives a VF the settings of want that it has not. carried, if not
 * NULL, is how it was before it was bound. */
int make_vf(struct maker *m, const struct vf_want *want,
	    const struct vf_record *carried, struct err *e);
/* Undoes a step of make_vf. */
int make_undo(const struct host *h, const struct step *s, struct err *e);
/* Puts settings back as they were. pf is the PF as it is now. */
int make_restore(const struct host *h, const struct pf_state *pf, struct bdf vf,
		 const struct vf_want *was, struct err *e);

/* driver.c: to a driver with an undo record, and back. */
int driver_bind(struct maker *m, const char *driver,
		const struct vf_record *carried, struct err *e);
int driver_release(struct maker *m, struct err *e);
int driver_undo(const struct host *h, const struct step *s, struct err *e);
/* module.c */
/* Loads the module of a driver that is not there; a failure is not told, as
 * binding will tell. */
void driver_load(const struct host *h, const char *driver);
/* Whether it is there or its module could be loaded. */
bool driver_is_known(const struct host *h, const char *driver);

/* owner.c */
int owner_check(const char *who, const char *owner, struct err *e);
/* Gives the VFIO files of a function to a user, and notes it in its record. */
int owner_set(const struct host *h, struct bdf vf, const char *owner,
	      struct err *e);

#endif

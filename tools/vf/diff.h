/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has to change for what is to become what is wanted. */
#ifndef STRAIT_TOOLS_VF_DIFF_H
#define STRAIT_TOOLS_VF_DIFF_H

#include "tools/vf/plan.h"
#include "tools/vf/state.h"

struct change {
	struct bdf pf;
	bool is_vf;
	unsigned int vf;   /* its number */
	char function[40]; /* "0000:01:10.0"; "0000:01:00.0 VF 3" if not made
			      yet */
	const char *name;  /* "count", "eswitch" or a setting's */
	char from[SETTING_TEXT_LEN]; /* "" if unknown or new */
	char to[SETTING_TEXT_LEN];
};

struct changes {
	struct change *list;
	size_t nr, max;
};

/*
 * Adds what differs, in the order in which it is changed. want is expanded
 * (plan_expand) for as many VFs as there will be. -ENOMEM.
 */
int diff_pf(const struct pf_want *want, const struct pf_state *is,
	    struct changes *out, struct err *e);
void changes_free(struct changes *c);

/* Whether a setting that is in want is different in is (NULL: a new VF). */
bool diff_setting(const struct setting *s, const struct vf_want *want,
		  const struct vf_state *is);
/* The same for msix alone; 0 is what the VF had after the last msix=0. */
bool diff_msix(const struct vf_want *want, const struct vf_state *is);
/* Whether only the host's drivers are to be let to, or kept off, VFs that stay.
 * With another number that is part of it. */
bool diff_probe(const struct pf_want *want, const struct pf_state *is);
/* How many VFs there will be. */
unsigned int diff_count(const struct pf_want *want, const struct pf_state *is);
/* Writes how a VF is called in messages. Returns buf. */
const char *diff_function(const struct pf_state *is, unsigned int vf, char *buf,
			  size_t len);

/* For programs: [{"function", "setting", "from", "to"}]. NULL: out of memory.
 */
json_t *changes_to_json(const struct changes *c);
/* For people. */
void changes_print(const struct changes *c, FILE *f, bool use_color);

#endif

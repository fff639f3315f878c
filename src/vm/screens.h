/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who shows the guest's display: they outlive a machine whose guest reboots. */
#ifndef STRAIT_VM_SCREENS_H
#define STRAIT_VM_SCREENS_H

#include "src/display/display.h"
#include "src/vm/config.h"

struct screens {
	struct vnc *vnc;		 /* or NULL */
	struct screenshot_server *shots; /* or NULL */
};

/* Opens what --display of c asks for, if it is there. On failure close. */
int screens_open(struct screens *s, const struct config *c, struct err *e);
void screens_close(struct screens *s);
/* Shows this machine's display, or with NULL none; see vnc_show. */
void screens_show(struct screens *s, const struct display *d);

#endif

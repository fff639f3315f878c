/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests to one devlink device; shared by devlink*.c alone. */
#ifndef STRAIT_TOOLS_VF_DEVLINK_PRIV_H
#define STRAIT_TOOLS_VF_DEVLINK_PRIV_H

#include "tools/vf/nl.h"

struct devlink_session {
	struct nl_talk t;
	int family;
	const char *bus, *dev;
	char who[80]; /* for messages */
};

/* bus and dev must outlive it. -ENODEV: the kernel has no devlink. */
int devlink_session_open(struct devlink_session *s, const char *bus,
			 const char *dev, struct err *e);
void devlink_session_close(struct devlink_session *s);

/* A request that names the device; NULL if there is no memory. */
struct nl_msg *devlink_request(const struct devlink_session *s, uint8_t cmd,
			       int flags);
/* Why nl_talk_ask returned ret (negative); what was to be done. Returns ret. */
int devlink_explain(const struct devlink_session *s, int ret, const char *what,
		    struct err *e);

#endif

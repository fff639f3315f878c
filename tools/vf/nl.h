/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netlink socket that keeps the kernel's own reason for a refusal. */
#ifndef STRAIT_TOOLS_VF_NL_H
#define STRAIT_TOOLS_VF_NL_H

#include "src/base/err.h"

struct nl_msg;
struct nl_sock;

struct nl_talk {
	struct nl_sock *sk; /* NULL when closed */
	int code;	    /* errno of the last refusal, 0 if there was none */
	char words[160];    /* what the kernel said about it, "" for nothing */
};

/* protocol is NETLINK_ROUTE or NETLINK_GENERIC. t must not move after. */
int nl_talk_open(struct nl_talk *t, int protocol, struct err *e);
void nl_talk_close(struct nl_talk *t);

/*
 * Sends a request, which it frees (NULL: there was no memory for it), and waits
 * for all of the answer; parse, if given, sees each message of it and returns 0
 * or -errno. Returns 0 or -errno; see code and words.
 */
int nl_talk_ask(struct nl_talk *t, struct nl_msg *msg,
		int (*parse)(struct nl_msg *msg, void *arg), void *arg);

/* What a call of libnl that returned nle (negative, -NLE_*) means: -errno. */
int nl_talk_errno(const struct nl_talk *t, int nle);

/* "who: what: reason (ESYMBOL), the kernel says: ..." Returns -errno. */
int nl_talk_err(const struct nl_talk *t, int ret, const char *who,
		const char *what, struct err *e);

/* -ENODEV if there is no such interface. */
int nl_ifindex(const char *ifname, unsigned int *out, struct err *e);

#endif

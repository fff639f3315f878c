// SPDX-License-Identifier: GPL-2.0-or-later
/* Talks netlink by libnl. */
/*
 * How this works
 *
 * libnl turns the kernel's errno into fewer values of its own, and knows
 * nothing of extended ACKs, in which drivers say in words what they do not
 * like. So a callback for errors keeps both from the message itself; it serves
 * also what libnl-route and libnl-genl send over this socket.
 *
 * Every request asks for an ACK, and that (or the end of a dump) ends waiting.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tools/vf/nl.h"

/* The words are attributes after the header of the refused request, which
 * NETLINK_CAP_ACK keeps short. */
static void keep_words(struct nl_talk *t, struct nlmsghdr *nlh)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];
	struct nlattr *msg;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) ||
	    nlmsg_parse(nlh, sizeof(struct nlmsgerr), tb, NLMSGERR_ATTR_MAX,
			NULL))
		return;
	msg = tb[NLMSGERR_ATTR_MSG];
	if (msg)
		snprintf(t->words, sizeof(t->words), "%.*s", nla_len(msg),
			 nla_get_string(msg));
}

// NOLINTNEXTLINE(readability-non-const-parameter): libnl's type
static int keep_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct nl_talk *t = arg;

	(void)from;
	t->code = -err->error;
	keep_words(t, (struct nlmsghdr *)(void *)((char *)err - NLMSG_HDRLEN));
	return NL_STOP;
}

int nl_talk_errno(const struct nl_talk *t, int nle)
{
	if (t->code)
		return -t->code;
	switch (-nle) {
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_DUMP_INTR:
		return -EINTR;
	default:
		return -EIO;
	}
}

int nl_talk_open(struct nl_talk *t, int protocol, struct err *e)
{
	static const int on = 1;
	int nle;

	*t = (struct nl_talk){ .sk = nl_socket_alloc() };
	if (!t->sk)
		return err_set(e, ENOMEM, "netlink: out of memory");
	nle = nl_connect(t->sk, protocol);
	if (nle) {
		nl_talk_close(t);
		return err_set(e, EIO, "netlink: cannot open a socket: %s",
			       nl_geterror(nle));
	}
	nl_socket_modify_err_cb(t->sk, NL_CB_CUSTOM, keep_error, t);
	/* Without these there are just no words. */
	setsockopt(nl_socket_get_fd(t->sk), SOL_NETLINK, NETLINK_EXT_ACK, &on,
		   sizeof(on));
	setsockopt(nl_socket_get_fd(t->sk), SOL_NETLINK, NETLINK_CAP_ACK, &on,
		   sizeof(on));
	return 0;
}

void nl_talk_close(struct nl_talk *t)
{
	nl_socket_free(t->sk);
	t->sk = NULL;
}

struct answer {
	int (*parse)(struct nl_msg *msg, void *arg);
	void *arg;
	int ret;
	bool is_done;
};

static int take_message(struct nl_msg *msg, void *arg)
{
	struct answer *a = arg;

	/* The rest is still read, or it would answer the next request. */
	if (!a->ret && a->parse)
		a->ret = a->parse(msg, a->arg);
	return NL_OK;
}

static int take_end(struct nl_msg *msg, void *arg)
{
	struct answer *a = arg;

	(void)msg;
	a->is_done = true;
	return NL_STOP;
}

static int wait_for(struct nl_talk *t, struct answer *a)
{
	struct nl_cb *own = nl_socket_get_cb(t->sk);
	struct nl_cb *cb = nl_cb_clone(own);
	int nle = cb ? 0 : -NLE_NOMEM;

	nl_cb_put(own);
	if (cb) {
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, take_message, a);
		nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, take_end, a);
		nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, take_end, a);
	}
	while (!a->is_done && nle >= 0)
		nle = nl_recvmsgs(t->sk, cb);
	nl_cb_put(cb);
	return nle;
}

int nl_talk_ask(struct nl_talk *t, struct nl_msg *msg,
		int (*parse)(struct nl_msg *msg, void *arg), void *arg)
{
	struct answer a = { .parse = parse, .arg = arg };
	int nle;

	t->code = 0;
	t->words[0] = '\0';
	if (!msg)
		return -ENOMEM;
	/* Adds NLM_F_ACK. */
	nle = nl_send_auto(t->sk, msg);
	nlmsg_free(msg);
	if (nle >= 0)
		nle = wait_for(t, &a);
	if (nle < 0)
		return nl_talk_errno(t, nle);
	return a.ret;
}

int nl_talk_err(const struct nl_talk *t, int ret, const char *who,
		const char *what, struct err *e)
{
	errno = -ret;
	ret = err_sys(e, who, what);
	if (t->words[0]) {
		size_t n = strlen(e->msg);

		snprintf(e->msg + n, sizeof(e->msg) - n,
			 ", the kernel says: %s", t->words);
	}
	if (ret == -EPERM || ret == -EACCES)
		err_hint(e, "run as root");
	return ret;
}

int nl_ifindex(const char *ifname, unsigned int *out, struct err *e)
{
	*out = if_nametoindex(ifname);
	if (*out)
		return 0;
	return err_set(
		e, ENODEV,
		"%s: there is no such interface in this network namespace",
		ifname);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* passt: a network for users without privileges. */
/*
 * How this works
 *
 * passt (Debian's package of that name) gives a guest the host's own network by
 * ordinary sockets. It is started with one end of a socket pair and ends when
 * that closes. On the stream each frame follows its length, 32 bits in network
 * byte order, and has no header of virtio's.
 *
 * A stream has no borders, so what is read goes to a buffer first, and a frame
 * that was written in part is finished before the next, or when the stream
 * takes more (net_flush). Whoever leaves off receiving while a whole frame is
 * in the buffer has to come back by itself (net_has_frame).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/base/iov.h"
#include "src/net/priv.h"

enum { LEN = 4, BUF_LEN = 2 * (NET_MAX_FRAME + LEN), MAX_IOV = 66 };

struct net_stream {
	uint8_t in[BUF_LEN];
	size_t in_start, in_len;
	uint8_t out[NET_MAX_FRAME + LEN]; /* the rest of a frame */
	size_t out_start, out_len;
};

/* The child's end becomes its file 3, and stays open there. */
static int spawn(struct net_back *b, int child_fd, struct err *e)
{
	/* Not changed by anybody: posix_spawn(3) takes them as execv(3) does.
	 */
	static char name[] = "passt", foreground[] = "--foreground",
		    quiet[] = "--quiet", once[] = "--one-off", fd[] = "--fd",
		    number[] = "3";
	char *argv[] = { name, foreground, quiet, once, fd, number, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int ret;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, child_fd, 3);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	ret = posix_spawnp(&pid, argv[0], &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (!ret) {
		b->pid = pid;
		return 0;
	}
	err_set(e, ret, "passt: cannot be started: %s", strerror(ret));
	if (ret == ENOENT)
		err_hint(e,
			 "it is a package of its own: apt-get install passt");
	return -ret;
}

int passt_open(struct net_back *b, struct err *e)
{
	struct net_queue *q = &b->queues[0];
	int fds[2], ret;

	b->kind = NET_PASST;
	snprintf(b->name, sizeof(b->name), "passt");
	q->stream = calloc(1, sizeof(*q->stream));
	if (!q->stream)
		return err_set(e, ENOMEM, "passt: out of memory");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return err_sys(e, "passt", "socketpair");
	q->fd = fds[0];
	fcntl(q->fd, F_SETFL, O_NONBLOCK);
	q->send_fd = fcntl(q->fd, F_DUPFD_CLOEXEC, 0);
	ret = q->send_fd < 0 ? err_sys(e, "passt", "dup") : spawn(b, fds[1], e);
	close(fds[1]);
	return ret;
}

void passt_close(struct net_back *b)
{
	free(b->queues[0].stream);
	b->queues[0].stream = NULL;
	if (b->pid > 0) {
		/* It has seen its socket close; this is for one that hangs. */
		kill(b->pid, SIGTERM);
		while (waitpid(b->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	b->pid = 0;
}

/* --- from passt --- */

/* Bytes of the frame that stands first, or 0 if it is not whole yet. */
static size_t whole_frame(const struct net_stream *s)
{
	uint32_t len;

	if (s->in_len < LEN)
		return 0;
	memcpy(&len, s->in + s->in_start, LEN);
	len = ntohl(len);
	return s->in_len - LEN >= len ? len : 0;
}

static bool is_senseless(const struct net_stream *s)
{
	uint32_t len;

	if (s->in_len < LEN)
		return false;
	memcpy(&len, s->in + s->in_start, LEN);
	return !len || ntohl(len) > NET_MAX_FRAME;
}

static int read_more(struct net_queue *q)
{
	struct net_stream *s = q->stream;
	ssize_t n;

	if (s->in_start && s->in_start + s->in_len > BUF_LEN / 2) {
		memmove(s->in, s->in + s->in_start, s->in_len);
		s->in_start = 0;
	}
	n = read(q->fd, s->in + s->in_start + s->in_len,
		 BUF_LEN - s->in_start - s->in_len);
	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	s->in_len += (size_t)n;
	return 0;
}

bool passt_has_frame(const struct net_queue *q)
{
	return whole_frame(q->stream) || is_senseless(q->stream);
}

ssize_t passt_receive(struct net_queue *q, const struct iovec *iov,
		      unsigned int nr)
{
	static const uint8_t header[NET_HDR_LEN];
	struct net_stream *s = q->stream;
	size_t len, n;

	while (!(len = whole_frame(s))) {
		int ret = is_senseless(s) ? -EPIPE : read_more(q);

		if (ret)
			return ret;
	}
	if (is_senseless(s))
		return -EPIPE;
	n = iov_write(iov, nr, 0, header, NET_HDR_LEN);
	n += iov_write(iov, nr, NET_HDR_LEN, s->in + s->in_start + LEN, len);
	s->in_start += LEN + len;
	s->in_len -= LEN + len;
	if (!s->in_len)
		s->in_start = 0;
	return n == NET_HDR_LEN + len ? (ssize_t)n : -ENOBUFS;
}

/* --- to passt --- */

static int send_rest(struct net_queue *q)
{
	struct net_stream *s = q->stream;

	while (s->out_len) {
		ssize_t n = send(q->fd, s->out + s->out_start, s->out_len,
				 MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		s->out_start += (size_t)n;
		s->out_len -= (size_t)n;
	}
	return 0;
}

/* An error that lasts is the next frame's to find. */
bool passt_flush(struct net_queue *q)
{
	int ret = send_rest(q);

	return ret != -EAGAIN && ret != -EINTR;
}

int passt_send(struct net_queue *q, const struct iovec *iov, unsigned int nr)
{
	struct net_stream *s = q->stream;
	struct iovec pieces[MAX_IOV];
	struct msghdr msg = { .msg_iov = pieces };
	size_t len = 0, total;
	uint32_t be;
	ssize_t n;
	int ret = send_rest(q);

	if (ret)
		return ret;
	if (nr >= MAX_IOV)
		return -EINVAL;
	pieces[0] = (struct iovec){ &be, LEN };
	msg.msg_iovlen = 1 + iov_rest(iov, nr, NET_HDR_LEN, pieces + 1);
	for (size_t i = 1; i < msg.msg_iovlen; i++)
		len += pieces[i].iov_len;
	if (!len || len > NET_MAX_FRAME)
		return -EINVAL;
	be = htonl((uint32_t)len);
	total = len + LEN;
	n = sendmsg(q->fd, &msg, MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	s->out_start = 0;
	s->out_len = iov_read(pieces, (unsigned int)msg.msg_iovlen, (size_t)n,
			      s->out, total - (size_t)n);
	return 0;
}

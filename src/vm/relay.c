// SPDX-License-Identifier: GPL-2.0-or-later
/* Bytes between a device's end of a socket pair and the world. */
/*
 * How this works
 *
 * Each way has a buffer: its source is in the loop while there is room in it,
 * its sink while there is something in it. So a slow reader outside slows the
 * guest down, as a slow line would. While a socket has no client, bytes are
 * dropped. Whether anybody reads a terminal of ours cannot be told: we hold its
 * other side open, so that closing it is no hang-up, and drop what it does not
 * take any more; who opens it finds the last words.
 *
 * A socket has one client at a time; others wait in the queue of listen(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/base/log.h"
#include "src/vm/relay.h"

enum { DRAIN_MS = 1000, DRAIN_SLICE_MS = 10 };

static void watch(struct relay *r, struct loop_source *s, bool *now,
		  bool wanted, uint32_t events)
{
	struct err e = { 0 };

	wanted = wanted && s->fd >= 0;
	if (*now == wanted)
		return;
	*now = wanted;
	if (!wanted)
		loop_del(r->loop, s);
	else if (loop_add(r->loop, s, events, &e))
		*now = false; /* a regular file: always ready, see push */
}

static void update(struct relay *r)
{
	watch(r, &r->inner_in, &r->inner_in_on, !r->to_outside.len, EPOLLIN);
	watch(r, &r->inner_out, &r->inner_out_on, r->to_guest.len, EPOLLOUT);
	watch(r, &r->outer_in, &r->outer_in_on, !r->to_guest.len, EPOLLIN);
	watch(r, &r->outer_out, &r->outer_out_on, r->to_outside.len, EPOLLOUT);
}

/* The client of a socket has gone, or a file has ended. */
static void outside_is_gone(struct relay *r, bool is_input, int error)
{
	if (r->kind == RELAY_PTY)
		return; /* somebody may open it again */
	watch(r, &r->outer_in, &r->outer_in_on, false, 0);
	r->outer_in.fd = -1;
	if (is_input && r->kind == RELAY_FDS)
		return;
	if (r->kind == RELAY_FDS)
		log_warn(r->name, "what the guest writes is lost: %s",
			 strerror(error));
	watch(r, &r->outer_out, &r->outer_out_on, false, 0);
	if (r->kind == RELAY_SOCKET) {
		close(r->in_fd);
		close(r->out_fd);
	}
	r->outer_out.fd = r->in_fd = r->out_fd = -1;
	output_fini(&r->out);
	r->to_outside.len = 0;
	if (r->kind == RELAY_SOCKET)
		loop_mod(r->loop, &r->clients, EPOLLIN);
}

/* --- the two ways --- */

static bool is_passing(int error)
{
	return error == EAGAIN || error == EINTR;
}

/* -1 if fd is at its end, or broken. */
static int pull(struct relay_way *w, int fd)
{
	ssize_t n = read(fd, w->buf, sizeof(w->buf));

	w->start = 0;
	w->len = n > 0 ? (size_t)n : 0;
	return n > 0 || (n < 0 && is_passing(errno)) ? 0 : -1;
}

static int push(struct relay_way *w, int fd)
{
	while (w->len) {
		ssize_t n = write(fd, w->buf + w->start, w->len);

		if (n < 0)
			return is_passing(errno) ? 0 : -1;
		w->start += (size_t)n;
		w->len -= (size_t)n;
	}
	return 0;
}

/* The same for what is outside, which may be one that blocks. An errno, or 0.
 */
static int push_out(struct relay *r)
{
	struct relay_way *w = &r->to_outside;

	while (w->len) {
		ssize_t n = output_write(&r->out, w->buf + w->start, w->len);

		if (n <= 0)
			return n == -EAGAIN ? 0 : n ? (int)-n : EIO;
		w->start += (size_t)n;
		w->len -= (size_t)n;
	}
	return 0;
}

static void to_outside(struct relay *r)
{
	int ret;

	if (r->out_fd < 0)
		r->to_outside.len = 0;
	else if ((ret = push_out(r)))
		outside_is_gone(r, false, ret);
	if (r->kind == RELAY_PTY)
		r->to_outside.len = 0;
}

static void on_inner_in(struct loop_source *s, uint32_t events)
{
	struct relay *r = CONTAINER_OF(s, struct relay, inner_in);

	(void)events;
	if (pull(&r->to_outside, s->fd)) {
		/* The device is gone. */
		watch(r, s, &r->inner_in_on, false, 0);
		s->fd = -1;
	}
	to_outside(r);
	update(r);
}

static void on_outer_out(struct loop_source *s, uint32_t events)
{
	struct relay *r = CONTAINER_OF(s, struct relay, outer_out);

	(void)events;
	to_outside(r);
	update(r);
}

static void on_outer_in(struct loop_source *s, uint32_t events)
{
	struct relay *r = CONTAINER_OF(s, struct relay, outer_in);
	struct relay_way *w = &r->to_guest;

	(void)events;
	if (pull(w, s->fd))
		outside_is_gone(r, true, 0);
	if (w->len && r->filter)
		w->len = r->filter(r->filter_ctx, w->buf, w->len);
	push(w, r->inner_out.fd);
	update(r);
}

static void on_inner_out(struct loop_source *s, uint32_t events)
{
	struct relay *r = CONTAINER_OF(s, struct relay, inner_out);

	(void)events;
	if (push(&r->to_guest, s->fd))
		r->to_guest.len = 0;
	update(r);
}

/* --- what is outside --- */

static void set_outside(struct relay *r, int in_fd, int out_fd)
{
	r->in_fd = in_fd;
	r->out_fd = out_fd;
	r->outer_in.fd = in_fd;
	/* What is ours does not block, and a terminal's master side opened once
	 * more would be another terminal. */
	r->out = (struct output){ .fd = out_fd, .own_fd = -1 };
	if (r->kind == RELAY_FDS)
		output_init(&r->out, out_fd);
	r->outer_out.fd = r->out.fd;
	r->to_outside.len = r->to_guest.len = 0;
	update(r);
}

static void on_client(struct loop_source *s, uint32_t events)
{
	struct relay *r = CONTAINER_OF(s, struct relay, clients);
	int fd = listener_accept(&r->listener);

	(void)events;
	if (fd < 0)
		return;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	loop_mod(r->loop, s, 0);
	/* Two files, because a loop has each once. */
	set_outside(r, fd, fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

static int open_pty(struct relay *r, struct err *e)
{
	struct termios t;
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	const char *path;

	if (fd < 0 || grantpt(fd) || unlockpt(fd))
		return err_sys(e, r->name, "posix_openpt");
	path = ptsname(fd);
	if (!path)
		return err_sys(e, r->name, "ptsname");
	r->in_fd = fd;
	/* Nothing is echoed before somebody sets it up. */
	if (!tcgetattr(fd, &t)) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	r->keep_fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (r->keep_fd < 0)
		return err_sys(e, path, "open");
	fprintf(stderr, "%s: %s\n", r->name, path);
	set_outside(r, fd, fcntl(fd, F_DUPFD_CLOEXEC, 0));
	return 0;
}

static int listen_at(struct relay *r, struct err *e)
{
	int ret = listener_open_unix(&r->listener, r->socket, e);

	if (ret)
		return err_ctx(e, ret, "%s", r->name);
	r->clients.fd = r->listener.fd;
	return loop_add(r->loop, &r->clients, EPOLLIN, e);
}

static int open_outside(struct relay *r, const struct relay_config *config,
			struct err *e)
{
	switch (config->kind) {
	case RELAY_PTY:
		return open_pty(r, e);
	case RELAY_SOCKET:
		return listen_at(r, e);
	default:
		set_outside(r, config->in_fd, config->out_fd);
		return 0;
	}
}

int relay_open(struct relay *r, const struct relay_config *config,
	       struct loop *loop, struct err *e)
{
	int fds[2], ret;

	*r = (struct relay){ .loop = loop,
			     .kind = config->kind,
			     .name = config->name,
			     .socket = config->socket,
			     .device_fd = -1,
			     .device_out_fd = -1,
			     .in_fd = -1,
			     .out_fd = -1,
			     .keep_fd = -1,
			     .drain_ms = DRAIN_MS,
			     .out = { .fd = -1, .own_fd = -1 },
			     .inner_in = { -1, on_inner_in },
			     .inner_out = { -1, on_inner_out },
			     .outer_in = { -1, on_outer_in },
			     .outer_out = { -1, on_outer_out },
			     .listener = { .fd = -1 },
			     .clients = { -1, on_client } };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       fds))
		return err_sys(e, r->name, "socketpair");
	r->device_fd = fds[0];
	r->device_out_fd = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	r->inner_in.fd = fds[1];
	r->inner_out.fd = fcntl(fds[1], F_DUPFD_CLOEXEC, 0);
	ret = open_outside(r, config, e);
	if (ret)
		relay_close(r);
	else
		update(r);
	return ret;
}

/* Waits a moment for what is outside, and writes: false if time is up. */
static bool drain_some(struct relay *r)
{
	struct pollfd p = { .fd = r->out.fd, .events = POLLOUT };
	int ret;

	if (r->drain_ms <= 0 || poll(&p, 1, DRAIN_SLICE_MS) < 0)
		return false;
	if (!(p.revents & POLLOUT)) {
		r->drain_ms -= DRAIN_SLICE_MS;
	} else if ((ret = push_out(r))) {
		outside_is_gone(r, false, ret);
		r->to_outside.len = 0;
	}
	return true;
}

bool relay_drain(struct relay *r)
{
	if (!r->loop)
		return true;
	for (;;) {
		if (!r->to_outside.len &&
		    (r->inner_in.fd < 0 ||
		     pull(&r->to_outside, r->inner_in.fd) ||
		     !r->to_outside.len))
			return true;
		if (r->out_fd < 0)
			r->to_outside.len = 0;
		else if (!drain_some(r))
			return false;
	}
}

void relay_close(struct relay *r)
{
	if (!r->loop)
		return;
	relay_drain(r);
	watch(r, &r->inner_in, &r->inner_in_on, false, 0);
	watch(r, &r->inner_out, &r->inner_out_on, false, 0);
	watch(r, &r->outer_in, &r->outer_in_on, false, 0);
	watch(r, &r->outer_out, &r->outer_out_on, false, 0);
	if (r->clients.fd >= 0)
		loop_del(r->loop, &r->clients);
	listener_close(&r->listener);
	close(r->device_fd);
	if (r->device_out_fd >= 0)
		close(r->device_out_fd);
	if (r->inner_in.fd >= 0)
		close(r->inner_in.fd);
	if (r->inner_out.fd >= 0)
		close(r->inner_out.fd);
	if (r->kind != RELAY_FDS && r->in_fd >= 0)
		close(r->in_fd);
	if (r->kind != RELAY_FDS && r->out_fd >= 0)
		close(r->out_fd);
	output_fini(&r->out);
	if (r->keep_fd >= 0)
		close(r->keep_fd);
	*r = (struct relay){ 0 };
}

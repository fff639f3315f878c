// SPDX-License-Identifier: GPL-2.0-or-later
/* Writing without blocking to what others have open as well. */
/*
 * How this works
 *
 * O_NONBLOCK belongs to an open file description, which strait shares with the
 * shell that started it, so it is not ours to set. What has a name in /proc is
 * opened once more instead. A socket cannot be, and a regular file would begin
 * at its start. For these poll is asked before each write: a pipe that it calls
 * ready takes PIPE_BUF bytes, a regular file never blocks; of what else is not
 * known to be non-blocking a byte at a time is asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/core/output.h"

void output_init(struct output *o, int fd)
{
	struct stat st;
	char path[32];

	*o = (struct output){ .fd = fd, .own_fd = -1 };
	if (fd < 0 || fstat(fd, &st) || S_ISREG(st.st_mode) ||
	    S_ISFIFO(st.st_mode))
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	o->own_fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	o->may_block = o->own_fd < 0 && !(fcntl(fd, F_GETFL) & O_NONBLOCK);
	if (o->own_fd >= 0)
		o->fd = o->own_fd;
}

void output_fini(struct output *o)
{
	if (o->own_fd >= 0)
		close(o->own_fd);
	*o = (struct output){ .fd = -1, .own_fd = -1 };
}

ssize_t output_write(const struct output *o, const uint8_t *buf, size_t len)
{
	struct pollfd p = { .fd = o->fd, .events = POLLOUT };
	size_t most = o->may_block ? 1 : PIPE_BUF;
	ssize_t n;

	if (poll(&p, 1, 0) != 1)
		return -EAGAIN;
	n = write(o->fd, buf, len < most ? len : most);
	if (n >= 0)
		return n;
	return errno == EINTR ? -EAGAIN : -errno;
}

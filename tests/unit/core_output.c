// SPDX-License-Identifier: GPL-2.0-or-later
/* Writing to what others made: how much goes at once, and what never blocks. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/core/output.h"
#include "tests/tap.h"

static const uint8_t bytes[1000];
static struct output out;
static int fds[2];

static void open_sockets(int flags)
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | flags, 0, fds), 0);
	output_init(&out, fds[0]);
}

static void close_all(void)
{
	output_fini(&out);
	close(fds[0]);
	close(fds[1]);
}

static void socket_that_does_not_block_takes_all_at_once(void)
{
	open_sockets(SOCK_NONBLOCK);
	CHECK_EQ(output_write(&out, bytes, sizeof(bytes)), sizeof(bytes));
	close_all();
}

static void socket_that_may_block_takes_a_byte(void)
{
	open_sockets(0);
	CHECK_EQ(output_write(&out, bytes, sizeof(bytes)), 1);
	close_all();
}

static void full_socket_is_tried_again_later(void)
{
	open_sockets(SOCK_NONBLOCK);
	while (write(fds[0], bytes, sizeof(bytes)) > 0)
		;
	CHECK_EQ(output_write(&out, bytes, sizeof(bytes)), -EAGAIN);
	close_all();
}

static void pipe_stays_as_blocking_as_it_was(void)
{
	CHECK_EQ(pipe(fds), 0);
	output_init(&out, fds[1]);
	CHECK_EQ(output_write(&out, bytes, sizeof(bytes)), sizeof(bytes));
	CHECK(!(fcntl(fds[1], F_GETFL) & O_NONBLOCK));
	close_all();
}

int main(void)
{
	TAP_RUN(socket_that_does_not_block_takes_all_at_once);
	TAP_RUN(socket_that_may_block_takes_a_byte);
	TAP_RUN(full_socket_is_tried_again_later);
	TAP_RUN(pipe_stays_as_blocking_as_it_was);
	return tap_done();
}

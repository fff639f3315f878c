// SPDX-License-Identifier: GPL-2.0-or-later
/* What is at the other end of a console: terminals, pipes, files, sockets. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "src/vm/relay.h"
#include "tests/tap.h"

enum { MUCH = 256 << 10, PATIENCE_S = 10 };

static struct loop loop;
static struct relay relay;
static uint8_t sent[MUCH], got[MUCH];
static char path[] = "/tmp/strait-relay-XXXXXX";

/* A callback that blocks would never come back: SIGALRM ends the test then. */
static void turn(void)
{
	struct epoll_event ev;

	alarm(PATIENCE_S);
	while (epoll_wait(loop.epoll_fd, &ev, 1, 5) == 1) {
		struct loop_source *s = ev.data.ptr;

		s->ready(s, ev.events);
	}
	alarm(0);
}

static void open_relay(enum relay_kind kind, int in_fd, int out_fd)
{
	const struct relay_config config = { .kind = kind,
					     .name = "console",
					     .socket = path,
					     .in_fd = in_fd,
					     .out_fd = out_fd };
	struct err e = { 0 };

	for (size_t i = 0; i < MUCH; i++)
		sent[i] = (uint8_t)(i * 7 + i / 256);
	CHECK_EQ(loop_init(&loop, &e), 0);
	CHECK_EQ(relay_open(&relay, &config, &loop, &e), 0);
}

static void close_relay(void)
{
	relay_close(&relay);
	loop_fini(&loop);
}

/* The guest says as much as goes; how much that was. */
static size_t say_all(size_t len)
{
	size_t done = 0;
	ssize_t n;

	do {
		n = write(relay.device_fd, sent + done, len - done);
		done += n > 0 ? (size_t)n : 0;
		turn();
	} while (n > 0 && done < len);
	return done;
}

/* What has come out at fd, until nothing more does. */
static size_t hear_all(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t done = 0;

	while (poll(&p, 1, 50) == 1 && p.revents & POLLIN) {
		ssize_t n = read(fd, got + done, sizeof(got) - done);

		if (n <= 0)
			break;
		done += (size_t)n;
		turn();
	}
	return done;
}

static bool guest_hears(const char *text)
{
	char buf[64] = "";
	ssize_t n;

	turn();
	n = read(relay.device_fd, buf, sizeof(buf) - 1);
	return n == (ssize_t)strlen(text) && !strcmp(buf, text);
}

/* --- what the user has open --- */

/* A terminal that blocks, as a shell's does: nobody reads it, as after Ctrl-S.
 */
static int open_terminal(int *master)
{
	struct termios t;
	int fd;

	*master = posix_openpt(O_RDWR | O_NOCTTY);
	CHECK(*master >= 0 && !grantpt(*master) && !unlockpt(*master));
	fd = open(ptsname(*master), O_RDWR | O_NOCTTY);
	CHECK(fd >= 0 && !tcgetattr(fd, &t));
	cfmakeraw(&t);
	CHECK_EQ(tcsetattr(fd, TCSANOW, &t), 0);
	return fd;
}

static void terminal_that_takes_nothing_holds_up_nobody(void)
{
	int master, fd = open_terminal(&master);
	size_t n;

	open_relay(RELAY_FDS, -1, fd);
	n = say_all(MUCH);
	printf("# %zu bytes are under way\n", n);
	CHECK(n > RELAY_BUF && n < MUCH);
	CHECK_EQ(hear_all(master), n);
	CHECK(!memcmp(got, sent, n));
	CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	close_relay();
	close(fd);
	close(master);
}

static void terminal_works_both_ways(void)
{
	int master, fd = open_terminal(&master);

	open_relay(RELAY_FDS, fd, fd);
	CHECK_EQ(write(master, "typed", 5), 5);
	CHECK(guest_hears("typed"));
	CHECK_EQ(say_all(100), 100);
	CHECK_EQ(hear_all(master), 100);
	close_relay();
	close(fd);
	close(master);
}

static void full_pipe_holds_up_nobody(void)
{
	int fds[2];
	size_t n;

	CHECK_EQ(pipe(fds), 0);
	open_relay(RELAY_FDS, -1, fds[1]);
	n = say_all(MUCH);
	CHECK(n > RELAY_BUF);
	CHECK_EQ(hear_all(fds[0]), n);
	CHECK(!memcmp(got, sent, n));
	close_relay();
	close(fds[0]);
	close(fds[1]);
}

static void pipe_without_a_reader_swallows(void)
{
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	open_relay(RELAY_FDS, -1, fds[1]);
	close(fds[0]);
	CHECK_EQ(say_all(MUCH), MUCH);
	close_relay();
	close(fds[1]);
}

static void file_has_all_of_it_behind_what_it_had(void)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);

	CHECK_EQ(write(fd, "old", 3), 3);
	open_relay(RELAY_FDS, -1, fd);
	CHECK_EQ(say_all(100000), 100000);
	close_relay();
	CHECK_EQ(pread(fd, got, sizeof(got), 0), 100003);
	CHECK(!memcmp(got, "old", 3) && !memcmp(got + 3, sent, 100000));
	close(fd);
	unlink(path);
}

/* --- what strait makes --- */

static void terminal_of_its_own_works_both_ways(void)
{
	int fd;

	open_relay(RELAY_PTY, -1, -1);
	fd = open(ptsname(relay.in_fd), O_RDWR | O_NOCTTY);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "typed", 5), 5);
	CHECK(guest_hears("typed"));
	CHECK_EQ(say_all(100), 100);
	CHECK_EQ(hear_all(fd), 100);
	CHECK(!memcmp(got, sent, 100));
	close(fd);
	close_relay();
}

static void terminal_that_nobody_reads_drops(void)
{
	open_relay(RELAY_PTY, -1, -1);
	CHECK_EQ(say_all(MUCH), MUCH);
	close_relay();
}

static int connect_client(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sa.sun_path, path);
	CHECK_EQ(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	turn();
	return fd;
}

static void socket_has_one_client_after_another(void)
{
	open_relay(RELAY_SOCKET, -1, -1);
	CHECK_EQ(say_all(MUCH), MUCH); /* to nobody */
	for (unsigned int i = 0; i < 3; i++) {
		int fd = connect_client();

		CHECK_EQ(write(fd, "typed", 5), 5);
		CHECK(guest_hears("typed"));
		CHECK_EQ(say_all(100), 100);
		CHECK_EQ(hear_all(fd), 100);
		CHECK(!memcmp(got, sent, 100));
		close(fd);
		turn();
	}
	close_relay();
	CHECK(access(path, F_OK));
}

static void client_that_reads_nothing_holds_up_nobody(void)
{
	size_t n;
	int fd;

	open_relay(RELAY_SOCKET, -1, -1);
	fd = connect_client();
	n = say_all(MUCH);
	CHECK(n > RELAY_BUF);
	CHECK_EQ(hear_all(fd), n);
	CHECK(!memcmp(got, sent, n));
	close(fd);
	close_relay();
}

/* --- the guest has ended, and nobody runs the loop --- */

/* The device says as much as goes; how much that was. */
static size_t say_without_loop(void)
{
	size_t done = 0;
	ssize_t n;

	while (done < MUCH &&
	       (n = write(relay.device_fd, sent + done, MUCH - done)) > 0)
		done += (size_t)n;
	return done;
}

static bool drain(void)
{
	bool ok;

	alarm(PATIENCE_S);
	ok = relay_drain(&relay);
	alarm(0);
	return ok;
}

static void last_words_go_out(void)
{
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	open_relay(RELAY_FDS, -1, fds[1]);
	CHECK_EQ(write(relay.device_fd, sent, 3 * RELAY_BUF), 3 * RELAY_BUF);
	CHECK(drain());
	CHECK_EQ(read(fds[0], got, sizeof(got)), 3 * RELAY_BUF);
	CHECK(!memcmp(got, sent, 3 * RELAY_BUF));
	close_relay();
	close(fds[0]);
	close(fds[1]);
}

static void last_words_are_dropped_without_a_client(void)
{
	open_relay(RELAY_SOCKET, -1, -1);
	CHECK(say_without_loop() < MUCH);
	CHECK(drain());
	CHECK(say_without_loop() > RELAY_BUF);
	close_relay();
}

static void client_that_leaves_is_no_reason_to_wait(void)
{
	int client;

	open_relay(RELAY_SOCKET, -1, -1);
	client = connect_client();
	CHECK(say_without_loop() < MUCH);
	close(client);
	CHECK(drain());
	close_relay();
}

static void client_that_reads_nothing_is_waited_for_once(void)
{
	int client;

	open_relay(RELAY_SOCKET, -1, -1);
	client = connect_client();
	say_all(MUCH);
	say_without_loop();
	CHECK(!drain());
	CHECK_EQ(relay.drain_ms, 0);
	CHECK(!drain());
	close_relay();
	close(client);
}

static void terminal_that_nobody_reads_is_waited_for_once(void)
{
	open_relay(RELAY_PTY, -1, -1);
	say_all(MUCH);
	say_without_loop();
	CHECK(!drain());
	CHECK_EQ(relay.drain_ms, 0);
	close_relay();
}

int main(void)
{
	int fd = mkstemp(path); /* a name of its own */

	if (fd < 0 || unlink(path))
		abort();
	close(fd);
	signal(SIGPIPE, SIG_IGN); /* as vm_run does */
	TAP_RUN(terminal_that_takes_nothing_holds_up_nobody);
	TAP_RUN(terminal_works_both_ways);
	TAP_RUN(full_pipe_holds_up_nobody);
	TAP_RUN(pipe_without_a_reader_swallows);
	TAP_RUN(file_has_all_of_it_behind_what_it_had);
	TAP_RUN(terminal_of_its_own_works_both_ways);
	TAP_RUN(terminal_that_nobody_reads_drops);
	TAP_RUN(socket_has_one_client_after_another);
	TAP_RUN(client_that_reads_nothing_holds_up_nobody);
	TAP_RUN(last_words_go_out);
	TAP_RUN(last_words_are_dropped_without_a_client);
	TAP_RUN(client_that_leaves_is_no_reason_to_wait);
	TAP_RUN(client_that_reads_nothing_is_waited_for_once);
	TAP_RUN(terminal_that_nobody_reads_is_waited_for_once);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Disks of an NBD server, which is qemu-nbd. */
#include <dlfcn.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "tests/unit/block_fixture.h"

static uint8_t buf[1 << 20];
static char uri[200];
static pid_t server;

static void reset(void)
{
	options = (struct block_options){ 0 };
	memset(&err, 0, sizeof(err));
}

/* Serves an image until server_stop. */
static void server_start_for(const char *name, const char *clients,
			     const char *extra)
{
	char socket[128];

	snprintf(socket, sizeof(socket), "%s", in_dir("socket"));
	snprintf(uri, sizeof(uri), "nbd+unix:///?socket=%s", socket);
	unlink(socket);
	fflush(stdout);
	server = fork();
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("qemu-nbd", "qemu-nbd", "-t", "-k", socket, "-e",
		       clients, "-f", "raw", in_dir(name), extra, NULL);
		_exit(127);
	}
	for (int i = 0; i < 500 && access(socket, F_OK); i++)
		usleep(10000);
}

static void server_start(const char *name, const char *extra)
{
	server_start_for(name, "4", extra);
}

/* A port of the loopback address that nobody has. */
static int free_port(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&sa, len) ||
	    getsockname(fd, (struct sockaddr *)&sa, &len))
		abort();
	close(fd);
	return ntohs(sa.sin_port);
}

static bool answers(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool ok = !connect(fd, (struct sockaddr *)&sa, sizeof(sa));

	close(fd);
	return ok;
}

/* The same by TCP. */
static void server_start_tcp(const char *name)
{
	int port = free_port();
	char number[8];

	snprintf(number, sizeof(number), "%d", port);
	snprintf(uri, sizeof(uri), "nbd://127.0.0.1:%d", port);
	fflush(stdout);
	server = fork();
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("qemu-nbd", "qemu-nbd", "-t", "-b", "127.0.0.1", "-p",
		       number, "-e", "4", "-f", "raw", in_dir(name), NULL);
		_exit(127);
	}
	for (int i = 0; i < 500 && !answers(port); i++)
		usleep(10000);
}

static void server_stop(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static int open_uri(void)
{
	int ret;

	options.path = uri;
	ret = block_open(&options, &disk, &err);
	return ret ? ret : block_queue_open(disk, &loop, 16, &queue, &err);
}

/* What a server has that was started for the file "a". */
static void check_random_operations(void)
{
	CHECK_EQ(open_uri(), 0);
	CHECK_EQ(block_info(disk)->bytes, MIB(3));
	CHECK_EQ(model_begin(1), 0);
	model_run(2000);
	CHECK(model_holds());
	CHECK_EQ(loop_reads(1000), 0);
	CHECK_EQ(disk_close(), 0);
	server_stop();
	options.readonly = true;
	CHECK_EQ(disk_open("a"), 0);
	CHECK(model_holds());
	disk_close();
}

static void random_operations_are_as_the_model(void)
{
	reset();
	make_file("a", MIB(3));
	server_start("a", "--discard=unmap");
	check_random_operations();
}

static void so_they_are_by_tcp(void)
{
	reset();
	make_file("a", MIB(3));
	server_start_tcp("a");
	check_random_operations();
}

static void discard_is_offered_where_the_server_does_it(void)
{
	reset();
	make_file("a", MIB(1));
	server_start("a", "--discard=unmap");
	CHECK_EQ(open_uri(), 0);
	CHECK(block_info(disk)->can_discard);
	disk_close();
	server_stop();
}

static void pieces_of_memory_beyond_a_buffer_are_served(void)
{
	static uint8_t big[MIB(3)];
	struct iovec iov[6];
	struct one o = { .req = { .op = BLOCK_WRITE,
				  .bytes = MIB(3),
				  .iov = iov,
				  .nr_iov = 6,
				  .done = one_done } };

	reset();
	make_file("a", MIB(3));
	server_start("a", "--discard=unmap");
	CHECK_EQ(open_uri(), 0);
	for (int i = 0; i < 6; i++) {
		iov[i] = (struct iovec){ big + KIB(512) * (5 - i), KIB(512) };
		memset(iov[i].iov_base, i + 1, KIB(512));
	}
	block_submit(queue, &o.req);
	block_queue_drain(queue);
	CHECK_EQ(o.ret, 0);
	for (int i = 0; i < 6; i++) {
		CHECK_EQ(disk_do(BLOCK_READ, buf, KIB(512) * i, KIB(512)), 0);
		CHECK(is_filled(buf, KIB(512), (uint8_t)(i + 1)));
	}
	disk_close();
	server_stop();
}

static void export_that_is_readonly_is_refused_for_writing(void)
{
	reset();
	make_file("a", MIB(1));
	server_start("a", "--read-only");
	CHECK_EQ(open_uri(), -EROFS);
	CHECK_HAS(err.msg, "lets nobody write to it");
	CHECK_HAS(err.hint, "readonly=on");
	options.readonly = true;
	CHECK_EQ(open_uri(), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, MIB(1)), 0);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, 0, 512), -EROFS);
	disk_close();
	server_stop();
}

static void server_for_one_client_serves_one_queue(void)
{
	struct block_queue *second;

	reset();
	make_file("a", MIB(1));
	server_start_for("a", "1", "--discard=unmap");
	CHECK_EQ(open_uri(), 0);
	CHECK_EQ(block_info(disk)->max_queues, 1);
	CHECK_EQ(block_queue_open(disk, &loop, 16, &second, &err), -ENOSPC);
	CHECK_HAS(err.msg, "serves 1 queue, and no more");
	disk_close();
	server_stop();
}

static void queues_have_connections_of_their_own(void)
{
	struct block_queue *first, *second;

	reset();
	make_file("a", MIB(1));
	server_start("a", "--discard=unmap");
	CHECK_EQ(open_uri(), 0);
	first = queue;
	CHECK_EQ(block_queue_open(disk, &loop, 16, &second, &err), 0);
	memset(buf, 4, 4096);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, 4096, 4096), 0);
	queue = second;
	memset(buf, 0, 4096);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 4096, 4096), 0);
	CHECK(is_filled(buf, 4096, 4));
	block_queue_close(first);
	disk_close();
	server_stop();
}

static void server_that_is_gone_is_an_error_and_one_line(void)
{
	int saved = dup(STDERR_FILENO);

	reset();
	make_file("a", MIB(1));
	server_start("a", "--discard=unmap");
	CHECK_EQ(open_uri(), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, 512), 0);
	server_stop();
	CHECK(freopen(in_dir("log"), "w", stderr));
	for (int i = 0; i < 5; i++)
		CHECK_EQ(disk_do(BLOCK_READ, buf, 0, 512), -EIO);
	CHECK_EQ(disk_do(BLOCK_FLUSH, NULL, 0, 0), -EIO);
	disk_close();
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	CHECK_EQ(run("test $(grep -c 'the server is gone' %s) = 1",
		     in_dir("log")),
		 0);
}

static void requests_under_way_fail_when_the_server_goes(void)
{
	static struct one many[64];
	unsigned int nr_failed = 0;

	reset();
	make_file("a", MIB(1));
	server_start("a", "--discard=unmap");
	CHECK_EQ(open_uri(), 0);
	kill(server, SIGSTOP);
	for (int i = 0; i < 64; i++) {
		many[i] = (struct one){ .req = { .op = BLOCK_WRITE,
						 .bytes = KIB(16),
						 .nr_iov = 1,
						 .done = one_done },
					.iov = { buf, KIB(16) } };
		many[i].req.iov = &many[i].iov;
		block_submit(queue, &many[i].req);
	}
	block_kick(queue);
	server_stop();
	CHECK(freopen(in_dir("log"), "w", stderr));
	block_queue_drain(queue);
	for (int i = 0; i < 64; i++)
		nr_failed += many[i].is_done && many[i].ret == -EIO;
	CHECK_EQ(nr_failed, 64);
	disk_close();
}

static void server_that_is_not_there_is_said(void)
{
	reset();
	snprintf(uri, sizeof(uri), "nbd+unix:///?socket=%s", in_dir("none"));
	CHECK_EQ(open_uri(), -ENOENT);
	CHECK_HAS(err.msg, uri);
	snprintf(uri, sizeof(uri), "nbd://");
	CHECK(open_uri() < 0);
}

int main(void)
{
	void *lib = dlopen("libnbd.so.0", RTLD_NOW);

	if (system("command -v qemu-nbd > /dev/null")) /* NOLINT */
		return tap_skip_all("no qemu-nbd (Debian package qemu-utils)");
	if (!lib)
		return tap_skip_all("no libnbd.so.0 (Debian package libnbd0)");
	fixture_begin();
	TAP_RUN(random_operations_are_as_the_model);
	TAP_RUN(so_they_are_by_tcp);
	TAP_RUN(discard_is_offered_where_the_server_does_it);
	TAP_RUN(pieces_of_memory_beyond_a_buffer_are_served);
	TAP_RUN(export_that_is_readonly_is_refused_for_writing);
	TAP_RUN(server_for_one_client_serves_one_queue);
	TAP_RUN(queues_have_connections_of_their_own);
	TAP_RUN(server_that_is_not_there_is_said);
	TAP_RUN(server_that_is_gone_is_an_error_and_one_line);
	TAP_RUN(requests_under_way_fail_when_the_server_goes);
	fixture_end();
	return tap_done();
}

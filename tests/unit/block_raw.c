// SPDX-License-Identifier: GPL-2.0-or-later
/* Raw images: what is read and written, errors, odd sizes, O_DIRECT. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/unit/block_fixture.h"

static uint8_t buf[1 << 20];

static void reset(void)
{
	options = (struct block_options){ 0 };
}

static void read_gives_what_was_written(void)
{
	reset();
	make_file("a", MIB(1));
	CHECK_EQ(disk_open("a"), 0);
	memset(buf, 0x5a, 8192);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, 512, 8192), 0);
	CHECK_EQ(disk_do(BLOCK_FLUSH, NULL, 0, 0), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, 16384), 0);
	CHECK(is_filled(buf, 512, 0));
	CHECK(is_filled(buf + 512, 8192, 0x5a));
	CHECK(is_filled(buf + 8704, 16384 - 8704, 0));
	CHECK_EQ(disk_close(), 0);
}

static void info_tells_size_and_format(void)
{
	reset();
	make_file("a", MIB(3));
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(block_info(disk)->bytes, MIB(3));
	CHECK_EQ(block_info(disk)->format, BLOCK_FORMAT_RAW);
	CHECK_EQ(block_info(disk)->logical_block, 512);
	CHECK(block_info(disk)->can_discard);
	disk_close();
}

static void what_is_beyond_the_disk_is_refused(void)
{
	reset();
	make_file("a", MIB(1));
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, MIB(1), 512), -EINVAL);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, MIB(1) - 512, 1024), -EINVAL);
	CHECK_EQ(disk_do(BLOCK_DISCARD, NULL, UINT64_MAX - 511, 512), -EINVAL);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 1, 512), -EINVAL);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, 100), -EINVAL);
	disk_close();
}

static void memory_of_another_length_is_refused(void)
{
	struct one o = { .req = { .op = BLOCK_READ,
				  .bytes = 1024,
				  .nr_iov = 1,
				  .done = one_done },
			 .iov = { buf, 512 } };

	reset();
	make_file("a", MIB(1));
	CHECK_EQ(disk_open("a"), 0);
	o.req.iov = &o.iov;
	block_submit(queue, &o.req);
	CHECK(!o.is_done);
	block_queue_drain(queue);
	CHECK_EQ(o.ret, -EINVAL);
	disk_close();
}

static void readonly_disk_refuses_writes_and_flushes(void)
{
	reset();
	make_file("a", MIB(1));
	options.readonly = true;
	CHECK_EQ(disk_open("a"), 0);
	CHECK(block_info(disk)->readonly);
	CHECK(!block_info(disk)->can_discard);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, 0, 512), -EROFS);
	CHECK_EQ(disk_do(BLOCK_DISCARD, NULL, 0, 512), -EROFS);
	CHECK_EQ(disk_do(BLOCK_WRITE_ZEROES, NULL, 0, 512), -EROFS);
	CHECK_EQ(disk_do(BLOCK_FLUSH, NULL, 0, 0), 0);
	disk_close();
}

static void last_sector_of_an_odd_size_is_padded(void)
{
	struct stat st;

	reset();
	make_file("a", 1000);
	CHECK_EQ(
		run("printf abc | dd of=%s conv=notrunc bs=1 seek=997 2>/dev/null",
		    in_dir("a")),
		0);
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(block_info(disk)->bytes, 1024);
	memset(buf, 1, 512);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 512, 512), 0);
	CHECK(!memcmp(buf + 997 - 512, "abc", 3));
	CHECK(is_filled(buf + 1000 - 512, 24, 0));
	memset(buf, 7, 512);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, 512, 512), 0);
	disk_close();
	CHECK_EQ(stat(in_dir("a"), &st), 0);
	CHECK_EQ(st.st_size, 1024);
}

static void file_that_shrank_gives_an_error(void)
{
	reset();
	make_file("a", MIB(1));
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(truncate(in_dir("a"), KIB(64)), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, KIB(64)), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, KIB(128), 512), -EIO);
	CHECK_EQ(disk_do(BLOCK_READ, buf, KIB(60), KIB(8)), -EIO);
	disk_close();
}

static void empty_file_and_directory_are_refused_in_words(void)
{
	reset();
	make_file("a", 0);
	CHECK_EQ(disk_open("a"), -EINVAL);
	CHECK_HAS(err.msg, "is empty");
	CHECK_EQ(disk_open("."), -EINVAL);
	CHECK_HAS(err.msg, "a directory");
	CHECK_EQ(run("mkfifo %s", in_dir("fifo")), 0);
	CHECK_EQ(disk_open("fifo"), -EINVAL);
	CHECK_HAS(err.msg, "a named pipe");
	CHECK_EQ(disk_open("missing"), -ENOENT);
	CHECK_HAS(err.msg, "missing");
}

/* Limits that root has as well. */
static void write_that_the_system_refuses_gives_its_error(void)
{
	struct rlimit was, limit;

	reset();
	signal(SIGXFSZ, SIG_IGN);
	make_file("a", MIB(4));
	CHECK_EQ(disk_open("a"), 0);
	getrlimit(RLIMIT_FSIZE, &was);
	limit = (struct rlimit){ MIB(1), was.rlim_max };
	setrlimit(RLIMIT_FSIZE, &limit);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, MIB(2), 4096), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &was);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, MIB(2), 4096), 0);
	disk_close();
}

static void zeroed_range_reads_as_zeroes(void)
{
	reset();
	make_file("a", MIB(1));
	CHECK_EQ(disk_open("a"), 0);
	memset(buf, 9, KIB(64));
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, 0, KIB(64)), 0);
	CHECK_EQ(disk_do(BLOCK_WRITE_ZEROES, NULL, 512, KIB(32)), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, KIB(64)), 0);
	CHECK(is_filled(buf, 512, 9));
	CHECK(is_filled(buf + 512, KIB(32), 0));
	CHECK(is_filled(buf + 512 + KIB(32), KIB(32) - 512, 9));
	disk_close();
}

static void discard_gives_space_back(void)
{
	struct stat st;

	reset();
	make_file("a", MIB(1));
	CHECK_EQ(disk_open("a"), 0);
	memset(buf, 9, MIB(1));
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, 0, MIB(1)), 0);
	CHECK_EQ(disk_do(BLOCK_DISCARD, NULL, 0, MIB(1)), 0);
	disk_close();
	CHECK_EQ(stat(in_dir("a"), &st), 0);
	CHECK_EQ(st.st_size, MIB(1));
	CHECK(st.st_blocks < 64);
}

static void more_requests_than_depth_are_all_done(void)
{
	static struct one many[200];

	reset();
	make_file("a", MIB(1));
	CHECK_EQ(disk_open("a"), 0);
	for (int i = 0; i < 200; i++) {
		many[i] = (struct one){ .req = { .op = BLOCK_WRITE,
						 .offset = KIB(4) * i,
						 .bytes = KIB(4),
						 .nr_iov = 1,
						 .done = one_done },
					.iov = { buf + KIB(4) * i, KIB(4) } };
		memset(buf + KIB(4) * i, i, KIB(4));
		many[i].req.iov = &many[i].iov;
		block_submit(queue, &many[i].req);
	}
	block_queue_drain(queue);
	memset(buf, 0, sizeof(buf));
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, KIB(800)), 0);
	for (int i = 0; i < 200; i++) {
		CHECK(many[i].is_done && !many[i].ret);
		CHECK(is_filled(buf + KIB(4) * i, KIB(4), (uint8_t)i));
	}
	disk_close();
}

static void many_pieces_of_memory_are_served(void)
{
	static struct iovec iov[1000];
	struct one o = { .req = { .op = BLOCK_WRITE,
				  .bytes = 1000 * 512,
				  .iov = iov,
				  .nr_iov = 1000,
				  .done = one_done } };

	reset();
	make_file("a", MIB(1));
	CHECK_EQ(disk_open("a"), 0);
	for (int i = 0; i < 1000; i++) {
		iov[i] = (struct iovec){ buf + 512 * (999 - i), 512 };
		memset(iov[i].iov_base, i, 512);
	}
	block_submit(queue, &o.req);
	block_queue_drain(queue);
	CHECK_EQ(o.ret, 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, 1000 * 512), 0);
	for (int i = 0; i < 1000; i++)
		CHECK(is_filled(buf + 512 * i, 512, (uint8_t)i));
	disk_close();
}

/* As in many containers. */
static void forbid_uring(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ||
	    !freopen(in_dir("log"), "w", stderr))
		_exit(2);
}

static void host_without_uring_is_served_by_a_thread(void)
{
	int status;
	pid_t child;

	reset();
	make_file("a", MIB(1));
	fflush(stdout);
	child = fork();
	if (!child) {
		forbid_uring();
		if (disk_open("a") || disk_do(BLOCK_WRITE, buf, 0, MIB(1)) ||
		    loop_reads(100) || disk_close())
			_exit(1);
		exit(0);
	}
	waitpid(child, &status, 0);
	CHECK_EQ(status, 0);
	CHECK_EQ(run("grep -q 'allows no io_uring' %s", in_dir("log")), 0);
}

/* --- the loop --- */

struct chain {
	struct one one;
	unsigned int left;
};

static void chain_done(struct block_req *r, int ret)
{
	struct chain *c = CONTAINER_OF(r, struct chain, one.req);

	c->one.ret |= ret;
	if (!c->left--) {
		loop_stop(&loop);
		return;
	}
	block_submit(queue, r);
	block_kick(queue);
}

static void loop_tells_ends_and_done_may_submit(void)
{
	static struct chain c;

	c = (struct chain){ .one = { .req = { .op = BLOCK_READ,
					      .bytes = 4096,
					      .nr_iov = 1,
					      .done = chain_done },
				     .iov = { buf, 4096 } },
			    .left = 100 };
	c.one.req.iov = &c.one.iov;
	reset();
	make_file("a", MIB(1));
	CHECK_EQ(disk_open("a"), 0);
	block_submit(queue, &c.one.req);
	block_kick(queue);
	CHECK_EQ(loop_run(&loop, &err), 0);
	loop.stopping = false;
	CHECK_EQ(c.one.ret, 0);
	disk_close();
}

/* --- beside a model --- */

static void check_model(uint64_t bytes, uint64_t seed, unsigned int steps)
{
	make_file("a", bytes);
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(model_begin(seed), 0);
	model_run(steps);
	CHECK(model_holds());
	CHECK_EQ(disk_close(), 0);
	options.readonly = true;
	CHECK_EQ(disk_open("a"), 0);
	CHECK(model_holds());
	disk_close();
}

static void random_operations_are_as_the_model(void)
{
	reset();
	check_model(MIB(2), 1, 3000);
	reset();
	check_model(MIB(1) + 512 * 3 + 100, 2, 2000);
}

static void random_operations_without_uring_are_as_the_model(void)
{
	reset();
	options.no_uring = true;
	check_model(MIB(2), 3, 2000);
}

static void random_operations_with_direct_are_as_the_model(void)
{
	reset();
	options.direct = true;
	check_model(MIB(2), 4, 2000);
	reset();
	options.direct = true;
	check_model(MIB(1) + 512 * 3, 5, 1000);
}

static void direct_leaves_the_size_of_a_file_as_it_is(void)
{
	struct stat st;

	reset();
	options.direct = true;
	make_file("a", KIB(64) + 512);
	CHECK_EQ(disk_open("a"), 0);
	memset(buf, 3, 512);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, KIB(64), 512), 0);
	disk_close();
	CHECK_EQ(stat(in_dir("a"), &st), 0);
	CHECK_EQ(st.st_size, KIB(64) + 512);
}

int main(void)
{
	fixture_begin();
	TAP_RUN(read_gives_what_was_written);
	TAP_RUN(info_tells_size_and_format);
	TAP_RUN(what_is_beyond_the_disk_is_refused);
	TAP_RUN(memory_of_another_length_is_refused);
	TAP_RUN(readonly_disk_refuses_writes_and_flushes);
	TAP_RUN(last_sector_of_an_odd_size_is_padded);
	TAP_RUN(file_that_shrank_gives_an_error);
	TAP_RUN(empty_file_and_directory_are_refused_in_words);
	TAP_RUN(write_that_the_system_refuses_gives_its_error);
	TAP_RUN(zeroed_range_reads_as_zeroes);
	TAP_RUN(discard_gives_space_back);
	TAP_RUN(more_requests_than_depth_are_all_done);
	TAP_RUN(many_pieces_of_memory_are_served);
	TAP_RUN(host_without_uring_is_served_by_a_thread);
	TAP_RUN(loop_tells_ends_and_done_may_submit);
	TAP_RUN(random_operations_are_as_the_model);
	TAP_RUN(random_operations_without_uring_are_as_the_model);
	TAP_RUN(random_operations_with_direct_are_as_the_model);
	TAP_RUN(direct_leaves_the_size_of_a_file_as_it_is);
	fixture_end();
	return tap_done();
}

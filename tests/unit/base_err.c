// SPDX-License-Identifier: GPL-2.0-or-later
/* Error objects: what a message says, and which hint wins. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/err.h"
#include "tests/tap.h"

static void sys_error_names_who_what_why_and_symbol(void)
{
	struct err e = { 0 };

	errno = ENOENT;
	CHECK_EQ(err_sys(&e, "/dev/kvm", "open"), -ENOENT);
	CHECK_EQ(e.code, ENOENT);
	CHECK(!strcmp(e.msg,
		      "/dev/kvm: open: No such file or directory (ENOENT)"));
}

static void sys_error_without_errno_is_still_an_error(void)
{
	struct err e = { 0 };

	errno = 0;
	CHECK_EQ(err_sys(&e, "x", "ioctl"), -EIO);
}

static void errno_unknown_to_libc_has_a_question_mark(void)
{
	struct err e = { 0 };

	errno = 4000;
	CHECK_EQ(err_sys(&e, "x", "ioctl"), -4000);
	CHECK_HAS(e.msg, "4000 (?)");
}

static void new_error_drops_the_hint_of_the_old(void)
{
	struct err e = { 0 };

	err_set(&e, EINVAL, "first");
	err_hint(&e, "do this");
	CHECK_EQ(err_set(&e, ENOMEM, "%s %d", "second", 2), -ENOMEM);
	CHECK(!strcmp(e.msg, "second 2"));
	CHECK_EQ(strlen(e.hint), 0);
}

static void first_hint_wins(void)
{
	struct err e = { 0 };

	err_hint(&e, "near the cause: %d", 1);
	err_hint(&e, "far from it");
	CHECK(!strcmp(e.hint, "near the cause: 1"));
}

static void context_comes_before_the_message(void)
{
	struct err e = { 0 };

	err_set(&e, EBUSY, "group 7 is busy");
	err_hint(&e, "stop it");
	CHECK_EQ(err_ctx(&e, -EBUSY, "%s", "0000:3b:02.1"), -EBUSY);
	CHECK(!strcmp(e.msg, "0000:3b:02.1: group 7 is busy"));
	CHECK(!strcmp(e.hint, "stop it"));
	CHECK_EQ(e.code, EBUSY);
}

static void context_keeps_the_start_of_what_does_not_fit(void)
{
	struct err e = { 0 };
	char longest[sizeof(e.msg)];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	err_set(&e, EINVAL, "%s", longest);
	err_ctx(&e, -EINVAL, "who");
	CHECK(!strncmp(e.msg, "who: xxx", 8));
	CHECK_EQ(strlen(e.msg), sizeof(e.msg) - 1);
}

static void context_longer_than_a_message_is_cut(void)
{
	struct err e = { 0 };
	char longest[2 * sizeof(e.msg)];

	memset(longest, 'y', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	err_set(&e, EINVAL, "lost");
	err_ctx(&e, -EINVAL, "%s", longest);
	CHECK_EQ(strlen(e.msg), sizeof(e.msg) - 1);
	CHECK_EQ(strspn(e.msg, "y"), sizeof(e.msg) - 1);
}

static void print_to(char *buf, size_t len, const struct err *e)
{
	FILE *f = fmemopen(buf, len, "w");

	err_print(e, f);
	fclose(f);
}

static void message_and_hint_are_a_line_each(void)
{
	struct err e = { 0 };
	char text[256] = "";

	err_set(&e, EINVAL, "it is wrong");
	err_hint(&e, "make it right");
	print_to(text, sizeof(text), &e);
	CHECK(!strcmp(text, "error: it is wrong\nhint: make it right\n"));
}

static void no_hint_prints_no_line(void)
{
	struct err e = { 0 };
	char text[256] = "";

	err_set(&e, EINVAL, "it is wrong");
	print_to(text, sizeof(text), &e);
	CHECK(!strcmp(text, "error: it is wrong\n"));
}

/* The child's stderr, and how it ended. */
static int run_bug(char *text, size_t len)
{
	int fds[2], status = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(fds))
		abort();
	pid = fork();
	if (!pid) {
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		BUG_ON(fds[0] >= 0);
		_exit(0);
	}
	close(fds[1]);
	waitpid(pid, &status, 0);
	n = read(fds[0], text, len - 1);
	close(fds[0]);
	text[n > 0 ? n : 0] = '\0';
	return status;
}

static void bug_says_where_and_aborts(void)
{
	char text[256];
	int status = run_bug(text, sizeof(text));

	CHECK_HAS(text, "strait: bug at tests/unit/base_err.c:");
	CHECK_HAS(text, "fds[0] >= 0");
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGABRT);
}

int main(void)
{
	TAP_RUN(sys_error_names_who_what_why_and_symbol);
	TAP_RUN(sys_error_without_errno_is_still_an_error);
	TAP_RUN(errno_unknown_to_libc_has_a_question_mark);
	TAP_RUN(new_error_drops_the_hint_of_the_old);
	TAP_RUN(first_hint_wins);
	TAP_RUN(context_comes_before_the_message);
	TAP_RUN(context_keeps_the_start_of_what_does_not_fit);
	TAP_RUN(context_longer_than_a_message_is_cut);
	TAP_RUN(message_and_hint_are_a_line_each);
	TAP_RUN(no_hint_prints_no_line);
	TAP_RUN(bug_says_where_and_aborts);
	return tap_done();
}

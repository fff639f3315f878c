// SPDX-License-Identifier: GPL-2.0-or-later
/* Log levels, and the limit on what a guest can cause. */
#include <fcntl.h>
#include <unistd.h>

#include "src/base/log.h"
#include "tests/tap.h"

/* stderr goes to a pipe while fn runs; what it wrote is in text. */
static void capture(void (*fn)(void), char *text, size_t len)
{
	int saved = dup(STDERR_FILENO), fds[2];
	ssize_t n;

	if (saved < 0 || pipe2(fds, O_NONBLOCK))
		abort();
	dup2(fds[1], STDERR_FILENO);
	fn();
	dup2(saved, STDERR_FILENO);
	n = read(fds[0], text, len - 1);
	text[n > 0 ? n : 0] = '\0';
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

static void warn_and_info(void)
{
	log_warn("0000:03:00.0", "odd %d", 7);
	log_info("0000:03:00.0", "unseen");
}

static void lines_above_the_level_are_not_written(void)
{
	char text[256];

	log_set_level(LOG_WARN);
	capture(warn_and_info, text, sizeof(text));
	CHECK(!strcmp(text, "warning: 0000:03:00.0: odd 7\n"));
}

static void a_higher_level_writes_them_too(void)
{
	char text[256];

	log_set_level(LOG_INFO);
	capture(warn_and_info, text, sizeof(text));
	CHECK_HAS(text, "info: 0000:03:00.0: unseen\n");
}

static void first_ten_lines_of_a_guest_pass(void)
{
	struct log_limit limit = { 0 };

	for (int i = 0; i < 10; i++)
		CHECK(log_allowed(&limit));
}

/* 21, because one turn of the second may come in between. */
static void a_guest_that_goes_on_is_silenced(void)
{
	struct log_limit limit = { 0 };
	int passed = 0;

	for (int i = 0; i < 21; i++)
		passed += log_allowed(&limit);
	CHECK(passed < 21);
}

static void the_next_second_starts_anew(void)
{
	struct log_limit limit = { .window_s = 1, .count = 1000000 };

	CHECK(log_allowed(&limit));
}

int main(void)
{
	TAP_RUN(lines_above_the_level_are_not_written);
	TAP_RUN(a_higher_level_writes_them_too);
	TAP_RUN(first_ten_lines_of_a_guest_pass);
	TAP_RUN(a_guest_that_goes_on_is_silenced);
	TAP_RUN(the_next_second_starts_anew);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The user's terminal as the guest's serial line, on a pseudo terminal. */
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/kvm/child.h"
#include "tests/tap.h"

#define CTRL_A "\001"
#define CTRL_C "\003"

static const char *const no_options[] = { NULL };
static struct child child;

static struct termios settings(void)
{
	struct termios t = { 0 };

	tcgetattr(child.out, &t);
	return t;
}

static void ctrl_a_x_quits_with_status_0(void)
{
	child_on_terminal(&child, "spin", no_options);
	CHECK(child_expect(&child, "up"));
	child_type(&child, CTRL_A "x");
	CHECK_EQ(child_wait(&child), 0);
}

static void ctrl_a_question_mark_lists_the_keys(void)
{
	child_on_terminal(&child, "spin", no_options);
	CHECK(child_expect(&child, "up"));
	child_type(&child, CTRL_A "?");
	CHECK(child_expect(&child, "Ctrl-A x"));
	CHECK(child_expect(&child, "this list"));
	CHECK(child_is_running(&child));
}

/* The guest sends it back, and 4 ends the guest. */
static void ctrl_a_twice_sends_one(void)
{
	child_on_terminal(&child, "echo", no_options);
	CHECK(child_expect(&child, "ready"));
	child_type(&child, "<" CTRL_A CTRL_A ">\004");
	CHECK(child_expect(&child, "<" CTRL_A ">"));
	CHECK_EQ(child_wait(&child), 0);
}

static void other_keys_after_ctrl_a_are_swallowed(void)
{
	child_on_terminal(&child, "echo", no_options);
	CHECK(child_expect(&child, "ready"));
	child_type(&child, "<" CTRL_A "z>\004");
	CHECK(child_expect(&child, "<>"));
}

static void keys_split_over_two_reads_work(void)
{
	child_on_terminal(&child, "echo", no_options);
	CHECK(child_expect(&child, "ready"));
	child_type(&child, "<" CTRL_A);
	child_type(&child, "<");
	child_type(&child, ">");
	CHECK(child_expect(&child, "<>"));
	child_type(&child, CTRL_A);
	child_type(&child, "x");
	CHECK_EQ(child_wait(&child), 0);
}

/* Ctrl-C, Ctrl-D (which ends this guest), return: no line discipline. */
static void control_keys_reach_the_guest(void)
{
	child_on_terminal(&child, "echo", no_options);
	CHECK(child_expect(&child, "ready"));
	child_type(&child, "<\003\032\021\023\r>");
	CHECK(child_expect(&child, "<\003\032\021\023\r>"));
	child_type(&child, "\004");
	CHECK_EQ(child_wait(&child), 0);
}

static void typed_text_is_not_echoed_by_the_terminal(void)
{
	child_on_terminal(&child, "spin", no_options);
	CHECK(child_expect(&child, "up"));
	child_type(&child, "secret" CTRL_A "?");
	CHECK(child_expect(&child, "this list"));
	CHECK(!strstr(child.text, "secret"));
}

/*
 * Compares the settings while the guest runs and after its end with those of
 * before. The child's first output comes after the change.
 */
static bool is_cooked(void)
{
	const tcflag_t want = ICANON | ECHO | ISIG;

	return (settings().c_lflag & want) == want;
}

static void terminal_is_raw_while_the_guest_runs(void)
{
	child_on_terminal(&child, "spin", no_options);
	CHECK(child_expect(&child, "up"));
	CHECK(!(settings().c_lflag & (ICANON | ECHO | ISIG)));
	CHECK(settings().c_oflag & OPOST);
}

static void quitting_restores_the_terminal(void)
{
	child_on_terminal(&child, "spin", no_options);
	CHECK(child_expect(&child, "up"));
	child_type(&child, CTRL_A "x");
	CHECK_EQ(child_wait(&child), 0);
	CHECK(is_cooked());
}

static void power_off_restores_the_terminal(void)
{
	child_on_terminal(&child, "echo", no_options);
	CHECK(child_expect(&child, "ready"));
	child_type(&child, "\004");
	CHECK_EQ(child_wait(&child), 0);
	CHECK(is_cooked());
}

static void crash_restores_the_terminal(void)
{
	child_on_terminal(&child, "triple", no_options);
	CHECK_EQ(child_wait(&child), 4);
	CHECK_HAS(child.text, "triple fault");
	CHECK(is_cooked());
}

static void sigterm_restores_the_terminal(void)
{
	child_on_terminal(&child, "spin", no_options);
	CHECK(child_expect(&child, "up"));
	kill(child.pid, SIGTERM);
	CHECK_EQ(child_wait(&child), 128 + SIGTERM);
	CHECK(is_cooked());
}

static void sigint_restores_the_terminal(void)
{
	child_on_terminal(&child, "spin", no_options);
	CHECK(child_expect(&child, "up"));
	kill(child.pid, SIGINT);
	CHECK_EQ(child_wait(&child), 128 + SIGINT);
	CHECK(is_cooked());
}

static void terminal_works_after_a_reboot(void)
{
	child_on_terminal(&child, "obey", no_options);
	CHECK(child_expect(&child, "fresh?"));
	child_type(&child, "r");
	CHECK(child_expect(&child, "reset\r\nfresh?"));
	child_type(&child, "q");
	CHECK_EQ(child_wait(&child), 0);
	CHECK(is_cooked());
}

/* As `kill -STOP` and the shell's fg do: the shell sets up its terminal. */
static void stop_and_continue(void)
{
	struct termios cooked = settings();
	int status;

	cooked.c_lflag |= ICANON | ECHO | ISIG;
	kill(child.pid, SIGSTOP);
	CHECK_EQ(waitpid(child.pid, &status, WUNTRACED), child.pid);
	tcsetattr(child.out, TCSANOW, &cooked);
	kill(child.pid, SIGCONT);
}

static void terminal_is_raw_again_after_a_stop(void)
{
	child_on_terminal(&child, "echo", no_options);
	CHECK(child_expect(&child, "ready"));
	stop_and_continue();
	for (int i = 0; i < 100 && is_cooked(); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	CHECK(!(settings().c_lflag & (ICANON | ECHO | ISIG)));
	child_type(&child, "\004");
	CHECK_EQ(child_wait(&child), 0);
	CHECK(is_cooked());
}

/* Without a serial line on the terminal, its keys are the user's. */
static void ctrl_c_interrupts_where_the_terminal_is_not_the_serial_port(void)
{
	static const char *const options[] = { "--serial", "null", NULL };
	const struct timespec second = { .tv_sec = 1 };

	child_on_terminal(&child, "spin", options);
	nanosleep(&second, NULL);
	child_type(&child, CTRL_C);
	CHECK_EQ(child_wait(&child), 128 + SIGINT);
}

static void hang_up_of_the_terminal_ends_the_guest(void)
{
	child_on_terminal(&child, "spin", no_options);
	CHECK(child_expect(&child, "up"));
	close(child.out);
	child.in = child.out = -1;
	CHECK_EQ(child_wait_unread(&child), 128 + SIGHUP);
}

static void keys_for_the_shell_do_not_stop_one_in_the_background(void)
{
	const struct timespec wait = { .tv_nsec = 300000000 };

	child_in_background(&child, "spin", no_options);
	CHECK(child_expect(&child, "up"));
	child_type(&child, "ls\n");
	nanosleep(&wait, NULL);
	CHECK(child_is_running(&child));
}

static void one_in_the_background_leaves_the_terminal_alone(void)
{
	child_in_background(&child, "spin", no_options);
	CHECK(child_expect(&child, "up"));
	CHECK(is_cooked());
}

/* A stop there (SIGTTOU) would keep devices from going back. */
static void one_moved_to_the_background_ends_without_a_stop(void)
{
	child_taken_back(&child, "spin", no_options);
	CHECK_EQ(child_wait(&child), 128 + SIGTERM);
}

/* More output than the terminal holds, and nobody reads it. */
static void ctrl_a_x_quits_while_output_is_stuck(void)
{
	const struct timespec second = { .tv_sec = 1 };

	child_on_terminal(&child, "flood", no_options);
	nanosleep(&second, NULL);
	CHECK(child_is_running(&child));
	child_type(&child, CTRL_A "x");
	nanosleep(&second, NULL);
	CHECK_EQ(child_wait(&child), 0);
	CHECK(!strstr(child.text, "0001fff"));
}

static void sigterm_ends_it_while_output_is_stuck(void)
{
	const struct timespec second = { .tv_sec = 1 };

	child_on_terminal(&child, "flood", no_options);
	nanosleep(&second, NULL);
	kill(child.pid, SIGTERM);
	CHECK_EQ(child_wait_unread(&child), 128 + SIGTERM);
}

#define TERMINAL_TEST(fn)                                                      \
	do {                                                                   \
		TAP_RUN(fn);                                                   \
		child_close(&child);                                           \
	} while (0)

int main(void)
{
	const char *why = child_skip_reason();

	if (why)
		return tap_skip_all(why);
	child_default_signals();
	TERMINAL_TEST(ctrl_a_x_quits_with_status_0);
	TERMINAL_TEST(ctrl_a_question_mark_lists_the_keys);
	TERMINAL_TEST(ctrl_a_twice_sends_one);
	TERMINAL_TEST(other_keys_after_ctrl_a_are_swallowed);
	TERMINAL_TEST(keys_split_over_two_reads_work);
	TERMINAL_TEST(control_keys_reach_the_guest);
	TERMINAL_TEST(typed_text_is_not_echoed_by_the_terminal);
	TERMINAL_TEST(terminal_is_raw_while_the_guest_runs);
	TERMINAL_TEST(quitting_restores_the_terminal);
	TERMINAL_TEST(power_off_restores_the_terminal);
	TERMINAL_TEST(crash_restores_the_terminal);
	TERMINAL_TEST(sigterm_restores_the_terminal);
	TERMINAL_TEST(sigint_restores_the_terminal);
	TERMINAL_TEST(terminal_works_after_a_reboot);
	TERMINAL_TEST(terminal_is_raw_again_after_a_stop);
	TERMINAL_TEST(
		ctrl_c_interrupts_where_the_terminal_is_not_the_serial_port);
	TERMINAL_TEST(hang_up_of_the_terminal_ends_the_guest);
	TERMINAL_TEST(keys_for_the_shell_do_not_stop_one_in_the_background);
	TERMINAL_TEST(one_in_the_background_leaves_the_terminal_alone);
	TERMINAL_TEST(one_moved_to_the_background_ends_without_a_stop);
	TERMINAL_TEST(ctrl_a_x_quits_while_output_is_stuck);
	TERMINAL_TEST(sigterm_ends_it_while_output_is_stuck);
	return tap_done();
}

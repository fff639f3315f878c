// SPDX-License-Identifier: GPL-2.0-or-later
/* Signals end the guest, with the status that a shell would give. */
#include <signal.h>
#include <time.h>

#include "tests/kvm/child.h"
#include "tests/tap.h"

static const char *const no_options[] = { NULL };
static struct child child;

static void start_and_send(int signo)
{
	child_on_pipes(&child, "spin", no_options);
	CHECK(child_expect(&child, "up\n"));
	kill(child.pid, signo);
}

static void sigterm_gives_143(void)
{
	start_and_send(SIGTERM);
	CHECK_EQ(child_wait(&child), 143);
}

static void sigint_gives_130(void)
{
	start_and_send(SIGINT);
	CHECK_EQ(child_wait(&child), 130);
}

static void sighup_gives_129(void)
{
	start_and_send(SIGHUP);
	CHECK_EQ(child_wait(&child), 129);
}

static void sigquit_gives_131(void)
{
	start_and_send(SIGQUIT);
	CHECK_EQ(child_wait(&child), 131);
}

/* Nobody means it so, but it must not keep devices from going back. */
static void sigusr1_gives_138(void)
{
	start_and_send(SIGUSR1);
	CHECK_EQ(child_wait(&child), 128 + SIGUSR1);
}

static void four_vcpus_are_stopped_too(void)
{
	static const char *const options[] = { "--cpus", "boot=4", NULL };

	child_on_pipes(&child, "spin", options);
	CHECK(child_expect(&child, "up\n"));
	kill(child.pid, SIGTERM);
	CHECK_EQ(child_wait(&child), 143);
}

static void many_signals_at_once_end_it_once(void)
{
	child_on_pipes(&child, "spin", no_options);
	CHECK(child_expect(&child, "up\n"));
	for (int i = 0; i < 20; i++)
		kill(child.pid, SIGTERM);
	CHECK_EQ(child_wait(&child), 143);
}

/* Right after the start, before or while the machine is built. */
static void early_signal_ends_it(void)
{
	static const char *const options[] = { "--serial", "null", NULL };

	child_on_pipes(&child, "spin", options);
	kill(child.pid, SIGTERM);
	/* As a process that had not begun, or as strait: not by itself. */
	CHECK(child_wait(&child) > 128);
}

/* At about the time of the reset, often enough to meet each moment of it. */
static void signal_between_two_boots_is_not_lost(void)
{
	for (int i = 0; i < 15; i++) {
		child_close(&child);
		child_on_pipes(&child, "obey", no_options);
		CHECK(child_expect(&child, "fresh?\n"));
		child_type(&child, "r");
		CHECK(child_expect(&child, "reset\n"));
		kill(child.pid, SIGTERM);
		CHECK_EQ(child_wait(&child), 143);
	}
}

/* What nohup does. */
static void signal_ignored_from_the_start_stays_ignored(void)
{
	const struct timespec wait = { .tv_nsec = 300000000 };

	signal(SIGHUP, SIG_IGN);
	child_on_pipes(&child, "spin", no_options);
	signal(SIGHUP, SIG_DFL);
	CHECK(child_expect(&child, "up\n"));
	kill(child.pid, SIGHUP);
	nanosleep(&wait, NULL);
	CHECK(child_is_running(&child));
}

#define SIGNAL_TEST(fn)                                                        \
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
	SIGNAL_TEST(sigterm_gives_143);
	SIGNAL_TEST(sigint_gives_130);
	SIGNAL_TEST(sighup_gives_129);
	SIGNAL_TEST(sigquit_gives_131);
	SIGNAL_TEST(sigusr1_gives_138);
	SIGNAL_TEST(four_vcpus_are_stopped_too);
	SIGNAL_TEST(many_signals_at_once_end_it_once);
	SIGNAL_TEST(early_signal_ends_it);
	SIGNAL_TEST(signal_between_two_boots_is_not_lost);
	SIGNAL_TEST(signal_ignored_from_the_start_stays_ignored);
	return tap_done();
}

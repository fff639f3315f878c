// SPDX-License-Identifier: GPL-2.0-or-later
/* Flow control of the serial port between pipes, and a guest that reboots. */
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "tests/kvm/child.h"
#include "tests/tap.h"

enum {
	PIPE_LEN = 4096, /* the smallest that Linux makes */
	FLOOD_LEN = 65536,
	SIP_LEN = 500,
	INPUT_LEN = 4096,
};

static const char *const no_options[] = { NULL };
static struct child child;

static void sleep_ms(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000,
				    .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* What the guest "flood" prints: lines that count up. */
static bool is_flood(const char *text)
{
	char line[9];

	for (unsigned int i = 0; i < FLOOD_LEN / 8; i++) {
		snprintf(line, sizeof(line), "%07x\n", i);
		if (memcmp(text + 8UL * i, line, 8) != 0)
			return false;
	}
	return true;
}

/* About a second's worth of reading, so that the guest waits most of the time.
 */
static void slow_reader_gets_all_in_order(void)
{
	child_on_pipes(&child, "flood", no_options);
	fcntl(child.out, F_SETPIPE_SZ, PIPE_LEN);
	do
		sleep_ms(5);
	while (child_read(&child, SIP_LEN) > 0);
	CHECK_EQ(child.len, FLOOD_LEN);
	CHECK(is_flood(child.text));
	CHECK_EQ(child_wait(&child), 0);
}

static void late_reader_gets_all_in_order(void)
{
	child_on_pipes(&child, "flood", no_options);
	fcntl(child.out, F_SETPIPE_SZ, PIPE_LEN);
	sleep_ms(500);
	CHECK(child_is_running(&child));
	CHECK_EQ(child_wait(&child), 0);
	CHECK_EQ(child.len, FLOOD_LEN);
	CHECK(is_flood(child.text));
}

/* The guest is killed while it waits for the reader. */
static void sigterm_ends_a_guest_that_waits_for_its_reader(void)
{
	child_on_pipes(&child, "flood", no_options);
	fcntl(child.out, F_SETPIPE_SZ, PIPE_LEN);
	sleep_ms(300);
	CHECK(child_is_running(&child));
	kill(child.pid, SIGTERM);
	CHECK_EQ(child_wait_unread(&child), 128 + SIGTERM);
}

/* More than the FIFO holds at once, so the rest has to wait in the pipe. */
static void input_at_once_arrives_whole(void)
{
	static char typed[INPUT_LEN + 1];

	memset(typed, 'x', INPUT_LEN);
	for (unsigned int i = 0; i < INPUT_LEN; i += 8)
		typed[i] = (char)('a' + i / 8 % 26);
	child_on_pipes(&child, "echo", no_options);
	child_type(&child, typed);
	child_type(&child, "\004");
	CHECK_EQ(child_wait(&child), 0);
	CHECK_EQ(child.len, strlen("ready\n") + INPUT_LEN);
	CHECK_HAS(child.text, typed);
}

static void end_of_input_does_not_end_the_guest(void)
{
	child_on_pipes(&child, "spin", no_options);
	close(child.in);
	child.in = -1;
	CHECK(child_expect(&child, "up"));
	sleep_ms(200);
	CHECK(child_is_running(&child));
}

static void reset_boots_again_with_zeroed_memory(void)
{
	child_on_pipes(&child, "obey", no_options);
	CHECK(child_expect(&child, "fresh?\n"));
	child_type(&child, "r");
	CHECK(child_expect(&child, "fresh?\nreset\nfresh?\n"));
	child_type(&child, "q");
	CHECK_EQ(child_wait(&child), 0);
	CHECK(!strcmp(child.text, "fresh?\nreset\nfresh?\nbye\n"));
}

static void ten_resets_in_a_row_work(void)
{
	child_on_pipes(&child, "obey", no_options);
	for (int i = 0; i < 10; i++) {
		child_forget(&child);
		CHECK(child_expect(&child, "fresh?\n"));
		child_type(&child, "r");
		CHECK(child_expect(&child, "reset\n"));
	}
	child_forget(&child);
	CHECK(child_expect(&child, "fresh?\n"));
	child_type(&child, "q");
	CHECK_EQ(child_wait(&child), 0);
}

static void on_reboot_restart_is_the_default_and_can_be_said(void)
{
	static const char *const options[] = { "--on-reboot", "restart", NULL };

	child_on_pipes(&child, "obey", options);
	CHECK(child_expect(&child, "fresh?\n"));
	child_type(&child, "r");
	CHECK(child_expect(&child, "reset\nfresh?\n"));
}

#define SERIAL_TEST(fn)                                                        \
	do {                                                                   \
		TAP_RUN(fn);                                                   \
		child_close(&child);                                           \
	} while (0)

int main(void)
{
	const char *why = child_skip_reason();

	if (why)
		return tap_skip_all(why);
	SERIAL_TEST(slow_reader_gets_all_in_order);
	SERIAL_TEST(late_reader_gets_all_in_order);
	SERIAL_TEST(sigterm_ends_a_guest_that_waits_for_its_reader);
	SERIAL_TEST(input_at_once_arrives_whole);
	SERIAL_TEST(end_of_input_does_not_end_the_guest);
	SERIAL_TEST(reset_boots_again_with_zeroed_memory);
	SERIAL_TEST(ten_resets_in_a_row_work);
	SERIAL_TEST(on_reboot_restart_is_the_default_and_can_be_said);
	return tap_done();
}

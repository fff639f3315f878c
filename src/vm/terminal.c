// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The user's terminal as the guest's serial line: raw input, and Ctrl-A as the
 * way out.
 *
 * The saved settings are process-wide, because the terminal is.
 */
#include <ctype.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "src/vm/vm.h"

enum { ESCAPE = 0x01 /* Ctrl-A */ };

static struct termios saved;
static bool is_raw;
static bool escape_seen;

bool terminal_is_ours(void)
{
	return !isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* Output processing stays on, so that strait's own lines look right. */
static bool set_raw(void)
{
	struct termios t = saved;

	t.c_iflag &=
		~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | ISTRIP | IXON);
	t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	return !tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

void terminal_raw(void)
{
	if (!isatty(STDIN_FILENO) || !terminal_is_ours() ||
	    tcgetattr(STDIN_FILENO, &saved))
		return;
	is_raw = set_raw();
}

void terminal_continued(void)
{
	if (is_raw && terminal_is_ours())
		set_raw();
}

/*
 * Moved to the background it leaves the terminal to the shell, which has set it
 * up anew: SIGTTOU would stop strait before it gives devices back.
 */
void terminal_restore(void)
{
	if (is_raw && terminal_is_ours())
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	is_raw = false;
}

static void print_keys(void)
{
	fputs("\n"
	      "strait: Ctrl-A x       quit (the guest is stopped at once)\n"
	      "        Ctrl-A Ctrl-A  send Ctrl-A to the guest\n"
	      "        Ctrl-A ?       this list\n",
	      stderr);
}

/* The key after Ctrl-A. True if it goes to the guest. */
static bool escape_key(struct vm *vm, uint8_t key)
{
	if (key == ESCAPE)
		return true;
	if (tolower(key) == 'x')
		vm_request_end(vm, VM_END_QUIT);
	else if (key == '?' || tolower(key) == 'h')
		print_keys();
	return false;
}

size_t terminal_filter(void *ctx, uint8_t *buf, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		bool is_escape = !escape_seen && buf[i] == ESCAPE;
		bool keep = escape_seen ? escape_key(ctx, buf[i]) : !is_escape;

		escape_seen = is_escape;
		if (keep)
			buf[kept++] = buf[i];
	}
	return kept;
}

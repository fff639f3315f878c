/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the program as a user or a script would: on a terminal of its own, or
 * between pipes. Everything that it prints is collected; a wait that takes
 * longer than CHILD_TIMEOUT_MS fails the test.
 */
#ifndef STRAIT_TESTS_KVM_CHILD_H
#define STRAIT_TESTS_KVM_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

enum {
	CHILD_TIMEOUT_MS = 20000,
	CHILD_TEXT_LEN = 128 << 10,
	CHILD_STOPPED = 99
};

struct child {
	pid_t pid;
	int in;	 /* what is written here is typed */
	int out; /* what it prints; on a terminal the same as in */
	int err; /* its messages; -1 on a terminal, where they go to out */
	char text[CHILD_TEXT_LEN]; /* all of out so far, ends in NUL */
	unsigned int len;
};

/*
 * Starts `$STRAIT run --kernel GUEST OPTION...`; options ends in NULL. GUEST is
 * the name of one of the guests.
 */
void child_on_pipes(struct child *c, const char *guest,
		    const char *const *options);
void child_on_terminal(struct child *c, const char *guest,
		       const char *const *options);
/*
 * The same in a background process group of that terminal. The child is then a
 * shell of sorts that waits for it, and ends with CHILD_STOPPED if it is
 * stopped.
 */
void child_in_background(struct child *c, const char *guest,
			 const char *const *options);
/*
 * In the foreground, until that shell takes the terminal back after a second
 * and sends SIGTERM.
 */
void child_taken_back(struct child *c, const char *guest,
		      const char *const *options);
/* Forgets what was printed so far. */
void child_forget(struct child *c);
/* Ends what still runs, and closes. */
void child_close(struct child *c);

/* Waits until text is among what was printed. False: it ended, or time is up.
 */
bool child_expect(struct child *c, const char *text);
/* Waits for one more read of at most max bytes; 0 at the end, -1 if time is up.
 */
int child_read(struct child *c, unsigned int max);
void child_type(struct child *c, const char *text);
/* Reads until it ends, then gives its status as a shell does; -1: time is up.
 */
int child_wait(struct child *c);
/* The same without reading what it prints. */
int child_wait_unread(struct child *c);
bool child_is_running(struct child *c);

/*
 * Signals as on a terminal, for this process and the children to come: a shell
 * starts what is in the background with SIGINT and SIGQUIT ignored, nohup with
 * SIGHUP.
 */
void child_default_signals(void);

/* Why tests on /dev/kvm cannot run here, or NULL. */
const char *child_skip_reason(void);

#endif

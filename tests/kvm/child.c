// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs the program under a test, see child.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/kvm/child.h"

enum { MAX_WORDS = 32, STEP_MS = 5 };

static const char *from_env(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value ? value : otherwise;
}

/* In the new process. */
_Noreturn static void start(const char *guest, const char *const *options)
{
	const char *program = from_env("STRAIT", "build/strait");
	const char *words[MAX_WORDS] = { program, "run", "--kernel" };
	char *argv[MAX_WORDS + 1] = { NULL }, path[4096];
	unsigned int n = 3;

	snprintf(path, sizeof(path), "%s/tests/kvm/guests/%s",
		 from_env("STRAIT_BUILD", "build/obj"), guest);
	words[n++] = path;
	while (*options && n < MAX_WORDS)
		words[n++] = *options++;
	/* execv wants words that may be written. */
	for (unsigned int i = 0; i < n; i++)
		argv[i] = strdup(words[i]);
	execv(program, argv);
	perror(program);
	_exit(127);
}

static void make_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC)) {
		perror("pipe2");
		exit(1);
	}
}

void child_on_pipes(struct child *c, const char *guest,
		    const char *const *options)
{
	int in[2], out[2], err[2];

	make_pipe(in);
	make_pipe(out);
	make_pipe(err);
	child_forget(c);
	c->pid = fork();
	if (!c->pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		start(guest, options);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	c->in = in[1];
	c->out = out[0];
	c->err = err[0];
}

void child_on_terminal(struct child *c, const char *guest,
		       const char *const *options)
{
	child_forget(c);
	c->pid = forkpty(&c->out, NULL, NULL, NULL);
	if (!c->pid)
		start(guest, options);
	c->in = c->out;
	c->err = -1;
}

void child_forget(struct child *c)
{
	c->len = 0;
	c->text[0] = '\0';
}

/* What a shell does for `strait run ... &`. */
_Noreturn static void start_in_background(const char *guest,
					  const char *const *options)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		start(guest, options);
	}
	setpgid(pid, pid);
	waitpid(pid, &status, WUNTRACED);
	_exit(WIFSTOPPED(status) ? CHILD_STOPPED : WEXITSTATUS(status));
}

void child_in_background(struct child *c, const char *guest,
			 const char *const *options)
{
	child_forget(c);
	c->pid = forkpty(&c->out, NULL, NULL, NULL);
	if (!c->pid)
		start_in_background(guest, options);
	c->in = c->out;
	c->err = -1;
}

/* The shell takes the terminal back from a job, and then ends that. */
_Noreturn static void start_and_take_back(const char *guest,
					  const char *const *options)
{
	const struct timespec second = { .tv_sec = 1 };
	int status = 0;
	pid_t pid;

	signal(SIGTTOU, SIG_IGN);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		tcsetpgrp(STDIN_FILENO, getpid());
		signal(SIGTTOU, SIG_DFL);
		start(guest, options);
	}
	nanosleep(&second, NULL);
	tcsetpgrp(STDIN_FILENO, getpid());
	kill(pid, SIGTERM);
	waitpid(pid, &status, WUNTRACED);
	_exit(WIFSTOPPED(status) ? CHILD_STOPPED : WEXITSTATUS(status));
}

void child_taken_back(struct child *c, const char *guest,
		      const char *const *options)
{
	child_forget(c);
	c->pid = forkpty(&c->out, NULL, NULL, NULL);
	if (!c->pid)
		start_and_take_back(guest, options);
	c->in = c->out;
	c->err = -1;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void child_close(struct child *c)
{
	/* Not reaped yet, so the number is still its own. */
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	if (c->in != c->out)
		close_fd(c->in);
	close_fd(c->out);
	close_fd(c->err);
	c->pid = -1;
	c->in = c->out = c->err = -1;
}

int child_read(struct child *c, unsigned int max)
{
	struct pollfd p = { .fd = c->out, .events = POLLIN };
	unsigned int room = CHILD_TEXT_LEN - 1 - c->len;
	ssize_t n;

	if (poll(&p, 1, CHILD_TIMEOUT_MS) != 1)
		return -1;
	n = read(c->out, c->text + c->len, room < max ? room : max);
	/* A terminal that nobody holds any more says EIO. */
	if (n <= 0)
		return 0;
	c->len += (unsigned int)n;
	c->text[c->len] = '\0';
	return (int)n;
}

bool child_expect(struct child *c, const char *text)
{
	while (!strstr(c->text, text))
		if (child_read(c, CHILD_TEXT_LEN) <= 0)
			return false;
	return true;
}

void child_type(struct child *c, const char *text)
{
	size_t len = strlen(text);

	if (write(c->in, text, len) != (ssize_t)len)
		perror("child_type");
}

bool child_is_running(struct child *c)
{
	siginfo_t info = { 0 };

	return c->pid > 0 &&
	       !waitid(P_PID, (id_t)c->pid, &info,
		       WEXITED | WNOHANG | WNOWAIT) &&
	       !info.si_pid;
}

int child_wait_unread(struct child *c)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	int status;

	for (int ms = 0; ms < CHILD_TIMEOUT_MS; ms += STEP_MS) {
		pid_t pid = waitpid(c->pid, &status, WNOHANG);

		if (pid == c->pid) {
			c->pid = -1;
			return WIFEXITED(status) ? WEXITSTATUS(status)
						 : 256 + WTERMSIG(status);
		}
		nanosleep(&step, NULL);
	}
	return -1;
}

int child_wait(struct child *c)
{
	int n;

	do
		n = child_read(c, CHILD_TEXT_LEN);
	while (n > 0);
	return n < 0 ? -1 : child_wait_unread(c);
}

void child_default_signals(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

const char *child_skip_reason(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return errno == EACCES || errno == EPERM
			       ? "no permission on /dev/kvm"
			       : "no /dev/kvm";
	close(fd);
	return NULL;
}

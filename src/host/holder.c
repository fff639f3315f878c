// SPDX-License-Identifier: GPL-2.0-or-later
/* Who has a device node open: the answer to EBUSY. */
/*
 * How this works
 *
 * Every open file of a process is a link /proc/PID/fd/N that reads as the path
 * by which it was opened, as seen in that process's mount namespace: a node in
 * a container's /dev reads the same. The directories of other users' processes
 * cannot be listed without CAP_SYS_PTRACE; those are passed over, so that "no
 * holder seen" does not mean "not held".
 *
 * A scan costs two system calls per open file on the machine: ask only after
 * an open failed.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/host/priv.h"

struct search {
	const struct host *h;
	const char *path;
	const char *pid; /* as /proc spells it */
	pid_t self, found;
};

static int fd_is_path(const char *name, void *arg)
{
	const struct search *s = arg;
	char target[PATH_MAX];

	return host_link_target(s->h, target, sizeof(target), "proc/%s/fd/%s",
				s->pid, name) >= 0 &&
	       !strcmp(target, s->path);
}

static bool holds(struct search *s)
{
	return host_each_name(s->h, fd_is_path, s, "proc/%s/fd", s->pid) == 1;
}

static int pid_holds(const char *name, void *arg)
{
	struct search *s = arg;
	pid_t pid = (pid_t)strtol(name, NULL, 10);

	if (!isdigit((unsigned char)*name) || pid == s->self)
		return 0;
	s->pid = name;
	if (!holds(s))
		return 0;
	s->found = pid;
	return 1;
}

/* A process gives itself any name, escapes for a terminal as well. */
void host_comm(const struct host *h, pid_t pid, char *name, size_t len)
{
	if (host_read(h, name, len, "proc/%d/comm", (int)pid) < 0)
		snprintf(name, len, "?");
	for (char *c = name; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

pid_t host_holder(const struct host *h, const char *path, char *name,
		  size_t len)
{
	struct search s = { .h = h, .path = path, .self = getpid() };

	host_each_name(h, pid_holds, &s, "proc");
	if (s.found)
		host_comm(h, s.found, name, len);
	return s.found;
}

bool host_self_holds(const struct host *h, const char *path)
{
	struct search s = { .h = h, .path = path, .pid = "self" };

	return holds(&s);
}

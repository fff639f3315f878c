// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs a VMM, and takes samples when its guest prints certain lines. */
/*
 * How this works. `make bench-boot` compiles this, statically, and runs it in
 * the emulated host:
 *
 *     watch DIR SECONDS FILE... -- COMMAND...
 *
 * COMMAND gets a pipe for its standard output, the guest's serial port; this
 * program sleeps in read(2) until something comes. The line GUEST-USERSPACE
 * takes the sample "userspace", a line BENCH NAME the sample NAME. A sample is
 * a directory DIR/NAME with
 *
 *     time       milliseconds since just before exec (CLOCK_MONOTONIC; the
 *                file DIR/start has its value at exec)
 *     stats      what KVM counts for the VM (debugfs), a "name value" per line
 *     FILE...    a copy of each FILE given, by its parent directory's name
 *     stat       of COMMAND's process: CPU time
 *     smaps, status   of COMMAND's process; in the sample "end" only, because
 *                     walking guest memory takes long
 *
 * The clock and `exits` are read first: the guest goes on meanwhile. When
 * COMMAND has ended, its FILEs are copied once more, to the sample "exit".
 *
 * Standard input is a pipe that nobody writes to. /dev/null would be readable
 * always, and VMMs that poll it would spin.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KVM_DEBUGFS  "/sys/kernel/debug/kvm"
#define EXIT_TIMEOUT 124

struct watch {
	int dir_fd;
	char **files; /* up to NULL */
	char **command;
	pid_t pid;
	double *start_ms; /* shared with the child */
	FILE *console;
	char line[512];
	size_t line_len;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what)
{
	fprintf(stderr, "watch: %s: %s\n", what, strerror(errno));
	exit(1);
}

static FILE *open_in(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0666);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		die(name);
	return f;
}

static void copy_file(const char *from, int dir_fd, const char *name)
{
	static char buf[65536];
	FILE *out = open_in(dir_fd, name);
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, out);
	if (fd >= 0)
		close(fd);
	fclose(out);
}

/* One counter of KVM; -1 if there is none. */
static long long read_counter(const char *vm, const char *name)
{
	char path[4096], buf[64];
	long long value = -1;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), KVM_DEBUGFS "/%s/%s", vm, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	/* Some files are histograms. */
	if (sscanf(buf, "%lld", &value) != 1)
		return -1;
	return value;
}

/* KVM names the directory of a VM PID-FD. One VM runs at a time. */
static bool find_vm(char *name, size_t size)
{
	DIR *d = opendir(KVM_DEBUGFS);
	struct dirent *e;
	bool found = false;

	if (!d)
		die(KVM_DEBUGFS);
	while (!found && (e = readdir(d))) {
		found = strchr("123456789", e->d_name[0]) != NULL;
		if (found)
			snprintf(name, size, "%s", e->d_name);
	}
	closedir(d);
	return found;
}

static void write_stats(int dir_fd, const char *vm, long long exits)
{
	FILE *out = open_in(dir_fd, "stats");
	char path[4096];
	struct dirent *e;
	DIR *d;

	fprintf(out, "exits %lld\n", exits);
	snprintf(path, sizeof(path), KVM_DEBUGFS "/%s", vm);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_type != DT_REG || !strcmp(e->d_name, "exits"))
			continue;
		fprintf(out, "%s %lld\n", e->d_name,
			read_counter(vm, e->d_name));
	}
	if (d)
		closedir(d);
	fclose(out);
}

/* .../events/kvm/kvm_exit/hist becomes kvm_exit. */
static void copy_files(const struct watch *w, int dir_fd)
{
	char name[256];

	for (char **f = w->files; *f; f++) {
		const char *end = strrchr(*f, '/');
		const char *begin = end;

		while (begin > *f && begin[-1] != '/')
			begin--;
		snprintf(name, sizeof(name), "%.*s", (int)(end - begin), begin);
		copy_file(*f, dir_fd, name);
	}
}

static void copy_memory(const struct watch *w, int dir_fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps", w->pid);
	copy_file(path, dir_fd, "smaps");
	snprintf(path, sizeof(path), "/proc/%d/status", w->pid);
	copy_file(path, dir_fd, "status");
}

static void copy_stat(const struct watch *w, int dir_fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", w->pid);
	copy_file(path, dir_fd, "stat");
}

static void take_sample(const struct watch *w, const char *name)
{
	double ms = now_ms() - *w->start_ms;
	long long exits = -1;
	char vm[256] = "";
	int dir_fd;
	FILE *out;

	if (find_vm(vm, sizeof(vm)))
		exits = read_counter(vm, "exits");
	mkdirat(w->dir_fd, name, 0777);
	dir_fd = openat(w->dir_fd, name, O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		die(name);
	copy_files(w, dir_fd);
	copy_stat(w, dir_fd);
	if (vm[0])
		write_stats(dir_fd, vm, exits);
	if (!strcmp(name, "end"))
		copy_memory(w, dir_fd);
	/* Last, because its presence says that the sample is whole. */
	out = open_in(dir_fd, "time");
	fprintf(out, "%.1f\n", ms);
	fclose(out);
	close(dir_fd);
}

/* Firmware may have left escape sequences before the first line. */
static void take_line(struct watch *w)
{
	char name[64], *mark;

	w->line[w->line_len] = '\0';
	w->line_len = 0;
	mark = strstr(w->line, "BENCH ");
	if (strstr(w->line, "GUEST-USERSPACE"))
		take_sample(w, "userspace");
	else if (mark && sscanf(mark, "BENCH %63[-a-z0-9]", name) == 1)
		take_sample(w, name);
}

static void take_output(struct watch *w, const char *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (buf[i] == '\n')
			take_line(w);
		else if (w->line_len < sizeof(w->line) - 1)
			w->line[w->line_len++] = buf[i];
	}
	fwrite(buf, 1, len, w->console);
	fflush(w->console);
}

static void run_command(const struct watch *w, int in, int out)
{
	int err = fileno(open_in(w->dir_fd, "errors"));

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
	*w->start_ms = now_ms();
	execvp(w->command[0], w->command);
	perror(w->command[0]);
	_exit(127);
}

/* Returns a descriptor to read the command's output from. */
static int start_command(struct watch *w)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		die("pipe2");
	w->start_ms = mmap(NULL, sizeof(double), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w->start_ms == MAP_FAILED)
		die("mmap");
	w->pid = fork();
	if (w->pid < 0)
		die("fork");
	if (!w->pid)
		run_command(w, in[0], out[1]);
	close(out[1]);
	return out[0];
}

/* Until the command closes its output; false if that took too long. */
static bool read_output(struct watch *w, int fd, double seconds)
{
	double limit = now_ms() + seconds * 1e3;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[4096];
	ssize_t n = 1;

	while (n > 0 && now_ms() < limit) {
		if (poll(&p, 1, 1000) <= 0)
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n > 0)
			take_output(w, buf, (size_t)n);
	}
	return n <= 0;
}

static void write_start(const struct watch *w)
{
	FILE *out = open_in(w->dir_fd, "start");

	fprintf(out, "%.1f\n", *w->start_ms);
	fclose(out);
}

static int parse(struct watch *w, int argc, char **argv)
{
	int i = 3;

	while (i < argc && strcmp(argv[i], "--"))
		i++;
	if (i + 1 >= argc)
		return -1;
	argv[i] = NULL;
	w->dir_fd = open(argv[1], O_DIRECTORY | O_CLOEXEC);
	if (w->dir_fd < 0)
		die(argv[1]);
	w->files = argv + 3;
	w->command = argv + i + 1;
	return 0;
}

int main(int argc, char **argv)
{
	struct watch w = { 0 };
	int fd, status;
	bool ended;

	if (parse(&w, argc, argv)) {
		fputs("usage: watch DIR SECONDS FILE... -- COMMAND...\n",
		      stderr);
		return 2;
	}
	w.console = open_in(w.dir_fd, "console");
	fd = start_command(&w);
	ended = read_output(&w, fd, atof(argv[2]));
	if (!ended)
		kill(w.pid, SIGKILL);
	waitpid(w.pid, &status, 0);
	take_sample(&w, "exit");
	write_start(&w);
	if (!ended)
		return EXIT_TIMEOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

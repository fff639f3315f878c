// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `strait run`: host changes around the life of one machine after another.
 *
 * How this works: signals that end a program are blocked first and read by the
 * event loop (or asked for while building), so whatever happens the same way
 * out is taken and devices go back to their drivers. The functions are bound
 * once, however often the guest reboots.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/vm/screens.h"
#include "src/vm/vm.h"

/* Those that were ignored when strait was started (nohup, &) stay so. */
static void ending_signals(sigset_t *set)
{
	static const int ending[] = { SIGINT,  SIGTERM, SIGHUP,	 SIGQUIT,
				      SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU };

	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++) {
		struct sigaction action;

		sigaction(ending[i], NULL, &action);
		if (action.sa_handler != SIG_IGN)
			sigaddset(set, ending[i]);
	}
}

int vm_pending_signal(void)
{
	sigset_t ending, pending;

	ending_signals(&ending);
	sigpending(&pending);
	for (int signo = 1; signo < SIGRTMIN; signo++)
		if (sigismember(&ending, signo) == 1 &&
		    sigismember(&pending, signo) == 1)
			return signo;
	return 0;
}

bool vm_is_interrupted(void *ctx)
{
	(void)ctx;
	return vm_pending_signal() != 0;
}

void vm_request_end(struct vm *vm, enum vm_end end)
{
	enum vm_end now = __atomic_load_n(&vm->end, __ATOMIC_ACQUIRE);

	/* The host's wish to stop counts also while the guest reboots. */
	while (now == VM_END_NONE ||
	       (now == VM_END_REBOOT &&
		(end == VM_END_SIGNAL || end == VM_END_QUIT))) {
		if (!__atomic_compare_exchange_n(&vm->end, &now, end, false,
						 __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE))
			continue;
		loop_stop(&vm->loop);
		break;
	}
}

struct vm_signal_source {
	struct loop_signals signals;
	struct vm *vm;
};

static void on_signal(struct loop_signals *s, int signo)
{
	struct vm_signal_source *source =
		CONTAINER_OF(s, struct vm_signal_source, signals);

	if (signo == SIGCONT) {
		terminal_continued();
		return;
	}
	source->vm->signal = signo;
	vm_request_end(source->vm, VM_END_SIGNAL);
}

struct vm_irq_source {
	struct loop_source source;
	struct irq *irq;
	struct log_limit limit;
};

static void on_first_interrupt(struct loop_source *s, uint32_t events)
{
	struct vm_irq_source *irqs =
		CONTAINER_OF(s, struct vm_irq_source, source);
	struct err e = { 0 };

	(void)events;
	if (irq_flush(irqs->irq, &e))
		log_guest(&irqs->limit, "interrupts", "%s", e.msg);
}

static int wait_for_interrupts(struct vm *vm, struct vm_irq_source *s,
			       struct err *e)
{
	int ret = irq_defer(&vm->irq, e);

	s->irq = &vm->irq;
	s->source.fd = vm->irq.deferred_fd;
	s->source.ready = on_first_interrupt;
	return ret ? ret : loop_add(&vm->loop, &s->source, EPOLLIN, e);
}

/* The loop does not run now, and the relay behind the port is served here. */
static bool is_drained_enough(void *ctx)
{
	struct vm *vm = ctx;

	return !relay_drain(&vm->relay) || vm_is_interrupted(vm);
}

int vm_execute(struct vm *vm, struct err *e)
{
	struct vm_irq_source irqs = { .source.fd = -1 };
	struct vm_signal_source source = { .signals.fn = on_signal, .vm = vm };
	sigset_t set;
	int ret;

	ending_signals(&set);
	sigaddset(&set, SIGCONT);
	ret = loop_signals_add(&vm->loop, &source.signals, &set, e);
	if (ret)
		return ret;
	ret = wait_for_interrupts(vm, &irqs, e);
	if (!ret)
		ret = vcpus_start(vm, e);
	if (!ret)
		ret = loop_run(&vm->loop, e);
	if (ret)
		vm_request_end(vm, VM_END_HOST_ERROR);
	vcpus_stop(vm);
	/* A slow reader gets the guest's last words, unless it is to stop now.
	 */
	if (vm->has_serial && vm->end != VM_END_SIGNAL &&
	    vm->end != VM_END_QUIT)
		serial_drain(&vm->serial, is_drained_enough, vm);
	loop_signals_del(&vm->loop, &source.signals);
	if (irqs.source.fd >= 0)
		loop_del(&vm->loop, &irqs.source);
	irq_defer_end(&vm->irq);
	return ret;
}

static int status_of(const struct vm *vm)
{
	switch (vm->end) {
	case VM_END_POWER_OFF:
	case VM_END_QUIT:
		return VM_OK;
	case VM_END_REBOOT:
		return VM_REBOOTED;
	case VM_END_CRASH:
		return VM_CRASH;
	case VM_END_SIGNAL:
		return VM_SIGNAL + vm->signal;
	default:
		return VM_HOST;
	}
}

/* The file of --serial file=. */
struct serial_file {
	int fd;	       /* or -1 */
	bool is_made;  /* was not there before */
	bool is_begun; /* a guest had it */
};

static int serial_file_hint(const char *path, int ret, struct err *e)
{
	if (ret == -ENXIO)
		err_hint(e,
			 "a FIFO needs its reader first, for example: cat %s &",
			 path);
	else
		err_hint(
			e,
			"--serial file=%s has to be a file that can be made or written",
			path);
	return ret;
}

/*
 * It stays open while the guest reboots, so that its last words before that are
 * kept. Not waiting for the reader of a FIFO, because signals are blocked here.
 */
static int serial_file_open(struct serial_file *f, const struct config *c,
			    struct err *e)
{
	const int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	const char *path = c->serial_file;

	*f = (struct serial_file){ .fd = -1 };
	if (c->serial != SERIAL_FILE)
		return 0;
	f->fd = open(path, flags | O_CREAT | O_EXCL, 0644);
	f->is_made = f->fd >= 0;
	/* O_CREAT again, for a link that leads to no file yet. */
	if (f->fd < 0 && errno == EEXIST)
		f->fd = open(path, flags | O_CREAT, 0644);
	if (f->fd >= 0)
		return 0;
	return serial_file_hint(path, err_sys(e, path, "open"), e);
}

/* What a start that is refused finds in the file stays in it. */
static void serial_file_begin(struct serial_file *f)
{
	if (f->fd >= 0 && !lseek(f->fd, 0, SEEK_CUR) && ftruncate(f->fd, 0))
		log_debug("serial", "its file cannot be emptied");
	f->is_begun = true;
}

/* A start that was refused leaves no file behind that was not there. */
static void serial_file_close(struct serial_file *f, const struct config *c)
{
	if (f->fd < 0)
		return;
	if (f->is_made && !f->is_begun)
		unlink(c->serial_file);
	close(f->fd);
}

/* What outlives a machine when its guest reboots. */
struct kept {
	struct serial_file serial;
	struct screens screens;
	struct rtc_cells rtc_cells;
	enum block_format disk_formats[CONFIG_MAX_EMULATED];
};

/* One machine from power-on to its end. */
static int run_once(const struct config *c, const struct host *host,
		    struct assignments *assignments, struct kept *kept,
		    struct err *e)
{
	struct vm vm = { .serial_fd = kept->serial.fd,
			 .screens = &kept->screens,
			 .rtc_cells = &kept->rtc_cells,
			 .disk_formats = kept->disk_formats };
	int status = VM_HOST;
	int ret = vm_build(&vm, c, host, assignments, e);

	if (ret == -EINTR && vm_pending_signal()) {
		*e = (struct err){ 0 };
		status = VM_SIGNAL + vm_pending_signal();
	}
	if (!ret) {
		if (c->timing)
			timing_print(&vm.timing, stderr);
		if (c->serial == SERIAL_TTY || config_console_is_tty(c))
			terminal_raw();
		serial_file_begin(&kept->serial);
		ret = vm_execute(&vm, e);
		terminal_restore();
		status = ret ? VM_HOST : status_of(&vm);
		if (c->stats)
			vm_print_stats(&vm, stderr);
	}
	vm_teardown(&vm);
	return status;
}

/* Limits that any step may run into. */
static void hint_limit(struct err *e)
{
	if (e->code == EMFILE)
		err_hint(
			e,
			"the limit on open files is too low: ulimit -n 4096, as root if it is a hard limit");
	else if (e->code == ENFILE)
		err_hint(e,
			 "the whole host may open no more: sysctl fs.file-max");
}

/* Each MSI-X vector takes an eventfd, and soft limits of 1024 are common. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int vm_run(const struct config *c, struct err *e)
{
	struct assignments assignments = { .nr = 0 };
	struct kept kept = { 0 };
	struct host host;
	sigset_t set;
	int status = VM_HOST, ret;

	/* One heap is enough; an arena per thread would cost memory each. */
	mallopt(M_ARENA_MAX, 1);
	/* The write fails instead: of a pipe, of a file beyond ulimit -f. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	raise_file_limit();
	ending_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (host_open(&host, "/", e))
		return VM_HOST;
	ret = serial_file_open(&kept.serial, c, e);
	if (!ret)
		ret = screens_open(&kept.screens, c, e);
	if (!ret)
		ret = assign_devices(c, &host, &assignments, e);
	if (!ret) {
		do
			status = run_once(c, &host, &assignments, &kept, e);
		while (status == VM_REBOOTED && c->restart_on_reboot);
	}
	hint_limit(e);
	if (!assign_undo(&host, &assignments) && status == VM_OK)
		status = VM_HOST;
	screens_close(&kept.screens);
	serial_file_close(&kept.serial, c);
	host_close(&host);
	return status;
}

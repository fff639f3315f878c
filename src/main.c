// SPDX-License-Identifier: GPL-2.0-or-later
/* strait: the command line's front door. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/base/err.h"
#include "src/base/log.h"
#include "src/base/options.h"
#include "src/display/display.h"
#include "src/vm/config.h"
#include "src/vm/model.h"
#include "src/vm/vm.h"

static void usage(FILE *f)
{
	fputs("usage: strait run --kernel FILE [OPTION]...\n"
	      "       strait devices\n"
	      "       strait screenshot SOCKET FILE.png\n"
	      "       strait vf COMMAND ...\n"
	      "       strait iommu COMMAND ...\n"
	      "       strait run | vf | iommu --help\n"
	      "       strait --help | --version\n"
	      "\n"
	      "run    runs a Linux guest under KVM and assigns PCI functions to it by VFIO\n"
	      "devices  lists the emulated devices that run can give it, and their keys\n"
	      "vf     makes and configures SR-IOV virtual functions (strait-vf)\n"
	      "iommu  shows what can be assigned, and why not (strait-iommu)\n"
	      "See strait(1), and `strait run --help` for the options.\n",
	      f);
}

/* What was asked for is on stdout by now, or it did not work. */
static int printed(void)
{
	struct err e = { 0 };

	if (!fflush(stdout) && !ferror(stdout))
		return VM_OK;
	err_sys(&e, "standard output", "write");
	err_print(&e, stderr);
	return VM_HOST;
}

static int run(int argc, char **argv)
{
	enum config_action action;
	struct config config;
	struct err e = { 0 };
	int status = VM_USAGE;

	if (!config_parse(argc, argv, &config, &action, &e)) {
		if (action == CONFIG_HELP) {
			config_help(stdout);
			return printed();
		}
		log_set_level((enum log_level)(LOG_WARN + config.verbosity));
		status = vm_run(&config, &e);
	}
	if (e.code)
		err_print(&e, stderr);
	return status;
}

static int screenshot(int argc, char **argv)
{
	struct err e = { 0 };

	if (argc != 2) {
		fputs("error: screenshot: it takes a socket and a file\n"
		      "hint: strait screenshot SOCKET FILE.png, with the socket of --display screenshot=\n",
		      stderr);
		return VM_USAGE;
	}
	if (!screenshot_fetch(argv[0], argv[1], &e))
		return VM_OK;
	err_print(&e, stderr);
	return VM_HOST;
}

/*
 * The tools are programs of their own, because they need libraries that a VMM
 * has no use for. The one beside this program goes before one on the PATH.
 */
static int run_tool(const char *tool, char **argv)
{
	char self[PATH_MAX], path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct err e = { 0 };
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash) {
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - self),
			 self, tool);
		execv(path, argv);
	}
	execvp(tool, argv);
	err_sys(&e, tool, "execute");
	err_hint(&e, "%s is installed with strait: run make, or make install",
		 tool);
	err_print(&e, stderr);
	return VM_HOST;
}

static int no_command(const char *word)
{
	static const char *const commands[] = { "run", "devices", "screenshot",
						"vf", "iommu" };
	struct nearest near = { .word = word };
	struct err e = { 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++)
		nearest_try(&near, commands[i]);
	err_set(&e, EINVAL, "%s: there is no such command", word);
	if (near.best)
		err_hint(&e, "did you mean strait %s?", near.best);
	else if (!strncmp(word, "--", 2))
		err_hint(&e, "options come after a command: strait run %s ...",
			 word);
	err_hint(&e, "strait --help lists the commands");
	err_print(&e, stderr);
	return VM_USAGE;
}

/*
 * Started with a standard file closed, the next file opened would become it
 * and get the guest's output. What is printed to none must not count as
 * printed, so standard output is one that cannot be written.
 */
static bool have_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int mode = fd == STDOUT_FILENO ? O_RDONLY : O_RDWR;

		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode) != fd)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (!have_standard_files())
		return VM_HOST;

	if (!strcmp(word, "run"))
		return run(argc - 2, argv + 2);
	if (!strcmp(word, "screenshot"))
		return screenshot(argc - 2, argv + 2);
	if (!strcmp(word, "devices")) {
		model_list(stdout);
		return printed();
	}
	if (!strcmp(word, "vf"))
		return run_tool("strait-vf", argv + 1);
	if (!strcmp(word, "iommu"))
		return run_tool("strait-iommu", argv + 1);
	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		puts("strait " STRAIT_VERSION);
		return printed();
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h") ||
	    !strcmp(word, "help")) {
		usage(stdout);
		return printed();
	}
	if (*word)
		return no_command(word);
	usage(stderr);
	return VM_USAGE;
}

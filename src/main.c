// SPDX-License-Identifier: GPL-2.0-or-later
/* strait: the command line's front door. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/vm/config.h"
#include "src/vm/vm.h"

static void usage(FILE *f)
{
	fputs("usage: strait run --kernel FILE [OPTION]...\n"
	      "       strait run --help\n"
	      "       strait --help | --version\n"
	      "\n"
	      "Runs a Linux guest under KVM and assigns PCI functions to it by VFIO.\n"
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

/*
 * Started with a standard file closed, the next file opened would become it
 * and get the guest's output.
 */
static bool have_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (!have_standard_files())
		return VM_HOST;

	if (!strcmp(word, "run"))
		return run(argc - 2, argv + 2);
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
		fprintf(stderr, "error: %s: there is no such command\n", word);
	usage(stderr);
	return VM_USAGE;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* strait: the command line's front door. */
#include <stdio.h>
#include <string.h>

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

static int run(int argc, char **argv)
{
	enum config_action action;
	struct config config;
	struct err e = { 0 };
	int status = VM_USAGE;

	if (!config_parse(argc, argv, &config, &action, &e)) {
		if (action == CONFIG_HELP) {
			config_help(stdout);
			return VM_OK;
		}
		log_set_level((enum log_level)(LOG_WARN + config.verbosity));
		status = vm_run(&config, &e);
	}
	if (e.code)
		err_print(&e, stderr);
	return status;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (!strcmp(word, "run"))
		return run(argc - 2, argv + 2);
	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		puts("strait " STRAIT_VERSION);
		return VM_OK;
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h") ||
	    !strcmp(word, "help")) {
		usage(stdout);
		return VM_OK;
	}
	if (*word)
		fprintf(stderr, "error: %s: there is no such command\n", word);
	usage(stderr);
	return VM_USAGE;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tools' command lines have in common: subcommands, options that every
 * one of them takes, --help, --version, exit statuses.
 */
#ifndef STRAIT_TOOLS_COMMON_CLI_H
#define STRAIT_TOOLS_COMMON_CLI_H

#include <stdio.h>

#include "src/base/err.h"
#include "src/base/options.h"

/* Exit statuses; tools may use more from CLI_OWN on (documented in their man
 * pages). */
enum {
	CLI_OK = 0,
	CLI_NO = 1, /* the answer is no: cannot be assigned, would change */
	CLI_USAGE = 2,
	CLI_HOST = 3, /* the host or a device refuses */
};

enum cli_color { CLI_COLOR_AUTO, CLI_COLOR_ALWAYS, CLI_COLOR_NEVER };

/* Options of every subcommand. */
struct cli {
	bool json;
	enum cli_color color;
	int verbosity;
	void *own;    /* the tool's; where set() of its options puts values */
	char **words; /* what is no option, in order */
	unsigned int nr_words;
	FILE *out;
};

struct cli_command {
	const char *name;
	const char *args; /* "PF COUNT", for help; "" */
	const char *help; /* one line */
	/* Its own, NULL without; set() gets the struct cli as its target. */
	const struct option_def *options;
	unsigned int nr_options;
	unsigned int min_words, max_words;
	/* Returns an exit status; on failure with e filled in, which the caller
	 * prints. */
	int (*run)(struct cli *cli, struct err *e);
};

struct cli_tool {
	const char *name; /* "strait-vf" */
	const char *summary;
	const struct cli_command *commands;
	unsigned int nr_commands;
	void *own;
};

/*
 * The whole of main: parses, runs one command, prints its error, flushes stdout
 * (a full disk is an error, and so is none to print to; a pipe that nobody
 * reads any more is none), returns the exit status. Options and words may be
 * mixed; "--" ends options.
 */
int cli_main(const struct cli_tool *tool, int argc, char **argv);

#endif

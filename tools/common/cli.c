// SPDX-License-Identifier: GPL-2.0-or-later
/* The front door of a tool: subcommands and common options. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/base/log.h"
#include "tools/common/cli.h"
#include "tools/common/text.h"

enum { MAX_OPTIONS = 32, MAX_WORDS = 512 };

struct parse {
	struct cli cli; /* first: options get a struct cli */
	const char *tool;
	const struct cli_command *command;
	char *words[MAX_WORDS];
	bool is_help;
};

static int set_json(void *target, const char *value, struct err *e)
{
	struct cli *cli = target;

	(void)value;
	(void)e;
	cli->json = true;
	return 0;
}

static int set_color(void *target, const char *value, struct err *e)
{
	static const char *const words[] = { "auto", "always", "never" };
	struct cli *cli = target;
	int i = option_word("--color", value, words, ARRAY_SIZE(words), e);

	if (i < 0)
		return i;
	cli->color = (enum cli_color)i;
	return 0;
}

static int set_verbose(void *target, const char *value, struct err *e)
{
	struct cli *cli = target;

	(void)value;
	(void)e;
	if (cli->verbosity < LOG_TRACE - LOG_WARN)
		cli->verbosity++;
	return 0;
}

static int set_help(void *target, const char *value, struct err *e)
{
	struct parse *p = target;

	(void)value;
	(void)e;
	p->is_help = true;
	return OPTION_STOP;
}

static const struct option_def common_options[] = {
	{ .name = "json", .help = "print JSON, for programs", .set = set_json },
	{ .name = "color",
	  .arg = "WHEN",
	  .help = "auto (on a terminal), always or never",
	  .set = set_color },
	{ .name = "verbose",
	  .letter = 'v',
	  .help = "say more on standard error",
	  .repeats = true,
	  .set = set_verbose },
	{ .name = "help",
	  .letter = 'h',
	  .help = "print this",
	  .set = set_help },
};

static int add_word(void *target, char *word, struct err *e)
{
	struct parse *p = target;

	if (p->cli.nr_words == p->command->max_words) {
		err_set(e, EINVAL, "unexpected argument \"%s\"", word);
		err_hint(e, "usage: %s %s%s%s", p->tool, p->command->name,
			 *p->command->args ? " " : "", p->command->args);
		return -EINVAL;
	}
	p->words[p->cli.nr_words++] = word;
	return 0;
}

/* --- help --- */

static void tool_help(const struct cli_tool *tool, FILE *f)
{
	fprintf(f, "usage: %s COMMAND [OPTION]...\n\n%s\n\n", tool->name,
		tool->summary);
	for (unsigned int i = 0; i < tool->nr_commands; i++) {
		const struct cli_command *c = &tool->commands[i];
		char left[64];

		snprintf(left, sizeof(left), "%s %s", c->name, c->args);
		fprintf(f, "  %-34s  %s\n", left, c->help);
	}
	fprintf(f,
		"\n`%s COMMAND --help` lists the options of a command; see also %s(8).\n",
		tool->name, tool->name);
}

static void command_help(const struct cli_tool *tool,
			 const struct cli_command *c,
			 const struct option_table *t)
{
	printf("usage: %s %s%s%s [OPTION]...\n\n%s\n\n", tool->name, c->name,
	       *c->args ? " " : "", c->args, c->help);
	options_help(t, stdout);
}

/* --- running --- */

static unsigned int join_options(const struct cli_command *c,
				 struct option_def *out)
{
	unsigned int nr = c->nr_options;

	BUG_ON(nr + ARRAY_SIZE(common_options) > MAX_OPTIONS);
	if (nr)
		memcpy(out, c->options, nr * sizeof(*out));
	memcpy(out + nr, common_options, sizeof(common_options));
	return nr + (unsigned int)ARRAY_SIZE(common_options);
}

static int too_few(const struct cli_tool *tool, const struct cli_command *c,
		   struct err *e)
{
	err_set(e, EINVAL, "%s: too few arguments", c->name);
	err_hint(e, "usage: %s %s %s", tool->name, c->name, c->args);
	return CLI_USAGE;
}

/* What was printed has to arrive: a full disk shows only here. */
static int flush(int status, struct err *e)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (errno == EPIPE)
		return status;
	if (!e->code)
		err_sys(e, "standard output", "write");
	return CLI_HOST;
}

static int run_command(const struct cli_tool *tool, const struct cli_command *c,
		       int argc, char **argv, struct err *e)
{
	struct option_def defs[MAX_OPTIONS];
	struct parse p = { .cli = { .own = tool->own, .out = stdout },
			   .tool = tool->name,
			   .command = c };
	char help[64];
	struct option_table t = { .defs = defs,
				  .help_command = help,
				  .word = add_word };

	BUG_ON(c->max_words > MAX_WORDS);
	snprintf(help, sizeof(help), "%s %s --help", tool->name, c->name);
	t.nr = join_options(c, defs);
	p.cli.words = p.words;
	if (options_parse(&t, argc, argv, &p, e))
		return CLI_USAGE;
	if (p.is_help) {
		command_help(tool, c, &t);
		return CLI_OK;
	}
	if (p.cli.nr_words < c->min_words)
		return too_few(tool, c, e);
	log_set_level((enum log_level)(LOG_WARN + p.cli.verbosity));
	return c->run(&p.cli, e);
}

static int no_command(const struct cli_tool *tool, const char *word,
		      struct err *e)
{
	struct nearest near = { .word = word };

	for (unsigned int i = 0; i < tool->nr_commands; i++)
		nearest_try(&near, tool->commands[i].name);
	err_set(e, EINVAL, "%s: there is no such command", word);
	if (near.best)
		err_hint(e, "did you mean %s?", near.best);
	err_hint(e, "%s --help lists the commands", tool->name);
	return CLI_USAGE;
}

static int dispatch(const struct cli_tool *tool, int argc, char **argv,
		    struct err *e)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		printf("%s " STRAIT_VERSION "\n", tool->name);
		return CLI_OK;
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h") ||
	    !strcmp(word, "help")) {
		tool_help(tool, stdout);
		return CLI_OK;
	}
	for (unsigned int i = 0; i < tool->nr_commands; i++)
		if (!strcmp(word, tool->commands[i].name))
			return run_command(tool, &tool->commands[i], argc - 2,
					   argv + 2, e);
	if (*word)
		return no_command(tool, word, e);
	tool_help(tool, stderr);
	return CLI_USAGE;
}

/*
 * Started with a standard file closed, the next file opened would become it
 * and get what is printed. What is printed to none must not count as printed,
 * so standard output is one that cannot be written.
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

int cli_main(const struct cli_tool *tool, int argc, char **argv)
{
	struct err e = { 0 };
	int status;

	if (!have_standard_files())
		return CLI_HOST;
	status = dispatch(tool, argc, argv, &e);
	status = flush(status, &e);
	if (e.code) {
		text_clean(e.msg);
		text_clean(e.hint);
		err_print(&e, stderr);
	}
	return status;
}

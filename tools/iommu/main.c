// SPDX-License-Identifier: GPL-2.0-or-later
/* strait-iommu: the table of its commands and their options. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "tools/iommu/view.h"

static struct view_options *options_of(void *target)
{
	return ((struct cli *)target)->own;
}

static int set_from(void *target, const char *value, struct err *e)
{
	(void)e;
	options_of(target)->from = value;
	return 0;
}

/* As strait run --memory size=: a number and K, M, G or T. */
static int set_memory(void *target, const char *value, struct err *e)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t bytes;
	char *end;

	errno = 0;
	bytes = strtoull(value, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (errno || *value < '0' || *value > '9' || !bytes || !unit ||
	    end[1] ||
	    __builtin_mul_overflow(bytes, 1024ULL << (unit - units) * 10,
				   &bytes)) {
		err_set(e, EINVAL, "--memory %s: not a size", value);
		err_hint(e,
			 "a number with K, M, G or T behind it: --memory 4G");
		return -EINVAL;
	}
	options_of(target)->memory = bytes;
	return 0;
}

static int set_format(void *target, const char *value, struct err *e)
{
	static const char *const words[] = { "dot", "svg" };
	int i = option_word("--format", value, words, ARRAY_SIZE(words), e);

	if (i < 0)
		return i;
	options_of(target)->format = (enum graph_format)i;
	return 0;
}

#define FROM                                                                               \
	{                                                                                  \
		.name = "from", .arg = "RECORD",                                           \
		.help = "look at a record (a tar file or directory), not at this machine", \
		.set = set_from                                                            \
	}

static const struct option_def from_options[] = { FROM };

static const struct option_def check_options[] = {
	{ .name = "memory",
	  .arg = "SIZE",
	  .help = "of the guest: check reserved regions and limits for it",
	  .set = set_memory },
	FROM,
};

static const struct option_def graph_options[] = {
	{ .name = "format",
	  .arg = "FORMAT",
	  .help = "dot (default), or svg, drawn by Graphviz",
	  .set = set_format },
	FROM,
};

static const struct cli_command commands[] = {
	{ .name = "list",
	  .args = "",
	  .help = "IOMMU groups and what is in them",
	  .options = from_options,
	  .nr_options = ARRAY_SIZE(from_options),
	  .run = list_run },
	{ .name = "check",
	  .args = "BDF...",
	  .help = "can they be assigned now, and what speaks against it",
	  .options = check_options,
	  .nr_options = ARRAY_SIZE(check_options),
	  .min_words = 1,
	  .max_words = 256,
	  .run = check_run },
	{ .name = "tree",
	  .args = "",
	  .help = "the PCI tree with groups, ACS and links",
	  .options = from_options,
	  .nr_options = ARRAY_SIZE(from_options),
	  .run = tree_run },
	{ .name = "graph",
	  .args = "",
	  .help = "the same as a drawing",
	  .options = graph_options,
	  .nr_options = ARRAY_SIZE(graph_options),
	  .run = graph_run },
	{ .name = "why",
	  .args = "BDF",
	  .help = "why its group is what it is, hop by hop to the root",
	  .options = from_options,
	  .nr_options = ARRAY_SIZE(from_options),
	  .min_words = 1,
	  .max_words = 1,
	  .run = why_run },
	{ .name = "record",
	  .args = "FILE.tar",
	  .help = "save what these commands read, to look at it elsewhere",
	  .options = from_options,
	  .nr_options = ARRAY_SIZE(from_options),
	  .min_words = 1,
	  .max_words = 1,
	  .run = record_run },
};

int main(int argc, char **argv)
{
	struct view_options options = { 0 };
	const struct cli_tool tool = {
		.name = "strait-iommu",
		.summary =
			"Shows IOMMU groups, what isolates them, and what can be assigned.",
		.commands = commands,
		.nr_commands = ARRAY_SIZE(commands),
		.own = &options,
	};

	json_begin();
	return cli_main(&tool, argc, argv);
}

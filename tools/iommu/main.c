// SPDX-License-Identifier: GPL-2.0-or-later
/* strait-iommu: the table of its commands. */
#include "src/base/bits.h"
#include "tools/common/cli.h"

static int run_nothing(struct cli *cli, struct err *e)
{
	(void)cli;
	(void)e;
	return CLI_OK;
}

static const struct cli_command commands[] = {
	{ .name = "list",
	  .args = "",
	  .help = "nothing yet",
	  .run = run_nothing },
};

int main(int argc, char **argv)
{
	const struct cli_tool tool = {
		.name = "strait-iommu",
		.summary =
			"Shows IOMMU groups, what isolates them, and what can be assigned.",
		.commands = commands,
		.nr_commands = ARRAY_SIZE(commands),
	};

	return cli_main(&tool, argc, argv);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* strait-vf: the table of its commands and their options. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "tools/vf/vf.h"

/* --- options --- */

static struct vf_tool *tool_of(void *target)
{
	return ((struct cli *)target)->own;
}

static int set_force(void *target, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	tool_of(target)->work.force = true;
	return 0;
}

static int set_probe(void *target, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	tool_of(target)->has_probe = true;
	return 0;
}

static int set_owner(void *target, const char *value, struct err *e)
{
	(void)e;
	tool_of(target)->owner = value;
	return 0;
}

static int parse_seconds(const char *option, const char *value,
			 unsigned int *ms, struct err *e)
{
	enum { SECONDS_MAX = 3600 };
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*value >= '0' && *value <= '9' && !*end && n <= SECONDS_MAX) {
		*ms = (unsigned int)n * 1000;
		return 0;
	}
	return err_set(e, EINVAL, "%s: it is a number of seconds up to %d",
		       option, SECONDS_MAX);
}

static int set_wait(void *target, const char *value, struct err *e)
{
	return parse_seconds("--wait", value, &tool_of(target)->work.wait_ms,
			     e);
}

static int set_device_wait(void *target, const char *value, struct err *e)
{
	return parse_seconds("--device-wait", value,
			     &tool_of(target)->work.find_ms, e);
}

#define FORCE                                                                  \
	{                                                                      \
		.name = "force",                                               \
		.help = "also what is in use; says what that breaks",          \
		.set = set_force                                               \
	}
#define WAIT                                                                   \
	{                                                                      \
		.name = "wait", .arg = "SECONDS",                              \
		.help = "for another that works on the PF (10)",               \
		.set = set_wait                                                \
	}
#define PROBE                                                                  \
	{                                                                      \
		.name = "probe",                                               \
		.help = "let the host's drivers take the VFs",                 \
		.set = set_probe                                               \
	}
#define OWNER                                                                  \
	{                                                                      \
		.name = "owner", .arg = "USER",                                \
		.help = "give the VFs' files in /dev/vfio to a user",          \
		.set = set_owner                                               \
	}
#define DEVICE_WAIT                                                            \
	{                                                                      \
		.name = "device-wait", .arg = "SECONDS",                       \
		.help = "for a PF that is not there yet (0)",                  \
		.set = set_device_wait                                         \
	}

static const struct option_def make_options[] = { FORCE, PROBE, WAIT };
static const struct option_def change_options[] = { FORCE, WAIT };
static const struct option_def bind_options[] = { FORCE, OWNER, WAIT };
static const struct option_def apply_options[] = { FORCE, WAIT, DEVICE_WAIT };
static const struct option_def wait_options[] = { WAIT };

/* --- commands --- */

enum { WORDS_MAX = 256 };

#define OPTIONS(list) .options = (list), .nr_options = ARRAY_SIZE(list)

static const struct cli_command commands[] = {
	{ .name = "list",
	  .args = "[PF]...",
	  .help = "show PFs and their VFs, and who uses them",
	  .max_words = WORDS_MAX,
	  .run = vf_list },
	{ .name = "create",
	  .args = "PF COUNT",
	  .help = "make VFs",
	  OPTIONS(make_options),
	  .min_words = 2,
	  .max_words = 2,
	  .run = vf_create },
	{ .name = "resize",
	  .args = "PF COUNT",
	  .help = "make another number; those that stay keep their settings",
	  OPTIONS(make_options),
	  .min_words = 2,
	  .max_words = 2,
	  .run = vf_resize },
	{ .name = "destroy",
	  .args = "PF",
	  .help = "remove all VFs",
	  OPTIONS(change_options),
	  .min_words = 1,
	  .max_words = 1,
	  .run = vf_destroy },
	{ .name = "set",
	  .args = "VF|PF KEY=VALUE...",
	  .help = "change a VF's settings, or eswitch=legacy|switchdev of a PF",
	  OPTIONS(wait_options),
	  .min_words = 2,
	  .max_words = WORDS_MAX,
	  .run = vf_set },
	{ .name = "bind",
	  .args = "VF... [DRIVER]",
	  .help = "give VFs to vfio-pci (or another) and remember how they were",
	  OPTIONS(bind_options),
	  .min_words = 1,
	  .max_words = WORDS_MAX,
	  .run = vf_bind },
	{ .name = "release",
	  .args = "VF...",
	  .help = "put VFs back as they were",
	  OPTIONS(change_options),
	  .min_words = 1,
	  .max_words = WORDS_MAX,
	  .run = vf_release },
	{ .name = "plan",
	  .args = "FILE...",
	  .help = "show what apply would change; status 1 if anything",
	  OPTIONS(apply_options),
	  .min_words = 1,
	  .max_words = WORDS_MAX,
	  .run = vf_plan },
	{ .name = "apply",
	  .args = "FILE...",
	  .help = "make it as plan files (or a folder of them) say",
	  OPTIONS(apply_options),
	  .min_words = 1,
	  .max_words = WORDS_MAX,
	  .run = vf_apply },
	{ .name = "save",
	  .args = "[PF]...",
	  .help = "write a plan file from what is there",
	  .max_words = WORDS_MAX,
	  .run = vf_save },
	{ .name = "owner-of",
	  .args = "NODE",
	  .help = "print whom --owner named for a file of /dev/vfio (for udev)",
	  .min_words = 1,
	  .max_words = 1,
	  .run = vf_owner_of },
};

int main(int argc, char **argv)
{
	struct vf_tool own = { .work = { .wait_ms = VF_WAIT_MS } };
	const struct cli_tool tool = {
		.name = "strait-vf",
		.summary =
			"Makes, configures, binds and returns SR-IOV virtual functions.",
		.commands = commands,
		.nr_commands = ARRAY_SIZE(commands),
		.own = &own,
	};
	struct err e = { 0 };
	int status;

	if (host_open(&own.host, "/", &e)) {
		err_print(&e, stderr);
		return CLI_HOST;
	}
	status = cli_main(&tool, argc, argv);
	host_close(&own.host);
	return status;
}

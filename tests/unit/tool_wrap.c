// SPDX-License-Identifier: GPL-2.0-or-later
/* Sentences as wide as the terminal. */
#include "tests/tap.h"
#include "tools/iommu/wrap.h"

static char buf[512];

static const char *wrapped(const char *text, unsigned int indent,
			   unsigned int width)
{
	FILE *f = fmemopen(buf, sizeof(buf), "w");

	wrap_print(f, text, indent, width);
	fclose(f);
	return buf;
}

static void without_a_terminal_nothing_is_broken(void)
{
	CHECK(!strcmp(wrapped("one two three", 4, 0), "one two three\n"));
}

static void lines_are_broken_at_spaces_and_indented(void)
{
	CHECK(!strcmp(wrapped("four five six seven eight nine", 4, 24),
		      "four five six seven\n    eight nine\n"));
}

static void a_word_that_is_too_long_stays_whole(void)
{
	CHECK(!strcmp(
		wrapped("see /sys/bus/pci/devices/0000:00:01.0/driver now", 2,
			24),
		"see\n  /sys/bus/pci/devices/0000:00:01.0/driver\n  now\n"));
}

static void characters_count_and_not_bytes(void)
{
	CHECK(!strcmp(wrapped("ääää ääää ääää ääää", 0, 20),
		      "ääää ääää ääää ääää\n"));
}

int main(void)
{
	TAP_RUN(without_a_terminal_nothing_is_broken);
	TAP_RUN(lines_are_broken_at_spaces_and_indented);
	TAP_RUN(a_word_that_is_too_long_stays_whole);
	TAP_RUN(characters_count_and_not_bytes);
	return tap_done();
}

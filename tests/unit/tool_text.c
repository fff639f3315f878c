// SPDX-License-Identifier: GPL-2.0-or-later
/* Text of others and tables of it, as a terminal gets them; JSON of it. */
#include <stdlib.h>

#include "tests/tap.h"
#include "tools/common/json.h"
#include "tools/common/table.h"
#include "tools/common/text.h"

static char buf[4096];

static const char *cleaned(const char *s)
{
	snprintf(buf, sizeof(buf), "%s", s);
	return text_clean(buf);
}

static void escape_sequences_are_disarmed(void)
{
	CHECK(!strcmp(cleaned("a\033[2Jb\x7f"), "a?[2Jb?"));
	CHECK(!strcmp(cleaned("two\nlines\r"), "two?lines?"));
}

static void utf8_is_kept(void)
{
	CHECK(!strcmp(cleaned("Gerät \xe2\x86\x92 \xf0\x9f\x98\x80"),
		      "Gerät \xe2\x86\x92 \xf0\x9f\x98\x80"));
}

static void what_is_no_utf8_is_replaced(void)
{
	CHECK(!strcmp(cleaned("\xff|\xc0\x80|\xe2\x86|\xed\xa0\x80"),
		      "?|??|??|???"));
	/* A control character of C1. */
	CHECK(!strcmp(cleaned("\xc2\x9b"), "??"));
}

static void json_of_any_bytes_is_valid(void)
{
	json_t *j, *back;
	char *text;

	json_begin();
	j = json_pack("{s:o}", "k", json_text("a\xff\033\"b"));
	text = json_dumps(j, 0);
	CHECK(text);
	back = json_loads(text, 0, NULL);
	CHECK(back);
	CHECK(!strcmp(json_string_value(json_object_get(back, "k")), "a??\"b"));
	json_decref(back);
	json_decref(j);
	free(text);
}

static const char *printed(unsigned int width, bool use_color)
{
	static const struct table_column columns[] = {
		{ .title = "A" },
		{ .title = "NUMBER", .is_right = true },
		{ .title = "NAME", .is_flexible = true },
	};
	struct table *t = table_new(columns, 3);
	FILE *f = fmemopen(buf, sizeof(buf), "w");

	table_row(t);
	table_cell(t, 0, TABLE_RED, "ä");
	table_cell(t, 1, TABLE_PLAIN, "1");
	table_cell(t, 2, TABLE_PLAIN, "a name that is long\033[m");
	table_row(t);
	table_print(t, f, use_color, width, true);
	fclose(f);
	table_free(t);
	return buf;
}

static void columns_are_aligned_by_characters(void)
{
	CHECK(!strcmp(printed(0, false), "A  NUMBER  NAME\n"
					 "ä       1  a name that is long?[m\n"
					 "-       -  -\n"));
}

static void a_narrow_terminal_cuts_what_may_be_cut(void)
{
	CHECK(!strcmp(printed(20, false), "A  NUMBER  NAME\n"
					  "ä       1  a name t~\n"
					  "-       -  -\n"));
}

static const char *ranked(unsigned int width)
{
	static const struct table_column columns[] = {
		{ .title = "KEY" },
		{ .title = "FIRST", .rank = 2 },
		{ .title = "NAME", .is_flexible = true },
		{ .title = "SECOND", .rank = 1 },
		{ .title = "STAYS" },
	};
	struct table *t = table_new(columns, 5);
	FILE *f = fmemopen(buf, sizeof(buf), "w");

	table_row(t);
	table_cell(t, 0, TABLE_PLAIN, "key");
	table_cell(t, 1, TABLE_PLAIN, "first");
	table_cell(t, 2, TABLE_PLAIN, "a name that is long");
	table_cell(t, 3, TABLE_PLAIN, "second");
	table_cell(t, 4, TABLE_PLAIN, "stays, long");
	table_print(t, f, false, width, true);
	fclose(f);
	table_free(t);
	return buf;
}

static void names_shrink_before_columns_are_left_out(void)
{
	/* 3 + 5 + 8 + 6 + 11 and four gaps. */
	CHECK(!strcmp(ranked(41),
		      "KEY  FIRST  NAME      SECOND  STAYS\n"
		      "key  first  a name ~  second  stays, long\n"));
}

static void the_least_important_column_is_left_out_first(void)
{
	CHECK(!strcmp(ranked(40),
		      "KEY  NAME            SECOND  STAYS\n"
		      "key  a name that i~  second  stays, long\n"));
	CHECK(!strcmp(ranked(33), "KEY  NAME             STAYS\n"
				  "key  a name that is~  stays, long\n"));
}

static void at_the_last_what_stays_is_cut_from_the_right(void)
{
	CHECK(!strcmp(ranked(20), "KEY  NAME      STAYS\n"
				  "key  a name ~  stay~\n"));
}

static void colours_do_not_count_as_width(void)
{
	CHECK_HAS(printed(0, true), "\033[31mä\033[0m       1  a name");
}

int main(void)
{
	TAP_RUN(escape_sequences_are_disarmed);
	TAP_RUN(utf8_is_kept);
	TAP_RUN(what_is_no_utf8_is_replaced);
	TAP_RUN(json_of_any_bytes_is_valid);
	TAP_RUN(columns_are_aligned_by_characters);
	TAP_RUN(a_narrow_terminal_cuts_what_may_be_cut);
	TAP_RUN(names_shrink_before_columns_are_left_out);
	TAP_RUN(the_least_important_column_is_left_out_first);
	TAP_RUN(at_the_last_what_stays_is_cut_from_the_right);
	TAP_RUN(colours_do_not_count_as_width);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables for people. */
/*
 * How this works
 *
 * Cells are kept until the table is printed, because only then the width of
 * each column is known: that of its widest cell, counted in characters, not
 * bytes. If the terminal is narrower, flexible columns give way, the widest
 * first, down to a few characters; what is cut ends in "~". Where that is not
 * enough, columns that have a rank are left out one by one, and what that frees
 * goes to the flexible ones; at the very last what stays is cut, from the
 * right. Nothing is ever cut where there is no terminal: a pipe gets all of it.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/base/err.h"
#include "tools/common/table.h"
#include "tools/common/text.h"

enum {
	GAP = 2,
	MIN_FLEXIBLE = 8,
	MIN_CUT = 4,
	MAX_COLUMNS = 32,
	CELL_LEN = 512
};

struct cell {
	char *text; /* NULL: empty */
	enum table_color color;
};

struct table {
	const struct table_column *columns;
	unsigned int nr_columns;
	struct cell *cells; /* nr_rows * nr_columns */
	unsigned int nr_rows, max_rows;
};

struct table *table_new(const struct table_column *columns, unsigned int nr)
{
	struct table *t = calloc(1, sizeof(*t));

	BUG_ON(nr > MAX_COLUMNS);
	if (!t)
		return NULL;
	t->columns = columns;
	t->nr_columns = nr;
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (unsigned int i = 0; i < t->nr_rows * t->nr_columns; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t);
}

/* Out of memory a row is lost, and so are its cells; nothing else suffers. */
void table_row(struct table *t)
{
	if (t->nr_rows == t->max_rows) {
		unsigned int max = t->max_rows ? 2 * t->max_rows : 64;
		struct cell *more = reallocarray(
			t->cells, (size_t)max * t->nr_columns, sizeof(*more));

		if (!more)
			return;
		t->cells = more;
		t->max_rows = max;
	}
	memset(&t->cells[(size_t)t->nr_rows * t->nr_columns], 0,
	       t->nr_columns * sizeof(*t->cells));
	t->nr_rows++;
}

void table_cell(struct table *t, unsigned int column, enum table_color color,
		const char *fmt, ...)
{
	char text[CELL_LEN];
	struct cell *c;
	va_list ap;

	BUG_ON(column >= t->nr_columns);
	if (!t->nr_rows)
		return;
	c = &t->cells[(t->nr_rows - 1) * t->nr_columns + column];
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	free(c->text);
	c->text = *text ? strdup(text_clean(text)) : NULL;
	c->color = color;
}

static const char *cell_text(const struct cell *c)
{
	return c->text ? c->text : "-";
}

/* 0: the column is left out. */
static unsigned int column_width(const struct table *t, unsigned int column,
				 bool hide_empty)
{
	unsigned int width = text_width(t->columns[column].title);
	bool is_empty = true;

	for (unsigned int r = 0; r < t->nr_rows; r++) {
		const struct cell *c = &t->cells[r * t->nr_columns + column];
		unsigned int w = text_width(cell_text(c));

		is_empty = is_empty && !c->text;
		if (w > width)
			width = w;
	}
	return hide_empty && is_empty ? 0 : width;
}

static unsigned int total_width(const unsigned int *widths, unsigned int nr)
{
	unsigned int total = 0;

	for (unsigned int i = 0; i < nr; i++)
		if (widths[i])
			total += widths[i] + (total ? GAP : 0);
	return total;
}

/* The widest column that may give way, or NULL. */
static unsigned int *widest_flexible(const struct table *t,
				     unsigned int *widths)
{
	unsigned int *best = NULL;

	for (unsigned int i = 0; i < t->nr_columns; i++)
		if (t->columns[i].is_flexible && widths[i] > MIN_FLEXIBLE &&
		    (!best || widths[i] > *best))
			best = &widths[i];
	return best;
}

/* Whether it fits then. */
static bool shrink(const struct table *t, unsigned int *widths,
		   unsigned int limit)
{
	while (total_width(widths, t->nr_columns) > limit) {
		unsigned int *w = widest_flexible(t, widths);

		if (!w)
			return false;
		(*w)--;
	}
	return true;
}

/* Of those that are there still; nr_columns: all of them have to stay. */
static unsigned int least_important(const struct table *t,
				    const unsigned int *widths)
{
	unsigned int best = t->nr_columns, rank = 0;

	for (unsigned int i = 0; i < t->nr_columns; i++)
		if (widths[i] && t->columns[i].rank > rank) {
			best = i;
			rank = t->columns[i].rank;
		}
	return best;
}

static void cut_from_right(const struct table *t, unsigned int *widths,
			   unsigned int limit)
{
	for (unsigned int i = t->nr_columns; i-- > 0;)
		while (widths[i] > MIN_CUT &&
		       total_width(widths, t->nr_columns) > limit)
			widths[i]--;
}

static void fit(const struct table *t, unsigned int *widths, unsigned int limit)
{
	unsigned int wanted[MAX_COLUMNS];
	size_t size = t->nr_columns * sizeof(*widths);
	bool has_ranks = false;

	memcpy(wanted, widths, size);
	while (limit && !shrink(t, widths, limit)) {
		unsigned int i = least_important(t, wanted);

		if (i == t->nr_columns) {
			if (has_ranks)
				cut_from_right(t, widths, limit);
			return;
		}
		has_ranks = true;
		wanted[i] = 0;
		memcpy(widths, wanted, size);
	}
}

/* Bytes of the first n characters. */
static size_t bytes_of(const char *s, unsigned int n)
{
	size_t i = 0;

	for (; s[i]; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80 && !n--)
			break;
	return i;
}

static void print_text(FILE *f, const char *text, unsigned int width,
		       bool is_right, bool is_last)
{
	unsigned int w = text_width(text);

	if (w > width) {
		fprintf(f, "%.*s~", (int)bytes_of(text, width - 1), text);
		return;
	}
	if (is_right)
		fprintf(f, "%*s", (int)(width - w), "");
	fputs(text, f);
	if (!is_right && !is_last)
		fprintf(f, "%*s", (int)(width - w), "");
}

static unsigned int last_column(const unsigned int *widths, unsigned int nr)
{
	while (nr > 1 && !widths[nr - 1])
		nr--;
	return nr - 1;
}

/* row NULL: the titles. */
static void print_row(const struct table *t, FILE *f, const struct cell *row,
		      const unsigned int *widths, bool use_color)
{
	unsigned int last = last_column(widths, t->nr_columns);
	bool is_first = true;

	for (unsigned int i = 0; i < t->nr_columns; i++) {
		enum table_color color = row ? row[i].color : TABLE_BOLD;

		if (!widths[i])
			continue;
		if (!is_first)
			fprintf(f, "%*s", GAP, "");
		is_first = false;
		fputs(table_color_on(color, use_color), f);
		print_text(f, row ? cell_text(&row[i]) : t->columns[i].title,
			   widths[i], t->columns[i].is_right, i == last);
		if (color != TABLE_PLAIN)
			fputs(table_color_off(use_color), f);
	}
	fputc('\n', f);
}

void table_print(const struct table *t, FILE *f, bool use_color,
		 unsigned int width, bool hide_empty)
{
	unsigned int widths[MAX_COLUMNS] = { 0 };

	for (unsigned int i = 0; i < t->nr_columns; i++)
		widths[i] = column_width(t, i, hide_empty);
	if (hide_empty && !t->nr_rows)
		return;
	fit(t, widths, width);
	print_row(t, f, NULL, widths, use_color);
	for (unsigned int r = 0; r < t->nr_rows; r++)
		print_row(t, f, &t->cells[(size_t)r * t->nr_columns], widths,
			  use_color);
}

bool table_use_color(enum cli_color wanted, FILE *f)
{
	const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

	if (wanted != CLI_COLOR_AUTO)
		return wanted == CLI_COLOR_ALWAYS;
	return isatty(fileno(f)) && !(none && *none) && term &&
	       strcmp(term, "dumb") != 0;
}

unsigned int table_width(FILE *f)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (columns && atoi(columns) > 0)
		return (unsigned int)atoi(columns);
	if (ioctl(fileno(f), TIOCGWINSZ, &size))
		return 0;
	return size.ws_col;
}

/* ECMA-48 8.3.117, SGR. */
const char *table_color_on(enum table_color color, bool use_color)
{
	static const char *const codes[] = {
		[TABLE_PLAIN] = "",	    [TABLE_BOLD] = "\033[1m",
		[TABLE_DIM] = "\033[2m",    [TABLE_RED] = "\033[31m",
		[TABLE_GREEN] = "\033[32m", [TABLE_YELLOW] = "\033[33m",
		[TABLE_BLUE] = "\033[34m",  [TABLE_MAGENTA] = "\033[35m",
		[TABLE_CYAN] = "\033[36m",
	};

	return use_color ? codes[color] : "";
}

const char *table_color_off(bool use_color)
{
	return use_color ? "\033[0m" : "";
}

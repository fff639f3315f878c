/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables for people: columns as wide as what is in them, as far as the terminal
 * goes; colours on a terminal alone. Programs get JSON instead.
 */
#ifndef STRAIT_TOOLS_COMMON_TABLE_H
#define STRAIT_TOOLS_COMMON_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/common/cli.h"

enum table_color {
	TABLE_PLAIN,
	TABLE_BOLD,
	TABLE_DIM,
	TABLE_RED,
	TABLE_GREEN,
	TABLE_YELLOW,
	TABLE_BLUE,
	TABLE_MAGENTA,
	TABLE_CYAN,
};

struct table_column {
	const char *title;
	bool is_right;	  /* numbers */
	bool is_flexible; /* cut with "~" where the terminal ends */
	/* Left out where a terminal is too narrow for all, greatest first; 0:
	 * stays. */
	unsigned char rank;
};

/* Its rows grow as they are added; the text of cells is copied. */
struct table;
/* NULL: out of memory. columns must outlive it. */
struct table *table_new(const struct table_column *columns, unsigned int nr);
/* Adds a row of empty cells. */
void table_row(struct table *t);
/* Fills a cell of the last row; an empty text shows as "-", and what a terminal
 * would obey as "?". */
void table_cell(struct table *t, unsigned int column, enum table_color color,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/*
 * Columns that are empty in every row are left out if hide_empty; without rows
 * nothing is printed then. If any column has a rank, no row is wider than width
 * (0: no limit), whatever it takes.
 */
void table_print(const struct table *t, FILE *f, bool use_color,
		 unsigned int width, bool hide_empty);
void table_free(struct table *t);

/* Whether to colour what goes to f (NO_COLOR and TERM=dumb are heeded), and how
 * wide f's terminal is (COLUMNS overrides; 0: no terminal, do not cut). */
bool table_use_color(enum cli_color wanted, FILE *f);
unsigned int table_width(FILE *f);

/* Escape sequence for a colour and to end it; "" if not use_color. */
const char *table_color_on(enum table_color color, bool use_color);
const char *table_color_off(bool use_color);

#endif

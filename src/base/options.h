/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command-line words: an option table, key=value lists, nearest names. */
#ifndef STRAIT_BASE_OPTIONS_H
#define STRAIT_BASE_OPTIONS_H

#include <stdio.h>

#include "src/base/err.h"
#include "src/base/types.h"

/*
 * One option. set gets the caller's target and the value, which points into
 * argv (NULL for an option without one), is never empty, and fails with
 * -EINVAL and a message that begins with the option's name.
 */
struct option_def {
	const char *name; /* without dashes */
	char letter;	  /* -x, or 0; only for options without a value */
	const char *arg;  /* how help names the value, or NULL: takes none */
	const char *help; /* one line */
	bool repeats;
	int (*set)(void *target, const char *value, struct err *e);
};

/* An option that users of other programs look for. */
struct option_absent {
	const char *name;
	const char *hint; /* what to do without it */
};

struct option_table {
	const struct option_def *defs;
	unsigned int nr; /* at most 64 */
	const char *help_command;
	/* Takes a word that is no option; NULL: there are none. With it, "--"
	 * ends the options. */
	int (*word)(void *target, char *word, struct err *e);
	const struct option_absent *absent;
	unsigned int nr_absent;
};

/*
 * Calls set for each option of argv. Stops early, returning 0, when set
 * returns OPTION_STOP.
 */
enum { OPTION_STOP = 1 };
int options_parse(const struct option_table *t, int argc, char **argv,
		  void *target, struct err *e);

/* One line for each option. */
void options_help(const struct option_table *t, FILE *f);

/* One key of a value "key=value,key=value". value is a copy: do not keep it. */
struct option_key {
	const char *name;
	int (*set)(void *target, const char *value, struct err *e);
	const char *arg;  /* how help names the value */
	const char *help; /* one line */
};

struct option_keys {
	const char *option; /* "--memory", for messages */
	const struct option_key *keys;
	unsigned int nr; /* at most 32 */
	/* Takes a word without "="; NULL: refused, with keys[0] as a hint. */
	int (*bare)(void *target, const char *word, struct err *e);
};

/* A line for each key, below what options_help wrote of the option. */
void option_keys_help(const struct option_keys *k, FILE *f);

/* Refuses unknown keys, keys given twice and empty values. */
int option_keys_parse(const struct option_keys *k, const char *text,
		      void *target, struct err *e);

/* "on" or "off"; who is "--device managed". */
int option_on_off(const char *who, const char *value, bool *out, struct err *e);

/*
 * Index of value in words, or -EINVAL with the nearest one as a hint. who is
 * "--on-reboot".
 */
int option_word(const char *who, const char *value, const char *const *words,
		unsigned int nr, struct err *e);

/* The candidate that a mistyped word most likely meant, if any comes near. */
struct nearest {
	const char *word;
	const char *best; /* NULL: none is near */
	unsigned int distance;
};
void nearest_try(struct nearest *n, const char *candidate);

#endif

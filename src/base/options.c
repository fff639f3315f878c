// SPDX-License-Identifier: GPL-2.0-or-later
/* Command-line words: an option table, key=value lists, nearest names. */
/*
 * How this works
 *
 * A table of options drives parsing, help and error messages alike, so that
 * none of them can go stale. An option is written "--name value" or
 * "--name=value"; options without a value may have a letter, and letters may be
 * put together ("-vv"). A value may itself be a list "key=value,key=value",
 * with a second table for its keys.
 *
 * Every refusal names the option as the user wrote it and, for a name that does
 * not exist, the nearest one that does: by edit distance ("kernl", "memroy"),
 * or by a common beginning ("mem", "initrd").
 *
 * Deliberately missing: abbreviated options, quoting of commas inside lists (no
 * value that takes a list needs it; a path that could hold a comma is never
 * part of one).
 */
#include <errno.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/base/options.h"

enum { WORD_MAX = 32, VALUE_MAX = 512, KEY_COLUMN = 26 };

/* Edit distance of two words of at most WORD_MAX letters. */
static unsigned int edit_distance(const char *a, const char *b)
{
	unsigned int row[WORD_MAX + 1];
	size_t len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = (unsigned int)j;
	for (; *a; a++) {
		unsigned int diagonal = row[0]++;

		for (size_t j = 1; j <= len; j++) {
			unsigned int best = diagonal + (*a != b[j - 1]);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[len];
}

static size_t common_start(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

void nearest_try(struct nearest *n, const char *candidate)
{
	size_t len = strlen(n->word), start = common_start(n->word, candidate);
	unsigned int d;

	if (!len || len > WORD_MAX || strlen(candidate) > WORD_MAX)
		return;
	d = edit_distance(n->word, candidate);
	if (!(d <= 2 && d < len) && !(start == len && len > 1) && start < 4)
		return;
	/* Its whole beginning beats any typing mistake. */
	if (start == len)
		d = 0;
	if (!n->best || d < n->distance) {
		n->best = candidate;
		n->distance = d;
	}
}

/* Finds "name" or "name=..." in the table. */
static const struct option_def *find_option(const struct option_table *t,
					    const char *name, size_t len)
{
	for (unsigned int i = 0; i < t->nr; i++)
		if (strlen(t->defs[i].name) == len &&
		    !memcmp(t->defs[i].name, name, len))
			return &t->defs[i];
	return NULL;
}

static bool is_option(const struct option_table *t, const char *arg)
{
	return !strncmp(arg, "--", 2) &&
	       find_option(t, arg + 2, strcspn(arg + 2, "="));
}

static int unknown_option(const struct option_table *t, const char *arg,
			  struct err *e)
{
	size_t dashes = strspn(arg, "-"), len = strcspn(arg + dashes, "=");
	char word[WORD_MAX + 1] = "";
	struct nearest near = { .word = word };
	int ret;

	if (len <= WORD_MAX)
		memcpy(word, arg + dashes, len);
	for (unsigned int i = 0; i < t->nr; i++)
		nearest_try(&near, t->defs[i].name);
	ret = err_set(e, EINVAL, "unknown option %.*s", (int)(dashes + len),
		      arg);
	for (unsigned int i = 0; i < t->nr_absent; i++)
		if (!strcmp(word, t->absent[i].name))
			err_hint(e, "%s", t->absent[i].hint);
	if (near.best)
		err_hint(e, "did you mean --%s?", near.best);
	err_hint(e, "%s lists the options", t->help_command);
	return ret;
}

/* The parse of one argv. */
struct words {
	const struct option_table *table;
	int argc;
	char **argv;
	int next;
	bool has_options; /* still: no "--" yet */
	uint64_t seen;	  /* by index in the table */
	void *target;
};

static int call_set(struct words *w, const struct option_def *def,
		    const char *value, struct err *e)
{
	uint64_t bit = 1ULL << (def - w->table->defs);

	if (!def->repeats && (w->seen & bit)) {
		err_set(e, EINVAL, "--%s is given twice", def->name);
		err_hint(e, "leave one of them out");
		return -EINVAL;
	}
	w->seen |= bit;
	return def->set(w->target, value, e);
}

static int need_value(const struct option_def *def, const char *what,
		      struct err *e)
{
	err_set(e, EINVAL, "--%s: %s", def->name, what);
	err_hint(e, "write --%s %s", def->name, def->arg);
	return -EINVAL;
}

static int parse_long(struct words *w, const char *arg, struct err *e)
{
	const char *name = arg + 2, *value = NULL;
	size_t len = strcspn(name, "=");
	const struct option_def *def = find_option(w->table, name, len);

	if (!def)
		return unknown_option(w->table, arg, e);
	if (name[len] == '=')
		value = name + len + 1;
	if (!def->arg) {
		if (!value)
			return call_set(w, def, NULL, e);
		err_set(e, EINVAL, "--%s takes no value", def->name);
		err_hint(e, "write --%s", def->name);
		return -EINVAL;
	}
	if (!value) {
		/* "--kernel --initramfs x" forgot the kernel's name. */
		if (w->next == w->argc || is_option(w->table, w->argv[w->next]))
			return need_value(def, "the value is missing", e);
		value = w->argv[w->next++];
	}
	if (!*value)
		return need_value(def, "the value is empty", e);
	return call_set(w, def, value, e);
}

static const struct option_def *find_letter(const struct option_table *t,
					    char letter)
{
	for (unsigned int i = 0; i < t->nr; i++)
		if (t->defs[i].letter && t->defs[i].letter == letter)
			return &t->defs[i];
	return NULL;
}

static int parse_letters(struct words *w, const char *arg, struct err *e)
{
	for (const char *p = arg + 1; *p; p++)
		if (!find_letter(w->table, *p))
			return unknown_option(w->table, arg, e);
	for (const char *p = arg + 1; *p; p++) {
		int ret = call_set(w, find_letter(w->table, *p), NULL, e);

		if (ret)
			return ret;
	}
	return 0;
}

static int parse_word(struct words *w, struct err *e)
{
	char *arg = w->argv[w->next++];

	if (w->has_options && w->table->word && !strcmp(arg, "--")) {
		w->has_options = false;
		return 0;
	}
	if (w->has_options && !strncmp(arg, "--", 2))
		return parse_long(w, arg, e);
	if (w->has_options && arg[0] == '-' && arg[1])
		return parse_letters(w, arg, e);
	if (w->table->word)
		return w->table->word(w->target, arg, e);
	err_set(e, EINVAL, "unexpected argument \"%s\"", arg);
	err_hint(e, "options begin with --; %s lists them",
		 w->table->help_command);
	return -EINVAL;
}

int options_parse(const struct option_table *t, int argc, char **argv,
		  void *target, struct err *e)
{
	struct words w = { .table = t,
			   .argc = argc,
			   .argv = argv,
			   .has_options = true,
			   .target = target };

	while (w.next < argc) {
		int ret = parse_word(&w, e);

		if (ret)
			return ret == OPTION_STOP ? 0 : ret;
	}
	return 0;
}

void options_help(const struct option_table *t, FILE *f)
{
	for (unsigned int i = 0; i < t->nr; i++) {
		const struct option_def *def = &t->defs[i];
		char left[64];

		if (def->letter)
			snprintf(left, sizeof(left), "-%c, --%s", def->letter,
				 def->name);
		else
			snprintf(left, sizeof(left), "--%s%s%s", def->name,
				 def->arg ? " " : "", def->arg ? def->arg : "");
		fprintf(f, "  %-31s  %s\n", left, def->help);
	}
}

/* --- key=value lists --- */

static int unknown_key(const struct option_keys *k, const char *word,
		       struct err *e)
{
	struct nearest near = { .word = word };
	char all[VALUE_MAX] = "";
	int ret = err_set(e, EINVAL, "%s: unknown key \"%s\"", k->option, word);

	for (unsigned int i = 0; i < k->nr; i++) {
		size_t n = strlen(all);

		nearest_try(&near, k->keys[i].name);
		snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "",
			 k->keys[i].name);
	}
	if (near.best)
		err_hint(e, "did you mean %s=?", near.best);
	err_hint(e, "its keys are: %s", all);
	return ret;
}

static int no_value(const struct option_keys *k, const char *key, struct err *e)
{
	err_set(e, EINVAL, "%s: %s has no value", k->option, key);
	err_hint(e, "write %s=VALUE, or leave it out", key);
	return -EINVAL;
}

static int given_twice(const struct option_keys *k, const char *key,
		       struct err *e)
{
	err_set(e, EINVAL, "%s: %s is given twice", k->option, key);
	err_hint(e, "leave one of them out");
	return -EINVAL;
}

static int bare_word(const struct option_keys *k, const char *word, bool first,
		     void *target, struct err *e)
{
	for (unsigned int i = 0; i < k->nr; i++)
		if (!strcmp(word, k->keys[i].name))
			return no_value(k, word, e);
	if (k->bare)
		return k->bare(target, word, e);
	err_set(e, EINVAL, "%s: \"%s\" is not of the form key=value", k->option,
		word);
	if (first)
		err_hint(e, "write %s %s=%s", k->option, k->keys[0].name, word);
	return -EINVAL;
}

static int parse_pair(const struct option_keys *k, char *pair, uint32_t *seen,
		      void *target, struct err *e)
{
	char *value = strchr(pair, '=');

	*value++ = '\0';
	for (unsigned int i = 0; i < k->nr; i++) {
		if (strcmp(pair, k->keys[i].name))
			continue;
		if (!*value)
			return no_value(k, pair, e);
		if (*seen & 1u << i)
			return given_twice(k, pair, e);
		*seen |= 1u << i;
		return k->keys[i].set(target, value, e);
	}
	return unknown_key(k, pair, e);
}

int option_keys_parse(const struct option_keys *k, const char *text,
		      void *target, struct err *e)
{
	uint32_t seen = 0;
	bool first = true;

	for (const char *p = text;; first = false) {
		size_t len = strcspn(p, ",");
		char item[VALUE_MAX];
		int ret;

		if (len >= sizeof(item))
			return err_set(e, EINVAL, "%s: a value is too long",
				       k->option);
		memcpy(item, p, len);
		item[len] = '\0';
		if (!len) {
			err_set(e, EINVAL, "%s %s: nothing between two commas",
				k->option, text);
			err_hint(e, "write KEY=VALUE[,KEY=VALUE]...");
			return -EINVAL;
		}
		ret = strchr(item, '=') ? parse_pair(k, item, &seen, target, e)
					: bare_word(k, item, first, target, e);
		if (ret)
			return ret;
		if (!p[len])
			return 0;
		p += len + 1;
	}
}

void option_keys_help(const struct option_keys *k, FILE *f)
{
	for (unsigned int i = 0; i < k->nr; i++) {
		const struct option_key *key = &k->keys[i];
		int left = KEY_COLUMN -
			   (int)(strlen(key->name) + strlen(key->arg) + 1);

		fprintf(f, "      %s=%s%*s %s\n", key->name, key->arg,
			left > 0 ? left : 0, "", key->help);
	}
}

int option_word(const char *who, const char *value, const char *const *words,
		unsigned int nr, struct err *e)
{
	struct nearest near = { .word = value };
	char all[VALUE_MAX] = "";

	for (unsigned int i = 0; i < nr; i++) {
		size_t n = strlen(all);

		if (!strcmp(value, words[i]))
			return (int)i;
		nearest_try(&near, words[i]);
		snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "",
			 words[i]);
	}
	err_set(e, EINVAL, "%s: \"%s\" is not one of: %s", who, value, all);
	if (near.best)
		err_hint(e, "did you mean %s?", near.best);
	return -EINVAL;
}

int option_on_off(const char *who, const char *value, bool *out, struct err *e)
{
	static const char *const words[] = { "off", "on" };
	int i = option_word(who, value, words, ARRAY_SIZE(words), e);

	if (i < 0)
		return i;
	*out = i == 1;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes a directory tree from text. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fake/tree.h"

static _Noreturn void give_up(const char *what, const char *path)
{
	fprintf(stderr, "tree: %s %s: %s\n", what, path, strerror(errno));
	abort();
}

/* A tree is thousands of small files, which a busy disk takes seconds for. */
static const char *place(void)
{
	const char *tmp = getenv("TMPDIR");

	if (tmp)
		return tmp;
	return access("/dev/shm", W_OK | X_OK) ? "/tmp" : "/dev/shm";
}

void tree_make(struct tree *t)
{
	snprintf(t->root, sizeof(t->root), "%.40s/tree.XXXXXX", place());
	if (!mkdtemp(t->root))
		give_up("make", t->root);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	if (remove(path))
		give_up("remove", path);
	return 0;
}

static void remove_below(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void tree_remove(struct tree *t)
{
	remove_below(t->root);
	t->root[0] = '\0';
}

/* Makes the directories that lead to the last component of path. */
static void make_parents(const struct tree *t, char *path)
{
	for (char *p = path + strlen(t->root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			give_up("mkdir", path);
		*p = '/';
	}
}

static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s == '\\' && s[1]) {
			s++;
			*out++ = *s;
			if (*s == 'n')
				out[-1] = '\n';
			else if (*s == 't')
				out[-1] = '\t';
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static void make_file(const char *path, char *text)
{
	FILE *f = fopen(path, "we");

	if (!f)
		give_up("create", path);
	unescape(text);
	fprintf(f, "%s\n", text);
	if (fclose(f))
		give_up("write", path);
}

/* "86 80 00*60": bytes, the last one 60 times. */
static void put_bytes(FILE *f, const char *hex, const char *path)
{
	unsigned int byte, count;
	int used;

	for (; sscanf(hex, " %2x%n", &byte, &used) == 1; hex += used) {
		hex += used;
		used = 0;
		if (sscanf(hex, "*%u%n", &count, &used) != 1)
			count = 1;
		while (count--)
			fputc((int)byte, f);
	}
	errno = EINVAL;
	if (hex[strspn(hex, " ")])
		give_up("read the bytes of", path);
}

/* line is "PATH" or "PATH @ OFFSET". */
static void make_binary(struct tree *t, char *line, const char *hex)
{
	char *at = strstr(line, " @ ");
	char path[PATH_MAX];
	FILE *f;

	if (at)
		*at = '\0';
	snprintf(path, sizeof(path), "%s/%s", t->root, line);
	make_parents(t, path);
	f = fopen(path, at ? "r+e" : "we");
	if (!f)
		give_up("create", path);
	if (at && fseek(f, strtol(at + 3, NULL, 16), SEEK_SET))
		give_up("seek in", path);
	put_bytes(f, hex, path);
	if (fclose(f))
		give_up("write", path);
}

static void add_line(struct tree *t, char *line)
{
	char *hex = strstr(line, " : ");
	char *value = strstr(line, " ="), *target = strstr(line, " -> ");
	bool gone = !strncmp(line, "- ", 2);
	char path[PATH_MAX];

	if (hex && !value && !target) {
		*hex = '\0';
		make_binary(t, line, hex + 3);
		return;
	}
	if (value) {
		*value = '\0';
		value += value[2] == ' ' ? 3 : 2;
	} else if (target) {
		*target = '\0';
		target += 4;
	}
	snprintf(path, sizeof(path), "%s/%s", t->root, gone ? line + 2 : line);
	make_parents(t, path);
	if (gone) {
		remove_below(path);
	} else if (value) {
		make_file(path, value);
	} else if (target) {
		if (unlink(path) && errno != ENOENT)
			give_up("replace", path);
		if (symlink(target, path))
			give_up("link", path);
	} else if (path[strlen(path) - 1] != '/') {
		errno = EINVAL;
		give_up("read line", line);
	}
}

void tree_add(struct tree *t, const char *text)
{
	char *copy = strdup(text), *rest = copy, *line;

	if (!copy)
		give_up("copy", "text");
	while ((line = strsep(&rest, "\n")))
		if (*line && *line != '#')
			add_line(t, line);
	free(copy);
}

void tree_load(struct tree *t, const char *name)
{
	char path[PATH_MAX], *text = NULL;
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "tests/data/%s.tree", name);
	f = fopen(path, "re");
	if (!f || getdelim(&text, &len, '\0', f) < 0)
		give_up("read", path);
	tree_add(t, text);
	free(text);
	fclose(f);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON for programs. */
#include <stdlib.h>
#include <string.h>

#include "tools/common/cli.h"
#include "tools/common/json.h"
#include "tools/common/text.h"

/* free() may be asked for nothing, malloc(0) is NULL on some systems. */
static void *must_malloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p) {
		fputs("error: out of memory\n", stderr);
		exit(CLI_HOST);
	}
	return p;
}

void json_begin(void)
{
	json_set_alloc_funcs(must_malloc, free);
}

json_t *json_text(const char *s)
{
	size_t len = strlen(s);
	char *copy = must_malloc(len + 1);
	json_t *j;

	memcpy(copy, s, len + 1);
	text_clean(copy);
	j = json_string(copy);
	free(copy);
	return j;
}

json_t *json_text_or_null(const char *s)
{
	return s && *s ? json_text(s) : json_null();
}

json_t *json_bdf(struct bdf bdf)
{
	char s[BDF_STR_LEN];

	return json_string(bdf_str(bdf, s));
}

json_t *json_number_or_null(long long n)
{
	return n < 0 ? json_null() : json_integer(n);
}

json_t *json_document(const char *schema)
{
	json_t *doc = json_object();

	json_object_set_new(doc, "schema", json_string(schema));
	return doc;
}

void json_print(json_t *doc, FILE *f)
{
	json_dumpf(doc, f, JSON_INDENT(2));
	fputc('\n', f);
	json_decref(doc);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON for programs: what jansson leaves to its callers. */
#ifndef STRAIT_TOOLS_COMMON_JSON_H
#define STRAIT_TOOLS_COMMON_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "src/base/types.h"

/*
 * Call once before anything else of jansson's. From then on memory that cannot
 * be had ends the program with CLI_HOST and a message, so that no key is ever
 * lost in silence and nobody has to check.
 */
void json_begin(void);

/* A string; bytes that are no UTF-8, or are control characters, become "?".
 * NULL or "" with json_text_or_null: null. */
json_t *json_text(const char *s);
json_t *json_text_or_null(const char *s);
/* "0000:3b:00.0" */
json_t *json_bdf(struct bdf bdf);
/* null for negative numbers, which stand for "none" in ours. */
json_t *json_number_or_null(long long n);

/* An object of its own for each document: {"schema": "strait-iommu.list/1"}. */
json_t *json_document(const char *schema);
/* Prints it, indented, and lets go of it. */
void json_print(json_t *doc, FILE *f);

#endif

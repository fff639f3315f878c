/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files in /run/strait/vf: what later instances have to know. */
#ifndef STRAIT_TOOLS_VF_RUN_FILE_H
#define STRAIT_TOOLS_VF_RUN_FILE_H

#include <jansson.h>

#include "src/host/host.h"

#define RUN_DIR "run/strait/vf"
enum { RUN_FILE_LEN = 96 }; /* of a name, with RUN_DIR */

/*
 * Writes a file, whole or not at all, over one that is there. json is consumed;
 * NULL is "out of memory".
 */
int run_file_write(const struct host *h, const char *file, json_t *json,
		   struct err *e);
/* Removes it, if it is there. */
int run_file_drop(const struct host *h, const char *file, struct err *e);
/* Sets e from errno, with a hint for users who may not. */
int run_file_fail(const char *file, const char *op, struct err *e);

#endif

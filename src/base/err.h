/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors that the host or the user caused, described where they happen. */
#ifndef STRAIT_BASE_ERR_H
#define STRAIT_BASE_ERR_H

#include <stdio.h>

#include "src/base/types.h"

/*
 * Lives on a caller's stack; zero it before use ({0}). Printed once, by main.
 * code is a positive errno, or 0 when nothing failed.
 */
struct err {
	int code;
	char msg[512];
	char hint[512];
};

/* "who: op: reason (ESYMBOL)" from errno. Returns -errno. */
int err_sys(struct err *e, const char *who, const char *op);

/* A message of our own for a positive errno value. Returns -code. */
int err_set(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "text: " before the message that is there. Returns ret. */
int err_ctx(struct err *e, int ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What to do about it; the first hint wins. */
void err_hint(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Writes "error: ..." and, if there is one, "hint: ..." to f. */
void err_print(const struct err *e, FILE *f);

/* A bug in strait itself: says where and aborts. The condition has no side
 * effects. */
#define BUG_ON(cond)                                                           \
	do {                                                                   \
		if (__builtin_expect(!!(cond), 0))                             \
			err_bug(__FILE__, __LINE__, #cond);                    \
	} while (0)
_Noreturn void err_bug(const char *file, int line, const char *cond);

#endif

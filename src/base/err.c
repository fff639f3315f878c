// SPDX-License-Identifier: GPL-2.0-or-later
/* Error objects: message, reason, hint. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/err.h"

int err_sys(struct err *e, const char *who, const char *op)
{
	int code = errno ? errno : EIO;
	const char *name = strerrorname_np(code);

	return err_set(e, code, "%s: %s: %s (%s)", who, op, strerror(code),
		       name ? name : "?");
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	e->hint[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return -code;
}

int err_ctx(struct err *e, int ret, const char *fmt, ...)
{
	char was[sizeof(e->msg)];
	va_list ap;
	int n;

	memcpy(was, e->msg, sizeof(was));
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(e->msg))
		snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %s", was);
	return ret;
}

void err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e->hint[0])
		return;
	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
}

void err_print(const struct err *e, FILE *f)
{
	fprintf(f, "error: %s\n", e->msg);
	if (e->hint[0])
		fprintf(f, "hint: %s\n", e->hint);
}

void err_bug(const char *file, int line, const char *cond)
{
	fprintf(stderr, "strait: bug at %s:%d: %s\n", file, line, cond);
	abort();
}

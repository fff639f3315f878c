// SPDX-License-Identifier: GPL-2.0-or-later
/* Log lines on stderr. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "src/base/log.h"

enum { GUEST_LINES_PER_SECOND = 10 };

static _Atomic enum log_level level_now = LOG_WARN;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&level_now, level, memory_order_relaxed);
}

bool log_on(enum log_level level)
{
	return level <= atomic_load_explicit(&level_now, memory_order_relaxed);
}

void log_line(enum log_level level, const char *who, const char *fmt, ...)
{
	static const char *const names[] = { "error", "warning", "info",
					     "debug", "trace" };
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* One call, so that lines of two threads do not mix. */
	fprintf(stderr, "%s: %s: %s\n", names[level], who, text);
}

bool log_allowed(struct log_limit *limit)
{
	struct timespec now;
	uint64_t window_s;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	window_s = (uint64_t)now.tv_sec;
	/* A race between vCPUs costs a line more or less, nothing else. */
	if (__atomic_load_n(&limit->window_s, __ATOMIC_RELAXED) != window_s) {
		__atomic_store_n(&limit->window_s, window_s, __ATOMIC_RELAXED);
		__atomic_store_n(&limit->count, 0, __ATOMIC_RELAXED);
	}
	return __atomic_fetch_add(&limit->count, 1, __ATOMIC_RELAXED) <
	       GUEST_LINES_PER_SECOND;
}

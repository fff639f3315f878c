/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TAP 13 for C tests, in one header. A test program is a list of functions:
 *
 *	static void masked_vector_has_no_irqfd(void) { CHECK(...); }
 *	int main(void) { TAP_RUN(masked_vector_has_no_irqfd); return tap_done();
 *}
 *
 * A failed CHECK ends its test function; the others still run.
 */
#ifndef STRAIT_TESTS_TAP_H
#define STRAIT_TESTS_TAP_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_nr, tap_failed;
static jmp_buf tap_env;

/* A line about a failure. prove shows only numbers unless it is verbose, so
 * there it goes to stderr as well. */
__attribute__((unused, format(printf, 1, 2))) static void
tap_complain(const char *fmt, ...)
{
	const char *verbose = getenv("HARNESS_IS_VERBOSE");
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	if (!getenv("HARNESS_ACTIVE") || (verbose && strcmp(verbose, "0")))
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
}

#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond)) {                                                 \
			tap_complain("# %s:%d: %s\n", __FILE__, __LINE__,      \
				     #cond);                                   \
			longjmp(tap_env, 1);                                   \
		}                                                              \
	} while (0)

#define CHECK_EQ(got, want)                                                          \
	do {                                                                         \
		long long got_ = (long long)(got), want_ = (long long)(want);        \
		if (got_ != want_) {                                                 \
			tap_complain(                                                \
				"# %s:%d: %s is %lld (0x%llx), not %lld (0x%llx)\n", \
				__FILE__, __LINE__, #got, got_,                      \
				(unsigned long long)got_, want_,                     \
				(unsigned long long)want_);                          \
			longjmp(tap_env, 1);                                         \
		}                                                                    \
	} while (0)

/* text contains part */
#define CHECK_HAS(text, part)                                                  \
	do {                                                                   \
		const char *text_ = (text);                                    \
		if (!strstr(text_, part)) {                                    \
			tap_complain("# %s:%d: no \"%s\" in \"%s\"\n",         \
				     __FILE__, __LINE__, part, text_);         \
			longjmp(tap_env, 1);                                   \
		}                                                              \
	} while (0)

#define TAP_RUN(fn)                                                            \
	do {                                                                   \
		tap_nr++;                                                      \
		if (setjmp(tap_env)) {                                         \
			tap_failed++;                                          \
			tap_complain("not ok %d - %s\n", tap_nr, #fn);         \
		} else {                                                       \
			fn();                                                  \
			printf("ok %d - %s\n", tap_nr, #fn);                   \
		}                                                              \
		fflush(stdout);                                                \
	} while (0)

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%d\n", tap_nr);
	return tap_failed ? 1 : 0;
}

/* For a whole program whose need is missing; call it instead of any TAP_RUN. */
__attribute__((unused)) static int tap_skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return 0;
}

#endif

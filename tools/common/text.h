/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that others wrote, made fit to print. */
#ifndef STRAIT_TOOLS_COMMON_TEXT_H
#define STRAIT_TOOLS_COMMON_TEXT_H

#include <stddef.h>

/*
 * Replaces control characters, and bytes that are no UTF-8, by "?": sysfs and
 * records hold names that anyone may have chosen, and a terminal obeys escape
 * sequences. Returns s.
 */
char *text_clean(char *s);

/* Characters of clean UTF-8, which is what a terminal has columns for. */
unsigned int text_width(const char *s);

#endif

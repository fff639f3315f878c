/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Libraries that only some runs need. */
#ifndef STRAIT_DISPLAY_LIBRARY_H
#define STRAIT_DISPLAY_LIBRARY_H

#include "src/base/err.h"

struct library_symbol {
	const char *name;
	void *to; /* a pointer to a function or a variable */
};

/*
 * Loads file ("libx.so.1") and looks up nr symbols. It stays loaded. -ENOTSUP:
 * it or a symbol is not there; *e names the Debian package.
 */
int library_load(const char *file, const char *package,
		 const struct library_symbol *symbols, size_t nr,
		 struct err *e);

#endif

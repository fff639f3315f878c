/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sentences as wide as the terminal. */
#ifndef STRAIT_TOOLS_IOMMU_WRAP_H
#define STRAIT_TOOLS_IOMMU_WRAP_H

#include <stdio.h>

/*
 * Prints text and a newline to f, where the cursor is at column indent already;
 * it is broken at spaces if it would pass width (0: no limit), and goes on at
 * indent. A word that is too long is not broken, so that commands can be
 * copied.
 */
void wrap_print(FILE *f, const char *text, unsigned int indent,
		unsigned int width);

#endif

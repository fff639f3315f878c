// SPDX-License-Identifier: GPL-2.0-or-later
/* Sentences as wide as the terminal. */
#include <string.h>

#include "tools/common/text.h"
#include "tools/iommu/wrap.h"

/* Where less than this is left, breaking helps nobody. */
enum { MIN_ROOM = 20 };

static unsigned int word_width(const char *word, size_t len)
{
	unsigned int n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)word[i] & 0xc0) != 0x80;
	return n;
}

void wrap_print(FILE *f, const char *text, unsigned int indent,
		unsigned int width)
{
	unsigned int at = indent;

	if (!width || width < indent + MIN_ROOM) {
		fprintf(f, "%s\n", text);
		return;
	}
	while (*(text += strspn(text, " "))) {
		size_t len = strcspn(text, " ");
		unsigned int w = word_width(text, len);

		if (at > indent && at + 1 + w > width) {
			fprintf(f, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			fputc(' ', f);
			at++;
		}
		fwrite(text, 1, len, f);
		at += w;
		text += len;
	}
	fputc('\n', f);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Text that others wrote, made fit to print. */
#include "tools/common/text.h"

/* Bytes of the sequence at s by its first byte, 0 if none may begin so
 * (Unicode 15.0, table 3-7). */
static unsigned int sequence_length(const unsigned char *s)
{
	if (*s < 0x80)
		return 1;
	if (*s >= 0xc2 && *s <= 0xdf)
		return 2;
	if (*s >= 0xe0 && *s <= 0xef)
		return 3;
	return *s >= 0xf0 && *s <= 0xf4 ? 4 : 0;
}

/* The second byte's range is narrower after some first bytes. */
static int is_second_fine(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second < 0xa0;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second < 0x90;
	default:
		return 1;
	}
}

/* Bytes of a character that may be printed, 0 for what may not. */
static unsigned int printable_length(const unsigned char *s)
{
	unsigned int n = sequence_length(s);

	if (n == 1)
		return *s >= ' ' && *s != 0x7f;
	for (unsigned int i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if (n && !is_second_fine(s[0], s[1]))
		return 0;
	/* U+0080 to U+009f are control characters as well. */
	return n == 2 && s[0] == 0xc2 && s[1] < 0xa0 ? 0 : n;
}

char *text_clean(char *s)
{
	unsigned char *p = (unsigned char *)s;

	while (*p) {
		unsigned int n = printable_length(p);

		if (!n)
			*p = '?';
		p += n ? n : 1;
	}
	return s;
}

unsigned int text_width(const char *s)
{
	unsigned int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

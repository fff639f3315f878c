// SPDX-License-Identifier: GPL-2.0-or-later
/* The textual form of a PCI function's address, as lspci writes it. */
#include <errno.h>
#include <stdio.h>

#include "src/base/types.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads one to max digits; returns the number read, 0 for none. */
static int hex_field(const char **s, int max, unsigned int *out)
{
	int n = 0;

	*out = 0;
	while (n < max && hex_digit(**s) >= 0) {
		*out = *out << 4 | (unsigned int)hex_digit(**s);
		(*s)++;
		n++;
	}
	return n;
}

int bdf_parse(const char *s, struct bdf *out)
{
	unsigned int domain, bus, dev, fn;

	if (!hex_field(&s, 8, &domain) || *s++ != ':')
		return -EINVAL;
	if (!hex_field(&s, 2, &bus))
		return -EINVAL;
	if (*s == ':') {
		s++;
		if (!hex_field(&s, 2, &dev))
			return -EINVAL;
	} else {
		dev = bus;
		bus = domain;
		domain = 0;
	}
	if (*s++ != '.' || !hex_field(&s, 1, &fn) || *s)
		return -EINVAL;
	if (bus > 0xff || dev > 0x1f || fn > 7)
		return -EINVAL;
	*out = (struct bdf){ .domain = domain,
			     .bus = (uint8_t)bus,
			     .devfn = (uint8_t)(dev << 3 | fn) };
	return 0;
}

const char *bdf_str(struct bdf bdf, char *buf)
{
	snprintf(buf, BDF_STR_LEN, "%04x:%02x:%02x.%x", bdf.domain, bdf.bus,
		 bdf.devfn >> 3, bdf.devfn & 7u);
	return buf;
}

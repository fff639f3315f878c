// SPDX-License-Identifier: GPL-2.0-or-later
/* Pixels of the formats that a guest can choose, as R, G, B. */
#include "src/base/bits.h"
#include "src/display/display.h"

bool surface_equal(const struct surface *a, const struct surface *b)
{
	return a->pixels == b->pixels && a->width == b->width &&
	       a->height == b->height && a->stride == b->stride &&
	       a->format == b->format;
}

/* The highest bits are repeated in the lowest: white stays white. */
static uint8_t widen(unsigned int v, unsigned int bits)
{
	v &= (1u << bits) - 1;
	return (uint8_t)(v << (8 - bits) | v >> (2 * bits - 8));
}

static void line_565(const uint8_t *in, uint32_t width, unsigned int bytes,
		     uint8_t *out)
{
	for (uint32_t x = 0; x < width; x++, in += 2, out += bytes) {
		unsigned int v = (unsigned int)in[0] | (unsigned int)in[1] << 8;

		out[0] = widen(v >> 11, 5);
		out[1] = widen(v >> 5, 6);
		out[2] = widen(v, 5);
		if (bytes == 4)
			out[3] = 0;
	}
}

void surface_line(const struct surface *s, uint32_t y, unsigned int bytes,
		  uint8_t *out)
{
	const uint8_t *in = s->pixels + (size_t)y * s->stride;
	/* Where red and blue are. */
	unsigned int r = s->format == SURFACE_XRGB8888 ? 2 : 1;
	unsigned int b = s->format == SURFACE_XRGB8888 ? 0 : 3;
	unsigned int g = s->format == SURFACE_XRGB8888 ? 1 : 2;

	if (s->format == SURFACE_RGB565) {
		line_565(in, s->width, bytes, out);
		return;
	}
	for (uint32_t x = 0; x < s->width; x++, in += 4, out += bytes) {
		out[0] = in[r];
		out[1] = in[g];
		out[2] = in[b];
		if (bytes == 4)
			out[3] = 0;
	}
}

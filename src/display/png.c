// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A surface as a PNG file, by libpng's simplified API: it wants no callbacks
 * and no longjmp. The guest may draw meanwhile; the lines are copied first.
 */
#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/display/display.h"
#include "src/display/library.h"

enum { RGB = 3 };

/* The pixels as R, G, B; black where there is no picture. */
static uint8_t *copy_pixels(const struct surface *s, png_image *image)
{
	uint32_t width = s->pixels ? s->width : SURFACE_BLANK_WIDTH;
	uint32_t height = s->pixels ? s->height : SURFACE_BLANK_HEIGHT;
	uint8_t *rgb = calloc(height, (size_t)width * RGB);

	if (!rgb)
		return NULL;
	image->width = width;
	image->height = height;
	for (uint32_t y = 0; s->pixels && y < height; y++)
		surface_line(s, y, RGB, rgb + (size_t)y * width * RGB);
	return rgb;
}

int png_encode(const struct surface *s, uint8_t **out, size_t *len,
	       struct err *e)
{
	__typeof__(png_image_write_to_memory) *write_to_memory = NULL;
	const struct library_symbol symbols[] = {
		{ "png_image_write_to_memory", &write_to_memory },
	};
	png_image image = { .version = PNG_IMAGE_VERSION,
			    .format = PNG_FORMAT_RGB,
			    .flags = PNG_IMAGE_FLAG_FAST };
	png_alloc_size_t size;
	uint8_t *rgb, *png;
	int ret =
		library_load("libpng16.so.16", "libpng16-16 or libpng16-16t64",
			     symbols, ARRAY_SIZE(symbols), e);

	if (ret)
		return ret;
	rgb = copy_pixels(s, &image);
	size = rgb ? PNG_IMAGE_PNG_SIZE_MAX(image) : 0;
	png = rgb ? malloc(size) : NULL;
	if (!png) {
		ret = err_set(e, ENOMEM, "PNG: out of memory");
	} else if (!write_to_memory(&image, png, &size, 0, rgb, 0, NULL)) {
		ret = err_set(e, EIO, "PNG: %s", image.message);
		free(png);
	} else {
		*out = png;
		*len = size;
	}
	free(rgb);
	return ret;
}

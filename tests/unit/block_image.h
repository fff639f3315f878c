/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small qcow2 image made by hand, for tests that damage it and for seeds of
 * the fuzzer: header, refcount table, refcount block, L1, L2, one cluster. */
#ifndef STRAIT_TESTS_BLOCK_IMAGE_H
#define STRAIT_TESTS_BLOCK_IMAGE_H

#include <stdint.h>
#include <string.h>

#include "src/base/bits.h"

enum {
	IMAGE_BITS = 12,
	IMAGE_CLUSTER = 1 << IMAGE_BITS,
	IMAGE_REFTABLE = 1 * IMAGE_CLUSTER,
	IMAGE_REFBLOCK = 2 * IMAGE_CLUSTER,
	IMAGE_L1 = 3 * IMAGE_CLUSTER,
	IMAGE_L2 = 4 * IMAGE_CLUSTER,
	IMAGE_DATA = 5 * IMAGE_CLUSTER,
	IMAGE_BYTES = 6 * IMAGE_CLUSTER,
	IMAGE_DISK = 1 << 20,
	IMAGE_HEADER = 104,
};

static inline void image_put(uint8_t *image, unsigned int at, uint64_t v,
			     unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		image[at + i] = (uint8_t)(v >> 8 * (len - 1 - i));
}

static inline void image_make(uint8_t *image)
{
	const uint64_t copied = 1ULL << 63;

	memset(image, 0, IMAGE_BYTES);
	image_put(image, 0, 0x514649fb, 4);
	image_put(image, 4, 3, 4);
	image_put(image, 20, IMAGE_BITS, 4);
	image_put(image, 24, IMAGE_DISK, 8);
	image_put(image, 36, 1, 4);
	image_put(image, 40, IMAGE_L1, 8);
	image_put(image, 48, IMAGE_REFTABLE, 8);
	image_put(image, 56, 1, 4);
	image_put(image, 96, 4, 4);
	image_put(image, 100, IMAGE_HEADER, 4);
	image_put(image, IMAGE_REFTABLE, IMAGE_REFBLOCK, 8);
	for (unsigned int i = 0; i < IMAGE_BYTES / IMAGE_CLUSTER; i++)
		image_put(image, IMAGE_REFBLOCK + 2 * i, 1, 2);
	image_put(image, IMAGE_L1, copied | IMAGE_L2, 8);
	image_put(image, IMAGE_L2, copied | IMAGE_DATA, 8);
	memset(image + IMAGE_DATA, 0xda, IMAGE_CLUSTER);
}

#endif

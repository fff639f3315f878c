/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decompresses the payload of a bzImage. */
#ifndef STRAIT_X86_UNPACK_H
#define STRAIT_X86_UNPACK_H

#include "src/base/types.h"

/*
 * Decompresses len bytes that the kernel's build made (zstd, xz or lz4,
 * followed by the size of the result in four bytes). -ENOTSUP: another
 * format, or its library is not installed; -ENOMEM; -EINVAL: damaged, or larger
 * than max. On success *out is *out_len bytes, freed by unpack_free.
 */
int unpack(const uint8_t *in, size_t len, size_t max, uint8_t **out,
	   size_t *out_len);
void unpack_free(uint8_t *out, size_t len);

#endif

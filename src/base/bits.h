/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small arithmetic on powers of two, and unaligned little-endian access. */
#ifndef STRAIT_BASE_BITS_H
#define STRAIT_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define KIB(n)	      ((uint64_t)(n) << 10)
#define MIB(n)	      ((uint64_t)(n) << 20)
#define GIB(n)	      ((uint64_t)(n) << 30)
#define TIB(n)	      ((uint64_t)(n) << 40)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member)                                        \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline bool is_pow2(uint64_t v)
{
	return v && !(v & (v - 1));
}

/* align is a power of two; the caller makes sure that v + align does not wrap.
 */
static inline uint64_t align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

static inline uint64_t align_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}

/* All-ones for an access of len bytes (1 to 8): what a read of nothing gives.
 */
static inline uint64_t all_ones(unsigned int len)
{
	return len >= 8 ? ~0ULL : (1ULL << (8 * len)) - 1;
}

/* x86 is little-endian and so is PCI: a value of 1 to 8 bytes at any address.
 */
static inline uint64_t get_le(const void *p, unsigned int len)
{
	uint64_t v = 0;

	memcpy(&v, p, len);
	return v;
}

static inline void put_le(void *p, uint64_t v, unsigned int len)
{
	memcpy(p, &v, len);
}

static inline void auto_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define AUTO_CLOSE __attribute__((cleanup(auto_close)))

#endif

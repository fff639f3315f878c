/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address and identity types that must not be mixed up. */
#ifndef STRAIT_BASE_TYPES_H
#define STRAIT_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t gpa_t;	 /* guest physical address */
typedef uint64_t iova_t; /* address a device uses, before the IOMMU */

/* A PCI function's address on one machine: domain:bus:device.function. */
struct bdf {
	uint32_t domain; /* those behind a VMD controller begin at 0x10000 */
	uint8_t bus;
	uint8_t devfn; /* device << 3 | function */
};

enum { BDF_STR_LEN = sizeof("00000000:00:00.0") };

/*
 * Reads "DDDD:BB:DD.F" or "BB:DD.F" (hexadecimal, up to eight digits of domain,
 * which is 0 if left out) and nothing after it. Returns 0 or -EINVAL; *out is
 * written only on success.
 */
int bdf_parse(const char *s, struct bdf *out);

/* Writes "0000:00:00.0" into buf (BDF_STR_LEN bytes), with as many digits of
 * domain more as it has, and returns buf. */
const char *bdf_str(struct bdf bdf, char *buf);

static inline bool bdf_equal(struct bdf a, struct bdf b)
{
	return a.domain == b.domain && a.bus == b.bus && a.devfn == b.devfn;
}

/* A number by which functions sort, and count up within a domain. */
static inline uint64_t bdf_order(struct bdf bdf)
{
	return (uint64_t)bdf.domain << 16 | (uint64_t)bdf.bus << 8 | bdf.devfn;
}

/* For sorting: below, at or above 0. */
static inline int bdf_cmp(struct bdf a, struct bdf b)
{
	return (bdf_order(a) > bdf_order(b)) - (bdf_order(a) < bdf_order(b));
}

#endif

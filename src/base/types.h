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
	uint16_t domain;
	uint8_t bus;
	uint8_t devfn; /* device << 3 | function */
};

enum { BDF_STR_LEN = sizeof("0000:00:00.0") };

/*
 * Reads "DDDD:BB:DD.F" or "BB:DD.F" (hexadecimal, domain 0 if left out) and
 * nothing after it. Returns 0 or -EINVAL; *out is written only on success.
 */
int bdf_parse(const char *s, struct bdf *out);

/* Writes "0000:00:00.0" into buf (BDF_STR_LEN bytes) and returns buf. */
const char *bdf_str(struct bdf bdf, char *buf);

static inline bool bdf_equal(struct bdf a, struct bdf b)
{
	return a.domain == b.domain && a.bus == b.bus && a.devfn == b.devfn;
}

#endif

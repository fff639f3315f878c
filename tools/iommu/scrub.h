/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a record must not tell: addresses, serial numbers, names of places. */
#ifndef STRAIT_TOOLS_IOMMU_SCRUB_H
#define STRAIT_TOOLS_IOMMU_SCRUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each MAC address gets a number of its own, so that what was the same stays
 * the same. Zeroed at first. */
struct scrub {
	uint64_t *macs;
	unsigned int nr;
};
void scrub_fini(struct scrub *s);

/* Replaces MAC addresses in place, 52:54:00:12:34:56 as well as
 * enx525400123456.
 */
void scrub_macs(struct scrub *s, char *text, size_t len);

/* Zeroes serial numbers in a function's config space. */
void scrub_config(uint8_t *cfg, size_t len);

/* Leaves of a kernel command line only words about IOMMUs, PCI and VFIO. */
void scrub_cmdline(const char *line, char *out, size_t len);

/*
 * A line of /proc/self/mountinfo: kept, with the device, the file system's type
 * and the mount point if every machine has one of that name. False: it is about
 * no disk and is left out.
 */
bool scrub_mount(const char *line, char *out, size_t len);

/* A line of /proc/swaps. False: it is about no disk and is left out. */
bool scrub_swap(const char *line, char *out, size_t len);

/* A line of /proc/net/route. False: it is no default route. */
bool scrub_route(const char *line, char *out, size_t len);
/* The same of /proc/net/ipv6_route. */
bool scrub_route6(const char *line, char *out, size_t len);

#endif

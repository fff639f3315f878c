// SPDX-License-Identifier: GPL-2.0-or-later
/* How much memory the host has to give. */
#include <stdio.h>

#include "src/base/bits.h"
#include "src/host/host.h"

static int find_available(char *line, void *arg)
{
	unsigned long long kib;

	if (sscanf(line, "MemAvailable: %llu kB", &kib) != 1)
		return 0;
	*(uint64_t *)arg = KIB(kib);
	return 1;
}

uint64_t host_mem_available(const struct host *h)
{
	uint64_t bytes = 0;

	host_each_line(h, find_available, &bytes, "proc/meminfo");
	return bytes;
}

uint64_t host_hugepages_free(const struct host *h, uint64_t page_size)
{
	const char *dir = "sys/kernel/mm/hugepages/hugepages";
	unsigned long long kib = page_size >> 10;
	uint64_t nr_free, reserved = 0;

	if (host_read_u64(h, &nr_free, "%s-%llukB/free_hugepages", dir, kib))
		return 0;
	/* Reserved ones are among the free but promised to other mappings. */
	host_read_u64(h, &reserved, "%s-%llukB/resv_hugepages", dir, kib);
	return nr_free > reserved ? nr_free - reserved : 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* How much memory the host has to give. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/host/host.h"

enum { CGROUP_LEN = 512 };

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

/* The line of cgroup v2; others, as "5:memory:/user", are of v1. */
static int find_cgroup(char *line, void *arg)
{
	if (strncmp(line, "0::/", 4))
		return 0;
	snprintf(arg, CGROUP_LEN, "%s", line + 3);
	return 1;
}

/* From this process's own group up to the first one that it may see. */
uint64_t host_mem_limit(const struct host *h)
{
	char group[CGROUP_LEN] = "", *end;
	uint64_t limit = 0, max;

	host_each_line(h, find_cgroup, group, "proc/self/cgroup");
	do {
		/* "max" is no number, and no limit. */
		if (!host_read_u64(h, &max, "sys/fs/cgroup%s/memory.max",
				   group) &&
		    (!limit || max < limit))
			limit = max;
		end = strrchr(group, '/');
		if (end)
			*end = '\0';
	} while (end);
	return limit;
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

int host_hugepages_check(const struct host *h, uint64_t bytes,
			 uint64_t page_size, struct err *e)
{
	const char *dir = "sys/kernel/mm/hugepages/hugepages";
	unsigned long long kib = page_size >> 10;
	uint64_t nr, want = bytes / page_size, extra = 0, used = 0;
	uint64_t nr_free = host_hugepages_free(h, page_size);

	/* Without a pool to read, whoever takes the pages says what is wrong.
	 */
	if (host_read_u64(h, &nr, "%s-%llukB/nr_hugepages", dir, kib))
		return 0;
	/* The kernel makes some more by itself, if it was told so. */
	host_read_u64(h, &extra, "%s-%llukB/nr_overcommit_hugepages", dir, kib);
	host_read_u64(h, &used, "%s-%llukB/surplus_hugepages", dir, kib);
	if (want <= nr_free || (extra > used && want - nr_free <= extra - used))
		return 0;
	err_set(e, ENOMEM,
		"--memory: %" PRIu64 " huge pages of %" PRIu64
		" MiB are wanted, and %" PRIu64
		" are free of the host's %" PRIu64,
		want, page_size >> 20, nr_free, nr);
	err_hint(e, "reserve more: echo %" PRIu64 " > /%s-%llukB/nr_hugepages",
		 nr - used + want - nr_free, dir, kib);
	return -ENOMEM;
}

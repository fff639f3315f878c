// SPDX-License-Identifier: GPL-2.0-or-later
/* How long each phase of a start took, for --timing. */
/*
 * How this works
 *
 * A phase is a sum of intervals between timing_begin and timing_end. Guest RAM
 * is filled by threads of their own while devices are opened, so phases may
 * overlap and their sum may be more than the total. The total counts from
 * exec: the kernel's start time of the process, in clock ticks since boot
 * (proc(5), field 22 of /proc/self/stat).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/vm/timing.h"

static const char *const names[] = {
	[TIMING_OPEN] = "open",		[TIMING_RESET] = "reset",
	[TIMING_PREFAULT] = "prefault", [TIMING_MAP] = "map",
	[TIMING_BOOT] = "boot",
};
_Static_assert(ARRAY_SIZE(names) == TIMING_NR, "a name per phase");

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void timing_begin(struct timing *t, enum timing_phase phase)
{
	t->begun_ns[phase] = now_ns();
}

void timing_end(struct timing *t, enum timing_phase phase)
{
	t->sum_ns[phase] += now_ns() - t->begun_ns[phase];
}

/* When this process was started, in ns since boot; 0 if /proc does not say. */
static uint64_t exec_ns(void)
{
	char text[1024];
	FILE *f = fopen("/proc/self/stat", "re");
	size_t len;
	char *p;

	if (!f)
		return 0;
	len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[len] = '\0';
	/* The name in field 2 may hold anything, a bracket too. */
	p = strrchr(text, ')');
	for (unsigned int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return 0;
	return strtoull(p, NULL, 10) *
	       (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

void timing_print(const struct timing *t, FILE *f)
{
	uint64_t start = exec_ns();

	fputs("timing:", f);
	for (unsigned int i = 0; i < TIMING_NR; i++)
		fprintf(f, " %s=%" PRIu64 ".%" PRIu64 " ms", names[i],
			t->sum_ns[i] / 1000000, t->sum_ns[i] / 100000 % 10);
	if (start)
		fprintf(f, " exec to first KVM_RUN=%" PRIu64 " ms",
			(now_ns() - start) / 1000000);
	fputc('\n', f);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Print the rate of the time stamp counter in kHz.
 *
 * QEMU's TCG passes the counter through, and the emulated host must not
 * guess its rate: a guess that is 0.2 % off makes KVM refuse its guests'.
 * /proc/cpuinfo shows the current clock, and dmesg needs privileges.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct sample {
	uint64_t tsc;
	uint64_t ns;
};

/* Of several readings, keep the one that was interrupted least. */
static struct sample sample_take(void)
{
	struct sample best = { 0, 0 };
	uint64_t best_cost = UINT64_MAX;
	struct timespec ts;

	for (int i = 0; i < 64; i++) {
		uint64_t before = __rdtsc(), after;

		clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
		after = __rdtsc();
		if (after - before >= best_cost)
			continue;
		best_cost = after - before;
		best.tsc = before + best_cost / 2;
		best.ns = (uint64_t)ts.tv_sec * 1000000000u +
			  (uint64_t)ts.tv_nsec;
	}
	return best;
}

int main(void)
{
	struct sample start = sample_take(), end;
	struct timespec pause = { .tv_nsec = 200 * 1000 * 1000 };

	nanosleep(&pause, NULL);
	end = sample_take();
	printf("%.0f\n", (double)(end.tsc - start.tsc) * 1e6 /
				 (double)(end.ns - start.ns));
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes a disk, reads it back and compares: disk-check DEVICE MIB. */
/*
 * How this works. Guests of the emulated host run this, statically linked. The
 * data are a sequence of numbers (xorshift64) that goes on over the whole disk,
 * so that no block is like another; a new one for each run, because what an
 * earlier run left must not pass. O_DIRECT has every byte come from the device.
 * It prints "same", or what is wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static uint64_t next(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ (x << 17);
}

static uint64_t fill(uint64_t *block, uint64_t x)
{
	for (size_t i = 0; i < MIB / sizeof(*block); i++)
		block[i] = x = next(x);
	return x;
}

static int fail(const char *what, unsigned long mib)
{
	printf("%s at MiB %lu: %s\n", what, mib, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	uint64_t *want = aligned_alloc(4096, MIB);
	uint64_t *got = aligned_alloc(4096, MIB);
	unsigned long i, mib = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	int fd = mib ? open(argv[1], O_RDWR | O_DIRECT) : -1;
	struct timespec now;
	uint64_t seed, x;

	if (fd < 0 || !want || !got)
		return fail("open", 0);
	clock_gettime(CLOCK_REALTIME, &now);
	seed = (uint64_t)now.tv_sec << 30 | (uint64_t)now.tv_nsec | 1;
	for (i = 0, x = seed; i < mib; i++) {
		x = fill(want, x);
		if (write(fd, want, MIB) != (ssize_t)MIB)
			return fail("write", i);
	}
	if (fsync(fd) < 0 || lseek(fd, 0, SEEK_SET) != 0)
		return fail("fsync", i);
	for (i = 0, x = seed; i < mib; i++) {
		x = fill(want, x);
		if (read(fd, got, MIB) != (ssize_t)MIB)
			return fail("read", i);
		if (memcmp(want, got, MIB)) {
			printf("differs at MiB %lu\n", i);
			return 1;
		}
	}
	puts("same");
	return 0;
}

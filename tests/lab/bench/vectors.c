// SPDX-License-Identifier: GPL-2.0-or-later
/* Enables MSI-X vectors the way Linux does, in a guest, and takes the time. */
/*
 * How this works. A guest that has a device without a driver runs
 *
 *     vectors DIR TABLE-BAR TABLE-OFFSET CAPABILITY COUNT
 *
 * with DIR the device in sysfs. As pci_enable_msix_range() and request_irq()
 * do, it enables MSI-X with the function masked, masks each entry, lifts the
 * function mask, and then gives each of COUNT entries an address and unmasks
 * it, one after another. It prints the microseconds of all that. COUNT 0 turns
 * MSI-X off. Linux itself would make only as many vectors as the guest has
 * CPUs.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* PCIe 6.0 7.7.2: message control, and an entry's words. */
enum { MSIX_ENABLE = 0x8000, MSIX_MASKALL = 0x4000, MSIX_SIZE = 0x7ff };
enum { ENTRY_ADDR, ENTRY_ADDR_HIGH, ENTRY_DATA, ENTRY_CTRL, ENTRY_WORDS };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_in(const char *dir, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		die(path);
	return fd;
}

static void control(int config, off_t cap, uint16_t set)
{
	uint16_t v;

	if (pread(config, &v, sizeof(v), cap + 2) != sizeof(v))
		die("config");
	v = (uint16_t)((v & ~(MSIX_ENABLE | MSIX_MASKALL)) | set);
	if (pwrite(config, &v, sizeof(v), cap + 2) != sizeof(v))
		die("config");
}

static void enable(int config, off_t cap, volatile uint32_t *table,
		   unsigned int size, unsigned int count)
{
	control(config, cap, MSIX_ENABLE | MSIX_MASKALL);
	for (unsigned int i = 0; i < size; i++)
		table[i * ENTRY_WORDS + ENTRY_CTRL] = 1;
	control(config, cap, MSIX_ENABLE);
	for (unsigned int i = 0; i < count; i++) {
		volatile uint32_t *entry = table + i * ENTRY_WORDS;

		entry[ENTRY_ADDR] = 0xfee00000;
		entry[ENTRY_ADDR_HIGH] = 0;
		entry[ENTRY_DATA] = 0x40 + i;
		entry[ENTRY_CTRL] = 0;
		(void)entry[ENTRY_CTRL]; /* Linux reads it back */
	}
}

int main(int argc, char **argv)
{
	char bar[16];
	struct timespec a, b;
	unsigned int count;
	uint16_t size;
	uint8_t *mem;
	int config;
	off_t cap;

	if (argc != 6)
		die("usage");
	config = open_in(argv[1], "config");
	snprintf(bar, sizeof(bar), "resource%s", argv[2]);
	mem = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE, MAP_SHARED,
		   open_in(argv[1], bar), 0);
	if (mem == MAP_FAILED)
		die(bar);
	mem += strtoul(argv[3], NULL, 0);
	cap = (off_t)strtoul(argv[4], NULL, 0);
	count = (unsigned int)strtoul(argv[5], NULL, 0);
	if (pread(config, &size, sizeof(size), cap + 2) != sizeof(size))
		die("config");
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (count)
		enable(config, cap, (volatile uint32_t *)(void *)mem,
		       (size & MSIX_SIZE) + 1u, count);
	else
		control(config, cap, 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%ld\n", (long)(b.tv_sec - a.tv_sec) * 1000000 +
				(b.tv_nsec - a.tv_nsec) / 1000);
	return 0;
}

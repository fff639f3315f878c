// SPDX-License-Identifier: GPL-2.0-or-later
/* The memory behind a guest. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/core/ram.h"
#include "tests/tap.h"

static struct ram ram;
static struct err err;
static atomic_uint nr_asked;

static bool never(void *ctx)
{
	(void)ctx;
	atomic_fetch_add(&nr_asked, 1);
	return false;
}

static bool at_once(void *ctx)
{
	(void)ctx;
	return true;
}

static int open_ram(uint64_t size)
{
	memset(&err, 0, sizeof(err));
	return ram_open(&ram, size, 0, &err);
}

/* Pages of the mapping that are present. */
static uint64_t nr_resident(void)
{
	uint64_t nr = ram.size / 4096, n = 0;
	unsigned char *vec = malloc(nr);

	if (mincore(ram.hva, ram.size, vec))
		abort();
	for (uint64_t i = 0; i < nr; i++)
		n += vec[i] & 1;
	free(vec);
	return n;
}

/* Bytes of address space that this process has. */
static uint64_t address_space(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long long pages = 0;

	if (!f || fscanf(f, "%llu", &pages) != 1)
		abort();
	fclose(f);
	return pages * 4096;
}

static void new_memory_is_zero_shared_and_aligned(void)
{
	char byte = 1;

	CHECK_EQ(open_ram(MIB(32)), 0);
	CHECK_EQ((uintptr_t)ram.hva % MIB(2), 0);
	CHECK_EQ(((char *)ram.hva)[MIB(32) - 1], 0);
	((char *)ram.hva)[4096] = 'x';
	CHECK_EQ(pread(ram.fd, &byte, 1, 4096), 1);
	CHECK_EQ(byte, 'x');
	ram_close(&ram);
}

static void large_memory_is_aligned_to_a_gigabyte(void)
{
	CHECK_EQ(open_ram(GIB(1) + MIB(2)), 0);
	CHECK_EQ((uintptr_t)ram.hva % GIB(1), 0);
	ram_close(&ram);
}

static void file_cannot_be_cut_or_grown_under_the_guest(void)
{
	CHECK_EQ(open_ram(MIB(2)), 0);
	CHECK_EQ(ftruncate(ram.fd, 4096), -1);
	CHECK_EQ(errno, EPERM);
	CHECK_EQ(ftruncate(ram.fd, (off_t)MIB(4)), -1);
	CHECK(fcntl(ram.fd, F_GETFD) & FD_CLOEXEC);
	ram_close(&ram);
}

static void populate_makes_every_page_present(void)
{
	CHECK_EQ(open_ram(MIB(66)), 0);
	CHECK(nr_resident() < MIB(66) / 4096);
	CHECK_EQ(ram_populate(&ram, 2, never, NULL, &err), 0);
	CHECK_EQ(nr_resident(), MIB(66) / 4096);
	CHECK(atomic_load(&nr_asked) >= 3);
	ram_close(&ram);
}

static void populate_keeps_what_was_written_before(void)
{
	CHECK_EQ(open_ram(MIB(34)), 0);
	memset((char *)ram.hva + MIB(32) - 2048, 0x5a, 4096);
	CHECK_EQ(ram_populate(&ram, 16, never, NULL, &err), 0);
	CHECK_EQ(((char *)ram.hva)[MIB(32) - 2048], 0x5a);
	CHECK_EQ(((char *)ram.hva)[MIB(32) + 2047], 0x5a);
	CHECK_EQ(((char *)ram.hva)[MIB(32) + 2048], 0);
	ram_close(&ram);
}

static void populate_works_without_a_thread_to_spare(void)
{
	CHECK_EQ(open_ram(MIB(2)), 0);
	CHECK_EQ(ram_populate(&ram, 0, never, NULL, &err), 0);
	CHECK_EQ(nr_resident(), MIB(2) / 4096);
	ram_close(&ram);
}

static void populate_that_is_cancelled_says_so(void)
{
	CHECK_EQ(open_ram(MIB(66)), 0);
	CHECK_EQ(ram_populate(&ram, 2, at_once, NULL, &err), -EINTR);
	CHECK_HAS(err.msg, "guest memory: filling it with pages");
	CHECK(nr_resident() < MIB(66) / 4096);
	ram_close(&ram);
}

/* 16 TiB of them: no host has these, and without hugetlbfs it fails earlier. */
static void missing_huge_pages_are_an_error_with_the_remedy(void)
{
	memset(&err, 0, sizeof(err));
	CHECK_EQ(ram_open(&ram, TIB(16), MIB(2), &err), -ENOMEM);
	CHECK_HAS(err.msg, "--memory: 16777216 MiB in huge pages of 2048 KiB");
	CHECK_HAS(err.hint, "hugepages");
	CHECK_EQ(ram.fd, -1);
	CHECK(!ram.hva);
}

/* No x86 CPU has pages of 4 MiB in long mode, so there is nothing to reserve.
 */
static void huge_pages_that_cannot_be_are_not_to_be_reserved(void)
{
	memset(&err, 0, sizeof(err));
	CHECK_EQ(ram_open(&ram, MIB(64), MIB(4), &err), -ENOMEM);
	CHECK_HAS(err.hint, "none of that size: leave out hugepage_size");
}

static void failed_open_leaves_no_address_space_behind(void)
{
	uint64_t before = address_space();

	for (int i = 0; i < 4; i++)
		ram_open(&ram, TIB(16), MIB(2), &err);
	CHECK(address_space() < before + TIB(16));
}

static void size_that_no_file_can_have_is_refused(void)
{
	CHECK(open_ram(1ULL << 63) < 0);
	CHECK_HAS(err.msg, "guest memory: ");
	CHECK_EQ(ram.fd, -1);
}

static void closed_memory_can_be_closed_again(void)
{
	CHECK_EQ(open_ram(MIB(2)), 0);
	ram_close(&ram);
	CHECK_EQ(ram.fd, -1);
	ram_close(&ram);
	CHECK(!ram.hva);
}

int main(void)
{
	TAP_RUN(new_memory_is_zero_shared_and_aligned);
	TAP_RUN(large_memory_is_aligned_to_a_gigabyte);
	TAP_RUN(file_cannot_be_cut_or_grown_under_the_guest);
	TAP_RUN(populate_makes_every_page_present);
	TAP_RUN(populate_keeps_what_was_written_before);
	TAP_RUN(populate_works_without_a_thread_to_spare);
	TAP_RUN(populate_that_is_cancelled_says_so);
	TAP_RUN(missing_huge_pages_are_an_error_with_the_remedy);
	TAP_RUN(huge_pages_that_cannot_be_are_not_to_be_reserved);
	TAP_RUN(failed_open_leaves_no_address_space_behind);
	TAP_RUN(size_that_no_file_can_have_is_refused);
	TAP_RUN(closed_memory_can_be_closed_again);
	return tap_done();
}

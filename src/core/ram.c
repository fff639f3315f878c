// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest RAM.
 *
 * How this works: a memfd, because vhost-user and iommufd take memory by file.
 * Shared memory gets no transparent huge pages by itself on most hosts
 * (shmem_enabled is "never" by default), and 4 KiB pages cost a VM exit each
 * when the guest first touches them, and IOMMU and page-table entries. So
 * ram_populate asks for each 2 MiB with MADV_COLLAPSE (Linux 6.1), which
 * ignores that setting and changes nothing on the host; where the kernel says
 * no it falls back to ordinary pages (MADV_POPULATE_WRITE, 5.14).
 *
 * Threads take chunks from a shared counter: with much RAM zeroing is what
 * takes the time.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/core/ram.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* linux/mman.h, 5.14 */
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* linux/mman.h, 6.1 */
#endif

enum { MAX_THREADS = 16, COLLAPSE_TRIES = 4 };
#define CHUNK MIB(32)
/*
 * Less is not worth a thread: 512 MiB take a quarter of a second with one or
 * two, and where CPUs are scarce two hinder each other in MADV_COLLAPSE.
 */
#define THREAD_SHARE GIB(2)

/* Address space whose start is aligned, so that huge mappings fit. */
static void *map_aligned(int fd, uint64_t size, uint64_t align)
{
	char *base = mmap(NULL, size + align, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *hva;
	uint64_t head;

	if (base == MAP_FAILED)
		return MAP_FAILED;
	head = -(uintptr_t)base & (align - 1);
	hva = base + head;
	if (head)
		munmap(base, head);
	munmap(hva + size, align - head);
	if (mmap(hva, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		 0) == hva)
		return hva;
	munmap(hva, size);
	return MAP_FAILED;
}

/* Whoever asks for them has counted the free ones; these causes remain. */
static int hugepages_missing(const struct ram *r, struct err *e)
{
	bool has_pool = errno != ENODEV && errno != EINVAL;

	err_set(e, ENOMEM,
		"--memory: %" PRIu64 " MiB in huge pages of %" PRIu64
		" KiB are not there",
		r->size >> 20, r->page_size >> 10);
	if (has_pool)
		err_hint(e,
			 "reserve %" PRIu64
			 " more in /sys/kernel/mm/hugepages/hugepages-%" PRIu64
			 "kB/nr_hugepages",
			 r->size / r->page_size, r->page_size >> 10);
	else
		err_hint(
			e,
			"this host has none of that size: leave out hugepage_size, or hugepages");
	return -ENOMEM;
}

int ram_open(struct ram *r, uint64_t size, uint64_t hugepage_size,
	     struct err *e)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	const char *op = "mmap";
	int ret;

	*r = (struct ram){ .fd = -1, .size = size, .page_size = hugepage_size };
	if (hugepage_size)
		flags |= MFD_HUGETLB |
			 (unsigned int)__builtin_ctzll(hugepage_size)
				 << MFD_HUGE_SHIFT;
	r->fd = memfd_create("strait-ram", flags);
	if (r->fd < 0 && hugepage_size)
		return hugepages_missing(r, e);
	if (r->fd < 0)
		return err_sys(e, "guest memory", "memfd_create");
	if (ftruncate(r->fd, (off_t)size)) {
		op = "ftruncate";
		goto out_close;
	}
	fcntl(r->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	r->hva = map_aligned(r->fd, size, size >= GIB(1) ? GIB(1) : MIB(2));
	if (r->hva != MAP_FAILED)
		return 0;
	r->hva = NULL;
out_close:
	ret = hugepage_size && errno == ENOMEM ? hugepages_missing(r, e)
					       : err_sys(e, "guest memory", op);
	if (ret == -EFBIG)
		err_hint(
			e,
			"the limit on file sizes is below the guest's memory: ulimit -f unlimited");
	else if (ret == -ENOMEM)
		err_hint(
			e,
			"the limit on address space is too low for it (ulimit -v unlimited), or vm.overcommit_memory forbids it");
	ram_close(r);
	return ret;
}

void ram_close(struct ram *r)
{
	if (r->hva)
		munmap(r->hva, r->size);
	if (r->fd >= 0)
		close(r->fd);
	*r = (struct ram){ .fd = -1 };
}

struct populate {
	struct ram *ram;
	uint64_t next; /* first byte that nobody has taken */
	int error;     /* first errno */
	bool (*cancelled)(void *ctx);
	void *ctx;
};

/* Makes a page present in each step, and keeps what is in it. */
// NOLINTNEXTLINE(readability-non-const-parameter): the builtin writes it
static void touch(uint8_t *p, uint64_t len, uint64_t step)
{
	for (uint64_t off = 0; off < len; off += step)
		__atomic_fetch_or(p + off, 0, __ATOMIC_RELAXED);
}

/* A piece that was busy for a moment (EAGAIN) is worth another try. */
static void collapse(void *p, uint64_t len)
{
	for (int tries = 0; tries < COLLAPSE_TRIES; tries++)
		if (!madvise(p, len, MADV_COLLAPSE) || errno != EAGAIN)
			break;
}

static int populate_chunk(const struct ram *r, uint64_t off, uint64_t len)
{
	uint8_t *p = (uint8_t *)r->hva + off;

	/*
	 * Best effort: without it the next call makes ordinary pages. Only
	 * where a page is present there is something to collapse.
	 */
	if (!r->page_size) {
		touch(p, len, MIB(2));
		collapse(p, len);
	}
	if (!madvise(p, len, MADV_POPULATE_WRITE))
		return 0;
	if (errno != EINVAL)
		return -errno;
	touch(p, len, 4096);
	return 0;
}

static void *populate_thread(void *arg)
{
	struct populate *p = arg;
	int none = 0;

	while (!__atomic_load_n(&p->error, __ATOMIC_RELAXED)) {
		uint64_t off =
			__atomic_fetch_add(&p->next, CHUNK, __ATOMIC_RELAXED);
		uint64_t left;
		int ret;

		if (off >= p->ram->size)
			break;
		left = p->ram->size - off;
		ret = p->cancelled(p->ctx)
			      ? -EINTR
			      : populate_chunk(p->ram, off,
					       left < CHUNK ? left : CHUNK);
		if (ret)
			__atomic_compare_exchange_n(&p->error, &none, -ret,
						    false, __ATOMIC_RELAXED,
						    __ATOMIC_RELAXED);
	}
	return NULL;
}

int ram_populate(struct ram *r, unsigned int nr_threads,
		 bool (*cancelled)(void *ctx), void *ctx, struct err *e)
{
	struct populate p = { .ram = r, .cancelled = cancelled, .ctx = ctx };
	uint64_t worthwhile = (r->size + THREAD_SHARE - 1) / THREAD_SHARE;
	pthread_t threads[MAX_THREADS];
	unsigned int started = 0;

	if (nr_threads > worthwhile)
		nr_threads = (unsigned int)worthwhile;
	if (nr_threads > MAX_THREADS)
		nr_threads = MAX_THREADS;
	/* This thread is one of them, so it goes on if no other can be made. */
	while (started + 1 < nr_threads &&
	       !pthread_create(&threads[started], NULL, populate_thread, &p))
		started++;
	populate_thread(&p);
	while (started)
		pthread_join(threads[--started], NULL);
	if (!p.error)
		return 0;
	errno = p.error;
	err_sys(e, "guest memory", "filling it with pages");
	if (p.error == ENOMEM || p.error == EFAULT)
		err_hint(
			e,
			"the host has too little memory free: give less with --memory size=...");
	return -p.error;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2 images when the power fails, at any write. */
/*
 * How this works
 *
 * This program has its own pwritev and fdatasync, so it sees all that src/block
 * does to the image when a thread does the I/O. A child works on an image, in
 * the same way each time, and at its Nth write the power fails: of the sectors
 * that were written since the last fdatasync some are as they were then, chosen
 * by chance. After that the image has to be sound, and what the guest flushed
 * has to be there. CUTS=1000 in the environment tries every write, for minutes.
 */
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/unit/block_fixture.h"

enum {
	NR_CELLS = 512,
	CELL = 2048,
	NR_ROUNDS = 40,
	MAX_SECTORS = 65536,
	CUT = 9, /* the child's status */
};

struct shared {
	uint32_t kept[NR_CELLS]; /* generations that a flush covered; 0: none */
	uint32_t may_be_zero[NR_CELLS];
	uint32_t nr_writes;
};

static struct shared *shared;
static uint32_t cut_at;		  /* 0: never */
static bool all_or_nothing;	  /* the process is killed, not the host */
static uint8_t *was[MAX_SECTORS]; /* at the last fdatasync */

/* --- the power --- */

static void remember(int fd, uint64_t offset, uint64_t bytes)
{
	uint64_t end = (offset + bytes + 511) / 512;

	for (uint64_t i = offset / 512; i < end; i++) {
		if (i >= MAX_SECTORS)
			_exit(2);
		if (was[i])
			continue;
		was[i] = calloc(1, 512);
		if (!was[i] || pread(fd, was[i], 512, (off_t)i * 512) < 0)
			_exit(2);
	}
}

static _Noreturn void power_fails(int fd)
{
	uint64_t chance = cut_at * 2654435761U;

	for (uint64_t i = 0; i < MAX_SECTORS && !all_or_nothing; i++) {
		chance = chance * 6364136223846793005ULL + 1442695040888963407;
		if (was[i] && chance >> 63 &&
		    pwrite(fd, was[i], 512, (off_t)i * 512) != 512)
			_exit(2);
	}
	_exit(CUT);
}

static uint64_t sum(const struct iovec *iov, int nr)
{
	uint64_t bytes = 0;

	for (int i = 0; i < nr; i++)
		bytes += iov[i].iov_len;
	return bytes;
}

ssize_t pwritev(int fd, const struct iovec *iov, int nr, off_t offset)
{
	ssize_t n;

	if (cut_at)
		remember(fd, (uint64_t)offset, sum(iov, nr));
	n = syscall(SYS_pwritev, fd, iov, nr, offset, 0);
	shared->nr_writes++;
	if (cut_at && shared->nr_writes == cut_at)
		power_fails(fd);
	return n;
}

int fdatasync(int fd)
{
	for (uint64_t i = 0; i < MAX_SECTORS; i++) {
		free(was[i]);
		was[i] = NULL;
	}
	(void)fd;
	return 0;
}

/* No holes: the power would have to know about them. */
int fallocate(int fd, int mode, off_t offset, off_t len)
{
	(void)fd;
	(void)mode;
	(void)offset;
	(void)len;
	errno = EOPNOTSUPP;
	return -1;
}

/* --- the child --- */

static uint8_t buf[CELL * NR_CELLS];

static void fill_cell(uint8_t *p, uint32_t cell, uint32_t generation)
{
	for (unsigned int i = 0; i < CELL; i += 8) {
		put_le(p + i, cell, 4);
		put_le(p + i + 4, generation, 4);
	}
}

static void write_some(uint32_t *written, uint32_t *now)
{
	uint32_t cell = model_random() % NR_CELLS;
	uint32_t nr = 1 + model_random() % 8;

	for (uint32_t i = 0; i < nr && cell + i < NR_CELLS; i++) {
		written[cell + i] = ++*now;
		fill_cell(buf, cell + i, *now);
		if (disk_do(BLOCK_WRITE, buf, (uint64_t)(cell + i) * CELL,
			    CELL))
			_exit(3);
	}
}

static void give_up_some(uint32_t *written)
{
	uint32_t cell = model_random() % (NR_CELLS - 64);

	for (uint32_t i = cell; i < cell + 64; i++) {
		shared->may_be_zero[i] = 1;
		written[i] = 0;
	}
	if (disk_do(model_random() % 2 ? BLOCK_DISCARD : BLOCK_WRITE_ZEROES,
		    NULL, (uint64_t)cell * CELL, 64ULL * CELL))
		_exit(3);
}

static void flush(const uint32_t *written)
{
	if (disk_do(BLOCK_FLUSH, NULL, 0, 0))
		_exit(3);
	for (uint32_t i = 0; i < NR_CELLS; i++) {
		shared->kept[i] = written[i];
		shared->may_be_zero[i] = 0;
	}
}

static _Noreturn void work(void)
{
	uint32_t written[NR_CELLS] = { 0 }, now = 0;

	model.seed = 42;
	if (disk_open("a"))
		_exit(3);
	for (int round = 0; round < NR_ROUNDS; round++) {
		for (uint32_t n = model_random() % 4; n > 0; n--)
			write_some(written, &now);
		if (model_random() % 3 == 0)
			give_up_some(written);
		if (model_random() % 3 == 0)
			flush(written);
	}
	_exit(disk_close() ? 3 : 0);
}

/* --- the parent --- */

static int run_child(uint32_t at)
{
	int status;
	pid_t child;

	memset(shared, 0, sizeof(*shared));
	CHECK_EQ(run("cp %s %s", in_dir("new"), in_dir("a")), 0);
	fflush(stdout);
	child = fork();
	if (!child) {
		cut_at = at;
		work();
	}
	waitpid(child, &status, 0);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static unsigned int count_lost(void)
{
	unsigned int lost = 0;

	if (disk_do(BLOCK_READ, buf, 0, sizeof(buf)))
		return NR_CELLS;
	for (uint32_t i = 0; i < NR_CELLS; i++) {
		const uint8_t *p = buf + (size_t)i * CELL;
		bool is_young = get_le(p, 4) == i &&
				get_le(p + 4, 4) >= shared->kept[i];

		lost += shared->kept[i] && !shared->may_be_zero[i] && !is_young;
	}
	return lost;
}

static void check_image(bool is_lazy)
{
	int sound;

	if (!is_lazy) {
		sound = WEXITSTATUS(run("qemu-img check -f qcow2 %s > %s 2>&1",
					in_dir("a"), in_dir("check")));
		if (sound && sound != 3)
			run("head %s | sed 's/^/# /'", in_dir("check"));
		CHECK(sound == 0 || sound == 3);
	}
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(count_lost(), 0);
	CHECK_EQ(disk_close(), 0);
	sound = WEXITSTATUS(run("qemu-img check -f qcow2 %s > %s 2>&1",
				in_dir("a"), in_dir("check")));
	CHECK(sound == 0 || (sound == 3 && !is_lazy));
}

static void create(const char *create_options)
{
	options = (struct block_options){ .no_uring = true };
	CHECK_EQ(run("rm -f %s; qemu-img create -q -f qcow2 %s %s 2M",
		     in_dir("new"), create_options, in_dir("new")),
		 0);
	printf("# %s\n", create_options);
}

static void check_cuts(bool is_lazy, unsigned int nr_cuts)
{
	uint32_t nr_writes;

	CHECK_EQ(run_child(0), 0);
	nr_writes = shared->nr_writes;
	CHECK(nr_writes > 100);
	if (getenv("CUTS"))
		nr_cuts = (unsigned int)strtoul(getenv("CUTS"), NULL, 10);
	if (nr_cuts > nr_writes)
		nr_cuts = nr_writes;
	for (unsigned int i = 0; i < nr_cuts; i++) {
		uint32_t at = 1 + (uint32_t)((uint64_t)i * nr_writes / nr_cuts);

		CHECK_EQ(run_child(at), CUT);
		check_image(is_lazy);
	}
}

static void power_that_fails_leaves_a_sound_image(void)
{
	all_or_nothing = false;
	create("-o cluster_size=4k");
	check_cuts(false, 16);
	create("-o cluster_size=512,refcount_bits=64");
	check_cuts(false, 20);
	create("-o cluster_size=1k,compat=0.10");
	check_cuts(false, 8);
}

static void process_that_is_killed_leaves_a_sound_image(void)
{
	all_or_nothing = true;
	create("-o cluster_size=4k");
	check_cuts(false, 8);
	create("-o cluster_size=512,refcount_bits=64");
	check_cuts(false, 8);
}

static void lazy_refcounts_are_repaired(void)
{
	all_or_nothing = false;
	create("-o cluster_size=4k,lazy_refcounts=on");
	check_cuts(true, 8);
	create("-o cluster_size=512,lazy_refcounts=on");
	check_cuts(true, 8);
}

/* Compressed clusters, and some that a snapshot shares. */
static void make_old(const char *create_options)
{
	create(create_options);
	CHECK_EQ(
		run("qemu-io -f qcow2 -c 'write -q -P 5 0 64k' -c 'write -q -P 6 512k 64k' -c 'write -q -c -P 7 256k 64k' %s",
		    in_dir("new")),
		0);
	CHECK_EQ(run("qemu-img snapshot -c s %s", in_dir("new")), 0);
	CHECK_EQ(
		run("qemu-io -f qcow2 -c 'write -q -P 8 32k 64k' -c 'write -q -c -P 9 384k 64k' %s",
		    in_dir("new")),
		0);
}

static bool snapshot_is_kept(void)
{
	return run("qemu-img convert -l s -O raw %s %s", in_dir("new"),
		   in_dir("then")) == 0 &&
	       run("qemu-img convert -l s -O raw %s %s", in_dir("a"),
		   in_dir("now")) == 0 &&
	       run("cmp %s %s", in_dir("then"), in_dir("now")) == 0;
}

static void snapshot_and_compressed_clusters_survive(void)
{
	all_or_nothing = false;
	make_old("-o cluster_size=4k");
	check_cuts(false, 8);
	CHECK(snapshot_is_kept());
	make_old("-o cluster_size=4k,lazy_refcounts=on");
	check_cuts(true, 8);
	CHECK(snapshot_is_kept());
	make_old("-o cluster_size=1k,lazy_refcounts=on");
	check_cuts(true, 8);
	CHECK(snapshot_is_kept());
}

int main(void)
{
	if (system("command -v qemu-img > /dev/null")) /* NOLINT */
		return tap_skip_all("no qemu-img (Debian package qemu-utils)");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fixture_begin_in(access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	TAP_RUN(power_that_fails_leaves_a_sound_image);
	TAP_RUN(process_that_is_killed_leaves_a_sound_image);
	TAP_RUN(lazy_refcounts_are_repaired);
	TAP_RUN(snapshot_and_compressed_clusters_survive);
	fixture_end();
	return tap_done();
}

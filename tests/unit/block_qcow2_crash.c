// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2 images whose writer was killed, or whose disk was full. */
/*
 * How this works
 *
 * A child writes sectors that carry their own number and a generation, at
 * random places, flushes now and then, and after each flush puts into shared
 * memory which generation of which sector is on the disk. It is killed at some
 * moment. Then the image has to be sound, and each sector at least as young as
 * the last flush said.
 */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "tests/unit/block_fixture.h"

enum { NR_CELLS = 4096, CELL = 4096, BATCH = 24 };

struct shared {
	atomic_uint nr_flushes;
	atomic_uint kept[NR_CELLS]; /* generations that a flush covered */
};

static struct shared *shared;
static bool is_direct;
static _Alignas(4096) uint8_t buf[1 << 20];

static void reset(void)
{
	options = (struct block_options){ .direct = is_direct };
}

static int create(const char *create_options, const char *size)
{
	return run("rm -f %s; qemu-img create -q -f qcow2 %s %s %s",
		   in_dir("a"), create_options, in_dir("a"), size);
}

/* Until its io_uring is gone as well, who was killed has the image locked. */
static int check(const char *args)
{
	int status = 1;

	for (int i = 0; i < 50 && status == 1; i++) {
		status = WEXITSTATUS(
			run("qemu-img check %s -f qcow2 %s > %s 2>&1", args,
			    in_dir("a"), in_dir("check")));
		if (status == 1)
			usleep(20000);
	}
	return status;
}

static void fill_cell(uint8_t *p, uint32_t cell, uint32_t generation)
{
	for (unsigned int i = 0; i < CELL; i += 8) {
		put_le(p + i, cell, 4);
		put_le(p + i + 4, generation, 4);
	}
}

/* --- the child --- */

static void write_batch(uint32_t *now, uint32_t *written)
{
	static struct one ones[BATCH];
	static _Alignas(4096) uint8_t bufs[BATCH][CELL];

	for (int i = 0; i < BATCH; i++) {
		uint32_t cell = model_random() % NR_CELLS;

		/* Never two at once to one cell. */
		cell = cell - cell % BATCH + (uint32_t)i;
		if (cell >= NR_CELLS)
			cell = (uint32_t)i;
		written[cell] = ++*now;
		fill_cell(bufs[i], cell, *now);
		ones[i] =
			(struct one){ .req = { .op = BLOCK_WRITE,
					       .offset = (uint64_t)cell * CELL,
					       .bytes = CELL,
					       .nr_iov = 1,
					       .done = one_done },
				      .iov = { bufs[i], CELL } };
		ones[i].req.iov = &ones[i].iov;
		block_submit(queue, &ones[i].req);
	}
	block_kick(queue);
	block_queue_drain(queue);
}

static _Noreturn void be_killed(uint64_t seed)
{
	static uint32_t written[NR_CELLS];
	uint32_t now = 0;

	model.seed = seed;
	if (disk_open("a"))
		_exit(1);
	for (;;) {
		for (uint32_t n = model_random() % 4; n > 0; n--)
			write_batch(&now, written);
		/* Clusters that are given up and used again. */
		if (model_random() % 4 == 0) {
			uint32_t cell = model_random() % (NR_CELLS - 256);

			for (uint32_t i = 0; i < 256; i++)
				atomic_store(&shared->kept[cell + i], 0);
			if (disk_do(BLOCK_DISCARD, NULL, (uint64_t)cell * CELL,
				    256ULL * CELL))
				_exit(1);
			memset(&written[cell], 0, 256 * sizeof(*written));
		}
		if (disk_do(BLOCK_FLUSH, NULL, 0, 0))
			_exit(1);
		for (uint32_t i = 0; i < NR_CELLS; i++)
			atomic_store(&shared->kept[i], written[i]);
		atomic_fetch_add(&shared->nr_flushes, 1);
	}
}

/* --- the parent --- */

static void kill_one(uint64_t seed)
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (!child)
		be_killed(seed);
	for (int i = 0; i < 1000 && atomic_load(&shared->nr_flushes) < 3; i++)
		usleep(10000);
	usleep((unsigned int)(seed * 7919 % 40000));
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	CHECK(WIFSIGNALED(status));
}

static unsigned int count_lost(void)
{
	unsigned int lost = 0;

	for (uint32_t i = 0; i < NR_CELLS; i++) {
		uint32_t kept = atomic_load(&shared->kept[i]);

		if (disk_do(BLOCK_READ, buf, (uint64_t)i * CELL, CELL))
			return NR_CELLS;
		lost += kept &&
			(get_le(buf, 4) != i || get_le(buf + 4, 4) < kept);
	}
	return lost;
}

static void check_killed(const char *create_options, unsigned int rounds,
			 const char *repair)
{
	unsigned int flushes = 0;

	for (unsigned int i = 0; i < rounds; i++) {
		int sound;

		reset();
		memset(shared, 0, sizeof(*shared));
		CHECK_EQ(create(create_options, "16M"), 0);
		kill_one(i + 1);
		flushes += atomic_load(&shared->nr_flushes);
		sound = check(repair);
		if (sound != 0 && sound != 3)
			run("head -20 %s | sed 's/^/# /'", in_dir("check"));
		CHECK(sound == 0 || sound == 3);
		CHECK_EQ(disk_open("a"), 0);
		CHECK_EQ(count_lost(), 0);
		disk_close();
		sound = check("");
		CHECK(sound == 0 || sound == 3);
	}
	printf("# %u flushes\n", flushes);
	CHECK(flushes >= 3 * rounds);
}

static void killed_writer_leaves_a_sound_image(void)
{
	check_killed("", 4, "");
	check_killed("-o cluster_size=4k", 4, "");
	check_killed("-o cluster_size=512,refcount_bits=64", 4, "");
}

static void killed_direct_writer_leaves_a_sound_image(void)
{
	is_direct = true;
	check_killed("", 4, "");
	check_killed("-o cluster_size=4k", 4, "");
	is_direct = false;
}

static void killed_writer_over_an_image_below_leaves_a_sound_one(void)
{
	CHECK_EQ(run("head -c 10M /dev/urandom > %s", in_dir("base")), 0);
	check_killed("-F raw -b base -o cluster_size=8k", 4, "");
}

static bool is_marked_dirty(void)
{
	uint8_t header[80] = { 0 };
	int fd = open(in_dir("a"), O_RDONLY);

	if (fd < 0 || pread(fd, header, sizeof(header), 0) < 80)
		abort();
	close(fd);
	return header[79] & 1;
}

/* Our own repair: qemu-img finds nothing to do after it. */
static void lazy_refcounts_are_repaired_when_it_is_opened(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		reset();
		memset(shared, 0, sizeof(*shared));
		CHECK_EQ(create(i % 2 ? "-o lazy_refcounts=on"
				      : "-o lazy_refcounts=on,cluster_size=1k",
				"16M"),
			 0);
		kill_one(i + 1);
		CHECK(is_marked_dirty());
		CHECK_EQ(disk_open("a"), 0);
		CHECK_EQ(count_lost(), 0);
		disk_close();
		CHECK_EQ(check(""), 0);
	}
}

static void qemu_repairs_lazy_refcounts_as_well(void)
{
	check_killed("-o lazy_refcounts=on", 2, "-r all");
}

/* --- a disk that is full --- */

static bool has_tmpfs(void)
{
	return !mkdir(in_dir("small"), 0700) &&
	       !mount("small", in_dir("small"), "tmpfs", 0, "size=3m");
}

static void full_disk_is_an_error_and_no_damage(void)
{
	unsigned int nr_full = 0;

	reset();
	CHECK_EQ(run("qemu-img create -q -f qcow2 -o cluster_size=4k %s 16M",
		     in_dir("small/a")),
		 0);
	CHECK_EQ(disk_open("small/a"), 0);
	memset(buf, 0xcc, KIB(64));
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, 0, KIB(64)), 0);
	CHECK_EQ(disk_do(BLOCK_FLUSH, NULL, 0, 0), 0);
	for (uint64_t i = 1; i < 256; i++) {
		int ret = disk_do(BLOCK_WRITE, buf, KIB(64) * i, KIB(64));

		CHECK(ret == 0 || ret == -ENOSPC);
		nr_full += ret != 0;
	}
	CHECK(nr_full > 100 && nr_full < 250);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, KIB(64)), 0);
	CHECK(is_filled(buf, KIB(64), 0xcc));
	/* Room again. */
	CHECK_EQ(disk_do(BLOCK_DISCARD, NULL, KIB(64), MIB(2)), 0);
	CHECK_EQ(disk_do(BLOCK_FLUSH, NULL, 0, 0), 0);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, MIB(8), KIB(64)), 0);
	CHECK_EQ(disk_close(), 0);
	CHECK_EQ(WEXITSTATUS(run("qemu-img check -q %s > /dev/null 2>&1",
				 in_dir("small/a"))),
		 0);
}

static void file_that_may_not_grow_is_an_error_and_no_damage(void)
{
	struct rlimit was, limit;

	reset();
	signal(SIGXFSZ, SIG_IGN);
	CHECK_EQ(create("", "16M"), 0);
	CHECK_EQ(disk_open("a"), 0);
	getrlimit(RLIMIT_FSIZE, &was);
	limit = (struct rlimit){ MIB(2), was.rlim_max };
	setrlimit(RLIMIT_FSIZE, &limit);
	memset(buf, 0xcc, MIB(1));
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, 0, MIB(1)), 0);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, MIB(2), MIB(1)), -EFBIG);
	CHECK_EQ(disk_do(BLOCK_FLUSH, NULL, 0, 0), 0);
	setrlimit(RLIMIT_FSIZE, &was);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, MIB(4), MIB(1)), 0);
	CHECK_EQ(disk_close(), 0);
	CHECK_EQ(check(""), 0);
}

static void direct_file_that_may_not_grow_is_an_error_and_no_damage(void)
{
	is_direct = true;
	file_that_may_not_grow_is_an_error_and_no_damage();
	is_direct = false;
}

int main(void)
{
	if (system("command -v qemu-img > /dev/null")) /* NOLINT */
		return tap_skip_all("no qemu-img (Debian package qemu-utils)");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fixture_begin();
	TAP_RUN(killed_writer_leaves_a_sound_image);
	TAP_RUN(killed_direct_writer_leaves_a_sound_image);
	TAP_RUN(killed_writer_over_an_image_below_leaves_a_sound_one);
	TAP_RUN(lazy_refcounts_are_repaired_when_it_is_opened);
	TAP_RUN(qemu_repairs_lazy_refcounts_as_well);
	TAP_RUN(file_that_may_not_grow_is_an_error_and_no_damage);
	TAP_RUN(direct_file_that_may_not_grow_is_an_error_and_no_damage);
	if (has_tmpfs()) {
		TAP_RUN(full_disk_is_an_error_and_no_damage);
		umount(in_dir("small"));
	} else {
		printf("ok %d - full_disk # SKIP may not mount a tmpfs\n",
		       ++tap_nr);
	}
	fixture_end();
	return tap_done();
}

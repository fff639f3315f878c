// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2 images that qemu-img made, and what it says of them when we wrote. */
#include "tests/unit/block_fixture.h"

static uint8_t buf[1 << 20];

/* Waiting for the disk would be most of the time; whether it is asked to is
 * what block_qcow2_cut looks at. */
int fdatasync(int fd)
{
	(void)fd;
	return 0;
}

static void reset(void)
{
	options = (struct block_options){ 0 };
}

static int create(const char *name, const char *create_options,
		  const char *size)
{
	return run("rm -f %s; qemu-img create -q -f qcow2 %s %s %s",
		   in_dir(name), create_options, in_dir(name), size);
}

/* 0: sound; 3: clusters that nothing names. */
static int check(const char *name)
{
	int status = run("qemu-img check -q -f qcow2 %s > %s 2>&1",
			 in_dir(name), in_dir("check"));

	if (WEXITSTATUS(status))
		run("head -20 %s | sed 's/^/# /'", in_dir("check"));
	return WEXITSTATUS(status);
}

/* Is the image's content, as QEMU reads it, the model's? */
static bool qemu_agrees(const char *name)
{
	int fd = open(in_dir("model"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	bool ok = fd >= 0 &&
		  write(fd, model.bytes, model.size) == (ssize_t)model.size;

	close(fd);
	return ok && run("qemu-img compare -q -f qcow2 -F raw %s %s",
			 in_dir(name), in_dir("model")) == 0;
}

/* --- reading --- */

static void detected_and_described(void)
{
	reset();
	CHECK_EQ(create("a", "", "10M"), 0);
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(block_info(disk)->format, BLOCK_FORMAT_QCOW2);
	CHECK_EQ(block_info(disk)->bytes, MIB(10));
	CHECK_EQ(block_info(disk)->discard_granularity, KIB(64));
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, MIB(1)), 0);
	CHECK(is_filled(buf, MIB(1), 0));
	CHECK_EQ(disk_close(), 0);
}

static void raw_was_asked_for_and_is_given(void)
{
	reset();
	CHECK_EQ(create("a", "", "10M"), 0);
	options.format = BLOCK_FORMAT_RAW;
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(block_info(disk)->format, BLOCK_FORMAT_RAW);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, 512), 0);
	CHECK(!memcmp(buf, "QFI\xfb", 4));
	disk_close();
}

static void qemus_data_is_read(void)
{
	reset();
	CHECK_EQ(create("a", "", "10M"), 0);
	CHECK_EQ(
		run("qemu-io -f qcow2 -c 'write -P 0x42 100k 300k' -c 'write -z 200k 64k' %s > /dev/null",
		    in_dir("a")),
		0);
	options.readonly = true;
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, KIB(500)), 0);
	CHECK(is_filled(buf, KIB(100), 0));
	CHECK(is_filled(buf + KIB(100), KIB(100), 0x42));
	CHECK(is_filled(buf + KIB(200), KIB(64), 0));
	CHECK(is_filled(buf + KIB(264), KIB(136), 0x42));
	CHECK(is_filled(buf + KIB(400), KIB(100), 0));
	disk_close();
}

static void check_compressed(const char *type)
{
	reset();
	make_file("raw", MIB(4));
	options.path = in_dir("raw");
	CHECK_EQ(disk_open("raw"), 0);
	CHECK_EQ(model_begin(7), 0);
	model_run(500);
	CHECK(model_holds());
	disk_close();
	CHECK_EQ(
		run("rm -f %s; qemu-img convert -c -O qcow2 -o compression_type=%s %s %s",
		    in_dir("a"), type, in_dir("raw"), in_dir("a")),
		0);
	CHECK_EQ(disk_open("a"), 0);
	CHECK(model_holds());
	model_run(600);
	CHECK(model_holds());
	CHECK_EQ(disk_close(), 0);
	CHECK_EQ(check("a"), 0);
	CHECK(qemu_agrees("a"));
}

static void clusters_compressed_by_zlib_are_read_and_replaced(void)
{
	check_compressed("zlib");
}

static void clusters_compressed_by_zstd_are_read_and_replaced(void)
{
	check_compressed("zstd");
}

static void qemu_does_not_open_what_we_write(void)
{
	reset();
	CHECK_EQ(create("a", "", "10M"), 0);
	CHECK_EQ(disk_open("a"), 0);
	CHECK(run("qemu-img info %s > /dev/null 2>&1", in_dir("a")) != 0);
	CHECK_EQ(run("qemu-img info -U %s > /dev/null 2>&1", in_dir("a")), 0);
	disk_close();
	options.readonly = true;
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(run("qemu-img info %s > /dev/null 2>&1", in_dir("a")), 0);
	CHECK(run("qemu-img check -r leaks %s > /dev/null 2>&1", in_dir("a")) !=
	      0);
	disk_close();
}

/* --- writing --- */

static void check_model(const char *create_options, const char *size,
			uint64_t seed, unsigned int steps)
{
	printf("# %s\n", create_options);
	CHECK_EQ(create("a", create_options, size), 0);
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(model_begin(seed), 0);
	model_run(steps);
	CHECK(model_holds());
	CHECK_EQ(disk_close(), 0);
	CHECK_EQ(check("a"), 0);
	CHECK(qemu_agrees("a"));
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(loop_reads(200), 0);
	CHECK(model_holds());
	model_run(steps / 2);
	CHECK_EQ(disk_close(), 0);
	CHECK_EQ(check("a"), 0);
	CHECK(qemu_agrees("a"));
}

static void random_operations_are_as_the_model(void)
{
	static const char *const kinds[] = {
		"",
		"-o compat=0.10",
		"-o cluster_size=512",
		"-o cluster_size=512,refcount_bits=64",
		"-o cluster_size=4k",
		"-o cluster_size=2M",
		"-o refcount_bits=1",
		"-o refcount_bits=2,cluster_size=1k",
		"-o refcount_bits=4",
		"-o refcount_bits=8,cluster_size=8k",
		"-o refcount_bits=32",
		"-o refcount_bits=64",
		"-o lazy_refcounts=on",
		"-o lazy_refcounts=on,cluster_size=512",
		"-o preallocation=metadata",
		"-o cluster_size=512,compat=0.10",
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		reset();
		check_model(kinds[i], i % 2 ? "5M" : "3000k", i + 1, 800);
	}
}

static void random_operations_without_uring_are_as_the_model(void)
{
	reset();
	options.no_uring = true;
	check_model("", "4M", 100, 1500);
}

static void random_operations_with_direct_are_as_the_model(void)
{
	reset();
	options.direct = true;
	check_model("", "4M", 101, 1500);
	reset();
	options.direct = true;
	check_model("-o cluster_size=512", "2M", 102, 1000);
	reset();
	options.direct = true;
	check_model("-o cluster_size=4k", "8M", 103, 1500);
	reset();
	options.direct = true;
	check_model("-o cluster_size=2M", "16M", 104, 1000);
}

static void what_was_set_aside_is_cut_off_at_the_end(void)
{
	struct stat st;

	reset();
	options.direct = true;
	CHECK_EQ(create("a", "", "64M"), 0);
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, MIB(1), MIB(1)), 0);
	CHECK_EQ(disk_close(), 0);
	CHECK_EQ(stat(in_dir("a"), &st), 0);
	CHECK(st.st_size < (off_t)MIB(3) && st.st_blocks * 512 < (long)MIB(3));
	CHECK_EQ(check("a"), 0);
}

/* Tables come and go all the time. */
static void little_memory_for_tables_suffices(void)
{
	reset();
	options.table_bytes = 1;
	check_model("-o cluster_size=512", "3M", 200, 500);
	reset();
	options.table_bytes = 8192;
	check_model("-o cluster_size=1k,refcount_bits=64", "4M", 201, 500);
	reset();
	options.table_bytes = 8192;
	check_model("-o cluster_size=512,lazy_refcounts=on", "4M", 202, 500);
}

/* Clusters are given up while others read and write them. */
static void requests_that_overlap_do_no_damage(void)
{
	for (uint64_t seed = 0; seed < 6; seed++) {
		reset();
		options.direct = seed >= 2;
		CHECK_EQ(create("a",
				seed % 2 ? "-o cluster_size=4k"
					 : "-o cluster_size=512",
				"512k"),
			 0);
		CHECK_EQ(disk_open("a"), 0);
		CHECK_EQ(model_begin(300 + seed), 0);
		model.is_wild = true;
		model_run(2000);
		model.is_wild = false;
		CHECK_EQ(model.nr_failed, 0);
		CHECK_EQ(disk_do(BLOCK_READ, model.bytes, 0, model.size), 0);
		CHECK_EQ(disk_close(), 0);
		CHECK_EQ(check("a"), 0);
		CHECK(qemu_agrees("a"));
	}
}

static void stop_loop(struct loop_timer *t)
{
	(void)t;
	loop_stop(&loop);
}

static void run_loop_for_ms(uint64_t ms)
{
	struct loop_timer t = { .fn = stop_loop };

	if (loop_timer_add(&loop, &t, &err))
		abort();
	loop_timer_set(&t, ms * 1000000, 0);
	loop_run(&loop, &err);
	loop.stopping = false;
	loop_timer_del(&loop, &t);
}

static void submit_one(struct block_queue *to, struct one *o, enum block_op op,
		       uint64_t bytes)
{
	*o = (struct one){ .req = { .op = op,
				    .bytes = bytes,
				    .nr_iov = 1,
				    .done = one_done },
			   .iov = { buf, bytes } };
	o->req.iov = &o->iov;
	block_submit(to, &o->req);
}

/* A write that was looked up, but not yet sent to the kernel, holds it. */
static void cluster_is_not_free_before_its_requests_are_done(void)
{
	struct one late, discard, flush;
	struct block_queue *second;

	reset();
	CHECK_EQ(create("a", "", "1M"), 0);
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(block_queue_open(disk, &loop, 16, &second, &err), 0);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, 0, KIB(64)), 0);
	CHECK_EQ(disk_do(BLOCK_FLUSH, NULL, 0, 0), 0);
	/* An event that is left over would kick. */
	run_loop_for_ms(10);
	submit_one(queue, &late, BLOCK_WRITE, 4096);
	submit_one(second, &discard, BLOCK_DISCARD, KIB(64));
	block_queue_drain(second);
	submit_one(second, &flush, BLOCK_FLUSH, 0);
	block_kick(second);
	run_loop_for_ms(100);
	CHECK(!late.is_done);
	CHECK(!flush.is_done);
	block_kick(queue);
	block_queue_drain(queue);
	block_queue_drain(second);
	CHECK(late.is_done && !late.ret);
	CHECK(flush.is_done && !flush.ret);
	block_queue_close(second);
	CHECK_EQ(disk_close(), 0);
	CHECK_EQ(check("a"), 0);
}

static void check_backing(const char *base_options, const char *size,
			  const char *top_options, uint64_t seed)
{
	reset();
	printf("# %s %s\n", base_options, top_options);
	CHECK_EQ(create("base", base_options, size), 0);
	CHECK_EQ(disk_open("base"), 0);
	CHECK_EQ(model_begin(seed), 0);
	model_run(500);
	CHECK_EQ(disk_close(), 0);
	CHECK_EQ(run("md5sum %s > %s", in_dir("base"), in_dir("sum")), 0);
	check_model(top_options, "4M", seed, 1000);
	CHECK_EQ(run("md5sum --quiet -c %s", in_dir("sum")), 0);
}

static void image_below_shows_through_and_is_not_changed(void)
{
	check_backing("", "4M", "-F qcow2 -b base", 1);
	check_backing("-o cluster_size=4k", "2500k", "-F qcow2 -b base", 2);
	check_backing("", "3M", "-F qcow2 -b base -o cluster_size=1k", 3);
	check_backing("", "4M", "-F qcow2 -b base -o compat=0.10", 4);
}

static void raw_image_below_shows_through(void)
{
	reset();
	CHECK_EQ(run("head -c 2500000 /dev/urandom > %s", in_dir("base")), 0);
	check_model("-F raw -b base", "4M", 5, 1500);
}

static void chain_of_images_is_read(void)
{
	reset();
	CHECK_EQ(create("0", "", "1M"), 0);
	CHECK_EQ(run("qemu-io -f qcow2 -c 'write -P 9 0 1M' %s >/dev/null",
		     in_dir("0")),
		 0);
	for (int i = 1; i <= 20; i++) {
		char name[8], base[32];

		snprintf(name, sizeof(name), "%d", i);
		snprintf(base, sizeof(base), "-F qcow2 -b %d", i - 1);
		CHECK_EQ(create(name, base, "1M"), 0);
	}
	CHECK_EQ(disk_open("20"), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, MIB(1)), 0);
	CHECK(is_filled(buf, MIB(1), 9));
	disk_close();
}

static void snapshot_keeps_what_it_was(void)
{
	reset();
	CHECK_EQ(create("a", "", "4M"), 0);
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(model_begin(11), 0);
	model_run(300);
	disk_close();
	CHECK_EQ(run("qemu-img snapshot -c one %s", in_dir("a")), 0);
	CHECK_EQ(run("qemu-img convert -O raw %s %s", in_dir("a"),
		     in_dir("then")),
		 0);
	CHECK_EQ(disk_open("a"), 0);
	CHECK(model_holds());
	model_run(600);
	CHECK(model_holds());
	disk_close();
	CHECK_EQ(check("a"), 0);
	CHECK(qemu_agrees("a"));
	CHECK_EQ(run("qemu-img convert -l one -O raw %s %s", in_dir("a"),
		     in_dir("now")),
		 0);
	CHECK_EQ(run("cmp %s %s", in_dir("then"), in_dir("now")), 0);
	CHECK_EQ(run("qemu-img snapshot -d one %s", in_dir("a")), 0);
	CHECK_EQ(check("a"), 0);
}

static void discard_gives_space_back(void)
{
	struct stat st;

	reset();
	CHECK_EQ(create("a", "", "8M"), 0);
	CHECK_EQ(disk_open("a"), 0);
	memset(buf, 5, MIB(1));
	for (uint64_t i = 0; i < 8; i++)
		CHECK_EQ(disk_do(BLOCK_WRITE, buf, MIB(i), MIB(1)), 0);
	CHECK_EQ(disk_do(BLOCK_DISCARD, NULL, 0, MIB(8)), 0);
	CHECK_EQ(disk_do(BLOCK_FLUSH, NULL, 0, 0), 0);
	CHECK_EQ(stat(in_dir("a"), &st), 0);
	CHECK(st.st_blocks < 2048);
	/* And it is used again. */
	for (uint64_t i = 0; i < 8; i++)
		CHECK_EQ(disk_do(BLOCK_WRITE, buf, MIB(i), MIB(1)), 0);
	disk_close();
	CHECK_EQ(stat(in_dir("a"), &st), 0);
	CHECK(st.st_size < (off_t)MIB(9));
	CHECK_EQ(check("a"), 0);
}

static void flush_makes_the_image_sound_for_others(void)
{
	reset();
	CHECK_EQ(create("a", "-o cluster_size=4k", "64M"), 0);
	CHECK_EQ(disk_open("a"), 0);
	memset(buf, 0x77, MIB(1));
	for (uint64_t i = 0; i < 32; i++)
		CHECK_EQ(disk_do(BLOCK_WRITE, buf, MIB(2 * i), KIB(12)), 0);
	CHECK_EQ(disk_do(BLOCK_FLUSH, NULL, 0, 0), 0);
	CHECK_EQ(run("cp %s %s", in_dir("a"), in_dir("copy")), 0);
	CHECK_EQ(check("copy"), 0);
	CHECK_EQ(
		run("qemu-io -f qcow2 -r -c 'read -P 0x77 62M 12k' %s | grep -q '^read 12288'",
		    in_dir("copy")),
		0);
	disk_close();
}

static void large_sparse_image_with_small_clusters_grows_its_tables(void)
{
	reset();
	CHECK_EQ(create("a", "-o cluster_size=512,refcount_bits=64", "1G"), 0);
	CHECK_EQ(disk_open("a"), 0);
	for (uint64_t i = 0; i < 24; i++) {
		memset(buf, (int)i, MIB(1));
		CHECK_EQ(disk_do(BLOCK_WRITE, buf, MIB(40 * i) + 512, KIB(700)),
			 0);
	}
	for (uint64_t i = 0; i < 24; i++) {
		CHECK_EQ(disk_do(BLOCK_READ, buf, MIB(40 * i) + 512, KIB(700)),
			 0);
		CHECK(is_filled(buf, KIB(700), (uint8_t)i));
	}
	CHECK_EQ(disk_close(), 0);
	CHECK_EQ(check("a"), 0);
}

int main(void)
{
	if (system("command -v qemu-img qemu-io > /dev/null")) /* NOLINT */
		return tap_skip_all("no qemu-img (Debian package qemu-utils)");
	fixture_begin();
	TAP_RUN(detected_and_described);
	TAP_RUN(raw_was_asked_for_and_is_given);
	TAP_RUN(qemus_data_is_read);
	TAP_RUN(clusters_compressed_by_zlib_are_read_and_replaced);
	TAP_RUN(clusters_compressed_by_zstd_are_read_and_replaced);
	TAP_RUN(qemu_does_not_open_what_we_write);
	TAP_RUN(random_operations_are_as_the_model);
	TAP_RUN(random_operations_without_uring_are_as_the_model);
	TAP_RUN(random_operations_with_direct_are_as_the_model);
	TAP_RUN(what_was_set_aside_is_cut_off_at_the_end);
	TAP_RUN(little_memory_for_tables_suffices);
	TAP_RUN(requests_that_overlap_do_no_damage);
	TAP_RUN(cluster_is_not_free_before_its_requests_are_done);
	TAP_RUN(image_below_shows_through_and_is_not_changed);
	TAP_RUN(raw_image_below_shows_through);
	TAP_RUN(chain_of_images_is_read);
	TAP_RUN(snapshot_keeps_what_it_was);
	TAP_RUN(discard_gives_space_back);
	TAP_RUN(flush_makes_the_image_sound_for_others);
	TAP_RUN(large_sparse_image_with_small_clusters_grows_its_tables);
	fixture_end();
	return tap_done();
}

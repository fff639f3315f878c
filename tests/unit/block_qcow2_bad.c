// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2 images that are damaged, hostile, or more than strait can do. */
#include "tests/unit/block_fixture.h"
#include "tests/unit/block_image.h"

static uint8_t image[IMAGE_BYTES];
static uint8_t buf[1 << 20];

static void reset(void)
{
	options = (struct block_options){ 0 };
	image_make(image);
}

static void save_as(const char *name, size_t bytes)
{
	int fd = open(in_dir(name), O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, image, bytes) != (ssize_t)bytes)
		abort();
	close(fd);
}

/* What block_open says of the image as it is now. */
static int opened(void)
{
	save_as("a", sizeof(image));
	return disk_open("a");
}

static void refused(int ret, const char *why)
{
	CHECK_EQ(opened(), ret);
	CHECK_HAS(err.msg, in_dir("a"));
	CHECK_HAS(err.msg, why);
	image_make(image);
}

static void image_made_by_hand_is_sound(void)
{
	reset();
	CHECK_EQ(opened(), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, KIB(8)), 0);
	CHECK(is_filled(buf, KIB(4), 0xda));
	CHECK(is_filled(buf + KIB(4), KIB(4), 0));
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, KIB(64), KIB(8)), 0);
	CHECK_EQ(disk_close(), 0);
	CHECK_EQ(
		run("! command -v qemu-img >/dev/null || qemu-img check -q -f qcow2 %s",
		    in_dir("a")),
		0);
}

static void damaged_header_is_refused(void)
{
	reset();
	image_put(image, 4, 4, 4);
	refused(-ENOTSUP, "is qcow2 version 4");
	image_put(image, 20, 8, 4);
	refused(-EINVAL, "clusters of 2^8 bytes");
	image_put(image, 20, 22, 4);
	refused(-EINVAL, "clusters of 2^22 bytes");
	image_put(image, 20, UINT32_MAX, 4);
	refused(-EINVAL, "clusters of 2^4294967295 bytes");
	image_put(image, 96, 7, 4);
	refused(-EINVAL, "refcounts of 2^7 bits");
	image_put(image, 100, 96, 4);
	refused(-EINVAL, "claims to be 96 bytes long");
	image_put(image, 100, 8192, 4);
	refused(-EINVAL, "claims to be 8192 bytes long");
	image_put(image, 24, 0, 8);
	refused(-EINVAL, "a disk of 0 bytes");
	image_put(image, 24, UINT64_MAX, 8);
	refused(-EINVAL, "a disk of 18446744073709551615 bytes");
}

static void file_that_ends_in_its_header_is_refused(void)
{
	reset();
	for (size_t bytes = 4; bytes < IMAGE_HEADER; bytes++) {
		save_as("a", bytes);
		CHECK_EQ(disk_open("a"), -EINVAL);
	}
	CHECK_HAS(err.msg, "ends within its header");
}

static void table_beyond_the_file_is_refused(void)
{
	reset();
	image_put(image, 40, IMAGE_BYTES, 8);
	refused(-EINVAL, "its L1 table (8 bytes at 0x6000) lies beyond");
	image_put(image, 40, UINT64_MAX - IMAGE_CLUSTER + 1, 8);
	refused(-EINVAL, "lies beyond the end of the file");
	image_put(image, 40, 513, 8);
	refused(-EINVAL, "does not begin at a cluster");
	image_put(image, 48, 0, 8);
	refused(-EINVAL, "its refcount table");
	image_put(image, 56, 100, 4);
	refused(-EINVAL, "its refcount table (409600 bytes at 0x1000)");
	image_put(image, 56, 0, 4);
	refused(-EINVAL, "its refcount table");
	image_put(image, IMAGE_L1, 1ULL << 63 | 0x100000, 8);
	refused(-EINVAL, "a table at 0x100000, which is no cluster");
	image_put(image, IMAGE_L1, 1ULL << 63 | (IMAGE_L2 + 512), 8);
	refused(-EINVAL, "which is no cluster");
}

static void huge_tables_are_refused(void)
{
	reset();
	image_put(image, 36, UINT32_MAX, 4);
	refused(-EFBIG, "its L1 table has 34359738360 bytes");
	image_put(image, 56, UINT32_MAX, 4);
	refused(-EFBIG, "its refcount table has");
	image_put(image, 60, UINT32_MAX, 4);
	refused(-EFBIG, "its list of snapshots has");
	image_put(image, 24, 1ULL << 40, 8);
	refused(-EINVAL, "the L1 table has 1 entries, and its disk needs");
}

static void tables_that_lie_on_each_other_are_refused(void)
{
	reset();
	image_put(image, IMAGE_L1, 1ULL << 63 | IMAGE_REFBLOCK, 8);
	refused(-EINVAL, "two of its tables lie at 0x2000");
	/* A refcount table that names itself: a loop. */
	image_put(image, IMAGE_REFTABLE, IMAGE_REFTABLE, 8);
	refused(-EINVAL, "two of its tables lie at 0x1000");
	image_put(image, IMAGE_REFTABLE + 8, IMAGE_REFBLOCK, 8);
	refused(-EINVAL, "two of its tables lie at 0x2000");
	image_put(image, 40, IMAGE_REFTABLE, 8);
	refused(-EINVAL, "two of its tables");
}

static void damaged_snapshots_are_refused(void)
{
	reset();
	image_put(image, 60, 1, 4);
	refused(-EINVAL, "its list of snapshots (40 bytes at 0x0)");
	image_put(image, 60, 1, 4);
	image_put(image, 64, IMAGE_DATA, 8);
	refused(-EFBIG, "a snapshot's L1 table has");
	image_put(image, 60, 1, 4);
	image_put(image, 64, IMAGE_DATA, 8);
	memset(image + IMAGE_DATA, 0, 40);
	image_put(image, IMAGE_DATA, 1 << 20, 8);
	image_put(image, IMAGE_DATA + 8, 1, 4);
	refused(-EINVAL, "a snapshot's L1 table (8 bytes at 0x100000)");
}

static void what_strait_cannot_do_is_said(void)
{
	reset();
	image_put(image, 32, 1, 4);
	refused(-ENOTSUP, "is encrypted");
	image_put(image, 72, 1 << 2, 8);
	refused(-ENOTSUP, "keeps its data in another file");
	image_put(image, 72, 1 << 4, 8);
	refused(-ENOTSUP, "extended L2 entries");
	image_put(image, 72, 1ULL << 40, 8);
	refused(-ENOTSUP, "does not know: bit 40");
	image_put(image, 100, 112, 4);
	image_put(image, 72, 1 << 3, 8);
	image_put(image, 104, 7, 1);
	refused(-ENOTSUP, "compressed in a way that strait does not know");
}

static void unknown_features_are_named_by_the_image(void)
{
	reset();
	image_put(image, 72, 1ULL << 40 | 1ULL << 41, 8);
	image_put(image, 104, 0x6803f857, 4);
	image_put(image, 108, 96, 4);
	image_put(image, 112, 0 << 8 | 40, 2);
	memcpy(image + 114, "time travel", 11);
	image_put(image, 160, 0 << 8 | 41, 2);
	memcpy(image + 162, "es\033cape", 7);
	refused(-ENOTSUP, "does not know: time travel, es?cape");
	CHECK_HAS(err.hint, "qemu-img convert");
}

static void extension_longer_than_the_header_is_refused(void)
{
	reset();
	image_put(image, 104, 0x12345678, 4);
	image_put(image, 108, UINT32_MAX, 4);
	refused(-EINVAL, "an extension is longer than the header");
}

static void damaged_image_is_read_but_not_written(void)
{
	reset();
	image_put(image, 72, 2, 8);
	CHECK_EQ(opened(), -EROFS);
	CHECK_HAS(err.msg, "marked as damaged");
	CHECK_HAS(err.hint, "qemu-img check -r all");
	options.readonly = true;
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, 512), 0);
	disk_close();
}

static int incompatible_now(void)
{
	uint8_t header[IMAGE_HEADER];
	int fd = open(in_dir("a"), O_RDONLY);

	if (fd < 0 || pread(fd, header, sizeof(header), 0) < 80)
		abort();
	close(fd);
	return header[79];
}

/* How often a line of the log, which goes to a file, has that. */
static int logged(const char *what)
{
	char line[1024];
	FILE *log = fopen(in_dir("log"), "r");
	int n = 0;

	while (log && fgets(line, sizeof(line), log))
		n += strstr(line, what) != NULL;
	if (log)
		fclose(log);
	return n;
}

static void entry_that_names_a_table_ends_writing(void)
{
	reset();
	image_put(image, IMAGE_L2, 1ULL << 63 | IMAGE_L1, 8);
	CHECK_EQ(opened(), 0);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, 0, 512), -EIO);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, KIB(512), 512), -EIO);
	CHECK_EQ(disk_do(BLOCK_DISCARD, NULL, KIB(512), KIB(64)), -EIO);
	CHECK_EQ(disk_do(BLOCK_FLUSH, NULL, 0, 0), -EIO);
	disk_close();
	CHECK_EQ(incompatible_now(), 2);
	CHECK_EQ(logged("names what is no cluster of data (at 0x3000)"), 1);
}

static void entry_beyond_the_file_is_an_error_when_it_is_read(void)
{
	reset();
	options.readonly = true;
	image_put(image, IMAGE_L2 + 8, 1ULL << 63 | 1 << 30, 8);
	CHECK_EQ(opened(), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, 512), -EIO);
	disk_close();
	CHECK_EQ(incompatible_now(), 0);
}

/* Else the table would be handed out and overwritten. */
static void refcounts_that_call_a_table_free_end_writing(void)
{
	reset();
	image_put(image, IMAGE_REFBLOCK + 2 * 4, 0, 2);
	CHECK_EQ(opened(), 0);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, KIB(512), 512), -EIO);
	disk_close();
	CHECK_EQ(incompatible_now(), 2);
}

static void damaged_compressed_cluster_is_an_error(void)
{
	reset();
	image_put(image, IMAGE_L2, 1ULL << 62 | IMAGE_DATA, 8);
	CHECK_EQ(opened(), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 0, 512), -EIO);
	CHECK_EQ(disk_do(BLOCK_READ, buf, KIB(4), 512), 0);
	disk_close();
}

static void features_not_kept_up_are_marked_so(void)
{
	uint8_t header[IMAGE_HEADER];
	int fd;

	reset();
	image_put(image, 88, 3, 8);
	CHECK_EQ(opened(), 0);
	disk_close();
	fd = open(in_dir("a"), O_RDONLY);
	CHECK(pread(fd, header, sizeof(header), 0) > 0);
	close(fd);
	CHECK(is_filled(header + 88, 8, 0));
}

/* --- images below --- */

static void based_on(const char *name)
{
	reset();
	image_put(image, 8, 1024, 8);
	image_put(image, 16, strlen(name), 4);
	memcpy(image + 1024, name, strlen(name));
}

static void image_based_on_itself_is_refused(void)
{
	based_on("a");
	CHECK_EQ(opened(), -ELOOP);
	CHECK_HAS(err.msg, "is based on itself");
	based_on("b");
	save_as("a", sizeof(image));
	based_on("a");
	save_as("b", sizeof(image));
	options.readonly = true;
	CHECK_EQ(disk_open("a"), -ELOOP);
	CHECK_HAS(err.msg, "is based on itself");
}

static void chain_that_is_too_long_is_refused(void)
{
	for (int i = 0; i < 70; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%d", i + 1);
		based_on(name);
		snprintf(name, sizeof(name), "c%d", i);
		save_as(name, sizeof(image));
	}
	reset();
	save_as("c70", sizeof(image));
	CHECK_EQ(disk_open("c0"), -ELOOP);
	CHECK_HAS(err.msg, "more than 64 images");
}

static void missing_image_below_is_named(void)
{
	based_on("nowhere");
	CHECK_EQ(opened(), -ENOENT);
	CHECK_HAS(err.msg, "/a: the image that it is based on: ");
	CHECK_HAS(err.msg, "/nowhere: open");
}

static void image_below_that_is_no_file_is_refused(void)
{
	based_on("nbd://example.org/x");
	refused(-ENOTSUP, "is based on \"nbd://example.org/x\"");
	based_on("json:{}");
	refused(-ENOTSUP, "takes only files");
	based_on("/dev/zero");
	refused(-EINVAL, "/dev/zero: this is a character device");
}

static void name_outside_of_the_header_is_refused(void)
{
	based_on("x");
	image_put(image, 8, 1ULL << 40, 8);
	refused(-EINVAL, "the name of the image that it is based on");
	based_on("x");
	image_put(image, 16, 4000, 4);
	refused(-EINVAL, "the name of the image that it is based on");
	based_on("x");
	image_put(image, 8, 50, 8);
	refused(-EINVAL, "the name of the image that it is based on");
}

static void image_below_is_locked_against_writers(void)
{
	struct block_options o = { .format = BLOCK_FORMAT_RAW };
	struct block *other;

	make_file("base", MIB(1));
	based_on("base");
	CHECK_EQ(opened(), 0);
	o.path = in_dir("base");
	CHECK_EQ(block_open(&o, &other, &err), -EBUSY);
	disk_close();
	CHECK_EQ(block_open(&o, &other, &err), 0);
	block_close(other);
}

int main(void)
{
	fixture_begin();
	if (!freopen(in_dir("log"), "w", stderr))
		return 1;
	setvbuf(stderr, NULL, _IONBF, 0);
	TAP_RUN(image_made_by_hand_is_sound);
	TAP_RUN(damaged_header_is_refused);
	TAP_RUN(file_that_ends_in_its_header_is_refused);
	TAP_RUN(table_beyond_the_file_is_refused);
	TAP_RUN(huge_tables_are_refused);
	TAP_RUN(tables_that_lie_on_each_other_are_refused);
	TAP_RUN(damaged_snapshots_are_refused);
	TAP_RUN(what_strait_cannot_do_is_said);
	TAP_RUN(unknown_features_are_named_by_the_image);
	TAP_RUN(extension_longer_than_the_header_is_refused);
	TAP_RUN(damaged_image_is_read_but_not_written);
	TAP_RUN(entry_that_names_a_table_ends_writing);
	TAP_RUN(entry_beyond_the_file_is_an_error_when_it_is_read);
	TAP_RUN(refcounts_that_call_a_table_free_end_writing);
	TAP_RUN(damaged_compressed_cluster_is_an_error);
	TAP_RUN(features_not_kept_up_are_marked_so);
	TAP_RUN(image_based_on_itself_is_refused);
	TAP_RUN(chain_that_is_too_long_is_refused);
	TAP_RUN(missing_image_below_is_named);
	TAP_RUN(image_below_that_is_no_file_is_refused);
	TAP_RUN(name_outside_of_the_header_is_refused);
	TAP_RUN(image_below_is_locked_against_writers);
	fixture_end();
	return tap_done();
}

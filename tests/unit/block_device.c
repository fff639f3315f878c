// SPDX-License-Identifier: GPL-2.0-or-later
/* Block devices of the host, which are loop devices here. */
#include "tests/unit/block_fixture.h"

static struct block *other;
static char loop_dev[64];

/* With sectors of so many bytes. */
static bool make_loop_device(unsigned int sector)
{
	char command[200];
	FILE *p;

	make_file("disk", MIB(8));
	snprintf(command, sizeof(command),
		 "losetup -f --show -b %u %s 2>/dev/null", sector,
		 in_dir("disk"));
	p = popen(command, "r"); /* NOLINT: of our own text */
	if (!p || !fgets(loop_dev, sizeof(loop_dev), p))
		loop_dev[0] = '\0';
	loop_dev[strcspn(loop_dev, "\n")] = '\0';
	return p && !pclose(p) && loop_dev[0];
}

static int open_device(bool readonly)
{
	struct block_options o = { .path = loop_dev, .readonly = readonly };

	memset(&err, 0, sizeof(err));
	return block_open(&o, &disk, &err);
}

static void block_device_is_read_written_and_discarded(void)
{
	uint8_t buf[4096];

	memset(buf, 0x33, sizeof(buf));
	CHECK_EQ(open_device(false), 0);
	CHECK_EQ(block_info(disk)->bytes, MIB(8));
	CHECK_EQ(block_queue_open(disk, &loop, 8, &queue, &err), 0);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, 4096, 4096), 0);
	CHECK_EQ(disk_do(BLOCK_FLUSH, NULL, 0, 0), 0);
	CHECK_EQ(disk_do(BLOCK_DISCARD, NULL, 0, MIB(1)), 0);
	CHECK_EQ(disk_do(BLOCK_WRITE_ZEROES, NULL, MIB(1), MIB(1)), 0);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 4096, 4096), 0);
	CHECK(is_filled(buf, 4096, 0));
	disk_close();
}

static void block_device_has_one_writer(void)
{
	struct block_options o = { .path = loop_dev };

	CHECK_EQ(open_device(false), 0);
	memset(&err, 0, sizeof(err));
	CHECK_EQ(block_open(&o, &other, &err), -EBUSY);
	CHECK_HAS(err.msg, "not opened for writing");
	block_close(disk);
	disk = NULL;
}

static void mounted_device_is_not_opened_for_writing(void)
{
	int ret;

	CHECK_EQ(run("mkfs.ext4 -q %s && mkdir -p %s && mount %s %s", loop_dev,
		     in_dir("mnt"), loop_dev, in_dir("mnt")),
		 0);
	ret = open_device(false);
	CHECK_EQ(run("umount %s", in_dir("mnt")), 0);
	CHECK_EQ(ret, -EBUSY);
	CHECK_HAS(err.msg, "it is mounted at ");
	CHECK_HAS(err.hint, "umount");
	CHECK_EQ(open_device(false), 0);
	block_close(disk);
	disk = NULL;
}

/* Sectors of 512 bytes on blocks of 4096, so parts of a block are written. */
static void random_operations_with_direct_are_as_the_model(void)
{
	struct block_options o = { .path = loop_dev, .direct = true };

	CHECK_EQ(block_open(&o, &disk, &err), 0);
	CHECK_EQ(block_info(disk)->logical_block, 4096);
	CHECK_EQ(block_queue_open(disk, &loop, 8, &queue, &err), 0);
	CHECK_EQ(model_begin(1), 0);
	model_run(1500);
	CHECK(model_holds());
	disk_close();
}

static void qcow2_on_a_device_ends_with_it(void)
{
	uint8_t buf[65536];
	unsigned int nr_full = 0;

	CHECK_EQ(run("qemu-img create -q -f qcow2 %s 64M", loop_dev), 0);
	CHECK_EQ(open_device(false), 0);
	CHECK_EQ(block_info(disk)->format, BLOCK_FORMAT_QCOW2);
	CHECK_EQ(block_queue_open(disk, &loop, 8, &queue, &err), 0);
	for (uint64_t i = 0; i < 256; i++) {
		int ret;

		memset(buf, (int)i, sizeof(buf));
		ret = disk_do(BLOCK_WRITE, buf, i * sizeof(buf), sizeof(buf));
		CHECK(ret == 0 || ret == -ENOSPC);
		nr_full += ret != 0;
	}
	CHECK(nr_full > 128 && nr_full < 150);
	CHECK_EQ(disk_do(BLOCK_READ, buf, 65536 * 100ULL, sizeof(buf)), 0);
	CHECK(is_filled(buf, sizeof(buf), 100));
	/* What is given up can be used again. */
	CHECK_EQ(disk_do(BLOCK_DISCARD, NULL, 0, MIB(4)), 0);
	CHECK_EQ(disk_do(BLOCK_WRITE, buf, MIB(32), sizeof(buf)), 0);
	CHECK_EQ(disk_close(), 0);
	CHECK_EQ(run("qemu-img check -q -f qcow2 %s", loop_dev), 0);
}

int main(void)
{
	fixture_begin();
	if (!make_loop_device(512)) {
		fixture_end();
		return tap_skip_all("no loop device can be made");
	}
	TAP_RUN(block_device_is_read_written_and_discarded);
	TAP_RUN(block_device_has_one_writer);
	if (run("command -v mkfs.ext4 > /dev/null") == 0)
		TAP_RUN(mounted_device_is_not_opened_for_writing);
	else
		printf("ok %d - mounted_device # SKIP no e2fsprogs\n",
		       ++tap_nr);
	if (run("command -v qemu-img > /dev/null") == 0)
		TAP_RUN(qcow2_on_a_device_ends_with_it);
	else
		printf("ok %d - qcow2 # SKIP no qemu-utils\n", ++tap_nr);
	run("losetup -d %s", loop_dev);
	if (make_loop_device(4096)) {
		TAP_RUN(random_operations_with_direct_are_as_the_model);
		run("losetup -d %s", loop_dev);
	} else {
		printf("ok %d - sectors_of_4096 # SKIP no such loop device\n",
		       ++tap_nr);
	}
	fixture_end();
	return tap_done();
}

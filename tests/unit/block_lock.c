// SPDX-License-Identifier: GPL-2.0-or-later
/* Images are locked: among ourselves and against QEMU. */
#include "tests/unit/block_fixture.h"

static struct block *other;

static int open_other(const char *name, bool readonly)
{
	struct block_options o = { .path = in_dir(name), .readonly = readonly };

	memset(&err, 0, sizeof(err));
	return block_open(&o, &other, &err);
}

static void reset(bool readonly)
{
	options = (struct block_options){ .readonly = readonly };
	make_file("a", MIB(1));
}

static void second_writer_is_refused(void)
{
	reset(false);
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(open_other("a", false), -EBUSY);
	CHECK_HAS(err.msg, "/a: another program has it open for writing");
	disk_close();
}

static void reader_beside_a_writer_is_refused(void)
{
	reset(false);
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(open_other("a", true), -EBUSY);
	disk_close();
}

static void writer_beside_a_reader_is_refused(void)
{
	reset(true);
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(open_other("a", false), -EBUSY);
	CHECK_HAS(err.msg, "lets nobody write to it");
	disk_close();
}

static void readers_share(void)
{
	reset(true);
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(open_other("a", true), 0);
	block_close(other);
	disk_close();
}

static void closed_image_is_free_again(void)
{
	reset(false);
	CHECK_EQ(disk_open("a"), 0);
	disk_close();
	CHECK_EQ(open_other("a", false), 0);
	block_close(other);
}

static int qemu_io(const char *name, const char *what)
{
	return run("qemu-io -f raw %s %s >/dev/null 2>&1", what, in_dir(name));
}

static void qemu_does_not_write_what_we_write(void)
{
	reset(false);
	CHECK_EQ(disk_open("a"), 0);
	CHECK(qemu_io("a", "-c 'write 0 512'") != 0);
	disk_close();
	CHECK_EQ(qemu_io("a", "-c 'write 0 512'"), 0);
}

static void qemu_reads_what_we_read(void)
{
	reset(true);
	CHECK_EQ(disk_open("a"), 0);
	CHECK_EQ(run("qemu-img info -f raw %s >/dev/null 2>&1", in_dir("a")),
		 0);
	CHECK(run("qemu-img resize -f raw %s 2M >/dev/null 2>&1",
		  in_dir("a")) != 0);
	disk_close();
}

/* qemu-io holds the image open until its input ends. */
static void we_refuse_what_qemu_writes(void)
{
	FILE *io;
	char command[300], line[100];
	int ret;

	reset(false);
	snprintf(command, sizeof(command), "qemu-io -f raw %s > %s/out 2>&1",
		 in_dir("a"), dir);
	fflush(stdout);
	io = popen(command, "w"); /* NOLINT: of our own text */
	CHECK(io);
	setvbuf(io, NULL, _IONBF, 0);
	fputs("write 0 512\n", io);
	for (int i = 0; i < 200; i++) {
		FILE *out = fopen(in_dir("out"), "r");
		bool has = out && fgets(line, sizeof(line), out);

		if (out)
			fclose(out);
		if (has)
			break;
		usleep(10000);
	}
	ret = open_other("a", false);
	pclose(io);
	CHECK_EQ(ret, -EBUSY);
	CHECK_EQ(open_other("a", false), 0);
	block_close(other);
}

int main(void)
{
	fixture_begin();
	TAP_RUN(second_writer_is_refused);
	TAP_RUN(reader_beside_a_writer_is_refused);
	TAP_RUN(writer_beside_a_reader_is_refused);
	TAP_RUN(readers_share);
	TAP_RUN(closed_image_is_free_again);
	if (run("command -v qemu-img qemu-io > /dev/null") == 0) {
		TAP_RUN(qemu_does_not_write_what_we_write);
		TAP_RUN(qemu_reads_what_we_read);
		TAP_RUN(we_refuse_what_qemu_writes);
	} else {
		printf("ok %d - beside_qemu # SKIP no qemu-utils\n", ++tap_nr);
	}
	fixture_end();
	return tap_done();
}

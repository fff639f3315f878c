// SPDX-License-Identifier: GPL-2.0-or-later
/* Records: what is saved can be read again, what is hostile does nothing. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "tests/fake/drivers.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"
#include "tools/iommu/capture.h"
#include "tools/iommu/pack.h"
#include "tools/iommu/record.h"

static struct tree tree, tmp;
static struct host host, copy;
static struct drivers drivers;
static struct record record;
static struct capture_sum sum;
static struct err err;
static char file[128], text[8192];

static void stop(void)
{
	record_close(&record);
	host_close(&host);
	host_close(&copy);
	tree_remove(&tree);
	tree_remove(&tmp);
}

/* Everything that is unpacked goes below tmp. */
static void begin(void)
{
	if (tree.root[0])
		stop();
	unsetenv("TMPDIR");
	memset(&err, 0, sizeof(err));
	tree_make(&tree);
	tree_make(&tmp);
	tree_add(&tmp, "unpacked/");
	snprintf(file, sizeof(file), "%s/unpacked", tmp.root);
	setenv("TMPDIR", file, 1);
	snprintf(file, sizeof(file), "%s/r.tar", tmp.root);
	host = copy = (struct host){ .root_fd = -1 };
}

static int save(void)
{
	struct pack *p;
	uint64_t bytes;

	if (host_open(&host, tree.root, &err) || pack_begin(&p, file, &err))
		return -1;
	drivers_attach(&drivers, &host);
	capture(&host, p, &sum);
	return pack_end(p, &bytes, &err);
}

/* Saves igb with more and opens what was saved as copy. */
static void start(const char *more)
{
	begin();
	tree_load(&tree, "igb");
	tree_add(&tree, more);
	CHECK_EQ(save(), 0);
	CHECK_EQ(record_open(&record, file, &err), 0);
	CHECK_EQ(host_open_record(&copy, record.dir, &err), 0);
}

static bool is_tmp_empty(void)
{
	struct host h;
	bool is_empty;

	if (host_open(&h, tmp.root, &err))
		return false;
	is_empty = !host_has_entries(&h, "unpacked");
	host_close(&h);
	return is_empty;
}

/* --- what is saved --- */

static void functions_and_groups_survive(void)
{
	struct host_pci p;

	start("");
	CHECK_EQ(sum.nr_functions, 7);
	CHECK_EQ(sum.nr_groups, 5);
	CHECK_EQ(host_pci_get(&copy, (struct bdf){ .bus = 1, .devfn = 0x80 },
			      &p, &err),
		 0);
	CHECK_EQ(p.device, 0x10ca);
	CHECK_EQ(p.group, 3);
	CHECK(p.is_vf);
	CHECK(!strcmp(p.driver, "igbvf"));
	CHECK(host_exists(
		&copy,
		"sys/kernel/iommu_groups/3/devices/0000:01:10.0/vendor"));
	CHECK(host_exists(&copy, "sys/bus/pci/drivers/vfio-pci"));
}

static void a_mounted_disk_is_still_one(void)
{
	start("");
	memset(&err, 0, sizeof(err));
	CHECK_EQ(host_in_use(&copy, (struct bdf){ .devfn = 0xfa }, &err),
		 -EBUSY);
	CHECK_HAS(err.msg, "0000:00:1f.2: its disk sda1 is mounted on /");
}

static void an_address_is_noted_but_not_which(void)
{
	begin();
	tree_load(&tree, "igb");
	drivers.addr = "192.0.2.7";
	CHECK_EQ(save(), 0);
	drivers.addr = NULL;
	CHECK_EQ(record_open(&record, file, &err), 0);
	CHECK_EQ(host_open_record(&copy, record.dir, &err), 0);
	CHECK_EQ(host_if_has_addr(&copy, "eth1"), 1);
	CHECK(host_read(&copy, text, sizeof(text),
			"sys/class/net/eth1/" HOST_RECORD_ADDR) > 0);
	CHECK(!strcmp(text, "yes"));
}

static void no_address_is_noted_too(void)
{
	start("");
	CHECK_EQ(host_if_has_addr(&copy, "eth1"), 0);
}

static void of_an_interface_that_is_down_nothing_is_noted(void)
{
	start("- sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0/net/eth1/flags\n"
	      "sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0/net/eth1/flags = 0x1002");
	CHECK(!host_exists(&copy, "sys/class/net/eth1/" HOST_RECORD_ADDR));
	CHECK_EQ(host_if_has_addr(&copy, "eth0"), 0);
}

static void macs_and_words_of_the_command_line_are_scrubbed(void)
{
	start("sys/devices/pci0000:00/0000:00:03.0/0000:01:10.2/net/enx525400abcdef/flags = 0x1003\n"
	      "sys/class/net/enx525400abcdef -> ../../devices/pci0000:00/0000:00:03.0/0000:01:10.2/net/enx525400abcdef\n"
	      "proc/cmdline = root=UUID=secret intel_iommu=on quiet");
	CHECK(host_exists(&copy, "sys/class/net/enx020000000001/flags"));
	CHECK(host_read(&copy, text, sizeof(text), "proc/cmdline") > 0);
	CHECK(!strcmp(text, "intel_iommu=on"));
}

static void a_function_that_vanished_meanwhile_is_left_out(void)
{
	begin();
	tree_load(&tree, "igb");
	tree_add(&tree,
		 "- sys/devices/pci0000:00/0000:00:03.0/0000:01:10.2/vendor");
	CHECK_EQ(save(), 0);
	CHECK_EQ(sum.nr_functions, 6);
	CHECK_EQ(record_open(&record, file, &err), 0);
	CHECK_EQ(host_open_record(&copy, record.dir, &err), 0);
	CHECK(!host_exists(&copy, "sys/bus/pci/devices/0000:01:10.2"));
	CHECK(host_exists(&copy, "sys/bus/pci/devices/0000:01:10.0"));
}

static void a_file_that_is_there_is_not_overwritten(void)
{
	struct pack *p;

	start("");
	CHECK_EQ(pack_begin(&p, file, &err), -EEXIST);
	CHECK_HAS(err.msg, "there is such a file already");
}

static void compressed_by_name_and_read_all_the_same(void)
{
	static const char *const tails[] = { ".gz", ".xz", ".zst" };

	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		begin();
		strcat(file, tails[i]);
		tree_load(&tree, "igb");
		CHECK_EQ(save(), 0);
		CHECK_EQ(record_open(&record, file, &err), 0);
		CHECK_EQ(host_open_record(&copy, record.dir, &err), 0);
		CHECK(host_exists(&copy,
				  "sys/bus/pci/devices/0000:01:10.0/vendor"));
	}
}

/* --- what is left behind --- */

static void closing_removes_what_was_unpacked(void)
{
	start("");
	CHECK(!is_tmp_empty());
	record_close(&record);
	CHECK(is_tmp_empty());
}

static void a_directory_of_the_users_stays(void)
{
	begin();
	tree_load(&tree, "igb");
	CHECK_EQ(record_open(&record, tree.root, &err), 0);
	record_close(&record);
	CHECK(!access(tree.root, F_OK));
}

static void sigkill_leaves_nothing_behind(void)
{
	pid_t pid;
	int fds[2];
	char byte;

	start("");
	record_close(&record);
	CHECK_EQ(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		if (record_open(&record, file, &err) ||
		    write(fds[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	CHECK(!is_tmp_empty());
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	for (int i = 0; i < 1000 && !is_tmp_empty(); i++)
		usleep(10000);
	CHECK(is_tmp_empty());
}

/* --- what is hostile --- */

static struct archive *hostile;

static void craft(void)
{
	begin();
	hostile = archive_write_new();
	archive_write_set_format_pax_restricted(hostile);
	archive_write_open_filename(hostile, file);
}

static void add(const char *name, unsigned int type, const char *target,
		size_t size)
{
	struct archive_entry *entry = archive_entry_new();
	static const char zeros[4096];

	archive_entry_set_pathname(entry, name);
	archive_entry_set_perm(entry, 0644);
	if (type)
		archive_entry_set_filetype(entry, (__LA_MODE_T)type);
	if (type == AE_IFLNK)
		archive_entry_set_symlink(entry, target);
	else if (target)
		archive_entry_set_hardlink(entry, target);
	archive_entry_set_size(entry, (la_int64_t)size);
	archive_write_header(hostile, entry);
	while (size) {
		size_t n = size < sizeof(zeros) ? size : sizeof(zeros);

		archive_write_data(hostile, zeros, n);
		size -= n;
	}
	archive_entry_free(entry);
}

/* Reads it; whatever it holds, nothing may be left and nothing outside. */
static const char *refusal(void)
{
	archive_write_free(hostile);
	memset(&err, 0, sizeof(err));
	CHECK(record_open(&record, file, &err) < 0);
	CHECK(is_tmp_empty());
	CHECK_HAS(err.msg, file);
	CHECK(err.hint[0]);
	CHECK(access("/tmp/strait-evil", F_OK));
	return err.msg;
}

static void an_absolute_name_is_refused(void)
{
	craft();
	add("/tmp/strait-evil", AE_IFREG, NULL, 1);
	CHECK_HAS(refusal(), "has an absolute name");
}

static void a_name_with_dotdot_is_refused(void)
{
	craft();
	add("sys/../../../../../../tmp/strait-evil", AE_IFREG, NULL, 1);
	CHECK_HAS(refusal(), "leads out of the record");
}

static void a_link_to_an_absolute_name_is_refused(void)
{
	craft();
	add("sys", AE_IFLNK, "/tmp", 0);
	add("sys/strait-evil", AE_IFREG, NULL, 1);
	CHECK_HAS(refusal(), "is a link to an absolute name");
}

static void a_link_that_climbs_out_is_refused(void)
{
	craft();
	add("sys/a/link", AE_IFLNK, "../../../x", 0);
	CHECK_HAS(refusal(), "is a link that leads out");
}

static void a_link_that_goes_down_and_up_is_refused(void)
{
	craft();
	add("sys/a/b/c/down", AE_IFLNK, "../../../../x", 0);
	add("sys/up", AE_IFLNK, "a/b/c/down/../..", 0);
	CHECK_HAS(refusal(), "is a link that leads out");
}

static void a_member_behind_a_link_is_refused(void)
{
	craft();
	add("sys/a/x", AE_IFREG, NULL, 1);
	add("sys/b", AE_IFLNK, "a", 0);
	add("sys/b/y", AE_IFREG, NULL, 1);
	CHECK_HAS(refusal(), "is below what is no directory");
}

static void a_member_that_is_there_twice_is_refused(void)
{
	craft();
	add("sys/a", AE_IFREG, NULL, 1);
	add("sys/a", AE_IFREG, NULL, 1);
	CHECK_HAS(refusal(), "\"sys/a\" is there twice");
}

static void hard_links_are_refused(void)
{
	craft();
	add("sys/a", AE_IFREG, NULL, 1);
	add("sys/b", 0, "sys/a", 0);
	CHECK_HAS(refusal(), "is a hard link");
}

static void devices_and_fifos_are_refused(void)
{
	craft();
	add("sys/null", AE_IFCHR, NULL, 0);
	CHECK_HAS(refusal(), "is no file, directory or link");
	craft();
	add("sys/fifo", AE_IFIFO, NULL, 0);
	CHECK_HAS(refusal(), "is no file, directory or link");
}

static void a_member_that_is_too_large_is_refused(void)
{
	craft();
	add("sys/a", AE_IFREG, NULL, RECORD_MAX_FILE + 1);
	CHECK_HAS(refusal(), "is larger than any file of a record");
}

static void a_name_that_is_too_long_is_refused(void)
{
	char name[3000] = "";

	for (unsigned int i = 0; i < 290; i++)
		strcat(name, "long/file/");
	craft();
	add(name, AE_IFREG, NULL, 1);
	CHECK_HAS(refusal(), "has a name that is too long");
	craft();
	name[0] = '\0';
	for (unsigned int i = 0; i < 100; i++)
		strcat(name, "a/");
	strcat(name, "b");
	add(name, AE_IFREG, NULL, 1);
	CHECK_HAS(refusal(), "is nested too deeply");
}

static void escape_sequences_in_names_do_not_matter(void)
{
	craft();
	add("sys/bus/pci/devices/\033[2J\xff", AE_IFREG, NULL, 1);
	archive_write_free(hostile);
	CHECK_EQ(record_open(&record, file, &err), 0);
	record_close(&record);
	CHECK(is_tmp_empty());
}

static void a_tar_that_is_no_record_is_refused(void)
{
	craft();
	add("home/alice/letter", AE_IFREG, NULL, 10);
	CHECK_HAS(refusal(), "this is no record");
}

static void what_is_no_tar_is_refused(void)
{
	begin();
	tree_add(&tmp, "r.tar = just some text, longer than nothing");
	CHECK(record_open(&record, file, &err) < 0);
	CHECK_HAS(err.msg, "cannot be read as a tar file");
	CHECK(is_tmp_empty());
}

static void cut_off_anywhere_it_is_refused(void)
{
	struct stat st;

	start("");
	record_close(&record);
	CHECK_EQ(stat(file, &st), 0);
	/* In the middle, in a header, and between two members. */
	for (off_t cut = st.st_size - 2048; cut > 4096; cut -= 5 * 1024 + 128) {
		CHECK_EQ(truncate(file, cut), 0);
		memset(&err, 0, sizeof(err));
		CHECK(record_open(&record, file, &err) < 0);
		CHECK(err.hint[0]);
		CHECK(is_tmp_empty());
	}
}

static void a_record_of_a_later_version_is_refused(void)
{
	struct archive_entry *entry = archive_entry_new();

	craft();
	archive_entry_set_pathname(entry, RECORD_HEAD);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_size(entry, 16);
	archive_write_header(hostile, entry);
	archive_write_data(hostile, "strait-record 9\n", 16);
	archive_entry_free(entry);
	CHECK_HAS(refusal(), "newer than version 1");
}

int main(void)
{
	TAP_RUN(functions_and_groups_survive);
	TAP_RUN(a_mounted_disk_is_still_one);
	TAP_RUN(an_address_is_noted_but_not_which);
	TAP_RUN(no_address_is_noted_too);
	TAP_RUN(of_an_interface_that_is_down_nothing_is_noted);
	TAP_RUN(macs_and_words_of_the_command_line_are_scrubbed);
	TAP_RUN(a_function_that_vanished_meanwhile_is_left_out);
	TAP_RUN(a_file_that_is_there_is_not_overwritten);
	TAP_RUN(compressed_by_name_and_read_all_the_same);
	TAP_RUN(closing_removes_what_was_unpacked);
	TAP_RUN(a_directory_of_the_users_stays);
	TAP_RUN(sigkill_leaves_nothing_behind);
	TAP_RUN(an_absolute_name_is_refused);
	TAP_RUN(a_name_with_dotdot_is_refused);
	TAP_RUN(a_link_to_an_absolute_name_is_refused);
	TAP_RUN(a_link_that_climbs_out_is_refused);
	TAP_RUN(a_link_that_goes_down_and_up_is_refused);
	TAP_RUN(a_member_behind_a_link_is_refused);
	TAP_RUN(a_member_that_is_there_twice_is_refused);
	TAP_RUN(hard_links_are_refused);
	TAP_RUN(devices_and_fifos_are_refused);
	TAP_RUN(a_member_that_is_too_large_is_refused);
	TAP_RUN(a_name_that_is_too_long_is_refused);
	TAP_RUN(escape_sequences_in_names_do_not_matter);
	TAP_RUN(a_tar_that_is_no_record_is_refused);
	TAP_RUN(what_is_no_tar_is_refused);
	TAP_RUN(cut_off_anywhere_it_is_refused);
	TAP_RUN(a_record_of_a_later_version_is_refused);
	stop();
	return tap_done();
}

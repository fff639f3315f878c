// SPDX-License-Identifier: GPL-2.0-or-later
/* A record of another machine: nothing in it leads out, blocks or writes. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/host/host.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

#define VF "sys/bus/pci/devices/0000:01:10.0"

/* tree is the record; secret is what lies beside it. */
static struct tree tree, secret;
static struct host host;
static struct err err;
static char buf[64];

static void start(const char *more)
{
	if (tree.root[0]) {
		tree_remove(&tree);
		tree_remove(&secret);
		host_close(&host);
	}
	err = (struct err){ 0 };
	tree_make(&secret);
	tree_add(&secret, "file = secret\n"
			  "link -> name-of-a-secret");
	tree_make(&tree);
	tree_load(&tree, "igb");
	tree_add(&tree, more);
	CHECK_EQ(host_open_record(&host, tree.root, &err), 0);
}

/* A link in the record to something beside it. */
static void start_with_link(const char *link, const char *up, const char *name)
{
	char line[256];

	start("");
	snprintf(line, sizeof(line), "%s -> %s%s/%s", link, up, secret.root,
		 name);
	tree_add(&tree, line);
}

static void a_missing_record_is_named(void)
{
	struct host h;

	CHECK_EQ(host_open_record(&h, "/nonexistent/record", &err), -ENOENT);
	CHECK_HAS(err.msg, "/nonexistent/record");
	host_close(&h);
}

static void a_record_answers_like_the_machine(void)
{
	struct host_pci p;

	start("");
	CHECK(host.is_record);
	CHECK_EQ(host_pci_get(&host, (struct bdf){ .bus = 1, .devfn = 0x80 },
			      &p, &err),
		 0);
	CHECK_EQ(p.device, 0x10ca);
	CHECK(!strcmp(p.driver, "igbvf"));
	CHECK_EQ(p.group, 3);
	CHECK(p.is_vf);
}

static void an_absolute_link_stays_inside(void)
{
	start_with_link("a", "", "file");
	CHECK_EQ(host_read(&host, buf, sizeof(buf), "a"), -ENOENT);
	CHECK(!host_exists(&host, "a"));
}

static void an_absolute_link_means_the_record(void)
{
	start("a -> /" VF "/vendor");
	CHECK_EQ(host_read(&host, buf, sizeof(buf), "a"), 6);
	CHECK(!strcmp(buf, "0x8086"));
	CHECK(host_exists(&host, "a"));
}

static void dots_in_a_link_stay_inside(void)
{
	start_with_link("a", "../../../../../../../..", "file");
	CHECK_EQ(host_read(&host, buf, sizeof(buf), "a"), -ENOENT);
	CHECK(!host_exists(&host, "a"));
}

static void dots_in_a_path_stay_inside(void)
{
	start("");
	CHECK_EQ(host_read(&host, buf, sizeof(buf),
			   "../../../../../../../..%s/file", secret.root),
		 -ENOENT);
	CHECK(!host_exists(&host, "../../../../..%s/file", secret.root));
}

static void a_linked_directory_shows_nothing_outside(void)
{
	start_with_link("d", "", ".");
	CHECK(!host_has_entries(&host, "d"));
	CHECK(!host_exists(&host, "d/file"));
	CHECK_EQ(host_link_name(&host, buf, sizeof(buf), "d/link"), -ENOENT);
	CHECK_EQ(host_link_target(&host, buf, sizeof(buf), "d/link"), -ENOENT);
}

static void a_link_to_itself_is_an_error(void)
{
	start("a -> a");
	CHECK_EQ(host_read(&host, buf, sizeof(buf), "a"), -ELOOP);
	CHECK(!host_exists(&host, "a"));
}

static void link_targets_are_read_not_followed(void)
{
	start("a -> ../../etc/passwd");
	CHECK_EQ(host_link_target(&host, buf, sizeof(buf), "a"), 16);
	CHECK(!strcmp(buf, "../../etc/passwd"));
	CHECK_EQ(host_link_target(&host, buf, 16, "a"), -EOVERFLOW);
	CHECK_EQ(host_link_target(&host, buf, sizeof(buf), VF "/vendor"),
		 -EINVAL);
}

static void a_fifo_does_not_block(void)
{
	char path[128];

	start("");
	snprintf(path, sizeof(path), "%s/fifo", tree.root);
	CHECK_EQ(mkfifo(path, 0600), 0);
	CHECK_EQ(host_read(&host, buf, sizeof(buf), "fifo"), -EACCES);
}

static void a_huge_sparse_file_is_refused(void)
{
	char path[128];

	start("proc/swaps = x");
	snprintf(path, sizeof(path), "%s/proc/swaps", tree.root);
	CHECK_EQ(truncate(path, 10000000000), 0);
	CHECK_EQ(host_read(&host, buf, sizeof(buf), "proc/swaps"), -EFBIG);
}

static void nothing_is_written(void)
{
	start("a = old");
	CHECK_EQ(host_write(&host, "new", "a"), -EROFS);
	CHECK_EQ(host_open_file(&host, O_RDWR, "a"), -EROFS);
	CHECK_EQ(host_open_file(&host, O_RDONLY | O_TRUNC, "a"), -EROFS);
	CHECK_EQ(host_open_file(&host, O_WRONLY | O_CREAT, "b"), -EROFS);
	CHECK_EQ(host_read(&host, buf, sizeof(buf), "a"), 3);
	CHECK(!strcmp(buf, "old"));
}

static void a_directory_below_is_a_host(void)
{
	struct host below;

	start_with_link(VF "/config", "", "file");
	CHECK_EQ(host_open_below(&host, &below, VF), 0);
	CHECK(host_exists(&below, "vendor"));
	CHECK_EQ(host_link_name(&below, buf, sizeof(buf), "driver"), 0);
	CHECK(!strcmp(buf, "igbvf"));
	CHECK_EQ(host_read_bytes(&below, buf, sizeof(buf), "config"), -ENOENT);
	host_close(&below);
	CHECK_EQ(host_open_below(&host, &below, "sys/nothing"), -ENOENT);
	host_close(&below);
}

static void bytes_are_read_as_they_are(void)
{
	start("config : 86 80 00*3 0a\n"
	      "config @ 2 : 12");
	CHECK_EQ(host_read_bytes(&host, buf, sizeof(buf), "config"), 6);
	CHECK(!memcmp(buf, "\x86\x80\x12\0\0\n", 6));
	CHECK_EQ(host_read_bytes(&host, buf, 2, "config"), 2);
	CHECK_EQ(host_read_bytes(&host, buf, 2, "none"), -ENOENT);
}

#define ETH0 "sys/class/net/eth0/"

static void an_address_is_what_the_record_notes(void)
{
	start("");
	CHECK_EQ(host_if_has_addr(&host, "eth0"), -ENODATA);
	start(ETH0 HOST_RECORD_ADDR " = no");
	CHECK_EQ(host_if_has_addr(&host, "eth0"), 0);
	start(ETH0 HOST_RECORD_ADDR " = yes");
	CHECK_EQ(host_if_has_addr(&host, "eth0"), 1);
}

static void an_interface_with_an_address_is_in_use(void)
{
	start(ETH0 HOST_RECORD_ADDR " = yes");
	CHECK_EQ(host_in_use(&host, (struct bdf){ .bus = 1 }, &err), -EBUSY);
	CHECK_HAS(err.msg, "eth0 is up with address (left out");
}

int main(void)
{
	TAP_RUN(a_missing_record_is_named);
	TAP_RUN(a_record_answers_like_the_machine);
	TAP_RUN(an_absolute_link_stays_inside);
	TAP_RUN(an_absolute_link_means_the_record);
	TAP_RUN(dots_in_a_link_stay_inside);
	TAP_RUN(dots_in_a_path_stay_inside);
	TAP_RUN(a_linked_directory_shows_nothing_outside);
	TAP_RUN(a_link_to_itself_is_an_error);
	TAP_RUN(link_targets_are_read_not_followed);
	TAP_RUN(a_fifo_does_not_block);
	TAP_RUN(a_huge_sparse_file_is_refused);
	TAP_RUN(nothing_is_written);
	TAP_RUN(a_directory_below_is_a_host);
	TAP_RUN(bytes_are_read_as_they_are);
	TAP_RUN(an_address_is_what_the_record_notes);
	TAP_RUN(an_interface_with_an_address_is_in_use);
	tree_remove(&tree);
	tree_remove(&secret);
	host_close(&host);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads, writes and look-ups under a host root; memory figures; holders. */
#include <errno.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/host/host.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

static struct tree tree;
static struct host host;
static struct err err;

static void start(void)
{
	if (tree.root[0]) {
		tree_remove(&tree);
		host_close(&host);
	}
	err = (struct err){ 0 };
	tree_make(&tree);
	tree_load(&tree, "igb");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
}

static void a_missing_root_is_named(void)
{
	struct host h;

	CHECK_EQ(host_open(&h, "/nonexistent/root", &err), -ENOENT);
	CHECK_HAS(err.msg, "/nonexistent/root");
	host_close(&h);
}

static void read_drops_one_newline(void)
{
	char buf[64];

	start();
	tree_add(&tree, "a = text\\n");
	CHECK_EQ(host_read(&host, buf, sizeof(buf), "a"), 5);
	CHECK(!strcmp(buf, "text\n"));
}

static void read_follows_relative_links(void)
{
	char buf[64];

	start();
	CHECK_EQ(host_read(&host, buf, sizeof(buf), "/sys/bus/%s/vendor",
			   "pci/devices/0000:01:10.0"),
		 6);
	CHECK(!strcmp(buf, "0x8086"));
}

static void read_of_a_missing_file_is_enoent(void)
{
	char buf[8];

	start();
	CHECK_EQ(host_read(&host, buf, sizeof(buf), "nothing"), -ENOENT);
	CHECK_EQ(errno, ENOENT);
}

static void read_into_a_small_buffer_overflows(void)
{
	char buf[4];

	start();
	tree_add(&tree, "a = 1234");
	CHECK_EQ(host_read(&host, buf, sizeof(buf), "a"), -EOVERFLOW);
}

static void numbers_are_read_as_in_c(void)
{
	uint64_t hex = 0, dec = 0;

	start();
	tree_add(&tree, "hex = 0x1f\ndec = 31");
	CHECK_EQ(host_read_u64(&host, &hex, "hex"), 0);
	CHECK_EQ(host_read_u64(&host, &dec, "dec"), 0);
	CHECK_EQ(hex, 31);
	CHECK_EQ(dec, 31);
}

static void text_is_no_number(void)
{
	uint64_t v = 7;

	start();
	tree_add(&tree, "a = 12x\nb =\nc = 99999999999999999999999");
	CHECK_EQ(host_read_u64(&host, &v, "a"), -EINVAL);
	CHECK_EQ(host_read_u64(&host, &v, "b"), -EINVAL);
	CHECK_EQ(host_read_u64(&host, &v, "c"), -ERANGE);
	CHECK_EQ(v, 7);
}

static void write_replaces_what_was_there(void)
{
	char buf[64];

	start();
	tree_add(&tree, "a = a longer text");
	CHECK_EQ(host_write(&host, "b", "a"), 0);
	CHECK_EQ(host_read(&host, buf, sizeof(buf), "a"), 1);
}

static void write_makes_no_file(void)
{
	start();
	CHECK_EQ(host_write(&host, "b", "new"), -ENOENT);
	CHECK(!host_exists(&host, "new"));
}

static void link_name_is_the_last_component(void)
{
	char buf[64];

	start();
	CHECK_EQ(host_link_name(&host, buf, sizeof(buf),
				"sys/bus/pci/devices/0000:01:10.0/driver"),
		 0);
	CHECK(!strcmp(buf, "igbvf"));
}

static void link_name_of_a_file_fails(void)
{
	char buf[64];

	start();
	CHECK_EQ(host_link_name(&host, buf, sizeof(buf), "proc/swaps"),
		 -EINVAL);
}

static void a_path_too_long_is_refused(void)
{
	char name[PATH_MAX + 1], buf[8];

	start();
	memset(name, 'x', PATH_MAX);
	name[PATH_MAX] = '\0';
	CHECK_EQ(host_read(&host, buf, sizeof(buf), "%s", name), -ENAMETOOLONG);
	CHECK(!host_exists(&host, "%s", name));
}

static int count_line(char *line, void *arg)
{
	(void)line;
	++*(int *)arg;
	return 0;
}

static void every_line_is_given(void)
{
	int nr = 0;

	start();
	CHECK_EQ(host_each_line(&host, count_line, &nr, "proc/meminfo"), 0);
	CHECK_EQ(nr, 3);
}

static void an_empty_directory_has_no_entries(void)
{
	start();
	CHECK(!host_has_entries(&host, "sys/bus/pci/drivers/igb"));
	CHECK(!host_has_entries(&host, "no/such/directory"));
	CHECK(host_has_entries(&host, "sys/bus/pci/drivers"));
}

static void available_memory_is_in_bytes(void)
{
	start();
	CHECK_EQ(host_mem_available(&host), KIB(3400000));
}

static void available_memory_is_zero_if_unknown(void)
{
	start();
	tree_add(&tree, "- proc/meminfo");
	CHECK_EQ(host_mem_available(&host), 0);
}

static void memory_limit_is_the_lowest_from_the_group_to_the_root(void)
{
	start();
	tree_add(&tree, "proc/self/cgroup = 0::/vms.slice/a.service\n"
			"sys/fs/cgroup/vms.slice/a.service/memory.max = max\n"
			"sys/fs/cgroup/vms.slice/memory.max = 1073741824\n"
			"sys/fs/cgroup/memory.max = 2147483648");
	CHECK_EQ(host_mem_limit(&host), GIB(1));
}

/* As a container sees its own: the group is / and has a file of its own. */
static void memory_limit_of_a_container_counts(void)
{
	start();
	tree_add(&tree, "proc/self/cgroup = 0::/\n"
			"sys/fs/cgroup/memory.max = 2147483648");
	CHECK_EQ(host_mem_limit(&host), GIB(2));
}

static void without_cgroups_there_is_no_memory_limit(void)
{
	start();
	CHECK_EQ(host_mem_limit(&host), 0);
}

static void reserved_huge_pages_are_not_free(void)
{
	start();
	CHECK_EQ(host_hugepages_free(&host, MIB(2)), 256);
}

static void a_size_without_huge_pages_has_none_free(void)
{
	start();
	CHECK_EQ(host_hugepages_free(&host, GIB(1)), 0);
}

/* 512 of 2 MiB are there, 256 of them free and not promised. */
static void huge_pages_that_suffice_are_no_error(void)
{
	struct err e = { 0 };

	start();
	CHECK_EQ(host_hugepages_check(&host, MIB(512), MIB(2), &e), 0);
	CHECK_EQ(e.code, 0);
}

/* What others use stays theirs: the pool has to grow, not to be that large. */
static void missing_huge_pages_are_counted_beside_those_in_use(void)
{
	struct err e = { 0 };

	start();
	CHECK_EQ(host_hugepages_check(&host, MIB(516), MIB(2), &e), -ENOMEM);
	CHECK(strstr(e.msg, "258 huge pages of 2 MiB are wanted, and 256 are "
			    "free of the host's 512"));
	CHECK(strstr(e.hint, "echo 514 > /sys/kernel/mm/hugepages/"
			     "hugepages-2048kB/nr_hugepages"));
}

static void huge_pages_that_the_kernel_may_add_count(void)
{
	struct err e = { 0 };

	start();
	tree_add(
		&tree,
		"sys/kernel/mm/hugepages/hugepages-2048kB/nr_overcommit_hugepages = 2");
	CHECK_EQ(host_hugepages_check(&host, MIB(516), MIB(2), &e), 0);
	CHECK_EQ(host_hugepages_check(&host, MIB(518), MIB(2), &e), -ENOMEM);
}

static void a_pool_that_is_not_there_is_left_to_the_kernel(void)
{
	struct err e = { 0 };

	start();
	CHECK_EQ(host_hugepages_check(&host, GIB(1), GIB(1), &e), 0);
}

static void the_holder_of_a_node_is_found(void)
{
	char name[HOST_NAME_LEN];

	start();
	tree_add(&tree, "proc/4242/fd/0 -> /dev/null\n"
			"proc/4242/fd/7 -> /dev/vfio/3\n"
			"proc/4242/comm = qemu-system-x86");
	CHECK_EQ(host_holder(&host, "/dev/vfio/3", name, sizeof(name)), 4242);
	CHECK(!strcmp(name, "qemu-system-x86"));
}

static void a_holder_cannot_send_escapes_to_a_terminal(void)
{
	char name[HOST_NAME_LEN], line[] = "proc/4242/comm = aX[2JYb";

	*strchr(line, 'X') = '\033';
	*strchr(line, 'Y') = '\377'; /* and no UTF-8 for JSON */
	start();
	tree_add(&tree, "proc/4242/fd/7 -> /dev/vfio/3");
	tree_add(&tree, line);
	CHECK_EQ(host_holder(&host, "/dev/vfio/3", name, sizeof(name)), 4242);
	CHECK(!strcmp(name, "a?[2J?b"));
}

static void a_longer_path_is_no_holder(void)
{
	char name[HOST_NAME_LEN];

	start();
	tree_add(&tree, "proc/4242/fd/7 -> /dev/vfio/33\n"
			"proc/4242/comm = other");
	CHECK_EQ(host_holder(&host, "/dev/vfio/3", name, sizeof(name)), 0);
}

static void this_process_is_no_holder(void)
{
	char text[64], name[HOST_NAME_LEN];

	start();
	snprintf(text, sizeof(text), "proc/%d/fd/7 -> /dev/vfio/3",
		 (int)getpid());
	tree_add(&tree, text);
	CHECK_EQ(host_holder(&host, "/dev/vfio/3", name, sizeof(name)), 0);
}

static void this_process_knows_what_it_holds(void)
{
	start();
	CHECK(!host_self_holds(&host, "/dev/vfio/3"));
	tree_add(&tree, "proc/self/fd/7 -> /dev/vfio/3");
	CHECK(host_self_holds(&host, "/dev/vfio/3"));
}

static void a_real_open_file_is_seen_on_the_real_root(void)
{
	struct host real;
	char path[128];
	FILE *f;

	start();
	snprintf(path, sizeof(path), "%s/proc/swaps", tree.root);
	f = fopen(path, "re");
	CHECK(f);
	CHECK_EQ(host_open(&real, "/", &err), 0);
	CHECK(host_self_holds(&real, path));
	fclose(f);
	CHECK(!host_self_holds(&real, path));
	host_close(&real);
}

static void an_unknown_interface_has_no_address(void)
{
	struct host real;
	char addr[64];

	CHECK_EQ(host_open(&real, "/", &err), 0);
	CHECK(!real.ops->if_addr(&real, "no-such-if", addr, sizeof(addr)));
	host_close(&real);
}

int main(void)
{
	TAP_RUN(a_missing_root_is_named);
	TAP_RUN(read_drops_one_newline);
	TAP_RUN(read_follows_relative_links);
	TAP_RUN(read_of_a_missing_file_is_enoent);
	TAP_RUN(read_into_a_small_buffer_overflows);
	TAP_RUN(numbers_are_read_as_in_c);
	TAP_RUN(text_is_no_number);
	TAP_RUN(write_replaces_what_was_there);
	TAP_RUN(write_makes_no_file);
	TAP_RUN(link_name_is_the_last_component);
	TAP_RUN(link_name_of_a_file_fails);
	TAP_RUN(a_path_too_long_is_refused);
	TAP_RUN(every_line_is_given);
	TAP_RUN(an_empty_directory_has_no_entries);
	TAP_RUN(available_memory_is_in_bytes);
	TAP_RUN(available_memory_is_zero_if_unknown);
	TAP_RUN(memory_limit_is_the_lowest_from_the_group_to_the_root);
	TAP_RUN(memory_limit_of_a_container_counts);
	TAP_RUN(without_cgroups_there_is_no_memory_limit);
	TAP_RUN(reserved_huge_pages_are_not_free);
	TAP_RUN(a_size_without_huge_pages_has_none_free);
	TAP_RUN(huge_pages_that_suffice_are_no_error);
	TAP_RUN(missing_huge_pages_are_counted_beside_those_in_use);
	TAP_RUN(huge_pages_that_the_kernel_may_add_count);
	TAP_RUN(a_pool_that_is_not_there_is_left_to_the_kernel);
	TAP_RUN(the_holder_of_a_node_is_found);
	TAP_RUN(a_holder_cannot_send_escapes_to_a_terminal);
	TAP_RUN(a_longer_path_is_no_holder);
	TAP_RUN(this_process_is_no_holder);
	TAP_RUN(this_process_knows_what_it_holds);
	TAP_RUN(a_real_open_file_is_seen_on_the_real_root);
	TAP_RUN(an_unknown_interface_has_no_address);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}

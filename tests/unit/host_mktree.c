// SPDX-License-Identifier: GPL-2.0-or-later
/* tools/mktree: a tree captured from a tree answers as the first one did. */
#include <errno.h>

#include "src/host/host.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

static struct tree tree, copy;
static struct host host;
static struct err err;
static char captured[256 * 1024];

static void stop(void)
{
	tree_remove(&tree);
	tree_remove(&copy);
	host_close(&host);
}

/* tree is igb with more, copy is what mktree makes of it. */
static void start(const char *more)
{
	char command[128];
	size_t n;
	FILE *f;

	if (tree.root[0])
		stop();
	tree_make(&tree);
	tree_load(&tree, "igb");
	tree_add(&tree, more);
	snprintf(command, sizeof(command), "tools/mktree %s", tree.root);
	f = popen(command, "r");
	CHECK(f);
	n = fread(captured, 1, sizeof(captured) - 1, f);
	captured[n] = '\0';
	CHECK_EQ(pclose(f), 0);
	tree_make(&copy);
	tree_add(&copy, captured);
	CHECK_EQ(host_open(&host, copy.root, &err), 0);
}

static void functions_and_groups_survive(void)
{
	struct host_pci p;

	start("");
	CHECK_EQ(host_pci_get(&host, (struct bdf){ .bus = 1, .devfn = 0x80 },
			      &p, &err),
		 0);
	CHECK_EQ(p.device, 0x10ca);
	CHECK_EQ(p.group, 3);
	CHECK(p.is_vf);
	CHECK(!strcmp(p.driver, "igbvf"));
	CHECK(host_exists(&host,
			  "sys/kernel/iommu_groups/3/devices/0000:01:10.0"));
}

static void disks_and_interfaces_survive(void)
{
	char text[32];

	start("");
	CHECK_EQ(host_read(&host, text, sizeof(text),
			   "sys/class/block/sda1/dev"),
		 3);
	CHECK_EQ(host_read(&host, text, sizeof(text),
			   "sys/class/net/eth0/flags"),
		 6);
}

static void only_iommu_words_of_the_command_line_are_kept(void)
{
	char text[128];

	start("proc/cmdline = root=UUID=secret intel_iommu=on quiet iommu=pt");
	CHECK(host_read(&host, text, sizeof(text), "proc/cmdline") > 0);
	CHECK(!strcmp(text, "intel_iommu=on iommu=pt"));
}

static void mac_addresses_are_replaced(void)
{
	start("sys/devices/pci0000:00/0000:00:03.0/0000:01:10.2/net/enx525400abcdef/flags = 0x1003\n"
	      "sys/class/net/enx525400abcdef -> ../../devices/pci0000:00/0000:00:03.0/0000:01:10.2/net/enx525400abcdef\n"
	      "sys/devices/pci0000:00/0000:00:03.0/0000:01:10.2/net/enx525400abcdef/operstate = 52:54:00:ab:cd:ef");
	CHECK(!strstr(captured, "525400abcdef"));
	CHECK(!strstr(captured, "52:54:00"));
	CHECK(host_exists(&host, "sys/class/net/enx020000000001/flags"));
}

/* 0x and 16 digits are no MAC, and cut one would be another region. */
static void reserved_regions_stay_what_they_are(void)
{
	char text[128];

	start("sys/kernel/iommu_groups/3/reserved_regions = 0x00000000fee00000 0x00000000feefffff msi\n"
	      "sys/kernel/iommu_groups/3/type = enx525400abcdef01");
	CHECK(host_read(&host, text, sizeof(text),
			"sys/kernel/iommu_groups/3/reserved_regions") > 0);
	CHECK(!strcmp(text, "0x00000000fee00000 0x00000000feefffff msi"));
	CHECK(strstr(captured, "enx525400abcdef01"));
}

int main(void)
{
	TAP_RUN(functions_and_groups_survive);
	TAP_RUN(disks_and_interfaces_survive);
	TAP_RUN(only_iommu_words_of_the_command_line_are_kept);
	TAP_RUN(mac_addresses_are_replaced);
	TAP_RUN(reserved_regions_stay_what_they_are);
	stop();
	return tap_done();
}

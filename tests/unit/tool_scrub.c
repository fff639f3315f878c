// SPDX-License-Identifier: GPL-2.0-or-later
/* What a record must not tell. */
#include <linux/pci_regs.h>

#include "tests/tap.h"
#include "tools/iommu/scrub.h"

static char buf[512];
static struct scrub scrub;

static const char *macs(const char *text)
{
	snprintf(buf, sizeof(buf), "%s", text);
	scrub_macs(&scrub, buf, strlen(buf));
	return buf;
}

static void a_mac_becomes_a_number(void)
{
	scrub_fini(&scrub);
	CHECK(!strcmp(macs("a 52:54:00:AB:cd:ef b"), "a 02:00:00:00:00:01 b"));
	CHECK(!strcmp(macs("52:54:00:ab:cd:f0"), "02:00:00:00:00:02"));
}

static void the_same_mac_is_the_same_number_in_a_name(void)
{
	scrub_fini(&scrub);
	macs("52:54:00:ab:cd:ee");
	macs("52:54:00:ab:cd:ef");
	CHECK(!strcmp(macs("net/enx525400abcdef/flags"),
		      "net/enx020000000002/flags"));
}

static void what_is_no_mac_stays(void)
{
	static const char *const same[] = {
		"0x00000000fee00000 0x00000000feefffff msi",
		"0000:00:1f.0",
		"52:54:00:ab:cd",
		"enx525400abcde",
		"enx525400abcdef0",
		"fx525400abcdef",
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		CHECK(!strcmp(macs(same[i]), same[i]));
}

static void a_serial_number_in_config_space_is_zeroed(void)
{
	uint8_t cfg[4096] = { 0 };
	static const uint8_t zero[8];

	/* AER at 0x100, version 1, next at 0x140: DSN. */
	memcpy(cfg + 0x100, "\x01\x00\x01\x14", 4);
	memcpy(cfg + 0x104, "\x11\x22", 2);
	memcpy(cfg + 0x140, "\x03\x00\x01\x00", 4);
	memcpy(cfg + 0x144, "\x12\x34\x56\xff\xff\x78\x9a\xbc", 8);
	scrub_config(cfg, sizeof(cfg));
	CHECK(!memcmp(cfg + 0x144, zero, 8));
	CHECK_EQ(cfg[0x140], 3);
	CHECK_EQ(cfg[0x104], 0x11);
}

static void a_word_of_vital_product_data_is_zeroed(void)
{
	uint8_t cfg[256] = { 0 };

	cfg[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	cfg[PCI_CAPABILITY_LIST] = 0x50;
	cfg[0x50] = PCI_CAP_ID_VPD;
	memcpy(cfg + 0x54, "SN12", 4);
	scrub_config(cfg, sizeof(cfg));
	CHECK(!memcmp(cfg + 0x54, "\0\0\0\0", 4));
}

static void capabilities_in_a_loop_end(void)
{
	uint8_t cfg[4096] = { 0 };

	cfg[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	cfg[PCI_CAPABILITY_LIST] = 0xfc;
	cfg[0xfc] = PCI_CAP_ID_VPD;
	cfg[0xfd] = 0xfc;
	memcpy(cfg + 0x100, "\x01\x00\x01\x10", 4);
	scrub_config(cfg, sizeof(cfg));
	memcpy(cfg + 0x100, "\x03\x00\xc1\xff", 4);
	memcpy(cfg + 0xffc, "\x03\x00\x01\x10", 4);
	scrub_config(cfg, sizeof(cfg));
	CHECK_EQ(cfg[0xffc], 3);
}

static void only_words_about_pci_are_left_of_the_command_line(void)
{
	scrub_cmdline(
		"BOOT_IMAGE=/vm root=UUID=abc intel_iommu=on luks=secret  iommu=pt vfio-pci.ids=8086:10ca pcie_acs_override=downstream pci=noaer foo.iommu quiet",
		buf, sizeof(buf));
	CHECK(!strcmp(
		buf,
		"intel_iommu=on iommu=pt vfio-pci.ids=8086:10ca pcie_acs_override=downstream pci=noaer"));
}

static void a_mount_keeps_its_disk_and_a_common_place(void)
{
	CHECK(scrub_mount(
		"27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw", buf,
		sizeof(buf)));
	CHECK(!strcmp(buf, "1 1 8:1 / / rw - ext4 /dev/sda1\n"));
}

static void a_mount_loses_names_of_people(void)
{
	CHECK(scrub_mount(
		"30 1 253:3 /alice /home/alice rw - xfs /dev/mapper/alice-crypt rw",
		buf, sizeof(buf)));
	CHECK(!strcmp(buf, "1 1 253:3 / (elsewhere) rw - xfs none\n"));
}

static void a_mount_of_no_disk_is_left_out(void)
{
	CHECK(!scrub_mount("22 27 0:21 / /proc rw - proc proc rw", buf,
			   sizeof(buf)));
	CHECK(!scrub_mount("40 27 0:50 / /mnt/x rw - nfs4 server:/x rw", buf,
			   sizeof(buf)));
	CHECK(!scrub_mount("nonsense", buf, sizeof(buf)));
}

static void btrfs_counts_as_a_disk(void)
{
	CHECK(scrub_mount("30 1 0:30 / /home rw - btrfs /dev/sdb2 rw", buf,
			  sizeof(buf)));
	CHECK_HAS(buf, "/home rw - btrfs /dev/sdb2");
}

static void a_swap_file_is_left_out(void)
{
	CHECK(!scrub_swap("/home/alice/swap file 1 0 -2", buf, sizeof(buf)));
	CHECK(scrub_swap("/dev/sda2 partition 1 0 -2", buf, sizeof(buf)));
	CHECK(!strcmp(buf, "/dev/sda2 partition 0 0 0\n"));
}

static void of_routes_only_the_default_one_is_left(void)
{
	CHECK(!scrub_route("eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF",
			   buf, sizeof(buf)));
	CHECK(scrub_route("eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000",
			  buf, sizeof(buf)));
	CHECK(!strstr(buf, "0101A8C0"));
	CHECK(!strncmp(buf, "eth0\t00000000\t", 14));
}

static void of_ipv6_routes_too(void)
{
#define NONE "00000000000000000000000000000000"
	CHECK(!scrub_route6("20010db8000000000000000000000000 20 " NONE
			    " 00 " NONE
			    " 00000400 00000001 00000000 00000001 eth0",
			    buf, sizeof(buf)));
	CHECK(scrub_route6(
		NONE
		" 00 " NONE
		" 00 fe800000000000000000000000abcdef 00000400 00000001 00000000 00000003 eth0",
		buf, sizeof(buf)));
	CHECK(!strstr(buf, "abcdef"));
	CHECK(!strncmp(buf, NONE " 00 ", 36));
	CHECK_HAS(buf, " 00000003 eth0\n");
}

int main(void)
{
	TAP_RUN(a_mac_becomes_a_number);
	TAP_RUN(the_same_mac_is_the_same_number_in_a_name);
	TAP_RUN(what_is_no_mac_stays);
	TAP_RUN(a_serial_number_in_config_space_is_zeroed);
	TAP_RUN(a_word_of_vital_product_data_is_zeroed);
	TAP_RUN(capabilities_in_a_loop_end);
	TAP_RUN(only_words_about_pci_are_left_of_the_command_line);
	TAP_RUN(a_mount_keeps_its_disk_and_a_common_place);
	TAP_RUN(a_mount_loses_names_of_people);
	TAP_RUN(a_mount_of_no_disk_is_left_out);
	TAP_RUN(btrfs_counts_as_a_disk);
	TAP_RUN(a_swap_file_is_left_out);
	TAP_RUN(of_routes_only_the_default_one_is_left);
	TAP_RUN(of_ipv6_routes_too);
	scrub_fini(&scrub);
	return tap_done();
}

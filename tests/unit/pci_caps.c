// SPDX-License-Identifier: GPL-2.0-or-later
/* Capability chains: built ones, and walks over bytes that lie. */
#include <errno.h>

#include "tests/unit/pci_fixture.h"

static struct fixture f;
static uint8_t cfg[PCI_CFG_LEN];

/* Bytes of a function whose standard chain starts at first. */
static void start_bytes(uint8_t first)
{
	memset(cfg, 0, sizeof(cfg));
	cfg[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	cfg[PCI_CAPABILITY_LIST] = first;
}

static void put_cap(unsigned int at, uint8_t id, uint8_t next)
{
	cfg[at] = id;
	cfg[at + 1] = next;
}

static void put_ext(unsigned int at, uint16_t id, uint32_t next)
{
	put_le(cfg + at, id | 1u << 16 | next << 20, 4);
}

static unsigned int count(struct pci_cap_iter it)
{
	unsigned int n = 0;

	while (pci_cap_next(&it))
		n++;
	return n;
}

static void function_without_capabilities_says_so(void)
{
	fixture_init(&f);
	CHECK_EQ(rd(&f, PCI_STATUS, 2), 0);
	CHECK_EQ(rd(&f, PCI_CAPABILITY_LIST, 1), 0);
	CHECK_EQ(pci_dev_find_cap(&f.dev, PCI_CAP_ID_PM), 0);
	CHECK_EQ(pci_dev_find_ext_cap(&f.dev, PCI_EXT_CAP_ID_ERR), 0);
	fixture_fini(&f);
}

static void capabilities_are_linked_in_the_order_they_came(void)
{
	fixture_init(&f);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_PM, 0, 8), 0x40);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_EXP, 0xa0, 60), 0xa0);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_MSIX, 0, 12), 0x48);
	CHECK_EQ(rd(&f, PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	CHECK_EQ(rd(&f, PCI_CAPABILITY_LIST, 1), 0x40);
	CHECK_EQ(rd(&f, 0x40, 2), 0xa001);
	CHECK_EQ(rd(&f, 0xa0, 2), 0x4810);
	CHECK_EQ(rd(&f, 0x48, 2), 0x0011);
	CHECK_EQ(pci_dev_find_cap(&f.dev, PCI_CAP_ID_MSIX), 0x48);
	fixture_fini(&f);
}

static void free_place_has_room_for_the_whole_capability(void)
{
	fixture_init(&f);
	pci_dev_add_cap(&f.dev, PCI_CAP_ID_PM, 0x48, 8);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_MSIX, 0, 12), 0x50);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_VNDR, 0, 7), 0x40);
	fixture_fini(&f);
}

static void capability_fits_exactly_between_two_others(void)
{
	fixture_init(&f);
	pci_dev_add_cap(&f.dev, PCI_CAP_ID_PM, 0x40, 8);
	pci_dev_add_cap(&f.dev, PCI_CAP_ID_MSIX, 0x50, 12);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_VNDR, 0x48, 8), 0x48);
	fixture_fini(&f);
}

static void taken_place_is_refused(void)
{
	fixture_init(&f);
	pci_dev_add_cap(&f.dev, PCI_CAP_ID_EXP, 0x40, 60);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_PM, 0x78, 8), -ENOSPC);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_PM, 0xfc, 8), -ENOSPC);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_PM, 0, 133), -ENOSPC);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_PM, 0, ~0u), -ENOSPC);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_PM, 0, 132), 0x7c);
	fixture_fini(&f);
}

static void misplaced_capability_is_refused(void)
{
	fixture_init(&f);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_PM, 0x42, 8), -EINVAL);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_PM, 0x3c, 8), -EINVAL);
	CHECK_EQ(pci_dev_add_cap(&f.dev, PCI_CAP_ID_PM, 0x100, 8), -EINVAL);
	CHECK_EQ(pci_dev_add_ext_cap(&f.dev, 1, 1, 0xfc, 8), -EINVAL);
	CHECK_EQ(pci_dev_add_ext_cap(&f.dev, 1, 1, 0x1000, 8), -EINVAL);
	fixture_fini(&f);
}

static void new_capability_is_zero_and_read_only(void)
{
	fixture_init(&f);
	memset(f.dev.cfg + 0x40, 0x5a, 16);
	memset(f.dev.wmask + 0x40, 0xff, 16);
	memset(f.dev.vmask + 0x40, 0, 16);
	pci_dev_add_cap(&f.dev, PCI_CAP_ID_MSIX, 0x40, 12);
	wr(&f, 0x44, 4, 0xffffffff);
	CHECK_EQ(rd(&f, 0x40, 4), 0x11);
	CHECK_EQ(rd(&f, 0x44, 4), 0);
	CHECK_EQ(f.dev.cfg[0x4c], 0x5a);
	fixture_fini(&f);
}

static void extended_capabilities_are_linked_from_0x100(void)
{
	fixture_init(&f);
	CHECK_EQ(pci_dev_add_ext_cap(&f.dev, PCI_EXT_CAP_ID_ERR, 2, 0, 0x48),
		 0x100);
	CHECK_EQ(pci_dev_add_ext_cap(&f.dev, PCI_EXT_CAP_ID_DSN, 1, 0x140, 12),
		 -ENOSPC);
	CHECK_EQ(pci_dev_add_ext_cap(&f.dev, PCI_EXT_CAP_ID_DSN, 1, 0x150, 12),
		 0x150);
	CHECK_EQ(rd(&f, 0x100, 4), 0x15020001);
	CHECK_EQ(rd(&f, 0x150, 4), 0x00010003);
	CHECK_EQ(pci_dev_find_ext_cap(&f.dev, PCI_EXT_CAP_ID_DSN), 0x150);
	fixture_fini(&f);
}

static void null_capability_leads_to_a_chain_that_starts_late(void)
{
	fixture_init(&f);
	CHECK_EQ(pci_dev_add_ext_cap(&f.dev, PCI_EXT_CAP_ID_DSN, 1, 0x150, 12),
		 0x150);
	CHECK_EQ(rd(&f, 0x100, 4), 0x15000000);
	CHECK_EQ(pci_dev_find_ext_cap(&f.dev, PCI_EXT_CAP_ID_DSN), 0x150);
	CHECK_EQ(pci_dev_add_ext_cap(&f.dev, PCI_EXT_CAP_ID_VNDR, 1, 0, 8),
		 0x104);
	CHECK_EQ(pci_dev_find_ext_cap(&f.dev, PCI_EXT_CAP_ID_VNDR), 0x104);
	fixture_fini(&f);
}

static void last_byte_of_extended_space_can_be_used(void)
{
	fixture_init(&f);
	CHECK_EQ(pci_dev_add_ext_cap(&f.dev, 0xb, 1, 0xff8, 8), 0xff8);
	CHECK_EQ(pci_dev_add_ext_cap(&f.dev, 0xb, 1, 0xffc, 4), -ENOSPC);
	CHECK_EQ(pci_dev_find_ext_cap(&f.dev, 0xb), 0xff8);
	fixture_fini(&f);
}

static void chain_is_ignored_without_its_status_bit(void)
{
	start_bytes(0x40);
	put_cap(0x40, PCI_CAP_ID_PM, 0);
	CHECK_EQ(pci_cap_find(cfg, 256, PCI_CAP_ID_PM), 0x40);
	cfg[PCI_STATUS] = 0;
	CHECK_EQ(pci_cap_find(cfg, 256, PCI_CAP_ID_PM), 0);
}

static void low_bits_of_pointers_are_ignored(void)
{
	start_bytes(0x43);
	put_cap(0x40, PCI_CAP_ID_PM, 0x52);
	put_cap(0x50, PCI_CAP_ID_EXP, 0x01);
	CHECK_EQ(pci_cap_find(cfg, 256, PCI_CAP_ID_EXP), 0x50);
	CHECK_EQ(count(pci_cap_walk(cfg, 256)), 2);
}

static void looping_chain_is_walked_once(void)
{
	start_bytes(0x40);
	put_cap(0x40, PCI_CAP_ID_PM, 0x50);
	put_cap(0x50, PCI_CAP_ID_EXP, 0x40);
	CHECK_EQ(count(pci_cap_walk(cfg, 256)), 2);
	CHECK_EQ(pci_cap_find(cfg, 256, PCI_CAP_ID_MSIX), 0);
	put_cap(0x40, PCI_CAP_ID_PM, 0x40);
	CHECK_EQ(count(pci_cap_walk(cfg, 256)), 1);
}

static void chain_into_the_header_ends_there(void)
{
	start_bytes(0x40);
	put_cap(0x40, PCI_CAP_ID_PM, 0x10);
	put_cap(0x10, PCI_CAP_ID_EXP, 0);
	CHECK_EQ(count(pci_cap_walk(cfg, 256)), 1);
	CHECK_EQ(pci_cap_find(cfg, 256, PCI_CAP_ID_EXP), 0);
}

static void chain_off_the_end_of_a_short_dump_ends_there(void)
{
	start_bytes(0x3c);
	CHECK_EQ(count(pci_cap_walk(cfg, 64)), 0);
	start_bytes(0x40);
	CHECK_EQ(count(pci_cap_walk(cfg, 64)), 0);
	CHECK_EQ(count(pci_cap_walk(cfg, 65)), 0);
	CHECK_EQ(count(pci_cap_walk(cfg, 66)), 1);
	CHECK_EQ(count(pci_cap_walk(cfg, 0)), 0);
	CHECK_EQ(count(pci_ext_cap_walk(cfg, 256)), 0);
	CHECK_EQ(count(pci_ext_cap_walk(cfg, 0)), 0);
}

static void absent_device_has_no_capabilities(void)
{
	memset(cfg, 0xff, sizeof(cfg));
	CHECK_EQ(count(pci_cap_walk(cfg, sizeof(cfg))), 0);
	CHECK_EQ(count(pci_ext_cap_walk(cfg, sizeof(cfg))), 0);
}

static void full_chain_is_walked_to_its_end(void)
{
	start_bytes(0x40);
	for (unsigned int at = 0x40; at < 0xfc; at += 4)
		put_cap(at, PCI_CAP_ID_VNDR, (uint8_t)(at + 4));
	put_cap(0xfc, PCI_CAP_ID_PM, 0);
	CHECK_EQ(count(pci_cap_walk(cfg, 256)), 48);
	CHECK_EQ(pci_cap_find(cfg, 256, PCI_CAP_ID_PM), 0xfc);
}

static void looping_extended_chain_is_walked_once(void)
{
	start_bytes(0);
	put_ext(0x100, PCI_EXT_CAP_ID_ERR, 0x200);
	put_ext(0x200, PCI_EXT_CAP_ID_DSN, 0x100);
	CHECK_EQ(count(pci_ext_cap_walk(cfg, sizeof(cfg))), 2);
	CHECK_EQ(pci_ext_cap_find(cfg, sizeof(cfg), PCI_EXT_CAP_ID_DSN), 0x200);
	CHECK_EQ(pci_ext_cap_find(cfg, sizeof(cfg), PCI_EXT_CAP_ID_ARI), 0);
}

static void extended_chain_below_0x100_ends_there(void)
{
	start_bytes(0);
	put_ext(0x100, PCI_EXT_CAP_ID_ERR, 0x40);
	put_ext(0x40, PCI_EXT_CAP_ID_DSN, 0);
	CHECK_EQ(count(pci_ext_cap_walk(cfg, sizeof(cfg))), 1);
}

static void walk_tells_id_offset_and_version(void)
{
	struct pci_cap_iter it;

	start_bytes(0);
	put_ext(0x100, PCI_EXT_CAP_ID_SRIOV, 0);
	it = pci_ext_cap_walk(cfg, sizeof(cfg));
	CHECK(pci_cap_next(&it));
	CHECK_EQ(it.id, PCI_EXT_CAP_ID_SRIOV);
	CHECK_EQ(it.off, 0x100);
	CHECK_EQ(it.version, 1);
	CHECK(!pci_cap_next(&it));
}

int main(void)
{
	TAP_RUN(function_without_capabilities_says_so);
	TAP_RUN(capabilities_are_linked_in_the_order_they_came);
	TAP_RUN(free_place_has_room_for_the_whole_capability);
	TAP_RUN(capability_fits_exactly_between_two_others);
	TAP_RUN(taken_place_is_refused);
	TAP_RUN(misplaced_capability_is_refused);
	TAP_RUN(new_capability_is_zero_and_read_only);
	TAP_RUN(extended_capabilities_are_linked_from_0x100);
	TAP_RUN(null_capability_leads_to_a_chain_that_starts_late);
	TAP_RUN(last_byte_of_extended_space_can_be_used);
	TAP_RUN(chain_is_ignored_without_its_status_bit);
	TAP_RUN(low_bits_of_pointers_are_ignored);
	TAP_RUN(looping_chain_is_walked_once);
	TAP_RUN(chain_into_the_header_ends_there);
	TAP_RUN(chain_off_the_end_of_a_short_dump_ends_there);
	TAP_RUN(absent_device_has_no_capabilities);
	TAP_RUN(full_chain_is_walked_to_its_end);
	TAP_RUN(looping_extended_chain_is_walked_once);
	TAP_RUN(extended_chain_below_0x100_ends_there);
	TAP_RUN(walk_tells_id_offset_and_version);
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Capabilities that are more than a copy: VPD, AF, vendor, PCIe with a link. */
#include "tests/unit/vfio_fixture.h"

enum {
	EXP = 0x70,
	VNDR = 0xc0,
	VPD = 0xd4,
	AF = 0xe0,
	VSEC = 0x200,
	MSIX = 0xb0,
};

static struct vm vm;

static uint32_t rd(unsigned int off, unsigned int len)
{
	return pci_dev_read(vm.dev, off, len);
}

static void wr(unsigned int off, unsigned int len, uint32_t value)
{
	pci_dev_write(vm.dev, off, len, value);
}

static void prepare(void)
{
	vm_start(&vm, fake_nvme_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(32), true);
}

/* --- vital product data --- */

static void vital_product_data_is_read_from_the_device(void)
{
	prepare();
	memcpy(vm.fake.vpd + 8, "PN01", 4);
	CHECK_EQ(vm_assign(&vm), 0);
	wr(VPD + PCI_VPD_ADDR, 2, 8);
	CHECK_EQ(rd(VPD + PCI_VPD_ADDR, 2), 8 | PCI_VPD_ADDR_F);
	CHECK_EQ(rd(VPD + PCI_VPD_DATA, 4), 0x31304e50);
	vm_stop(&vm);
}

static void an_address_written_in_bytes_is_read_at_the_second(void)
{
	prepare();
	memcpy(vm.fake.vpd + 4, "SN02", 4);
	CHECK_EQ(vm_assign(&vm), 0);
	wr(VPD + PCI_VPD_ADDR, 1, 4);
	CHECK_EQ(rd(VPD + PCI_VPD_ADDR, 2), 4);
	wr(VPD + PCI_VPD_ADDR + 1, 1, 0);
	CHECK_EQ(rd(VPD + PCI_VPD_ADDR, 2), 4 | PCI_VPD_ADDR_F);
	CHECK_EQ(rd(VPD + PCI_VPD_DATA, 4), 0x32304e53);
	vm_stop(&vm);
}

static void data_that_is_not_there_never_completes(void)
{
	prepare();
	CHECK_EQ(vm_assign(&vm), 0);
	wr(VPD + PCI_VPD_ADDR, 2, 0x7ff0);
	CHECK_EQ(rd(VPD + PCI_VPD_ADDR, 2), 0x7ff0);
	vm_stop(&vm);
}

static void vital_product_data_cannot_be_changed(void)
{
	prepare();
	memcpy(vm.fake.vpd, "keep", 4);
	CHECK_EQ(vm_assign(&vm), 0);
	wr(VPD + PCI_VPD_DATA, 4, 0);
	wr(VPD + PCI_VPD_ADDR, 2, PCI_VPD_ADDR_F);
	/* Done, as far as the guest can tell. */
	CHECK_EQ(rd(VPD + PCI_VPD_ADDR, 2), 0);
	CHECK_EQ(vm.fake.nr_vpd_writes, 0);
	vm_stop(&vm);
}

/* --- advanced features --- */

/* AF instead of the last capability; caps: what the function can. */
static void start_af(uint8_t caps)
{
	static const uint8_t body[] = { PCI_CAP_ID_AF, 0, 6, 0, 0, 1 };

	prepare();
	vm.fake.cfg[VPD + 1] = AF;
	memcpy(vm.fake.cfg + AF, body, sizeof(body));
	vm.fake.cfg[AF + PCI_AF_CAP] = caps;
	CHECK_EQ(vm_assign(&vm), 0);
}

static void advanced_features_are_shown(void)
{
	start_af(PCI_AF_CAP_TP | PCI_AF_CAP_FLR);
	CHECK_EQ(pci_dev_find_cap(vm.dev, PCI_CAP_ID_AF), AF);
	CHECK_EQ(rd(AF + PCI_AF_LENGTH, 1), 6);
	CHECK_EQ(rd(AF + PCI_AF_CAP, 1), PCI_AF_CAP_TP | PCI_AF_CAP_FLR);
	CHECK_EQ(rd(AF + PCI_AF_STATUS, 1), PCI_AF_STATUS_TP);
	vm_stop(&vm);
}

static void an_af_reset_resets_device_and_model(void)
{
	start_af(PCI_AF_CAP_TP | PCI_AF_CAP_FLR);
	vm_place(&vm, 0, BAR_GPA);
	wr(AF + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR);
	CHECK_EQ(vm.fake.nr_resets, 1);
	CHECK_EQ(rd(AF + PCI_AF_CTRL, 1), 0);
	CHECK_EQ(rd(PCI_COMMAND, 2), 0);
	CHECK_EQ(vm.slots.nr, 0);
	vm_stop(&vm);
}

static void no_af_reset_is_offered_by_a_function_without_one(void)
{
	start_af(PCI_AF_CAP_TP);
	wr(AF + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR);
	CHECK_EQ(vm.fake.nr_resets, 0);
	vm_stop(&vm);
}

/* --- vendor-specific --- */

static void a_vendors_registers_are_read_and_written(void)
{
	prepare();
	CHECK_EQ(vm_assign(&vm), 0);
	wr(VNDR + 8, 4, 0xcafebabe);
	CHECK_EQ(get_le(vm.fake.cfg + VNDR + 8, 4), 0xcafebabe);
	vm.fake.cfg[VNDR + 8] = 0x42;
	CHECK_EQ(rd(VNDR + 8, 4), 0xcafeba42);
	vm_stop(&vm);
}

/* Whichever of the two the chain has first. */
static void a_vendors_length_hides_no_other_capability(void)
{
	prepare();
	vm.fake.cfg[VNDR + 2] = VPD - VNDR + 1;
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK_EQ(pci_dev_find_cap(vm.dev, PCI_CAP_ID_VNDR), 0);
	CHECK_EQ(pci_dev_find_cap(vm.dev, PCI_CAP_ID_VPD), VPD);
	vm_stop(&vm);
}

/* --- a place behind a root port --- */

static void start_behind_port(void)
{
	prepare();
	vm.options.behind_port = true;
}

static void behind_a_port_the_type_is_endpoint(void)
{
	start_behind_port();
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK_EQ(rd(EXP + PCI_EXP_FLAGS, 2), 2 | PCI_EXP_TYPE_ENDPOINT << 4);
	vm_stop(&vm);
}

static void an_integrated_endpoint_becomes_one_with_a_link(void)
{
	start_behind_port();
	vm.fake.cfg[EXP + PCI_EXP_FLAGS] = 2 | PCI_EXP_TYPE_RC_END << 4;
	put_le(vm.fake.cfg + EXP + PCI_EXP_LNKCAP, 0, 4);
	put_le(vm.fake.cfg + EXP + PCI_EXP_LNKSTA, 0, 2);
	put_le(vm.fake.cfg + EXP + PCI_EXP_LNKCAP2, 0, 4);
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK_EQ(rd(EXP + PCI_EXP_FLAGS, 2), 2 | PCI_EXP_TYPE_ENDPOINT << 4);
	CHECK_EQ(rd(EXP + PCI_EXP_LNKSTA, 2), 0x0011);
	CHECK_EQ(rd(EXP + PCI_EXP_LNKCAP2, 4), 0x2);
	vm_stop(&vm);
}

static void a_legacy_endpoint_stays_one(void)
{
	start_behind_port();
	vm.fake.cfg[EXP + PCI_EXP_FLAGS] = 2 | PCI_EXP_TYPE_LEG_END << 4;
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK_EQ(rd(EXP + PCI_EXP_FLAGS, 2), 2 | PCI_EXP_TYPE_LEG_END << 4);
	vm_stop(&vm);
}

/* The dump: 16 GT/s x4, at 16 GT/s x4; ASPM and clock management it has. */
static void the_link_has_the_physical_speed_and_width(void)
{
	uint32_t cap;

	start_behind_port();
	CHECK_EQ(vm_assign(&vm), 0);
	cap = rd(EXP + PCI_EXP_LNKCAP, 4);
	CHECK_EQ(cap & PCI_EXP_LNKCAP_SLS, 4);
	CHECK_EQ((cap & PCI_EXP_LNKCAP_MLW) >> 4, 4);
	CHECK_EQ(rd(EXP + PCI_EXP_LNKSTA, 2), 0x0044);
	CHECK_EQ(rd(EXP + PCI_EXP_LNKCAP2, 4), 0x1e);
	CHECK_EQ(rd(EXP + PCI_EXP_LNKCTL2, 2), 4);
	vm_stop(&vm);
}

static void power_management_of_the_link_is_not_offered(void)
{
	start_behind_port();
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK_EQ(rd(EXP + PCI_EXP_LNKCAP, 4) &
			 (PCI_EXP_LNKCAP_ASPMS | PCI_EXP_LNKCAP_CLKPM),
		 0);
	wr(EXP + PCI_EXP_LNKCTL, 2, 0xffff);
	CHECK_EQ(rd(EXP + PCI_EXP_LNKCTL, 2),
		 PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES);
	CHECK_EQ(get_le(vm.fake.cfg + EXP + PCI_EXP_LNKCTL, 2), 0x0040);
	vm_stop(&vm);
}

/* A VF's PCI Express capability in a place that has no more room than the
 * kernel takes for it (PCI_CAP_EXP_ENDPOINT_SIZEOF_V2). */
static void short_pcie_at(unsigned int at)
{
	vm_start(&vm, fake_igbvf_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(16), true);
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	memmove(vm.fake.cfg + at, vm.fake.cfg + 0xa0, 0x34);
}

static void a_pcie_capability_at_the_end_of_its_space_is_shown(void)
{
	short_pcie_at(0xcc);
	vm.fake.cfg[0x71] = 0xcc;
	vm.options.behind_port = true;
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK_EQ(pci_dev_find_cap(vm.dev, PCI_CAP_ID_EXP), 0xcc);
	CHECK(pci_dev_find_ext_cap(vm.dev, PCI_EXT_CAP_ID_ERR));
	CHECK_EQ(rd(0xcc + PCI_EXP_LNKCTL2, 2), 1);
	vm_stop(&vm);
}

static void a_capability_close_behind_a_pcie_one_is_shown(void)
{
	/* Three vectors; table and PBA in BAR 3. */
	static const uint8_t msix[] = {
		0x11, 0, 2, 0, 3, 0, 0, 0, 3, 0x20, 0, 0
	};

	short_pcie_at(0x40);
	memcpy(vm.fake.cfg + 0x74, msix, sizeof(msix));
	vm.fake.cfg[PCI_CAPABILITY_LIST] = 0x40;
	vm.fake.cfg[0x41] = 0x74;
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK_EQ(pci_dev_find_cap(vm.dev, PCI_CAP_ID_EXP), 0x40);
	CHECK_EQ(pci_dev_find_cap(vm.dev, PCI_CAP_ID_MSIX), 0x74);
	vm_stop(&vm);
}

int main(void)
{
	TAP_RUN(vital_product_data_is_read_from_the_device);
	TAP_RUN(an_address_written_in_bytes_is_read_at_the_second);
	TAP_RUN(data_that_is_not_there_never_completes);
	TAP_RUN(vital_product_data_cannot_be_changed);
	TAP_RUN(advanced_features_are_shown);
	TAP_RUN(an_af_reset_resets_device_and_model);
	TAP_RUN(no_af_reset_is_offered_by_a_function_without_one);
	TAP_RUN(a_vendors_registers_are_read_and_written);
	TAP_RUN(a_vendors_length_hides_no_other_capability);
	TAP_RUN(behind_a_port_the_type_is_endpoint);
	TAP_RUN(an_integrated_endpoint_becomes_one_with_a_link);
	TAP_RUN(a_legacy_endpoint_stays_one);
	TAP_RUN(the_link_has_the_physical_speed_and_width);
	TAP_RUN(power_management_of_the_link_is_not_offered);
	TAP_RUN(a_pcie_capability_at_the_end_of_its_space_is_shown);
	TAP_RUN(a_capability_close_behind_a_pcie_one_is_shown);
	return tap_done();
}

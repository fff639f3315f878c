// SPDX-License-Identifier: GPL-2.0-or-later
/* The config space that the guest sees of a physical function. */
#include "tests/unit/vfio_fixture.h"

static struct vm vm;

enum { NVME_PM = 0x40, NVME_EXP = 0x70, NVME_VNDR = 0xc0, NVME_VSEC = 0x200 };

static uint32_t rd(unsigned int off, unsigned int len)
{
	return pci_dev_read(vm.dev, off, len);
}

static void wr(unsigned int off, unsigned int len, uint32_t value)
{
	pci_dev_write(vm.dev, off, len, value);
}

/* Offsets of a chain as the guest walks it, "40 70 ". */
static const char *chain(bool is_ext)
{
	static char text[256];
	static uint8_t cfg[PCI_CFG_LEN];
	struct pci_cap_iter it;
	size_t n = 0;

	for (unsigned int off = 0; off < PCI_CFG_LEN; off += 4)
		put_le(cfg + off, rd(off, 4), 4);
	text[0] = '\0';
	it = is_ext ? pci_ext_cap_walk(cfg, PCI_CFG_LEN)
		    : pci_cap_walk(cfg, PCI_CFG_LEN);
	while (pci_cap_next(&it))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%x:%x ",
				      it.off, it.id);
	return text;
}

static void identity_is_the_devices(void)
{
	vm_igbvf(&vm);
	CHECK_EQ(rd(PCI_VENDOR_ID, 4), 0x10ca8086);
	CHECK_EQ(rd(PCI_CLASS_REVISION, 4), 0x02000001);
	CHECK_EQ(rd(PCI_SUBSYSTEM_VENDOR_ID, 4), 0xa03c8086);
	CHECK_EQ(rd(PCI_HEADER_TYPE, 1), 0);
	vm_stop(&vm);
}

static void addresses_and_command_of_the_host_stay_hidden(void)
{
	vm_igbvf(&vm);
	CHECK_EQ(rd(PCI_BASE_ADDRESS_0, 4),
		 PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
	CHECK_EQ(rd(PCI_COMMAND, 2), 0);
	vm_stop(&vm);
}

static void there_is_no_interrupt_pin_without_a_gsi(void)
{
	vm_nvme(&vm);
	CHECK_EQ(rd(PCI_INTERRUPT_PIN, 1), 0);
	vm_stop(&vm);
}

static void chain_keeps_allowed_capabilities_at_their_offsets(void)
{
	vm_nvme(&vm);
	CHECK(!strcmp(chain(false), "40:1 50:5 70:10 b0:11 c0:9 d4:3 "));
	vm_stop(&vm);
}

static void extended_chain_is_consistent_without_the_hidden_ones(void)
{
	vm_nvme(&vm);
	CHECK(!strcmp(chain(true), "100:1 148:3 200:b "));
	vm_stop(&vm);
}

static void hidden_capabilities_leave_no_bytes(void)
{
	vm_nvme(&vm);
	CHECK_EQ(rd(0x198, 4), 0); /* SR-IOV */
	CHECK_EQ(rd(0x1d8, 4), 0); /* LTR */
	CHECK_EQ(rd(0x220, 4), 0); /* resizable BAR */
	vm_stop(&vm);
}

static void a_hidden_first_extended_capability_leads_to_the_next(void)
{
	vm_start(&vm, fake_nvme_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(32), true);
	put_le(vm.fake.cfg + 0x100, 0x14810000 | PCI_EXT_CAP_ID_ARI, 4);
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK(!strcmp(chain(true), "100:0 148:3 200:b "));
	vm_stop(&vm);
}

static void all_extended_capabilities_hidden_means_none(void)
{
	vm_start(&vm, fake_igbvf_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(16), true);
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	put_le(vm.fake.cfg + 0x100, 0x0001000e, 4);
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK_EQ(rd(0x100, 4), 0);
	vm_stop(&vm);
}

static void chains_that_loop_end(void)
{
	vm_start(&vm, fake_nvme_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(32), true);
	vm.fake.cfg[0xb1] = 0x40;
	put_le(vm.fake.cfg + 0x200, 0x10010000 | PCI_EXT_CAP_ID_VNDR, 4);
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK(!strcmp(chain(false), "40:1 50:5 70:10 b0:11 "));
	CHECK(!strcmp(chain(true), "100:1 148:3 200:b "));
	vm_stop(&vm);
}

static void capabilities_that_overlap_or_run_off_the_end_are_hidden(void)
{
	vm_start(&vm, fake_nvme_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(32), true);
	vm.fake.cfg[NVME_VNDR + 2] = 0x50; /* ends at 0x110 */
	put_le(vm.fake.cfg + NVME_VSEC + 4, 0xfff00123, 4);
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK(!strcmp(chain(false), "40:1 50:5 70:10 b0:11 d4:3 "));
	CHECK(!strcmp(chain(true), "100:1 148:3 "));
	vm_stop(&vm);
}

static void a_function_without_msix_has_none(void)
{
	vm_start(&vm, fake_igbvf_dump);
	vm.fake.cfg[PCI_CAPABILITY_LIST] = 0xa0;
	vm.fake.nr_vectors = 0;
	fake_vfio_bar(&vm.fake, 0, KIB(16), true);
	CHECK_EQ(vm_assign(&vm), 0);
	CHECK(!strcmp(chain(false), "a0:10 "));
	vm_stop(&vm);
}

/* --- PCI Express --- */

static void express_type_is_root_complex_integrated_endpoint(void)
{
	vm_nvme(&vm);
	CHECK_EQ(rd(NVME_EXP + PCI_EXP_FLAGS, 2), 2 | PCI_EXP_TYPE_RC_END << 4);
	vm_stop(&vm);
}

static void link_registers_read_zero(void)
{
	vm_nvme(&vm);
	CHECK_EQ(rd(NVME_EXP + PCI_EXP_LNKCAP, 4), 0);
	CHECK_EQ(rd(NVME_EXP + PCI_EXP_LNKCTL, 4), 0);
	CHECK_EQ(rd(NVME_EXP + PCI_EXP_LNKCAP2, 4), 0);
	CHECK_EQ(rd(NVME_EXP + PCI_EXP_LNKCTL2, 4), 0);
	vm_stop(&vm);
}

static void link_registers_cannot_be_written(void)
{
	vm_nvme(&vm);
	wr(NVME_EXP + PCI_EXP_LNKCTL, 2, 0xffff);
	CHECK_EQ(rd(NVME_EXP + PCI_EXP_LNKCTL, 2), 0);
	CHECK_EQ(get_le(vm.fake.cfg + NVME_EXP + PCI_EXP_LNKCTL, 2), 0x0040);
	vm_stop(&vm);
}

static void device_capabilities_keep_payload_and_reset(void)
{
	uint32_t cap;

	vm_nvme(&vm);
	cap = rd(NVME_EXP + PCI_EXP_DEVCAP, 4);
	CHECK_EQ(cap & PCI_EXP_DEVCAP_PAYLOAD, 2);
	CHECK(cap & PCI_EXP_DEVCAP_FLR);
	CHECK(cap & PCI_EXP_DEVCAP_RBER);
	CHECK_EQ(cap & (PCI_EXP_DEVCAP_L0S | PCI_EXP_DEVCAP_L1), 0);
	vm_stop(&vm);
}

static void latency_tolerance_and_obff_are_not_offered(void)
{
	vm_nvme(&vm);
	CHECK_EQ(rd(NVME_EXP + PCI_EXP_DEVCAP2, 4), 0x1f);
	wr(NVME_EXP + PCI_EXP_DEVCTL2, 2, 0x0400 | 0x0016);
	CHECK_EQ(get_le(vm.fake.cfg + NVME_EXP + PCI_EXP_DEVCTL2, 2), 0x0416);
	CHECK_EQ(rd(NVME_EXP + PCI_EXP_DEVCTL2, 2), 0x0016);
	vm_stop(&vm);
}

static void device_control_is_the_devices(void)
{
	vm_nvme(&vm);
	CHECK_EQ(rd(NVME_EXP + PCI_EXP_DEVCTL, 2), 0x5910);
	wr(NVME_EXP + PCI_EXP_DEVCTL, 2, 0x2010);
	CHECK_EQ(get_le(vm.fake.cfg + NVME_EXP + PCI_EXP_DEVCTL, 2), 0x2010);
	vm_stop(&vm);
}

static void device_status_shows_only_pending_transactions(void)
{
	vm_nvme(&vm);
	CHECK_EQ(rd(NVME_EXP + PCI_EXP_DEVSTA, 2), 0);
	vm.fake.cfg[NVME_EXP + PCI_EXP_DEVSTA] |= PCI_EXP_DEVSTA_TRPND;
	CHECK_EQ(rd(NVME_EXP + PCI_EXP_DEVSTA, 2), PCI_EXP_DEVSTA_TRPND);
	vm_stop(&vm);
}

static void function_level_reset_resets_device_and_model(void)
{
	vm_nvme(&vm);
	vm_place(&vm, 0, BAR_GPA);
	wr(0xb0 + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	CHECK_EQ(vm.fake.nr_eventfds, 129);
	wr(NVME_EXP + PCI_EXP_DEVCTL, 2, 0x2010 | PCI_EXP_DEVCTL_BCR_FLR);
	CHECK_EQ(vm.fake.nr_resets, 1);
	CHECK_EQ(vm.fake.nr_eventfds, 0);
	CHECK_EQ(rd(0xb0 + PCI_MSIX_FLAGS, 2), 128);
	CHECK_EQ(rd(PCI_COMMAND, 2), 0);
	CHECK_EQ(rd(NVME_EXP + PCI_EXP_DEVCTL, 2), 0x2010);
	CHECK_EQ(vm.slots.nr, 0);
	vm_stop(&vm);
}

static void no_reset_is_offered_by_a_function_without_one(void)
{
	vm_start(&vm, fake_nvme_dump);
	fake_vfio_bar(&vm.fake, 0, KIB(32), true);
	vm.fake.cfg[NVME_EXP + PCI_EXP_DEVCAP + 3] = 0;
	CHECK_EQ(vm_assign(&vm), 0);
	wr(NVME_EXP + PCI_EXP_DEVCTL, 2, 0x2010 | PCI_EXP_DEVCTL_BCR_FLR);
	CHECK_EQ(vm.fake.nr_resets, 0);
	CHECK_EQ(get_le(vm.fake.cfg + NVME_EXP + PCI_EXP_DEVCTL, 2), 0x2010);
	vm_stop(&vm);
}

/* --- command register --- */

static void memory_decode_of_the_device_stays_on(void)
{
	vm_igbvf(&vm);
	CHECK(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_MEMORY);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	wr(PCI_COMMAND, 2, 0);
	CHECK(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_MEMORY);
	vm_stop(&vm);
}

static void bus_mastering_follows_the_guest(void)
{
	vm_igbvf(&vm);
	CHECK(!(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_MASTER));
	wr(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	CHECK(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_MASTER);
	wr(PCI_COMMAND, 1, 0);
	CHECK(!(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_MASTER));
	vm_stop(&vm);
}

static void intx_of_the_device_stays_off_without_a_gsi(void)
{
	vm_nvme(&vm);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	CHECK(get_le(vm.fake.cfg + PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
	CHECK_EQ(rd(PCI_COMMAND, 2), PCI_COMMAND_MASTER);
	vm_stop(&vm);
}

static void guest_reset_stops_dma_before_it_resets(void)
{
	vm_igbvf(&vm);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	pci_dev_reset(vm.dev);
	CHECK_EQ(vm.fake.nr_resets, 1);
	CHECK(!vm.fake.reset_with_master);
	CHECK(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_MEMORY);
	vm_stop(&vm);
}

/* --- others --- */

static void power_management_events_are_not_offered(void)
{
	vm_nvme(&vm);
	CHECK_EQ(rd(NVME_PM + PCI_PM_PMC, 2), 3);
	vm_stop(&vm);
}

static void vendor_capability_is_read_from_the_device(void)
{
	vm_nvme(&vm);
	vm.fake.cfg[NVME_VNDR + 8] = 0x42;
	CHECK_EQ(rd(NVME_VNDR + 8, 1), 0x42);
	CHECK_EQ(rd(NVME_VNDR, 4), 0xa314d409);
	vm_stop(&vm);
}

static void writes_to_read_only_capabilities_never_reach_the_device(void)
{
	unsigned int nr_calls;

	vm_nvme(&vm);
	nr_calls = vm.fake.nr_calls;
	wr(NVME_VNDR, 4, 0);
	wr(0x104, 4, UINT32_MAX);
	wr(0x14c, 4, 0);
	wr(NVME_VSEC + 4, 4, 0);
	CHECK_EQ(vm.fake.nr_calls, nr_calls);
	vm_stop(&vm);
}

static void error_registers_are_live(void)
{
	vm_nvme(&vm);
	put_le(vm.fake.cfg + 0x104, 0x00100000, 4);
	CHECK_EQ(rd(0x104, 4), 0x00100000);
	vm_stop(&vm);
}

static void serial_number_is_the_devices(void)
{
	vm_nvme(&vm);
	CHECK_EQ(rd(0x14c, 4), 0x89abcdef);
	CHECK_EQ(rd(0x150, 4), 0x01234567);
	vm_stop(&vm);
}

static void a_bridge_is_refused(void)
{
	vm_start(&vm, fake_nvme_dump);
	vm.fake.cfg[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
	CHECK_EQ(vm_assign(&vm), -EINVAL);
	CHECK_HAS(vm.err.msg, "0000:01:10.0: is a bridge");
	CHECK_HAS(vm.err.hint, "behind the bridge");
	vfio_dev_close(&vm.fake.dev);
	vm_stop(&vm);
}

static void reads_that_reach_the_device_are_counted(void)
{
	struct vfio_pci_stats stats;

	vm_nvme(&vm);
	rd(PCI_VENDOR_ID, 4);
	rd(NVME_EXP + PCI_EXP_DEVCTL, 2);
	wr(PCI_CACHE_LINE_SIZE, 1, 16);
	stats = vfio_pci_stats(vm.v);
	CHECK_EQ(stats.cfg_reads, 1);
	CHECK_EQ(stats.cfg_writes, 1);
	vm_stop(&vm);
}

int main(void)
{
	TAP_RUN(identity_is_the_devices);
	TAP_RUN(addresses_and_command_of_the_host_stay_hidden);
	TAP_RUN(there_is_no_interrupt_pin_without_a_gsi);
	TAP_RUN(chain_keeps_allowed_capabilities_at_their_offsets);
	TAP_RUN(extended_chain_is_consistent_without_the_hidden_ones);
	TAP_RUN(hidden_capabilities_leave_no_bytes);
	TAP_RUN(a_hidden_first_extended_capability_leads_to_the_next);
	TAP_RUN(all_extended_capabilities_hidden_means_none);
	TAP_RUN(chains_that_loop_end);
	TAP_RUN(capabilities_that_overlap_or_run_off_the_end_are_hidden);
	TAP_RUN(a_function_without_msix_has_none);
	TAP_RUN(express_type_is_root_complex_integrated_endpoint);
	TAP_RUN(link_registers_read_zero);
	TAP_RUN(link_registers_cannot_be_written);
	TAP_RUN(device_capabilities_keep_payload_and_reset);
	TAP_RUN(latency_tolerance_and_obff_are_not_offered);
	TAP_RUN(device_control_is_the_devices);
	TAP_RUN(device_status_shows_only_pending_transactions);
	TAP_RUN(function_level_reset_resets_device_and_model);
	TAP_RUN(no_reset_is_offered_by_a_function_without_one);
	TAP_RUN(memory_decode_of_the_device_stays_on);
	TAP_RUN(bus_mastering_follows_the_guest);
	TAP_RUN(intx_of_the_device_stays_off_without_a_gsi);
	TAP_RUN(guest_reset_stops_dma_before_it_resets);
	TAP_RUN(power_management_events_are_not_offered);
	TAP_RUN(vendor_capability_is_read_from_the_device);
	TAP_RUN(writes_to_read_only_capabilities_never_reach_the_device);
	TAP_RUN(error_registers_are_live);
	TAP_RUN(serial_number_is_the_devices);
	TAP_RUN(a_bridge_is_refused);
	TAP_RUN(reads_that_reach_the_device_are_counted);
	return tap_done();
}

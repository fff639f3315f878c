// SPDX-License-Identifier: GPL-2.0-or-later
/* The verdict: every reason with its remedy, and what strait run would do. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <sys/resource.h>

#include "iommu/verdict.h"
#include "src/base/bits.h"
#include "src/x86/layout.h"
#include "tests/fake/drivers.h"
#include "tests/fake/functions.h"
#include "tests/tap.h"

#define VF   "sys/bus/pci/devices/0000:01:10.0"
#define ROOT "pci0000:00/0000:00:04.0"
#define GOOD .has_acs = true, .acs_cap = 0x1f, .acs_ctrl = FUNCTION_ACS

static struct tree tree;
static struct host host;
static struct drivers drivers;
static struct err err;
static struct verdict verdict;

static const struct bdf vf = { .bus = 1, .devfn = 0x80 };
static const struct bdf pf = { .bus = 1 };
static const struct bdf nic = { .bus = 2 };

static void stop(void)
{
	if (!tree.root[0])
		return;
	tree_remove(&tree);
	host_close(&host);
}

static void open_tree(const char *more)
{
	tree_add(&tree, more);
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	drivers_attach(&drivers, &host);
}

/* The machine igb, with config space where it matters for the VF. */
static const struct function igb[] = {
	{ .path = "pci0000:00/0000:00:03.0",
	  .group = 1,
	  .is_bridge = true,
	  .type = PCI_EXP_TYPE_ROOT_PORT,
	  GOOD,
	  .forwards_ari = true },
	{ .path = "pci0000:00/0000:00:03.0/0000:01:00.0",
	  .group = 2,
	  .has_ari = true },
	{ .path = "pci0000:00/0000:00:03.0/0000:01:10.0",
	  .group = 3,
	  .has_ari = true,
	  .pf = "0000:01:00.0" },
	{ .path = NULL },
};

/* A remapping IOMMU, resets, and the VF on igbvf. */
static void make(void)
{
	stop();
	err = (struct err){ 0 };
	drivers = (struct drivers){ 0 };
	tree_make(&tree);
	tree_load(&tree, "igb");
	functions_add(&tree, igb);
	tree_add(&tree, "sys/kernel/irq/9/chip_name = IR-IO-APIC\n" VF
			"/reset_method = flr\n"
			"dev/vfio/vfio =\n"
			"sys/module/vfio_pci/parameters/nointxmask = Y\n"
			"sys/module/vfio_pci/parameters/disable_vga = N");
}

static void judge_with(struct bdf bdf, const struct verdict_options *o,
		       const char *more)
{
	make();
	open_tree(more);
	CHECK_EQ(verdict_of(&host, bdf, o, &verdict, &err), 0);
}

static void judge(struct bdf bdf, const char *more)
{
	static const struct verdict_options none = { .kind = IOMMU_CONTAINER };

	judge_with(bdf, &none, more);
}

/* A NIC at 02:00.0 below a root port, as fns have it. */
static void judge_nic(const struct function *fns, const char *more)
{
	static const struct verdict_options none = { .kind = IOMMU_CONTAINER };

	make();
	functions_add(&tree, fns);
	open_tree(more);
	CHECK_EQ(verdict_of(&host, nic, &none, &verdict, &err), 0);
}

/* The nth finding of that id, or one that is empty. */
static const struct finding *nth(const char *id, unsigned int n)
{
	static const struct finding none = { .id = "" };

	for (unsigned int i = 0; i < verdict.nr; i++)
		if (!strcmp(verdict.findings[i].id, id) && !n--)
			return &verdict.findings[i];
	return &none;
}

static const struct finding *find(const char *id)
{
	return nth(id, 0);
}

/* Does strait run's check of the group say the same? */
static bool group_check_says(const struct finding *f, struct bdf bdf)
{
	const struct iommu_to_bind self = { .bdfs = &bdf,
					    .nr = 1,
					    .kind = IOMMU_CONTAINER };
	struct err e = { 0 };

	return iommu_group_check_with(&host, bdf, &self, &e) &&
	       !strcmp(e.msg + strlen("0000:00:00.0: "), f->text) &&
	       !strcmp(e.hint, f->remedy);
}

static bool bind_check_says(const struct finding *f, struct bdf bdf)
{
	struct err e = { 0 };

	return host_bind_check(&host, bdf, &e) &&
	       !strcmp(e.msg + strlen("0000:00:00.0: "), f->text) &&
	       !strcmp(e.hint, f->remedy);
}

/* --- yes --- */

static void a_vf_on_its_host_driver_can_be_assigned(void)
{
	judge(vf, "");
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("iommu")->level, FINDING_OK);
	CHECK_EQ(find("group")->level, FINDING_OK);
	CHECK_HAS(find("group")->text, "alone in its IOMMU group 3");
	CHECK_EQ(find("acs")->level, FINDING_OK);
	CHECK_EQ(find("driver")->level, FINDING_NOTE);
	CHECK_HAS(find("driver")->text, "igbvf");
	CHECK_EQ(find("in-use")->level, FINDING_OK);
	CHECK_EQ(find("interrupt-remapping")->level, FINDING_OK);
	CHECK_EQ(find("reset")->level, FINDING_OK);
	CHECK_HAS(find("reset")->text, "(flr)");
	CHECK_EQ(find("permission")->level, FINDING_OK);
}

static void switched_on_parameters_of_vfio_pci_are_shown(void)
{
	judge(vf, "");
	CHECK_EQ(find("vfio-module")->level, FINDING_OK);
	CHECK_HAS(find("vfio-module")->text, "(nointxmask=Y)");
}

static void a_bound_function_can_be_assigned(void)
{
	judge(vf, VF "/driver -> ../../../../bus/pci/drivers/vfio-pci\n"
		     "dev/vfio/3 =");
	CHECK(verdict.is_assignable);
	CHECK_HAS(find("driver")->text, "bound to vfio-pci");
}

static void a_variant_of_vfio_pci_needs_no_vfio_pci(void)
{
	judge(vf, VF "/driver -> ../../../../bus/pci/drivers/mlx5_vfio_pci\n"
		     "- sys/bus/pci/drivers/vfio-pci\n"
		     "dev/vfio/3 =");
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("vfio-module")->level, FINDING_OK);
	CHECK_HAS(find("vfio-module")->text, "mlx5_vfio_pci is a VFIO driver");
}

static void an_unknown_function_is_an_error(void)
{
	static const struct verdict_options none = { 0 };

	make();
	open_tree("");
	CHECK_EQ(verdict_of(&host, (struct bdf){ .bus = 9 }, &none, &verdict,
			    &err),
		 -ENODEV);
	CHECK_HAS(err.msg, "0000:09:00.0: there is no such");
}

/* --- IOMMU and group --- */

static void an_iommu_that_is_off_is_a_blocker(void)
{
	judge(vf, "- sys/kernel/iommu_groups\n- " VF "/iommu_group\n"
		  "proc/cmdline = intel_iommu=off");
	CHECK(!verdict.is_assignable);
	CHECK_EQ(find("iommu")->level, FINDING_BLOCKER);
	CHECK_HAS(find("iommu")->text, "switched off by intel_iommu=off");
	CHECK(group_check_says(find("iommu"), vf));
	CHECK(!find("interrupt-remapping")->id[0]);
}

static void a_function_in_no_group_is_a_blocker(void)
{
	judge(vf, "- " VF "/iommu_group");
	CHECK(!verdict.is_assignable);
	CHECK_EQ(find("group")->level, FINDING_BLOCKER);
	CHECK(group_check_says(find("group"), vf));
}

static void a_neighbour_on_a_host_driver_is_a_blocker(void)
{
	judge(vf,
	      "sys/kernel/iommu_groups/3/devices/0000:01:10.2 -> ../../../../devices/pci0000:00/0000:00:03.0/0000:01:10.2");
	CHECK(!verdict.is_assignable);
	CHECK_HAS(find("group")->text, "not viable");
	CHECK(group_check_says(find("group"), vf));
}

static const struct bdf vf2 = { .bus = 1, .devfn = 0x82 };
#define SHARED_GROUP                                                           \
	"sys/kernel/iommu_groups/3/devices/0000:01:10.2 -> ../../../../devices/pci0000:00/0000:00:03.0/0000:01:10.2"

static void one_that_is_assigned_with_it_is_no_blocker(void)
{
	const struct bdf both[] = { vf, vf2 };
	const struct verdict_options o = { .together = both,
					   .nr_together = 2,
					   .kind = IOMMU_CONTAINER };

	judge_with(vf, &o, SHARED_GROUP);
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("group")->level, FINDING_OK);
	CHECK_HAS(find("group")->text, "assigned with it (1)");
}

static void another_that_is_not_is_one(void)
{
	const struct bdf both[] = { vf, pf };
	const struct verdict_options o = { .together = both,
					   .nr_together = 2,
					   .kind = IOMMU_CONTAINER };

	judge_with(vf, &o, SHARED_GROUP);
	CHECK(!verdict.is_assignable);
	CHECK_HAS(find("group")->text, "not viable");
}

/* --- why the group is as it is --- */

static const struct function no_acs[] = {
	{ .path = ROOT,
	  .group = 7,
	  .driver = "pcieport",
	  .is_bridge = true,
	  .type = PCI_EXP_TYPE_ROOT_PORT },
	{ .path = ROOT "/0000:02:00.0", .group = 7 },
	{ .path = NULL },
};

static void a_tolerated_bridge_in_the_group_is_no_blocker(void)
{
	judge_nic(no_acs, "");
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("group")->level, FINDING_OK);
	CHECK_HAS(find("group")->text, "1 other function,");
	CHECK_EQ(find("acs")->level, FINDING_NOTE);
	CHECK_HAS(find("acs")->text, "0000:00:04.0 (root port) has no ACS");
	CHECK_HAS(find("acs")->remedy, "below a port that has ACS");
}

static void acs_that_is_off_is_told_bit_by_bit(void)
{
	static const struct function f[] = {
		{ .path = ROOT,
		  .group = 7,
		  .driver = "pcieport",
		  .is_bridge = true,
		  .type = PCI_EXP_TYPE_ROOT_PORT,
		  .has_acs = true,
		  .acs_cap = 0x1f,
		  .acs_ctrl = PCI_ACS_SV | PCI_ACS_UF },
		{ .path = ROOT "/0000:02:00.0", .group = 7 },
		{ .path = NULL },
	};

	judge_nic(f, "");
	CHECK_EQ(find("acs")->level, FINDING_NOTE);
	CHECK_HAS(find("acs")->text,
		  "0000:00:04.0 (root port) has ACS with RR CR off");
	CHECK_HAS(find("acs")->remedy, "pci=config_acs=");
}

static void without_an_iommu_the_gap_is_still_told(void)
{
	judge_nic(no_acs, "- sys/kernel/iommu_groups\n"
			  "- sys/devices/" ROOT "/iommu_group\n"
			  "- sys/devices/" ROOT "/0000:02:00.0/iommu_group");
	CHECK_EQ(find("iommu")->level, FINDING_BLOCKER);
	CHECK_HAS(find("acs")->text, "would reach up to it");
}

static const struct function fake_isolation[] = {
	{ .path = ROOT,
	  .group = 6,
	  .driver = "pcieport",
	  .is_bridge = true,
	  .type = PCI_EXP_TYPE_ROOT_PORT },
	{ .path = ROOT "/0000:02:00.0", .group = 7 },
	{ .path = NULL },
};

static void an_acs_override_is_a_warning(void)
{
	judge_nic(fake_isolation,
		  "proc/cmdline = intel_iommu=on pcie_acs_override=downstream");
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("acs")->level, FINDING_WARNING);
	CHECK_HAS(find("acs")->text, "pcie_acs_override=downstream");
	CHECK_HAS(find("acs")->text, "0000:00:04.0 (root port)");
}

static void a_quirk_is_a_note(void)
{
	judge_nic(fake_isolation, "");
	CHECK_EQ(find("acs")->level, FINDING_NOTE);
	CHECK_HAS(find("acs")->text, "a quirk");
}

static void functions_of_one_slot_are_told(void)
{
	static const struct function f[] = {
		{ .path = ROOT,
		  .group = 6,
		  .is_bridge = true,
		  .type = PCI_EXP_TYPE_ROOT_PORT,
		  GOOD },
		{ .path = ROOT "/0000:02:00.0", .group = 7, .is_multi = true },
		{ .path = ROOT "/0000:02:00.1", .group = 7, .driver = "snd" },
		{ .path = NULL },
	};

	judge_nic(f, "");
	CHECK(!verdict.is_assignable);
	CHECK_HAS(find("group")->text, "0000:02:00.1 (snd)");
	CHECK_HAS(find("acs")->text, "it shares its slot");
	CHECK_HAS(find("acs")->remedy, "multifunction=keep");
}

static void a_conventional_bridge_is_told_once(void)
{
	static const struct function f[] = {
		{ .path = ROOT,
		  .group = 7,
		  .is_bridge = true,
		  .type = PCI_EXP_TYPE_PCI_BRIDGE },
		{ .path = ROOT "/0000:02:00.0", .group = 7, .type = -1 },
		{ .path = NULL },
	};

	judge_nic(f, "");
	CHECK_HAS(find("acs")->text,
		  "0000:00:04.0 (PCIe-to-PCI bridge) is a bridge to");
	CHECK(!nth("acs", 1)->id[0]);
}

static void acs_that_cannot_be_read_is_unknown(void)
{
	static const struct function f[] = {
		{ .path = ROOT,
		  .group = 6,
		  .is_bridge = true,
		  .type = PCI_EXP_TYPE_ROOT_PORT,
		  .cfg_len = 64 },
		{ .path = ROOT "/0000:02:00.0", .group = 7, .cfg_len = 64 },
		{ .path = NULL },
	};

	judge_nic(f, "");
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("acs")->level, FINDING_UNKNOWN);
	CHECK_HAS(find("acs")->remedy, "run as root");
}

/* --- interrupts --- */

static void missing_interrupt_remapping_is_a_blocker(void)
{
	judge(vf, "sys/kernel/irq/9/chip_name = IO-APIC");
	CHECK(!verdict.is_assignable);
	CHECK_EQ(find("interrupt-remapping")->level, FINDING_BLOCKER);
	CHECK_HAS(find("interrupt-remapping")->remedy,
		  "vfio_iommu_type1 option allow_unsafe_interrupts=1");
}

static void unsafe_interrupts_that_are_allowed_are_a_warning(void)
{
	judge(vf,
	      "sys/kernel/irq/9/chip_name = IO-APIC\n"
	      "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts = Y");
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("interrupt-remapping")->level, FINDING_WARNING);
}

static void interrupts_are_looked_up_in_proc_too(void)
{
	judge(vf,
	      "- sys/kernel/irq\n"
	      "proc/interrupts =   0:  44  DMAR-MSI  0-edge  dmar0\\n  9:  1  IR-IO-APIC  9-fasteoi  acpi");
	CHECK_EQ(find("interrupt-remapping")->level, FINDING_OK);
	judge(vf, "- sys/kernel/irq\n"
		  "proc/interrupts =   9:  1  IO-APIC  9-fasteoi  acpi");
	CHECK_EQ(find("interrupt-remapping")->level, FINDING_BLOCKER);
}

static void interrupts_that_do_not_tell_are_unknown(void)
{
	judge(vf, "- sys/kernel/irq");
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("interrupt-remapping")->level, FINDING_UNKNOWN);
}

/* --- memory --- */

#define RESERVED "sys/kernel/iommu_groups/3/reserved_regions = "
#define MSI	 "0x00000000fee00000 0x00000000feefffff msi"

static void judge_memory(uint64_t memory, const char *more)
{
	const struct verdict_options o = { .kind = IOMMU_CONTAINER,
					   .memory = memory };

	judge_with(vf, &o, more);
}

static void the_region_of_interrupts_is_not_in_the_way(void)
{
	judge_memory(GIB(8), RESERVED MSI);
	CHECK_EQ(find("reserved-regions")->level, FINDING_OK);
}

static void a_reserved_region_in_guest_ram_is_a_blocker(void)
{
	judge_memory(GIB(8), RESERVED MSI
		     "\\n0x0000000140000000 0x000000014fffffff reserved");
	CHECK(!verdict.is_assignable);
	CHECK_EQ(find("reserved-regions")->level, FINDING_BLOCKER);
	CHECK_HAS(
		find("reserved-regions")->text,
		"guest RAM 0x100000000-0x23fffffff: devices cannot reach 0x140000000-0x14fffffff");
	CHECK_HAS(find("reserved-regions")->remedy, "(reserved)");
}

/* A device may have regions of several kinds over each other. */
static void a_region_over_all_that_another_leaves_counts(void)
{
	judge_memory(GIB(8), RESERVED MSI
		     "\\n0x0000000140000000 0x000000014fffffff reserved"
		     "\\n0x0000000140000000 0xffffffffffffffff msi");
	CHECK_HAS(find("reserved-regions")->text,
		  "devices cannot reach 0x140000000-0x23fffffff");
}

static void a_smaller_guest_ends_below_it(void)
{
	judge_memory(GIB(3), RESERVED MSI
		     "\\n0x0000000140000000 0x000000014fffffff reserved");
	CHECK_EQ(find("reserved-regions")->level, FINDING_OK);
}

static void a_relaxable_region_is_left_to_the_guest(void)
{
	judge_memory(GIB(2), RESERVED
		     "0x0000000000100000 0x0000000000ffffff direct-relaxable");
	CHECK_EQ(find("reserved-regions")->level, FINDING_OK);
}

static void memory_that_firmware_claims_is_a_blocker(void)
{
	judge(vf, RESERVED "0x000000007b800000 0x000000007bffffff direct");
	CHECK(!verdict.is_assignable);
	CHECK_EQ(find("reserved-regions")->level, FINDING_BLOCKER);
	CHECK_HAS(find("reserved-regions")->remedy, "0x7b800000-0x7bffffff");
}

/* 39 bits: QEMU's default, and client CPUs. */
static void a_narrow_iommu_limits_memory(void)
{
	static const char cap[] =
		"sys/class/iommu/dmar0/intel-iommu/cap = 0x00d2008c260206\n" VF
		"/iommu -> ../../../../class/iommu/dmar0";

	judge_memory(GIB(8), cap);
	CHECK_EQ(find("reserved-regions")->level, FINDING_OK);
	judge_memory(GIB(600), cap);
	CHECK_EQ(find("reserved-regions")->level, FINDING_BLOCKER);
	CHECK_HAS(find("reserved-regions")->remedy, "up to 0x7fffffffff");
}

static void ram_lies_where_strait_puts_it(void)
{
	static const uint64_t sizes[] = { MIB(512), GIB(3), GIB(8), TIB(1),
					  TIB(2) };

	for (size_t i = 0; i < ARRAY_SIZE(sizes) * 2; i++) {
		struct iova_range ram[VERDICT_MAX_RAM];
		struct x86_ram_piece pieces[X86_MAX_RAM_PIECES];
		uint64_t size = sizes[i / 2];
		unsigned int nr = x86_place_ram(size, i % 2, pieces);

		CHECK_EQ(verdict_place_ram(size, i % 2, ram), nr);
		for (unsigned int n = 0; n < nr; n++) {
			CHECK_EQ(ram[n].first, pieces[n].gpa);
			CHECK_EQ(ram[n].last,
				 pieces[n].gpa + pieces[n].size - 1);
		}
	}
}

/* The limit of this process is lowered, and it has no CAP_IPC_LOCK. */
static void a_low_memlock_limit_is_a_blocker(void)
{
	struct rlimit was, low;
	struct err e = { 0 };

	CHECK_EQ(getrlimit(RLIMIT_MEMLOCK, &was), 0);
	low = (struct rlimit){ .rlim_cur = MIB(1), .rlim_max = was.rlim_max };
	CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &low), 0);
	judge_memory(GIB(1), "proc/self/status = CapEff:\t0000000000000000");
	iommu_check_memlock(&host, IOMMU_CONTAINER, GIB(1), &e);
	setrlimit(RLIMIT_MEMLOCK, &was);
	CHECK(!verdict.is_assignable);
	CHECK_EQ(find("memlock")->level, FINDING_BLOCKER);
	CHECK(!strcmp(find("memlock")->text, e.msg));
}

/* --- driver, use, files --- */

static void a_bridge_is_a_blocker(void)
{
	judge((struct bdf){ .devfn = 0x18 }, "");
	CHECK(!verdict.is_assignable);
	CHECK(!strstr(nth("driver", 0)->text, "gives it back"));
	CHECK_HAS(nth("driver", 1)->text, "it is a bridge");
	CHECK(bind_check_says(nth("driver", 1), (struct bdf){ .devfn = 0x18 }));
}

static void a_pf_with_vfs_is_a_blocker(void)
{
	judge(pf, "");
	CHECK(!verdict.is_assignable);
	CHECK_HAS(find("in-use")->text, "it has 2 VFs");
	CHECK(bind_check_says(find("in-use"), pf));
}

static void a_missing_vfio_pci_is_a_blocker(void)
{
	judge(vf, "- sys/bus/pci/drivers/vfio-pci");
	CHECK(!verdict.is_assignable);
	CHECK_EQ(find("vfio-module")->level, FINDING_BLOCKER);
	CHECK_HAS(find("vfio-module")->remedy, "modprobe vfio-pci");
	CHECK(bind_check_says(find("vfio-module"), vf));
}

static void an_interface_with_an_upper_one_is_a_blocker(void)
{
	judge(vf,
	      "sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0/net/eth1/upper_vlan7 -> ../vlan7");
	CHECK(!verdict.is_assignable);
	CHECK_HAS(find("in-use")->text, "eth1 carries vlan7");
	CHECK(bind_check_says(find("in-use"), vf));
}

#define ROUTE                                                                  \
	"proc/net/route = Iface\\tDestination\\tGateway\\neth1\\t00000000\\t0202000A\\t0003\\t0\\t0\\t0\\t00000000\\t0\\t0\\t0"

#define NONE "00000000000000000000000000000000"
#define ROUTE6(bits)                                                           \
	"proc/net/ipv6_route = " NONE " " bits " " NONE                        \
	" 00 fe800000000000000000000000000001"                                 \
	" 00000400 00000001 00000000 00000003 eth1"

static void the_default_route_is_a_warning(void)
{
	judge(vf, ROUTE);
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("in-use")->level, FINDING_WARNING);
	CHECK_HAS(find("in-use")->text, "default route");
	CHECK_HAS(find("in-use")->text, "eth1");
}

static void a_default_route_of_ipv6_is_one_too(void)
{
	judge(vf, ROUTE6("00"));
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("in-use")->level, FINDING_WARNING);
	CHECK_HAS(find("in-use")->text, "eth1");
	judge(vf, ROUTE6("40"));
	CHECK_EQ(find("in-use")->level, FINDING_OK);
}

static void another_function_s_route_does_not_matter(void)
{
	judge((struct bdf){ .devfn = 0xfb }, ROUTE);
	CHECK_EQ(find("in-use")->level, FINDING_OK);
}

static void the_boot_display_is_a_warning(void)
{
	judge(vf, VF "/boot_vga = 1");
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("boot-vga")->level, FINDING_WARNING);
}

static void a_vf_of_a_pf_in_user_space_wants_a_token(void)
{
	judge(vf,
	      "sys/bus/pci/devices/0000:01:00.0/driver -> ../../../../bus/pci/drivers/vfio-pci");
	CHECK(!verdict.is_assignable);
	CHECK_EQ(find("vf-token")->level, FINDING_BLOCKER);
	CHECK_HAS(find("vf-token")->remedy, "vf-token=UUID");
}

static void a_missing_container_is_a_blocker(void)
{
	judge(vf, "- dev/vfio/vfio");
	CHECK(!verdict.is_assignable);
	CHECK_EQ(find("permission")->level, FINDING_BLOCKER);
	CHECK_HAS(find("permission")->text, "/dev/vfio/vfio");
}

static void make_bound(int open_code)
{
	static const struct verdict_options none = { .kind = IOMMU_CONTAINER };

	make();
	drivers.open_path = "dev/vfio/3";
	drivers.open_code = open_code;
	open_tree(VF "/driver -> ../../../../bus/pci/drivers/vfio-pci\n"
		     "dev/vfio/3 =\n"
		     "proc/4711/comm = qemu\n"
		     "proc/4711/fd/9 -> /dev/vfio/3");
	CHECK_EQ(verdict_of(&host, vf, &none, &verdict, &err), 0);
}

static void a_group_that_is_held_names_the_holder(void)
{
	make_bound(EBUSY);
	CHECK(!verdict.is_assignable);
	CHECK_EQ(find("holder")->level, FINDING_BLOCKER);
	CHECK_HAS(find("holder")->text, "process 4711 (qemu)");
	CHECK(group_check_says(find("holder"), vf));
}

static void a_node_that_may_not_be_opened_is_a_blocker(void)
{
	make_bound(EACCES);
	CHECK(!verdict.is_assignable);
	CHECK_EQ(find("permission")->level, FINDING_BLOCKER);
	CHECK(group_check_says(find("permission"), vf));
}

static void sysfs_that_may_not_be_written_is_a_blocker(void)
{
	static const struct verdict_options none = { .kind = IOMMU_CONTAINER };

	make();
	drivers.open_path = VF "/driver_override";
	drivers.open_code = EACCES;
	open_tree("");
	/* The fake refuses reading it too, which is another finding. */
	CHECK_EQ(verdict_of(&host, vf, &none, &verdict, &err), 0);
	CHECK(!verdict.is_assignable);
	CHECK_EQ(find("permission")->level, FINDING_BLOCKER);
	CHECK_HAS(find("permission")->text, "write to /" VF "/driver_override");
	CHECK_HAS(find("permission")->remedy, "run as root");
}

/* --- resets --- */

static const struct function with_sound[] = {
	{ .path = ROOT,
	  .group = 6,
	  .is_bridge = true,
	  .type = PCI_EXP_TYPE_ROOT_PORT,
	  GOOD },
	{ .path = ROOT "/0000:02:00.0", .group = 7 },
	{ .path = ROOT "/0000:02:01.0", .group = 8, .driver = "snd" },
	{ .path = NULL },
};

static void without_a_reset_of_its_own_neighbours_are_named(void)
{
	judge_nic(with_sound, "");
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("reset")->level, FINDING_WARNING);
	CHECK_EQ(find("bus-reset")->level, FINDING_WARNING);
	CHECK_HAS(find("bus-reset")->text,
		  "below 0000:00:04.0 would also hit 0000:02:01.0 (snd)");
}

static void neighbours_that_are_assigned_with_it_may_be_reset(void)
{
	static const struct bdf both[] = { { .bus = 2 },
					   { .bus = 2, .devfn = 8 } };
	static const struct verdict_options o = { .together = both,
						  .nr_together = 2,
						  .kind = IOMMU_CONTAINER };

	make();
	functions_add(&tree, with_sound);
	open_tree("");
	CHECK_EQ(verdict_of(&host, nic, &o, &verdict, &err), 0);
	CHECK_EQ(find("bus-reset")->level, FINDING_OK);
	CHECK_HAS(find("bus-reset")->text, "assigned with it");
}

static void a_bus_without_neighbours_can_be_reset(void)
{
	judge_nic(no_acs, "");
	CHECK_EQ(find("reset")->level, FINDING_WARNING);
	CHECK_EQ(find("bus-reset")->level, FINDING_OK);
}

/* --- records --- */

static void a_record_says_what_it_does_not_know(void)
{
	static const struct verdict_options o = { .memory = GIB(4) };

	make();
	tree_add(&tree, "- dev\n- proc/self/fd");
	CHECK_EQ(host_open_record(&host, tree.root, &err), 0);
	CHECK_EQ(verdict_of(&host, vf, &o, &verdict, &err), 0);
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("permission")->level, FINDING_UNKNOWN);
	CHECK_EQ(find("memlock")->level, FINDING_UNKNOWN);
	CHECK_EQ(find("group")->level, FINDING_OK);
	CHECK_EQ(find("acs")->level, FINDING_OK);
}

/* eth1 is up. */
#define HAS_ADDR "sys/class/net/eth1/" HOST_RECORD_ADDR

static void judge_record(const char *more)
{
	static const struct verdict_options none = { 0 };

	make();
	tree_add(&tree, more);
	CHECK_EQ(host_open_record(&host, tree.root, &err), 0);
	CHECK_EQ(verdict_of(&host, vf, &none, &verdict, &err), 0);
}

static void an_address_that_a_record_notes_is_a_blocker(void)
{
	judge_record(HAS_ADDR " = yes");
	CHECK(!verdict.is_assignable);
	CHECK_EQ(find("in-use")->level, FINDING_BLOCKER);
}

static void one_that_it_does_not_note_is_unknown(void)
{
	judge_record("");
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("in-use")->level, FINDING_UNKNOWN);
	CHECK_HAS(find("in-use")->text, "eth1");
}

static void there_the_default_route_stands_for_it(void)
{
	judge_record(ROUTE);
	CHECK(!verdict.is_assignable);
	CHECK_EQ(nth("in-use", 1)->level, FINDING_BLOCKER);
}

static void without_an_address_it_is_a_warning_as_elsewhere(void)
{
	judge_record(HAS_ADDR " = no\n" ROUTE);
	CHECK(verdict.is_assignable);
	CHECK_EQ(find("in-use")->level, FINDING_WARNING);
}

static void levels_have_names(void)
{
	CHECK(!strcmp(finding_level_name(FINDING_OK), "ok"));
	CHECK(!strcmp(finding_level_name(FINDING_BLOCKER), "blocker"));
	CHECK(!strcmp(finding_level_name(FINDING_UNKNOWN), "unknown"));
}

int main(void)
{
	TAP_RUN(a_vf_on_its_host_driver_can_be_assigned);
	TAP_RUN(switched_on_parameters_of_vfio_pci_are_shown);
	TAP_RUN(a_bound_function_can_be_assigned);
	TAP_RUN(a_variant_of_vfio_pci_needs_no_vfio_pci);
	TAP_RUN(an_unknown_function_is_an_error);
	TAP_RUN(an_iommu_that_is_off_is_a_blocker);
	TAP_RUN(a_function_in_no_group_is_a_blocker);
	TAP_RUN(a_neighbour_on_a_host_driver_is_a_blocker);
	TAP_RUN(one_that_is_assigned_with_it_is_no_blocker);
	TAP_RUN(another_that_is_not_is_one);
	TAP_RUN(a_tolerated_bridge_in_the_group_is_no_blocker);
	TAP_RUN(acs_that_is_off_is_told_bit_by_bit);
	TAP_RUN(without_an_iommu_the_gap_is_still_told);
	TAP_RUN(an_acs_override_is_a_warning);
	TAP_RUN(a_quirk_is_a_note);
	TAP_RUN(functions_of_one_slot_are_told);
	TAP_RUN(a_conventional_bridge_is_told_once);
	TAP_RUN(acs_that_cannot_be_read_is_unknown);
	TAP_RUN(missing_interrupt_remapping_is_a_blocker);
	TAP_RUN(unsafe_interrupts_that_are_allowed_are_a_warning);
	TAP_RUN(interrupts_are_looked_up_in_proc_too);
	TAP_RUN(interrupts_that_do_not_tell_are_unknown);
	TAP_RUN(the_region_of_interrupts_is_not_in_the_way);
	TAP_RUN(a_reserved_region_in_guest_ram_is_a_blocker);
	TAP_RUN(a_region_over_all_that_another_leaves_counts);
	TAP_RUN(a_smaller_guest_ends_below_it);
	TAP_RUN(a_relaxable_region_is_left_to_the_guest);
	TAP_RUN(memory_that_firmware_claims_is_a_blocker);
	TAP_RUN(a_narrow_iommu_limits_memory);
	TAP_RUN(ram_lies_where_strait_puts_it);
	TAP_RUN(a_low_memlock_limit_is_a_blocker);
	TAP_RUN(a_bridge_is_a_blocker);
	TAP_RUN(a_pf_with_vfs_is_a_blocker);
	TAP_RUN(a_missing_vfio_pci_is_a_blocker);
	TAP_RUN(an_interface_with_an_upper_one_is_a_blocker);
	TAP_RUN(the_default_route_is_a_warning);
	TAP_RUN(a_default_route_of_ipv6_is_one_too);
	TAP_RUN(another_function_s_route_does_not_matter);
	TAP_RUN(the_boot_display_is_a_warning);
	TAP_RUN(a_vf_of_a_pf_in_user_space_wants_a_token);
	TAP_RUN(a_missing_container_is_a_blocker);
	TAP_RUN(a_group_that_is_held_names_the_holder);
	TAP_RUN(a_node_that_may_not_be_opened_is_a_blocker);
	TAP_RUN(sysfs_that_may_not_be_written_is_a_blocker);
	TAP_RUN(without_a_reset_of_its_own_neighbours_are_named);
	TAP_RUN(neighbours_that_are_assigned_with_it_may_be_reset);
	TAP_RUN(a_bus_without_neighbours_can_be_reset);
	TAP_RUN(a_record_says_what_it_does_not_know);
	TAP_RUN(an_address_that_a_record_notes_is_a_blocker);
	TAP_RUN(one_that_it_does_not_note_is_unknown);
	TAP_RUN(there_the_default_route_stands_for_it);
	TAP_RUN(without_an_address_it_is_a_warning_as_elsewhere);
	TAP_RUN(levels_have_names);
	stop();
	return tap_done();
}

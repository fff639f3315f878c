// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzz: a guest that does anything to an assigned function. */
/*
 * How this works
 *
 * The input's first byte chooses one of the recorded devices and how it is
 * shown; 12-byte records {what, length, offset, value} follow: accesses to
 * config space, to BARs where they are, to MSI-X, BARs moved onto RAM, ECAM,
 * another device and the ends of address space, resets, interrupts, removal.
 * The fake device is as strict as vfio-pci. After each record:
 *
 *	RAM and ECAM answer as before: nothing was mapped over them;
 *	the device decodes memory whenever a BAR is mapped;
 *	nothing was written that outlasts the guest (VPD).
 *
 * and at the end nothing is left in guest memory or on the buses.
 */
#include "tests/unit/vfio_fixture.h"

enum { RECORD = 12, MAX_RECORDS = 200, MAGIC = 0x5e };

#define RAM_GPA	  MIB(1)
#define OTHER_GPA 0xd0000000ull
#define ECAM_GPA  0xe8000000ull

static struct vm vm;
static uint8_t page[4096] __attribute__((aligned(4096)));
static struct mem_region ram, other;
static bool is_gone;

static uint64_t ecam_read(void *dev, uint64_t offset, unsigned int len)
{
	(void)dev;
	(void)offset;
	(void)len;
	return MAGIC;
}

static void ecam_write(void *dev, uint64_t offset, unsigned int len,
		       uint64_t value)
{
	(void)dev;
	(void)offset;
	(void)len;
	(void)value;
}

static const struct bus_ops ecam_ops = { .read = ecam_read,
					 .write = ecam_write };
static struct bus_range ecam = {
	.base = ECAM_GPA, .len = MIB(1), .ops = &ecam_ops, .name = "ECAM"
};

/* --- the world --- */

static void add_page(struct mem_region *r, gpa_t gpa, enum mem_kind kind)
{
	*r = (struct mem_region){ .gpa = gpa,
				  .size = sizeof(page),
				  .hva = page,
				  .kind = kind,
				  .fd = -1,
				  .name = "page" };
	BUG_ON(mem_add(&vm.mem, r, &vm.err));
}

static void add_bars(uint8_t choice)
{
	if (choice & 64) {
		fake_vfio_bar(&vm.fake, 0, KIB(128), true);
		fake_vfio_bar(&vm.fake, 3, KIB(16), true);
		return;
	}
	if (choice & 1) {
		fake_vfio_bar(&vm.fake, 0, KIB(32), true);
		return;
	}
	fake_vfio_bar(&vm.fake, 0, choice & 2 ? 256 : KIB(16), true);
	fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	put_le(vm.fake.cfg + PCI_BASE_ADDRESS_2, 0xc001, 4);
	fake_vfio_bar(&vm.fake, 2, 32, false);
}

static const char *dump_of(uint8_t choice)
{
	if (choice & 64)
		return fake_e1000e_dump;
	return choice & 1 ? fake_nvme_dump : fake_igbvf_dump;
}

static bool start(uint8_t choice)
{
	vm_start(&vm, dump_of(choice));
	vm.intx_gsi = choice & 64 ? INTX_GSI : 0;
	vm.fake.can_grow = choice & 128;
	add_bars(choice);
	if (choice & 4)
		fake_vfio_bar(&vm.fake, VFIO_PCI_ROM_REGION_INDEX, KIB(4),
			      false);
	if (choice & 8) { /* a BAR that shows config space */
		put_le(vm.fake.cfg, 0x220410de, 4);
		put_le(vm.fake.cfg + PCI_CLASS_REVISION, 0x03000000, 4);
		fake_vfio_fini(&vm.fake);
		fake_vfio_bar(&vm.fake, 0, MIB(1), true);
		fake_vfio_bar(&vm.fake, 3, KIB(16), true);
	}
	vm.options.behind_port = choice & 16;
	vm.fake.can_dmabuf = vm.options.export_dmabuf = choice & 32;
	is_gone = false;
	add_page(&ram, RAM_GPA, MEM_RAM);
	add_page(&other, OTHER_GPA, MEM_DEVICE);
	BUG_ON(bus_add(&vm.mmio, &ecam, &vm.err));
	if (!vm_assign(&vm))
		return true;
	BUG_ON(!vm.err.msg[0]);
	vfio_dev_close(&vm.fake.dev);
	return false;
}

static void end(void)
{
	vfio_pci_free(vm.v);
	vm.v = NULL;
	mem_del(&vm.mem, &ram);
	mem_del(&vm.mem, &other);
	bus_del(&vm.mmio, &ecam);
	BUG_ON(vm.slots.nr || vm.mmio.nr || vm.pio.nr || vm.fake.nr_maps);
	vm_stop(&vm);
}

static void check_slots(void)
{
	for (unsigned int i = 0; i < vm.slots.nr; i++)
		for (unsigned int k = 0; k < i; k++)
			BUG_ON(vm.slots.at[i].gpa <
				       vm.slots.at[k].gpa +
					       vm.slots.at[k].size &&
			       vm.slots.at[k].gpa <
				       vm.slots.at[i].gpa +
					       vm.slots.at[i].size);
}

static void check(void)
{
	unsigned int pm = pci_cap_find(vm.fake.cfg, 256, PCI_CAP_ID_PM);
	bool asleep = pm && vm.fake.cfg[pm + PCI_PM_CTRL] & 3;
	bool trapped;

	check_slots();
	BUG_ON(mem_ptr(&vm.mem, RAM_GPA, sizeof(page)) != page);
	BUG_ON(vm_read(&vm, ECAM_GPA, &trapped) != MAGIC || !trapped);
	BUG_ON(!(vm.fake.cfg[PCI_COMMAND] & PCI_COMMAND_MEMORY));
	/* RAM, the other device's page and ECAM are always there. */
	BUG_ON((asleep || is_gone) && (vm.slots.nr != 2 || vm.mmio.nr != 1));
	BUG_ON(vm.fake.nr_vpd_writes);
}

/* --- what the guest does --- */

static void move_bar(unsigned int n, uint64_t value)
{
	static const uint64_t places[] = {
		RAM_GPA,	   OTHER_GPA,	    ECAM_GPA,
		ECAM_GPA - KIB(8), BAR_GPA,	    BAR_GPA + KIB(16),
		BAR_GPA + 0x100,   0xfee00000,	    0xfffff000,
		0xffffc000,	   0x100000000,	    0xffffffffffffc000,
		0xfffffffff0000,   0x8000000000000, 0,
	};
	uint64_t to = places[value % ARRAY_SIZE(places)];
	unsigned int reg =
		n == 6 ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * n;

	pci_dev_write(vm.dev, reg, 4, (uint32_t)to | (n == 6));
	if (n < 5)
		pci_dev_write(vm.dev, reg + 4, 4, (uint32_t)(to >> 32));
	pci_dev_write(vm.dev, PCI_COMMAND, 2, (uint32_t)(value >> 8) & 7);
}

static void access_bar(unsigned int n, uint64_t off, unsigned int len,
		       uint64_t value, bool is_write)
{
	const struct pci_bar *bar = &vm.dev->bars[n];
	struct bus *bus = bar->type == PCI_BAR_IO ? &vm.pio : &vm.mmio;
	uint64_t ignored;

	if (!bar->size)
		return;
	off = bar->addr + off % (bar->size + 16);
	if (is_write)
		bus_write(bus, off, len, value);
	else
		bus_read(bus, off, len, &ignored);
}

static void event(uint8_t what, uint64_t value)
{
	if (what < 24)
		fake_vfio_raise(&vm.fake, (unsigned int)value & 0xff);
	else if (what < 28)
		pci_dev_reset(vm.dev);
	else if (what < 29)
		vm.fake.keeps_awake = value & 1;
	else if (what < 30)
		fake_vfio_pin(&vm.fake, value & 1);
	else if (what == 30)
		vm.fake.fail_nth = vm.fake.nr_calls + (value & 15);
	else if (!is_gone && value == 0x6f6762796521) {
		vfio_pci_detach(vm.v);
		is_gone = true;
	}
}

static void step(const uint8_t *r)
{
	unsigned int len = 1u << (r[1] & 3), n = (r[1] >> 2) % 7;
	uint64_t off = get_le(r + 2, 2), value = get_le(r + 4, 8);

	switch (r[0] & 7) {
	case 0:
	case 1:
		/* Half of all into the first 256 bytes. */
		off &= r[0] & 8 ? 0xff : 0xfff;
		pci_dev_write(vm.dev, (unsigned int)off, len & 7,
			      (uint32_t)value);
		break;
	case 2:
		pci_dev_read(vm.dev, (unsigned int)off & 0xfff, len);
		break;
	case 3:
		move_bar(n, value);
		break;
	case 4:
	case 5:
		access_bar(n, off | (value >> 48) << 16, len, value, true);
		break;
	case 6:
		access_bar(n, off | (value >> 48) << 16, len, 0, false);
		break;
	default:
		event(r[0] >> 3, value);
	}
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	log_set_level(LOG_ERROR);
	if (start(data[0]))
		for (size_t i = 1;
		     i + RECORD <= size && i < (size_t)RECORD * MAX_RECORDS;
		     i += RECORD)
			step(data + i);
	end();
	return 0;
}

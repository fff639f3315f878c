/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM as far as an assigned function sees it, for the vfio tests. */
#ifndef STRAIT_TESTS_UNIT_VFIO_FIXTURE_H
#define STRAIT_TESTS_UNIT_VFIO_FIXTURE_H

#include <errno.h>

#include "tests/fake/irq.h"
#include "tests/fake/vfio.h"
#include "tests/tap.h"

#define BAR_GPA 0xe0000000ull

enum { INTX_GSI = 17 };

/* Hears of device regions as KVM would. */
struct slots {
	struct mem_listener listener;
	struct {
		gpa_t gpa;
		uint64_t size;
		uint8_t *hva;
		int fd;
	} at[16];
	unsigned int nr;
	unsigned int fail_nth; /* of add; 0: none */
};

struct vm {
	struct fake_vfio fake;
	struct fake_irq sink;
	struct slots slots;
	struct mem mem;
	struct bus mmio, pio;
	struct irq irq;
	uint32_t intx_gsi; /* 0: no pin for what is assigned */
	struct loop *loop; /* for those that need one */
	struct vfio_pci *v;
	struct pci_dev *dev;
	struct vfio_pci_options options;
	struct err err;
};

static int slot_add(struct mem_listener *l, const struct mem_region *r,
		    struct err *e)
{
	struct slots *s = CONTAINER_OF(l, struct slots, listener);

	if (s->fail_nth && !--s->fail_nth)
		return err_set(e, ENOSPC, "no slot left");
	BUG_ON(s->nr == ARRAY_SIZE(s->at));
	s->at[s->nr].gpa = r->gpa;
	s->at[s->nr].size = r->size;
	s->at[s->nr].fd = r->fd;
	s->at[s->nr++].hva = r->hva;
	return 0;
}

static void slot_del(struct mem_listener *l, const struct mem_region *r)
{
	struct slots *s = CONTAINER_OF(l, struct slots, listener);

	for (unsigned int i = 0; i < s->nr; i++)
		if (s->at[i].gpa == r->gpa) {
			s->at[i] = s->at[--s->nr];
			return;
		}
	BUG_ON(true);
}

static const struct mem_listener_ops slot_ops = {
	.add = slot_add,
	.del = slot_del,
};

/* A VM with nothing assigned yet; add BARs to vm->fake, then vm_assign. */
__attribute__((unused)) static void vm_start(struct vm *vm, const char *dump)
{
	memset(vm, 0, sizeof(*vm));
	fake_vfio_init(&vm->fake, dump);
	mem_init(&vm->mem);
	vm->slots.listener.ops = &slot_ops;
	CHECK_EQ(mem_listener_add(&vm->mem, &vm->slots.listener, &vm->err), 0);
	CHECK_EQ(bus_init(&vm->mmio, "mmio"), 0);
	CHECK_EQ(bus_init(&vm->pio, "pio"), 0);
	CHECK_EQ(irq_init(&vm->irq, &fake_irq_sink, &vm->sink, &vm->err), 0);
}

__attribute__((unused)) static int vm_assign(struct vm *vm)
{
	struct vfio_env env = { &vm->mem, &vm->mmio,	&vm->pio,
				&vm->irq, vm->intx_gsi, vm->loop };
	int ret = vfio_pci_new(&vm->fake.dev, &env, &vm->options, &vm->v,
			       &vm->err);

	vm->dev = ret ? NULL : vfio_pci_dev(vm->v);
	return ret;
}

__attribute__((unused)) static void vm_stop(struct vm *vm)
{
	vfio_pci_free(vm->v);
	irq_fini(&vm->irq);
	bus_fini(&vm->mmio);
	bus_fini(&vm->pio);
	mem_listener_del(&vm->mem, &vm->slots.listener);
	mem_fini(&vm->mem);
	fake_vfio_fini(&vm->fake);
}

/* The VF of a NIC: BAR 0 registers, BAR 3 MSI-X, 16 KiB each, 64 bits. */
__attribute__((unused)) static void vm_igbvf(struct vm *vm)
{
	vm_start(vm, fake_igbvf_dump);
	fake_vfio_bar(&vm->fake, 0, KIB(16), true);
	fake_vfio_bar(&vm->fake, 3, KIB(16), true);
	CHECK_EQ(vm_assign(vm), 0);
}

/* An NVMe controller: all in BAR 0, 32 KiB, table 0x5200, PBA 0x3000. */
__attribute__((unused)) static void vm_nvme(struct vm *vm)
{
	vm_start(vm, fake_nvme_dump);
	fake_vfio_bar(&vm->fake, 0, KIB(32), true);
	CHECK_EQ(vm_assign(vm), 0);
}

/* A NIC with a pin, MSI and MSI-X (BAR 3: table 0, PBA 0x2000), memory BARs
 * only. */
__attribute__((unused)) static void vm_e1000e(struct vm *vm)
{
	vm_start(vm, fake_e1000e_dump);
	vm->intx_gsi = INTX_GSI;
	fake_vfio_bar(&vm->fake, 0, KIB(128), true);
	fake_vfio_bar(&vm->fake, 3, KIB(16), true);
	CHECK_EQ(vm_assign(vm), 0);
}

__attribute__((unused)) static void vm_decode(struct vm *vm, uint16_t command)
{
	pci_dev_write(vm->dev, PCI_COMMAND, 2, command);
}

/* Gives a memory BAR an address; decode is off meanwhile. */
__attribute__((unused)) static void vm_place(struct vm *vm, unsigned int n,
					     uint64_t gpa)
{
	vm_decode(vm, 0);
	pci_dev_write(vm->dev, PCI_BASE_ADDRESS_0 + 4 * n, 4, (uint32_t)gpa);
	vm_decode(vm, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
}

/* The guest's read of gpa through a memory slot or the bus; trapped says which.
 */
__attribute__((unused)) static uint32_t vm_read(struct vm *vm, gpa_t gpa,
						bool *trapped)
{
	uint64_t value = 0;
	uint32_t word;

	*trapped = false;
	for (unsigned int i = 0; i < vm->slots.nr; i++) {
		if (gpa < vm->slots.at[i].gpa ||
		    gpa - vm->slots.at[i].gpa >= vm->slots.at[i].size)
			continue;
		memcpy(&word, vm->slots.at[i].hva + (gpa - vm->slots.at[i].gpa),
		       sizeof(word));
		return word;
	}
	*trapped = bus_read(&vm->mmio, gpa, 4, &value);
	return (uint32_t)value;
}

/* How many pages of [gpa, gpa + size) come to user space. */
__attribute__((unused)) static unsigned int
vm_trapped_pages(struct vm *vm, gpa_t gpa, uint64_t size)
{
	unsigned int nr = 0;
	bool trapped;

	for (uint64_t off = 0; off < size; off += 4096) {
		vm_read(vm, gpa + off, &trapped);
		nr += trapped;
	}
	return nr;
}

#endif

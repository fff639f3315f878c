// SPDX-License-Identifier: GPL-2.0-or-later
/* Addresses for all BARs before the guest starts, as firmware would do it. */
/*
 * How this works
 *
 * All BARs go into one list, sorted by size. Each window then takes those that
 * are meant for it, largest first, at the lowest hole that is aligned to the
 * size: for powers of two no other order packs better. What does not fit into
 * the 64-bit window joins the 32-bit one before that is filled. Only when all
 * have a place are registers written, so that a failure changes nothing.
 *
 * A memory BAR below 4 KiB gets a page to itself. It becomes a memslot or a
 * trapped page, and neither can be half of one; a neighbour's register there
 * would also be a hole in the isolation of an assigned function.
 */
#include <errno.h>
#include <stdlib.h>

#include "pci/priv.h"

enum window_kind { WIN_IO, WIN_MEM32, WIN_MEM64, NR_WINDOWS };

struct placement {
	struct pci_dev *dev;
	unsigned int bar;
	enum window_kind window;
	uint64_t size; /* with what is kept free behind it */
	uint64_t addr; /* 0: none yet */
};

struct plan {
	struct pci_window windows[NR_WINDOWS];
	struct placement *list;
	unsigned int nr;
};

static const char *const window_names[NR_WINDOWS] = {
	[WIN_IO] = "I/O",
	[WIN_MEM32] = "32-bit memory",
	[WIN_MEM64] = "64-bit memory",
};

static enum window_kind window_of(enum pci_bar_type type)
{
	if (type == PCI_BAR_IO)
		return WIN_IO;
	return type == PCI_BAR_MEM64 ? WIN_MEM64 : WIN_MEM32;
}

static void add_bars(struct plan *plan, struct pci_dev *dev)
{
	for (unsigned int n = 0; n < PCI_NR_REGIONS; n++) {
		const struct pci_bar *bar = &dev->bars[n];
		uint64_t size = bar->size;

		if (bar->type == PCI_BAR_NONE)
			continue;
		if (bar->type != PCI_BAR_IO && size < KIB(4))
			size = KIB(4);
		plan->list[plan->nr++] =
			(struct placement){ .dev = dev,
					    .bar = n,
					    .window = window_of(bar->type),
					    .size = size };
	}
}

/* Largest first; equal ones by address and BAR, to be the same every time. */
static int compare(const void *pa, const void *pb)
{
	const struct placement *a = pa, *b = pb;

	if (a->size != b->size)
		return a->size < b->size ? 1 : -1;
	if (a->dev->devfn != b->dev->devfn)
		return a->dev->devfn < b->dev->devfn ? -1 : 1;
	return a->bar < b->bar ? -1 : 1;
}

/* A placed one that overlaps [addr, addr + size), or NULL. */
static const struct placement *find_overlap(const struct plan *plan,
					    enum window_kind window,
					    uint64_t addr, uint64_t size)
{
	for (unsigned int i = 0; i < plan->nr; i++) {
		const struct placement *p = &plan->list[i];

		if (p->addr && p->window == window &&
		    addr < p->addr + p->size && p->addr < addr + size)
			return p;
	}
	return NULL;
}

/* Lowest aligned hole in the window. No sum wraps: windows end below 2^52 and
 * no BAR is larger than 2^51. */
static bool find_hole(const struct plan *plan, struct placement *p)
{
	struct pci_window w = plan->windows[p->window];
	const struct pci_bar *bar = &p->dev->bars[p->bar];
	uint64_t addr = align_up(w.base, p->size);
	const struct placement *other;

	while (addr - w.base <= w.size && p->size <= w.size - (addr - w.base)) {
		other = find_overlap(plan, p->window, addr, p->size);
		if (!other && pci_bar_addr_ok(bar->type, addr, bar->size)) {
			p->addr = addr;
			return true;
		}
		addr = other ? align_up(other->addr + other->size, p->size)
			     : addr + p->size;
	}
	return false;
}

static const char *size_str(uint64_t size, char *buf, size_t len)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB",
					     "TiB" };
	unsigned int unit = 0;

	while (unit + 1 < ARRAY_SIZE(units) && size >= 1024 &&
	       size % 1024 == 0) {
		size /= 1024;
		unit++;
	}
	snprintf(buf, len, "%llu %s", (unsigned long long)size, units[unit]);
	return buf;
}

static int no_room(const struct plan *plan, const struct placement *p,
		   struct err *e)
{
	struct pci_window w = plan->windows[p->window];
	char size[32], total[32];

	size_str(p->dev->bars[p->bar].size, size, sizeof(size));
	size_str(w.size, total, sizeof(total));
	err_set(e, ENOSPC,
		"%s: %s of %s does not fit into the guest's %s window of %s at 0x%llx with what else is there",
		p->dev->name, pci_bar_name(p->bar), size,
		window_names[p->window], total, (unsigned long long)w.base);
	err_hint(e, "give the guest fewer devices, or move %s to another guest",
		 p->dev->name);
	return -ENOSPC;
}

static void place_mem64(struct plan *plan)
{
	for (unsigned int i = 0; i < plan->nr; i++) {
		struct placement *p = &plan->list[i];

		if (p->window == WIN_MEM64 && !find_hole(plan, p))
			p->window = WIN_MEM32;
	}
}

static int place_window(struct plan *plan, enum window_kind window,
			struct err *e)
{
	for (unsigned int i = 0; i < plan->nr; i++) {
		struct placement *p = &plan->list[i];

		if (p->window == window && !find_hole(plan, p))
			return no_room(plan, p, e);
	}
	return 0;
}

static int plan_all(struct plan *plan, struct err *e)
{
	int ret;

	place_mem64(plan);
	ret = place_window(plan, WIN_MEM32, e);
	return ret ? ret : place_window(plan, WIN_IO, e);
}

static void decode_off(struct pci_dev *dev)
{
	uint32_t on = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	pci_cfg_put(dev, PCI_COMMAND, 2,
		    pci_cfg_get(dev, PCI_COMMAND, 2) & ~on);
	pci_bars_unmap_stale(dev);
	if (dev->bars[PCI_BAR_ROM].type != PCI_BAR_NONE)
		pci_cfg_put(dev, PCI_ROM_ADDRESS, 4, 0);
}

static void apply(struct pci_host *h, const struct plan *plan)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(h->devs); i++)
		if (h->devs[i])
			decode_off(h->devs[i]);
	for (unsigned int i = 0; i < plan->nr; i++)
		pci_bar_put(plan->list[i].dev, plan->list[i].bar,
			    plan->list[i].addr);
	for (unsigned int i = 0; i < ARRAY_SIZE(h->devs); i++)
		if (h->devs[i])
			pci_dev_set_power_on(h->devs[i]);
}

int pci_host_place_bars(struct pci_host *h, struct err *e)
{
	struct plan plan = { .windows = { [WIN_IO] = h->layout.io,
					  [WIN_MEM32] = h->layout.mem32,
					  [WIN_MEM64] = h->layout.mem64 } };
	int ret;

	plan.list = calloc(ARRAY_SIZE(h->devs) * PCI_NR_REGIONS,
			   sizeof(*plan.list));
	if (!plan.list)
		return err_set(e, ENOMEM,
			       "host bridge: no memory to place BARs");
	for (unsigned int i = 0; i < ARRAY_SIZE(h->devs); i++)
		if (h->devs[i])
			add_bars(&plan, h->devs[i]);
	qsort(plan.list, plan.nr, sizeof(*plan.list), compare);
	ret = plan_all(&plan, e);
	if (!ret)
		apply(h, &plan);
	free(plan.list);
	return ret;
}

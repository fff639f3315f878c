// SPDX-License-Identifier: GPL-2.0-or-later
/* Addresses for all BARs before the guest starts, as firmware would do it. */
/*
 * How this works
 *
 * Everything that wants addresses becomes a piece: a BAR, or a window of a root
 * port, which holds the BARs behind it. First the BARs behind each port are put
 * into its windows, largest first, which for powers of two leaves no gaps; that
 * gives the windows' sizes. Then BARs and windows on bus 0 are sorted, those of
 * the largest alignment first, and each takes the lowest hole of the board's
 * window that it is meant for: for powers of two no other order packs better.
 * What does not fit into the 64-bit window joins the 32-bit one before that is
 * filled. Only when all have a place are registers written, so that a failure
 * changes nothing.
 *
 * Devices may reach each other's BARs in a part of the 64-bit window only. That
 * is a wish: if not all fit into that part, the rest is used as well.
 *
 * A memory BAR below 4 KiB gets a page to itself. It becomes a memslot or a
 * trapped page, and neither can be half of one; a neighbour's register there
 * would also be a hole in the isolation of an assigned function.
 *
 * Of a bridge's windows only the prefetchable one goes above 4 GiB (PCIe 6.0
 * 7.5.1.3.9), so behind a port a 64-bit BAR that is not prefetchable lies
 * below. Each port keeps room for what may be plugged in later, unless that is
 * what makes the rest not fit. A port without an I/O BAR behind it has no I/O
 * window, nor will it later: PCIe devices do without.
 */
#include <errno.h>
#include <stdlib.h>

#include "pci/priv.h"

enum window_kind { WIN_IO, WIN_MEM32, WIN_MEM64, NR_WINDOWS };

struct piece {
	struct pci_dev *dev;
	unsigned int bar;	       /* if it is no window */
	bool is_window;		       /* of the port dev */
	enum pci_bridge_window bridge; /* which, or in which */
	struct piece *inside;	       /* a port's window, or NULL: on bus 0 */
	enum window_kind window;       /* of the board; on bus 0 */
	uint64_t size, align;	       /* with what is kept free behind it */
	uint64_t addr;		       /* 0: none yet; inside: offset */
	const struct piece *largest;   /* in this window */
};

struct plan {
	struct pci_window windows[NR_WINDOWS];
	struct piece *pieces;
	unsigned int nr;
	struct piece **order; /* those on bus 0 */
	unsigned int nr_order;
};

static const char *const window_names[NR_WINDOWS] = {
	[WIN_IO] = "I/O",
	[WIN_MEM32] = "32-bit memory",
	[WIN_MEM64] = "64-bit memory",
};

/* --- pieces --- */

static enum window_kind window_of(enum pci_bar_type type)
{
	if (type == PCI_BAR_IO)
		return WIN_IO;
	return type == PCI_BAR_MEM64 ? WIN_MEM64 : WIN_MEM32;
}

static enum pci_bridge_window bridge_window_of(const struct pci_bar *bar)
{
	if (bar->type == PCI_BAR_IO)
		return BRIDGE_IO;
	return bar->type == PCI_BAR_MEM64 && bar->prefetch ? BRIDGE_PREF
							   : BRIDGE_MEM;
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
		plan->pieces[plan->nr++] =
			(struct piece){ .dev = dev,
					.bar = n,
					.bridge = bridge_window_of(bar),
					.window = window_of(bar->type),
					.size = size,
					.align = size };
	}
}

/* Largest first; equal ones by address and BAR, to be the same every time. */
static int compare(const struct piece *a, const struct piece *b)
{
	if (a->align != b->align)
		return a->align < b->align ? 1 : -1;
	if (a->size != b->size)
		return a->size < b->size ? 1 : -1;
	if (a->dev->devfn != b->dev->devfn)
		return a->dev->devfn < b->dev->devfn ? -1 : 1;
	if (a->is_window != b->is_window)
		return a->is_window ? 1 : -1;
	if (a->is_window)
		return a->bridge < b->bridge ? -1 : 1;
	return a->bar < b->bar ? -1 : 1;
}

static int compare_pieces(const void *a, const void *b)
{
	return compare(a, b);
}

static int compare_order(const void *a, const void *b)
{
	return compare(*(struct piece *const *)a, *(struct piece *const *)b);
}

/* --- windows of root ports --- */

/* A power of two, so that it aligns to itself; 0 for none. */
static uint64_t reserve(const struct plan *plan, enum pci_bridge_window bridge)
{
	uint64_t share = plan->windows[WIN_MEM64].size / 64;
	uint64_t size = GIB(32);

	if (bridge == BRIDGE_IO)
		return 0;
	if (bridge == BRIDGE_MEM)
		return MIB(2);
	while (size > share)
		size /= 2;
	return size < MIB(1) ? 0 : size;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Puts the nr pieces behind, largest first, that go there into a window. */
static void fill_window(struct piece *window, struct piece *behind,
			unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct piece *p = &behind[i];

		if (p->bridge != window->bridge)
			continue;
		p->inside = window;
		p->addr = window->size;
		window->size += p->size;
		window->align = max_u64(window->align, p->align);
		if (!window->largest)
			window->largest = p;
	}
}

static void add_port(struct plan *plan, struct pci_port *port, bool reserves)
{
	static const enum window_kind kinds[BRIDGE_NR] = {
		[BRIDGE_IO] = WIN_IO,
		[BRIDGE_MEM] = WIN_MEM32,
		[BRIDGE_PREF] = WIN_MEM64,
	};
	struct piece *behind = &plan->pieces[plan->nr];
	unsigned int nr = 0;

	for (unsigned int i = 0; i < PCI_PORT_FUNCTIONS; i++)
		if (port->devs[i])
			add_bars(plan, port->devs[i]);
	nr = (unsigned int)(&plan->pieces[plan->nr] - behind);
	qsort(behind, nr, sizeof(*behind), compare_pieces);
	for (enum pci_bridge_window b = BRIDGE_IO; b < BRIDGE_NR; b++) {
		struct piece *window = &plan->pieces[plan->nr++];
		uint64_t step = b == BRIDGE_IO ? KIB(4) : MIB(1);
		uint64_t kept = reserves ? reserve(plan, b) : 0;

		*window = (struct piece){ .dev = &port->dev,
					  .is_window = true,
					  .bridge = b,
					  .window = kinds[b],
					  .align = max_u64(step, kept) };
		fill_window(window, behind, nr);
		window->size = max_u64(align_up(window->size, step), kept);
	}
}

/* --- holes on bus 0 --- */

/* A placed one that overlaps [addr, addr + size), or NULL. */
static const struct piece *find_overlap(const struct plan *plan,
					enum window_kind window, uint64_t addr,
					uint64_t size)
{
	for (unsigned int i = 0; i < plan->nr_order; i++) {
		const struct piece *p = plan->order[i];

		if (p->addr && p->window == window &&
		    addr < p->addr + p->size && p->addr < addr + size)
			return p;
	}
	return NULL;
}

static bool addr_ok(const struct piece *p, uint64_t addr)
{
	static const enum pci_bar_type types[BRIDGE_NR] = {
		[BRIDGE_IO] = PCI_BAR_IO,
		[BRIDGE_MEM] = PCI_BAR_MEM32,
		[BRIDGE_PREF] = PCI_BAR_MEM64,
	};
	const struct pci_bar *bar = &p->dev->bars[p->bar];

	if (p->is_window)
		return pci_bar_addr_ok(types[p->bridge], addr, p->size);
	return pci_bar_addr_ok(bar->type, addr, bar->size);
}

/* Lowest aligned hole in the window. No sum wraps: windows end below 2^52, and
 * at most 24 BARs of 2^51 bytes add up in one. */
static bool find_hole(const struct plan *plan, struct piece *p)
{
	struct pci_window w = plan->windows[p->window];
	uint64_t addr = align_up(w.base, p->align);
	const struct piece *other;

	while (addr - w.base <= w.size && p->size <= w.size - (addr - w.base)) {
		other = find_overlap(plan, p->window, addr, p->size);
		if (!other && addr_ok(p, addr)) {
			p->addr = addr;
			return true;
		}
		addr = other ? align_up(other->addr + other->size, p->align)
			     : addr + p->align;
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

/* Of a port's window, its largest BAR is blamed. */
static int no_room(const struct plan *plan, const struct piece *p,
		   struct err *e)
{
	struct pci_window w = plan->windows[p->window];
	const struct piece *bar = p->is_window ? p->largest : p;
	char size[32], total[32];

	size_str(bar->dev->bars[bar->bar].size, size, sizeof(size));
	size_str(w.size, total, sizeof(total));
	err_set(e, ENOSPC,
		"%s: %s of %s does not fit into the guest's %s window of %s at 0x%llx with what else is there",
		bar->dev->name, pci_bar_name(bar->bar), size,
		window_names[p->window], total, (unsigned long long)w.base);
	if (p->is_window && bar->dev->bars[bar->bar].type == PCI_BAR_MEM64)
		err_hint(
			e,
			"behind a PCIe port it has to lie there; take the port away from %s",
			bar->dev->name);
	err_hint(e, "give the guest fewer devices, or move %s to another guest",
		 bar->dev->name);
	return -ENOSPC;
}

static void place_mem64(struct plan *plan)
{
	for (unsigned int i = 0; i < plan->nr_order; i++) {
		struct piece *p = plan->order[i];

		if (p->window == WIN_MEM64 && !find_hole(plan, p))
			p->window = WIN_MEM32;
	}
}

static int place_window(struct plan *plan, enum window_kind window,
			struct err *e)
{
	for (unsigned int i = 0; i < plan->nr_order; i++) {
		struct piece *p = plan->order[i];

		if (p->window == window && !find_hole(plan, p))
			return no_room(plan, p, e);
	}
	return 0;
}

/* --- all of it --- */

static void add_pieces(struct plan *plan, const struct pci_host *h,
		       bool reserves)
{
	plan->nr = plan->nr_order = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(h->devs); i++)
		if (h->devs[i])
			add_bars(plan, h->devs[i]);
	for (unsigned int i = 0; i < h->nr_ports; i++)
		add_port(plan, h->ports[i], reserves);
	for (unsigned int i = 0; i < plan->nr; i++)
		if (!plan->pieces[i].inside && plan->pieces[i].size)
			plan->order[plan->nr_order++] = &plan->pieces[i];
	qsort(plan->order, plan->nr_order, sizeof(struct piece *),
	      compare_order);
}

static int plan_all(struct plan *plan, const struct pci_host *h, bool reserves,
		    struct err *e)
{
	int ret;

	add_pieces(plan, h, reserves);
	place_mem64(plan);
	ret = place_window(plan, WIN_MEM32, e);
	return ret ? ret : place_window(plan, WIN_IO, e);
}

static void each_dev(struct pci_host *h, void (*fn)(struct pci_dev *dev))
{
	for (unsigned int i = 0; i < ARRAY_SIZE(h->devs); i++)
		if (h->devs[i])
			fn(h->devs[i]);
	for (unsigned int i = 0; i < h->nr_ports; i++)
		for (unsigned int n = 0; n < PCI_PORT_FUNCTIONS; n++)
			if (h->ports[i]->devs[n])
				fn(h->ports[i]->devs[n]);
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

static void apply_piece(const struct piece *p)
{
	uint64_t base = p->inside ? p->inside->addr : 0;

	if (p->is_window)
		pci_port_set_window(p->dev->port, p->bridge, p->addr, p->size);
	else
		pci_bar_put(p->dev, p->bar, base + p->addr);
}

static void apply(struct pci_host *h, const struct plan *plan)
{
	each_dev(h, decode_off);
	for (unsigned int i = 0; i < plan->nr; i++)
		apply_piece(&plan->pieces[i]);
	for (unsigned int i = 0; i < h->nr_ports; i++)
		pci_port_set_bus(h->ports[i], (uint8_t)(i + 1));
	each_dev(h, pci_dev_set_power_on);
}

static int plan_alloc(struct plan *plan, const struct pci_host *h,
		      struct err *e)
{
	size_t max = ARRAY_SIZE(h->devs) * PCI_NR_REGIONS +
		     (size_t)h->nr_ports *
			     (PCI_PORT_FUNCTIONS * PCI_NR_REGIONS + BRIDGE_NR);

	plan->pieces = calloc(max, sizeof(*plan->pieces));
	plan->order = calloc(max, sizeof(struct piece *));
	if (plan->pieces && plan->order)
		return 0;
	return err_set(e, ENOMEM, "host bridge: no memory to place BARs");
}

/* The part of mem64 in which devices reach each other. */
static struct pci_window p2p_window(const struct pci_host_layout *l)
{
	struct pci_window w = l->mem64;
	uint64_t end = l->mem64_p2p_end;

	if (end && end < w.base)
		w.size = 0;
	else if (end && end - w.base < w.size)
		w.size = end - w.base;
	return w;
}

/* Plans for a 64-bit window, if need be without room for what may come. */
static int plan_in(struct plan *plan, const struct pci_host *h,
		   struct pci_window mem64, struct err *e)
{
	struct err first = { 0 };
	int ret;

	plan->windows[WIN_MEM64] = mem64;
	ret = plan_all(plan, h, true, &first);
	return ret == -ENOSPC ? plan_all(plan, h, false, e) : ret;
}

int pci_host_place_bars(struct pci_host *h, struct err *e)
{
	struct plan plan = { .windows = { [WIN_IO] = h->layout.io,
					  [WIN_MEM32] = h->layout.mem32 } };
	struct err first = { 0 };
	int ret = plan_alloc(&plan, h, e);

	if (!ret)
		ret = plan_in(&plan, h, p2p_window(&h->layout), &first);
	if (ret == -ENOSPC)
		ret = plan_in(&plan, h, h->layout.mem64, e);
	if (!ret) {
		h->layout.mem64 = plan.windows[WIN_MEM64];
		apply(h, &plan);
	}
	free(plan.pieces);
	free(plan.order);
	return ret;
}

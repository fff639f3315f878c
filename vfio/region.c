// SPDX-License-Identifier: GPL-2.0-or-later
/* BARs of a physical function: mmapped where possible, trapped where not. */
/*
 * How this works
 *
 * A BAR is cut into parts once. What the kernel lets us mmap is mmapped, but
 * for the pages that hold the MSI-X table and the PBA (or that a quirk wants);
 * the rest (those pages, holes between sparse areas, port I/O) is trapped. When
 * the guest gives the BAR an address, mmapped parts become device regions of
 * guest memory, which KVM maps without an exit, and trapped parts become ranges
 * of the bus; when it takes it away, they go.
 * Trapped accesses are answered in trap.c.
 *
 * For peer-to-peer DMA through iommufd a mapped part gets a dma-buf: the kernel
 * has no other way to map it there. It revokes their mappings when memory
 * decode is turned off, in D3hot and in a reset (vfio_pci_dma_buf_move); in all
 * of these the parts have left guest memory, hence the IOMMU, before, and are
 * mapped anew when they come back.
 *
 * A BAR that the guest maps can still be nowhere (is_shown false): while the
 * function is in D3hot it decodes nothing (PCIe 6.0 5.3.1.4.1) and its mmaps
 * fault, and after it was taken away there is nothing to reach.
 *
 * A BAR below one page that VFIO lets us mmap has its page to itself in
 * physical memory (vfio_pci_probe_mmaps reserves the rest). In the guest it may
 * share one: Linux packs BARs that it places itself. So it is on the bus
 * everywhere, and mapped over that while its page has nothing else in it. Two
 * that come into one page at a time look for each other after they are in both
 * places, so at least one sees the other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vfio/priv.h"

enum {
	PAGE_LEN = 4096,
	MAX_PIECES =
		VFIO_MAX_SPARSE + 3, /* table, PBA, mirror cut one each in two
				      */
};

/* --- the guest gives the BAR an address, or takes it --- */

static struct bus *bus_of(const struct vfio_part *p)
{
	const struct vfio_env *env = &p->bar->v->env;

	return p->bar->is_io ? env->pio : env->mmio;
}

static bool is_on_bus(const struct vfio_part *p)
{
	return !p->hva || p->size < PAGE_LEN;
}

/* A memslot over what is on the bus would hide that: ECAM, another function's
 * MSI-X table. */
static int region_add(struct vfio_part *p, struct err *e)
{
	struct vfio_env *env = &p->bar->v->env;

	if (bus_is_alone(env->mmio, &p->range, p->region.gpa, p->region.size))
		return mem_add(env->mem, &p->region, e);
	return err_set(e, EEXIST,
		       "%s: at 0x%llx there is something that strait answers",
		       p->bar->name, (unsigned long long)p->region.gpa);
}

/* The page of one below a page that is on the bus by now. */
static int page_add(struct vfio_part *p, struct err *e)
{
	struct vfio_env *env = &p->bar->v->env;
	int ret = mem_add(env->mem, &p->region, e);

	if (!ret &&
	    !bus_is_alone(env->mmio, &p->range, p->region.gpa, p->region.size))
		mem_del(env->mem, &p->region);
	return ret;
}

static int part_add(struct vfio_part *p, uint64_t addr, struct err *e)
{
	struct vfio_env *env = &p->bar->v->env;
	int ret;

	p->region.gpa = p->range.base = addr + p->off;
	if (!is_on_bus(p))
		return region_add(p, e);
	ret = bus_add(bus_of(p), &p->range, e);
	if (ret || p->bar->is_io)
		return ret;
	mem_evict(env->mem, p->range.base, p->range.len);
	if (p->hva && p->region.gpa % PAGE_LEN == 0)
		ret = page_add(p, e);
	if (ret)
		bus_del(bus_of(p), &p->range);
	return ret;
}

static void part_del(struct vfio_part *p)
{
	if (p->hva)
		mem_del(p->bar->v->env.mem, &p->region);
	if (is_on_bus(p))
		bus_del(bus_of(p), &p->range);
}

static void parts_del(struct vfio_bar *b, unsigned int nr)
{
	while (nr)
		part_del(&b->parts[--nr]);
}

static int bar_show(struct vfio_bar *b, uint64_t addr)
{
	struct err e = { 0 };

	for (unsigned int i = 0; i < b->nr_parts; i++) {
		int ret = part_add(&b->parts[i], addr, &e);

		if (ret) {
			parts_del(b, i);
			log_debug(b->name, "%s", e.msg);
			return ret;
		}
	}
	b->is_shown = true;
	return 0;
}

static void bar_hide(struct vfio_bar *b)
{
	if (b->is_shown)
		parts_del(b, b->nr_parts);
	b->is_shown = false;
}

int vfio_bar_mapped(struct pci_dev *dev, unsigned int n, uint64_t addr)
{
	struct vfio_pci *v = CONTAINER_OF(dev, struct vfio_pci, pci);

	if (v->d_state != PCI_D0 || v->is_gone)
		return 0;
	if (n == PCI_BAR_ROM)
		vfio_rom_fill(v);
	return bar_show(&v->bars[n], addr);
}

void vfio_bar_unmapped(struct pci_dev *dev, unsigned int n, uint64_t addr)
{
	struct vfio_pci *v = CONTAINER_OF(dev, struct vfio_pci, pci);

	(void)addr;
	bar_hide(&v->bars[n]);
}

void vfio_bars_hide(struct vfio_pci *v)
{
	for (unsigned int n = 0; n < PCI_NR_REGIONS; n++)
		bar_hide(&v->bars[n]);
}

void vfio_bars_show(struct vfio_pci *v)
{
	for (unsigned int n = 0; n < PCI_NR_REGIONS; n++) {
		const struct pci_bar *bar = &v->pci.bars[n];

		if (!bar->mapped || v->bars[n].is_shown)
			continue;
		if (vfio_bar_mapped(&v->pci, n, bar->addr))
			log_guest(
				&v->pci.limit, v->bars[n].name,
				"something else is at guest address 0x%llx by now: it stays unmapped until the guest moves it",
				(unsigned long long)bar->addr);
	}
}

/* --- cutting a BAR --- */

/* What may be mmapped: whole pages, ascending, apart from each other. */
struct pieces {
	struct {
		uint64_t from, to;
	} at[MAX_PIECES];
	unsigned int nr;
};

static void piece_insert(struct pieces *ps, uint64_t from, uint64_t to)
{
	unsigned int i;

	if (from >= to || ps->nr == MAX_PIECES)
		return;
	for (i = ps->nr++; i > 0 && ps->at[i - 1].from > from; i--)
		ps->at[i] = ps->at[i - 1];
	ps->at[i].from = from;
	ps->at[i].to = to;
}

/* Areas that overlap their predecessor lose the common part. */
static void pieces_separate(struct pieces *ps)
{
	struct pieces out = { 0 };
	uint64_t done = 0;

	for (unsigned int i = 0; i < ps->nr; i++) {
		uint64_t from = ps->at[i].from < done ? done : ps->at[i].from;

		piece_insert(&out, from, ps->at[i].to);
		if (ps->at[i].to > done)
			done = ps->at[i].to;
	}
	*ps = out;
}

/* Takes the pages of [off, off + len) out. */
static void pieces_cut(struct pieces *ps, uint64_t off, uint64_t len)
{
	uint64_t from = align_down(off, PAGE_LEN);
	uint64_t to = align_up(off + len, PAGE_LEN);
	struct pieces out = { 0 };

	for (unsigned int i = 0; i < ps->nr; i++) {
		uint64_t f = ps->at[i].from, t = ps->at[i].to;

		if (t <= from || f >= to) {
			piece_insert(&out, f, t);
			continue;
		}
		piece_insert(&out, f, from);
		piece_insert(&out, to, t);
	}
	*ps = out;
}

static bool has_msix(const struct vfio_bar *b)
{
	struct pci_msix_layout l;

	if (!b->v->msix.nr_vectors)
		return false;
	l = pci_msix_layout(&b->v->msix);
	return l.table_bar == b->index || l.pba_bar == b->index;
}

/* A BAR below a page: all of it or nothing. */
static void find_small(const struct vfio_bar *b, const struct vfio_region *r,
		       struct pieces *ps)
{
	if (r->nr_areas == 1 && !r->areas[0].offset &&
	    r->areas[0].size >= r->size && !has_msix(b))
		piece_insert(ps, 0, r->size);
}

static void pieces_find(const struct vfio_bar *b, const struct vfio_region *r,
			struct pieces *ps)
{
	/* A write to a memory slot that cannot be written ends the VM. */
	const uint32_t needed = VFIO_REGION_INFO_FLAG_MMAP |
				VFIO_REGION_INFO_FLAG_READ |
				VFIO_REGION_INFO_FLAG_WRITE;
	struct pci_msix_layout l;

	if (b->is_io || (r->flags & needed) != needed)
		return;
	if (r->size < PAGE_LEN) {
		find_small(b, r, ps);
		return;
	}
	for (unsigned int i = 0; i < r->nr_areas; i++) {
		uint64_t from = r->areas[i].offset, to;

		if (from >= r->size)
			continue;
		to = r->areas[i].size > r->size - from
			     ? r->size
			     : from + r->areas[i].size;
		piece_insert(ps, align_up(from, PAGE_LEN),
			     align_down(to, PAGE_LEN));
	}
	pieces_separate(ps);
	if (b->v->quirks.mirror_len && b->v->quirks.mirror_bar == b->index)
		pieces_cut(ps, b->v->quirks.mirror_off,
			   b->v->quirks.mirror_len);
	if (!b->v->msix.nr_vectors)
		return;
	l = pci_msix_layout(&b->v->msix);
	if (l.table_bar == b->index)
		pieces_cut(ps, l.table_off, l.table_len);
	if (l.pba_bar == b->index)
		pieces_cut(ps, l.pba_off, l.pba_len);
}

static struct vfio_part *part_make(struct vfio_bar *b, uint64_t from,
				   uint64_t to)
{
	struct vfio_part *p = &b->parts[b->nr_parts];

	*p = (struct vfio_part){ .bar = b, .off = from, .size = to - from };
	p->range = (struct bus_range){
		.len = to - from,
		.ops = &vfio_trap_ops,
		.dev = p,
		.name = b->name,
	};
	return p;
}

static void part_trapped(struct vfio_bar *b, uint64_t from, uint64_t to)
{
	if (from == to)
		return;
	part_make(b, from, to);
	b->nr_parts++;
}

static int part_mmapped(struct vfio_bar *b, uint64_t from, uint64_t to,
			struct err *e)
{
	struct vfio_part *p = part_make(b, from, to);
	struct vfio_dev *d = b->v->d;
	uint64_t size = align_up(p->size, PAGE_LEN);
	int ret = d->ops->region_map(d, b->index, from, size, &p->hva, e);

	if (ret)
		return ret;
	p->region = (struct mem_region){
		.size = size,
		.hva = p->hva,
		.kind = MEM_DEVICE,
		.fd = -1,
		.name = b->name,
		.can_leave = p->size < PAGE_LEN,
	};
	b->nr_parts++;
	return 0;
}

int vfio_bar_parts(struct vfio_pci *v, unsigned int n,
		   const struct vfio_region *r, struct err *e)
{
	struct vfio_bar *b = &v->bars[n];
	struct pieces ps = { 0 };
	uint64_t done = 0;
	int ret;

	pieces_find(b, r, &ps);
	b->parts = calloc(2 * ps.nr + 1, sizeof(*b->parts));
	if (!b->parts)
		return err_set(e, ENOMEM, "%s: out of memory", b->name);
	for (unsigned int i = 0; i < ps.nr; i++) {
		part_trapped(b, done, ps.at[i].from);
		ret = part_mmapped(b, ps.at[i].from, ps.at[i].to, e);
		if (ret)
			return ret;
		done = ps.at[i].to;
	}
	part_trapped(b, done, r->size);
	return 0;
}

/* --- dma-buf --- */

/* False: this kernel cannot, or not with this device. */
static bool part_export(struct vfio_part *p)
{
	struct vfio_dev *d = p->bar->v->d;
	struct err e = { 0 };

	if (d->ops->region_dmabuf(d, p->bar->index, p->off, p->size,
				  &p->region.fd, &e)) {
		p->region.fd = -1;
		log_debug(p->bar->name, "no dma-buf: %s", e.msg);
		return false;
	}
	return true;
}

void vfio_bars_export(struct vfio_pci *v)
{
	for (unsigned int n = 0; n < PCI_NR_BARS; n++)
		for (unsigned int i = 0; i < v->bars[n].nr_parts; i++) {
			struct vfio_part *p = &v->bars[n].parts[i];

			if (p->hva && p->size % PAGE_LEN == 0 &&
			    !part_export(p))
				return;
		}
}

/* --- creation --- */

static enum pci_bar_type bar_type(uint32_t bar)
{
	if (bar & PCI_BASE_ADDRESS_SPACE_IO)
		return PCI_BAR_IO;
	if ((bar & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
	    PCI_BASE_ADDRESS_MEM_TYPE_64)
		return PCI_BAR_MEM64;
	return PCI_BAR_MEM32;
}

/* A table outside the BAR could not be reached by the guest. */
static int table_fits(const struct vfio_bar *b, uint64_t size, struct err *e)
{
	struct pci_msix_layout l;

	if (!b->v->msix.nr_vectors)
		return 0;
	l = pci_msix_layout(&b->v->msix);
	if (l.table_bar == b->index && (b->is_io || l.table_off > size ||
					l.table_len > size - l.table_off))
		return err_set(
			e, EINVAL,
			"%s: the MSI-X table (%llu bytes at 0x%llx) lies outside of this BAR of %llu bytes",
			b->name, (unsigned long long)l.table_len,
			(unsigned long long)l.table_off,
			(unsigned long long)size);
	if (l.pba_bar == b->index &&
	    (l.pba_off > size || l.pba_len > size - l.pba_off))
		log_warn(
			b->name,
			"the MSI-X pending bits lie outside of this BAR: the guest cannot read them");
	return 0;
}

static int bar_describe(struct vfio_bar *b, uint32_t bar, uint64_t size,
			struct err *e)
{
	enum pci_bar_type type = bar_type(bar);
	bool prefetch =
		type != PCI_BAR_IO && bar & PCI_BASE_ADDRESS_MEM_PREFETCH;

	if (pci_dev_set_bar(&b->v->pci, b->index, type, prefetch, size))
		return err_set(
			e, EINVAL,
			"%s: %llu bytes is no size that a guest's BAR can have",
			b->name, (unsigned long long)size);
	return 0;
}

int vfio_bar_init(struct vfio_pci *v, unsigned int n, uint32_t bar,
		  struct err *e)
{
	struct vfio_bar *b = &v->bars[n];
	struct vfio_region region;
	int ret = v->d->ops->region_info(v->d, n, &region, e);

	if (ret)
		return ret;
	*b = (struct vfio_bar){ .v = v, .index = n };
	snprintf(b->name, sizeof(b->name), "%s BAR %u", v->d->name, n % 10);
	b->is_io = bar_type(bar) == PCI_BAR_IO;
	ret = table_fits(b, region.size, e);
	if (ret || !region.size)
		return ret;
	ret = bar_describe(b, bar, region.size, e);
	if (ret)
		return ret;
	v->has_io |= b->is_io;
	return vfio_bar_parts(v, n, &region, e);
}

void vfio_bar_munmap(struct vfio_bar *b)
{
	for (unsigned int i = 0; i < b->nr_parts; i++) {
		struct vfio_part *p = &b->parts[i];

		if (p->hva)
			b->v->d->ops->region_unmap(b->v->d, p->hva,
						   p->region.size);
		if (p->hva && p->region.fd >= 0)
			close(p->region.fd);
		p->hva = NULL;
	}
}

void vfio_bar_fini(struct vfio_bar *b)
{
	vfio_bar_munmap(b);
	free(b->parts);
	b->parts = NULL;
	b->nr_parts = 0;
}

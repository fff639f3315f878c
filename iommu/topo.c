// SPDX-License-Identifier: GPL-2.0-or-later
/* The PCI functions of a host as a tree. */
/*
 * How this works
 *
 * /sys/bus/pci/devices/BDF is a link whose target runs through the directories
 * of all bridges above the function, so it tells the parent without a look at
 * the parent. That also holds for VFs on a bus that no bridge forwards
 * ("virtual bus"), where bus numbers would mislead. First the addresses are
 * collected, of all functions or of some; then each is read, and what is gone
 * by then is dropped; then they are sorted and tied together.
 *
 * Reading one function is a handful of lookups relative to its directory
 * (topo_fn.c). There may be thousands, and on a real machine a dword of config
 * space costs about a microsecond, so nothing is read that is not asked for.
 *
 * A record may be hostile: links that make two bridges each other's parent, or
 * a chain without end, are cut at TOPO_MAX_DEPTH.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "iommu/priv.h"
#include "iommu/topo.h"

#define PCI_DIR "sys/bus/pci/devices"

/* --- addresses to read --- */

struct wanted {
	struct bdf *bdfs;
	size_t nr, cap;
};

static int want(struct wanted *w, struct bdf bdf)
{
	size_t cap = w->cap ? w->cap * 2 : 256;
	struct bdf *more;

	if (w->nr == w->cap) {
		more = reallocarray(w->bdfs, cap, sizeof(*more));
		if (!more)
			return -ENOMEM;
		w->bdfs = more;
		w->cap = cap;
	}
	w->bdfs[w->nr++] = bdf;
	return 0;
}

static int want_name(const char *name, void *arg)
{
	struct bdf bdf;

	return bdf_parse(name, &bdf) ? 0 : want(arg, bdf);
}

static int by_bdf(const void *a, const void *b)
{
	return bdf_cmp(*(const struct bdf *)a, *(const struct bdf *)b);
}

static void sort_wanted(struct wanted *w)
{
	size_t n = 0;

	if (!w->nr)
		return;
	qsort(w->bdfs, w->nr, sizeof(*w->bdfs), by_bdf);
	for (size_t i = 1; i < w->nr; i++)
		if (!bdf_equal(w->bdfs[i], w->bdfs[n]))
			w->bdfs[++n] = w->bdfs[i];
	w->nr = n + 1;
}

/*
 * The functions that the path of a directory runs through, the one nearest to
 * the root first, at most max of them and those the last. "pciDDDD:BB" begins
 * anew: what comes before it (an endpoint that is a host bridge, such as VMD)
 * does not forward.
 */
static unsigned int parse_chain(char *path, struct bdf *out, unsigned int max)
{
	unsigned int nr = 0;
	char *rest = path, *part;
	struct bdf bdf;

	while ((part = strsep(&rest, "/"))) {
		if (!strncmp(part, "pci", 3))
			nr = 0;
		if (bdf_parse(part, &bdf))
			continue;
		if (nr == max)
			memmove(out, out + 1, --nr * sizeof(*out));
		out[nr++] = bdf;
	}
	return nr;
}

/* devices is the directory with the links. */
static unsigned int read_chain(const struct host *devices, struct bdf bdf,
			       struct bdf *out, unsigned int max)
{
	char path[PATH_MAX], name[BDF_STR_LEN];

	if (host_link_target(devices, path, sizeof(path), "%s",
			     bdf_str(bdf, name)) < 0)
		return 0;
	return parse_chain(path, out, max);
}

/* --- the tree --- */

/* Of a function being read. */
struct place {
	struct bdf parent;
	bool has_parent;
};

static void find_place(const struct host *devices, struct bdf bdf,
		       struct place *p)
{
	struct bdf chain[2];

	p->has_parent = read_chain(devices, bdf, chain, 2) == 2;
	if (p->has_parent)
		p->parent = chain[0];
}

static int cmp_fn(const void *k, const void *fn)
{
	const struct topo_fn *f = fn;

	return by_bdf(k, &f->pci.bdf);
}

static struct topo_fn *find(const struct topo *t, struct bdf bdf)
{
	return t->nr ? bsearch(&bdf, t->fns, t->nr, sizeof(*t->fns), cmp_fn)
		     : NULL;
}

const struct topo_fn *topo_find(const struct topo *t, struct bdf bdf)
{
	return find(t, bdf);
}

static bool is_too_deep(const struct topo_fn *f)
{
	unsigned int depth = 0;

	for (; f; f = f->parent)
		if (++depth > TOPO_MAX_DEPTH)
			return true;
	return false;
}

/*
 * pci_scan_slot in drivers/pci/probe.c: a function found after the first of its
 * slot makes itself one of several whatever its header says; with ARI a slot
 * has up to 256. VFs are not found by scanning, and are never one of several,
 * whatever their header says (pci_iov_add_virtfn in drivers/pci/iov.c).
 */
static void mark_multifunction(struct topo_fn *f)
{
	unsigned int mask = f->parent && f->parent->forwards_ari ? 0xff : 7;

	if (f->pci.is_vf)
		f->is_multifunction = false;
	else if (f->pci.bdf.devfn & mask)
		f->is_multifunction = true;
}

static void tie(struct topo *t, const struct place *places)
{
	for (unsigned int i = 0; i < t->nr; i++)
		if (places[i].has_parent)
			t->fns[i].parent = find(t, places[i].parent);
	for (unsigned int i = 0; i < t->nr; i++)
		if (is_too_deep(&t->fns[i]))
			t->fns[i].parent = NULL;
	/* Backwards, so that each list is in BDF order. */
	for (unsigned int i = t->nr; i-- > 0;) {
		struct topo_fn *f = &t->fns[i];
		struct topo_fn **list =
			f->parent ? &f->parent->child : &t->roots;

		f->sibling = *list;
		*list = f;
		mark_multifunction(f);
	}
}

/* A bridge hands its node down (pcibus_to_node), so ask once per tree. */
static void read_nodes(const struct host *h, struct topo *t)
{
	for (struct topo_fn *f = t->roots; f; f = f->sibling)
		f->numa_node = topo_fn_node(h, f->pci.bdf);
	for (unsigned int i = 0; i < t->nr; i++) {
		const struct topo_fn *top = &t->fns[i];

		while (top->parent)
			top = top->parent;
		t->fns[i].numa_node = top->numa_node;
	}
}

/* Leaves out what cannot be read. */
static void read_each(const struct host *h, const struct host *devices,
		      const struct wanted *w, struct topo *out,
		      struct place *places)
{
	for (size_t i = 0; i < w->nr; i++)
		if (!topo_fn_read(h, w->bdfs[i], &out->fns[out->nr]))
			find_place(devices, w->bdfs[i], &places[out->nr++]);
	tie(out, places);
	read_nodes(h, out);
}

static int read_wanted(const struct host *h, const struct wanted *w,
		       struct topo *out)
{
	struct place *places = calloc(w->nr + 1, sizeof(*places));
	struct topo_fn *fns = calloc(w->nr + 1, sizeof(*fns));
	struct host devices;
	int ret =
		places && fns ? host_open_below(h, &devices, PCI_DIR) : -ENOMEM;

	if (!ret) {
		*out = (struct topo){ .fns = fns };
		read_each(h, &devices, w, out, places);
		host_close(&devices);
	} else {
		free(fns);
	}
	free(places);
	return ret;
}

static int finish(const struct host *h, struct wanted *w, int ret,
		  struct topo *out, struct err *e)
{
	if (!ret) {
		sort_wanted(w);
		ret = read_wanted(h, w, out);
	}
	free(w->bdfs);
	if (ret) {
		errno = -ret;
		err_sys(e, "/" PCI_DIR, "read");
		if (ret == -ENOENT)
			err_hint(e, "this machine has no PCI, or no sysfs");
	}
	return ret;
}

int topo_read(const struct host *h, struct topo *out, struct err *e)
{
	struct wanted w = { 0 };

	*out = (struct topo){ 0 };
	return finish(h, &w, host_each_name(h, want_name, &w, PCI_DIR), out, e);
}

/* --- what is around one function --- */

static int want_slots(const struct bdf *chain, unsigned int nr,
		      struct wanted *w)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < nr; i++) {
		struct bdf bdf = chain[i];

		ret = want(w, bdf);
		for (unsigned int n = 0; !ret && n < 8; n++) {
			bdf.devfn = (uint8_t)((chain[i].devfn & ~7u) | n);
			if (bdf.devfn != chain[i].devfn)
				ret = want(w, bdf);
		}
	}
	return ret;
}

/* What cannot be listed has nothing to tell. */
static int listed(int ret)
{
	return ret == -ENOMEM ? ret : 0;
}

/* A function and the bridges above it, the one nearest to the root first. */
struct chain {
	struct bdf bdfs[TOPO_MAX_DEPTH];
	unsigned int nr;
};

struct members_wanted {
	const struct chain *chain; /* on the buses of these only; NULL: all */
	struct wanted *w;
};

static int want_member(const char *name, void *arg)
{
	const struct members_wanted *m = arg;
	bool is_wanted = !m->chain;
	struct bdf bdf;

	if (bdf_parse(name, &bdf))
		return 0;
	for (unsigned int i = 0; !is_wanted && i < m->chain->nr; i++)
		is_wanted = bdf.domain == m->chain->bdfs[i].domain &&
			    bdf.bus == m->chain->bdfs[i].bus;
	return is_wanted ? want(m->w, bdf) : 0;
}

static int want_around(const struct host *h, struct bdf bdf, bool is_near,
		       struct wanted *w)
{
	struct chain c = { .nr = 0 };
	struct members_wanted m = { .chain = is_near ? &c : NULL, .w = w };
	char name[BDF_STR_LEN];
	struct host devices;
	int ret = host_open_below(h, &devices, PCI_DIR);

	if (ret)
		return ret;
	c.nr = read_chain(&devices, bdf, c.bdfs, TOPO_MAX_DEPTH);
	host_close(&devices);
	if (!c.nr)
		c.bdfs[c.nr++] = bdf;
	ret = want_slots(c.bdfs, c.nr, w);
	if (!ret && c.nr > 1)
		ret = listed(host_each_name(h, want_name, w, PCI_DIR "/%s",
					    bdf_str(c.bdfs[c.nr - 2], name)));
	return ret ? ret
		   : listed(host_each_name(h, want_member, &m,
					   PCI_DIR "/%s/iommu_group/devices",
					   bdf_str(bdf, name)));
}

static int read_around(const struct host *h, struct bdf bdf, bool is_near,
		       struct topo *out, struct err *e)
{
	struct wanted w = { 0 };
	struct host_pci pci;
	char name[BDF_STR_LEN];
	int ret;

	*out = (struct topo){ 0 };
	ret = finish(h, &w, want_around(h, bdf, is_near, &w), out, e);
	if (ret || find(out, bdf))
		return ret;
	topo_free(out);
	ret = host_pci_get(h, bdf, &pci, e);
	/* It came only now, or the record is a strange one. */
	return ret ? ret
		   : err_set(e, ENODEV,
			     "%s: it changed while it was looked at, try again",
			     bdf_str(bdf, name));
}

int topo_read_around(const struct host *h, struct bdf bdf, struct topo *out,
		     struct err *e)
{
	return read_around(h, bdf, false, out, e);
}

int topo_read_near(const struct host *h, struct bdf bdf, struct topo *out,
		   struct err *e)
{
	return read_around(h, bdf, true, out, e);
}

void topo_free(struct topo *t)
{
	free(t->fns);
	*t = (struct topo){ 0 };
}

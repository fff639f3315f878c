// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds PFs and VFs. */
/*
 * How this works
 *
 * A function with SR-IOV has sriov_* files in sysfs, and a link virtfnN for
 * each VF that it has; a VF has a link physfn. Lists are taken first and sorted
 * then, because readdir has no order; what is gone when its turn comes is left
 * out, so a hot-unplug in between is no error.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/host/priv.h"

#define PCI_DIR "sys/bus/pci/devices"

/* --- lists of functions --- */

struct bdf_list {
	const struct host *h;
	enum host_kind kind;
	struct bdf *bdfs;
	size_t nr;
};

static int by_bdf(const void *a, const void *b)
{
	return bdf_cmp(*(const struct bdf *)a, *(const struct bdf *)b);
}

static bool is_kind(const struct host *h, const char *name, enum host_kind kind)
{
	if (kind == HOST_PF)
		return host_exists(h, PCI_DIR "/%s/sriov_totalvfs", name);
	return kind == HOST_ANY || host_exists(h, PCI_DIR "/%s/physfn", name);
}

static int add_bdf(const char *name, void *arg)
{
	struct bdf_list *l = arg;
	struct bdf bdf, *more;

	if (bdf_parse(name, &bdf) || !is_kind(l->h, name, l->kind))
		return 0;
	more = realloc(l->bdfs, (l->nr + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	l->bdfs = more;
	l->bdfs[l->nr++] = bdf;
	return 0;
}

/* Fills *l, whose bdfs the caller frees also after a failure. */
static int list_bdfs(const struct host *h, enum host_kind kind,
		     struct bdf_list *l, struct err *e)
{
	int ret;

	*l = (struct bdf_list){ .h = h, .kind = kind };
	ret = host_each_name(h, add_bdf, l, PCI_DIR);
	if (ret) {
		errno = -ret;
		return err_sys(e, "/" PCI_DIR, "list the PCI functions");
	}
	if (l->nr)
		qsort(l->bdfs, l->nr, sizeof(*l->bdfs), by_bdf);
	return 0;
}

static unsigned int digits_between(struct bdf a, struct bdf b)
{
	char x[BDF_STR_LEN], y[BDF_STR_LEN];
	unsigned int nr = 0;

	bdf_str(a, x);
	bdf_str(b, y);
	for (size_t i = 0; x[i] && y[i]; i++)
		nr += x[i] != y[i];
	return nr;
}

/* Digits that differ first, then the distance. */
static uint64_t distance(struct bdf a, struct bdf b)
{
	uint64_t x = bdf_order(a), y = bdf_order(b);

	return (uint64_t)digits_between(a, b) << 48 | (x > y ? x - y : y - x);
}

bool host_pci_nearest(const struct host *h, struct bdf bdf, enum host_kind kind,
		      struct bdf *out)
{
	struct err e = { 0 };
	struct bdf_list l;
	size_t best = 0;
	bool found;

	found = !list_bdfs(h, kind, &l, &e) && l.nr;
	for (size_t i = 1; found && i < l.nr; i++)
		if (distance(l.bdfs[i], bdf) < distance(l.bdfs[best], bdf))
			best = i;
	if (found)
		*out = l.bdfs[best];
	free(l.bdfs);
	return found;
}

/* --- a PF --- */

struct index_search {
	const struct host *h;
	const char *pf, *vf;
	unsigned int index;
};

static int is_link_to_vf(const char *name, void *arg)
{
	struct index_search *s = arg;
	char target[HOST_NAME_LEN];

	if (sscanf(name, "virtfn%u", &s->index) != 1 ||
	    host_link_name(s->h, target, sizeof(target), PCI_DIR "/%s/%s",
			   s->pf, name))
		return 0;
	return !strcmp(target, s->vf);
}

/* The VF's number, or -1. */
static int vf_index(const struct host *h, struct bdf pf, struct bdf vf)
{
	char p[BDF_STR_LEN], v[BDF_STR_LEN];
	struct index_search s = { .h = h,
				  .pf = bdf_str(pf, p),
				  .vf = bdf_str(vf, v) };

	return host_each_name(h, is_link_to_vf, &s, PCI_DIR "/%s", p) == 1
		       ? (int)s.index
		       : -1;
}

static int refuse_vf(const struct host *h, const struct host_pci *dev,
		     struct err *e)
{
	char s[BDF_STR_LEN], pf[BDF_STR_LEN];
	int ret;

	ret = err_set(e, EINVAL, "%s: it is VF %d of %s, and no PF",
		      bdf_str(dev->bdf, s), vf_index(h, dev->pf, dev->bdf),
		      bdf_str(dev->pf, pf));
	err_hint(e, "name the PF instead: %s", pf);
	return ret;
}

static int refuse_no_sriov(const struct host *h, const struct host_pci *dev,
			   struct err *e)
{
	char s[BDF_STR_LEN];
	struct bdf near;
	int ret;

	ret = err_set(e, EOPNOTSUPP, "%s: it has no SR-IOV capability",
		      bdf_str(dev->bdf, s));
	if (host_pci_nearest(h, dev->bdf, HOST_PF, &near))
		err_hint(
			e,
			"%s has; if this one should, its firmware or that of the machine may hide it (an option named SR-IOV)",
			bdf_str(near, s));
	else
		err_hint(
			e,
			"no function of this machine has; the device's firmware or that of the machine may hide it (an option named SR-IOV)");
	return ret;
}

/* Puts a suggestion in place of the general hint of host_pci_get. */
static void suggest(const struct host *h, struct bdf bdf, enum host_kind kind,
		    struct err *e)
{
	char s[BDF_STR_LEN];
	struct bdf near;

	if (!host_pci_nearest(h, bdf, kind, &near))
		return;
	e->hint[0] = '\0';
	err_hint(e, "did you mean %s? `lspci -D` lists all functions",
		 bdf_str(near, s));
}

static unsigned int value(const struct host *h, const char *bdf,
			  const char *file, unsigned int unknown)
{
	uint64_t v;

	if (host_read_u64(h, &v, PCI_DIR "/%s/%s", bdf, file))
		return unknown;
	return v > UINT32_MAX ? UINT32_MAX : (unsigned int)v;
}

static void read_pf(const struct host *h, const struct host_pci *dev,
		    struct host_pf *out)
{
	char s[BDF_STR_LEN], id[16];

	bdf_str(dev->bdf, s);
	*out = (struct host_pf){ .bdf = dev->bdf };
	memcpy(out->driver, dev->driver, sizeof(out->driver));
	out->total_vfs = value(h, s, "sriov_totalvfs", 0);
	out->nr_vfs = value(h, s, "sriov_numvfs", 0);
	out->offset = value(h, s, "sriov_offset", 0);
	out->stride = value(h, s, "sriov_stride", 0);
	/* Kernels before 4.12 have no such file and always probe. */
	out->autoprobe = value(h, s, "sriov_drivers_autoprobe", 1);
	out->vf_total_msix = value(h, s, "sriov_vf_total_msix", 0);
	/* Hexadecimal without 0x. */
	if (host_read(h, id, sizeof(id), PCI_DIR "/%s/sriov_vf_device", s) > 0)
		out->vf_device = (uint16_t)strtoul(id, NULL, 16);
}

int host_pf_get(const struct host *h, struct bdf bdf, struct host_pf *out,
		struct err *e)
{
	struct host_pci dev;
	char s[BDF_STR_LEN];
	int ret;

	ret = host_pci_get(h, bdf, &dev, e);
	if (ret == -ENODEV)
		suggest(h, bdf, HOST_PF, e);
	if (ret)
		return ret;
	if (dev.is_vf)
		return refuse_vf(h, &dev, e);
	if (!is_kind(h, bdf_str(bdf, s), HOST_PF))
		return refuse_no_sriov(h, &dev, e);
	read_pf(h, &dev, out);
	return 0;
}

int host_pf_each(const struct host *h,
		 int (*fn)(const struct host_pf *pf, void *arg), void *arg,
		 struct err *e)
{
	struct host_pf pf;
	struct bdf_list l;
	struct err gone;
	int ret;

	ret = list_bdfs(h, HOST_PF, &l, e);
	for (size_t i = 0; i < l.nr && !ret; i++) {
		gone = (struct err){ 0 };
		if (!host_pf_get(h, l.bdfs[i], &pf, &gone))
			ret = fn(&pf, arg);
	}
	free(l.bdfs);
	return ret;
}

/* --- VFs --- */

int host_vf_get(const struct host *h, struct bdf bdf, struct host_vf *out,
		struct err *e)
{
	char s[BDF_STR_LEN];
	int ret, index;

	ret = host_pci_get(h, bdf, &out->dev, e);
	/* How to make a VF that could be there is the better advice. */
	if (ret == -ENODEV && !strstr(e->hint, "VF"))
		suggest(h, bdf, HOST_VF, e);
	if (ret)
		return ret;
	bdf_str(bdf, s);
	if (!out->dev.is_vf) {
		ret = err_set(e, EINVAL, "%s: it is no VF%s", s,
			      is_kind(h, s, HOST_PF) ? ", it is a PF" : "");
		if (is_kind(h, s, HOST_PF))
			err_hint(
				e,
				"name a VF of it: ls -l /sys/bus/pci/devices/%s/virtfn*",
				s);
		return ret;
	}
	index = vf_index(h, out->dev.pf, bdf);
	if (index < 0)
		return err_set(e, ENODEV, "%s: it is just being removed", s);
	out->index = (unsigned int)index;
	return 0;
}

int host_vf_each(const struct host *h, struct bdf pf,
		 int (*fn)(const struct host_vf *vf, void *arg), void *arg,
		 struct err *e)
{
	char name[HOST_NAME_LEN], s[BDF_STR_LEN];
	struct host_pf p = { 0 };
	struct host_vf vf;
	struct err gone;
	struct bdf bdf;
	int ret;

	ret = host_pf_get(h, pf, &p, e);
	bdf_str(pf, s);
	for (unsigned int i = 0; !ret && i < p.nr_vfs; i++) {
		gone = (struct err){ 0 };
		if (host_link_name(h, name, sizeof(name),
				   PCI_DIR "/%s/virtfn%u", s, i) ||
		    bdf_parse(name, &bdf) ||
		    host_pci_get(h, bdf, &vf.dev, &gone))
			continue;
		vf.index = i;
		ret = fn(&vf, arg);
	}
	return ret;
}

pid_t host_vfio_holder(const struct host *h, struct bdf bdf, char *name,
		       size_t len)
{
	char path[HOST_NAME_LEN];
	struct err e = { 0 };
	struct host_vfio v;
	pid_t pid = 0;

	if (host_vfio_by_bdf(h, bdf, &v, &e))
		return 0;
	if (v.cdev >= 0) {
		snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d",
			 v.cdev);
		pid = host_holder(h, path, name, len);
	}
	for (int noiommu = 0; !pid && v.group >= 0 && noiommu < 2; noiommu++) {
		snprintf(path, sizeof(path), "/dev/vfio/%s%d",
			 noiommu ? "noiommu-" : "", v.group);
		if (host_exists(h, "%s", path))
			pid = host_holder(h, path, name, len);
	}
	return pid;
}

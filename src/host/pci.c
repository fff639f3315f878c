// SPDX-License-Identifier: GPL-2.0-or-later
/* PCI functions and IOMMU groups as sysfs shows them. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/host/priv.h"

#define PCI_DIR	  "sys/bus/pci/devices"
#define GROUP_DIR "sys/kernel/iommu_groups"

void host_driver(const struct host *h, struct bdf bdf, char *buf, size_t len)
{
	char s[BDF_STR_LEN];

	if (host_link_name(h, buf, len, PCI_DIR "/%s/driver", bdf_str(bdf, s)))
		buf[0] = '\0';
}

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), t = strlen(tail);

	return n >= t && !strcmp(s + n - t, tail);
}

bool host_is_vfio_driver(const char *driver)
{
	/* Variants: mlx5_vfio_pci, nvgrace_gpu_vfio_pci, xe-vfio-pci, ... */
	return !strcmp(driver, "vfio-pci") || ends_with(driver, "-vfio-pci") ||
	       ends_with(driver, "_vfio_pci");
}

int host_group_number(const char *name)
{
	size_t n = strspn(name, "0123456789");
	unsigned long number;

	/* The kernel counts them with an int. */
	if (!n || name[n] || n > 10)
		return -1;
	number = strtoul(name, NULL, 10);
	return number <= INT_MAX ? (int)number : -1;
}

/* --- a function that is not there: could it be a VF? --- */

struct vf_search {
	const struct host *h;
	struct bdf vf;
	struct err *e;
};

/* Routing ID within the domain (PCIe 6.0 2.2.4.2). */
static unsigned int rid(struct bdf bdf)
{
	return (unsigned int)bdf.bus << 8 | bdf.devfn;
}

static int pf_value(const struct vf_search *s, const char *pf, const char *file,
		    uint64_t *out)
{
	return host_read_u64(s->h, out, PCI_DIR "/%s/%s", pf, file);
}

/*
 * VF n of a PF is at the PF's routing ID + First VF Offset + n * VF Stride
 * (PCIe 6.0 9.2.1.2). Returns n, or -1 if vf is none of pf's.
 */
static int vf_index(const struct vf_search *s, const char *pf, struct bdf bdf)
{
	uint64_t total, offset, stride;
	unsigned int first;

	if (pf_value(s, pf, "sriov_totalvfs", &total) ||
	    pf_value(s, pf, "sriov_offset", &offset) ||
	    pf_value(s, pf, "sriov_stride", &stride))
		return -1;
	first = rid(bdf) + (unsigned int)offset;
	if (bdf.domain != s->vf.domain || !offset || !stride ||
	    rid(s->vf) < first || (rid(s->vf) - first) % stride ||
	    (rid(s->vf) - first) / stride >= total)
		return -1;
	return (int)((rid(s->vf) - first) / stride);
}

static int hint_vf(const char *name, void *arg)
{
	struct vf_search *s = arg;
	char driver[HOST_NAME_LEN];
	uint64_t nr_vfs;
	struct bdf bdf;
	int n;

	if (bdf_parse(name, &bdf))
		return 0;
	n = vf_index(s, name, bdf);
	/* Only the PF's own driver makes VFs. */
	host_driver(s->h, bdf, driver, sizeof(driver));
	if (n < 0 || !driver[0] || host_is_vfio_driver(driver) ||
	    pf_value(s, name, "sriov_numvfs", &nr_vfs) || nr_vfs > (uint64_t)n)
		return 0;
	if (nr_vfs)
		err_hint(
			s->e,
			"it would be VF %d of %s, which has %d: remove those and make %d: echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs; echo %d > /sys/bus/pci/devices/%s/sriov_numvfs",
			n, name, (int)nr_vfs, n + 1, name, n + 1, name);
	else
		err_hint(
			s->e,
			"it would be VF %d of %s, which has no VFs yet: echo %d > /sys/bus/pci/devices/%s/sriov_numvfs",
			n, name, n + 1, name);
	return 1;
}

static int no_such_function(const struct host *h, struct bdf bdf, struct err *e)
{
	struct vf_search s = { .h = h, .vf = bdf, .e = e };
	char name[BDF_STR_LEN];
	int ret;

	ret = err_set(e, ENODEV, "%s: there is no such PCI function",
		      bdf_str(bdf, name));
	host_each_name(h, hint_vf, &s, PCI_DIR);
	err_hint(e, "`lspci -D` lists the functions of this machine");
	return ret;
}

/* --- one function --- */

static int read_id(const struct host *h, const char *name, const char *file,
		   uint64_t *out, struct err *e)
{
	char op[64];

	if (!host_read_u64(h, out, PCI_DIR "/%s/%s", name, file))
		return 0;
	snprintf(op, sizeof(op), "read its %s from sysfs", file);
	return err_sys(e, name, op);
}

int host_pci_get(const struct host *h, struct bdf bdf, struct host_pci *out,
		 struct err *e)
{
	char name[BDF_STR_LEN], link[HOST_NAME_LEN];
	uint64_t vendor, device, class_code;
	int ret;

	bdf_str(bdf, name);
	*out = (struct host_pci){ .bdf = bdf, .group = -1 };
	if (!host_exists(h, PCI_DIR "/%s", name))
		return no_such_function(h, bdf, e);
	if ((ret = read_id(h, name, "vendor", &vendor, e)) ||
	    (ret = read_id(h, name, "device", &device, e)) ||
	    (ret = read_id(h, name, "class", &class_code, e)))
		return ret;
	out->vendor = (uint16_t)vendor;
	out->device = (uint16_t)device;
	out->class_code = (uint32_t)class_code;
	host_driver(h, bdf, out->driver, sizeof(out->driver));
	if (!host_link_name(h, link, sizeof(link), PCI_DIR "/%s/iommu_group",
			    name))
		out->group = host_group_number(link);
	out->is_vf = !host_link_name(h, link, sizeof(link),
				     PCI_DIR "/%s/physfn", name) &&
		     !bdf_parse(link, &out->pf);
	return 0;
}

int host_reset_methods(const struct host *h, struct bdf bdf, char *buf,
		       size_t len)
{
	char name[BDF_STR_LEN];
	ssize_t n;

	bdf_str(bdf, name);
	n = host_read(h, buf, len, PCI_DIR "/%s/reset_method", name);
	if (n >= 0)
		return 0;
	if (n != -ENOENT)
		return (int)n;
	/* Before 5.15, or none: then there is no file "reset" either. */
	snprintf(buf, len, "%s",
		 host_exists(h, PCI_DIR "/%s/reset", name) ? "unknown" : "");
	return 0;
}

/* --- groups --- */

struct member_list {
	struct bdf *bdfs;
	size_t nr;
};

static int add_member(const char *name, void *arg)
{
	struct member_list *l = arg;
	struct bdf bdf, *more;

	if (bdf_parse(name, &bdf))
		return 0;
	more = realloc(l->bdfs, (l->nr + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	l->bdfs = more;
	l->bdfs[l->nr++] = bdf;
	return 0;
}

static int by_bdf(const void *a, const void *b)
{
	return bdf_cmp(*(const struct bdf *)a, *(const struct bdf *)b);
}

static int each_member(const struct host *h, const struct member_list *l,
		       int (*fn)(struct bdf bdf, const char *driver, void *arg),
		       void *arg)
{
	char driver[HOST_NAME_LEN];
	int ret = 0;

	for (size_t i = 0; i < l->nr && !ret; i++) {
		host_driver(h, l->bdfs[i], driver, sizeof(driver));
		ret = fn(l->bdfs[i], driver, arg);
	}
	return ret;
}

int host_group_each(const struct host *h, int group,
		    int (*fn)(struct bdf bdf, const char *driver, void *arg),
		    void *arg, struct err *e)
{
	struct member_list l = { 0 };
	char who[32];
	int ret;

	ret = host_each_name(h, add_member, &l, GROUP_DIR "/%d/devices", group);
	if (ret) {
		snprintf(who, sizeof(who), "IOMMU group %d", group);
		errno = -ret;
		ret = err_sys(e, who, "list its devices");
	} else if (l.nr) {
		qsort(l.bdfs, l.nr, sizeof(*l.bdfs), by_bdf);
		ret = each_member(h, &l, fn, arg);
	}
	free(l.bdfs);
	return ret;
}

struct other_search {
	const struct host *h;
	int group;
	struct host_other *out;
};

static int other_with_driver(const char *name, void *arg)
{
	struct other_search *s = arg;
	struct bdf bdf;

	if (!bdf_parse(name, &bdf) ||
	    host_link_name(s->h, s->out->driver, sizeof(s->out->driver),
			   GROUP_DIR "/%d/devices/%s/driver", s->group, name))
		return 0;
	snprintf(s->out->name, sizeof(s->out->name), "%s", name);
	return 1;
}

bool host_group_other(const struct host *h, int group, struct host_other *out)
{
	struct other_search s = { .h = h, .group = group, .out = out };

	return host_each_name(h, other_with_driver, &s, GROUP_DIR "/%d/devices",
			      group) == 1;
}

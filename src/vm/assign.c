// SPDX-License-Identifier: GPL-2.0-or-later
/* Which devices of the host a VM gets, and their binding to vfio-pci. */
/*
 * How this works
 *
 * Each --device is looked up on the host once; with multifunction=keep it
 * becomes one assignment per function of its host slot. All are checked before
 * the first is bound, so that a refusal leaves the host as it was. Mediated
 * devices and open files have nothing to bind.
 *
 * A cdev appears when its device is bound, so that part is looked up after it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/vm/assign.h"

/* --- what was named --- */

static int look_up(const struct config_device *d, const struct host *h,
		   struct host_vfio *out, struct err *e)
{
	if (d->fd >= 0)
		return host_vfio_by_fd(h, d->fd, out, e);
	if (d->path[0])
		return host_vfio_by_path(h, d->path, out, e);
	return host_vfio_by_bdf(h, d->bdf, out, e);
}

static int check_unique(const struct assignments *a, const struct assignment *n,
			struct err *e)
{
	for (unsigned int i = 0; i < a->nr; i++)
		if (!strcmp(a->at[i].device.id.name, n->device.id.name))
			return err_set(e, EINVAL, "--device %s: is given twice",
				       n->device.id.name);
	return 0;
}

static int add_one(struct assignments *a, const struct config_device *d,
		   const struct host_vfio *id, int function, struct err *e)
{
	struct assignment *n = &a->at[a->nr];
	int ret;

	if (a->nr == CONFIG_MAX_DEVICES)
		return err_set(e, EINVAL,
			       "--device %s: a guest takes at most %d devices",
			       id->name, CONFIG_MAX_DEVICES);
	*n = (struct assignment){
		.config = d,
		.device = { .id = *id,
			    .fd = d->fd,
			    .vf_token = d->vf_token[0] ? d->vf_token : NULL },
		.function = function,
	};
	ret = check_unique(a, n, e);
	if (!ret)
		a->nr++;
	return ret;
}

static int add_slot(struct assignments *a, const struct config_device *d,
		    const struct host *h, struct err *e)
{
	char name[BDF_STR_LEN];

	for (unsigned int function = 0; function < 8; function++) {
		struct bdf bdf = d->bdf;
		struct host_vfio id;
		int ret;

		bdf.devfn = (uint8_t)((bdf.devfn & ~7u) | function);
		if (!host_exists(h, "sys/bus/pci/devices/%s",
				 bdf_str(bdf, name)))
			continue;
		ret = host_vfio_by_bdf(h, bdf, &id, e);
		if (!ret)
			ret = add_one(a, d, &id, (int)function, e);
		if (ret)
			return ret;
	}
	return 0;
}

static int look_up_all(const struct config *c, const struct host *h,
		       struct assignments *a, struct err *e)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < c->nr_devices; i++) {
		const struct config_device *d = &c->devices[i];
		struct host_vfio id;

		/* Also says so if the named function is not there. */
		ret = look_up(d, h, &id, e);
		if (ret)
			return ret;
		ret = d->keep_functions ? add_slot(a, d, h, e)
					: add_one(a, d, &id, -1, e);
	}
	return ret;
}

/* --- binding --- */

static bool is_to_bind(const struct assignment *a)
{
	return a->device.id.is_pci && a->device.fd < 0 && a->config->managed;
}

static int check_all(const struct config *c, const struct host *h,
		     const struct assignments *a, struct err *e)
{
	struct bdf managed[CONFIG_MAX_DEVICES];
	struct iommu_to_bind to_bind = { .bdfs = managed,
					 .kind = c->iommu_kind };
	int ret = 0;

	for (unsigned int i = 0; i < a->nr; i++)
		if (is_to_bind(&a->at[i]))
			managed[to_bind.nr++] = a->at[i].device.id.bdf;
	for (unsigned int i = 0; !ret && i < a->nr; i++)
		if (a->at[i].device.id.is_pci && a->at[i].device.fd < 0)
			ret = iommu_group_check_with(h, a->at[i].device.id.bdf,
						     &to_bind, e);
	/* Each bind asks again; but then others have lost their driver. */
	for (unsigned int i = 0; !ret && i < to_bind.nr; i++)
		ret = host_bind_check(h, managed[i], e);
	return ret;
}

static int bind_one(const struct host *h, struct assignment *a, struct err *e)
{
	struct host_vfio *id = &a->device.id;
	int ret = host_bind_vfio(h, id->bdf, &a->bind, e);

	return ret ? ret : host_vfio_by_bdf(h, id->bdf, id, e);
}

int assign_devices(const struct config *c, const struct host *h,
		   struct assignments *out, struct err *e)
{
	int ret;

	*out = (struct assignments){ .nr = 0 };
	ret = look_up_all(c, h, out, e);
	if (!ret)
		ret = check_all(c, h, out, e);
	for (unsigned int i = 0; !ret && i < out->nr; i++)
		if (is_to_bind(&out->at[i]))
			ret = bind_one(h, &out->at[i], e);
	return ret;
}

void assign_opened(struct assignments *a)
{
	for (unsigned int i = 0; i < a->nr; i++)
		host_bind_opened(&a->at[i].bind);
}

void assign_gone(struct assignment *a)
{
	a->is_gone = true;
	a->bind.was_taken = true;
	iommu_device_fini(&a->device);
	if (a->device.fd >= 0)
		close(a->device.fd);
	a->device.fd = -1;
}

/* Whether both ask for functions of one slot. */
static bool same_slot(const struct assignment *a, const struct assignment *b)
{
	return a->config->devfn >= 0 && b->config->devfn >= 0 &&
	       a->config->devfn >> 3 == b->config->devfn >> 3;
}

int assign_devfn(const struct assignments *a, const struct assignment *of)
{
	bool lost_first = false;

	for (unsigned int i = 0; i < a->nr; i++) {
		const struct assignment *other = &a->at[i];

		if (!same_slot(of, other) ||
		    other->config->devfn >= of->config->devfn)
			continue;
		if (!other->is_gone)
			return of->config->devfn;
		lost_first |= !(other->config->devfn & 7);
	}
	return lost_first ? of->config->devfn & ~7 : of->config->devfn;
}

bool assign_undo(const struct host *h, struct assignments *a)
{
	bool all = true;

	for (unsigned int i = a->nr; i-- > 0;) {
		struct err e = { 0 };

		iommu_device_fini(&a->at[i].device);
		if (host_bind_undo(h, &a->at[i].bind, &e)) {
			err_print(&e, stderr);
			all = false;
		}
	}
	return all;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Everything about a plan that can be refused before anything changes. */
#include <errno.h>
#include <string.h>

#include "tools/vf/work.h"

struct check {
	const struct host *h;
	const struct target *t;
	const struct vf_want *want;
	const struct vf_state *vf; /* NULL: it is made, or made anew */
	const char *who;
	bool force, is_dry;
};

/* Those that are there would be lost, which is what resize is for. Under the
 * lock, because another instance may just have made them. */
static int check_create(const struct target *t, struct err *e)
{
	const struct pf_want *want = t->want;
	char s[BDF_STR_LEN];
	int ret;

	if (!want->is_create || !t->was.pf.nr_vfs ||
	    t->was.pf.nr_vfs == want->count)
		return 0;
	ret = err_set(e, EBUSY, "%s: it has %u VFs already",
		      bdf_str(t->was.pf.bdf, s), t->was.pf.nr_vfs);
	err_hint(
		e,
		"strait-vf resize %s %u makes them anew; those that stay keep their settings",
		s, want->count);
	return ret;
}

static int check_count(const struct host *h, const struct target *t, bool force,
		       struct err *e)
{
	const struct pf_want *want = t->want;
	struct host_vfs_opts opts = { .probe = want->probe, .force = force };

	if (!want->has_count || want->count == t->was.pf.nr_vfs)
		return 0;
	return host_vfs_check(h, t->was.pf.bdf, want->count, &opts, e);
}

static int check_eswitch(const struct target *t, struct err *e)
{
	enum devlink_eswitch mode;
	char s[BDF_STR_LEN];
	int ret;

	if (!t->want->has_eswitch || t->was.has_eswitch)
		return 0;
	ret = devlink_eswitch_get("pci", bdf_str(t->was.pf.bdf, s), &mode, e);
	return ret ? err_ctx(e, ret, "eswitch") : 0;
}

/* --- one VF --- */

static int check_link(const struct check *c, struct err *e)
{
	const char *netdev = c->t->was.netdev;
	char pf[BDF_STR_LEN];
	unsigned int key = c->want->conf.keys;
	int ret;

	if (!key)
		return 0;
	if (netdev[0])
		return vf_conf_check(c->h, netdev, c->who, &c->want->conf, e);
	key &= -key;
	ret = err_set(
		e, EOPNOTSUPP,
		"%s: %s: it is set through a network interface of the PF %s, which has none here",
		c->who, vf_key_name((enum vf_key)key),
		bdf_str(c->t->was.pf.bdf, pf));
	err_hint(
		e,
		"it is no network card, or its driver is not loaded, or the interface is in another network namespace");
	return ret;
}

static int check_fn(const struct check *c, struct err *e)
{
	const struct pf_state *pf = &c->t->was;
	unsigned int key = c->want->fn.keys;
	char s[BDF_STR_LEN];
	int ret;

	if (!key ||
	    (c->t->want->has_eswitch ? c->t->want->eswitch : pf->eswitch) ==
		    DEVLINK_SWITCHDEV)
		return 0;
	key &= -key;
	ret = err_set(
		e, EOPNOTSUPP,
		"%s: %s: it is a setting of a port of the PF's switch, and %s is not in switchdev mode",
		c->who, devlink_fn_key_name((enum devlink_fn_key)key),
		bdf_str(pf->pf.bdf, s));
	err_hint(e, "strait-vf set %s eswitch=switchdev", s);
	return ret;
}

static int refuse_bound(const struct check *c, struct err *e)
{
	int ret = err_set(
		e, EBUSY,
		"%s: msix: the number of its vectors cannot change while a driver has it (%s)",
		c->who, c->vf->is.driver);

	err_hint(e, "echo %s > /sys/bus/pci/devices/%s/driver/unbind", c->who,
		 c->who);
	return ret;
}

static int check_msix(const struct check *c, struct err *e)
{
	const struct pf_state *pf = &c->t->was;
	char s[BDF_STR_LEN];

	if (!c->want->has_msix || (c->vf && !diff_msix(c->want, c->vf)))
		return 0;
	if (!pf->pf.vf_total_msix)
		return err_set(
			e, EOPNOTSUPP,
			"%s: msix: its PF %s has no pool of MSI-X vectors to give it more or fewer",
			c->who, bdf_str(pf->pf.bdf, s));
	if (c->want->msix > pf->pf.vf_total_msix)
		return err_set(
			e, ERANGE,
			"%s: msix: %u vectors are more than the pool of %s has, %u",
			c->who, c->want->msix, bdf_str(pf->pf.bdf, s),
			pf->pf.vf_total_msix);
	/* Made before it gets another driver, but after a release. */
	if (c->vf && c->vf->is.driver[0] &&
	    strcmp(c->want->driver, VF_DRIVER_HOST) != 0)
		return refuse_bound(c, e);
	return 0;
}

static int check_loaded(const struct check *c, struct err *e)
{
	const char *driver = c->want->driver;

	/* Who only looks loads no module. */
	if (!strcmp(driver, VF_DRIVER_HOST) ||
	    host_exists(c->h, "sys/bus/pci/drivers/%s", driver) ||
	    (c->is_dry && driver_is_known(c->h, driver)))
		return 0;
	err_set(e, ENOENT, "%s: driver: %s is not loaded", c->who, driver);
	err_hint(e, "modprobe %s", driver);
	return -ENOENT;
}

/* It is to go back to the host, and is there. */
static bool is_released(const struct check *c)
{
	return !strcmp(c->want->driver, VF_DRIVER_HOST) && !c->vf->has_record &&
	       !host_is_vfio_driver(c->vf->is.driver);
}

static int check_driver(const struct check *c, struct err *e)
{
	struct host_bind_opts opts = { .driver = c->want->driver,
				       .force = c->force };
	struct bdf vf;
	int ret;

	if (!c->want->driver[0])
		return 0;
	if (!c->vf)
		return check_loaded(c, e);
	vf = c->vf->vf.dev.bdf;
	if (!strcmp(c->want->driver, c->vf->is.driver) || is_released(c))
		return 0;
	/* Also of what is on another driver: its interface may be in another
	 * network namespace, which binding does not see. */
	ret = c->force ? 0 : host_vf_in_use(c->h, vf, e);
	if (ret || !strcmp(c->want->driver, VF_DRIVER_HOST))
		return ret;
	/* With force binding itself says what is lost. */
	ret = check_loaded(c, e);
	if (ret || c->force ||
	    !host_exists(c->h, "sys/bus/pci/drivers/%s", c->want->driver))
		return ret;
	return host_bind_driver_check(c->h, vf, &opts, e);
}

static int check_owner(const struct check *c, struct err *e)
{
	const char *driver = c->want->driver;

	if (!c->want->owner[0])
		return 0;
	if (!*driver && c->vf)
		driver = c->vf->is.driver;
	if (host_is_vfio_driver(driver))
		return owner_check(c->who, c->want->owner, e);
	err_set(e, EINVAL,
		"%s: owner: what a user gets are VFIO files, and its driver is %s",
		c->who, *driver ? driver : "none");
	err_hint(e, "with driver vfio-pci it has some");
	return -EINVAL;
}

static int check_vf(const struct check *c, struct err *e)
{
	int ret;

	if ((ret = check_link(c, e)) || (ret = check_fn(c, e)) ||
	    (ret = check_msix(c, e)) || (ret = check_driver(c, e)))
		return ret;
	return check_owner(c, e);
}

static int check_index(const struct target *t, unsigned int index,
		       struct err *e)
{
	unsigned int count = diff_count(t->want, &t->was);
	char s[BDF_STR_LEN];

	if (index < count)
		return 0;
	err_set(e, ERANGE, "%s: it has no VF %u: there are %u, from 0 on",
		bdf_str(t->was.pf.bdf, s), index, count);
	if (index < t->was.pf.total_vfs)
		err_hint(e, "strait-vf resize %s %u makes it", s, index + 1);
	return -ERANGE;
}

int target_check(const struct host *h, const struct target *t,
		 const struct work_opts *opts, struct err *e)
{
	bool is_anew = t->want->has_count && t->want->count != t->was.pf.nr_vfs;
	int ret = check_create(t, e);

	if (!ret)
		ret = check_count(h, t, opts->force, e);
	if (!ret)
		ret = check_eswitch(t, e);
	for (size_t i = 0; !ret && i < t->want->nr_vfs; i++) {
		const struct vf_want *want = &t->want->vfs[i];
		char who[40];
		struct check c = { .h = h,
				   .t = t,
				   .want = want,
				   .who = who,
				   .force = opts->force,
				   .is_dry = opts->is_dry };

		c.vf = is_anew ? NULL : state_vf(&t->was, want->index);
		diff_function(&t->was, want->index, who, sizeof(who));
		ret = check_index(t, want->index, e);
		if (!ret)
			ret = check_vf(&c, e);
	}
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* How many VFs a PF has, and their MSI-X vectors. */
/*
 * How this works
 *
 * sriov_numvfs goes from 0 to a number and back to 0, never from one number to
 * another (sriov_numvfs_store in the kernel's drivers/pci/iov.c). So whoever
 * wants another number loses the VFs that are there, and all users of them are
 * looked for first. The PF's driver may make fewer than asked for and call that
 * a success: the number is read back.
 *
 * sriov_drivers_autoprobe tells whether drivers of the host may take the VFs.
 * It stays as asked while the VFs are there, because the VFs' uevents make udev
 * load their driver some time after the write has returned. What it was before
 * is a note (lock.c), and put back when the VFs go.
 *
 * Taking VFs away from a process that has them by VFIO blocks in the kernel
 * until it lets go of them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/log.h"
#include "src/host/priv.h"

#define PCI_DIR "sys/bus/pci/devices"

/* --- may it be done? --- */

static int refuse_user(const struct host_vf *vf, pid_t pid, const char *name,
		       struct err *e)
{
	char s[BDF_STR_LEN], pf[BDF_STR_LEN];
	int ret;

	ret = err_set(e, EBUSY, "%s: VF %u of %s is in use by %s (pid %d)",
		      bdf_str(vf->dev.bdf, s), vf->index,
		      bdf_str(vf->dev.pf, pf), name, (int)pid);
	err_hint(e, "end that first, or take the VF out of it");
	return ret;
}

/* The folder net goes with the last interface in it, but does not show those of
 * other network namespaces. */
static int check_namespace(const struct host *h, const struct host_vf *vf,
			   struct err *e)
{
	char s[BDF_STR_LEN];
	int ret;

	bdf_str(vf->dev.bdf, s);
	if (!host_exists(h, PCI_DIR "/%s/net", s) ||
	    host_has_entries(h, PCI_DIR "/%s/net", s))
		return 0;
	ret = err_set(
		e, EBUSY,
		"%s: its interface is in another network namespace (a container's?)",
		s);
	err_hint(
		e,
		"end what has it, or bring it back first (lsns -t net lists namespaces)");
	return ret;
}

static int check_vf(const struct host *h, const struct host_vf *vf,
		    struct err *e)
{
	char name[HOST_NAME_LEN];
	pid_t pid;
	int ret;

	if (!host_is_vfio_driver(vf->dev.driver)) {
		ret = host_in_use(h, vf->dev.bdf, e);
		return ret ? ret : check_namespace(h, vf, e);
	}
	pid = host_vfio_holder(h, vf->dev.bdf, name, sizeof(name));
	return pid ? refuse_user(vf, pid, name, e) : 0;
}

int host_vf_in_use(const struct host *h, struct bdf vf, struct err *e)
{
	struct host_vf v;
	int ret = host_vf_get(h, vf, &v, e);

	return ret ? ret : check_vf(h, &v, e);
}

struct user_search {
	const struct host *h;
	bool force;
	struct err *e;
};

static int refuse_if_used(const struct host_vf *vf, void *arg)
{
	struct user_search *s = arg;
	struct err used = { 0 };
	char name[BDF_STR_LEN];

	if (!check_vf(s->h, vf, &used))
		return 0;
	if (!s->force) {
		*s->e = used;
		return -EBUSY;
	}
	/* The message starts with the address as well. */
	bdf_str(vf->dev.bdf, name);
	log_warn(name, "it is taken away all the same: %s",
		 used.msg + strlen(name) + 2);
	return 0;
}

static int check_driver(const struct host_pf *pf, const char *s, struct err *e)
{
	int ret;

	if (pf->driver[0] && !host_is_vfio_driver(pf->driver))
		return 0;
	if (pf->driver[0]) {
		ret = err_set(
			e, EBUSY,
			"%s: it is bound to %s, and only its own driver makes VFs",
			s, pf->driver);
		err_hint(
			e,
			"end the VM that has it, or: echo %s > /sys/bus/pci/drivers/%s/unbind; echo > /sys/bus/pci/devices/%s/driver_override; echo %s > /sys/bus/pci/drivers_probe",
			s, pf->driver, s, s);
	} else {
		ret = err_set(
			e, ENODEV,
			"%s: it has no driver, and only its own makes VFs", s);
		err_hint(
			e,
			"load its driver (`lspci -nnk -s %s` names the modules), then: echo %s > /sys/bus/pci/drivers_probe",
			s, s);
	}
	return ret;
}

static int check_maximum(const struct host_pf *pf, const char *s,
			 unsigned int count, struct err *e)
{
	int ret;

	if (count <= pf->total_vfs)
		return 0;
	ret = err_set(e, ERANGE, "%s: %u VFs are too many, its maximum is %u",
		      s, count, pf->total_vfs);
	if (!pf->total_vfs)
		err_hint(
			e,
			"its driver or firmware allows none: the device's own firmware may have to be told (for mlx5: mlxconfig SRIOV_EN, NUM_OF_VFS)");
	return ret;
}

static int check_set(const struct host_pf *pf, unsigned int count,
		     struct err *e)
{
	char name[BDF_STR_LEN];
	int ret;

	bdf_str(pf->bdf, name);
	ret = check_maximum(pf, name, count, e);
	if (ret || count == pf->nr_vfs)
		return ret;
	return check_driver(pf, name, e);
}

static int check_users(const struct host *h, const struct host_pf *pf,
		       bool force, struct err *e)
{
	struct user_search s = { .h = h, .force = force, .e = e };

	return host_vf_each(h, pf->bdf, refuse_if_used, &s, e);
}

int host_vfs_check(const struct host *h, struct bdf pf, unsigned int count,
		   const struct host_vfs_opts *opts, struct err *e)
{
	struct host_pf p;
	int ret;

	if ((ret = host_pf_get(h, pf, &p, e)) ||
	    (ret = check_set(&p, count, e)))
		return ret;
	if (count == p.nr_vfs || opts->force)
		return 0;
	return check_users(h, &p, false, e);
}

/* --- sriov_drivers_autoprobe --- */

static int write_autoprobe(const struct host *h, const char *s, bool probe,
			   struct err *e)
{
	int ret = host_write(h, probe ? "1" : "0",
			     PCI_DIR "/%s/sriov_drivers_autoprobe", s);

	if (ret == -ENOENT && probe)
		return 0;
	if (!ret)
		return 0;
	errno = -ret;
	ret = err_sys(e, s, "write its sriov_drivers_autoprobe");
	if (ret == -ENOENT)
		err_hint(e,
			 "kernels before 4.12 cannot keep drivers off new VFs");
	else if (ret == -EACCES)
		err_hint(e, "run as root");
	return ret;
}

/* What the file was before anyone set it for a time. */
static bool autoprobe_before(const struct host *h, const struct host_pf *pf)
{
	char text[8];

	if (host_note_read(h, pf->bdf, "autoprobe", text, sizeof(text)) < 0)
		return pf->autoprobe;
	return *text == '1';
}

/* pf is how it is now. */
static int set_autoprobe(const struct host *h, const struct host_pf *pf,
			 bool probe, struct err *e)
{
	bool before = autoprobe_before(h, pf);
	char s[BDF_STR_LEN];
	int ret = 0;

	if (probe != before)
		ret = host_note_write(h, pf->bdf, "autoprobe",
				      before ? "1" : "0", e);
	if (!ret && pf->autoprobe != probe)
		ret = write_autoprobe(h, bdf_str(pf->bdf, s), probe, e);
	if (!ret && probe == before)
		host_note_drop(h, pf->bdf, "autoprobe");
	return ret;
}

/* --- the number --- */

static int write_number(const struct host *h, const struct host_pf *pf,
			unsigned int count, struct err *e)
{
	char s[BDF_STR_LEN], text[16], op[80];
	int ret;

	bdf_str(pf->bdf, s);
	snprintf(text, sizeof(text), "%u", count);
	log_debug(s, "writing %s to its sriov_numvfs", text);
	ret = host_write(h, text, PCI_DIR "/%s/sriov_numvfs", s);
	if (!ret)
		return 0;
	if (count)
		snprintf(op, sizeof(op), "make %u VFs (sriov_numvfs)", count);
	else
		snprintf(op, sizeof(op), "remove its VFs (sriov_numvfs)");
	errno = -ret;
	ret = err_sys(e, s, op);
	host_vfs_hint(h, pf, count, e);
	return ret;
}

static int check_number(const struct host *h, const struct host_pf *pf,
			unsigned int count, struct err *e)
{
	char s[BDF_STR_LEN];
	uint64_t now = 0;
	int ret;

	bdf_str(pf->bdf, s);
	if (host_read_u64(h, &now, PCI_DIR "/%s/sriov_numvfs", s))
		return err_sys(e, s, "read its sriov_numvfs");
	if (now == count)
		return 0;
	ret = err_set(e, EIO, "%s: %u VFs were asked for, its driver made %u",
		      s, count, (unsigned int)now);
	err_hint(e, "the kernel log may say why (dmesg | grep %s)", s);
	return ret;
}

static int change(const struct host *h, const struct host_pf *pf,
		  unsigned int count, bool probe, struct err *e)
{
	int ret;

	if (pf->nr_vfs && (ret = write_number(h, pf, 0, e)))
		return ret;
	if ((ret = set_autoprobe(h, pf, probe, e)))
		return ret;
	if (count && (ret = write_number(h, pf, count, e)))
		return ret;
	return check_number(h, pf, count, e);
}

static int make_again(const struct host *h, const struct host_pf *was,
		      struct err *e)
{
	struct host_pf now;
	struct err first = { 0 };
	int ret, probe_ret;

	if ((ret = host_pf_get(h, was->bdf, &now, e)))
		return ret;
	if (now.nr_vfs && now.nr_vfs != was->nr_vfs &&
	    (ret = write_number(h, &now, 0, e)))
		return ret;
	/* Whatever becomes of this, the VFs are worth more. */
	probe_ret = set_autoprobe(h, &now, was->autoprobe, &first);
	if (was->nr_vfs && now.nr_vfs != was->nr_vfs &&
	    ((ret = write_number(h, &now, was->nr_vfs, e)) ||
	     (ret = check_number(h, &now, was->nr_vfs, e))))
		return ret;
	if (probe_ret)
		*e = first;
	return probe_ret;
}

/* Keeps the first failure as the message; a second one replaces the hint. */
static void roll_back(const struct host *h, const struct host_pf *was,
		      struct err *e)
{
	struct err second = { 0 };

	if (!make_again(h, was, &second))
		return;
	e->hint[0] = '\0';
	err_hint(e,
		 "and it could not be put back to the %u VFs of before: %.400s",
		 was->nr_vfs, second.msg);
}

int host_vfs_set(const struct host *h, struct bdf pf, unsigned int count,
		 const struct host_vfs_opts *opts, struct err *e)
{
	struct host_pf p;
	char s[BDF_STR_LEN];
	bool probe;
	int ret;

	if ((ret = host_pf_get(h, pf, &p, e)) ||
	    (ret = check_set(&p, count, e)))
		return ret;
	probe = count ? opts->probe : autoprobe_before(h, &p);
	if (count == p.nr_vfs)
		return set_autoprobe(h, &p, probe, e);
	if ((ret = check_users(h, &p, opts->force, e)))
		return ret;
	ret = change(h, &p, count, probe, e);
	if (ret)
		roll_back(h, &p, e);
	else
		log_info(bdf_str(pf, s), "it has %u VFs now, %u before", count,
			 p.nr_vfs);
	return ret;
}

/* --- MSI-X vectors --- */

static int check_msix(const struct host_vf *vf, const struct host_pf *pf,
		      unsigned int count, struct err *e)
{
	char s[BDF_STR_LEN], name[BDF_STR_LEN];
	int ret;

	bdf_str(vf->dev.bdf, s);
	bdf_str(pf->bdf, name);
	if (!pf->vf_total_msix) {
		ret = err_set(
			e, EOPNOTSUPP,
			"%s: the number of its MSI-X vectors is fixed, its PF %s has no pool of them",
			s, name);
	} else if (count > pf->vf_total_msix) {
		ret = err_set(
			e, ERANGE,
			"%s: %u MSI-X vectors are too many, the pool of all VFs of %s has %u",
			s, count, name, pf->vf_total_msix);
	} else if (vf->dev.driver[0]) {
		ret = err_set(
			e, EBUSY,
			"%s: the number of its MSI-X vectors cannot change while a driver has it (%s)",
			s, vf->dev.driver);
		err_hint(e, "echo %s > /sys/bus/pci/devices/%s/driver/unbind",
			 s, s);
	} else {
		ret = 0;
	}
	return ret;
}

int host_vf_msix_set(const struct host *h, struct bdf vf, unsigned int count,
		     struct err *e)
{
	char s[BDF_STR_LEN], pf[BDF_STR_LEN], text[16], op[80];
	struct host_vf v;
	struct host_pf p;
	int ret;

	if ((ret = host_vf_get(h, vf, &v, e)) ||
	    (ret = host_pf_get(h, v.dev.pf, &p, e)) ||
	    (ret = check_msix(&v, &p, count, e)))
		return ret;
	snprintf(text, sizeof(text), "%u", count);
	ret = host_write(h, text, PCI_DIR "/%s/sriov_vf_msix_count",
			 bdf_str(vf, s));
	if (!ret)
		return 0;
	snprintf(op, sizeof(op), "give it %u MSI-X vectors", count);
	errno = -ret;
	ret = err_sys(e, s, op);
	if (ret == -EACCES)
		err_hint(e, "run as root");
	else
		err_hint(
			e,
			"the pool of all %u VFs of %s has %u; others may have taken too many of them, or its driver has limits for one VF",
			p.nr_vfs, bdf_str(p.bdf, pf), p.vf_total_msix);
	return ret;
}

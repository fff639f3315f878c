/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SR-IOV through sysfs: physical functions (PFs), their virtual functions
 * (VFs), how many there are, and a lock per PF for who changes that.
 */
#ifndef STRAIT_HOST_SRIOV_H
#define STRAIT_HOST_SRIOV_H

#include "src/host/host.h"

struct host_pf {
	struct bdf bdf;
	char driver[HOST_NAME_LEN]; /* "" if it has none */
	unsigned int total_vfs, nr_vfs;
	uint16_t vf_device;	     /* device ID of its VFs; 0 if unknown */
	unsigned int offset, stride; /* of the VFs' routing IDs */
	bool autoprobe;		     /* the host's drivers take new VFs */
	unsigned int vf_total_msix;  /* pool of MSI-X vectors; 0: none */
};

struct host_vf {
	unsigned int index; /* N of virtfnN */
	struct host_pci dev;
};

/*
 * -ENODEV no such function (the hint suggests the nearest PF), -EINVAL it is a
 * VF (of which PF, and its index), -EOPNOTSUPP it has no SR-IOV.
 */
int host_pf_get(const struct host *h, struct bdf bdf, struct host_pf *out,
		struct err *e);

/*
 * Finds a PF by what a user may call it: a BDF ("0000:01:00.0", "01:00.0"), an
 * interface ("eth0"), or "driver/port": "igb/1" is the second PF, in BDF order,
 * that has the driver igb; a port that is the phys_port_name of a PF's
 * interface ("mlx5_core/p1") comes before that. -ENODEV, or what host_pf_get
 * returns.
 */
int host_pf_find(const struct host *h, const char *name, struct host_pf *out,
		 struct err *e);

/*
 * Calls fn for each function with SR-IOV, in BDF order, until it returns
 * non-zero, which is then returned. A PF that vanishes meanwhile is left out.
 */
int host_pf_each(const struct host *h,
		 int (*fn)(const struct host_pf *pf, void *arg), void *arg,
		 struct err *e);
/* The same for the VFs of a PF, by index. */
int host_vf_each(const struct host *h, struct bdf pf,
		 int (*fn)(const struct host_vf *vf, void *arg), void *arg,
		 struct err *e);

/* -ENODEV (the hint suggests the nearest VF) or -EINVAL: it is no VF. */
int host_vf_get(const struct host *h, struct bdf bdf, struct host_vf *out,
		struct err *e);

/*
 * The function nearest to one that does not exist: the fewest digits differ.
 * False if the machine has none of that kind.
 */
enum host_kind { HOST_ANY, HOST_PF, HOST_VF };
bool host_pci_nearest(const struct host *h, struct bdf bdf, enum host_kind kind,
		      struct bdf *out);

/*
 * The network interface of a function (of a PF in switchdev mode the uplink,
 * not a representor; of several the first port's). False if it has none in
 * this network namespace.
 */
bool host_netdev(const struct host *h, struct bdf bdf, char *buf, size_t len);

/*
 * The process, other than this one, that has a function's VFIO group or cdev
 * open. 0 if none is seen; other users' processes are seen by root alone.
 */
pid_t host_vfio_holder(const struct host *h, struct bdf bdf, char *name,
		       size_t len);

/* --- one at a time --- */

/*
 * An advisory lock on /run/strait/lock/BDF.lock, dropped when the process ends.
 * wait_ms 0 does not wait. -EBUSY says who has it.
 */
struct host_lock {
	int fd; /* -1 when not held */
};
int host_pf_lock(const struct host *h, struct bdf pf, unsigned int wait_ms,
		 struct host_lock *lock, struct err *e);
/* Safe on a lock that is not held ({-1}). */
void host_pf_unlock(struct host_lock *lock);

/*
 * Notes about a PF or VF that outlive a process but no boot (lock.c); whoever
 * writes holds the PF's lock. Reading returns the length or -errno.
 */
int host_note_write(const struct host *h, struct bdf pf, const char *what,
		    const char *text, struct err *e);
ssize_t host_note_read(const struct host *h, struct bdf pf, const char *what,
		       char *buf, size_t len);
void host_note_drop(const struct host *h, struct bdf pf, const char *what);

/* --- how many VFs; the caller holds the PF's lock --- */

struct host_vfs_opts {
	/*
	 * Whether the host's drivers may take the new VFs. The PF's
	 * sriov_drivers_autoprobe reads so as long as the VFs are there
	 * (udev may load a driver long after they were made), and is put back
	 * when host_vfs_set removes them.
	 */
	bool probe;
	/* Also if VFs are in use; a warning tells who loses which. The kernel
	 * waits for a process that has one by VFIO to let go of it. */
	bool force;
};

/*
 * Makes count VFs; the kernel wants those that are there removed before. With
 * as many as there are it changes none. Refuses, and writes nothing, if count
 * is over the maximum, if the PF has no driver of its own, or if a VF would be
 * lost that is in use. On a failure half-way the old number is made again, but
 * these are new VFs: settings and drivers of the old ones are the caller's to
 * put back.
 */
int host_vfs_set(const struct host *h, struct bdf pf, unsigned int count,
		 const struct host_vfs_opts *opts, struct err *e);
/* Only the refusals of that. */
int host_vfs_check(const struct host *h, struct bdf pf, unsigned int count,
		   const struct host_vfs_opts *opts, struct err *e);
/* -EBUSY names a user of the VF: a process with its VFIO device, what
 * host_in_use finds, or that its interface is in another namespace. */
int host_vf_in_use(const struct host *h, struct bdf vf, struct err *e);

/*
 * Gives a VF count MSI-X vectors of the PF's pool (0 puts back the default).
 * Refused while the VF has a driver and where the PF has no pool.
 */
int host_vf_msix_set(const struct host *h, struct bdf vf, unsigned int count,
		     struct err *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a PF and its VFs are, from sysfs, rtnetlink and devlink. */
#ifndef STRAIT_TOOLS_VF_STATE_H
#define STRAIT_TOOLS_VF_STATE_H

#include "src/host/sriov.h"
#include "tools/vf/setting.h"

enum { NETDEV_LEN = 16 };

struct vf_state {
	struct host_vf vf;
	char netdev[NETDEV_LEN];  /* its own on the host, "" without */
	char name[HOST_NAME_LEN]; /* where that is none: "nvme1", "mlx5_2" */
	/* What is known of its settings, in the form in which they are wanted;
	 * owner is the user of its VFIO file unless that is root. */
	struct vf_want is;
	bool has_counters;
	struct vf_counters counters;
	char node[32]; /* "/dev/vfio/11", "" without */
	pid_t holder;  /* process with its VFIO file, 0 for none seen */
	char holder_name[HOST_NAME_LEN];
	/* Entries that its table has with msix=0; 0 as long as none asked. */
	unsigned int msix_default;
	bool has_record; /* of how it was, see record.h: */
	char record_driver[HOST_NAME_LEN];
};

struct pf_state {
	struct host_pf pf;
	struct host_pci dev;
	char netdev[NETDEV_LEN]; /* "" without */
	bool has_eswitch;
	enum devlink_eswitch eswitch;
	struct vf_state *vfs; /* by number; some may have vanished */
	size_t nr_vfs;
};

/*
 * Fills *out, which the caller frees, also after a failure. What a driver does
 * not tell is left out, without an error.
 */
int state_read(const struct host *h, struct bdf pf, struct pf_state *out,
	       struct err *e);
void state_free(struct pf_state *s);
/* NULL if there is no such VF. */
const struct vf_state *state_vf(const struct pf_state *s, unsigned int index);

/* Entries of its MSI-X table, 0 without one or if that cannot be read. */
unsigned int state_msix(const struct host *h, struct bdf bdf);
/*
 * The kernel does not tell what the default is, so what was read after the last
 * msix=0 is noted, for this VF as long as it is not made anew.
 */
int state_msix_note(const struct host *h, struct bdf vf, unsigned int nr,
		    struct err *e);
/* The files of a function in /dev/vfio: a group's and, where the kernel has it,
 * the device's own. "" for none. */
struct vfio_nodes {
	char group[32], cdev[40];
};
void state_nodes(const struct host *h, struct bdf bdf, struct vfio_nodes *out);

#endif

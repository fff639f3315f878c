/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * devlink (generic netlink): the eswitch mode of a PF, and what its ports tell
 * and take about the functions behind them.
 *
 * A device is named as `devlink dev` shows it: bus "pci" and a BDF, or
 * "netdevsim" and "netdevsim1".
 */
#ifndef STRAIT_TOOLS_VF_DEVLINK_H
#define STRAIT_TOOLS_VF_DEVLINK_H

#include "src/base/err.h"

enum devlink_eswitch { DEVLINK_LEGACY, DEVLINK_SWITCHDEV };

/* "legacy" or "switchdev". */
const char *devlink_eswitch_name(enum devlink_eswitch mode);

/*
 * -ENODEV: the device has no devlink (its driver registers none, or there is
 * no such device); -EOPNOTSUPP: it has, but no eswitch mode.
 */
int devlink_eswitch_get(const char *bus, const char *dev,
			enum devlink_eswitch *out, struct err *e);
/* Sets, reads back and compares. */
int devlink_eswitch_set(const char *bus, const char *dev,
			enum devlink_eswitch mode, struct err *e);

/* Which members of a struct devlink_fn mean something. */
enum devlink_fn_key {
	DEVLINK_FN_HW_ADDR = 1 << 0,
	DEVLINK_FN_STATE = 1 << 1,
	DEVLINK_FN_ROCE = 1 << 2,
	DEVLINK_FN_MIGRATABLE = 1 << 3,
	DEVLINK_FN_ALL_KEYS = (1 << 4) - 1,
};

/* Attributes of the function behind a port. */
struct devlink_fn {
	unsigned int keys; /* enum devlink_fn_key, or-ed */
	uint8_t hw_addr[6];
	bool active; /* state */
	bool roce, migratable;
};

struct devlink_port {
	uint32_t index;
	char netdev[16]; /* its representor; "" if none here */
	bool is_vf;	 /* of a VF: pf and vf are valid */
	unsigned int pf, vf;
	struct devlink_fn fn; /* keys that the driver tells */
};

/* "hw_addr", "state", ...: of the one key. */
const char *devlink_fn_key_name(enum devlink_fn_key key);

/* The ports of a device, in memory that the caller frees (*out, NULL if there
 * are none). -ENODEV: no devlink. */
int devlink_ports_get(const char *bus, const char *dev,
		      struct devlink_port **out, size_t *nr, struct err *e);
/* One port from an answer to DEVLINK_CMD_PORT_GET; -ENOENT: of another device,
 * -EBADMSG. */
struct nlmsghdr;
int devlink_port_parse(struct nlmsghdr *msg, const char *bus, const char *dev,
		       struct devlink_port *out);
/* The port of a VF. -ENOENT (the hint: switchdev mode) if there is none. */
int devlink_port_of_vf(const char *bus, const char *dev, unsigned int vf,
		       struct devlink_port *out, struct err *e);
/*
 * Sets want's keys of the function behind a port one by one, reads back and
 * compares; an error names the key. *done (may be NULL) tells which were set.
 */
int devlink_fn_set(const char *bus, const char *dev, uint32_t port,
		   const struct devlink_fn *want, unsigned int *done,
		   struct err *e);

#endif

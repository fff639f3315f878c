/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network PF's settings of its VFs, by rtnetlink: what `ip link set PF vf N`
 * changes and `ip -d -s link show PF` shows.
 */
#ifndef STRAIT_TOOLS_VF_LINK_H
#define STRAIT_TOOLS_VF_LINK_H

#include "src/base/err.h"
#include "src/host/host.h"

enum vf_link_state { VF_LINK_AUTO, VF_LINK_ON, VF_LINK_OFF };

/* Which members of a struct vf_conf mean something. */
enum vf_key {
	VF_MAC = 1 << 0,
	VF_VLAN = 1 << 1,
	VF_RATE = 1 << 2,
	VF_SPOOFCHK = 1 << 3,
	VF_TRUST = 1 << 4,
	VF_LINK = 1 << 5,
	VF_RSS = 1 << 6,
	VF_ALL_KEYS = (1 << 7) - 1,
};

/* ETH_P_8021Q and ETH_P_8021AD, as <linux/if_ether.h> has them. */
enum { VF_PROTO_8021Q = 0x8100, VF_PROTO_8021AD = 0x88a8 };

struct vf_conf {
	unsigned int keys; /* enum vf_key, or-ed */
	uint8_t mac[6];
	uint16_t vlan; /* 0: none */
	uint8_t qos;
	uint16_t proto;		     /* VF_PROTO_*; 0 counts as 802.1Q */
	uint32_t min_rate, max_rate; /* Mbit/s; 0: no limit */
	bool spoofchk, trust, rss;
	enum vf_link_state link;
};

struct vf_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t broadcast, multicast, rx_dropped, tx_dropped;
};

struct vf_link {
	unsigned int index;  /* VF number */
	struct vf_conf conf; /* keys that the driver tells */
	bool has_counters;
	struct vf_counters counters;
};

/* "mac", "vlan", ...: of the one key, as the command line spells it. */
const char *vf_key_name(enum vf_key key);
/* Those keys of want that read otherwise in is, or that is has not. */
unsigned int vf_conf_differs(const struct vf_conf *want,
			     const struct vf_conf *is);
/* The value of one key as text, as the command line would take it. Returns
 * buf. */
const char *vf_conf_str(const struct vf_conf *conf, enum vf_key key, char *buf,
			size_t len);

/*
 * The VFs of an interface by number, in memory that the caller frees (*out,
 * NULL if there are none). -ENODEV if there is no such interface.
 */
int vf_links_get(const char *ifname, struct vf_link **out, size_t *nr,
		 struct err *e);
/* The same from an RTM_NEWLINK message. -ENOMEM or -EBADMSG. */
struct nlmsghdr;
int vf_links_parse(struct nlmsghdr *msg, struct vf_link **out, size_t *nr);

/*
 * Refuses values that make no sense or that this interface cannot do: -EINVAL
 * or -ERANGE. who starts the message (a VF's BDF). ifname may be NULL: then the
 * link's speed is not looked at.
 */
int vf_conf_check(const struct host *h, const char *ifname, const char *who,
		  const struct vf_conf *want, struct err *e);

/*
 * Sets want's keys of a VF one by one, reads back, and compares. Checks first,
 * as vf_conf_check. An error names the key: -EOPNOTSUPP, the driver has none of
 * it; -EIO, something else came back. For a rate it may wait seconds for the
 * link, which is down after VFs were made. *done tells which keys were set, for
 * who wants to undo; may be NULL.
 */
int vf_link_set(const struct host *h, const char *ifname, const char *who,
		unsigned int index, const struct vf_conf *want,
		unsigned int *done, struct err *e);
/*
 * Puts back what was read before: sets those keys of was that differ now,
 * without asking whether they make sense (a MAC of zeros is "none").
 */
int vf_link_restore(const struct host *h, const char *ifname, const char *who,
		    unsigned int index, const struct vf_conf *was,
		    struct err *e);

#endif

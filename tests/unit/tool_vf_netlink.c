// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What netlink messages tell of VFs and ports: messages are made here by libnl
 * as the kernel would. Setting is a lab test.
 */
#include <errno.h>
#include <linux/devlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "tests/tap.h"
#include "tools/vf/devlink.h"
#include "tools/vf/link.h"

static struct nl_msg *msg;
static struct nlattr *list;
static struct vf_link *vfs;
static size_t nr;

static void start(void)
{
	struct ifinfomsg ifi = { .ifi_index = 3 };

	nlmsg_free(msg);
	free(vfs);
	vfs = NULL;
	msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);
	CHECK(msg);
	CHECK_EQ(nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO), 0);
	list = nla_nest_start(msg, IFLA_VFINFO_LIST);
	CHECK(list);
}

static void put_pair(int type, uint32_t vf, uint32_t value)
{
	const uint32_t pair[2] = { vf, value };

	CHECK_EQ(nla_put(msg, type, sizeof(pair), pair), 0);
}

static struct nlattr *vf_start(uint32_t vf)
{
	const struct ifla_vf_mac mac = {
		.vf = vf, .mac = { 2, 0, 0, 0, 0, (uint8_t)vf }
	};
	struct nlattr *info = nla_nest_start(msg, IFLA_VF_INFO);

	CHECK(info);
	CHECK_EQ(nla_put(msg, IFLA_VF_MAC, sizeof(mac), &mac), 0);
	return info;
}

static int parse(void)
{
	nla_nest_end(msg, list);
	return vf_links_parse(nlmsg_hdr(msg), &vfs, &nr);
}

static void put_vlan(uint32_t vf, uint16_t vlan, uint16_t proto)
{
	const struct ifla_vf_vlan_info info = {
		.vf = vf, .vlan = vlan, .qos = 3, .vlan_proto = htobe16(proto)
	};
	struct nlattr *vlans = nla_nest_start(msg, IFLA_VF_VLAN_LIST);

	CHECK(vlans);
	CHECK_EQ(nla_put(msg, IFLA_VF_VLAN_INFO, sizeof(info), &info), 0);
	nla_nest_end(msg, vlans);
}

static void all_settings_are_read(void)
{
	const struct ifla_vf_rate rate = { .vf = 0,
					   .min_tx_rate = 10,
					   .max_tx_rate = 200 };
	struct nlattr *info;

	start();
	info = vf_start(0);
	put_vlan(0, 7, VF_PROTO_8021AD);
	CHECK_EQ(nla_put(msg, IFLA_VF_RATE, sizeof(rate), &rate), 0);
	put_pair(IFLA_VF_SPOOFCHK, 0, 1);
	put_pair(IFLA_VF_TRUST, 0, 0);
	put_pair(IFLA_VF_RSS_QUERY_EN, 0, 1);
	put_pair(IFLA_VF_LINK_STATE, 0, IFLA_VF_LINK_STATE_DISABLE);
	nla_nest_end(msg, info);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(nr, 1);
	CHECK_EQ(vfs->conf.keys, VF_ALL_KEYS);
	CHECK_EQ(vfs->conf.mac[0], 2);
	CHECK_EQ(vfs->conf.vlan, 7);
	CHECK_EQ(vfs->conf.qos, 3);
	CHECK_EQ(vfs->conf.proto, VF_PROTO_8021AD);
	CHECK_EQ(vfs->conf.min_rate, 10);
	CHECK_EQ(vfs->conf.max_rate, 200);
	CHECK(vfs->conf.spoofchk);
	CHECK(!vfs->conf.trust);
	CHECK(vfs->conf.rss);
	CHECK_EQ(vfs->conf.link, VF_LINK_OFF);
	CHECK(!vfs->has_counters);
}

static void a_switch_of_minus_one_is_not_told(void)
{
	struct nlattr *info;

	start();
	info = vf_start(0);
	put_pair(IFLA_VF_SPOOFCHK, 0, UINT32_MAX);
	put_pair(IFLA_VF_TRUST, 0, UINT32_MAX);
	put_pair(IFLA_VF_RSS_QUERY_EN, 0, UINT32_MAX);
	nla_nest_end(msg, info);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(vfs->conf.keys, VF_MAC);
}

static void an_old_kernels_vlan_is_read(void)
{
	const struct ifla_vf_vlan vlan = { .vf = 0, .vlan = 12, .qos = 1 };
	struct nlattr *info;

	start();
	info = vf_start(0);
	CHECK_EQ(nla_put(msg, IFLA_VF_VLAN, sizeof(vlan), &vlan), 0);
	nla_nest_end(msg, info);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(vfs->conf.vlan, 12);
	CHECK_EQ(vfs->conf.qos, 1);
	CHECK_EQ(vfs->conf.proto, VF_PROTO_8021Q);
}

static void counters_are_read(void)
{
	struct nlattr *info, *stats;

	start();
	info = vf_start(0);
	stats = nla_nest_start(msg, IFLA_VF_STATS);
	CHECK(stats);
	CHECK_EQ(nla_put_u64(msg, IFLA_VF_STATS_RX_PACKETS, 11), 0);
	CHECK_EQ(nla_put_u64(msg, IFLA_VF_STATS_TX_BYTES, 22), 0);
	CHECK_EQ(nla_put_u64(msg, IFLA_VF_STATS_RX_DROPPED, 33), 0);
	CHECK_EQ(nla_put_u64(msg, IFLA_VF_STATS_TX_DROPPED, 44), 0);
	nla_nest_end(msg, stats);
	nla_nest_end(msg, info);
	CHECK_EQ(parse(), 0);
	CHECK(vfs->has_counters);
	CHECK_EQ(vfs->counters.rx_packets, 11);
	CHECK_EQ(vfs->counters.tx_bytes, 22);
	CHECK_EQ(vfs->counters.rx_dropped, 33);
	CHECK_EQ(vfs->counters.tx_dropped, 44);
	CHECK_EQ(vfs->counters.rx_bytes, 0);
}

static void vfs_are_sorted_by_number(void)
{
	start();
	nla_nest_end(msg, vf_start(2));
	nla_nest_end(msg, vf_start(0));
	nla_nest_end(msg, vf_start(1));
	CHECK_EQ(parse(), 0);
	CHECK_EQ(nr, 3);
	CHECK_EQ(vfs[0].index, 0);
	CHECK_EQ(vfs[1].index, 1);
	CHECK_EQ(vfs[2].index, 2);
	CHECK_EQ(vfs[2].conf.mac[5], 2);
}

static void an_interface_without_vfs_has_none(void)
{
	start();
	CHECK_EQ(parse(), 0);
	CHECK_EQ(nr, 0);
	CHECK(!vfs);
}

static void a_short_attribute_is_refused(void)
{
	struct nlattr *info;

	start();
	info = vf_start(0);
	CHECK_EQ(nla_put_u32(msg, IFLA_VF_TRUST, 0), 0);
	nla_nest_end(msg, info);
	CHECK_EQ(parse(), -EBADMSG);
	CHECK(!vfs);
}

static void a_vf_without_number_is_refused(void)
{
	struct nlattr *info;

	start();
	info = nla_nest_start(msg, IFLA_VF_INFO);
	CHECK(info);
	put_pair(IFLA_VF_TRUST, 0, 1);
	nla_nest_end(msg, info);
	CHECK_EQ(parse(), -EBADMSG);
}

/* --- ports --- */

static void start_port(const char *dev)
{
	nlmsg_free(msg);
	msg = nlmsg_alloc();
	CHECK(msg);
	CHECK(genlmsg_put(msg, 0, 0, 20, 0, 0, DEVLINK_CMD_PORT_NEW, 1));
	CHECK_EQ(nla_put_string(msg, DEVLINK_ATTR_BUS_NAME, "pci"), 0);
	CHECK_EQ(nla_put_string(msg, DEVLINK_ATTR_DEV_NAME, dev), 0);
	CHECK_EQ(nla_put_u32(msg, DEVLINK_ATTR_PORT_INDEX, 129), 0);
}

static int parse_port(struct devlink_port *port)
{
	return devlink_port_parse(nlmsg_hdr(msg), "pci", "0000:01:00.0", port);
}

static void a_vfs_port_is_read(void)
{
	struct devlink_port port;

	start_port("0000:01:00.0");
	CHECK_EQ(nla_put_u16(msg, DEVLINK_ATTR_PORT_FLAVOUR,
			     DEVLINK_PORT_FLAVOUR_PCI_VF),
		 0);
	CHECK_EQ(nla_put_u16(msg, DEVLINK_ATTR_PORT_PCI_PF_NUMBER, 1), 0);
	CHECK_EQ(nla_put_u16(msg, DEVLINK_ATTR_PORT_PCI_VF_NUMBER, 4), 0);
	CHECK_EQ(nla_put_string(msg, DEVLINK_ATTR_PORT_NETDEV_NAME, "pf1vf4"),
		 0);
	CHECK_EQ(parse_port(&port), 0);
	CHECK_EQ(port.index, 129);
	CHECK(port.is_vf);
	CHECK_EQ(port.pf, 1);
	CHECK_EQ(port.vf, 4);
	CHECK(!strcmp(port.netdev, "pf1vf4"));
	CHECK_EQ(port.fn.keys, 0);
}

static void an_uplink_is_no_vfs_port(void)
{
	struct devlink_port port;

	start_port("0000:01:00.0");
	CHECK_EQ(nla_put_u16(msg, DEVLINK_ATTR_PORT_FLAVOUR,
			     DEVLINK_PORT_FLAVOUR_PHYSICAL),
		 0);
	CHECK_EQ(parse_port(&port), 0);
	CHECK(!port.is_vf);
}

static void a_port_of_another_device_is_passed_over(void)
{
	struct devlink_port port;

	start_port("0000:01:00.1");
	CHECK_EQ(parse_port(&port), -ENOENT);
}

static void a_functions_attributes_are_read(void)
{
	static const uint8_t addr[6] = { 2, 0, 0, 0, 0, 9 };
	/* roce is known and off, migratable is known and on */
	const struct nla_bitfield32 caps = { .value = 2, .selector = 3 };
	struct devlink_port port;
	struct nlattr *fn;

	start_port("0000:01:00.0");
	fn = nla_nest_start(msg, DEVLINK_ATTR_PORT_FUNCTION);
	CHECK(fn);
	CHECK_EQ(nla_put(msg, DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, 6, addr), 0);
	CHECK_EQ(nla_put_u8(msg, DEVLINK_PORT_FN_ATTR_STATE,
			    DEVLINK_PORT_FN_STATE_ACTIVE),
		 0);
	CHECK_EQ(nla_put(msg, 4 /* CAPS */, sizeof(caps), &caps), 0);
	nla_nest_end(msg, fn);
	CHECK_EQ(parse_port(&port), 0);
	CHECK_EQ(port.fn.keys, DEVLINK_FN_ALL_KEYS);
	CHECK(!memcmp(port.fn.hw_addr, addr, sizeof(addr)));
	CHECK(port.fn.active);
	CHECK(!port.fn.roce);
	CHECK(port.fn.migratable);
}

static void capabilities_that_are_not_selected_are_not_told(void)
{
	const struct nla_bitfield32 caps = { .value = 1, .selector = 1 };
	struct devlink_port port;
	struct nlattr *fn;

	start_port("0000:01:00.0");
	fn = nla_nest_start(msg, DEVLINK_ATTR_PORT_FUNCTION);
	CHECK(fn);
	CHECK_EQ(nla_put(msg, 4 /* CAPS */, sizeof(caps), &caps), 0);
	nla_nest_end(msg, fn);
	CHECK_EQ(parse_port(&port), 0);
	CHECK_EQ(port.fn.keys, DEVLINK_FN_ROCE);
	CHECK(port.fn.roce);
}

/* --- without a kernel that has what is asked for --- */

static void an_unknown_interface_is_told(void)
{
	struct err err = { 0 };

	CHECK_EQ(vf_links_get("no-such-if0", &vfs, &nr, &err), -ENODEV);
	CHECK_HAS(err.msg, "no-such-if0: there is no such interface");
}

static void an_interface_that_is_no_pf_has_no_vfs(void)
{
	struct err err = { 0 };

	CHECK_EQ(vf_links_get("lo", &vfs, &nr, &err), 0);
	CHECK_EQ(nr, 0);
}

static void a_device_without_devlink_is_told(void)
{
	struct err err = { 0 };
	enum devlink_eswitch mode;

	CHECK_EQ(devlink_eswitch_get("pci", "ffff:ff:1f.7", &mode, &err),
		 -ENODEV);
	CHECK_HAS(err.msg, "ffff:ff:1f.7");
}

int main(void)
{
	TAP_RUN(all_settings_are_read);
	TAP_RUN(a_switch_of_minus_one_is_not_told);
	TAP_RUN(an_old_kernels_vlan_is_read);
	TAP_RUN(counters_are_read);
	TAP_RUN(vfs_are_sorted_by_number);
	TAP_RUN(an_interface_without_vfs_has_none);
	TAP_RUN(a_short_attribute_is_refused);
	TAP_RUN(a_vf_without_number_is_refused);
	TAP_RUN(a_vfs_port_is_read);
	TAP_RUN(an_uplink_is_no_vfs_port);
	TAP_RUN(a_port_of_another_device_is_passed_over);
	TAP_RUN(a_functions_attributes_are_read);
	TAP_RUN(capabilities_that_are_not_selected_are_not_told);
	TAP_RUN(an_unknown_interface_is_told);
	TAP_RUN(an_interface_that_is_no_pf_has_no_vfs);
	TAP_RUN(a_device_without_devlink_is_told);
	nlmsg_free(msg);
	free(vfs);
	return tap_done();
}

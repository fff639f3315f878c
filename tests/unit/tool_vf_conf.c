// SPDX-License-Identifier: GPL-2.0-or-later
/* Settings of a VF: text, comparison, what is refused. */
#include <errno.h>

#include "tests/fake/tree.h"
#include "tests/tap.h"
#include "tools/vf/link.h"

static struct tree tree;
static struct host host;
static struct err err;

static void start(void)
{
	if (tree.root[0]) {
		tree_remove(&tree);
		host_close(&host);
	}
	err = (struct err){ 0 };
	tree_make(&tree);
	tree_load(&tree, "igb");
	tree_add(&tree, "sys/class/net/eth0/speed = 1000");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
}

static int check(struct vf_conf want)
{
	return vf_conf_check(&host, "eth0", "0000:01:10.0", &want, &err);
}

static const char *str(struct vf_conf conf, enum vf_key key)
{
	static char buf[64];

	return vf_conf_str(&conf, key, buf, sizeof(buf));
}

/* --- refusals --- */

static void an_address_of_zeros_is_refused(void)
{
	start();
	CHECK_EQ(check((struct vf_conf){ .keys = VF_MAC }), -EINVAL);
	CHECK_HAS(err.msg, "0000:01:10.0: mac=00:00:00:00:00:00");
}

static void a_multicast_address_is_refused(void)
{
	start();
	CHECK_EQ(check((struct vf_conf){ .keys = VF_MAC,
					 .mac = { 1, 0, 0x5e, 0, 0, 1 } }),
		 -EINVAL);
	CHECK_HAS(err.msg, "multicast");
	CHECK_EQ(check((struct vf_conf){
			 .keys = VF_MAC,
			 .mac = { 255, 255, 255, 255, 255, 255 } }),
		 -EINVAL);
}

static void an_ordinary_address_is_taken(void)
{
	start();
	CHECK_EQ(check((struct vf_conf){ .keys = VF_MAC,
					 .mac = { 2, 0, 0, 0, 0, 0 } }),
		 0);
}

static void vlans_end_at_4094(void)
{
	start();
	CHECK_EQ(check((struct vf_conf){ .keys = VF_VLAN, .vlan = 4094 }), 0);
	CHECK_EQ(check((struct vf_conf){ .keys = VF_VLAN, .vlan = 4095 }),
		 -ERANGE);
	CHECK_HAS(err.msg, "vlan=4095");
}

static void priorities_end_at_7(void)
{
	start();
	CHECK_EQ(check((struct vf_conf){ .keys = VF_VLAN, .qos = 7 }), 0);
	CHECK_EQ(check((struct vf_conf){ .keys = VF_VLAN, .qos = 8 }), -ERANGE);
}

static void other_protocols_are_refused(void)
{
	start();
	CHECK_EQ(check((struct vf_conf){ .keys = VF_VLAN,
					 .vlan = 2,
					 .proto = VF_PROTO_8021AD }),
		 0);
	CHECK_EQ(check((struct vf_conf){
			 .keys = VF_VLAN, .vlan = 2, .proto = 0x0800 }),
		 -EINVAL);
}

static void a_minimum_over_the_maximum_is_refused(void)
{
	start();
	CHECK_EQ(check((struct vf_conf){
			 .keys = VF_RATE, .min_rate = 20, .max_rate = 10 }),
		 -EINVAL);
	CHECK_HAS(err.msg, "rate=20-10");
}

static void a_minimum_without_maximum_is_taken(void)
{
	start();
	CHECK_EQ(check((struct vf_conf){ .keys = VF_RATE, .min_rate = 20 }), 0);
}

static void a_rate_over_the_link_is_refused(void)
{
	start();
	CHECK_EQ(check((struct vf_conf){ .keys = VF_RATE, .max_rate = 1000 }),
		 0);
	CHECK_EQ(check((struct vf_conf){ .keys = VF_RATE, .max_rate = 1001 }),
		 -ERANGE);
	CHECK_HAS(err.msg, "the link of eth0 has 1000 Mbit/s");
	CHECK_EQ(check((struct vf_conf){ .keys = VF_RATE, .min_rate = 1001 }),
		 -ERANGE);
}

static void an_unknown_speed_limits_nothing(void)
{
	start();
	tree_add(&tree, "sys/class/net/eth0/speed = -1");
	CHECK_EQ(check((struct vf_conf){ .keys = VF_RATE, .max_rate = 40000 }),
		 0);
	tree_add(&tree, "- sys/class/net/eth0/speed");
	CHECK_EQ(check((struct vf_conf){ .keys = VF_RATE, .max_rate = 40000 }),
		 0);
}

static void what_is_not_to_be_set_is_not_looked_at(void)
{
	start();
	CHECK_EQ(check((struct vf_conf){ .keys = VF_TRUST, .vlan = 9999 }), 0);
}

/* --- comparison --- */

static void equal_settings_do_not_differ(void)
{
	struct vf_conf a = { .keys = VF_ALL_KEYS, .mac = { 2 }, .vlan = 5 };

	CHECK_EQ(vf_conf_differs(&a, &a), 0);
}

static void each_key_that_differs_is_told(void)
{
	const struct vf_conf a = { .keys = VF_ALL_KEYS };
	const struct vf_conf b = { .keys = VF_ALL_KEYS,
				   .mac = { 2 },
				   .vlan = 1,
				   .max_rate = 1,
				   .spoofchk = true,
				   .trust = true,
				   .rss = true,
				   .link = VF_LINK_OFF };
	const struct vf_conf c = { .keys = VF_ALL_KEYS, .trust = true };

	CHECK_EQ(vf_conf_differs(&a, &b), VF_ALL_KEYS);
	CHECK_EQ(vf_conf_differs(&a, &c), VF_TRUST);
}

static void only_wanted_keys_are_compared(void)
{
	const struct vf_conf want = { .keys = VF_MAC };
	const struct vf_conf is = { .keys = VF_ALL_KEYS, .vlan = 7 };

	CHECK_EQ(vf_conf_differs(&want, &is), 0);
}

static void a_key_that_is_not_told_differs(void)
{
	const struct vf_conf want = { .keys = VF_TRUST };
	const struct vf_conf is = { .keys = VF_ALL_KEYS & ~VF_TRUST };

	CHECK_EQ(vf_conf_differs(&want, &is), VF_TRUST);
}

static void no_protocol_is_802_1q(void)
{
	const struct vf_conf a = { .keys = VF_VLAN, .vlan = 7 };
	const struct vf_conf q = { .keys = VF_VLAN,
				   .vlan = 7,
				   .proto = VF_PROTO_8021Q };
	const struct vf_conf ad = { .keys = VF_VLAN,
				    .vlan = 7,
				    .proto = VF_PROTO_8021AD };

	CHECK_EQ(vf_conf_differs(&a, &q), 0);
	CHECK_EQ(vf_conf_differs(&a, &ad), VF_VLAN);
}

/* --- text --- */

static void values_read_as_the_command_line_takes_them(void)
{
	const struct vf_conf c = { .mac = { 2, 0, 0xab, 0, 0, 1 },
				   .vlan = 100,
				   .max_rate = 200,
				   .min_rate = 10,
				   .trust = true,
				   .link = VF_LINK_OFF };

	CHECK(!strcmp(str(c, VF_MAC), "02:00:ab:00:00:01"));
	CHECK(!strcmp(str(c, VF_VLAN), "100"));
	CHECK(!strcmp(str(c, VF_RATE), "10-200"));
	CHECK(!strcmp(str(c, VF_TRUST), "on"));
	CHECK(!strcmp(str(c, VF_SPOOFCHK), "off"));
	CHECK(!strcmp(str(c, VF_RSS), "off"));
	CHECK(!strcmp(str(c, VF_LINK), "off"));
}

static void a_vlan_shows_what_is_not_usual(void)
{
	CHECK(!strcmp(str((struct vf_conf){ .vlan = 5, .qos = 3 }, VF_VLAN),
		      "5:3"));
	CHECK(!strcmp(
		str((struct vf_conf){ .vlan = 5, .proto = VF_PROTO_8021AD },
		    VF_VLAN),
		"5:0:802.1ad"));
	CHECK(!strcmp(str((struct vf_conf){ .proto = VF_PROTO_8021Q }, VF_VLAN),
		      "0"));
}

int main(void)
{
	TAP_RUN(an_address_of_zeros_is_refused);
	TAP_RUN(a_multicast_address_is_refused);
	TAP_RUN(an_ordinary_address_is_taken);
	TAP_RUN(vlans_end_at_4094);
	TAP_RUN(priorities_end_at_7);
	TAP_RUN(other_protocols_are_refused);
	TAP_RUN(a_minimum_over_the_maximum_is_refused);
	TAP_RUN(a_minimum_without_maximum_is_taken);
	TAP_RUN(a_rate_over_the_link_is_refused);
	TAP_RUN(an_unknown_speed_limits_nothing);
	TAP_RUN(what_is_not_to_be_set_is_not_looked_at);
	TAP_RUN(equal_settings_do_not_differ);
	TAP_RUN(each_key_that_differs_is_told);
	TAP_RUN(only_wanted_keys_are_compared);
	TAP_RUN(a_key_that_is_not_told_differs);
	TAP_RUN(no_protocol_is_802_1q);
	TAP_RUN(values_read_as_the_command_line_takes_them);
	TAP_RUN(a_vlan_shows_what_is_not_usual);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}

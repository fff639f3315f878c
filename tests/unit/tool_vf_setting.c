// SPDX-License-Identifier: GPL-2.0-or-later
/* Settings of VFs: values that are taken, refused, and written again. */
#include <errno.h>

#include "tests/tap.h"
#include "tools/vf/setting.h"

static struct vf_want want;
static struct err err;

static int parse(const char *name, const char *value)
{
	const struct setting *s;

	err = (struct err){ 0 };
	s = setting_find("0000:01:10.0", name, &err);
	return s ? setting_parse(s, name, &want, value, &err) : -ENOENT;
}

/* The text of a value that was parsed from another. */
static const char *again(const char *name, const char *value)
{
	static char text[SETTING_TEXT_LEN];

	want = (struct vf_want){ 0 };
	CHECK_EQ(parse(name, value), 0);
	return setting_text(setting_find("", name, &err), &want, text);
}

static void every_value_is_written_as_it_was_read(void)
{
	static const struct {
		const char *name, *value;
	} all[] = {
		{ "mac", "52:54:00:aa:bb:0c" },
		{ "vlan", "0" },
		{ "vlan", "4094" },
		{ "vlan", "100:3" },
		{ "vlan", "0:3" },
		{ "vlan", "100:0:802.1ad" },
		{ "rate", "0" },
		{ "rate", "1000" },
		{ "rate", "10-1000" },
		{ "spoofchk", "on" },
		{ "trust", "off" },
		{ "link", "auto" },
		{ "link", "on" },
		{ "link", "off" },
		{ "rss", "on" },
		{ "msix", "8" },
		{ "driver", "vfio-pci" },
		{ "owner", "alice" },
		{ "hw_addr", "52:54:00:aa:bb:0c" },
		{ "state", "active" },
		{ "state", "inactive" },
		{ "roce", "off" },
		{ "migratable", "on" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		CHECK(!strcmp(again(all[i].name, all[i].value), all[i].value));
}

static void defaults_of_a_vlan_are_left_out(void)
{
	CHECK(!strcmp(again("vlan", "100:0:802.1Q"), "100"));
	CHECK(!strcmp(again("vlan", "100:0"), "100"));
	CHECK(!strcmp(again("rate", "0-500"), "500"));
}

static void values_are_refused_with_the_reason(void)
{
	static const struct {
		const char *name, *value, *why;
	} all[] = {
		{ "mac", "01:00:5e:00:00:01", "multicast" },
		{ "mac", "00:00:00:00:00:00", "no address" },
		{ "mac", "ff:ff:ff:ff:ff:ff", "multicast" },
		{ "mac", "52:54:00:aa:bb", "no MAC address" },
		{ "mac", "52:54:00:aa:bb:cc:dd", "no MAC address" },
		{ "mac", "52-54-00-aa-bb-cc", "no MAC address" },
		{ "vlan", "4095", "over the highest VLAN" },
		{ "vlan", "-1", "no VLAN" },
		{ "vlan", "100:8", "highest priority" },
		{ "vlan", "100:1:802.3", "no VLAN" },
		{ "vlan", "0:3:802.1ad", "only one has" },
		{ "vlan", "100:", "no VLAN" },
		{ "vlan", "100:1:", "no VLAN" },
		{ "vlan", "99999999999999999999", "no VLAN" },
		{ "rate", "100-10", "least is over its most" },
		{ "rate", "fast", "no rate" },
		{ "rate", "10-", "no rate" },
		{ "rate", "4294967296", "no rate" },
		{ "trust", "yes", "neither on nor off" },
		{ "link", "up", "not one of its values" },
		{ "msix", "2049", "no number of MSI-X" },
		{ "driver", "../../x", "no name of a driver" },
		{ "driver", "", "no name of a driver" },
		{ "driver", "a/b", "no name of a driver" },
		{ "owner", "-x", "no name of a user" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		want = (struct vf_want){ 0 };
		CHECK_EQ(parse(all[i].name, all[i].value), -EINVAL);
		CHECK_HAS(err.msg, all[i].name);
		CHECK_HAS(err.msg, all[i].why);
		CHECK(setting_is_empty(&want));
	}
}

static void an_unknown_setting_gets_the_nearest(void)
{
	CHECK_EQ(parse("spofchk", "on"), -ENOENT);
	CHECK_HAS(err.msg, "no setting \"spofchk\"");
	CHECK_HAS(err.hint, "did you mean spoofchk?");
}

static void merging_keeps_what_is_there(void)
{
	struct vf_want below = { 0 };
	char text[SETTING_TEXT_LEN];

	want = (struct vf_want){ 0 };
	CHECK_EQ(parse("vlan", "7"), 0);
	CHECK_EQ(parse("trust", "on"), 0);
	below = want;
	want = (struct vf_want){ 0 };
	CHECK_EQ(parse("vlan", "8"), 0);
	setting_merge(&want, &below);
	CHECK(!strcmp(setting_text(setting_find("", "vlan", &err), &want, text),
		      "8"));
	CHECK(!strcmp(
		setting_text(setting_find("", "trust", &err), &want, text),
		"on"));
}

static void foreign_text_cannot_reach_the_terminal(void)
{
	char text[SETTING_TEXT_LEN];

	CHECK(!strcmp(setting_quote("\033[2J\r\nx", text), "?[2J??x"));
	CHECK_EQ(strlen(setting_quote("0123456789012345678901234567890123456789"
				      "012345678901234567890",
				      text)),
		 43);
}

int main(void)
{
	TAP_RUN(every_value_is_written_as_it_was_read);
	TAP_RUN(defaults_of_a_vlan_are_left_out);
	TAP_RUN(values_are_refused_with_the_reason);
	TAP_RUN(an_unknown_setting_gets_the_nearest);
	TAP_RUN(merging_keeps_what_is_there);
	TAP_RUN(foreign_text_cannot_reach_the_terminal);
	return tap_done();
}

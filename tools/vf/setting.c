// SPDX-License-Identifier: GPL-2.0-or-later
/* Settings of VFs, and their words. */
/*
 * How this works
 *
 * A setting is a row of a table: how its value is read into a struct vf_want
 * and written from it. Everything else knows settings by these rows alone: the
 * command line, plan files, undo records, and the comparison of what is wanted
 * with what is (equal when they read the same).
 *
 * The rows stand in the order in which settings are made: what a driver takes
 * only from a VF without one comes before the driver, whose files come before
 * their owner.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/base/options.h"
#include "tools/vf/setting.h"

enum { VLAN_MAX = 4094, QOS_MAX = 7, MSIX_MAX = 2048 };

const char *setting_quote(const char *text, char *buf)
{
	enum { SHOWN = 40 };
	size_t i;

	for (i = 0; i < SHOWN && text[i]; i++)
		buf[i] = isprint((unsigned char)text[i]) ? text[i] : '?';
	snprintf(buf + i, SETTING_TEXT_LEN - i, "%s", text[i] ? "..." : "");
	return buf;
}

static int bad_value(const char *value, const char *what, const char *hint,
		     struct err *e)
{
	char quoted[SETTING_TEXT_LEN];
	int ret = err_set(e, EINVAL, "\"%s\" is %s",
			  setting_quote(value, quoted), what);

	err_hint(e, "%s", hint);
	return ret;
}

/* A decimal number; *end is where it stops. */
static bool read_number(const char *s, unsigned long *out, const char **end)
{
	char *stop;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	*out = strtoul(s, &stop, 10);
	*end = stop;
	return !errno && *out <= UINT32_MAX;
}

/* --- mac and hw_addr --- */

static int parse_mac(const char *value, uint8_t *mac, struct err *e)
{
	static const char hint[] =
		"write six pairs of hexadecimal digits: 52:54:00:12:34:56";
	static const uint8_t zero[6];
	uint8_t out[6];

	for (unsigned int i = 0; i < 6; i++) {
		const char *s = value + 3 * (size_t)i;

		if (!isxdigit((unsigned char)s[0]) ||
		    !isxdigit((unsigned char)s[1]) ||
		    s[2] != (i < 5 ? ':' : '\0'))
			return bad_value(value, "no MAC address", hint, e);
		out[i] = (uint8_t)strtoul((char[]){ s[0], s[1], '\0' }, NULL,
					  16);
	}
	if (out[0] & 1)
		return bad_value(
			value, "a multicast address, which no VF can have",
			"the second digit has to be even: 52:54:00:12:34:56",
			e);
	if (!memcmp(out, zero, sizeof(zero)))
		return bad_value(value, "no address that a VF can have", hint,
				 e);
	memcpy(mac, out, sizeof(out));
	return 0;
}

static void format_mac(const uint8_t *mac, char *buf, size_t len)
{
	snprintf(buf, len, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
		 mac[2], mac[3], mac[4], mac[5]);
}

static int mac_parse(struct vf_want *w, const char *value, struct err *e)
{
	return parse_mac(value, w->conf.mac, e);
}

static void mac_format(const struct vf_want *w, char *buf, size_t len)
{
	format_mac(w->conf.mac, buf, len);
}

static int hw_addr_parse(struct vf_want *w, const char *value, struct err *e)
{
	return parse_mac(value, w->fn.hw_addr, e);
}

static void hw_addr_format(const struct vf_want *w, char *buf, size_t len)
{
	format_mac(w->fn.hw_addr, buf, len);
}

/* --- vlan --- */

static int parse_proto(const char *value, uint16_t *proto)
{
	if (!strcasecmp(value, "802.1q"))
		*proto = VF_PROTO_8021Q;
	else if (!strcasecmp(value, "802.1ad"))
		*proto = VF_PROTO_8021AD;
	else
		return -EINVAL;
	return 0;
}

static int vlan_parse(struct vf_want *w, const char *value, struct err *e)
{
	static const char hint[] =
		"write ID[:QOS[:PROTO]], for example 100, 100:3 or 100:3:802.1ad; 0 for none";
	unsigned long id, qos = 0;
	uint16_t proto = VF_PROTO_8021Q;
	const char *end;

	if (!read_number(value, &id, &end) ||
	    (*end == ':' && !read_number(end + 1, &qos, &end)) ||
	    (*end == ':' && parse_proto(end + 1, &proto)) ||
	    (*end && *end != ':'))
		return bad_value(value, "no VLAN", hint, e);
	if (id > VLAN_MAX)
		return bad_value(value, "over the highest VLAN, 4094", hint, e);
	if (qos > QOS_MAX)
		return bad_value(value, "over the highest priority, 7", hint,
				 e);
	/* 0 with a priority: frames without a VLAN, but with that priority. */
	if (!id && (proto != VF_PROTO_8021Q))
		return bad_value(value, "no VLAN, but has what only one has",
				 "write 0 alone for no VLAN", e);
	w->conf.vlan = (uint16_t)id;
	w->conf.qos = (uint8_t)qos;
	w->conf.proto = proto;
	return 0;
}

static void vlan_format(const struct vf_want *w, char *buf, size_t len)
{
	const struct vf_conf *c = &w->conf;

	if (c->vlan && c->proto == VF_PROTO_8021AD)
		snprintf(buf, len, "%u:%u:802.1ad", c->vlan, c->qos);
	else if (c->qos)
		snprintf(buf, len, "%u:%u", c->vlan, c->qos);
	else
		snprintf(buf, len, "%u", c->vlan);
}

/* --- rate --- */

static int rate_parse(struct vf_want *w, const char *value, struct err *e)
{
	static const char hint[] =
		"write MIN-MAX or MAX in Mbit/s, 0 for no limit: 100-1000";
	unsigned long min = 0, max;
	const char *end;

	if (!read_number(value, &max, &end))
		return bad_value(value, "no rate", hint, e);
	if (*end == '-') {
		min = max;
		if (!read_number(end + 1, &max, &end))
			return bad_value(value, "no rate", hint, e);
	}
	if (*end)
		return bad_value(value, "no rate", hint, e);
	if (max && min > max)
		return bad_value(value, "no rate: its least is over its most",
				 hint, e);
	w->conf.min_rate = (uint32_t)min;
	w->conf.max_rate = (uint32_t)max;
	return 0;
}

static void rate_format(const struct vf_want *w, char *buf, size_t len)
{
	if (w->conf.min_rate)
		snprintf(buf, len, "%u-%u", w->conf.min_rate, w->conf.max_rate);
	else
		snprintf(buf, len, "%u", w->conf.max_rate);
}

/* --- on or off --- */

static int parse_bool(const char *value, bool *out, struct err *e)
{
	bool on = !strcmp(value, "on");

	if (!on && strcmp(value, "off") != 0)
		return bad_value(value, "neither on nor off", "write on or off",
				 e);
	*out = on;
	return 0;
}

/* Both functions of a setting that is a bool of struct vf_want. */
#define BOOL_SETTING(name, member)                                             \
	static int name##_parse(struct vf_want *w, const char *value,          \
				struct err *e)                                 \
	{                                                                      \
		return parse_bool(value, &w->member, e);                       \
	}                                                                      \
	static void name##_format(const struct vf_want *w, char *buf,          \
				  size_t len)                                  \
	{                                                                      \
		snprintf(buf, len, "%s", w->member ? "on" : "off");            \
	}

BOOL_SETTING(spoofchk, conf.spoofchk)
BOOL_SETTING(trust, conf.trust)
BOOL_SETTING(rss, conf.rss)
BOOL_SETTING(roce, fn.roce)
BOOL_SETTING(migratable, fn.migratable)

/* --- words --- */

static int parse_word(const char *value, const char *const *words,
		      unsigned int nr, struct err *e)
{
	for (unsigned int i = 0; i < nr; i++)
		if (!strcmp(value, words[i]))
			return (int)i;
	bad_value(value, "not one of its values", words[nr], e);
	return -EINVAL;
}

/* Behind the words stands the hint. */
static const char *const link_words[] = { [VF_LINK_AUTO] = "auto",
					  [VF_LINK_ON] = "on",
					  [VF_LINK_OFF] = "off",
					  "write auto, on or off" };
static const char *const state_words[] = { "inactive", "active",
					   "write active or inactive" };

static int link_parse(struct vf_want *w, const char *value, struct err *e)
{
	int i = parse_word(value, link_words, 3, e);

	if (i < 0)
		return i;
	w->conf.link = (enum vf_link_state)i;
	return 0;
}

static void link_format(const struct vf_want *w, char *buf, size_t len)
{
	snprintf(buf, len, "%s", link_words[w->conf.link]);
}

static int state_parse(struct vf_want *w, const char *value, struct err *e)
{
	int i = parse_word(value, state_words, 2, e);

	if (i < 0)
		return i;
	w->fn.active = i == 1;
	return 0;
}

static void state_format(const struct vf_want *w, char *buf, size_t len)
{
	snprintf(buf, len, "%s", state_words[w->fn.active]);
}

/* --- msix, driver, owner --- */

static int msix_parse(struct vf_want *w, const char *value, struct err *e)
{
	static const char hint[] =
		"write a number of vectors from 1 to 2048, or 0 for the default";
	unsigned long n;
	const char *end;

	/* 2048 is the largest MSI-X table (PCIe 6.0 7.7.2.2). */
	if (!read_number(value, &n, &end) || *end || n > MSIX_MAX)
		return bad_value(value, "no number of MSI-X vectors", hint, e);
	w->has_msix = true;
	w->msix = (unsigned int)n;
	return 0;
}

static void msix_format(const struct vf_want *w, char *buf, size_t len)
{
	snprintf(buf, len, "%u", w->msix);
}

/* A name that becomes part of a path or goes to getpwnam(). */
static int parse_name(const char *value, char *out, size_t len,
		      const char *what, struct err *e)
{
	size_t n = strlen(value);
	bool ok = n && n < len && *value != '.' && *value != '-';

	for (size_t i = 0; i < n && ok; i++)
		ok = isalnum((unsigned char)value[i]) ||
		     strchr("._-", value[i]);
	if (!ok)
		return bad_value(
			value, what,
			"a name has letters, digits, dots, dashes and underscores",
			e);
	memcpy(out, value, n + 1);
	return 0;
}

static int driver_parse(struct vf_want *w, const char *value, struct err *e)
{
	return parse_name(value, w->driver, sizeof(w->driver),
			  "no name of a driver", e);
}

static void driver_format(const struct vf_want *w, char *buf, size_t len)
{
	snprintf(buf, len, "%s", w->driver);
}

static int owner_parse(struct vf_want *w, const char *value, struct err *e)
{
	return parse_name(value, w->owner, sizeof(w->owner),
			  "no name of a user", e);
}

static void owner_format(const struct vf_want *w, char *buf, size_t len)
{
	snprintf(buf, len, "%s", w->owner);
}

/* --- the table --- */

#define ROW(word, kind_, key_, arg_, types_)                                   \
	{                                                                      \
		.name = #word, .arg = (arg_), .kind = SETTING_##kind_,         \
		.key = (key_), .types = (types_), .parse = word##_parse,       \
		.format = word##_format                                        \
	}

static const struct setting settings[] = {
	ROW(msix, MSIX, 0, "N", SETTING_NUMBER),
	ROW(mac, LINK, VF_MAC, "MAC", SETTING_STRING),
	ROW(vlan, LINK, VF_VLAN, "ID[:QOS[:PROTO]]",
	    SETTING_NUMBER | SETTING_STRING),
	ROW(rate, LINK, VF_RATE, "[MIN-]MAX", SETTING_NUMBER | SETTING_STRING),
	ROW(spoofchk, LINK, VF_SPOOFCHK, "on|off", SETTING_BOOL),
	ROW(trust, LINK, VF_TRUST, "on|off", SETTING_BOOL),
	ROW(link, LINK, VF_LINK, "auto|on|off", SETTING_STRING),
	ROW(rss, LINK, VF_RSS, "on|off", SETTING_BOOL),
	ROW(hw_addr, FN, DEVLINK_FN_HW_ADDR, "MAC", SETTING_STRING),
	ROW(roce, FN, DEVLINK_FN_ROCE, "on|off", SETTING_BOOL),
	ROW(migratable, FN, DEVLINK_FN_MIGRATABLE, "on|off", SETTING_BOOL),
	ROW(state, FN, DEVLINK_FN_STATE, "active|inactive", SETTING_STRING),
	ROW(driver, DRIVER, 0, "NAME|host", SETTING_STRING),
	ROW(owner, OWNER, 0, "USER", SETTING_STRING),
};

const struct setting *setting_at(unsigned int i)
{
	return i < ARRAY_SIZE(settings) ? &settings[i] : NULL;
}

const struct setting *setting_find(const char *who, const char *name,
				   struct err *e)
{
	struct nearest near = { .word = name };
	char quoted[SETTING_TEXT_LEN];

	for (unsigned int i = 0; i < ARRAY_SIZE(settings); i++) {
		if (!strcmp(settings[i].name, name))
			return &settings[i];
		nearest_try(&near, settings[i].name);
	}
	err_set(e, EINVAL, "%s: a VF has no setting \"%s\"", who,
		setting_quote(name, quoted));
	if (near.best)
		err_hint(e, "did you mean %s?", near.best);
	err_hint(
		e,
		"settings are mac, vlan, rate, spoofchk, trust, link, rss, msix, driver, owner, hw_addr, state, roce, migratable");
	return NULL;
}

bool setting_is_in(const struct setting *s, const struct vf_want *w)
{
	switch (s->kind) {
	case SETTING_LINK:
		return w->conf.keys & s->key;
	case SETTING_FN:
		return w->fn.keys & s->key;
	case SETTING_MSIX:
		return w->has_msix;
	case SETTING_DRIVER:
		return w->driver[0];
	case SETTING_OWNER:
		return w->owner[0];
	}
	return false;
}

int setting_parse(const struct setting *s, const char *who, struct vf_want *w,
		  const char *value, struct err *e)
{
	int ret = s->parse(w, value, e);

	if (ret)
		return err_ctx(e, ret, "%s", who);
	if (s->kind == SETTING_LINK)
		w->conf.keys |= s->key;
	else if (s->kind == SETTING_FN)
		w->fn.keys |= s->key;
	return 0;
}

const char *setting_text(const struct setting *s, const struct vf_want *w,
			 char *buf)
{
	*buf = '\0';
	if (setting_is_in(s, w))
		s->format(w, buf, SETTING_TEXT_LEN);
	return buf;
}

/* What a VF was found with need not be what one may ask for (a MAC of zeros),
 * so values are copied and not parsed again. */
static void copy_conf(struct vf_conf *to, const struct vf_conf *from,
		      unsigned int key)
{
	to->keys |= key;
	if (key == VF_MAC)
		memcpy(to->mac, from->mac, sizeof(to->mac));
	else if (key == VF_VLAN) {
		to->vlan = from->vlan;
		to->qos = from->qos;
		to->proto = from->proto;
	} else if (key == VF_RATE) {
		to->min_rate = from->min_rate;
		to->max_rate = from->max_rate;
	} else if (key == VF_SPOOFCHK)
		to->spoofchk = from->spoofchk;
	else if (key == VF_TRUST)
		to->trust = from->trust;
	else if (key == VF_LINK)
		to->link = from->link;
	else if (key == VF_RSS)
		to->rss = from->rss;
}

static void copy_fn(struct devlink_fn *to, const struct devlink_fn *from,
		    unsigned int key)
{
	to->keys |= key;
	if (key == DEVLINK_FN_HW_ADDR)
		memcpy(to->hw_addr, from->hw_addr, sizeof(to->hw_addr));
	else if (key == DEVLINK_FN_STATE)
		to->active = from->active;
	else if (key == DEVLINK_FN_ROCE)
		to->roce = from->roce;
	else if (key == DEVLINK_FN_MIGRATABLE)
		to->migratable = from->migratable;
}

void setting_copy(const struct setting *s, struct vf_want *to,
		  const struct vf_want *from)
{
	switch (s->kind) {
	case SETTING_LINK:
		copy_conf(&to->conf, &from->conf, s->key);
		break;
	case SETTING_FN:
		copy_fn(&to->fn, &from->fn, s->key);
		break;
	case SETTING_MSIX:
		to->has_msix = true;
		to->msix = from->msix;
		break;
	case SETTING_DRIVER:
		memcpy(to->driver, from->driver, sizeof(to->driver));
		break;
	case SETTING_OWNER:
		memcpy(to->owner, from->owner, sizeof(to->owner));
		break;
	}
}

void setting_merge(struct vf_want *to, const struct vf_want *from)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(settings); i++)
		if (setting_is_in(&settings[i], from) &&
		    !setting_is_in(&settings[i], to))
			setting_copy(&settings[i], to, from);
}

bool setting_is_empty(const struct vf_want *w)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(settings); i++)
		if (setting_is_in(&settings[i], w))
			return false;
	return true;
}

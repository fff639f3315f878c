// SPDX-License-Identifier: GPL-2.0-or-later
/* What a record must not tell. */
/*
 * How this works
 *
 * People post records. So whatever identifies a machine, its owner or its
 * network is taken out before it is written, by these rules: text is kept if it
 * is one of a known set (mount points, words of the command line), replaced by
 * a number where only sameness counts (MAC addresses), and zeroed elsewhere
 * (serial numbers). tools/mktree, which captures trees for unit tests, has the
 * same policy.
 *
 * Kept, because it is what records are about: names of devices, drivers,
 * interfaces, bridges and disks as the kernel calls them.
 */
#include <ctype.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "tools/iommu/scrub.h"

enum { MAC_BYTES = 6 };

void scrub_fini(struct scrub *s)
{
	free(s->macs);
	*s = (struct scrub){ 0 };
}

/* --- MAC addresses --- */

/* Number of a MAC from 1 on. 0 when memory is out: then all look the same. */
static unsigned int number_of(struct scrub *s, uint64_t mac)
{
	uint64_t *more;

	for (unsigned int i = 0; i < s->nr; i++)
		if (s->macs[i] == mac)
			return i + 1;
	more = reallocarray(s->macs, s->nr + 1, sizeof(*more));
	if (!more)
		return 0;
	s->macs = more;
	s->macs[s->nr++] = mac;
	return s->nr;
}

/* Six bytes in hexadecimal with sep between them ('\0': none), and no digit
 * after them. Returns their length, or 0. */
static size_t read_mac(const char *s, size_t len, char sep, uint64_t *mac)
{
	size_t at = 0;

	*mac = 0;
	for (unsigned int i = 0; i < MAC_BYTES; i++) {
		if (sep && i && (at >= len || s[at++] != sep))
			return 0;
		for (unsigned int n = 0; n < 2; n++, at++) {
			char digit[2] = { at < len ? s[at] : 'x', '\0' };

			if (!isxdigit((unsigned char)*digit))
				return 0;
			*mac = *mac << 4 | strtoul(digit, NULL, 16);
		}
	}
	return at < len && isxdigit((unsigned char)s[at]) ? 0 : at;
}

/* Names that systemd makes of MACs: enx..., wlx..., wwx... (systemd.net-naming-
 * scheme(7)). Not every x before digits is one: 0x000000000000. */
static bool is_after_prefix(const char *text, size_t at)
{
	return at >= 3 && text[at - 1] == 'x' &&
	       islower((unsigned char)text[at - 2]) &&
	       islower((unsigned char)text[at - 3]);
}

static bool is_after_digit(const char *text, size_t at)
{
	return at &&
	       (isxdigit((unsigned char)text[at - 1]) || text[at - 1] == ':');
}

void scrub_macs(struct scrub *s, char *text, size_t len)
{
	char fresh[32];
	uint64_t mac;
	size_t n;

	for (size_t at = 0; at < len; at++) {
		if (is_after_prefix(text, at) &&
		    (n = read_mac(text + at, len - at, '\0', &mac)))
			snprintf(fresh, sizeof(fresh), "02%010x",
				 number_of(s, mac));
		else if (!is_after_digit(text, at) &&
			 (n = read_mac(text + at, len - at, ':', &mac)))
			snprintf(fresh, sizeof(fresh), "02:00:00:00:%02x:%02x",
				 number_of(s, mac) >> 8 & 0xff,
				 number_of(s, mac) & 0xff);
		else
			continue;
		memcpy(text + at, fresh, n);
		at += n - 1;
	}
}

/* --- config space --- */

/* PCI_CAP_ID_VPD: the register that a word of vital product data, which has
 * serial numbers, was last read through (PCIe 6.0 7.9.18). */
static void scrub_vpd(uint8_t *cfg, size_t len)
{
	unsigned int at;

	if (len < 256 || !(cfg[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return;
	at = cfg[PCI_CAPABILITY_LIST] & ~3u;
	for (unsigned int n = 0; n < 48 && at >= PCI_STD_HEADER_SIZEOF; n++) {
		if (cfg[at] == PCI_CAP_ID_VPD && at + 8 <= 256)
			memset(cfg + at + PCI_VPD_DATA, 0, 4);
		at = cfg[at + PCI_CAP_LIST_NEXT] & ~3u;
	}
}

void scrub_config(uint8_t *cfg, size_t len)
{
	unsigned int at = PCI_CFG_SPACE_SIZE;

	scrub_vpd(cfg, len);
	for (unsigned int n = 0; n < 480 && at >= 256 && at + 12 <= len; n++) {
		uint32_t head = (uint32_t)get_le(cfg + at, 4);

		/* The Device Serial Number is mostly made of a MAC (PCIe 6.0
		 * 7.9.3). */
		if (PCI_EXT_CAP_ID(head) == PCI_EXT_CAP_ID_DSN)
			memset(cfg + at + 4, 0, 8);
		at = PCI_EXT_CAP_NEXT(head);
	}
}

/* --- lines of /proc --- */

static bool is_wanted_word(const char *word, size_t len)
{
	static const char *const starts[] = { "vfio", "pci=", "pcie_",
					      "pci-stub.", "kvm" };
	const char *is = memmem(word, len, "iommu", 5);

	if (is && memchr(is, '=', len - (size_t)(is - word)))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (len >= strlen(starts[i]) &&
		    !memcmp(word, starts[i], strlen(starts[i])))
			return true;
	return false;
}

void scrub_cmdline(const char *line, char *out, size_t len)
{
	size_t used = 0;

	*out = '\0';
	while (*(line += strspn(line, " \t\n"))) {
		size_t n = strcspn(line, " \t\n");

		if (is_wanted_word(line, n) && used + n + 2 < len)
			used += (size_t)snprintf(out + used, len - used,
						 "%s%.*s", used ? " " : "",
						 (int)n, line);
		line += n;
	}
}

/* /dev/sda1, but not /dev/mapper/customer. */
static bool is_plain_node(const char *path)
{
	return !strncmp(path, "/dev/", 5) && path[5] && !strchr(path + 5, '/');
}

static bool is_common_place(const char *dir)
{
	static const char *const places[] = {
		"/",	"/boot", "/boot/efi", "/efi", "/home", "/opt", "/root",
		"/srv", "/tmp",	 "/usr",      "/var", "/mnt",  "/data"
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!strcmp(dir, places[i]))
			return true;
	return false;
}

/* proc(5): "36 35 98:0 /root /mount/point options ... - fstype source ..." */
bool scrub_mount(const char *line, char *out, size_t len)
{
	char devno[32], place[512], type[32] = "", source[512] = "";
	const char *tail = strstr(line, " - ");

	if (!tail ||
	    sscanf(line, "%*s %*s %31s %*s %511s", devno, place) != 2 ||
	    sscanf(tail, " - %31s %511s", type, source) < 1)
		return false;
	/* Major number 0 has no device, except that btrfs does it so. */
	if (!strncmp(devno, "0:", 2) && !is_plain_node(source))
		return false;
	snprintf(out, len, "1 1 %s / %s rw - %s %s\n", devno,
		 is_common_place(place) ? place : "(elsewhere)", type,
		 is_plain_node(source) ? source : "none");
	return true;
}

bool scrub_swap(const char *line, char *out, size_t len)
{
	char node[128];

	if (sscanf(line, "%127s", node) != 1 || !is_plain_node(node))
		return false;
	snprintf(out, len, "%s partition 0 0 0\n", node);
	return true;
}

/* "Iface Destination Gateway Flags RefCnt Use Metric Mask ...", addresses in
 * hexadecimal. */
bool scrub_route(const char *line, char *out, size_t len)
{
	char name[32], to[16], flags[16], mask[16];

	if (sscanf(line, "%31s %15s %*s %15s %*s %*s %*s %15s", name, to, flags,
		   mask) != 4 ||
	    strcmp(to, "00000000") || strcmp(mask, "00000000"))
		return false;
	snprintf(out, len,
		 "%s\t00000000\t00000000\t%s\t0\t0\t0\t00000000\t0\t0\t0\n",
		 name, flags);
	return true;
}

/* "Destination PrefixLength Source PrefixLength NextHop Metric RefCnt Use Flags
 * Iface", all but the name in hexadecimal. */
bool scrub_route6(const char *line, char *out, size_t len)
{
	char name[32], to[40], bits[8], flags[16];

	if (sscanf(line, "%39s %7s %*s %*s %*s %*s %*s %*s %15s %31s", to, bits,
		   flags, name) != 4 ||
	    strspn(to, "0") != 32 || to[32] || strcmp(bits, "00"))
		return false;
	snprintf(out, len, "%s 00 %s 00 %s 00000000 00000000 00000000 %s %s\n",
		 to, to, to, flags, name);
	return true;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Capability chains: walking any, building a function's own. */
/*
 * How this works
 *
 * A chain is a list in bytes that a device, a dump or a test wrote, so it may
 * loop, point into the header or run off the end. A walk remembers each dword
 * that it has visited and ends at the first one that it would visit again:
 * loops end, and every capability is seen once. Both chains differ only in
 * where they start and in how a header is read.
 *
 * A function's own chain is built by adding at the end. Lengths cannot be read
 * back from a chain, so cap_used remembers which dwords are taken.
 */
#include <errno.h>
#include <string.h>

#include "pci/priv.h"

enum { STD_START = 0x40, STD_END = 0x100, EXT_START = 0x100 };

struct pci_cap_iter pci_cap_walk(const uint8_t *cfg, unsigned int len)
{
	struct pci_cap_iter it = { .cfg = cfg, .len = len };

	if (it.len > STD_END)
		it.len = STD_END;
	if (it.len > PCI_CAPABILITY_LIST &&
	    cfg[PCI_STATUS] & PCI_STATUS_CAP_LIST)
		it.next = cfg[PCI_CAPABILITY_LIST] & ~3u;
	return it;
}

struct pci_cap_iter pci_ext_cap_walk(const uint8_t *cfg, unsigned int len)
{
	struct pci_cap_iter it = {
		.cfg = cfg, .len = len, .next = EXT_START, .is_ext = true
	};

	if (it.len > PCI_CFG_LEN)
		it.len = PCI_CFG_LEN;
	return it;
}

/* False at a header that ends the chain: none there, or no device there. */
static bool header_read(struct pci_cap_iter *it)
{
	uint32_t header;

	if (!it->is_ext) {
		it->id = it->cfg[it->off];
		it->next = it->cfg[it->off + 1] & ~3u;
		return it->id != 0xff;
	}
	header = (uint32_t)get_le(it->cfg + it->off, 4);
	it->id = PCI_EXT_CAP_ID(header);
	it->version = PCI_EXT_CAP_VER(header);
	it->next = PCI_EXT_CAP_NEXT(header);
	return header != 0 && header != UINT32_MAX;
}

bool pci_cap_next(struct pci_cap_iter *it)
{
	unsigned int start = it->is_ext ? EXT_START : STD_START;
	unsigned int size = it->is_ext ? 4 : 2;
	uint64_t bit;

	it->off = it->next;
	if (it->off < start || it->off + size > it->len)
		return false;
	bit = 1ULL << (it->off / 4 % 64);
	if (it->seen[it->off / 4 / 64] & bit)
		return false;
	it->seen[it->off / 4 / 64] |= bit;
	return header_read(it);
}

static unsigned int find(struct pci_cap_iter it, uint16_t id)
{
	while (pci_cap_next(&it))
		if (it.id == id)
			return it.off;
	return 0;
}

unsigned int pci_cap_find(const uint8_t *cfg, unsigned int len, uint8_t id)
{
	return find(pci_cap_walk(cfg, len), id);
}

unsigned int pci_ext_cap_find(const uint8_t *cfg, unsigned int len, uint16_t id)
{
	return find(pci_ext_cap_walk(cfg, len), id);
}

unsigned int pci_dev_find_cap(const struct pci_dev *dev, uint8_t id)
{
	return pci_cap_find(dev->cfg, PCI_CFG_LEN, id);
}

unsigned int pci_dev_find_ext_cap(const struct pci_dev *dev, uint16_t id)
{
	return pci_ext_cap_find(dev->cfg, PCI_CFG_LEN, id);
}

static bool is_used(const struct pci_dev *dev, unsigned int off)
{
	return dev->cap_used[off / 4 / 64] >> (off / 4 % 64) & 1;
}

/* Whether [at, at + len) is free and below end. */
static bool is_free(const struct pci_dev *dev, unsigned int at,
		    unsigned int len, unsigned int end)
{
	if (at > end || len > end - at)
		return false;
	for (unsigned int i = at; i < at + len; i += 4)
		if (is_used(dev, i))
			return false;
	return true;
}

/* A place in [start, end) for len bytes, at a wanted offset if at is not 0. */
static int find_place(const struct pci_dev *dev, unsigned int at,
		      unsigned int len, unsigned int start, unsigned int end)
{
	if (at % 4 || (at && (at < start || at >= end)))
		return -EINVAL;
	if (at)
		return is_free(dev, at, len, end) ? (int)at : -ENOSPC;
	for (at = start; at < end; at += 4)
		if (is_free(dev, at, len, end))
			return (int)at;
	return -ENOSPC;
}

static void take_place(struct pci_dev *dev, unsigned int at, unsigned int len)
{
	for (unsigned int i = at; i < at + len; i += 4)
		dev->cap_used[i / 4 / 64] |= 1ULL << (i / 4 % 64);
	memset(dev->cfg + at, 0, len);
	memset(dev->wmask + at, 0, len);
	memset(dev->w1cmask + at, 0, len);
	memset(dev->vmask + at, 0xff, len);
}

/* Offset of the last capability, 0 if there is none. */
static unsigned int last_cap(struct pci_cap_iter it)
{
	unsigned int last = 0;

	while (pci_cap_next(&it))
		last = it.off;
	return last;
}

int pci_dev_add_cap(struct pci_dev *dev, uint8_t id, unsigned int at,
		    unsigned int len)
{
	unsigned int last = last_cap(pci_cap_walk(dev->cfg, PCI_CFG_LEN));
	int place;

	if (len < 2)
		len = 2;
	place = find_place(dev, at, len, STD_START, STD_END);
	if (place < 0)
		return place;
	take_place(dev, (unsigned int)place, len);
	dev->cfg[place] = id;
	dev->cfg[last ? last + 1 : PCI_CAPABILITY_LIST] = (uint8_t)place;
	dev->cfg[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	return place;
}

static void put_ext_header(struct pci_dev *dev, unsigned int at, uint32_t id,
			   uint32_t version, uint32_t next)
{
	pci_cfg_put(dev, at, 4, id | (version & 0xf) << 16 | next << 20);
}

int pci_dev_add_ext_cap(struct pci_dev *dev, uint16_t id, uint8_t version,
			unsigned int at, unsigned int len)
{
	unsigned int last = last_cap(pci_ext_cap_walk(dev->cfg, PCI_CFG_LEN));
	int place;

	if (len < 4)
		len = 4;
	place = find_place(dev, at, len, EXT_START, PCI_CFG_LEN);
	if (place < 0)
		return place;
	take_place(dev, (unsigned int)place, len);
	put_ext_header(dev, (unsigned int)place, id, version, 0);
	if (!last && place != EXT_START) {
		take_place(dev, EXT_START, 4);
		last = EXT_START;
	}
	if (last)
		pci_cfg_put(dev, last, 4,
			    pci_cfg_get(dev, last, 4) | (uint32_t)place << 20);
	return place;
}

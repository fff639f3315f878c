// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The e1000's counters (SDM 13.7). Reading one clears it; of those with 64 bits
 * reading the lower half takes both, and the upper half is what is then read
 * next, so that no octet is lost between the two.
 */
#include "src/dev/e1000_priv.h"

/* In the order of struct e1000's octets[]. */
static const unsigned int wide[] = { STAT_GORCL, STAT_GOTCL, STAT_TORL,
				     STAT_TOTL };
enum { GORC, GOTC, TOR, TOT };

void e1000_stat_add(struct e1000 *d, unsigned int stat, uint32_t n)
{
	__atomic_fetch_add(&d->stats[stat / 4], n, __ATOMIC_RELAXED);
}

static void add_octets(struct e1000 *d, unsigned int i, uint64_t n)
{
	__atomic_fetch_add(&d->octets[i], n, __ATOMIC_RELAXED);
}

/* Of PRC64 to PRC1522 and PTC64 to PTC1522. */
static unsigned int size_class(size_t len)
{
	static const size_t up_to[] = { 64, 127, 255, 511, 1023 };
	unsigned int i = 0;

	while (i < ARRAY_SIZE(up_to) && len > up_to[i])
		i++;
	return i;
}

static bool is_broadcast(const uint8_t *dest)
{
	return !memcmp(dest, "\xff\xff\xff\xff\xff\xff", 6);
}

void e1000_count_sent(struct e1000 *d, const uint8_t *dest, size_t len,
		      uint32_t nr)
{
	uint64_t octets = (uint64_t)(len + ETH_FCS) * nr;

	e1000_stat_add(d, STAT_TPT, nr);
	e1000_stat_add(d, STAT_GPTC, nr);
	add_octets(d, TOT, octets);
	add_octets(d, GOTC, octets);
	e1000_stat_add(d, STAT_PTC64 + 4 * size_class(len + ETH_FCS), nr);
	if (is_broadcast(dest))
		e1000_stat_add(d, STAT_BPTC, nr);
	else if (dest[0] & 1)
		e1000_stat_add(d, STAT_MPTC, nr);
}

void e1000_count_received(struct e1000 *d, const uint8_t *dest, size_t len)
{
	e1000_stat_add(d, STAT_TPR, 1);
	e1000_stat_add(d, STAT_GPRC, 1);
	add_octets(d, TOR, len + ETH_FCS);
	add_octets(d, GORC, len + ETH_FCS);
	e1000_stat_add(d, STAT_PRC64 + 4 * size_class(len + ETH_FCS), 1);
	if (is_broadcast(dest))
		e1000_stat_add(d, STAT_BPRC, 1);
	else if (dest[0] & 1)
		e1000_stat_add(d, STAT_MPRC, 1);
}

uint32_t e1000_stat_take(struct e1000 *d, unsigned int off)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(wide); i++) {
		uint64_t n;

		if (off == wide[i] + 4)
			return __atomic_exchange_n(&d->octets_high[i], 0,
						   __ATOMIC_RELAXED);
		if (off != wide[i])
			continue;
		n = __atomic_exchange_n(&d->octets[i], 0, __ATOMIC_RELAXED);
		__atomic_store_n(&d->octets_high[i], (uint32_t)(n >> 32),
				 __ATOMIC_RELAXED);
		return (uint32_t)n;
	}
	return __atomic_exchange_n(&d->stats[off / 4], 0, __ATOMIC_RELAXED);
}

void e1000_stats_reset(struct e1000 *d)
{
	for (unsigned int off = 0; off < E1000_NR_STATS * 4; off += 4)
		e1000_stat_take(d, off);
}

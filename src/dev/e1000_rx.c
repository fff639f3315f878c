// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames to an e1000's driver: filters and descriptors (SDM 3.2). */
/*
 * How this works
 *
 * A frame is read from the back end into bytes[], because the filters have to
 * see it first, and copied into as many buffers as it needs. The card owns the
 * descriptors from RDH to RDT. A frame that does not fit into those waits, and
 * so do others in the back end, until RDT is written: nothing is lost that a
 * driver would take in time. So does everything while the receiver is off.
 *
 * A write of RDT may be kept until the next exit (bus_post), and a driver that
 * polls could be waiting for the frames that wait for it. So while there are no
 * descriptors it is asked for now and then, less and less often.
 *
 * The frames are plain, with all checksums in them; nobody has checked these,
 * which is what IXSM ("ignore checksum") in each descriptor says. The FCS that
 * drivers expect at the end unless SECRC is set is zeroes.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "src/dev/e1000_priv.h"

enum {
	BATCH = 64,
	LOOK_NS = 1000000, /* at first, and up to 128 times that */
	STATUS_DD = 1 << 0,
	STATUS_EOP = 1 << 1,
	STATUS_IXSM = 1 << 2,
	STATUS_VP = 1 << 3,
	STATUS_PIF = 1 << 7,
	ERROR_RXE = 1 << 7,
	MAX_PLAIN = 1522, /* with FCS */
	MAX_LONG = 16384,
	NR_ADDRESSES = 16,
	TAG_OFF = 12,
	DESC_LENGTH = 8,
	DESC_STATUS = 12,
	DESC_ERRORS = 13,
	DESC_SPECIAL = 14,
};

/* Of a frame on its way into buffers. */
struct arrival {
	const uint8_t *bytes;
	size_t len; /* with FCS */
	uint8_t status;
	uint16_t special;
};

enum verdict { DROP, PASS, PASS_INEXACT };

/* --- filters (SDM 3.2.1) --- */

static bool table_has(const struct e1000 *d, unsigned int table,
		      unsigned int bit)
{
	return reg_get(d, table + bit / 32 * 4) >> (bit % 32) & 1;
}

static bool is_ours(const struct e1000 *d, const uint8_t *dest)
{
	uint32_t low = (uint32_t)get_le(dest, 4);
	uint32_t high = (uint32_t)get_le(dest + 4, 2) | 1u << 31;

	/* Bits 16 and 17: it is to be compared with the destination. */
	for (unsigned int i = 0; i < NR_ADDRESSES; i++)
		if (reg_get(d, REG_RA + 8 * i) == low &&
		    (reg_get(d, REG_RA + 8 * i + 4) & 0x8003ffff) == high)
			return true;
	return false;
}

static bool hash_has(const struct e1000 *d, uint32_t rctl, const uint8_t *dest)
{
	static const unsigned int shifts[] = { 4, 3, 2, 0 };
	unsigned int hash = (unsigned int)(dest[5] << 8 | dest[4]) >>
			    shifts[rctl >> RCTL_MO_SHIFT & 3];

	return table_has(d, REG_MTA, hash & 0xfff);
}

static enum verdict address_verdict(const struct e1000 *d, uint32_t rctl,
				    const uint8_t *dest)
{
	if (is_ours(d, dest))
		return PASS;
	if (!memcmp(dest, "\xff\xff\xff\xff\xff\xff", 6) && rctl & RCTL_BAM)
		return PASS;
	if (rctl & (dest[0] & 1 ? RCTL_MPE : RCTL_UPE))
		return PASS_INEXACT;
	return dest[0] & 1 && hash_has(d, rctl, dest) ? PASS_INEXACT : DROP;
}

static bool is_tagged(const struct e1000 *d, const uint8_t *frame, size_t len)
{
	return len >= ETH_HEADER + ETH_TAG &&
	       get_be16(frame + TAG_OFF) == reg_get(d, REG_VET);
}

static enum verdict verdict_of(struct e1000 *d, uint32_t rctl,
			       const uint8_t *frame, size_t len)
{
	size_t max = rctl & RCTL_LPE ? MAX_LONG : MAX_PLAIN;

	if (len + ETH_FCS > max) {
		e1000_stat_add(d, STAT_ROC, 1);
		return DROP;
	}
	if (rctl & RCTL_VFE && is_tagged(d, frame, len) &&
	    !table_has(d, REG_VFTA, get_be16(frame + TAG_OFF + 2) & 0xfff))
		return DROP;
	return address_verdict(d, rctl, frame);
}

/* --- into buffers --- */

static uint32_t buffer_len(uint32_t rctl)
{
	uint32_t len = 2048u >> (rctl >> RCTL_BSIZE_SHIFT & 3);

	/* 16 times that, but for 00, which is reserved then. */
	return rctl & RCTL_BSEX && len < 2048 ? len * 16 : len;
}

static uint32_t nr_free(const struct e1000_ring *r)
{
	return r->tail >= r->head ? r->tail - r->head
				  : r->nr - r->head + r->tail;
}

static void write_back(uint8_t *desc, const struct arrival *a, uint32_t len,
		       uint8_t status, uint8_t errors)
{
	put_le(desc + DESC_LENGTH, len, 4); /* no packet checksum */
	desc[DESC_ERRORS] = errors;
	put_le(desc + DESC_SPECIAL, a->special, 2);
	/* The driver takes it from here on. */
	__atomic_store_n(desc + DESC_STATUS, status, __ATOMIC_RELEASE);
}

/* There is room. */
static void fill_buffers(struct e1000 *d, struct e1000_ring *r,
			 const struct arrival *a, uint32_t each)
{
	for (size_t off = 0; off < a->len; off += each) {
		uint8_t *desc = r->bytes + (size_t)r->head * DESC_LEN;
		bool is_last = a->len - off <= each;
		uint32_t n = is_last ? (uint32_t)(a->len - off) : each;
		gpa_t gpa = get_le(desc, 8);
		uint8_t errors = 0;

		if (mem_write(d->env.mem, gpa, a->bytes + off, n)) {
			log_guest(&d->pci.limit, d->name,
				  "no memory at 0x%llx, for a frame",
				  (unsigned long long)gpa);
			errors = ERROR_RXE;
		}
		write_back(desc, a, n,
			   is_last ? a->status | STATUS_EOP : a->status,
			   errors);
		r->head = r->head + 1 == r->nr ? 0 : r->head + 1;
	}
	reg_set(d, REG_RDH, r->head);
}

/* RDMT0 comes when the free descriptors fall to a share of all. */
static uint32_t causes_of(const struct e1000_ring *r, uint32_t rctl,
			  uint32_t was_free)
{
	uint32_t threshold = r->nr >> (1 + (rctl >> RCTL_RDMTS_SHIFT & 3));

	return was_free > threshold && nr_free(r) <= threshold
		       ? INT_RXT0 | INT_RXDMT0
		       : INT_RXT0;
}

/* Pads, strips the tag, and adds what the driver takes for the FCS. */
static struct arrival prepare(struct e1000 *d, uint32_t rctl)
{
	struct e1000_rx *rx = &d->rx;
	struct arrival a = { .bytes = rx->bytes,
			     .len = rx->len,
			     .status = STATUS_DD | STATUS_IXSM };

	if (reg_get(d, REG_CTRL) & CTRL_VME &&
	    is_tagged(d, rx->bytes, rx->len)) {
		a.special = get_be16(rx->bytes + TAG_OFF + 2);
		a.status |= STATUS_VP;
		memmove(rx->bytes + ETH_TAG, rx->bytes, TAG_OFF);
		a.bytes += ETH_TAG;
		a.len -= ETH_TAG;
	}
	if (!(rctl & RCTL_SECRC)) {
		memset(rx->bytes + rx->len, 0, ETH_FCS);
		a.len += ETH_FCS;
	}
	return a;
}

/* The frame at hand: false if it has to wait for descriptors. */
static bool deliver(struct e1000 *d, struct e1000_ring *r, uint32_t *causes)
{
	struct e1000_rx *rx = &d->rx;
	uint32_t rctl = reg_get(d, REG_RCTL), each = buffer_len(rctl);
	uint32_t was_free = nr_free(r);
	uint64_t wanted = (rx->len + ETH_FCS + each - 1) / each;
	enum verdict verdict = verdict_of(d, rctl, rx->bytes, rx->len);
	struct arrival a;

	if (verdict != DROP && wanted > r->nr - 1) {
		e1000_stat_add(d, STAT_MPC, 1); /* it never fits */
		rx->dropped++;
		verdict = DROP;
	}
	if (verdict != DROP && wanted > was_free)
		return false;
	rx->is_pending = false;
	rx->look_ns = 0;
	if (verdict == DROP)
		return true;
	e1000_count_received(d, rx->bytes, rx->len);
	rx->frames++;
	a = prepare(d, rctl);
	if (verdict == PASS_INEXACT)
		a.status |= STATUS_PIF;
	fill_buffers(d, r, &a, each);
	*causes |= causes_of(r, rctl, was_free);
	return true;
}

/* --- the back end --- */

static void wait_for_frames(struct e1000 *d, bool on)
{
	struct e1000_rx *rx = &d->rx;
	struct err e = { 0 };

	if (rx->is_waiting == on)
		return;
	rx->is_waiting = on;
	if (!on) {
		loop_del(d->loop, &rx->source);
	} else if (loop_add(d->loop, &rx->source, EPOLLIN, &e)) {
		rx->is_waiting = false;
		log_guest(&d->pci.limit, d->name, "%s", e.msg);
	}
}

/* A frame is at hand: 1, 0 if there is none, or the back end's error. */
static int receive(struct e1000 *d)
{
	struct e1000_rx *rx = &d->rx;
	const struct iovec iov[] = {
		{ rx->header, NET_HDR_LEN },
		{ rx->bytes, NET_MAX_FRAME },
	};
	ssize_t n;

	if (rx->is_pending)
		return 1;
	n = net_receive(&d->back->queues[0], iov, 2);
	if (n == -EAGAIN || n == -EINTR)
		return 0;
	if (n < 0 && n != -ENOBUFS && n != -EFAULT)
		return (int)n;
	rx->is_pending = n >= NET_HDR_LEN + ETH_HEADER;
	if (!rx->is_pending) {
		rx->dropped++;
		return 1;
	}
	rx->len = (size_t)n - NET_HDR_LEN;
	if (rx->len < ETH_MIN) {
		memset(rx->bytes + rx->len, 0, ETH_MIN - rx->len);
		rx->len = ETH_MIN;
	}
	return 1;
}

/* Nothing is to be had until RDT is written; false: it just was. */
static bool starve(struct e1000 *d, const struct e1000_ring *r)
{
	__atomic_store_n(&d->rx.is_starved, true, __ATOMIC_SEQ_CST);
	if (reg_get(d, REG_RDT) == r->tail)
		return true;
	/* If the bell was rung instead, it brings us back. */
	return !__atomic_exchange_n(&d->rx.is_starved, false, __ATOMIC_SEQ_CST);
}

static void look_later(struct e1000 *d)
{
	struct e1000_rx *rx = &d->rx;

	if (rx->look_ns < 128ULL * LOOK_NS)
		rx->look_ns = rx->look_ns ? 2 * rx->look_ns : LOOK_NS;
	loop_timer_set(&rx->look, rx->look_ns, 0);
}

/* If RDT was written the bell rings. */
static void on_look(struct loop_timer *t)
{
	struct e1000 *d = CONTAINER_OF(t, struct e1000, rx.look);

	bus_drain(d->env.mmio);
	pthread_mutex_lock(&d->io_lock);
	if (__atomic_load_n(&d->rx.is_starved, __ATOMIC_SEQ_CST))
		look_later(d);
	pthread_mutex_unlock(&d->io_lock);
}

/* One frame at most: false, and waiting is set up, if that is all. */
static bool step(struct e1000 *d, uint32_t *causes)
{
	struct e1000_rx *rx = &d->rx;
	struct e1000_ring r;
	bool has_room;
	int ret = 0;

	if (!e1000_ring_open(d, REG_RDBAL, &r, &rx->has_complained)) {
		__atomic_store_n(&rx->is_starved, true, __ATOMIC_SEQ_CST);
		wait_for_frames(d, false);
		return false;
	}
	has_room = r.head != r.tail;
	if (has_room)
		ret = receive(d);
	if (ret > 0 && rx->is_pending)
		has_room = deliver(d, &r, causes);
	if (!has_room) {
		if (!starve(d, &r))
			return true;
		look_later(d);
		wait_for_frames(d, false);
		return false;
	}
	wait_for_frames(d, ret >= 0);
	if (ret < 0)
		e1000_lost(d, -ret);
	return ret > 0;
}

void e1000_rx_run(struct e1000 *d)
{
	uint32_t causes = 0;
	unsigned int i = 0;

	if (!(reg_get(d, REG_RCTL) & RCTL_EN) ||
	    __atomic_load_n(&d->is_lost, __ATOMIC_ACQUIRE))
		return;
	while (i < BATCH && step(d, &causes))
		i++;
	/* What is at hand does not make the back end readable. */
	if (i == BATCH && (!d->rx.is_waiting || d->rx.is_pending ||
			   net_has_frame(&d->back->queues[0])))
		e1000_ring_bell(d);
	if (causes & INT_RXDMT0)
		e1000_stat_add(d, STAT_ICRXDMTC, 1);
	if (!causes)
		return;
	/* What would come a moment later comes with them. */
	e1000_irq_raise(d, causes | d->tx.causes);
	d->tx.causes = 0;
}

static void on_frames(struct loop_source *s, uint32_t events)
{
	struct e1000 *d = CONTAINER_OF(s, struct e1000, rx.source);

	(void)events;
	pthread_mutex_lock(&d->io_lock);
	if (d->rx.is_waiting)
		e1000_rx_run(d);
	pthread_mutex_unlock(&d->io_lock);
}

void e1000_rx_reset(struct e1000 *d)
{
	wait_for_frames(d, false);
	d->rx.is_pending = d->rx.has_complained = false;
	__atomic_store_n(&d->rx.is_starved, false, __ATOMIC_SEQ_CST);
}

void e1000_rx_init(struct e1000 *d)
{
	d->rx.source.fd = d->back->queues[0].fd;
	d->rx.source.ready = on_frames;
	d->rx.look.fn = on_look;
}

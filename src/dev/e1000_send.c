// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames from an e1000's driver: checksums, segments, tags, and off they go
 * (SDM 3.4 to 3.6). */
/*
 * How this works
 *
 * A frame's first bytes, with all headers in them, are copied to head[]; what
 * has to be changed is changed there. The rest goes to the back end as it lies
 * in guest memory.
 *
 * What the driver leaves to the card is left to the back end if that can do it:
 * a checksum that is to be inserted is one that virtio's header describes, and
 * so is a segmented frame, whose lengths and checksum the card fills in (the
 * driver leaves them out, since they are another in each segment). Otherwise
 * both are made here. Segments take turns with other work, since one frame can
 * ask for tens of thousands.
 *
 * Offsets in descriptors are from the frame's start as the driver has it; shift
 * is what a tag adds.
 */
#include <assert.h>
#include <errno.h>
#include <linux/virtio_net.h>

#include "src/base/iov.h"
#include "src/dev/e1000_priv.h"

enum {
	SEGMENT_BATCH = 64,
	TAG_OFF = 12,
	IP4_LEN = 20,
	IP6_LEN = 40,
	IP4_TOTAL = 2,
	IP4_ID = 4,
	IP4_CHECK = 10,
	IP6_PAYLOAD = 4,
	TCP_LEN = 20,
	TCP_SEQ = 4,
	TCP_FLAGS = 13,
	TCP_CHECK = 16,
	TCP_FIN = 1 << 0,
	TCP_PSH = 1 << 3,
	TCP_CWR = 1 << 7,
	UDP_CHECK = 6,
	OUT_IOV = E1000_TX_IOV + 2,
};

/* --- checksums (RFC 1071) --- */

/* Adds bytes that begin at an odd or even place of what is summed. */
static uint64_t sum_bytes(uint64_t sum, const uint8_t *p, size_t len, bool odd)
{
	if (odd && len) {
		sum += *p++;
		len--;
	}
	for (; len >= 2; p += 2, len -= 2)
		sum += get_be16(p);
	return len ? sum + ((unsigned int)*p << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Of len bytes from skip on. */
static uint64_t sum_iov(const struct iovec *iov, unsigned int nr, size_t skip,
			size_t len)
{
	uint64_t sum = 0;
	size_t done = 0;

	for (unsigned int i = 0; i < nr && done < len; i++) {
		const uint8_t *p = iov[i].iov_base;
		size_t here = iov[i].iov_len;

		if (skip >= here) {
			skip -= here;
			continue;
		}
		here -= skip;
		if (here > len - done)
			here = len - done;
		sum = sum_bytes(sum, p + skip, here, done % 2);
		done += here;
		skip = 0;
	}
	return sum;
}

static void put_ip4_check(uint8_t *ip, size_t len)
{
	put_be16(ip + IP4_CHECK, 0);
	put_be16(ip + IP4_CHECK, (uint16_t)~fold(sum_bytes(0, ip, len, false)));
}

/* --- a frame that is sent as it is --- */

/* header, head and what follows it; nr_out at most OUT_IOV. */
static unsigned int gather(struct e1000_tx *tx, struct iovec *out)
{
	out[0] = (struct iovec){ tx->header, NET_HDR_LEN };
	out[1] = (struct iovec){ tx->head, tx->head_len };
	return 2 + iov_rest(tx->iov, tx->nr_iov, tx->skip, out + 2);
}

/* Where a descriptor wants a checksum: of [start, end], at off. */
struct checksum {
	unsigned int start, off, end; /* end 0: to the frame's end */
};

static void make_checksum(struct e1000_tx *tx, const struct checksum *c)
{
	struct iovec out[OUT_IOV];
	unsigned int nr = gather(tx, out);
	size_t len = tx->len - c->start;
	uint16_t value;

	if (c->end && c->end + 1 - c->start < len)
		len = c->end + 1 - c->start;
	value = (uint16_t)~fold(
		sum_iov(out + 1, nr - 1, c->start + tx->shift, len));
	/* RFC 768: 0 would mean that there is none. */
	if (!value && c->off == c->start + UDP_CHECK)
		value = 0xffff;
	put_be16(tx->head + c->off + tx->shift, value);
}

/* Whether both places are in the frame, and the result's in head. */
static bool is_inside(const struct e1000_tx *tx, const struct checksum *c)
{
	return c->start < tx->len && c->off + 2 <= tx->len &&
	       c->off + 2 <= E1000_TX_HEAD && (!c->end || c->end >= c->start);
}

static void put_checksums(struct e1000 *d, struct virtio_net_hdr_v1 *h)
{
	struct e1000_tx *tx = &d->tx;
	const struct e1000_context *x = &tx->context;
	const struct checksum ip = { x->ipcss, x->ipcso, x->ipcse };
	struct checksum c = { x->tucss, x->tucso, x->tucse };

	if (tx->ip_is_checked && is_inside(tx, &ip))
		make_checksum(tx, &ip);
	if (tx->cso)
		c = (struct checksum){ tx->css, tx->cso, 0 };
	if ((!tx->is_checked && !tx->cso) || !is_inside(tx, &c))
		return;
	if (d->back->offloads & NET_CSUM && !c.end && c.off >= c.start) {
		h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h->csum_start = (uint16_t)(c.start + tx->shift);
		h->csum_offset = (uint16_t)(c.off - c.start);
	} else {
		make_checksum(tx, &c);
	}
}

/* --- a frame to be segmented --- */

/* What the context says of the headers, and whether the frame agrees. */
static bool can_segment(const struct e1000_tx *tx)
{
	const struct e1000_context *x = &tx->context;
	unsigned int ip_len = x->is_ipv4 ? IP4_LEN : IP6_LEN;
	unsigned int doff;

	if (!x->is_tcp || !x->mss || x->ipcss < ETH_HEADER ||
	    x->tucss < x->ipcss + ip_len || x->hdr_len < x->tucss + TCP_LEN ||
	    x->tucso != x->tucss + TCP_CHECK || x->hdr_len >= tx->len ||
	    (x->is_ipv4 && x->ipcso != x->ipcss + IP4_CHECK))
		return false;
	doff = tx->head[x->tucss + tx->shift + 12] >> 4;
	return x->tucss + doff * 4 == x->hdr_len;
}

static bool back_segments(const struct e1000 *d)
{
	const struct e1000_context *x = &d->tx.context;
	const uint8_t *tcp = d->tx.head + x->tucss + d->tx.shift;
	unsigned int wanted = NET_CSUM | (x->is_ipv4 ? NET_TSO4 : NET_TSO6);

	if (tcp[TCP_FLAGS] & TCP_CWR)
		wanted |= NET_ECN;
	return !(wanted & ~d->back->offloads);
}

/* Fills in what depends on the length: len bytes, IP header included. */
static void put_ip_lengths(const struct e1000_context *x, uint8_t *ip,
			   size_t len)
{
	if (x->is_ipv4) {
		put_be16(ip + IP4_TOTAL, (unsigned int)len);
		put_ip4_check(ip, (size_t)(x->tucss - x->ipcss));
	} else {
		put_be16(ip + IP6_PAYLOAD, (unsigned int)(len - IP6_LEN));
	}
}

static void leave_segments(struct e1000 *d, struct virtio_net_hdr_v1 *h)
{
	struct e1000_tx *tx = &d->tx;
	const struct e1000_context *x = &tx->context;
	uint8_t *tcp = tx->head + x->tucss + tx->shift;

	put_ip_lengths(x, tx->head + x->ipcss + tx->shift, tx->len - x->ipcss);
	/* The pseudo header's sum, which lacks the length. */
	put_be16(tcp + TCP_CHECK, fold((uint64_t)get_be16(tcp + TCP_CHECK) +
				       tx->len - x->tucss));
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = (uint16_t)(x->tucss + tx->shift);
	h->csum_offset = TCP_CHECK;
	h->gso_type = x->is_ipv4 ? VIRTIO_NET_HDR_GSO_TCPV4
				 : VIRTIO_NET_HDR_GSO_TCPV6;
	if (tcp[TCP_FLAGS] & TCP_CWR)
		h->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	h->gso_size = x->mss;
	h->hdr_len = (uint16_t)(x->hdr_len + tx->shift);
}

static void prepare_segments(struct e1000 *d, struct virtio_net_hdr_v1 *h)
{
	struct e1000_tx *tx = &d->tx;

	if (!can_segment(tx)) {
		log_guest(
			&d->pci.limit, d->name,
			"a frame of %zu bytes cannot be segmented by %u after %u",
			tx->len, tx->context.mss, tx->context.hdr_len);
		e1000_stat_add(d, STAT_TSCTFC, 1);
		tx->is_bad = true;
		return;
	}
	e1000_stat_add(d, STAT_TSCTC, 1);
	if (back_segments(d)) {
		leave_segments(d, h);
		return;
	}
	tx->in_segments = true;
	tx->segment = 0;
	tx->segment_off = 0;
}

/* The header of a segment of len bytes of data, in out, from that of all. */
static void put_segment_header(const struct e1000_tx *tx, uint8_t *out,
			       size_t len, bool is_last)
{
	const struct e1000_context *x = &tx->context;
	uint8_t *ip = out + x->ipcss + tx->shift;
	uint8_t *tcp = out + x->tucss + tx->shift;
	size_t tcp_len = x->hdr_len - x->tucss + len;
	uint32_t seq;

	memcpy(out, tx->head, x->hdr_len + tx->shift);
	if (x->is_ipv4)
		put_be16(ip + IP4_ID, get_be16(ip + IP4_ID) + tx->segment);
	put_ip_lengths(x, ip, x->hdr_len - x->ipcss + len);
	seq = (uint32_t)get_be16(tcp + TCP_SEQ) << 16 |
	      get_be16(tcp + TCP_SEQ + 2);
	seq += (uint32_t)tx->segment_off;
	put_be16(tcp + TCP_SEQ, seq >> 16);
	put_be16(tcp + TCP_SEQ + 2, seq);
	if (!is_last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (tx->segment)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	/* The rest of the sum is added with the data. */
	put_be16(tcp + TCP_CHECK,
		 fold((uint64_t)get_be16(tcp + TCP_CHECK) + tcp_len));
}

/* iov ends after len bytes. */
static unsigned int cut(struct iovec *iov, unsigned int nr, size_t len)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (iov[i].iov_len >= len) {
			iov[i].iov_len = len;
			return i + 1;
		}
		len -= iov[i].iov_len;
	}
	return nr;
}

static int send_segment(struct e1000 *d)
{
	struct e1000_tx *tx = &d->tx;
	const struct e1000_context *x = &tx->context;
	size_t left = tx->len - x->hdr_len - tx->segment_off;
	size_t len = left < x->mss ? left : x->mss;
	size_t head_len = (size_t)x->hdr_len + tx->shift;
	uint8_t head[E1000_TX_HEAD];
	struct iovec out[OUT_IOV] = { { tx->header, NET_HDR_LEN },
				      { head, head_len } };
	uint8_t *check = head + x->tucso + tx->shift;
	unsigned int nr;
	int ret;

	put_segment_header(tx, head, len, len == left);
	nr = iov_rest(tx->iov, tx->nr_iov, x->hdr_len + tx->segment_off,
		      out + 2);
	nr = 2 + cut(out + 2, nr, len);
	put_be16(check,
		 (uint16_t)~fold(sum_iov(out + 1, nr - 1, x->tucss + tx->shift,
					 x->hdr_len - x->tucss + len)));
	ret = net_send(&d->back->queues[0], out, nr);
	if (ret != -EAGAIN && ret != -EINTR) {
		tx->segment_off += len;
		tx->segment++;
	}
	if (!ret)
		e1000_count_sent(d, tx->head, head_len + len, 1);
	return ret;
}

/* --- both --- */

static void insert_tag(struct e1000 *d)
{
	struct e1000_tx *tx = &d->tx;

	tx->shift = ETH_TAG;
	memmove(tx->head + TAG_OFF + ETH_TAG, tx->head + TAG_OFF,
		tx->head_len - TAG_OFF);
	put_be16(tx->head + TAG_OFF, reg_get(d, REG_VET));
	put_be16(tx->head + TAG_OFF + 2, tx->tag);
	tx->head_len += ETH_TAG;
}

void e1000_send_prepare(struct e1000 *d)
{
	struct e1000_tx *tx = &d->tx;
	struct virtio_net_hdr_v1 h = { 0 };

	static_assert(sizeof(h) == NET_HDR_LEN, "virtio 1.2 5.1.6");
	tx->in_segments = false;
	tx->shift = 0;
	if (tx->len < ETH_HEADER)
		tx->is_bad = true;
	if (tx->is_bad)
		return;
	tx->skip = iov_read(tx->iov, tx->nr_iov, 0, tx->head, E1000_TX_HEAD);
	tx->head_len = tx->skip;
	if (tx->has_tag && reg_get(d, REG_CTRL) & CTRL_VME)
		insert_tag(d);
	if (tx->is_segmented)
		prepare_segments(d, &h);
	else
		put_checksums(d, &h);
	if (reg_get(d, REG_TCTL) & TCTL_PSP && tx->head_len < ETH_MIN) {
		memset(tx->head + tx->head_len, 0, ETH_MIN - tx->head_len);
		tx->head_len = ETH_MIN;
	}
	memcpy(tx->header, &h, sizeof(h));
}

static void count_whole(struct e1000 *d)
{
	struct e1000_tx *tx = &d->tx;
	const struct e1000_context *x = &tx->context;
	size_t len = tx->head_len + tx->len - tx->skip;

	if (tx->is_segmented)
		e1000_count_sent(
			d, tx->head, (size_t)x->hdr_len + tx->shift + x->mss,
			(uint32_t)((tx->len - x->hdr_len + x->mss - 1) /
				   x->mss));
	else
		e1000_count_sent(d, tx->head, len, 1);
}

static int send_whole(struct e1000 *d)
{
	struct iovec out[OUT_IOV];
	unsigned int nr = gather(&d->tx, out);
	int ret = net_send(&d->back->queues[0], out, nr);

	if (!ret)
		count_whole(d);
	return ret;
}

/* The back end's answer: whether it is to be asked again. */
static bool has_to_wait(struct e1000 *d, int ret)
{
	if (ret == -EAGAIN || ret == -EINTR)
		return true;
	if (ret)
		d->tx.dropped++;
	/* What lasts, unlike a frame that is refused or no memory. */
	if (ret == -EBADFD || ret == -EPIPE || ret == -ENODEV)
		e1000_lost(d, -ret);
	return false;
}

int e1000_send(struct e1000 *d)
{
	struct e1000_tx *tx = &d->tx;

	if (tx->is_bad) {
		tx->dropped++;
		return 0;
	}
	if (!tx->in_segments) {
		if (has_to_wait(d, send_whole(d)))
			return -EAGAIN;
		tx->frames++;
		return 0;
	}
	for (unsigned int i = 0; i < SEGMENT_BATCH; i++) {
		if (has_to_wait(d, send_segment(d)))
			return -EAGAIN;
		if (tx->segment_off >= tx->len - tx->context.hdr_len) {
			tx->frames++;
			return 0;
		}
	}
	return -EBUSY;
}

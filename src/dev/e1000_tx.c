// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames from an e1000's driver: its descriptors (SDM 3.3). */
/*
 * How this works
 *
 * The driver owns what is outside of TDH to TDT. Descriptors are looked at
 * once, as copies: legacy and data descriptors bring a frame's pieces, which
 * are remembered by where they lie; context descriptors say where headers are.
 * When the last piece is there e1000_send.c sends the frame, and all of its
 * descriptors go back at once. So a frame that the back end does not take yet
 * stays whole, and nobody overwrites it. Guest RAM stays where it is while
 * vCPUs run, so the pieces can wait.
 *
 * A frame in more pieces than there is room for is copied together. One that is
 * too long, or not in RAM, is dropped when it ends.
 *
 * When the ring is empty the loop has a look at what else is ready, which often
 * are the answers; TXDW comes after that, so that one interrupt tells of both.
 * If the driver added nothing meanwhile the thread says that it is idle, and
 * looks again: who writes TDT then rings the bell, and otherwise does not.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "src/base/iov.h"
#include "src/dev/e1000_priv.h"

enum {
	BATCH = 1024, /* descriptors, before others have their turn */
	DESC_STATUS = 12,
	DESC_CMD = 11,
	STATUS_DD = 1,
	/* Bits of a descriptor's command. */
	CMD_EOP = 1 << 0,
	CMD_IC = 1 << 2,  /* legacy */
	CMD_TSE = 1 << 2, /* of the others */
	CMD_RS = 1 << 3,
	CMD_DEXT = 1 << 5,
	CMD_VLE = 1 << 6,
	CMD_IS_TCP = 1 << 0, /* context */
	CMD_IS_IPV4 = 1 << 1,
	POPTS_IXSM = 1 << 0,
	POPTS_TXSM = 1 << 1,
	/* A tag may come to it. */
	MAX_LEN = NET_MAX_FRAME - ETH_TAG,
};

struct desc {
	uint64_t first;	 /* the buffer's address, or a context's offsets */
	uint32_t second; /* length, type, command */
	uint32_t third;	 /* status and options */
};

static uint8_t cmd_of(const struct desc *t)
{
	return (uint8_t)(t->second >> 24);
}

static bool is_extended(const struct desc *t)
{
	return cmd_of(t) & CMD_DEXT;
}

static bool is_context(const struct desc *t)
{
	return is_extended(t) && !(t->second >> 20 & 0xf);
}

static void take_context(struct e1000_tx *tx, const struct desc *t)
{
	tx->context = (struct e1000_context){
		.ipcss = (uint8_t)t->first,
		.ipcso = (uint8_t)(t->first >> 8),
		.ipcse = (uint16_t)(t->first >> 16),
		.tucss = (uint8_t)(t->first >> 32),
		.tucso = (uint8_t)(t->first >> 40),
		.tucse = (uint16_t)(t->first >> 48),
		.is_tcp = cmd_of(t) & CMD_IS_TCP,
		.is_ipv4 = cmd_of(t) & CMD_IS_IPV4,
		.hdr_len = (uint8_t)(t->third >> 8),
		.mss = (uint16_t)(t->third >> 16),
	};
}

/* --- a frame's pieces --- */

static void begin(struct e1000_tx *tx, const struct desc *t)
{
	uint8_t popts = (uint8_t)(t->third >> 8);
	bool is_data = is_extended(t);

	tx->in_frame = true;
	tx->is_bad = tx->is_linear = false;
	tx->nr_iov = 0;
	tx->len = 0;
	tx->is_segmented = is_data && cmd_of(t) & CMD_TSE;
	tx->ip_is_checked = is_data && popts & POPTS_IXSM;
	tx->is_checked = is_data && popts & POPTS_TXSM;
}

static void make_linear(struct e1000_tx *tx)
{
	iov_read(tx->iov, tx->nr_iov, 0, tx->bytes, tx->len);
	tx->iov[0] = (struct iovec){ tx->bytes, tx->len };
	tx->nr_iov = 1;
	tx->is_linear = true;
}

static void add_piece(struct e1000 *d, gpa_t gpa, uint32_t len)
{
	struct e1000_tx *tx = &d->tx;
	void *piece;

	if (!len || tx->is_bad)
		return;
	piece = mem_ptr(d->env.mem, gpa, len);
	if (!piece || len > MAX_LEN - tx->len) {
		tx->is_bad = true;
		log_guest(&d->pci.limit, d->name,
			  "a frame with %u bytes at 0x%llx: %s", len,
			  (unsigned long long)gpa,
			  piece ? "too long" : "no memory is there");
		return;
	}
	if (tx->nr_iov == E1000_TX_IOV)
		make_linear(tx);
	if (tx->is_linear) {
		memcpy(tx->bytes + tx->len, piece, len);
		tx->iov[0].iov_len += len;
	} else {
		tx->iov[tx->nr_iov++] = (struct iovec){ piece, len };
	}
	tx->len += len;
}

/* Its last descriptor decides on tag and, if legacy, the checksum. */
static void end(struct e1000_tx *tx, const struct desc *t)
{
	tx->has_tag = cmd_of(t) & CMD_VLE;
	tx->tag = (uint16_t)(t->third >> 16);
	tx->css = tx->cso = 0;
	if (!is_extended(t) && cmd_of(t) & CMD_IC) {
		tx->cso = (uint8_t)(t->second >> 16);
		tx->css = (uint8_t)(t->third >> 8);
	}
}

/* True if a frame is whole. */
static bool take(struct e1000 *d, const struct desc *t)
{
	struct e1000_tx *tx = &d->tx;

	if (is_context(t)) {
		take_context(tx, t);
		return false;
	}
	if (!tx->in_frame)
		begin(tx, t);
	add_piece(d, t->first, t->second & (is_extended(t) ? 0xfffff : 0xffff));
	if (!(cmd_of(t) & CMD_EOP))
		return false;
	end(tx, t);
	return true;
}

/* --- the ring --- */

static uint32_t after(const struct e1000_ring *r, uint32_t i)
{
	return i + 1 == r->nr ? 0 : i + 1;
}

/* Descriptors up to next go back: TXDW if one of them asked for that. */
static uint32_t give_back(struct e1000 *d, struct e1000_ring *r)
{
	uint32_t causes = 0;

	for (; r->head != d->tx.next; r->head = after(r, r->head)) {
		uint8_t *desc = r->bytes + (size_t)r->head * DESC_LEN;

		if (!(desc[DESC_CMD] & CMD_RS))
			continue;
		__atomic_store_n(desc + DESC_STATUS,
				 desc[DESC_STATUS] | STATUS_DD,
				 __ATOMIC_RELEASE);
		causes = INT_TXDW;
	}
	reg_set(d, REG_TDH, r->head);
	d->tx.in_frame = d->tx.is_ready = false;
	return causes;
}

static void wait_writable(struct e1000 *d)
{
	struct e1000_tx *tx = &d->tx;
	struct err e = { 0 };

	if (loop_add(d->loop, &tx->writable, EPOLLOUT, &e))
		log_guest(&d->pci.limit, d->name, "%s", e.msg);
	else
		tx->is_added = true;
}

/* What the ring holds: 0, or why it has to wait (e1000_send). */
static int empty_ring(struct e1000 *d, struct e1000_ring *r,
		      unsigned int *budget, uint32_t *causes)
{
	struct e1000_tx *tx = &d->tx;

	while (tx->is_ready || tx->next != r->tail) {
		int ret = 0;

		if (!tx->is_ready) {
			struct desc t;

			if (!(*budget)--)
				return -EBUSY;
			memcpy(&t, r->bytes + (size_t)tx->next * DESC_LEN,
			       sizeof(t));
			tx->next = after(r, tx->next);
			tx->is_ready = take(d, &t);
			if (tx->is_ready)
				e1000_send_prepare(d);
		}
		if (tx->is_ready)
			ret = e1000_send(d);
		if (ret)
			return ret;
		if (tx->is_ready || !tx->in_frame)
			*causes |= give_back(d, r);
	}
	return 0;
}

/* Everything is sent; false: TDT was just written. */
static bool become_idle(struct e1000 *d, uint32_t tail)
{
	__atomic_store_n(&d->tx.is_idle, true, __ATOMIC_SEQ_CST);
	if (reg_get(d, REG_TDT) == tail)
		return true;
	/* If the bell was rung instead, it brings us back. */
	return !__atomic_exchange_n(&d->tx.is_idle, false, __ATOMIC_SEQ_CST);
}

/* 0: there was nothing, and a bell rings when there is; else it has to go on
 * later, for -EAGAIN when the back end says so. */
static int run(struct e1000 *d, uint32_t *causes)
{
	struct e1000_tx *tx = &d->tx;
	unsigned int budget = BATCH;
	uint32_t tail = reg_get(d, REG_TDT);
	struct e1000_ring r;
	int ret;

	if (reg_get(d, REG_TCTL) & TCTL_EN &&
	    e1000_ring_open(d, REG_TDBAL, &r, &tx->has_complained)) {
		tail = r.tail;
		ret = empty_ring(d, &r, &budget, causes);
		if (ret)
			return ret;
		if (*causes && r.head == r.tail)
			*causes |= INT_TXQE;
		if (budget < BATCH)
			return -EBUSY;
	}
	return become_idle(d, tail) ? 0 : -EBUSY;
}

static void on_again(struct loop_task *t)
{
	struct e1000 *d = CONTAINER_OF(t, struct e1000, tx.again);

	pthread_mutex_lock(&d->io_lock);
	e1000_tx_run(d);
	pthread_mutex_unlock(&d->io_lock);
}

void e1000_tx_run(struct e1000 *d)
{
	uint32_t earlier = d->tx.causes, causes = 0;
	int ret;

	if (d->tx.is_added)
		return; /* the back end's turn */
	ret = run(d, &causes);
	if (ret == -EAGAIN || (!ret && !net_flush(&d->back->queues[0])))
		wait_writable(d);
	else if (ret)
		loop_later(d->loop, &d->tx.again);
	/* Only who comes back can put them off. */
	d->tx.causes = ret == -EBUSY ? causes : 0;
	if (ret != -EBUSY)
		earlier |= causes;
	if (earlier)
		e1000_irq_raise(d, earlier);
}

static void stop_waiting(struct e1000 *d)
{
	if (d->tx.is_added)
		loop_del(d->loop, &d->tx.writable);
	d->tx.is_added = false;
}

static void on_writable(struct loop_source *s, uint32_t events)
{
	struct e1000 *d = CONTAINER_OF(s, struct e1000, tx.writable);

	(void)events;
	pthread_mutex_lock(&d->io_lock);
	if (d->tx.is_added) {
		stop_waiting(d);
		e1000_tx_run(d);
	}
	pthread_mutex_unlock(&d->io_lock);
}

void e1000_tx_reset(struct e1000 *d)
{
	struct e1000_tx *tx = &d->tx;

	stop_waiting(d);
	tx->in_frame = tx->is_ready = tx->has_complained = false;
	tx->causes = 0;
	tx->context = (struct e1000_context){ 0 };
	tx->next = reg_get(d, REG_TDH);
	__atomic_store_n(&tx->is_idle, true, __ATOMIC_SEQ_CST);
}

void e1000_tx_init(struct e1000 *d)
{
	d->tx.writable.fd = d->back->queues[0].send_fd;
	d->tx.writable.ready = on_writable;
	d->tx.again.fn = on_again;
}

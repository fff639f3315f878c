// SPDX-License-Identifier: GPL-2.0-or-later
/* The bus master of an IDE channel (Programming Interface for Bus Master IDE
 * Controller 1.0). */
/*
 * How this works
 *
 * A table in guest memory says where data lies: entries of 8 bytes, address and
 * length (0: 64 KiB), the last one marked. Entries become iovecs, so data goes
 * between the image and guest memory without a copy; a transfer with more
 * pieces than one request holds is done in several. The guest may change the
 * table at any time: each look at an entry is a copy, checked by itself, and
 * what it names has to be RAM.
 *
 * A table that is too short or names what is not RAM ends the command with the
 * error bit and an interrupt. A real controller would leave the disk waiting
 * until the driver's patience ends; nothing is gained by that.
 *
 * The direction bit is kept and not looked at: the command says where data
 * goes.
 */
#include "src/core/mem.h"
#include "src/dev/ide_priv.h"

enum {
	BM_COMMAND = 0,
	BM_STATUS = 2,
	BM_TABLE = 4,
	BM_CHANNEL_LEN = 8,
	/* 1.2: the table does not cross 64 KiB. */
	MAX_ENTRIES = 65536 / 8,
	ENTRY_LEN = 8,
};
#define ENTRY_END 0x80000000u

/* --- the table --- */

struct prd {
	gpa_t gpa;
	uint32_t len;
	bool is_last;
};

static bool read_prd(const struct ide_channel *c, unsigned int entry,
		     struct prd *out)
{
	uint8_t raw[ENTRY_LEN];
	uint32_t flags;

	if (entry >= MAX_ENTRIES ||
	    mem_read(c->ide->env.mem,
		     (gpa_t)c->bm_table + (gpa_t)entry * ENTRY_LEN, raw,
		     sizeof(raw)))
		return false;
	flags = (uint32_t)get_le(raw + 4, 4);
	out->gpa = get_le(raw, 4) & ~1ULL;
	out->len = flags & 0xfffe ? flags & 0xfffe : 65536;
	out->is_last = flags & ENTRY_END;
	return true;
}

/* One more iovec, of up to want bytes; 0: there is none. */
static uint64_t gather_one(struct ide_channel *c, uint64_t want)
{
	const struct mem *m = c->ide->env.mem;
	struct ide_prd_at *at = &c->at;
	struct prd prd;
	uint64_t n, span;

	if (at->is_end || !read_prd(c, at->entry, &prd) || at->off >= prd.len)
		return 0;
	n = prd.len - at->off;
	span = mem_ram_span(m, prd.gpa + at->off, n);
	n = n < want ? n : want;
	n = n < span ? n : span;
	if (!n)
		return 0;
	c->iov_at[c->nr_iov] = *at;
	c->iov[c->nr_iov].iov_base = mem_ptr(m, prd.gpa + at->off, n);
	c->iov[c->nr_iov++].iov_len = n;
	at->off += (uint32_t)n;
	if (at->off == prd.len)
		*at = (struct ide_prd_at){ .entry = at->entry + 1,
					   .is_end = prd.is_last };
	return n;
}

/* Gives back what is beyond the last whole sector. */
static void trim_tail(struct ide_channel *c, uint64_t excess)
{
	while (excess) {
		struct iovec *last = &c->iov[c->nr_iov - 1];

		c->at = c->iov_at[c->nr_iov - 1];
		if (last->iov_len > excess) {
			last->iov_len -= excess;
			c->at.off += (uint32_t)last->iov_len;
			return;
		}
		excess -= last->iov_len;
		c->nr_iov--;
	}
}

uint64_t ide_dma_gather(struct ide_channel *c, uint64_t want)
{
	uint64_t total = 0, n = 1;

	c->nr_iov = 0;
	if (!__atomic_load_n(&c->ide->is_master, __ATOMIC_RELAXED))
		return 0;
	while (n && total < want && c->nr_iov < IDE_MAX_IOV) {
		n = gather_one(c, want - total);
		total += n;
	}
	trim_tail(c, total % BLOCK_SECTOR);
	return align_down(total, BLOCK_SECTOR);
}

/* 2.2: a table with room left leaves the bus master active. */
void ide_dma_end(struct ide_channel *c, bool has_failed)
{
	if (has_failed)
		c->bm_status |= BM_STATUS_ERROR;
	if (has_failed || c->at.is_end)
		c->bm_status &= (uint8_t)~BM_STATUS_ACTIVE;
}

/* --- registers --- */

static void start(struct ide_channel *c)
{
	c->at = (struct ide_prd_at){ 0 };
	c->bm_status |= BM_STATUS_ACTIVE;
	if (c->state == IDE_DMA_WAIT)
		ide_queue(c);
}

/* When the guest has its answer nothing touches its memory any more. */
static void stop(struct ide_channel *c)
{
	c->bm_status &= (uint8_t)~BM_STATUS_ACTIVE;
	if (!c->op.is_dma)
		return;
	ide_quiesce(c);
	if (c->state == IDE_QUEUED || c->state == IDE_FULL)
		ide_fail(c, ERR_ABRT);
}

static void write_command(struct ide_channel *c, uint8_t value)
{
	uint8_t changed = c->bm_command ^ value;

	c->bm_command = value & (BM_COMMAND_START | BM_COMMAND_TO_MEMORY);
	if (!(changed & BM_COMMAND_START))
		return;
	if (value & BM_COMMAND_START)
		start(c);
	else
		stop(c);
}

static void write_status(struct ide_channel *c, uint8_t value)
{
	c->bm_status &=
		(uint8_t) ~(BM_STATUS_CAPABLE |
			    (value & (BM_STATUS_IRQ | BM_STATUS_ERROR)));
	c->bm_status |= value & BM_STATUS_CAPABLE;
}

static void write_byte(struct ide_channel *c, unsigned int reg, uint8_t value)
{
	unsigned int shift = (reg - BM_TABLE) * 8;

	if (reg == BM_COMMAND)
		write_command(c, value);
	else if (reg == BM_STATUS)
		write_status(c, value);
	else if (reg >= BM_TABLE && !(c->bm_command & BM_COMMAND_START))
		c->bm_table = (c->bm_table & ~(0xffu << shift)) |
			      ((uint32_t)value << shift &
			       (reg == BM_TABLE ? ~3u : ~0u));
}

static uint8_t read_byte(const struct ide_channel *c, unsigned int reg)
{
	if (reg == BM_COMMAND)
		return c->bm_command;
	if (reg == BM_STATUS)
		return c->bm_status;
	if (reg < BM_TABLE)
		return 0;
	return (uint8_t)(c->bm_table >> (reg - BM_TABLE) * 8);
}

/* NULL: an access that is in two channels' registers. */
static struct ide_channel *channel_of(struct ide *ide, uint64_t off,
				      unsigned int len)
{
	uint64_t i = off / BM_CHANNEL_LEN;

	if (i != (off + len - 1) / BM_CHANNEL_LEN)
		return NULL;
	return &ide->channels[i];
}

static uint64_t bm_read(void *dev, uint64_t off, unsigned int len)
{
	struct ide_channel *c = channel_of(dev, off, len);
	uint64_t value = 0;

	if (!c)
		return all_ones(len);
	pthread_mutex_lock(&c->lock);
	for (unsigned int i = 0; i < len; i++)
		value |= (uint64_t)read_byte(c, (off + i) % BM_CHANNEL_LEN)
			 << 8 * i;
	pthread_mutex_unlock(&c->lock);
	return value;
}

static void bm_write(void *dev, uint64_t off, unsigned int len, uint64_t value)
{
	struct ide_channel *c = channel_of(dev, off, len);

	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	for (unsigned int i = 0; i < len; i++)
		write_byte(c, (off + i) % BM_CHANNEL_LEN,
			   (uint8_t)(value >> 8 * i));
	pthread_mutex_unlock(&c->lock);
}

const struct bus_ops ide_bm_ops = { bm_read, bm_write };

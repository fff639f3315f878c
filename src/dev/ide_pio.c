// SPDX-License-Identifier: GPL-2.0-or-later
/* Data of IDE disks through the data register. */
/*
 * How this works
 *
 * Data passes in blocks of one sector, or of as many as SET MULTIPLE said; each
 * is announced by DRQ and, but for the first of a write, by an interrupt
 * (ATA8-ACS 4.2). Reading, the I/O thread gets up to 64 KiB at once, and what
 * is in the buffer follows without it. Writing, each block goes to the image
 * before the next is asked for, so that an error is that block's.
 *
 * Whatever the guest does with the register, it moves between 0 and block_end
 * of the buffer.
 */
#include "src/dev/ide_priv.h"

void ide_pio_block(struct ide_channel *c)
{
	unsigned int left = c->buf_len - c->buf_pos;
	unsigned int n = c->op.block_bytes < left ? c->op.block_bytes : left;

	c->block_end = c->buf_pos + n;
	c->state = IDE_PIO;
	c->op.disk->status = ST_OK | ST_DRQ;
}

static void read_ended(struct ide_channel *c)
{
	if (c->buf_pos < c->buf_len) {
		ide_pio_block(c);
		ide_raise(c);
	} else if (c->op.left) {
		ide_queue(c);
	} else {
		/* No interrupt: the last one was that of the data. */
		c->state = IDE_IDLE;
		c->op.disk->status = ST_OK;
	}
}

/* Bytes that an access of len moves; 0: there is nothing to move. */
static unsigned int room(const struct ide_channel *c, unsigned int len)
{
	unsigned int left = c->block_end - c->buf_pos;

	if (c->state != IDE_PIO)
		return 0;
	return len < left ? len : left;
}

uint64_t ide_pio_read(struct ide_channel *c, unsigned int len)
{
	unsigned int n = room(c, len);
	uint64_t value;

	if (!n || c->op.kind == IDE_WRITE)
		return all_ones(len);
	value = get_le(c->buf + c->buf_pos, n);
	c->buf_pos += n;
	if (c->buf_pos == c->block_end)
		read_ended(c);
	return value;
}

void ide_pio_write(struct ide_channel *c, unsigned int len, uint64_t value)
{
	unsigned int n = room(c, len);

	if (!n || c->op.kind != IDE_WRITE)
		return;
	put_le(c->buf + c->buf_pos, value, n);
	c->buf_pos += n;
	if (c->buf_pos == c->block_end)
		ide_queue(c);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the IDE controller share. All with the channel's lock held,
 * where nothing else is said. */
#ifndef STRAIT_DEV_IDE_PRIV_H
#define STRAIT_DEV_IDE_PRIV_H

#include "src/dev/ide.h"

/* ATA8-ACS 6.3 and 6.2: status and error. */
enum {
	ST_ERR = 0x01,
	ST_DRQ = 0x08,
	ST_DSC = 0x10,
	ST_DRDY = 0x40,
	ST_BSY = 0x80,
	ST_OK = ST_DRDY | ST_DSC,
};
/* ATA8-APT: device control, and the device register. */
enum { CONTROL_NIEN = 0x02, CONTROL_SRST = 0x04, CONTROL_HOB = 0x80 };
enum {
	DEVICE_UNIT = 0x10,
	DEVICE_LBA = 0x40,
	DEVICE_FIXED = 0xa0,
	DEVICE_LOW = 0x0f,
};
enum { ERR_ABRT = 0x04, ERR_IDNF = 0x10, ERR_UNC = 0x40 };

/* Bus Master IDE 1.0, 2.1 and 2.2. */
enum {
	BM_COMMAND_START = 0x01,
	BM_COMMAND_TO_MEMORY = 0x08,
	BM_STATUS_ACTIVE = 0x01,
	BM_STATUS_ERROR = 0x02,
	BM_STATUS_IRQ = 0x04,
	BM_STATUS_CAPABLE = 0x60, /* the guest's own notes */
};

enum {
	IDE_TRIM_BLOCKS = 8, /* of ranges, in one command */
	IDE_HEADS = 16,
	IDE_TRACK = 63, /* sectors */
	IDE_CYLINDER = IDE_HEADS * IDE_TRACK,
};

static inline uint64_t ide_sectors(const struct ide_disk *d)
{
	return block_info(d->block)->bytes / BLOCK_SECTOR;
}

/* What cylinder, head and sector reach. */
static inline unsigned int ide_cylinders(const struct ide_disk *d)
{
	uint64_t n = ide_sectors(d) / IDE_CYLINDER;

	return n < 16383 ? (unsigned int)n : 16383;
}

/* Of that many sectors, as many as the buffer holds. */
static inline unsigned int ide_buf_bytes(uint32_t sectors)
{
	return (sectors < IDE_BUF_SECTORS ? sectors : IDE_BUF_SECTORS) *
	       BLOCK_SECTOR;
}

/* ide.c */
/* The pin follows intrq and nIEN. */
void ide_pin_follow(struct ide_channel *c);

/* ide_regs.c: registers and resets. */
extern const struct bus_ops ide_command_ops, ide_control_ops;
/* As after power-on; takes the lock. */
void ide_channel_reset(struct ide_channel *c);
/* Both disks show that they are ATA devices and have passed their tests. */
void ide_sign(struct ide_channel *c);

/* ide_ata.c: commands. */
/* The selected disk is given one. It is idle. */
void ide_execute(struct ide_channel *c, struct ide_disk *d, uint8_t code);
/* The command is over, and was carried out or not; both interrupt. Nothing is
 * under way. */
void ide_succeed(struct ide_channel *c);
void ide_fail(struct ide_channel *c, uint8_t error);
void ide_raise(struct ide_channel *c);

/* ide_io.c: the I/O thread's part. */
/* It goes on with c->op when it can. Any thread. */
void ide_queue(struct ide_channel *c);
/* Waits until no block request is under way; gives the lock up meanwhile. */
void ide_quiesce(struct ide_channel *c);
int ide_io_init(struct ide_channel *c, struct err *e);
int ide_io_add_retry(struct ide_channel *c, struct err *e);
void ide_io_fini(struct ide_channel *c);

/* ide_pio.c */
/* The guest may move the next block of what is in buf. */
void ide_pio_block(struct ide_channel *c);
uint64_t ide_pio_read(struct ide_channel *c, unsigned int len);
void ide_pio_write(struct ide_channel *c, unsigned int len, uint64_t value);

/* ide_dma.c */
extern const struct bus_ops ide_bm_ops;
/* Fills c->iov with what the table says of up to want bytes (a multiple of a
 * sector) from c->at on, in whole sectors, and moves c->at on. The number of
 * bytes; 0: the table is at its end, or names what is not RAM. */
uint64_t ide_dma_gather(struct ide_channel *c, uint64_t want);
/* The bus master's side of the end of a command. */
void ide_dma_end(struct ide_channel *c, bool has_failed);

/* ide_identify.c: the 512 bytes that IDENTIFY DEVICE gives. */
void ide_identify(const struct ide_disk *d, uint8_t out[BLOCK_SECTOR]);

#endif

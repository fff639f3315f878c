// SPDX-License-Identifier: GPL-2.0-or-later
/* The ATA commands of IDE disks (ATA8-ACS). */
/*
 * How this works
 *
 * commands[] says what each command is; what is not there is aborted. Those
 * without data are over when the write of the command register returns; the
 * others become c->op, on which ide_io.c, ide_pio.c and ide_dma.c work.
 */
#include "src/dev/ide_priv.h"

/* --- how commands end --- */

void ide_raise(struct ide_channel *c)
{
	c->intrq = true;
	ide_pin_follow(c);
}

static void end(struct ide_channel *c, uint8_t status, uint8_t error)
{
	c->state = IDE_IDLE;
	c->op.disk->status = status;
	c->op.disk->error = error;
	if (c->op.is_dma)
		ide_dma_end(c, false);
	ide_raise(c);
}

void ide_succeed(struct ide_channel *c)
{
	end(c, ST_OK, 0);
}

/* 6.2: the first sector that was not transferred is told. */
static void put_sector(struct ide_channel *c)
{
	struct ide_disk *d = c->op.disk;

	for (unsigned int i = 0; i < 3; i++) {
		d->now.lba[i] = (uint8_t)(c->op.sector >> 8 * i);
		d->hob.lba[i] = (uint8_t)(c->op.sector >> (24 + 8 * i));
	}
}

void ide_fail(struct ide_channel *c, uint8_t error)
{
	c->op.disk->stats.errors++;
	if (error & (ERR_UNC | ERR_IDNF))
		put_sector(c);
	end(c, ST_OK | ST_ERR, error);
}

/* --- commands --- */

enum {
	EXT = 1 << 0, /* 48 bits of sector */
	DMA = 1 << 1,
	MULTI = 1 << 2, /* blocks of what SET MULTIPLE said */
	FUA = 1 << 3,
	MAYBE_ABSENT = 1 << 4, /* for the channel, not a disk */
};

struct command {
	uint8_t code;
	uint8_t flags;
	/* c->op is zeroed but for the disk. */
	void (*run)(struct ide_channel *c, unsigned int flags);
};

/* ATA8-ACS 6.1: cylinder, head, sector; sectors count from 1. */
static bool read_chs(const struct ide_channel *c, uint64_t *sector)
{
	const struct ide_disk *d = c->op.disk;
	unsigned int cylinder = d->now.lba[1] | (unsigned int)d->now.lba[2]
							<< 8;
	unsigned int at = d->now.lba[0];

	*sector = ((uint64_t)cylinder * IDE_HEADS + (c->device & DEVICE_LOW)) *
			  IDE_TRACK +
		  at - 1;
	return at >= 1 && at <= IDE_TRACK && cylinder < ide_cylinders(d);
}

static bool read_sector(const struct ide_channel *c, unsigned int flags,
			uint64_t *sector)
{
	const struct ide_disk *d = c->op.disk;

	if (!(flags & EXT) && !(c->device & DEVICE_LBA))
		return read_chs(c, sector);
	*sector = get_le(d->now.lba, 3);
	*sector |= flags & EXT ? get_le(d->hob.lba, 3) << 24
			       : (uint64_t)(c->device & DEVICE_LOW) << 24;
	return true;
}

/* 0 stands for one more than fits. */
static uint32_t read_count(const struct ide_disk *d, unsigned int flags)
{
	uint32_t n = d->now.count;

	if (flags & EXT)
		n |= (uint32_t)d->hob.count << 8;
	if (n)
		return n;
	return flags & EXT ? 65536 : 256;
}

/* False: the command has failed. */
static bool begin_transfer(struct ide_channel *c, enum ide_kind kind,
			   unsigned int flags)
{
	struct ide_op *op = &c->op;
	struct ide_disk *d = op->disk;
	uint64_t size = ide_sectors(d);
	bool is_ok = read_sector(c, flags, &op->sector);

	op->kind = kind;
	op->left = read_count(d, flags);
	op->is_dma = flags & DMA;
	op->block_bytes = BLOCK_SECTOR * (flags & MULTI ? d->multiple : 1);
	if (!is_ok || op->sector >= size || op->left > size - op->sector) {
		ide_fail(c, ERR_IDNF);
		return false;
	}
	if (!op->block_bytes ||
	    (kind == IDE_WRITE && block_info(d->block)->readonly)) {
		ide_fail(c, ERR_ABRT);
		return false;
	}
	return true;
}

/* Whichever comes last begins it: the command or the bus master's start. */
static void wait_for_start(struct ide_channel *c)
{
	c->state = IDE_DMA_WAIT;
	c->op.disk->status = ST_BSY;
	if (c->bm_command & BM_COMMAND_START)
		ide_queue(c);
}

static void run_read(struct ide_channel *c, unsigned int flags)
{
	c->op.disk->stats.reads++;
	if (!begin_transfer(c, IDE_READ, flags))
		return;
	if (flags & DMA)
		wait_for_start(c);
	else
		ide_queue(c);
}

static void run_write(struct ide_channel *c, unsigned int flags)
{
	struct ide_disk *d = c->op.disk;

	d->stats.writes++;
	if (!begin_transfer(c, IDE_WRITE, flags))
		return;
	c->op.flush_follows = flags & FUA || !d->has_write_cache;
	if (flags & DMA) {
		wait_for_start(c);
		return;
	}
	c->buf_pos = 0;
	c->buf_len = ide_buf_bytes(c->op.left);
	ide_pio_block(c);
}

static void run_flush(struct ide_channel *c, unsigned int flags)
{
	(void)flags;
	c->op.kind = IDE_FLUSH;
	ide_queue(c);
}

static void run_trim(struct ide_channel *c, unsigned int flags)
{
	struct ide_disk *d = c->op.disk;
	uint32_t n = read_count(d, flags);

	if (d->now.features != 1 || n > IDE_TRIM_BLOCKS ||
	    !block_info(d->block)->can_discard) {
		ide_fail(c, ERR_ABRT);
		return;
	}
	c->op.kind = IDE_TRIM;
	c->op.is_dma = true;
	c->op.trim_sectors = n;
	wait_for_start(c);
}

static void run_identify(struct ide_channel *c, unsigned int flags)
{
	(void)flags;
	c->op.kind = IDE_IDENTIFY;
	c->op.block_bytes = BLOCK_SECTOR;
	ide_identify(c->op.disk, c->buf);
	c->buf_len = BLOCK_SECTOR;
	c->buf_pos = 0;
	ide_pio_block(c);
	ide_raise(c);
}

static void run_nothing(struct ide_channel *c, unsigned int flags)
{
	(void)flags;
	ide_succeed(c);
}

/* Both disks pass, and the first is selected. */
static void run_diagnostic(struct ide_channel *c, unsigned int flags)
{
	(void)flags;
	ide_sign(c);
	ide_raise(c);
}

static bool set_transfer_mode(struct ide_disk *d, uint8_t mode)
{
	static const uint8_t nr_modes[] = {
		[0] = 2, /* PIO's default, with IORDY and without */
		[1] = 5, /* PIO */
		[4] = 3, /* multiword DMA */
		[8] = 6, /* ultra DMA */
	};
	unsigned int kind = mode >> 3;

	if (kind >= ARRAY_SIZE(nr_modes) || (mode & 7) >= nr_modes[kind])
		return false;
	/* What PIO does no IDENTIFY word tells. */
	if (kind > 1)
		d->transfer_mode = mode;
	return true;
}

/* ATA8-ACS 7.47. */
static void run_set_features(struct ide_channel *c, unsigned int flags)
{
	struct ide_disk *d = c->op.disk;
	bool is_ok = true;

	(void)flags;
	switch (d->now.features) {
	case 0x02:
	case 0x82:
		d->has_write_cache = d->now.features == 0x02;
		break;
	case 0x03:
		is_ok = set_transfer_mode(d, d->now.count);
		break;
	case 0x55: /* read ahead: off, on; defaults after a reset: kept, not */
	case 0xaa:
	case 0x66:
	case 0xcc:
		break;
	default:
		is_ok = false;
	}
	if (!is_ok) {
		ide_fail(c, ERR_ABRT);
		return;
	}
	/* What is cached when the cache goes is written. */
	if (d->now.features == 0x82)
		run_flush(c, flags);
	else
		ide_succeed(c);
}

static void run_set_multiple(struct ide_channel *c, unsigned int flags)
{
	struct ide_disk *d = c->op.disk;
	unsigned int n = d->now.count;

	(void)flags;
	if (n > IDE_MAX_MULTIPLE || (n && !is_pow2(n))) {
		ide_fail(c, ERR_ABRT);
		return;
	}
	d->multiple = n;
	ide_succeed(c);
}

static void run_native_max(struct ide_channel *c, unsigned int flags)
{
	uint64_t last = ide_sectors(c->op.disk) - 1;

	if (!(flags & EXT) && last > 0x0fffffff)
		last = 0x0fffffff;
	c->op.sector = last;
	put_sector(c);
	if (!(flags & EXT))
		c->device = (uint8_t)((c->device & ~DEVICE_LOW) |
				      (last >> 24 & DEVICE_LOW));
	ide_succeed(c);
}

static void run_check_power(struct ide_channel *c, unsigned int flags)
{
	(void)flags;
	c->op.disk->now.count = 0xff; /* active */
	ide_succeed(c);
}

/* Those that are not here are aborted: SMART, packets, security and so on. */
static const struct command commands[] = {
	{ 0x06, EXT | DMA, run_trim }, /* DATA SET MANAGEMENT */
	{ 0x10, 0, run_nothing },      /* RECALIBRATE */
	{ 0x20, 0, run_read },	       /* READ SECTORS, and without retry */
	{ 0x21, 0, run_read },
	{ 0x24, EXT, run_read },
	{ 0x25, EXT | DMA, run_read },
	{ 0x27, EXT, run_native_max },
	{ 0x29, EXT | MULTI, run_read },
	{ 0x30, 0, run_write }, /* WRITE SECTORS */
	{ 0x31, 0, run_write },
	{ 0x34, EXT, run_write },
	{ 0x35, EXT | DMA, run_write },
	{ 0x39, EXT | MULTI, run_write },
	{ 0x3d, EXT | DMA | FUA, run_write },
	{ 0x70, 0, run_nothing }, /* SEEK */
	{ 0x90, MAYBE_ABSENT, run_diagnostic },
	{ 0x91, 0, run_nothing }, /* INITIALIZE DEVICE PARAMETERS */
	{ 0xc4, MULTI, run_read },
	{ 0xc5, MULTI, run_write },
	{ 0xc6, 0, run_set_multiple },
	{ 0xc8, DMA, run_read },
	{ 0xc9, DMA, run_read },
	{ 0xca, DMA, run_write },
	{ 0xcb, DMA, run_write },
	{ 0xce, EXT | MULTI | FUA, run_write },
	{ 0xe0, 0, run_flush }, /* STANDBY IMMEDIATE: what is cached is kept */
	{ 0xe1, 0, run_nothing }, /* IDLE IMMEDIATE */
	{ 0xe2, 0, run_flush },	  /* STANDBY */
	{ 0xe3, 0, run_nothing }, /* IDLE */
	{ 0xe5, 0, run_check_power },
	{ 0xe6, 0, run_flush }, /* SLEEP; wakes with any command */
	{ 0xe7, 0, run_flush }, /* FLUSH CACHE */
	{ 0xea, EXT, run_flush },
	{ 0xec, 0, run_identify },
	{ 0xef, 0, run_set_features },
	{ 0xf8, 0, run_native_max },
};

static const struct command *find_command(uint8_t code)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].code == code)
			return &commands[i];
	return NULL;
}

void ide_execute(struct ide_channel *c, struct ide_disk *d, uint8_t code)
{
	const struct command *cmd = find_command(code);

	if (!d->block && !(cmd && cmd->flags & MAYBE_ABSENT))
		return;
	c->op = (struct ide_op){ .disk = d };
	c->intrq = false;
	ide_pin_follow(c);
	d->error = 0;
	d->stats.others++;
	if (cmd)
		cmd->run(c, cmd->flags);
	else
		ide_fail(c, ERR_ABRT);
}

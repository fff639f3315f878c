// SPDX-License-Identifier: GPL-2.0-or-later
/* An IDE channel's registers, and its resets (ATA8-APT). */
/*
 * How this works
 *
 * Both disks of a channel hear what is written to its registers; the one that
 * the device register selects answers and carries out commands. A disk that is
 * not there reads as 0: no status bit, so that a probe ends at once, and no
 * value that a driver wrote, which is how it finds out. While a command is
 * under way, registers ignore writes.
 */
#include "src/dev/ide_priv.h"

enum {
	REG_DATA = 0,
	REG_ERROR = 1, /* written: features */
	REG_COUNT = 2,
	REG_LBA = 3, /* to 5 */
	REG_DEVICE = 6,
	REG_STATUS = 7, /* written: command */
	CONTROL_REG = 2,
};

static struct ide_disk *selected(struct ide_channel *c)
{
	return &c->disks[c->device & DEVICE_UNIT ? 1 : 0];
}

/* --- reset --- */

/* ATA8-APT: what tells an ATA device, and that it has passed its tests. */
static void sign(struct ide_disk *d)
{
	d->now = d->hob = (struct ide_regs){ 0 };
	d->now.count = d->now.lba[0] = 1;
	d->status = ST_OK;
	d->error = 1;
}

void ide_sign(struct ide_channel *c)
{
	c->device = 0;
	for (unsigned int i = 0; i < IDE_UNITS; i++)
		sign(&c->disks[i]);
}

static void quiesce_idle(struct ide_channel *c)
{
	ide_quiesce(c);
	c->state = IDE_IDLE;
	c->intrq = false;
}

void ide_channel_reset(struct ide_channel *c)
{
	pthread_mutex_lock(&c->lock);
	quiesce_idle(c);
	ide_sign(c);
	for (unsigned int i = 0; i < IDE_UNITS; i++) {
		c->disks[i].multiple = IDE_MAX_MULTIPLE;
		c->disks[i].has_write_cache = true;
		c->disks[i].transfer_mode = 0;
	}
	c->control = c->bm_command = c->bm_status = 0;
	c->bm_table = 0;
	c->at = (struct ide_prd_at){ 0 };
	ide_pin_follow(c);
	pthread_mutex_unlock(&c->lock);
}

/* Software reset lasts while its bit is set. */
static void write_control(struct ide_channel *c, uint8_t value)
{
	uint8_t changed = c->control ^ value;

	c->control = value & (CONTROL_HOB | CONTROL_SRST | CONTROL_NIEN);
	if (changed & value & CONTROL_SRST) {
		quiesce_idle(c);
		for (unsigned int i = 0; i < IDE_UNITS; i++)
			c->disks[i].status = ST_BSY;
	} else if (changed & CONTROL_SRST) {
		ide_sign(c);
	}
	ide_pin_follow(c);
}

/* --- registers --- */

static void put_reg(struct ide_disk *d, uint64_t reg, uint8_t value)
{
	switch (reg) {
	case REG_ERROR:
		d->hob.features = d->now.features;
		d->now.features = value;
		break;
	case REG_COUNT:
		d->hob.count = d->now.count;
		d->now.count = value;
		break;
	default:
		d->hob.lba[reg - REG_LBA] = d->now.lba[reg - REG_LBA];
		d->now.lba[reg - REG_LBA] = value;
	}
}

static void write_reg(struct ide_channel *c, uint64_t reg, uint8_t value)
{
	if (c->state != IDE_IDLE || c->nr_waiting || c->control & CONTROL_SRST)
		return;
	c->control &= (uint8_t)~CONTROL_HOB;
	switch (reg) {
	case REG_DEVICE:
		c->device = value & (uint8_t)~DEVICE_FIXED;
		break;
	case REG_STATUS:
		ide_execute(c, selected(c), value);
		break;
	default:
		for (unsigned int i = 0; i < IDE_UNITS; i++)
			put_reg(&c->disks[i], reg, value);
	}
}

static uint8_t read_reg(struct ide_channel *c, uint64_t reg)
{
	const struct ide_disk *d = selected(c);
	const struct ide_regs *r = c->control & CONTROL_HOB ? &d->hob : &d->now;

	if (!d->block)
		return 0;
	switch (reg) {
	case REG_ERROR:
		return d->error;
	case REG_COUNT:
		return r->count;
	case REG_DEVICE:
		return c->device | DEVICE_FIXED;
	case REG_STATUS:
		c->intrq = false;
		ide_pin_follow(c);
		return d->status;
	default:
		return r->lba[reg - REG_LBA];
	}
}

static uint64_t command_read(void *dev, uint64_t off, unsigned int len)
{
	struct ide_channel *c = dev;
	uint64_t value;

	if (off != REG_DATA && len != 1)
		return all_ones(len);
	pthread_mutex_lock(&c->lock);
	value = off == REG_DATA ? ide_pio_read(c, len) : read_reg(c, off);
	pthread_mutex_unlock(&c->lock);
	return value;
}

static void command_write(void *dev, uint64_t off, unsigned int len,
			  uint64_t value)
{
	struct ide_channel *c = dev;

	if (off != REG_DATA && len != 1)
		return;
	pthread_mutex_lock(&c->lock);
	if (off == REG_DATA)
		ide_pio_write(c, len, value);
	else
		write_reg(c, off, (uint8_t)value);
	pthread_mutex_unlock(&c->lock);
}

/* The alternate status, which leaves the interrupt alone. */
static uint64_t control_read(void *dev, uint64_t off, unsigned int len)
{
	struct ide_channel *c = dev;
	const struct ide_disk *d;
	uint64_t value;

	if (off != CONTROL_REG || len != 1)
		return all_ones(len);
	pthread_mutex_lock(&c->lock);
	d = selected(c);
	value = d->block ? d->status : 0;
	pthread_mutex_unlock(&c->lock);
	return value;
}

static void control_write(void *dev, uint64_t off, unsigned int len,
			  uint64_t value)
{
	struct ide_channel *c = dev;

	if (off != CONTROL_REG || len != 1)
		return;
	pthread_mutex_lock(&c->lock);
	write_control(c, (uint8_t)value);
	pthread_mutex_unlock(&c->lock);
}

const struct bus_ops ide_command_ops = { command_read, command_write };
const struct bus_ops ide_control_ops = { control_read, control_write };

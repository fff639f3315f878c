// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzz: a guest that writes anything to an IDE controller's registers. */
/*
 * How this works
 *
 * The input is a row of 8-byte records {what, where, value}: accesses to the
 * BARs, the bus master's table written into RAM, a wait until nothing is busy.
 * A controller with three disks of 1 MiB is made once, and reset before each
 * input. After each record what the guest moves has to lie in the buffer, and
 * the pin has to follow the interrupt.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/core/iothread.h"
#include "src/dev/ide.h"
#include "tests/fake/irq.h"
#include "tests/fake/ring.h"

enum { RECORD = 8, NR_DISKS = 3, DISK_BYTES = 1 << 20, TABLE = 0x1000 };

static struct fake_ram ram;
static struct bus mmio, pio;
static struct fake_irq sink;
static struct irq irq;
static struct pci_host pci;
static struct iothread io;
static struct loop *loops[1];
static struct ide *ide;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void add_disk(unsigned int n)
{
	char path[] = "/tmp/strait-fuzz-XXXXXX";
	const struct block_options options = { .path = path,
					       .readonly = n == 2 };
	const struct ide_disk_setup setup = { .name = "disk" };
	struct block *block;
	struct err e = { 0 };
	int fd = mkstemp(path);

	must(fd >= 0 && !ftruncate(fd, DISK_BYTES));
	close(fd);
	must(!block_open(&options, &block, &e));
	must(!ide_attach(ide, n, block, &setup, &e));
	unlink(path);
}

static void make(void)
{
	const struct pci_host_layout layout = {
		.ecam = 0xe8000000,
		.nr_buses = 1,
		.intx_gsi = 16,
		.io = { 0x1000, 0x1000 },
		.mem32 = { 0xc0000000, MIB(256) },
	};
	struct dev_env env = { &ram.mem, &mmio, &pio, &irq, &pci, loops, 1 };
	struct err e = { 0 };

	log_set_level(LOG_ERROR);
	fake_ram_init(&ram);
	must(!bus_init(&mmio, "mmio") && !bus_init(&pio, "pio"));
	must(!irq_init(&irq, &fake_irq_sink, &sink, &e));
	must(!pci_host_init(&pci, &mmio, &pio, &layout, &e));
	must(!iothread_init(&io, 0, &e));
	loops[0] = &io.loop;
	ide = calloc(1, sizeof(*ide));
	must(ide && !ide_init(ide, "ide", &env, &e));
	must(!ide_add(ide, -1, &e));
	for (unsigned int i = 0; i < NR_DISKS; i++)
		add_disk(i);
	must(!pci_host_place_bars(&pci, &e));
	must(!iothread_start(&io, &e));
}

/* Disk commands that a byte alone seldom hits. */
static uint8_t likely(uint8_t value)
{
	static const uint8_t codes[] = { 0x20, 0x24, 0x25, 0x29, 0x30, 0x34,
					 0x35, 0x39, 0x3d, 0x06, 0x90, 0xc4,
					 0xc5, 0xc6, 0xc8, 0xca, 0xce, 0xe7,
					 0xea, 0xec, 0xef, 0xf8 };

	return value & 0x80 ? value : codes[value % sizeof(codes)];
}

static void settle(unsigned int channel)
{
	uint64_t value = 0x80;

	for (unsigned int i = 0; i < 1000 && value & 0x80; i++) {
		bus_read(&pio, ide->pci.bars[2 * channel + 1].addr + 2, 1,
			 &value);
		usleep(value & 0x80 ? 10 : 0);
	}
}

/* A whole block of PIO, which single words seldom reach. */
static void move_block(unsigned int channel, bool is_read, uint32_t value)
{
	uint64_t at = ide->pci.bars[2 * channel].addr, got;

	for (unsigned int i = 0; i < BLOCK_SECTOR / 4; i++) {
		if (is_read)
			bus_read(&pio, at, 4, &got);
		else
			bus_write(&pio, at, 4, value + i);
	}
}

static void play(const uint8_t *r)
{
	static const uint8_t bars[] = { 0, 1, 2, 3, 4, 4, 0, 2 };
	unsigned int bar = bars[r[1] & 7], off = r[1] >> 3 & 15;
	unsigned int len = 1u << (r[2] & 3) & 7;
	uint64_t addr = ide->pci.bars[bar].addr + off, got;
	uint32_t value = (uint32_t)get_le(r + 4, 4);

	len = len ? len : 1;
	switch (r[0] % 8) {
	case 0:
		bus_read(&pio, addr, len, &got);
		break;
	case 1:
	case 2:
		bus_write(&pio, addr, len, value);
		break;
	case 3:
		bus_write(&pio, ide->pci.bars[r[1] & 1 ? 2 : 0].addr + 7, 1,
			  likely(r[2]));
		break;
	case 4:
		put_le(ram.bytes + TABLE + 4 * r[1], value, 4);
		break;
	case 5:
		bus_write(&pio, ide->pci.bars[4].addr + (r[1] & 8) + 4, 4,
			  TABLE + r[2]);
		bus_write(&pio, ide->pci.bars[4].addr + (r[1] & 8), 1, r[3]);
		break;
	case 6:
		settle(r[1] & 1);
		break;
	default:
		move_block(r[1] & 1, r[2] & 1, value);
	}
}

static void check(struct ide_channel *c)
{
	pthread_mutex_lock(&c->lock);
	BUG_ON(c->buf_len > sizeof(c->buf));
	BUG_ON(c->state == IDE_PIO &&
	       (c->buf_pos >= c->block_end || c->block_end > c->buf_len));
	BUG_ON(c->pin != (c->intrq && !(c->control & 2)));
	BUG_ON(c->nr_waiting);
	pthread_mutex_unlock(&c->lock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!ide)
		make();
	pci_dev_reset(&ide->pci);
	pci_dev_write(&ide->pci, PCI_COMMAND, 2,
		      PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	memset(ram.bytes + TABLE, 0, 8192);
	for (; size >= RECORD; size -= RECORD, data += RECORD) {
		play(data);
		for (unsigned int i = 0; i < IDE_CHANNELS; i++)
			check(&ide->channels[i]);
	}
	return 0;
}

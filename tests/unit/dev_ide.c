// SPDX-License-Identifier: GPL-2.0-or-later
/* The IDE controller, between a driver's registers and raw images. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "src/core/iothread.h"
#include "src/dev/ide.h"
#include "tests/fake/ring.h"
#include "tests/tap.h"

#define ECAM 0xe8000000u

enum {
	SECTORS = 4096,
	PRD = 0x1000,
	DATA = 0x100000,
	WAIT_MS = 5000,
	GSI = 16,
	/* Registers, from BAR 0; those of BAR 1 and 4 by their own macros. */
	ERROR_REG = 1,
	COUNT = 2,
	LBA = 3,
	DEVICE = 6,
	STATUS = 7,
	ERR = 1,
	DRQ = 8,
	BSY = 0x80,
	OK = 0x50,
};
enum {
	READ_SECTORS = 0x20,
	READ_DMA_EXT = 0x25,
	WRITE_SECTORS = 0x30,
	WRITE_DMA_EXT = 0x35,
	READ_MULTIPLE = 0xc4,
	WRITE_MULTIPLE = 0xc5,
	SET_MULTIPLE = 0xc6,
	READ_DMA = 0xc8,
	WRITE_DMA = 0xca,
	FLUSH_EXT = 0xea,
	IDENTIFY = 0xec,
	SET_FEATURES = 0xef,
};

static struct fake_ram ram;
static struct bus mmio, pio;
static struct irq irq;
static struct pci_host pci;
static struct iothread io;
static struct loop *loops[1];
static struct ide *ide;
static struct block *blocks[IDE_MAX_DISKS];
static char paths[IDE_MAX_DISKS][32];
static unsigned int nr_disks;
static int line; /* atomic: level of the pin */
static int nr_rises;

/* --- a machine --- */

static int on_routes(void *ctx, const struct irq_route *routes, unsigned int nr,
		     struct err *e)
{
	(void)ctx;
	(void)routes;
	(void)nr;
	(void)e;
	return 0;
}

static int on_irqfd(void *ctx, int fd, uint32_t gsi, int resample_fd,
		    struct err *e)
{
	(void)ctx;
	(void)fd;
	(void)gsi;
	(void)resample_fd;
	(void)e;
	return 0;
}

static void on_irqfd_del(void *ctx, int fd, uint32_t gsi)
{
	(void)ctx;
	(void)fd;
	(void)gsi;
}

static void on_line(void *ctx, uint32_t gsi, bool high)
{
	(void)ctx;
	BUG_ON(gsi < GSI);
	__atomic_store_n(&line, high, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&nr_rises, high, __ATOMIC_SEQ_CST);
}

static const struct irq_sink_ops sink = { .set_routes = on_routes,
					  .irqfd_add = on_irqfd,
					  .irqfd_del = on_irqfd_del,
					  .set_line = on_line };

static void make_machine(void)
{
	const struct pci_host_layout layout = {
		.ecam = ECAM,
		.nr_buses = 1,
		.intx_gsi = GSI,
		.io = { 0x1000, 0x1000 },
		.mem32 = { 0xc0000000, MIB(256) },
	};
	struct err e = { 0 };

	fake_ram_init(&ram);
	CHECK(!bus_init(&mmio, "mmio") && !bus_init(&pio, "pio"));
	CHECK(!irq_init(&irq, &sink, NULL, &e));
	CHECK(!pci_host_init(&pci, &mmio, &pio, &layout, &e));
	CHECK(!iothread_init(&io, 0, &e));
	loops[0] = &io.loop;
	nr_disks = 0;
	line = nr_rises = 0;
}

static void make_ide(void)
{
	const struct dev_env env = { .mem = &ram.mem,
				     .mmio = &mmio,
				     .pio = &pio,
				     .irq = &irq,
				     .pci = &pci,
				     .loops = loops,
				     .nr_loops = 1 };
	struct err e = { 0 };

	ide = calloc(1, sizeof(*ide));
	CHECK(ide && !ide_init(ide, "ide", &env, &e));
	CHECK(!ide_add(ide, -1, &e));
}

/* Sector n of disk d begins with n and d. */
static void make_image(unsigned int d)
{
	uint8_t sector[512];
	int fd;

	strcpy(paths[d], "/tmp/strait-ide-XXXXXX");
	fd = mkstemp(paths[d]);
	CHECK(fd >= 0);
	for (unsigned int i = 0; i < SECTORS; i++) {
		memset(sector, (int)(i + d), sizeof(sector));
		put_le(sector, i, 4);
		put_le(sector + 4, d, 4);
		CHECK_EQ(write(fd, sector, 512), 512);
	}
	close(fd);
}

static void add_disk(bool readonly, bool pause)
{
	unsigned int d = nr_disks;
	struct block_options options = { .readonly = readonly };
	struct ide_disk_setup setup = { .name = "disk",
					.serial = "S123",
					.pause_on_enospc = pause };
	struct err e = { 0 };

	make_image(d);
	options.path = paths[d];
	CHECK_EQ(block_open(&options, &blocks[d], &e), 0);
	CHECK_EQ(ide_attach(ide, d, blocks[d], &setup, &e), 0);
	nr_disks++;
}

static void plug(void)
{
	struct err e = { 0 };

	CHECK(!pci_host_place_bars(&pci, &e));
	pci_dev_write(&ide->pci, PCI_COMMAND, 2,
		      PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	CHECK(!iothread_start(&io, &e));
}

static void setup_disks(unsigned int nr)
{
	make_machine();
	make_ide();
	for (unsigned int i = 0; i < nr; i++)
		add_disk(false, false);
	plug();
}

static void setup(void)
{
	setup_disks(1);
}

static void teardown(void)
{
	ide_stop(ide);
	iothread_stop(&io);
	ide_fini(ide);
	free(ide);
	while (nr_disks) {
		block_close(blocks[--nr_disks]);
		unlink(paths[nr_disks]);
	}
	iothread_fini(&io);
	pci_host_fini(&pci);
	irq_fini(&irq);
	bus_fini(&pio);
	bus_fini(&mmio);
	fake_ram_fini(&ram);
}

/* --- a driver --- */

static uint64_t in(unsigned int bar, unsigned int off, unsigned int len)
{
	uint64_t value;

	CHECK(bus_read(&pio, ide->pci.bars[bar].addr + off, len, &value));
	return value;
}

static void out(unsigned int bar, unsigned int off, unsigned int len,
		uint64_t value)
{
	CHECK(bus_write(&pio, ide->pci.bars[bar].addr + off, len, value));
}

static bool is_high(void)
{
	return __atomic_load_n(&line, __ATOMIC_SEQ_CST);
}

static bool wait_irq(void)
{
	for (unsigned int i = 0; i < WAIT_MS * 10 && !is_high(); i++)
		usleep(100);
	return is_high();
}

/* Until it is not busy; the status, without taking the interrupt. */
static uint8_t settle(unsigned int ch)
{
	for (unsigned int i = 0; i < WAIT_MS * 10; i++) {
		uint8_t status = (uint8_t)in(2 * ch + 1, 2, 1);

		if (!(status & BSY))
			return status;
		usleep(100);
	}
	return BSY;
}

static uint8_t status(void)
{
	return (uint8_t)in(0, STATUS, 1);
}

static void put_lba28(unsigned int unit, uint32_t sector, unsigned int count)
{
	out(0, DEVICE, 1, 0xe0 | unit << 4 | sector >> 24);
	out(0, COUNT, 1, count & 0xff);
	for (unsigned int i = 0; i < 3; i++)
		out(0, LBA + i, 1, sector >> 8 * i & 0xff);
}

static void put_lba48(unsigned int unit, uint64_t sector, unsigned int count)
{
	out(0, DEVICE, 1, 0xe0 | unit << 4);
	out(0, COUNT, 1, count >> 8 & 0xff);
	out(0, COUNT, 1, count & 0xff);
	for (unsigned int i = 0; i < 3; i++) {
		out(0, LBA + i, 1, sector >> (24 + 8 * i) & 0xff);
		out(0, LBA + i, 1, sector >> 8 * i & 0xff);
	}
}

static void command(uint8_t code)
{
	out(0, STATUS, 1, code);
}

/* One without data; its status. */
static uint8_t simple(uint8_t code)
{
	command(code);
	CHECK(wait_irq());
	return status();
}

static void put_prd(unsigned int i, uint32_t gpa, uint32_t len, bool last)
{
	put_le(ram.bytes + PRD + 8 * i, gpa, 4);
	put_le(ram.bytes + PRD + 8 * i + 4,
	       (len & 0xffff) | (last ? 0x80000000u : 0), 4);
}

/* The command is written already, or will be after it. */
static void bm_start(bool to_memory)
{
	out(4, 4, 4, PRD);
	out(4, 2, 1, 6);
	out(4, 0, 1, to_memory ? 8 : 0);
	out(4, 0, 1, to_memory ? 9 : 1);
}

/* As libata does it; the ATA status. The bus master's is in *bm. */
static uint8_t dma(uint8_t code, bool to_memory, uint8_t *bm)
{
	command(code);
	bm_start(to_memory);
	CHECK(wait_irq());
	*bm = (uint8_t)in(4, 2, 1);
	out(4, 0, 1, to_memory ? 8 : 0);
	return status();
}

static void read_block(uint8_t *to, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i += 2)
		put_le(to + i, in(0, 0, 2), 2);
}

static void write_block(const uint8_t *from, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i += 2)
		out(0, 0, 2, get_le(from + i, 2));
}

static void in_file(unsigned int d, void *buf, size_t len, uint64_t sector)
{
	int fd = open(paths[d], O_RDONLY);

	CHECK_EQ(pread(fd, buf, len, (off_t)(sector * 512)), (ssize_t)len);
	close(fd);
}

static bool same_as_file(unsigned int d, const uint8_t *buf, size_t len,
			 uint64_t sector)
{
	static uint8_t want[1 << 20];

	in_file(d, want, len, sector);
	return !memcmp(buf, want, len);
}

static void fill(uint8_t *buf, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(i * 7 + i / 251 + seed);
}

/* --- who is there --- */

static void identify_tells_the_disk(void)
{
	uint8_t id[512], sum = 0;

	setup();
	put_lba28(0, 0, 0);
	command(IDENTIFY);
	CHECK(wait_irq());
	CHECK_EQ(status(), OK | DRQ);
	read_block(id, 512);
	CHECK_EQ(status(), OK);
	CHECK_EQ(get_le(id + 2 * 60, 4), SECTORS);
	CHECK_EQ(get_le(id + 2 * 100, 8), SECTORS);
	CHECK(!memcmp(id + 20, "1S32    ", 8));
	CHECK(!memcmp(id + 54, "tsartiI ED", 10));
	CHECK_EQ(get_le(id + 2 * 59, 2), 0x110);
	CHECK_EQ(get_le(id + 2 * 83, 2), 0x7400);
	for (unsigned int i = 0; i < 512; i++)
		sum = (uint8_t)(sum + id[i]);
	CHECK_EQ(sum, 0);
	teardown();
}

/* What libata's ata_devchk and ata_sff_dev_classify do. */
static void absent_second_disk_answers_a_probe_at_once(void)
{
	setup();
	out(0, DEVICE, 1, 0xb0);
	out(0, COUNT, 1, 0x55);
	out(0, LBA, 1, 0xaa);
	CHECK(in(0, COUNT, 1) != 0x55);
	CHECK_EQ(status(), 0);
	CHECK_EQ(in(1, 2, 1), 0);
	command(IDENTIFY);
	CHECK_EQ(status(), 0);
	CHECK(!is_high());
	out(0, DEVICE, 1, 0xa0);
	out(0, COUNT, 1, 0x55);
	CHECK_EQ(in(0, COUNT, 1), 0x55);
	teardown();
}

static void empty_channel_is_not_there_at_all(void)
{
	uint64_t value;

	setup();
	CHECK_EQ(pci_dev_read(&ide->pci, PCI_BASE_ADDRESS_2, 4), 0);
	CHECK_EQ(pci_dev_read(&ide->pci, PCI_BASE_ADDRESS_3, 4), 0);
	CHECK_EQ(pci_dev_read(&ide->pci, 0x40, 4), 0x8000);
	CHECK(!bus_read(&pio, 0x1f7, 1, &value));
	CHECK(!bus_read(&pio, 0x177, 1, &value));
	CHECK_EQ(in(4, 10, 1), 0);
	teardown();
}

static void function_is_in_native_mode(void)
{
	setup();
	CHECK_EQ(pci_dev_read(&ide->pci, 0, 4), 0x70108086);
	CHECK_EQ(pci_dev_read(&ide->pci, PCI_CLASS_PROG, 1), 0x85);
	CHECK_EQ(pci_dev_read(&ide->pci, PCI_INTERRUPT_PIN, 1), 1);
	pci_dev_write(&ide->pci, 0x40, 2, 0xa307);
	pci_dev_write(&ide->pci, 0x44, 1, 0x5a);
	CHECK_EQ(pci_dev_read(&ide->pci, 0x40, 2), 0xa307);
	CHECK_EQ(pci_dev_read(&ide->pci, 0x44, 1), 0x5a);
	teardown();
}

/* --- data by PIO --- */

static void pio_reads_what_is_in_the_image(void)
{
	uint8_t got[512 * 3];

	setup();
	put_lba28(0, 1000, 3);
	command(READ_SECTORS);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK(wait_irq());
		CHECK_EQ(status(), OK | DRQ);
		CHECK(!is_high());
		read_block(got + 512 * i, 512);
	}
	CHECK_EQ(settle(0), OK);
	CHECK(!is_high());
	CHECK(same_as_file(0, got, sizeof(got), 1000));
	CHECK_EQ(in(0, 0, 2), 0xffff);
	teardown();
}

/* More than the buffer holds, in blocks of 8 sectors, the last one short. */
static void multiple_moves_blocks_both_ways(void)
{
	static uint8_t data[512 * 201], got[512 * 201];

	setup();
	fill(data, sizeof(data), 3);
	put_lba28(0, 0, 8);
	CHECK_EQ(simple(SET_MULTIPLE), OK);
	put_lba28(0, 77, 201);
	command(WRITE_MULTIPLE);
	CHECK_EQ(settle(0), OK | DRQ);
	CHECK(!is_high());
	for (unsigned int at = 0; at < 201; at += 8) {
		unsigned int n = 201 - at < 8 ? 201 - at : 8;

		CHECK_EQ(status(), OK | DRQ);
		write_block(data + 512 * at, 512 * n);
		CHECK(wait_irq());
	}
	CHECK_EQ(status(), OK);
	CHECK(same_as_file(0, data, sizeof(data), 77));
	put_lba28(0, 77, 201);
	command(READ_MULTIPLE);
	for (unsigned int at = 0; at < 201; at += 8) {
		unsigned int n = 201 - at < 8 ? 201 - at : 8;

		CHECK(wait_irq());
		CHECK_EQ(status(), OK | DRQ);
		read_block(got + 512 * at, 512 * n);
	}
	CHECK_EQ(settle(0), OK);
	CHECK(!memcmp(data, got, sizeof(got)));
	teardown();
}

static void wide_accesses_move_the_same_bytes(void)
{
	uint8_t got[512], data[512];

	setup();
	fill(data, 512, 9);
	put_lba28(0, 5, 1);
	command(WRITE_SECTORS);
	for (unsigned int i = 0; i < 512; i += 4)
		out(0, 0, 4, get_le(data + i, 4));
	CHECK(wait_irq());
	CHECK_EQ(status(), OK);
	put_lba28(0, 5, 1);
	command(READ_SECTORS);
	CHECK(wait_irq());
	for (unsigned int i = 0; i < 512; i += 4)
		put_le(got + i, in(0, 0, 4), 4);
	CHECK(!memcmp(got, data, 512));
	teardown();
}

static void cylinders_reach_the_same_sectors(void)
{
	uint8_t got[512];

	setup();
	/* 2, 3, 4: (2 * 16 + 3) * 63 + 4 - 1 */
	out(0, DEVICE, 1, 0xa3);
	out(0, COUNT, 1, 1);
	out(0, LBA, 1, 4);
	out(0, LBA + 1, 1, 2);
	out(0, LBA + 2, 1, 0);
	command(READ_SECTORS);
	CHECK(wait_irq());
	read_block(got, 512);
	CHECK_EQ(get_le(got, 4), 35 * 63 + 3);
	out(0, LBA, 1, 0);
	CHECK_EQ(simple(READ_SECTORS), OK | ERR);
	teardown();
}

/* --- by DMA --- */

static void dma_moves_data_both_ways(void)
{
	uint8_t bm;

	setup();
	fill(ram.bytes + DATA, 8192, 1);
	put_prd(0, DATA, 1536, false);
	put_prd(1, DATA + 1536, 6656, true);
	put_lba28(0, 300, 16);
	CHECK_EQ(dma(WRITE_DMA, false, &bm), OK);
	CHECK_EQ(bm & 7, 4);
	CHECK(!is_high());
	CHECK(same_as_file(0, ram.bytes + DATA, 8192, 300));
	memset(ram.bytes + DATA, 0, 8192);
	put_lba28(0, 300, 16);
	CHECK_EQ(dma(READ_DMA, true, &bm), OK);
	CHECK(same_as_file(0, ram.bytes + DATA, 8192, 300));
	teardown();
}

static void dma_may_be_started_before_its_command(void)
{
	setup();
	put_prd(0, DATA, 512, true);
	put_lba28(0, 11, 1);
	bm_start(true);
	CHECK_EQ(in(4, 2, 1) & 1, 1);
	command(READ_DMA);
	CHECK(wait_irq());
	CHECK_EQ(status(), OK);
	CHECK_EQ(get_le(ram.bytes + DATA, 4), 11);
	teardown();
}

static void lba48_takes_long_counts_and_high_sectors(void)
{
	uint8_t bm;

	setup();
	for (unsigned int i = 0; i < 16; i++)
		put_prd(i, DATA + i * 65536, 0, i == 15);
	put_lba48(0, 1024, 2048);
	CHECK_EQ(dma(READ_DMA_EXT, true, &bm), OK);
	CHECK(same_as_file(0, ram.bytes + DATA, MIB(1), 1024));
	/* Beyond the end by the upper bytes alone. */
	put_lba48(0, 1ULL << 24, 1);
	CHECK_EQ(simple(READ_DMA_EXT), OK | ERR);
	CHECK_EQ(in(0, ERROR_REG, 1), 0x10);
	/* Count 0 is 65,536: more than there is. */
	put_lba48(0, 0, 0);
	CHECK_EQ(simple(READ_DMA_EXT), OK | ERR);
	teardown();
}

static void upper_bytes_are_read_with_hob(void)
{
	setup();
	put_lba48(0, 0x123456789abcULL, 0x4321);
	CHECK_EQ(in(0, LBA, 1), 0xbc);
	CHECK_EQ(in(0, COUNT, 1), 0x21);
	out(1, 2, 1, 0x80);
	CHECK_EQ(in(0, LBA, 1), 0x56);
	CHECK_EQ(in(0, LBA + 2, 1), 0x12);
	CHECK_EQ(in(0, COUNT, 1), 0x43);
	out(0, COUNT, 1, 0);
	CHECK_EQ(in(0, LBA, 1), 0xbc);
	teardown();
}

/* 4,096 pieces of 2 bytes and pieces that end within sectors: more than one
 * request has room for. */
static void smallest_pieces_are_put_together(void)
{
	enum { BYTES = 8192 };
	uint8_t bm;

	setup();
	for (unsigned int i = 0; i < BYTES / 2; i++)
		put_prd(i, DATA + (BYTES / 2 - 1 - i) * 2, 2,
			i == BYTES / 2 - 1);
	put_lba48(0, 40, BYTES / 512);
	CHECK_EQ(dma(READ_DMA_EXT, true, &bm), OK);
	CHECK_EQ(bm & 7, 4);
	for (unsigned int i = 0; i < 16; i++)
		CHECK_EQ(get_le(ram.bytes + DATA + BYTES - 2 - 512 * i, 2),
			 40 + i);
	for (unsigned int i = 0; i < 2000; i++)
		put_prd(i, DATA + i * 6, 6, i == 1999);
	put_lba48(0, 100, 23);
	CHECK_EQ(dma(READ_DMA_EXT, true, &bm), OK);
	CHECK_EQ(bm & 7, 5);
	CHECK(same_as_file(0, ram.bytes + DATA, 23 * 512, 100));
	teardown();
}

/* --- hostile tables --- */

static uint8_t hostile(uint64_t sectors)
{
	uint8_t bm, got;

	put_lba48(0, 0, (unsigned int)sectors);
	got = dma(READ_DMA_EXT, true, &bm);
	CHECK_EQ(bm & 7, 6);
	CHECK_EQ(in(0, ERROR_REG, 1), 4);
	return got;
}

static void bad_tables_end_with_an_error(void)
{
	uint8_t bm;

	setup();
	put_prd(0, FAKE_RAM_LEN - 256, 512, true);
	CHECK_EQ(hostile(1), OK | ERR);
	put_prd(0, 0xfffffffe, 512, true);
	CHECK_EQ(hostile(1), OK | ERR);
	put_prd(0, 0xc0000000, 0, true);
	CHECK_EQ(hostile(8), OK | ERR);
	put_prd(0, DATA, 512, true); /* too short */
	CHECK_EQ(hostile(2), OK | ERR);
	put_prd(0, DATA, 512, true);
	put_lba48(0, 9, 1);
	CHECK_EQ(dma(READ_DMA_EXT, true, &bm), OK);
	CHECK_EQ(get_le(ram.bytes + DATA, 4), 9);
	teardown();
}

static void table_outside_ram_ends_with_an_error(void)
{
	setup();
	put_lba48(0, 0, 1);
	command(READ_DMA_EXT);
	out(4, 4, 4, 0xfffffffc);
	out(4, 0, 1, 9);
	CHECK(wait_irq());
	CHECK_EQ(status(), OK | ERR);
	CHECK_EQ(in(4, 2, 1) & 7, 6);
	teardown();
}

static void no_dma_without_bus_mastering(void)
{
	setup();
	pci_dev_write(&ide->pci, PCI_COMMAND, 2, PCI_COMMAND_IO);
	put_prd(0, DATA, 512, true);
	memset(ram.bytes + DATA, 0x11, 512);
	CHECK_EQ(hostile(1), OK | ERR);
	CHECK_EQ(ram.bytes[DATA + 100], 0x11);
	teardown();
}

/* A stop is over when nothing is written to memory any more. */
static void stop_waits_for_what_is_under_way(void)
{
	setup();
	for (unsigned int i = 0; i < 16; i++)
		put_prd(i, DATA + i * 65536, 0, i == 15);
	for (unsigned int round = 0; round < 50; round++) {
		put_lba48(0, 0, 2048);
		command(READ_DMA_EXT);
		bm_start(true);
		usleep(round * 10);
		out(4, 0, 1, 8);
		memset(ram.bytes + DATA, 0x42, MIB(1));
		usleep(1000);
		CHECK_EQ(ram.bytes[DATA + MIB(1) - 1], 0x42);
		CHECK_EQ(ram.bytes[DATA + round * 1000], 0x42);
		CHECK(!(status() & BSY));
	}
	teardown();
}

/* --- other commands --- */

static void flush_and_power_commands_succeed(void)
{
	static const uint8_t codes[] = { 0xe7, FLUSH_EXT, 0xe0, 0xe1, 0xe2,
					 0xe3, 0xe6,	  0x10, 0x91 };

	setup();
	put_lba28(0, 0, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(codes); i++)
		CHECK_EQ(simple(codes[i]), OK);
	CHECK_EQ(simple(0xe5), OK);
	CHECK_EQ(in(0, COUNT, 1), 0xff);
	teardown();
}

static void unknown_commands_are_aborted(void)
{
	static const uint8_t codes[] = { 0x00, 0x08, 0xa0, 0xa1,
					 0xb0, 0x2f, 0x60, 0xff };

	setup();
	put_lba28(0, 0, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(codes); i++) {
		CHECK_EQ(simple(codes[i]), OK | ERR);
		CHECK_EQ(in(0, ERROR_REG, 1), 4);
	}
	CHECK_EQ(simple(0xe7), OK);
	CHECK_EQ(in(0, ERROR_REG, 1), 0);
	teardown();
}

static uint8_t set_features(uint8_t feature, uint8_t count)
{
	out(0, ERROR_REG, 1, feature);
	out(0, COUNT, 1, count);
	return simple(SET_FEATURES);
}

static unsigned int id_word(unsigned int word)
{
	uint8_t id[512];

	command(IDENTIFY);
	CHECK(wait_irq());
	status();
	read_block(id, 512);
	return (unsigned int)get_le(id + 2 * word, 2);
}

static void features_show_in_identify(void)
{
	setup();
	out(0, DEVICE, 1, 0xa0);
	CHECK_EQ(set_features(3, 0x45), OK);
	CHECK_EQ(id_word(88), 0x203f);
	CHECK_EQ(set_features(3, 0x22), OK);
	CHECK_EQ(id_word(88), 0x003f);
	CHECK_EQ(id_word(63), 0x0407);
	CHECK_EQ(set_features(3, 0x0c), OK);
	CHECK_EQ(set_features(3, 0x46), OK | ERR);
	CHECK_EQ(set_features(3, 0xff), OK | ERR);
	CHECK_EQ(set_features(0x82, 0), OK);
	CHECK_EQ(id_word(85) & 0x20, 0);
	CHECK_EQ(set_features(2, 0), OK);
	CHECK_EQ(id_word(85) & 0x20, 0x20);
	CHECK_EQ(set_features(0x90, 0), OK | ERR);
	teardown();
}

static void native_max_is_the_last_sector(void)
{
	setup();
	put_lba28(0, 0, 0);
	CHECK_EQ(simple(0xf8), OK);
	CHECK_EQ(in(0, LBA, 1) | in(0, LBA + 1, 1) << 8, SECTORS - 1);
	CHECK_EQ(simple(0x27), OK);
	CHECK_EQ(in(0, LBA + 1, 1), (SECTORS - 1) >> 8);
	teardown();
}

static void trimmed_sectors_read_as_zeroes(void)
{
	uint8_t got[512], bm;

	setup();
	memset(ram.bytes + DATA, 0, 512);
	put_le(ram.bytes + DATA, 16 | 8ULL << 48, 8);
	put_le(ram.bytes + DATA + 16, 64 | 16ULL << 48, 8);
	put_prd(0, DATA, 512, true);
	put_lba48(0, 0, 1);
	out(0, ERROR_REG, 1, 1);
	CHECK_EQ(dma(0x06, false, &bm), OK);
	in_file(0, got, 512, 16);
	CHECK_EQ(got[100], 0);
	in_file(0, got, 512, 79);
	CHECK_EQ(got[0], 0);
	in_file(0, got, 512, 80);
	CHECK_EQ(got[0], 80);
	in_file(0, got, 512, 24);
	CHECK_EQ(got[0], 24);
	put_le(ram.bytes + DATA, (SECTORS - 1) | 2ULL << 48, 8);
	put_lba48(0, 0, 1);
	CHECK_EQ(dma(0x06, false, &bm), OK | ERR);
	put_lba48(0, 0, 9); /* blocks */
	CHECK_EQ(simple(0x06), OK | ERR);
	out(0, ERROR_REG, 1, 2);
	put_lba48(0, 0, 1);
	CHECK_EQ(simple(0x06), OK | ERR);
	teardown();
}

static void transfers_beyond_the_end_fail(void)
{
	setup();
	put_lba28(0, SECTORS - 1, 2);
	CHECK_EQ(simple(READ_SECTORS), OK | ERR);
	CHECK_EQ(in(0, ERROR_REG, 1), 0x10);
	put_lba28(0, SECTORS, 1);
	CHECK_EQ(simple(WRITE_DMA), OK | ERR);
	put_lba28(0, 0, 3);
	CHECK_EQ(simple(SET_MULTIPLE), OK | ERR);
	put_lba28(0, 0, 0);
	CHECK_EQ(simple(SET_MULTIPLE), OK);
	put_lba28(0, 0, 1);
	CHECK_EQ(simple(READ_MULTIPLE), OK | ERR);
	teardown();
}

static void readonly_disk_aborts_writes(void)
{
	static const uint8_t codes[] = { WRITE_SECTORS, WRITE_DMA,
					 WRITE_DMA_EXT, WRITE_MULTIPLE };
	uint8_t bm;

	make_machine();
	make_ide();
	add_disk(true, false);
	plug();
	for (unsigned int i = 0; i < ARRAY_SIZE(codes); i++) {
		put_lba48(0, 0, 1);
		CHECK_EQ(simple(codes[i]), OK | ERR);
		CHECK_EQ(in(0, ERROR_REG, 1), 4);
	}
	put_prd(0, DATA, 512, true);
	put_lba28(0, 7, 1);
	CHECK_EQ(dma(READ_DMA, true, &bm), OK);
	CHECK_EQ(simple(FLUSH_EXT), OK);
	teardown();
}

/* --- errors of the host's disk --- */

static void (*real_done)(struct block_req *r, int ret);
static int nr_failures, failure;

static void failing_done(struct block_req *r, int ret)
{
	if (__atomic_fetch_sub(&nr_failures, 1, __ATOMIC_SEQ_CST) > 0)
		ret = failure;
	real_done(r, ret);
}

/* A disk whose next nr requests fail. */
static void setup_failing(bool pause, int nr, int ret)
{
	make_machine();
	make_ide();
	add_disk(false, pause);
	real_done = ide->channels[0].io.done;
	ide->channels[0].io.done = failing_done;
	nr_failures = nr;
	failure = ret;
	plug();
	put_prd(0, DATA, 512, true);
}

static void errors_of_the_disk_are_told(void)
{
	uint8_t bm;

	setup_failing(false, 3, -EIO);
	put_lba48(0, 0x777, 1);
	CHECK_EQ(dma(READ_DMA_EXT, true, &bm), OK | ERR);
	CHECK_EQ(bm & 4, 4);
	CHECK_EQ(in(0, ERROR_REG, 1), 0x40);
	CHECK_EQ(in(0, LBA, 1) | in(0, LBA + 1, 1) << 8, 0x777);
	put_lba28(0, 1, 1);
	CHECK_EQ(dma(WRITE_DMA, false, &bm), OK | ERR);
	CHECK_EQ(in(0, ERROR_REG, 1), 4);
	CHECK_EQ(simple(FLUSH_EXT), OK | ERR);
	CHECK_EQ(ide_stats(ide, 0).errors, 3);
	put_lba28(0, 1, 1);
	CHECK_EQ(dma(READ_DMA, true, &bm), OK);
	teardown();
}

static void full_disk_is_reported(void)
{
	uint8_t bm;

	setup_failing(false, 1, -ENOSPC);
	put_lba28(0, 1, 1);
	CHECK_EQ(dma(WRITE_DMA, false, &bm), OK | ERR);
	teardown();
}

static void full_disk_is_waited_for(void)
{
	uint8_t bm;

	setup_failing(true, 1, -ENOSPC);
	fill(ram.bytes + DATA, 512, 5);
	put_lba28(0, 1, 1);
	CHECK_EQ(dma(WRITE_DMA, false, &bm), OK);
	CHECK(same_as_file(0, ram.bytes + DATA, 512, 1));
	teardown();
}

static void reset_does_not_wait_for_room(void)
{
	setup_failing(true, 1000, -ENOSPC);
	put_lba28(0, 1, 1);
	command(WRITE_DMA);
	bm_start(false);
	usleep(10000);
	CHECK_EQ(in(1, 2, 1), BSY);
	out(1, 2, 1, 4);
	out(1, 2, 1, 0);
	CHECK_EQ(in(1, 2, 1), OK);
	teardown();
}

/* Without a write cache a write is followed by a flush: two requests. */
static void writes_without_a_cache_are_flushed(void)
{
	uint8_t bm;

	setup_failing(false, 0, -EIO);
	put_lba28(0, 0, 0);
	CHECK_EQ(set_features(0x82, 0), OK);
	put_lba28(0, 1, 1);
	__atomic_store_n(&nr_failures, 0, __ATOMIC_SEQ_CST);
	CHECK_EQ(dma(WRITE_DMA, false, &bm), OK);
	CHECK_EQ(__atomic_load_n(&nr_failures, __ATOMIC_SEQ_CST), -2);
	CHECK_EQ(dma(READ_DMA, true, &bm), OK);
	CHECK_EQ(__atomic_load_n(&nr_failures, __ATOMIC_SEQ_CST), -3);
	teardown();
}

/* --- two disks, resets, interrupts --- */

static void two_disks_keep_their_data_apart(void)
{
	uint8_t bm;

	setup_disks(2);
	put_prd(0, DATA, 512, true);
	for (unsigned int unit = 0; unit < 2; unit++) {
		put_lba28(unit, 55, 1);
		CHECK_EQ(dma(READ_DMA, true, &bm), OK);
		CHECK_EQ(get_le(ram.bytes + DATA, 4), 55);
		CHECK_EQ(get_le(ram.bytes + DATA + 4, 4), unit);
	}
	fill(ram.bytes + DATA, 512, 77);
	put_lba28(1, 55, 1);
	CHECK_EQ(dma(WRITE_DMA, false, &bm), OK);
	CHECK(same_as_file(1, ram.bytes + DATA, 512, 55));
	CHECK(!same_as_file(0, ram.bytes + DATA, 512, 55));
	CHECK_EQ(ide_stats(ide, 1).reads, 1);
	CHECK_EQ(ide_stats(ide, 1).writes, 1);
	CHECK_EQ(ide_stats(ide, 0).writes, 0);
	teardown();
}

/* Both channels with a DMA under way; the second one's registers are at other
 * BARs. */
static void channels_share_the_pin(void)
{
	setup_disks(3);
	out(2, DEVICE, 1, 0xa0);
	out(2, STATUS, 1, 0xe5);
	CHECK(is_high());
	out(0, DEVICE, 1, 0xa0);
	command(0xe5);
	CHECK_EQ(in(4, 2, 1) & 4, 4);
	CHECK_EQ(in(4, 10, 1) & 4, 4);
	CHECK_EQ(status(), OK);
	CHECK(is_high());
	CHECK_EQ(in(2, STATUS, 1), OK);
	CHECK(!is_high());
	teardown();
}

static void reset_brings_the_signature(void)
{
	setup_disks(2);
	put_lba28(1, 0x123456, 9);
	command(READ_SECTORS); /* fails: beyond the end */
	out(1, 2, 1, 4);
	CHECK_EQ(in(1, 2, 1), BSY);
	CHECK(!is_high());
	out(1, 2, 1, 0);
	for (unsigned int unit = 0; unit < 2; unit++) {
		out(0, DEVICE, 1, 0xa0 | unit << 4);
		CHECK_EQ(status(), OK);
		CHECK_EQ(in(0, ERROR_REG, 1), 1);
		CHECK_EQ(in(0, COUNT, 1), 1);
		CHECK_EQ(in(0, LBA, 1), 1);
		CHECK_EQ(in(0, LBA + 1, 1), 0);
		CHECK_EQ(in(0, LBA + 2, 1), 0);
	}
	CHECK_EQ(simple(0x90), OK);
	CHECK_EQ(in(0, DEVICE, 1) & 0x10, 0);
	CHECK_EQ(in(0, ERROR_REG, 1), 1);
	teardown();
}

static void reset_ends_transfers_under_way(void)
{
	setup();
	for (unsigned int round = 0; round < 50; round++) {
		put_lba28(0, 0, 128);
		command(round % 2 ? WRITE_SECTORS : READ_SECTORS);
		write_block(ram.bytes + DATA, 512);
		usleep(round);
		out(1, 2, 1, 4);
		out(1, 2, 1, 0);
		CHECK_EQ(in(1, 2, 1), OK);
		CHECK_EQ(in(0, 0, 2), 0xffff);
	}
	put_lba28(0, 0, 1);
	CHECK_EQ(simple(0xe7), OK);
	teardown();
}

static void busy_channel_ignores_commands(void)
{
	setup();
	put_lba28(0, 3, 1);
	command(WRITE_SECTORS);
	CHECK_EQ(settle(0), OK | DRQ);
	command(0xe5);
	out(0, COUNT, 1, 99);
	out(0, DEVICE, 1, 0xf0);
	CHECK_EQ(in(1, 2, 1), OK | DRQ);
	CHECK_EQ(in(0, COUNT, 1), 1);
	write_block(ram.bytes + DATA, 512);
	CHECK(wait_irq());
	CHECK_EQ(status(), OK);
	teardown();
}

static void no_interrupt_while_nien_is_set(void)
{
	setup();
	out(0, DEVICE, 1, 0xa0);
	out(1, 2, 1, 2);
	command(0xe5);
	CHECK_EQ(in(1, 2, 1), OK);
	CHECK(!is_high());
	CHECK_EQ(in(4, 2, 1) & 4, 0);
	out(1, 2, 1, 0);
	CHECK(is_high());
	CHECK_EQ(in(4, 2, 1) & 4, 4);
	CHECK_EQ(in(1, 2, 1), OK);
	CHECK(is_high());
	CHECK_EQ(status(), OK);
	CHECK(!is_high());
	CHECK_EQ(in(4, 2, 1) & 4, 4);
	out(4, 2, 1, 0x64);
	CHECK_EQ(in(4, 2, 1), 0x60);
	teardown();
}

static void each_command_interrupts_once(void)
{
	uint8_t bm;

	setup();
	put_prd(0, DATA, 512, true);
	for (int i = 1; i <= 100; i++) {
		put_lba28(0, (uint32_t)i, 1);
		CHECK_EQ(dma(READ_DMA, true, &bm), OK);
		CHECK_EQ(get_le(ram.bytes + DATA, 4), i);
		CHECK_EQ(nr_rises, i);
	}
	teardown();
}

int main(void)
{
	TAP_RUN(identify_tells_the_disk);
	TAP_RUN(absent_second_disk_answers_a_probe_at_once);
	TAP_RUN(empty_channel_is_not_there_at_all);
	TAP_RUN(function_is_in_native_mode);
	TAP_RUN(pio_reads_what_is_in_the_image);
	TAP_RUN(multiple_moves_blocks_both_ways);
	TAP_RUN(wide_accesses_move_the_same_bytes);
	TAP_RUN(cylinders_reach_the_same_sectors);
	TAP_RUN(dma_moves_data_both_ways);
	TAP_RUN(dma_may_be_started_before_its_command);
	TAP_RUN(lba48_takes_long_counts_and_high_sectors);
	TAP_RUN(upper_bytes_are_read_with_hob);
	TAP_RUN(smallest_pieces_are_put_together);
	TAP_RUN(bad_tables_end_with_an_error);
	TAP_RUN(table_outside_ram_ends_with_an_error);
	TAP_RUN(no_dma_without_bus_mastering);
	TAP_RUN(stop_waits_for_what_is_under_way);
	TAP_RUN(flush_and_power_commands_succeed);
	TAP_RUN(unknown_commands_are_aborted);
	TAP_RUN(features_show_in_identify);
	TAP_RUN(native_max_is_the_last_sector);
	TAP_RUN(trimmed_sectors_read_as_zeroes);
	TAP_RUN(transfers_beyond_the_end_fail);
	TAP_RUN(readonly_disk_aborts_writes);
	TAP_RUN(errors_of_the_disk_are_told);
	TAP_RUN(full_disk_is_reported);
	TAP_RUN(full_disk_is_waited_for);
	TAP_RUN(reset_does_not_wait_for_room);
	TAP_RUN(writes_without_a_cache_are_flushed);
	TAP_RUN(two_disks_keep_their_data_apart);
	TAP_RUN(channels_share_the_pin);
	TAP_RUN(reset_brings_the_signature);
	TAP_RUN(reset_ends_transfers_under_way);
	TAP_RUN(busy_channel_ignores_commands);
	TAP_RUN(no_interrupt_while_nien_is_set);
	TAP_RUN(each_command_interrupts_once);
	return tap_done();
}

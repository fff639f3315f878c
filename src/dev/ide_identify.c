// SPDX-License-Identifier: GPL-2.0-or-later
/* What IDENTIFY DEVICE says of a disk (ATA8-ACS 7.16.7, ACS-2 7.12.7). */
#include <string.h>

#include "src/dev/ide_priv.h"

enum {
	WORD_CYLINDERS = 1,
	WORD_HEADS = 3,
	WORD_TRACK = 6,
	WORD_SERIAL = 10,
	WORD_FIRMWARE = 23,
	WORD_MODEL = 27,
	WORD_MAX_MULTIPLE = 47,
	WORD_CAPABILITIES = 49,
	WORD_VALID = 53,
	WORD_CURRENT_CHS = 54,
	WORD_MULTIPLE = 59,
	WORD_SECTORS = 60,
	WORD_MWDMA = 63,
	WORD_PIO = 64,
	WORD_CYCLES = 65, /* four of them */
	WORD_MAJOR = 80,
	WORD_SUPPORTED = 82, /* and 83, 84 */
	WORD_ENABLED = 85,   /* and 86, 87 */
	WORD_UDMA = 88,
	WORD_RESET = 93,
	WORD_SECTORS48 = 100,
	WORD_TRIM_BLOCKS = 105,
	WORD_SECTOR_SIZE = 106,
	WORD_DSM = 169,
	WORD_ROTATION = 217,
	WORD_INTEGRITY = 255,
};

enum {
	MAX_SECTORS28 = 0x0fffffff,
	CYCLE_NS = 120,
	ATA_4_TO_8 = 0x1f0,
	INTEGRITY_SIGNATURE = 0xa5,
	SERIAL_BYTES = 20,
	FIRMWARE_BYTES = 8,
	MODEL_BYTES = 40,
};

/* Words 82 to 84: power management, write cache and NOP; 48 bits, flushes; FUA.
 */
enum {
	HAS_82 = 1 << 14 | 1 << 5 | 1 << 3,
	WRITE_CACHE = 1 << 5,
	HAS_83 = 1 << 14 | 1 << 13 | 1 << 12 | 1 << 10,
	HAS_84 = 1 << 14 | 1 << 6,
};

static void put_words(uint8_t *out, size_t word, uint64_t value,
		      unsigned int nr)
{
	put_le(out + word * 2, value, nr * 2);
}

static void put(uint8_t *out, size_t word, unsigned int value)
{
	put_words(out, word, value, 1);
}

/* Padded with spaces, the first letter of each word in its upper half. */
static void put_text(uint8_t *out, size_t word, const char *text, size_t bytes)
{
	size_t len = strnlen(text, bytes);

	for (size_t i = 0; i < bytes; i++)
		out[word * 2 + (i ^ 1)] = i < len ? (uint8_t)text[i] : ' ';
}

static void put_size(const struct ide_disk *d, uint8_t *out)
{
	uint64_t n = ide_sectors(d);
	unsigned int cylinders = ide_cylinders(d);

	put(out, WORD_CYLINDERS, cylinders);
	put(out, WORD_HEADS, IDE_HEADS);
	put(out, WORD_TRACK, IDE_TRACK);
	put(out, WORD_CURRENT_CHS, cylinders);
	put(out, WORD_CURRENT_CHS + 1, IDE_HEADS);
	put(out, WORD_CURRENT_CHS + 2, IDE_TRACK);
	put_words(out, WORD_CURRENT_CHS + 3, (uint64_t)cylinders * IDE_CYLINDER,
		  2);
	put_words(out, WORD_SECTORS, n < MAX_SECTORS28 ? n : MAX_SECTORS28, 2);
	put_words(out, WORD_SECTORS48, n, 4);
}

/* One mode of a kind is selected at most: the last that was set. */
static void put_modes(const struct ide_disk *d, uint8_t *out)
{
	unsigned int kind = d->transfer_mode & 0xf8;
	unsigned int selected = 1u << (d->transfer_mode & 7) << 8;

	put(out, WORD_MWDMA, 7 | (kind == 0x20 ? selected : 0));
	put(out, WORD_UDMA, 0x3f | (kind == 0x40 ? selected : 0));
	put(out, WORD_PIO, 3);
	for (unsigned int i = 0; i < 4; i++)
		put(out, WORD_CYCLES + i, CYCLE_NS);
}

static void put_features(const struct ide_disk *d, uint8_t *out)
{
	put(out, WORD_CAPABILITIES, 0x0f00); /* LBA, DMA, IORDY */
	put(out, WORD_VALID, 7);
	put(out, WORD_MAX_MULTIPLE, 0x8000 | IDE_MAX_MULTIPLE);
	put(out, WORD_MULTIPLE, d->multiple ? 0x100 | d->multiple : 0);
	put(out, WORD_MAJOR, ATA_4_TO_8);
	put(out, WORD_SUPPORTED, HAS_82);
	put(out, WORD_SUPPORTED + 1, HAS_83);
	put(out, WORD_SUPPORTED + 2, HAS_84);
	put(out, WORD_ENABLED,
	    HAS_82 & (d->has_write_cache ? ~0u : ~(unsigned int)WRITE_CACHE));
	put(out, WORD_ENABLED + 1, HAS_83 & ~(1 << 14));
	put(out, WORD_ENABLED + 2, HAS_84);
	put(out, WORD_RESET, 0x6001);
	put(out, WORD_ROTATION, 1); /* does not rotate */
}

/* To the guest a sector is 512 bytes, whatever it is on the host. */
static void put_blocks(const struct block_info *i, uint8_t *out)
{
	uint32_t block = i->physical_block > i->logical_block
				 ? i->physical_block
				 : i->logical_block;
	uint32_t ratio = block / BLOCK_SECTOR;

	if (ratio > 1 && is_pow2(ratio))
		put(out, WORD_SECTOR_SIZE,
		    0x6000 | (unsigned int)__builtin_ctz(ratio));
	if (i->can_discard) {
		put(out, WORD_DSM, 1);
		put(out, WORD_TRIM_BLOCKS, IDE_TRIM_BLOCKS);
	}
}

void ide_identify(const struct ide_disk *d, uint8_t out[BLOCK_SECTOR])
{
	uint8_t sum = 0;

	memset(out, 0, BLOCK_SECTOR);
	put(out, 0, 0x40); /* not removable */
	put_text(out, WORD_SERIAL, d->setup.serial, SERIAL_BYTES);
	put_text(out, WORD_FIRMWARE, STRAIT_VERSION, FIRMWARE_BYTES);
	put_text(out, WORD_MODEL, "strait IDE disk", MODEL_BYTES);
	put_size(d, out);
	put_modes(d, out);
	put_features(d, out);
	put_blocks(block_info(d->block), out);
	put(out, WORD_INTEGRITY, INTEGRITY_SIGNATURE);
	for (unsigned int i = 0; i < BLOCK_SECTOR; i++)
		sum = (uint8_t)(sum + out[i]);
	put(out, WORD_INTEGRITY,
	    INTEGRITY_SIGNATURE | (unsigned int)(uint8_t)-sum << 8);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes AML, as much of it as the SSDT needs (ACPI 6.5 chapter 20). */
/*
 * How this works
 *
 * AML is a prefix code: an opcode, then its operands. Objects with a body
 * carry its length before it (PkgLength), in one to four bytes that count
 * themselves. The writer emits the body first and, when the object is ended,
 * moves it up by as many bytes as its length takes. Bodies are small; the
 * outermost of 255 CPUs is 8 KiB.
 *
 * Resource descriptors are collected apart, because the buffer that holds them
 * begins with their length.
 */
#include <string.h>

#include "src/base/bits.h"
#include "src/base/err.h"
#include "src/x86/aml.h"

/* Opcodes: ACPI 6.5 20.3. */
enum {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_WORD = 0x0b,
	AML_DWORD = 0x0c,
	AML_STRING = 0x0d,
	AML_SCOPE = 0x10,
	AML_BUFFER = 0x11,
	AML_PACKAGE = 0x12,
	AML_DUAL_NAME = 0x2e,
	AML_EXT = 0x5b,
	AML_EXT_DEVICE = 0x82,
	AML_ROOT_CHAR = 0x5c,
};

/* Resource descriptors: ACPI 6.5 6.4.2 and 6.4.3. */
enum {
	CRS_PORTS = 0x47,
	CRS_PORTS_DECODE16 = 1,
	CRS_END = 0x79,
	CRS_INTERRUPT = 0x89,
	CRS_INTERRUPT_CONSUMER = 1 << 0,
	CRS_INTERRUPT_EDGE = 1 << 1,
	CRS_MEMORY32_FIXED = 0x86,
	CRS_SPACE32 = 0x87,
	CRS_SPACE16 = 0x88,
	CRS_SPACE64 = 0x8a,
	CRS_WINDOW_FLAGS = 0x0c, /* producer, minimum and maximum fixed */
	CRS_MEM_WRITABLE = 1,	 /* and not cacheable */
	CRS_IO_ENTIRE = 3,
};

void aml_bytes(struct aml *a, const void *data, size_t len)
{
	if (a->overflow || len > a->cap - a->len) {
		a->overflow = true;
		return;
	}
	memcpy(a->buf + a->len, data, len);
	a->len += len;
}

static void aml_byte(struct aml *a, unsigned int value)
{
	uint8_t byte = (uint8_t)value;

	aml_bytes(a, &byte, 1);
}

static void aml_segment(struct aml *a, const char *name)
{
	BUG_ON(strlen(name) != 4);
	aml_bytes(a, name, 4);
}

static void aml_begin(struct aml *a)
{
	BUG_ON(a->depth == AML_MAX_DEPTH);
	a->open[a->depth++] = a->len;
}

/* PkgLength (20.2.4) of a body; returns the bytes it takes. */
static unsigned int pkg_length(size_t body, uint8_t out[4])
{
	if (body + 1 < 0x40) {
		out[0] = (uint8_t)(body + 1);
		return 1;
	}
	for (unsigned int extra = 1; extra <= 3; extra++) {
		size_t all = body + 1 + extra;

		if (all >> (4 + 8 * extra))
			continue;
		out[0] = (uint8_t)(extra << 6 | (all & 0xf));
		put_le(out + 1, all >> 4, extra);
		return 1 + extra;
	}
	BUG_ON(true);
}

void aml_end(struct aml *a)
{
	uint8_t prefix[4], *body;
	size_t len, start;
	unsigned int n;

	BUG_ON(!a->depth);
	start = a->open[--a->depth];
	if (a->overflow)
		return;
	len = a->len - start;
	n = pkg_length(len, prefix);
	aml_bytes(a, prefix, n); /* makes room */
	if (a->overflow)
		return;
	body = a->buf + start;
	memmove(body + n, body, len);
	memcpy(body, prefix, n);
}

void aml_scope(struct aml *a, const char *parent, const char *child)
{
	aml_byte(a, AML_SCOPE);
	aml_begin(a);
	aml_byte(a, AML_ROOT_CHAR);
	if (child)
		aml_byte(a, AML_DUAL_NAME);
	aml_segment(a, parent);
	if (child)
		aml_segment(a, child);
}

void aml_device(struct aml *a, const char *name)
{
	aml_byte(a, AML_EXT);
	aml_byte(a, AML_EXT_DEVICE);
	aml_begin(a);
	aml_segment(a, name);
}

void aml_package(struct aml *a, unsigned int nr_elements)
{
	BUG_ON(nr_elements > 0xff);
	aml_byte(a, AML_PACKAGE);
	aml_begin(a);
	aml_byte(a, nr_elements);
}

void aml_name(struct aml *a, const char *name)
{
	aml_byte(a, AML_NAME);
	aml_segment(a, name);
}

void aml_integer(struct aml *a, uint32_t value)
{
	unsigned int width = value > 0xffff ? 4 : value > 0xff ? 2 : 1;

	if (value <= 1) {
		aml_byte(a, value ? AML_ONE : AML_ZERO);
		return;
	}
	aml_byte(a, width == 4 ? AML_DWORD : width == 2 ? AML_WORD : AML_BYTE);
	aml_bytes(a, &value, width);
}

void aml_string(struct aml *a, const char *text)
{
	aml_byte(a, AML_STRING);
	aml_bytes(a, text, strlen(text) + 1);
}

/* --- resources --- */

static uint8_t *crs_room(struct aml_crs *c, size_t len)
{
	uint8_t *at = c->buf + c->len;

	BUG_ON(len > sizeof(c->buf) - c->len);
	c->len += len;
	return at;
}

void aml_crs_window(struct aml_crs *c, enum aml_space space, unsigned int width,
		    uint64_t base, uint64_t size)
{
	static const uint8_t type_flags[] = {
		[AML_SPACE_MEMORY] = CRS_MEM_WRITABLE,
		[AML_SPACE_IO] = CRS_IO_ENTIRE,
		[AML_SPACE_BUS] = 0,
	};
	/* After the header: granularity, minimum, maximum, offset, length. */
	uint64_t numbers[] = { 0, base, base + size - 1, 0, size };
	uint8_t *at = crs_room(c, 6 + ARRAY_SIZE(numbers) * width);

	at[0] = width == 8   ? CRS_SPACE64
		: width == 4 ? CRS_SPACE32
			     : CRS_SPACE16;
	put_le(at + 1, 3 + ARRAY_SIZE(numbers) * width, 2);
	at[3] = (uint8_t)space;
	at[4] = CRS_WINDOW_FLAGS;
	at[5] = type_flags[space];
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		put_le(at + 6 + i * width, numbers[i], width);
}

void aml_crs_ports(struct aml_crs *c, uint16_t port, uint8_t len)
{
	uint8_t *at = crs_room(c, 8);

	at[0] = CRS_PORTS;
	at[1] = CRS_PORTS_DECODE16;
	put_le(at + 2, port, 2);
	put_le(at + 4, port, 2);
	at[6] = 1; /* alignment */
	at[7] = len;
}

void aml_crs_memory(struct aml_crs *c, uint32_t base, uint32_t size)
{
	uint8_t *at = crs_room(c, 12);

	at[0] = CRS_MEMORY32_FIXED;
	put_le(at + 1, 9, 2);
	at[3] = CRS_MEM_WRITABLE;
	put_le(at + 4, base, 4);
	put_le(at + 8, size, 4);
}

/* Extended interrupt descriptor (ACPI 6.5 6.4.3.6). */
void aml_crs_interrupt(struct aml_crs *c, uint32_t gsi)
{
	uint8_t *at = crs_room(c, 9);

	at[0] = CRS_INTERRUPT;
	put_le(at + 1, 6, 2);
	at[3] = CRS_INTERRUPT_CONSUMER | CRS_INTERRUPT_EDGE;
	at[4] = 1; /* how many */
	put_le(at + 5, gsi, 4);
}

void aml_resources(struct aml *a, struct aml_crs *c)
{
	uint8_t *end = crs_room(c, 2);

	end[0] = CRS_END;
	end[1] = 0; /* checksum 0: not used */
	aml_byte(a, AML_BUFFER);
	aml_begin(a);
	aml_integer(a, (uint32_t)c->len);
	aml_bytes(a, c->buf, c->len);
	aml_end(a);
}

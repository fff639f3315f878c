/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes AML, as much of it as the SSDT needs (ACPI 6.5 chapter 20). */
#ifndef STRAIT_X86_AML_H
#define STRAIT_X86_AML_H

#include "src/base/types.h"

enum { AML_MAX_DEPTH = 8 };

/*
 * Zero it, set buf and cap. Nothing is written past cap: overflow becomes true
 * and stays so, and is looked at once, at the end.
 */
struct aml {
	uint8_t *buf;
	size_t cap, len;
	bool overflow;
	size_t open[AML_MAX_DEPTH]; /* where each open object's body begins */
	unsigned int depth;
};

void aml_bytes(struct aml *a, const void *data, size_t len);

/*
 * Objects with a body: begun, filled, ended by aml_end. Names have four
 * characters. A scope is \parent or, if child is not NULL, \parent.child.
 */
void aml_scope(struct aml *a, const char *parent, const char *child);
void aml_device(struct aml *a, const char *name);
void aml_package(struct aml *a, unsigned int nr_elements); /* at most 255 */
void aml_end(struct aml *a);

/* Name (name, ...): the value comes next. */
void aml_name(struct aml *a, const char *name);
void aml_integer(struct aml *a, uint32_t value);
void aml_string(struct aml *a, const char *text);

/* Resource descriptors of a _CRS (ACPI 6.5 6.4), for aml_resources. */
struct aml_crs {
	uint8_t buf[256];
	size_t len;
};

enum aml_space { AML_SPACE_MEMORY, AML_SPACE_IO, AML_SPACE_BUS };

/*
 * A window that a bridge passes on. width is the bytes of each number in the
 * descriptor: 2, 4 or 8. size is not 0.
 */
void aml_crs_window(struct aml_crs *c, enum aml_space space, unsigned int width,
		    uint64_t base, uint64_t size);
/* Ports and memory that a device itself decodes. */
void aml_crs_ports(struct aml_crs *c, uint16_t port, uint8_t len);
void aml_crs_memory(struct aml_crs *c, uint32_t base, uint32_t size);
/* A pin of the IOAPIC, of the device's own, by edge. */
void aml_crs_interrupt(struct aml_crs *c, uint32_t gsi);
/* Writes all as a buffer, with the end tag. */
void aml_resources(struct aml *a, struct aml_crs *c);

#endif

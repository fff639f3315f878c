/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System control port B (0x61) of a board without PIT: for --irqchip split.
 * With the kernel's irqchip KVM answers there.
 */
#ifndef STRAIT_DEV_PORT_B_H
#define STRAIT_DEV_PORT_B_H

#include "src/core/bus.h"

struct port_b {
	struct bus_range range;
	uint8_t kept; /* atomic: the bits that the guest wrote */
};

int port_b_init(struct port_b *p, struct bus *pio, uint64_t port,
		struct err *e);
/* Accepts one that was never made. */
void port_b_fini(struct port_b *p, struct bus *pio);

#endif

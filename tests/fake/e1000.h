/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine around one e1000, and the driver's way through its registers: RAM,
 * buses, host bridge, a pin that is watched, an I/O thread, and a socket in
 * place of a tap.
 */
#ifndef STRAIT_TESTS_FAKE_E1000_H
#define STRAIT_TESTS_FAKE_E1000_H

#include "src/core/iothread.h"
#include "src/dev/e1000.h"
#include "tests/fake/irq.h"
#include "tests/fake/ring.h"

enum {
	FAKE_E1000_RX = 0x10000, /* rings, and their buffers */
	FAKE_E1000_TX = 0x20000,
	FAKE_E1000_DATA = 0x100000,
	FAKE_E1000_BUF = 2048,
	FAKE_E1000_DESCS = 16,
};

struct fake_e1000 {
	struct fake_ram ram;
	struct bus mmio, pio;
	struct fake_irq sink;
	struct irq irq;
	unsigned int nr_rises; /* of the pin; atomic, like the next */
	bool line;
	struct pci_host pci;
	struct iothread io;
	struct loop *loops[1];
	struct net_back back;
	int wire; /* the other end of the socket */
	struct e1000 *nic;
	uint32_t tx_tail, rx_tail;
};

/* With BARs placed and answering. The back end can do these offloads. The I/O
 * thread runs if asked; aborts if something does not work. */
void fake_e1000_init(struct fake_e1000 *f, unsigned int offloads, bool runs);
void fake_e1000_fini(struct fake_e1000 *f);

uint32_t fake_e1000_read(struct fake_e1000 *f, unsigned int reg);
void fake_e1000_write(struct fake_e1000 *f, unsigned int reg, uint32_t value);
/* Through the I/O ports. */
void fake_e1000_io(struct fake_e1000 *f, unsigned int reg, uint32_t value);
/* Both rings and all causes, as a driver starts them; rctl and tctl are what
 * is set besides the enable bits. */
void fake_e1000_start(struct fake_e1000 *f, uint32_t rctl, uint32_t tctl);

uint8_t *fake_e1000_data(struct fake_e1000 *f, unsigned int buffer);
uint8_t *fake_e1000_desc(struct fake_e1000 *f, gpa_t ring, unsigned int i);
/* Puts a transmit descriptor into the ring; the tail is written by send. */
void fake_e1000_put(struct fake_e1000 *f, uint64_t first, uint32_t second,
		    uint32_t third);
void fake_e1000_send(struct fake_e1000 *f);
/* nr more receive buffers. */
void fake_e1000_feed(struct fake_e1000 *f, unsigned int nr);
/* Waits up to two seconds until descriptor i is done. */
bool fake_e1000_done(struct fake_e1000 *f, gpa_t ring, unsigned int i);
/* Waits up to two seconds for the pin. */
bool fake_e1000_line(struct fake_e1000 *f, bool high);

#endif

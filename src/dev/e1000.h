/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A register-level network card: Intel's 82540EM, as its drivers see it
 * ("PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's
 * Manual", 317453; SDM below).
 *
 * Threads: registers are touched on vCPU threads; frames are moved on one I/O
 * thread. Order of locks: the function's, io_lock, lock, irq_lock.
 */
#ifndef STRAIT_DEV_E1000_H
#define STRAIT_DEV_E1000_H

#include "pci/pci.h"
#include "pci/vectors.h"
#include "src/core/loop.h"
#include "src/core/mem.h"
#include "src/dev/dev.h"
#include "src/net/net.h"

enum {
	E1000_NR_REGS = 0x6000 / 4,
	E1000_NR_STATS = 0x128 / 4,
	E1000_EEPROM_WORDS = 64,
	E1000_PHY_REGS = 32,
	E1000_TX_IOV = 62,   /* with two more passt takes them */
	E1000_TX_HEAD = 260, /* where offsets of 8 bits can point, and more */
};

/* Its Microwire EEPROM (SDM 5.3.1), and the state of the wires to it. */
struct e1000_eeprom {
	uint16_t words[E1000_EEPROM_WORDS];
	uint32_t wires;	      /* bits of EECD that the driver drives */
	unsigned int nr_bits; /* clocked in since it was selected */
	uint32_t in;	      /* those bits */
	uint16_t out;	      /* what comes next, highest bit first */
	bool out_bit, may_write;
};

/* A context descriptor (SDM 3.3.6). */
struct e1000_context {
	uint8_t ipcss, ipcso, tucss, tucso, hdr_len;
	uint16_t ipcse, tucse, mss;
	bool is_ipv4, is_tcp;
};

struct e1000_tx {
	struct loop_source writable; /* the back end takes frames again */
	bool is_added;
	bool is_idle;		/* atomic: the I/O thread waits for a bell */
	struct loop_task again; /* looks for more before that */
	uint32_t causes;	/* of interrupts, to be raised then */
	bool has_complained;
	struct e1000_context context;
	/* The frame under way: descriptors from head to next. */
	uint32_t next;
	bool in_frame, is_ready, is_bad;
	bool is_segmented, is_checked; /* what its first descriptor asks for */
	bool ip_is_checked, has_tag;
	uint8_t css, cso; /* of a legacy descriptor; 0: no checksum */
	uint16_t tag;
	struct iovec iov[E1000_TX_IOV]; /* its bytes in guest memory */
	unsigned int nr_iov;
	size_t len;
	bool is_linear; /* they are in bytes[] instead */
	uint8_t bytes[NET_MAX_FRAME];
	/* As it leaves: e1000_send.c. */
	uint8_t header[NET_HDR_LEN];
	uint8_t head[E1000_TX_HEAD + 4]; /* 4: a VLAN tag */
	size_t head_len, skip;
	unsigned int shift;
	bool in_segments; /* that we make */
	size_t segment_off;
	unsigned int segment;
	uint64_t frames, dropped;
};

struct e1000_rx {
	struct loop_source source; /* a frame is there */
	bool is_waiting;	   /* for it, in the loop */
	bool is_starved;	   /* atomic: descriptors are waited for */
	struct loop_timer look;	   /* for RDT, while it is */
	uint64_t look_ns;
	bool has_complained;
	size_t len; /* of a frame that waits in bytes */
	bool is_pending;
	uint8_t header[NET_HDR_LEN];
	uint8_t bytes[NET_MAX_FRAME + 8];
	uint64_t frames, dropped;
};

struct e1000_setup {
	const char *name; /* for messages, not owned */
	uint8_t mac[6];
};

struct e1000 {
	struct pci_dev pci;
	struct pci_vectors vectors; /* the pin alone */
	const char *name;
	struct dev_env env;
	struct net_back *back; /* not owned */
	struct loop *loop;
	struct bus_range mem_range, io_range;
	uint32_t io_addr;	    /* atomic: IOADDR */
	struct loop_source bell;    /* wakes the I/O thread */
	struct loop_timer throttle; /* the next interrupt may come */
	bool is_lost;		    /* the back end is gone; atomic */
	uint8_t mac[6];
	/* By offset / 4; atomics. Statistics apart, 64-bit ones twice: the sum,
	 * and the upper half of what was read last. */
	uint32_t regs[E1000_NR_REGS];
	uint32_t stats[E1000_NR_STATS];
	uint64_t octets[4];
	uint32_t octets_high[4];
	pthread_mutex_t lock; /* of EEPROM and PHY */
	struct e1000_eeprom eeprom;
	uint16_t phy[E1000_PHY_REGS];
	pthread_mutex_t irq_lock;
	uint32_t icr, ims;
	bool pin_is_high;
	uint64_t quiet_until_ns; /* ITR */
	pthread_mutex_t io_lock; /* of what moves frames */
	struct e1000_tx tx;
	struct e1000_rx rx;
};

/* back is not offloading anything to the guest. It is large: for the heap. On
 * failure fini is still allowed. */
int e1000_init(struct e1000 *d, const struct e1000_setup *c,
	       struct net_back *back, const struct dev_env *env, struct err *e);
/* Puts it on bus 0. */
int e1000_add(struct e1000 *d, int devfn, struct err *e);
/* vCPUs have stopped, I/O threads may run: no frame is moved any more. */
void e1000_stop(struct e1000 *d);
/* I/O threads have stopped. Accepts a zeroed struct. */
void e1000_fini(struct e1000 *d);

#endif

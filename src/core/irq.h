/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts into the guest: the one owner of the GSI table.
 *
 * GSI 0-23 are the pins of PIC and IOAPIC; from 24 on each GSI is one MSI
 * route, {address, data}, fed by an eventfd of its own (an irqfd once it is
 * attached). The pins are the kernel's, or those of an IOAPIC of ours, which
 * then makes each a message too (irq_set_pins). Table changes between irq_begin
 * and irq_commit reach the kernel in one write of the whole table; outside of a
 * batch each change is written by itself. With irq_defer routes that are new
 * wait for the first interrupt, and all that wait go with one write. The sink
 * is kvm.c or a fake, so nothing here needs KVM.
 *
 * Any thread may call; one lock guards the table and is not taken when an
 * interrupt fires.
 */
#ifndef STRAIT_CORE_IRQ_H
#define STRAIT_CORE_IRQ_H

#include <pthread.h>

#include "src/base/err.h"
#include "src/base/list.h"
#include "src/base/types.h"

enum {
	IRQ_NR_PINS = 24,
	IRQ_MAX_GSI = 4096,
	/*
	 * KVM takes a table of 4096 entries (KVM_MAX_IRQ_ROUTES), of which the
	 * pins need 39: all below 16 but one lead to PIC and IOAPIC.
	 */
	IRQ_MAX_MSI = 4096 - 39,
};

/* Who has PIC, IOAPIC and PIT: the kernel, or strait, which has an IOAPIC
 * alone. Local APICs are always the kernel's. */
enum irqchip { IRQCHIP_KERNEL, IRQCHIP_SPLIT };

struct irq_msi {
	uint64_t address;
	uint32_t data;
};

/*
 * Whether an interrupt controller listens to messages to that address. Intel
 * SDM 3A 11.11.1: 0xfeexxxxx. Of the upper half KVM takes bits 8 to 31 as more
 * of the APIC ID and refuses others (kvm_msi_route_invalid).
 */
static inline bool irq_msi_ok(uint64_t address)
{
	return (address & 0xfff00000) == 0xfee00000 && !(address >> 32 & 0xff);
}

struct irq_route {
	uint32_t gsi;
	/* Else the pin of that number (PIC below 16, and IOAPIC); with
	 * IRQCHIP_SPLIT nowhere. */
	bool is_msi;
	struct irq_msi msi;
};

struct irq_sink_ops {
	int (*set_routes)(void *ctx, const struct irq_route *routes,
			  unsigned int nr, struct err *e);
	/* resample_fd is -1 for edge and MSI. */
	int (*irqfd_add)(void *ctx, int fd, uint32_t gsi, int resample_fd,
			 struct err *e);
	void (*irqfd_del)(void *ctx, int fd, uint32_t gsi);
	void (*set_line)(void *ctx, uint32_t gsi, bool high);
	/* One message, by no route. -errno: nobody took it. */
	int (*send)(void *ctx, struct irq_msi msi);
};

struct irq_level;

/* Who has the pins. */
struct irq_pin_ops {
	void (*set_line)(void *ctx, uint32_t gsi, bool high);
	/* See irq_level_attach and irq_level_detach. */
	int (*attach)(void *ctx, struct irq_level *l, struct err *e);
	void (*detach)(void *ctx, struct irq_level *l);
};

struct irq {
	pthread_mutex_t lock;
	const struct irq_sink_ops *ops;
	void *ctx;
	const struct irq_pin_ops *pin_ops;
	void *pin_ctx;
	struct irq_route *routes; /* pins, then MSI routes in no order */
	unsigned int nr_routes;
	uint64_t used[IRQ_MAX_GSI / 64];
	unsigned int nr_msi; /* GSIs given out */
	unsigned int batch_depth;
	bool dirty;  /* the kernel's table is older than ours */
	bool urgent; /* and that matters to somebody who is attached */
	uint64_t nr_table_writes; /* for tests and --stats */
	uint64_t generation;	  /* writes that succeeded */
	/* Routes that wait for their first interrupt, and how we hear of it. */
	struct list deferred;
	int deferred_fd; /* epoll over their eventfds; -1: none may wait */
};

/* Fills in the pins and writes the table. */
int irq_init(struct irq *irq, const struct irq_sink_ops *ops, void *ctx,
	     struct err *e);
void irq_fini(struct irq *irq);

/*
 * Batches nest; another thread's changes wait until the outermost has ended.
 * irq_commit writes the table if anything changed.
 */
void irq_begin(struct irq *irq);
int irq_commit(struct irq *irq, struct err *e);

/*
 * From now on a route whose message KVM does not have yet is not attached at
 * once: when the first of them fires, deferred_fd is readable, and irq_flush,
 * which whoever watches that then calls, attaches all of them with one write of
 * the table. None fires while a driver still sets up its vectors, so a guest
 * that unmasks N of them one by one costs one table write, not N; the first
 * interrupt of a new message comes by way of the watcher's thread.
 */
int irq_defer(struct irq *irq, struct err *e);
/* What waits is attached now, and closes deferred_fd. Accepts one that does not
 * defer. */
void irq_defer_end(struct irq *irq);
/* Attaches all that wait. On failure the others are attached all the same; if
 * it was the table, all wait on, for their next interrupt. */
int irq_flush(struct irq *irq, struct err *e);

/* A pin of PIC/IOAPIC, set high or low by a device. */
struct irq_line {
	struct irq *irq;
	uint32_t gsi;
};
void irq_line_set(const struct irq_line *line, bool high);
/* High and low again: an edge. */
void irq_line_pulse(const struct irq_line *line);

/*
 * One message-signalled interrupt. States: init (no GSI in the table) ->
 * set (in the table) -> attached (eventfd wired to KVM) and back.
 * Whoever writes eventfd raises it; while it is not attached the write is
 * remembered in the eventfd and delivered when it is attached.
 */
struct msi_route {
	struct irq *irq;
	uint32_t gsi;
	int eventfd;
	struct irq_msi msi;
	bool in_table;
	bool attached;
	/* For irq.c. */
	bool is_deferred;
	uint64_t generation; /* the table write that it needs */
	struct list node;
};

/* Takes a GSI and makes the eventfd (non-blocking). -ENOSPC: no GSI left. */
int msi_route_init(struct msi_route *r, struct irq *irq, struct err *e);
/* Detaches, leaves the table, closes the eventfd. Accepts a zeroed struct with
 * irq NULL. */
void msi_route_fini(struct msi_route *r);

/* Sets where it goes; no table write if nothing changed. */
int msi_route_set(struct msi_route *r, struct irq_msi msi, struct err *e);

/*
 * Wires the eventfd to KVM, perhaps only when it first fires (irq_defer), or
 * takes it off (a masked vector). Both are idempotent. Attaching commits
 * nothing by itself: set first, and if a batch is open, attach after
 * irq_commit.
 */
int msi_route_attach(struct msi_route *r, struct err *e);
void msi_route_detach(struct msi_route *r);
/* Attached, or waiting for its first interrupt to be. */
bool msi_route_is_on(const struct msi_route *r);

/* True if an interrupt waits in a detached route (a PBA bit). */
bool msi_route_pending(const struct msi_route *r);

/*
 * A pin driven by level: INTx of a function. Whoever writes eventfd makes it
 * high; KVM makes it low again when the guest ends the interrupt (EOI) and
 * writes resample_fd then, so that the source can say whether it still wants
 * the pin high. Several may share a GSI; each resample_fd is written then.
 * Its owner's lock guards it.
 */
struct irq_level {
	struct irq *irq;
	uint32_t gsi; /* a pin; may be changed while detached */
	int eventfd, resample_fd;
	bool attached;
	/* For who has the pins. */
	bool is_wired;
	struct list node;
};

/* Makes both eventfds (non-blocking). */
int irq_level_init(struct irq_level *l, struct irq *irq, uint32_t gsi,
		   struct err *e);
/* Detaches and closes. Accepts a zeroed struct. */
void irq_level_fini(struct irq_level *l);
/* Wires the pair to KVM, or to our IOAPIC. Idempotent. */
int irq_level_attach(struct irq_level *l, struct err *e);
/* Takes it off: the pin goes low, and what was under way in either eventfd is
 * dropped. Idempotent. */
void irq_level_detach(struct irq_level *l);

/*
 * --- for an IOAPIC of ours ---
 *
 * From now on pins are its. Before any device has one; NULL gives them back to
 * the sink, when none has any more. It may call what follows with a lock of its
 * own held, and none of it calls back.
 */
void irq_set_pins(struct irq *irq, const struct irq_pin_ops *ops, void *ctx);
/*
 * What an eventfd that is wired to the pin sends from now on; of a level, that
 * KVM tells of its end as well (KVM_EXIT_IOAPIC_EOI). No table write if nothing
 * changed.
 */
int irq_pin_route(struct irq *irq, uint32_t gsi, struct irq_msi msi,
		  struct err *e);
/* Its eventfd raises the pin's message, and an event that waits in it does so
 * at once; or no longer. Both are idempotent. */
int irq_level_wire(struct irq_level *l, struct err *e);
void irq_level_unwire(struct irq_level *l);
/* Tells the source that the guest has ended its interrupt. */
void irq_level_ended(const struct irq_level *l);
/* A message of the pin's without an eventfd. -errno: nobody took it. */
int irq_send(struct irq *irq, struct irq_msi msi);

#endif

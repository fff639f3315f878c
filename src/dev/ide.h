/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PIIX3 IDE controller with bus-master DMA, and up to four ATA disks on it.
 *
 * The function is in PCI native mode: its registers are behind BARs, and both
 * channels share INTA (see ide.c for why). Registers are touched on vCPU
 * threads, data is moved on the channel's I/O thread; both under the channel's
 * lock. A channel does one command at a time, whichever of its disks it is for.
 */
#ifndef STRAIT_DEV_IDE_H
#define STRAIT_DEV_IDE_H

#include "pci/pci.h"
#include "pci/vectors.h"
#include "src/block/block.h"
#include "src/core/loop.h"
#include "src/dev/dev.h"

enum {
	IDE_CHANNELS = 2,
	IDE_UNITS = 2, /* disks of a channel */
	IDE_MAX_DISKS = IDE_CHANNELS * IDE_UNITS,
	IDE_SERIAL_LEN = 20,
	IDE_MAX_MULTIPLE = 16, /* sectors of a PIO block */
	IDE_BUF_SECTORS = 128, /* read at once for PIO */
	/* Of one request; more than a sector in the smallest pieces. */
	IDE_MAX_IOV = 512,
};

struct ide_stats {
	uint64_t reads, writes, others, errors; /* commands */
};

struct ide_disk_setup {
	const char *name; /* for messages, not owned */
	char serial[IDE_SERIAL_LEN + 1];
	/* A write that finds the disk full is tried again each second. */
	bool pause_on_enospc;
};

/* What the guest wrote to the registers 1 to 5. */
struct ide_regs {
	uint8_t features, count, lba[3];
};

struct ide_disk {
	struct ide_disk_setup setup;
	struct block *block; /* NULL: there is no such disk */
	struct block_queue *queue;
	struct ide_regs now, hob; /* hob: what was in now before */
	uint8_t status, error;
	unsigned int multiple; /* sectors of a block, 0: not set */
	uint8_t transfer_mode;
	bool has_write_cache;
	struct ide_stats stats; /* others: all that there were */
	struct log_limit limit;
};

/* Of a channel. The status of the disk that it is about says BSY in the states
 * from DMA_WAIT to FULL, and DRQ in PIO. */
enum ide_state {
	IDE_IDLE,     /* takes commands */
	IDE_DMA_WAIT, /* has one, and waits for the bus master's start */
	IDE_QUEUED,   /* the I/O thread goes on with it when it looks */
	IDE_IN_IO,    /* block request under way: nobody else touches op */
	IDE_FULL,     /* the host's disk is full, the timer goes on with it */
	IDE_PIO,      /* the guest moves a block of data */
};

enum ide_kind { IDE_READ, IDE_WRITE, IDE_FLUSH, IDE_TRIM, IDE_IDENTIFY };

/* A command that takes more than an instant. */
struct ide_op {
	enum ide_kind kind;
	struct ide_disk *disk;
	bool is_dma;
	bool flush_follows;
	uint64_t sector;
	uint32_t left;		   /* sectors */
	uint32_t chunk;		   /* sectors of the request under way */
	unsigned int block_bytes;  /* of PIO, that one DRQ stands for */
	unsigned int trim_sectors; /* of ranges that have not been fetched */
};

/* A place in the table that says where data lies in memory. */
struct ide_prd_at {
	unsigned int entry;
	uint32_t off;
	bool is_end;
};

struct ide;
struct ide_channel {
	struct ide *ide;
	unsigned int index;
	pthread_mutex_t lock;
	pthread_cond_t out_of_io;
	unsigned int nr_waiting; /* for out_of_io: no new commands */
	bool has_said_full;	 /* since a write last went through */
	struct loop *loop;
	struct loop_source kick; /* fd: an eventfd */
	struct loop_timer retry;
	bool has_retry;
	struct bus_range command_range, control_range;
	struct ide_disk disks[IDE_UNITS];
	uint8_t device, control;
	bool intrq, pin;
	/* The bus master's registers. */
	uint8_t bm_command, bm_status;
	uint32_t bm_table;
	struct ide_prd_at at;

	enum ide_state state;
	struct ide_op op;
	struct block_req io;
	struct iovec iov[IDE_MAX_IOV];
	struct ide_prd_at iov_at[IDE_MAX_IOV];
	unsigned int nr_iov;
	/* Data of PIO: what is valid, where the guest is, where DRQ ends. */
	unsigned int buf_len, buf_pos, block_end;
	uint8_t buf[IDE_BUF_SECTORS * BLOCK_SECTOR];
};

/* Large: on the heap. */
struct ide {
	const char *name;
	struct dev_env env;
	struct pci_dev pci;
	struct pci_vectors vectors;
	struct bus_range bm_range;
	bool is_master; /* atomic: the guest allows DMA */
	pthread_mutex_t pin_lock;
	unsigned int pins; /* channels that want INTA, one bit each */
	struct ide_channel channels[IDE_CHANNELS];
};

/*
 * A controller without disks. Before vCPUs and I/O threads run, as are the next
 * two. On failure ide_fini still has to be called.
 */
int ide_init(struct ide *ide, const char *name, const struct dev_env *env,
	     struct err *e);
/*
 * Disk n (0 to 3: primary master, primary slave, secondary master, secondary
 * slave) is block, which stays the caller's and outlives ide_detach. Before
 * BARs are placed.
 */
int ide_attach(struct ide *ide, unsigned int n, struct block *block,
	       const struct ide_disk_setup *setup, struct err *e);
/* Puts it on bus 0. devfn < 0: the first free slot. */
int ide_add(struct ide *ide, int devfn, struct err *e);

/* vCPUs have stopped and I/O threads run: nothing is under way when it returns.
 * Idempotent. */
void ide_stop(struct ide *ide);
/* Both: I/O threads have stopped. Accept what was not attached, not initialized
 * (zeroed). ide_fini detaches all. */
void ide_detach(struct ide *ide, unsigned int n);
void ide_fini(struct ide *ide);

/* Any time; of a running machine it is a glance. */
struct ide_stats ide_stats(const struct ide *ide, unsigned int n);

#endif

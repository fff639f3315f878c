/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks behind the guest's: raw files and block devices, qcow2 images, NBD.
 *
 * A block is opened once, by the main thread; each I/O thread that serves it
 * opens a queue on its own loop. Requests belong to the caller and come back by
 * their done function, on the queue's thread. docs/block.md has the rest: how
 * images are locked, what formats are refused, what survives a crash.
 */
#ifndef STRAIT_BLOCK_BLOCK_H
#define STRAIT_BLOCK_BLOCK_H

#include <sys/uio.h>

#include "src/base/err.h"
#include "src/base/types.h"

struct block;
struct block_queue;
struct loop;

enum { BLOCK_SECTOR = 512 };

enum block_format {
	BLOCK_FORMAT_AUTO, /* qcow2 by its magic, else raw */
	BLOCK_FORMAT_RAW,
	BLOCK_FORMAT_QCOW2,
};

struct block_options {
	const char *path; /* file, block device, nbd:// or nbd+unix:// URI */
	bool readonly;
	bool direct; /* O_DIRECT for the guest's data */
	/*
	 * AUTO trusts what the first bytes say, and these a guest may write.
	 * Who opens an image again for the same guest gives block_info.format
	 * here.
	 */
	enum block_format format;
	bool no_uring; /* a thread does all I/O */
	/* Bytes of memory for an image's L2 tables, and an eighth of that for
	 * its refcounts; 0: 32 MiB. Less than four tables is four. */
	uint64_t table_bytes;
};

/* Fixed while the block is open. */
struct block_info {
	uint64_t bytes;		      /* a multiple of BLOCK_SECTOR */
	uint32_t logical_block;	      /* what the guest should be told */
	uint32_t physical_block;      /* writes of less may cost a read */
	uint32_t optimal_io;	      /* bytes, 0: nothing is known */
	uint32_t discard_granularity; /* bytes, 0 if can_discard is not set */
	uint64_t max_discard_bytes;   /* of one request, discard and zeroes */
	unsigned int max_queues;      /* that may be open at once */
	enum block_format format;     /* never AUTO */
	bool readonly;
	bool can_discard;
	bool can_write_zeroes;
};

enum block_op {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH, /* what was done before it was submitted is kept */
	BLOCK_DISCARD,
	BLOCK_WRITE_ZEROES,
	BLOCK_NR_OPS,
};

/*
 * Belongs to the caller, and must stay with its iov until done is called.
 * offset and bytes are multiples of BLOCK_SECTOR, for an NBD server's disk of
 * logical_block (what is less costs a read elsewhere). iov holds exactly bytes.
 */
struct block_req {
	enum block_op op;
	bool may_unmap; /* WRITE_ZEROES: the space may be given back */
	uint64_t offset, bytes;
	const struct iovec *iov; /* READ and WRITE alone */
	unsigned int nr_iov;
	/* On the queue's thread, never within block_submit. ret is 0 or -errno;
	 * after an error any part of a write may be on the disk. May submit. */
	void (*done)(struct block_req *r, int ret);

	/* private to src/block */
	struct block_queue *queue;
	struct block_req *next;
	unsigned int nr_pending, epoch;
	int ret;
	bool is_writing_out; /* to clusters that have no name yet */
	bool is_retried;     /* begins anew */
	uint64_t begun, out_pos, out_bytes; /* how far; where to; how much */
};

/*
 * Opens and locks the image and, read-only, those that it is based on.
 * Fails before anything was written to it.
 */
int block_open(const struct block_options *o, struct block **out,
	       struct err *e);
/* All queues are closed. Writes what an image still holds in memory; NULL is
 * fine. -errno, with one line in the log, if that failed. */
int block_close(struct block *b);
const struct block_info *block_info(const struct block *b);
/* As it was opened; for messages. */
const char *block_path(const struct block *b);

/* depth: requests that may be at the kernel at once; more than that wait. */
int block_queue_open(struct block *b, struct loop *l, unsigned int depth,
		     struct block_queue **out, struct err *e);
/* Drains it first. Not within a done function; NULL is fine. */
void block_queue_close(struct block_queue *q);

/* The queue's thread. Work may begin only at block_kick. */
void block_submit(struct block_queue *q, struct block_req *r);
void block_kick(struct block_queue *q);
/*
 * The queue's thread: waits until all that was submitted is done, also what
 * done functions submit meanwhile. It may depend on requests of the disk's
 * other queues, so a thread has one queue of a disk, not two.
 */
void block_queue_drain(struct block_queue *q);

#endif

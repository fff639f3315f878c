/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of src/block share: blocks, files, queues, spans. */
#ifndef STRAIT_BLOCK_PRIV_H
#define STRAIT_BLOCK_PRIV_H

#include <pthread.h>

#include "src/base/bits.h"
#include "src/block/block.h"
#include "src/core/loop.h"

enum {
	BLOCK_MAX_SPANS = 8,  /* of a request that goes to the kernel at once */
	BLOCK_MAX_CHAIN = 64, /* images that one is based on */
	BLOCK_IOV = 256,      /* of one read or write of the kernel's */
	BLOCK_BOUNCE = 1 << 18 /* bytes */
};

/* --- an open file or block device (file.c) --- */

struct block_file {
	int fd;
	char *path;
	bool readonly, direct, is_device;
	bool keeps_size; /* a block that is written in part adds nothing */
	uint32_t align;	 /* of memory, offset and length; 1 if not direct */
	uint64_t bytes;	 /* when it was opened */
	uint64_t dev, ino;
	uint32_t logical_block, physical_block, optimal_io;
	uint32_t discard_granularity;
	uint64_t max_discard_bytes;
	uint8_t *bounce; /* BLOCK_BOUNCE and two blocks; of the worker */
};

int file_open(struct block_file *f, const struct block_options *o,
	      struct err *e);
/* The second step, before anything is read: locks it. */
int file_claim(struct block_file *f, struct err *e);
void file_close(struct block_file *f);
int file_lock(const struct block_file *f, struct err *e);
int file_look_at_device(struct block_file *f, struct err *e);
int file_refuse_busy_device(const struct block_file *f, struct err *e);

/* A place in the memory of a request. */
struct iov_pos {
	const struct iovec *iov;
	unsigned int nr;
	size_t skip; /* of iov[0] */
};

static inline struct iov_pos req_iov(const struct block_req *r)
{
	return (struct iov_pos){ .iov = r->iov, .nr = r->nr_iov };
}
/* Up to max pieces of at most bytes; *got is how many bytes they hold. */
unsigned int iov_take(const struct iov_pos *p, uint64_t bytes,
		      struct iovec *out, unsigned int max, uint64_t *got);
void iov_skip(struct iov_pos *p, uint64_t bytes);
void iov_zero(const struct iov_pos *p, uint64_t bytes);
/* Copies bytes out of, or into, that memory. */
void iov_get(const struct iov_pos *p, void *buf, uint64_t bytes);
void iov_put(const struct iov_pos *p, const void *buf, uint64_t bytes);
bool iov_is_aligned(const struct iov_pos *p, uint64_t bytes, uint32_t align);
uint64_t iov_bytes(const struct iovec *iov, unsigned int nr);

/*
 * Blocking, of the thread that owns the file's bounce buffers. Read gives
 * zeroes behind the end that the file had when it was opened, and -EIO for what
 * it has lost since.
 */
int file_read(struct block_file *f, struct iov_pos p, uint64_t pos,
	      uint64_t bytes);
int file_write(struct block_file *f, struct iov_pos p, uint64_t pos,
	       uint64_t bytes);
int file_read_buf(struct block_file *f, void *buf, uint64_t pos,
		  uint64_t bytes);
int file_write_buf(struct block_file *f, const void *buf, uint64_t pos,
		   uint64_t bytes);
/* Makes it read as zeroes; unmap: preferably by giving the space back. */
int file_zero(struct block_file *f, uint64_t pos, uint64_t bytes, bool unmap);
/* Gives space back. 0 also if the file cannot do that. */
int file_punch(const struct block_file *f, uint64_t pos, uint64_t bytes);
int file_sync(const struct block_file *f);
/* What a read that hit the end at pos is: zeroes (0), or -EIO. */
int file_at_end(const struct block_file *f, uint64_t pos);

/* --- formats --- */

/* A part of a request, in order: where its bytes are. */
struct block_span {
	struct block_file *file; /* NULL: zeroes */
	uint64_t pos, bytes;
};

enum { PERFORM_LATER = 1 };

struct format_ops {
	/*
	 * Any thread, does not block: fills in spans if all of the request can
	 * be done on files at once, else returns 0: perform has to. Between a
	 * result above 0 and map_end no cluster that it names is given away.
	 */
	int (*map)(struct block *b, struct block_req *r,
		   struct block_span *spans, unsigned int max);
	void (*map_end)(struct block *b, const struct block_req *r);
	/* The worker; blocks. 0, -errno, or PERFORM_LATER: it comes again. */
	int (*perform)(struct block *b, struct block_req *r);
	/* The worker, of a block that another is based on; zeroes behind its
	 * end. */
	int (*read)(struct block *b, struct iov_pos p, uint64_t offset,
		    uint64_t bytes);
	/* Like map, for such a block: how much of bytes one span covers, or 0.
	 */
	uint64_t (*map_read)(struct block *b, uint64_t offset, uint64_t bytes,
			     struct block_span *span);
	/* Writes what is in memory. 0 or -errno. */
	int (*close)(struct block *b);
};

/* Served by a thread of their own loop each: file formats, NBD. */
struct queue_ops {
	bool writes_out; /* takes queue_write_out */
	int (*open)(struct block_queue *q, unsigned int depth, struct err *e);
	void (*close)(struct block_queue *q);
	void (*submit)(struct block_queue *q, struct block_req *r);
	void (*kick)(struct block_queue *q);
	/* Reports what is done by now; its fd, or -1, says when there is more.
	 */
	void (*reap)(struct block_queue *q);
	int (*fd)(const struct block_queue *q, short *events);
};

struct req_fifo {
	struct block_req *first, **last;
};

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct req_fifo reqs;
	bool running, stopping;
};

struct block {
	const struct format_ops *format;
	const struct queue_ops *queue;
	struct block_info info;
	char *path;
	uint64_t table_bytes;	   /* as asked for */
	unsigned int nr_queues;	   /* atomic */
	struct block_file file;	   /* fd -1: NBD */
	struct worker worker;	   /* of the image that the guest has */
	void *state;		   /* of the format */
	const struct block *above; /* is based on this one; or NULL */
};

/* An image and, below it, those that it is based on. It has no thread. */
int block_open_image(const struct block_options *o, const struct block *above,
		     struct block **out, struct err *e);
int raw_open(struct block *b, struct err *e);
int qcow2_open(struct block *b, struct err *e);
int nbd_open(struct block *b, const struct block_options *o, struct err *e);
bool path_is_nbd(const char *path);

/* --- queues (queue.c) --- */

struct block_queue {
	struct block *block;
	const struct queue_ops *ops;
	struct loop *loop;
	unsigned int nr_in_flight;
	struct req_fifo done; /* to be told, of this thread */
	struct loop_source event;
	bool is_signalled; /* of this thread's own */
	pthread_mutex_t lock;
	struct req_fifo from_worker; /* under lock */
	void *state;		     /* of the queue_ops */
};

static inline void fifo_init(struct req_fifo *f)
{
	f->first = NULL;
	f->last = &f->first;
}

static inline void fifo_add(struct req_fifo *f, struct block_req *r)
{
	r->next = NULL;
	*f->last = r;
	f->last = &r->next;
}

static inline struct block_req *fifo_take(struct req_fifo *f)
{
	struct block_req *r = f->first;

	if (r) {
		f->first = r->next;
		if (!f->first)
			f->last = &f->first;
	}
	return r;
}

/* The queue's thread, outside of block_submit: tells the caller. */
void queue_finish(struct block_req *r, int ret);
/* The queue's thread, anywhere: the loop tells the caller. */
void queue_finish_later(struct block_req *r, int ret);
/* The queue's thread: has the loop call kick. */
void queue_come_back(struct block_queue *q);
/* The worker. */
void queue_finish_from_worker(struct block_req *r, int ret);

/*
 * The worker: has the queue write out_bytes of a write, from begun on, to
 * out_pos of the file, and give it to the worker again, with ret.
 */
void queue_write_out(struct block_req *r);
/* The worker: has the queue look anew where it goes. */
void queue_retry(struct block_req *r);

extern const struct queue_ops uring_queue_ops, thread_queue_ops, nbd_queue_ops;

/* --- the thread for what blocks (worker.c) --- */

int worker_start(struct block *b, struct err *e);
void worker_stop(struct block *b);
void worker_add(struct block *b, struct block_req *r);

#endif

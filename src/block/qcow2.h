/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of a qcow2 image share; QEMU's docs/interop/qcow2.txt is the
 * specification that sections are cited from. */
#ifndef STRAIT_BLOCK_QCOW2_H
#define STRAIT_BLOCK_QCOW2_H

#include "src/block/priv.h"

#define QCOW2_COPIED	  (1ULL << 63)
#define QCOW2_COMPRESSED  (1ULL << 62)
#define QCOW2_ZERO	  1ULL
#define QCOW2_OFFSET_MASK 0x00fffffffffffe00ULL

enum {
	QCOW2_INCOMPAT_DIRTY = 1 << 0,
	QCOW2_INCOMPAT_CORRUPT = 1 << 1,
	QCOW2_INCOMPAT_DATA_FILE = 1 << 2,
	QCOW2_INCOMPAT_COMPRESSION = 1 << 3,
	QCOW2_INCOMPAT_EXTENDED_L2 = 1 << 4,
	QCOW2_COMPAT_LAZY = 1 << 0,

	QCOW2_MAX_L1_BYTES = 32 << 20, /* QEMU's limits */
	QCOW2_MAX_REFTABLE_BYTES = 8 << 20,
	QCOW2_MAX_SNAPSHOTS = 65536,
	QCOW2_MAX_BACKING = 1023,
	QCOW2_NR_FREED = 4096,
	QCOW2_NR_OUT = 64,
};

/* Offsets of what is changed in the header. */
enum {
	QCOW2_AT_REFTABLE = 48,
	QCOW2_AT_INCOMPATIBLE = 72,
	QCOW2_AT_AUTOCLEAR = 88,
};

struct qcow2_header {
	uint32_t version, cluster_bits, l1_entries, reftable_clusters;
	uint32_t nr_snapshots, refcount_order, length, crypt;
	uint64_t bytes, l1_offset, reftable_offset, snapshots_offset;
	uint64_t incompatible, compatible, autoclear;
	bool zstd;
	char backing[QCOW2_MAX_BACKING + 1], backing_format[16];
};

/* Tables of one kind in memory, found by their index. Those that are dirty stay
 * until they are written. */
struct table_slot {
	uint32_t index;
	bool is_used, is_dirty, was_found;
};

struct table_cache {
	uint8_t *data;
	struct table_slot *slots;
	uint32_t *slot_of; /* by index: slot + 1, or 0 */
	uint64_t nr_tables;
	uint32_t table_bytes;
	unsigned int nr_slots, hand, nr_dirty;
};

/* Clusters that no table names any more, until the tables are on disk. */
struct freed {
	uint64_t cluster, nr;
};

struct extent {
	uint64_t offset, bytes;
};

/* A write that is on its way to new clusters. */
struct write_out {
	const struct block_req *req;
	uint64_t first, nr; /* clusters of the guest */
	uint64_t host;	    /* the first new one */
};

struct qcow2 {
	struct block *b;
	struct block_file *file;
	struct block *backing;
	struct qcow2_header h;
	uint64_t cluster_bytes;
	uint64_t l2_entries; /* of one table */
	uint64_t l2_covers;  /* guest bytes */
	uint64_t refblock_entries;

	/* The lock guards what maps guest to host: l1, the L2 cache, which the
	 * worker alone changes and all threads look into. */
	pthread_mutex_t lock;
	uint64_t *l1;
	struct table_cache l2;
	bool needs_flush;
	/* I/O under way on clusters that were looked up, by epoch. */
	pthread_cond_t quiet;
	unsigned int epoch, nr_mapped[2];
	bool is_corrupt;

	/* The rest is the worker's alone. */
	struct {
		uint64_t first, end; /* entries to be written */
	} l1_dirty, reftable_dirty;
	uint64_t *reftable;
	uint64_t reftable_entries;
	struct extent old_reftable; /* while the new one is not on disk */
	struct table_cache refs;
	uint64_t end;	   /* bytes, of what was ever used of the file */
	uint64_t reserved; /* bytes, to which space was set aside; or 0 */
	bool is_reserve_refused;
	uint64_t free_hint; /* cluster below which none is free */
	bool is_growing;    /* the reftable */
	struct freed freed[QCOW2_NR_FREED];
	unsigned int nr_freed;
	struct write_out out[QCOW2_NR_OUT];
	unsigned int nr_out;
	struct req_fifo blocked; /* by those */
	struct extent *snapshot_l1s;
	uint64_t snapshots_bytes;
	bool is_lazy, is_dirty;
	uint8_t *cluster; /* a cluster: for copy on write */
	struct inflater *inflater;
	uint8_t *unpacked; /* a cluster: the last that was decompressed */
	uint64_t unpacked_entry;
};

static inline struct qcow2 *qcow2_of(const struct block *b)
{
	return b->state;
}

static inline uint64_t get_be64(const void *p)
{
	return __builtin_bswap64(get_le(p, 8));
}

static inline uint32_t get_be32(const void *p)
{
	return __builtin_bswap32((uint32_t)get_le(p, 4));
}

static inline void put_be64(void *p, uint64_t v)
{
	put_le(p, __builtin_bswap64(v), 8);
}

static inline void put_be32(void *p, uint32_t v)
{
	put_le(p, __builtin_bswap32(v), 4);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- header and layout (qcow2_header.c, qcow2_layout.c) --- */

int qcow2_header_read(struct qcow2 *q, struct err *e);
int qcow2_header_write64(struct qcow2 *q, unsigned int at, uint64_t value);
/* Reads L1, refcount table and the list of snapshots, and sees that no table
 * lies on another or behind the end of the file. */
int qcow2_layout_read(struct qcow2 *q, struct err *e);
/* Whether that is a cluster of the file that may hold data or a table. */
bool qcow2_is_cluster(const struct qcow2 *q, uint64_t offset);
/* Says so once, marks the image, and is -EIO. */
int qcow2_corrupt(struct qcow2 *q, const char *what, uint64_t offset);

/* --- tables in memory (qcow2_cache.c) --- */

int cache_init(struct table_cache *c, uint32_t table_bytes, uint64_t nr_tables,
	       uint64_t max_bytes);
void cache_fini(struct table_cache *c);
uint8_t *cache_find(struct table_cache *c, uint64_t index);
/* A slot that may be reused, preferably one that is clean. */
unsigned int cache_victim(struct table_cache *c);
bool cache_slot_is_dirty(const struct table_cache *c, unsigned int slot);
uint8_t *cache_slot_data(const struct table_cache *c, unsigned int slot);
void cache_drop(struct table_cache *c, unsigned int slot);
void cache_set(struct table_cache *c, unsigned int slot, uint64_t index);
void cache_dirty(struct table_cache *c, const uint8_t *table);

/* --- guest to host (qcow2_map.c) --- */

enum qcow2_kind {
	QCOW2_UNALLOCATED,
	QCOW2_ZERO_PLAIN,
	QCOW2_ZERO_ALLOCATED,
	QCOW2_NORMAL,
	QCOW2_PACKED,
};
enum qcow2_kind qcow2_kind_of(uint64_t entry);
/* The file's bytes of a compressed cluster. */
struct extent qcow2_packed_extent(const struct qcow2 *q, uint64_t entry);

int qcow2_map(struct block *b, struct block_req *r, struct block_span *spans,
	      unsigned int max);
void qcow2_map_end(struct block *b, const struct block_req *r);
uint64_t qcow2_map_read(struct block *b, uint64_t offset, uint64_t bytes,
			struct block_span *span);
/* Waits until no I/O is under way that was mapped before this. */
void qcow2_wait_mapped(struct qcow2 *q);

/* --- L2 tables (qcow2_l2.c); the worker, like all that follows --- */

/* *table is NULL if there is none. Valid until the next call. */
int qcow2_l2_read(struct qcow2 *q, uint64_t l1_index, uint8_t **table);
/* Makes one, or one of its own if a snapshot shares it. */
int qcow2_l2_write(struct qcow2 *q, uint64_t l1_index, uint8_t **table);
/* Changes nr entries, step apart. */
void qcow2_l2_set(struct qcow2 *q, uint8_t *table, uint64_t index, uint64_t nr,
		  uint64_t entry, uint64_t step);
/* Gives up, later, what an entry named. */
int qcow2_release(struct qcow2 *q, uint64_t entry);

/* --- refcounts (qcow2_refcount.c, qcow2_alloc.c) --- */

int qcow2_refcount_get(struct qcow2 *q, uint64_t cluster, uint64_t *count);
/* The block of refcounts has to be there. */
int qcow2_refcount_set(struct qcow2 *q, uint64_t cluster, uint64_t count);
/* Makes the block of refcounts that has this number. */
int qcow2_refblock_add(struct qcow2 *q, uint64_t index);
/* Those from this number on, which no table will name. */
void qcow2_refblocks_forget(struct qcow2 *q, uint64_t first);
/* The highest cluster in use, plus one. */
int qcow2_refcount_end(struct qcow2 *q, uint64_t *end);

/* Up to nr clusters in a row, at least one. fresh: the file has nothing there,
 * so they are zeroes. */
int qcow2_alloc(struct qcow2 *q, uint64_t nr, uint64_t *first, uint64_t *got,
		bool *fresh);
/* All of nr, at the end of the file. */
int qcow2_alloc_at_end(struct qcow2 *q, uint64_t nr, uint64_t *first);
/* Cuts off what was set aside behind the end. */
void qcow2_unreserve(struct qcow2 *q);
/* At once, for what was never named by a table. */
void qcow2_unalloc(struct qcow2 *q, uint64_t first, uint64_t nr);
int qcow2_free_later(struct qcow2 *q, uint64_t cluster, uint64_t nr);
int qcow2_free_now(struct qcow2 *q);
/* The refcount table, to hold so many entries. */
int qcow2_reftable_grow(struct qcow2 *q, uint64_t entries);

/* --- to disk, in order (qcow2_flush.c) --- */

int qcow2_flush(struct qcow2 *q);
int qcow2_flush_all(struct qcow2 *q);
int qcow2_flush_refs(struct qcow2 *q);
/* Before the first change of a table. */
int qcow2_begin_change(struct qcow2 *q);

/* --- requests (qcow2_read.c, qcow2_write.c, qcow2_zero.c) --- */

int qcow2_read(struct qcow2 *q, struct iov_pos p, uint64_t offset,
	       uint64_t bytes);
int qcow2_write(struct qcow2 *q, struct iov_pos p, uint64_t offset,
		uint64_t bytes);
/* Begins or goes on with a request; may be PERFORM_LATER. */
int qcow2_write_req(struct qcow2 *q, struct block_req *r);
/* Whether it has to wait for writes that are on their way to new clusters. It
 * is performed again then. */
bool qcow2_is_blocked(struct qcow2 *q, struct block_req *r, uint64_t offset,
		      uint64_t bytes);
int qcow2_discard(struct qcow2 *q, uint64_t offset, uint64_t bytes);
int qcow2_write_zeroes(struct qcow2 *q, uint64_t offset, uint64_t bytes,
		       bool unmap);

/* --- compressed clusters (qcow2_inflate.c) --- */

int inflater_new(struct inflater **out, bool zstd, uint64_t cluster_bytes,
		 const char *path, struct err *e);
void inflater_free(struct inflater *i);
/* For so many bytes of compressed data. */
uint8_t *inflater_in(struct inflater *i);
/* All of a cluster, or -EIO. */
int inflater_run(struct inflater *i, uint64_t in_bytes, uint8_t *out);

/* --- after a crash with lazy refcounts (qcow2_repair.c) --- */

int qcow2_repair(struct qcow2 *q, struct err *e);

#endif

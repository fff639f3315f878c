// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2: reading on the worker, of what is not in memory or compressed. */
#include <errno.h>

#include "src/block/qcow2.h"

static int read_below(struct qcow2 *q, struct iov_pos p, uint64_t offset,
		      uint64_t bytes)
{
	if (q->backing)
		return q->backing->format->read(q->backing, p, offset, bytes);
	iov_zero(&p, bytes);
	return 0;
}

/* Guests read a cluster in parts, so the last one is kept. */
static int unpack(struct qcow2 *q, uint64_t entry)
{
	struct extent at = qcow2_packed_extent(q, entry);
	int ret;

	if (q->unpacked_entry == entry)
		return 0;
	q->unpacked_entry = 0;
	if (!q->inflater)
		return -EIO;
	/* The last sector may end with the file. */
	if (at.bytes > q->end - at.offset)
		at.bytes = q->end - at.offset;
	ret = file_read_buf(q->file, inflater_in(q->inflater), at.offset,
			    at.bytes);
	if (!ret)
		ret = inflater_run(q->inflater, at.bytes, q->unpacked);
	if (!ret)
		q->unpacked_entry = entry;
	return ret;
}

static int read_packed(struct qcow2 *q, struct iov_pos p, uint64_t entry,
		       uint64_t in, uint64_t bytes)
{
	int ret = unpack(q, entry);

	if (!ret)
		iov_put(&p, q->unpacked + in, bytes);
	return ret;
}

static int read_cluster(struct qcow2 *q, struct iov_pos p, uint64_t entry,
			uint64_t offset, uint64_t bytes)
{
	uint64_t in = offset & (q->cluster_bytes - 1);

	switch (qcow2_kind_of(entry)) {
	case QCOW2_NORMAL:
		return file_read(q->file, p, (entry & QCOW2_OFFSET_MASK) + in,
				 bytes);
	case QCOW2_PACKED:
		return read_packed(q, p, entry, in, bytes);
	case QCOW2_UNALLOCATED:
		return read_below(q, p, offset, bytes);
	default:
		iov_zero(&p, bytes);
		return 0;
	}
}

/* What the next n bytes are: one cluster, or several that lie in a row. */
static uint64_t count_alike(const struct qcow2 *q, const uint8_t *table,
			    uint64_t offset, uint64_t bytes)
{
	uint64_t i = offset / q->cluster_bytes % q->l2_entries;
	uint64_t first = get_be64(table + i * 8);
	uint64_t n = q->cluster_bytes - (offset & (q->cluster_bytes - 1));

	if (qcow2_kind_of(first) != QCOW2_NORMAL &&
	    qcow2_kind_of(first) != QCOW2_UNALLOCATED)
		return min_u64(n, bytes);
	for (uint64_t k = 1; n < bytes && i + k < q->l2_entries; k++) {
		uint64_t entry = get_be64(table + (i + k) * 8);
		uint64_t want = qcow2_kind_of(first) == QCOW2_NORMAL
					? (first & QCOW2_OFFSET_MASK) +
						  k * q->cluster_bytes
					: 0;

		if (qcow2_kind_of(entry) != qcow2_kind_of(first) ||
		    (entry & QCOW2_OFFSET_MASK) != want)
			break;
		n += q->cluster_bytes;
	}
	return min_u64(n, bytes);
}

int qcow2_read(struct qcow2 *q, struct iov_pos p, uint64_t offset,
	       uint64_t bytes)
{
	while (bytes) {
		uint64_t n =
			min_u64(bytes, q->l2_covers - offset % q->l2_covers);
		uint8_t *table;
		int ret = qcow2_l2_read(q, offset / q->l2_covers, &table);

		if (ret)
			return ret;
		if (table) {
			uint64_t i = offset / q->cluster_bytes % q->l2_entries;

			n = count_alike(q, table, offset, n);
			ret = read_cluster(q, p, get_be64(table + i * 8),
					   offset, n);
		} else {
			ret = read_below(q, p, offset, n);
		}
		if (ret)
			return ret;
		iov_skip(&p, n);
		offset += n;
		bytes -= n;
	}
	return 0;
}

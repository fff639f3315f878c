// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2's header: what it says, and whether strait can do that. */
#include <errno.h>

#include "src/block/qcow2.h"

enum {
	V2_LENGTH = 72,
	V3_LENGTH = 104,
	MIN_CLUSTER_BITS = 9,
	MAX_CLUSTER_BITS = 21,
	MAX_REFCOUNT_ORDER = 6,
	EXTENSIONS_MAX = 65536, /* of the header cluster, are looked at */
};

/* Extensions of the header. */
#define EXT_END		   0U
#define EXT_BACKING_FORMAT 0xe2792acaU
#define EXT_FEATURE_NAMES  0x6803f857U

/* An entry of the table of feature names. */
enum { FEATURE_LEN = 48, FEATURE_NAME = 2, FEATURE_NAME_LEN = 46 };

struct names {
	const uint8_t *table;
	uint32_t bytes;
};

static int refuse(const struct qcow2 *q, int code, const char *why,
		  struct err *e)
{
	return err_set(e, code, "%s: %s", q->b->path, why);
}

static void parse_fields(struct qcow2_header *h, const uint8_t *p)
{
	h->version = get_be32(p + 4);
	h->cluster_bits = get_be32(p + 20);
	h->bytes = get_be64(p + 24);
	h->crypt = get_be32(p + 32);
	h->l1_entries = get_be32(p + 36);
	h->l1_offset = get_be64(p + 40);
	h->reftable_offset = get_be64(p + QCOW2_AT_REFTABLE);
	h->reftable_clusters = get_be32(p + 56);
	h->nr_snapshots = get_be32(p + 60);
	h->snapshots_offset = get_be64(p + 64);
	h->refcount_order = 4;
	h->length = V2_LENGTH;
	if (h->version < 3)
		return;
	h->incompatible = get_be64(p + QCOW2_AT_INCOMPATIBLE);
	h->compatible = get_be64(p + 80);
	h->autoclear = get_be64(p + QCOW2_AT_AUTOCLEAR);
	h->refcount_order = get_be32(p + 96);
	h->length = get_be32(p + 100);
}

static int check_fields(const struct qcow2 *q, struct err *e)
{
	const struct qcow2_header *h = &q->h;

	if (h->version != 2 && h->version != 3)
		return err_set(e, ENOTSUP,
			       "%s: is qcow2 version %u, strait knows 2 and 3",
			       q->b->path, h->version);
	if (h->cluster_bits < MIN_CLUSTER_BITS ||
	    h->cluster_bits > MAX_CLUSTER_BITS)
		return err_set(
			e, EINVAL,
			"%s: its header is damaged: clusters of 2^%u bytes (9 to 21 are allowed)",
			q->b->path, h->cluster_bits);
	if (h->refcount_order > MAX_REFCOUNT_ORDER)
		return err_set(
			e, EINVAL,
			"%s: its header is damaged: refcounts of 2^%u bits",
			q->b->path, h->refcount_order);
	if (h->version == 3 && (h->length < V3_LENGTH || h->length % 8 ||
				h->length > 1ULL << h->cluster_bits))
		return err_set(
			e, EINVAL,
			"%s: its header is damaged: it claims to be %u bytes long",
			q->b->path, h->length);
	return 0;
}

/* --- features --- */

/* What the image itself calls a feature, or its number. */
static void feature_name(const struct names *n, unsigned int bit, char *out,
			 size_t len)
{
	for (uint32_t at = 0; at + FEATURE_LEN <= n->bytes; at += FEATURE_LEN) {
		const uint8_t *f = n->table + at;

		if (f[0] != 0 || f[1] != bit)
			continue;
		snprintf(out, len, "%.*s", FEATURE_NAME_LEN,
			 (const char *)f + FEATURE_NAME);
		/* It goes to a terminal. */
		for (char *c = out; *c; c++)
			if (*c < ' ' || *c > '~')
				*c = '?';
		return;
	}
	snprintf(out, len, "bit %u", bit);
}

static int refuse_unknown(const struct qcow2 *q, uint64_t unknown,
			  const struct names *names, struct err *e)
{
	char list[256] = "", name[FEATURE_NAME_LEN + 1];
	size_t at = 0;

	for (unsigned int bit = 0; bit < 64 && at < sizeof(list); bit++) {
		if (!(unknown >> bit & 1))
			continue;
		feature_name(names, bit, name, sizeof(name));
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s",
				       at ? ", " : "", name);
	}
	return err_set(e, ENOTSUP,
		       "%s: needs features that strait does not know: %s",
		       q->b->path, list);
}

static int check_features(const struct qcow2 *q, const struct names *names,
			  struct err *e)
{
	const struct qcow2_header *h = &q->h;
	uint64_t known = QCOW2_INCOMPAT_DIRTY | QCOW2_INCOMPAT_CORRUPT |
			 QCOW2_INCOMPAT_COMPRESSION;
	int ret;

	if (h->crypt)
		return refuse(q, ENOTSUP,
			      "the image is encrypted, which strait cannot do",
			      e);
	if (h->incompatible & QCOW2_INCOMPAT_DATA_FILE)
		ret = refuse(
			q, ENOTSUP,
			"the image keeps its data in another file, which strait cannot do",
			e);
	else if (h->incompatible & QCOW2_INCOMPAT_EXTENDED_L2)
		ret = refuse(
			q, ENOTSUP,
			"the image has extended L2 entries (subclusters), which strait cannot do",
			e);
	else if (h->incompatible & ~known)
		ret = refuse_unknown(q, h->incompatible & ~known, names, e);
	else
		return 0;
	err_hint(e, "convert it: qemu-img convert -O qcow2 %s NEW", q->b->path);
	return ret;
}

static int check_corrupt(const struct qcow2 *q, struct err *e)
{
	int ret;

	if (!(q->h.incompatible & QCOW2_INCOMPAT_CORRUPT) || q->file->readonly)
		return 0;
	ret = refuse(q, EROFS,
		     "the image is marked as damaged, so it is not written to",
		     e);
	err_hint(e, "repair it: qemu-img check -r all %s; or use readonly=on",
		 q->b->path);
	return ret;
}

/* --- extensions and the backing file's name --- */

static void copy_text(char *out, size_t len, const uint8_t *p, size_t n)
{
	if (n > len - 1)
		n = len - 1;
	memcpy(out, p, n);
	out[n] = '\0';
}

static int parse_extensions(struct qcow2 *q, const uint8_t *p, uint64_t end,
			    struct names *names, struct err *e)
{
	uint64_t at = q->h.length;

	while (at + 8 <= end) {
		uint32_t type = get_be32(p + at), len = get_be32(p + at + 4);

		at += 8;
		if (type == EXT_END)
			break;
		if (len > end - at)
			return refuse(
				q, EINVAL,
				"its header is damaged: an extension is longer than the header",
				e);
		if (type == EXT_BACKING_FORMAT)
			copy_text(q->h.backing_format,
				  sizeof(q->h.backing_format), p + at, len);
		else if (type == EXT_FEATURE_NAMES)
			*names = (struct names){ p + at, len };
		at += align_up(len, 8);
	}
	return 0;
}

static int parse_backing(struct qcow2 *q, const uint8_t *p, uint64_t have,
			 uint64_t *extensions_end, struct err *e)
{
	uint64_t at = get_be64(p + 8);
	uint32_t len = get_be32(p + 16);

	if (!at)
		return 0;
	if (at < q->h.length || at > have || len > have - at ||
	    len > QCOW2_MAX_BACKING)
		return refuse(
			q, EINVAL,
			"its header is damaged: the name of the image that it is based on lies outside",
			e);
	copy_text(q->h.backing, sizeof(q->h.backing), p + at, len);
	*extensions_end = at;
	return 0;
}

/* p is the header's cluster, or as much as is looked at. */
static int parse_rest(struct qcow2 *q, const uint8_t *p, uint64_t have,
		      struct err *e)
{
	struct names names = { 0 };
	uint64_t extensions_end = have;
	int ret = parse_backing(q, p, have, &extensions_end, e);

	if (!ret)
		ret = parse_extensions(q, p, extensions_end, &names, e);
	if (!ret)
		ret = check_features(q, &names, e);
	if (!ret)
		ret = check_corrupt(q, e);
	if (ret || !(q->h.incompatible & QCOW2_INCOMPAT_COMPRESSION))
		return ret;
	if (q->h.length <= V3_LENGTH || p[V3_LENGTH] > 1)
		return refuse(
			q, ENOTSUP,
			"is compressed in a way that strait does not know", e);
	q->h.zstd = p[V3_LENGTH] == 1;
	return 0;
}

int qcow2_header_read(struct qcow2 *q, struct err *e)
{
	static const uint8_t magic[4] = { 'Q', 'F', 'I', 0xfb };
	uint8_t p[EXTENSIONS_MAX];
	uint64_t have;
	int ret;

	memset(p, 0, V3_LENGTH);
	have = min_u64(sizeof(p), q->file->bytes);
	if (have < V2_LENGTH)
		return refuse(q, EINVAL, "is too short to be a qcow2 image", e);
	ret = file_read_buf(q->file, p, 0, have);
	if (ret)
		return err_set(e, -ret, "%s: read its header: %s", q->b->path,
			       strerror(-ret));
	if (memcmp(p, magic, sizeof(magic)))
		return refuse(q, EINVAL, "is not a qcow2 image", e);
	parse_fields(&q->h, p);
	if (q->h.version >= 3 && have < V3_LENGTH)
		return refuse(q, EINVAL, "ends within its header", e);
	ret = check_fields(q, e);
	if (ret)
		return ret;
	have = min_u64(have, 1ULL << q->h.cluster_bits);
	if (have < q->h.length)
		return refuse(q, EINVAL, "ends within its header", e);
	return parse_rest(q, p, have, e);
}

int qcow2_header_write64(struct qcow2 *q, unsigned int at, uint64_t value)
{
	uint8_t be[8];

	put_be64(be, value);
	return file_write_buf(q->file, be, at, sizeof(be));
}

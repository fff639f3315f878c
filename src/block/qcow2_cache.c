// SPDX-License-Identifier: GPL-2.0-or-later
/* L2 tables and refcount blocks in memory. */
/*
 * How this works
 *
 * A fixed number of slots, and an array that says which slot holds the table of
 * an index, so that a look-up is two loads. When all slots are taken, a hand
 * goes round and takes the first that was not looked up since it last came by;
 * clean ones are preferred. Memory is reserved up front and becomes real as it
 * is touched.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "src/block/qcow2.h"

enum { MIN_SLOTS = 4 };

int cache_init(struct table_cache *c, uint32_t table_bytes, uint64_t nr_tables,
	       uint64_t max_bytes)
{
	uint64_t nr = max_bytes / table_bytes;

	if (nr > nr_tables)
		nr = nr_tables;
	if (nr < MIN_SLOTS)
		nr = MIN_SLOTS;
	c->table_bytes = table_bytes;
	c->nr_tables = nr_tables;
	c->nr_slots = (unsigned int)nr;
	c->slots = calloc(nr, sizeof(*c->slots));
	c->slot_of = calloc(nr_tables ? nr_tables : 1, sizeof(*c->slot_of));
	c->data = mmap(NULL, nr * table_bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->data == MAP_FAILED)
		c->data = NULL;
	return c->slots && c->slot_of && c->data ? 0 : -ENOMEM;
}

void cache_fini(struct table_cache *c)
{
	if (c->data)
		munmap(c->data, (size_t)c->nr_slots * c->table_bytes);
	free(c->slots);
	free(c->slot_of);
	*c = (struct table_cache){ 0 };
}

uint8_t *cache_slot_data(const struct table_cache *c, unsigned int slot)
{
	return c->data + (size_t)slot * c->table_bytes;
}

uint8_t *cache_find(struct table_cache *c, uint64_t index)
{
	uint32_t slot = c->slot_of[index];

	if (!slot)
		return NULL;
	c->slots[slot - 1].was_found = true;
	return cache_slot_data(c, slot - 1);
}

bool cache_slot_is_dirty(const struct table_cache *c, unsigned int slot)
{
	return c->slots[slot].is_dirty;
}

static unsigned int cache_next(struct table_cache *c)
{
	unsigned int slot = c->hand;

	c->hand = (c->hand + 1) % c->nr_slots;
	return slot;
}

unsigned int cache_victim(struct table_cache *c)
{
	unsigned int dirty = c->nr_slots;

	/* After two rounds none has its mark any more. */
	for (unsigned int i = 0; i < 2 * c->nr_slots; i++) {
		unsigned int at = cache_next(c);
		struct table_slot *s = &c->slots[at];

		if (!s->is_used)
			return at;
		if (s->was_found)
			s->was_found = false;
		else if (!s->is_dirty)
			return at;
		else if (dirty == c->nr_slots)
			dirty = at;
	}
	return dirty < c->nr_slots ? dirty : cache_next(c);
}

void cache_drop(struct table_cache *c, unsigned int slot)
{
	struct table_slot *s = &c->slots[slot];

	if (s->is_used)
		c->slot_of[s->index] = 0;
	if (s->is_dirty)
		c->nr_dirty--;
	*s = (struct table_slot){ 0 };
}

void cache_set(struct table_cache *c, unsigned int slot, uint64_t index)
{
	c->slots[slot] = (struct table_slot){ .index = (uint32_t)index,
					      .is_used = true,
					      .was_found = true };
	c->slot_of[index] = slot + 1;
}

void cache_dirty(struct table_cache *c, const uint8_t *table)
{
	struct table_slot *s =
		&c->slots[(size_t)(table - c->data) / c->table_bytes];

	if (!s->is_dirty)
		c->nr_dirty++;
	s->is_dirty = true;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest physical memory.
 *
 * How this works: one list of regions under a lock, and beside it an array of
 * the RAM regions that is only appended to before vCPUs run, so that look-ups
 * of RAM need no lock. Listeners are called with the lock held: they see each
 * change in order and must not call back.
 *
 * Deliberately missing: overlapping regions with priorities, and sub-page
 * regions. A part of a page that must be trapped stays out of here and is a
 * bus_range. A device of less than a page that can be mapped is both, and its
 * region leaves when another bus_range comes into the page (mem_evict).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/core/mem.h"

enum { PAGE_LEN = 4096 };

void mem_init(struct mem *m)
{
	pthread_mutex_init(&m->lock, NULL);
	list_init(&m->regions);
	list_init(&m->listeners);
	m->nr_ram = 0;
}

void mem_fini(struct mem *m)
{
	pthread_mutex_destroy(&m->lock);
}

static struct mem_region *region_of(struct list *node)
{
	return list_entry(node, struct mem_region, node);
}

static struct mem_listener *listener_of(struct list *node)
{
	return list_entry(node, struct mem_listener, node);
}

static int region_check(const struct mem *m, const struct mem_region *r,
			struct err *e)
{
	uint64_t end;
	struct list *pos;

	if (!r->size || (r->gpa | r->size | (uintptr_t)r->hva) % PAGE_LEN ||
	    __builtin_add_overflow(r->gpa, r->size, &end))
		return err_set(e, EINVAL,
			       "%s: guest memory 0x%" PRIx64 " + 0x%" PRIx64
			       " is not made of whole pages",
			       r->name, r->gpa, r->size);
	list_for_each (pos, &m->regions) {
		const struct mem_region *o = region_of(pos);

		if (r->gpa < o->gpa + o->size && o->gpa < end)
			return err_set(e, EEXIST,
				       "%s: guest memory at 0x%" PRIx64
				       " overlaps %s at 0x%" PRIx64,
				       r->name, r->gpa, o->name, o->gpa);
	}
	if (r->kind == MEM_RAM && m->nr_ram == MEM_MAX_RAM)
		return err_set(e, ENOSPC, "%s: more than %d regions of RAM",
			       r->name, MEM_MAX_RAM);
	return 0;
}

/* Tells the listeners before end that r went, the last told first. */
static void tell_del(struct list *first, struct list *end,
		     const struct mem_region *r)
{
	struct list *pos;

	for (pos = end->prev; pos != first; pos = pos->prev)
		listener_of(pos)->ops->del(listener_of(pos), r);
}

static int add_locked(struct mem *m, struct mem_region *r, struct err *e)
{
	struct list *pos;
	int ret = region_check(m, r, e);

	if (ret)
		return ret;
	list_for_each (pos, &m->listeners) {
		ret = listener_of(pos)->ops->add(listener_of(pos), r, e);
		if (ret) {
			tell_del(&m->listeners, pos, r);
			return ret;
		}
	}
	list_add(&m->regions, &r->node);
	r->is_in = true;
	if (r->kind == MEM_RAM)
		m->ram[m->nr_ram++] = r;
	return 0;
}

int mem_add(struct mem *m, struct mem_region *r, struct err *e)
{
	int ret;

	pthread_mutex_lock(&m->lock);
	r->is_in = false;
	ret = add_locked(m, r, e);
	pthread_mutex_unlock(&m->lock);
	return ret;
}

static void ram_forget(struct mem *m, const struct mem_region *r)
{
	for (unsigned int i = 0; i < m->nr_ram; i++) {
		if (m->ram[i] == r) {
			m->ram[i] = m->ram[--m->nr_ram];
			return;
		}
	}
}

static void del_locked(struct mem *m, struct mem_region *r)
{
	if (!r->is_in)
		return;
	r->is_in = false;
	list_del(&r->node);
	if (r->kind == MEM_RAM)
		ram_forget(m, r);
	tell_del(&m->listeners, &m->listeners, r);
}

void mem_del(struct mem *m, struct mem_region *r)
{
	pthread_mutex_lock(&m->lock);
	del_locked(m, r);
	pthread_mutex_unlock(&m->lock);
}

void mem_evict(struct mem *m, gpa_t gpa, uint64_t len)
{
	struct list *pos, *next;

	pthread_mutex_lock(&m->lock);
	for (pos = m->regions.next; pos != &m->regions; pos = next) {
		struct mem_region *r = region_of(pos);

		next = pos->next;
		if (r->can_leave && gpa < r->gpa + r->size &&
		    r->gpa < gpa + len)
			del_locked(m, r);
	}
	pthread_mutex_unlock(&m->lock);
}

int mem_listener_add(struct mem *m, struct mem_listener *l, struct err *e)
{
	struct list *pos;
	int ret = 0;

	pthread_mutex_lock(&m->lock);
	list_for_each (pos, &m->regions) {
		ret = l->ops->add(l, region_of(pos), e);
		if (ret)
			break;
	}
	if (ret)
		while ((pos = pos->prev) != &m->regions)
			l->ops->del(l, region_of(pos));
	else
		list_add(&m->listeners, &l->node);
	pthread_mutex_unlock(&m->lock);
	return ret;
}

void mem_listener_del(struct mem *m, struct mem_listener *l)
{
	struct list *pos;

	pthread_mutex_lock(&m->lock);
	list_del(&l->node);
	for (pos = m->regions.prev; pos != &m->regions; pos = pos->prev)
		l->ops->del(l, region_of(pos));
	pthread_mutex_unlock(&m->lock);
}

/* The RAM region that holds gpa, or NULL. */
static const struct mem_region *ram_at(const struct mem *m, gpa_t gpa)
{
	for (unsigned int i = 0; i < m->nr_ram; i++)
		if (gpa >= m->ram[i]->gpa &&
		    gpa - m->ram[i]->gpa < m->ram[i]->size)
			return m->ram[i];
	return NULL;
}

void *mem_ptr(const struct mem *m, gpa_t gpa, uint64_t len)
{
	const struct mem_region *r = ram_at(m, gpa);

	if (!r || len > r->size - (gpa - r->gpa))
		return NULL;
	return (char *)r->hva + (gpa - r->gpa);
}

uint64_t mem_ram_span(const struct mem *m, gpa_t gpa, uint64_t len)
{
	const struct mem_region *r = ram_at(m, gpa);
	uint64_t left;

	if (!r)
		return 0;
	left = r->size - (gpa - r->gpa);
	return left < len ? left : len;
}

static bool all_ram(const struct mem *m, gpa_t gpa, uint64_t len)
{
	while (len) {
		uint64_t n = mem_ram_span(m, gpa, len);

		if (!n)
			return false;
		gpa += n;
		len -= n;
	}
	return true;
}

int mem_read(const struct mem *m, gpa_t gpa, void *buf, uint64_t len)
{
	if (!all_ram(m, gpa, len))
		return -EFAULT;
	while (len) {
		uint64_t n = mem_ram_span(m, gpa, len);

		memcpy(buf, mem_ptr(m, gpa, n), n);
		buf = (char *)buf + n;
		gpa += n;
		len -= n;
	}
	return 0;
}

int mem_write(const struct mem *m, gpa_t gpa, const void *buf, uint64_t len)
{
	if (!all_ram(m, gpa, len))
		return -EFAULT;
	while (len) {
		uint64_t n = mem_ram_span(m, gpa, len);

		memcpy(mem_ptr(m, gpa, n), buf, n);
		buf = (const char *)buf + n;
		gpa += n;
		len -= n;
	}
	return 0;
}

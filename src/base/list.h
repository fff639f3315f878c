/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An intrusive doubly linked list; the head is a node of its own. */
#ifndef STRAIT_BASE_LIST_H
#define STRAIT_BASE_LIST_H

#include <stdbool.h>

#include "src/base/bits.h"

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *head)
{
	head->prev = head->next = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

/* Adds node as the last of head. */
static inline void list_add(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Takes node out of its list; a node taken out twice is harmless. */
static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define list_entry(node, type, member) CONTAINER_OF(node, type, member)
#define list_for_each(pos, head)                                               \
	for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)

#endif

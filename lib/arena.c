#include "arena.h"

#include <stdint.h>
#include <stdlib.h>

#define BLOCK_LEAST (16 * 1024u)
#define ALIGN 16u

struct block { struct block *next; size_t room; _Alignas(ALIGN) char data[]; };

struct arena {
	struct block *first, *last;
	size_t used;			/* of the last block */
	size_t taken, ceiling;		/* in all blocks */
	ProtobufCAllocator allocator;
};

static void *take(void *arena, size_t n)
{
	return arena_take(arena, n);
}

static void give_back(void *arena, void *p)
{
	(void)arena;	/* all at once, in arena_reset */
	(void)p;
}

struct arena *arena_new(size_t ceiling)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a) {
		a->ceiling = ceiling;
		a->allocator = (ProtobufCAllocator){take, give_back, a};
	}
	return a;
}

static void free_from(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	free_from(a->first);
	free(a);
}

void arena_limit(struct arena *a, size_t ceiling)
{
	a->ceiling = ceiling;
}

static struct block *block_new(struct arena *a, size_t n)
{
	size_t room = a->last ? a->last->room * 2 : BLOCK_LEAST;
	struct block *b;

	if (room > a->ceiling)
		room = a->ceiling;
	if (room < n)
		room = n;
	b = malloc(sizeof(*b) + room);
	if (!b)
		return NULL;
	*b = (struct block){NULL, room};
	if (a->last)
		a->last->next = b;
	else
		a->first = b;
	a->last = b;
	a->used = 0;
	return b;
}

void *arena_take(struct arena *a, size_t n)
{
	void *p;

	if (n > a->ceiling)
		return NULL;
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (n == 0)
		n = ALIGN;
	if (a->taken > a->ceiling || n > a->ceiling - a->taken)
		return NULL;
	if ((!a->last || n > a->last->room - a->used) && !block_new(a, n))
		return NULL;
	p = a->last->data + a->used;
	a->used += n;
	a->taken += n;
	return p;
}

void arena_reset(struct arena *a)
{
	if (a->first) {
		free_from(a->first->next);
		a->first->next = NULL;
	}
	a->last = a->first;
	a->used = a->taken = 0;
}

void arena_trim(struct arena *a)
{
	free_from(a->first);
	a->first = a->last = NULL;
	a->used = a->taken = 0;
}

ProtobufCAllocator *arena_allocator(struct arena *a)
{
	return &a->allocator;
}

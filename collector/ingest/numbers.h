/* numbers.h - from an agent's own small numbers to the collector's: a flat open table, since every value passes through it. */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_NONE UINT32_MAX

#define NUMBERS_PROBES 128u	/* an agent that picks its numbers so that they collide is refused */

struct numbers { struct number { uint32_t from, to; } *at; uint32_t n; unsigned bits; };	/* from {0} */

/* 0, -ENOMEM, -EDQUOT above `most`, or -EEXIST when `from` is already something else. */
int numbers_put(struct numbers *, uint32_t from, uint32_t to, uint32_t most);
void numbers_free(struct numbers *);

static inline uint32_t numbers_place(const struct numbers *t, uint32_t from, uint32_t probe)
{
	return (((from * 0x9e3779b1u) >> (32 - t->bits)) + probe) & ((1u << t->bits) - 1);
}

static inline uint32_t numbers_get(const struct numbers *t, uint32_t from)
{
	for (uint32_t i = 0; t->n && i < NUMBERS_PROBES; i++) {
		const struct number *at = &t->at[numbers_place(t, from, i)];

		if (at->from == from || at->to == NUMBER_NONE)
			return at->to;
	}
	return NUMBER_NONE;
}

#endif

#include "collector/ingest/numbers.h"

#include <errno.h>
#include <stdlib.h>

static int place(struct numbers *t, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < NUMBERS_PROBES && i < 1u << t->bits; i++) {
		struct number *at = &t->at[numbers_place(t, from, i)];

		if (at->to == NUMBER_NONE) {
			*at = (struct number){from, to};
			t->n++;
			return 0;
		}
	}
	return -EDQUOT;
}

static int grow(struct numbers *t)
{
	struct numbers bigger = {.bits = t->bits ? t->bits + 1 : 4};
	uint32_t room = 1u << bigger.bits;
	int r = 0;

	bigger.at = malloc(room * sizeof(*bigger.at));
	if (!bigger.at)
		return -ENOMEM;
	for (uint32_t i = 0; i < room; i++)
		bigger.at[i] = (struct number){NUMBER_NONE, NUMBER_NONE};
	for (uint32_t i = 0; t->at && i < 1u << t->bits && !r; i++)
		if (t->at[i].to != NUMBER_NONE)
			r = place(&bigger, t->at[i].from, t->at[i].to);
	if (r) {
		free(bigger.at);
		return r;
	}
	free(t->at);
	*t = bigger;
	return 0;
}

int numbers_put(struct numbers *t, uint32_t from, uint32_t to, uint32_t most)
{
	uint32_t known = numbers_get(t, from);
	int r = 0;

	if (known != NUMBER_NONE)
		return known == to ? 0 : -EEXIST;
	if (t->n >= most)
		return -EDQUOT;
	if (!t->at || 2 * (t->n + 1) > 1u << t->bits)
		r = grow(t);
	return r ? r : place(t, from, to);
}

void numbers_free(struct numbers *t)
{
	free(t->at);
	*t = (struct numbers){0};
}

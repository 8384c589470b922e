/* skips.c - sources that a check's rounds leave out: the same one three times in a row is a finding, till a round leaves none out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "room.h"

#define SKIPPED 3	/* rounds in a row */
#define SKIPS_MAX 64	/* sources that are told apart */

void skips_free(struct check *c)
{
	for (size_t i = 0; i < c->skips.n; i++)
		free(c->skips.at[i].what);
	vec_free(&c->skips);
}

static uint8_t rounds_before(const struct check *c, const char *what)
{
	for (size_t i = 0; i < c->skips.n; i++)
		if (strcmp(c->skips.at[i].what, what) == 0)
			return c->skips.at[i].rounds;
	return 0;
}

void judge_skips(struct judge *j, uint32_t check, const char *const *what, size_t n)
{
	struct check *c = check < j->checks.n && j->checks.at[check].known ? &j->checks.at[check] : NULL, now = {0};

	for (size_t i = 0; c && i < n && i < SKIPS_MAX; i++) {
		struct skip *s = vec_push(&now.skips);
		uint8_t before = rounds_before(c, what[i]);

		if (!s || !(s->what = strdup(what[i]))) {	/* without memory it is told apart a round later */
			now.skips.n -= s != NULL;
			break;
		}
		s->rounds = before < SKIPPED ? before + 1 : SKIPPED;
	}
	if (!c)
		return;
	skips_free(c);
	c->skips = now.skips;
	c->skipped = n > 0;
}

/* After a restart nothing is counted any more: what was told is held for as long as rounds leave anything out. */
void skips_round(struct judge *j, uint32_t check, int64_t at)
{
	struct check *c = &j->checks.at[check];
	const struct skip *lasts = NULL;
	size_t others = 0;
	char why[320];

	if (!c->skipped) {
		skips_free(c);
		silence_partial(j, check, false, NULL, at);
		return;
	}
	for (size_t i = 0; i < c->skips.n; i++) {
		const struct skip *s = &c->skips.at[i];

		others += lasts && s->rounds == SKIPPED;
		if (!lasts && s->rounds == SKIPPED)
			lasts = s;
	}
	if (!lasts)
		return;
	snprintf(why, sizeof(why), "left out %d times in a row: %.200s", SKIPPED, lasts->what);
	if (others)
		snprintf(why + strlen(why), sizeof(why) - strlen(why), ", and %zu more", others);
	silence_partial(j, check, true, why, at);
}

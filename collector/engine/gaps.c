/* gaps.c - records that were acknowledged once, that a restored collector does not have, and that the agent keeps no longer (R4): told once, in log and
 * journal, and shown with the host for good. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "log.h"
#include "room.h"

#define GAPS_MAX 200	/* of a host, which may say what it likes; an honest one names 128 epochs at most */

static struct gap *add(struct host *h, const struct gap *g)
{
	struct gap *new = vec_push(&h->gaps);

	if (new)
		*new = *g;
	return new;
}

int gaps_load(struct engine *e, const struct reader_gap *r)
{
	struct host *h = registry_get_host(&e->registry, r->host);

	return !h || add(h, &(struct gap){r->epoch, r->first, r->last, r->before, r->found}) ? 0 : -ENOMEM;
}

static json_t *document(const struct gap *g)
{
	char epoch[17];

	snprintf(epoch, sizeof(epoch), "%016" PRIx64, g->epoch);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "epoch", epoch, "from", (json_int_t)g->first, "to", (json_int_t)g->last, "records",
			 (json_int_t)(g->last - g->first + 1), "before_at", (json_int_t)g->before, "found_at", (json_int_t)g->found);
}

json_t *gaps_document(const struct host *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->gaps.n; i++)
		json_array_append_new(list, document(&h->gaps.at[i]));
	return list;
}

static void tell(struct engine *e, const struct host *h, const struct gap *g)
{
	log_warning("%s: %" PRIu64 " records are lost: they were acknowledged, the backup that was restored does not have them, and the agent keeps them no longer",
		    h->name, g->last - g->first + 1);
	if (!engine_change(e))
		return;
	change_gap(e->change, h->id, g->epoch, g->first, g->last, g->before, g->found);
	record_fact(e->change, &(struct deed){RECORD_SYSTEM, NULL, "host.gap"}, h->name, document(g));
}

/* Agents say it at each Hello: what is known already is not told again. Without a restore it would be another collector's, or of another name. */
void gaps_take(struct engine *e, struct host *h, const struct hello *hello)
{
	for (size_t i = 0; e->restored.ever && i < hello->hello->n_past; i++) {
		const Wire__Past *p = hello->hello->past[i];
		struct gap g = {p->epoch, hello->lost[i], p->through, (int64_t)p->at, clock_wall()};

		for (size_t k = 0; k < h->gaps.n; k++)
			if (h->gaps.at[k].epoch == g.epoch && h->gaps.at[k].last >= g.first)
				g.first = h->gaps.at[k].last + 1;
		if (hello->lost[i] && g.first <= g.last && h->gaps.n < GAPS_MAX && add(h, &g))
			tell(e, h, &g);
	}
}

/* expected.c - hosts whose identity was made and whose agent has not come yet: listed at once, and missed after a while (R14). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "room.h"
#include "text.h"

/* The store gives a host its number, so that it can be listed and have incidents; else it does so when the agent says hello. */
void expected_new(struct engine *e, const struct identity_given *given)
{
	struct expected *x = given->revoked ? NULL : calloc(1, sizeof(*x));

	if (!x)
		return;
	x->node.kind = MESSAGE_EXPECTED;
	snprintf(x->uuid, sizeof(x->uuid), "%s", given->uuid);
	snprintf(x->name, sizeof(x->name), "%s", given->host);
	queue_push(e->its.store, &x->node);
}

void expected_numbered(struct engine *e, const struct expected *x)
{
	const struct identity_given *given = roster_get(e->roster, x->uuid);
	struct host *h;
	char name[128];

	if (x->error || !given || given->revoked)
		return;		/* what is wrong is told by the store; the next start asks again */
	if (registry_get_host(&e->registry, x->host))
		return;		/* known before, or the agent was quicker */
	h = registry_host(&e->registry, x->host, x->uuid, text_escape(x->name, strlen(x->name), name, sizeof(name)));
	if (!h || judge_host(e->judge, h->id, h->name, clock_boot()) < 0) {
		log_error("%s: cannot be judged: out of memory or numbers", x->name);
		return;
	}
	h->people = people_host(e->its.site->people, h->name);
	judge_expected(e->judge, h->id);
	if (e->web)
		api_push(e, "host", document_host(e, h, false));
}

/* That it had checks proves that it was there, in a store from before the use of certificates was kept. */
void expected_restored(struct engine *e)
{
	for (size_t i = 0; i < e->registry.hosts.n; i++) {
		struct host *h = e->registry.hosts.at[i];

		if (!h)
			continue;
		h->met |= h->checks.n || !roster_get(e->roster, h->uuid);
		if (!h->met)
			judge_expected(e->judge, h->id);
	}
	for (const struct identity_given *i = roster_next(e->roster, NULL); i; i = roster_next(e->roster, i))
		expected_new(e, i);
}

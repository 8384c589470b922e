/* telling.c - whom the escalation calls is told: his notice, first in the store, and what becomes of it. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "room.h"
#include "words.h"

/* As it stands. One that was given up is open, and so comes back after a restart, as long as its incident is. */
static void keep_row(struct engine *e, const struct notice *n)
{
	const struct incident *i = incident_get(e->incidents, n->incident);
	struct store_change *change = engine_change(e);
	char *text = notices_save(n);

	if (change && text)
		change_notice(change, n->id, n->incident, notices_open(n) || (n->state == NOTICE_GIVEN_UP && i && !i->closed), n->at, text);
	else
		log_error("notice %s: out of memory: it cannot be kept", n->id);
	free(text);
}

/* The same, and a step of its incident that says so. */
static void keep_notice(struct engine *e, const struct notice *n)
{
	keep_row(e, n);
	if (!n->incident)
		return;
	outcome_step(e, n->incident, clock_wall(), "system", "notice",
		  json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "detail", n->name, "id", n->id, "role", n->role,
			    "person", n->person, "name", n->name, "channel", n->channel, "clause", n->clause, "reason", n->reason,
			    "state", notices_state(n->state), "tries", (int)n->tries));
}

/* The procedure calls for somebody, and the school has named nobody: that is on record, too. */
static void keep_nobody(struct engine *e, const struct due *d)
{
	log_warning("incident %llu: nobody holds the role %s (collector.yaml, roles and hosts)", (unsigned long long)d->incident, d->role);
	outcome_step(e, d->incident, clock_wall(), "system", "nobody",
		  json_pack("{s:s, s:s, s:s}", "detail", d->role, "role", d->role, "clause", d->clause));
}

void telling_due(const struct due *d, void *arg)
{
	struct engine *e = arg;
	const struct incident *i = incident_get(e->incidents, d->incident);
	int64_t now = clock_wall();
	struct words words;
	struct notice *n;

	if (!d->person) {
		keep_nobody(e, d);
		return;
	}
	if (!i)
		return;
	words_of(e->its.site, d, i, engine_host_name(e, i->host), events_more(e, i), now, &words);
	n = notices_add(e->notices, d, strcmp(d->channel, "mail") ? d->person->webhook : d->person->mail, words.subject, words.text,
			words.json ? words.json : "{}", now);
	free(words.json);
	if (!n)
		return;
	n->change = e->changes;
	keep_notice(e, n);
}

void telling_plainly(struct engine *e, const char *id, const struct person *person, const struct words *words, int64_t wall)
{
	const struct due d = {.id = id, .role = "", .person = person, .channel = "mail", .clause = "5.7.4", .reason = ESCALATION_REPEAT};
	struct notice *n = notices_add(e->notices, &d, person->mail, words->subject, words->text, "{}", wall);

	if (!n)
		return;
	n->change = e->changes;
	keep_row(e, n);
}

void telling_forget_plain(struct engine *e)
{
	telling_closed(e, 0);
}

static enum notice_state state_after(const struct notice *n, const Rooms__Delivery *d)
{
	switch (d->state) {
	case ROOMS__DELIVERY_STATE__QUEUED: return NOTICE_QUEUED;
	case ROOMS__DELIVERY_STATE__SENT: return NOTICE_SENT;
	case ROOMS__DELIVERY_STATE__GIVEN_UP: return NOTICE_GIVEN_UP;
	default: return d->tries ? NOTICE_RETRYING : n->state;		/* 0: it could not even be queued */
	}
}

void telling_delivery(struct engine *e, const Rooms__Delivery *d)
{
	struct notice *n = notices_find(e->notices, d->id);
	enum notice_state after;
	const struct incident *i;

	if (!n || !notices_open(n))
		return;
	after = state_after(n, d);
	if (after == n->state && d->tries == n->tries)
		return;
	if (d->state != ROOMS__DELIVERY_STATE__QUEUED)
		n->tries = d->tries;
	n->state = after;
	keep_notice(e, n);
	i = incident_get(e->incidents, n->incident);
	if (i && e->web)
		api_push(e, "incident", document_incident(e, i, false));
	if (!i && !notices_open(n) && (n->incident || n->state == NOTICE_SENT))
		notices_forget(e->notices, n->incident);
}

/* Nobody waits any more for what could not be told. */
void telling_closed(struct engine *e, uint64_t incident)
{
	for (const struct notice *n = e->notices->list; n; n = n->next)
		if (n->incident == incident && n->state == NOTICE_GIVEN_UP)
			keep_row(e, n);
	notices_forget(e->notices, incident);
}

/* escalation.c - steps of incidents and the passing of time become notices that are due. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "lib/clock.h"

#define SAVE_AFTER (60 * NS_PER_S)

const char *escalation_reason_name(enum escalation_reason r)
{
	static const char *const names[] = {"new", "chain", "worse", "more", "repeat", "ack_over", "back", "recovered"};

	return names[r];
}

struct escalation *escalation_new(const struct kind *kinds, size_t n, const struct people *people,
				  const struct escalation_times *times, escalation_due *due, void *arg)
{
	struct escalation *e = calloc(1, sizeof(*e));

	if (e)
		*e = (struct escalation){.kinds = kinds, .n = n, .people = people, .times = *times,
			.due = due, .arg = arg};
	return e;
}

static void drop(struct escalation *e, struct escalation_case *c)
{
	HASH_DEL(e->cases, c);
	case_free(c);
}

void escalation_free(struct escalation *e)
{
	if (!e)
		return;
	while (e->cases)
		drop(e, e->cases);
	free(e);
}

/* What was done by the old steps is done by those that call for the same role after the same time. */
static void renumber(struct escalation_case *c, const struct kind *old, const struct kind *new)
{
	uint32_t done = 0, repeated[ESCALATION_STEPS] = {0};

	for (size_t i = 0; new && i < new->n; i++)
		for (size_t k = 0; old && k < old->n; k++) {
			if (!(c->done & 1u << k) || strcmp(old->steps[k].role, new->steps[i].role) != 0 ||
			    old->steps[k].after_ns != new->steps[i].after_ns)
				continue;
			done |= 1u << i;
			repeated[i] = c->repeated[k];
		}
	c->done = done;
	memcpy(c->repeated, repeated, sizeof(repeated));
	c->changed = true;
}

void escalation_use(struct escalation *e, const struct kind *kinds, size_t n, const struct people *people,
		    const struct escalation_times *times)
{
	struct escalation with = {.kinds = kinds, .n = n};

	for (struct escalation_case *c = e->cases; c; c = c->hh.next) {
		renumber(c, case_kind(e, c), case_kind(&with, c));
		c->newcomers = true;
	}
	e->kinds = kinds;
	e->n = n;
	e->people = people;
	e->times = *times;
}

/* ---- steps of the incident ---- */

static void owe_all(struct escalation_case *c, enum escalation_reason reason)
{
	for (size_t i = 0; i < c->told.n; i++) {
		struct told *t = &c->told.at[i];

		if (t->count > 0 && t->owed != ESCALATION_WORSE)
			t->owed = reason;
	}
}

/* Worse than a person was ever told of it: at once. As bad as it was before it got better: news, but grouped. */
static void worse(struct escalation_case *c, bool again)
{
	for (size_t i = 0; i < c->told.n; i++) {
		struct told *t = &c->told.at[i];

		if (t->count > 0 && state_rank(c->severity) > state_rank(t->worst))
			t->owed = ESCALATION_WORSE;
		else if (again && t->count > 0)
			t->owed = ESCALATION_MORE;
	}
}

/* Those who were told hear that it is over, and nothing else that they were owed; the others nothing at all. */
static void recovered(struct escalation_case *c)
{
	for (size_t i = 0; i < c->told.n; i++)
		c->told.at[i].owed = c->told.at[i].count > 0 ? ESCALATION_RECOVERED : NOTHING;
}

/* Who had not yet heard that it was over need not hear that it is back. */
static void reopened(struct escalation_case *c)
{
	c->done = 0;
	memset(c->repeated, 0, sizeof(c->repeated));
	c->waited = c->age = (struct stopwatch){0, -1};
	for (size_t i = 0; i < c->told.n; i++) {
		struct told *t = &c->told.at[i];

		if (t->owed == ESCALATION_RECOVERED || t->count == 0 || c->acknowledged)
			t->owed = NOTHING;
		else
			t->owed = ESCALATION_BACK;
	}
	worse(c, false);
}

static void acknowledged(struct escalation_case *c)
{
	for (size_t i = 0; i < c->told.n; i++)
		if (c->told.at[i].owed != ESCALATION_RECOVERED)
			c->told.at[i].owed = NOTHING;
}

static void closed(struct escalation *e, struct escalation_case *c, int64_t now)
{
	for (size_t i = 0; i < c->told.n; i++)
		if (c->told.at[i].owed == ESCALATION_RECOVERED)
			calls_give(e, c, &c->told.at[i], now);
	drop(e, c);
}

static struct escalation_case *case_of(const struct escalation *e, uint64_t id)
{
	struct escalation_case *c;

	HASH_FIND(hh, e->cases, &id, sizeof(id), c);
	return c;
}

static struct escalation_case *open_case(struct escalation *e, const struct incident *i, const char *host, int64_t now)
{
	struct escalation_case *c = case_new(i, host, now);

	if (c)
		HASH_ADD(hh, e->cases, id, sizeof(c->id), c);
	return c;
}

int escalation_step(struct escalation *e, const struct incident *i, const struct incident_step *s, const char *host,
		    int64_t now)
{
	struct escalation_case *c = case_of(e, i->id);

	if (!c)
		c = open_case(e, i, host, now);
	if (!c)
		return -ENOMEM;
	c->severity = i->severity;
	c->acknowledged = i->acknowledged;
	c->changed = true;
	switch (s->act) {
	case INCIDENT_WORSE: worse(c, true); break;
	case INCIDENT_FOUND:	/* acknowledged or not: that was of other things */
		owe_all(c, s->finding && s->finding->state == STATE_CRITICAL ? ESCALATION_WORSE : ESCALATION_MORE);
		break;
	case INCIDENT_RECOVERED: recovered(c); break;
	case INCIDENT_REOPENED: reopened(c); break;
	case INCIDENT_ACKNOWLEDGED: acknowledged(c); break;
	case INCIDENT_ACK_EXPIRED: if (c->severity != STATE_OK) owe_all(c, ESCALATION_ACK_OVER); break;
	case INCIDENT_CLOSED: closed(e, c, now); return 0;
	default: break;
	}
	stopwatch_run(&c->waited, !c->acknowledged && c->severity != STATE_OK, now);
	stopwatch_run(&c->age, c->severity != STATE_OK, now);
	return 0;
}

/* ---- over a restart ---- */

uint64_t escalation_unsaved(const struct escalation *e, uint64_t after, int64_t now)
{
	const struct escalation_case *c = after ? case_of(e, after) : NULL;

	for (c = c ? c->hh.next : after ? NULL : e->cases; c; c = c->hh.next)
		if (c->changed || (c->waited.since >= 0 && now - c->saved >= SAVE_AFTER))
			return c->id;
	return 0;
}

char *escalation_save(struct escalation *e, uint64_t incident, int64_t now)
{
	struct escalation_case *c = case_of(e, incident);
	char *text = c ? case_save(c, case_kind(e, c), now) : NULL;

	if (text) {
		c->changed = false;
		c->saved = now;
	}
	return text;
}

int escalation_load(struct escalation *e, const struct incident *i, const char *host, const char *text, int64_t now)
{
	struct escalation_case *c;
	int r;

	if (case_of(e, i->id))
		return -EEXIST;
	c = case_new(i, host, now);
	if (!c)
		return -ENOMEM;
	r = text && *text ? case_load(c, case_kind(e, c), text, now) : 0;
	if (r < 0) {		/* begins anew */
		case_free(c);
		c = case_new(i, host, now);
		if (!c)
			return -ENOMEM;
	}
	c->changed = r < 0;
	c->newcomers = true;	/* the people may be others since */
	c->saved = now;
	HASH_ADD(hh, e->cases, id, sizeof(c->id), c);
	return r;
}

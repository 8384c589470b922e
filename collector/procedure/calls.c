/* calls.c - time passes: whom the kind's steps call, whom nobody's silence calls again, and what is owed is handed out. */
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "lib/clock.h"

#define CRITICAL_QUIET (60 * NS_PER_S)

const struct kind *case_kind(const struct escalation *e, const struct escalation_case *c)
{
	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->kinds[i].id, c->kind) == 0)
			return &e->kinds[i];
	return NULL;
}

/* ---- handing out ---- */

static void hand_out(struct escalation *e, const struct escalation_case *c, struct due *d, const char *channel,
		     uint32_t count)
{
	char id[PEOPLE_ID + 112], at[24] = "";

	/* With what it was opened for: in a store that was put back an incident has the number of one that was lost, and its notices are others (R13).
	 * Those of one that an older collector opened bear the names under which they were sent. */
	if (c->at)
		snprintf(at, sizeof(at), ".%llx", (unsigned long long)c->at);
	snprintf(id, sizeof(id), "%llu%s-%s-%u-%s-%s", (unsigned long long)c->id, at, d->person->id, count, escalation_reason_name(d->reason), channel);
	d->id = id;
	d->channel = channel;
	e->due(d, e->arg);
}

/* Whether the host lacks the owner or deputy for whom the manager stands in. */
static bool is_fallback(const struct escalation *e, const struct escalation_case *c, const char *role)
{
	const struct person *holder;
	bool fallback;

	people_of(e->people, role, c->host, &holder, 1, &fallback);
	return fallback;
}

void calls_give(struct escalation *e, struct escalation_case *c, struct told *t, int64_t now)
{
	const struct person *person = people_get(e->people, t->person);
	struct due d = {.incident = c->id, .role = t->role, .person = person, .reason = (enum escalation_reason)t->owed,
		.clause = t->clause, .fallback = is_fallback(e, c, t->role)};

	t->owed = NOTHING;
	c->changed = true;
	if (!person)		/* no longer in the configuration */
		return;
	t->last = now;
	t->count++;
	t->worst = state_worse(t->worst, c->severity);
	if (person->mail)
		hand_out(e, c, &d, "mail", t->count);
	if (person->webhook)
		hand_out(e, c, &d, "webhook", t->count);
}

/* A worse state goes at once, one more thing that is critical after a minute; all else waits until the person's quiet time
 * is over. */
static int64_t quiet_for(const struct escalation *e, const struct escalation_case *c, const struct told *t)
{
	if (t->count == 0)
		return 0;
	if (t->owed != ESCALATION_WORSE)
		return e->times.quiet_ns;
	if (state_rank(c->severity) > state_rank(t->worst))
		return 0;
	return e->times.quiet_ns < CRITICAL_QUIET ? e->times.quiet_ns : CRITICAL_QUIET;
}

static void give_owed(struct escalation *e, struct escalation_case *c, int64_t now)
{
	for (size_t i = 0; i < c->told.n; i++) {
		struct told *t = &c->told.at[i];

		if (t->owed == NOTHING || (t->count > 0 && now - t->last < quiet_for(e, c, t)))
			continue;
		calls_give(e, c, t, now);
	}
}

/* ---- steps of the kind ---- */

/* One who knows of it already, by another role, within the quiet time needs no second notice of the same. */
static void call_person(struct escalation *e, struct escalation_case *c, const struct step *s,
			const struct person *person, enum escalation_reason reason, int64_t now)
{
	struct told *t = case_told(c, person->id);

	if (t && reason != ESCALATION_REPEAT && t->count > 0 && now - t->last < e->times.quiet_ns)
		return;
	if (t && t->owed != NOTHING)
		return;
	t = case_tell(c, person->id, s->role, s->clause);
	if (t)
		t->owed = reason;
}

static void call_role(struct escalation *e, struct escalation_case *c, const struct step *s,
		      enum escalation_reason reason, int64_t now)
{
	const struct person *persons[PEOPLE_A_ROLE];
	bool fallback;
	size_t n = people_of(e->people, s->role, c->host, persons, PEOPLE_A_ROLE, &fallback);

	for (size_t i = 0; i < n; i++)
		call_person(e, c, s, persons[i], reason, now);
	if (n == 0)
		e->due(&(struct due){.incident = c->id, .role = s->role, .channel = "", .reason = reason,
			.clause = s->clause, .fallback = fallback, .id = ""}, e->arg);
}

static void take_step(struct escalation *e, struct escalation_case *c, const struct step *s, size_t i, int64_t now)
{
	int64_t clock = stopwatch_read(s->every_ns > 0 ? &c->age : &c->waited, now);
	enum escalation_reason reason = s->every_ns > 0 && c->done & 1u << i ? ESCALATION_REPEAT :
		s->after_ns > 0 ? ESCALATION_CHAIN : ESCALATION_NEW;

	if (state_rank(c->severity) < state_rank(s->from) || (s->every_ns == 0 && c->acknowledged))
		return;
	if (c->done & 1u << i) {
		if (s->every_ns == 0 || clock < s->after_ns ||
		    (uint64_t)(clock - s->after_ns) / s->every_ns <= c->repeated[i])
			return;
		c->repeated[i] = (uint32_t)((clock - s->after_ns) / s->every_ns);	/* after a pause one, not all */
	} else if (clock < s->after_ns) {
		return;
	}
	c->done |= 1u << i;
	c->changed = true;
	call_role(e, c, s, reason, now);
}

/* ---- nobody's silence ends it ---- */

/* Holders of a past step who were never told: the role was empty then, or it was another's. */
static void call_newcomers(struct escalation *e, struct escalation_case *c, const struct step *s)
{
	const struct person *persons[PEOPLE_A_ROLE];
	bool fallback;
	size_t n = people_of(e->people, s->role, c->host, persons, PEOPLE_A_ROLE, &fallback);

	for (size_t i = 0; i < n; i++) {
		struct told *t = case_told(c, persons[i]->id);

		if (t && (t->count > 0 || t->owed != NOTHING))
			continue;
		t = case_tell(c, persons[i]->id, s->role, s->clause);
		if (t)
			t->owed = s->after_ns > 0 ? ESCALATION_CHAIN : ESCALATION_NEW;
	}
}

static void welcome_newcomers(struct escalation *e, struct escalation_case *c, const struct kind *kind)
{
	if (!c->newcomers || c->acknowledged || c->severity == STATE_OK)
		return;
	c->newcomers = false;
	for (size_t i = 0; kind && i < kind->n && i < ESCALATION_STEPS; i++)
		if (c->done & 1u << i)
			call_newcomers(e, c, &kind->steps[i]);
}

/* Who has handed his role on is not reminded of it. */
static bool still_holds(const struct escalation *e, const struct escalation_case *c, const struct told *t)
{
	const struct person *persons[PEOPLE_A_ROLE];
	bool fallback;
	size_t n = people_of(e->people, t->role, c->host, persons, PEOPLE_A_ROLE, &fallback);

	for (size_t i = 0; i < n; i++)
		if (strcmp(persons[i]->id, t->person) == 0)
			return true;
	return false;
}

static void owe_again(const struct escalation *e, struct escalation_case *c, int64_t now)
{
	if (e->times.again_ns == 0 || c->acknowledged || c->severity == STATE_OK)
		return;
	for (size_t i = 0; i < c->told.n; i++) {
		struct told *t = &c->told.at[i];

		if (t->owed == NOTHING && t->count > 0 && now - t->last >= e->times.again_ns && still_holds(e, c, t))
			t->owed = ESCALATION_REPEAT;
	}
}

void escalation_tick(struct escalation *e, int64_t now)
{
	for (struct escalation_case *c = e->cases; c; c = c->hh.next) {
		const struct kind *kind = case_kind(e, c);

		for (size_t i = 0; kind && c->severity != STATE_OK && i < kind->n && i < ESCALATION_STEPS; i++)
			take_step(e, c, &kind->steps[i], i, now);
		welcome_newcomers(e, c, kind);
		owe_again(e, c, now);
		give_owed(e, c, now);
	}
}

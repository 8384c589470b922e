/* outcome.c - what follows from a change of the judge: the incident, its steps, who is told; each goes to the store before to anybody. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "room.h"
#include "text.h"
#include "words.h"

#define OWN_AGAIN (600 * NS_PER_S)	/* a stranger who knocks all day makes few steps */

/* ---- the judge's word ---- */

static void push_change(struct engine *e, const struct judge_change *c)
{
	const struct check *check = registry_get_check(&e->registry, c->check);
	const struct host *host = registry_get_host(&e->registry, c->host);

	if (!e->web || e->replaying)
		return;
	if (check)
		api_push(e, "check", document_check(e, check, false));
	if (host)
		api_push(e, "host", document_host(e, host, false));
}

void outcome_judged(const struct judge_change *c, void *arg)
{
	struct engine *e = arg;
	struct store_change *change = engine_change(e);
	char what[512];

	if (change)
		change_state(change, c->host, c->check, c->series, c->rule ? c->rule->id : "", c->after, c->value, c->at);
	words_finding(registry_get_series(&e->registry, c->series), c->value, c->why, what, sizeof(what));
	if (incident_feed(e->incidents, c, what, clock_wall()) < 0)
		log_error("%s: out of memory: a finding has no incident", engine_host_name(e, c->host));
	push_change(e, c);
}

/* ---- incidents ---- */

static json_t *save_finding(const struct finding *f)
{
	return json_pack("{s:I, s:I, s:s, s:s, s:s, s:o, s:s, s:s, s:b, s:f, s:I, s:I}", "check", (json_int_t)f->check, "series",
			 (json_int_t)f->series, "rule", f->rule, "clause", f->clause, "check_id", f->check_id, "what",
			 document_bytes(f->what), "state", state_name(f->state), "known", state_name(f->known), "flapping",
			 f->flapping, "value", f->value, "since", (json_int_t)f->since, "changed", (json_int_t)f->changed);
}

/* Acknowledged "until closed" has no end; else what is left of it counts, for the wall clock may be wrong after a restart. */
static json_int_t left_of_ack(const struct incident *i)
{
	return i->ack_until_boot == INT64_MAX ? 0 : i->ack_until_boot - clock_boot();
}

json_t *outcome_save(struct engine *e, const struct incident *i)
{
	char *waits = escalation_save(e->escalation, i->id, clock_boot());
	json_int_t left = i->acknowledged ? left_of_ack(i) : 0;
	json_t *findings = json_array(), *o;

	for (size_t k = 0; k < i->n; k++)
		json_array_append_new(findings, save_finding(&i->findings[k]));
	o = json_pack("{s:I, s:I, s:s, s:s, s:s, s:b, s:b, s:s, s:s?, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:s?, s:o}", "id",
		      (json_int_t)i->id, "host", (json_int_t)i->host, "kind", i->kind, "severity", state_name(i->severity), "worst",
		      state_name(i->worst), "closed", i->closed, "acknowledged", i->acknowledged, "ack_severity",
		      state_name(i->ack_severity), "ack_by", i->ack_by, "ack_left_ns", left, "ack_until_at",
		      (json_int_t)(left ? clock_wall() + left : 0), "handled", i->handled, "opened", (json_int_t)i->opened, "at", (json_int_t)i->at, "changed",
		      (json_int_t)i->changed, "recovered", (json_int_t)i->recovered, "ended", (json_int_t)i->ended, "more",
		      (json_int_t)i->more, "escalation", waits, "findings", findings);
	free(waits);
	if (o && i->closed)	/* from now on it is read as it was */
		json_object_set_new(o, "document", document_incident(e, i, true));
	return o;
}

static struct change_row keep_incident(struct engine *e, const struct incident *i)
{
	struct store_change *change = engine_change(e);
	json_t *o = outcome_save(e, i);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	struct change_row row = {""};

	if (change && text)
		row = change_incident(change, i->id, i->host, i->kind, !i->closed, i->opened, text);
	else
		log_error("out of memory: incident %llu as it is now cannot be kept", (unsigned long long)i->id);
	free(text);
	json_decref(o);
	return row;
}

void outcome_step(struct engine *e, uint64_t incident, int64_t at, const char *actor, const char *what, json_t *detail)
{
	struct store_change *change = engine_change(e);
	char *text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;

	if (change)
		change_step(change, incident, at, actor, what, text ? text : "{}");
	free(text);
	json_decref(detail);
}

/* row: as the journal vouches for the incident's row. Behind it who is there, when a person acts, and from where. */
static json_t *step_detail(const struct engine *e, const struct incident_step *s, const char *row)
{
	json_t *o = json_pack("{s:s, s:s*, s:o}", "row", row, "from", e->from, "detail", document_bytes(s->detail ? s->detail : ""));

	if (o && s->finding)
		json_object_set_new(o, "finding", save_finding(s->finding));
	return o;
}

/* ---- steps ---- */

/* What was no longer in sight is let go of, in the store as well: else it would be back after a restart. */
static void retire_findings(struct engine *e, const struct incident *i)
{
	for (size_t k = 0; k < i->n; k++) {
		const struct finding *f = &i->findings[k];
		struct store_change *change;

		if (f->state != STATE_UNKNOWN || f->series == JUDGE_NONE)
			continue;
		judge_retire(e->judge, f->series);
		change = engine_change(e);
		if (change)
			change_state(change, i->host, f->check, f->series, f->rule, STATE_OK, f->value, clock_wall());
	}
}

void outcome_incident(const struct incident *i, const struct incident_step *s, void *arg)
{
	struct engine *e = arg;
	struct check *c = s->finding ? registry_get_check(&e->registry, s->finding->check) : NULL;
	struct change_row row;

	/* While it is open its row changes with no word in the journal; from the end on it is that one for ever. */
	if (s->act != INCIDENT_CLOSED)
		outcome_step(e, i->id, s->at, s->actor, incident_act_name(s->act), step_detail(e, s, "*"));
	if (c && c->recent && s->finding->state != STATE_OK)
		events_waiting(e, i->id, c);
	if (escalation_step(e->escalation, i, s, engine_host_name(e, i->host), clock_boot()) < 0)
		log_error("incident %llu: out of memory: nobody is told of this step", (unsigned long long)i->id);
	row = keep_incident(e, i);
	if (s->act == INCIDENT_CLOSED)
		outcome_step(e, i->id, s->at, s->actor, incident_act_name(s->act), step_detail(e, s, row.digest));
	log_notice("incident %llu on %s (%s): %s, %s", (unsigned long long)i->id, engine_host_name(e, i->host), i->kind,
		   incident_act_name(s->act), state_name(i->severity));
	if (s->act == INCIDENT_CLOSED) {
		retire_findings(e, i);
		telling_closed(e, i->id);
	}
	if (e->web && !e->replaying)
		api_push(e, "incident", document_incident(e, i, false));
}

/* What was waited and who was told is kept with the incident, at least once a minute. */
void outcome_save_waits(struct engine *e)
{
	int64_t now = clock_boot();
	uint64_t id = 0;

	while ((id = escalation_unsaved(e->escalation, id, now))) {
		const struct incident *i = incident_get(e->incidents, id);

		if (i)
			keep_incident(e, i);
	}
}

/* ---- what the collector itself saw ---- */

static const struct rule *own_rule(struct engine *e, enum own_finding which, uint32_t host)
{
	static const char *const metrics[] = {[OWN_IMPOSTOR] = RULE_AGENT_IMPOSTOR, [OWN_TWINS] = RULE_AGENT_TWINS,
		[OWN_PARTED] = RULE_AGENT_PARTED, [OWN_DISK_FULL] = RULE_COLLECTOR_DISK_FULL, [OWN_DAMAGED] = RULE_COLLECTOR_DAMAGED,
		[OWN_JOURNAL] = RULE_COLLECTOR_JOURNAL, [OWN_AGENT_CERTIFICATE] = RULE_AGENT_CERTIFICATE,
		[OWN_COLLECTOR_CERTIFICATE] = RULE_COLLECTOR_CERTIFICATE, [OWN_CLOCK] = RULE_COLLECTOR_CLOCK};
	static const struct rule_label none[] = {{NULL, NULL}};
	const struct procedure *p = e->its.site->procedure;

	for (size_t i = 0; i < p->rules_n; i++)
		if (rule_matches(p->rule_list[i], engine_host_name(e, host), metrics[which], none))
			return p->rule_list[i];
	/* rulebook.c requires one of each but these two, which older procedures have not; without one nobody is called for the clock */
	return which == OWN_JOURNAL ? own_rule(e, OWN_DAMAGED, host) : NULL;
}

static uint64_t feed(struct engine *e, uint32_t host, uint32_t check, const struct rule *rule, enum state before, enum state after,
		     const char *why)
{
	struct judge_change c = {.host = host, .check = check, .series = JUDGE_NONE, .rule = rule, .before = before, .after = after,
		.value = after == STATE_OK ? 0 : 1, .at = clock_wall(), .why = why};
	char what[512];
	int64_t incident;

	words_finding(NULL, c.value, why, what, sizeof(what));
	incident = incident_feed(e->incidents, &c, what, c.at);
	if (incident < 0)
		log_error("%s: out of memory: a finding has no incident", engine_host_name(e, host));
	return incident > 0 ? (uint64_t)incident : 0;
}

/* It does not end by itself: critical, then no longer in sight, which a person may close. */
uint64_t outcome_happened(struct engine *e, uint32_t host, uint32_t check, const struct rule *rule, const char *what)
{
	uint64_t incident = feed(e, host, check, rule, STATE_OK, STATE_CRITICAL, what);

	if (incident)
		feed(e, host, check, rule, STATE_CRITICAL, STATE_UNKNOWN, what);
	return incident;
}

static void feed_own(struct engine *e, enum own_finding which, uint32_t host, enum state before, enum state after, const char *why)
{
	feed(e, host, JUDGE_NONE, own_rule(e, which, host), before, after, why);
}

static const struct finding *find_own(struct engine *e, enum own_finding which, uint32_t host)
{
	const struct rule *rule = own_rule(e, which, host);
	const struct incident *i = rule ? incident_of(e->incidents, host, rule->kind) : NULL;

	for (size_t k = 0; i && k < i->n; k++)
		if (!strcmp(i->findings[k].rule, rule->id))
			return &i->findings[k];
	return NULL;
}

static bool told_lately(struct engine *e, enum own_finding which, uint32_t host)
{
	const struct finding *f = find_own(e, which, host);

	return f && clock_wall() - f->changed < OWN_AGAIN;
}

void outcome_own(struct engine *e, enum own_finding which, uint32_t host, const char *why)
{
	if (told_lately(e, which, host))
		return;
	outcome_happened(e, host, JUDGE_NONE, own_rule(e, which, host), why);
}

void outcome_own_is(struct engine *e, enum own_finding which, uint32_t host, enum state now, const char *why)
{
	const struct finding *f = find_own(e, which, host);
	const enum state before = f ? f->state : STATE_OK;

	if (before != now && own_rule(e, which, host))
		feed_own(e, which, host, before, now, why);
}

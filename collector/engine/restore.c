/* restore.c - at start: what is stored comes back, and what was stored but not yet judged is judged now. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "collector/standing.h"
#include "log.h"
#include "room.h"
#include "text.h"

#define ABSENCE (60 * NS_PER_S)		/* a restart that is worth a word */
#define REPLAY_TRIES 10000		/* of 5 s each at most */

/* ---- names ---- */

static int each_host(const struct reader_host *r, void *arg)
{
	struct engine *e = arg;
	struct host *h;
	char name[128];

	h = registry_host(&e->registry, r->id, r->uuid, text_escape(r->name, strlen(r->name), name, sizeof(name)));
	if (!h)
		return -ENOMEM;
	h->people = people_host(e->its.site->people, h->name);
	h->met = r->generation > 0;
	h->generation = r->generation;
	if (standing_used(e->its.standing, r->uuid, r->generation) < 0)
		return -ENOMEM;
	return judge_host(e->judge, h->id, h->name, clock_boot());
}

static int each_gap(const struct reader_gap *r, void *arg)
{
	return gaps_load(arg, r);
}

static int each_check(const struct reader_check *r, void *arg)
{
	struct engine *e = arg;
	struct check *c = registry_check(&e->registry, r->id, r->host, r->name, r->plugin, r->interval_ns);

	return c ? judge_check(e->judge, c->id, c->host, c->name, c->interval_ns, clock_boot()) : -ENOMEM;
}

static int each_series(const struct reader_series *r, void *arg)
{
	struct engine *e = arg;
	struct registry_label labels[SERIES_LABELS_MAX];
	size_t n = r->n < SERIES_LABELS_MAX ? r->n : SERIES_LABELS_MAX;
	struct rule_label apart[REGISTRY_LABELS + 1];
	const struct curve *c;

	for (size_t i = 0; i < n; i++)
		labels[i] = (struct registry_label){r->labels[i].name, r->labels[i].value, r->labels[i].size};
	c = registry_series(&e->registry, r->id, r->check, r->metric, labels, n, e->its.site->inventory);
	return c ? judge_series(e->judge, c->id, c->check, c->metric, registry_labels(c, apart)) : -ENOMEM;
}

/* ---- incidents ---- */

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int64_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static enum state state(const json_t *o, const char *key)
{
	enum state s = STATE_UNKNOWN;

	state_parse(text(o, key), &s);
	return s;
}

static bool truth(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* Texts stay those of the document. */
static struct finding load_finding(const json_t *o)
{
	return (struct finding){.check = (uint32_t)number(o, "check"), .series = (uint32_t)number(o, "series"),
		.rule = (char *)text(o, "rule"), .clause = (char *)text(o, "clause"), .check_id = (char *)text(o, "check_id"),
		.what = (char *)text(o, "what"), .state = state(o, "state"), .known = state(o, "known"), .flapping = truth(o, "flapping"),
		.value = json_number_value(json_object_get(o, "value")), .since = number(o, "since"), .changed = number(o, "changed")};
}

static int load_incident(struct engine *e, const json_t *o, struct finding *findings, size_t n)
{
	int64_t left = number(o, "ack_left_ns"), now = clock_boot();
	struct incident i = {.id = (uint64_t)number(o, "id"), .host = (uint32_t)number(o, "host"), .severity = state(o, "severity"),
		.worst = state(o, "worst"), .acknowledged = truth(o, "acknowledged"), .ack_severity = state(o, "ack_severity"),
		.ack_by = (char *)json_string_value(json_object_get(o, "ack_by")), .ack_until_boot = left ? now + left : INT64_MAX,
		.handled = truth(o, "handled"), .opened = number(o, "opened"), .at = number(o, "at"), .changed = number(o, "changed"),
		.recovered = number(o, "recovered"), .more = (uint32_t)number(o, "more"), .findings = findings, .n = n};
	int r;

	snprintf(i.kind, sizeof(i.kind), "%s", text(o, "kind"));
	r = incident_restore(e->incidents, &i);
	if (r == 0 && escalation_load(e->escalation, incident_get(e->incidents, i.id), engine_host_name(e, i.host), text(o, "escalation"), now) ==
	    -ENOMEM)
		r = -ENOMEM;
	return r;
}

static int each_incident(const struct reader_incident *r, void *arg)
{
	struct engine *e = arg;
	json_t *o = r->open ? json_loads(r->json, 0, NULL) : NULL;
	const json_t *list = json_object_get(o, "findings");
	size_t n = json_array_size(list);
	struct finding *findings = calloc(n + 1, sizeof(*findings));
	int error = 0;

	if (!findings)
		error = -ENOMEM;
	else if (r->open && !o)
		log_error("incident %llu cannot be read; it is left as it is", (unsigned long long)r->id);
	else if (o) {
		for (size_t k = 0; k < n; k++)
			findings[k] = load_finding(json_array_get(list, k));
		error = load_incident(e, o, findings, n);
	}
	free(findings);
	json_decref(o);
	return error == -EEXIST ? 0 : error;
}

static int each_notice(const struct reader_notice *r, void *arg)
{
	struct engine *e = arg;

	if (!notices_load(e->notices, r->id, r->incident, r->at, r->json))
		log_error("notice %s cannot be read; it is left as it is", r->id);
	return 0;
}

static int each_state(const struct reader_state *r, void *arg)
{
	struct engine *e = arg;

	if (r->state > STATE_OK && r->state <= STATE_UNKNOWN)
		judge_restore(e->judge, r->host, r->check, r->series, r->rule_id, (enum state)r->state, r->value, r->at, clock_wall());
	return 0;
}

/* ---- people ---- */

static int each_account(const char *name, const char *json, void *arg)
{
	if (accounts_load(((struct engine *)arg)->accounts, name, json) < 0)
		log_error("account %s cannot be read; nobody can log in with it", name);
	return 0;
}

static int each_session(const struct reader_session *r, void *arg)
{
	accounts_load_session(((struct engine *)arg)->accounts, r->hash, r->account, r->expires, clock_wall());
	return 0;
}

/* ---- identities ---- */

static int each_identity(const struct reader_identity *r, void *arg)
{
	return roster_load(((struct engine *)arg)->roster, r->uuid, r->name, r->json);
}

/* After the replay, which gives nobody a reason to wait for them again. */
static int revoke_again(struct engine *e)
{
	int r = 0;

	for (const struct identity_given *i = roster_next(e->roster, NULL); i && r == 0; i = roster_next(e->roster, i))
		if (i->revoked)
			r = signing_revoked(e, i->uuid, &(struct deed){RECORD_SYSTEM, NULL, "identity.revoked"});
	return r;
}

/* ---- what was not yet judged ---- */

static int each_row(const struct reader_row *r, void *arg)
{
	struct engine *e = arg;

	intake_row(e, r->host, &r->result, r->series, r->value);
	e->day = r->day;
	e->row = r->row;
	e->unsaved = true;
	return 0;
}

static int replay(struct engine *e, struct store_reader *reader)
{
	struct reader_place place;
	int r;

	reader_limit(reader, READER_TIME);	/* a word now and then about how far it is */
	r = reader_progress(reader, &place);
	if (r == 0)
		r = reader_replay(reader, &place, each_row, e);
	for (int i = 0; r == -ETIMEDOUT && i < REPLAY_TRIES; i++) {
		log_notice("judging what came before the restart: %llu results so far", (unsigned long long)e->results);
		r = reader_replay(reader, &place, each_row, e);
	}
	if (place.damaged) {
		log_error("the store: %llu results are damaged and were left out", (unsigned long long)place.damaged);
		message_tell(e->its.queue, TROUBLE_DAMAGED, 0, "", "%llu results could not be judged: they are damaged",
			     (unsigned long long)place.damaged);
	}
	if (e->results)
		log_info("judged %llu results that came before the restart", (unsigned long long)e->results);
	return r;
}

static void tell_absence(struct store_reader *reader)
{
	char *json = NULL, buf[24];
	int64_t then;

	if (reader_setting(reader, "alive", &json) < 0)
		return;
	if (text_int(json, &then) == 0 && clock_wall() - then > ABSENCE)
		log_notice("the collector was away for %s: the gap is its own, no host is blamed for it",
			   text_put_duration(clock_wall() - then, buf));
	free(json);
}

/* In this order: a state belongs to names, and what has become of its rule may change an incident. */
static int restore(struct engine *e, struct store_reader *reader)
{
	uint64_t last = 0;
	int r = reader_hosts(reader, each_host, e);

	if (r == 0)
		r = reader_gaps(reader, each_gap, e);
	if (r == 0)
		r = reader_checks(reader, each_check, e);
	if (r == 0)
		r = reader_series(reader, each_series, e);
	if (r == 0)
		r = reader_incidents(reader, 0, each_incident, e);
	if (r == 0)
		r = reader_last_incident(reader, &last);
	incidents_next(e->incidents, last + 1);
	if (r == 0)
		r = reader_notices(reader, each_notice, e);
	if (r == 0)
		r = daily_restored(e, reader);
	if (r == 0)
		r = reader_states(reader, each_state, e);
	if (r == 0)
		r = reader_accounts(reader, each_account, e);
	if (r == 0)
		r = reader_sessions(reader, each_session, e);
	if (r == 0)
		r = reader_identities(reader, each_identity, e);
	if (r == 0)
		expected_restored(e);
	if (r == 0)
		r = replay(e, reader);
	if (r == 0)
		r = revoke_again(e);
	if (r == 0)
		revoked_open(e);
	return r;
}

int restore_all(struct engine *e, char why[256])
{
	struct store_reader *reader = NULL;
	int r = reader_open(e->its.store_folder, &reader, why);

	if (r < 0)
		return r;
	reader_limit(reader, 0);	/* what is kept of 10,000 hosts takes longer than a query may */
	e->replaying = true;
	tell_absence(reader);
	r = restore(e, reader);
	e->replaying = false;
	judge_forgive(e->judge, clock_boot());
	reader_close(reader);
	if (r < 0)
		snprintf(why, 256, "the store: what is kept cannot be restored: %s", strerror(-r));
	return r;
}

/* document.c - the resources of doc/api.md. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "room.h"
#include "text.h"

const char *document_state(enum state state)
{
	return state_name(state);
}

json_t *document_bytes(const char *bytes)
{
	char clean[8192];

	if (text_utf8(bytes, strlen(bytes)))
		return json_string(bytes);
	return json_string(text_escape(bytes, strlen(bytes), clean, sizeof(clean)));
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

/* ---- hosts, checks, series ---- */

static enum state check_state(struct engine *e, const struct check *c)
{
	enum state worst = judge_check_state(e->judge, c->id);

	for (size_t i = 0; i < c->series.n; i++)
		worst = state_worse(worst, judge_state(e->judge, c->series.at[i], NULL, NULL, NULL));
	return worst;
}

static enum state host_state(struct engine *e, const struct host *h)
{
	enum state worst = h->met || h->revoked ? judge_host_state(e->judge, h->id) : STATE_UNKNOWN;

	for (size_t i = 0; i < h->checks.n; i++) {
		const struct check *c = registry_get_check(&e->registry, h->checks.at[i]);

		if (c && !c->gone)
			worst = state_worse(worst, check_state(e, c));
	}
	return worst;
}

static json_t *labels_of(const struct rule_label *labels)
{
	json_t *o = json_object();

	for (const struct rule_label *l = labels; l && l->name; l++)
		json_object_set_new(o, l->name, document_bytes(l->pattern));
	return o;
}

static bool has_wild_bytes(const struct rule_label *labels)
{
	for (const struct rule_label *l = labels; l && l->name; l++)
		if (!text_utf8(l->pattern, strlen(l->pattern)))
			return true;
	return false;
}

static json_t *given_up_document(const struct given_up *g)
{
	return g->results ? json_pack("{s:I, s:I, s:I}", "results", (json_int_t)g->results, "from_at", (json_int_t)g->from, "to_at",
				      (json_int_t)g->to) : json_null();
}

static json_t *series_document(struct engine *e, const struct curve *s)
{
	const struct rule *rule = NULL;
	double value = 0;
	int64_t at = 0;
	enum state state = judge_state(e->judge, s->id, &rule, &value, &at);
	struct rule_label labels[REGISTRY_LABELS + 1];
	json_t *o = json_pack("{s:I, s:s, s:s, s:s, s:o, s:o, s:I, s:s, s:o}", "id", (json_int_t)s->id, "metric", s->metric, "unit",
			      registry_unit(s), "kind", registry_kind(s), "labels", labels_of(registry_labels(s, labels)), "value",
			      at ? json_real(value) : json_null(), "at", (json_int_t)at, "state", document_state(state), "rule",
			      text_or_null(rule ? rule->id : NULL));

	if (o && has_wild_bytes(labels))
		json_object_set_new(o, "escaped", json_true());
	return o;
}

static json_t *skips_document(const struct check *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->skips.n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "what", c->skips.at[i].what, "error", strerror(c->skips.at[i].error)));
	return list;
}

static json_t *facts_document(const fact_list *all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < all->n; i++) {
		const struct fact *f = &all->at[i];
		struct rule_label labels[REGISTRY_LABELS + 1];

		json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "name", f->name, "labels",
						      labels_of(registry_unpack(f->labels, labels)), "value", document_bytes(f->value)));
	}
	return list;
}

json_t *document_check(struct engine *e, const struct check *c, bool with_series)
{
	const struct host *h = registry_get_host(&e->registry, c->host);
	json_t *o = json_pack("{s:I, s:I, s:s, s:s, s:s, s:I, s:s, s:o, s:I, s:o}", "id", (json_int_t)c->id, "host", (json_int_t)c->host,
			      "host_name", h ? h->name : "", "name", c->name, "plugin", c->plugin, "interval_ns",
			      (json_int_t)c->interval_ns, "state", document_state(check_state(e, c)), "why",
			      c->why ? document_bytes(c->why) : json_null(), "at", (json_int_t)c->at, "given_up",
			      given_up_document(&c->given_up)), *list;

	if (o) {
		json_object_set_new(o, "skips", skips_document(c));
		json_object_set_new(o, "more_skips", json_integer((json_int_t)c->skips_more));
	}
	if (!o || !with_series)
		return o;
	json_object_set_new(o, "facts", facts_document(&c->facts));
	list = json_array();
	for (size_t i = 0; i < c->series.n; i++) {
		const struct curve *s = registry_get_series(&e->registry, c->series.at[i]);

		if (s)
			json_array_append_new(list, series_document(e, s));
	}
	json_object_set_new(o, "series", list);
	return o;
}

static json_int_t open_incidents(struct engine *e, uint32_t host)
{
	const struct incident *i = NULL;
	json_int_t n = 0;

	while ((i = incident_next(e->incidents, i)))
		n += i->host == host;
	return n;
}

static const char *person_of(struct engine *e, const struct host *h, const char *role)
{
	const struct person *p;
	bool fallback;

	return people_of(e->its.site->people, role, h->name, &p, 1, &fallback) ? p->name : NULL;
}

json_t *document_host(struct engine *e, const struct host *h, bool with_checks)
{
	json_t *o = json_pack("{s:I, s:o, s:s, s:s, s:b, s:I, s:I, s:o, s:o, s:I, s:o, s:b, s:b, s:b, s:b}", "id", (json_int_t)h->id, "name",
			      document_bytes(h->name), "uuid", h->uuid, "state", document_state(host_state(e, h)), "connected",
			      h->connections > 0, "seen_at", (json_int_t)h->seen, "clock_offset_ns", (json_int_t)h->offset, "owner",
			      text_or_null(person_of(e, h, PEOPLE_OWNER)), "deputy", text_or_null(person_of(e, h, PEOPLE_DEPUTY)),
			      "incidents", open_incidents(e, h->id), "address", text_or_null(h->address),
			      "revoked", h->revoked, "never_connected", !h->met, "events_held", h->events_held, "watches", h->watches);
	json_t *facts, *checks;

	if (!o || !with_checks)
		return o;
	facts = json_object();
	for (size_t i = 0; i < h->facts.n; i++)
		json_object_set_new(facts, h->facts.at[i].name, document_bytes(h->facts.at[i].value));
	json_object_set_new(o, "facts", facts);
	json_object_set_new(o, "gaps", gaps_document(h));
	checks = json_array();
	for (size_t i = 0; i < h->checks.n; i++) {
		const struct check *c = registry_get_check(&e->registry, h->checks.at[i]);

		if (c && !c->gone)
			json_array_append_new(checks, document_check(e, c, true));
	}
	json_object_set_new(o, "checks", checks);
	return o;
}

/* ---- incidents ---- */

static json_t *finding_document(struct engine *e, const struct finding *f)
{
	const struct curve *s = f->series == JUDGE_NONE ? NULL : registry_get_series(&e->registry, f->series);
	const struct check *c = f->check == JUDGE_NONE ? NULL : registry_get_check(&e->registry, f->check);
	const struct rule *rule = procedure_rule(e->its.site->procedure, f->rule);
	const struct bound *bound = !rule ? NULL : f->known == STATE_CRITICAL && rule->critical.set ? &rule->critical :
				    rule->warning.set ? &rule->warning : &rule->critical;
	struct rule_label labels[REGISTRY_LABELS + 1];

	return json_pack("{s:o, s:s, s:s, s:o, s:s, s:f, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:b, s:o, s:b}", "series",
			 s ? json_integer(s->id) : json_null(), "check", c ? c->name : "", "metric", s ? s->metric : "", "labels",
			 labels_of(s ? registry_labels(s, labels) : NULL), "unit", s ? registry_unit(s) : "", "value", f->value, "state", document_state(f->state),
			 "rule", f->rule, "clause", f->clause, "title_zh", rule ? rule->title_zh : "", "title_en",
			 rule ? rule->title_en : "", "what", document_bytes(f->what), "since_at", (json_int_t)f->since, "stated",
			 bound && bound->stated, "bound", bound && bound->set ? json_real(bound->at) : json_null(), "flapping",
			 f->flapping);
}

static const char *incident_state(const struct incident *i)
{
	return i->closed ? "closed" : i->recovered ? "recovered" : i->acknowledged ? "acknowledged" : "open";
}

/* "5.4.2 5.12.5" of every finding, each clause once. */
static json_t *clauses_of(const struct incident *i)
{
	json_t *list = json_array(), *seen = json_object();

	for (size_t k = 0; k < i->n; k++)
		for (const char *p = i->findings[k].clause; *p;) {
			size_t n = strcspn(p, " ");
			char clause[64];

			snprintf(clause, sizeof(clause), "%.*s", (int)n, p);
			if (n && !json_object_get(seen, clause)) {
				json_object_set_new(seen, clause, json_true());
				json_array_append_new(list, json_string(clause));
			}
			p += n + strspn(p + n, " ");
		}
	json_decref(seen);
	return list;
}

/* How much of an acknowledgement is left, as a time of day. */
static json_t *ack_end(const struct incident *i)
{
	if (!i->acknowledged || i->ack_until_boot == INT64_MAX)
		return json_null();
	return json_integer(clock_wall() + (i->ack_until_boot - clock_boot()));
}

/* What it is best called by: the rule of its worst finding. NULL: none is of a rule. */
static const struct rule *about(struct engine *e, const struct incident *i)
{
	const struct finding *worst = NULL;

	for (size_t k = 0; k < i->n; k++)
		if (*i->findings[k].rule && (!worst || state_rank(i->findings[k].state) > state_rank(worst->state)))
			worst = &i->findings[k];
	return worst ? procedure_rule(e->its.site->procedure, worst->rule) : NULL;
}

json_t *document_incident(struct engine *e, const struct incident *i, bool whole)
{
	const struct rule *rule = about(e, i);
	const struct kind *kind = procedure_kind(e->its.site->procedure, i->kind);
	json_t *o = json_pack("{s:I, s:I, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:b, s:I, s:o}", "id", (json_int_t)i->id,
			      "host", (json_int_t)i->host, "host_name", document_bytes(engine_host_name(e, i->host)), "kind", i->kind, "title_zh",
			      kind ? kind->title_zh : i->kind, "title_en", kind ? kind->title_en : i->kind, "state", incident_state(i),
			      "severity", document_state(i->severity), "worst", document_state(i->worst), "opened_at",
			      (json_int_t)i->opened, "recovered_at", (json_int_t)i->recovered, "acknowledged_by",
			      text_or_null(i->acknowledged ? i->ack_by : NULL), "acknowledged_until_at", ack_end(i), "handled", i->handled,
			      "closed_at", (json_int_t)i->ended, "clauses", clauses_of(i)), *findings;

	if (o && rule) {
		json_object_set_new(o, "about_zh", json_string(rule->title_zh));
		json_object_set_new(o, "about_en", json_string(rule->title_en));
	}
	if (!o || !whole)
		return o;
	findings = json_array();
	for (size_t k = 0; k < i->n; k++)
		json_array_append_new(findings, finding_document(e, &i->findings[k]));
	json_object_set_new(o, "findings", findings);
	json_object_set_new(o, "more_findings", json_integer(i->more));
	return o;
}

/* ---- the procedure ---- */

static json_t *bound_document(const struct bound *b)
{
	return b->set ? json_pack("{s:f, s:f, s:b, s:b}", "at", b->at, "clear", b->clear, "strict", b->strict, "stated", b->stated)
		      : json_null();
}

static json_t *rule_document(const struct rule *r)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:o, s:s, s:o, s:o, s:I, s:s, s:s, s:s}", "id", r->id, "check", r->check_id,
			 "clause", r->clause, "metric", r->metric, "unit", r->unit, "event", r->event, "plugin", r->plugin, "labels", labels_of(r->labels), "direction",
			 r->below ? "below" : "above", "warning", bound_document(&r->warning), "critical", bound_document(&r->critical),
			 "for_ns", (json_int_t)r->for_ns, "kind", r->kind, "title_zh", r->title_zh, "title_en", r->title_en);
}

static json_t *kind_document(const struct kind *k)
{
	json_t *steps = json_array();

	for (size_t i = 0; i < k->n; i++)
		json_array_append_new(steps, json_pack("{s:s, s:I, s:s?}", "role", k->steps[i].role, "after_ns",
						       (json_int_t)k->steps[i].after_ns, "clause", k->steps[i].clause));
	return json_pack("{s:s, s:s, s:s, s:o}", "id", k->id, "title_zh", k->title_zh, "title_en", k->title_en, "steps", steps);
}

json_t *document_procedure(struct engine *e)
{
	const struct procedure *p = e->its.site->procedure;
	json_t *rules = json_array(), *kinds = json_array(), *roles = json_array();

	for (size_t i = 0; i < p->roles_n; i++)
		json_array_append_new(roles, json_pack("{s:s, s:s, s:s}", "id", p->roles[i].id, "title_zh", p->roles[i].title_zh,
						       "title_en", p->roles[i].title_en));
	for (size_t i = 0; i < p->rules_n; i++)
		json_array_append_new(rules, rule_document(&p->rules[i]));
	for (size_t i = 0; i < p->kinds_n; i++)
		json_array_append_new(kinds, kind_document(&p->kinds[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "document", p->number, "version", p->version, "title_zh", p->title_zh,
			 "title_en", p->title_en, "roles", roles, "rules", rules, "kinds", kinds);
}

/* ---- the site in a few numbers ---- */

json_t *document_status(struct engine *e)
{
	const struct procedure *p = e->its.site->procedure;
	json_int_t hosts = 0, connected = 0, gone = 0, states[4] = {0}, open = 0, silent = 0;
	const struct incident *incident = NULL;

	for (size_t i = 0; i < e->registry.hosts.n; i++) {
		const struct host *h = e->registry.hosts.at[i];

		if (!h || h->revoked)
			continue;
		hosts++;
		connected += h->connections > 0;
		gone += judge_host_state(e->judge, h->id) != STATE_OK;
	}
	for (size_t i = 0; i < e->registry.checks.n; i++)
		if (e->registry.checks.at[i] && !e->registry.checks.at[i]->gone)
			states[check_state(e, e->registry.checks.at[i])]++;
	while ((incident = incident_next(e->incidents, incident))) {
		open++;
		silent += !incident->acknowledged && !incident->recovered;
	}
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:{s:I, s:I, s:I}, s:{s:I, s:I, s:I, s:I}, s:{s:I, s:I}, s:{s:I, s:I, s:I}, "
			 "s:{s:s, s:s, s:s, s:s}, s:b, s:o}", "school", e->its.site->title, "collector", e->its.site->name, "language",
			 e->its.site->chinese ? "zh-TW" : "en", "started_at", (json_int_t)e->started, "now_at", (json_int_t)clock_wall(),
			 "hosts", "total", hosts, "connected", connected, "gone", gone, "states", "ok", states[STATE_OK], "warning",
			 states[STATE_WARNING], "critical", states[STATE_CRITICAL], "unknown", states[STATE_UNKNOWN], "incidents", "open",
			 open, "unacknowledged", silent, "intake", "results", (json_int_t)e->results, "values", (json_int_t)e->values,
			 "last_at", (json_int_t)e->last_result, "procedure", "document", p->number, "version", p->version, "title_zh",
			 p->title_zh, "title_en", p->title_en, "disk_full", e->disk_full, "clock", doubt_document(e));
}

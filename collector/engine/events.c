/* events.c - what happened on a host: found by the rules on events, and kept as detail of incidents. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "room.h"
#include "text.h"

#define WAITING_BYTES (256u * 1024)		/* of one check's events that wait for an incident, as JSON, */
#define WAITING_AGE (3600 * NS_PER_S)		/* and for so long */
#define FIELDS_MAX 64				/* of one event: decode.c */

struct happened { json_t *json; const struct rule *rule; uint64_t incident; };

/* ---- as JSON ---- */

static json_t *field_json(const ProtobufCBinaryData *value, bool *escaped)
{
	size_t room = 4 * value->len + 1;
	FREE char *text = malloc(room);

	if (!text)
		return NULL;
	text_escape(value->data, value->len, text, room);
	*escaped |= strlen(text) != value->len;
	return json_string(text);
}

static json_t *event_json(const Wire__Event *event)
{
	json_t *fields = json_object(), *o = json_object();
	bool escaped = false;

	for (size_t i = 0; i < event->n_fields; i++)
		json_object_set_new(fields, event->fields[i]->name, field_json(&event->fields[i]->value, &escaped));
	json_object_set_new(o, "detail", json_string(event->name));
	json_object_set_new(o, "at", json_integer((json_int_t)event->at));
	if (event->more) {
		json_object_set_new(o, "more", json_integer((json_int_t)event->more));
		json_object_set_new(o, "until", json_integer((json_int_t)event->until));
		json_object_set_new(o, "digest", json_integer(event->digest));
	}
	json_object_set_new(o, "fields", fields);
	if (escaped)
		json_object_set_new(o, "escaped", json_true());
	return o;
}

static json_int_t more_of(const json_t *event)
{
	return json_integer_value(json_object_get(event, "more"));
}

/* ---- found by rules ---- */

static const struct rule_label *fields_of(const json_t *event, struct rule_label ret[FIELDS_MAX + 1])
{
	json_t *value;
	const char *name;
	size_t n = 0;

	json_object_foreach(json_object_get(event, "fields"), name, value)
		if (n < FIELDS_MAX)
			ret[n++] = (struct rule_label){name, json_string_value(value)};
	ret[n] = (struct rule_label){NULL, NULL};
	return ret;
}

static const struct rule *rule_of(struct engine *e, uint32_t host, const struct check *c, const json_t *event)
{
	const struct procedure *p = e->its.site->procedure;
	const struct host *h = registry_get_host(&e->registry, host);
	const char *name = json_string_value(json_object_get(event, "detail"));
	struct rule_label fields[FIELDS_MAX + 1];

	if (!h || !name)
		return NULL;
	fields_of(event, fields);
	for (size_t i = 0; i < p->rules_n; i++)
		if (rule_matches_event(p->rule_list[i], h->name, c->plugin, name, fields))
			return p->rule_list[i];
	return NULL;
}

/* file=/srv/a signature=Eicar, and 3 more */
static void put_words(const json_t *event, json_int_t more, char *buf, size_t room)
{
	struct rule_label fields[FIELDS_MAX + 1];
	char tail[48] = "";
	size_t at = 0;

	if (more > 0)
		snprintf(tail, sizeof(tail), ", and %lld more", (long long)more);
	room -= strlen(tail);
	buf[0] = 0;
	for (const struct rule_label *f = fields_of(event, fields); f->name && at + 1 < room; f++) {
		char value[256];

		text_escape(f->pattern, strlen(f->pattern), value, sizeof(value));
		at += (size_t)snprintf(buf + at, room - at, "%s%s=%s", at ? " " : "", f->name, value);
	}
	strcat(buf, tail);
}

/* Those of one rule that came together are one finding: the first, and how many more. */
static void find(struct engine *e, uint32_t host, const struct check *c, struct happened *first, size_t n)
{
	json_int_t more = -1;
	uint64_t incident;
	char what[512];

	for (size_t i = 0; i < n; i++)
		if (first[i].rule == first->rule)
			more += 1 + more_of(first[i].json);
	put_words(first->json, more, what, sizeof(what));
	incident = outcome_happened(e, host, c->id, first->rule, what);
	for (size_t i = 0; i < n; i++)
		if (first[i].rule == first->rule)
			first[i].incident = incident;
}

/* ---- detail of incidents ---- */

static void forget_oldest(struct check *c)
{
	struct recent *oldest = c->recent;

	DL_DELETE(c->recent, oldest);
	c->recent_bytes -= strlen(oldest->json);
	free(oldest->json);
	free(oldest);
}

static void remember(struct check *c, const char *json)
{
	struct recent *r = calloc(1, sizeof(*r));
	int64_t now = clock_boot();

	if (!r || !(r->json = strdup(json))) {
		free(r);
		c->recent_lost++;
		return;
	}
	r->at = now;
	DL_APPEND(c->recent, r);
	c->recent_bytes += strlen(json);
	while (c->recent != r && now - c->recent->at >= WAITING_AGE)
		forget_oldest(c);
	for (; c->recent != r && c->recent_bytes > WAITING_BYTES; c->recent_lost++)
		forget_oldest(c);
}

/* Of those that were let go the oldest that is still here tells. */
static char *with_lost(const char *json, uint64_t lost)
{
	json_t *o = json_loads(json, 0, NULL);
	char *text;

	json_object_set_new(o, "more", json_integer(more_of(o) + (json_int_t)lost));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

void events_waiting(struct engine *e, uint64_t incident, struct check *c)
{
	struct store_change *change = engine_change(e);
	int64_t now = clock_boot();
	const struct recent *r;

	DL_FOREACH(c->recent, r) {
		FREE char *text = NULL;

		if (!change || now - r->at >= WAITING_AGE)
			continue;
		if (c->recent_lost)
			text = with_lost(r->json, c->recent_lost);
		c->recent_lost = 0;
		change_step(change, incident, clock_wall(), "system", "event", text ? text : r->json);
	}
	registry_forget_recent(c);
}

static const struct incident *incident_with(struct engine *e, uint32_t host, uint32_t check)
{
	for (const struct incident *i = incident_next(e->incidents, NULL); i; i = incident_next(e->incidents, i))
		for (size_t k = 0; i->host == host && k < i->n; k++)
			if (i->findings[k].check == check && i->findings[k].state != STATE_OK)
				return i;
	return NULL;
}

/* One that no rule names comes ahead of the round that finds it out: it waits for the incident that the round may open. */
static void keep(struct engine *e, uint32_t host, struct check *c, const struct happened *h)
{
	const struct incident *open = h->incident ? NULL : incident_with(e, host, c->id);
	uint64_t incident = open ? open->id : h->incident;
	FREE char *text = json_dumps(h->json, JSON_COMPACT);

	if (text && incident && engine_change(e))
		change_step(e->change, incident, clock_wall(), "system", "event", text);
	else if (text)
		remember(c, text);
}

/* It stands for others, for which the agent had no room. */
static void count_more(struct engine *e, uint32_t host, struct check *c, const Wire__Event *event)
{
	int64_t now = clock_boot();

	log_warning("%s: %s: the agent had no room for all events: %s and %llu more", engine_host_name(e, host), c->name, event->name,
		    (unsigned long long)event->more);
	if (now - c->more_at >= WAITING_AGE)
		c->more_events = 0;
	c->more_events += event->more;
	c->more_at = now;
}

uint64_t events_more(struct engine *e, const struct incident *i)
{
	int64_t now = clock_boot();
	uint64_t n = 0;

	for (size_t k = 0; k < i->n; k++) {
		const struct check *c = i->findings[k].check == JUDGE_NONE ? NULL : registry_get_check(&e->registry, i->findings[k].check);
		bool before = false;

		for (size_t j = 0; j < k; j++)
			before |= i->findings[j].check == i->findings[k].check;
		if (c && !before && c->more_events && now - c->more_at < WAITING_AGE)
			n += c->more_events;
	}
	return n;
}

void events_take(struct engine *e, uint32_t host, struct check *c, Wire__Event *const *events, size_t n)
{
	FREE struct happened *all = calloc(n, sizeof(*all));

	if (!all && n) {
		log_error("%s: out of memory: %zu events are not looked at", c->name, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		all[i].json = event_json(events[i]);
		all[i].rule = rule_of(e, host, c, all[i].json);
		if (events[i]->more)
			count_more(e, host, c, events[i]);
	}
	for (size_t i = 0; i < n; i++)
		if (all[i].rule && !all[i].incident)
			find(e, host, c, &all[i], n - i);
	for (size_t i = 0; i < n; i++) {
		keep(e, host, c, &all[i]);
		json_decref(all[i].json);
	}
}

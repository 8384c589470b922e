/* api_read.c - queries that need the store: they are read, and their answers spelled, on another thread, so that the engine waits for neither. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "cleanup.h"
#include "clock.h"
#include "log.h"

#define LIST_MAX 1000
#define POINTS_MAX 10000
#define GAP_SIZE 64u		/* of a record that tells of one: nothing else is in it */

struct reading {
	struct asked asked;
	struct job job;
	void (*read)(struct reading *, struct store_reader *);	/* on that thread, as all of this */
	json_t *document;		/* what the engine knew; the thread fills the rest in */
	char *answer;
	uint64_t incident;
	uint32_t check, series, host;
	int64_t from, to;
	size_t limit, before;
	uint64_t damaged;		/* rows on the way that could not be read */
	bool more;
	int error;
};

static struct reading *reading_of(struct job *job)
{
	return (struct reading *)((char *)job - offsetof(struct reading, job));
}

static void done(struct job *job)
{
	struct reading *r = reading_of(job);
	char what[96];

	if (r->damaged) {
		snprintf(what, sizeof(what), "%llu results of a history could not be read: they are damaged", (unsigned long long)r->damaged);
		log_error("store: %s", what);
		outcome_own(r->asked.engine, OWN_DAMAGED, OWN_HOST, what);
	}
	if (api_put_out(&r->asked, &r->job))
		;
	else if (r->error == -ENOENT)
		api_refuse_later(&r->asked, 404, "not_found", "no such incident");
	else if (r->error < 0)
		api_refuse_later(&r->asked, 503, "unavailable", r->error == -ETIMEDOUT ? "that is too much to read at once: ask for less"
											: strerror(-r->error));
	else
		api_answer_text(&r->asked, 200, TAKE(r->answer));
	free(r->answer);
	json_decref(r->document);
	free(r);
}

static void work(struct job *job, void *reader)
{
	struct reading *r = reading_of(job);

	r->read(r, reader);
	if (r->error == 0)
		r->answer = json_dumps(r->document, JSON_COMPACT);
	json_decref(r->document);
	r->document = NULL;
}

static void start(const struct asker *a, struct reading *r, void (*read)(struct reading *, struct store_reader *))
{
	if (r) {
		r->read = read;
		r->job = (struct job){.work = work, .done = done};
	}
	if (r && jobs_add(a->engine->reading, &r->job, a->origin)) {
		api_later(&r->asked, a);
		return;
	}
	if (r)
		json_decref(r->document);
	free(r);
	api_refuse(a, 429, "too_many", "too many questions at once: try again in a moment");
}

/* ---- one incident with its steps and notices ---- */

/* Steps of notices say what became of each: the last word on each id counts. */
static void add_notice(json_t *notices, const struct reader_step *s, json_t *detail)
{
	const char *id = json_string_value(json_object_get(detail, "id"));

	if (!id)
		return;
	if (!json_object_get(notices, id))
		json_object_set_new(detail, "at", json_integer(s->at));
	else
		json_object_set(detail, "at", json_object_get(json_object_get(notices, id), "at"));
	json_object_set(notices, id, detail);
}

/* Of an event also what its plugin said of it; one that stands for others says how many they are, until when, and their digest. */
static json_t *step_document(const struct reader_step *s, const json_t *detail)
{
	static const struct { const char *kept, *told; } of_events[] = {
		{"more", "more"}, {"until", "until_at"}, {"digest", "digest"}, {"fields", "fields"}, {"escaped", "escaped"}};
	json_t *words = json_object_get(detail, "detail");
	json_t *o = json_pack("{s:I, s:s, s:s, s:O}", "at", (json_int_t)s->at, "actor", s->actor, "what", s->action, "detail",
			      words ? words : json_null());

	for (size_t i = 0; i < sizeof(of_events) / sizeof(of_events[0]); i++)
		if (json_object_get(detail, of_events[i].kept))
			json_object_set(o, of_events[i].told, json_object_get(detail, of_events[i].kept));
	return o;
}

/* The newest are kept, and how many went before them: what persons did to an incident stands at its end. */
static void add_step(struct reading *r, json_t *step)
{
	json_t *steps = json_object_get(r->document, "steps");

	json_array_append_new(steps, step);
	if (json_array_size(steps) <= LIST_MAX)
		return;
	json_array_remove(steps, 0);
	json_object_set_new(r->document, "more_steps", json_integer(1 + json_integer_value(json_object_get(r->document, "more_steps"))));
}

static int each_step(const struct reader_step *s, void *arg)
{
	struct reading *r = arg;
	json_t *detail = json_loads(s->json, JSON_DECODE_ANY, NULL);

	if (!strcmp(s->action, "notice"))
		add_notice(json_object_get(r->document, "notices"), s, detail);
	else
		add_step(r, step_document(s, detail));
	json_decref(detail);
	return 0;
}

static int each_incident(const struct reader_incident *i, void *arg)
{
	struct reading *r = arg;

	if (i->id != r->incident)
		return 0;
	r->document = json_loads(i->json, 0, NULL);
	return 1;
}

/* A closed one is no longer in the engine's memory: its document was kept with it. */
static int read_closed(struct reading *r, struct store_reader *reader)
{
	json_t *kept;
	int e = reader_incidents(reader, UINT32_MAX, each_incident, r);

	kept = json_incref(json_object_get(r->document, "document"));
	json_decref(r->document);
	r->document = kept;
	return kept ? 0 : e < 0 ? e : -ENOENT;
}

static void read_incident(struct reading *r, struct store_reader *reader)
{
	json_t *list, *notice;
	const char *id;

	if (!r->document && (r->error = read_closed(r, reader)) < 0)
		return;
	json_object_set_new(r->document, "steps", json_array());
	json_object_set_new(r->document, "more_steps", json_integer(0));
	json_object_set_new(r->document, "notices", json_object());
	r->error = reader_steps(reader, r->incident, each_step, r);
	list = json_array();
	json_object_foreach(json_object_get(r->document, "notices"), id, notice)
		json_array_append(list, notice);
	json_object_set_new(r->document, "notices", list);
}

void api_incident(const struct asker *a, const json_t *arguments)
{
	const struct incident *i;
	struct reading *r;
	int64_t id;

	if (!api_number(a, arguments, "id", 0, 1, INT64_MAX, &id))
		return;
	i = incident_get(a->engine->incidents, (uint64_t)id);
	r = calloc(1, sizeof(*r));
	if (r) {
		r->incident = (uint64_t)id;
		r->document = i ? document_incident(a->engine, i, true) : NULL;
	}
	start(a, r, read_incident);
}

/* ---- incidents: the open ones from memory, the closed ones from the store ---- */

static int each_closed(const struct reader_incident *i, void *arg)
{
	struct reading *r = arg;
	json_t *kept, *list = json_object_get(r->document, "incidents");

	if (i->open || (r->host != UINT32_MAX && i->host != r->host) || (r->before && i->id >= r->before))
		return 0;
	if (json_array_size(list) >= r->limit) {
		json_object_set_new(r->document, "more", json_true());
		return 1;
	}
	kept = json_loads(i->json, 0, NULL);
	if (json_object_get(kept, "document")) {
		json_object_del(json_object_get(kept, "document"), "findings");
		json_array_append(list, json_object_get(kept, "document"));
	}
	json_decref(kept);
	return 0;
}

static void read_closed_list(struct reading *r, struct store_reader *reader)
{
	int e = reader_incidents(reader, UINT32_MAX, each_closed, r);

	r->error = e < 0 ? e : 0;
}

static json_t *open_list(const struct asker *a, const struct host *h, size_t limit, bool *ret_more)
{
	const struct incident *i = NULL;
	json_t *list = json_array();

	*ret_more = false;
	while ((i = incident_next(a->engine->incidents, i))) {
		if (h && i->host != h->id)
			continue;
		if (json_array_size(list) >= limit) {
			*ret_more = true;
			break;
		}
		json_array_append_new(list, document_incident(a->engine, i, false));
	}
	return list;
}

void api_incidents(const struct asker *a, const json_t *arguments)
{
	const json_t *open = json_object_get(arguments, "open");
	const struct host *h;
	struct reading *r;
	int64_t limit, after;
	json_t *document;
	bool more;

	if (!api_host(a, arguments, &h) || !api_number(a, arguments, "limit", 100, 1, LIST_MAX, &limit) ||
	    !api_number(a, arguments, "after", 0, 0, INT64_MAX, &after))
		return;
	document = json_object();
	json_object_set_new(document, "incidents", after ? json_array() : open_list(a, h, (size_t)limit, &more));
	json_object_set_new(document, "more", json_boolean(!after && more));
	if (!json_is_false(open)) {
		api_answer(a, 200, document);
		return;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		json_decref(document);
		api_refuse(a, 503, "unavailable", "no memory");
		return;
	}
	*r = (struct reading){.document = document, .host = h ? h->id : UINT32_MAX, .limit = (size_t)limit, .before = (size_t)after};
	start(a, r, read_closed_list);
}

/* ---- history of one series ---- */

/* Between which times the agent gave results up, for want of room. */
static void add_gap(json_t *gaps, const struct result *result)
{
	Wire__Record *extra = wire__record__unpack(NULL, result->extra_size, result->extra);

	if (extra && extra->dropped && json_array_size(gaps) < LIST_MAX)
		json_array_append_new(gaps, json_pack("{s:I, s:I, s:I}", "results", (json_int_t)extra->dropped->count, "from_at",
						      (json_int_t)extra->dropped->from, "to_at", (json_int_t)extra->dropped->to));
	if (extra)
		wire__record__free_unpacked(extra, NULL);
}

static int each_row(const struct reader_row *row, void *arg)
{
	struct reading *r = arg;
	json_t *points = json_object_get(r->document, "points");

	if (!row->result.round && row->result.extra_size && row->result.extra_size <= GAP_SIZE)
		add_gap(json_object_get(r->document, "gaps"), &row->result);
	for (uint32_t i = 0; i < row->result.values; i++)
		if (row->series[i] == r->series) {
			if (json_array_size(points) >= r->limit) {
				json_object_set_new(r->document, "more", json_true());
				return 1;
			}
			json_array_append_new(points, json_pack("[I, f]", (json_int_t)row->result.at, row->value[i]));
		}
	return 0;
}

static void read_history(struct reading *r, struct store_reader *reader)
{
	int e = reader_history(reader, r->check, r->from, r->to, &r->damaged, each_row, r);

	r->error = e < 0 ? e : 0;
	if (r->damaged)
		json_object_set_new(r->document, "damaged", json_integer((json_int_t)r->damaged));
}

void api_history(const struct asker *a, const json_t *arguments)
{
	const struct curve *s;
	struct reading *r;
	int64_t series, from, to, limit, now = clock_wall();

	if (!api_number(a, arguments, "series", -1, 0, UINT32_MAX, &series) ||
	    !api_number(a, arguments, "from_at", now - 3600 * NS_PER_S, 0, INT64_MAX, &from) ||
	    !api_number(a, arguments, "to_at", now + NS_PER_S, 0, INT64_MAX, &to) ||
	    !api_number(a, arguments, "limit", POINTS_MAX, 1, POINTS_MAX, &limit))
		return;
	s = registry_get_series(&a->engine->registry, (uint32_t)series);
	if (!s) {
		api_refuse(a, 404, "not_found", "no such series");
		return;
	}
	r = calloc(1, sizeof(*r));
	if (r)
		*r = (struct reading){.document = json_pack("{s:[], s:[], s:b}", "points", "gaps", "more", false), .check = s->check, .series = s->id,
				      .from = from, .to = to, .limit = (size_t)limit};
	start(a, r, read_history);
}

/* intake.c - what ingest and store send: agents that come and go, names that become numbers, results. */
#include <stdlib.h>
#include <string.h>

#include "assignment.h"
#include "clock.h"
#include "collector/standing.h"
#include "log.h"
#include "room.h"
#include "text.h"

#define WHY_MAX 512
#define ANSWER_MAX (4u * 1024 * 1024)
#define STOP_PATIENCE (3 * NS_PER_S)

/* ---- results ---- */

static void take_dropped(const struct host *h, struct check *c, const Wire__Dropped *d)
{
	int64_t from = (int64_t)d->from, to = (int64_t)d->to;

	log_warning("%s: %s: the agent's spool was full: %llu results were given up", h ? h->name : "?", c ? c->name : "?",
		    (unsigned long long)d->count);
	if (!c || !d->count)
		return;
	if (!c->given_up.results || from < c->given_up.from)
		c->given_up.from = from;
	if (!c->given_up.results || to > c->given_up.to)
		c->given_up.to = to;
	c->given_up.results += d->count;
}

static bool delivered(const struct result *r)
{
	return r->outcome == WIRE__OUTCOME__OK || r->outcome == WIRE__OUTCOME__PARTIAL;
}

static void take_facts(fact_list *to, Wire__Fact *const *facts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct registry_label labels[REGISTRY_LABELS];
		size_t k = 0;

		for (; k < facts[i]->n_labels && k < REGISTRY_LABELS; k++)
			labels[k] = (struct registry_label){facts[i]->labels[k]->name, facts[i]->labels[k]->value.data,
				facts[i]->labels[k]->value.len};
		registry_fact(to, facts[i]->name, labels, k, facts[i]->value.data, facts[i]->value.len);
	}
}

static void take_skips(struct engine *e, struct check *c, const struct result *r, const Wire__Record *record)
{
	const char **what;

	for (size_t i = 0; i < record->n_skips; i++)
		registry_skip(c, record->skips[i]->what.data, record->skips[i]->what.len, record->skips[i]->error);
	what = arena_take(e->arena, (c->skips.n + 1) * sizeof(*what));
	if (!what || !delivered(r))
		return;
	for (size_t i = 0; i < c->skips.n; i++)
		what[i] = c->skips.at[i].what;
	judge_skips(e->judge, c->id, what, c->skips.n);
}

/* What is not numbers: facts, events, the cause of a failure. Comes with few results. */
static void take_extra(struct engine *e, uint32_t host, struct check *c, const struct result *r, char why[WHY_MAX])
{
	const Wire__Record *record = (const Wire__Record *)protobuf_c_message_unpack(&wire__record__descriptor,
		arena_allocator(e->arena), r->extra_size, r->extra);
	struct host *h = registry_get_host(&e->registry, host);

	if (record) {
		if (c) {
			take_facts(&c->facts, record->facts, record->n_facts);
			events_take(e, host, c, record->events, record->n_events);
		}
		if (c && r->round)
			take_skips(e, c, r, record);
		text_escape(record->error.data, record->error.len, why, WHY_MAX);
		if (record->dropped)
			take_dropped(h, c, record->dropped);
	}
	arena_reset(e->arena);
}

static void end_round(struct engine *e, struct check *c, const struct result *r, const char *why, int64_t now)
{
	bool ok = delivered(r);

	if (c) {
		c->at = r->at;
		if (c->why && (ok || strcmp(c->why, why))) {
			free(c->why);
			c->why = NULL;
		}
		if (!ok && !c->why)
			c->why = strdup(why);
	}
	judge_round(e->judge, r->check, ok, ok ? NULL : why, r->at, now);
}

static void take_row(struct engine *e, uint32_t host, const struct result *r, const uint32_t *series, const double *value, int64_t now)
{
	struct check *c = registry_get_check(&e->registry, r->check);
	char why[WHY_MAX] = "";

	for (uint32_t i = 0; i < r->values; i++)
		judge_value(e->judge, series[i], value[i], r->at);
	if (c && r->round)
		registry_forget_skips(c);
	if (r->extra_size)
		take_extra(e, host, c, r, why);
	if (r->round)
		end_round(e, c, r, why, now);
	e->results++;
	e->values += r->values;
}

void intake_row(struct engine *e, uint32_t host, const struct result *r, const uint32_t *series, const double *value)
{
	take_row(e, host, r, series, value, clock_boot());
}

static void take_batch(struct engine *e, const struct batch *b)
{
	struct host *h = registry_get_host(&e->registry, b->host);
	int64_t now = clock_boot();

	for (uint32_t i = 0; i < b->results; i++) {
		const struct result *r = &b->result[i];

		take_row(e, b->host, r, b->series + r->first_value, b->value + r->first_value, now);
	}
	e->last_result = clock_wall();
	if (h)
		h->seen = e->last_result;
	e->day = b->day;
	e->row = b->row;
	e->unsaved = true;
}

/* ---- agents ---- */

static void push_host(struct engine *e, const struct host *h)
{
	if (e->web)
		api_push(e, "host", document_host(e, h, false));
}

static bool in_hello(const struct hello *h, uint32_t check)
{
	for (size_t i = 0; i < h->hello->n_checks; i++)
		if (h->checks[i] == check)
			return true;
	return false;
}

/* What the agent no longer runs is no longer missed. */
static void drop_checks(struct engine *e, const struct host *host, const struct hello *h)
{
	for (size_t i = 0; i < host->checks.n; i++) {
		struct check *c = registry_get_check(&e->registry, host->checks.at[i]);

		if (!c || c->gone || in_hello(h, c->id))
			continue;
		c->gone = true;
		registry_forget_facts(&c->facts);
		registry_forget_skips(c);
		judge_check_gone(e->judge, c->id, clock_wall());
	}
}

static void take_checks(struct engine *e, struct host *host, const struct hello *h, int64_t now)
{
	for (size_t i = 0; i < h->hello->n_checks; i++) {
		const Wire__Check *w = h->hello->checks[i];
		struct check *c = registry_check(&e->registry, h->checks[i], host->id, w->name, w->plugin, (int64_t)w->interval_ns);

		if (!c || judge_check(e->judge, c->id, host->id, c->name, c->interval_ns, now) < 0)
			log_error("%s: %s: cannot be judged: out of memory or numbers", host->name, w->name);
		else
			c->gone = false;
	}
}

static void take_hello(struct engine *e, struct hello *h)
{
	int64_t wall = clock_wall(), now = clock_boot();
	struct host *host = registry_host(&e->registry, h->host, h->hello->agent, h->name);

	if (standing_used(e->its.standing, h->hello->agent, h->generation) < 0)
		log_error("%s: out of memory: its older certificates still count", h->hello->agent);
	if (!host || judge_host(e->judge, host->id, host->name, now) < 0) {
		log_error("%s: cannot be judged: out of memory or numbers", h->hello->agent);
		return;
	}
	free(host->address);
	host->address = strdup(h->address);
	host->people = people_host(e->its.site->people, host->name);
	host->offset = h->offset;
	host->told = h->told;
	host->seen = wall;
	host->connections++;
	host->met = true;
	host->generation = h->generation;
	enrolments_came(e, host->uuid, h->generation);
	checkpoints_witnessed(e, host, h->hello->checkpoint.data, h->hello->checkpoint.len);
	gaps_take(e, host, h);
	take_facts(&host->facts, h->hello->facts, h->hello->n_facts);
	take_checks(e, host, h, now);
	drop_checks(e, host, h);
	judge_connected(e->judge, host->id, true, wall, now);
	arena_limit(h->arena, ANSWER_MAX);	/* it was bounded by what the agent sent */
	if (host->people)
		h->assignment = assignment_for(e->its.site->groups, host->people->groups, h->arena);
	push_host(e, host);
}

static void take_series(struct engine *e, const struct series *s)
{
	for (size_t i = 0; i < s->batch->n_series; i++) {
		const Wire__Series *w = s->batch->series[i];
		struct registry_label labels[SERIES_LABELS_MAX];
		size_t n = w->n_labels < SERIES_LABELS_MAX ? w->n_labels : SERIES_LABELS_MAX;
		struct rule_label apart[REGISTRY_LABELS + 1];
		const struct curve *known;

		for (size_t k = 0; k < n; k++)
			labels[k] = (struct registry_label){w->labels[k]->name, w->labels[k]->value.data, w->labels[k]->value.len};
		known = registry_series(&e->registry, s->numbers[i], s->checks[i], w->metric, labels, n, e->its.site->inventory);
		if (!known || judge_series(e->judge, known->id, known->check, known->metric, registry_labels(known, apart)) < 0)
			log_error("%s of host %u cannot be judged: out of memory or numbers", w->metric, s->host);
	}
}

static void take_gone(struct engine *e, const struct gone *g)
{
	struct host *h = registry_get_host(&e->registry, g->host);

	if (!h)
		return;
	if (h->connections)
		h->connections--;
	h->events_held &= h->connections > 0;
	judge_connected(e->judge, g->host, false, clock_wall(), clock_boot());
	push_host(e, h);
}

static void take_clock(struct engine *e, const struct clock_report *c)
{
	struct host *h = registry_get_host(&e->registry, c->host);

	if (!h)
		return;
	h->offset = c->offset;
	h->told = c->told;
	h->seen = clock_wall();
	if (h->events_held == c->held)
		return;
	h->events_held = c->held;
	if (c->held)
		log_warning("%s: the agent has no room for events: its plugins wait, and events are only counted", h->name);
	else
		log_notice("%s: the agent has room for events again", h->name);
	push_host(e, h);
}

/* ---- troubles ---- */

static void take_trouble(struct engine *e, const struct trouble *t)
{
	const struct host *h;

	switch (t->trouble) {
	case TROUBLE_IMPOSTOR:
		log_warning("agent %s: %s", t->agent, t->text);
		h = registry_find_host(&e->registry, t->agent);
		if (h)
			outcome_own(e, OWN_IMPOSTOR, h->id, t->text);
		break;
	case TROUBLE_TWINS:
		log_warning("agent %s: %s", t->agent, t->text);
		outcome_own(e, OWN_TWINS, t->host, t->text);
		break;
	case TROUBLE_PARTED:
		h = t->host ? registry_get_host(&e->registry, t->host) : registry_find_host(&e->registry, t->agent);
		log_warning("agent %s: %s", h ? h->name : t->agent, t->text);
		if (h)
			outcome_own(e, OWN_PARTED, h->id, t->text);
		break;
	case TROUBLE_DISK_FULL:
		e->disk_full = true;
		probe_disk_full(e);
		outcome_own_is(e, OWN_DISK_FULL, OWN_HOST, STATE_CRITICAL, t->text);
		break;
	case TROUBLE_DISK_FREE:
		if (e->disk_full)
			judge_forgive(e->judge, clock_boot());
		e->disk_full = false;
		outcome_own_is(e, OWN_DISK_FULL, OWN_HOST, STATE_OK, t->text);
		break;
	case TROUBLE_DAMAGED:
		outcome_own(e, OWN_DAMAGED, OWN_HOST, t->text);
		life_trouble(e, t);
		break;
	case TROUBLE_STORE:
	case TROUBLE_RETIRED:
		life_trouble(e, t);
		break;
	}
}

/* ---- the queue ---- */

static void stop(struct engine *e)
{
	e->stopping = true;
	if (checkpoints_late(e))
		log_warning("what was found since the start is not kept, for the signer has not come: the next start judges it again");
	life_ending(e);
	e->stop_by = clock_boot() + STOP_PATIENCE;
}

void intake_message(struct engine *e, struct node *n)
{
	switch ((enum message_kind)n->kind) {
	case MESSAGE_BATCH:
		take_batch(e, (struct batch *)n);
		break;
	case MESSAGE_HELLO:
		take_hello(e, (struct hello *)n);
		queue_push(e->its.ingest[((struct hello *)n)->from.thread], n);
		return;
	case MESSAGE_SERIES:
		take_series(e, (struct series *)n);
		queue_push(e->its.ingest[((struct series *)n)->from.thread], n);
		return;
	case MESSAGE_GONE:
		take_gone(e, (struct gone *)n);
		break;
	case MESSAGE_CHANGE:
		engine_kept(e, (struct store_change *)n);
		return;
	case MESSAGE_RENEW:
		renewals_agent(e, (struct renewal *)n);
		break;
	case MESSAGE_ENROL:
		enrolments_asked(e, (struct enrolling *)n);
		break;
	case MESSAGE_PROBE:
		probe_by_watcher(e, (struct probing *)n);
		break;
	case MESSAGE_CLOCK:
		take_clock(e, (struct clock_report *)n);
		break;
	case MESSAGE_TROUBLE:
		take_trouble(e, (struct trouble *)n);
		break;
	case MESSAGE_EXPECTED:
		expected_numbered(e, (struct expected *)n);
		break;
	case MESSAGE_STOP:
		stop(e);
		break;
	default:
		break;
	}
	message_free(n, e->its.in_flight);
}

#include "collector/ingest/decode.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/message.h"

/* Names of checks, metrics, labels, plugins: what the agent's configuration and plugins may choose. */
static bool name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/@");

	return n > 0 && n <= 128 && !s[n];
}

static bool labels(Wire__Label *const *all, size_t n, size_t most)
{
	if (n > most)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!name(all[i]->name) || all[i]->value.len > DECODE_LABEL_MAX)
			return false;
	return true;
}

static bool facts(Wire__Fact *const *all, size_t n)
{
	if (n > DECODE_FACTS_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!name(all[i]->name) || all[i]->value.len > DECODE_LABEL_MAX ||
		    !labels(all[i]->labels, all[i]->n_labels, SERIES_LABELS_MAX))
			return false;
	return true;
}

static bool plugin(const Wire__Plugin *p)
{
	if (!name(p->name) || strlen(p->version) > 128 || p->sha256.len > 32 || p->n_metrics > DECODE_METRICS_MAX)
		return false;
	for (size_t i = 0; i < p->n_metrics; i++)
		if (!name(p->metrics[i]->name) || strlen(p->metrics[i]->unit) > 64 || strlen(p->metrics[i]->help) > 1024)
			return false;
	return true;
}

const char *decode_check_hello(const Wire__Hello *h)
{
	if (h->n_spools > DECODE_SPOOLS_MAX || h->n_past > DECODE_SPOOLS_MAX)
		return "Hello names too many spools";
	if (h->n_plugins > DECODE_PLUGINS_MAX || h->n_checks > STORE_CHECKS_MAX)
		return "Hello names too many plugins or checks";
	for (size_t i = 0; i < h->n_past; i++)
		if (h->past[i]->through > INT64_MAX)
			return "Hello: what it once had is too much";
	for (size_t i = 0; i < h->n_plugins; i++)
		if (!plugin(h->plugins[i]))
			return "Hello: a plugin is not what it may be";
	for (size_t i = 0; i < h->n_checks; i++)
		if (!name(h->checks[i]->name) || !name(h->checks[i]->plugin) || h->checks[i]->interval_ns > INT64_MAX ||
		    h->checks[i]->timeout_ns > INT64_MAX)
			return "Hello: a check is not what it may be";
	return facts(h->facts, h->n_facts) ? NULL : "Hello: a fact is not what it may be";
}

const char *decode_check_series(const Wire__Batch *b)
{
	if (b->n_series > DECODE_VALUES_MAX)
		return "more than 10,000 series are defined at once";
	for (size_t i = 0; i < b->n_series; i++)
		if (!name(b->series[i]->metric) || !labels(b->series[i]->labels, b->series[i]->n_labels, SERIES_LABELS_MAX))
			return "a series is not what it may be";
	return NULL;
}

static const char *check_record(const Wire__Record *r)
{
	if (r->n_series != r->n_values)
		return "a record has not as many series as values";
	if ((unsigned)r->outcome > WIRE__OUTCOME__REFUSED)
		return "a record has an unknown outcome";
	if (r->error.len > DECODE_LABEL_MAX || r->output.len > DECODE_OUTPUT_MAX)
		return "a record's error or output is too long";
	for (size_t i = 0; i < r->n_skips; i++)
		if (r->skips[i]->what.len > DECODE_LABEL_MAX)
			return "a record's skip is too long";
	if (!facts(r->facts, r->n_facts))
		return "a record's fact is not what it may be";
	for (size_t i = 0; i < r->n_events; i++)
		if (!name(r->events[i]->name) || !labels(r->events[i]->fields, r->events[i]->n_fields, 64) ||
		    wire__event__get_packed_size(r->events[i]) > DECODE_EVENT_MAX)
			return "a record's event is not what it may be";
	return NULL;
}

static bool has_extra(const Wire__Record *r)
{
	return r->error.len || r->output.len || r->n_skips || r->n_facts || r->n_events || r->dropped;
}

/* What is not numbers, packed: the numbers go to columns of their own. */
static Wire__Record extra_of(const Wire__Record *r)
{
	Wire__Record e = *r;

	e.n_series = e.n_values = 0;
	return e;
}

static size_t extra_size(const Wire__Record *r)
{
	Wire__Record e;

	if (!has_extra(r))
		return 0;
	e = extra_of(r);
	return wire__record__get_packed_size(&e);
}

/* What the block must hold; or what is wrong. */
static const char *measure(const Wire__Batch *w, size_t *ret_values, size_t *ret_extra)
{
	size_t values = 0, extra = 0;

	if (w->n_records > DECODE_VALUES_MAX)
		return "a batch has more than 10,000 records";
	if (w->first == 0 || w->first > DECODE_SEQUENCE_MAX)
		return "a batch has a sequence that cannot be";
	for (size_t i = 0; i < w->n_records; i++) {
		const char *wrong = check_record(w->records[i]);

		if (wrong)
			return wrong;
		values += w->records[i]->n_values;
		extra += extra_size(w->records[i]);
	}
	*ret_values = values;
	*ret_extra = extra;
	return values > DECODE_VALUES_MAX ? "a batch has more than 10,000 values" : NULL;
}

/* One block: the batch, its results, values, series, extras. */
static struct batch *block(size_t results, size_t values, size_t extra, uint8_t **ret_extra)
{
	size_t bytes = sizeof(struct batch) + results * sizeof(struct result) + values * (sizeof(double) + sizeof(uint32_t)) + extra;
	struct batch *b = malloc(bytes);

	if (!b)
		return NULL;
	*b = (struct batch){.node.kind = MESSAGE_BATCH, .results = (uint32_t)results, .values = (uint32_t)values, .bytes = bytes};
	b->result = (struct result *)(b + 1);
	b->value = (double *)(b->result + results);
	b->series = (uint32_t *)(b->value + values);
	*ret_extra = (uint8_t *)(b->series + values);
	return b;
}

static const char *fill(const Wire__Record *r, const struct numbers *checks, const struct numbers *series, struct batch *b,
			struct result *to, uint32_t at)
{
	*to = (struct result){.check = numbers_get(checks, r->check), .values = (uint32_t)r->n_values, .first_value = at,
			      .outcome = (uint8_t)r->outcome, .round = r->round, .at = (int64_t)r->at, .took_ns = r->took_ns};
	if (to->check == NUMBER_NONE)
		return "a record is of a check that Hello did not name";
	for (uint32_t i = 0; i < to->values; i++) {
		b->series[at + i] = numbers_get(series, r->series[i]);
		if (b->series[at + i] == NUMBER_NONE)
			return "a value is of a series that was not defined";
	}
	if (to->values)
		memcpy(b->value + at, r->values, to->values * sizeof(double));
	return NULL;
}

static void fill_extra(const Wire__Record *r, struct result *to, uint8_t **extra)
{
	Wire__Record e;

	if (!has_extra(r))
		return;
	e = extra_of(r);
	to->extra = *extra;
	to->extra_size = (uint32_t)wire__record__pack(&e, *extra);
	*extra += to->extra_size;
}

int decode_batch(const Wire__Batch *w, const uint32_t *digests, const struct numbers *checks, const struct numbers *series,
		 struct batch **ret, const char **ret_why)
{
	size_t values, extras;
	uint8_t *extra;
	struct batch *b;
	uint32_t at = 0;
	const char *wrong = measure(w, &values, &extras);

	if (wrong) {
		*ret_why = wrong;
		return -EBADMSG;
	}
	b = block(w->n_records, values, extras, &extra);
	if (!b)
		return -ENOMEM;
	b->epoch = w->epoch;
	b->first = w->first;
	b->before = w->before;
	for (size_t i = 0; i < w->n_records && !wrong; i++) {
		wrong = fill(w->records[i], checks, series, b, &b->result[i], at);
		fill_extra(w->records[i], &b->result[i], &extra);
		b->result[i].digest = digests ? digests[i] : 0;
		at += b->result[i].values;
	}
	if (wrong) {
		free(b);
		*ret_why = wrong;
		return -EBADMSG;
	}
	*ret = b;
	return 0;
}

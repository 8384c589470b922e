#include "config.h"

#include "agent/core/report.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/text.h"

#define VALUES_MAX 10000u	/* these are also what the collector takes */
#define LABELS_MAX 16u
#define FIELDS_MAX 64u
#define FACTS_MAX 64u
#define SKIPS_MAX 1000u
#define EVENTS_MAX 10000u
#define TEXT_MAX 4096u
#define EVENT_MAX (64u * 1024)

static bool labels_are_good(Wire__Label *const *labels, size_t n, size_t most)
{
	if (n > most)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!text_name(labels[i]->name) || labels[i]->value.len > TEXT_MAX)
			return false;
	return true;
}

static const char *check_facts(Wire__Fact *const *facts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!text_name(facts[i]->name) || facts[i]->value.len > TEXT_MAX ||
		    !labels_are_good(facts[i]->labels, facts[i]->n_labels, LABELS_MAX))
			return "a fact that cannot be";
	return NULL;
}

static const char *check_skips(Wire__Skip *const *skips, size_t n)
{
	if (n > SKIPS_MAX)
		return "too many skips";
	for (size_t i = 0; i < n; i++)
		if (skips[i]->what.len > TEXT_MAX)
			return "a skip that is too long";
	return NULL;
}

static const char *check_values(const struct check *check, const Host__Round *round)
{
	if (round->n_values > VALUES_MAX)
		return "more than 10,000 values";
	for (size_t i = 0; i < round->n_values; i++) {
		const Host__Value *v = round->values[i];

		if (v->metric >= check->spec->inventory->plugin->n_metrics || !isfinite(v->value) ||
		    !labels_are_good(v->labels, v->n_labels, LABELS_MAX))
			return "a value that cannot be";
	}
	return NULL;
}

/* A number for each value's series. 0, -ENOSPC or -ENOMEM. */
static int number_values(const struct check *check, const Host__Round *round, struct dictionary *dictionary, struct arena *arena,
			 Wire__Record *ret)
{
	uint8_t small[1024];

	ret->series = arena_take(arena, round->n_values * sizeof(*ret->series));
	ret->values = arena_take(arena, round->n_values * sizeof(*ret->values));
	if (!ret->series || !ret->values)
		return -ENOMEM;
	for (size_t i = 0; i < round->n_values; i++) {
		const Host__Value *v = round->values[i];
		Wire__Series key = WIRE__SERIES__INIT;
		uint8_t *packed = small;
		size_t n;
		int r;

		key.check = check->number;
		key.metric = check->spec->inventory->plugin->metrics[v->metric]->name;
		key.labels = v->labels;
		key.n_labels = v->n_labels;
		n = wire__series__get_packed_size(&key);
		if (n > sizeof(small) && !(packed = arena_take(arena, n)))
			return -ENOMEM;
		wire__series__pack(&key, packed);
		r = dictionary_series(dictionary, check->number, packed, n, &ret->series[i]);
		if (r < 0)
			return r;
		ret->values[i] = v->value;
	}
	ret->n_series = ret->n_values = round->n_values;
	return 0;
}

void report_failure(const struct check *check, Wire__Outcome outcome, const char *why, int64_t took_ns, Wire__Record *ret)
{
	wire__record__init(ret);
	ret->check = check->number;
	ret->at = (uint64_t)clock_wall();
	ret->took_ns = (uint64_t)took_ns;
	ret->outcome = outcome;
	ret->error.data = (uint8_t *)why;
	ret->error.len = strnlen(why, TEXT_MAX);
	ret->round = true;
}

static ProtobufCBinaryData at_most(ProtobufCBinaryData text)
{
	if (text.len > TEXT_MAX)
		text.len = TEXT_MAX;
	return text;
}

int report_round(const struct check *check, const Host__Round *round, struct dictionary *dictionary, struct arena *arena,
		 Wire__Record *ret, const char **ret_why)
{
	int r;

	*ret_why = check_values(check, round);
	if (!*ret_why)
		*ret_why = check_facts(round->facts, round->n_facts);
	if (!*ret_why)
		*ret_why = check_skips(round->skips, round->n_skips);
	if (!*ret_why && (round->outcome < WIRE__OUTCOME__OK || round->outcome > WIRE__OUTCOME__FAILED))
		*ret_why = "an outcome that is not its own to tell";
	if (*ret_why)
		return -EBADMSG;
	if (round->n_facts > FACTS_MAX) {
		report_failure(check, WIRE__OUTCOME__FAILED, "more than 64 facts in one round", (int64_t)round->took_ns, ret);
		return 0;
	}
	wire__record__init(ret);
	r = number_values(check, round, dictionary, arena, ret);
	if (r == -ENOSPC) {
		report_failure(check, WIRE__OUTCOME__FAILED, "too many series: more than 10,000 of this check, or 40,000 of this agent, "
			       "have ever been seen", (int64_t)round->took_ns, ret);
		return 0;
	}
	if (r < 0)
		return r;
	ret->check = check->number;
	ret->at = (uint64_t)clock_wall();
	ret->took_ns = round->took_ns < INT64_MAX ? round->took_ns : 0;
	ret->outcome = round->outcome;
	ret->facts = round->facts;
	ret->n_facts = round->n_facts;
	ret->skips = round->skips;
	ret->n_skips = round->n_skips;
	ret->error = at_most(round->error);
	ret->output = at_most(round->output);
	ret->round = true;
	return 0;
}

int report_events(const struct check *check, const Host__Events *events, Wire__Record *ret, const char **ret_why)
{
	*ret_why = check_facts(events->facts, events->n_facts);
	if (!*ret_why)
		*ret_why = check_skips(events->skips, events->n_skips);
	if (!*ret_why && (events->n_events > EVENTS_MAX || events->n_facts > FACTS_MAX))
		*ret_why = "too many events or facts at once";
	for (size_t i = 0; i < events->n_events && !*ret_why; i++) {
		events->events[i]->more = events->events[i]->digest = 0;	/* these are the core's to say */
		events->events[i]->until = 0;
		if (!text_name(events->events[i]->name) ||
		    !labels_are_good(events->events[i]->fields, events->events[i]->n_fields, FIELDS_MAX) ||
		    wire__event__get_packed_size(events->events[i]) > EVENT_MAX)
			*ret_why = "an event that cannot be";
	}
	if (*ret_why)
		return -EBADMSG;
	wire__record__init(ret);
	ret->check = check->number;
	ret->at = (uint64_t)clock_wall();
	ret->outcome = events->n_skips ? WIRE__OUTCOME__PARTIAL : WIRE__OUTCOME__OK;
	ret->events = events->events;
	ret->n_events = events->n_events;
	ret->facts = events->facts;
	ret->n_facts = events->n_facts;
	ret->skips = events->skips;
	ret->n_skips = events->n_skips;
	return 0;
}

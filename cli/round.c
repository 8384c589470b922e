#include "round.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "command.h"
#include "text.h"
#include "unit.h"

static const char *const outcomes[] = {"ok", "partial", "failed", "timed out", "crashed", "refused"};
static const char *const states[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
static const char *const kinds[] = {"gauge", "counter", "state"};

const Wire__Metric *round_metric(const struct round *r, const Host__Value *v)
{
	return v->metric < r->inventory->plugin->n_metrics ? r->inventory->plugin->metrics[v->metric] : NULL;
}

static const struct bound *find_bound(const struct bound *bounds, size_t n, const Wire__Metric *m)
{
	for (size_t i = 0; m && i < n; i++)
		if (strcmp(bounds[i].metric, m->name) == 0)
			return &bounds[i];
	return NULL;
}

static int value_state(const struct round *r, const Host__Value *v)
{
	const Wire__Metric *m = round_metric(r, v);
	const struct bound *critical = find_bound(r->critical.at, r->critical.n, m);
	const struct bound *warning = find_bound(r->warning.at, r->warning.n, m);

	if (critical && bound_alerts(critical, v->value))
		return ROUND_CRITICAL;
	return warning && bound_alerts(warning, v->value) ? ROUND_WARNING : ROUND_OK;
}

int round_state(const struct round *r)
{
	int worst = ROUND_OK;

	if (r->round->outcome > WIRE__OUTCOME__PARTIAL)
		return ROUND_UNKNOWN;
	for (size_t i = 0; i < r->round->n_values; i++) {
		int state = value_state(r, r->round->values[i]);

		worst = state > worst ? state : worst;
	}
	return worst == ROUND_OK && r->round->outcome == WIRE__OUTCOME__PARTIAL ? ROUND_UNKNOWN : worst;
}

static char *bytes_text(const ProtobufCBinaryData *b, char *buf, size_t room)
{
	return text_escape(b->data, b->len, buf, room);
}

char *round_labels(Wire__Label *const *labels, size_t n, char *buf, size_t room)
{
	char value[512];
	size_t used = 0;

	buf[0] = 0;
	for (size_t i = 0; i < n && used < room; i++)
		used += (size_t)snprintf(buf + used, room - used, "%s%s=%s", i ? " " : "", labels[i]->name,
					 bytes_text(&labels[i]->value, value, sizeof(value)));
	return buf;
}

static const char *outcome_name(const struct round *r)
{
	return (size_t)r->round->outcome < sizeof(outcomes) / sizeof(*outcomes) ? outcomes[r->round->outcome]
										: "unknown";
}

/* ---- text ---- */

static void print_value(const struct round *r, const Host__Value *v)
{
	const Wire__Metric *m = round_metric(r, v);
	char labels[1024], value[64];
	int state = value_state(r, v);

	if (!m)
		return;
	printf("  %-32s %14s%s%s%s%s\n", m->name, unit_put(v->value, m->unit, value, sizeof(value)),
	       v->n_labels ? "  " : "", round_labels(v->labels, v->n_labels, labels, sizeof(labels)), state ? "  " : "",
	       state ? states[state] : "");
}

/* What was printed, line by line. */
static void print_output(const ProtobufCBinaryData *output)
{
	const uint8_t *p = output->len ? output->data : (const uint8_t *)"", *end = p + output->len;
	char line[1024];

	while (p < end) {
		const uint8_t *newline = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((newline ? newline : end) - p);

		printf("  says: %s\n", text_escape(p, n, line, sizeof(line)));
		p += n + 1;
	}
}

static void print_event(const Wire__Event *e)
{
	char fields[4096];

	printf("  event %s: %s\n", e->name, round_labels(e->fields, e->n_fields, fields, sizeof(fields)));
}

int round_print_text(const struct round *r)
{
	const Host__Round *round = r->round;
	char text[4096], labels[1024];

	printf("%s %s: %s in %.1f ms%s%s\n", r->inventory->plugin->name, r->inventory->plugin->version, outcome_name(r),
	       (double)round->took_ns / 1e6, round->error.len ? ": " : "",
	       bytes_text(&round->error, text, sizeof(text)));
	for (size_t i = 0; i < round->n_values; i++)
		print_value(r, round->values[i]);
	for (size_t i = 0; i < round->n_facts; i++)
		printf("  fact %s: %s%s%s\n", round->facts[i]->name,
		       bytes_text(&round->facts[i]->value, text, sizeof(text)), round->facts[i]->n_labels ? "  " : "",
		       round_labels(round->facts[i]->labels, round->facts[i]->n_labels, labels, sizeof(labels)));
	for (size_t i = 0; i < r->events.n; i++)
		for (size_t k = 0; k < r->events.at[i]->n_events; k++)
			print_event(r->events.at[i]->events[k]);
	for (size_t i = 0; i < round->n_skips; i++)
		printf("  skipped %s: %s\n", bytes_text(&round->skips[i]->what, text, sizeof(text)),
		       round->skips[i]->error ? strerror(round->skips[i]->error) : "no reason given");
	print_output(&round->output);
	return round_state(r);
}

/* ---- JSON ---- */

static json_t *json_bytes(const ProtobufCBinaryData *b)
{
	FREE char *escaped = NULL;

	if (b->len == 0)
		return json_string("");
	if (text_utf8(b->data, b->len) && !memchr(b->data, 0, b->len))
		return json_stringn((const char *)b->data, b->len);
	escaped = malloc(b->len * 4 + 4);
	return escaped ? json_string(text_escape(b->data, b->len, escaped, b->len * 4 + 4)) : json_null();
}

static json_t *json_labels(Wire__Label *const *labels, size_t n)
{
	json_t *object = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(object, labels[i]->name, json_bytes(&labels[i]->value));
	return object;
}

static json_t *json_value(const struct round *r, const Host__Value *v)
{
	const Wire__Metric *m = round_metric(r, v);

	return json_pack("{s:s, s:s, s:s, s:o, s:f, s:s}", "metric", m ? m->name : "?", "unit", m ? m->unit : "?",
			 "kind", m && (size_t)m->kind < 3 ? kinds[m->kind] : "?", "labels",
			 json_labels(v->labels, v->n_labels), "value", v->value, "state", states[value_state(r, v)]);
}

static json_t *json_events(const struct round *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->events.n; i++)
		for (size_t k = 0; k < r->events.at[i]->n_events; k++) {
			const Wire__Event *e = r->events.at[i]->events[k];

			json_array_append_new(list,
					      json_pack("{s:s, s:I, s:o}", "event", e->name, "at", (json_int_t)e->at,
							"fields", json_labels(e->fields, e->n_fields)));
		}
	return list;
}

int round_print_json(const struct round *r)
{
	const Host__Round *round = r->round;
	json_t *values = json_array(), *facts = json_array(), *skips = json_array();

	for (size_t i = 0; i < round->n_values; i++)
		json_array_append_new(values, json_value(r, round->values[i]));
	for (size_t i = 0; i < round->n_facts; i++)
		json_array_append_new(facts, json_pack("{s:s, s:o, s:o}", "fact", round->facts[i]->name, "labels",
			json_labels(round->facts[i]->labels, round->facts[i]->n_labels), "value",
			json_bytes(&round->facts[i]->value)));
	for (size_t i = 0; i < round->n_skips; i++)
		json_array_append_new(skips, json_pack("{s:i, s:o}", "error", round->skips[i]->error, "what",
			json_bytes(&round->skips[i]->what)));
	command_print(json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "plugin",
				r->inventory->plugin->name, "version", r->inventory->plugin->version, "outcome",
				outcome_name(r), "state", states[round_state(r)], "took_ns", (json_int_t)round->took_ns,
				"error", json_bytes(&round->error), "values", values, "facts", facts, "events",
				json_events(r), "skips", skips, "output", json_bytes(&round->output)));
	return round_state(r);
}

/* ---- Nagios: one line, performance data behind a bar (monitoring-plugins.org guidelines) ---- */

static const char *nagios_unit(const Wire__Metric *m)
{
	if (m->kind == WIRE__KIND__COUNTER)
		return "c";
	return strcmp(m->unit, "bytes") == 0 ? "B" : strcmp(m->unit, "seconds") == 0 ? "s" : "";
}

/* 'metric label label': without what performance data gives a meaning to. */
static void print_label(const Wire__Metric *m, const Host__Value *v)
{
	char value[512];

	printf(" '%s", m->name);
	for (size_t i = 0; i < v->n_labels; i++) {
		putchar(' ');
		for (const char *p = bytes_text(&v->labels[i]->value, value, sizeof(value)); *p; p++)
			putchar(*p == '\'' || *p == '=' || *p == '|' ? '_' : *p);
	}
	putchar('\'');
}

static void print_performance(const struct round *r, const Host__Value *v)
{
	const Wire__Metric *m = round_metric(r, v);
	const struct bound *warning = find_bound(r->warning.at, r->warning.n, m);
	const struct bound *critical = find_bound(r->critical.at, r->critical.n, m);
	char w[96] = "", c[96] = "";

	if (!m)
		return;
	print_label(m, v);
	if (warning)
		bound_put(warning, w, sizeof(w));
	if (critical)
		bound_put(critical, c, sizeof(c));
	printf("=%.15g%s;%s;%s", v->value, nagios_unit(m), w, c);
}

/* The worst value in words, or the error, or how many values there are. */
static void print_summary(const struct round *r, int state)
{
	char text[1024], labels[1024], value[64];

	for (size_t i = 0; i < r->round->n_values && (state == ROUND_WARNING || state == ROUND_CRITICAL); i++) {
		const Host__Value *v = r->round->values[i];
		const Wire__Metric *m = round_metric(r, v);

		if (value_state(r, v) == state) {
			printf("%s is %s%s%s", m->name, unit_put(v->value, m->unit, value, sizeof(value)),
			       v->n_labels ? " " : "", round_labels(v->labels, v->n_labels, labels, sizeof(labels)));
			return;
		}
	}
	if (r->round->error.len)
		fputs(bytes_text(&r->round->error, text, sizeof(text)), stdout);
	else if (r->round->n_skips)
		printf("%zu sources could not be read, the first: %s: %s", r->round->n_skips,
		       bytes_text(&r->round->skips[0]->what, text, sizeof(text)), strerror(r->round->skips[0]->error));
	else
		printf("%zu values", r->round->n_values);
}

int round_print_nagios(const struct round *r)
{
	int state = round_state(r);

	printf("%s %s - ", r->inventory->plugin->name, states[state]);
	print_summary(r, state);
	if (r->round->n_values) {
		fputs(" |", stdout);
		for (size_t i = 0; i < r->round->n_values; i++)
			print_performance(r, r->round->values[i]);
	}
	putchar('\n');
	return state;
}

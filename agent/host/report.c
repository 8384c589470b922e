#include "config.h"

#include "agent/host/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/crc32c.h"
#include "lib/text.h"

enum { VALUE_METRIC = 1, VALUE_VALUE = 2, VALUE_LABELS = 3, ROUND_VALUES = 4 };
enum { LABEL_NAME = 1, LABEL_VALUE = 2, FACT_NAME = 1, FACT_LABELS = 2, FACT_VALUE = 3 };
enum { EVENT_NAME = 1, EVENT_AT = 2, EVENT_FIELDS = 3, SKIP_ERROR = 1, SKIP_WHAT = 2 };
#define DOUBLE_SIZE 9		/* tag and eight bytes: a value's last field */
#define KEEP 16384

void report_break(struct report *r, const char *format, ...)
{
	va_list args;

	if (r->broken[0])
		return;
	va_start(args, format);
	vsnprintf(r->broken, sizeof(r->broken), format, args);
	va_end(args);
}

static size_t label_size(const struct beadle_label *l)
{
	return bytes_field_size(strlen(l->name)) + bytes_field_size(strlen(l->value));
}

/* Bytes that the labels take, each as a field of its own; or -1, and the round is broken. */
static ssize_t labels_size(struct report *r, const char *owner, const struct beadle_label *labels, unsigned max)
{
	size_t n = 0;

	for (unsigned i = 0; labels && labels[i].name; i++) {
		if (i == max)
			return report_break(r, "%s: more than %u labels", owner, max), -1;
		if (!text_name(labels[i].name))
			return report_break(r, "%s: \"%.63s\" is no name for a label", owner, labels[i].name), -1;
		if (!labels[i].value)
			return report_break(r, "%s: label %s has no value", owner, labels[i].name), -1;
		if (strlen(labels[i].value) > REPORT_TEXT)
			return report_break(r, "%s: label %s is longer than 4 KiB", owner, labels[i].name), -1;
		n += bytes_field_size(label_size(&labels[i]));
	}
	return (ssize_t)n;
}

static void put_labels(struct bytes *b, unsigned field, const struct beadle_label *labels)
{
	for (; labels && labels->name; labels++) {
		bytes_head(b, field, label_size(labels));
		bytes_put(b, LABEL_NAME, labels->name, strlen(labels->name));
		bytes_put(b, LABEL_VALUE, labels->value, strlen(labels->value));
	}
}

static bool fits(struct report *r, struct bytes *b, size_t more, size_t max)
{
	if (b->n + more > max)
		return report_break(r, "the round is larger than %zu KiB", max / 1024), false;
	if (!bytes_reserve(b, more))
		return report_break(r, "out of memory"), false;
	return true;
}

/* The series of the value at `place`: metric and labels, without the double that ends it. */
static const uint8_t *series_of(const struct report *r, uint32_t place, size_t *ret_n)
{
	const uint8_t *p = r->values.at + place + 1;
	size_t n = 0;
	int shift = 0;

	for (; *p & 0x80; p++, shift += 7)
		n |= (size_t)(*p & 0x7f) << shift;
	n |= (size_t)*p++ << shift;
	*ret_n = n - DOUBLE_SIZE;
	return p;
}

/* The slot of this series: holds its place + 1, or 0 where it would go. */
static uint32_t *seen_slot(const struct report *r, const uint8_t *series, size_t n)
{
	for (size_t i = crc32c(0, series, n);; i++) {
		uint32_t *slot = &r->seen[i & (r->n_seen - 1)];
		const uint8_t *other;
		size_t other_n;

		if (!*slot)
			return slot;
		other = series_of(r, *slot - 1, &other_n);
		if (other_n == n && memcmp(other, series, n) == 0)
			return slot;
	}
}

static bool seen_grow(struct report *r)
{
	struct report bigger = *r;

	bigger.n_seen = r->n_seen ? r->n_seen * 2 : 64;
	bigger.seen = calloc(bigger.n_seen, sizeof(*bigger.seen));
	if (!bigger.seen)
		return false;
	for (size_t i = 0; i < r->n_seen; i++) {
		const uint8_t *series;
		size_t n;

		if (!r->seen[i])
			continue;
		series = series_of(r, r->seen[i] - 1, &n);
		*seen_slot(&bigger, series, n) = r->seen[i];
	}
	free(r->seen);
	*r = bigger;
	return true;
}

void report_value(struct report *r, uint32_t metric, const char *name, double value, const struct beadle_label *labels)
{
	ssize_t n_labels = labels_size(r, name, labels, REPORT_LABELS);
	size_t n = 1 + bytes_varint_size(metric) + (size_t)n_labels + DOUBLE_SIZE, series_n;
	uint32_t place = (uint32_t)r->values.n, *slot;
	const uint8_t *series;

	if (n_labels < 0 || r->broken[0])
		return;
	if (!isfinite(value))
		return report_break(r, "%s: the value is not a number", name);
	if (r->n_values == REPORT_VALUES)
		return report_break(r, "more than %u values in a round", REPORT_VALUES);
	if (!fits(r, &r->values, bytes_field_size(n), REPORT_MAX))
		return;
	if (r->n_values * 2 >= r->n_seen && !seen_grow(r))
		return report_break(r, "out of memory");

	bytes_head(&r->values, ROUND_VALUES, n);
	bytes_number(&r->values, VALUE_METRIC, metric);
	put_labels(&r->values, VALUE_LABELS, labels);
	bytes_fixed64(&r->values, VALUE_VALUE, &value);

	series = series_of(r, place, &series_n);
	slot = seen_slot(r, series, series_n);
	if (*slot) {		/* known: its value is replaced, and this copy forgotten */
		uint8_t *old = (uint8_t *)series_of(r, *slot - 1, &series_n);

		memcpy(old + series_n + 1, &value, sizeof(value));
		r->values.n = place;
		return;
	}
	*slot = place + 1;
	r->n_values++;
}

void report_fact(struct report *r, struct bytes *b, unsigned field, const char *name, const char *value,
		 const struct beadle_label *labels)
{
	ssize_t n_labels;
	size_t n, n_value = value ? strlen(value) : 0;

	if (!name || !text_name(name))
		return report_break(r, "\"%.63s\" is no name for a fact", name ? name : "");
	if (n_value > REPORT_TEXT)
		return report_break(r, "fact %s is longer than 4 KiB", name);
	n_labels = labels_size(r, name, labels, REPORT_LABELS);
	n = bytes_field_size(strlen(name)) + bytes_field_size(n_value) + (size_t)n_labels;
	if (n_labels < 0 || !fits(r, b, bytes_field_size(n), REPORT_MAX))
		return;
	bytes_head(b, field, n);
	bytes_put(b, FACT_NAME, name, strlen(name));
	put_labels(b, FACT_LABELS, labels);
	bytes_put(b, FACT_VALUE, value, n_value);
}

void report_skip(struct report *r, struct bytes *b, unsigned field, int error, const char *what)
{
	size_t n_what = what ? strnlen(what, REPORT_TEXT) : 0;
	uint64_t number = (uint64_t)(int64_t)(error < 0 ? -error : error);
	size_t n = 1 + bytes_varint_size(number) + bytes_field_size(n_what);

	if (++r->n_skips > REPORT_SKIPS)
		return report_break(r, "more than %u sources were skipped", REPORT_SKIPS);
	if (!fits(r, b, bytes_field_size(n), REPORT_EVENTS + REPORT_EVENT))
		return;
	bytes_head(b, field, n);
	bytes_number(b, SKIP_ERROR, number);
	bytes_put(b, SKIP_WHAT, what, n_what);
}

void report_event(struct report *r, unsigned field, const char *name, int64_t at, const struct beadle_label *fields)
{
	ssize_t n_fields;
	size_t n;

	if (!name || !text_name(name))
		return report_break(r, "\"%.63s\" is no name for an event", name ? name : "");
	n_fields = labels_size(r, name, fields, REPORT_FIELDS);
	if (n_fields < 0)
		return;
	n = bytes_field_size(strlen(name)) + 9 + (size_t)n_fields;
	if (n > REPORT_EVENT)
		return report_break(r, "event %s is larger than 64 KiB", name);
	if (!fits(r, &r->events, bytes_field_size(n), REPORT_MAX))
		return;
	bytes_head(&r->events, field, n);
	bytes_put(&r->events, EVENT_NAME, name, strlen(name));
	bytes_fixed64(&r->events, EVENT_AT, &at);
	put_labels(&r->events, EVENT_FIELDS, fields);
}

void report_empty(struct report *r)
{
	bytes_empty(&r->values, KEEP);
	bytes_empty(&r->skips, KEEP);
	bytes_empty(&r->events, KEEP);
	if (r->n_seen > 1024) {
		free(r->seen);
		r->seen = NULL;
		r->n_seen = 0;
	} else if (r->n_values) {
		memset(r->seen, 0, r->n_seen * sizeof(*r->seen));
	}
	r->n_values = r->n_skips = 0;
	r->broken[0] = 0;
}

void report_free(struct report *r)
{
	bytes_empty(&r->values, 0);
	bytes_empty(&r->skips, 0);
	bytes_empty(&r->events, 0);
	free(r->seen);
	*r = (struct report){0};
}

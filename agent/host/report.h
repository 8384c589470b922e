/*
 * report.h - what one round reported, until it is sent whole or not at all. Values and facts count only when collect
 * succeeds; skips are told either way; events go ahead, as they come.
 */
#ifndef REPORT_H
#define REPORT_H

#include <beadle/plugin.h>

#include "agent/host/bytes.h"

#define REPORT_MAX (768u * 1024)	/* of values, facts and skips: the frame's limit, with room for the rest */
#define REPORT_EVENTS (128u * 1024)	/* events are sent when there is so much of them */
#define REPORT_EVENT 65536u
#define REPORT_TEXT 4096u		/* longest value of a label, fact or field */
#define REPORT_LABELS 16u
#define REPORT_FIELDS 64u
#define REPORT_VALUES 10000u
#define REPORT_SKIPS 1000u

struct report {
	struct bytes values, skips, events;
	uint32_t *seen;			/* hash table of values' places + 1, so that the last of a series counts */
	size_t n_seen;			/* its size: a power of two */
	size_t n_values, n_skips;
	char broken[160];		/* why the round cannot be delivered; "" while it can */
};

/* Each keeps what it is given, or marks the round as broken with the first reason. `field` is the message's number in
 * host.Round or host.Events. */
void report_value(struct report *, uint32_t metric, const char *name, double value, const struct beadle_label *);
void report_fact(struct report *, struct bytes *, unsigned field, const char *name, const char *value,
		 const struct beadle_label *);
void report_skip(struct report *, struct bytes *, unsigned field, int error, const char *what);
void report_event(struct report *, unsigned field, const char *name, int64_t at, const struct beadle_label *);
void report_break(struct report *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_empty(struct report *);	/* for the next round; keeps a little memory */
void report_free(struct report *);

#endif

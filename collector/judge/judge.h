/*
 * judge.h - observations become states. Owned by one thread, no locks, no I/O; time is an argument, so a test hands any clock
 * it likes. State is flat memory indexed by the collector's series number.
 *
 * Fast path: for each series the judge keeps the interval in which no rule changes its mind; a value inside costs one look.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "rule.h"

struct judge;

/* Told of each change, inside the call that found it. `series` is UINT32_MAX for a state of the check itself (stale, failed)
 * and `check` too for one of the host (gone). */
struct judge_change {
	uint32_t host, check, series;
	const struct rule *rule;	/* NULL: freshness, outcome, agent gone */
	enum state before, after;
	double value;
	int64_t at;			/* when it became so: wall clock of the agent; of the collector where it is about silence */
	bool flapping;
	const char *why;		/* in words, for states without a rule; lives for the call */
};
typedef void judge_told(const struct judge_change *, void *arg);

/* Rules are kept by the caller while the judge lives. */
struct judge *judge_new(const struct rule *const *rules, size_t n, judge_told *, void *arg);
void judge_free(struct judge *);

void judge_host(struct judge *, uint32_t host, const char *name);
void judge_check(struct judge *, uint32_t check, uint32_t host, const char *name, int64_t interval_ns, int64_t now_boot);
/* labels end with a NULL name. Values may be any bytes (NUL-terminated here). */
void judge_series(struct judge *, uint32_t series, uint32_t check, const char *metric, const struct rule_label *labels);

/* One value. Unknown series are ignored. */
void judge_value(struct judge *, uint32_t series, double value, int64_t at);
/* One round of a check has come; ok: it delivered (wholly or in part). */
void judge_round(struct judge *, uint32_t check, bool ok, const char *why, int64_t at, int64_t now_boot);
/* A connection of the host came or went. */
void judge_connected(struct judge *, uint32_t host, bool connected, int64_t now_boot);
/* The collector itself was away or its intake stood still: silence until `now_boot` is not blamed on hosts (R14). */
void judge_forgive(struct judge *, int64_t now_boot);
/* Silence: stale checks (2.5 intervals), hosts gone, `for` that has run out. Call it about once a second. */
void judge_tick(struct judge *, int64_t now_wall, int64_t now_boot);

/* Replaces the rules; states whose rule is gone are cleared as OK, each told. */
void judge_rules(struct judge *, const struct rule *const *rules, size_t n);

/* For restoring and for screens. */
enum state judge_state(const struct judge *, uint32_t series, const struct rule **ret_rule, double *ret_value, int64_t *ret_at);
void judge_restore(struct judge *, uint32_t series, const char *rule_id, enum state, double value, int64_t at);

#endif

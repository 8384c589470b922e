/*
 * judge.h - observations become states. Owned by one thread, no locks, no I/O; time is an argument, so a test hands
 * any clock it likes. State is flat memory indexed by the collector's numbers of hosts, checks and series (dense,
 * from 0 or 1).
 *
 * Fast path: for each series the judge keeps the interval in which no rule changes its mind; a value inside costs one
 * look.
 *
 * An ordinary life: judge_host, judge_check, judge_series when names become numbers; judge_restore for each stored
 * state; then for each committed result judge_value for its values and judge_round at its end; judge_tick once a
 * second.
 *
 * Time. `at` is the agent's wall clock and may jump: only differences between one series' consecutive values count,
 * each at most 2.5 intervals. Silence is measured on the collector's boot clock alone. Ages (rule.age) are not judged
 * while the agent's clock is more than 5 minutes ahead of the collector's.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "rule.h"

#define JUDGE_NONE UINT32_MAX
#define JUDGE_MAX (16u * 1024 * 1024)	/* numbers from here on are refused */

struct judge;

/* Told of each change, inside the call that found it. `series` is JUDGE_NONE for a state of the check itself (silent,

 * failed, partial), and `check` too for one of the host (gone). before equals after where only `flapping` changed. */
struct judge_change {
	uint32_t host, check, series;
	const struct rule *rule;	/* NULL: the procedure has no rule for this silence or failure */
	enum state before, after;
	double value;
	int64_t at;			/* when: wall clock of the agent; of the collector where it is about silence */
	bool flapping;			/* 5 changes in 20 rounds: the worst is held until 10 rounds pass without one */
	const char *why;		/* in words, for states that no bound explains, else NULL; lives for the call */
};
typedef void judge_told(const struct judge_change *, void *arg);

/* Rules are kept by the caller while the judge lives, or until judge_rules. NULL: no memory. */
struct judge *judge_new(const struct rule *const *rules, size_t n, judge_told *, void *arg);
void judge_free(struct judge *);
/* A host without connection is gone after so long (120 s), one that was never connected after `first` (1 h). */
void judge_patience(struct judge *, int64_t ns, int64_t first_ns);

/* Again for what is known: the new interval is taken, else nothing changes. 0, -ERANGE (number, or a check or host
 * not yet known), -ENOMEM. A host counts as having been there: it is gone when it does not connect (judge_patience). */
int judge_host(struct judge *, uint32_t host, const char *name, int64_t now_boot);
int judge_check(struct judge *, uint32_t check, uint32_t host, const char *name, int64_t interval_ns, int64_t now_boot);
/* After judge_host: its identity was made, and nobody has connected with it yet. */
void judge_expected(struct judge *, uint32_t host);
/* labels end with a NULL name. Values may be any bytes (NUL-terminated here). */
int judge_series(struct judge *, uint32_t series, uint32_t check, const char *metric, const struct rule_label *labels);
/* Takes a check out (no longer assigned): its states are cleared as OK, each told. */
void judge_check_gone(struct judge *, uint32_t check, int64_t now_wall);

/* Takes a host out (its identity was revoked): its checks, and it itself, are no longer missed; told as above. */
void judge_host_gone(struct judge *, uint32_t host, int64_t now_wall);

/* One value. Unknown series and values that are not finite are ignored. */
void judge_value(struct judge *, uint32_t series, double value, int64_t at);
/* One round of a check has come, after its values; ok: it delivered (wholly or in part). Two failed in a row:
 * UNKNOWN. A series in a bad state that three delivered rounds left out becomes UNKNOWN, "no longer reported": never
 * a silent OK. */
void judge_round(struct judge *, uint32_t check, bool ok, const char *why, int64_t at, int64_t now_boot);
/* Before the judge_round of a round that delivered: the sources that it left out (NULL, 0: none; not called: none). The same one in
 * three rounds in a row is a state of the check; a series that is not reported meanwhile becomes UNKNOWN after three rounds, in
 * whatever state it was: it is its source that is missing. */
void judge_skips(struct judge *, uint32_t check, const char *const *what, size_t n);
/* A connection of the host came or went (they are counted: the new one may come before the old one ends). */
void judge_connected(struct judge *, uint32_t host, bool connected, int64_t now_wall, int64_t now_boot);
/* A watcher has come and gone, who never connects: it is missed when it has not come for as long as one that never was connected. */
void judge_looked(struct judge *, uint32_t host, int64_t now_wall, int64_t now_boot);
/* The collector itself was away or its intake stood still: silence until `now_boot` is not blamed on hosts (R14). */
void judge_forgive(struct judge *, int64_t now_boot);
/* Silence: stale checks, hosts gone, `for` that has run out. Call it about once a second. */
void judge_tick(struct judge *, int64_t now_wall, int64_t now_boot);

/* Replaces the rules; states whose rule (by id) is gone are cleared as OK, each told. -ENOMEM: nothing changed. */
int judge_rules(struct judge *, const struct rule *const *rules, size_t n, int64_t now_wall);

/* The series is looked at afresh: an UNKNOWN "no longer reported" ends, nothing is told. For when a person closes its
 * incident. */
void judge_retire(struct judge *, uint32_t series);

/* For restoring: a state as it was told, after the names are known and before values come. A rule that is no longer
 * there: told as OK. Numbers as in judge_change. */
void judge_restore(struct judge *, uint32_t host, uint32_t check, uint32_t series, const char *rule_id, enum state,
		   double value, int64_t at, int64_t now_wall);

/* For screens. The worst of the series' rules; the rule (NULL: none looks at it), the last value and its stamp (0:
 * none); each ret_ may be NULL. */
enum state judge_state(const struct judge *, uint32_t series, const struct rule **ret_rule, double *ret_value,
		       int64_t *ret_at);
enum state judge_check_state(const struct judge *, uint32_t check);	/* of the check itself: OK or UNKNOWN */
enum state judge_host_state(const struct judge *, uint32_t host);	/* OK, or UNKNOWN: gone */
size_t judge_bytes(const struct judge *);				/* memory held: for figures */

#endif

/*
 * rule.h - rules: which metric, which labels and hosts, warning and critical bounds with units, for how long, and the
 * clause. Read from conf.d/procedure/ by procedure/; the judge only applies them. Nothing here knows files, sockets,
 * SQL.
 */
#ifndef RULE_H
#define RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum state { STATE_OK, STATE_WARNING, STATE_CRITICAL, STATE_UNKNOWN };

/* How bad: OK < WARNING < UNKNOWN < CRITICAL. Not to know is worse than to know of a small thing. */
int state_rank(enum state);
static inline enum state state_worse(enum state a, enum state b) { return state_rank(b) > state_rank(a) ? b : a; }
const char *state_name(enum state);				/* "ok" "warning" "critical" "unknown" */
int state_parse(const char *name, enum state *ret);		/* -EINVAL */

/* A bound is crossed at or beyond `at`, in the rule's direction (strict: beyond only; "> 24 h" as against ">= 85 %").
 * A state once entered is left when the value is strictly inside `clear`; where clear equals at: when it no longer
 * crosses. */
struct bound { double at, clear; bool set, strict, stated; };	/* stated: the procedure's number, else the school's (≈) */

struct rule_label { const char *name, *pattern; };	/* fnmatch(3) */

/* What the collector itself observes has rules too, so that a silent check has a kind and a clause like any other. */
#define RULE_AGENT_GONE "agent_gone"		/* of a host: no connection, or disconnected and a check overdue */
#define RULE_AGENT_NEVER "agent_never"		/* of a host: its identity was made, and nobody connected; else as agent_gone */
#define RULE_CHECK_SILENT "check_silent"	/* of a check: no round for 2.5 intervals, agent connected */
#define RULE_CHECK_FAILED "check_failed"	/* of a check: two rounds in a row could not measure */
#define RULE_CHECK_PARTIAL "check_partial"	/* of a check: three rounds in a row left the same source out */
/* And what it sees of identities and of itself (I3, R6, R8). */
#define RULE_AGENT_IMPOSTOR "agent_impostor"	/* of a host: its certificate was shown with another's name */
#define RULE_AGENT_TWINS "agent_twins"		/* of a host: two machines connect with its certificate by turns */
#define RULE_AGENT_PARTED "agent_parted"	/* of a host: two records came under one number (R3) */
#define RULE_COLLECTOR_DISK_FULL "collector_disk_full"
#define RULE_COLLECTOR_DAMAGED "collector_store_damaged"	/* stored results cannot be read (R8) */
#define RULE_COLLECTOR_JOURNAL "collector_journal_broken"	/* it is not what the signer signed, or an agent witnessed (A1) */
#define RULE_COLLECTOR_CLOCK "collector_clock_suspect"	/* it was stepped, and nobody has confirmed it (R12) */
#define RULE_AGENT_CERTIFICATE "agent_certificate_ending"		/* of a host: 30 days are left, and no new one was made */
#define RULE_COLLECTOR_CERTIFICATE "collector_certificate_ending"	/* the same of the collector's own, and of the dashboard's */

struct rule {
	const char *id;			/* "disk_used" */
	const char *check_id;		/* "CHK-01" */
	const char *clause;		/* "5.3.3", or several: "5.4.2 5.12.5" */
	const char *kind;		/* kind of incident it opens: "INC-A" */
	const char *metric, *unit;	/* "" where the rule is on an event */
	const char *event, *plugin;	/* NULL; else it is on what happens, as this plugin calls it: CRITICAL, each time */
	const struct rule_label *labels;	/* of an event: fields; ends with a NULL name; NULL: all */
	const char *const *hosts;	/* patterns, ends with NULL; NULL: all */
	bool below;			/* crossed when small: days to the end of support */
	struct bound warning, critical;
	int64_t for_ns;			/* crossed for so long, by the agent's stamps of the values, before it counts */
	bool rate;			/* a counter: judge the increase per second */
	bool age;			/* by the agent's wall clock: not judged while that is far ahead of ours (R12) */
	const char *title_zh, *title_en;
};

bool rule_matches(const struct rule *, const char *host, const char *metric, const struct rule_label *labels);
bool rule_matches_event(const struct rule *, const char *host, const char *plugin, const char *event, const struct rule_label *fields);
/* What the rule makes of a value while `current` holds (OK, WARNING or CRITICAL): hysteresis, without `for`. */
enum state rule_level(const struct rule *, enum state current, double value);
/* The closed interval in which rule_level stays at `current`: empty (lo > hi) where there is none. */
void rule_quiet(const struct rule *, enum state current, double *ret_lo, double *ret_hi);

#endif

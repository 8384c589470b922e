/*
 * rule.h - rules: which metric, which labels and hosts, warning and critical bounds with units, for how long, and the
 * clause. Read from conf.d/procedure/ by procedure/; the judge only applies them. Nothing here knows files, sockets, SQL.
 */
#ifndef RULE_H
#define RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum state { STATE_OK, STATE_WARNING, STATE_CRITICAL, STATE_UNKNOWN };

/* A bound is crossed at or beyond `at`, in the rule's direction; a state once entered is left at or inside `clear`. */
struct bound { double at, clear; bool set, stated; bool strict; };	/* stated: the procedure's number, else the school's (≈);
									   strict: beyond, not at ("> 24 h" as against ">= 85 %") */

struct rule_label { const char *name, *pattern; };	/* fnmatch(3) */

struct rule {
	const char *id;			/* "disk_used" */
	const char *check_id;		/* "CHK-01" */
	const char *clause;		/* "5.3.3" */
	const char *kind;		/* kind of incident it opens: "INC-A" */
	const char *metric, *unit;
	const struct rule_label *labels;	/* ends with a NULL name */
	const char *const *hosts;	/* patterns, ends with NULL; NULL: all */
	bool below;			/* crossed when small: days to the end of support */
	struct bound warning, critical;
	int64_t for_ns;			/* crossed for so long, by the agent's stamps of the values, before it counts */
	bool rate;			/* a counter: judge the increase per second */
	const char *title_zh, *title_en;
};

#endif

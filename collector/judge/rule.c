/* rule.c - what a rule matches, and what it makes of a value. */
#include <errno.h>
#include <float.h>
#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "rule.h"

static const char *const names[] = {"ok", "warning", "critical", "unknown"};

int state_rank(enum state s)
{
	static const int rank[] = {[STATE_OK] = 0, [STATE_WARNING] = 1, [STATE_UNKNOWN] = 2, [STATE_CRITICAL] = 3};

	return rank[s];
}

const char *state_name(enum state s)
{
	return names[s];
}

int state_parse(const char *name, enum state *ret)
{
	for (int i = STATE_OK; i <= STATE_UNKNOWN; i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*ret = (enum state)i;
		return 0;
	}
	return -EINVAL;
}

static bool host_matches(const struct rule *r, const char *host)
{
	if (!r->hosts)
		return true;
	for (const char *const *p = r->hosts; *p; p++)
		if (fnmatch(*p, host, 0) == 0)
			return true;
	return false;
}

static bool label_matches(const struct rule_label *want, const struct rule_label *labels)
{
	for (; labels && labels->name; labels++)
		if (strcmp(labels->name, want->name) == 0)
			return fnmatch(want->pattern, labels->pattern, 0) == 0;
	return false;
}

static bool labels_match(const struct rule *r, const struct rule_label *labels)
{
	for (const struct rule_label *l = r->labels; l && l->name; l++)
		if (!label_matches(l, labels))
			return false;
	return true;
}

bool rule_matches(const struct rule *r, const char *host, const char *metric, const struct rule_label *labels)
{
	return !r->event && strcmp(r->metric, metric) == 0 && host_matches(r, host) && labels_match(r, labels);
}

bool rule_matches_event(const struct rule *r, const char *host, const char *plugin, const char *event, const struct rule_label *fields)
{
	return r->event && strcmp(r->event, event) == 0 && strcmp(r->plugin, plugin) == 0 && host_matches(r, host) &&
	       labels_match(r, fields);
}

/* The least value (above) or greatest (below) at which the bound holds, while it is held or not. */
static double edge(const struct bound *b, bool below, bool held)
{
	if (held && b->clear != b->at)
		return b->clear;
	if (!b->strict)
		return b->at;
	return below ? nextafter(b->at, -DBL_MAX) : nextafter(b->at, DBL_MAX);
}

static bool holds(const struct bound *b, bool below, bool held, double v)
{
	return b->set && (below ? v <= edge(b, below, held) : v >= edge(b, below, held));
}

enum state rule_level(const struct rule *r, enum state current, double v)
{
	if (holds(&r->critical, r->below, current == STATE_CRITICAL, v))
		return STATE_CRITICAL;
	return holds(&r->warning, r->below, current != STATE_OK, v) ? STATE_WARNING : STATE_OK;
}

void rule_quiet(const struct rule *r, enum state current, double *ret_lo, double *ret_hi)
{
	const struct bound *leave = current == STATE_OK ? NULL : current == STATE_CRITICAL ? &r->critical : &r->warning;
	const struct bound *worse = current == STATE_OK && r->warning.set ? &r->warning :
		current != STATE_CRITICAL && r->critical.set ? &r->critical : NULL;
	double lo = -DBL_MAX, hi = DBL_MAX;

	if (r->below) {
		if (leave)
			hi = leave->set ? edge(leave, true, true) : -INFINITY;
		if (worse)
			lo = nextafter(edge(worse, true, false), DBL_MAX);
	} else {
		if (leave)
			lo = leave->set ? edge(leave, false, true) : INFINITY;
		if (worse)
			hi = nextafter(edge(worse, false, false), -DBL_MAX);
	}
	*ret_lo = lo;
	*ret_hi = hi;
}

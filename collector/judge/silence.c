/* silence.c - what a check or a host does not say: failed rounds, overdue checks, agents gone. By the boot clock
 * alone. */
#include <stdio.h>
#include <string.h>

#include "room.h"

#define LEAST_LIMIT (5 * NS_PER_S)	/* a group's fsync and the way here cost a second or two */

int64_t silence_limit(const struct check *c)
{
	int64_t limit = c->interval / 2 * 5;

	return limit > LEAST_LIMIT ? limit : LEAST_LIMIT;
}

static int64_t patience(const struct judge *j, const struct host *h)
{
	return h->expected ? j->first : j->patience;
}

/* The first rule on the collector's own metric that matches; its label is "check". */
static const struct rule *rule_for(const struct judge *j, const char *metric, uint32_t host, uint32_t check)
{
	const char *name = check == JUDGE_NONE ? NULL : j->checks.at[check].name;
	struct rule_label labels[] = {{name ? "check" : NULL, name}, {NULL, NULL}};

	for (size_t i = 0; i < j->rules_n; i++)
		if (rule_matches(j->rules[i], j->hosts.at[host].name, metric, labels))
			return j->rules[i];
	return NULL;
}

/* A procedure that has no rule of its own for what never came takes it as gone. */
static const struct rule *rule_of_host(const struct judge *j, uint32_t host)
{
	const struct rule *never = j->hosts.at[host].expected ? rule_for(j, RULE_AGENT_NEVER, host, JUDGE_NONE) : NULL;

	return never ? never : rule_for(j, RULE_AGENT_GONE, host, JUDGE_NONE);
}

static const struct rule *rule_of(const struct judge *j, const char *metric, uint32_t host, uint32_t check)
{
	return check == JUDGE_NONE ? rule_of_host(j, host) : rule_for(j, metric, host, check);
}

static void tell(const struct judge *j, const char *metric, uint32_t host, uint32_t check, bool bad, int64_t at,
		 const char *why)
{
	j->told(&(struct judge_change){
		.host = host, .check = check, .series = JUDGE_NONE, .rule = rule_of(j, metric, host, check),
		.before = bad ? STATE_OK : STATE_UNKNOWN, .after = bad ? STATE_UNKNOWN : STATE_OK,
		.value = bad, .at = at, .why = why,
	}, j->arg);
}

void silence_failed(struct judge *j, uint32_t check, bool failed, const char *why, int64_t at)
{
	struct check *c = &j->checks.at[check];

	if (c->failed == failed)
		return;
	c->failed = failed;
	if (!failed)
		why = "measures again";
	tell(j, RULE_CHECK_FAILED, c->host, check, failed, at, why && *why ? why : "could not measure");
}

void silence_partial(struct judge *j, uint32_t check, bool partial, const char *why, int64_t at)
{
	struct check *c = &j->checks.at[check];

	if (c->partial == partial)
		return;
	c->partial = partial;
	tell(j, RULE_CHECK_PARTIAL, c->host, check, partial, at, partial ? why : "measures all of it again");
}

void silence_silent(struct judge *j, uint32_t check, bool silent, int64_t at)
{
	struct check *c = &j->checks.at[check];
	char why[96] = "reports again";

	if (c->silent == silent)
		return;
	c->silent = silent;
	if (silent)
		snprintf(why, sizeof(why), "no result for %lld s, one is due every %lld s",
			 (long long)((j->now - c->heard) / NS_PER_S), (long long)(c->interval / NS_PER_S));
	tell(j, RULE_CHECK_SILENT, c->host, check, silent, at, why);
}

void silence_gone(struct judge *j, uint32_t host, bool gone, int64_t at)
{
	struct host *h = &j->hosts.at[host];
	char why[96] = "is connected again";

	if (h->gone == gone)
		return;
	h->gone = gone;
	if (gone && h->looks)
		snprintf(why, sizeof(why), "its watcher has not looked at the collector for %lld s", (long long)((j->now - h->lost) / NS_PER_S));
	else if (gone && h->expected)
		snprintf(why, sizeof(why), "no agent has ever connected with the identity that was made for it");
	else if (gone)
		snprintf(why, sizeof(why), "the agent has not been connected for %lld s",
			 (long long)((j->now - h->lost) / NS_PER_S));
	else if (h->retired)
		snprintf(why, sizeof(why), "is no longer waited for: its identity was revoked");
	else if (h->looks)
		snprintf(why, sizeof(why), "its watcher looks at the collector again");
	else if (h->expected)
		snprintf(why, sizeof(why), "is connected for the first time");
	tell(j, RULE_AGENT_GONE, host, JUDGE_NONE, gone, at, why);
}

/* What is overdue of a host that is not connected is the host's silence, told once, not each check's. */
static void overdue(struct judge *j, uint32_t check, int64_t now_wall)
{
	struct check *c = &j->checks.at[check];

	if (j->hosts.at[c->host].connections > 0)
		silence_silent(j, check, true, now_wall);
	else
		silence_gone(j, c->host, true, now_wall);
}

static void sooner(struct judge *j, int64_t when)
{
	if (when < j->wake)
		j->wake = when;
}

static void watch_checks(struct judge *j, int64_t now_wall)
{
	for (uint32_t i = 0; i < j->checks.n; i++) {
		struct check *c = &j->checks.at[i];
		int64_t due = c->heard + silence_limit(c);

		if (!c->known || c->silent || j->hosts.at[c->host].gone)
			continue;
		if (j->now >= due)
			overdue(j, i, now_wall);
		else
			sooner(j, due);
	}
}

static void watch_hosts(struct judge *j, int64_t now_wall)
{
	for (uint32_t i = 0; i < j->hosts.n; i++) {
		const struct host *h = &j->hosts.at[i];

		if (!h->known || h->retired || h->gone || h->connections > 0)
			continue;
		if (j->now >= h->lost + patience(j, h))
			silence_gone(j, i, true, now_wall);
		else
			sooner(j, h->lost + patience(j, h));
	}
}

/* Deadlines only move away by themselves: until the nearest there is nothing to look at. */
void silence_tick(struct judge *j, int64_t now_wall)
{
	if (j->now < j->wake)
		return;
	j->wake = INT64_MAX;
	watch_hosts(j, now_wall);
	watch_checks(j, now_wall);
}

/* ---- rules anew, and states of before ---- */

static bool is_same(const struct rule *a, const struct rule *b)
{
	return a == b || (a && b && !strcmp(a->id, b->id) && !strcmp(a->kind, b->kind) && !strcmp(a->clause, b->clause));
}

/* What is silent is cleared under the old rule and found under the new one: it may have another kind and clause. Under the
 * same rule nothing has happened. */
static void move(struct judge *j, const struct judge *before, const char *metric, uint32_t host, uint32_t check, int64_t at)
{
	if (is_same(rule_of(before, metric, host, check), rule_of(j, metric, host, check)))
		return;
	tell(before, metric, host, check, false, at, "the procedure's rules were read anew");
	tell(j, metric, host, check, true, at, "still so under the procedure's new rules");
}

void silence_rules(struct judge *j, const struct rule *const *rules, size_t n, int64_t at)
{
	const struct judge before = *j;

	j->rules = rules;
	j->rules_n = n;
	for (uint32_t i = 0; i < j->checks.n; i++) {
		if (j->checks.at[i].silent)
			move(j, &before, RULE_CHECK_SILENT, j->checks.at[i].host, i, at);
		if (j->checks.at[i].failed)
			move(j, &before, RULE_CHECK_FAILED, j->checks.at[i].host, i, at);
		if (j->checks.at[i].partial)
			move(j, &before, RULE_CHECK_PARTIAL, j->checks.at[i].host, i, at);
	}
	for (uint32_t i = 0; i < j->hosts.n; i++)
		if (j->hosts.at[i].gone)
			move(j, &before, RULE_AGENT_GONE, i, JUDGE_NONE, at);
}

void silence_restore(struct judge *j, uint32_t host, uint32_t check, const struct rule *rule)
{
	if (check == JUDGE_NONE) {
		j->hosts.at[host].gone = true;
	} else if (rule && strcmp(rule->metric, RULE_CHECK_FAILED) == 0) {
		j->checks.at[check].failed = true;
		j->checks.at[check].failures = FAILED;
	} else if (rule && strcmp(rule->metric, RULE_CHECK_PARTIAL) == 0) {
		j->checks.at[check].partial = true;
	} else {
		j->checks.at[check].silent = true;
	}
}

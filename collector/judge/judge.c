/* judge.c - values take the fast path, rounds and connections are noted, and what is known is told to screens. */
#include <stdlib.h>

#include "room.h"

#define PATIENCE (120 * NS_PER_S)
#define FIRST (3600 * NS_PER_S)

struct judge *judge_new(const struct rule *const *rules, size_t n, judge_told *told, void *arg)
{
	struct judge *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->told = told;
	j->arg = arg;
	j->rules = rules;
	j->rules_n = n;
	j->patience = PATIENCE;
	j->first = FIRST;
	j->now = INT64_MIN;
	j->wall = INT64_MAX / 2;	/* not known yet: nobody is ahead of it */
	return j;
}

void judge_free(struct judge *j)
{
	struct metric_name *m, *next;

	if (!j)
		return;
	for (size_t i = 0; i < j->series.n; i++)
		free(j->series.at[i].labels);
	for (size_t i = 0; i < j->checks.n; i++) {
		free(j->checks.at[i].name);
		skips_free(&j->checks.at[i]);
	}
	for (size_t i = 0; i < j->hosts.n; i++)
		free(j->hosts.at[i].name);
	HASH_ITER(hh, j->metrics, m, next) {
		HASH_DEL(j->metrics, m);
		free(m);
	}
	vec_free(&j->series);
	vec_free(&j->checks);
	vec_free(&j->hosts);
	vec_free(&j->tracks);
	vec_free(&j->waiting);
	free(j->hot);
	free(j);
}

void judge_patience(struct judge *j, int64_t ns, int64_t first_ns)
{
	j->patience = ns;
	j->first = first_ns;
	j->wake = 0;
}

/* ---- what comes in ---- */

void judge_value(struct judge *j, uint32_t series, double value, int64_t at)
{
	struct hot *hot;

	if (__builtin_expect(series >= j->series.n, 0))
		return;
	hot = &j->hot[series];
	if (__builtin_expect(value >= hot->lo && value <= hot->hi, 1)) {
		hot->value = value;
		hot->at = at;
		return;
	}
	track_value(j, series, value, at);
}

void judge_round(struct judge *j, uint32_t check, bool ok, const char *why, int64_t at, int64_t now_boot)
{
	struct check *c;

	if (check >= j->checks.n || !j->checks.at[check].known)
		return;
	c = &j->checks.at[check];
	j->now = now_boot;
	c->heard = now_boot;
	c->rounds++;
	silence_silent(j, check, false, at);
	if (ok) {
		c->failures = 0;
		silence_failed(j, check, false, NULL, at);
		skips_round(j, check, at);
		track_left_out(j, c, at);
	} else if (c->failures < FAILED && ++c->failures == FAILED) {
		silence_failed(j, check, true, why, at);
	}
}

static void hear_all(struct judge *j, const struct host *h, int64_t now)
{
	for (uint32_t i = h->first; i != JUDGE_NONE; i = j->checks.at[i].next)
		if (j->checks.at[i].heard < now)
			j->checks.at[i].heard = now;
}

/* Only a host that was called gone begins afresh: one that comes and goes and never reports is not excused each
 * time. */
void judge_connected(struct judge *j, uint32_t host, bool connected, int64_t now_wall, int64_t now_boot)
{
	struct host *h;

	if (host >= j->hosts.n || !j->hosts.at[host].known)
		return;
	h = &j->hosts.at[host];
	j->now = now_boot;
	j->wake = 0;
	if (connected) {
		h->connections++;
		if (h->gone)
			hear_all(j, h, now_boot);
		silence_gone(j, host, false, now_wall);
		h->expected = false;
	} else if (h->connections > 0 && --h->connections == 0) {
		h->lost = now_boot;
	}
}

void judge_looked(struct judge *j, uint32_t host, int64_t now_wall, int64_t now_boot)
{
	struct host *h;

	if (host >= j->hosts.n || !j->hosts.at[host].known || !j->hosts.at[host].expected)
		return;
	h = &j->hosts.at[host];
	h->looks = true;
	h->lost = j->now = now_boot;
	j->wake = 0;
	silence_gone(j, host, false, now_wall);
}

void judge_forgive(struct judge *j, int64_t now_boot)
{
	j->wake = 0;
	for (size_t i = 0; i < j->hosts.n; i++) {
		struct host *h = &j->hosts.at[i];

		if (!h->known)
			continue;
		if (h->lost < now_boot)
			h->lost = now_boot;
		hear_all(j, h, now_boot);
	}
}

void judge_tick(struct judge *j, int64_t now_wall, int64_t now_boot)
{
	j->now = now_boot;
	j->wall = now_wall;
	track_tick(j);
	silence_tick(j, now_wall);
}

/* ---- for screens ---- */

enum state judge_state(const struct judge *j, uint32_t series, const struct rule **ret_rule, double *ret_value,
		       int64_t *ret_at)
{
	const struct series *s = series < j->series.n ? &j->series.at[series] : NULL;
	const struct track *worst = NULL;

	for (uint32_t i = 0; s && i < s->tracks; i++) {
		const struct track *t = &j->tracks.at[s->track + i];

		if (!worst || state_rank(t->told) > state_rank(worst->told))
			worst = t;
	}
	if (ret_rule)
		*ret_rule = worst ? worst->rule : NULL;
	if (ret_value)
		*ret_value = s && s->known ? j->hot[series].value : 0;
	if (ret_at)
		*ret_at = s && s->known ? j->hot[series].at : 0;
	return worst ? worst->told : STATE_OK;
}

enum state judge_check_state(const struct judge *j, uint32_t check)
{
	const struct check *c = check < j->checks.n ? &j->checks.at[check] : NULL;

	return c && (c->silent || c->failed || c->partial) ? STATE_UNKNOWN : STATE_OK;
}

enum state judge_host_state(const struct judge *j, uint32_t host)
{
	return host < j->hosts.n && j->hosts.at[host].gone ? STATE_UNKNOWN : STATE_OK;
}

size_t judge_bytes(const struct judge *j)
{
	return sizeof(*j) + j->series.room * (sizeof(struct series) + sizeof(struct hot)) +
	       j->checks.room * sizeof(struct check) + j->hosts.room * sizeof(struct host) +
	       j->tracks.room * sizeof(struct track) + j->waiting.room * sizeof(uint32_t) + j->texts +
	       j->series.n * 2 * sizeof(void *); /* malloc's own */
}

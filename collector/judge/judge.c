/* judge.c - names become numbers, values take the fast path, and what is known is told to screens. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "room.h"

#define LABELS 32		/* of one series that rules can look at */
#define PATIENCE (120 * NS_PER_S)
#define LEAST_INTERVAL (NS_PER_S / 10)
#define MOST_INTERVAL (400 * 86400 * NS_PER_S)

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
	for (size_t i = 0; i < j->checks.n; i++)
		free(j->checks.at[i].name);
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

void judge_patience(struct judge *j, int64_t ns)
{
	j->patience = ns;
	j->wake = 0;
}

/* ---- hosts and checks ---- */

int judge_host(struct judge *j, uint32_t host, const char *name, int64_t now_boot)
{
	struct host *h;

	if (host >= JUDGE_MAX)
		return -ERANGE;
	while (j->hosts.n <= host)
		if (!vec_push(&j->hosts))
			return -ENOMEM;
	h = &j->hosts.at[host];
	if (h->known)
		return 0;
	h->name = strdup(name);
	if (!h->name)
		return -ENOMEM;
	j->texts += strlen(name) + 1;
	h->first = JUDGE_NONE;
	h->lost = now_boot;
	h->known = true;
	j->wake = 0;
	return 0;
}

static int64_t within(int64_t interval)
{
	return interval < LEAST_INTERVAL ? LEAST_INTERVAL : interval > MOST_INTERVAL ? MOST_INTERVAL : interval;
}

int judge_check(struct judge *j, uint32_t check, uint32_t host, const char *name, int64_t interval_ns, int64_t now_boot)
{
	struct check *c;

	if (check >= JUDGE_MAX || host >= j->hosts.n || !j->hosts.at[host].known)
		return -ERANGE;
	while (j->checks.n <= check)
		if (!vec_push(&j->checks))
			return -ENOMEM;
	c = &j->checks.at[check];
	j->wake = 0;
	if (c->known) {
		c->interval = within(interval_ns);
		return 0;
	}
	*c = (struct check){.name = strdup(name), .host = host, .first = JUDGE_NONE, .interval = within(interval_ns),
		.heard = now_boot, .known = true, .next = j->hosts.at[host].first};
	if (!c->name) {
		c->known = false;
		return -ENOMEM;
	}
	j->texts += strlen(name) + 1;
	j->hosts.at[host].first = check;
	return 0;
}

/* ---- series ---- */

static int make_room(struct judge *j, uint32_t series)
{
	size_t room = j->series.room;

	while (j->series.n <= series) {
		if (!vec_push(&j->series))
			return -ENOMEM;
		if (j->series.room != room) {
			struct hot *hot = realloc(j->hot, j->series.room * sizeof(*hot));

			if (!hot) {
				j->series.n--;
				return -ENOMEM;
			}
			j->hot = hot;
			room = j->series.room;
		}
		j->hot[j->series.n - 1] = (struct hot){.lo = 1, .hi = -1};
	}
	return 0;
}

static const char *metric_name(struct judge *j, const char *text)
{
	struct metric_name *m;
	size_t n = strlen(text);

	HASH_FIND(hh, j->metrics, text, n, m);
	if (m)
		return m->text;
	m = malloc(sizeof(*m) + n + 1);
	if (!m)
		return NULL;
	memcpy(m->text, text, n + 1);
	HASH_ADD_KEYPTR(hh, j->metrics, m->text, n, m);
	return m->text;
}

static char *pack_labels(const struct rule_label *labels, size_t *ret_size)
{
	size_t n = 1;
	char *packed, *p;

	for (const struct rule_label *l = labels; l && l->name; l++)
		n += strlen(l->name) + strlen(l->pattern) + 2;
	packed = p = malloc(n);
	if (!packed)
		return NULL;
	for (const struct rule_label *l = labels; l && l->name; l++) {
		p = stpcpy(p, l->name) + 1;
		p = stpcpy(p, l->pattern) + 1;
	}
	*p = '\0';
	*ret_size = n;
	return packed;
}

static void unpack_labels(const char *p, struct rule_label labels[LABELS + 1])
{
	size_t n = 0;

	while (*p && n < LABELS) {
		labels[n].name = p;
		p += strlen(p) + 1;
		labels[n++].pattern = p;
		p += strlen(p) + 1;
	}
	labels[n] = (struct rule_label){NULL, NULL};
}

/* Adds the tracks of all rules that match the series. */
int judge_match(const struct judge *j, uint32_t number, const struct rule *const *rules, size_t n, struct tracks *tracks)
{
	const struct series *s = &j->series.at[number];
	const char *host = j->hosts.at[j->checks.at[s->check].host].name;
	struct rule_label labels[LABELS + 1];

	unpack_labels(s->labels, labels);
	for (size_t i = 0; i < n; i++) {
		struct track *t;

		if (!rule_matches(rules[i], host, s->metric, labels))
			continue;
		t = vec_push(tracks);
		if (!t)
			return -ENOMEM;
		*t = (struct track){.rule = rules[i], .series = number, .waited = {-1, -1}};
	}
	return 0;
}

static int add_series(struct judge *j, uint32_t number, struct series *s)
{
	struct check *c = &j->checks.at[s->check];

	s->track = (uint32_t)j->tracks.n;
	if (judge_match(j, number, j->rules, j->rules_n, &j->tracks) < 0) {
		j->tracks.n = s->track;
		return -ENOMEM;
	}
	s->tracks = (uint16_t)(j->tracks.n - s->track);
	s->next = c->first;
	c->first = number;
	s->known = true;
	track_listen(j, number);
	return 0;
}

int judge_series(struct judge *j, uint32_t series, uint32_t check, const char *metric, const struct rule_label *labels)
{
	struct series *s;
	size_t size = 0;
	int r = -ENOMEM;

	if (series >= JUDGE_MAX || check >= j->checks.n || !j->checks.at[check].known)
		return -ERANGE;
	if (make_room(j, series) < 0)
		return -ENOMEM;
	s = &j->series.at[series];
	if (s->known)
		return 0;
	*s = (struct series){.metric = metric_name(j, metric), .labels = pack_labels(labels, &size), .check = check};
	if (s->metric && s->labels)
		r = add_series(j, series, s);
	if (r < 0) {
		free(s->labels);
		s->labels = NULL;
		return r;
	}
	j->texts += size;
	return 0;
}

void judge_check_gone(struct judge *j, uint32_t check, int64_t now_wall)
{
	struct check *c;
	uint32_t *link;

	if (check >= j->checks.n || !j->checks.at[check].known)
		return;
	c = &j->checks.at[check];
	silence_silent(j, check, false, now_wall);
	silence_failed(j, check, false, NULL, now_wall);
	for (uint32_t i = c->first, next; i != JUDGE_NONE; i = next) {
		struct series *s = &j->series.at[i];

		next = s->next;
		track_drop(j, i, "the check is no longer assigned", now_wall);
		free(s->labels);
		*s = (struct series){0};
		j->hot[i] = (struct hot){.lo = 1, .hi = -1};
	}
	for (link = &j->hosts.at[c->host].first; *link != check; link = &j->checks.at[*link].next)
		;
	*link = c->next;
	free(c->name);
	*c = (struct check){0};
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

/* Only a host that was called gone begins afresh: one that comes and goes and never reports is not excused each time. */
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
	} else if (h->connections > 0 && --h->connections == 0) {
		h->lost = now_boot;
	}
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

enum state judge_state(const struct judge *j, uint32_t series, const struct rule **ret_rule, double *ret_value, int64_t *ret_at)
{
	const struct series *s = series < j->series.n ? &j->series.at[series] : NULL;
	const struct track *worst = NULL;

	for (uint32_t i = 0; s && i < s->tracks; i++) {
		const struct track *t = &j->tracks.at[s->track + i];

		if (!worst || state_rank(t->told) > state_rank(worst->told))
			worst = t;
	}
	*ret_rule = worst ? worst->rule : NULL;
	*ret_value = s && s->known ? j->hot[series].value : 0;
	*ret_at = s && s->known ? j->hot[series].at : 0;
	return worst ? worst->told : STATE_OK;
}

enum state judge_check_state(const struct judge *j, uint32_t check)
{
	return check < j->checks.n && (j->checks.at[check].silent || j->checks.at[check].failed) ? STATE_UNKNOWN : STATE_OK;
}

enum state judge_host_state(const struct judge *j, uint32_t host)
{
	return host < j->hosts.n && j->hosts.at[host].gone ? STATE_UNKNOWN : STATE_OK;
}

size_t judge_bytes(const struct judge *j)
{
	return sizeof(*j) + j->series.room * (sizeof(struct series) + sizeof(struct hot)) + j->checks.room * sizeof(struct check) +
		j->hosts.room * sizeof(struct host) + j->tracks.room * sizeof(struct track) +
		j->waiting.room * sizeof(uint32_t) + j->texts + j->series.n * 2 * sizeof(void *);	/* malloc's own */
}

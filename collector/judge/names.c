/* names.c - names become numbers: hosts, checks, and series with the rules that match them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "room.h"

#define LABELS 32		/* of one series that rules can look at */
#define HOLES 1000		/* so many do not matter */
#define LEAST_INTERVAL (NS_PER_S / 10)
#define MOST_INTERVAL (400 * 86400 * NS_PER_S)

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

void judge_expected(struct judge *j, uint32_t host)
{
	if (host >= j->hosts.n || !j->hosts.at[host].known)
		return;
	j->hosts.at[host].expected = true;
	j->wake = 0;
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
int names_match(const struct judge *j, uint32_t number, const struct rule *const *rules, size_t n,
		struct tracks *tracks)
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
	if (names_match(j, number, j->rules, j->rules_n, &j->tracks) < 0) {
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
	s->text = size < UINT16_MAX ? (uint16_t)size : UINT16_MAX;
	j->texts += s->text;
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
	silence_partial(j, check, false, NULL, now_wall);
	skips_free(c);
	for (uint32_t i = c->first, next; i != JUDGE_NONE; i = next) {
		struct series *s = &j->series.at[i];

		next = s->next;
		track_drop(j, i, "the check is no longer assigned", now_wall);
		j->texts -= s->text;
		free(s->labels);
		*s = (struct series){0};
		j->hot[i] = (struct hot){.lo = 1, .hi = -1};
	}
	for (link = &j->hosts.at[c->host].first; *link != check; link = &j->checks.at[*link].next)
		;
	*link = c->next;
	j->texts -= strlen(c->name) + 1;
	free(c->name);
	*c = (struct check){0};
	/* An agent may take checks in and out as often as it likes. */
	if (j->holes > HOLES && j->holes > j->tracks.n / 2)
		renew_compact(j);
}

void judge_host_gone(struct judge *j, uint32_t host, int64_t now_wall)
{
	if (host >= j->hosts.n || !j->hosts.at[host].known)
		return;
	while (j->hosts.at[host].first != JUDGE_NONE)
		judge_check_gone(j, j->hosts.at[host].first, now_wall);
	j->hosts.at[host].retired = true;
	silence_gone(j, host, false, now_wall);
}

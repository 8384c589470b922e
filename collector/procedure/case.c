/*
 * case.c - a case's memory, and its text: a version, then a line for each thing. Times are in ms; words hold no spaces
 * but for the clause, which is last.
 *
 *   1
 *   waited 1800000
 *   age 1800000
 *   step owner 0 0                                 role, after, how often repeated
 *   told chen 900000 2 critical -1 owner 5.8.6.3.1  person, so long ago, notices, worst, what is owed, role, clause
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "lib/clock.h"
#include "lib/text.h"

int64_t stopwatch_read(const struct stopwatch *w, int64_t now)
{
	return w->passed + (w->since >= 0 ? now - w->since : 0);
}

void stopwatch_run(struct stopwatch *w, bool run, int64_t now)
{
	w->passed = stopwatch_read(w, now);
	w->since = run ? now : -1;
}

struct escalation_case *case_new(const struct incident *i, const char *host, int64_t now_boot)
{
	struct escalation_case *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->host = strdup(host);
	if (!c->host) {
		free(c);
		return NULL;
	}
	c->id = i->id;
	c->at = i->at;
	memcpy(c->kind, i->kind, sizeof(c->kind));
	c->severity = i->severity;
	c->acknowledged = i->acknowledged;
	c->waited.since = c->age.since = -1;
	stopwatch_run(&c->waited, !i->acknowledged && i->severity != STATE_OK, now_boot);
	stopwatch_run(&c->age, i->severity != STATE_OK, now_boot);
	c->changed = true;
	return c;
}

void case_free(struct escalation_case *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->told.n; i++) {
		free(c->told.at[i].role);
		free(c->told.at[i].clause);
	}
	vec_free(&c->told);
	free(c->host);
	free(c);
}

struct told *case_told(struct escalation_case *c, const char *person)
{
	for (size_t i = 0; i < c->told.n; i++)
		if (strcmp(c->told.at[i].person, person) == 0)
			return &c->told.at[i];
	return NULL;
}

static bool set_role(struct told *t, const char *role, const char *clause)
{
	char *new_role = strdup(role), *new_clause = strdup(clause);

	if (!new_role || !new_clause) {
		free(new_role);
		free(new_clause);
		return false;
	}
	free(t->role);
	free(t->clause);
	t->role = new_role;
	t->clause = new_clause;
	return true;
}

struct told *case_tell(struct escalation_case *c, const char *person, const char *role, const char *clause)
{
	struct told *t = case_told(c, person);

	if (t)
		return set_role(t, role, clause) ? t : NULL;
	t = vec_push(&c->told);
	if (!t)
		return NULL;
	t->owed = NOTHING;
	snprintf(t->person, sizeof(t->person), "%s", person);
	if (set_role(t, role, clause))
		return t;
	c->told.n--;
	return NULL;
}

/* ---- as text ---- */

char *case_save(const struct escalation_case *c, const struct kind *kind, int64_t now)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		return NULL;
	fprintf(f, "1\nwaited %lld\nage %lld\n", (long long)(stopwatch_read(&c->waited, now) / NS_PER_MS),
		(long long)(stopwatch_read(&c->age, now) / NS_PER_MS));
	for (size_t i = 0; kind && i < kind->n; i++)
		if (c->done & 1u << i)
			fprintf(f, "step %s %lld %u\n", kind->steps[i].role,
				(long long)(kind->steps[i].after_ns / NS_PER_MS), c->repeated[i]);
	for (size_t i = 0; i < c->told.n; i++) {
		const struct told *t = &c->told.at[i];

		fprintf(f, "told %s %lld %u %s %d %s %s\n", t->person, (long long)((now - t->last) / NS_PER_MS),
			t->count, state_name(t->worst), t->owed, t->role, t->clause);
	}
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static bool in_ms(const char *word, int64_t *ret_ns)
{
	int64_t ms;

	if (!word || text_int(word, &ms) < 0 || ms < 0 || ms > INT64_MAX / NS_PER_MS / 4)
		return false;
	*ret_ns = ms * NS_PER_MS;
	return true;
}

static bool in_count(const char *word, uint32_t *ret)
{
	int64_t n;

	if (!word || text_int(word, &n) < 0 || n < 0 || n > UINT32_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}

/* A step that the procedure no longer has is let go. */
static bool load_step(struct escalation_case *c, const struct kind *kind, char **rest)
{
	const char *role = strsep(rest, " ");
	int64_t after;
	uint32_t repeated;

	if (!role || !in_ms(strsep(rest, " "), &after) || !in_count(strsep(rest, " "), &repeated))
		return false;
	for (size_t i = 0; kind && i < kind->n; i++) {
		if (strcmp(kind->steps[i].role, role) != 0 || kind->steps[i].after_ns / NS_PER_MS * NS_PER_MS != after)
			continue;
		c->done |= 1u << i;
		c->repeated[i] = repeated;
	}
	return true;
}

static bool load_told(struct escalation_case *c, char **rest, int64_t now)
{
	const char *person = strsep(rest, " "), *ago = strsep(rest, " "), *count = strsep(rest, " "),
		   *worst = strsep(rest, " ");
	const char *owed = strsep(rest, " "), *role = strsep(rest, " ");
	int64_t passed, reason;
	struct told t = {0}, *added;

	if (!role || !*rest || strlen(person) >= PEOPLE_ID || case_told(c, person) || !in_ms(ago, &passed) ||
	    !in_count(count, &t.count) || state_parse(worst, &t.worst) < 0 || text_int(owed, &reason) < 0 ||
	    reason < NOTHING || reason > ESCALATION_RECOVERED)
		return false;
	added = case_tell(c, person, role, *rest);
	if (!added)
		return false;
	added->last = now - passed;
	added->count = t.count;
	added->worst = t.worst;
	added->owed = (int)reason;
	return true;
}

static bool load_line(struct escalation_case *c, const struct kind *kind, char *line, int64_t now)
{
	const char *word = strsep(&line, " ");

	if (strcmp(word, "waited") == 0)
		return in_ms(line, &c->waited.passed);
	if (strcmp(word, "age") == 0)
		return in_ms(line, &c->age.passed);
	if (strcmp(word, "step") == 0)
		return load_step(c, kind, &line);
	return strcmp(word, "told") == 0 && load_told(c, &line, now);
}

int case_load(struct escalation_case *c, const struct kind *kind, const char *text, int64_t now)
{
	char *copy = strdup(text), *rest = copy, *line;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	if (strcmp(strsep(&rest, "\n"), "1") != 0)
		r = -EINVAL;
	while (r == 0 && (line = strsep(&rest, "\n")))
		if (*line && !load_line(c, kind, line, now))
			r = -EINVAL;
	free(copy);
	return r;
}

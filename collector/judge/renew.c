/* renew.c - states carried over: to new rules while running, and from the store at start. */
#include <errno.h>
#include <string.h>

#include "room.h"

static struct track *track_of(const struct judge *j, uint32_t series, const char *rule_id)
{
	const struct series *s = &j->series.at[series];

	for (uint32_t i = 0; i < s->tracks; i++)
		if (strcmp(j->tracks.at[s->track + i].rule->id, rule_id) == 0)
			return &j->tracks.at[s->track + i];
	return NULL;
}

static bool has_rule(const struct rule *const *rules, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rules[i]->id, id) == 0)
			return true;
	return false;
}

/* The tracks of all series by the new rules, with what is known by the old. */
static int match_all(const struct judge *j, const struct rule *const *rules, size_t n, struct tracks *ret)
{
	for (uint32_t i = 0; i < j->series.n; i++) {
		size_t first = ret->n;

		if (!j->series.at[i].known)
			continue;
		if (names_match(j, i, rules, n, ret) < 0)
			return -ENOMEM;
		for (size_t k = first; k < ret->n; k++) {
			struct track *t = &ret->at[k];
			const struct rule *rule = t->rule;
			const struct track *old = track_of(j, i, rule->id);

			if (!old)
				continue;
			*t = *old;
			t->rule = rule;
			t->listed = false;
		}
	}
	return 0;
}

/* Tells those as OK that no new rule takes over. A rule may live on and no longer match (its labels or hosts
 * changed). */
static void clear_old(struct judge *j, const struct tracks *renewed, int64_t now_wall)
{
	size_t next = 0;

	for (uint32_t i = 0; i < j->series.n; i++) {
		const struct series *s = &j->series.at[i];
		size_t first = next;

		while (next < renewed->n && renewed->at[next].series == i)
			next++;
		for (uint32_t k = 0; k < s->tracks; k++) {
			struct track *t = &j->tracks.at[s->track + k];
			bool kept = false;

			for (size_t m = first; m < next; m++)
				kept |= strcmp(renewed->at[m].rule->id, t->rule->id) == 0;
			if (!kept)
				track_clear(j, t, "the procedure no longer has this rule for it", now_wall);
		}
	}
}

/* Until its next value each series is looked at the long way: bounds may have moved. */
static void take(struct judge *j, struct tracks *renewed)
{
	size_t next = 0;

	vec_free(&j->tracks);
	vec_free(&j->waiting);
	j->tracks = *renewed;
	j->holes = 0;
	for (uint32_t i = 0; i < j->checks.n; i++)
		j->checks.at[i].busy = 0;
	for (uint32_t i = 0; i < j->series.n; i++) {
		struct series *s = &j->series.at[i];

		s->track = (uint32_t)next;
		while (next < j->tracks.n && j->tracks.at[next].series == i)
			next++;
		s->tracks = (uint16_t)(next - s->track);
		j->hot[i].lo = 1;
		j->hot[i].hi = -1;
	}
	for (size_t i = 0; i < j->tracks.n; i++) {
		struct track *t = &j->tracks.at[i];

		t->waiting = false;	/* its next value takes it up again, with what it has waited */
		t->busy = t->level != STATE_OK || t->told != STATE_OK || t->flapping;
		check_of(j, t)->busy += t->busy;
	}
}

void renew_compact(struct judge *j)
{
	struct tracks renewed = {0};

	if (match_all(j, j->rules, j->rules_n, &renewed) == 0)
		take(j, &renewed);
	else
		vec_free(&renewed);
}

int judge_rules(struct judge *j, const struct rule *const *rules, size_t n, int64_t now_wall)
{
	struct tracks renewed = {0};

	if (match_all(j, rules, n, &renewed) < 0) {
		vec_free(&renewed);
		return -ENOMEM;
	}
	clear_old(j, &renewed, now_wall);
	take(j, &renewed);
	silence_rules(j, rules, n, now_wall);
	return 0;
}

void judge_retire(struct judge *j, uint32_t series)
{
	struct series *s;

	if (series >= j->series.n || !j->series.at[series].known)
		return;
	s = &j->series.at[series];
	for (uint32_t i = 0; i < s->tracks; i++) {
		struct track *t = &j->tracks.at[s->track + i];

		if (t->told != STATE_UNKNOWN)
			continue;
		track_put(j, t, STATE_OK);
	}
	track_listen(j, series);
}

/* ---- from the store ---- */

static const struct rule *rule_by_id(const struct judge *j, const char *id)
{
	for (size_t i = 0; i < j->rules_n; i++)
		if (strcmp(j->rules[i]->id, id) == 0)
			return j->rules[i];
	return NULL;
}

void judge_restore(struct judge *j, uint32_t host, uint32_t check, uint32_t series, const char *rule_id,
		   enum state state, double value, int64_t at, int64_t now_wall)
{
	struct rule gone = {.id = rule_id, .check_id = "", .clause = "", .kind = "", .metric = "", .unit = ""};
	bool measured = series != JUDGE_NONE, known = host < j->hosts.n && j->hosts.at[host].known;
	struct track *t = NULL;

	known = known && (check == JUDGE_NONE || (check < j->checks.n && j->checks.at[check].known));
	known = known && (!measured || (series < j->series.n && j->series.at[series].known));
	if (known && measured)
		t = track_of(j, series, rule_id);
	if (t) {
		t->value = value;
		track_put(j, t, state);
		track_listen(j, series);
	} else if (known && !measured && (!*rule_id || has_rule(j->rules, j->rules_n, rule_id))) {
		silence_restore(j, host, check, rule_by_id(j, rule_id));
	} else {
		j->told(&(struct judge_change){.host = host, .check = check, .series = series, .rule = &gone,
			.before = state, .after = STATE_OK, .value = value, .at = now_wall,
			.why = "no rule or no measurement for it any more"}, j->arg);
	}
}

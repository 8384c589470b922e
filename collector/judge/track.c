/* track.c - one rule on one series: hysteresis, `for`, flapping, and being left out. */
#include <float.h>
#include <math.h>

#include "room.h"

#define JUST_STALE(interval) ((interval) / 2 * 5)
#define AHEAD (300 * NS_PER_S)

static void tell(struct judge *j, const struct track *t, enum state before, int64_t at, const char *why)
{
	uint32_t check = j->series.at[t->series].check;

	j->told(&(struct judge_change){
		.host = j->checks.at[check].host, .check = check, .series = t->series, .rule = t->rule,
		.before = before, .after = t->told, .value = t->value, .at = at, .flapping = t->flapping, .why = why,
	}, j->arg);
}

/* Rounds that leave series out are only walked where something is at stake. */
static void account(struct judge *j, struct track *t)
{
	bool busy = t->level != STATE_OK || t->told != STATE_OK || t->waiting || t->flapping;

	if (busy != t->busy)
		check_of(j, t)->busy += busy ? 1 : -1u;
	t->busy = busy;
}

static void set_told(struct judge *j, struct track *t, enum state s, int64_t at, const char *why)
{
	enum state before = t->told;

	t->told = s;
	account(j, t);
	tell(j, t, before, at, why);
}

/* ---- flapping ---- */

static enum state worst_turned(const struct track *t)
{
	enum state worst = t->level;

	for (int i = 0; i < TURNS; i++)
		worst = state_worse(worst, t->turned[i]);
	return worst;
}

/* Notes a change; true where it is one too many. */
static bool note_turn(struct track *t, uint32_t round)
{
	t->turn[t->head] = round;
	t->turned[t->head] = t->level;
	t->head = (t->head + 1) % TURNS;
	if (t->turns < TURNS)
		t->turns++;
	return t->turns == TURNS && round - t->turn[t->head] < WINDOW;	/* head: now the oldest */
}

static void turn(struct judge *j, struct track *t, enum state level, int64_t at)
{
	bool often;

	t->level = level;
	often = note_turn(t, check_of(j, t)->rounds);
	if (t->flapping) {
		if (state_worse(t->told, level) != t->told)
			set_told(j, t, level, at, "worse while it changes too often");
	} else if (often) {
		t->flapping = true;
		set_told(j, t, worst_turned(t), at, "changes too often: the worst is held until it settles");
	} else {
		set_told(j, t, level, at, NULL);
	}
	account(j, t);
}

static void settle(struct judge *j, struct track *t, int64_t at)
{
	uint32_t last = t->turn[(t->head + TURNS - 1) % TURNS];

	if (!t->flapping || check_of(j, t)->rounds - last < SETTLED)
		return;
	t->flapping = false;
	t->turns = 0;
	set_told(j, t, t->level, at, "has settled");
}

/* ---- `for` ---- */

/* Time between two values, by the agent's stamps: a clock that was set back adds nothing, one that was set forward
 * (or a gap) one interval. */
static int64_t between(int64_t before, int64_t at, int64_t interval)
{
	if (at <= before)
		return 0;
	return at - before > JUST_STALE(interval) ? interval : at - before;
}

static void wait_on(struct judge *j, struct track *t, enum state proposed, int64_t passed)
{
	for (int i = 0; i < 2; i++) {
		if (state_rank(proposed) < state_rank(i ? STATE_CRITICAL : STATE_WARNING))
			t->waited[i] = -1;
		else
			t->waited[i] = t->waited[i] < 0 ? 0 : t->waited[i] + passed;
	}
	t->arrived = j->now;
}

/* The level that the waiting has earned, when the last value is held to last `more`. */
static enum state earned(const struct track *t, int64_t more)
{
	if (t->waited[1] >= 0 && t->waited[1] + more >= t->rule->for_ns)
		return STATE_CRITICAL;
	if (t->level == STATE_OK && t->waited[0] >= 0 && t->waited[0] + more >= t->rule->for_ns)
		return STATE_WARNING;
	return t->level;
}

static void set_waiting(struct judge *j, struct track *t, bool waiting)
{
	t->waiting = waiting;
	if (waiting && !t->listed) {
		uint32_t *item = vec_push(&j->waiting);

		if (item)	/* without memory it waits for its next value */
			*item = (uint32_t)(t - j->tracks.at);
		t->listed = item;
	}
	account(j, t);
}

/* A value holds until the next is due: `for` may run out between two values, but never in silence. */
void track_tick(struct judge *j)
{
	size_t kept = 0;

	for (size_t i = 0; i < j->waiting.n; i++) {
		struct track *t = &j->tracks.at[j->waiting.at[i]];
		const struct check *c = check_of(j, t);
		int64_t more = j->now - t->arrived < c->interval ? j->now - t->arrived : c->interval;
		enum state level;

		if (t->waiting && j->hosts.at[c->host].connections > 0) {
			level = earned(t, more);
			if (level != t->level) {
				turn(j, t, level, j->hot[t->series].at);
				set_waiting(j, t, level != STATE_CRITICAL && t->waited[1] >= 0);
				track_listen(j, t->series);
			}
		}
		if (t->waiting)
			j->waiting.at[kept++] = j->waiting.at[i];
		else
			t->listed = false;
	}
	j->waiting.n = kept;
}

/* ---- values ---- */

/* A counter's increase per second. False: nothing to judge (the first, a reset, a gap, a clock that jumped). */
static bool rate(const struct hot *before, double value, int64_t at, int64_t interval, double *ret)
{
	if (before->at == 0 || at <= before->at || at - before->at > JUST_STALE(interval) || value < before->value)
		return false;
	*ret = (value - before->value) / ((double)(at - before->at) / NS_PER_S);
	return true;
}

static void feed(struct judge *j, struct track *t, const struct hot *before, double value, int64_t at)
{
	int64_t interval = check_of(j, t)->interval;
	enum state proposed, level;

	if (t->rule->rate && !rate(before, value, at, interval, &value))
		return;
	if (t->rule->age && at > j->wall + AHEAD)	/* set forward: every age has grown, and nothing has happened */
		return;
	t->value = value;
	proposed = rule_level(t->rule, t->level, value);
	wait_on(j, t, proposed, between(before->at, at, interval));
	level = state_rank(proposed) <= state_rank(t->level) ? proposed : earned(t, 0);
	set_waiting(j, t, state_rank(proposed) > state_rank(level));
	if (level != t->level)
		turn(j, t, level, at);
	else if (t->told == STATE_UNKNOWN)
		set_told(j, t, level, at, "reported again");
	settle(j, t, at);
}

/* Quiet only where each value inside would leave all as it is. */
void track_listen(struct judge *j, uint32_t series)
{
	const struct series *s = &j->series.at[series];
	struct hot *hot = &j->hot[series];
	double lo, hi;

	hot->lo = -DBL_MAX;
	hot->hi = DBL_MAX;
	for (uint32_t i = 0; i < s->tracks; i++) {
		const struct track *t = &j->tracks.at[s->track + i];

		if (t->rule->rate || t->waiting || t->flapping || t->told != t->level)
			lo = 1, hi = -1;
		else
			rule_quiet(t->rule, t->level, &lo, &hi);
		hot->lo = fmax(hot->lo, lo);
		hot->hi = fmin(hot->hi, hi);
	}
}

void track_value(struct judge *j, uint32_t series, double value, int64_t at)
{
	struct series *s = &j->series.at[series];
	struct hot before = j->hot[series];

	if (!s->known || !isfinite(value))
		return;
	for (uint32_t i = 0; i < s->tracks; i++)
		feed(j, &j->tracks.at[s->track + i], &before, value, at);
	track_listen(j, series);
	j->hot[series].value = value;
	j->hot[series].at = at;
}

/* ---- left out, put, cleared ---- */

/* What was good and is not reported is nobody's matter, unless its source was left out. */
static void lose(struct judge *j, uint32_t series, bool skipped, int64_t at)
{
	struct series *s = &j->series.at[series];

	for (uint32_t i = 0; i < s->tracks; i++) {
		struct track *t = &j->tracks.at[s->track + i];

		t->flapping = false;
		t->turns = 0;
		set_waiting(j, t, false);
		t->waited[0] = t->waited[1] = -1;
		if (t->told != STATE_UNKNOWN && (t->told != STATE_OK || skipped))
			set_told(j, t, STATE_UNKNOWN, at, skipped ? "no longer reported: its source is left out" : "no longer reported");
	}
	track_listen(j, series);
}

static bool is_busy(const struct judge *j, const struct series *s)
{
	for (uint32_t i = 0; i < s->tracks; i++)
		if (j->tracks.at[s->track + i].busy)
			return true;
	return false;
}

/* Sources begin to be left out. What the last whole round did not report either, or nobody since the start, was gone before. */
static void begin_skipping(struct judge *j, const struct check *c)
{
	for (uint32_t i = c->first; i != JUDGE_NONE; i = j->series.at[i].next)
		if (!is_busy(j, &j->series.at[i]))
			j->series.at[i].missed = j->hot[i].at && j->hot[i].at == c->whole ? 0 : MISSED;
}

/* After a delivered round with that stamp: its values carry the same. */
void track_left_out(struct judge *j, struct check *c, int64_t at)
{
	bool skipped = c->skipped;

	if (skipped && !c->skipping)
		begin_skipping(j, c);
	if (!skipped)
		c->whole = at;
	c->skipping = skipped;
	c->skipped = false;
	if (c->busy == 0 && !skipped)
		return;
	for (uint32_t i = c->first; i != JUDGE_NONE; i = j->series.at[i].next) {
		struct series *s = &j->series.at[i];

		if (j->hot[i].at == at)
			s->missed = 0;
		else if (s->missed < MISSED && ++s->missed == MISSED)
			lose(j, i, skipped, at);
	}
}

void track_put(struct judge *j, struct track *t, enum state s)
{
	t->level = s == STATE_UNKNOWN ? STATE_OK : s;
	t->told = s;
	account(j, t);
}

void track_clear(struct judge *j, struct track *t, const char *why, int64_t at)
{
	t->level = STATE_OK;
	t->flapping = false;
	t->turns = 0;
	t->waited[0] = t->waited[1] = -1;
	set_waiting(j, t, false);
	if (t->told != STATE_OK)
		set_told(j, t, STATE_OK, at, why);
	account(j, t);
}

void track_drop(struct judge *j, uint32_t series, const char *why, int64_t at)
{
	struct series *s = &j->series.at[series];

	for (uint32_t i = 0; i < s->tracks; i++)
		track_clear(j, &j->tracks.at[s->track + i], why, at);
	j->holes += s->tracks;
	s->tracks = 0;
}

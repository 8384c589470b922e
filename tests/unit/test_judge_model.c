/* Random values against a plain model: slow, without intervals, counters or flat memory; it keeps each series' whole
 * history and works out from it what holds now. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collector/judge/judge.h"
#include "lib/clock.h"

#define SERIES 24
#define ROUNDS 400
#define INTERVAL (60 * NS_PER_S)
#define METRICS 6

static uint64_t seed;

static uint32_t pick(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % n;
}

/* ---- rules at random: every mixture of bounds, directions, strictness, hysteresis and `for` ---- */

static struct rule rules[METRICS];
static const struct rule *list[METRICS];
static const char *const names[METRICS] = {"m0", "m1", "m2", "m3", "m4", "m5"};

static struct bound random_bound(double at, bool below)
{
	double gap = pick(2) ? pick(4) : 0;

	return (struct bound){.at = at, .clear = below ? at + gap : at - gap, .set = true, .strict = pick(2)};
}

static void random_rules(void)
{
	for (int i = 0; i < METRICS; i++) {
		struct rule *r = &rules[i];
		uint32_t sets = pick(3);

		*r = (struct rule){.id = names[i], .metric = names[i], .unit = "count", .below = pick(2)};
		r->for_ns = pick(2) ? 0 : pick(5) * INTERVAL;
		if (sets != 1)
			r->warning = random_bound(10, r->below);
		if (sets != 2)
			r->critical = random_bound(r->below ? 5 : 15, r->below);
		list[i] = r;
	}
}

/* ---- the model ---- */

struct model {
	double value[ROUNDS];
	enum state level[ROUNDS];	/* after each value */
	size_t n;
	uint32_t turned[ROUNDS];	/* rounds of changes since it last settled */
	size_t turns;
	bool flapping;
	enum state told;
};

static bool beyond(const struct bound *b, bool below, double v)
{
	if (v == b->at)
		return !b->strict;
	return below ? v < b->at : v > b->at;
}

static bool kept(const struct bound *b, bool below, double v)
{
	if (b->clear == b->at)
		return beyond(b, below, v);
	return below ? v <= b->clear : v >= b->clear;
}

static enum state plain(const struct rule *r, enum state now, double v)
{
	if (r->critical.set && (now == STATE_CRITICAL ? kept(&r->critical, r->below, v) : beyond(&r->critical, r->below, v)))
		return STATE_CRITICAL;
	if (r->warning.set && (now != STATE_OK ? kept(&r->warning, r->below, v) : beyond(&r->warning, r->below, v)))
		return STATE_WARNING;
	return STATE_OK;
}

/* How long the last values, each looked at from the level that held before it, have proposed at least `s`. */
static int64_t crossed(const struct rule *r, const struct model *m, enum state s)
{
	size_t i = m->n;

	while (i > 0 && state_rank(plain(r, i > 1 ? m->level[i - 2] : STATE_OK, m->value[i - 1])) >= state_rank(s))
		i--;
	return i == m->n ? -1 : (int64_t)(m->n - i - 1) * INTERVAL;
}

static enum state next_level(const struct rule *r, const struct model *m)
{
	enum state now = m->n > 1 ? m->level[m->n - 2] : STATE_OK, proposed = plain(r, now, m->value[m->n - 1]);

	if (state_rank(proposed) <= state_rank(now))
		return proposed;
	if (crossed(r, m, STATE_CRITICAL) >= r->for_ns)
		return STATE_CRITICAL;
	if (now == STATE_OK && crossed(r, m, STATE_WARNING) >= r->for_ns)
		return STATE_WARNING;
	return now;
}

static void model_feed(const struct rule *r, struct model *m, double v, uint32_t round)
{
	enum state before = m->n ? m->level[m->n - 1] : STATE_OK, level, worst;

	m->value[m->n++] = v;
	level = m->level[m->n - 1] = next_level(r, m);
	if (level != before)
		m->turned[m->turns++] = round;
	if (!m->flapping && level != before && m->turns >= 5 && round - m->turned[m->turns - 5] < 20) {
		m->flapping = true;
		worst = level;
		for (size_t i = m->turns - 5; i < m->turns; i++)	/* one value a round: the round is the index */
			worst = state_worse(worst, m->level[m->turned[i]]);
		m->told = worst;
	}
	if (!m->flapping)
		m->told = level;
	else if (round - m->turned[m->turns - 1] >= 10)
		m->flapping = false, m->turns = 0, m->told = level;
	else
		m->told = state_worse(m->told, level);
}

/* ---- the two side by side ---- */

static enum state last_told[SERIES];

static void hear(const struct judge_change *c, void *arg)
{
	ck_assert_int_eq(c->before, last_told[c->series]);
	last_told[c->series] = c->after;
}

static double random_value(double last)
{
	static const double edges[] = {10, 15, 5, 13, 7, 12, 8, 18, 2, 9, 11};

	switch (pick(8)) {
	case 0: return edges[pick(11)];
	case 1: return nextafter(edges[pick(11)], pick(2) ? INFINITY : -INFINITY);
	case 2: return pick(20);
	case 3: return last > 10 ? 1 : 19;
	default: return last;
	}
}

static void compare(struct judge *j, struct model *models)
{
	double value[SERIES] = {0};
	const struct rule *rule;
	double v;
	int64_t at;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		int64_t now = (round + 1) * INTERVAL;

		judge_tick(j, now, now);
		for (uint32_t s = 0; s < SERIES; s++) {
			value[s] = random_value(value[s]);
			judge_value(j, s, value[s], now);
			model_feed(&rules[s % METRICS], &models[s], value[s], round);
			ck_assert_msg(judge_state(j, s, &rule, &v, &at) == models[s].told &&
					      last_told[s] == models[s].told,
				      "round %u series %u value %.17g: judge %s, told %s, model %s", round, s, value[s],
				      state_name(judge_state(j, s, &rule, &v, &at)), state_name(last_told[s]),
				      state_name(models[s].told));
			ck_assert(v == value[s] && at == now);
		}
		judge_round(j, 0, true, NULL, now, now);
	}
}

START_TEST(test_random_values_against_the_model)
{
	struct model *models = calloc(SERIES, sizeof(*models));
	struct judge *j;

	seed = (uint64_t)_i * 977 + 1;
	memset(last_told, 0, sizeof(last_told));
	random_rules();
	j = judge_new(list, METRICS, hear, NULL);
	ck_assert_int_eq(judge_host(j, 0, "h", 0), 0);
	ck_assert_int_eq(judge_check(j, 0, 0, "c", INTERVAL, 0), 0);
	/* Nobody is connected: `for` then runs out by values alone, as in the model. */
	judge_patience(j, INT64_MAX / 2, INT64_MAX / 2);
	for (uint32_t s = 0; s < SERIES; s++)
		ck_assert_int_eq(judge_series(j, s, 0, names[s % METRICS], NULL), 0);
	compare(j, models);
	judge_free(j);
	free(models);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("judge_model");
	TCase *tc = tcase_create("random");
	SRunner *runner;
	int bad;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_random_values_against_the_model, 0, 60);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	bad = srunner_ntests_failed(runner);
	srunner_free(runner);
	return bad > 0;
}

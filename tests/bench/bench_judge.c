/*
 * bench_judge.c - what a value costs the judge, and a state: 1,000, 100,000 and 1,000,000 series with two bounds
 * each; values move inside their bounds, one in 10,000 crosses. Series come in the order of rounds, ten to a check,
 * as they do from agents.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "collector/judge/judge.h"
#include "lib/clock.h"

#define PER_CHECK 10
#define VALUES 20000000

static const struct rule used = {
	.id = "disk_used", .metric = "disk_space_used_ratio", .unit = "ratio",
	.warning = {.at = 0.80, .clear = 0.78, .set = true}, .critical = {.at = 0.85, .clear = 0.83, .set = true},
};
static const struct rule *const rules[] = {&used};
static size_t changes;

static void count(const struct judge_change *c, void *arg)
{
	changes++;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct judge *prepare(uint32_t n)
{
	struct judge *j = judge_new(rules, 1, count, NULL);
	char mount[32];

	judge_host(j, 0, "bench", 0);
	for (uint32_t i = 0; i < n; i++) {
		snprintf(mount, sizeof(mount), "/srv/volume%u", i % PER_CHECK);
		if (i % PER_CHECK == 0)
			judge_check(j, i / PER_CHECK, 0, "disk", 60 * NS_PER_S, 0);
		judge_series(j, i, i / PER_CHECK, used.metric, (struct rule_label[]){{"mount", mount}, {NULL, NULL}});
	}
	judge_connected(j, 0, true, 1, 1);
	return j;
}

/* A table of values worked out before: the clock sees the judge alone. */
static void feed(struct judge *j, uint32_t n, const double *values, size_t table)
{
	size_t left = VALUES, v = 0;

	for (int64_t at = NS_PER_S; left > 0; at += 60 * NS_PER_S)
		for (uint32_t i = 0; i < n && left > 0; i++, left--) {
			judge_value(j, i, values[v], at);
			v = v + 1 < table ? v + 1 : 0;
			if (i % PER_CHECK == PER_CHECK - 1)
				judge_round(j, i / PER_CHECK, true, NULL, at, at);
		}
}

int main(void)
{
	static const uint32_t sizes[] = {1000, 100000, 1000000};
	static double values[100003];	/* a prime: series do not keep meeting the same value */

	for (size_t i = 0; i < 100003; i++)
		values[i] = i % 10000 == 77 ? 0.9 : 0.3 + 0.4 * (double)rand() / RAND_MAX;
	for (size_t k = 0; k < 3; k++) {
		double begin = seconds(), took;
		struct judge *j = prepare(sizes[k]);
		double registered = seconds() - begin;

		changes = 0;
		begin = seconds();
		feed(j, sizes[k], values, 100003);
		took = seconds() - begin;
		printf("judge: %7u series: %5.1f ns a value with its round, %zu changes, %.0f bytes a series, "
		       "registered in %.0f ns\n",
		       sizes[k], took / VALUES * 1e9, changes, (double)judge_bytes(j) / sizes[k],
		       registered / sizes[k] * 1e9);
		judge_free(j);
	}
	return 0;
}

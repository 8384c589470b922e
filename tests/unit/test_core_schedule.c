/* Schedule on fake time. */
#include <check.h>
#include <stdio.h>

#include "agent/core/schedule.h"
#include "lib/clock.h"
#include "tests/unit/core_stage.h"

#define AGENT "11111111-2222-4333-8444-555555555555"

START_TEST(test_rounds_keep_their_rhythm)
{
	int64_t interval = 60 * NS_PER_S, phase = schedule_phase(AGENT, "disk", interval), now = 12345 * NS_PER_S;
	int64_t due = schedule_next(now, interval, phase), first = due;

	ck_assert_int_ge(due - now, interval / 2);
	ck_assert_int_le(due - now, interval * 3 / 2);
	for (int i = 1; i < 100; i++) {		/* each round begins a little late; the rhythm does not shift */
		due = schedule_next(due + 3 * NS_PER_MS, interval, phase);
		ck_assert_int_eq(due, first + i * interval);
	}
}
END_TEST

START_TEST(test_a_machine_that_slept_runs_a_check_once)
{
	int64_t interval = NS_PER_S, phase = schedule_phase(AGENT, "disk", interval);
	int64_t due = schedule_next(1000 * NS_PER_S, interval, phase), woke = due + 8 * 3600 * NS_PER_S;
	unsigned rounds = 0;

	for (int64_t now = woke; now < woke + 10 * NS_PER_S; now += NS_PER_MS)
		if (due <= now) {
			rounds++;
			due = schedule_next(now, interval, phase);
		}
	ck_assert_uint_ge(rounds, 10);
	ck_assert_uint_le(rounds, 11);
}
END_TEST

START_TEST(test_agents_do_not_fire_together)
{
	unsigned buckets[60] = {0};
	char agent[40];

	for (unsigned i = 0; i < 6000; i++) {
		int64_t phase;

		snprintf(agent, sizeof(agent), "11111111-2222-4333-8444-%012u", i);
		phase = schedule_phase(agent, "disk", 60 * NS_PER_S);
		ck_assert(phase >= 0 && phase < 60 * NS_PER_S);
		buckets[phase / NS_PER_S]++;
	}
	for (int i = 0; i < 60; i++)
		ck_assert_msg(buckets[i] > 50 && buckets[i] < 150, "%u agents in second %d", buckets[i], i);
}
END_TEST

START_TEST(test_first_rounds_are_at_once_unless_told_to_slow_down)
{
	int64_t interval = 60 * NS_PER_S, phase = schedule_phase(AGENT, "disk", interval), now = 777 * NS_PER_S;

	ck_assert_int_eq(schedule_first(now, interval, phase, 0), now);
	ck_assert_int_gt(schedule_first(now, interval, phase, 1), now);
	ck_assert_int_le(schedule_first(now, interval, phase, 1), now + interval);
	ck_assert_int_eq((schedule_first(now, interval, phase, 1) - phase) % interval, 0);
}
END_TEST

static void add(TCase *tc)
{
	T(test_rounds_keep_their_rhythm);
	T(test_a_machine_that_slept_runs_a_check_once);
	T(test_agents_do_not_fire_together);
	T(test_first_rounds_are_at_once_unless_told_to_slow_down);
}

int main(void)
{
	return suite_main("core, schedule", setup, teardown, 120, add);
}

/* The judge while clocks jump (R12): the agent's, and the collector's own. */
#include <check.h>

#include "tests/unit/judge_stage.h"

static void step_both_ways(int64_t *clock, int64_t by)
{
	add_series(ROOT, "load", NULL);
	add_series(SRV, "used", "/");
	measure_often(ROOT, 3, 5);	/* crossed for 4 minutes of 10 */
	*clock += by;
	measure(ROOT, 3);
	expect("");
	*clock -= by;
	measure(ROOT, 3);
	expect("");
	measure_often(ROOT, 3, 2);
	expect("");			/* 8 minutes have really passed */
	measure_often(ROOT, 3, 4);
	expect("busy ok>warning");	/* a step back costs one interval, and no more */
	measure(ROOT, 1);
	expect("busy warning>ok");
	pass(149 * NS_PER_S);
	expect("");
}

START_TEST(test_r12_agents_clock_a_day_forward_and_back)
{
	step_both_ways(&agent, DAY);
}
END_TEST

START_TEST(test_r12_agents_clock_a_day_back_and_forward)
{
	step_both_ways(&agent, -DAY);
}
END_TEST

START_TEST(test_r12_agents_clock_75_years)
{
	step_both_ways(&agent, 75 * 365 * DAY);
}
END_TEST

START_TEST(test_r12_collectors_wall_clock_moves_no_deadline)
{
	add_series(ROOT, "used", "/");
	measure(ROOT, 0.5);
	wall += 10 * 365 * DAY;
	agent -= 10 * 365 * DAY;
	measure(ROOT, 0.5);
	wall -= 20 * 365 * DAY;
	agent += 20 * 365 * DAY;
	measure(ROOT, 0.5);
	judge_connected(j, WEB1, false, wall, boot);
	wall += DAY;
	pass(119 * NS_PER_S);
	expect("");
}
END_TEST

START_TEST(test_r12_ages_are_not_judged_while_the_agents_clock_is_ahead)
{
	add_series(ROOT, "support", NULL);
	measure(ROOT, 200 * 86400.0);
	agent = 75 * 365 * DAY;
	measure_often(ROOT, -70 * 365 * 86400.0, 10);
	expect("");
	agent = 0;
	measure(ROOT, 200 * 86400.0);
	expect("");
	agent = 299 * NS_PER_S;		/* so much may be */
	measure(ROOT, 10 * 86400.0);
	expect("support ok>warning");
}
END_TEST

START_TEST(test_r12_counter_over_a_step_is_not_judged)
{
	add_series(RESTARTS, "restarts", NULL);
	measure(RESTARTS, 0);
	agent = -DAY;
	measure(RESTARTS, 100);
	agent = 0;
	measure(RESTARTS, 200);
	expect("");
}
END_TEST

static void add(TCase *tc)
{
	T(test_r12_agents_clock_a_day_forward_and_back); T(test_r12_agents_clock_a_day_back_and_forward);
	T(test_r12_agents_clock_75_years); T(test_r12_collectors_wall_clock_moves_no_deadline);
	T(test_r12_ages_are_not_judged_while_the_agents_clock_is_ahead); T(test_r12_counter_over_a_step_is_not_judged);
}

int main(void)
{
	return suite_main("judge, clocks", raise_curtain, drop_curtain, 60, add);
}

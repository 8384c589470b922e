/* The judge hears nothing (R14): of a check, of a part of it, of a host; and what is the collector's own absence. */
#include <check.h>
#include <string.h>

#include "tests/unit/judge_stage.h"

/* ---- silence ---- */

START_TEST(test_check_that_stops_is_unknown_after_two_and_a_half_intervals)
{
	add_series(ROOT, "used", "/");
	measure(ROOT, 0.5);
	pass(149 * NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("silent ok>unknown");
	ck_assert_int_eq(judge_check_state(j, DISK), STATE_UNKNOWN);
	pass(HOUR);
	expect("");
	measure(ROOT, 0.5);
	expect("silent unknown>ok");
}
END_TEST

START_TEST(test_check_fails_twice_is_unknown)
{
	add_series(ROOT, "used", "/");
	measure(ROOT, 0.9);
	expect("disk_used ok>critical");
	round_without_values(false);
	expect("");
	round_without_values(false);
	expect("failed ok>unknown");
	round_without_values(false);
	round_without_values(false);
	expect("");			/* and the disk is not called good, nor unreported: nobody looked */
	measure(ROOT, 0.9);
	expect("failed unknown>ok");
}
END_TEST

/* A round that leaves these sources out, and reports of / alone. */
static void measure_without(const char *a, const char *b)
{
	const char *const what[] = {a, b};

	pass(MINUTE);
	judge_value(j, ROOT, 0.5, wall + agent);
	judge_skips(j, DISK, what, b ? 2 : 1);
	judge_round(j, DISK, true, NULL, wall + agent, boot);
}

START_TEST(test_same_source_left_out_three_times_is_unknown_till_a_round_is_whole)
{
	add_series(ROOT, "used", "/");
	for (int i = 0; i < 5; i++) {
		measure_without("apt", NULL);
		measure_without("apt", "dnf");
		measure(ROOT, 0.5);			/* never three in a row */
		measure_without("apt", NULL);
		measure_without("dnf", NULL);
		measure_without("apt", NULL);
		measure(ROOT, 0.5);
	}
	expect("");
	measure_without("apt", NULL);
	measure_without("apt", NULL);
	round_without_values(false);			/* says nothing of sources */
	measure_without("dnf", "apt");
	expect("partial ok>unknown");
	ck_assert_int_eq(judge_check_state(j, DISK), STATE_UNKNOWN);
	measure_without("apt", NULL);
	measure_without("dnf", NULL);
	expect("");
	measure(ROOT, 0.5);
	expect("partial unknown>ok");
	ck_assert_int_eq(judge_check_state(j, DISK), STATE_OK);
}
END_TEST

/* What was good and is left out with its source is not good any more; what was taken out before is nobody's matter. */
START_TEST(test_good_value_whose_source_is_left_out_becomes_unknown)
{
	add_series(ROOT, "used", "/");
	add_series(SRV, "used", "/srv");
	add_series(PENDING, "used", "/old");
	pass(MINUTE);
	for (uint32_t s = ROOT; s <= PENDING; s++)
		judge_value(j, s, 0.5, wall);
	judge_round(j, DISK, true, NULL, wall, boot);
	pass(MINUTE);					/* /old is taken out */
	for (uint32_t s = ROOT; s <= SRV; s++)
		judge_value(j, s, 0.5, wall);
	judge_round(j, DISK, true, NULL, wall, boot);
	measure_without("/srv", NULL);
	measure_without("/srv", NULL);
	expect("");
	measure_without("/srv", NULL);
	expect("partial ok>unknown, disk_used ok>unknown");
	ck_assert_int_eq(judge_state(j, SRV, NULL, NULL, NULL), STATE_UNKNOWN);
	ck_assert_int_eq(judge_state(j, PENDING, NULL, NULL, NULL), STATE_OK);
	measure_without("/srv", NULL);
	expect("");
	measure(ROOT, 0.5);				/* whole, and still without it: it stays unknown */
	expect("partial unknown>ok");
	measure(SRV, 0.6);
	expect("disk_used unknown>ok");
}
END_TEST

START_TEST(test_restored_partial_check_is_held_till_a_round_is_whole)
{
	judge_restore(j, WEB1, DISK, JUDGE_NONE, "partial", STATE_UNKNOWN, 1, wall, wall);
	add_series(ROOT, "used", "/");
	measure_without("apt", NULL);
	expect("");
	ck_assert_int_eq(judge_check_state(j, DISK), STATE_UNKNOWN);
	measure(ROOT, 0.5);
	expect("partial unknown>ok");
	measure_without("apt", NULL);
	measure_without("apt", NULL);
	measure_without("apt", NULL);
	judge_check_gone(j, DISK, wall);
	expect("partial ok>unknown, partial unknown>ok");
}
END_TEST

START_TEST(test_host_gone_is_told_once_and_not_of_each_check)
{
	ck_assert_int_eq(judge_check(j, OTHER, WEB1, "other", 10 * MINUTE, boot), 0);
	judge_connected(j, WEB1, false, wall, boot);
	pass(119 * NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("gone ok>unknown");
	ck_assert_int_eq(judge_host_state(j, WEB1), STATE_UNKNOWN);
	pass(DAY);
	expect("");
	judge_connected(j, WEB1, true, wall, boot);
	expect("gone unknown>ok");
	pass(149 * NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("silent ok>unknown");	/* of the one that is due each minute */
}
END_TEST

START_TEST(test_host_with_an_overdue_check_is_gone_before_the_patience_ends)
{
	judge_patience(j, 10 * MINUTE, HOUR);
	round_without_values(true);
	judge_connected(j, WEB1, false, wall, boot);
	pass(149 * NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("gone ok>unknown");
}
END_TEST

START_TEST(test_agent_that_reconnects_all_the_time_and_never_reports_is_not_excused)
{
	for (int i = 0; i < 10; i++) {
		judge_connected(j, WEB1, false, wall, boot);
		pass(15 * NS_PER_S);
		judge_connected(j, WEB1, true, wall, boot);
		pass(NS_PER_S);
	}
	ck_assert(strstr(told, "ok>unknown"));
}
END_TEST

START_TEST(test_new_connection_before_the_old_one_ends)
{
	judge_connected(j, WEB1, true, wall, boot);
	judge_connected(j, WEB1, false, wall, boot);
	for (int i = 0; i < 5; i++)
		round_without_values(true);
	expect("");
}
END_TEST

/* ---- R14: the collector's own absence ---- */

START_TEST(test_r14_the_collectors_hour_is_not_blamed_on_hosts)
{
	add_series(ROOT, "used", "/");
	measure(ROOT, 0.5);
	wall += HOUR;			/* its machine slept, or its intake stood still */
	boot += HOUR;
	judge_forgive(j, boot);
	judge_tick(j, wall, boot);
	expect("");
	pass(149 * NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("silent ok>unknown");	/* but from then on silence counts */
}
END_TEST

START_TEST(test_r14_a_host_that_was_away_already_gets_its_patience_anew)
{
	judge_connected(j, WEB1, false, wall, boot);
	wall += HOUR;
	boot += HOUR;
	judge_forgive(j, boot);
	pass(119 * NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("gone ok>unknown");
}
END_TEST

START_TEST(test_r14_restart_of_the_collector_waits_for_all_hosts)
{
	drop_curtain();
	raise_curtain();
	judge_connected(j, WEB1, false, wall, boot);	/* as after a start: nobody has come yet */
	pass(119 * NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("gone ok>unknown");
}
END_TEST

static const struct rule never = {.id = "never", .kind = "INC-A", .metric = RULE_AGENT_NEVER, .unit = "boolean"};
static const struct rule *const with_never[] = {&gone, &silent, &failed, &never};

/* An identity was made, and nobody comes. */
static void expect_newcomer(void)
{
	judge_check_gone(j, DISK, wall);
	told[0] = '\0';
	ck_assert_int_eq(judge_host(j, NEW, "new1", boot), 0);
	judge_expected(j, NEW);
}

START_TEST(test_r14_an_identity_that_nobody_uses_is_found_after_a_patience_of_its_own)
{
	judge_rules(j, with_never, 4, wall);
	expect_newcomer();
	pass(HOUR - NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("never ok>unknown");
	ck_assert_int_eq(judge_host_state(j, NEW), STATE_UNKNOWN);
	pass(DAY);
	expect("");
	judge_connected(j, NEW, true, wall, boot);
	expect("never unknown>ok");
	judge_connected(j, NEW, false, wall, boot);	/* from now on a host like any other */
	pass(2 * MINUTE);
	expect("gone ok>unknown");
}
END_TEST

/* It never connects, and is there as long as it looks. */
START_TEST(test_r14_a_watcher_is_missed_when_it_looks_no_more)
{
	judge_rules(j, with_never, 4, wall);
	expect_newcomer();
	for (int i = 0; i < 5; i++) {
		pass(HOUR - NS_PER_S);
		judge_looked(j, NEW, wall, boot);
	}
	expect("");
	pass(HOUR);
	expect("never ok>unknown");
	judge_looked(j, NEW, wall, boot);
	expect("never unknown>ok");
	judge_looked(j, WEB1, wall, boot);	/* who is no watcher: nothing */
	judge_connected(j, WEB1, false, wall, boot);
	pass(2 * MINUTE);
	expect("gone ok>unknown");
}
END_TEST

START_TEST(test_r14_what_was_found_never_to_come_is_not_found_again_after_a_restart)
{
	judge_rules(j, with_never, 4, wall);
	expect_newcomer();
	judge_restore(j, NEW, JUDGE_NONE, JUDGE_NONE, "never", STATE_UNKNOWN, 1, wall, wall);
	judge_forgive(j, boot);
	pass(DAY);
	expect("");
	judge_connected(j, NEW, true, wall, boot);
	expect("never unknown>ok");
}
END_TEST

START_TEST(test_r14_without_a_rule_for_it_what_never_came_is_gone)
{
	expect_newcomer();
	pass(HOUR);
	expect("gone ok>unknown");
	judge_rules(j, with_never, 4, wall);	/* and the procedure gets one */
	expect("gone unknown>ok, never ok>unknown");
	judge_host_gone(j, NEW, wall);		/* revoked */
	expect("never unknown>ok");
	pass(DAY);
	expect("");
}
END_TEST

START_TEST(test_r14_the_collectors_absence_makes_no_newcomer_late)
{
	expect_newcomer();
	wall += 3 * DAY;
	boot += 3 * DAY;
	judge_forgive(j, boot);
	pass(HOUR - NS_PER_S);
	expect("");
	pass(NS_PER_S);
	expect("gone ok>unknown");
}
END_TEST

START_TEST(test_r14_agent_stops_and_is_found_within_three_intervals)
{
	int64_t since;

	round_without_values(true);
	since = boot;
	judge_connected(j, WEB1, false, wall, boot);
	while (!told[0] && boot - since < 3 * MINUTE)
		pass(NS_PER_S);
	expect("gone ok>unknown");
}
END_TEST

static void add(TCase *tc)
{
	T(test_check_that_stops_is_unknown_after_two_and_a_half_intervals); T(test_check_fails_twice_is_unknown);
	T(test_same_source_left_out_three_times_is_unknown_till_a_round_is_whole);
	T(test_good_value_whose_source_is_left_out_becomes_unknown);
	T(test_restored_partial_check_is_held_till_a_round_is_whole);
	T(test_host_gone_is_told_once_and_not_of_each_check);
	T(test_host_with_an_overdue_check_is_gone_before_the_patience_ends);
	T(test_agent_that_reconnects_all_the_time_and_never_reports_is_not_excused);
	T(test_new_connection_before_the_old_one_ends); T(test_r14_the_collectors_hour_is_not_blamed_on_hosts);
	T(test_r14_a_host_that_was_away_already_gets_its_patience_anew);
	T(test_r14_restart_of_the_collector_waits_for_all_hosts);
	T(test_r14_an_identity_that_nobody_uses_is_found_after_a_patience_of_its_own);
	T(test_r14_a_watcher_is_missed_when_it_looks_no_more);
	T(test_r14_what_was_found_never_to_come_is_not_found_again_after_a_restart);
	T(test_r14_without_a_rule_for_it_what_never_came_is_gone);
	T(test_r14_the_collectors_absence_makes_no_newcomer_late);
	T(test_r14_agent_stops_and_is_found_within_three_intervals);
}

int main(void)
{
	return suite_main("judge, silence", raise_curtain, drop_curtain, 60, add);
}

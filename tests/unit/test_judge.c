/* The judge: bounds, how long they are crossed, counters, flapping, and series that vanish. */
#include <check.h>
#include <math.h>

#include "tests/unit/judge_stage.h"

/* ---- bounds ---- */

START_TEST(test_85_percent_opens_and_less_than_83_clears)
{
	add_series(ROOT, "used", "/");
	measure(ROOT, 0.79);
	expect("");
	measure(ROOT, 0.80);
	expect("disk_used ok>warning");
	measure(ROOT, 0.8499);
	expect("");
	measure(ROOT, 0.85);
	expect("disk_used warning>critical");
	measure(ROOT, 0.83);
	expect("");
	measure(ROOT, 0.8299);
	expect("disk_used critical>warning");
	measure(ROOT, 0.78);
	expect("");
	measure(ROOT, 0.7799);
	expect("disk_used warning>ok");
}
END_TEST

START_TEST(test_strict_bound_is_crossed_beyond_it_only)
{
	add_series(ROOT, "sync", NULL);
	measure(ROOT, 86400);
	expect("");
	measure(ROOT, nextafter(86400, INFINITY));
	expect("sync ok>critical");
	measure(ROOT, 86400);
	expect("sync critical>ok");
}
END_TEST

START_TEST(test_below_support_that_runs_out)
{
	add_series(ROOT, "support", NULL);
	measure(ROOT, 180 * 86400.0);
	expect("");
	measure(ROOT, 179 * 86400.0);
	expect("support ok>warning");
	measure(ROOT, -1);
	expect("support warning>critical");
	measure(ROOT, 500 * 86400.0);
	expect("support critical>ok");
}
END_TEST

START_TEST(test_values_that_are_no_numbers_are_not_measured)
{
	add_series(ROOT, "used", "/");
	measure(ROOT, 0.9);
	expect("disk_used ok>critical");
	measure(ROOT, NAN);
	measure(ROOT, INFINITY);
	measure(ROOT, -INFINITY);
	expect("disk_used critical>unknown");
	measure(ROOT, 0.9);
	expect("disk_used unknown>critical");
}
END_TEST

START_TEST(test_rules_match_by_host_and_labels_and_several_may)
{
	static const char *const web[] = {"db*", "web?", NULL}, *const db[] = {"db*", NULL};
	static const struct rule_label srv[] = {{"mount", "/srv*"}, {NULL, NULL}},
				       odd[] = {{"mount", "/x[y"}, {NULL, NULL}};
	struct rule a = disk_used, b = disk_used, c = disk_used, d = disk_used;
	const struct rule *mine[] = {&a, &b, &c, &d};

	a.id = "a", a.hosts = web;
	b.id = "b", b.labels = srv;
	c.id = "c", c.hosts = db;
	d.id = "d", d.labels = odd;
	ck_assert_int_eq(judge_rules(j, mine, 4, wall), 0);
	add_series(ROOT, "used", "/");
	add_series(SRV, "used", "/srv/data");
	measure(ROOT, 0.9);
	expect("a ok>critical");
	measure(SRV, 0.9);
	expect("a ok>critical, b ok>critical");
	drop_curtain();		/* before the rules leave this stage */
	raise_curtain();
}
END_TEST

/* ---- for ---- */

START_TEST(test_for_counts_crossed_time)
{
	add_series(ROOT, "load", NULL);
	measure_often(ROOT, 3, 10);	/* 9 minutes between them */
	expect("");
	pass(59 * NS_PER_S);
	expect("");
	pass(NS_PER_S);			/* the tenth minute, before the next value is there */
	expect("busy ok>warning");
	measure(ROOT, 1);
	expect("busy warning>ok");
}
END_TEST

START_TEST(test_for_begins_anew_after_a_dip)
{
	add_series(ROOT, "load", NULL);
	measure_often(ROOT, 3, 9);
	measure(ROOT, 1.9);
	measure_often(ROOT, 3, 10);
	expect("");
	measure(ROOT, 3);
	expect("busy ok>warning");
}
END_TEST

START_TEST(test_for_waits_for_each_bound_apart)
{
	add_series(ROOT, "load", NULL);
	measure_often(ROOT, 3, 11);
	expect("busy ok>warning");
	measure_often(ROOT, 5, 10);
	expect("");
	measure(ROOT, 5);
	expect("busy warning>critical");
}
END_TEST

START_TEST(test_for_longer_than_silence_allows_never_fires_in_silence)
{
	add_series(ROOT, "load", NULL);
	measure_often(ROOT, 3, 8);	/* 7 minutes */
	pass(2 * HOUR);
	expect("silent ok>unknown");	/* and nothing of the load */
	measure(ROOT, 3);		/* a gap counts one interval */
	expect("silent unknown>ok");
	measure(ROOT, 3);
	pass(MINUTE);
	expect("busy ok>warning");
}
END_TEST

START_TEST(test_for_in_a_backlog_goes_by_the_stamps)
{
	add_series(ROOT, "load", NULL);
	for (int i = 0; i < 11; i++) {	/* an hour's spool arrives in a moment */
		judge_value(j, ROOT, 5, wall - HOUR + i * MINUTE);
		judge_round(j, DISK, true, NULL, wall - HOUR + i * MINUTE, boot);
	}
	expect("busy ok>critical");
}
END_TEST

/* ---- counters ---- */

START_TEST(test_rate_of_a_counter_and_its_reset)
{
	add_series(RESTARTS, "restarts", NULL);
	measure(RESTARTS, 1000);
	measure(RESTARTS, 1005);	/* 0.083 a second */
	expect("");
	measure(RESTARTS, 1011);	/* 0.1 */
	expect("restarts ok>warning");
	measure(RESTARTS, 3);		/* started again: says nothing */
	expect("");
	measure(RESTARTS, 3);
	expect("restarts warning>ok");
}
END_TEST

/* ---- flapping ---- */

START_TEST(test_flapping_is_told_once_and_holds_the_worst)
{
	add_series(ROOT, "used", "/");
	for (int i = 0; i < 2; i++) {
		measure(ROOT, 0.81);
		expect("disk_used ok>warning");
		measure(ROOT, 0.5);
		expect("disk_used warning>ok");
	}
	measure(ROOT, 0.81);
	expect("disk_used ok>warning flapping");
	for (int i = 0; i < 20; i++)
		measure(ROOT, i % 2 ? 0.81 : 0.5);
	expect("");
	measure(ROOT, 0.9);		/* worse is told all the same, once */
	expect("disk_used warning>critical flapping");
	measure(ROOT, 0.5);
	measure(ROOT, 0.9);
	measure(ROOT, 0.5);
	expect("");
	measure_often(ROOT, 0.5, 9);
	expect("");
	measure(ROOT, 0.5);
	expect("disk_used critical>ok");
	measure(ROOT, 0.81);
	expect("disk_used ok>warning");
}
END_TEST

START_TEST(test_five_slow_changes_are_not_flapping)
{
	add_series(ROOT, "used", "/");
	for (int i = 0; i < 4; i++) {
		measure_often(ROOT, 0.9, 5);
		expect("disk_used ok>critical");
		measure_often(ROOT, 0.5, 5);
		expect("disk_used critical>ok");
	}
}
END_TEST

/* ---- series that vanish ---- */

START_TEST(test_unmounted_while_critical_is_unknown_never_a_silent_ok)
{
	add_series(ROOT, "used", "/");
	add_series(SRV, "used", "/srv");
	measure(SRV, 0.95);
	expect("disk_used ok>critical");
	measure_often(ROOT, 0.5, 2);
	expect("");
	measure(ROOT, 0.5);
	expect("disk_used critical>unknown");
	measure_often(ROOT, 0.5, 50);
	expect("");
	judge_retire(j, SRV);		/* a person has closed the incident */
	measure_often(ROOT, 0.5, 5);
	expect("");
	measure(SRV, 0.95);		/* mounted again */
	expect("disk_used ok>critical");
}
END_TEST

START_TEST(test_vanished_while_good_is_nobodys_matter)
{
	add_series(ROOT, "used", "/");
	add_series(SRV, "used", "/srv");
	measure(SRV, 0.5);
	measure_often(ROOT, 0.5, 10);
	expect("");
}
END_TEST

START_TEST(test_check_no_longer_assigned_clears_what_it_found)
{
	const struct rule *rule;
	double value;
	int64_t at;

	add_series(ROOT, "used", "/");
	measure(ROOT, 0.9);
	expect("disk_used ok>critical");
	pass(HOUR);
	expect("silent ok>unknown");
	judge_check_gone(j, DISK, wall);
	expect("silent unknown>ok, disk_used critical>ok");
	judge_value(j, ROOT, 0.9, wall);
	judge_round(j, DISK, true, NULL, wall, boot);
	pass(HOUR);
	expect("");
	ck_assert_int_eq(judge_state(j, ROOT, &rule, &value, &at), STATE_OK);
	ck_assert_ptr_null(rule);
	ck_assert_int_eq(judge_check(j, DISK, WEB1, "disk", MINUTE, boot), 0);
	add_series(ROOT, "used", "/");
	measure(ROOT, 0.9);
	expect("disk_used ok>critical");
}
END_TEST

START_TEST(test_checks_that_come_and_go_leave_no_memory_behind)
{
	size_t before = 0;

	add_series(ROOT, "used", "/");
	measure(ROOT, 0.9);
	expect("disk_used ok>critical");
	for (int i = 0; i < 20000; i++) {
		ck_assert_int_eq(judge_check(j, OTHER, WEB1, "other", MINUTE, boot), 0);
		ck_assert_int_eq(judge_series(j, SRV, OTHER, "used", NULL), 0);
		judge_value(j, SRV, 0.9, wall);
		judge_check_gone(j, OTHER, wall);
		expect("disk_used ok>critical, disk_used critical>ok");
		if (i == 5000)
			before = judge_bytes(j);
	}
	ck_assert_uint_eq(judge_bytes(j), before);
	measure(ROOT, 0.5);
	expect("disk_used critical>ok");
}
END_TEST

/* ---- what is not known ---- */

START_TEST(test_numbers_that_nobody_registered_are_refused_or_ignored)
{
	ck_assert_int_lt(judge_host(j, JUDGE_NONE, "x", boot), 0);
	ck_assert_int_lt(judge_check(j, 7, 99, "x", MINUTE, boot), 0);
	ck_assert_int_lt(judge_series(j, 7, 99, "x", NULL), 0);
	ck_assert_int_lt(judge_series(j, JUDGE_MAX, DISK, "x", NULL), 0);
	add_series(3, "used", "/");
	for (uint32_t i = 0; i < 10; i++) {
		judge_value(j, i == 3 ? 99 : i, 0.99, wall);
		judge_round(j, i + 1, true, NULL, wall, boot);
		judge_connected(j, i + 1, false, wall, boot);
		judge_retire(j, i);
	}
	judge_value(j, JUDGE_NONE, 1, wall);
	judge_check_gone(j, 99, wall);
	expect("");
}
END_TEST

START_TEST(test_state_for_screens)
{
	const struct rule *rule;
	double value;
	int64_t at;

	add_series(ROOT, "used", "/");
	ck_assert_int_eq(judge_state(j, ROOT, &rule, &value, &at), STATE_OK);
	ck_assert_int_eq(at, 0);
	measure(ROOT, 0.91);
	ck_assert_int_eq(judge_state(j, ROOT, &rule, &value, &at), STATE_CRITICAL);
	ck_assert_ptr_eq(rule, &disk_used);
	ck_assert_double_eq(value, 0.91);
	ck_assert_int_eq(at, wall);
	measure(ROOT, 0.99);		/* the state stays, the value is the last one */
	judge_state(j, ROOT, &rule, &value, &at);
	ck_assert_double_eq(value, 0.99);
}
END_TEST

static void add(TCase *tc)
{
	T(test_85_percent_opens_and_less_than_83_clears); T(test_strict_bound_is_crossed_beyond_it_only);
	T(test_below_support_that_runs_out); T(test_values_that_are_no_numbers_are_not_measured);
	T(test_rules_match_by_host_and_labels_and_several_may); T(test_for_counts_crossed_time);
	T(test_for_begins_anew_after_a_dip); T(test_for_waits_for_each_bound_apart);
	T(test_for_longer_than_silence_allows_never_fires_in_silence); T(test_for_in_a_backlog_goes_by_the_stamps);
	T(test_rate_of_a_counter_and_its_reset); T(test_flapping_is_told_once_and_holds_the_worst);
	T(test_five_slow_changes_are_not_flapping); T(test_unmounted_while_critical_is_unknown_never_a_silent_ok);
	T(test_vanished_while_good_is_nobodys_matter); T(test_check_no_longer_assigned_clears_what_it_found);
	T(test_checks_that_come_and_go_leave_no_memory_behind);
	T(test_numbers_that_nobody_registered_are_refused_or_ignored); T(test_state_for_screens);
}

int main(void)
{
	return suite_main("judge", raise_curtain, drop_curtain, 60, add);
}

/* The judge goes on: with the states of before a restart, and with new rules over old states. */
#include <check.h>

#include "tests/unit/judge_stage.h"

START_TEST(test_restored_states_are_not_told_again_and_go_on)
{
	add_series(ROOT, "used", "/");
	add_series(SRV, "used", "/srv");
	judge_restore(j, WEB1, DISK, ROOT, "disk_used", STATE_CRITICAL, 0.9, wall - HOUR, wall);
	judge_restore(j, WEB1, DISK, SRV, "disk_used", STATE_UNKNOWN, 0.9, wall - HOUR, wall);
	judge_restore(j, WEB1, DISK, JUDGE_NONE, "failed", STATE_UNKNOWN, 1, wall - HOUR, wall);
	expect("");
	measure(ROOT, 0.84);
	expect("failed unknown>ok");
	measure(SRV, 0.5);
	expect("disk_used unknown>ok");
	measure(ROOT, 0.5);
	expect("disk_used critical>ok");
}
END_TEST

START_TEST(test_restored_host_gone_comes_back)
{
	drop_curtain();
	wall = boot = HOUR;
	told[0] = '\0';
	j = judge_new(rules, RULES, hear, NULL);
	judge_host(j, WEB1, "web1", boot);
	judge_restore(j, WEB1, JUDGE_NONE, JUDGE_NONE, "gone", STATE_UNKNOWN, 1, wall, wall);
	pass(HOUR);
	expect("");
	judge_connected(j, WEB1, true, wall, boot);
	expect("gone unknown>ok");
}
END_TEST

START_TEST(test_restored_state_without_rule_or_series_is_told_as_ok)
{
	add_series(ROOT, "used", "/");
	judge_restore(j, WEB1, DISK, ROOT, "of_yesterday", STATE_WARNING, 1, wall, wall);
	expect("of_yesterday warning>ok");
	judge_restore(j, WEB1, DISK, 4711, "disk_used", STATE_WARNING, 1, wall, wall);
	expect("disk_used warning>ok");
	judge_restore(j, 4711, DISK, JUDGE_NONE, "silent", STATE_UNKNOWN, 1, wall, wall);
	expect("silent unknown>ok");
}
END_TEST

START_TEST(test_new_rules_keep_states_and_clear_those_of_rules_gone)
{
	struct rule stricter = disk_used;
	const struct rule *mine[] = {&sync_age, &stricter, &silent};

	stricter.critical.at = 0.95;
	stricter.critical.clear = 0.93;
	add_series(ROOT, "used", "/");
	add_series(SRV, "load", NULL);
	add_series(PENDING, "sync", NULL);
	measure_often(SRV, 5, 11);
	measure(ROOT, 0.9);
	measure(PENDING, 1e6);
	expect("busy ok>critical, disk_used ok>critical, sync ok>critical");
	ck_assert_int_eq(judge_rules(j, mine, 3, wall), 0);
	expect("busy critical>ok");
	measure(ROOT, 0.9);		/* critical no longer, by the new bound */
	expect("disk_used critical>warning");
	measure(PENDING, 1);
	expect("sync critical>ok");
	drop_curtain();
	raise_curtain();
}
END_TEST

START_TEST(test_rule_that_no_longer_matches_is_cleared_there)
{
	static const struct rule_label elsewhere[] = {{"mount", "/srv"}, {NULL, NULL}};
	struct rule narrower = disk_used;
	const struct rule *mine[] = {&narrower};

	narrower.labels = elsewhere;
	add_series(ROOT, "used", "/");
	add_series(SRV, "used", "/srv");
	pass(MINUTE);
	judge_value(j, ROOT, 0.9, wall);
	judge_value(j, SRV, 0.9, wall);
	expect("disk_used ok>critical, disk_used ok>critical");
	ck_assert_int_eq(judge_rules(j, mine, 1, wall), 0);
	expect("disk_used critical>ok");
	judge_value(j, ROOT, 0.95, wall + MINUTE);
	expect("");
	drop_curtain();
	raise_curtain();
}
END_TEST

START_TEST(test_silence_moves_to_the_new_rules)
{
	static const struct rule other = {.id = "other", .kind = "INC-E", .metric = RULE_CHECK_SILENT, .unit = "boolean"};
	const struct rule *mine[] = {&other};

	pass(HOUR);
	expect("silent ok>unknown");
	ck_assert_int_eq(judge_rules(j, mine, 1, wall), 0);
	expect("silent unknown>ok, other ok>unknown");
	drop_curtain();
	raise_curtain();
}
END_TEST

static void add(TCase *tc)
{
	T(test_restored_states_are_not_told_again_and_go_on); T(test_restored_host_gone_comes_back);
	T(test_restored_state_without_rule_or_series_is_told_as_ok);
	T(test_new_rules_keep_states_and_clear_those_of_rules_gone);
	T(test_rule_that_no_longer_matches_is_cleared_there); T(test_silence_moves_to_the_new_rules);
}

int main(void)
{
	return suite_main("judge, renew", raise_curtain, drop_curtain, 60, add);
}

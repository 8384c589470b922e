/* The judge by scenes: a host "web1" whose check "disk" reports once a minute; each scene reads as what is measured
 * and what is told. Time is the test's own. */
#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "collector/judge/judge.h"
#include "lib/clock.h"

#define MINUTE (60 * NS_PER_S)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum { WEB1, NEW, DISK = 0, OTHER, ROOT = 0, SRV, PENDING, RESTARTS };

static const struct rule disk_used = {
	.id = "disk_used", .check_id = "CHK-01", .clause = "5.3.3", .kind = "INC-A", .metric = "used", .unit = "ratio",
	.warning = {.at = 0.80, .clear = 0.78, .set = true}, .critical = {.at = 0.85, .clear = 0.83, .set = true, .stated = true},
};
static const struct rule busy = {	/* crossed for 10 minutes */
	.id = "busy", .clause = "5.3.1", .kind = "INC-A", .metric = "load", .unit = "count", .for_ns = 10 * MINUTE,
	.warning = {.at = 2, .clear = 2, .set = true}, .critical = {.at = 4, .clear = 4, .set = true},
};
static const struct rule sync_age = {	/* "> 24 h": strict */
	.id = "sync", .metric = "sync", .unit = "seconds", .critical = {.at = 86400, .clear = 86400, .set = true, .strict = true},
};
static const struct rule support = {
	.id = "support", .metric = "support", .unit = "seconds", .below = true, .age = true,
	.warning = {.at = 180 * 86400, .clear = 180 * 86400, .set = true, .strict = true},
	.critical = {.at = 0, .clear = 0, .set = true, .strict = true},
};
static const struct rule restarts = {
	.id = "restarts", .metric = "restarts", .unit = "count", .rate = true, .warning = {.at = 0.1, .clear = 0.1, .set = true},
};
static const struct rule gone = {.id = "gone", .kind = "INC-A", .metric = RULE_AGENT_GONE, .unit = "boolean"};
static const struct rule silent = {.id = "silent", .kind = "INC-A", .metric = RULE_CHECK_SILENT, .unit = "boolean"};
static const struct rule failed = {.id = "failed", .kind = "INC-A", .metric = RULE_CHECK_FAILED, .unit = "boolean"};
static const struct rule partial = {.id = "partial", .kind = "INC-A", .metric = RULE_CHECK_PARTIAL, .unit = "boolean"};
static const struct rule *const rules[] = {&disk_used, &busy, &sync_age, &support, &restarts, &gone, &silent, &failed, &partial};
#define RULES (sizeof(rules) / sizeof(rules[0]))

/* ---- the stage ---- */

static struct judge *j;
static int64_t wall, boot, agent;	/* agent: how far its clock is off */
static char told[8192];

static void hear(const struct judge_change *c, void *arg)
{
	size_t n = strlen(told);

	snprintf(told + n, sizeof(told) - n, "%s%s %s>%s%s", n ? ", " : "", c->rule ? c->rule->id : "-", state_name(c->before),
		 state_name(c->after), c->flapping ? " flapping" : "");
}

static void expect_told_(int line, const char *what)
{
	ck_assert_msg(strcmp(told, what) == 0, "line %d: told \"%s\", expected \"%s\"", line, told, what);
	told[0] = '\0';
}
#define expect(what) expect_told_(__LINE__, what)

static void add_series(uint32_t number, const char *metric, const char *mount)
{
	struct rule_label labels[] = {{mount ? "mount" : NULL, mount}, {NULL, NULL}};

	ck_assert_int_eq(judge_series(j, number, DISK, metric, labels), 0);
}

static void raise_curtain(void)
{
	wall = INT64_C(1790000000) * NS_PER_S;
	boot = HOUR;
	agent = 0;
	told[0] = '\0';
	j = judge_new(rules, RULES, hear, NULL);
	ck_assert_int_eq(judge_host(j, WEB1, "web1", boot), 0);
	ck_assert_int_eq(judge_check(j, DISK, WEB1, "disk", MINUTE, boot), 0);
	judge_connected(j, WEB1, true, wall, boot);
}

static void drop_curtain(void)
{
	judge_free(j);
}

/* Time passes, second by second as in life; nothing is measured. */
static void pass(int64_t ns)
{
	for (; ns > 0; ns -= NS_PER_S) {
		wall += NS_PER_S;
		boot += NS_PER_S;
		judge_tick(j, wall, boot);
	}
}

/* A minute passes, then one round with this value. */
static void measure(uint32_t series, double value)
{
	pass(MINUTE);
	judge_value(j, series, value, wall + agent);
	judge_round(j, DISK, true, NULL, wall + agent, boot);
}

static void round_without_values(bool ok)
{
	pass(MINUTE);
	judge_round(j, DISK, ok, ok ? NULL : "no such device", wall + agent, boot);
}

static void measure_often(uint32_t series, double value, int times)
{
	while (times-- > 0)
		measure(series, value);
}

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

/* ---- R12: clocks that jump ---- */

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

/* ---- restart and new rules ---- */

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

#define T(f) tcase_add_test(tc, f)
int main(void)
{
	Suite *suite = suite_create("judge");
	TCase *tc = tcase_create("scenes");
	SRunner *runner;
	int bad;

	tcase_add_checked_fixture(tc, raise_curtain, drop_curtain);
	tcase_set_timeout(tc, 60);
	T(test_85_percent_opens_and_less_than_83_clears); T(test_strict_bound_is_crossed_beyond_it_only);
	T(test_below_support_that_runs_out); T(test_values_that_are_no_numbers_are_not_measured);
	T(test_rules_match_by_host_and_labels_and_several_may); T(test_for_counts_crossed_time);
	T(test_for_begins_anew_after_a_dip); T(test_for_waits_for_each_bound_apart);
	T(test_for_longer_than_silence_allows_never_fires_in_silence); T(test_for_in_a_backlog_goes_by_the_stamps);
	T(test_rate_of_a_counter_and_its_reset); T(test_flapping_is_told_once_and_holds_the_worst);
	T(test_five_slow_changes_are_not_flapping); T(test_check_that_stops_is_unknown_after_two_and_a_half_intervals);
	T(test_check_fails_twice_is_unknown); T(test_host_gone_is_told_once_and_not_of_each_check);
	T(test_same_source_left_out_three_times_is_unknown_till_a_round_is_whole);
	T(test_good_value_whose_source_is_left_out_becomes_unknown);
	T(test_restored_partial_check_is_held_till_a_round_is_whole);
	T(test_host_with_an_overdue_check_is_gone_before_the_patience_ends);
	T(test_agent_that_reconnects_all_the_time_and_never_reports_is_not_excused);
	T(test_new_connection_before_the_old_one_ends); T(test_unmounted_while_critical_is_unknown_never_a_silent_ok);
	T(test_vanished_while_good_is_nobodys_matter); T(test_check_no_longer_assigned_clears_what_it_found);
	T(test_checks_that_come_and_go_leave_no_memory_behind);
	T(test_r12_agents_clock_a_day_forward_and_back); T(test_r12_agents_clock_a_day_back_and_forward);
	T(test_r12_agents_clock_75_years); T(test_r12_collectors_wall_clock_moves_no_deadline);
	T(test_r12_ages_are_not_judged_while_the_agents_clock_is_ahead);
	T(test_r12_counter_over_a_step_is_not_judged); T(test_r14_the_collectors_hour_is_not_blamed_on_hosts);
	T(test_r14_a_host_that_was_away_already_gets_its_patience_anew);
	T(test_rule_that_no_longer_matches_is_cleared_there);
	T(test_r14_restart_of_the_collector_waits_for_all_hosts);
	T(test_r14_agent_stops_and_is_found_within_three_intervals);
	T(test_r14_an_identity_that_nobody_uses_is_found_after_a_patience_of_its_own);
	T(test_r14_a_watcher_is_missed_when_it_looks_no_more);
	T(test_r14_what_was_found_never_to_come_is_not_found_again_after_a_restart);
	T(test_r14_without_a_rule_for_it_what_never_came_is_gone); T(test_r14_the_collectors_absence_makes_no_newcomer_late);
	T(test_restored_states_are_not_told_again_and_go_on); T(test_restored_host_gone_comes_back);
	T(test_restored_state_without_rule_or_series_is_told_as_ok);
	T(test_new_rules_keep_states_and_clear_those_of_rules_gone); T(test_silence_moves_to_the_new_rules);
	T(test_numbers_that_nobody_registered_are_refused_or_ignored); T(test_state_for_screens);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	bad = srunner_ntests_failed(runner);
	srunner_free(runner);
	return bad > 0;
}

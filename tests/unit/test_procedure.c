/* The school's own procedure, and procedures with mistakes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/procedure/procedure.h"
#include "lib/clock.h"
#include "lib/io.h"

static struct problems *problems;
static struct conf *metrics;
static struct inventory *inventory;

static void open_stage(void)
{
	static const char text[] = "plugins:\n"
		"  disk: {metrics: {disk_space_used_ratio: {unit: ratio, kind: gauge, help: Used}, disk_space: {unit: bytes}}}\n"
		"  service: {metrics: {service_restarts: {unit: count, kind: counter}, service_up: {unit: boolean, kind: state}}}\n";

	problems = problems_new();
	metrics = conf_parse(text, strlen(text), "metrics.yaml", problems);
	inventory = inventory_read(conf_root(metrics), problems);
	ck_assert_uint_eq(problems_count(problems), 0);
}

static void close_stage(void)
{
	inventory_free(inventory);
	conf_free(metrics);
	problems_free(problems);
}

static void print_problems(void)
{
	for (size_t i = 0; i < problems_count(problems); i++)
		printf("%s\n", problems_get(problems, i));
}

static const char head[] =
	"document: {number: X-1, version: \"1\", title: {zh: 甲, en: A}}\n"
	"roles: {owner: {zh: 甲, en: O}, deputy: {zh: 乙, en: D}, computer_room_manager: {zh: 丙, en: M}}\n"
	"chain: [{role: owner, after: 0s, clause: 5.1}, {role: deputy, after: 30min, clause: 5.1.3}]\n"
	"kinds: {INC-A: {title: {zh: 異常, en: Fault}}}\n"
	"rules:\n"
	"  gone: {check: CHK-05, clause: 5.1, kind: INC-A, metric: agent_gone, unit: boolean, title: {zh: 甲, en: A}}\n"
	"  silent: {check: CHK-05, clause: 5.1, kind: INC-A, metric: check_silent, unit: boolean, title: {zh: 甲, en: A}}\n"
	"  failed: {check: CHK-05, clause: 5.1, kind: INC-A, metric: check_failed, unit: boolean, title: {zh: 甲, en: A}}\n"
	"  partial: {check: CHK-05, clause: 5.1, kind: INC-A, metric: check_partial, unit: boolean, title: {zh: 甲, en: A}}\n"
	"  agent_impostor: {check: CHK-18, clause: 5.1, kind: INC-A, metric: agent_impostor, unit: boolean, title: {zh: 甲, en: A}}\n"
	"  agent_twins: {check: CHK-18, clause: 5.1, kind: INC-A, metric: agent_twins, unit: boolean, title: {zh: 甲, en: A}}\n"
	"  agent_parted: {check: CHK-18, clause: 5.1, kind: INC-A, metric: agent_parted, unit: boolean, title: {zh: 甲, en: A}}\n"
	"  collector_disk_full: {check: CHK-18, clause: 5.1, kind: INC-A, metric: collector_disk_full, unit: boolean, title: {zh: 甲, en: A}}\n"
	"  collector_store_damaged: {check: CHK-18, clause: 5.1, kind: INC-A, metric: collector_store_damaged, unit: boolean, title: {zh: 甲, en: A}}\n"
	"  agent_certificate_ending: {check: CHK-18, clause: 5.1, kind: INC-A, metric: agent_certificate_ending, unit: boolean, title: {zh: 甲, en: A}}\n"
	"  collector_certificate_ending: {check: CHK-18, clause: 5.1, kind: INC-A, metric: collector_certificate_ending, unit: boolean, title: {zh: 甲, en: A}}\n";
#define RULES_OF_HEAD 11

/* A procedure with one rule of this text on line 17. */
static struct procedure *with_rule(const char *rule)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "%s  mine: {check: CHK-01, clause: 5.3.3, kind: INC-A, title: {zh: 甲, en: A}, %s}\n", head, rule);
	return procedure_parse(conf_parse(text, strlen(text), "p.yaml", problems), inventory, problems);
}

static void expect_mistake(const char *rule, const char *line)
{
	struct procedure *p = with_rule(rule);

	print_problems();
	ck_assert_ptr_null(p);
	ck_assert_uint_eq(problems_count(problems), 1);
	ck_assert_str_eq(problems_get(problems, 0), line);
	problems_free(problems);
	problems = problems_new();
}

static struct procedure *with_times(const char *times)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s%s\n", head, times);
	return procedure_parse(conf_parse(text, strlen(text), "p.yaml", problems), inventory, problems);
}

START_TEST(test_again)
{
	struct procedure *p = with_times("again: 0s");

	ck_assert_int_eq(p->times.again_ns, 0);
	procedure_free(p);
	p = with_times("quiet: 6h");		/* the default is no sooner */
	ck_assert_int_eq(p->times.again_ns, 6 * 3600 * NS_PER_S);
	procedure_free(p);
	ck_assert_ptr_null(with_times("again: 10min"));
	ck_assert_str_eq(problems_get(problems, 0),
			 "p.yaml:17: again: is shorter than quiet (expected at least as long, or 0s for never)");
}
END_TEST

START_TEST(test_the_schools_procedure)
{
	struct procedure *p = procedure_read(PROCEDURE, NULL, problems);
	const struct rule *disk, *clock, *support, *up;
	const struct kind *fault, *mail;

	print_problems();
	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->number, "TWVS-ISMS-B-007");
	ck_assert_str_eq(p->version, "3.0");
	ck_assert_int_eq(p->times.quiet_ns, 900 * NS_PER_S);
	ck_assert_int_eq(p->times.again_ns, 4 * 3600 * NS_PER_S);
	ck_assert_uint_eq(p->kinds_n, 7);

	disk = procedure_rule(p, "disk_used");		/* 5.3.3: the numbers of the clause */
	ck_assert_str_eq(disk->clause, "5.3.3");
	ck_assert(disk->critical.stated && !disk->critical.strict && !disk->below && !disk->warning.stated);
	ck_assert_double_eq(disk->critical.at, 0.85);
	ck_assert_double_eq(disk->critical.clear, 0.83);
	ck_assert_double_eq(disk->warning.at, 0.80);
	clock = procedure_rule(p, "clock_sync_old");	/* 5.6.4.1: at least once a day */
	ck_assert(clock->critical.stated && clock->critical.strict && !clock->warning.set);
	ck_assert_double_eq(clock->critical.at, 86400);
	support = procedure_rule(p, "patch_support_ends");
	ck_assert(support->below && support->warning.strict);
	ck_assert_double_eq(support->warning.at, 180 * 86400);
	ck_assert_double_eq(support->critical.at, 0);
	up = procedure_rule(p, "service_down");
	ck_assert(up->below && up->critical.at == 0 && !up->critical.strict && up->for_ns == 120 * NS_PER_S);

	fault = procedure_kind(p, "INC-A");		/* 資訊安全官 first, beside the chain of 5.1.3 */
	ck_assert_str_eq(fault->steps[0].role, "ciso");
	ck_assert_str_eq(fault->steps[0].clause, "5.12.10.1");
	ck_assert_str_eq(fault->steps[1].role, "owner");
	ck_assert_int_eq(fault->steps[1].after_ns, 0);
	ck_assert_str_eq(fault->steps[2].role, "deputy");
	ck_assert_str_eq(fault->steps[3].role, "computer_room_manager");
	ck_assert_int_gt(fault->steps[3].after_ns, fault->steps[2].after_ns);
	mail = procedure_kind(p, "INC-C");		/* 權責主管 first, and at intervals; then 相關部門 */
	ck_assert_str_eq(mail->steps[0].role, "responsible_manager");
	ck_assert_int_eq(mail->steps[0].after_ns, 0);
	ck_assert_int_eq(mail->steps[mail->n - 1].every_ns, 3600 * NS_PER_S);
	ck_assert_str_eq(procedure_role(p, "ciso")->title_zh, "資訊安全官");
	procedure_free(p);
}
END_TEST

/* doc/checks.md tells what the file says: a row for each rule, with key, unit, clauses and kind of incident. */
START_TEST(test_the_table_in_doc_is_true)
{
	struct procedure *p = procedure_read(PROCEDURE, NULL, problems);
	char *text = NULL, start[128], end[128];
	size_t n;

	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(io_read_file(CHECKS, 1 << 20, &text, &n), 0);
	for (size_t i = 0; i < p->rules_n; i++) {
		const struct rule *r = &p->rules[i];
		const char *row, *eol;

		snprintf(start, sizeof(start), "\n| %s | `%s%s%s`", r->check_id, r->event ? r->plugin : "", r->event ? ": " : "",
			 r->event ? r->event : r->metric);
		snprintf(end, sizeof(end), " | %s | %s |\n", r->clause, r->kind);
		row = strstr(text, start);
		ck_assert_msg(row, "%s: no row begins with%s", r->id, start);
		eol = strchr(row + 1, '\n');
		ck_assert_msg(strncmp(eol + 1 - strlen(end), end, strlen(end)) == 0, "%s: its row does not end with%s",
			      r->id, end);
		snprintf(start, sizeof(start), " | %s | ", r->event ? "event" : r->unit);
		row = strstr(row, start);
		ck_assert_msg(row && row < eol, "%s: its row lacks the unit %s", r->id, r->unit);
	}
	free(text);
	procedure_free(p);
}
END_TEST

/* What the plugins of this build declare is what the rules ask for, and all of it is told in doc/checks.md. */
START_TEST(test_rules_and_plugins_agree)
{
	struct conf *built = access(METRICS, R_OK) == 0 ? conf_read(METRICS, problems) : NULL;
	struct inventory *inv;
	struct procedure *p;
	char *text = NULL, name[80];
	size_t n;

	if (!built) {
		printf("SKIP: not proven: rules against plugins (%s is not built)\n", METRICS);
		return;
	}
	inv = inventory_read(conf_root(built), problems);
	p = procedure_read(PROCEDURE, inv, problems);
	print_problems();
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(io_read_file(CHECKS, 1 << 20, &text, &n), 0);
	for (size_t i = 0; i < inv->n; i++) {
		snprintf(name, sizeof(name), "`%s`", inv->at[i].name);
		ck_assert_msg(strstr(text, name), "doc/checks.md says nothing of %s", name);
	}
	free(text);
	procedure_free(p);
	inventory_free(inv);
	conf_free(built);
}
END_TEST

START_TEST(test_bounds_as_people_write_them)
{
	struct procedure *p =
		with_rule("metric: disk_space, unit: bytes, critical: {at_most: 64 MiB, clear: 1 GiB, stated: yes}, "
			  "labels: {state: free, mount: \"/srv*\"}, hosts: [\"web*\", db], for: 90s");
	const struct rule *r;

	print_problems();
	ck_assert_ptr_nonnull(p);
	r = procedure_rule(p, "mine");
	ck_assert(r->below && r->critical.set && r->critical.stated && !r->critical.strict && !r->warning.set);
	ck_assert_double_eq(r->critical.at, 64 * 1048576.0);
	ck_assert_double_eq(r->critical.clear, 1073741824.0);
	ck_assert_str_eq(r->labels[1].name, "mount");
	ck_assert_ptr_null(r->labels[2].name);
	ck_assert_str_eq(r->hosts[1], "db");
	ck_assert_ptr_null(r->hosts[2]);
	ck_assert_int_eq(r->for_ns, 90 * NS_PER_S);
	ck_assert_ptr_eq(p->rule_list[RULES_OF_HEAD], r);
	procedure_free(p);
}
END_TEST

START_TEST(test_rule_on_an_event)
{
	static const struct rule_label file[] = {{"engine", "clamav"}, {"file", "/srv/a"}, {NULL, NULL}};
	static const struct rule_label other[] = {{"file", "/home/a"}, {NULL, NULL}};
	struct procedure *p = with_rule("event: detection, plugin: disk, labels: {file: \"/srv/*\"}, hosts: [\"web*\"]");
	const struct rule *r;

	print_problems();
	ck_assert_ptr_nonnull(p);
	r = procedure_rule(p, "mine");
	ck_assert(rule_matches_event(r, "web1", "disk", "detection", file));
	ck_assert(!rule_matches_event(r, "db1", "disk", "detection", file));
	ck_assert(!rule_matches_event(r, "web1", "clock", "detection", file));
	ck_assert(!rule_matches_event(r, "web1", "disk", "detections", file));
	ck_assert(!rule_matches_event(r, "web1", "disk", "detection", other));
	ck_assert(!rule_matches(r, "web1", "", file));
	ck_assert(!rule_matches_event(procedure_rule(p, "gone"), "web1", "disk", "detection", file));
	procedure_free(p);
}
END_TEST

/* Every host's own findings have a kind and a clause: a rule for some hosts is not enough. */
START_TEST(test_rule_of_what_the_collector_sees_covers_every_host)
{
	int n = (int)(strstr(head, "metric: agent_twins") - head);
	char text[4096];

	snprintf(text, sizeof(text), "%.*shosts: [\"web*\"], %s", n, head, head + n);
	ck_assert_ptr_null(procedure_parse(conf_parse(text, strlen(text), "p.yaml", problems), NULL, problems));
	ck_assert_uint_eq(problems_count(problems), 1);
	ck_assert_str_eq(problems_get(problems, 0),
			 "p.yaml:5: rules: none for agent_twins of all hosts: what the collector itself observes must be a finding");
}
END_TEST

START_TEST(test_mistakes_name_the_line_and_the_nearest)
{
	expect_mistake("metric: disk_space_used_rati, unit: ratio, critical: {at_least: 85 %}",
		       "p.yaml:17: metric: disk_space_used_rati: no plugin measures it (did you mean \"disk_space_used_ratio\"?)");
	expect_mistake("metric: disk_space, unit: ratio, critical: {at_least: 85 %}",
		       "p.yaml:17: unit: ratio: disk_space is measured in bytes");
	expect_mistake("metric: disk_space, unit: byte, critical: {at_least: \"3\"}",
		       "p.yaml:17: unit: byte: no such unit (did you mean \"bytes\"?)");
	expect_mistake("metric: disk_space, unit: bytes, critical: {at_least: 85 %}",
		       "p.yaml:17: at_least: 85 %: not a value in bytes (expected \"64 MiB\")");
	expect_mistake("metric: disk_space_used_ratio, unit: ratio, critical: {at_least: 85}",
		       "p.yaml:17: at_least: 85: is more than the whole (expected \"85 %\")");
	expect_mistake("metric: disk_space, unit: bytes", "p.yaml:17: mine: has neither warning nor critical");
	expect_mistake("metric: disk_space, unit: bytes, critical: {}",
		       "p.yaml:17: critical: give one of at_least, above, at_most, below, or of a boolean: is");
	expect_mistake("metric: disk_space, unit: bytes, critical: {at_least: 1 MiB, clear: 2 MiB}",
		       "p.yaml:17: clear: 2 MiB: is on the bad side of the bound");
	expect_mistake("metric: disk_space, unit: bytes, warning: {above: 2 MiB}, critical: {above: 1 MiB}",
		       "p.yaml:17: mine: critical would come before warning");
	expect_mistake("metric: disk_space, unit: bytes, warning: {above: 2 MiB}, critical: {below: 1 MiB}",
		       "p.yaml:17: mine: warning and critical point in different directions");
	expect_mistake("metric: disk_space, unit: bytes, critical: {is: yes}",
		       "p.yaml:17: is: belongs to booleans; disk_space is in bytes");
	expect_mistake("metric: service_restarts, unit: count, critical: {above: \"3\"}",
		       "p.yaml:17: metric: service_restarts only grows: judge its increase (rate: yes)");
	expect_mistake("metric: service_up, unit: boolean, rate: yes, critical: {is: no}",
		       "p.yaml:17: rate: service_up is not a counter");
	expect_mistake("metric: agent_gone, unit: boolean, critical: {is: yes}",
		       "p.yaml:17: mine: agent_gone has no bounds and no for: it is UNKNOWN while it lasts");
	expect_mistake("event: detection, plugin: dsk",
		       "p.yaml:17: plugin: dsk: there is no such plugin (did you mean \"disk\"?)");
	expect_mistake("event: Detection, plugin: disk",
		       "p.yaml:17: event: Detection: not a name (expected a-z, 0-9, _)");
	expect_mistake("event: detection", "p.yaml:17: plugin: is missing");
	expect_mistake("event: detection, plugin: disk, for: 5min",
		       "p.yaml:17: mine: is on an event, which has no for: it is CRITICAL each time");
	expect_mistake("metric: service_up, unit: boolean, critcal: {is: no}, warning: {is: no}",
		       "p.yaml:17: critcal: is not known here (did you mean \"critical\"?)");
}
END_TEST

START_TEST(test_all_mistakes_of_a_file_are_told_in_one_run)
{
	static const char text[] =
		"document: {number: X-1, version: \"1\", title: {zh: 甲}}\n"
		"quiet: soon\n"
		"roles: {owner: {zh: 甲, en: O}}\n"
		"chain: [{role: ownr, after: 1h, clause: five}, {role: owner, after: 0s, clause: 5.1}]\n"
		"kinds: {INC-A: {title: {zh: 異常, en: Fault}, at_once: [{role: owner, clause: 5.}]}}\n"
		"rules:\n"
		"  Bad-Name: {check: CHK-1, clause: 5.1, kind: INC-B, metric: disk_space, unit: bytes, title: {zh: 甲, en: A}, warning: {above: 1 KiB}}\n";
	static const char *const expected[] = {
		"p.yaml:1: title: is needed in both languages",
		"p.yaml:2: quiet",
		"p.yaml:3: roles: deputy is missing",
		"p.yaml:3: roles: computer_room_manager is missing",
		"p.yaml:4: role: ownr: no such role (did you mean \"owner\"?)",
		"p.yaml:4: clause: five: not a clause number",
		"p.yaml:4: after: is sooner than the step before it",
		"p.yaml:5: clause: 5.: not a clause number",
		"p.yaml:7: rules: Bad-Name: not a name",
		"p.yaml:7: check: CHK-1: not a check's key (expected \"CHK-01\")",
		"p.yaml:7: kind: INC-B: no such kind of incident (did you mean \"INC-A\"?)",
		"rules: none for agent_gone",
		"rules: none for check_silent",
		"rules: none for check_failed",
		"rules: none for check_partial",
		"rules: none for agent_impostor",
		"rules: none for agent_twins",
		"rules: none for agent_parted",
		"rules: none for collector_disk_full",
		"rules: none for collector_store_damaged",
		"rules: none for agent_certificate_ending",
		"rules: none for collector_certificate_ending",
	};
	struct procedure *p = procedure_parse(conf_parse(text, strlen(text), "p.yaml", problems), inventory, problems);

	ck_assert_ptr_null(p);
	print_problems();
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		bool found = false;

		for (size_t k = 0; k < problems_count(problems); k++)
			found |= strstr(problems_get(problems, k), expected[i]) != NULL;
		ck_assert_msg(found, "not told: %s", expected[i]);
	}
	ck_assert_uint_eq(problems_count(problems), sizeof(expected) / sizeof(expected[0]));
}
END_TEST

START_TEST(test_files_that_are_none)
{
	ck_assert_ptr_null(procedure_read("/does/not/exist.yaml", inventory, problems));
	ck_assert_uint_eq(problems_count(problems), 1);
}
END_TEST

START_TEST(test_inventory_mistakes)
{
	static const char text[] =
		"plugins: {disk: {metrics: {a: {unit: furlongs}, b: {unit: count, kind: gage}, c: 1}}, x: 2}\n";
	struct conf *conf = conf_parse(text, strlen(text), "m.yaml", problems);
	struct inventory *inv = inventory_read(conf_root(conf), problems);

	print_problems();
	ck_assert_uint_eq(problems_count(problems), 4);
	ck_assert_ptr_nonnull(inventory_get(inv, "agent_gone"));
	ck_assert_ptr_null(inventory_get(inv, "z"));
	inventory_free(inv);
	conf_free(conf);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("procedure");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int bad;

	tcase_add_checked_fixture(tc, open_stage, close_stage);
	tcase_add_test(tc, test_the_schools_procedure);
	tcase_add_test(tc, test_again);
	tcase_add_test(tc, test_the_table_in_doc_is_true);
	tcase_add_test(tc, test_rules_and_plugins_agree);
	tcase_add_test(tc, test_bounds_as_people_write_them);
	tcase_add_test(tc, test_rule_on_an_event);
	tcase_add_test(tc, test_rule_of_what_the_collector_sees_covers_every_host);
	tcase_add_test(tc, test_mistakes_name_the_line_and_the_nearest);
	tcase_add_test(tc, test_all_mistakes_of_a_file_are_told_in_one_run);
	tcase_add_test(tc, test_files_that_are_none);
	tcase_add_test(tc, test_inventory_mistakes);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	bad = srunner_ntests_failed(runner);
	srunner_free(runner);
	return bad > 0;
}

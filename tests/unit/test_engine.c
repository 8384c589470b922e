/* test_engine.c - the engine's rooms without its thread: accounts, names, assignments, words. */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "collector/engine/accounts.h"
#include "collector/engine/assignment.h"
#include "collector/engine/authorise.h"
#include "collector/engine/registry.h"
#include "collector/engine/words.h"
#include "test_engine.h"

/* ---- accounts ---- */

static struct clock_fake now;
static struct accounts *accounts;
static struct store_change *change;
static const struct deed deed = {"lin", "local", "account.roles"};
static bool told;	/* of accounts_may_try */

static void setup(void)
{
	now = (struct clock_fake){.wall = 1800000000 * NS_PER_S, .boot = 1000 * NS_PER_S};
	clock_use(&now);
	accounts = accounts_new();
	change = change_new(NULL, NULL);
}

static void teardown(void)
{
	accounts_free(accounts);
	change_free(change);
	clock_use(NULL);
}

static void add(const char *name)
{
	struct account a = {.roles = ROLE_ADMINISTRATOR};

	strcpy(a.name, name);
	strcpy(a.hash, "$y$none");
	ck_assert_int_eq(accounts_set(accounts, &a, NULL, &deed, change), 0);
}

static void log_in(const char *name, char token[ACCOUNTS_TOKEN])
{
	ck_assert_int_eq(accounts_log_in(accounts, name, now.wall, now.boot, change, token), 0);
}

START_TEST(test_password)
{
	char hash[ACCOUNTS_HASH], other[ACCOUNTS_HASH], once[32], twice[32];

	ck_assert_int_eq(accounts_hash("correct horse battery", hash), 0);
	ck_assert_int_eq(accounts_hash("correct horse battery", other), 0);
	ck_assert_str_ne(hash, other);
	ck_assert(!strncmp(hash, "$y$", 3));
	ck_assert(accounts_match("correct horse battery", hash));
	ck_assert(!accounts_match("correct horse", hash));
	ck_assert(!accounts_match("", hash));
	ck_assert(!accounts_match("anything", accounts_nobody()));
	ck_assert(!accounts_match("anything", "*0"));
	ck_assert_int_eq(accounts_one_time(once), 0);
	ck_assert_int_eq(accounts_one_time(twice), 0);
	ck_assert_str_ne(once, twice);
	ck_assert_uint_ge(strlen(once), ACCOUNTS_PASSWORD_MIN);
}
END_TEST

static const struct account *look(const char *token, int64_t at)
{
	bool stale;

	return accounts_session(accounts, token, at, &stale);
}

static bool stale(const char *token, int64_t at)
{
	bool is = false;

	ck_assert_ptr_nonnull(accounts_session(accounts, token, at, &is));
	return is;
}

START_TEST(test_w05_session_ends)
{
	char token[ACCOUNTS_TOKEN], second[ACCOUNTS_TOKEN];

	add("admin");
	log_in("admin", token);
	log_in("admin", second);
	ck_assert_str_ne(token, second);
	ck_assert_ptr_nonnull(look(token, now.boot));
	for (int minute = 0; minute < 12 * 60; minute += 29) {		/* acts while it is used, but 12 h in all */
		ck_assert(!stale(token, now.boot + minute * 60 * NS_PER_S));
		accounts_acted(accounts, token, now.boot + minute * 60 * NS_PER_S);
	}
	ck_assert_ptr_null(look(token, now.boot + (12 * 3600 + 1) * NS_PER_S));
	for (int minute = 1; minute <= 30; minute++)			/* looking is no act */
		ck_assert(!stale(second, now.boot + minute * 60 * NS_PER_S));
	ck_assert(stale(second, now.boot + 31 * 60 * NS_PER_S));
	ck_assert_ptr_null(look("", now.boot));
}
END_TEST

START_TEST(test_password_change_and_logout_end_sessions)
{
	char token[ACCOUNTS_TOKEN], other[ACCOUNTS_TOKEN];

	add("admin");
	add("lin");
	log_in("admin", token);
	log_in("lin", other);
	add("admin");
	ck_assert_ptr_null(look(token, now.boot));
	ck_assert_ptr_nonnull(look(other, now.boot));
	accounts_log_out(accounts, other, change);
	ck_assert_ptr_null(look(other, now.boot));
}
END_TEST

/* A disabled account's sessions end, and none begins. */
START_TEST(test_w05_disabled)
{
	char token[ACCOUNTS_TOKEN];
	struct account a;

	add("lin");
	log_in("lin", token);
	a = *accounts_get(accounts, "lin");
	a.disabled = true;
	ck_assert_int_eq(accounts_set(accounts, &a, NULL, &deed, change), 0);
	ck_assert_ptr_null(look(token, now.boot));
	ck_assert_ptr_null(accounts_may_log_in(accounts, "lin"));
}
END_TEST

/* W4: five in a window; right from another address still works; success forgets. */
START_TEST(test_w04_guessing_is_slow)
{
	int wait;

	for (int i = 0; i < 5; i++)
		ck_assert(accounts_may_try(accounts, "admin", "192.0.2.1", now.boot, &wait, &told));
	for (int i = 0; i < 1000; i++)
		ck_assert(!accounts_may_try(accounts, "admin", "192.0.2.1", now.boot, &wait, &told));
	ck_assert(wait > 0 && wait <= 61);
	ck_assert(accounts_may_try(accounts, "admin", "192.0.2.2", now.boot, &wait, &told));
	ck_assert(accounts_may_try(accounts, "admin", "192.0.2.1", now.boot + 61 * NS_PER_S, &wait, &told));
	accounts_succeeded(accounts, "admin", "192.0.2.1");
	for (int i = 0; i < 5; i++)
		ck_assert(accounts_may_try(accounts, "admin", "192.0.2.1", now.boot + 61 * NS_PER_S, &wait, &told));
}
END_TEST

/* Other names do not make an address's guesses forgotten, nor does it get more of them so; who succeeds is not counted. */
START_TEST(test_w04_other_names_do_not_help)
{
	char name[16];
	int wait, tried = 0;

	for (int i = 0; i < 5; i++)
		ck_assert(accounts_may_try(accounts, "admin", "192.0.2.1", now.boot, &wait, &told));
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		tried += accounts_may_try(accounts, name, "192.0.2.1", now.boot, &wait, &told);
	}
	ck_assert_int_eq(tried, 25);
	ck_assert(!accounts_may_try(accounts, "admin", "192.0.2.1", now.boot, &wait, &told));
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		ck_assert(accounts_may_try(accounts, name, "192.0.2.2", now.boot, &wait, &told));
		accounts_succeeded(accounts, name, "192.0.2.2");
	}
	ck_assert(accounts_may_try(accounts, "admin", "192.0.2.1", now.boot + 61 * NS_PER_S, &wait, &told));
}
END_TEST

/* In seconds of this thread alone: others may be busy meanwhile. */
static double cost_of(const char *hash)
{
	double least = 1e9;

	for (int i = 0; i < 7; i++) {
		clock_t begin = clock();
		double took;

		accounts_match("not the password of anybody", hash);
		took = (double)(clock() - begin) / CLOCKS_PER_SEC;
		least = took < least ? took : least;
	}
	return least;
}

/* Nobody learns from the time which names there are. */
START_TEST(test_w04_a_name_that_is_none_takes_as_long)
{
	char hash[ACCOUNTS_HASH];
	double some, none;

	ck_assert_int_eq(accounts_hash("correct horse battery", hash), 0);
	some = cost_of(hash);
	none = cost_of(accounts_nobody());
	ck_assert_msg(none > 0.6 * some && none < 1.6 * some, "%.0f ms for a name, %.0f ms for none", some * 1e3, none * 1e3);
}
END_TEST

/* ---- names ---- */

START_TEST(test_registry)
{
	const struct registry_label labels[] = {{"mount", "/srv", 4}, {"bytes", "a\0b", 3}, {"empty", "", 0}};
	struct inventory inventory = {0};
	struct registry r = {0};
	struct rule_label apart[REGISTRY_LABELS + 1];
	const struct curve *c;

	ck_assert_ptr_null(registry_check(&r, 1, 1, "disk", "disk", NS_PER_S));		/* no such host yet */
	ck_assert_ptr_nonnull(registry_host(&r, 1, "u-1", "web1"));
	ck_assert_ptr_nonnull(registry_check(&r, 7, 1, "disk", "disk", NS_PER_S));
	c = registry_series(&r, 9, 7, "unheard_of", labels, 3, &inventory);
	ck_assert_ptr_nonnull(c);
	ck_assert_ptr_eq(registry_series(&r, 9, 7, "other", NULL, 0, &inventory), c);
	ck_assert_str_eq(c->metric, "unheard_of");
	ck_assert_str_eq(registry_unit(c), "");
	registry_labels(c, apart);
	ck_assert_str_eq(apart[0].pattern, "/srv");
	ck_assert_str_eq(apart[1].pattern, "a");
	ck_assert_str_eq(apart[2].pattern, "");
	ck_assert_ptr_null(apart[3].name);
	ck_assert_ptr_null(registry_series(&r, UINT32_MAX, 7, "m", NULL, 0, &inventory));
	ck_assert_ptr_eq(registry_find_host(&r, "web1"), registry_find_host(&r, "u-1"));
	ck_assert_ptr_eq(registry_find_host(&r, "1"), registry_get_host(&r, 1));
	ck_assert_ptr_null(registry_find_host(&r, "web2"));
	registry_clear(&r);
}
END_TEST

static const char *fact_value(const fact_list *all, const char *name, const char *service)
{
	struct rule_label labels[REGISTRY_LABELS + 1];

	for (size_t i = 0; i < all->n; i++) {
		registry_unpack(all->at[i].labels, labels);
		if (!strcmp(all->at[i].name, name) && (service ? labels[0].name && !strcmp(labels[0].pattern, service) : !labels[0].name))
			return all->at[i].value;
	}
	return NULL;
}

START_TEST(test_facts_of_one_name_are_told_apart_by_their_labels)
{
	struct registry_label ssh = {"service", "ssh", 3}, nginx = {"service", "nginx", 5};
	fact_list all = {0};

	registry_fact(&all, "service_detail", &ssh, 1, "running", 7);
	registry_fact(&all, "service_detail", &nginx, 1, "dead", 4);
	registry_fact(&all, "service_detail", NULL, 0, NULL, 0);
	registry_fact(&all, "service_detail", &ssh, 1, "failed", 6);
	ck_assert_uint_eq(all.n, 3);
	ck_assert_str_eq(fact_value(&all, "service_detail", "ssh"), "failed");
	ck_assert_str_eq(fact_value(&all, "service_detail", "nginx"), "dead");
	ck_assert_str_eq(fact_value(&all, "service_detail", NULL), "");
	registry_forget_facts(&all);
}
END_TEST

START_TEST(test_facts_are_bounded)
{
	struct registry_label label = {"service", "ssh", 3};
	fact_list all = {0};
	char name[16];

	clock_use(&now);
	for (int i = 0; i < 1000; i++) {
		now.boot += NS_PER_S;
		snprintf(name, sizeof(name), "f%d", i);
		registry_fact(&all, name, &label, 1, "v", 1);
		now.boot += NS_PER_S;
		registry_fact(&all, "kernel", NULL, 0, "6.1", 3);	/* is told all the time */
	}
	ck_assert_uint_eq(all.n, 64);
	ck_assert_str_eq(fact_value(&all, "kernel", NULL), "6.1");
	ck_assert_str_eq(fact_value(&all, "f999", "ssh"), "v");
	ck_assert_ptr_null(fact_value(&all, "f0", "ssh"));
	registry_forget_facts(&all);
	clock_use(NULL);
}
END_TEST

/* ---- assignments ---- */

static struct conf *parse(const char *text, struct problems *p)
{
	return conf_parse(text, strlen(text), "collector.yaml", p);
}

START_TEST(test_assignment)
{
	static const char *const groups[] = {"servers", "nowhere", "web", NULL};
	struct problems *p = problems_new();
	struct conf *c = parse("groups:\n  servers:\n    disk: {interval: 30s, options: {mounts: /srv}}\n  web:\n    disk: {interval: 5s}\n"
			       "    clock: {}\n", p);
	const struct conf_node *map = conf_map(conf_root(c), "groups", p);
	struct arena *a = arena_new(1 << 20);
	const Wire__Assignment *got;

	assignment_check(map, p);
	ck_assert_uint_eq(problems_count(p), 0);
	got = assignment_for(map, groups, a);
	ck_assert_uint_eq(got->n_checks, 2);		/* disk as in the first group */
	ck_assert_str_eq(got->checks[0]->name, "disk");
	ck_assert_uint_eq(got->checks[0]->interval_ns, 30 * NS_PER_S);
	ck_assert_str_eq(got->checks[0]->options[0]->name, "mounts");
	ck_assert_uint_eq(got->checks[1]->interval_ns, 0);
	ck_assert_ptr_null(assignment_for(map, groups + 3, a));
	ck_assert_ptr_null(assignment_for(NULL, groups, a));
	arena_free(a);
	conf_free(c);
	problems_free(p);
}
END_TEST

START_TEST(test_assignment_mistakes)
{
	static const char *const wrong[] = {"groups: {a: b}\n", "groups: {a: {disk: b}}\n", "groups: {a: {disk: {interval: soon}}}\n",
		"groups: {a: {disk: {options: {x: [1]}}}}\n", "groups: {a: {disk: {intervall: 5s}}}\n"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct problems *p = problems_new();
		struct conf *c = parse(wrong[i], p);

		assignment_check(conf_map(conf_root(c), "groups", p), p);
		ck_assert_msg(problems_count(p) == 1, "%s: %zu problems", wrong[i], problems_count(p));
		conf_free(c);
		problems_free(p);
	}
}
END_TEST

/* ---- words ---- */

static struct kind kind = {.id = "INC-A", .title_zh = "異常", .title_en = "Fault"};
static struct role role = {"owner", "系統負責人", "System owner"};
static struct procedure procedure = {.number = "TWVS-ISMS-B-007", .kinds = &kind, .kinds_n = 1, .roles = &role, .roles_n = 1};

static void write_words(bool chinese, struct words *w)
{
	struct site site = {.school = "twvs", .title = "測試學校", .address = "https://b.example:8443/", .procedure = &procedure};
	struct person person = {.id = "chen", .name = "Chen", .chinese = chinese};
	struct due due = {.incident = 12, .role = "owner", .person = &person, .channel = "mail", .reason = ESCALATION_WORSE,
		.clause = "5.8.6.3.1", .id = "12-chen-1-worse-mail"};
	struct finding finding = {.rule = "", .clause = "5.3.3", .what = "mount=/home/secret: 91 %", .state = STATE_CRITICAL};
	struct incident incident = {.id = 12, .kind = "INC-A", .severity = STATE_CRITICAL, .findings = &finding, .n = 1};

	words_of(&site, &due, &incident, "web1\r\nBcc: x@y", 0, 1800000000 * NS_PER_S, w);
}

/* A notice that more was found names that, not what was there before. */
START_TEST(test_words_of_what_was_found_last)
{
	struct site site = {.school = "twvs", .title = "T", .procedure = &procedure};
	struct person person = {.id = "chen", .name = "Chen"};
	struct due due = {.incident = 1, .role = "owner", .person = &person, .channel = "mail", .reason = ESCALATION_MORE,
		.clause = "5.8.6.3.1", .id = "1-chen-2-more-mail"};
	struct finding findings[] = {
		{.rule = "a", .clause = "5.4.2", .what = "", .state = STATE_CRITICAL, .changed = 1},
		{.rule = "b", .clause = "5.3.3", .what = "", .state = STATE_WARNING, .changed = 3},
		{.rule = "c", .clause = "5.12.5", .what = "", .state = STATE_OK, .changed = 4}};
	struct incident incident = {.id = 1, .kind = "INC-A", .severity = STATE_CRITICAL, .findings = findings, .n = 3};
	struct words w;

	words_of(&site, &due, &incident, "web1", 0, 1800000000 * NS_PER_S, &w);
	ck_assert_ptr_nonnull(strstr(w.text, "5.3.3"));
	ck_assert_ptr_nonnull(strstr(w.text, "State: warning"));
	free(w.json);
	due.reason = ESCALATION_WORSE;
	words_of(&site, &due, &incident, "web1", 0, 1800000000 * NS_PER_S, &w);
	ck_assert_ptr_nonnull(strstr(w.text, "5.4.2"));
	ck_assert_ptr_nonnull(strstr(w.text, "State: critical"));
	free(w.json);
	due.reason = ESCALATION_REPEAT;
	words_of(&site, &due, &incident, "web1", 0, 1800000000 * NS_PER_S, &w);
	ck_assert_ptr_nonnull(strstr(w.text, "Why now: still nobody has acknowledged it"));
	free(w.json);
	incident.acknowledged = true;
	words_of(&site, &due, &incident, "web1", 0, 1800000000 * NS_PER_S, &w);
	ck_assert_ptr_nonnull(strstr(w.text, "Why now: report at an interval"));
	ck_assert_ptr_null(strstr(w.text, "only counted"));
	free(w.json);
}
END_TEST

START_TEST(test_r05_a_notice_says_how_many_events_were_only_counted)
{
	struct site site = {.school = "twvs", .title = "T", .procedure = &procedure};
	struct person person = {.id = "chen", .name = "Chen"};
	struct due due = {.incident = 1, .role = "owner", .person = &person, .channel = "mail", .reason = ESCALATION_NEW,
		.clause = "5.8.6.3.1", .id = "1-chen-1-new-mail"};
	struct finding finding = {.rule = "", .clause = "5.12.5", .what = "", .state = STATE_CRITICAL};
	struct incident incident = {.id = 1, .kind = "INC-D", .severity = STATE_CRITICAL, .findings = &finding, .n = 1};
	struct words w;

	words_of(&site, &due, &incident, "web1", 99990, 1800000000 * NS_PER_S, &w);
	ck_assert_ptr_nonnull(strstr(w.text, "\nEvents: and 99990 more, which were only counted\n"));
	ck_assert_ptr_nonnull(strstr(w.json, "\"more_events\":99990"));
	free(w.json);
	person.chinese = true;
	words_of(&site, &due, &incident, "web1", 99990, 1800000000 * NS_PER_S, &w);
	ck_assert_ptr_nonnull(strstr(w.text, "另有 99990 筆僅計數"));
	free(w.json);
}
END_TEST

START_TEST(test_words)
{
	struct words w;

	write_words(true, &w);
	ck_assert_ptr_nonnull(strstr(w.subject, "危急"));
	ck_assert_ptr_nonnull(strstr(w.text, "系統負責人"));
	ck_assert_ptr_nonnull(strstr(w.text, "https://b.example:8443/#/incident/12"));
	ck_assert_ptr_null(strstr(w.subject, "\n"));
	ck_assert_ptr_null(strstr(w.text, "\nBcc"));
	ck_assert_ptr_null(strstr(w.text, "secret"));
	ck_assert_ptr_null(strstr(w.json, "secret"));
	free(w.json);
	write_words(false, &w);
	ck_assert_ptr_nonnull(strstr(w.text, "State: critical"));
	ck_assert_ptr_nonnull(strstr(w.text, "Why now: it got worse"));
	free(w.json);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("engine");
	TCase *t = tcase_create("accounts");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_password);
	tcase_add_test(t, test_w05_session_ends);
	tcase_add_test(t, test_password_change_and_logout_end_sessions);
	tcase_add_test(t, test_w05_disabled);
	tcase_add_test(t, test_w04_guessing_is_slow);
	tcase_add_test(t, test_w04_other_names_do_not_help);
	tcase_add_test(t, test_w04_a_name_that_is_none_takes_as_long);
	suite_add_tcase(s, t);
	suite_add_tcase(s, authorise_tests());
	suite_add_tcase(s, jobs_tests());
	suite_add_tcase(s, factor_tests());
	t = tcase_create("rooms");
	tcase_add_test(t, test_registry);
	tcase_add_test(t, test_facts_of_one_name_are_told_apart_by_their_labels);
	tcase_add_test(t, test_facts_are_bounded);
	tcase_add_test(t, test_assignment);
	tcase_add_test(t, test_assignment_mistakes);
	tcase_add_test(t, test_words);
	tcase_add_test(t, test_words_of_what_was_found_last);
	tcase_add_test(t, test_r05_a_notice_says_how_many_events_were_only_counted);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

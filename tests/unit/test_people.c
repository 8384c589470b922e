/* Persons, roles and owners, from configuration given as a string. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "collector/procedure/people.h"

static const char school[] =
	"people:\n"
	"  chen: {name: 陳志明, mail: chen@school.example}\n"
	"  lin: {name: Lin, mail: lin@school.example, language: en}\n"
	"  wang: {mail: wang@school.example, webhook: line}\n"
	"roles:\n"
	"  computer_room_manager: [wang, lin]\n"
	"  ciso: wang\n"
	"hosts:\n"
	"  \"web-*\": {owner: chen, deputy: lin, groups: [servers, dmz]}\n"
	"  \"*\": {deputy: lin}\n";

static struct conf *conf;
static struct people *people;
static struct problems *problems;

static void read_text(const char *text)
{
	problems = problems_new();
	conf = conf_parse(text, strlen(text), "collector.yaml", problems);
	people = people_read(conf_root(conf), true, problems);
	ck_assert_ptr_nonnull(people);
}

static void done(void)
{
	people_free(people);
	conf_free(conf);
	problems_free(problems);
}

static const char *who(const char *role, const char *host)
{
	static char text[256];
	const struct person *persons[PEOPLE_A_ROLE];
	bool fallback;
	size_t n = people_of(people, role, host, persons, PEOPLE_A_ROLE, &fallback);

	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", persons[i]->id);
	if (fallback)
		strcat(text, " (stands in)");
	return text;
}

START_TEST(test_owner_deputy_and_manager_who_stands_in)
{
	read_text(school);
	ck_assert_uint_eq(problems_count(problems), 0);
	ck_assert_str_eq(who("owner", "web-1"), "chen");
	ck_assert_str_eq(who("deputy", "web-1"), "lin");
	ck_assert_str_eq(who("owner", "db-1"), "wang lin (stands in)");		/* 5.1.3 */
	ck_assert_str_eq(who("deputy", "db-1"), "lin");
	ck_assert_str_eq(who("ciso", "db-1"), "wang");
	ck_assert_str_eq(who("vendor", "db-1"), "");
	ck_assert_str_eq(people_host(people, "web-1")->groups[1], "dmz");
	ck_assert_ptr_null(people_host(people, "web-1")->groups[2]);
	ck_assert_ptr_null(people_host(people, "db-1")->groups[0]);
	ck_assert(people_get(people, "chen")->chinese && !people_get(people, "lin")->chinese);
	ck_assert_str_eq(people_get(people, "wang")->name, "wang");
	done();
}
END_TEST

START_TEST(test_nobody_at_all_is_no_mistake)
{
	static const char *const roles[] = {"ciso", NULL};

	read_text("school: x\n");
	people_check_roles(people, roles, problems);
	ck_assert_uint_eq(problems_count(problems), 0);
	ck_assert_str_eq(who("owner", "web-1"), " (stands in)");
	done();
}
END_TEST

START_TEST(test_witnesses_have_a_mailbox)
{
	const struct person *const *w;
	size_t n;

	read_text("people: {lin: {mail: lin@school.example}, chat: {webhook: chat}}\nroles: {}\nwitnesses: lin\n");
	ck_assert_uint_eq(problems_count(problems), 0);
	w = people_witnesses(people, &n);
	ck_assert(n == 1 && !strcmp(w[0]->id, "lin"));
	done();
	read_text("people: {lin: {mail: lin@school.example}, chat: {webhook: chat}}\nwitnesses:\n  [lin, chat, lni]\n");
	ck_assert_uint_eq(problems_count(problems), 2);
	ck_assert_ptr_nonnull(strstr(problems_get(problems, 0), "lni: nobody of that name in people (did you mean \"lin\"?)"));
	ck_assert_ptr_nonnull(strstr(problems_get(problems, 1), "chat: has no mail address, and checkpoints go by mail"));
	done();
}
END_TEST

static void expect_problem(size_t i, const char *line)
{
	ck_assert_uint_gt(problems_count(problems), i);
	ck_assert_str_eq(problems_get(problems, i), line);
}

START_TEST(test_every_mistake_is_told_with_its_line)
{
	static const char *const roles[] = {"ciso", "computer_room_manager", NULL};

	read_text("people:\n"
		  "  chen: {mail: not an address, nmae: x}\n"
		  "  \"li n\": {mail: a@b}\n"
		  "  mute: {name: Mute}\n"
		  "  word: text\n"
		  "roles:\n"
		  "  cisso: [chne]\n"
		  "  owner: chen\n"
		  "hosts:\n"
		  "  a: {owner: chen, deputy: chen, group: x}\n");
	people_check_roles(people, roles, problems);
	expect_problem(0, "collector.yaml:2: chen: not an address: not a mail address (expected name@domain in plain ASCII, without quotes)");
	expect_problem(1, "collector.yaml:2: nmae: is not known here (did you mean \"name\"?)");
	expect_problem(
		2, "collector.yaml:3: people: li n: not a short name (expected letters, digits, _ . - , at most 63)");
	expect_problem(3, "collector.yaml:4: mute: cannot be told anything: give mail or webhook");
	expect_problem(4, "collector.yaml:5: word: a person is written {name: ..., mail: ...}");
	ck_assert_ptr_nonnull(strstr(problems_get(problems, 5), "collector.yaml:7: "));
	ck_assert_ptr_nonnull(strstr(problems_get(problems, 5), "chne: nobody of that name in people (did you mean \"chen\"?)"));
	expect_problem(6, "collector.yaml:8: owner: belongs to a host: write it under hosts");
	expect_problem(7, "collector.yaml:10: a: chen: owner and deputy are the same person (5.1.3)");
	expect_problem(8, "collector.yaml:10: group: is not known here (did you mean \"groups\"?)");
	expect_problem(9, "collector.yaml:7: roles: cisso: the procedure knows no such role (did you mean \"ciso\"?)");
	expect_problem(10,
		       "collector.yaml: roles: computer_room_manager has no person: hosts without an owner fall to this role (5.1.3)");
	ck_assert_uint_eq(problems_count(problems), 11);
	done();
}
END_TEST

START_TEST(test_m1_addresses_that_would_break_a_header_are_refused)
{
	static const char *const bad[] = {"a@b@c",     "a",	      "@b",	   "a@",       "\"a\\r\\nBcc: x@y\"",
					  "\"a b@c\"", "\"a@b,c@d\"", "\"<a@b>\"", "\"a;b@c\""};
	char text[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "people: {x: {mail: %s}}\n", bad[i]);
		read_text(text);
		ck_assert_msg(problems_count(problems) == 1, "%s was taken", bad[i]);
		done();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("people");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int bad;

	tcase_add_test(tc, test_owner_deputy_and_manager_who_stands_in);
	tcase_add_test(tc, test_nobody_at_all_is_no_mistake);
	tcase_add_test(tc, test_witnesses_have_a_mailbox);
	tcase_add_test(tc, test_every_mistake_is_told_with_its_line);
	tcase_add_test(tc, test_m1_addresses_that_would_break_a_header_are_refused);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	bad = srunner_ntests_failed(runner);
	srunner_free(runner);
	return bad > 0;
}

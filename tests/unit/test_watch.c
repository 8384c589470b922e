/* collector/watch: when something is told, and what survives a restart; settings and their mistakes; the mails' words. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "collector/watch/words.h"
#include "log.h"
#include "tests/unit/folder.h"

#define MINUTE (60 * NS_PER_S)

static char folder[64];
static struct clock_fake now;
static struct settings settings;
static struct watch *watch;
static struct { struct telling last; char why[LOOK_WHY]; unsigned n; char id[120], before[120]; } told;

static void note(const struct telling *t, void *arg)
{
	struct words words;

	told.last = *t;
	snprintf(told.why, sizeof(told.why), "%s", t->why);
	words_of(t, "a@b", "here", false, &words);
	memcpy(told.before, told.id, sizeof(told.id));
	memcpy(told.id, words.id, sizeof(told.id));
	told.n++;
}

static void start(void)
{
	watch = watch_new(&settings, note, NULL);
	ck_assert_ptr_nonnull(watch);
}

static void begin(void)
{
	strcpy(folder, "/tmp/beadle-watch-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	now = (struct clock_fake){INT64_C(1795485600) * NS_PER_S, 1000 * NS_PER_S};
	clock_use(&now);
	settings = (struct settings){.state = folder, .every = 30 * NS_PER_S, .patience = 5 * MINUTE, .again = 1440 * MINUTE};
	*vec_push(&settings.collectors.list) = "c.example:7411";
	memset(&told, 0, sizeof(told));
	start();
}

static void end(void)
{
	watch_free(watch);
	settings_clear(&settings);
	clock_use(NULL);
	ck_assert_int_eq(folder_remove(folder), 0);
}

static void pass(int64_t ns)
{
	now.wall += ns;
	now.boot += ns;
}

/* So long, a look every half minute. */
static void see(enum look what, int64_t ns)
{
	for (; ns > 0; ns -= 30 * NS_PER_S) {
		pass(30 * NS_PER_S);
		watch_found(watch, 0, what, what == LOOK_WORKS ? "" : "a reason");
	}
}

static void restart(void)
{
	watch_free(watch);
	start();
}

START_TEST(r13_one_mail_when_it_has_failed_for_long_enough_and_one_when_it_is_back)
{
	see(LOOK_WORKS, 10 * MINUTE);
	see(LOOK_SILENT, 5 * MINUTE);
	ck_assert_uint_eq(told.n, 0);
	see(LOOK_SILENT, MINUTE);
	ck_assert_uint_eq(told.n, 1);
	ck_assert_int_eq(told.last.now, LOOK_SILENT);
	ck_assert_str_eq(told.why, "a reason");
	ck_assert_int_eq((told.last.at - told.last.began) / NS_PER_S, 300);
	see(LOOK_SILENT, 600 * MINUTE);
	see(LOOK_REFUSED, 60 * MINUTE);
	ck_assert_uint_eq(told.n, 1);
	see(LOOK_WORKS, 600 * MINUTE);
	ck_assert_uint_eq(told.n, 2);
	ck_assert_int_eq(told.last.now, LOOK_WORKS);
	ck_assert_str_ne(told.id, told.before);
}
END_TEST

/* Reasons that change, and looks that fail in between, count together and alone. */
START_TEST(r13_short_failures_are_told_to_nobody_and_changing_reasons_hide_nothing)
{
	for (int i = 0; i < 100; i++) {
		see(LOOK_SILENT, 4 * MINUTE);
		see(LOOK_WORKS, 30 * NS_PER_S);
	}
	ck_assert_uint_eq(told.n, 0);
	for (int i = 0; i < 6; i++) {
		see(LOOK_SILENT, 30 * NS_PER_S);
		see(LOOK_TROUBLE, 30 * NS_PER_S);
	}
	ck_assert_uint_eq(told.n, 1);
}
END_TEST

START_TEST(r13_a_restart_tells_nothing_twice)
{
	char id[120];

	see(LOOK_SILENT, 6 * MINUTE);
	ck_assert_uint_eq(told.n, 1);
	memcpy(id, told.id, sizeof(id));
	for (int i = 0; i < 5; i++) {
		restart();	/* it may have ended before the mail was in its queue, which knows it by its id */
		ck_assert_uint_eq(told.n, 2 + (unsigned)i);
		ck_assert_str_eq(told.id, id);
		see(LOOK_SILENT, 10 * MINUTE);
		ck_assert_uint_eq(told.n, 2 + (unsigned)i);
	}
	see(LOOK_WORKS, MINUTE);
	ck_assert_int_eq(told.last.now, LOOK_WORKS);
	memcpy(id, told.id, sizeof(id));
	restart();
	ck_assert_str_eq(told.id, id);
	see(LOOK_WORKS, 2000 * MINUTE);
	ck_assert_str_eq(told.id, id);
}
END_TEST

START_TEST(r13_while_it_lasts_it_is_told_once_a_day)
{
	see(LOOK_SILENT, 6 * MINUTE);
	for (unsigned day = 1; day <= 5; day++) {
		see(day % 2 ? LOOK_REFUSED : LOOK_SILENT, 1440 * MINUTE);
		ck_assert_uint_eq(told.last.time, day + 1);
		ck_assert_str_ne(told.id, told.before);
		restart();
		ck_assert_uint_eq(told.last.time, day + 1);
	}
	ck_assert_uint_eq(told.n, 11);
	now.wall -= 400 * 1440 * MINUTE;	/* a clock that was set makes no more of them */
	see(LOOK_SILENT, 60 * MINUTE);
	ck_assert_uint_eq(told.n, 11);
}
END_TEST

/* Whoever stands in the place of a collector that is away is worth another mail. */
START_TEST(r13_a_stranger_is_told_also_while_it_is_away)
{
	see(LOOK_SILENT, 6 * MINUTE);
	see(LOOK_STRANGER, 4 * MINUTE);
	see(LOOK_SILENT, 4 * MINUTE);
	ck_assert_uint_eq(told.n, 1);
	see(LOOK_STRANGER, 6 * MINUTE);
	ck_assert_uint_eq(told.n, 2);
	ck_assert_int_eq(told.last.now, LOOK_STRANGER);
	for (int i = 0; i < 5; i++) {
		see(LOOK_SILENT, 6 * MINUTE);
		see(LOOK_STRANGER, 6 * MINUTE);
	}
	ck_assert_uint_eq(told.n, 2);
	see(LOOK_WORKS, MINUTE);
	ck_assert_uint_eq(told.n, 3);
}
END_TEST

START_TEST(r13_the_words_are_in_both_languages)
{
	struct telling t = {"c.example:7411", "Connection refused", LOOK_SILENT, now.wall - 5 * MINUTE, now.wall, 2};
	struct words words;

	for (enum look l = LOOK_WORKS; l <= LOOK_BLIND; l++)
		for (int chinese = 0; chinese < 2; chinese++) {
			t.now = l;
			words_of(&t, "a@b", "web1", chinese, &words);
			ck_assert_ptr_nonnull(strstr(words.subject, "c.example:7411"));
			ck_assert_ptr_nonnull(strstr(words.text, "Connection refused"));
			ck_assert_ptr_nonnull(strstr(words.text, "web1"));
			ck_assert_uint_lt(strlen(words.text), sizeof(words.text) - 1);
			ck_assert_ptr_nonnull(strstr(words.text, chinese ? "收集器" : "Collector"));
		}
}
END_TEST

static size_t problems_of(const char *text, const char *expected)
{
	struct problems *p = problems_new();
	struct conf *c = conf_parse(text, strlen(text), "watch.yaml", p);
	struct settings s;
	size_t n;

	settings_read(conf_root(c), &s, p);
	n = problems_count(p);
	if (expected) {
		bool found = false;

		for (size_t i = 0; i < n; i++)
			found |= strstr(problems_get(p, i), expected) != NULL;
		ck_assert_msg(found, "%s: no \"%s\"", text, expected);
	}
	settings_clear(&s);
	conf_free(c);
	problems_free(p);
	return n;
}

#define GOOD "collector: [a:7411, \"[::1]:7411\"]\nto: a@b\nmail: {server: m, from: b@c}\n"

START_TEST(settings_are_read_and_each_mistake_is_told_with_its_line)
{
	ck_assert_uint_eq(problems_of(GOOD, NULL), 0);
	ck_assert_uint_eq(problems_of("to: [a@b, nobody]\ncollector: a\nmail: {server: m}\n", "watch.yaml:1: to: \"nobody\""), 3);
	ck_assert_uint_eq(problems_of(GOOD "evry: 3s\n", "watch.yaml:4: evry: is not known here (did you mean \"every\"?)"), 1);
	ck_assert_uint_eq(problems_of(GOOD "for: 1s\n", "watch.yaml:4: for"), 1);
	ck_assert_uint_eq(problems_of(GOOD "state: var\n", "watch.yaml:4: state: \"var\": expected an absolute path"), 1);
	ck_assert_uint_eq(problems_of("collector: []\nto: {a: b}\nmail: {server: m, from: b@c}\n", "the list is empty"), 2);
	ck_assert_uint_eq(problems_of("", "mail: is missing"), 3);
}
END_TEST

START_TEST(its_own_identity_is_in_its_state_and_one_that_is_named_is_not_its_own)
{
	static const struct { const char *more, *identity; bool kept; } each[] = {
		{"state: /s\n", "/s/identity", true},
		{"state: /s\nidentity: /s/identity\n", "/s/identity", false},
	};

	for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++) {
		char text[300];
		struct problems *p = problems_new();
		struct conf *c;
		struct settings s;

		snprintf(text, sizeof(text), GOOD "%s", each[i].more);
		c = conf_parse(text, strlen(text), "watch.yaml", p);
		settings_read(conf_root(c), &s, p);
		ck_assert_uint_eq(problems_count(p), 0);
		ck_assert_str_eq(s.identity, each[i].identity);
		ck_assert_int_eq(s.kept != NULL, each[i].kept);
		settings_clear(&s);
		conf_free(c);
		problems_free(p);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("watch");
	TCase *t = tcase_create("watch");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, r13_one_mail_when_it_has_failed_for_long_enough_and_one_when_it_is_back);
	tcase_add_test(t, r13_short_failures_are_told_to_nobody_and_changing_reasons_hide_nothing);
	tcase_add_test(t, r13_a_restart_tells_nothing_twice);
	tcase_add_test(t, r13_while_it_lasts_it_is_told_once_a_day);
	tcase_add_test(t, r13_a_stranger_is_told_also_while_it_is_away);
	tcase_add_test(t, r13_the_words_are_in_both_languages);
	tcase_add_test(t, settings_are_read_and_each_mistake_is_told_with_its_line);
	tcase_add_test(t, its_own_identity_is_in_its_state_and_one_that_is_named_is_not_its_own);
	suite_add_tcase(s, t);
	setenv("BEADLE_LOG", "error", 1);
	log_open("test");
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

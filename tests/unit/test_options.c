/* Options: what a person wrote, by the plugin's table, into its state; and the bounds of `beadle check`. */
#include "config.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/options.h"
#include "cli/bound.h"

struct state {
	bool flag;
	int64_t number;
	double ratio;
	const char *text;
	struct beadle_duration wait;
	struct beadle_size size;
	struct beadle_path path;
	struct beadle_list *list;
	struct beadle_globs *globs;
	struct beadle_endpoint server;
};

static const struct beadle_option table[] = {
	BEADLE_OPTION(struct state, flag, "no", ""), BEADLE_OPTION(struct state, number, "7", ""),
	BEADLE_OPTION(struct state, ratio, "0.5", ""), BEADLE_OPTION(struct state, text, "hello, world", ""),
	BEADLE_OPTION(struct state, wait, "5s", ""), BEADLE_OPTION(struct state, size, "64KiB", ""),
	BEADLE_OPTION(struct state, path, "", ""), BEADLE_OPTION(struct state, list, "a, b ,c", ""),
	BEADLE_OPTION(struct state, globs, "*", ""), BEADLE_OPTION(struct state, server, "time.example:123", ""),
	{0}
};

static struct state state;
static struct options options;
static char told[20][512];
static int n_told;

static void tell(void *arg, const char *file, unsigned line, const char *text)
{
	ck_assert_int_lt(n_told, 20);
	snprintf(told[n_told++], sizeof(told[0]), "%s:%u: %s", file ? file : "-", line, text);
}

static int fill(const struct beadle_option *t, const struct option_text *texts, size_t n)
{
	memset(&state, 0, sizeof(state));
	n_told = 0;
	return options_fill(t, texts, n, &state, &options, tell, NULL);
}

static void teardown(void)
{
	options_free(&options);
}

START_TEST(test_defaults)
{
	ck_assert_int_eq(fill(table, NULL, 0), 0);
	ck_assert(!state.flag && state.number == 7 && state.ratio == 0.5);
	ck_assert_str_eq(state.text, "hello, world");
	ck_assert_int_eq(state.wait.ns, INT64_C(5000000000));
	ck_assert_uint_eq(state.size.bytes, 65536);
	ck_assert_ptr_null(state.path.name);
	ck_assert_uint_eq(beadle_list_count(state.list), 3);
	ck_assert_str_eq(beadle_list_get(state.list, 1), "b");
	ck_assert_ptr_null(beadle_list_get(state.list, 3));
	ck_assert(beadle_globs_match(state.globs, "/any/thing"));
	ck_assert_str_eq(state.server.host, "time.example");
	ck_assert_uint_eq(state.server.port, 123);
}
END_TEST

START_TEST(test_given)
{
	static const struct option_text texts[] = {
		{"flag", "yes", "f", 1, false},
		{"number", "-12", "f", 2, false},
		{"ratio", "1e-3", "f", 3, false},
		{"text", "", "f", 4, false},
		{"wait", "1500ms", "f", 5, false},
		{"size", "2GiB", "f", 6, false},
		{"path", "/srv", "f", 7, false},
		{"list", "one, with a comma", "f", 8, true},
		{"list", " two ", "f", 9, true},
		{"globs", "", "f", 10, false},
		{"server", "[2001:db8::1]:80", "f", 11, false},
	};

	ck_assert_int_eq(fill(table, texts, sizeof(texts) / sizeof(*texts)), 0);
	ck_assert(state.flag && state.number == -12 && state.ratio == 1e-3);
	ck_assert_str_eq(state.text, "");
	ck_assert_int_eq(state.wait.ns, 1500000000);
	ck_assert_uint_eq(state.size.bytes, UINT64_C(2) << 30);
	ck_assert_str_eq(state.path.name, "/srv");
	ck_assert_uint_eq(beadle_list_count(state.list), 2);
	ck_assert_str_eq(beadle_list_get(state.list, 0), "one, with a comma");
	ck_assert_str_eq(beadle_list_get(state.list, 1), " two ");
	ck_assert(!beadle_globs_match(state.globs, "x"));	/* an empty list matches nothing */
	ck_assert_str_eq(state.server.host, "2001:db8::1");
}
END_TEST

static const struct { const char *name, *value; } wrong[] = {
	{"flag", "maybe"},
	{"number", "12.5"},
	{"number", "99999999999999999999"},
	{"ratio", "nan"},
	{"ratio", "0,5"},
	{"wait", "5"},
	{"wait", "5 apples"},
	{"size", "1XB"},
	{"path", "relative"},
	{"server", "host"},
	{"server", ":80"},
	{"server", "host:0"},
	{"server", "host:65536"},
	{"server", "2001:db8::1:80"},
	{"server", "[::1:80"},
	{"server", "[]:80"},
};

START_TEST(test_wrong_value)
{
	struct option_text text = {wrong[_i].name, wrong[_i].value, "f.yaml", 3, false};

	ck_assert_int_eq(fill(table, &text, 1), 1);
	ck_assert_msg(strncmp(told[0], "f.yaml:3: ", 10) == 0 && strstr(told[0], wrong[_i].name) &&
			      strstr(told[0], "expected"),
		      "%s", told[0]);
}
END_TEST

START_TEST(test_all_errors_at_once)
{
	static const struct option_text texts[] = {
		{"flagg", "yes", "f", 1, false}, {"number", "x", "f", 2, false}, {"number", "3", "f", 3, false},
		{"text", "a", "f", 4, true}, {"zebra", "\033", "f", 5, false},
	};

	ck_assert_int_eq(fill(table, texts, 5), 4);
	ck_assert_str_eq(told[0], "f:1: flagg: no such option; did you mean \"flag\"?");
	ck_assert_str_eq(told[1], "f:5: zebra: no such option");
	ck_assert_ptr_nonnull(strstr(told[2], "f:3: number: a list, where one value is expected"));
	ck_assert_ptr_nonnull(strstr(told[3], "f:4: text: a list"));
}
END_TEST

START_TEST(test_required)
{
	static const struct beadle_option needs[] = {
		{"text", NULL, "what to look for", offsetof(struct state, text), BEADLE_STRING}, {0}};
	struct option_text text = {"text", "x", "f", 1, false};

	ck_assert_int_eq(fill(needs, NULL, 0), 1);
	ck_assert_str_eq(told[0], "-:0: text: missing; the plugin needs it (what to look for)");
	options_free(&options);
	ck_assert_int_eq(fill(needs, &text, 1), 0);
	ck_assert_str_eq(state.text, "x");
}
END_TEST

START_TEST(test_list_is_bounded)
{
	struct option_text text = {"list", NULL, "f", 1, false};
	char *commas = malloc(20001);

	for (int i = 0; i < 20000; i++)
		commas[i] = i % 2 ? ',' : 'a';
	commas[20000] = 0;
	text.value = commas;
	ck_assert_int_eq(fill(table, &text, 1), 1);
	ck_assert_ptr_nonnull(strstr(told[0], "more than"));
	free(commas);
}
END_TEST

START_TEST(test_unsound_tables)
{
	static const struct beadle_option outside[] = {{"a", "1", "", 8, BEADLE_INT}, {0}},
					  name[] = {{"A b", "1", "", 0, BEADLE_INT}, {0}},
					  type[] = {{"a", "1", "", 0, 77}, {0}},
					  twice[] = {{"a", "1", "", 0, BEADLE_INT}, {"a", "1", "", 0, BEADLE_INT}, {0}};
	char why[160];

	ck_assert_ptr_null(options_unsound(table, sizeof(struct state), why));
	ck_assert_ptr_null(options_unsound(NULL, 0, why));
	ck_assert_ptr_nonnull(options_unsound(outside, 12, why));
	ck_assert_ptr_null(options_unsound(outside, 16, why));
	ck_assert_ptr_nonnull(options_unsound(name, 16, why));
	ck_assert_ptr_nonnull(options_unsound(type, 16, why));
	ck_assert_ptr_nonnull(options_unsound(twice, 16, why));
}
END_TEST

static const struct { const char *text, *unit; double value; bool alerts; } bounds[] = {
	{"m=85%", "ratio", 0.86, true},	 {"m=85%", "ratio", 0.85, false}, {"m=85%", "ratio", -0.1, true},
	{"m=10:", "count", 9, true},	 {"m=10:", "count", 1e9, false},  {"m=10:20", "count", 21, true},
	{"m=10:20", "count", 20, false}, {"m=@10:20", "count", 15, true}, {"m=@10:20", "count", 9, false},
	{"m=~:5", "count", -100, false}, {"m=~:5", "count", 6, true},	  {"m=24h", "seconds", 86401, true},
	{"m=1GiB:", "bytes", 1e9, true},
};

START_TEST(test_bound)
{
	struct bound b;

	ck_assert_int_eq(bound_take(bounds[_i].text, &b), 0);
	ck_assert_int_eq(bound_parse(&b, bounds[_i].unit), 0);
	ck_assert_int_eq(bound_alerts(&b, bounds[_i].value), bounds[_i].alerts);
}
END_TEST

START_TEST(test_bound_wrong)
{
	struct bound b;
	char buf[64];

	ck_assert_int_lt(bound_take("85%", &b), 0);
	ck_assert_int_lt(bound_take("m=", &b), 0);
	ck_assert_int_lt(bound_take("M x=3", &b), 0);
	ck_assert_int_eq(bound_take("m=20:10", &b), 0);
	ck_assert_int_lt(bound_parse(&b, "count"), 0);
	ck_assert_int_eq(bound_take("m=3 apples", &b), 0);
	ck_assert_int_lt(bound_parse(&b, "count"), 0);
	ck_assert_int_eq(bound_take("m=@~:85%", &b), 0);
	ck_assert_int_eq(bound_parse(&b, "ratio"), 0);
	ck_assert_str_eq(bound_put(&b, buf, sizeof(buf)), "@~:0.85");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *tests = tcase_create("options");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_test(tests, test_defaults);
	tcase_add_test(tests, test_given);
	tcase_add_loop_test(tests, test_wrong_value, 0, sizeof(wrong) / sizeof(*wrong));
	tcase_add_test(tests, test_all_errors_at_once);
	tcase_add_test(tests, test_required);
	tcase_add_test(tests, test_list_is_bounded);
	tcase_add_test(tests, test_unsound_tables);
	tcase_add_loop_test(tests, test_bound, 0, sizeof(bounds) / sizeof(*bounds));
	tcase_add_test(tests, test_bound_wrong);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

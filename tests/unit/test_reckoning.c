/* test_reckoning.c - when the collector's clock is suspect, what time it is then, and who ends that. R12. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "collector/reckoning.h"

#define MIN (60 * NS_PER_S)
#define HOUR (60 * MIN)
#define YEAR (365 * 24 * HOUR)
#define NOW (1800000000 * NS_PER_S)

static struct clock_fake now;
static struct reckoning *r;

static void setup(void)
{
	now = (struct clock_fake){.wall = NOW, .boot = 1000 * NS_PER_S};
	clock_use(&now);
	r = reckoning_new();
}

static void teardown(void)
{
	reckoning_free(r);
	clock_use(NULL);
}

static void pass(int64_t ns)
{
	now.wall += ns;
	now.boot += ns;
}

/* A new life of the collector with what the last one kept; another: of the machine, too, which was off for so long. */
static void start_again(const char *kept, bool another, int64_t off)
{
	reckoning_free(r);
	now.wall += off;
	now.boot = another ? 20 * NS_PER_S : now.boot + off;
	r = reckoning_new();
	ck_assert_int_eq(reckoning_begin(r, kept, another ? "boot-2" : "boot-1"), 0);
}

static void keep(char text[RECKONING_TEXT])
{
	ck_assert_int_eq(reckoning_begin(r, NULL, "boot-1"), 0);
	ck_assert(reckoning_keep(r, text));
}

START_TEST(test_r12_a_step_of_more_than_an_hour_is_suspect)
{
	static const int64_t far[] = {-10 * YEAR, -HOUR - NS_PER_S, HOUR + NS_PER_S, 75 * YEAR, -NOW};
	static const int64_t near[] = {-HOUR, HOUR, 0, NS_PER_S};

	for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++) {
		now.wall += far[i];
		ck_assert(reckoning_suspect(r));
		ck_assert_int_eq(reckoning_apart(r), far[i]);
		ck_assert_int_eq(reckoning_now(r), NOW);
		now.wall -= far[i];
		ck_assert(!reckoning_suspect(r));	/* it is back */
	}
	for (size_t i = 0; i < sizeof(near) / sizeof(*near); i++) {
		now.wall += near[i];
		ck_assert(!reckoning_suspect(r));
		ck_assert_int_eq(reckoning_now(r), now.wall);
		now.wall -= near[i];
	}
	pass(400 * 24 * HOUR);
	ck_assert(!reckoning_suspect(r));
}
END_TEST

START_TEST(test_r12_steps_that_are_small_each_add_up)
{
	char kept[RECKONING_TEXT];

	keep(kept);
	for (int i = 0; i < 3; i++) {
		ck_assert(!reckoning_suspect(r));
		ck_assert(reckoning_keep(r, kept));
		start_again(kept, false, 0);
		reckoning_look(r);
		now.wall += 25 * MIN;
	}
	ck_assert(reckoning_suspect(r));
}
END_TEST

START_TEST(test_r12_time_goes_on_by_the_boot_clock_until_somebody_confirms)
{
	char kept[RECKONING_TEXT] = "";

	now.wall += 75 * YEAR;
	pass(3 * HOUR);
	ck_assert_int_eq(reckoning_now(r), NOW + 3 * HOUR);
	ck_assert(!reckoning_keep(r, kept));
	reckoning_look(r);
	ck_assert(reckoning_suspect(r));		/* looking is no confirmation */
	reckoning_believe(r);
	ck_assert(!reckoning_suspect(r) && reckoning_now(r) == now.wall && reckoning_keep(r, kept));
	now.wall -= 75 * YEAR;
	ck_assert(reckoning_suspect(r));		/* and right was wrong from then on */
}
END_TEST

START_TEST(test_r12_a_restart_of_the_collector_forgets_nothing)
{
	char kept[RECKONING_TEXT];

	keep(kept);
	start_again(kept, false, 10 * 24 * HOUR);	/* for so long it was off, and the machine was not */
	ck_assert(!reckoning_suspect(r));
	now.wall += 2 * HOUR;
	start_again(kept, false, MIN);
	ck_assert(reckoning_suspect(r) && reckoning_since_boot(r));
	ck_assert_int_eq(reckoning_apart(r), 2 * HOUR);
}
END_TEST

START_TEST(test_r12_after_a_start_of_the_machine_the_time_that_was_kept_counts)
{
	char kept[RECKONING_TEXT];

	keep(kept);
	start_again(kept, true, 5 * MIN);
	ck_assert(!reckoning_suspect(r) && reckoning_since_boot(r));
	now.wall += 58 * MIN;				/* an hour is counted from the clock as it was then */
	ck_assert(!reckoning_suspect(r));
	now.wall = NOW;
	start_again(kept, true, 2 * HOUR);
	ck_assert(reckoning_suspect(r) && !reckoning_since_boot(r));
	ck_assert_int_eq(reckoning_now(r), NOW);
	now.wall = 0;
	start_again(kept, true, 0);			/* a dead battery */
	ck_assert(reckoning_suspect(r));
	pass(MIN);
	now.wall = NOW + 10 * MIN;			/* and then a reference */
	reckoning_look(r);
	ck_assert(!reckoning_suspect(r) && reckoning_since_boot(r));
	start_again("1800000000000000000 1000000000000 ", true, -30 * 24 * HOUR);	/* kept where boots have no names */
	ck_assert(reckoning_suspect(r) && !reckoning_since_boot(r));
}
END_TEST

START_TEST(test_r12_what_was_not_kept_by_us_is_not_read)
{
	static const char *const wrong[] = {"", "x", "1", "-5 1 boot-1", "1 -5 boot-1", "9223372036854775807 1 boot-1", "1 9223372036854775807 boot-1"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		ck_assert_int_eq(reckoning_begin(r, wrong[i], "boot-1"), -EINVAL);
		ck_assert(!reckoning_suspect(r));
	}
	ck_assert_int_eq(reckoning_begin(r, NULL, ""), 0);
	ck_assert(!reckoning_suspect(r));
}
END_TEST

static int ask(size_t n, const int64_t *off, int64_t *ret)
{
	int64_t told[8];

	for (size_t i = 0; i < n; i++)
		told[i] = reckoning_told((uint64_t)(now.wall + off[i]));
	return reckoning_agents(told, n, ret);
}

START_TEST(test_r12_the_median_of_three_or_more_agents)
{
	static const int64_t two[] = {0, 0}, liar[] = {-YEAR, MIN, 0}, liars[] = {-2 * HOUR, 2 * HOUR, 0, -HOUR, HOUR}, split[] = {0, 0, 2 * HOUR, 2 * HOUR},
		late[] = {6 * MIN, 6 * MIN, 6 * MIN}, split_low[] = {-2 * HOUR, -2 * HOUR, 0, 0};
	int64_t ns = 7;

	ck_assert_int_eq(ask(2, two, &ns), -EAGAIN);
	ck_assert_int_eq(ask(3, liar, &ns), 0);
	ck_assert_int_eq(ns, 0);
	ck_assert_int_eq(ask(5, liars, &ns), 0);
	ck_assert_int_eq(ask(4, split, &ns), -ERANGE);	/* half of them is no median */
	ck_assert_int_eq(ns, 2 * HOUR);
	ck_assert_int_eq(ask(4, split_low, &ns), -ERANGE);
	ck_assert_int_eq(ns, -2 * HOUR);
	ck_assert_int_eq(ask(3, late, &ns), -ERANGE);
	ck_assert_int_eq(ns, 6 * MIN);
}
END_TEST

START_TEST(test_r12_what_agents_told_before_a_step_is_true_after_it)
{
	int64_t told[3], ns;

	for (size_t i = 0; i < 3; i++)
		told[i] = reckoning_told((uint64_t)now.wall);
	pass(HOUR);
	ck_assert_int_eq(reckoning_agents(told, 3, &ns), 0);
	now.wall += 2 * HOUR;
	ck_assert_int_eq(reckoning_agents(told, 3, &ns), -ERANGE);
	ck_assert_int_eq(ns, -2 * HOUR);
	now.wall += 75 * YEAR;
	ck_assert_int_eq(reckoning_agents(told, 3, &ns), -ERANGE);
	ck_assert_int_eq(reckoning_told(0), 0);
	ck_assert_int_eq(reckoning_told(UINT64_MAX), 0);
	ck_assert_int_eq(reckoning_told(INT64_MAX), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("reckoning");
	TCase *t = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_r12_a_step_of_more_than_an_hour_is_suspect);
	tcase_add_test(t, test_r12_steps_that_are_small_each_add_up);
	tcase_add_test(t, test_r12_time_goes_on_by_the_boot_clock_until_somebody_confirms);
	tcase_add_test(t, test_r12_a_restart_of_the_collector_forgets_nothing);
	tcase_add_test(t, test_r12_after_a_start_of_the_machine_the_time_that_was_kept_counts);
	tcase_add_test(t, test_r12_what_was_not_kept_by_us_is_not_read);
	tcase_add_test(t, test_r12_the_median_of_three_or_more_agents);
	tcase_add_test(t, test_r12_what_agents_told_before_a_step_is_true_after_it);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

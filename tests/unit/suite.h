/* suite.h - a program of tests that share one stage: each test has it set up before, and taken down after. */
#ifndef SUITE_H
#define SUITE_H

#include <check.h>

#define T(f) tcase_add_test(tc, f)

/* What main returns. No colon in the name: tests/promises.py parts Check's lines at them. */
static inline int suite_main(const char *name, void (*set_up)(void), void (*tear_down)(void), double seconds, void (*add)(TCase *tc))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner;
	int bad;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, seconds);
	add(tc);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	bad = srunner_ntests_failed(runner);
	srunner_free(runner);
	return bad > 0;
}

#endif

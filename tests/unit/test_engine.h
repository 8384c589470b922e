/* test_engine.h - the engine's unit tests, a file a room. */
#ifndef TEST_ENGINE_H
#define TEST_ENGINE_H

#include <check.h>

TCase *authorise_tests(void);
TCase *jobs_tests(void);
TCase *factor_tests(void);

#endif

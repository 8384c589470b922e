# collector/judge: pure; time and rules are arguments.
noinst_LIBRARIES += collector/judge/libjudge.a
collector_judge_libjudge_a_SOURCES = collector/judge/rule.h collector/judge/rule.c collector/judge/judge.h \
	collector/judge/judge.c collector/judge/names.c collector/judge/room.h collector/judge/track.c collector/judge/silence.c collector/judge/skips.c \
	collector/judge/renew.c collector/judge/incident.h collector/judge/incident.c \
	collector/judge/finding.h collector/judge/finding.c
JUDGE_LIBS = collector/judge/libjudge.a $(BASE_LIBS) -lm

# tests/unit/told.c: what scenes have told.
TOLD = tests/unit/suite.h tests/unit/told.h tests/unit/told.c

# tests/unit/judge_stage.c: scenes of what is measured and what is told.
JUDGE_STAGE = $(TOLD) tests/unit/judge_stage.h tests/unit/judge_stage.c
check_PROGRAMS += tests/unit/test_judge tests/unit/test_judge_silence tests/unit/test_judge_clocks tests/unit/test_judge_renew
TESTS += tests/unit/test_judge tests/unit/test_judge_silence tests/unit/test_judge_clocks tests/unit/test_judge_renew
tests_unit_test_judge_SOURCES = tests/unit/test_judge.c $(JUDGE_STAGE)
tests_unit_test_judge_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_judge_LDADD = $(JUDGE_LIBS) $(CHECK_LIBS)
tests_unit_test_judge_silence_SOURCES = tests/unit/test_judge_silence.c $(JUDGE_STAGE)
tests_unit_test_judge_silence_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_judge_silence_LDADD = $(JUDGE_LIBS) $(CHECK_LIBS)
tests_unit_test_judge_clocks_SOURCES = tests/unit/test_judge_clocks.c $(JUDGE_STAGE)
tests_unit_test_judge_clocks_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_judge_clocks_LDADD = $(JUDGE_LIBS) $(CHECK_LIBS)
tests_unit_test_judge_renew_SOURCES = tests/unit/test_judge_renew.c $(JUDGE_STAGE)
tests_unit_test_judge_renew_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_judge_renew_LDADD = $(JUDGE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_judge_model tests/unit/test_incident
TESTS += tests/unit/test_judge_model tests/unit/test_incident
tests_unit_test_judge_model_SOURCES = tests/unit/test_judge_model.c
tests_unit_test_judge_model_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_judge_model_LDADD = $(JUDGE_LIBS) $(CHECK_LIBS)
tests_unit_test_incident_SOURCES = tests/unit/test_incident.c $(TOLD)
tests_unit_test_incident_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_incident_LDADD = $(JUDGE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/bench/bench_judge
tests_bench_bench_judge_SOURCES = tests/bench/bench_judge.c
tests_bench_bench_judge_LDADD = $(JUDGE_LIBS)

bench-judge: tests/bench/bench_judge
	@tests/bench/bench_judge
.PHONY: bench-judge

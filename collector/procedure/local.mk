# collector/procedure: the procedure as data, who is told; pure but for reading files through lib/conf.h.
noinst_LIBRARIES += collector/procedure/libprocedure.a
collector_procedure_libprocedure_a_SOURCES = collector/procedure/procedure.h collector/procedure/procedure.c \
	collector/procedure/reader.h collector/procedure/rulebook.c collector/procedure/inventory.h \
	collector/procedure/inventory.c collector/procedure/people.h collector/procedure/people.c \
	collector/procedure/escalation.h collector/procedure/escalation.c collector/procedure/calls.h \
	collector/procedure/calls.c collector/procedure/case.h collector/procedure/case.c
PROCEDURE_LIBS = collector/procedure/libprocedure.a $(JUDGE_LIBS) $(CONF_LIBS) $(BASE_LIBS)

proceduredir = $(pkgdatadir)/examples/procedure
dist_procedure_DATA = conf.d/procedure/TWVS-ISMS-B-007.yaml
EXTRA_DIST += doc/checks.md doc/procedure.md

check_PROGRAMS += tests/unit/test_procedure tests/unit/test_people
TESTS += tests/unit/test_procedure tests/unit/test_people
tests_unit_test_procedure_SOURCES = tests/unit/test_procedure.c
tests_unit_test_procedure_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) \
	-DPROCEDURE='"$(abs_top_srcdir)/conf.d/procedure/TWVS-ISMS-B-007.yaml"' -DCHECKS='"$(abs_top_srcdir)/doc/checks.md"' \
	-DMETRICS='"$(abs_top_builddir)/metrics.yaml"'
tests_unit_test_procedure_LDADD = $(PROCEDURE_LIBS) $(CHECK_LIBS)
tests_unit_test_people_SOURCES = tests/unit/test_people.c
tests_unit_test_people_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_people_LDADD = $(PROCEDURE_LIBS) $(CHECK_LIBS)

# tests/unit/escalation_stage.c: scenes of incidents and who is told what.
ESCALATION_STAGE = $(TOLD) tests/unit/escalation_stage.h tests/unit/escalation_stage.c
check_PROGRAMS += tests/unit/test_escalation tests/unit/test_escalation_people tests/unit/test_escalation_restart
TESTS += tests/unit/test_escalation tests/unit/test_escalation_people tests/unit/test_escalation_restart
tests_unit_test_escalation_SOURCES = tests/unit/test_escalation.c $(ESCALATION_STAGE)
tests_unit_test_escalation_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_escalation_LDADD = $(PROCEDURE_LIBS) $(CHECK_LIBS)
tests_unit_test_escalation_people_SOURCES = tests/unit/test_escalation_people.c $(ESCALATION_STAGE)
tests_unit_test_escalation_people_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_escalation_people_LDADD = $(PROCEDURE_LIBS) $(CHECK_LIBS)
tests_unit_test_escalation_restart_SOURCES = tests/unit/test_escalation_restart.c $(ESCALATION_STAGE)
tests_unit_test_escalation_restart_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_escalation_restart_LDADD = $(PROCEDURE_LIBS) $(CHECK_LIBS)

if FUZZING
FUZZERS += tests/fuzz/fuzz_procedure
tests_fuzz_fuzz_procedure_SOURCES = tests/fuzz/fuzz_procedure.c
tests_fuzz_fuzz_procedure_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_procedure_LDADD = $(PROCEDURE_LIBS)
endif

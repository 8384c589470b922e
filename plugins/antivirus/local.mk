# plugins/antivirus
noinst_LIBRARIES += plugins/antivirus/libantivirus.a
plugins_antivirus_libantivirus_a_SOURCES = plugins/antivirus/dates.h plugins/antivirus/dates.c \
	plugins/antivirus/cvd.h plugins/antivirus/cvd.c plugins/antivirus/clamd.h plugins/antivirus/clamd.c \
	plugins/antivirus/clamconf.h plugins/antivirus/clamconf.c plugins/antivirus/logs.h plugins/antivirus/logs.c \
	plugins/antivirus/tail.h plugins/antivirus/tail.c plugins/antivirus/health.h plugins/antivirus/health.c
plugins_antivirus_libantivirus_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
ANTIVIRUS_LIBS = plugins/antivirus/libantivirus.a $(JANSSON_LIBS)

plugin_PROGRAMS += plugins/antivirus/antivirus.so
plugins_antivirus_antivirus_so_SOURCES = plugins/antivirus/antivirus.h plugins/antivirus/antivirus.c \
	plugins/antivirus/clamav.c plugins/antivirus/defender.c plugins/antivirus/detections.c
plugins_antivirus_antivirus_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_antivirus_antivirus_so_LDADD = $(ANTIVIRUS_LIBS)

dist_agentd_DATA += plugins/antivirus/antivirus.yaml
dist_pages_DATA += plugins/antivirus/antivirus.md

check_PROGRAMS += tests/unit/test_antivirus
TESTS += tests/unit/test_antivirus
tests_unit_test_antivirus_SOURCES = tests/unit/test_antivirus.c
tests_unit_test_antivirus_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_antivirus_LDADD = $(ANTIVIRUS_LIBS) $(CHECK_LIBS)

if FUZZING
FUZZERS += tests/fuzz/fuzz_cvd
tests_fuzz_fuzz_cvd_SOURCES = tests/fuzz/fuzz_cvd.c
tests_fuzz_fuzz_cvd_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_cvd_LDADD = $(ANTIVIRUS_LIBS)
endif

# plugins/clock
noinst_LIBRARIES += plugins/clock/libclock.a
plugins_clock_libclock_a_SOURCES = plugins/clock/sntp.h plugins/clock/sntp.c plugins/clock/query.h plugins/clock/query.c \
	plugins/clock/daemon.h plugins/clock/daemon.c
CLOCK_LIBS = plugins/clock/libclock.a -lm

plugin_PROGRAMS += plugins/clock/clock.so
plugins_clock_clock_so_SOURCES = plugins/clock/clock.c
plugins_clock_clock_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_clock_clock_so_LDADD = $(CLOCK_LIBS) -lm

dist_agentd_DATA += plugins/clock/clock.yaml
dist_pages_DATA += plugins/clock/clock.md

check_PROGRAMS += tests/unit/test_clock_plugin
TESTS += tests/unit/test_clock_plugin
tests_unit_test_clock_plugin_SOURCES = tests/unit/test_clock_plugin.c
tests_unit_test_clock_plugin_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_clock_plugin_LDADD = $(CLOCK_LIBS) $(CHECK_LIBS)

if FUZZING
FUZZERS += tests/fuzz/fuzz_sntp
tests_fuzz_fuzz_sntp_SOURCES = tests/fuzz/fuzz_sntp.c
tests_fuzz_fuzz_sntp_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_sntp_LDADD = $(CLOCK_LIBS)
endif

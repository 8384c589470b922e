# plugins/clock
noinst_LTLIBRARIES += plugins/clock/libclock.la
plugins_clock_libclock_la_SOURCES = plugins/clock/sntp.h plugins/clock/sntp.c plugins/clock/query.h plugins/clock/query.c \
	plugins/clock/daemon.h plugins/clock/daemon.c
plugins_clock_libclock_la_CFLAGS = $(PLUGIN_CFLAGS)
plugins_clock_libclock_la_LIBADD = -lm

plugin_LTLIBRARIES += plugins/clock/clock.la
plugins_clock_clock_la_SOURCES = plugins/clock/clock.c
plugins_clock_clock_la_CFLAGS = $(PLUGIN_CFLAGS)
plugins_clock_clock_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_clock_clock_la_LIBADD = plugins/clock/libclock.la -lm

dist_agentd_DATA += plugins/clock/clock.yaml
dist_pages_DATA += plugins/clock/clock.md

check_PROGRAMS += tests/unit/test_clock_plugin
TESTS += tests/unit/test_clock_plugin
tests_unit_test_clock_plugin_SOURCES = tests/unit/test_clock_plugin.c
tests_unit_test_clock_plugin_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_clock_plugin_LDADD = plugins/clock/libclock.la $(CHECK_LIBS)

if FUZZING
FUZZERS += tests/fuzz/fuzz_sntp
tests_fuzz_fuzz_sntp_SOURCES = tests/fuzz/fuzz_sntp.c
tests_fuzz_fuzz_sntp_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_sntp_LDADD = plugins/clock/libclock.la
endif

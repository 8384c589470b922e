# plugins/integrity
noinst_LIBRARIES += plugins/integrity/libintegrity.a
plugins_integrity_libintegrity_a_SOURCES = plugins/integrity/object.h plugins/integrity/object.c \
	plugins/integrity/walk.h plugins/integrity/walk.c plugins/integrity/hash.h plugins/integrity/hash.c \
	plugins/integrity/baseline.h plugins/integrity/baseline.c plugins/integrity/compare.h plugins/integrity/compare.c \
	plugins/integrity/scan.h plugins/integrity/scan.c plugins/integrity/reported.h plugins/integrity/reported.c \
	plugins/integrity/accept.h plugins/integrity/accept.c
plugins_integrity_libintegrity_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
INTEGRITY_LIBS = plugins/integrity/libintegrity.a $(CRYPTO_LIBS)

plugin_PROGRAMS += plugins/integrity/integrity.so
plugins_integrity_integrity_so_SOURCES = plugins/integrity/integrity.c plugins/integrity/event.h plugins/integrity/event.c
plugins_integrity_integrity_so_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
plugins_integrity_integrity_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_integrity_integrity_so_LDADD = $(INTEGRITY_LIBS) $(CRYPTO_LIBS)

dist_agentd_DATA += plugins/integrity/integrity.yaml
dist_pages_DATA += plugins/integrity/integrity.md

check_PROGRAMS += tests/unit/test_integrity
TESTS += tests/unit/test_integrity
tests_unit_test_integrity_SOURCES = tests/unit/test_integrity.c
tests_unit_test_integrity_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_integrity_LDADD = $(INTEGRITY_LIBS) $(CHECK_LIBS)

# Against a bare walk that reads and hashes the same files with as many threads.
check_PROGRAMS += tests/bench/bench_integrity
tests_bench_bench_integrity_SOURCES = tests/bench/bench_integrity.c
tests_bench_bench_integrity_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
tests_bench_bench_integrity_LDADD = $(INTEGRITY_LIBS) $(CRYPTO_LIBS)

bench-integrity: tests/bench/bench_integrity
	@tests/bench/bench_integrity /usr
.PHONY: bench-integrity

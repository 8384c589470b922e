# collector/audit: the journal's bytes, and who checks it without trusting the collector.
noinst_LIBRARIES += collector/audit/libaudit.a
collector_audit_libaudit_a_SOURCES = collector/audit/entry.h collector/audit/entry.c collector/audit/checkpoint.h collector/audit/checkpoint.c \
	collector/audit/journal.h collector/audit/journal.c
collector_audit_libaudit_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
AUDIT_LIBS = collector/audit/libaudit.a $(CRYPTO_LIBS)

bin_PROGRAMS += collector/audit/beadle-audit-verify
collector_audit_beadle_audit_verify_SOURCES = collector/audit/verify.c
collector_audit_beadle_audit_verify_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
collector_audit_beadle_audit_verify_LDFLAGS = $(PROGRAM_LDFLAGS)
collector_audit_beadle_audit_verify_LDADD = $(AUDIT_LIBS) $(BASE_LIBS)

check_PROGRAMS += tests/unit/test_audit
TESTS += tests/unit/test_audit
tests_unit_test_audit_SOURCES = tests/unit/test_audit.c
tests_unit_test_audit_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_audit_LDADD = $(AUDIT_LIBS) $(CHECK_LIBS)

if FUZZING
FUZZERS += tests/fuzz/fuzz_entry
tests_fuzz_fuzz_entry_SOURCES = tests/fuzz/fuzz_entry.c
tests_fuzz_fuzz_entry_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_entry_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_entry_LDADD = $(AUDIT_LIBS)
endif

# collector/identity: the signer, alone with the CA key.
noinst_LTLIBRARIES += collector/identity/libidentity.la
collector_identity_libidentity_la_SOURCES = collector/identity/ca.h collector/identity/ca.c \
	collector/identity/office.h collector/identity/office.c
collector_identity_libidentity_la_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
collector_identity_libidentity_la_LIBADD = lib/libtls.la $(CRYPTO_LIBS)

pkglibexec_PROGRAMS += collector/identity/beadle-signer
collector_identity_beadle_signer_SOURCES = collector/identity/signer.c
collector_identity_beadle_signer_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) $(PROTOBUF_C_CFLAGS)
collector_identity_beadle_signer_LDFLAGS = $(PROGRAM_LDFLAGS)
collector_identity_beadle_signer_LDADD = collector/identity/libidentity.la lib/libwire.la

check_PROGRAMS += tests/unit/test_identity
TESTS += tests/unit/test_identity
tests_unit_test_identity_SOURCES = tests/unit/test_identity.c
tests_unit_test_identity_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_identity_LDADD = lib/libtls.la $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_signer
TESTS += tests/unit/test_signer
tests_unit_test_signer_SOURCES = tests/unit/test_signer.c
tests_unit_test_signer_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_signer_LDADD = collector/identity/libidentity.la lib/libbase.la $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_renewal
TESTS += tests/unit/test_renewal
tests_unit_test_renewal_SOURCES = tests/unit/test_renewal.c
tests_unit_test_renewal_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_renewal_LDADD = collector/identity/libidentity.la lib/libtls.la lib/libbase.la $(CHECK_LIBS)

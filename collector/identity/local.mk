# collector/identity: the signer, alone with the authority's key and the journal's.
noinst_LIBRARIES += collector/identity/libidentity.a
collector_identity_libidentity_a_SOURCES = collector/identity/office.h collector/identity/office.c \
	collector/identity/tokens.h collector/identity/tokens.c collector/identity/seal.h collector/identity/seal.c
collector_identity_libidentity_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
IDENTITY_LIBS = collector/identity/libidentity.a $(AUTHORITY_LIBS) $(AUDIT_LIBS) $(TLS_LIBS) $(CRYPTO_LIBS)

pkglibexec_PROGRAMS += collector/identity/beadle-signer
collector_identity_beadle_signer_SOURCES = collector/identity/main.c collector/identity/requests.h collector/identity/requests.c
collector_identity_beadle_signer_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) $(PROTOBUF_C_CFLAGS)
collector_identity_beadle_signer_LDFLAGS = $(PROGRAM_LDFLAGS)
collector_identity_beadle_signer_LDADD = $(IDENTITY_LIBS) $(WIRE_LIBS) $(CONFINE_LIBS)

# tests/unit/impostor.c: certificates that are wrong in one thing each, and who shows them.
IMPOSTOR = tests/unit/suite.h tests/unit/impostor.h tests/unit/impostor.c
check_PROGRAMS += tests/unit/test_identity tests/unit/test_identity_protocol
TESTS += tests/unit/test_identity tests/unit/test_identity_protocol
tests_unit_test_identity_SOURCES = tests/unit/test_identity.c $(IMPOSTOR)
tests_unit_test_identity_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_identity_LDADD = $(TLS_LIBS) $(CHECK_LIBS)
tests_unit_test_identity_protocol_SOURCES = tests/unit/test_identity_protocol.c $(IMPOSTOR)
tests_unit_test_identity_protocol_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_identity_protocol_LDADD = $(TLS_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_signer
TESTS += tests/unit/test_signer
tests_unit_test_signer_SOURCES = tests/unit/test_signer.c
tests_unit_test_signer_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_signer_LDADD = $(IDENTITY_LIBS) $(BASE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_seal
TESTS += tests/unit/test_seal
tests_unit_test_seal_SOURCES = tests/unit/test_seal.c
tests_unit_test_seal_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_seal_LDADD = $(IDENTITY_LIBS) $(BASE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_tokens
TESTS += tests/unit/test_tokens
tests_unit_test_tokens_SOURCES = tests/unit/test_tokens.c
tests_unit_test_tokens_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_tokens_LDADD = $(IDENTITY_LIBS) $(TLS_LIBS) $(BASE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_renewal
TESTS += tests/unit/test_renewal
tests_unit_test_renewal_SOURCES = tests/unit/test_renewal.c
tests_unit_test_renewal_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_renewal_LDADD = $(IDENTITY_LIBS) $(TLS_LIBS) $(BASE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_authority
TESTS += tests/unit/test_authority
tests_unit_test_authority_SOURCES = tests/unit/test_authority.c
tests_unit_test_authority_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_authority_LDADD = $(IDENTITY_LIBS) $(TLS_LIBS) $(BASE_LIBS) $(CHECK_LIBS)

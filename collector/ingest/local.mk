# collector/ingest: connections in, batches out; and the program that joins the rooms.
noinst_LIBRARIES += collector/ingest/libingest.a
collector_ingest_libingest_a_SOURCES = collector/ingest/connection.h collector/ingest/connection.c \
	collector/ingest/credit.h collector/ingest/credit.c \
	collector/ingest/decode.h collector/ingest/decode.c collector/ingest/digest.h collector/ingest/digest.c \
	collector/ingest/gate.h collector/ingest/gate.c \
	collector/ingest/ingest.h collector/ingest/ingest.c collector/ingest/numbers.h collector/ingest/numbers.c \
	collector/ingest/renew.c collector/ingest/session.h collector/ingest/session.c collector/ingest/worker.h collector/ingest/worker.c
collector_ingest_libingest_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(SSL_CFLAGS) $(PROTOBUF_C_CFLAGS)
INGEST_LIBS = collector/ingest/libingest.a $(STORE_LIBS) $(TLS_LIBS) $(WIRE_LIBS) $(BASE_LIBS) \
	$(EVENT_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS)

pkglibexec_PROGRAMS += collector/beadle-collect
collector_beadle_collect_SOURCES = collector/main.c collector/config.h collector/config.c collector/listen.h collector/listen.c
collector_beadle_collect_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(SSL_CFLAGS) $(PROTOBUF_C_CFLAGS)
collector_beadle_collect_LDFLAGS = $(PROGRAM_LDFLAGS)
collector_beadle_collect_LDADD = $(ENGINE_LIBS) $(ENROL_LIBS) $(JUDGE_LIBS) $(PROCEDURE_LIBS) \
	$(INGEST_LIBS) $(STORE_LIBS) $(TLS_LIBS) $(WIRE_LIBS) \
	$(CONF_LIBS) $(CONFINE_LIBS) $(BASE_LIBS) $(EVENT_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/test_ingest
TESTS += tests/unit/test_ingest
tests_unit_test_ingest_SOURCES = tests/unit/test_ingest.c
tests_unit_test_ingest_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_ingest_LDADD = $(INGEST_LIBS) $(CHECK_LIBS)

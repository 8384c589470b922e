# collector/ingest: connections in, batches out; and the program that joins the rooms.
noinst_LTLIBRARIES += collector/ingest/libingest.la
collector_ingest_libingest_la_SOURCES = collector/ingest/connection.h collector/ingest/connection.c \
	collector/ingest/decode.h collector/ingest/decode.c collector/ingest/digest.h collector/ingest/digest.c \
	collector/ingest/gate.h collector/ingest/gate.c \
	collector/ingest/ingest.h collector/ingest/ingest.c collector/ingest/numbers.h collector/ingest/numbers.c \
	collector/ingest/renew.c collector/ingest/session.h collector/ingest/session.c collector/ingest/worker.h collector/ingest/worker.c
collector_ingest_libingest_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(SSL_CFLAGS) $(PROTOBUF_C_CFLAGS)
collector_ingest_libingest_la_LIBADD = collector/store/libstore.la lib/libtls.la lib/libwire.la lib/libbase.la \
	$(EVENT_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS)

pkglibexec_PROGRAMS += collector/beadle-collect
collector_beadle_collect_SOURCES = collector/main.c collector/config.h collector/config.c collector/listen.h collector/listen.c
collector_beadle_collect_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(SSL_CFLAGS) $(PROTOBUF_C_CFLAGS)
collector_beadle_collect_LDFLAGS = $(PROGRAM_LDFLAGS)
collector_beadle_collect_LDADD = collector/engine/libengine.la collector/judge/libjudge.la collector/procedure/libprocedure.la \
	collector/ingest/libingest.la collector/store/libstore.la lib/libtls.la lib/libwire.la \
	lib/libconf.la lib/libbase.la $(EVENT_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/test_ingest
TESTS += tests/unit/test_ingest
tests_unit_test_ingest_SOURCES = tests/unit/test_ingest.c
tests_unit_test_ingest_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_ingest_LDADD = collector/ingest/libingest.la $(CHECK_LIBS)

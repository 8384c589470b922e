# collector/watch: looks at a collector from another server.
noinst_LIBRARIES += collector/watch/libwatch.a
collector_watch_libwatch_a_SOURCES = collector/watch/look.h collector/watch/look.c collector/watch/own.h collector/watch/own.c \
	collector/watch/settings.h collector/watch/settings.c \
	collector/watch/watch.h collector/watch/watch.c collector/watch/words.h collector/watch/words.c
collector_watch_libwatch_a_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS) $(CURL_CFLAGS) $(PROTOBUF_C_CFLAGS)
WATCH_LIBS = collector/watch/libwatch.a $(NOTIFY_LIBS) $(TLS_LIBS) $(WIRE_LIBS) $(CONF_LIBS) $(BASE_LIBS)

pkglibexec_PROGRAMS += collector/watch/beadle-watch
collector_watch_beadle_watch_SOURCES = collector/watch/main.c
collector_watch_beadle_watch_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(PROTOBUF_C_CFLAGS)
collector_watch_beadle_watch_LDFLAGS = $(PROGRAM_LDFLAGS)
collector_watch_beadle_watch_LDADD = $(WATCH_LIBS)

check_PROGRAMS += tests/unit/test_watch
TESTS += tests/unit/test_watch
tests_unit_test_watch_SOURCES = tests/unit/test_watch.c
tests_unit_test_watch_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_watch_LDADD = $(WATCH_LIBS) $(CHECK_LIBS)

# collector/web: beadle-web, the only program that parses browsers' bytes.
noinst_LIBRARIES += collector/web/libweb.a
collector_web_libweb_a_SOURCES = collector/web/head.h collector/web/head.c collector/web/headers.h collector/web/door.h collector/web/door.c \
	collector/web/context.c collector/web/place.h collector/web/place.c \
	collector/web/ask.h collector/web/ask.c collector/web/stream.h collector/web/stream.c collector/web/files.h collector/web/files.c \
	collector/web/renew.h collector/web/renew.c \
	collector/web/routes.h collector/web/routes.c collector/web/json.h collector/web/json.c collector/web/site.h collector/web/site.c
collector_web_libweb_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(SSL_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS) $(PROTOBUF_C_CFLAGS)
WEB_LIBS = collector/web/libweb.a $(TLS_LIBS) $(WIRE_LIBS) $(BASE_LIBS) $(EVENT_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(MHD_LIBS) $(JANSSON_LIBS)

pkglibexec_PROGRAMS += collector/web/beadle-web
collector_web_beadle_web_SOURCES = collector/web/main.c
collector_web_beadle_web_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(SSL_CFLAGS)
collector_web_beadle_web_LDFLAGS = $(PROGRAM_LDFLAGS)
collector_web_beadle_web_LDADD = $(WEB_LIBS) $(CONFINE_LIBS)

check_PROGRAMS += tests/unit/test_web
TESTS += tests/unit/test_web
tests_unit_test_web_SOURCES = tests/unit/test_web.c
tests_unit_test_web_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_web_LDADD = $(WEB_LIBS) $(CHECK_LIBS)

if FUZZING
FUZZERS += tests/fuzz/fuzz_head
tests_fuzz_fuzz_head_SOURCES = tests/fuzz/fuzz_head.c
tests_fuzz_fuzz_head_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_head_LDADD = $(WEB_LIBS)
endif

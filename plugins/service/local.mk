# plugins/service
noinst_LTLIBRARIES += plugins/service/libservice.la
plugins_service_libservice_la_SOURCES = plugins/service/free.h plugins/service/words.h plugins/service/words.c \
	plugins/service/targets.h plugins/service/targets.c plugins/service/processes.h plugins/service/processes.c \
	plugins/service/endpoints.h plugins/service/endpoints.c
plugins_service_libservice_la_CFLAGS = $(PLUGIN_CFLAGS)

plugin_LTLIBRARIES += plugins/service/service.la
plugins_service_service_la_SOURCES = plugins/service/service.c plugins/service/units.h plugins/service/units.c
plugins_service_service_la_CFLAGS = $(PLUGIN_CFLAGS) $(SYSTEMD_CFLAGS)
plugins_service_service_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_service_service_la_LIBADD = plugins/service/libservice.la $(SYSTEMD_LIBS)

dist_agentd_DATA += plugins/service/service.yaml
dist_pages_DATA += plugins/service/service.md

check_PROGRAMS += tests/unit/test_service
TESTS += tests/unit/test_service
tests_unit_test_service_SOURCES = tests/unit/test_service.c
tests_unit_test_service_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_service_LDADD = plugins/service/libservice.la $(CHECK_LIBS)

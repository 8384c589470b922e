# plugins/service
noinst_LIBRARIES += plugins/service/libservice.a
plugins_service_libservice_a_SOURCES = plugins/service/free.h plugins/service/words.h plugins/service/words.c \
	plugins/service/targets.h plugins/service/targets.c plugins/service/processes.h plugins/service/processes.c \
	plugins/service/endpoints.h plugins/service/endpoints.c
SERVICE_LIBS = plugins/service/libservice.a

plugin_PROGRAMS += plugins/service/service.so
plugins_service_service_so_SOURCES = plugins/service/service.c plugins/service/units.h plugins/service/units.c
plugins_service_service_so_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
plugins_service_service_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_service_service_so_LDADD = $(SERVICE_LIBS) $(SYSTEMD_LIBS)

dist_agentd_DATA += plugins/service/service.yaml
dist_pages_DATA += plugins/service/service.md

check_PROGRAMS += tests/unit/test_service
TESTS += tests/unit/test_service
tests_unit_test_service_SOURCES = tests/unit/test_service.c
tests_unit_test_service_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_service_LDADD = $(SERVICE_LIBS) $(CHECK_LIBS)

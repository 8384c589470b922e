# plugins/system
noinst_LTLIBRARIES += plugins/system/libsystem.la
plugins_system_libsystem_la_SOURCES = plugins/system/kernel.h plugins/system/kernel.c plugins/system/sensors.h \
	plugins/system/sensors.c plugins/system/health.h plugins/system/health.c
plugins_system_libsystem_la_CFLAGS = $(PLUGIN_CFLAGS)

plugin_LTLIBRARIES += plugins/system/system.la
plugins_system_system_la_SOURCES = plugins/system/system.c plugins/system/smart.h plugins/system/smart.c
plugins_system_system_la_CFLAGS = $(PLUGIN_CFLAGS)
plugins_system_system_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_system_system_la_LIBADD = plugins/system/libsystem.la

dist_agentd_DATA += plugins/system/system.yaml
dist_pages_DATA += plugins/system/system.md

check_PROGRAMS += tests/unit/test_system
TESTS += tests/unit/test_system
tests_unit_test_system_SOURCES = tests/unit/test_system.c
tests_unit_test_system_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_system_LDADD = plugins/system/libsystem.la $(CHECK_LIBS)

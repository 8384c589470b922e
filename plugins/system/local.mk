# plugins/system
noinst_LIBRARIES += plugins/system/libsystem.a
plugins_system_libsystem_a_SOURCES = plugins/system/kernel.h plugins/system/kernel.c plugins/system/sensors.h \
	plugins/system/sensors.c plugins/system/health.h plugins/system/health.c
SYSTEM_LIBS = plugins/system/libsystem.a

plugin_PROGRAMS += plugins/system/system.so
plugins_system_system_so_SOURCES = plugins/system/system.c plugins/system/smart.h plugins/system/smart.c
plugins_system_system_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_system_system_so_LDADD = $(SYSTEM_LIBS)

dist_agentd_DATA += plugins/system/system.yaml
dist_pages_DATA += plugins/system/system.md

check_PROGRAMS += tests/unit/test_system
TESTS += tests/unit/test_system
tests_unit_test_system_SOURCES = tests/unit/test_system.c
tests_unit_test_system_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_system_LDADD = $(SYSTEM_LIBS) $(CHECK_LIBS)

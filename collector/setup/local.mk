# collector/setup: before a collector serves: reads what its launcher must know, checks all files, makes folders and identities.
noinst_LIBRARIES += collector/setup/libsetup.a
collector_setup_libsetup_a_SOURCES = collector/setup/settings_file.h collector/setup/settings_file.c \
	collector/setup/folders.h collector/setup/folders.c
SETUP_LIBS = collector/setup/libsetup.a collector/launcher/liblauncher.a $(CONF_LIBS) $(CONFINE_LIBS) $(BASE_LIBS)

pkglibexec_PROGRAMS += collector/setup/beadle-setup
collector_setup_beadle_setup_SOURCES = collector/setup/main.c
collector_setup_beadle_setup_LDFLAGS = $(PROGRAM_LDFLAGS)
collector_setup_beadle_setup_LDADD = $(SETUP_LIBS)

check_PROGRAMS += tests/unit/test_setup
TESTS += tests/unit/test_setup
tests_unit_test_setup_SOURCES = tests/unit/test_setup.c
tests_unit_test_setup_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_setup_LDADD = $(SETUP_LIBS) $(CHECK_LIBS)

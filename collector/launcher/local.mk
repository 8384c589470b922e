# collector/launcher: opens the doors and starts the others.
noinst_LIBRARIES += collector/launcher/liblauncher.a
collector_launcher_liblauncher_a_SOURCES = collector/launcher/launcher.h \
	collector/launcher/children.h collector/launcher/children.c collector/launcher/doors.h collector/launcher/doors.c \
	collector/launcher/folders.h collector/launcher/folders.c \
	collector/launcher/settings.h collector/launcher/settings.c
LAUNCHER_LIBS = collector/launcher/liblauncher.a $(CONF_LIBS) lib/libconfine.a $(BASE_LIBS)

sbin_PROGRAMS += collector/launcher/beadle-collector
collector_launcher_beadle_collector_SOURCES = collector/launcher/main.c
collector_launcher_beadle_collector_LDFLAGS = $(PROGRAM_LDFLAGS)
collector_launcher_beadle_collector_LDADD = $(LAUNCHER_LIBS)

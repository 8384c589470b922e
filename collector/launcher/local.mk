# collector/launcher: opens the doors and starts the others. It parses nothing.
noinst_LIBRARIES += collector/launcher/liblauncher.a
collector_launcher_liblauncher_a_SOURCES = collector/launcher/launcher.h \
	collector/launcher/children.h collector/launcher/children.c collector/launcher/doors.h collector/launcher/doors.c \
	collector/launcher/settings.h collector/launcher/settings.c collector/launcher/users.h collector/launcher/users.c

sbin_PROGRAMS += collector/launcher/beadle-collector
collector_launcher_beadle_collector_SOURCES = collector/launcher/main.c
collector_launcher_beadle_collector_LDFLAGS = $(PROGRAM_LDFLAGS)
collector_launcher_beadle_collector_LDADD = collector/launcher/liblauncher.a $(CONFINE_LIBS)

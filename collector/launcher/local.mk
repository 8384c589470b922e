# collector/launcher: opens the doors and starts the others.
noinst_LTLIBRARIES += collector/launcher/liblauncher.la
collector_launcher_liblauncher_la_SOURCES = collector/launcher/launcher.h \
	collector/launcher/children.h collector/launcher/children.c collector/launcher/doors.h collector/launcher/doors.c \
	collector/launcher/folders.h collector/launcher/folders.c \
	collector/launcher/settings.h collector/launcher/settings.c
collector_launcher_liblauncher_la_LIBADD = lib/libconf.la lib/libbase.la

sbin_PROGRAMS += collector/launcher/beadle-collector
collector_launcher_beadle_collector_SOURCES = collector/launcher/main.c
collector_launcher_beadle_collector_LDFLAGS = $(PROGRAM_LDFLAGS)
collector_launcher_beadle_collector_LDADD = collector/launcher/liblauncher.la

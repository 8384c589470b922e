# plugins/disk
noinst_LTLIBRARIES += plugins/disk/libdisk.la
plugins_disk_libdisk_la_CFLAGS = $(PLUGIN_CFLAGS)
plugins_disk_libdisk_la_SOURCES = plugins/disk/mounts.h plugins/disk/mounts.c plugins/disk/fstab.c \
	plugins/disk/writable.h plugins/disk/writable.c

plugin_LTLIBRARIES += plugins/disk/disk.la
plugins_disk_disk_la_SOURCES = plugins/disk/disk.c
plugins_disk_disk_la_CFLAGS = $(PLUGIN_CFLAGS)
plugins_disk_disk_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_disk_disk_la_LIBADD = plugins/disk/libdisk.la

dist_agentd_DATA += plugins/disk/disk.yaml
dist_pages_DATA += plugins/disk/disk.md

check_PROGRAMS += tests/unit/test_disk
TESTS += tests/unit/test_disk
tests_unit_test_disk_SOURCES = tests/unit/test_disk.c
tests_unit_test_disk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_disk_LDADD = plugins/disk/libdisk.la $(CHECK_LIBS)

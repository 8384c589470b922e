# plugins/disk
noinst_LIBRARIES += plugins/disk/libdisk.a
plugins_disk_libdisk_a_SOURCES = plugins/disk/mounts.h plugins/disk/mounts.c plugins/disk/fstab.c \
	plugins/disk/writable.h plugins/disk/writable.c
DISK_LIBS = plugins/disk/libdisk.a

plugin_PROGRAMS += plugins/disk/disk.so
plugins_disk_disk_so_SOURCES = plugins/disk/disk.c
plugins_disk_disk_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_disk_disk_so_LDADD = $(DISK_LIBS)

dist_agentd_DATA += plugins/disk/disk.yaml
dist_pages_DATA += plugins/disk/disk.md

check_PROGRAMS += tests/unit/test_disk
TESTS += tests/unit/test_disk
tests_unit_test_disk_SOURCES = tests/unit/test_disk.c
tests_unit_test_disk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_disk_LDADD = $(DISK_LIBS) $(CHECK_LIBS)

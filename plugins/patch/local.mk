# plugins/patch
noinst_LIBRARIES += plugins/patch/libpatch.a
plugins_patch_libpatch_a_SOURCES = plugins/patch/updates.h plugins/patch/updates.c plugins/patch/pending.h plugins/patch/pending.c \
	plugins/patch/fingerprint.h plugins/patch/fingerprint.c plugins/patch/support.h plugins/patch/support.c \
	plugins/patch/reboot.h plugins/patch/reboot.c plugins/patch/history.h plugins/patch/history.c
PATCH_LIBS = plugins/patch/libpatch.a

plugin_PROGRAMS += plugins/patch/patch.so
plugins_patch_patch_so_SOURCES = plugins/patch/patch.h plugins/patch/patch.c plugins/patch/apt.c plugins/patch/dnf.c
plugins_patch_patch_so_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_patch_patch_so_LDADD = $(PATCH_LIBS)

dist_agentd_DATA += plugins/patch/patch.yaml
dist_pages_DATA += plugins/patch/patch.md

check_PROGRAMS += tests/unit/test_patch
TESTS += tests/unit/test_patch
tests_unit_test_patch_SOURCES = tests/unit/test_patch.c
tests_unit_test_patch_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_patch_LDADD = $(PATCH_LIBS) $(CHECK_LIBS)
